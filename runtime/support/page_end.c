/* page_end.c - the runtime's variables have pages of their own: the last of
 * each section, which begins a page and so has the section begin one. Linked
 * last.
 *
 * What the program has beside them may be protected (interface/watch_pages.c),
 * and threads of the runtime write to theirs with all signals blocked.
 */
#include "live.h"

#define LAST __attribute__((used, aligned(4096)))

LAST static char data_end = 1;
LAST static char bss_end;
LIVE LAST static char live_end_page;
