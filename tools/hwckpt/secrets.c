/* secrets.c - see secrets.h. */
#include "secrets.h"

#include "tools/tiers/tier.h"

#include <sys/prctl.h>

void secrets_keep(void) { prctl(PR_SET_DUMPABLE, 0); }

void secrets_keep_environment(void) {
  if (tier_has_secrets())
    secrets_keep();
}

bool secrets_open_proc(void) {
  bool kept = prctl(PR_GET_DUMPABLE) != 1;
  if (kept)
    prctl(PR_SET_DUMPABLE, 1);
  return kept;
}

void secrets_close_proc(bool kept) {
  if (kept)
    secrets_keep();
}
