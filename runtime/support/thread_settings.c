/* thread_settings.c - see thread_settings.h. */
#include "thread_settings.h"

#include "../arch/sys.h"

#include <linux/mempolicy.h>
#include <string.h>
#include <sys/prctl.h>

/* Younger than Debian's libc. */
#define SET_IO_FLUSHER 57
#define GET_IO_FLUSHER 58

/* PR_SET_TSC's value of a fresh thread; that of PR_MCE_KILL_GET. */
#define TIME_STAMPS PR_TSC_ENABLE
#define MACHINE_CHECKS PR_MCE_KILL_DEFAULT

void thread_settings_read(struct thread_settings *settings) {
  uint32_t time_stamps = TIME_STAMPS;
  int mode = MPOL_DEFAULT;
  long value = SYS(prctl, PR_GET_TIMERSLACK, 0, 0, 0, 0);
  settings->timer_slack_ns = value > 0 ? (uint64_t)value : 0;
  value = SYS(prctl, PR_GET_SECUREBITS, 0, 0, 0, 0);
  settings->secure_bits = value > 0 ? (uint32_t)value : 0;
  settings->parent_death_signal = 0;
  SYS(prctl, PR_GET_PDEATHSIG, &settings->parent_death_signal, 0, 0, 0);
  SYS(prctl, PR_GET_TSC, &time_stamps, 0, 0, 0);
  settings->time_stamps = time_stamps == TIME_STAMPS ? 0 : time_stamps;
  value = SYS(prctl, PR_MCE_KILL_GET, 0, 0, 0, 0);
  settings->machine_checks =
      value < 0 || value == MACHINE_CHECKS ? 0 : (uint32_t)value + 1;
  for (uint32_t i = 0; i < THREAD_SPECULATIONS; i++) {
    value = SYS(prctl, PR_GET_SPECULATION_CTRL, i, 0, 0, 0);
    settings->speculation[i] = value > 0 && value & PR_SPEC_PRCTL
                                   ? (uint32_t)value & ~PR_SPEC_PRCTL
                                   : 0;
  }
  settings->io_flusher = SYS(prctl, GET_IO_FLUSHER, 0, 0, 0, 0) > 0;
  value = SYS(get_mempolicy, &mode, settings->nodes, 8 * sizeof settings->nodes,
              0, 0);
  settings->policy = value < 0 ? MPOL_DEFAULT : (uint32_t)mode;
}

void thread_settings_describe(const struct thread_settings *settings,
                              Thread *thread) {
  thread->timer_slack_ns = settings->timer_slack_ns;
  thread->io_flusher = settings->io_flusher;
  thread->parent_death_signal = settings->parent_death_signal;
  thread->time_stamps = settings->time_stamps;
  thread->machine_checks = settings->machine_checks;
  for (uint32_t i = 0; i < THREAD_SPECULATIONS; i++)
    thread->speculation[i] = settings->speculation[i];
  thread->speculation_count = THREAD_SPECULATIONS;
  thread->memory_policy = settings->policy;
  if (settings->policy == MPOL_DEFAULT)
    return;
  thread->memory_nodes.size = sizeof settings->nodes;
  memcpy(thread->memory_nodes.bytes, settings->nodes, sizeof settings->nodes);
}

static void restore_policy(const Thread *thread) {
  const void *nodes = thread->memory_nodes.bytes;
  uint64_t count = 8ull * thread->memory_nodes.size;
  bool none = true;
  for (pb_size_t i = 0; i < thread->memory_nodes.size; i++)
    none &= !thread->memory_nodes.bytes[i];
  if (none) /* of MPOL_DEFAULT and the like */
    nodes = 0, count = 0;
  SYS(set_mempolicy, thread->memory_policy, nodes, count ? count + 1 : 0);
}

void thread_settings_restore(const Thread *thread) {
  struct thread_settings now = {0};
  thread_settings_read(&now);
  if (thread->timer_slack_ns && thread->timer_slack_ns != now.timer_slack_ns)
    SYS(prctl, PR_SET_TIMERSLACK, thread->timer_slack_ns, 0, 0, 0);
  if (thread->parent_death_signal != now.parent_death_signal)
    SYS(prctl, PR_SET_PDEATHSIG, thread->parent_death_signal, 0, 0, 0);
  if (thread->time_stamps != now.time_stamps)
    SYS(prctl, PR_SET_TSC,
        thread->time_stamps ? thread->time_stamps : TIME_STAMPS, 0, 0, 0);
  if (thread->machine_checks != now.machine_checks) {
    if (thread->machine_checks)
      SYS(prctl, PR_MCE_KILL, PR_MCE_KILL_SET, thread->machine_checks - 1, 0,
          0);
    else
      SYS(prctl, PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0);
  }
  for (uint32_t i = 0; i < thread->speculation_count; i++)
    if (thread->speculation[i] && thread->speculation[i] != now.speculation[i])
      SYS(prctl, PR_SET_SPECULATION_CTRL, i, thread->speculation[i], 0, 0);
  if (thread->io_flusher != now.io_flusher)
    SYS(prctl, SET_IO_FLUSHER, thread->io_flusher, 0, 0, 0);
  if (thread->memory_policy != MPOL_DEFAULT || now.policy != MPOL_DEFAULT)
    restore_policy(thread);
}
