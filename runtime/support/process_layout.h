/* process_layout.h - what the kernel notes of a process's memory, as a
 * generation has it: where text, data, heap, stack, arguments and environment
 * lie. /proc and brk(2) go by that.
 *
 * Source: prctl(2), PR_SET_MM_MAP. */
#ifndef HWCKPT_SUPPORT_PROCESS_LAYOUT_H
#define HWCKPT_SUPPORT_PROCESS_LAYOUT_H

#include "records.pb.h"

#include <linux/prctl.h>
#include <stdint.h>

#define LAYOUT_SAME_PROGRAM ((uint32_t)-1) /* its file is not set anew */

/* For prctl(PR_SET_MM, PR_SET_MM_MAP, ...); refers to the Process. */
static inline struct prctl_mm_map process_layout(const Process *process,
                                                 uint32_t program_fd) {
  return (struct prctl_mm_map){
      .start_code = process->start_code,
      .end_code = process->end_code,
      .start_data = process->start_data,
      .end_data = process->end_data,
      .start_brk = process->start_brk,
      .brk = process->brk,
      .start_stack = process->start_stack,
      .arg_start = process->arg_start,
      .arg_end = process->arg_end,
      .env_start = process->env_start,
      .env_end = process->env_end,
      .auxv = (void *)(uintptr_t)process->auxv.bytes,
      .auxv_size = process->auxv.size,
      .exe_fd = program_fd,
  };
}

#endif
