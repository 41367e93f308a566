/* stand-in.c - takes the restorer's place and plays a program that was
 * restored.
 *
 * It checks what the tool hands over, then plays what plan.options says,
 * "play=ACT+ACT+...":
 *
 *   plan         prints the plan and the descriptors that are open
 *   id           prints its process id and /proc/self
 *   warning      sends a warning      failed   sends a failure, ends with 1
 *   silent       ends with 1 and says nothing
 *   running      says that the program runs, closes the status pipe
 *   hostile      sends a warning whose strings have no end
 *   exit_N       exits with N         kill_N   dies by signal N
 *   signals      prints what SIGUSR1, SIGUSR2, SIGTERM and SIGINT bring until
 *                SIGTERM, then exits with 9
 *   stop_N       stops itself by signal N
 *   child        leaves a child behind that lives for some seconds
 *   say_TEXT     prints TEXT          sleep_N  sleeps for N tenths of a second
 */
#include "tools/restorer/plan.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct restore_plan plan;
static int plan_fd;

static void send_status(struct restore_status *status) {
  if (write(plan.status_fd, status, sizeof *status) != sizeof *status)
    _exit(77);
}

static void send_error(enum restore_status_kind kind, enum hwckpt_code code) {
  struct restore_status status = {.kind = kind};
  hwckpt_fail(&status.error, code, 0, "an\33object", "a detail");
  send_status(&status);
}

static void print_plan(const char *rest) {
  (void)rest;
  struct restore_go go;
  if (read(plan.status_fd, &go, sizeof go) != sizeof go)
    _exit(77);
  printf("application %s\ngeneration %lu\nrestores %u\nkeep_ids %u\n",
         plan.application, (unsigned long)plan.generation, go.restores,
         plan.keep_ids);
  printf("cache %s\n", plan.cache);
  DIR *open_ones = opendir("/proc/self/fd");
  if (!open_ones)
    return;
  for (struct dirent *entry; (entry = readdir(open_ones));) {
    int fd = atoi(entry->d_name);
    if (fd > 2 && fd != plan_fd && fd != plan.status_fd &&
        fd != dirfd(open_ones))
      printf("open: %d\n", fd);
  }
  closedir(open_ones);
}

static void print_id(const char *rest) {
  (void)rest;
  char self[32] = "";
  (void)!readlink("/proc/self", self, sizeof self - 1);
  printf("pid %d proc %s\n", getpid(), self);
}

static void warning(const char *rest) {
  (void)rest;
  send_error(RESTORE_WARNING, HWCKPT_E_FD_NOT_RESTORED);
}

static void failed(const char *rest) {
  (void)rest;
  send_error(RESTORE_FAILED, HWCKPT_E_ADDRESS);
  _exit(1);
}

static void silent(const char *rest) {
  (void)rest;
  _exit(1);
}

static void hostile(const char *rest) {
  (void)rest;
  struct restore_status status = {.kind = RESTORE_WARNING};
  memset(&status.error, 'A', sizeof status.error);
  status.error.sys_errno = 0;
  send_status(&status);
}

static void running(const char *rest) {
  (void)rest;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  struct restore_status status = {.kind = RESTORE_RUNNING,
                                  .ns = (uint64_t)now.tv_sec * 1000000000 +
                                        (uint64_t)now.tv_nsec};
  send_status(&status);
  close(plan.status_fd);
}

static void exit_with(const char *rest) { exit(atoi(rest)); }

static void kill_by(const char *rest) {
  fflush(stdout);
  kill(getpid(), atoi(rest));
  pause();
}

static void stop_by(const char *rest) {
  fflush(stdout);
  kill(getpid(), atoi(rest));
}

static void take_signals(const char *rest) {
  (void)rest;
  sigset_t set;
  siginfo_t info;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGUSR2);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigprocmask(SIG_BLOCK, &set, NULL);
  puts("ready");
  for (int number; (number = sigwaitinfo(&set, &info)) != SIGTERM;) {
    if (number > 0)
      printf("signal %s\n", sigabbrev_np(number));
    fflush(stdout);
  }
  exit(9);
}

static void leave_child(const char *rest) {
  (void)rest;
  fflush(stdout);
  if (fork())
    return;
  int left = getppid();
  for (int i = 0; i < 100 && getppid() == left; i++)
    usleep(20000);
  usleep(200000);
  puts("the child goes on");
  exit(0);
}

static void say(const char *rest) { puts(rest); }

static void sleep_for(const char *rest) {
  usleep((unsigned)atoi(rest) * 100000);
}

static const struct {
  const char *word;
  void (*act)(const char *rest);
} acts[] = {
    {"plan", print_plan}, {"id", print_id},          {"warning", warning},
    {"failed", failed},   {"silent", silent},        {"running", running},
    {"exit_", exit_with}, {"kill_", kill_by},        {"hostile", hostile},
    {"stop_", stop_by},   {"signals", take_signals}, {"child", leave_child},
    {"say_", say},        {"sleep_", sleep_for},
};

int main(int argc, char **argv) {
  plan_fd = argc > 1 ? atoi(argv[1]) : -1;
  if (pread(plan_fd, &plan, sizeof plan, 0) != sizeof plan ||
      plan.magic != RESTORE_PLAN_MAGIC || plan.size != sizeof plan)
    return 70;
  setvbuf(stdout, NULL, _IOLBF, 0);
  char *play = strstr(plan.options, "play=");
  for (char *act = play ? strtok(play + 5, "+") : NULL; act;
       act = strtok(NULL, "+"))
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
      size_t length = strlen(acts[i].word);
      if (!strncmp(act, acts[i].word, length)) {
        acts[i].act(act + length);
        break;
      }
    }
  return 0;
}
