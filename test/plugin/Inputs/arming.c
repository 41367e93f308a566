/* arming.c - a runtime for tests of the compiler alone.
 *
 * Arms every site of the module that registers, disarms each when its trap is
 * taken, and answers CKPT.SAVE with 7. At exit it prints what it saw:
 *
 *   modules 1 loop 3 recursion 1 reached 2 saves 0
 *
 * A site that is not at the start of an instruction makes the program crash.
 */
#define _GNU_SOURCE
#include "hwckpt_isa.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

static struct {
  unsigned char *address, byte;
} sites[65536];
static unsigned count, kinds[HWCKPT_KIND_COUNT], modules, reached, saves;

static void fail(const char *what) {
  fprintf(stderr, "arming: %s\n", what);
  _exit(99);
}

static void write_byte(unsigned char *address, unsigned char byte) {
  static long page_size;
  if (!page_size)
    page_size = sysconf(_SC_PAGESIZE);
  void *page = (void *)((unsigned long)address & -page_size);
  if (mprotect(page, page_size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
    fail("a site is not in the program");
  *address = byte;
}

static void on_trap(int signal, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  unsigned char *pc = (unsigned char *)registers[REG_RIP];
  (void)info;
  if (signal == SIGILL) {
    unsigned immediate;
    memcpy(&immediate, pc + 4, sizeof immediate);
    if (pc[0] != HWCKPT_INSN_BYTE0 || pc[1] != HWCKPT_INSN_TRAP ||
        pc[2] != HWCKPT_INSN_MODRM || pc[3] != HWCKPT_INSN_SIB ||
        HWCKPT_IMM_MAGIC(immediate) != HWCKPT_MAGIC ||
        HWCKPT_IMM_OP(immediate) != HWCKPT_OP_SAVE)
      fail("an illegal instruction that is not ours");
    saves++;
    registers[REG_RIP] += HWCKPT_INSN_LENGTH;
    registers[REG_RAX] = 7;
    return;
  }
  pc--;
  for (unsigned i = 0; i < count; i++)
    if (sites[i].address == pc) {
      reached++;
      write_byte(pc, sites[i].byte);
      registers[REG_RIP] = (greg_t)pc;
      return;
    }
  fail("a trap that is at no site");
}

static void report(void) {
  fprintf(stderr, "modules %u loop %u recursion %u reached %u saves %u\n",
          modules, kinds[HWCKPT_KIND_LOOP], kinds[HWCKPT_KIND_RECURSION],
          reached, saves);
}

void __hwckpt_register_module(const struct hwckpt_module *module) {
  if (module->version != HWCKPT_ISA_VERSION ||
      module->kinds != HWCKPT_KIND_COUNT)
    fail("version");
  if (!modules++) {
    struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    sigaction(SIGTRAP, &action, NULL);
    sigaction(SIGILL, &action, NULL);
    atexit(report);
  }
  for (int kind = 0; kind < HWCKPT_KIND_COUNT; kind++)
    for (const int *entry = module->sites[kind].begin;
         entry != module->sites[kind].end; entry++) {
      unsigned char *address = (unsigned char *)entry + *entry;
      kinds[kind]++;
      unsigned i = 0;
      while (i < count && sites[i].address != address)
        i++;
      if (i < count)
        continue; /* two sites with no instruction between them */
      if (count == sizeof sites / sizeof sites[0])
        fail("too many sites");
      sites[count].address = address;
      sites[count++].byte = *address;
      write_byte(address, HWCKPT_BREAKPOINT);
    }
}

void __hwckpt_unregister_module(const struct hwckpt_module *module) {
  if (module->version != HWCKPT_ISA_VERSION)
    fail("version");
}
