/* standard.h - standard input, output and error that the program was started
 * with, or came back with: those of who restores. At the checkpoint the program
 * may have them at other numbers, and other files at 0 to 2. */
#ifndef HWCKPT_RESOURCES_STANDARD_H
#define HWCKPT_RESOURCES_STANDARD_H

#include "resource.h"

/* When the program begins, and when it comes back, before its descriptors. */
void standard_begin(void);
/* Which of 0 to 2 the open file was, -1: none. Not of terminals, of which all
 * open files are alike. */
int32_t standard_number(const struct resource_sink *sink,
                        const Descriptor *message);
/* Whether it is one of those, as far as is known: what is at 0 to 2 in a
 * program of one process is. */
bool standard_is_given(const struct resource_sink *sink,
                       const Descriptor *message);
/* Which of 0 to 2 of who restores it is: what it is in the first process of the
 * tree that has the open file as one of those, its own number, or what it was.
 * -1: none. */
int32_t standard_of(const struct resource_sink *sink,
                    const Descriptor *message);

#endif
