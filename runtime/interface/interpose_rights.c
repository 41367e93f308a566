/* interpose_rights.c - libc's functions by which root becomes somebody else, or
 * takes another root directory.
 *
 * The checkpoint thread keeps the rights that it is begun with: libc, which has
 * its own threads alike, does not know it. So it is begun before they go, in a
 * forked child too: it can then write to the cache, and read what the kernel
 * closes in /proc to who has changed users.
 *
 * As interpose_threads.c, not for programs that are linked statically. */
#include "confined.h"
#include "interpose_next.h"

#include <grp.h>
#include <unistd.h>

#define EXPORTED __attribute__((weak, visibility("default")))

#define GIVES_AWAY(name, before, parameters, arguments)                        \
  PASSED_ON(EXPORTED, name, name, parameters, arguments, before(), (void)0)
#define USER(name, parameters, arguments)                                      \
  GIVES_AWAY(name, __hwckpt_before_user_change, parameters, arguments)

USER(setuid, (uid_t user), (user))
USER(seteuid, (uid_t user), (user))
USER(setreuid, (uid_t real, uid_t effective), (real, effective))
USER(setresuid, (uid_t real, uid_t effective, uid_t saved),
     (real, effective, saved))
USER(setgid, (gid_t group), (group))
USER(setegid, (gid_t group), (group))
USER(setregid, (gid_t real, gid_t effective), (real, effective))
USER(setresgid, (gid_t real, gid_t effective, gid_t saved),
     (real, effective, saved))
USER(setgroups, (size_t count, const gid_t *groups), (count, groups))
USER(initgroups, (const char *user, gid_t group), (user, group))
GIVES_AWAY(chroot, __hwckpt_before_root_change, (const char *path), (path))
