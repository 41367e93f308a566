/* write_protect.h - asynchronous write protection by a userfaultfd (Linux 6.7,
 * Documentation/admin-guide/mm/userfaultfd.rst): the kernel takes a page's
 * protection away at its first write, without waking anybody.
 */
#ifndef HWCKPT_SUPPORT_WRITE_PROTECT_H
#define HWCKPT_SUPPORT_WRITE_PROTECT_H

#include <stdbool.h>
#include <stdint.h>

/* A userfaultfd for it, or a negative errno. */
int write_protect_open(void);
/* Lets [begin, end), a whole area, be protected. */
bool write_protect_register(int uffd, uint64_t begin, uint64_t end);
/* Nothing of [begin, end), which is registered, is protected any more. */
bool write_protect_unregister(int uffd, uint64_t begin, uint64_t end);
/* Takes the protection of pages away: they count as written. 0 or a negative
 * errno. */
long write_protect_clear(int uffd, uint64_t begin, uint64_t end);

#endif
