/* messages.c - what events.h has for people, and for callers: errors and lines.
 */
#include "../support/live.h"
#include "../support/program_stderr.h"
#include "events.h"

#include <errno.h>
#include <string.h>

void events_report(const char *text) {
  program_stderr_borrow();
  hwckpt_face_report(text);
  program_stderr_return();
}

/* What fails again and again is said once. */
void events_say(const struct hwckpt_error *error) {
  static LIVE char said[1400];
  char text[sizeof said];
  size_t size = hwckpt_error_text(error, "hwckpt", text, sizeof text) + 1;
  if (memcmp(said, text, size) == 0)
    return;
  memcpy(said, text, size);
  events_report(text);
}

int events_errno(const struct hwckpt_error *error) {
  switch (error->code) {
  case HWCKPT_E_CACHE_EMPTY:
    return -ENOENT;
  case HWCKPT_E_NOT_RESTORABLE:
  case HWCKPT_E_NOT_SUPPORTED:
  case HWCKPT_E_NOT_ROLLED_BACK:
  case HWCKPT_E_FILE_GONE:
  case HWCKPT_E_FILE_SHORTER:
  case HWCKPT_E_FILE_CHANGED:
  case HWCKPT_E_FILE_PERMISSION:
    return -ENOTSUP;
  case HWCKPT_E_CALLBACK_REFUSED:
    return -ECANCELED;
  case HWCKPT_E_CALLBACK_LATE:
  case HWCKPT_E_SECTION_OPEN:
    return -ETIMEDOUT;
  default:
    return -EIO;
  }
}
