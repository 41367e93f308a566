/* features.c - names of the bits of XCR0 (Intel SDM volume 1, section 13.1). */
#include "../features.h"

#include <stddef.h>

const char *feature_name(unsigned bit) {
  static const char *const names[] = {
      [0] = "x87", [1] = "SSE",     [2] = "AVX",     [3] = "MPX",
      [4] = "MPX", [5] = "AVX-512", [6] = "AVX-512", [7] = "AVX-512",
      [9] = "PKU", [17] = "AMX",    [18] = "AMX",    [19] = "APX",
  };
  return bit < sizeof names / sizeof *names && names[bit] ? names[bit]
                                                          : "unnamed";
}
