/* inject.c - flips bits in a program that runs, and looks at what it answers.
 *
 *   inject INJECTIONS SEED SOLVER     prints one JSON object
 *
 * A flip hits a bit of a register, or of memory that the solver uses (its grid,
 * the copy it sends, its stack), while its own code runs. Each injection ends
 * with an answer, which is right or is not, or with the end of the solver; or
 * no answer comes in LIMIT_MS, and the solver is killed.
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

static struct {
  unsigned registers, memory;
  unsigned unnoticed, rolled_back, again; /* right */
  unsigned ended, refused, silent;        /* reported */
  unsigned wrong, rollbacks;
} found;

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

/* Whether an answer came; it is counted where it is not right. */
static bool look_at(const struct answer *answer) {
  if (answer->magic != ANSWER_MAGIC ||
      (sealed(answer->u, 0) ^ mixed(answer->problem)) != answer->seal) {
    found.refused++;
    return false;
  }
  if (residual_of(answer->u, answer->problem) > GOOD) {
    found.wrong++;
    return false;
  }
  return true;
}

static void judge(const char *program) {
  struct answer answer;
  int result = receive(&answer, sizeof answer);
  if (result) {
    if (result == 2)
      found.silent++;
    else
      found.ended++;
    end();
    solver.next++;
    start(program);
    return;
  }
  if (!look_at(&answer))
    return;
  /* It may be that of the problem before once more. */
  if (answer.problem != solver.next && answer.problem + 1 != solver.next) {
    found.refused++;
    end();
    start(program);
    return;
  }
  solver.next = answer.problem + 1;
  uint64_t more = answer.rollbacks - solver.rollbacks;
  solver.rollbacks = answer.rollbacks;
  found.rollbacks += (unsigned)more;
  if (more == 0)
    found.unnoticed++;
  else if (more == 1)
    found.rolled_back++;
  else
    found.again++;
}

/* Microseconds that a problem takes, undisturbed. */
static uint64_t measure(void) {
  struct timespec begin, now;
  struct answer answer;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int i = 0; i < 5; i++)
    if (receive(&answer, sizeof answer) || !look_at(&answer))
      cannot("no answer though nothing was done to it");
    else
      solver.next = answer.problem + 1;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)((now.tv_sec - begin.tv_sec) * 1000000 +
                    (now.tv_nsec - begin.tv_nsec) / 1000) /
         5;
}

/* Answers of before the flip. */
static void take_earlier(void) {
  struct pollfd one = {.fd = solver.answers, .events = POLLIN};
  struct answer answer;
  while (poll(&one, 1, 0) == 1 && receive(&answer, sizeof answer) == 0 &&
         look_at(&answer))
    solver.next = answer.problem + 1;
}

static void inject(const char *program, uint64_t problem_us) {
  bool registers_too = chance(2);
  rest_us(chance(problem_us));
  for (int tries = 0; tries < TRIES; tries++) {
    take_earlier();
    if (flip(registers_too)) {
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
  uint64_t problem_us = measure();
  while (found.registers + found.memory < count)
    inject(argv[3], problem_us);
  end();
  printf(
      "{\"registers\": %u, \"memory\": %u, \"unnoticed\": %u, "
      "\"rolled_back\": %u, \"rolled_back_more\": %u, \"ended\": %u, "
      "\"refused\": %u, \"no_answer\": %u, \"wrong\": %u, \"rollbacks\": %u, "
      "\"problem_us\": %llu}\n",
      found.registers, found.memory, found.unnoticed, found.rolled_back,
      found.again, found.ended, found.refused, found.silent, found.wrong,
      found.rollbacks, (unsigned long long)problem_us);
  return 0;
}
