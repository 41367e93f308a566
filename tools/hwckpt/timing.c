/* timing.c - see timing.h. */
#include "timing.h"
#include "command.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>

static double ms(uint64_t ns) { return (double)ns / 1e6; }

/* Negative: it could not be written. */
static int print(FILE *file, const struct timing *timing) {
  int printed = fprintf(file,
                        "{\"generation\": \"%s\", \"mode\": \"%s\", "
                        "\"running_ms\": %.3f, \"complete_ms\": %.3f",
                        timing->generation, timing->lazy ? "lazy" : "eager",
                        ms(timing->running_ns), ms(timing->complete_ns));
  for (size_t i = 0; printed >= 0 && i < timing->count; i++)
    printed = fprintf(
        file,
        "%s{\"pid\": %d, \"generation\": \"%s\", "
        "\"running_ms\": %.3f}",
        i ? ", " : ", \"processes\": [", (int)timing->processes[i].pid,
        timing->processes[i].generation, ms(timing->processes[i].running_ns));
  return printed < 0 ? printed
                     : fprintf(file, "%s}\n", timing->count ? "]" : "");
}

void timing_write(const char *path, const struct timing *timing) {
  if (!path)
    return;
  FILE *file = fopen(path, "we");
  int printed = file ? print(file, timing) : -1;
  if ((file && fclose(file)) || printed < 0) {
    struct hwckpt_error error = {0};
    hwckpt_fail(&error, HWCKPT_E_READ_FILE, errno, path, "timing");
    report_warning(&error);
  }
}

void timing_say(const struct timing *timing) {
  char took[32];
  for (size_t i = 0; i < timing->count; i++)
    report_note(
        "%s, process %d, runs again after %s", timing->processes[i].generation,
        (int)timing->processes[i].pid,
        text_duration(took, sizeof took, timing->processes[i].running_ns));
  if (timing->count)
    report_note("%s, all %zu processes, runs again after %s",
                timing->generation, timing->count,
                text_duration(took, sizeof took, timing->running_ns));
  else
    report_note("%s runs again after %s", timing->generation,
                text_duration(took, sizeof took, timing->running_ns));
}
