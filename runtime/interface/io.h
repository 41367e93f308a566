/* io.h - input and output of the program as events: what io_before.c, on the
 * program's threads, and io.c, the monitor, share.
 *
 * Invariant: `actions` are whole before the listener is set, and do not change
 * while it is.
 */
#ifndef HWCKPT_INTERFACE_IO_H
#define HWCKPT_INTERFACE_IO_H

#include "../arch/arch.h"
#include "rules.h"

#include <stdbool.h>
#include <stdint.h>

/* What a rule asks for: the words of its kind (event_kinds.c), in order. */
enum io_what {
  IO_CONNECT,
  IO_ACCEPT,
  IO_QUIET, /* the first send or receive after a quiet time */
  IO_BYTES,
  IO_SYNC,
  IO_CLOSE,
  IO_WRITTEN, /* bytes, to files */
  IO_SEND,    /* before it, and it waits for the checkpoint */
  IO_WHATS,
};

struct io_action {
  enum io_what what;
  uint32_t rule;           /* its index */
  uint64_t amount;         /* bytes, or ns */
  _Atomic uint64_t so_far; /* bytes since the last; when the last call was */
};

#define IO_SOCKETS 64

struct io_state {
  _Atomic int pid; /* whom it serves */
  unsigned count;
  uint32_t whats; /* bit per enum io_what that an action has */
  struct io_action actions[RULES_MAX];
  _Atomic uint32_t fired; /* bit per rule */
  /* By which the checkpoint thread is told: a bit of a futex. */
  _Atomic uint32_t *word;
  uint32_t bit;
  /* What is known of connections: bytes that came in until the last look. */
  struct {
    _Atomic uint64_t cookie, received;
  } sockets[IO_SOCKETS];
};

extern struct io_state io_state;

/* Whether a system call of that number is one that an action is for. */
bool io_wants(uint32_t number);
/* The listener (calls.h). */
void io_before(const struct arch_call *call);

/* What the save in front of a send asks for: it is executed with this in the
 * place of the site's kind, and handled by hooks.c. */
#define IO_ENTRY_SEND 0xE0u
void io_ask_send(void);

#endif
