/* restored.h - who wants to know that the program was restored. */
#ifndef HWCKPT_SUPPORT_RESTORED_H
#define HWCKPT_SUPPORT_RESTORED_H

#include <stdint.h>

/* `generation` is the one the program comes back from; `tracking` a descriptor
 * by which all memory is tracked since it was as in that, -1: none, which is
 * closed when the call is over. Called on the main
 * thread when all threads stand ready to go on; the texts live only during the
 * call. Starts the monitors again. */
typedef void restored_function(const char *cache, const char *application,
                               const char *options, uint64_t generation,
                               int tracking);
/* `options` is the text of the options that the program runs with; it lives for
 * ever. */
void restored_notify(restored_function *function, const char *options);

#endif
