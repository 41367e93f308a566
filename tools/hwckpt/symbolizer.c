/* symbolizer.c - the tool's face on libdw (elfutils) and on the demangler of
 * libstdc++.
 *
 * The compilation unit of an address is looked up in an index made here:
 * dwfl_module_getsrc() goes by .debug_aranges alone, which clang does not
 * write.
 */
#include "symbolizer.h"

#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The C++ ABI's demangler; its header is C++ only. Returns what malloc() gave,
 * or null. */
extern char *__cxa_demangle(const char *mangled, char *buffer, size_t *length,
                            int *status);

/* Addresses [begin, end) that a compilation unit has code at. */
struct unit_range {
  Dwarf_Addr begin, end;
  Dwarf_Die *unit; /* libdw's */
};

struct symbolizer {
  Dwfl *dwfl;
  Dwfl_Module *module;
  char *demangled;           /* of the last answer */
  struct unit_range *ranges; /* by ascending begin */
  size_t count, room;
};

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

static bool add_range(struct symbolizer *symbolizer, Dwarf_Addr begin,
                      Dwarf_Addr end, Dwarf_Die *unit) {
  if (symbolizer->count == symbolizer->room) {
    size_t room = symbolizer->room ? 2 * symbolizer->room : 256;
    struct unit_range *ranges =
        realloc(symbolizer->ranges, room * sizeof *ranges);
    if (!ranges)
      return false;
    symbolizer->ranges = ranges;
    symbolizer->room = room;
  }
  symbolizer->ranges[symbolizer->count++] =
      (struct unit_range){begin, end, unit};
  return true;
}

static int by_begin(const void *left, const void *right) {
  const struct unit_range *a = left, *b = right;
  return a->begin < b->begin ? -1 : a->begin > b->begin;
}

/* What it cannot read is left out of the index. */
static void index_units(struct symbolizer *symbolizer) {
  Dwarf_Die *unit = NULL;
  Dwarf_Addr bias, base, begin, end;
  bool room = true;
  while (room && (unit = dwfl_module_nextcu(symbolizer->module, unit, &bias)))
    for (ptrdiff_t at = 0;
         room && (at = dwarf_ranges(unit, at, &base, &begin, &end)) > 0;)
      if (begin < end)
        room = add_range(symbolizer, begin + bias, end + bias, unit);
  if (symbolizer->count)
    qsort(symbolizer->ranges, symbolizer->count, sizeof *symbolizer->ranges,
          by_begin);
}

static Dwarf_Die *find_unit(const struct symbolizer *symbolizer,
                            uint64_t address) {
  size_t low = 0, high = symbolizer->count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (symbolizer->ranges[middle].begin <= address)
      low = middle + 1;
    else
      high = middle;
  }
  return low && address < symbolizer->ranges[low - 1].end
             ? symbolizer->ranges[low - 1].unit
             : NULL;
}

struct symbolizer *symbolizer_open(const char *path) {
  struct symbolizer *symbolizer = calloc(1, sizeof *symbolizer);
  if (!symbolizer)
    return NULL;
  /* Debug information is looked for on this machine, not fetched. */
  unsetenv("DEBUGINFOD_URLS");
  symbolizer->dwfl = dwfl_begin(&callbacks);
  if (symbolizer->dwfl) {
    dwfl_report_begin(symbolizer->dwfl);
    /* At 0 above the addresses it is linked for: no bias to reckon with. */
    symbolizer->module =
        dwfl_report_elf(symbolizer->dwfl, "program", path, -1, 0, true);
    dwfl_report_end(symbolizer->dwfl, NULL, NULL);
  }
  if (!symbolizer->module) {
    symbolizer_close(symbolizer);
    return NULL;
  }
  index_units(symbolizer);
  return symbolizer;
}

void symbolizer_close(struct symbolizer *symbolizer) {
  if (!symbolizer)
    return;
  if (symbolizer->dwfl)
    dwfl_end(symbolizer->dwfl);
  free(symbolizer->demangled);
  free(symbolizer->ranges);
  free(symbolizer);
}

struct place symbolizer_find(struct symbolizer *symbolizer, uint64_t address) {
  struct place place = {0};
  if (!symbolizer)
    return place;
  free(symbolizer->demangled);
  symbolizer->demangled = NULL;
  place.symbol = dwfl_module_addrname(symbolizer->module, address);
  if (place.symbol) {
    int status;
    if (!strncmp(place.symbol, "_Z", 2))
      symbolizer->demangled = __cxa_demangle(place.symbol, NULL, NULL, &status);
    place.function =
        symbolizer->demangled ? symbolizer->demangled : place.symbol;
  }
  Dwarf_Addr bias;
  Dwarf_Die *unit = find_unit(symbolizer, address);
  Dwarf_Line *line = unit && dwfl_module_getdwarf(symbolizer->module, &bias)
                         ? dwarf_getsrc_die(unit, address - bias)
                         : NULL;
  if (line) {
    place.file = dwarf_linesrc(line, NULL, NULL);
    if (dwarf_lineno(line, &place.line))
      place.line = 0;
  }
  return place;
}
