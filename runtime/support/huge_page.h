/* huge_page.h - how memory of huge pages is mapped, and files of them are made.
 * Source: mmap(2), memfd_create(2). */
#ifndef HWCKPT_SUPPORT_HUGE_PAGE_H
#define HWCKPT_SUPPORT_HUGE_PAGE_H

#include <linux/memfd.h>
#include <linux/mman.h>
#include <stdint.h>

/* Of pages of that many bytes; 0: ordinary ones. */
static inline unsigned huge_page_flags(uint64_t bytes) {
  return bytes
             ? MAP_HUGETLB | (unsigned)__builtin_ctzll(bytes) << MAP_HUGE_SHIFT
             : 0;
}

static inline unsigned huge_page_file_flags(uint64_t bytes) {
  return bytes
             ? MFD_HUGETLB | (unsigned)__builtin_ctzll(bytes) << MFD_HUGE_SHIFT
             : 0;
}

#endif
