/* live.h - variables of the runtime that a rollback leaves as they are.
 *
 * Static variables of the runtime are memory of the program and come back with
 * it. Those that speak of what is not rolled back - threads of the runtime,
 * their descriptors, private memory, the stop that is under way - are declared
 * LIVE: a rollback writes all of the program's memory but them. Invariant: a
 * variable that holds a descriptor of the runtime or points into private memory
 * is LIVE, or is not used after a rollback before it is set anew. (A restore
 * begins without any of that: the ..._forget() functions.)
 */
#ifndef HWCKPT_SUPPORT_LIVE_H
#define HWCKPT_SUPPORT_LIVE_H

#define LIVE __attribute__((section("hwckpt_live")))

/* From the first to behind the last; the linker makes them. */
extern char live_begin[] __asm__("__start_hwckpt_live")
    __attribute__((visibility("hidden")));
extern char live_end[] __asm__("__stop_hwckpt_live")
    __attribute__((visibility("hidden")));

#endif
