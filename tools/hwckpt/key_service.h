/* key_service.h - gives the program's processes the key of its checkpoints
 * (runtime/support/key_abi.h), by a thread of the tool.
 *
 * Invariant: who gets it is of the tool's own user and descends from it. */
#ifndef HWCKPT_KEY_SERVICE_H
#define HWCKPT_KEY_SERVICE_H

#include "runtime/error.h"

/* Before any process of the program is made. Nothing, without a key. */
int key_service_begin(struct hwckpt_error *error);

/* Appends the option to the text of HWCKPT_OPTIONS. */
#define KEY_OPTION_MAX 24u /* bytes of it */
int key_service_set_option(char *options, struct hwckpt_error *error);

/* The program's first process is there. All signals are blocked by the caller.
 */
int key_service_run(struct hwckpt_error *error);

#endif
