/* calls-checkpoint.c - compiled without -fhwckpt. */
#include <hwckptintrin.h>

int call_checkpoint(void);
int call_checkpoint(void) { return hwckpt_checkpoint(); }
