/* page_scanner.c - memory for scanning page tables. See page_scan.h. */
#include "page_scan.h"
#include "private.h"

bool page_scanner_open(struct page_scanner *scanner, int pagemap) {
  scanner->pagemap = pagemap;
  scanner->regions =
      private_map(PAGE_SCANNER_REGIONS * sizeof *scanner->regions);
  return scanner->regions != 0;
}

void page_scanner_close(struct page_scanner *scanner) {
  private_unmap(scanner->regions,
                PAGE_SCANNER_REGIONS * sizeof *scanner->regions);
  scanner->regions = 0;
}
