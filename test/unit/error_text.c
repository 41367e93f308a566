/* hwckpt_format against the C library's, buffers of every size, and the text of
 * errors. */
// RUN: %unit/error_text
// RUN: %unit/sanitized/error_text
#include "Inputs/unit.h"

#include <limits.h>

#define SAME(...)                                                              \
  do {                                                                         \
    char ours[256], theirs[256];                                               \
    size_t length = hwckpt_format(ours, sizeof(ours), __VA_ARGS__);            \
    snprintf(theirs, sizeof(theirs), __VA_ARGS__);                             \
    if (strcmp(ours, theirs) != 0 || length != strlen(theirs)) {               \
      fprintf(stderr, "%s:%d: '%s', not '%s'\n", __FILE__, __LINE__, ours,     \
              theirs);                                                         \
      exit(1);                                                                 \
    }                                                                          \
  } while (0)

static void formats(void) {
  SAME("plain %% %c%c", 'a', 'b');
  SAME("[%s] [%8s] [%-8s] [%.2s] [%.*s] [%-6.3s]", "abc", "abc", "abc", "abc",
       1, "abc", "abcdef");
  SAME("%d %d %d %d", 0, -1, INT_MAX, INT_MIN);
  SAME("%5d|%-5d|%05d|%05d|%1d", 42, 42, 42, -42, 12345);
  SAME("%u %x %8x %08x", UINT_MAX, 0xdeadbeefu, 0xbeefu, 0xbeefu);
  SAME("%ld %lu %lx", LONG_MIN, ULONG_MAX, 0x7f0000000000ul);
  SAME("%lld %llu %llx", LLONG_MIN, ULLONG_MAX, 1ull << 63);
  SAME("%zu %016llx %*d", (size_t)7, 0xabcull, 6, 3);
  SAME("%p", (void *)0x1234);
  char text[16];
  CHECK(hwckpt_format(text, sizeof(text), "%s", (const char *)NULL) == 6);
}

static void sizes(void) {
  char guarded[40];
  for (size_t size = 0; size < 32; size++) {
    memset(guarded, 0x55, sizeof(guarded));
    size_t length =
        hwckpt_format(guarded, size, "%s %d %08x", "abcdef", -12, 0xabcdefu);
    CHECK(size == 0 ? length == 0 : length == strlen(guarded));
    CHECK(length < size || size == 0);
    for (size_t i = size; i < sizeof(guarded); i++)
      CHECK(guarded[i] == 0x55);
  }
}

static void errors(void) {
  struct hwckpt_error error;
  char text[2048];
  CHECK(hwckpt_fail(NULL, HWCKPT_E_CACHE_IO, 5, "x", "y") == -111);
  CHECK(hwckpt_fail(&error, HWCKPT_E_CACHE_FULL, 28, "/a/file", "at %d", 7) ==
        -112);
  CHECK(error.code == HWCKPT_E_CACHE_FULL && error.sys_errno == 28);
  CHECK(strcmp(error.object, "/a/file") == 0);
  CHECK(strcmp(error.detail, "at 7") == 0);
  size_t length = hwckpt_error_text(&error, "hwckpt", text, sizeof(text));
  CHECK(length == strlen(text));
  CHECK(strcmp(text, "hwckpt: HWCKPT-E112: no space left for the checkpoint: "
                     "/a/file: at 7 (ENOSPC: no space left on the device)\n"
                     "  remedy: free space there, or use another --cache "
                     "DIR\n") == 0);
  for (size_t size = 1; size < length + 2; size++) {
    char small[512];
    memset(small, 0x55, sizeof(small));
    size_t used = hwckpt_error_text(&error, "hwckpt", small, size);
    CHECK(used == strlen(small) && used < size);
    CHECK(memcmp(small, text, used) == 0 && small[size] == 0x55);
  }
  hwckpt_fail(&error, HWCKPT_E_CACHE_BUSY, 0, NULL, NULL);
  hwckpt_error_text(&error, NULL, text, sizeof(text));
  CHECK(strncmp(text, "HWCKPT-E113: application's cache is in use", 42) == 0);
  hwckpt_fail(&error, HWCKPT_E_CACHE_IO, 4000, "o", "d");
  hwckpt_error_text(&error, "", text, sizeof(text));
  CHECK(strstr(text, ": o: d (errno 4000)\n"));
  char longest[2000];
  memset(longest, 'l', sizeof(longest) - 1);
  longest[sizeof(longest) - 1] = '\0';
  hwckpt_fail(&error, HWCKPT_E_CACHE_IO, 0, longest, "%s", longest);
  CHECK(strlen(error.object) == sizeof(error.object) - 1);
  CHECK(strlen(error.detail) == sizeof(error.detail) - 1);
  CHECK(*hwckpt_error_what(HWCKPT_E_NONE) == '\0');
}

int main(void) {
  formats();
  sizes();
  errors();
  return 0;
}
