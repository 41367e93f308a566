/* userfaultfd.c - userfaultfd(2): what it was opened for, and its features. The
 * memory that it is registered for is saved and registered again by who has the
 * memory map (struct resource_sink).
 *
 * Invariant: only one that the kernel tells enough of is saved: the only one of
 * the process, of its own memory, without features that would make the runtime
 * wait for the program (events), or that are the runtime's own (WP_ASYNC). */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "borrow.h"
#include "info.h"
#include "resource.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

/* linux/userfaultfd.h */
struct uffd_api {
  uint64_t api, features, ioctls;
};
struct uffd_range {
  uint64_t start, length;
};
#define UFFD_IOCTL_API _IOWR(0xAA, 0x3F, struct uffd_api)
#define UFFD_IOCTL_UNREGISTER _IOR(0xAA, 0x01, struct uffd_range)
#define UFFD_IOCTL_NEW _IO(0xAA, 0x00)
#define UFFD_API_VERSION 0xAAull
#define UFFD_USER_MODE_ONLY 1
/* EVENT_FORK, _REMAP, _REMOVE, _UNMAP */
#define UFFD_EVENTS (1u << 1 | 1u << 2 | 1u << 3 | 1u << 6)
#define UFFD_WP_ASYNC (1u << 15)
#define UFFD_KNOWN ((1u << 17) - 1) /* up to MOVE */
#define UFFD_READY (1u << 31)       /* UFFDIO_API was called */

#define PAGE UINT64_C(4096)

static const char named[] = "anon_inode:[userfaultfd]";

static bool is_named(int number) {
  char path[64], text[sizeof named];
  info_descriptor(path, "fd", number);
  long length = SYS(readlinkat, AT_FDCWD, path, text, sizeof text);
  return length == sizeof named - 1 && memcmp(text, named, length) == 0;
}

/* ---- saving ---- */

/* A request that changes nothing fails where the memory is not ours: one that
 * the program was started with is of a program that is gone. */
static bool is_own(const struct resource_sink *sink,
                   const Descriptor *message) {
  uint64_t scratch = ((uint64_t)sink->scratch + PAGE - 1) & -PAGE;
  struct uffd_range page = {scratch, PAGE};
  uint64_t features = 0;
  info_find(message->number, "API:\taa:", 16, &features);
  if (!(features & UFFD_READY))
    return true;
  long own = borrow_number(sink, message->number);
  if (own < 0)
    return false;
  long result = SYS(ioctl, own, UFFD_IOCTL_UNREGISTER, &page);
  SYS(close, own);
  return result == 0;
}

static bool recognise(const struct resource_sink *sink,
                      const Descriptor *message) {
  return info_begins(message->path, named) && is_own(sink, message);
}

static bool is_alone(const struct resource_sink *sink,
                     const Descriptor *message) {
  for (size_t i = 0; i < sink->fact_count; i++) {
    const struct descriptor_fact *fact = &sink->facts[i];
    if (fact->device == message->device && fact->inode != message->inode &&
        is_named(fact->number))
      return false;
  }
  return true;
}

static const char *why_not(const struct resource_sink *sink,
                           const Descriptor *message, uint64_t features) {
  return message->shared || message->in_flight
             ? "another process may have it too"
         : features & UFFD_EVENTS   ? "it tells of events, such as fork"
         : features & UFFD_WP_ASYNC ? "asynchronous write protection"
         : features & ~(uint64_t)(UFFD_KNOWN | UFFD_READY)
             ? "features that are not known"
         : !is_alone(sink, message) ? "it is not the only one"
                                    : 0;
}

static int save(struct resource_sink *sink, Descriptor *message,
                struct hwckpt_error *error) {
  uint64_t features;
  if (message->same_as >= 0)
    return 0;
  const char *reason = info_find(message->number, "API:\taa:", 16, &features)
                           ? why_not(sink, message, features)
                           : "its features are not told";
  if (reason) {
    message->kind = DescriptorKind_DESCRIPTOR_UNSUPPORTED;
    return resource_unsupported(sink, error, message->path, "descriptor %d: %s",
                                (int)message->number, reason);
  }
  UserFaultFd state = {.features = (uint32_t)features};
  sink->faults = message->number;
  sink->fault_features = state.features;
  return resource_put(sink, RECORD_USERFAULTFD, UserFaultFd_fields, &state,
                      error);
}

/* ---- restoring ---- */

/* The kernel does not tell whether it was for faults of user mode only; one for
 * all faults can do what that can. */
static long open_any(int flags) {
  long fd = SYS(userfaultfd, flags);
  if (fd >= 0)
    return fd;
  long device =
      SYS(openat, AT_FDCWD, "/dev/userfaultfd", O_RDWR | O_CLOEXEC, 0);
  if (device >= 0) {
    fd = SYS(ioctl, device, UFFD_IOCTL_NEW, flags);
    SYS(close, device);
  }
  return fd >= 0 ? fd : SYS(userfaultfd, flags | UFFD_USER_MODE_ONLY);
}

static int make(struct resource_source *source, const Descriptor *message,
                struct hwckpt_error *error) {
  UserFaultFd state;
  int result = resource_get_own(source, RECORD_USERFAULTFD, UserFaultFd_fields,
                                &state, error);
  if (result)
    return result;
  long fd = open_any((int)(message->flags & O_NONBLOCK));
  if (fd < 0)
    return refuse_to_restore(error, message, fd, "userfaultfd");
  struct uffd_api api = {.api = UFFD_API_VERSION,
                         .features = state.features & ~UFFD_READY};
  long ready =
      state.features & UFFD_READY ? SYS(ioctl, fd, UFFD_IOCTL_API, &api) : 0;
  if (ready >= 0)
    return (int)fd;
  SYS(close, fd);
  return refuse_to_restore(error, message, ready, "its features");
}

/* ---- of the process ---- */

static int none_yet(struct resource_sink *sink, struct hwckpt_error *error) {
  (void)error;
  sink->faults = -1;
  return 0;
}

static void note_named(int number, void *context) {
  int *found = context;
  if (*found < 0 && is_named(number))
    *found = number;
}

/* Memory that one is registered for now cannot be written to: pages that are
 * not there are asked for, of threads that stand still. */
static int check_none(struct resource_source *source,
                      struct hwckpt_error *error) {
  int found = -1;
  (void)source;
  info_each_descriptor(note_named, &found);
  return found < 0 ? 0
                   : hwckpt_fail(error, HWCKPT_E_NOT_ROLLED_BACK, 0, named,
                                 "descriptor %d", found);
}

const struct resource_kind hwckpt_resource_user_faults = {
    .name = "userfaultfd",
    .save = none_yet,
    .check = check_none,
};

const struct descriptor_kind hwckpt_descriptor_userfaultfd = {
    .name = "userfaultfd",
    .kind = DescriptorKind_DESCRIPTOR_USERFAULTFD,
    .recognise = recognise,
    .save = save,
    .open = make,
    .check = refuse_to_roll_back,
};
