/* error.h - one error: which, of what object, with what detail.
 *
 * Filled where the failure happens, printed once at the outermost place (a
 * tool, or the runtime's report). No allocation: the struct is the caller's.
 * Functions return 0 or a negative HWCKPT error number (-HWCKPT_E_...), and
 * fill *error when it is not null. Async-signal-safe.
 */
#ifndef HWCKPT_ERROR_H
#define HWCKPT_ERROR_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

enum hwckpt_code {
  HWCKPT_E_NONE = 0,
#define HWCKPT_ERROR(number, name, what, remedy) HWCKPT_E_##name = number,
#include "errors.def"
#undef HWCKPT_ERROR
};

struct hwckpt_error {
  enum hwckpt_code code;
  int sys_errno;    /* positive errno of the failing call, or 0 */
  char object[512]; /* what it is about: a path, an option, a pid */
  char detail[512]; /* the place: offset, expected and found */
};

/* Fills *error (when not null) and returns -code. detail is a format of
 * hwckpt_format(). */
int hwckpt_fail(struct hwckpt_error *error, enum hwckpt_code code,
                int sys_errno, const char *object, const char *detail, ...)
    __attribute__((format(printf, 5, 6)));

/* Of one that came from another process: its texts end within it. */
void hwckpt_error_end(struct hwckpt_error *error);

/* The catalogue's texts; "" for an unknown code. */
const char *hwckpt_error_what(enum hwckpt_code code);
const char *hwckpt_error_remedy(enum hwckpt_code code);

/* Writes "HWCKPT-E105: checkpoint is damaged: OBJECT: DETAIL (errno text)\n
 *   remedy: ...\n" into buffer, always NUL-terminated; returns its length.
 * `who` is the prefix ("hwckpt", "hwckpt runtime"). */
size_t hwckpt_error_text(const struct hwckpt_error *error, const char *who,
                         char *buffer, size_t size);

/* A small printf for code that may not call libc: %s %d %u %ld %lu %lld %llu
 * %zu %x %lx %llx %p %c %%, width and zero padding for numbers, %.*s. Returns
 * the length written, without the NUL (truncated to size - 1). */
size_t hwckpt_format(char *buffer, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
size_t hwckpt_vformat(char *buffer, size_t size, const char *format,
                      va_list args);

#endif
