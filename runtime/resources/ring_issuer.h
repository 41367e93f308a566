/* ring_issuer.h - io_uring rings that answer one thread alone (SINGLE_ISSUER),
 * their issuer: which one it is, what it does for them while it is stopped, and
 * that it is theirs again after a restore.
 *
 * The kernel takes the thread that makes such a ring, or that enables it where
 * it was made disabled, for ever: once that has ended, nobody can use the ring
 * but for what is in its memory. */
#ifndef HWCKPT_RESOURCES_RING_ISSUER_H
#define HWCKPT_RESOURCES_RING_ISSUER_H

#include "ring_asked.h"

#define RING_ISSUER_ENDED (-1) /* of IoUring: in the place of its id */

struct ring_issuer {
  _Atomic int32_t tid; /* 0: none of the program's threads */
  struct ring_answers answers;
};

/* In the stop, once one such ring was met: all issuers have their rings come to
 * rest, and ask them. Whether anything was under way, and may have ended. Once
 * a stop; more often it does nothing. */
bool ring_issuers_attend(const struct resource_sink *sink);
/* After that, in the same stop: of the ring with this inode. Null: there are
 * too many, or the issuers could not be had: *reason. */
const struct ring_issuer *ring_issuer_of(uint64_t inode, const char **reason);

/* A new ring, disabled, and its state, the record at source->at: in
 * resources_finish() its issuer enables it, and has it filled; then it is
 * mapped where it was. One whose issuer had ended is filled and mapped already,
 * and is enabled by one that ends. 0 or a negative errno. */
long ring_issuer_hand_on(const struct resource_source *source, int ring);

#endif
