/* error.c - the error catalogue, and the small printf that errors and code
 * without libc share.
 *
 * Invariant: nothing here allocates, locks, calls libc or reads thread-local
 * storage, so an error can be filled and printed from a signal handler, from a
 * stopped program's runtime and from the restorer. Buffers are never
 * overrun and always end in NUL; what does not fit is cut.
 */
#include "error.h"

#include <errno.h>
#include <stdbool.h>

/* ---- the catalogue ---- */

struct catalogue_row {
  enum hwckpt_code code;
  const char *what, *remedy;
};

static const struct catalogue_row catalogue[] = {
#define HWCKPT_ERROR(number, name, what, remedy)                               \
  {HWCKPT_E_##name, what, remedy},
#include "errors.def"
#undef HWCKPT_ERROR
};

static const struct catalogue_row *find_row(enum hwckpt_code code) {
  for (size_t i = 0; i < sizeof(catalogue) / sizeof(catalogue[0]); i++)
    if (catalogue[i].code == code)
      return &catalogue[i];
  return NULL;
}

void hwckpt_error_end(struct hwckpt_error *error) {
  error->object[sizeof error->object - 1] = 0;
  error->detail[sizeof error->detail - 1] = 0;
}

const char *hwckpt_error_what(enum hwckpt_code code) {
  const struct catalogue_row *row = find_row(code);
  return row ? row->what : "";
}

const char *hwckpt_error_remedy(enum hwckpt_code code) {
  const struct catalogue_row *row = find_row(code);
  return row ? row->remedy : "";
}

/* ---- system error numbers ---- */

struct errno_row {
  int number;
  const char *name, *text;
};

#define ERRNO(name, text) {name, #name, text}
static const struct errno_row errno_rows[] = {
    ERRNO(EPERM, "not permitted"),
    ERRNO(ENOENT, "no such file or directory"),
    ERRNO(ESRCH, "no such process"),
    ERRNO(EINTR, "interrupted by a signal"),
    ERRNO(EIO, "input/output error"),
    ERRNO(ENXIO, "no such device or address"),
    ERRNO(E2BIG, "arguments too long"),
    ERRNO(ENOEXEC, "not an executable file"),
    ERRNO(EBADF, "bad file descriptor"),
    ERRNO(ECHILD, "no such child process"),
    ERRNO(EAGAIN, "would block, or out of a resource"),
    ERRNO(ENOMEM, "out of memory"),
    ERRNO(EACCES, "permission denied"),
    ERRNO(EFAULT, "bad address"),
    ERRNO(EBUSY, "device or resource busy"),
    ERRNO(EEXIST, "file exists"),
    ERRNO(EXDEV, "on another file system"),
    ERRNO(ENODEV, "no such device"),
    ERRNO(ENOTDIR, "not a directory"),
    ERRNO(EISDIR, "is a directory"),
    ERRNO(EINVAL, "invalid argument"),
    ERRNO(ENFILE, "too many files open in the system"),
    ERRNO(EMFILE, "too many files open in the process"),
    ERRNO(ENOTTY, "not a terminal"),
    ERRNO(ETXTBSY, "program file is being written or run"),
    ERRNO(EFBIG, "file too large"),
    ERRNO(ENOSPC, "no space left on the device"),
    ERRNO(ESPIPE, "not seekable"),
    ERRNO(EROFS, "file system is read-only"),
    ERRNO(EMLINK, "too many links"),
    ERRNO(EPIPE, "other end is closed"),
    ERRNO(ERANGE, "out of range"),
    ERRNO(EDEADLK, "would deadlock"),
    ERRNO(ENAMETOOLONG, "file name too long"),
    ERRNO(ENOSYS, "kernel lacks this system call"),
    ERRNO(ENOTEMPTY, "directory not empty"),
    ERRNO(ELOOP, "too many symbolic links, or one where none is followed"),
    ERRNO(EPROTO, "protocol error"),
    ERRNO(EOVERFLOW, "value too large"),
    ERRNO(EUSERS, "too many users or namespaces"),
    ERRNO(EOPNOTSUPP, "not supported"),
    ERRNO(ENOTCONN, "not connected"),
    ERRNO(ETIMEDOUT, "timed out"),
    ERRNO(ESTALE, "file is gone from its server"),
    ERRNO(EDQUOT, "disk quota used up"),
};

/* ---- the small printf ---- */

struct output {
  char *at;
  size_t size, length;
};

static void put_char(struct output *out, char c) {
  if (out->length + 1 < out->size)
    out->at[out->length++] = c;
}

static void put_fill(struct output *out, char c, int count) {
  for (int i = 0; i < count && out->length + 1 < out->size; i++)
    put_char(out, c);
}

/* One conversion as written: %[-0][width][.precision][l|ll|z]letter. */
struct conversion {
  bool left, zero;
  int width, precision; /* precision -1: none */
  enum { SIZE_INT, SIZE_LONG, SIZE_LONG_LONG } size;
  char letter;
};

static const char *parse_number(const char *format, int *number,
                                va_list *args) {
  if (*format == '*') {
    *number = va_arg(*args, int);
    return format + 1;
  }
  *number = 0;
  while (*format >= '0' && *format <= '9') {
    if (*number < 100000)
      *number = *number * 10 + (*format - '0');
    format++;
  }
  return format;
}

static const char *parse_conversion(const char *format, struct conversion *c,
                                    va_list *args) {
  *c = (struct conversion){.precision = -1};
  for (;; format++) {
    if (*format == '-')
      c->left = true;
    else if (*format == '0')
      c->zero = true;
    else
      break;
  }
  format = parse_number(format, &c->width, args);
  if (c->width < 0) {
    c->left = true;
    c->width = c->width > -100000 ? -c->width : 0;
  }
  if (*format == '.')
    format = parse_number(format + 1, &c->precision, args);
  if (*format == 'z') {
    c->size = SIZE_LONG; /* so is size_t here, see below */
    format++;
  } else if (*format == 'l') {
    c->size = SIZE_LONG;
    if (*++format == 'l') {
      c->size = SIZE_LONG_LONG;
      format++;
    }
  }
  c->letter = *format;
  return *format ? format + 1 : format;
}

static void put_text(struct output *out, const struct conversion *c,
                     const char *text) {
  if (!text)
    text = "(null)";
  int length = 0;
  while ((c->precision < 0 || length < c->precision) && text[length])
    length++;
  if (!c->left)
    put_fill(out, ' ', c->width - length);
  for (int i = 0; i < length; i++)
    put_char(out, text[i]);
  if (c->left)
    put_fill(out, ' ', c->width - length);
}

static void put_number(struct output *out, const struct conversion *c,
                       unsigned long long value, unsigned base,
                       const char *sign) {
  char digits[20]; /* 2^64 - 1 has 20 decimal digits */
  int count = 0, sign_length = 0;
  do {
    digits[count++] = "0123456789abcdef"[value % base];
    value /= base;
  } while (value);
  while (sign[sign_length])
    sign_length++;

  int fill = c->width - count - sign_length;
  if (!c->left && !c->zero)
    put_fill(out, ' ', fill);
  for (int i = 0; i < sign_length; i++)
    put_char(out, sign[i]);
  if (!c->left && c->zero)
    put_fill(out, '0', fill);
  while (count > 0)
    put_char(out, digits[--count]);
  if (c->left)
    put_fill(out, ' ', fill);
}

_Static_assert(sizeof(size_t) == sizeof(long), "%zu is taken as %lu");

static long long take_signed(const struct conversion *c, va_list *args) {
  switch (c->size) {
  case SIZE_LONG:
    return va_arg(*args, long);
  case SIZE_LONG_LONG:
    return va_arg(*args, long long);
  default:
    return va_arg(*args, int);
  }
}

static unsigned long long take_unsigned(const struct conversion *c,
                                        va_list *args) {
  switch (c->size) {
  case SIZE_LONG:
    return va_arg(*args, unsigned long);
  case SIZE_LONG_LONG:
    return va_arg(*args, unsigned long long);
  default:
    return va_arg(*args, unsigned);
  }
}

static void put_conversion(struct output *out, const struct conversion *c,
                           va_list *args) {
  switch (c->letter) {
  case 's':
    put_text(out, c, va_arg(*args, const char *));
    break;
  case 'c':
    put_char(out, (char)va_arg(*args, int));
    break;
  case 'd':
  case 'i': {
    long long value = take_signed(c, args);
    unsigned long long magnitude =
        value < 0 ? -(unsigned long long)value : (unsigned long long)value;
    put_number(out, c, magnitude, 10, value < 0 ? "-" : "");
    break;
  }
  case 'u':
    put_number(out, c, take_unsigned(c, args), 10, "");
    break;
  case 'x':
    put_number(out, c, take_unsigned(c, args), 16, "");
    break;
  case 'p':
    put_number(out, c, (uintptr_t)va_arg(*args, void *), 16, "0x");
    break;
  case '%':
    put_char(out, '%');
    break;
  default: /* shown as it stands: a wrong format must not hide the rest */
    put_char(out, '%');
    if (c->letter)
      put_char(out, c->letter);
  }
}

size_t hwckpt_vformat(char *buffer, size_t size, const char *format,
                      va_list args) {
  if (size == 0)
    return 0;
  struct output out = {buffer, size, 0};
  va_list rest;
  va_copy(rest, args);
  while (*format) {
    if (*format != '%') {
      put_char(&out, *format++);
      continue;
    }
    struct conversion conversion;
    format = parse_conversion(format + 1, &conversion, &rest);
    put_conversion(&out, &conversion, &rest);
  }
  va_end(rest);
  buffer[out.length] = '\0';
  return out.length;
}

size_t hwckpt_format(char *buffer, size_t size, const char *format, ...) {
  va_list args;
  va_start(args, format);
  size_t length = hwckpt_vformat(buffer, size, format, args);
  va_end(args);
  return length;
}

/* ---- errors ---- */

int hwckpt_fail(struct hwckpt_error *error, enum hwckpt_code code,
                int sys_errno, const char *object, const char *detail, ...) {
  if (error) {
    error->code = code;
    error->sys_errno = sys_errno;
    hwckpt_format(error->object, sizeof(error->object), "%s",
                  object ? object : "");
    va_list args;
    va_start(args, detail);
    hwckpt_vformat(error->detail, sizeof(error->detail), detail ? detail : "",
                   args);
    va_end(args);
  }
  return -(int)code;
}

static size_t put_errno(char *buffer, size_t size, int number) {
  for (size_t i = 0; i < sizeof(errno_rows) / sizeof(errno_rows[0]); i++)
    if (errno_rows[i].number == number)
      return hwckpt_format(buffer, size, " (%s: %s)", errno_rows[i].name,
                           errno_rows[i].text);
  return hwckpt_format(buffer, size, " (errno %d)", number);
}

size_t hwckpt_error_text(const struct hwckpt_error *error, const char *who,
                         char *buffer, size_t size) {
  size_t used = 0;
  bool prefixed = who && *who;
  used += hwckpt_format(buffer, size, "%s%sHWCKPT-E%d: %s", prefixed ? who : "",
                        prefixed ? ": " : "", (int)error->code,
                        hwckpt_error_what(error->code));
  if (error->object[0])
    used += hwckpt_format(buffer + used, size - used, ": %s", error->object);
  if (error->detail[0])
    used += hwckpt_format(buffer + used, size - used, ": %s", error->detail);
  if (error->sys_errno)
    used += put_errno(buffer + used, size - used, error->sys_errno);
  used += hwckpt_format(buffer + used, size - used, "\n");
  const char *remedy = hwckpt_error_remedy(error->code);
  if (*remedy)
    used += hwckpt_format(buffer + used, size - used, "  remedy: %s\n", remedy);
  return used;
}
