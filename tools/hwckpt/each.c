/* each.c - see each.h. */
#include "each.h"

#include "command.h"
#include "group_witness.h"
#include "supervise.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <wordexp.h>

struct program {
  wordexp_t words;
  unsigned line;
  pid_t pid; /* 0: it has ended */
  int status;
};

struct each {
  const char *file;
  char *const *common;
  struct program *programs;
  size_t count;
  sigset_t before; /* signals as the tool found them */
};

static int bad_line(const struct each *each, unsigned line, const char *what) {
  struct hwckpt_error error = {0};
  hwckpt_fail(&error, HWCKPT_E_EACH, 0, each->file, "line %u: %s", line, what);
  report_error(&error);
  return EXIT_USAGE;
}

static const char *why(int failed) {
  switch (failed) {
  case WRDE_BADCHAR:
    return "one of & | ; < > ( ) { } stands outside quotation marks";
  case WRDE_CMDSUB:
    return "no commands are executed here";
  case WRDE_NOSPACE:
    return "there is no memory for it";
  default:
    return "quotation marks do not match";
  }
}

static int add_line(struct each *each, char *text, unsigned line) {
  struct program program = {.line = line};
  text[strcspn(text, "\n")] = 0;
  char *begin = text + strspn(text, " \t");
  if (!*begin || *begin == '#')
    return 0;
  int failed = wordexp(begin, &program.words, WRDE_NOCMD);
  if (failed)
    return bad_line(each, line, why(failed));
  struct program *more =
      realloc(each->programs, (each->count + 1) * sizeof *more);
  if (!more)
    return bad_line(each, line, why(WRDE_NOSPACE));
  each->programs = more;
  each->programs[each->count++] = program;
  return 0;
}

static int read_file(struct each *each) {
  struct hwckpt_error error = {0};
  char *text = NULL;
  size_t room = 0;
  int failed = 0;
  FILE *file = fopen(each->file, "re");
  for (unsigned line = 1; file && !failed && getline(&text, &room, file) > 0;
       line++)
    failed = add_line(each, text, line);
  if (!failed && (!file || ferror(file))) {
    hwckpt_fail(&error, HWCKPT_E_EACH, errno, each->file, "%s", "");
    failed = report_error(&error);
  }
  if (!failed && !each->count)
    failed = bad_line(each, 1, "no program is named in it");
  free(text);
  if (file)
    fclose(file);
  return failed;
}

/* In the new process. */
static _Noreturn void become(const struct each *each,
                             const struct program *program, pid_t parent) {
  size_t common = 0, count = 0;
  while (each->common[common])
    common++;
  char **list = calloc(common + program->words.we_wordc + 3, sizeof *list);
  if (list && !prctl(PR_SET_PDEATHSIG, SIGKILL) && getppid() == parent) {
    list[count++] = "hwckpt";
    list[count++] = "run";
    memcpy(list + count, each->common, common * sizeof *list);
    memcpy(list + count + common, program->words.we_wordv,
           program->words.we_wordc * sizeof *list);
    sigprocmask(SIG_SETMASK, &each->before, NULL);
    execv("/proc/self/exe", list);
  }
  _exit(EXIT_TOOL);
}

static void tell_all(const struct each *each, int number) {
  for (size_t i = 0; i < each->count; i++)
    if (each->programs[i].pid > 0)
      kill(each->programs[i].pid, number);
}

static int start_all(struct each *each) {
  pid_t own = getpid();
  for (size_t i = 0; i < each->count; i++) {
    struct program *program = &each->programs[i];
    program->pid = fork();
    if (program->pid == 0)
      become(each, program, own);
    if (program->pid < 0) {
      struct hwckpt_error error = {0};
      hwckpt_fail(&error, HWCKPT_E_EACH, errno, each->file, "line %u: fork",
                  program->line);
      tell_all(each, SIGTERM);
      return report_error(&error);
    }
  }
  return 0;
}

/* Takes note of all that have ended; whether others go on. */
static bool reap(struct each *each) {
  int status;
  pid_t pid;
  bool any = false;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
    for (size_t i = 0; i < each->count; i++)
      if (each->programs[i].pid == pid) {
        each->programs[i].pid = 0;
        each->programs[i].status = status;
      }
  for (size_t i = 0; i < each->count; i++)
    any = any || each->programs[i].pid > 0;
  return any;
}

/* Those that are passed on; what is sent to the group all have already. */
static const int passed[] = {SIGINT,  SIGTERM, SIGHUP,
                             SIGQUIT, SIGUSR1, SIGUSR2};

static void stand_by(struct each *each, const sigset_t *signals) {
  while (reap(each)) {
    siginfo_t info;
    int number = sigwaitinfo(signals, &info);
    if (number > 0 && number != SIGCHLD && !group_witness_got(number) &&
        info.si_code <= 0)
      tell_all(each, number);
  }
}

/* What became of each that did not end well; as the first of them the tool
 * ends. */
static int sum_up(const struct each *each) {
  int first = 0;
  for (size_t i = 0; i < each->count; i++) {
    const struct program *program = &each->programs[i];
    first = first ? first : program->status;
    if (WIFSIGNALED(program->status))
      report_note("line %u of %s was killed by signal %d", program->line,
                  each->file, WTERMSIG(program->status));
    else if (program->status)
      report_note("line %u of %s ended with status %d", program->line,
                  each->file, WEXITSTATUS(program->status));
  }
  return first;
}

/* All that the file names. */
static int run_all(struct each *each) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGCHLD);
  for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
    sigaddset(&signals, passed[i]);
  signal(SIGCHLD, SIG_DFL);
  sigprocmask(SIG_BLOCK, &signals, &each->before);
  group_witness_begin();
  int failed = start_all(each);
  stand_by(each, &signals);
  group_witness_end();
  if (failed)
    return failed;
  supervise_end_likewise(sum_up(each));
}

int each_run(const char *file, char *const common[]) {
  struct each each = {.file = file, .common = common};
  int status = read_file(&each);
  if (!status)
    status = run_all(&each);
  for (size_t i = 0; i < each.count; i++)
    wordfree(&each.programs[i].words);
  free(each.programs);
  return status;
}
