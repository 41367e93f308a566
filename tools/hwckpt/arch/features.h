/* features.h - names of the processor's state components, for messages. Each
 * architecture's folder implements it; what there is comes from
 * runtime/arch/arch.h. */
#ifndef HWCKPT_TOOL_FEATURES_H
#define HWCKPT_TOOL_FEATURES_H

#include <stdint.h>

/* The name of a bit of arch_xstate_features(). */
const char *feature_name(unsigned bit);

#endif
