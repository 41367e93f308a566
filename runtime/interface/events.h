/* events.h - checkpoint requests, which the checkpoint thread serves
 * (checkpoint_thread.h).
 *
 * Any thread, a signal handler too, posts a request; one checkpoint serves all
 * that are there when it begins, the timer's too. The record has all of them,
 * and the cause of the first.
 */
#ifndef HWCKPT_INTERFACE_EVENTS_H
#define HWCKPT_INTERFACE_EVENTS_H

#include "../error.h"
#include "../sanitizer/face.h"
#include "records.pb.h"

#include <stdbool.h>
#include <ucontext.h>

/* `generation` of the application is the one that the program comes back from;
 * 0: it begins. Of `tracking` see restored.h. Sets options and, with a timer or
 * something that tracks, starts the checkpoint thread. */
void events_start(const struct hwckpt_options *options, const char *cache,
                  const char *application, uint64_t generation, int tracking);

/* Asks for a checkpoint; starts the checkpoint thread when there is none.
 * detail is for the monitor of the event, which describes it (monitor.h). 0 or
 * a negative errno. Async-signal-safe. */
int events_request(Event event, uint32_t detail);

/* The same, but if all that is asked for is asked for so, a site is waited for
 * first (monitors_site_ns()). */
int events_request_patiently(Event event, uint32_t detail);

/* Something is to be rolled back (rollbacks.h). Async-signal-safe. */
int events_request_rollback(void);

/* Something is held back: the checkpoint thread asks monitors when it is due.
 * Async-signal-safe. */
int events_look_again(void);

/* The generation that the program came back from, 0: it did not. */
uint64_t events_restored_from(void);

/* The futex that the checkpoint thread sleeps on, and the bit of it by which it
 * looks again: for who may call nothing. */
_Atomic uint32_t *events_word(uint32_t *bit);

/* When the last checkpoint was begun, 0: none yet. */
uint64_t events_begun_ns(void);

/* The same as events_request(), and then the program ends with EVENTS_EXIT;
 * when no checkpoint can be taken, by that signal. In a child at once. */
#define EVENTS_EXIT 85
void events_request_exit(int signal, uint32_t detail);

/* Monitors have something else to watch for; waits for a moment until they do,
 * if asked to. */
void events_monitors_changed(bool wait);
/* Waits for that moment; with the stop signal not blocked, as monitors may have
 * to stop the threads before they watch. */
void events_await_monitors(void);

/* An error, or a warning, for people, on the checkpoint thread. The same again
 * is not said. */
void events_say(const struct hwckpt_error *error);
/* A line that is no error, likewise; always said. */
void events_report(const char *text);
/* What a call returns for it. */
int events_errno(const struct hwckpt_error *error);

/* In a signal handler: asks for a checkpoint and waits for its result. */
int events_save(ucontext_t *context);
/* The same, asked for by other means. */
int events_save_by(ucontext_t *context, void (*ask)(void));
/* Asks, and waits until it is served; the context is as it was then. */
void events_wait_by(ucontext_t *context, void (*ask)(void));
/* The same at a site, for every_site. */
void events_save_at_site(ucontext_t *context);
/* Asks to be rolled back; returns only when that fails, a negative errno. */
int events_load(ucontext_t *context);

/* The generation that a load goes back to, as far as is known now; 0: none. */
uint64_t events_newest(void);

/* Regions are to be saved or loaded; 0 or a negative errno. */
int events_request_regions(void);

/* Whether this process is the one the runtime serves, not a child of it. */
bool events_here(void);

/* The same; but a child of a program whose processes are checkpointed together
 * begins a runtime of its own now. Async-signal-safe. */
bool events_serve(void);
/* In a child that libc has just forked: the same, where there is something to
 * watch for that it does not inherit; which is watched when this returns. */
void events_forked(void);

/* In a handler: the coordinator asks for this process's part in a checkpoint.
 */
void events_join(uint32_t cut);

/* The options every_site and rollback_every. */
uint64_t events_every_site(void);
/* The option hang. */
uint64_t events_hang_ns(void);
/* Whether something was requested that is not seen yet. */
bool events_wanted(void);
uint64_t events_rollback_every(void);

#endif
