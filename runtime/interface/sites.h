/* sites.h - the poll sites of all modules, and arming them.
 *
 * A site is armed by one byte of code: the first, which becomes a breakpoint,
 * or of CKPT.POLL the second, which makes a trap of a NOP. Invariant: the
 * original byte of every site is known before the first is armed, and an armed
 * byte is never captured. The address of a site is here that of its byte.
 */
#ifndef HWCKPT_INTERFACE_SITES_H
#define HWCKPT_INTERFACE_SITES_H

#include <stdbool.h>
#include <stdint.h>

/* Does beforehand, while the threads run, what arming takes long for. On the
 * checkpoint thread. */
void sites_prepare(void);
/* Makes every site trap; nothing happens (the stop signal serves) when a thread
 * had SIGTRAP or SIGILL blocked at sites_prepare(), for the kernel would end
 * the program there. On the checkpoint thread. */
void sites_arm(void);
/* While no checkpoint is taken: whether a thread comes to a site until then.
 * Sites trap meanwhile; who comes goes on at once. On the checkpoint thread. */
enum sites_seen {
  SITES_UNKNOWN, /* give_up() said so, or no site can trap: there is none, or
                  * some trap always */
  SITES_REACHED,
  SITES_NOT_REACHED,
};
enum sites_seen sites_look(uint64_t until_ns, bool (*give_up)(void));
/* Before sites_arm(): makes annotated sites trap alone, and waits until a
 * thread stands at one, which may be in no table; or until then, or as long as
 * give_up() says no. Whether there is one: it stays until sites_release(), or
 * until all stand. On the checkpoint thread. */
bool sites_await_annotated(uint64_t until_ns, bool (*give_up)(void));
bool sites_are_held(void);
void sites_release(void);
/* With all signals blocked. */
void sites_disarm(void);
/* The same as sites_arm() while all threads are stopped. */
void sites_arm_stopped(void);

/* Whether sites are armed just now, and waiting until they are not, or for that
 * long (less than a second), whichever is first. In a signal handler. */
bool sites_are_armed(void);
void sites_await_disarm(uint64_t nanoseconds);

/* A thread stands at a site; in a signal handler. */
void sites_arrived(void);

/* Whether address is a site; in a signal handler. */
bool sites_contains(uint64_t address);
/* Arms one site, if sites are armed, or writes its original byte back. With all
 * signals blocked. */
void sites_patch(uint64_t address, bool armed);
/* The same, the original byte, in a child that was forked while sites were
 * armed: the lock may be held by a thread that the child does not have. */
void sites_repair_in_child(uint64_t address);

/* In a child that is to be checkpointed itself: no site is armed, and the
 * tables stay, for its threads may look into them. */
void sites_begin_in_child(void);
/* Whether it is one of them. */
bool sites_keep(const void *memory);

/* After a rollback, nothing armed: the modules are those of then. */
void sites_rolled_back(void);

/* After a restore: the tables are gone. */
void sites_forget(void);

#endif
