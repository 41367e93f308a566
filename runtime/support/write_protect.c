/* write_protect.c - see write_protect.h. */
#include "write_protect.h"

#include "../arch/sys.h"

#include <fcntl.h>
#include <sys/ioctl.h>

/* linux/userfaultfd.h */
struct uffd_api {
  uint64_t api, features, ioctls;
};
struct uffd_register {
  uint64_t start, length, mode, ioctls;
};
struct uffd_protect {
  uint64_t start, length, mode;
};
#define UFFD_API_VERSION 0xAAull
#define UFFD_USER_MODE_ONLY 1
#define UFFD_FEATURE_WP_UNPOPULATED (1ull << 13)
#define UFFD_FEATURE_WP_ASYNC (1ull << 15)
#define UFFD_IOCTL_API _IOWR(0xAA, 0x3F, struct uffd_api)
#define UFFD_IOCTL_REGISTER _IOWR(0xAA, 0x00, struct uffd_register)
#define UFFD_IOCTL_UNREGISTER _IOR(0xAA, 0x01, uint64_t[2])
#define UFFD_IOCTL_PROTECT _IOWR(0xAA, 0x06, struct uffd_protect)
#define UFFD_REGISTER_WP (1ull << 1)

int write_protect_open(void) {
  long fd = SYS(userfaultfd, UFFD_USER_MODE_ONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    return (int)fd;
  struct uffd_api api = {.api = UFFD_API_VERSION,
                         .features = UFFD_FEATURE_WP_UNPOPULATED |
                                     UFFD_FEATURE_WP_ASYNC};
  long result = SYS(ioctl, fd, UFFD_IOCTL_API, &api);
  if (result < 0) {
    SYS(close, fd);
    return (int)result;
  }
  return (int)fd;
}

bool write_protect_register(int uffd, uint64_t begin, uint64_t end) {
  struct uffd_register range = {
      .start = begin, .length = end - begin, .mode = UFFD_REGISTER_WP};
  return SYS(ioctl, uffd, UFFD_IOCTL_REGISTER, &range) == 0;
}

bool write_protect_unregister(int uffd, uint64_t begin, uint64_t end) {
  uint64_t range[] = {begin, end - begin};
  return SYS(ioctl, uffd, UFFD_IOCTL_UNREGISTER, range) == 0;
}

long write_protect_clear(int uffd, uint64_t begin, uint64_t end) {
  struct uffd_protect range = {.start = begin, .length = end - begin};
  return SYS(ioctl, uffd, UFFD_IOCTL_PROTECT, &range);
}
