/* fake_parts.h - included before all else where an application's parts are
 * cleared away: the cache's functions for that are the target's, over parts
 * that memory_io.h has no directories for.
 */
#ifndef HWCKPT_TEST_FAKE_PARTS_H
#define HWCKPT_TEST_FAKE_PARTS_H

#include "fake_kernel.h"

#define cache_each_part fake_each_part
#define cache_retain_part fake_retain_part
#define cache_reclaim fake_reclaim

#endif
