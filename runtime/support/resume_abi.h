/* resume_abi.h - what the restorer hands to the resume code in the image.
 *
 * The restorer belongs to the hwckpt that restores, the resume code to the
 * hwckpt that the program was built with: the layout is a contract between
 * versions. RESUME_ABI is in the Process record; the restorer refuses an image
 * whose number it does not know.
 */
#ifndef HWCKPT_SUPPORT_RESUME_ABI_H
#define HWCKPT_SUPPORT_RESUME_ABI_H

#include <stdint.h>

#define RESUME_ABI 7

/* From this on the resume code says RESTORE_ROLL_BACK. */
#define RESUME_ABI_ROLL_BACK 4
/* From this on it takes a descriptor with the answer to that: a userfaultfd by
 * which all private memory is tracked since it was filled. */
#define RESUME_ABI_TRACKED 5
/* From this on it can be one process of a tree: gives, takes, and waits for the
 * others before it goes on. */
#define RESUME_ABI_TREE 6

/* From this on the runtime ends the watch of what is loaded while the program
 * runs (loaded.h), having asked what was written meanwhile. */
#define RESUME_ABI_HANDOVER 7

/* One record of the generation, in the order it was put. */
struct resume_record {
  uint32_t type;
  uint32_t length;
  const void *data;
};

/* Lives, with all it points to, in the restorer's memory, which the resume code
 * unmaps last. The resume code runs on a stack in there too. */
struct resume_info {
  uint32_t abi;
  uint32_t restores;       /* the generation is restored the n-th time */
  uint64_t restorer_begin; /* the restorer's memory, one range */
  uint64_t restorer_end;
  uint64_t record_count;
  const struct resume_record *records;
  uint64_t generation; /* its number */
  const char *cache;   /* absolute path */
  const char *application;
  const char *options; /* HWCKPT_OPTIONS text that overrides, "" */
  int32_t status_fd;   /* struct restore_status goes there */
  uint32_t keep_ids;   /* threads get their old ids */
  uint32_t lazily;     /* memory is still being loaded: see loaded.h */
  /* struct resource_file, since 3: open files that are mapped. */
  void *mapped;
  uint64_t mapped_count;
  uint32_t in_tree; /* since 6: one process of several */
};

/* Process.resume_entry. Entered by the only thread of the process, all signals
 * blocked, the descriptors those of the restorer: 0..2 inherited, status_fd,
 * those in `mapped`; every other descriptor closed. The thread pointer need not
 * be valid. */
typedef void resume_entry(const struct resume_info *info);

#endif
