/* exchange.h - what processes of a tree give each other while they are
 * restored: open descriptors under keys (runtime/resources/tree.h).
 *
 * Invariant: who asks gets the descriptor, whether it has been given already or
 * is later; none is kept when the processes go on. */
#ifndef HWCKPT_EXCHANGE_H
#define HWCKPT_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exchange;

/* Null: no memory. */
struct exchange *exchange_open(void);
/* Closes all that was given. */
void exchange_close(struct exchange *exchange);

/* Takes the descriptor over. Both are false when there is no memory. */
bool exchange_give(struct exchange *exchange, uint64_t key, int descriptor);
/* It is sent over the socket, with a struct restore_go. */
bool exchange_take(struct exchange *exchange, uint64_t key, int socket);
/* The number of those that wait. */
size_t exchange_waiting(const struct exchange *exchange);

/* Sends a struct restore_go, with a descriptor beside it (-1: none). */
bool exchange_send(int socket, uint32_t restores, int descriptor);

#endif
