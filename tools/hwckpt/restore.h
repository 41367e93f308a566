/* restore.h - what the user asks `hwckpt restore` for. */
#ifndef HWCKPT_RESTORE_H
#define HWCKPT_RESTORE_H

#include "fetch.h"
#include "key.h"
#include "lazy.h"
#include "options_text.h"
#include "process_id.h"

struct restore_request {
  const char *cache_option, *which;
  const char *name; /* the program's from now on: of another application */
  char **argv;      /* of the command, options first */
  uint64_t before;  /* generations from this on are not to be taken; 0: any */
  uint64_t above;   /* nor those up to this one in place of a damaged one */
  enum id_policy policy;
  enum lazy_mode lazy;
  bool tracked;     /* what is written while memory is loaded is known */
  unsigned threads; /* that read; 0: four a processor */
  const char *from[FETCH_TIERS_MAX]; /* tiers */
  unsigned from_count;
  struct key_request key; /* of what is there */
  const char *timing;
  bool verbose;
  bool any_processor;             /* also one that lacks instructions */
  char options[OPTIONS_TEXT_MAX]; /* what overrides the program's options */
};

#endif
