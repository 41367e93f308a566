/* cache.h - the checkpoint cache: a store of named generations of pages and
 * records.
 *
 * A cache is a directory; in it each application has a directory of its own,
 * and in that each committed checkpoint is a generation. A generation is a base
 * (stands alone) or a delta (says what changed since its parent). It consists
 * of pages (4096 bytes at a virtual page address), holes (ranges whose older
 * content is forgotten) and records (typed byte strings whose meaning is the
 * caller's). The cache knows nothing of processes.
 *
 * An application may have parts: applications in its directory, named
 * APPLICATION/PART wherever a name is taken. All write to the application's
 * log, where content is once. They are not listed, and what their generations
 * have to do with the application's own is the caller's business
 * (cache_each_part(), cache_retain_part()).
 *
 * Invariant: a generation exists once, and only once, its commit is durable. A
 * kill or loss of power at any instant leaves every committed generation whole.
 * Every byte read back is checksummed before it is used. docs/format.md
 * describes the bytes.
 *
 * Freestanding: no libc, no thread-local storage, no allocation but through
 * cache_env; all input and output goes through cache_io, so that failures can
 * be injected. No function here is thread safe on the same object (but for
 * plans, see there); different objects are independent. Functions return 0 or a
 * negative code of errors.def and fill *error (which may be null).
 */
#ifndef HWCKPT_CACHE_H
#define HWCKPT_CACHE_H

#include "../error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_PAGE_SIZE 4096u
/* Bytes of an application's name, with NUL; and of "APPLICATION/PART". */
#define CACHE_APPLICATION_MAX 96
#define CACHE_NAME_MAX 128

struct stat;

/* All system calls the cache makes. Each returns a negative errno on failure,
 * as the kernel does. cache_io_kernel is the real one. */
struct cache_io {
  int (*openat)(int dirfd, const char *path, int flags, unsigned mode);
  int (*close)(int fd);
  long (*pread)(int fd, void *buffer, size_t length, uint64_t offset);
  long (*pwrite)(int fd, const void *buffer, size_t length, uint64_t offset);
  int (*fallocate)(int fd, int mode, uint64_t offset, uint64_t length);
  int (*ftruncate)(int fd, uint64_t length);
  int (*fdatasync)(int fd);
  int (*fsync)(int fd);
  int (*mkdirat)(int dirfd, const char *path, unsigned mode);
  int (*renameat)(int from_dirfd, const char *from, int to_dirfd,
                  const char *to);
  int (*unlinkat)(int dirfd, const char *path, int flags);
  int (*fstat)(int fd, struct stat *status);
  long (*getdents)(int fd, void *buffer, size_t length);
  int (*flock)(int fd, int operation);
  uint64_t (*realtime_ns)(void);
  long (*getrandom)(void *buffer, size_t length);
  unsigned (*geteuid)(void);
  uint64_t (*monotonic_ns)(void);
  uint64_t (*thread_ns)(void); /* processor time of the calling thread */
  /* Of that part of the file how many pages the kernel has in memory. */
  long (*cached)(int fd, uint64_t offset, uint64_t length);

  /* A queue of writes that are under way at the same time, in CACHE_QUEUE_BYTES
   * of zeroed pages that stay until queue_close(). Opening may be refused, and
   * so may a write: both go by pwrite() then. queue_write() begins a write, one
   * of at most CACHE_QUEUE_DEPTH; its bytes must not change before queue_wait()
   * says that the one with this tag ended, with a result as of pwrite(). None
   * may be under way when the queue is closed. The kernel lets go of the pages
   * some time after that, and may write to them until then: whoever unmaps them
   * must give them back to it. */
  int (*queue_open)(void *queue);
  int (*queue_write)(void *queue, int fd, const void *buffer, size_t length,
                     uint64_t offset, unsigned tag);
  int (*queue_wait)(void *queue, unsigned *tag, long *result);
  void (*queue_close)(void *queue);
};
#define CACHE_QUEUE_BYTES ((size_t)3 * CACHE_PAGE_SIZE)
#define CACHE_QUEUE_DEPTH 8u
extern const struct cache_io cache_io_kernel;

/* Where the cache takes memory: page-aligned, zeroed, of its own mapping (see
 * queue_close()); null when there is none.
 * map and unmap are called while the program runs, never while it is stopped.
 */
struct cache_env {
  const struct cache_io *io;
  void *(*map)(size_t length);
  void (*unmap)(void *address, size_t length);
  /* For tests: so many bytes each of the lists that grow with a generation are
   * kept in memory while it is written, 96 or more. 0: as many as suit. */
  size_t lists;
};
extern const struct cache_env cache_env_kernel; /* cache_io_kernel, raw mmap */

/* Whether an error, as negative results have it, is about the bytes of a
 * checkpoint, and not about the attempt to read them: DAMAGED, TRUNCATED,
 * FORGED, OTHER. An older one may be whole. */
bool cache_is_damage(int result);

/* ---- caches and applications ---- */

struct cache; /* an opened cache directory */

/* Opens the cache at path. With create, makes it (0700, parents too) when it is
 * not there. Checks owner, mode and version. The handle is owned by the caller
 * until cache_close(). */
int cache_open(const struct cache_env *env, const char *path, bool create,
               struct cache **cache, struct hwckpt_error *error);
void cache_close(struct cache *cache);

/* Who is told of damage that what is read through this handle does not need,
 * before the call returns, by whichever thread: SEGMENT_HEAD, once of each
 * segment. Null, as at first: nobody. */
void cache_set_warn(struct cache *cache,
                    void (*warn)(const struct hwckpt_error *error));

/* What is written through this handle begins a new segment of the log at this
 * size, instead of 256 MiB. */
void cache_set_segment_size(struct cache *cache, uint64_t bytes);

/* Of what is written through this handle so many writes are under way at the
 * same time, 1 to CACHE_QUEUE_DEPTH. */
void cache_set_writes(struct cache *cache, unsigned writes);

/* Encryption at rest. The user's key wraps a key of each application's own,
 * which lies in its directory; whatever the application's generations and undo
 * logs hold is sealed with that. An application is encrypted from its first
 * generation on or never. Without a key, what an encrypted one holds is
 * KEY_NEEDED, but for what its headers and commit records say.
 *
 * From now on applications that are made through this handle are encrypted, and
 * those that are can be read and written; KEY_WRONG when theirs is another.
 * `only`: those that are not are refused (NOT_ENCRYPTED). The key is copied. */
#define CACHE_KEY 32u
struct cache_key {
  unsigned char bytes[CACHE_KEY];
};
void cache_set_key(struct cache *cache, const struct cache_key *key, bool only);

/* Whether the application has a key; none of the user's is needed. */
int cache_is_encrypted(struct cache *cache, const char *application,
                       bool *encrypted, struct hwckpt_error *error);

/* Wraps the application's key with another of the user's, durably; what it
 * holds stays as it is. NOT_ENCRYPTED: it has none; CACHE_BUSY: somebody
 * writes. */
int cache_rekey(struct cache *cache, const char *application,
                const struct cache_key *to, struct hwckpt_error *error);

/* Other parts of the application, or the application itself, with which a part
 * whose first generation is written through this handle has content in common:
 * it refers to theirs. They are borrowed until others are set; null: none. */
#define CACHE_RELATIVES 4u
struct cache_relatives {
  char names[CACHE_RELATIVES][CACHE_NAME_MAX]; /* "": none */
  bool published[CACHE_RELATIVES];             /* cache_publish() was called for
                                                * one that is being written */
};
void cache_set_relatives(struct cache *cache,
                         const struct cache_relatives *relatives);

/* Which content that is in the log already the generations that cache_begin()
 * begins may refer to, besides what was written through this handle: that of
 * this generation and those that it builds on, as they were found whole; 0: of
 * the newest one; CACHE_NOTHING: of none, and nothing that was written through
 * the handle, as it may be damaged. */
#define CACHE_NOTHING UINT64_MAX
void cache_refer_to(struct cache *cache, uint64_t generation);

/* In a program that goes on somewhere else: what was found out about the
 * processor may not hold any more. */
void cache_forget(void);

struct cache_application {
  char name[CACHE_NAME_MAX];
  uint64_t newest;    /* generation number, 0: none committed */
  uint64_t newest_ns; /* CLOCK_REALTIME of its commit */
  unsigned count;     /* committed generations */
};

struct cache_generation {
  char application[CACHE_NAME_MAX];
  uint64_t number;    /* 1, 2, ... per application, never used twice */
  uint64_t parent;    /* 0: a base */
  uint64_t commit_ns; /* CLOCK_REALTIME */
  uint64_t pages;     /* pages held in this generation */
  uint64_t bytes;     /* bytes of this generation on flash */
  uint64_t raw_bytes; /* bytes of its pages and records before coding */
  unsigned restores;  /* times it was restored */
  uint64_t identity;  /* random; merging keeps it, a copy may have it too */
  bool encrypted;

  /* Figures; 0 in generations of format version 1. */
  uint64_t put_pages;        /* pages put while it was written */
  uint64_t zero_pages;       /* of them dropped as all zero */
  uint64_t same_pages;       /* of them found in the cache already */
  uint64_t merged;           /* generations that were merged into it */
  uint64_t total_written;    /* bytes written for the application so far */
  uint64_t total_put;        /* bytes put for the application so far */
  uint64_t counted_since_ns; /* CLOCK_REALTIME since when these two count */
};

/* Calls visit for every application / every generation of one (ascending
 * numbers), until visit returns non-zero, which is then returned. A damaged
 * generation is visited with pages, bytes as far as known, and `damage`
 * non-zero (a code of errors.def). */
int cache_each_application(struct cache *cache,
                           int (*visit)(const struct cache_application *,
                                        void *),
                           void *context, struct hwckpt_error *error);
int cache_each_generation(struct cache *cache, const char *application,
                          int (*visit)(const struct cache_generation *,
                                       int damage, void *),
                          void *context, struct hwckpt_error *error);

/* Makes an application's directory under a name not yet used: `base` made safe
 * for a file name, '-' and random hex digits. Writes the name. */
int cache_new_application(struct cache *cache, const char *base,
                          char name[CACHE_NAME_MAX],
                          struct hwckpt_error *error);

/* Makes the directory of the application with exactly this name, or leaves it
 * as it is when it is there: for a name that the user chose. */
int cache_use_application(struct cache *cache, const char *name,
                          struct hwckpt_error *error);

/* ---- writing a generation ---- */

struct cache_writer;

struct cache_write_options {
  uint64_t parent; /* the generation this delta builds on; 0: a base */
  int level;       /* zstd level, 1..19, negative levels too; 0: store raw;
                    * CACHE_LEVEL_AUTO: as coding and device were measured */
};
#define CACHE_LEVEL_AUTO INT32_MIN

/* Begins the next generation of application. Only one writer an application at
 * a time, over all processes (CACHE_BUSY). Stale temporary files of dead
 * writers are removed. */
int cache_begin(struct cache *cache, const char *application,
                const struct cache_write_options *options,
                struct cache_writer **writer, struct hwckpt_error *error);

/* Begins a base that is to hold what a generation held elsewhere. It gets that
 * one's number and identity, so that who knows the one knows the other; where
 * there is a generation with that number or a higher one, the next number and
 * an identity of its own. It shares no content with what is there already. */
struct cache_copy {
  uint64_t number, identity;
  int level; /* as in cache_write_options */
};
int cache_begin_copy(struct cache *cache, const char *application,
                     const struct cache_copy *copy,
                     struct cache_writer **writer, struct hwckpt_error *error);

/* The number the generation will have when committed. */
uint64_t cache_writer_number(const struct cache_writer *writer);

/* What was measured until now. */
struct cache_pace {
  uint64_t device;    /* bytes a second that the device writes, 0: not known */
  uint64_t waited_ns; /* for the device, by this writer */
  int level;          /* that is taken now, but for trials; 0: none */
};
void cache_writer_pace(const struct cache_writer *writer,
                       struct cache_pace *pace);

/* Adds count pages at address (page-aligned), copied or coded before return.
 * Pages may come in any order; a later one at an address replaces an earlier
 * one of the same generation. All-zero pages are dropped and recorded as hole.
 */
int cache_put_pages(struct cache_writer *writer, uint64_t address,
                    const void *data, size_t count, struct hwckpt_error *error);

/* The same, but keeps all-zero pages: for addresses where absent does not read
 * as zero but as something else, a mapped file. */
int cache_put_all_pages(struct cache_writer *writer, uint64_t address,
                        const void *data, size_t count,
                        struct hwckpt_error *error);

/* Says that [address, address + length) holds nothing older than this
 * generation: what no page of this generation covers there reads as absent. */
int cache_put_hole(struct cache_writer *writer, uint64_t address,
                   uint64_t length, struct hwckpt_error *error);

/* The same as putting all-zero pages there: what was put before at these
 * addresses counts no more, nor does what is older. */
int cache_put_absent(struct cache_writer *writer, uint64_t address,
                     uint64_t length, struct hwckpt_error *error);

/* Adds a record. Records are read back in the order they were put. Type is the
 * caller's, at most 1 MiB each. */
int cache_put_record(struct cache_writer *writer, uint32_t type,
                     const void *data, size_t length,
                     struct hwckpt_error *error);

/* Makes the pages put up to now durable in the log, so that a part that has
 * this one as its relative refers to them, whatever becomes of this generation.
 * When those are few nothing is done. No more than once a generation. */
int cache_publish(struct cache_writer *writer, struct hwckpt_error *error);

/* Makes the generation durable and ends the writer; on failure the writer is
 * ended as well and nothing of it remains. */
int cache_commit(struct cache_writer *writer, struct cache_generation *result,
                 struct hwckpt_error *error);
void cache_abort(struct cache_writer *writer);

/* ---- the life of generations ---- */

#define CACHE_EXTRA_READS 25u /* percent, where nothing else is said */

struct cache_merge_options {
  int level;   /* as for writing */
  bool always; /* also before it is due */
  /* What a restore may read beyond the pages of the generation, in percent of
   * them: the less, the more is written. 0: CACHE_EXTRA_READS. */
  unsigned extra_reads;
  /* Asked between pieces of work, of some milliseconds each; may sleep. False:
   * to be ended soon. What was done until then counts, when it is worth
   * anything. Null: take your time. */
  bool (*go_on)(void *context);
  void *context;
};

struct cache_merge_result {
  bool merged;
  unsigned generations;  /* that the newest one consisted of before */
  uint64_t copied_pages; /* that had to be written again */
  struct cache_generation generation;
};

/* Merges the newest generation with all it builds on, when that is due: it
 * becomes a base with the same number and content. 0 with merged == false:
 * it is not due, somebody reads, or there was no time. Called after each
 * generation, when nobody reads, it keeps what a restore reads to the pages of
 * the newest one, extra_reads percent of them and 8 MiB where there is time,
 * and to three quarters of them more in any case, for then it does not ask. */
int cache_merge(struct cache *cache, const char *application,
                const struct cache_merge_options *options,
                struct cache_merge_result *merged, struct hwckpt_error *error);

struct cache_retention {
  unsigned keep;        /* bases, each with its deltas, that stay; >= 1 */
  uint64_t keep_for_ns; /* so do those whose newest generation is younger */
  uint64_t quota;       /* bytes of flash for the application; 0: no limit */
  /* And for all applications of the cache together, of which each has a share
   * by its weight (0 is 1); 0: no limit. */
  uint64_t shared_quota;
  unsigned weight;
};

/* Deletes the generations that are not to be kept; then, when the application
 * takes more than its quota, also those that would be, the oldest first, but
 * never the base with the newest generation that can be restored, nor its
 * deltas. CACHE_QUOTA when even those alone take more. */
int cache_retain(struct cache *cache, const char *application,
                 const struct cache_retention *retention,
                 struct hwckpt_error *error);

/* Whether this handle may write now: applications of a cache write one after
 * the other, as far as they ask. True too where the turn cannot be taken at
 * all. The handle has it until it ends it or is closed; not to be asked for
 * twice. */
bool cache_turn_take(struct cache *cache);
void cache_turn_end(struct cache *cache);

/* Calls visit for every part of an application ("APPLICATION/PART"), until it
 * returns non-zero, which is then returned. */
int cache_each_part(struct cache *cache, const char *application,
                    int (*visit)(const char *name, void *context),
                    void *context, struct hwckpt_error *error);

/* Of a part, deletes the bases that only generations older than `oldest` build
 * on, each with those; 0: deletes the part. CACHE_BUSY: somebody writes. */
int cache_retain_part(struct cache *cache, const char *name, uint64_t oldest,
                      struct hwckpt_error *error);

/* Gives back what the parts of an application took that went since the last
 * time, when nobody writes or reads it: else the next time. CACHE_BUSY:
 * somebody writes for the application itself. */
int cache_reclaim(struct cache *cache, const char *application,
                  struct hwckpt_error *error);

/* Bytes of flash that the application takes now, with its parts. */
int cache_used(struct cache *cache, const char *application, uint64_t *bytes,
               struct hwckpt_error *error);

/* ---- reading ---- */

struct cache_reader; /* one generation with its whole chain down to the base */

/* Opens a generation and all it builds on; reads and verifies headers, commit
 * records, indexes and records, not the pages. */
int cache_reader_open(struct cache *cache, const char *application,
                      uint64_t number, struct cache_reader **reader,
                      struct hwckpt_error *error);
/* The same, but of the generations it builds on only headers and commit records
 * are read, and the rest when a plan needs it: for who is in a hurry. */
int cache_reader_open_newest(struct cache *cache, const char *application,
                             uint64_t number, struct cache_reader **reader,
                             struct hwckpt_error *error);
/* The same, but of none is the index kept in memory, which is checked: for who
 * wants the records. */
int cache_reader_open_records(struct cache *cache, const char *application,
                              uint64_t number, struct cache_reader **reader,
                              struct hwckpt_error *error);
/* Reads what that left. From then on plans may be made by several threads at
 * the same time. */
int cache_reader_load(struct cache_reader *reader, struct hwckpt_error *error);
/* No more is read: others may merge and remove generations again. Its records
 * and what it says of the generation stay until it is closed. */
void cache_reader_let_go(struct cache_reader *reader);
void cache_reader_close(struct cache_reader *reader);
const struct cache_generation *
cache_reader_generation(const struct cache_reader *reader);
/* Number of generations in the chain, 1 for a base. */
unsigned cache_reader_chain(const struct cache_reader *reader);

/* Walks the records of the generation itself (not of its parents). Returns the
 * i-th, in the order put, its bytes valid until the reader is closed; false
 * when there is no i-th. */
bool cache_reader_record(const struct cache_reader *reader, size_t i,
                         uint32_t *type, const void **data, size_t *length);

/* What the generation may hold that the one with this number and identity, on
 * which it builds, does not: calls visit for ranges, page-aligned, in any order
 * and overlapping, until it returns non-zero, which is returned. *known: it is
 * of the chain; else nothing is called. */
int cache_reader_since(struct cache_reader *reader, uint64_t number,
                       uint64_t identity,
                       int (*visit)(uint64_t begin, uint64_t end,
                                    void *context),
                       void *context, bool *known, struct hwckpt_error *error);

/* Replay: for the address ranges wanted (ascending, disjoint, page-aligned),
 * calls `page` once for every page the generation holds there, newest content,
 * in any order, with runs of pages as long as they come. Pages without content
 * are not called. Nothing is called for a frame before its checksum was
 * verified. `data` is valid during the call only. A non-zero return of `page`
 * ends the replay and is returned. */
struct cache_range {
  uint64_t begin, end;
};
typedef int cache_page_fn(uint64_t address, const void *data, size_t count,
                          void *context);
int cache_replay(struct cache_reader *reader, const struct cache_range *wanted,
                 size_t wanted_count, cache_page_fn *page, void *context,
                 struct hwckpt_error *error);

/* ---- plans: the same in parts, by several threads, in any order ----
 *
 * A plan resolves the chain once: which generation's frames hold the pages
 * wanted. It consists of units, each some neighbouring frames of one generation
 * and what is wanted of them; no page is in two. Units are in an order good for
 * reading: the newest generation's first, each one's as they lie on flash.
 *
 * A plan does not change once it is made, so any number of threads may use it
 * at the same time, each with a worker of its own (its buffers, its decoder and
 * the file it has open), as long as the reader is open. */

struct cache_plan;
struct cache_worker;

/* Makes a plan for the ranges wanted, which are as for cache_replay(). A unit
 * has at most unit_frames frames (1 to CACHE_UNIT_FRAMES_MAX; a frame is 256
 * KiB of pages): few where one page is waited for, many for throughput. */
#define CACHE_UNIT_FRAMES_MAX 16u
int cache_plan_make(struct cache_reader *reader,
                    const struct cache_range *wanted, size_t wanted_count,
                    unsigned unit_frames, struct cache_plan **plan,
                    struct hwckpt_error *error);
void cache_plan_close(struct cache_plan *plan);

size_t cache_plan_units(const struct cache_plan *plan);
uint64_t cache_plan_pages(const struct cache_plan *plan); /* in all units */

/* The unit that holds the page at address; CACHE_NO_UNIT: no generation has
 * it, it reads as absent, or it was not wanted. O(log n). */
#define CACHE_NO_UNIT SIZE_MAX
size_t cache_plan_find(const struct cache_plan *plan, uint64_t address);

/* The first run of pages without a gap, in any units, that ends behind `from`;
 * its part from there on. False: there is none. */
bool cache_plan_run(const struct cache_plan *plan, uint64_t from,
                    struct cache_range *run);

/* Where pages of a plan lie in the application's log. Pages at the same place
 * have the same content, whichever of its parts they are of. What is in no log
 * is not visited. Visits until visit returns non-zero, which is returned. */
#define CACHE_LOG_FRAME 64u
struct cache_log_run {
  uint64_t address, frame; /* of the first page; a place of the segment */
  unsigned segment;
  unsigned first, count; /* pages of the frame, of CACHE_LOG_FRAME at most */
};
int cache_plan_each_place(const struct cache_plan *plan,
                          int (*visit)(const struct cache_log_run *run,
                                       void *context),
                          void *context);

/* Takes all memory that reading will need: cache_plan_read() takes none. The
 * plan must live as long. */
int cache_worker_open(const struct cache_plan *plan,
                      struct cache_worker **worker, struct hwckpt_error *error);
/* A worker without a plan, for single pages; and with a plan, also another one,
 * of the same reader, from now on. */
int cache_worker_make(struct cache_reader *reader, struct cache_worker **worker,
                      struct hwckpt_error *error);
int cache_worker_turn(struct cache_worker *worker,
                      const struct cache_plan *plan,
                      struct hwckpt_error *error);
void cache_worker_close(struct cache_worker *worker);

/* Where pages go. `page` is as for cache_replay(). `target` may be null: asked
 * for a run of pages, it may return memory into which they are decoded at once,
 * and `page` is not called for them; null: not there. When reading fails that
 * memory holds anything. `once`: nobody reads it again soon, so what the kernel
 * does not have in memory is read past that. */
struct cache_sink {
  cache_page_fn *page;
  void *(*target)(uint64_t address, size_t count, void *context);
  void *context;
  bool once;
};

/* Reads a unit (0 <= unit < cache_plan_units()) and hands out all that is
 * wanted of it, checked. A non-zero return of `page` is returned. A unit may be
 * read any number of times. */
int cache_plan_read(struct cache_worker *worker, size_t unit,
                    const struct cache_sink *sink, struct hwckpt_error *error);

/* Reads one page, for whom it is too early for a plan: hands it out, checked,
 * by sink->page. *there: some generation holds it. Once cache_reader_load() was
 * called several threads may, each with its worker. */
int cache_page_read(struct cache_worker *worker, uint64_t address,
                    const struct cache_sink *sink, bool *there,
                    struct hwckpt_error *error);

/* ---- whole generations ---- */

/* Reads and checks every byte of one generation file, and that what it builds
 * on is there and the one it was (else CHAIN_BROKEN). */
int cache_verify(struct cache *cache, const char *application, uint64_t number,
                 struct hwckpt_error *error);

/* Reads and checks all that a restore of the generation reads: pages of it and
 * of those it builds on. */
int cache_check(struct cache *cache, const char *application, uint64_t number,
                struct hwckpt_error *error);

/* Counts a restore of the generation, durably; *count is the new value
 * (1 for the first). */
int cache_count_restore(struct cache *cache, const char *application,
                        uint64_t number, unsigned *count,
                        struct hwckpt_error *error);

#endif
