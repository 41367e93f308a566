/* terminals.c - pseudo terminals of a program of several processes: made before
 * the processes are, as the leader of a session has to take the terminal that
 * controls it before it has children who are to have it too. What is in them
 * and their settings come with who has the master
 * (resources/pseudo_terminal.c).
 */
#include "assembly.h"
#include "command.h"
#include "exchange.h"
#include "family.h"

#include "runtime/resources/tree.h"
#include "runtime/support/record_types.h"

#include <errno.h>
#include <fcntl.h>
#include <pb_decode.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Terminals that are made in passing, to get a number. */
#define PASSED_MAX 64

struct terminals {
  PseudoTerminal *all;
  size_t count;
};

static bool add(struct terminals *terminals, const PseudoTerminal *terminal) {
  PseudoTerminal *grown = reallocarray(terminals->all, terminals->count + 1,
                                       sizeof *terminals->all);
  if (!grown)
    return false;
  terminals->all = grown;
  terminals->all[terminals->count++] = *terminal;
  return true;
}

static bool collect(struct terminals *terminals,
                    const struct generation *generation) {
  uint32_t type;
  const void *data;
  size_t length;
  for (size_t i = 0;
       cache_reader_record(generation->reader, i, &type, &data, &length); i++) {
    PseudoTerminal terminal = PseudoTerminal_init_zero;
    pb_istream_t stream = pb_istream_from_buffer(data, length);
    if (type == RECORD_PSEUDO_TERMINAL &&
        pb_decode(&stream, PseudoTerminal_fields, &terminal) &&
        terminal.common && terminal.terminal && !add(terminals, &terminal))
      return false;
  }
  return true;
}

static int by_number(const void *first, const void *second) {
  const PseudoTerminal *one = first, *other = second;
  return (one->terminal > other->terminal) - (one->terminal < other->terminal);
}

static unsigned number_of(int master) {
  unsigned number = 0;
  ioctl(master, TIOCGPTN, &number);
  return number;
}

static int open_master(void) {
  return open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

/* The kernel gives the lowest number that is free. */
static int make_master(unsigned number) {
  int passed[PASSED_MAX];
  unsigned count = 0;
  int master = open_master();
  while (master >= 0 && number_of(master) < number && count < PASSED_MAX) {
    int next = open_master();
    if (next < 0)
      break;
    bool lower = number_of(next) <= number;
    passed[count++] = lower ? master : next;
    if (!lower)
      break;
    master = next;
  }
  while (count)
    close(passed[--count]);
  return master;
}

/* Whose session it controls takes it when it is born. */
static void give_to_leader(const struct assembly_plan *plan,
                           const PseudoTerminal *terminal, int slave) {
  for (size_t i = 0; terminal->session && i < plan->relative_count; i++) {
    struct relative *relative = &plan->relatives[i];
    if (relative->pid != terminal->session ||
        relative->session != relative->pid || relative->kind != RELATIVE_MEMBER)
      continue;
    relative->terminal = slave;
    relative->foreground = terminal->foreground;
  }
}

static bool make(const struct assembly_plan *plan, struct exchange *exchange,
                 const PseudoTerminal *terminal) {
  int unlocked = 0;
  int master = make_master(terminal->terminal - 1);
  if (master < 0)
    return false;
  ioctl(master, TIOCSPTLCK, &unlocked);
  /* A size that changes later is a signal to who is in front. */
  if (terminal->window.size == sizeof(struct winsize))
    ioctl(master, TIOCSWINSZ, terminal->window.bytes);
  int slave = -1;
  if (terminal->opened) {
    /* O_CLOEXEC would stay with the open file as well. */
    slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    if (slave < 0)
      return false;
    fcntl(slave, F_SETFD, FD_CLOEXEC);
    give_to_leader(plan, terminal, slave);
  }
  uint64_t key = terminal->terminal;
  /* The slave is kept as long: without one the master is at its end. */
  return exchange_give(exchange, TREE_KEY(TREE_TERMINAL, key), master) &&
         (slave < 0 ||
          exchange_give(exchange, TREE_KEY(TREE_TERMINAL, key | 1ull << 32),
                        slave));
}

int terminals_make(const struct assembly_plan *plan, struct exchange *exchange,
                   struct hwckpt_error *error) {
  struct terminals terminals = {0};
  int failed = 0;
  for (size_t i = 0; !failed && i < plan->count; i++)
    if (!collect(&terminals, &plan->parts[i]->generation))
      failed = hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, "a tree",
                           "terminals");
  if (terminals.count)
    qsort(terminals.all, terminals.count, sizeof *terminals.all, by_number);
  for (size_t i = 0; !failed && i < terminals.count; i++) {
    errno = 0;
    if (!make(plan, exchange, &terminals.all[i]))
      failed = hwckpt_fail(error, HWCKPT_E_TREE_FILE, errno, "/dev/ptmx",
                           "a pseudo terminal");
  }
  free(terminals.all);
  return failed;
}
