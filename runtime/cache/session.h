/* session.h - what an opened cache remembers of an application from one
 * generation it writes to the next: where the log ends, and what is in it.
 *
 * Invariant: a session is used only while nobody else wrote for the
 * application: every writer counts up the turn in the lock's file, and a
 * session whose turn is not the last is forgotten. So a segment is appended to
 * by one handle of one process alone, also among forked children: each takes
 * numbers for its segments that nobody else has, and holds a lock on the one it
 * appends to. What it knows of the log is there while it is used: whoever gives
 * space back counts that up, and waits for all who write.
 */
#ifndef HWCKPT_CACHE_SESSION_H
#define HWCKPT_CACHE_SESSION_H

#include "content.h"
#include "directory.h"

struct session {
  char application[CACHE_NAME_MAX];
  char log_of[CACHE_NAME_MAX]; /* the application whose log it writes to */
  uint64_t turn;
  uint64_t freed; /* how often space of the log had been given back */

  /* The segment that is appended to; fd is -1 when there is none: then it is
   * the number for the next, or 0. */
  uint32_t segment;
  int fd;
  bool direct;  /* fd has O_DIRECT */
  bool named;   /* its name is durable */
  uint64_t end; /* behind the last committed byte, a multiple of the page */
  uint64_t allocated; /* bytes fallocated; UINT64_MAX: refused */

  void *queue;        /* of writes, CACHE_QUEUE_BYTES; null: none yet */
  bool queue_refused; /* it cannot be had, or does not serve */

  struct content content;
  bool recalled; /* it says what was there before */
};

/* Makes others forget what they remember of the application: for whoever holds
 * the lock and changes what they may rely on. A valid session of our own stays
 * with the cache, one that is not valid any more is forgotten. */
int session_take_turn(struct cache *cache, const char *application, int lock,
                      struct hwckpt_error *error);

/* The same, and takes the session from the cache, or makes one: it is the
 * caller's until session_return(). */
int session_begin(struct cache *cache, const char *application, int lock,
                  struct session **session, struct hwckpt_error *error);
void session_return(struct cache *cache, struct session *session);

/* Ends the queue of writes. */
void session_leave_queue(struct cache *cache, struct session *session);

/* Forgets the segment that was appended to. */
void session_leave_segment(struct cache *cache, struct session *session);

/* Takes a number for the next segment the session makes, when it appends to
 * none; `directory` is the log's. */
int session_find_segment(struct cache *cache, int directory,
                         struct session *session, struct hwckpt_error *error);

/* Closes the segment that is appended to, whose lock may be shared with a
 * forked child. */
void session_close_segment(struct cache *cache, struct session *session);

/* For cache_close(): gives back what was allocated ahead, and the memory. */
void session_close(struct cache *cache);

#endif
