/* asked.c - see asked.h. */
#include "asked.h"

#include "../arch/sys.h"
#include "../resources/resource.h"
#include "../support/live.h"
#include "ask_abi.h"
#include "monitor.h"
#include "rollbacks.h"
#include "tree_abi.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#define ASKED 16

struct asked {
  _Atomic uint32_t numbers[ASKED]; /* who waits, 0: free */
  uint32_t served[ASKED];          /* by what is under way */
};

static LIVE struct asked saves, rollbacks;

/* Of the checkpoint thread. What it answers by is there before the program may
 * open no more, and before a filter ends who tries. */
static LIVE struct {
  long socket; /* and 1; 0: none */
  bool mute;   /* it is named so */
} answering;

static long open_socket(bool of_runtime) {
  return resources_forbid_socket(of_runtime)
             ? -EPERM
             : SYS(socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* Who asked may be gone. */
static void answer_by(long fd, uint32_t number,
                      const struct ask_answer *content) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length =
      hwckpt_format(address.sun_path + 1, ASK_NAME_MAX, ASK_NAME, number);
  SYS(sendto, fd, content, sizeof *content, MSG_DONTWAIT | MSG_NOSIGNAL,
      &address, offsetof(struct sockaddr_un, sun_path) + 1 + length);
}

static void name_thread(bool mute) {
  if (answering.mute == mute || resources_forbid_name())
    return;
  answering.mute = mute;
  SYS(prctl, PR_SET_NAME, mute ? ASK_MUTE : ASK_THREAD, 0, 0, 0);
}

static void open_own(void) {
  long fd = answering.socket ? -1 : open_socket(true);
  if (fd >= 0)
    answering.socket = fd + 1;
}

static void answer(uint32_t number, const struct ask_answer *content) {
  open_own();
  if (answering.socket && !resources_forbid_answer(true))
    answer_by(answering.socket - 1, number, content);
  else
    name_thread(true);
}

/* An error, or what became of it. */
static void answer_served(struct asked *asked, const char *application,
                          uint64_t generation,
                          const struct hwckpt_error *error) {
  struct ask_answer content;
  memset(&content, 0, sizeof content);
  content.magic = ASK_MAGIC;
  content.size = sizeof content;
  if (error) {
    content.error = *error;
  } else {
    content.generation = generation;
    hwckpt_format(content.application, sizeof content.application, "%s",
                  application);
  }
  for (unsigned i = 0; i < ASKED; i++)
    if (asked->served[i]) {
      answer(asked->served[i], &content);
      asked->served[i] = 0;
      atomic_store(&asked->numbers[i], 0);
    }
}

static bool add(struct asked *asked, uint32_t number) {
  for (unsigned i = 0; i < ASKED; i++) {
    uint32_t none = 0;
    if (atomic_compare_exchange_strong(&asked->numbers[i], &none, number))
      return true;
  }
  return false;
}

/* On a stack that may be small. */
static void refuse(uint32_t number, const char *detail) {
  static struct ask_answer refusal = {.magic = ASK_MAGIC,
                                      .size = sizeof refusal};
  hwckpt_fail(&refusal.error, HWCKPT_E_NO_ANSWER, 0, "", "%s", detail);
  long fd = resources_forbid_answer(false) ? -EPERM : open_socket(false);
  if (fd < 0)
    return;
  answer_by(fd, number, &refusal);
  SYS(close, fd);
}

static void give_up(struct asked *asked, uint32_t number) {
  for (unsigned i = 0; i < ASKED; i++) {
    uint32_t there = number;
    atomic_compare_exchange_strong(&asked->numbers[i], &there, 0);
  }
  refuse(number, "the runtime's thread cannot be begun");
}

bool asked_signal(const siginfo_t *info) {
  uint64_t value = (uint64_t)info->si_value.sival_ptr;
  uint32_t number = (uint32_t)value, magic = (uint32_t)(value >> 32);
  if (magic == TREE_MAGIC && number) {
    events_join(number);
    return true;
  }
  if ((magic != ASK_MAGIC && magic != ASK_ROLLBACK_MAGIC) || !number)
    return false;
  if (!events_serve())
    refuse(number, "the process is a child of the program");
  else if (!add(magic == ASK_MAGIC ? &saves : &rollbacks, number))
    refuse(number, "too many ask at once");
  else if (magic == ASK_ROLLBACK_MAGIC)
    rollbacks_request(0);
  else if (events_request(Event_EVENT_COMMAND, 0) < 0)
    give_up(&saves, number);
  return true;
}

static bool waits(void) {
  for (unsigned i = 0; i < ASKED; i++)
    if (atomic_load(&saves.numbers[i]))
      return true;
  return false;
}

static void serve(struct asked *asked) {
  name_thread(false);
  for (unsigned i = 0; i < ASKED; i++)
    asked->served[i] = atomic_load(&asked->numbers[i]);
}

static void start(const struct hwckpt_options *options) {
  (void)options;
  open_own();
}

static void begun(void) { serve(&saves); }

/* Once the program is rolled back they go on waiting. */
static void ended(const struct outcome *outcome) {
  if (outcome->result)
    answer_served(&saves, outcome->result->generation.application,
                  outcome->result->generation.number, 0);
  else if (outcome->error)
    answer_served(&saves, 0, 0, outcome->error);
}

static void back_begun(void) { serve(&rollbacks); }

static void back_ended(const struct outcome_back *outcome) {
  answer_served(&rollbacks, outcome->application, outcome->generation,
                outcome->error);
}

static void forget(void) {
  memset(&saves, 0, sizeof saves);
  memset(&rollbacks, 0, sizeof rollbacks);
  memset(&answering, 0, sizeof answering);
}

const struct monitor command_monitor = {
    .name = "command",
    .event = Event_EVENT_COMMAND,
    .start = start,
    .waits = waits,
    .begun = begun,
    .ended = ended,
    .back_begun = back_begun,
    .back_ended = back_ended,
    .forget = forget,
};
