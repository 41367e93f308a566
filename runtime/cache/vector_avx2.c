/* vector_avx2.c - the loops of vector.h with AVX2, for processors that have it.
 *
 * Only the functions below are compiled for it, by an attribute, so that the
 * file needs no option that a build of the same sources elsewhere may forget.
 */
#include "vector.h"

/* Before the attribute: what they define is for every processor. */
#include <assert.h>
#include <immintrin.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define XXH_VECTOR 2 /* XXH_AVX2 */
#define VECTOR_UNIT avx2
#pragma clang attribute push(__attribute__((target("avx2"))),                  \
                             apply_to = function)
#include "vector_loops.h"
#pragma clang attribute pop
