/* resource.h - what every kind of kernel object looks like to the rooms above.
 *
 * One file a kind. Two shapes: objects of the process as a whole (struct
 * resource_kind) and open descriptors (struct descriptor_kind); registry.c
 * lists them. The files do not know each other.
 *
 * Saving runs on the checkpoint thread while the program stands still; that
 * thread has a table of descriptors of its own and sees the program's through
 * /proc/self/fd (the main thread's) and pidfd_getfd(). Restoring runs on the
 * main thread of the restored program before any other thread is there. Neither
 * may use libc, allocate, or touch the program's memory.
 */
#ifndef HWCKPT_RESOURCES_RESOURCE_H
#define HWCKPT_RESOURCES_RESOURCE_H

#include "../error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resources.pb.h"

/* One row of the program's table of descriptors, ascending. */
struct descriptor_fact {
  int32_t number;
  uint32_t flags; /* without O_CLOEXEC */
  uint32_t mode;
  uint64_t device;
  uint64_t inode;
  uint64_t offset;
};

/* Where saved records go, and scratch memory for messages (one at a time). */
struct resource_sink {
  int (*put)(struct resource_sink *sink, uint32_t type, const void *data,
             size_t length, struct hwckpt_error *error);
  /* Says (once a checkpoint) what will not come back. */
  void (*warn)(struct resource_sink *sink, const struct hwckpt_error *error);
  void *scratch; /* RESOURCE_SCRATCH bytes */
  int pidfd;     /* of the program, for pidfd_getfd() */
  /* All descriptors of the program; filled by resources_save(). */
  const struct descriptor_fact *facts;
  size_t fact_count;
};
/* Of the scratch memory: encoded messages, bytes of pipes, the facts. */
#define RESOURCE_SCRATCH ((size_t)512 << 10)
#define RESOURCE_SCRATCH_DATA ((size_t)64 << 10)
#define RESOURCE_SCRATCH_FACTS ((size_t)128 << 10)

struct resource_record {
  uint32_t type;
  uint32_t length;
  const void *data;
};

/* Where a restore takes its records from, and what it has to say. */
struct resource_source {
  const struct resource_record *records;
  size_t count;
  void (*warn)(struct resource_source *source,
               const struct hwckpt_error *error);
  void *scratch;    /* RESOURCE_SCRATCH bytes */
  int inherited[3]; /* who restores: its 0..2, moved out of the way; -1: none */
};

/* Encodes message by its nanopb description into sink's scratch and puts it. */
int resource_put(struct resource_sink *sink, uint32_t type,
                 const pb_msgdesc_t *fields, const void *message,
                 struct hwckpt_error *error);
/* Decodes a record; E314 when it is malformed. */
int resource_get(const struct resource_record *record,
                 const pb_msgdesc_t *fields, void *message,
                 struct hwckpt_error *error);

struct resource_kind {
  const char *name;
  int (*save)(struct resource_sink *sink, struct hwckpt_error *error);
  int (*restore)(struct resource_source *source, struct hwckpt_error *error);
};

/* What is known of a descriptor before its kind is: message has number, flags,
 * close_on_exec, path (the link's text), offset, mode, size, mtime_ns, device,
 * inode filled. */
struct descriptor_kind {
  const char *name;
  DescriptorKind kind;
  bool (*recognise)(const struct resource_sink *sink,
                    const Descriptor *message);
  /* Fills what only this kind knows; may put records that come before the
   * descriptor's own. Null: nothing. */
  int (*save)(struct resource_sink *sink, Descriptor *message,
              struct hwckpt_error *error);
  /* Opens the object again: returns a new descriptor (any number), or a
   * negative code of errors.def. */
  int (*open)(struct resource_source *source, const Descriptor *message,
              struct hwckpt_error *error);
  /* Called with the placed descriptor once every descriptor could be opened:
   * the place for what changes files on disk. Null: nothing. */
  int (*settle)(struct resource_source *source, const Descriptor *message,
                int descriptor, struct hwckpt_error *error);
};

/* registry.c */
int resources_save(struct resource_sink *sink, struct hwckpt_error *error);
/* Restores all kinds. `keep` (the status pipe) is moved to a number that no
 * descriptor of the program uses, and returned in *keep. Everything else that
 * was open is closed. */
int resources_restore(struct resource_source *source, int *keep,
                      struct hwckpt_error *error);

#endif
