/* vector_sse2.c - the loops of vector.h as every x86-64 runs them. */
#include "vector.h"

#define XXH_VECTOR 1 /* XXH_SSE2 */
#define VECTOR_UNIT sse2
#include "vector_loops.h"
