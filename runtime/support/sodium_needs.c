/* sodium_needs.c - what the part of libsodium that the runtime has in it
 * (cache/cipher.c) wants from the rest of it, without that rest: which would
 * open files, lock and map memory by libc.
 *
 * Invariant: nothing here is called but sodium_memzero(). */
#include <stddef.h>

void randombytes_buf(void *buffer, size_t length);
_Noreturn void __assert_fail(const char *what, const char *file, unsigned line,
                             const char *function);
_Noreturn void sodium_misuse(void);
void sodium_memzero(void *memory, size_t length);

/* Of the functions that make keys. */
void randombytes_buf(void *buffer, size_t length) {
  (void)buffer, (void)length;
  __builtin_trap();
}

/* Of BLAKE2b, with arguments that we do not have. */
_Noreturn void __assert_fail(const char *what, const char *file, unsigned line,
                             const char *function) {
  (void)what, (void)file, (void)line, (void)function;
  __builtin_trap();
}

/* Of lengths beyond 2^38 bytes. */
void sodium_misuse(void) { __builtin_trap(); }

void sodium_memzero(void *memory, size_t length) {
  __builtin_memset(memory, 0, length);
  __asm__ volatile("" : : "r"(memory) : "memory");
}
