/* directory.h - an opened cache, the applications' directories in it, and who
 * may write there.
 */
#ifndef HWCKPT_CACHE_DIRECTORY_H
#define HWCKPT_CACHE_DIRECTORY_H

#include "memory.h"
#include "pace.h"

#define CACHE_PATH_MAX 4096u
#define DAMAGED_HEADS 16u /* segments; of others nothing is told */

struct cache {
  const struct cache_env *env;
  int fd;
  char path[CACHE_PATH_MAX]; /* as given, without slashes at its end */
  unsigned version;          /* that the marker says */
  uint64_t segment_bytes;    /* size at which a new segment is begun */
  unsigned writes;           /* under way at the same time */
  struct pace pace;          /* of coding and of the device */
  const struct cache_relatives *relatives; /* borrowed; null: none */
  uint64_t refer_to;                       /* cache_refer_to() */
  bool swept;              /* what died writers left was given back */
  struct session *session; /* of the application last written for, or null */
  bool has_key, only_encrypted; /* cache_set_key() */
  struct cache_key key;
  struct known_key *known;                        /* of applications (keys.h) */
  void (*warn)(const struct hwckpt_error *error); /* cache_set_warn() */
  _Atomic uint64_t damaged_heads[DAMAGED_HEADS];  /* told; 0: free */
};

/* Opens the directory of an application, checked: CACHE_NAME, NO_APPLICATION.
 */
int directory_open(struct cache *cache, const char *application, int *fd,
                   struct hwckpt_error *error);

/* Opens the directory that holds the log: of a part, the application's, whose
 * name is put in `of`. */
int directory_open_log(struct cache *cache, const char *name,
                       char of[CACHE_NAME_MAX], int *fd,
                       struct hwckpt_error *error);

/* Takes the application's only writer's lock: CACHE_BUSY when it is taken. It
 * ends with directory_unlock(), or with the process; a child that inherited
 * the descriptor does not hold it beyond directory_unlock(). */
int directory_lock(struct cache *cache, const char *application, int directory,
                   int *lock, struct hwckpt_error *error);
void directory_unlock(struct cache *cache, int lock);

/* Removes what writers left that died. The caller holds the lock. */
int directory_remove_stale(struct cache *cache, const char *application,
                           int directory, struct hwckpt_error *error);

/* Calls visit with every name in the application's directory until it returns
 * non-zero, which is then returned. */
int directory_each_name(struct cache *cache, const char *application,
                        int directory,
                        int (*visit)(const char *name, void *context),
                        void *context, struct hwckpt_error *error);

/* Collects the numbers that parse finds in names (0: none), ascending, as
 * uint64_t: format_parse_generation for all committed generations. */
int directory_numbers(struct cache *cache, const char *application,
                      int directory, uint64_t (*parse)(const char *name),
                      struct buffer *numbers, struct hwckpt_error *error);

/* Before anything of this version is written into a cache of an older one: an
 * older reader is to see that it cannot read all of it. */
int directory_raise_version(struct cache *cache, struct hwckpt_error *error);

#endif
