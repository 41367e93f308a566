/* resource.h - what every kind of kernel object looks like to the rooms above.
 *
 * One file a kind. Three shapes: objects of the process as a whole (struct
 * resource_kind), of each thread (struct thread_kind) and open descriptors
 * (struct descriptor_kind); registry.c lists them. The files do not know each
 * other.
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
  uint64_t size, mtime_ns;
  uint64_t id; /* of the open file, where the kernel tells it; 0: no */
  bool close_on_exec;
  bool locked; /* locks are held through it */
  bool linked; /* the file has a name */
  /* Of a unix socket: how many descriptors are on their way in it, and the
   * number that the first of them has here (flight.h), -1: they were not looked
   * at. */
  int32_t flying, flight;
  uint64_t carrier; /* on its way: in the socket with this inode; else 0 */
};

/* A thread of the program that stands still. */
struct thread_fact {
  int32_t tid;
  uint64_t blocked; /* signals that its code blocks, bit n - 1 for signal n */
  uint32_t secure_bits; /* PR_GET_SECUREBITS */
};

/* A descriptor of any process of the tree that the program is, while all of
 * them stand still. */
struct tree_fact {
  uint64_t device, inode;
  uint32_t mode, flags; /* as above */
  int32_t member;       /* which process, in the order of TreeMember records */
  int32_t number; /* of one on its way: behind the highest of the process */
  uint64_t file;  /* equal numbers above 0 are one open file (kcmp(2)) */
};
/* Rows of this device are mappings of System V shared memory, one each: the
 * inode is its id, the number -1. */
#define TREE_SYSTEM_V_DEVICE 0u
/* Rows of this device are descriptors of pseudo terminals, beside those of
 * their own: the inode is the terminal's number and 1, the number -1, the flags
 * TREE_TERMINAL_MASTER or 0. */
#define TREE_TERMINAL_DEVICE (~0ull)
#define TREE_TERMINAL_MASTER 1u
/* Rows of this device are what the first process was started with, or came back
 * with, at 0 to 2: the inode is that of such a file, `file` its device,
 * `member` which of the three it is, the number -1. */
#define TREE_STANDARD_DEVICE (~1ull)
/* Rows of this device are processes that a signal has stopped: the inode is its
 * id, `file` that of its parent (0: not in the tree), the number -1, the flags
 * TREE_STOPPED_WAITS where the parent has not asked for it, or 0. */
#define TREE_STOPPED_DEVICE (~2ull)
#define TREE_STOPPED_WAITS 1u
/* Rows of this device are the processes, those that have ended too: the inode
 * is the id, the number -1. */
#define TREE_PROCESS_DEVICE (~3ull)

/* A shared mapping of a file without a name, or a part of one; what it holds is
 * in the pages of the generation. */
struct mapped_part {
  uint64_t device, inode;
  uint64_t address;
  uint64_t offset, length; /* no farther than the file goes */
  bool system_v;
  bool kernel_aio; /* of io_setup(2) */
};

#define RESOURCE_LATER 64u

/* Where saved records go, and scratch memory for messages (one at a time). */
struct resource_sink {
  int (*put)(struct resource_sink *sink, uint32_t type, const void *data,
             size_t length, struct hwckpt_error *error);
  /* Says (once a checkpoint) what will not come back. */
  void (*warn)(struct resource_sink *sink, const struct hwckpt_error *error);
  /* Memory that the kernel may write past the page tables as long as the
   * program runs, and does not now. */
  void (*pinned)(struct resource_sink *sink, uint64_t begin, uint64_t end);
  /* Memory of the program has been written in the stop, nobody knows where. */
  void (*written)(struct resource_sink *sink);
  /* Has all threads of the program do the task at the same time, on little
   * stacks, with all signals blocked, and waits for them; 0 or a negative code
   * where there is no memory for that. */
  int (*on_threads)(const struct resource_sink *sink,
                    void (*task)(unsigned thread, void *argument),
                    void *argument, struct hwckpt_error *error);
  bool go_on;    /* what is not supported is said, and no reason to fail */
  void *scratch; /* RESOURCE_SCRATCH bytes */
  int pidfd;     /* of the program, for pidfd_getfd() */
  const struct thread_fact *threads; /* the main thread first */
  size_t thread_count;
  const struct mapped_part *mapped; /* ascending addresses */
  size_t mapped_count;
  bool another_root; /* than who restores; filled by file_system.c */
  /* Than it was started with, of any thread; filled by credentials.c. */
  bool other_credentials;
  /* /proc/self/status of the main thread; filled by resources_save(). */
  const char *status;
  /* All descriptors of the program; filled by resources_save(). */
  const struct descriptor_fact *facts;
  size_t fact_count;
  size_t object_lists; /* of their index by object (same_object.h) */
  /* Of a tree of processes: descriptors of all of them, ascending by device,
   * inode, member, number; and which member this one is. Null: no tree. */
  const struct tree_fact *tree;
  size_t tree_count;
  int32_t member;
  /* /proc/self/fd and fdinfo, while descriptors are looked at: a name below
   * takes half the time of a whole path. */
  int links, infos;
  /* Duplicates of what descriptor_kind.confirm() is to look at. */
  int later[RESOURCE_LATER];
  unsigned later_count;
  /* The userfaultfd of the program that comes back (-1: none) and what it was
   * opened with; filled by userfaultfd.c. */
  int32_t faults;
  uint32_t fault_features;
};
/* The most descriptors that a program may have. */
#define RESOURCE_DESCRIPTORS ((size_t)1 << 16)
/* Of the scratch memory, of which only what is used is there: encoded messages,
 * bytes of pipes, the facts, their order, their index, the status, unix
 * sockets. */
#define RESOURCE_SCRATCH_DATA ((size_t)64 << 10)
#define RESOURCE_SCRATCH_FACTS ((size_t)128 << 10)
#define RESOURCE_SCRATCH_ORDER                                                 \
  (RESOURCE_SCRATCH_FACTS +                                                    \
   RESOURCE_DESCRIPTORS * sizeof(struct descriptor_fact))
#define RESOURCE_SCRATCH_OBJECTS                                               \
  (RESOURCE_SCRATCH_ORDER + RESOURCE_DESCRIPTORS * sizeof(uint32_t))
#define RESOURCE_SCRATCH_STATUS                                                \
  (RESOURCE_SCRATCH_OBJECTS + RESOURCE_DESCRIPTORS * 2 * sizeof(uint32_t))
#define RESOURCE_SCRATCH_UNIX (RESOURCE_SCRATCH_STATUS + ((size_t)8 << 10))
#define RESOURCE_SCRATCH (RESOURCE_SCRATCH_UNIX + ((size_t)5 << 20))

struct resource_record {
  uint32_t type;
  uint32_t length;
  const void *data;
};

/* A restored thread's id at the checkpoint, and now. */
struct thread_now {
  int32_t saved, now;
  bool again; /* in a rollback: it had ended, and is started again */
};

/* An open file that the restorer made for a shared mapping. */
struct resource_file {
  uint64_t device, inode; /* at the checkpoint */
  int32_t descriptor;     /* of now, out of the program's way */
  uint32_t unused;
};
#define RESOURCE_FILES 1000u

/* What becomes of what files were changed after the checkpoint. */
enum file_policy { FILES_ROLLBACK, FILES_KEEP, FILES_CHECK };

/* Where a restore takes its records from, and what it has to say. */
struct resource_source {
  const struct resource_record *records;
  size_t count;
  size_t at; /* the record of the descriptor that is restored */
  void (*warn)(struct resource_source *source,
               const struct hwckpt_error *error);
  void *scratch;    /* RESOURCE_SCRATCH bytes */
  bool indexed;     /* descriptors, there (saved_object.h) */
  int inherited[3]; /* who restores: its 0..2, moved out of the way; -1: none */
  enum file_policy files;
  bool waits; /* a descriptor is not open yet: see struct descriptor_kind */
  struct resource_file *mapped; /* at most RESOURCE_FILES */
  size_t mapped_count;
  /* Of a tree of processes: what this one makes for others, and what others
   * make for it, by keys (tree.h). A negative errno where it cannot be; take()
   * waits, and returns a descriptor. Null: no tree. */
  long (*give)(struct resource_source *source, uint64_t key, int descriptor);
  long (*take)(struct resource_source *source, uint64_t key);
  const struct thread_now *threads; /* for resources_finish() */
  size_t thread_count;
  /* In resources_finish(): runs the task on every thread but the main one, with
   * all signals blocked, and waits. Their stacks are the program's: it is to
   * take little. */
  void (*on_others)(const struct resource_source *source,
                    void (*task)(void *argument), void *argument);
  /* A rollback: the process goes on, with all it has now. Whether a file that
   * is gone, or shorter, will be as it was; null: no. */
  bool rolls_back;
  bool (*comes_back)(const struct resource_source *source, const char *path,
                     bool shorter);
  struct descriptor_now *now; /* room for RESOURCE_DESCRIPTORS, ascending */
  size_t now_count;
};

/* In a rollback, an open descriptor before anything is changed. */
struct descriptor_now {
  int32_t number;
  int32_t same_as; /* lower one with the same open file, -1: none */
  bool stays;      /* is taken back as it is; else closed, or opened anew */
};
/* The highest number that the kernel lets a descriptor have (sysctl
 * fs.nr_open).
 */
#define RESOURCE_DESCRIPTOR_MAX ((1 << 30) - 1)

/* Encodes message by its nanopb description into sink's scratch and puts it. */
int resource_put(struct resource_sink *sink, uint32_t type,
                 const pb_msgdesc_t *fields, const void *message,
                 struct hwckpt_error *error);
/* Decodes a record; E314 when it is malformed. */
int resource_get(const struct resource_record *record,
                 const pb_msgdesc_t *fields, void *message,
                 struct hwckpt_error *error);

/* The first record that was put with the descriptor at source->at: its own is
 * the last of them. */
size_t resource_first_own(const struct resource_source *source);
/* The record of that type that was put with the descriptor at source->at; E314
 * when there is none. */
int resource_get_own(const struct resource_source *source, uint32_t type,
                     const pb_msgdesc_t *fields, void *message,
                     struct hwckpt_error *error);
/* The first record of that type after *index, whose own index is then there;
 * false: no more. Begin with *index = -1. */
bool resource_next(const struct resource_source *source, uint32_t type,
                   size_t *index);
/* The id that the thread has now; E314 when there was none. */
int resource_tid(const struct resource_source *source, int32_t saved,
                 struct hwckpt_error *error);
/* E318, of something that the restored program goes on without. */
void resource_not_set(struct resource_source *source, long result,
                      const char *object, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));
/* Refuses the checkpoint with E208 because of the object, or says with E205
 * that it is left out, and returns 0, where the user wants that. */
int resource_unsupported(struct resource_sink *sink, struct hwckpt_error *error,
                         const char *object, const char *detail, ...)
    __attribute__((format(printf, 4, 5)));

struct resource_kind {
  const char *name;
  /* When the program begins, before its own code, and when it comes back: notes
   * what it has of others, to tell later what it changed itself. Null: nothing.
   */
  void (*begin)(void);
  /* On the checkpoint thread before a stop: what would take long in it. Null:
   * nothing. */
  void (*look)(void);
  /* In the stop, before anything is saved: what changes by itself while other
   * kinds are. Null: nothing. */
  void (*first)(void);
  /* Null: descriptors have it. */
  int (*save)(struct resource_sink *sink, struct hwckpt_error *error);
  /* Before any descriptor is there. Null: nothing. */
  int (*restore)(struct resource_source *source, struct hwckpt_error *error);
  /* When all descriptors and threads are there, and every thread still blocks
   * all signals: the place for what begins to act then. Null: nothing. */
  int (*finish)(struct resource_source *source, struct hwckpt_error *error);
  /* Of a tree, when nothing is left that could fail in any of its processes,
   * and they go on. Null: nothing. */
  void (*go_on)(struct resource_source *source);
  /* Before a rollback changes anything: what would keep restore() from it.
   * Null: nothing. */
  int (*check)(struct resource_source *source, struct hwckpt_error *error);
};

/* What the kernel keeps for each thread. */
struct thread_kind {
  const char *name;
  void (*begin)(void); /* as above, on the main thread */
  int (*save)(struct resource_sink *sink, const struct thread_fact *thread,
              struct hwckpt_error *error);
  /* From one record of `type`, on the main thread, when all threads are there
   * and block all signals. */
  uint32_t type;
  int (*restore)(struct resource_source *source,
                 const struct resource_record *record,
                 struct hwckpt_error *error);
};

/* What is known of a descriptor before its kind is: message has number, flags,
 * close_on_exec, path (the link's text), offset, mode, size, mtime_ns, device,
 * inode filled. */
struct descriptor_kind {
  const char *name;
  DescriptorKind kind;
  void (*begin)(void); /* as of struct resource_kind */
  bool (*recognise)(const struct resource_sink *sink,
                    const Descriptor *message);
  /* In the stop, before anything of descriptors is saved, of those whose file
   * has no type: waits for what changes them, and memory, by itself, without
   * end of its own; whether there was such. Null: nothing. */
  bool (*rest)(const struct resource_sink *sink, const Descriptor *message);
  /* Fills what only this kind knows; may put records that come before the
   * descriptor's own. Null: nothing. */
  int (*save)(struct resource_sink *sink, Descriptor *message,
              struct hwckpt_error *error);
  /* At the end of the stop, when everything is captured, of other processes
   * too, or it failed: what was held. Null: nothing. */
  void (*let_go)(void);
  /* When the program runs again, before the checkpoint counts: what would have
   * taken too long in the stop. Also with a null error, when it fails for
   * another reason: nothing is looked for then. Null: nothing. */
  int (*confirm)(struct resource_sink *sink, struct hwckpt_error *error);
  /* Opens the object again: returns a new descriptor (any number), or a
   * negative code of errors.def. */
  int (*open)(struct resource_source *source, const Descriptor *message,
              struct hwckpt_error *error);
  /* Whether open() takes it of another process of the tree, and so must come
   * after what this one gives. Null: no. */
  bool (*takes)(const struct resource_source *source,
                const Descriptor *message);
  /* Whether it can only be opened once files are as they were at the
   * checkpoint: by its path something else is there for now. Null: no. */
  bool (*waits)(const Descriptor *message);
  /* Called with the placed descriptor once every descriptor is there: what
   * refers to others. Null: nothing. */
  int (*link)(struct resource_source *source, const Descriptor *message,
              int descriptor, struct hwckpt_error *error);
  /* Called with the placed descriptor once every descriptor could be opened:
   * the place for what changes files on disk. Null: nothing. */
  int (*settle)(struct resource_source *source, const Descriptor *message,
                int descriptor, struct hwckpt_error *error);
  /* Called with the placed descriptor when all have settled: what finds others
   * by the names that they have got. Null: nothing. */
  int (*meet)(struct resource_source *source, const Descriptor *message,
              int descriptor, struct hwckpt_error *error);
  /* When all have met, or one could not: what was held for it. Null: nothing.
   */
  void (*met)(void);
  /* Rollback of a descriptor that still has the object it had: takes it back;
   * settle() comes after. Null: it is closed and opened, as a restore does. */
  int (*rewind)(struct resource_source *source, const Descriptor *message,
                int descriptor, struct hwckpt_error *error);
  /* Before a rollback changes anything: what would keep rewind() (descriptor:
   * the one it is) or open() (-1) from it. Null: nothing. */
  int (*check)(struct resource_source *source, const Descriptor *message,
               int descriptor, struct hwckpt_error *error);
};

/* credentials.c: the calling thread gets those of the program. Each thread,
 * when it has no more to restore; on what resources_finish() found. */
void resources_become(void);

/* registry.c */
void resources_begin(void);
/* seccomp.c: the runtime installed a seccomp filter itself; how many there are
 * that are not the program's. */
void resources_own_filter(void);
uint32_t resources_other_filters(void);
/* Before and after resources_become(): the calling thread is under the filters
 * of system calls of the program, and may make those of resume.c that follow
 * only (filter_run.c). */
void resources_confine(bool has_become);
/* Fails where such a filter lets the program's threads not stop, or the
 * runtime's not work. On any thread, before anything else; whether there are
 * such. */
int resources_may_stop(struct hwckpt_error *error);
bool resources_filtered(void);
/* Whether one forbids what undo logs take. */
bool resources_forbid_undo(void);
/* Whether one forbids the runtime's threads to go before others. */
bool resources_forbid_hurry(void);
/* Whether one ends who ends the program otherwise than by a signal. */
bool resources_forbid_end(void);
/* Whether one ends who takes a lock with signals blocked. */
bool resources_forbid_lock(void);
/* Whether one keeps the program's threads from asking their rings (io_uring).
 */
bool resources_forbid_rings(void);
/* What the runtime's threads, or else any of the program's, cannot do for them:
 * open a socket; send by it; name a thread. */
bool resources_forbid_socket(bool of_runtime);
bool resources_forbid_answer(bool of_runtime);
bool resources_forbid_name(void);
/* Before the stop, and then in it. */
void resources_look(void);
int resources_save(struct resource_sink *sink, struct hwckpt_error *error);
/* At the end of the stop, whatever became of it. */
void resources_let_go(void);
/* After the stop: whether what was saved stands. With a null error, it does not
 * matter any more. */
int resources_confirm(struct resource_sink *sink, struct hwckpt_error *error);
/* Restores all kinds, and changes nothing on disk; descriptors that wait are
 * not open yet. `keep` (the status pipe) is moved to a number that no
 * descriptor of the program uses, and returned in *keep. Everything else that
 * was open is closed. */
int resources_restore(struct resource_source *source, int *keep,
                      struct hwckpt_error *error);
/* Then, files being rolled back by whoever has their undo logs: opens what
 * waited, and changes what is to be changed on disk. */
int resources_settle(struct resource_source *source,
                     struct hwckpt_error *error);
/* Rollback, on the main thread, the others standing still. Whether it can be;
 * changes nothing, and fills source->now. */
int resources_check(struct resource_source *source, struct hwckpt_error *error);
/* Then: what resources_restore() does, but what is as it was stays. */
int resources_roll_back(struct resource_source *source,
                        struct hwckpt_error *error);
/* The rest, when the threads in source->threads are there. */
int resources_finish(struct resource_source *source,
                     struct hwckpt_error *error);

/* Then, when all processes of a tree are as far. */
void resources_go_on(struct resource_source *source);

/* Whether a descriptor of these flags and mode reads past the page tables; and
 * whether the process has one. On the checkpoint thread. */
bool resource_is_direct(uint32_t flags, uint32_t mode);
bool resources_read_directly(void);

/* file_system.c: fails where the calling thread has another root directory than
 * the program began with, from which nothing can be looked at. On the
 * checkpoint thread, before any thread is stopped. */
int resources_within_reach(struct hwckpt_error *error);
/* The program gets its root directory, when nothing is to be opened any more.
 * On its main thread, which has that in common with the others. */
int resources_enter_root(struct hwckpt_error *error);

/* namespaces.c: a kind of namespace that the program has entered since it was
 * started, or its forerunner before, of which it is told; "": none. The string
 * stays. Async-signal-safe, also in a child of vfork. */
const char *resources_entered(void);
void resources_executed_in(const char *entered);

#endif
