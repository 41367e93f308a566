// What nobody had chosen at the checkpoint is as it was after a rollback: the
// processors of the main thread, how soon the process is ended when memory is
// short, huge pages, subreaper, personality. One that was chosen stays chosen.
// RUN: %behaviour %s -o %t && %by_all %t && %by_all %t chosen
#include "behaviour.h"
#include <sys/personality.h>
#include <sys/prctl.h>
struct settings {
  cpu_set_t processors;
  long adjustment;
  int huge_pages, subreaper, personal;
};
static struct settings look(void) {
  struct settings now = {0};
  char text[32] = "";
  int fd = open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC);
  CHECK(fd >= 0 && read(fd, text, sizeof text - 1) > 0 && close(fd) == 0);
  now.adjustment = strtol(text, NULL, 10);
  CHECK_EQUAL(sched_getaffinity(0, sizeof now.processors, &now.processors), 0);
  now.huge_pages = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
  CHECK_EQUAL(prctl(PR_GET_CHILD_SUBREAPER, &now.subreaper), 0);
  now.personal = personality(0xffffffff);
  return now;
}
static void change(struct settings now) {
  char text[32];
  int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  snprintf(text, sizeof text, "%ld",
           now.adjustment < 900 ? now.adjustment + 100 : 1000);
  CHECK(fd >= 0 && write(fd, text, strlen(text)) > 0 && close(fd) == 0);
  int one = 0;
  while (!CPU_ISSET(one, &now.processors))
    one++;
  CPU_ZERO(&now.processors);
  CPU_SET(one, &now.processors);
  CHECK_EQUAL(sched_setaffinity(0, sizeof now.processors, &now.processors), 0);
  CHECK_EQUAL(prctl(PR_SET_THP_DISABLE, !now.huge_pages, 0, 0, 0), 0);
  CHECK_EQUAL(prctl(PR_SET_CHILD_SUBREAPER, !now.subreaper), 0);
  CHECK(personality((unsigned long)now.personal ^ ADDR_NO_RANDOMIZE) >= 0);
}
int main(int count, char **words) {
  (void)words;
  CHECK(__builtin_ckpt_save() >= 0); /* the runtime has its threads */
  if (count > 1 && first_time("chosen"))
    change(look());
  struct settings then = look();
  CHECK(__builtin_ckpt_save() >= 0);
  struct settings now = look();
  CHECK(CPU_EQUAL(&now.processors, &then.processors));
  CHECK_EQUAL(now.adjustment, then.adjustment);
  CHECK_EQUAL(now.huge_pages, then.huge_pages);
  CHECK_EQUAL(now.subreaper, then.subreaper);
  CHECK_EQUAL(now.personal, then.personal);
  if (!first_time("once"))
    return 0;
  change(now);
  roll_back();
}
