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

/* By what /proc tells: a copy of a descriptor that is closed would end a
 * notification of a message queue. */
static void look(int number, void *context) {
  bool *found = context;
  struct stat facts = {0};
  uint64_t flags;
  char path[64];
  if (!info_find(number, "flags:", 8, &flags) || !(flags & O_DIRECT))
    return;
  info_descriptor(path, "fd", number);
  if (SYS(newfstatat, AT_FDCWD, path, &facts, 0) == 0)
    *found |= resource_is_direct((uint32_t)flags, facts.st_mode);
}

bool resources_read_directly(void) {
  bool found = false;
  return info_each_descriptor(look, &found) < 0 || found;
}
