/* area_fault.h - what is wrong with an Area record, for all who read one: the
 * command line, the restorer, which maps memory as it says, and a rollback in
 * place.
 *
 * Invariant: of an area without fault the addresses are a program's, and
 * neither they nor its place in a file or memory wrap around. */
#ifndef HWCKPT_SUPPORT_AREA_FAULT_H
#define HWCKPT_SUPPORT_AREA_FAULT_H

#include <stdint.h>

#include "records.pb.h"

#define AREA_PAGE UINT64_C(4096)
/* The kernel's half begins above; 57 bits with five levels of page tables. */
#define AREA_ADDRESS_END (UINT64_C(1) << 56)
#define AREA_OFFSET_END (UINT64_C(1) << 63) /* of a file, loff_t */
#define AREA_PROTECTION 7u                  /* PROT_READ, WRITE, EXEC */

/* `before` is where the area before ends, 0: it is the first. Null: nothing. */
static inline const char *area_fault(const Area *area, uint64_t before) {
  uint64_t size = area->end - area->start, huge = area->huge_page;
  if ((area->start | area->end) % AREA_PAGE)
    return "is not aligned to pages";
  if (area->end <= area->start)
    return "ends before it starts";
  if (area->start < before)
    return "overlaps the one before";
  if (area->end > AREA_ADDRESS_END)
    return "is outside a program's addresses";
  if (area->offset % AREA_PAGE || area->offset > AREA_OFFSET_END - size)
    return "is in no place of a file";
  if (area->protection & ~AREA_PROTECTION)
    return "has an unknown protection";
  if (huge && (huge < AREA_PAGE || huge & (huge - 1) ||
               (area->start | area->end) & (huge - 1)))
    return "is not aligned to its pages";
  return 0;
}

#endif
