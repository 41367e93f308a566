/* direct_io.c - files that the program reads past its page tables.
 *
 * A read with O_DIRECT pins the pages it reads into, which marks them as
 * written, and the device fills them later, which does not. So while a program
 * has such a file open, nothing may be copied while it runs.
 */
#include "../arch/sys.h"
#include "info.h"
#include "resource.h"

#include <fcntl.h>
#include <sys/stat.h>

bool resource_is_direct(uint32_t flags, uint32_t mode) {
  /* A pipe that is opened so keeps messages apart. */
  return flags & O_DIRECT && (S_ISREG(mode) || S_ISBLK(mode));
}

struct search {
  int pidfd;
  bool found;
};

static void look(int number, void *context) {
  struct search *search = context;
  struct stat facts = {0};
  long fd = SYS(pidfd_getfd, search->pidfd, number, 0);
  if (fd < 0) /* closed meanwhile */
    return;
  long flags = SYS(fcntl, fd, F_GETFL, 0);
  if (flags >= 0 && flags & O_DIRECT && SYS(fstat, fd, &facts) == 0)
    search->found |= resource_is_direct((uint32_t)flags, facts.st_mode);
  SYS(close, fd);
}

bool resources_read_directly(int pidfd) {
  struct search search = {.pidfd = pidfd};
  return info_each_descriptor(look, &search) < 0 || search.found;
}
