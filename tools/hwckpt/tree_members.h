/* tree_members.h - the processes of a tree in one checkpoint, and what is said
 * to each of them. */
#ifndef HWCKPT_TREE_MEMBERS_H
#define HWCKPT_TREE_MEMBERS_H

#include "tree_cut.h"

/* How far a member is; ascending. */
enum tree_phase {
  PHASE_NEW,
  PHASE_JOINED,
  PHASE_PREPARING,
  PHASE_BEGUN,
  PHASE_PREPARED,
  PHASE_CLOSING,
  PHASE_CLOSED, /* where there are no critical sections, at once */
  PHASE_STOPPING,
  PHASE_STOPPED,
  PHASE_CAPTURING,
  PHASE_CAPTURED,
  PHASE_RESUMED,
  PHASE_WRITTEN,
  PHASE_COMMITTING,
  PHASE_COMMITTED
};

struct tree_member {
  struct tree_process process;
  enum tree_phase phase;
  int fd;            /* -1: not connected */
  bool listed;       /* by the last walk */
  uint64_t seen_ms;  /* for the first time */
  uint64_t asked_ms; /* the last time, 0: not yet */
  bool known;        /* to have the runtime */
  bool left_out;     /* as it has none */
  bool fresh;        /* has no generation yet */
  bool publishes;    /* what it has, to those it forked */
  bool sections;     /* its program has had critical sections */
  uint64_t prepared_ms;
  char application[TREE_APPLICATION];
  uint64_t number; /* of its generation */
  struct tree_stopped
      *stopped; /* by a signal, traced for now: tree_stopped.h */
  bool stays;   /* stopped, as it was captured */
};

struct tree_members {
  struct tree_member *list;
  size_t count, room;
  uint32_t cut;
  pid_t root;
};

uint64_t tree_now_ms(void);

/* By process id in our own namespace; null: it is none. */
struct tree_member *tree_member_find(const struct tree_members *members,
                                     pid_t pid);
/* Null: no memory. */
struct tree_member *tree_member_add(struct tree_members *members,
                                    const struct tree_process *process);
/* Whether it has its parent's memory, between vfork and exec. */
bool tree_member_has_parents_memory(const struct tree_members *members,
                                    const struct tree_member *member);
/* The same, with nobody who waits for it: it was not made by vfork. */
bool tree_member_keeps_parents_memory(const struct tree_members *members,
                                      const struct tree_member *member);
bool tree_member_is_root(const struct tree_members *members,
                         const struct tree_member *member);
/* Zombies take no part but in the records. */
bool tree_member_takes_part(const struct tree_member *member);
/* "process 12 (make)". */
void tree_member_name(const struct tree_member *member, char *text,
                      size_t size);

/* Sends; false: it does not listen any more. */
bool tree_member_say(const struct tree_members *members,
                     struct tree_member *member, struct tree_message *message,
                     enum tree_word word, const void *data, size_t length);
/* Queues the stop signal to a process that has the runtime. */
void tree_member_ask(const struct tree_members *members,
                     struct tree_member *member);
void tree_member_hang_up(struct tree_member *member);

/* In the order in which they are numbered: by process id, as they see it. */
void tree_members_sort(struct tree_members *members);

/* The TreeMember record of a member; its length. */
size_t tree_member_record(const struct tree_members *members,
                          const struct tree_member *member, void *record,
                          size_t size);

#endif
