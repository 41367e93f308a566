/* assembly.c - see assembly.h. */
#include "assembly.h"
#include "command.h"
#include "exchange.h"
#include "fallback.h"
#include "family.h"
#include "launch.h"
#include "posix_queues.h"
#include "status_message.h"
#include "supervised.h"
#include "system_v.h"
#include "time_namespace.h"
#include "timing.h"
#include "tree_processes.h"
#include "unix_pairs.h"

#include "tools/restorer/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* At least half a millisecond each. */
#define STOP_TURNS 10000u

/* How far a process is. */
enum stage { LOADING, STANDING, READY, RUNNING };

struct member {
  struct part *part;
  struct launch_start start;
  int status; /* the tool's end, -1: closed */
  int tracking;
  enum stage stage;
  uint64_t running_ns; /* after the tool began */
};

struct assembly {
  struct assembly_work work;
  struct member *members;
  size_t count;
  size_t in_stage[RUNNING + 1]; /* how many are there or beyond */
  struct family *family;
  struct exchange *exchange;
  struct supervised *program;
  struct rlimit descriptors; /* what the processes are to have */
  struct part_memory *memory;
  struct unix_pairs *unix_pairs;
  char restorer[CACHE_PATH_MAX];
  int epoll;
  bool failed;
  enum hwckpt_code damage;
  uint64_t running_ns;
};

/* ---- an end ---- */

static void kill_all(struct assembly *assembly) {
  family_give_up(assembly->family);
  for (size_t i = 0; i < assembly->count; i++)
    if (assembly->members[i].status >= 0) {
      close(assembly->members[i].status);
      assembly->members[i].status = -1;
    }
  if (assembly->program->init)
    kill(assembly->program->init, SIGKILL);
  else
    for (size_t i = 0; i < assembly->count; i++)
      kill(assembly->members[i].part->generation.process.pid, SIGKILL);
}

static void fail(struct assembly *assembly, const struct member *member,
                 const struct hwckpt_error *error) {
  if (assembly->failed)
    return;
  assembly->failed = true;
  if (fallback_is_damage(error->code))
    assembly->damage = error->code;
  report_error(error);
  if (member && assembly->count > 1)
    report_note("it was process %d of the tree (%s); none of it goes on",
                member->part->generation.process.pid,
                member->part->generation.process.program);
  kill_all(assembly);
}

/* ---- all are as far ---- */

static void let_member_go_on(struct member *member, uint32_t word) {
  exchange_send(member->status, word, member->tracking);
  if (member->tracking >= 0)
    close(member->tracking);
  member->tracking = -1;
}

static void let_go_on(struct assembly *assembly, bool stopped, uint32_t word) {
  for (size_t i = 0; i < assembly->count; i++)
    if (assembly->members[i].part->stopped == stopped)
      let_member_go_on(&assembly->members[i], word);
}

/* How many are to stop and have not yet. */
static size_t count_moving(const struct assembly *assembly,
                           const struct tree_process *list, size_t count) {
  size_t moving = 0;
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < assembly->count; j++) {
      const struct part *part = assembly->members[j].part;
      moving += part->stopped && list[i].state != 'T' && list[i].state != 'Z' &&
                part->generation.process.pid == list[i].inner;
    }
  return moving;
}

/* Those that a signal had stopped stop before the others can look. */
static void let_stop(struct assembly *assembly) {
  const struct timespec moment = {.tv_nsec = 500000};
  const struct supervised *program = assembly->program;
  size_t left = 0;
  for (size_t i = 0; i < assembly->count; i++)
    left += assembly->members[i].part->stopped;
  let_go_on(assembly, true, RESTORE_GO_STOPPED);
  for (unsigned i = 0; left && i < STOP_TURNS; i++) {
    struct tree_process *list;
    size_t count;
    nanosleep(&moment, NULL);
    if (!tree_processes(program->pid, &program->init, program->init != 0, &list,
                        &count))
      return;
    left = count_moving(assembly, list, count);
    free(list);
  }
}

static void all_stand(struct assembly *assembly) {
  struct hwckpt_error error = {0};
  if (assembly->work.roll_back(assembly->work.context, &error))
    fail(assembly, NULL, &error);
  else
    for (size_t i = 0; i < assembly->count; i++)
      let_member_go_on(&assembly->members[i], 1);
}

static void all_are_ready(struct assembly *assembly) {
  exchange_close(assembly->exchange);
  assembly->exchange = NULL;
  let_stop(assembly);
  let_go_on(assembly, false, 1);
}

/* After the tool began; the program's clock may be ahead. */
static uint64_t after_begin(uint64_t ns) {
  uint64_t at = ns - time_namespace_ahead_ns();
  return at > tool_start_ns ? at - tool_start_ns : 0;
}

/* All memory is there when it runs: nothing of a tree is lazy. */
static void tell_timing(const struct assembly *assembly) {
  const struct restore_request *request = assembly->work.request;
  struct timing_process *processes = calloc(assembly->count, sizeof *processes);
  const struct timing timing = {.generation =
                                    assembly->members[0].part->generation.name,
                                .running_ns = assembly->running_ns,
                                .complete_ns = assembly->running_ns,
                                .processes = processes,
                                .count = processes ? assembly->count : 0};
  for (size_t i = 0; i < timing.count; i++) {
    const struct member *member = &assembly->members[i];
    const struct generation *generation = &member->part->generation;
    processes[i] = (struct timing_process){
        generation->process.pid, generation->name, member->running_ns};
  }
  if (request->verbose)
    timing_say(&timing);
  timing_write(request->timing, &timing);
  free(processes);
}

static void all_run(struct assembly *assembly) {
  /* We stand by for as long as they run. */
  for (size_t i = 0; i < assembly->count; i++)
    cache_reader_let_go(assembly->members[i].part->generation.reader);
  supervised_runs(assembly->work.selection->number, assembly->program->pid);
  for (size_t i = 0; i < assembly->count; i++)
    if (assembly->running_ns < assembly->members[i].running_ns)
      assembly->running_ns = assembly->members[i].running_ns;
  tell_timing(assembly);
}

static void advance(struct assembly *assembly, struct member *member,
                    enum stage stage, uint64_t ns) {
  if (member->stage != stage - 1)
    return;
  member->stage = stage;
  if (stage == RUNNING)
    member->running_ns = after_begin(ns);
  if (++assembly->in_stage[stage] < assembly->count || assembly->failed)
    return;
  if (stage == STANDING)
    all_stand(assembly);
  else if (stage == READY)
    all_are_ready(assembly);
  else
    all_run(assembly);
}

/* ---- messages ---- */

static void take_key(struct assembly *assembly, struct member *member,
                     const struct restore_status *status, int *descriptor) {
  bool good = assembly->exchange != NULL;
  if (good && status->kind == RESTORE_GIVE && *descriptor >= 0) {
    good = exchange_give(assembly->exchange, status->ns, *descriptor);
    *descriptor = -1;
  } else if (good)
    good = exchange_take(assembly->exchange, status->ns, member->status);
  if (!good) {
    struct hwckpt_error error = {0};
    hwckpt_fail(&error, HWCKPT_E_TREE_FILE, ENOMEM,
                member->part->generation.name, "%s", "");
    fail(assembly, member, &error);
  }
}

/* Some wait for what the others do not make: they are all as far as they come.
 */
static void check_waiting(struct assembly *assembly, struct member *member) {
  size_t waiting =
      assembly->exchange ? exchange_waiting(assembly->exchange) : 0;
  size_t done = assembly->in_stage[STANDING] < assembly->count
                    ? assembly->in_stage[STANDING]
                    : assembly->in_stage[READY];
  if (!waiting || waiting + done < assembly->count || assembly->failed)
    return;
  struct hwckpt_error error = {0};
  hwckpt_fail(&error, HWCKPT_E_TREE_FILE, 0, member->part->generation.name,
              "%zu of %zu processes wait for what none of them makes", waiting,
              assembly->count);
  fail(assembly, NULL, &error);
}

static void take_status(struct assembly *assembly, struct member *member,
                        struct restore_status *status, int descriptor) {
  status->error.object[sizeof status->error.object - 1] = 0;
  status->error.detail[sizeof status->error.detail - 1] = 0;
  if (!*hwckpt_error_what(status->error.code))
    status->error.code = HWCKPT_E_RESUME;
  switch (status->kind) {
  case RESTORE_WARNING:
    report_warning(&status->error);
    break;
  case RESTORE_FAILED:
    fail(assembly, member, &status->error);
    break;
  case RESTORE_TRACKED:
    if (member->tracking < 0) {
      member->tracking = descriptor;
      descriptor = -1;
    }
    break;
  case RESTORE_GIVE:
  case RESTORE_TAKE:
    take_key(assembly, member, status, &descriptor);
    check_waiting(assembly, member);
    break;
  case RESTORE_ROLL_BACK:
    advance(assembly, member, STANDING, status->ns);
    check_waiting(assembly, member);
    break;
  case RESTORE_READY:
    advance(assembly, member, READY, status->ns);
    check_waiting(assembly, member);
    break;
  case RESTORE_RUNNING:
    advance(assembly, member, RUNNING, status->ns);
    break;
  default:
    break;
  }
  if (descriptor >= 0)
    close(descriptor);
}

static void fail_as_dead(struct assembly *assembly,
                         const struct member *member) {
  struct hwckpt_error error = {0};
  char object[32];
  snprintf(object, sizeof object, "process %d",
           (int)member->part->generation.process.pid);
  hwckpt_fail(&error, HWCKPT_E_TREE_BROKEN, 0, object, "%s", "");
  fail(assembly, member, &error);
}

/* It was killed, or, when it runs, said all it had to say. Once all have been
 * let go on, its end is the program's business: another may have killed it. */
static void take_end(struct assembly *assembly, struct member *member) {
  close(member->status);
  member->status = -1;
  if (assembly->in_stage[READY] < assembly->count)
    fail_as_dead(assembly, member);
  else
    advance(assembly, member, RUNNING, 0);
}

static void listen_to(struct assembly *assembly, struct member *member) {
  struct restore_status status;
  int descriptor;
  while (member->status >= 0) {
    ssize_t length = status_receive(member->status, &status, &descriptor);
    if (length == sizeof status)
      take_status(assembly, member, &status, descriptor);
    else if (length < 0 && (errno == EAGAIN || errno == EINTR))
      return;
    else if (length >= 0 || errno != ECONNRESET)
      take_end(assembly, member);
  }
}

static bool some_ready(int fd, void *context) {
  struct assembly *assembly = context;
  struct epoll_event events[16];
  int count = epoll_wait(fd, events, 16, 0);
  for (int i = 0; i < count; i++)
    listen_to(assembly, events[i].data.ptr);
  return !assembly->failed && assembly->in_stage[RUNNING] < assembly->count;
}

struct supervise_also assembly_watched(struct assembly *assembly) {
  return (struct supervise_also){assembly->epoll, some_ready, assembly};
}

/* ---- beginning ---- */

static __attribute__((noreturn)) void become(void *context, int member) {
  struct assembly *assembly = context;
  struct member *self = &assembly->members[member];
  struct hwckpt_error error = {0};
  if (unix_pairs_connect(assembly->unix_pairs, member, self->start.status,
                         &error)) {
    launch_tell_failure(self->start.status, &error);
    _exit(EXIT_TOOL);
  }
  setrlimit(RLIMIT_NOFILE, &assembly->descriptors);
  launch_become(&self->start);
}

static void be_born(void *context, int member) {
  const struct assembly *assembly = context;
  unix_pairs_listen(assembly->unix_pairs, member);
}

static void cannot_become(void *context, const struct hwckpt_error *error) {
  struct assembly *assembly = context;
  launch_tell_failure(assembly->members[0].start.status, error);
}

static __attribute__((noreturn)) void be_root(void *context) {
  struct assembly *assembly = context;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  family_be_root(assembly->family);
}

static int make_orphans(void *context) {
  struct assembly *assembly = context;
  return family_make_orphans(assembly->family);
}

static int prepare(void *context, bool may_part, struct hwckpt_error *error) {
  const struct assembly *assembly = context;
  const struct assembly_plan *plan = assembly->work.plan;
  const struct generation **parts = calloc(plan->count, sizeof *parts);
  if (!parts)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, "a tree", "%s",
                       "");
  for (size_t i = 0; i < plan->count; i++)
    parts[i] = &plan->parts[i]->generation;
  int failed = system_v_make(parts, plan->count, may_part, error);
  if (!failed)
    failed = posix_queues_make(parts, plan->count, error);
  free(parts);
  return failed;
}

/* Three descriptors a process, and what they give each other. */
static void raise_limit(struct assembly *assembly) {
  getrlimit(RLIMIT_NOFILE, &assembly->descriptors);
  struct rlimit most = assembly->descriptors;
  most.rlim_cur = most.rlim_max;
  setrlimit(RLIMIT_NOFILE, &most);
}

static int prepare_member(struct assembly *assembly, size_t index, int life,
                          struct supervisor *supervisor,
                          struct hwckpt_error *error) {
  struct member *member = &assembly->members[index];
  int status[2];
  member->part = assembly->work.plan->parts[index];
  member->tracking = member->status = -1;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, status))
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, errno, "socketpair",
                       "%s", "");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = member};
  epoll_ctl(assembly->epoll, EPOLL_CTL_ADD, status[0], &event);
  member->status = status[0];
  member->start = (struct launch_start){
      .supervisor = supervisor,
      .restorer = assembly->restorer,
      .life = life,
      .status = status[1],
      .is_root = index == 0,
      .memories = assembly->memory[index].memories,
      .memory_count = assembly->memory[index].count,
      .personality = member->part->generation.process.personality};
  const struct launch_part part = {&member->part->generation,
                                   assembly->work.selection->path,
                                   member->part->application,
                                   member->part->number,
                                   true,
                                   member->start.memories,
                                   member->start.memory_count};
  return launch_plan(assembly->work.request, &part, status[1],
                     &member->start.plan, error);
}

static pid_t highest_id(const struct assembly *assembly) {
  pid_t highest = family_highest(assembly->family);
  for (size_t i = 0; i < assembly->count; i++) {
    size_t cursor = 0;
    for (Thread thread; generation_next_thread(
             &assembly->members[i].part->generation, &cursor, &thread);)
      if (thread.tid > highest)
        highest = thread.tid;
  }
  return highest;
}

/* The processes have them by now. */
static void close_their_ends(struct assembly *assembly) {
  for (size_t i = 0; i < assembly->count; i++) {
    close(assembly->members[i].start.status);
    close(assembly->members[i].start.plan);
  }
}

/* All are told the same number, that of the root's generation. */
static int count_restore(struct assembly *assembly,
                         struct hwckpt_error *error) {
  unsigned restores = 0;
  const struct selection *selection = assembly->work.selection;
  int failed = launch_count(selection->path, selection->application,
                            selection->number, &restores, error);
  for (size_t i = 0; !failed && i < assembly->count; i++)
    exchange_send(assembly->members[i].status, restores, -1);
  return failed;
}

/* A shell's job that was in front of the terminal of who ran it is so of the
 * tool's, where the tool itself is. */
static void give_terminal(const struct assembly_plan *plan,
                          const struct supervisor *supervisor) {
  struct relative *root = &plan->relatives[0];
  for (size_t i = 0; !root->session && i < plan->relative_count; i++) {
    const struct relative *relative = &plan->relatives[i];
    Session session;
    size_t cursor = 0;
    if (relative->kind != RELATIVE_MEMBER || relative->session ||
        !relative->group || supervisor->terminal < 0 ||
        !generation_next_session(&plan->parts[relative->member]->generation,
                                 &cursor, &session) ||
        !session.in_front)
      continue;
    root->terminal = supervisor->terminal;
    root->foreground = relative->group;
  }
}

static int launch(struct assembly *assembly, struct supervisor *supervisor,
                  struct hwckpt_error *error) {
  const struct assembly_plan *plan = assembly->work.plan;
  int life[2];
  raise_limit(assembly);
  int failed = launch_find_restorer(assembly->restorer, error);
  if (failed)
    return failed;
  assembly->memory = assembly_memory(plan, error);
  if (!assembly->memory)
    return -(int)error->code;
  failed = connections_make(plan, assembly->exchange, error);
  if (!failed)
    failed = terminals_make(plan, assembly->exchange, error);
  if (!failed && !(assembly->unix_pairs = unix_pairs_plan(plan, error)))
    failed = -(int)error->code;
  if (failed)
    return failed;
  if (pipe2(life, O_CLOEXEC) || supervise_begin(supervisor))
    return hwckpt_fail(error, HWCKPT_E_RESTORE_KERNEL, errno, "pipe", "%s", "");
  give_terminal(plan, supervisor);
  for (size_t i = 0; !failed && i < plan->count; i++)
    failed = prepare_member(assembly, i, life[0], supervisor, error);
  const struct family_entry entry = {become,   be_born, cannot_become,
                                     assembly, life[0], life[1]};
  if (!failed)
    assembly->family =
        family_plan(plan->relatives, plan->relative_count, &entry);
  if (!failed && !assembly->family)
    failed = hwckpt_fail(
        error, HWCKPT_E_TREE_MEMBER, errno == ENOMEM ? ENOMEM : 0,
        plan->parts[0]->generation.name,
        errno == ENOMEM ? "its tree"
                        : "nobody can bear one in the session it is in");
  if (failed)
    return failed;
  const struct process_entry root = {be_root, assembly, prepare, make_orphans,
                                     highest_id(assembly)};
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  failed = process_id_make(plan->parts[0]->generation.process.pid,
                           assembly->work.request->policy, life, &root,
                           assembly->program, error);
  close_their_ends(assembly);
  unix_pairs_close(assembly->unix_pairs);
  assembly_memory_close(assembly->memory, assembly->count);
  return failed ? failed : count_restore(assembly, error);
}

struct assembly *assembly_launch(const struct assembly_work *work,
                                 struct supervisor *supervisor,
                                 struct supervised *program,
                                 struct hwckpt_error *error) {
  static struct assembly only; /* the tool restores one program */
  struct assembly *assembly = &only;
  size_t count = work->plan->count;
  assembly->members = calloc(count, sizeof *assembly->members);
  assembly->exchange = exchange_open();
  assembly->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (!assembly->members || !assembly->exchange || assembly->epoll < 0) {
    hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, "a tree", "%s", "");
    return NULL;
  }
  assembly->work = *work;
  assembly->count = count;
  assembly->program = program;
  return launch(assembly, supervisor, error) ? NULL : assembly;
}

/* Who has been let go on goes on, or is killed by another of the program and is
 * still ending: the first process may have ended before it was heard of. */
bool assembly_succeeded(struct assembly *assembly, uint64_t *running_ns) {
  if (assembly->in_stage[READY] == assembly->count)
    for (size_t i = 0; i < assembly->count; i++)
      advance(assembly, &assembly->members[i], RUNNING, 0);
  *running_ns = assembly->running_ns;
  if (assembly->in_stage[RUNNING] < assembly->count)
    fail_as_dead(assembly, &assembly->members[0]);
  return !assembly->failed;
}

enum hwckpt_code assembly_damage(const struct assembly *assembly) {
  return assembly->damage;
}
