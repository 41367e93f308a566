// Kinds of descriptors that checkpoints do not cover.
// RUN: %behaviour %s -o %t && %by_all %S/Inputs/unsupported %hwckpt %t netlink fanotify io_uring perf userfaultfd pidfd
#include "behaviour.h"
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
static int open_generic(void) {
  return socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
}
static int open_fanotify(void) {
  return fanotify_init(FAN_REPORT_FID, O_RDONLY);
}
static int open_io_uring(void) {
  struct io_uring_params parameters = {0};
  return (int)syscall(SYS_io_uring_setup, 4, &parameters);
}
static int open_perf(void) {
  struct perf_event_attr event = {.size = sizeof event,
                                  .type = PERF_TYPE_SOFTWARE,
                                  .config = PERF_COUNT_SW_PAGE_FAULTS,
                                  .exclude_kernel = 1};
  return (int)syscall(SYS_perf_event_open, &event, 0, -1, -1, 0);
}
static int open_userfaultfd(void) {
  struct uffdio_api api = {.api = UFFD_API,
                           .features = UFFD_FEATURE_EVENT_REMOVE};
  int fd = (int)syscall(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */);
  return ioctl(fd, UFFDIO_API, &api) ? -1 : fd;
}
static int open_pidfd(void) { return (int)syscall(SYS_pidfd_open, 1, 0); }
static const struct {
  const char *name;
  int (*open)(void);
} kinds[] = {
    {"netlink", open_generic},   {"fanotify", open_fanotify},
    {"io_uring", open_io_uring}, {"perf", open_perf},
    {"pidfd", open_pidfd},       {"userfaultfd", open_userfaultfd},
};
/* Reads as at its end, or takes no byte: nobody is at the other side. */
static int is_closed(void) {
  struct pollfd look = {.fd = 3, .events = POLLIN | POLLOUT};
  return poll(&look, 1, 0) == 1 && look.revents & (POLLHUP | POLLERR);
}
int main(int argc, char **argv) {
  size_t i = 0;
  CHECK(argc == 2 || argc == 3);
  while (strcmp(kinds[i].name, argv[1]) != 0)
    CHECK(++i < sizeof kinds / sizeof kinds[0]);
  int fd = kinds[i].open();
  if (fd < 0)
    SKIP("this kernel does not open it");
  CHECK_EQUAL(fd, 3);
  if (argc == 3) {
    CHECK_EQUAL(__builtin_ckpt_save(), -ENOTSUP);
    CHECK(fcntl(fd, F_GETFD) >= 0);
    return 0;
  }
  die_and_come_back();
  CHECK(is_closed());
  return 0;
}
