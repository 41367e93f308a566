/* key_abi.h - how a program gets the key of its checkpoints from the tool that
 * started or restored it.
 *
 * The runtime connects to an abstract socket of the tool (SOCK_SEQPACKET),
 * whose number is its option `key`, and gets one struct key_message. The tool
 * gives it to nobody but processes of its own user that descend from it. So the
 * key is in no environment, no file and no descriptor of the program, and a
 * program that comes back from a checkpoint, which does not hold it, gets it
 * from who restored it. Whatever the program sends is not read.
 */
#ifndef HWCKPT_SUPPORT_KEY_ABI_H
#define HWCKPT_SUPPORT_KEY_ABI_H

#include "../cache/cache.h"

#define KEY_MAGIC 0x79656b74706b6368ull /* "hckptkey" */
#define KEY_NAME "hwckpt-key-%u"        /* behind a byte that is 0 */
#define KEY_NAME_MAX 32

struct key_message {
  uint64_t magic;
  struct cache_key key;
};

/* Of `length` bytes that came: whether it is one. Who sends others gives no
 * key. */
static inline bool key_message_is_whole(const struct key_message *message,
                                        size_t length) {
  return length == sizeof *message && message->magic == KEY_MAGIC;
}

#endif
