/* freestanding.c - what the linked libraries name but never reach here: the
 * restorer has no libc, and memory comes from arena.c. */
#include <stddef.h>

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void free(void *block);
_Noreturn void __stack_chk_fail(void);

void *malloc(size_t size) {
  (void)size;
  __builtin_trap();
}

void *calloc(size_t count, size_t size) {
  (void)count, (void)size;
  __builtin_trap();
}

void *realloc(void *block, size_t size) {
  (void)block, (void)size;
  __builtin_trap();
}

void free(void *block) {
  if (block)
    __builtin_trap();
}

_Noreturn void __stack_chk_fail(void) { __builtin_trap(); }
