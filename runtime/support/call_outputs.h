/* call_outputs.h - where system calls write into the memory of the program that
 * makes them.
 *
 * Of calls that the table has all of it is told, or more; of the others
 * nothing is known here.
 */
#ifndef HWCKPT_SUPPORT_CALL_OUTPUTS_H
#define HWCKPT_SUPPORT_CALL_OUTPUTS_H

#include "../arch/arch.h"

#include <stdbool.h>
#include <stdint.h>

bool call_outputs_known(uint64_t number);

/* [begin, end) may be written to. */
typedef void call_outputs_visit(uint64_t begin, uint64_t end, void *context);

/* In a listener (calls.h), general registers only. */
void call_outputs_each(const struct arch_call *call,
                       call_outputs_visit *function, void *context);

#endif
