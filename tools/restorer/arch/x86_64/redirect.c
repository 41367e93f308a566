/* redirect.c - a program that was restored under another kernel keeps calling
 * the functions of the vdso where they were: there it finds a jump to where
 * they are now, or, of one that this kernel has not, the system call that it
 * stands for. */
#include "../../redirect.h"
#include "../../restorer.h"

#include "../../../../runtime/arch/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define STUB_MAX 24u /* bytes */

/* movabs $address, %rax; jmp *%rax. At the entry of a function rax is free. */
static const unsigned char jump[] = {
    0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0};
#define JUMP_ADDRESS 6
/* mov $number, %eax; syscall; ret. All but one have the call's arguments. */
static const unsigned char call[] = {0xf3, 0x0f, 0x1e, 0xfa, 0xb8, 0,
                                     0,    0,    0,    0x0f, 0x05, 0xc3};
#define CALL_NUMBER 5
/* getrandom: r8 of -1 asks what memory it wants. -ENOSYS: it is not there. Else
 * what it keeps for the caller is left alone. */
static const unsigned char random_call[] = {
    0xf3, 0x0f, 0x1e, 0xfa, 0x49, 0x83, 0xf8, 0xff, 0x74, 0x08, 0xb8, 0,
    0,    0,    0,    0x0f, 0x05, 0xc3, 0xb8, 0xda, 0xff, 0xff, 0xff, 0xc3};
#define RANDOM_NUMBER 11

static const uint32_t numbers[VDSO_FUNCTIONS] = {
    [VDSO_CLOCK_GETTIME] = SYS_clock_gettime,
    [VDSO_GETTIMEOFDAY] = SYS_gettimeofday,
    [VDSO_TIME] = SYS_time,
    [VDSO_GETCPU] = SYS_getcpu,
    [VDSO_CLOCK_GETRES] = SYS_clock_getres,
    [VDSO_GETRANDOM] = SYS_getrandom,
};

/* What a kernel's getrandom keeps for its caller is its own affair, so that is
 * the system call in any case. */
static void write_stub(unsigned char *to, unsigned function, uint64_t now) {
  if (function == VDSO_GETRANDOM) {
    memcpy(to, random_call, sizeof random_call);
    memcpy(to + RANDOM_NUMBER, &numbers[function], sizeof(uint32_t));
  } else if (now) {
    memcpy(to, jump, sizeof jump);
    memcpy(to + JUMP_ADDRESS, &now, sizeof now);
  } else {
    memcpy(to, call, sizeof call);
    memcpy(to + CALL_NUMBER, &numbers[function], sizeof(uint32_t));
  }
}

static bool is_room(const Area *then, unsigned function) {
  uint64_t at = then->functions[function], size = then->end - then->start;
  if (at > size - STUB_MAX)
    return false;
  for (unsigned i = 0; i < then->functions_count; i++)
    if (i != function && then->functions[i] &&
        then->functions[i] + UINT64_C(0) - at < STUB_MAX)
      return false;
  return true;
}

void redirect_functions(const Area *then, const struct cache_range *now) {
  uint32_t functions[VDSO_FUNCTIONS];
  uint64_t size = then->end - then->start;
  vdso_find((const void *)now->begin, now->end - now->begin, functions);
  long result = SYS(mmap, then->start, size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (result != (long)then->start)
    FAIL(HWCKPT_E_ADDRESS, result < 0 ? (int)-result : 0, then->name,
         "in the place of the other kernel's, %llx-%llx",
         (unsigned long long)then->start, (unsigned long long)then->end);
  for (unsigned i = 0; i < then->functions_count && i < VDSO_FUNCTIONS; i++) {
    if (!then->functions[i])
      continue;
    if (!is_room(then, i))
      FAIL(HWCKPT_E_VDSO_CHANGED, 0, then->name,
           "its functions lie too close to each other");
    write_stub((unsigned char *)then->start + then->functions[i], i,
               functions[i] ? now->begin + functions[i] : 0);
  }
  result = SYS(mprotect, then->start, size, PROT_READ | PROT_EXEC);
  if (result < 0)
    FAIL(HWCKPT_E_ADDRESS, (int)-result, then->name, "protect %llx-%llx",
         (unsigned long long)then->start, (unsigned long long)then->end);
}
