/* inject.c - flips bits in a program that runs, and looks at what it answers.
 *
 *   inject INJECTIONS SEED SOLVER     prints one JSON object
 *
 * A flip hits a bit of a register, or of memory that the solver uses (its grid,
 * the copy it sends, its stack), while its own code runs. What comes of it is
 * seen until the next flip: answers, which are right or are not, or the end of
 * the solver, which is then started again; or no answer in LIMIT_MS, and the
 * solver is killed. The worst of that is the outcome: each injection has one.
 *
 * Exit status: 0, whatever the answers; 1, something could not be done.
 */
#include "answers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LIMIT_MS 20000
#define TRIES 2000 /* to meet the solver in its own code */
#define PIPE_BYTES (1 << 20)

static struct {
  pid_t pid;
  int answers;
  struct introduction about;
  uint64_t next; /* the problem that is to come */
  uint64_t rollbacks;
} solver;

/* The later the worse. */
enum outcome {
  UNNOTICED, /* right, as is */
  ROLLED_BACK,
  ROLLED_BACK_MORE, /* than once */
  ENDED,            /* reported, as are the next two */
  REFUSED,
  NO_ANSWER,
  WRONG,
  OUTCOMES
};

static struct {
  unsigned registers, memory, rollbacks;
  unsigned of[OUTCOMES];
} found;

/* The injection of which something may come still. */
static struct {
  bool any;
  enum outcome worst;
  uint64_t rollbacks;
} last;

static uint64_t state;
static uint64_t chance(uint64_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (state >> 8) % below;
}

static _Noreturn void cannot(const char *what) {
  int number = errno;
  if (solver.pid > 0)
    kill(solver.pid, SIGKILL);
  fprintf(stderr, "inject: %s: %s\n", what, strerror(number));
  exit(1);
}

static void rest_us(uint64_t us) {
  struct timespec time = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
  nanosleep(&time, NULL);
}

/* ---- the solver and its answers ---- */

/* Reads size bytes; 0: they are there, 1: it has ended, 2: none came. */
static int receive(void *data, size_t size) {
  for (size_t have = 0; have < size;) {
    struct pollfd one = {.fd = solver.answers, .events = POLLIN};
    int ready = poll(&one, 1, LIMIT_MS);
    if (ready == 0)
      return 2;
    ssize_t got = read(solver.answers, (char *)data + have, size - have);
    if (got <= 0)
      return 1;
    have += (size_t)got;
  }
  return 0;
}

static void start(const char *program) {
  int ends[2];
  char number[32];
  if (pipe2(ends, O_CLOEXEC))
    cannot("pipe");
  fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
  snprintf(number, sizeof number, "%llu", (unsigned long long)solver.next);
  solver.pid = fork();
  if (solver.pid < 0)
    cannot("fork");
  if (!solver.pid) {
    dup2(ends[1], 1);
    execl(program, program, number, (char *)NULL);
    _exit(127);
  }
  close(ends[1]);
  solver.answers = ends[0];
  solver.rollbacks = 0;
  if (receive(&solver.about, sizeof solver.about))
    cannot("the solver did not begin");
}

static void end(void) {
  kill(solver.pid, SIGKILL);
  waitpid(solver.pid, NULL, 0);
  close(solver.answers);
  solver.pid = 0;
}

/* ---- injections ---- */

static void flip_register(struct user_regs_struct *registers) {
  static const size_t general[] = {
      offsetof(struct user_regs_struct, rax),
      offsetof(struct user_regs_struct, rbx),
      offsetof(struct user_regs_struct, rcx),
      offsetof(struct user_regs_struct, rdx),
      offsetof(struct user_regs_struct, rsi),
      offsetof(struct user_regs_struct, rdi),
      offsetof(struct user_regs_struct, rbp),
      offsetof(struct user_regs_struct, rsp),
      offsetof(struct user_regs_struct, r8),
      offsetof(struct user_regs_struct, r9),
      offsetof(struct user_regs_struct, r10),
      offsetof(struct user_regs_struct, r11),
      offsetof(struct user_regs_struct, r12),
      offsetof(struct user_regs_struct, r13),
      offsetof(struct user_regs_struct, r14),
      offsetof(struct user_regs_struct, r15),
      offsetof(struct user_regs_struct, rip),
  };
  struct user_fpregs_struct floating;
  /* A third of the flips hit the vector registers that doubles are in. */
  if (chance(3) == 0) {
    if (ptrace(PTRACE_GETFPREGS, solver.pid, NULL, &floating))
      cannot("registers");
    floating.xmm_space[chance(16) * 4 + chance(2)] ^= 1u << chance(32);
    if (ptrace(PTRACE_SETFPREGS, solver.pid, NULL, &floating))
      cannot("registers");
    return;
  }
  size_t which = general[chance(sizeof general / sizeof *general)];
  *(unsigned long long *)(void *)((char *)registers + which) ^= 1ull
                                                                << chance(64);
  if (ptrace(PTRACE_SETREGS, solver.pid, NULL, registers))
    cannot("registers");
}

static void flip_memory(const struct user_regs_struct *registers) {
  const struct introduction *about = &solver.about;
  uint64_t sp = registers->rsp - 128, begin = about->state[0];
  uint64_t length = about->state[1];
  unsigned which = (unsigned)chance(4);
  if (which == 0)
    begin = about->out[0], length = about->out[1];
  if (which == 1 && sp < about->stack_top && about->stack_top - sp < 65536)
    begin = sp, length = about->stack_top - sp;
  unsigned char byte;
  struct iovec here = {&byte, 1}, there = {(void *)(begin + chance(length)), 1};
  if (process_vm_readv(solver.pid, &here, 1, &there, 1, 0) != 1)
    cannot("memory");
  byte ^= (unsigned char)(1u << chance(8));
  if (process_vm_writev(solver.pid, &here, 1, &there, 1, 0) != 1)
    cannot("memory");
}

/* Flips, if the solver is in its own code; false: it is not, or has ended. */
static bool flip(bool registers_too) {
  struct user_regs_struct registers;
  int status;
  if (ptrace(PTRACE_SEIZE, solver.pid, NULL, NULL))
    return false;
  ptrace(PTRACE_INTERRUPT, solver.pid, NULL, NULL);
  if (waitpid(solver.pid, &status, 0) != solver.pid || !WIFSTOPPED(status) ||
      ptrace(PTRACE_GETREGS, solver.pid, NULL, &registers))
    return false;
  /* A signal that was about to be delivered is not ours to keep. */
  int signal = status >> 16 == PTRACE_EVENT_STOP ? 0 : WSTOPSIG(status);
  bool meets = !signal && registers.rip >= solver.about.code[0] &&
               registers.rip < solver.about.code[1];
  if (meets && registers_too)
    flip_register(&registers);
  else if (meets)
    flip_memory(&registers);
  ptrace(PTRACE_DETACH, solver.pid, NULL, (void *)(uintptr_t)signal);
  return meets;
}

/* ---- what came of it ---- */

static void note(enum outcome outcome) {
  if (outcome > last.worst)
    last.worst = outcome;
}

/* Nothing more can come of the last one: there is another, or it is the end. */
static void settle(void) {
  if (last.any)
    found.of[last.worst]++;
  last.any = false;
  last.worst = UNNOTICED;
  last.rollbacks = 0;
}

static void begin_again(const char *program) {
  end();
  solver.next++;
  start(program);
}

static void look_at(const struct answer *answer, const char *program) {
  if (answer->magic != ANSWER_MAGIC ||
      (sealed(answer->u, 0) ^ mixed(answer->problem)) != answer->seal) {
    note(REFUSED);
    return;
  }
  if (residual_of(answer->u, answer->problem) > GOOD) {
    note(WRONG);
    return;
  }
  /* It may be that of the problem before once more. */
  if (answer->problem != solver.next && answer->problem + 1 != solver.next) {
    note(REFUSED);
    begin_again(program);
    return;
  }
  solver.next = answer->problem + 1;
  uint64_t more = answer->rollbacks - solver.rollbacks;
  solver.rollbacks = answer->rollbacks;
  found.rollbacks += (unsigned)more;
  last.rollbacks += more;
  if (last.rollbacks)
    note(last.rollbacks == 1 ? ROLLED_BACK : ROLLED_BACK_MORE);
}

/* Waits for the next answer. */
static void judge(const char *program) {
  struct answer answer;
  int result = receive(&answer, sizeof answer);
  if (!result) {
    look_at(&answer, program);
    return;
  }
  note(result == 2 ? NO_ANSWER : ENDED);
  begin_again(program);
}

/* Whether the solver said something, or ended, that was not looked at. */
static bool is_heard(void) {
  struct pollfd one = {.fd = solver.answers, .events = POLLIN};
  return poll(&one, 1, 0) == 1;
}

/* Microseconds that a problem takes, undisturbed. */
static uint64_t measure(const char *program) {
  struct timespec begin, now;
  struct answer answer;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int i = 0; i < 5; i++)
    if (receive(&answer, sizeof answer))
      cannot("no answer though nothing was done to it");
    else
      look_at(&answer, program);
  if (last.worst != UNNOTICED)
    cannot("no right answer though nothing was done to it");
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)((now.tv_sec - begin.tv_sec) * 1000000 +
                    (now.tv_nsec - begin.tv_nsec) / 1000) /
         5;
}

static void inject(const char *program, uint64_t problem_us) {
  bool registers_too = chance(2);
  rest_us(chance(problem_us));
  for (int tries = 0; tries < TRIES; tries++) {
    while (is_heard())
      judge(program);
    if (flip(registers_too)) {
      settle();
      last.any = true;
      found.registers += registers_too;
      found.memory += !registers_too;
      break;
    }
    rest_us(20 + chance(200));
  }
  judge(program);
}

int main(int argc, char **argv) {
  if (argc != 4)
    return fprintf(stderr, "usage: inject INJECTIONS SEED SOLVER\n"), 2;
  unsigned count = (unsigned)strtoul(argv[1], NULL, 10);
  state = strtoull(argv[2], NULL, 10) * 0x9e3779b97f4a7c15ull | 1;
  signal(SIGPIPE, SIG_IGN);
  start(argv[3]);
  uint64_t problem_us = measure(argv[3]);
  while (found.registers + found.memory < count)
    inject(argv[3], problem_us);
  settle();
  end();
  printf(
      "{\"registers\": %u, \"memory\": %u, \"unnoticed\": %u, "
      "\"rolled_back\": %u, \"rolled_back_more\": %u, \"ended\": %u, "
      "\"refused\": %u, \"no_answer\": %u, \"wrong\": %u, \"rollbacks\": %u, "
      "\"problem_us\": %llu}\n",
      found.registers, found.memory, found.of[UNNOTICED], found.of[ROLLED_BACK],
      found.of[ROLLED_BACK_MORE], found.of[ENDED], found.of[REFUSED],
      found.of[NO_ANSWER], found.of[WRONG], found.rollbacks,
      (unsigned long long)problem_us);
  return 0;
}
