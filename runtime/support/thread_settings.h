/* thread_settings.h - what the kernel keeps of a thread, tells nobody but the
 * thread itself, and prctl(2) or set_mempolicy(2) have set.
 */
#ifndef HWCKPT_SUPPORT_THREAD_SETTINGS_H
#define HWCKPT_SUPPORT_THREAD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "records.pb.h"

#define THREAD_SPECULATIONS 3u

struct thread_settings {
  uint64_t timer_slack_ns; /* 0: a real-time thread has none */
  uint32_t secure_bits;    /* for resources/credentials.c */
  uint32_t parent_death_signal;
  uint32_t time_stamps, machine_checks;
  uint32_t speculation[THREAD_SPECULATIONS];
  uint32_t policy;
  bool io_flusher;
  uint8_t rseq; /* enum rseq_kind (rseq.h) */
  uint8_t nodes[sizeof(((Thread *)0)->memory_nodes.bytes)];
};

/* The calling thread's; in a signal handler. */
void thread_settings_read(struct thread_settings *settings);
/* Into its record. */
void thread_settings_describe(const struct thread_settings *settings,
                              Thread *thread);
/* The calling thread gets those of the record; what needs a right that is not
 * there stays. */
void thread_settings_restore(const Thread *thread);

#endif
