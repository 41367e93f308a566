/* unit.h - what the unit tests share: checks, a folder of their own, and a
 * model of memory to compare a generation with.
 *
 * Invariant: the content of a page is a function of its address and version, so
 * that a page from another place or another time is never taken for it.
 */
#ifndef HWCKPT_TEST_UNIT_H
#define HWCKPT_TEST_UNIT_H

#include "runtime/cache/cache.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition))                                                          \
      unit_die(__FILE__, __LINE__, #condition);                                \
  } while (0)

/* Prints the error and fails, when result is not 0. */
#define CHECK_OK(call)                                                         \
  do {                                                                         \
    struct hwckpt_error *const unit_seen = &unit_error;                        \
    if ((call) < 0) {                                                          \
      unit_print(unit_seen);                                                   \
      unit_die(__FILE__, __LINE__, #call);                                     \
    }                                                                          \
  } while (0)

/* Fails unless the call returns that error and tells it in unit_error. */
#define CHECK_ERROR(call, name)                                                \
  do {                                                                         \
    memset(&unit_error, 0, sizeof(unit_error));                                \
    int unit_result = (call);                                                  \
    if (unit_result != -HWCKPT_E_##name ||                                     \
        unit_error.code != HWCKPT_E_##name) {                                  \
      unit_print(&unit_error);                                                 \
      unit_die(__FILE__, __LINE__, #call " is not " #name);                    \
    }                                                                          \
  } while (0)

extern struct hwckpt_error unit_error; /* for the calls of a test */
void unit_print(const struct hwckpt_error *error);
_Noreturn void unit_die(const char *file, int line, const char *what);
_Noreturn void unit_skip(const char *why);

/* A folder that is empty at first and removed at exit (of this process, not of
 * its children). */
const char *unit_folder(void);
const char *unit_path(const char *below); /* static memory, four in turn */
void unit_remove_tree(const char *path);
size_t unit_read_file(const char *path, unsigned char **bytes);
void unit_write_file(const char *path, const void *bytes, size_t length);

/* cache_env_kernel, but with memory whose ends a sanitizer guards, and whose
 * use is counted: unit_mapped() is 0 when all was given back. */
extern const struct cache_env unit_env;
size_t unit_mapped(void);
void *unit_map(size_t length);
void unit_unmap(void *address, size_t length);

/* Caches are opened with a key where UNIT_KEY is in the environment: what the
 * tests say holds for encrypted generations too. */
int unit_open(const struct cache_env *env, const char *path, bool create,
              struct cache **cache, struct hwckpt_error *error);
#define cache_open unit_open
extern const struct cache_key unit_key;

/* Descriptors this process has open. */
int unit_descriptors(void);

/* For the tables of tests: what they read is never in memory. */
long unit_none_cached(int fd, uint64_t offset, uint64_t length);

/* A queue of writes for the tables of tests, over a pwrite() of theirs: what
 * was begun last ends first, and is written only when it is waited for, so that
 * whoever does not wait, or changes a buffer before, writes something else. */
extern long (*unit_queue_pwrite)(int fd, const void *buffer, size_t length,
                                 uint64_t offset);
int unit_queue_open(void *queue);
int unit_queue_write(void *queue, int fd, const void *buffer, size_t length,
                     uint64_t offset, unsigned tag);
int unit_queue_wait(void *queue, unsigned *tag, long *result);
void unit_queue_close(void *queue);  /* nothing is under way */
void unit_queue_forget(void *queue); /* of one that could not be waited for */

/* Makes a table write by that queue, over its own pwrite(). */
void unit_use_queue(struct cache_io *io);

/* ---- a model of memory ---- */

#define UNIT_BASE UINT64_C(0x7f0000000000)

struct model {
  size_t pages;
  unsigned version[4096]; /* 0: absent, UNIT_ZERO: all zero */
};
#define UNIT_ZERO 0xffffffffu

void unit_fill(void *page, uint64_t address, unsigned version);

/* Puts pages [first, first + count) of the model, at a version. */
int unit_put(struct cache_writer *writer, struct model *model, size_t first,
             size_t count, unsigned version, struct hwckpt_error *error);
int unit_put_hole(struct cache_writer *writer, struct model *model,
                  size_t first, size_t count, struct hwckpt_error *error);

/* Opens and replays a generation. Returns 0 when it holds exactly what the
 * model says, an error number when reading fails; dies when content is wrong.
 */
int unit_compare(struct cache *cache, const char *application, uint64_t number,
                 const struct model *model, struct hwckpt_error *error);

/* cache_retain() by number of bases alone. */
int unit_retain(struct cache *cache, const char *application, unsigned keep,
                struct hwckpt_error *error);

/* cache_merge(), always, at level 1; whether it did. */
int unit_merge(struct cache *cache, const char *application, bool *merged,
               struct hwckpt_error *error);

/* Whether two descriptions of a generation say the same. */
bool unit_same_generation(const struct cache_generation *a,
                          const struct cache_generation *b);

/* A number below `limit`, from a generator with a fixed seed. */
unsigned unit_random(unsigned limit);
void unit_seed(uint64_t seed);

#endif
