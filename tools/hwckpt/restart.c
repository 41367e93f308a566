/* restart.c - see restart.h. */
#include "restart.h"
#include "command.h"
#include "group_witness.h"
#include "history.h"
#include "hold.h"
#include "inventory.h"
#include "key.h"
#include "last_words.h"
#include "supervise.h"
#include "supervised.h"
#include "text.h"
#include "tree_processes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)
/* Who asked for the program's end so long before got it. */
#define ASKED_NS (10 * SECOND)
#define LEFT_MOMENT_NS 1000000
#define LEFT_MOMENTS 20000u /* memory is given back before a process ends */

/* One supervision. */
struct life {
  const struct restart *restart;
  const struct restart_program *program;
  struct supervisor supervisor;
  int lock;
  struct inventory_generation *list; /* seen last, ascending */
  size_t count;
  uint64_t floor;    /* generations up to this one are of an earlier run */
  uint64_t from;     /* what it went on from last; 0: its beginning */
  unsigned failures; /* in a row */
  /* How far it was, in generations from its beginning: at those, at most. */
  struct reached {
    uint64_t generation, steps;
  } *reached;
  size_t reached_count;
  uint64_t farthest;
  /* Newer than one that was gone back to: the files of the program are no
   * longer as these expect them. */
  uint64_t *aside;
  size_t aside_count;
};

/* One of its runs. */
struct run {
  bool ran;
  pid_t program;
  int status;
  uint64_t lasted_ns, ended_ns;
  bool memory; /* the kernel killed somebody for want of memory meanwhile */
};

/* ---- generations ---- */

static uint64_t steps_of(const struct life *life, uint64_t generation) {
  for (size_t i = 0; i < life->reached_count; i++)
    if (life->reached[i].generation == generation)
      return life->reached[i].steps;
  return 0;
}

/* What there is now. A cache that cannot be read is not one without
 * generations. */
static int look(struct life *life, struct hwckpt_error *error) {
  const struct restart_program *program = life->program;
  struct cache *cache;
  free(life->list);
  life->list = NULL;
  life->count = 0;
  int failed =
      hold_is_kept(program->cache, program->application, life->lock, error);
  if (!failed)
    failed = key_open_cache(program->cache, false, &cache, error);
  if (failed)
    return failed;
  failed = inventory_generations(cache, program->application, &life->list,
                                 &life->count, error);
  cache_close(cache);
  return failed;
}

/* Notes how far the last run came; whether farther than all before. */
static bool came_farther(struct life *life) {
  uint64_t steps = steps_of(life, life->from), before = life->farthest;
  struct reached *known =
      life->count ? calloc(life->count, sizeof *known) : NULL;
  size_t used = 0;
  if (life->count && !known)
    return false;
  for (size_t i = 0; i < life->count; i++) {
    uint64_t number = life->list[i].info.number, had = steps_of(life, number);
    if (number <= life->floor)
      continue;
    known[used++] = (struct reached){number, had ? had : ++steps};
    if (known[used - 1].steps > life->farthest)
      life->farthest = known[used - 1].steps;
  }
  free(life->reached);
  life->reached = known;
  life->reached_count = used;
  return life->farthest > before;
}

static bool is_aside(const struct life *life, uint64_t generation) {
  for (size_t i = 0; i < life->aside_count; i++)
    if (life->aside[i] == generation)
      return true;
  return false;
}

/* When that generation was committed. */
static uint64_t taken_ns(const struct life *life, uint64_t generation) {
  for (size_t i = 0; i < life->count; i++)
    if (life->list[i].info.number == generation)
      return life->list[i].info.commit_ns;
  return 0;
}

/* The newest whole generation above the floor and below that one; 0: none. */
static uint64_t newest_below(const struct life *life, uint64_t below) {
  uint64_t newest = 0;
  for (size_t i = 0; i < life->count; i++) {
    uint64_t number = life->list[i].info.number;
    if (!life->list[i].damage && number > life->floor && number < below &&
        !is_aside(life, number))
      newest = number;
  }
  return newest;
}

/* ---- history ---- */

static void note(const struct life *life, enum history_what what,
                 uint64_t generation, int status) {
  const struct history_entry entry = {realtime_ns(), what, generation, status};
  struct hwckpt_error error = {0};
  if (history_add(life->program->cache, life->program->application, &entry,
                  &error))
    report_warning(&error);
}

static void put_aside(struct life *life, uint64_t generation) {
  uint64_t *more =
      reallocarray(life->aside, life->aside_count + 1, sizeof *life->aside);
  if (!more)
    return; /* tried again, it fails again */
  life->aside = more;
  life->aside[life->aside_count++] = generation;
}

static void remember(const struct history_entry *entry, void *context) {
  struct life *life = context;
  if (entry->what == HISTORY_SET_ASIDE)
    put_aside(life, entry->generation);
  else if (entry->what == HISTORY_BEGAN)
    life->floor = entry->generation;
}

/* It begins anew: what there is belongs to what was before. */
static void raise_floor(struct life *life) {
  uint64_t newest = newest_below(life, UINT64_MAX);
  if (newest)
    life->floor = newest;
}

/* The program goes back to that generation. */
static void set_aside(struct life *life, uint64_t next) {
  for (size_t i = 0; i < life->count; i++) {
    uint64_t number = life->list[i].info.number;
    if (number > next && number > life->floor && !is_aside(life, number)) {
      put_aside(life, number);
      note(life, HISTORY_SET_ASIDE, number, 0);
    }
  }
}

/* The newest, if it is newer than what it goes on from, and damaged. */
static void say_damaged(const struct life *life, uint64_t next) {
  const struct restart_program *program = life->program;
  struct hwckpt_error error = {0};
  struct cache *cache;
  const struct inventory_generation *newest =
      life->count ? &life->list[life->count - 1] : NULL;
  if (!newest || !newest->damage || newest->info.number <= next ||
      newest->info.number <= life->floor ||
      is_aside(life, newest->info.number) ||
      key_open_cache(program->cache, false, &cache, &error))
    return;
  if (cache_verify(cache, program->application, newest->info.number, &error))
    report_error(&error);
  cache_close(cache);
}

/* ---- one run ---- */

/* Processes killed so far for want of memory, on this machine. */
static uint64_t memory_kills(void) {
  char line[128];
  uint64_t kills = 0;
  FILE *file = fopen("/proc/vmstat", "re");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "oom_kill %" SCNu64, &kills) == 1)
      break;
  if (file)
    fclose(file);
  return kills;
}

/* The command line of the child: it restores `generation`, or runs. */
static char **arguments(const struct life *life, uint64_t generation,
                        int report, char room[3][24]) {
  const struct restart_program *program = life->program;
  size_t count = 0, of_program = 0;
  while (program->program[of_program])
    of_program++;
  char **list = calloc(of_program + 16, sizeof *list);
  if (!list)
    return NULL;
  snprintf(room[0], sizeof room[0], "%d", report);
  snprintf(room[1], sizeof room[1], "%" PRIu64, generation + 1);
  list[count++] = "hwckpt";
  list[count++] = generation ? "restore" : "run";
  list[count++] = "--supervised";
  list[count++] = room[0];
  if (program->key->file) {
    list[count++] = "--key-file";
    list[count++] = (char *)program->key->file;
  }
  if (program->key->command) {
    list[count++] = "--key-command";
    list[count++] = (char *)program->key->command;
  }
  if (generation) {
    list[count++] = "--cache";
    list[count++] = (char *)program->cache;
    list[count++] = "--before";
    list[count++] = room[1];
    if (life->floor) { /* an earlier run was another */
      snprintf(room[2], sizeof room[2], "%" PRIu64, life->floor);
      list[count++] = "--above";
      list[count++] = room[2];
    }
    list[count++] = "--";
    list[count++] = (char *)program->application;
    return list;
  }
  if (program->force)
    list[count++] = "--force";
  list[count++] = "--";
  memcpy(list + count, program->program, of_program * sizeof *list);
  return list;
}

/* In the new process. */
static _Noreturn void become(const struct life *life, uint64_t generation,
                             int alive, int report) {
  char room[3][24];
  char **list = arguments(life, generation, report, room);
  if (list && supervise_release(&life->supervisor, alive)) {
    if (!generation)
      setenv("HWCKPT_OPTIONS", life->program->options, 1);
    if (life->program->in_child)
      life->program->in_child();
    fcntl(report, F_SETFD, 0);
    execv("/proc/self/exe", list);
  }
  _exit(EXIT_TOOL);
}

/* From its beginning, or from a generation, to its end; 0 or -errno. */
static int run_once(struct life *life, uint64_t generation, struct run *run) {
  int alive[2], report[2];
  struct supervised_report told;
  group_witness_begin(); /* has none of these, nor an id of those that follow */
  if (pipe2(alive, O_CLOEXEC))
    return -errno;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report)) {
    close(alive[0]);
    close(alive[1]);
    return -errno;
  }
  uint64_t kills = memory_kills(), begin = realtime_ns();
  pid_t pid = fork();
  if (!pid) {
    close(alive[1]);
    become(life, generation, alive[0], report[1]);
  }
  int failed = pid < 0 ? -errno : 0;
  close(alive[0]);
  close(report[1]);
  if (!failed) {
    struct supervised child = {.pid = pid, .pidfd = -1, .reports = -1};
    run->status = supervise(&life->supervisor, &child, NULL, 0);
    run->ran = recv(report[0], &told, sizeof told, MSG_DONTWAIT) == sizeof told;
    life->from = run->ran ? told.generation : generation;
    run->program = run->ran ? told.program : 0;
  }
  uint64_t now = realtime_ns();
  run->lasted_ns = now > begin ? now - begin : 0;
  run->ended_ns = now;
  run->memory = memory_kills() > kills;
  close(alive[1]);
  close(report[0]);
  return failed;
}

/* What is left of the last run would be there beside the next. It was adopted
 * by this process. What does not end in that time keeps its id. */
static void end_left(void) {
  const struct timespec moment = {.tv_nsec = LEFT_MOMENT_NS};
  const pid_t witness = group_witness_begin();
  struct tree_process *list = NULL;
  size_t count = 1;
  for (unsigned i = 0; count && i < LEFT_MOMENTS; i++) {
    if (!tree_processes(0, &witness, 1, &list, &count))
      return;
    for (size_t j = 0; j < count; j++) {
      kill(list[j].pid, SIGKILL);
      waitpid(list[j].pid, NULL, WNOHANG); /* in the end it is our child */
    }
    free(list);
    if (count)
      nanosleep(&moment, NULL);
  }
}

/* ---- what follows ---- */

/* A large program takes long to die of what it was sent, or looks at it late.
 * Who sent it may be gone by then; the program itself is not asking. */
static bool was_asked_to_end(const struct life *life, const struct run *run) {
  int asked = life->supervisor.asked;
  if (!asked || (run->program && life->supervisor.asked_by == run->program))
    return false;
  return supervise_asked_to_end(&life->supervisor, ASKED_NS) ||
         (WIFSIGNALED(run->status) && WTERMSIG(run->status) == asked);
}

static void say(const struct life *life, const struct run *run, uint64_t next,
                uint64_t pause) {
  char how[96], lasted[32], wait[32], in[48] = "", from[CACHE_NAME_MAX + 48];
  char at[32];
  if (pause)
    snprintf(in, sizeof in, " in %s", text_duration(wait, sizeof wait, pause));
  if (next)
    snprintf(from, sizeof from, "restored from %s/%" PRIu64,
             life->program->application, next);
  else
    snprintf(from, sizeof from, "begun anew");
  report_note(
      "%s %s: %s after %s, at %s%s; it is %s%s", life->program->application,
      run->ran ? "failed" : "could not be started",
      history_status(how, sizeof how, run->status),
      text_duration(lasted, sizeof lasted, run->lasted_ns),
      text_time(at, sizeof at, run->ended_ns),
      run->memory ? " (the kernel killed processes for want of memory)" : "",
      from, in);
}

/* What to go on from after a failure; 0: the beginning. When it came no farther
 * from where it went on last, that may be bad: an older generation, as far as
 * there is one. */
static uint64_t choose(const struct life *life, const struct run *run) {
  bool done = run->ran && !WIFSIGNALED(run->status) && !run->status;
  uint64_t newest = done ? 0 : newest_below(life, UINT64_MAX);
  if (!life->from || life->failures < 2)
    return newest;
  uint64_t older = newest_below(life, life->from);
  return older ? older : life->from < newest ? life->from : newest;
}

static _Noreturn void end(struct life *life, enum history_what what,
                          const struct run *run) {
  note(life, what, life->from, run->status);
  supervise_give_back(&life->supervisor);
  if (life->program->at_end)
    life->program->at_end(life->program->context);
  supervise_end_likewise(run->status);
}

/* After a failure: what to go on from, or the end, also where the cache cannot
 * be read: then it goes on another time. */
static uint64_t go_on(struct life *life, const struct run *run) {
  char how[96], at[32];
  struct hwckpt_error error = {0};
  if (look(life, &error)) {
    report_error(&error);
    end(life, HISTORY_FAILED, run);
  }
  life->failures =
      restart_in_a_row(life->failures, run->lasted_ns, came_farther(life));
  if (life->failures > life->restart->limit) {
    report_note("%s failed %u times in a row, each time soon and no farther "
                "than before, the last with %s, at %s: given up",
                life->program->application, life->failures,
                history_status(how, sizeof how, run->status),
                text_time(at, sizeof at, run->ended_ns));
    end(life, HISTORY_GAVE_UP, run);
  }
  note(life, HISTORY_FAILED, life->from, run->status);
  uint64_t next = choose(life, run), pause = restart_pause_ns(life->failures);
  say_damaged(life, next);
  if (next)
    set_aside(life, next);
  say(life, run, next, pause);
  if (!supervise_pause(&life->supervisor, pause))
    end(life, HISTORY_STOPPED, run);
  if (!next)
    raise_floor(life);
  return next;
}

/* Where to begin: an earlier run of the same name may not have been done. */
static uint64_t begin(struct life *life) {
  const struct restart_program *program = life->program;
  uint64_t newest = newest_below(life, UINT64_MAX);
  if (newest && !life->restart->anew &&
      history_is_unfinished(program->cache, program->application)) {
    char taken[32];
    say_damaged(life, newest);
    report_note("%s goes on from %s/%" PRIu64 ", taken %s",
                program->application, program->application, newest,
                text_time(taken, sizeof taken, taken_ns(life, newest)));
    return newest;
  }
  raise_floor(life);
  return 0;
}

static int failed_to(const char *what, int number) {
  struct hwckpt_error error = {0};
  hwckpt_fail(&error, HWCKPT_E_NO_PROGRAM, number, what, "%s", "");
  return report_error(&error);
}

int restart_supervise(const struct restart *restart,
                      const struct restart_program *program) {
  struct life life = {.restart = restart, .program = program};
  struct hwckpt_error error = {0};
  if (hold_application(program->cache, program->application, &life.lock,
                       &error))
    return report_error(&error);
  if (look(&life, &error))
    return report_error(&error);
  history_each(program->cache, program->application, remember, &life);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); /* for end_left() */
  int failed = supervise_begin(&life.supervisor);
  if (failed)
    return failed_to("signals", -failed);
  for (uint64_t next = begin(&life);;) {
    struct run run = {0};
    note(&life, next ? HISTORY_RESTORED : HISTORY_BEGAN,
         next ? next : life.floor, 0);
    if ((failed = run_once(&life, next, &run)))
      return failed_to("fork", -failed);
    if (was_asked_to_end(&life, &run))
      end(&life, HISTORY_STOPPED, &run);
    if (!run.ran && !next)
      end(&life, HISTORY_ENDED, &run);
    if (!restart_is_failure(restart, run.status))
      end(&life,
          WIFEXITED(run.status) &&
                  WEXITSTATUS(run.status) == RESTART_CHECKPOINTED
              ? HISTORY_STOPPED
              : HISTORY_ENDED,
          &run);
    end_left();
    next = go_on(&life, &run);
  }
}
