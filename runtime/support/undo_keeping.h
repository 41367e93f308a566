/* undo_keeping.h - what the files of the keeper share: the log that it writes,
 * and what it sees of files.
 *
 * undo_keeper.c is its thread, which serves requests; undo_contents.c puts what
 * files hold into the log and undo_names.c what names lead to, both by way of
 * undo_put.c. Everything here is for the keeper's thread only.
 */
#ifndef HWCKPT_SUPPORT_UNDO_KEEPING_H
#define HWCKPT_SUPPORT_UNDO_KEEPING_H

#include "undo_state.h"

struct undo_keeper {
  struct cache *cache;
  struct undo_interval *interval; /* that the request at hand is about */
  char *chunk;                    /* UNDO_DATA_MAX bytes */
  char *sealed;                   /* UNDO_ROOM bytes; null: none yet */
};
extern struct undo_keeper undo_keeper __attribute__((visibility("hidden")));

/* ---- undo_put.c ---- */

/* Whether the record is in the log; else the log is lost. */
bool undo_put(const struct undo_record *record);
/* The interval's log says nothing from here on. */
void undo_lose(void);
/* That the log leads back to the interval's generation; lost: that it says
 * nothing. */
bool undo_put_generation(bool lost);

/* What statx(2) tells that matters here. */
struct undo_facts {
  uint64_t device, inode, birth_ns, size, mtime_ns;
  uint32_t mode, links, user, group;
};

/* Of the file at a path from a directory on; "": the descriptor itself. No
 * symbolic link is followed. */
bool undo_look(int directory, const char *path, struct undo_facts *facts);
void undo_describe(struct undo_record *record, const struct undo_facts *facts);
/* The path of a descriptor of ours; false: it has none that leads anywhere. */
bool undo_path_of(int fd, char path[UNDO_PATH_MAX]);
/* What the kernel shows as files and nobody could write back. */
bool undo_is_of_kernel(const char *path);

/* ---- undo_contents.c ---- */

/* To be kept. Of a file that may not be read only what it is can be, and that
 * it grows: O_PATH. */
long undo_open_to_keep(int directory, const char *path, uint64_t flags);
/* Of an open regular file. What cannot be kept loses the log. */
void undo_keep_of(int fd, uint64_t begin, uint64_t end, bool whole);
/* Of one that loses a name and has others, nobody knows where: what it holds,
 * as that of a file of its own. What is kept of it by others stays apart. Not
 * of one that was changed before: that would be too late. */
void undo_keep_spare(int fd);
/* Negative: the descriptor of another process could not be opened. */
int undo_keep_range(const struct undo_request *request);
/* Changes through a mapping are not told: all of it is kept beforehand. */
void undo_keep_mapping(struct undo_request *request);
/* The file that was written to last stays open for a moment. */
void undo_begin_contents(void);
bool undo_last_is_open(void);
void undo_close_last(void);

/* ---- undo_names.c ---- */

void undo_keep_name(const struct undo_request *request);
void undo_keep_folder(const struct undo_request *request);
void undo_keep_linked(const struct undo_request *request);
void undo_keep_cut(const struct undo_request *request);
void undo_keep_removed(const struct undo_request *request);
void undo_keep_renamed(const struct undo_request *request);
/* Says once of a program that not all it changes is in the log. */
void undo_keep_unseen(const struct undo_request *request);

#endif
