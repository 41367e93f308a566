/* xstate.c - the extended state of processors in signal frames: x87 and SSE as
 * FXSAVE has them, then what XSAVE adds (AVX, AVX-512 and so on), each
 * component at an offset of the processor's own choice. Sources: Intel SDM
 * volume 1, chapter 13; Linux, arch/x86/include/uapi/asm/sigcontext.h.
 *
 * What moves from one processor to another is the components that are in use; a
 * component in its initial state is as good as none.
 */
#include "../arch.h"
#include "cpu.h"

#include <string.h>

#define FRAME_MAGIC 0x46505853u     /* FP_XSTATE_MAGIC1, of the frame */
#define FRAME_END_MAGIC 0x46505845u /* FP_XSTATE_MAGIC2, after it */
#define HEADER 512                  /* XSAVE's header: which components */
#define COMPONENTS 576              /* behind it */
#define ALWAYS 3ull                 /* x87 and SSE */
#define KEYS 9                      /* protection keys for user pages */
#define KEYS_OF_LINUX 0x55555554u   /* what every program begins with */

/* struct _fpx_sw_bytes */
struct frame_words {
  uint32_t magic, extended_size;
  uint64_t features;
  uint32_t size, padding[7];
};

static char *area_of(const ucontext_t *context) {
  return (char *)context->uc_mcontext.fpregs;
}

static struct frame_words *words_of(char *area) {
  return (struct frame_words *)(void *)(area + 464);
}

static uint64_t *components_of(char *area) {
  return (uint64_t *)(void *)(area + HEADER);
}

uint64_t arch_xstate_features(void) {
  uint32_t a = 1, b, c = 0, d;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  if (!(c & 1u << 27)) /* OSXSAVE */
    return 0;
  __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
  return (uint64_t)d << 32 | a;
}

uint32_t arch_xstate_size(const ucontext_t *context) {
  char *area = area_of(context);
  if (!area)
    return 0;
  const struct frame_words *words = words_of(area);
  return words->magic == FRAME_MAGIC ? words->extended_size : 512;
}

void arch_xstate_look(struct arch_xstate *here) {
  memset(here, 0, sizeof *here);
  here->features = arch_xstate_features();
  for (unsigned i = 2; i < ARCH_XSTATE_PARTS; i++) {
    uint32_t part[4];
    if (!(here->features >> i & 1))
      continue;
    arch_cpuid(13, i, part);
    here->length[i] = part[0];
    here->offset[i] = part[1];
  }
  here->features |= ALWAYS;
}

/* The component's bytes say nothing: they are as at the start of a program. */
static bool is_initial(const char *bytes, uint32_t length, unsigned component) {
  uint32_t keys = 0;
  if (component == KEYS && length >= sizeof keys) {
    memcpy(&keys, bytes, sizeof keys);
    return keys == 0 || keys == KEYS_OF_LINUX;
  }
  for (uint32_t i = 0; i < length; i++)
    if (bytes[i])
      return false;
  return true;
}

uint64_t arch_xstate_used(const struct arch_xstate *here, ucontext_t *context) {
  char *area = area_of(context);
  if (!area || words_of(area)->magic != FRAME_MAGIC ||
      words_of(area)->size < COMPONENTS)
    return ALWAYS;
  uint64_t *components = components_of(area);
  uint64_t used = ALWAYS;
  for (unsigned i = 2; i < 64; i++) {
    if (!(*components >> i & 1))
      continue;
    bool known = i < ARCH_XSTATE_PARTS && here->offset[i] &&
                 here->offset[i] + here->length[i] <= words_of(area)->size;
    if (!known || !is_initial(area + here->offset[i], here->length[i], i))
      used |= 1ull << i;
    else if (i != KEYS)
      *components &= ~(1ull << i);
  }
  return used;
}

void arch_xstate_fit(const struct arch_xstate *here, ucontext_t *context) {
  char *area = area_of(context);
  if (!area || words_of(area)->magic != FRAME_MAGIC ||
      !(words_of(area)->features & ~here->features))
    return;
  /* The kernel takes no frame that is longer than its own would be. */
  struct frame_words *words = words_of(area);
  uint64_t *components = components_of(area);
  uint32_t size = COMPONENTS, end = FRAME_END_MAGIC;
  *components &= here->features;
  for (unsigned i = 2; i < ARCH_XSTATE_PARTS; i++)
    if (*components >> i & 1 && here->offset[i] + here->length[i] > size)
      size = here->offset[i] + here->length[i];
  if (size > words->size)
    return;
  words->features = *components | ALWAYS;
  words->size = size;
  memcpy(area + size, &end, sizeof end);
}
