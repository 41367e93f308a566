/* directory_entry.h - what the kernel tells of a directory, for code without
 * libc. Source: getdents64(2). */
#ifndef HWCKPT_SUPPORT_DIRECTORY_ENTRY_H
#define HWCKPT_SUPPORT_DIRECTORY_ENTRY_H

#include <stdint.h>

struct directory_entry {
  uint64_t inode;
  int64_t offset;
  uint16_t length; /* to the next */
  uint8_t type;
  char name[];
};

#endif
