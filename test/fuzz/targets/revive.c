/* A thread from a stranger: its record, and the extended state in the frame
 * that it goes on with. It becomes that thread by calls to the kernel alone,
 * and its frame is made one of this processor, whatever it says of itself.
 *
 * What must hold: of memory only the frame and the id that libc keeps change;
 * a frame that is made to fit names no component that this processor has not,
 * and is no longer than one of its own; one that is shorter than it says keeps
 * its length, and the kernel takes no more than x87 and SSE of it. (Where the
 * frame lies checks_before_restore() and the restorer see to.)
 *
 * Input: u16 length of the record, the record, the frame's extended state.
 */
#include "../Inputs/fake_kernel.h"

#include "runtime/arch/arch.h"
#include "runtime/resources/resource.h"
#include "runtime/support/revive.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HERE 7ull /* x87, SSE and AVX, which ends at 832 */
#define END 832u
#define LONGEST 4096u /* of another processor */
#define OWN_ID 5

/* This processor. */
void arch_xstate_look(struct arch_xstate *here) {
  *here = (struct arch_xstate){
      .features = HERE, .offset[2] = 576, .length[2] = 256};
}

void resources_confine(bool on) { (void)on; }
void resources_become(void) {}
_Noreturn void arch_sigreturn(const ucontext_t *context) {
  (void)context;
  abort();
}
long arch_spawn_as(uint64_t flags, int tid, void *stack_top, void *tls,
                   void (*function)(void *), void *argument) {
  (void)flags, (void)tid, (void)stack_top, (void)tls, (void)function,
      (void)argument;
  abort();
}
void arch_set_tls(uint64_t fs, uint64_t gs) { (void)fs, (void)gs; }
void arch_context_set_result(ucontext_t *context, int64_t result) {
  context->uc_mcontext.gregs[REG_RAX] = result;
}

/* Answers of prctl(2) go through pointers for two questions only, which have
 * variables of their own. */
long fake_kernel(long number, const long arguments[6]) {
  if (number == SYS_set_tid_address)
    return OWN_ID;
  if (number == SYS_set_mempolicy &&
      arguments[2] > (long)(8 * sizeof(((Thread *)0)->memory_nodes.bytes) + 1))
    abort();
  return number == SYS_get_mempolicy ? -ENOSYS : 0;
}

static const uint64_t *components(const unsigned char *area) {
  return (const uint64_t *)(const void *)(area + 512);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2)
    return 0;
  size_t length = data[0] | (size_t)data[1] << 8;
  data += 2;
  size -= 2;
  length = length < size ? length : size;
  uint8_t *bytes = malloc(length ? length : 1); /* so that its end is seen */
  memcpy(bytes, data, length);
  Thread thread;
  bool is = revive_decode(bytes, length, &thread);
  free(bytes);
  if (!is)
    return 0;
  data += length;
  size -= length;

  int *kept = malloc(sizeof *kept);
  ucontext_t *frame = calloc(1, sizeof *frame);
  unsigned char *area = NULL, before[LONGEST];
  *kept = thread.tid + (int)(thread.gs_base & 1);
  if (size) { /* what it does not say is 0; else it has none */
    if (posix_memalign((void **)&area, 64, LONGEST))
      abort();
    memset(area, 0, LONGEST);
    memcpy(area, data, size < LONGEST ? size : LONGEST);
    memcpy(before, area, LONGEST);
    frame->uc_mcontext.fpregs = (void *)area;
  }
  thread.frame = (uint64_t)(uintptr_t)frame;
  if (thread.clear_tid)
    thread.clear_tid = (uint64_t)(uintptr_t)kept;
  int was = *kept;
  revive_begin(9);
  revive_become(&thread);
  if (*kept != (thread.clear_tid && was == thread.tid ? OWN_ID : was) ||
      frame->uc_mcontext.gregs[REG_RAX] != (thread.in_save ? 9 : 0))
    abort();
  if (area && memcmp(area + 464, before + 464, 48) != 0) {
    const uint32_t *words = (const uint32_t *)(const void *)(area + 464);
    uint64_t features;
    memcpy(&features, words + 2, sizeof features);
    if (features & ~HERE || *components(area) & ~HERE || words[4] > END)
      abort();
  }
  if (area && (memcmp(area, before, 464) != 0 ||
               memcmp(area + END + 4, before + END + 4, LONGEST - END - 4)))
    abort();
  free(area);
  free(frame);
  free(kept);
  return 0;
}
