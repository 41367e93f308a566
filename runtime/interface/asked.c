/* asked.c - see asked.h. */
#include "asked.h"

#include "../arch/sys.h"
#include "../support/live.h"
#include "ask_abi.h"
#include "monitor.h"
#include "tree_abi.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ASKED 16

static LIVE struct {
  _Atomic uint32_t numbers[ASKED]; /* who waits, 0: free */
  uint32_t served[ASKED];          /* by the checkpoint that is taken */
} asked;

/* Who asked may be gone. */
static void answer(uint32_t number, const struct ask_answer *content) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length =
      hwckpt_format(address.sun_path + 1, ASK_NAME_MAX, ASK_NAME, number);
  long fd = SYS(socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return;
  SYS(sendto, fd, content, sizeof *content, MSG_DONTWAIT | MSG_NOSIGNAL,
      &address, offsetof(struct sockaddr_un, sun_path) + 1 + length);
  SYS(close, fd);
}

static void answer_served(struct ask_answer *content) {
  content->magic = ASK_MAGIC;
  content->size = sizeof *content;
  for (unsigned i = 0; i < ASKED; i++)
    if (asked.served[i]) {
      answer(asked.served[i], content);
      asked.served[i] = 0;
      atomic_store(&asked.numbers[i], 0);
    }
}

static bool add(uint32_t number) {
  for (unsigned i = 0; i < ASKED; i++) {
    uint32_t none = 0;
    if (atomic_compare_exchange_strong(&asked.numbers[i], &none, number))
      return true;
  }
  return false;
}

/* On a stack that may be small. */
static void refuse(uint32_t number, const char *detail) {
  static struct ask_answer refusal = {.magic = ASK_MAGIC,
                                      .size = sizeof refusal};
  hwckpt_fail(&refusal.error, HWCKPT_E_NO_ANSWER, 0, "", "%s", detail);
  answer(number, &refusal);
}

bool asked_signal(const siginfo_t *info) {
  uint64_t value = (uint64_t)info->si_value.sival_ptr;
  uint32_t number = (uint32_t)value;
  if (value >> 32 == TREE_MAGIC && number) {
    events_join(number);
    return true;
  }
  if (value >> 32 != ASK_MAGIC || !number)
    return false;
  if (!events_serve())
    refuse(number, "the process is a child of the program");
  else if (!add(number))
    refuse(number, "too many ask at once");
  else
    events_request(Event_EVENT_COMMAND, 0);
  return true;
}

static bool waits(void) {
  for (unsigned i = 0; i < ASKED; i++)
    if (atomic_load(&asked.numbers[i]))
      return true;
  return false;
}

static void begun(void) {
  for (unsigned i = 0; i < ASKED; i++)
    asked.served[i] = atomic_load(&asked.numbers[i]);
}

/* Once the program is rolled back they go on waiting. */
static void ended(const struct outcome *outcome) {
  struct ask_answer content;
  memset(&content, 0, sizeof content);
  if (outcome->result) {
    const struct cache_generation *taken = &outcome->result->generation;
    content.generation = taken->number;
    hwckpt_format(content.application, sizeof content.application, "%s",
                  taken->application);
  } else if (outcome->error) {
    content.error = *outcome->error;
  } else {
    return;
  }
  answer_served(&content);
}

static void forget(void) {
  for (unsigned i = 0; i < ASKED; i++) {
    atomic_store(&asked.numbers[i], 0);
    asked.served[i] = 0;
  }
}

const struct monitor command_monitor = {
    .name = "command",
    .event = Event_EVENT_COMMAND,
    .waits = waits,
    .begun = begun,
    .ended = ended,
    .forget = forget,
};
