/* tree_cut_state.h - between the files of one checkpoint of all processes of a
 * program (tree_cut.c): how far it is, who takes part (tree_part.c), what is
 * said and answered (tree_talk.c). */
#ifndef HWCKPT_TREE_CUT_STATE_H
#define HWCKPT_TREE_CUT_STATE_H

#include "tree_cut.h"
#include "tree_members.h"

struct cut {
  const struct tree_cut_request *request;
  struct tree_members members;
  enum tree_phase target;
  struct tree_message why; /* what PREPARE says of it */
  struct hwckpt_error error;
  bool failed;
  uint64_t driven_ms; /* since when they are driven to the target */
  uint64_t late_ms;   /* since when only those born later are behind */
  bool go_on;         /* the root says: without those that have no runtime */
  uint64_t walked_ms; /* the last time */
  bool section_open;  /* a member has said so */
  bool root_says;     /* why it failed */
  struct tree_callers *silent, *late;
};

/* ---- tree_cut.c ---- */

/* For tests: HWCKPT_TREE_HOLD=PHASE=DIRECTORY. */
void tree_cut_hold(const char *phase);

/* ---- tree_part.c ---- */

/* The first failure is that of the cut. Member: null, it is the program's. */
void tree_cut_fail(struct cut *cut, enum hwckpt_code code,
                   const struct tree_member *member, const char *detail);
/* What a member said of it. */
void tree_cut_fail_as(struct cut *cut, const struct tree_member *member,
                      const struct hwckpt_error *error);
/* It has ended, or runs another program now. */
void tree_cut_lose(struct cut *cut, struct tree_member *member);
/* Looks who is there; returns whether somebody is new. */
bool tree_cut_walk(struct cut *cut);
/* Of one that has not answered: whether it is a program without the runtime. */
void tree_cut_check_new(struct cut *cut, struct tree_member *member);
/* A member that takes no part says why, in the place of HELLO. */
void tree_cut_declined(struct cut *cut, struct tree_caller *caller);
/* Fails as that member did not come in time. */
void tree_cut_give_up(struct cut *cut, const struct tree_member *member);

/* ---- tree_talk.c ---- */

bool tree_cut_say(struct cut *cut, struct tree_member *member,
                  enum tree_word word);
/* The next word to a member, if it may be said. */
void tree_cut_push(struct cut *cut, struct tree_member *member);
/* Somebody says who he is; takes the caller over. */
void tree_cut_join(struct cut *cut, struct tree_caller *caller);
/* Waits until somebody says something, or for a while. */
void tree_cut_listen(struct cut *cut, uint64_t milliseconds);
/* All stand: each is told what it shares, and captures. */
void tree_cut_let_capture(struct cut *cut);

#endif
