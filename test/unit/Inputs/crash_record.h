/* crash_record.h - the disk in memory and the record of what was done to it,
 * for what builds disks from the record (crash_loss.c). */
#ifndef HWCKPT_TEST_UNIT_CRASH_RECORD_H
#define HWCKPT_TEST_UNIT_CRASH_RECORD_H

#include "crash_disk.h"

#define FILES 128
#define DIRECTORIES 16
#define CRASH_OPERATIONS 4096

struct content;

struct file {
  struct content *content;
  size_t length;
};

struct name {
  bool used;
  int directory; /* 0: the cache's; else a place in the list, plus one */
  char text[64];
  int file;
};

struct directory {
  bool there;
  int above;
  char text[CACHE_NAME_MAX];
};

struct disk {
  struct file files[FILES]; /* never used again for another */
  int file_count;
  struct name names[FILES];
  struct directory directories[DIRECTORIES]; /* likewise */
  int directory_count;
};

/* What the cache sees. */
extern struct disk crash_now;

/* Bytes are shared until one of them is written to. */
void crash_copy(struct disk *to, const struct disk *from);

enum action {
  WRITE,
  LENGTH,
  PUNCH,
  NAME,
  UNNAME,
  RENAME,
  MKDIR,
  SYNC,
  SYNC_NAMES
};

struct operation {
  enum action action;
  int file; /* of MKDIR: the directory, plus one */
  int directory;
  size_t offset, length;
  unsigned char *bytes;
  char text[64], from[64];
};

extern struct operation crash_record[CRASH_OPERATIONS];
extern bool crash_recording;

/* Does one operation; of a write only its bytes from..behind. */
void crash_apply(struct disk *to, const struct operation *operation,
                 size_t from, size_t behind);

long crash_pwrite(int fd, const void *buffer, size_t length, uint64_t offset);

#endif
