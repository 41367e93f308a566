/* restorer.h - what the restorer's files share.
 *
 * The restorer runs twice: as the kernel loaded it, and, from
 * relocate_and_run() on, as a copy in a hole of the saved address space. Static
 * data is copied along, so nothing static may hold a pointer into the first
 * image; initialised pointers are relocated anew.
 */
#ifndef HWCKPT_RESTORER_H
#define HWCKPT_RESTORER_H

#include "../../runtime/cache/cache.h"
#include "../../runtime/support/record_types.h"
#include "plan.h"

#include "../../runtime/resources/resource.h"
#include "records.pb.h"

#define PAGE_ROUND(n)                                                          \
  (((uint64_t)(n) + CACHE_PAGE_SIZE - 1) & ~(uint64_t)(CACHE_PAGE_SIZE - 1))

struct restorer {
  struct restore_plan plan;
  Process process;
  struct cache_range memory; /* image copy, stack and arena */
  struct cache_range arena;
  struct restore_memory memories[RESTORE_MEMORIES];
  bool dumpable; /* before it read the plan */
};
extern struct restorer restorer;

/* ---- failing ---- */

/* Filled by hwckpt_fail(), or by the cache, before fail(). */
extern struct hwckpt_error failure;
/* Tells the tool what is in `failure` and ends the process. */
_Noreturn void fail(void);
#define FAIL(...) (hwckpt_fail(&failure, __VA_ARGS__), fail())

/* Tells it what is not as it was; the restore goes on. */
void warn(const struct hwckpt_error *error);
#define WARN(...)                                                              \
  do {                                                                         \
    struct hwckpt_error warning_;                                              \
    hwckpt_fail(&warning_, __VA_ARGS__);                                       \
    warn(&warning_);                                                           \
  } while (0)

/* Gives the tool a descriptor, which is closed here. */
void give(enum restore_status_kind kind, int descriptor);

/* ---- records.c ---- */

/* Calls visit for each Area record in order; the Area lives for the call. */
void each_area(const struct cache_reader *reader,
               void (*visit)(const Area *area, void *context), void *context);
/* Decodes the Process record, the first, and checks its resume_abi. */
void read_process(const struct cache_reader *reader, Process *process);
void each_thread(const struct cache_reader *reader,
                 void (*visit)(const Thread *thread, void *context),
                 void *context);
/* Number of all records. */
size_t count_records(const struct cache_reader *reader);

/* ---- arena.c ---- */

/* Memory out of restorer.arena, only in the copy, after arena_open(). Zeroed.
 */
void arena_open(void);
void *arena_map(size_t length);
extern const struct cache_env arena_env;

/* ---- maps.c: the mappings the process has at first ---- */

#define MAPPINGS_MAX 128
struct mapping {
  struct cache_range range;
  char name[24]; /* "[vdso]", or the begin of a path */
};
size_t read_mappings(struct mapping mappings[MAPPINGS_MAX]);

/* ---- relocate.c ---- */

/* Applies the image's relative relocations; first of all at the start. */
void relocate_image(char *base);
/* Copies the image into a hole that the saved ranges leave, and runs there. */
_Noreturn void relocate_and_run(const struct cache_range *saved, size_t count,
                                void (*run)(void *));

/* ---- kernel_areas.c ---- */

/* Unmaps all that is outside restorer.memory and puts the kernel's areas where
 * the checkpoint had them. */
void move_kernel_areas(const struct cache_reader *reader);
/* When memory is filled: that no thread stands in a function that is another
 * one here. */
void check_redirected(struct cache_reader *reader);

/* ---- place.c ---- */

/* Maps, fills and protects the saved areas. */
void place_areas(struct cache_reader *reader);

/* ---- shared_memory.c: what is mapped more than once, or open as well ---- */

/* Before areas are mapped: makes what they are mapped from. */
void shared_memory_make(const struct cache_reader *reader);
/* Maps an area of kind AREA_SHARED_MEMORY, or keeps its place. */
void shared_memory_map(const Area *area);
/* When all areas are mapped, before they are filled. */
void shared_memory_join(const struct cache_reader *reader);
/* Whether some of [begin, end) may be filled by other processes at the same
 * time, or at another address: with the same, but it is no place to work in. */
bool shared_memory_is_at(uint64_t begin, uint64_t end);
/* When they are filled. */
void shared_memory_seal(const struct cache_reader *reader);
/* Open files for the resume code: their number. */
size_t shared_memory_files(struct resource_file **files);

/* ---- lazy.c ---- */

/* Before areas are mapped: prepares for loading while the program runs, when
 * the plan says so. */
void lazy_open(size_t most_areas);
/* Whether the area is loaded so, and must not be read at once. */
bool lazy_take(const Area *area);
/* Whether it was taken. */
bool lazy_has(const Area *area);
/* Adds to the ranges wanted at once what such areas hold of threads' stacks;
 * there must be room for one more a thread, and one. Returns their count. */
size_t lazy_add_wanted(const struct cache_reader *reader,
                       struct cache_range *ranges, size_t count);
/* After all is mapped, filled and protected: from now on memory is watched, by
 * who gets the descriptor. False: there is none to be. */
bool lazy_hand_over(void);

/* ---- track.c ---- */

/* Last of all, where the program's runtime and the kernel know how: hands over
 * what tracks it. Memory that is loaded while the program runs is tracked by
 * who loads it, and only protected here. */
void track_memory(const struct cache_reader *reader, bool lazily);

/* ---- settings.c ---- */

/* When all is mapped, filled and protected. */
void set_memory_settings(const struct cache_reader *reader);

/* ---- fill.c ---- */

/* Reads all that the wanted ranges hold; before, calls prepare with the plan.
 */
void fill_memory(struct cache_reader *reader, const struct cache_range *wanted,
                 size_t count, void (*prepare)(const struct cache_plan *));

#endif
