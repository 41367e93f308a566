/* borrow.h - descriptors of the program, in the runtime's own table for a look,
 * and what is said of one that cannot be saved, opened again or taken back. */
#ifndef HWCKPT_RESOURCES_BORROW_H
#define HWCKPT_RESOURCES_BORROW_H

#include "resource.h"

/* A duplicate of the descriptor of that number; a negative errno. */
long borrow_number(const struct resource_sink *sink, int number);
/* A duplicate of the descriptor, which the caller closes; E206 when there is
 * none to be had. */
int borrow(const struct resource_sink *sink, const Descriptor *message,
           struct hwckpt_error *error);
/* For a kind of socket to recognise its own: of a socket that is not standard
 * input, output or error. -1: it is none. */
int borrow_socket(const struct resource_sink *sink, const Descriptor *message);

/* A kind's whole save(), where it looks at an open file once: calls put with
 * the duplicate, unless a lower descriptor has the same open file. */
int borrow_and_put(struct resource_sink *sink, const Descriptor *message,
                   int (*put)(struct resource_sink *sink,
                              const Descriptor *message, int borrowed,
                              struct hwckpt_error *error),
                   struct hwckpt_error *error);

/* E206 and E306: what failed of the descriptor, with the errno that is in
 * result when it is negative. */
int refuse_to_save(struct hwckpt_error *error, const Descriptor *message,
                   long result, const char *what);
int refuse_to_restore(struct hwckpt_error *error, const Descriptor *message,
                      long result, const char *what);
/* E325; a kind's whole check(), where nothing can be taken back. */
int refuse_to_roll_back(struct resource_source *source,
                        const Descriptor *message, int descriptor,
                        struct hwckpt_error *error);

#endif
