/* requests.c - see requests.h. */
#include "requests.h"

#include "../arch/sys.h"
#include "../support/live.h"

#include <linux/futex.h>
#include <time.h>

LIVE struct requests requests;

void requests_wake(uint32_t bits) {
  atomic_fetch_or(&requests.word, bits);
  SYS(futex, &requests.word, FUTEX_WAKE_PRIVATE, 1, 0, 0, 0);
}

uint32_t requests_take(void) { return atomic_exchange(&requests.word, 0); }

void requests_sleep(uint64_t nanoseconds) {
  struct timespec timeout = {(time_t)(nanoseconds / 1000000000u),
                             (long)(nanoseconds % 1000000000u)};
  SYS(futex, &requests.word, FUTEX_WAIT_PRIVATE, 0,
      nanoseconds == UINT64_MAX ? 0 : &timeout, 0, 0);
}

void requests_clear(void) {
  atomic_store(&requests.word, 0);
  atomic_store(&requests.urgent, 0);
  atomic_store(&requests.cut, 0);
  atomic_store(&requests.exit_signal, 0);
}
