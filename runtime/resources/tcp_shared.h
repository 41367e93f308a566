/* tcp_shared.h - TCP sockets of which several listen at one address. All were
 * bound with SO_REUSEPORT, and may be without it since. The tools use it too.
 */
#ifndef HWCKPT_RESOURCES_TCP_SHARED_H
#define HWCKPT_RESOURCES_TCP_SHARED_H

#include "resources.pb.h"

#include <stdbool.h>

/* Whether both listen, and could not without SO_REUSEPORT. */
bool tcp_shares(const InternetSocket *one, const InternetSocket *other);

#endif
