/* family.h - the processes of a tree, made again in its shape before any of
 * them becomes the program: parents before children, each with its old id,
 * session and process group; those that had ended, and nobody asked for their
 * status, end again so.
 *
 * What has no process any more - a session or group whose leader ended, the
 * parent of an orphan - is made by a stand-in, which is gone before the first
 * of them goes on. */
#ifndef HWCKPT_FAMILY_H
#define HWCKPT_FAMILY_H

#include "pid_namespace.h"

#include "runtime/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum relative_kind { RELATIVE_MEMBER, RELATIVE_ENDED, RELATIVE_STAND_IN };

struct relative {
  enum relative_kind kind;
  pid_t pid;       /* 0: any, of a stand-in */
  int parent;      /* index of its parent, FAMILY_OUTSIDE: none of them */
  pid_t group;     /* 0: that of the tool */
  pid_t session;   /* 0: that of the tool */
  int status;      /* of RELATIVE_ENDED, as of waitpid() */
  int exit_signal; /* of RELATIVE_ENDED, 0: none; others execute the restorer,
                      which the kernel takes SIGCHLD for */
  int member;      /* of RELATIVE_MEMBER, for family_entry */
  bool subreaper;  /* orphans of those below it become its children */
  /* A descriptor of the terminal that is to control the session it leads, or
   * of the root in the session of the tool, 0: none, and the process group in
   * front there. */
  int terminal;
  pid_t foreground;
  /* By births.c: who makes it, before or after that one makes its session, as a
   * child or as a sibling; the session it is born in, and which one it should
   * be. */
  int forker;
  bool is_placed, early, sibling;
  pid_t first, wanted;
};
#define FAMILY_OUTSIDE (-1)

struct family;

/* What a member does when all are born; it does not come back. */
struct family_entry {
  void (*run)(void *context, int member) __attribute__((noreturn));
  /* In it, before any of them does that. */
  void (*born)(void *context, int member);
  /* In a process that cannot be made as it was, before it ends. */
  void (*failed)(void *context, const struct hwckpt_error *error);
  void *context;
  int life;     /* as in supervise_release() */
  int tool_end; /* of the same, which only the tool keeps */
};

/* From the relatives, the root first; adds stand-ins. Null: no memory, or
 * (errno EDOM) no way was found to make one in its session. */
struct family *family_plan(const struct relative *relatives, size_t count,
                           const struct family_entry *entry);
/* Of a plan of which nothing was made. */
void family_free(struct family *family);
/* In the process that is the root: makes all below it, and becomes it. */
_Noreturn void family_be_root(struct family *family);
/* In the root's parent, after the root was made: those whose parent is none of
 * the tree. Returns 0 or a negative errno. */
int family_make_orphans(struct family *family);
/* The highest id in it. */
pid_t family_highest(const struct family *family);
/* Those that are not born as far as that end. */
void family_give_up(const struct family *family);

#endif
