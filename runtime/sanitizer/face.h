/* face.h - the thin C face on compiler-rt's sanitizer_common.
 *
 * Everything of sanitizer_common that the C rooms use goes through here. The
 * functions are called on the program's threads (start-up) or on the runtime's
 * own, never while the program is stopped.
 */
#ifndef HWCKPT_SANITIZER_FACE_H
#define HWCKPT_SANITIZER_FACE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#include "../error.h"

#define HWCKPT_OPTION_TYPE_FLAG bool
#define HWCKPT_OPTION_TYPE_NUMBER int64_t
#define HWCKPT_OPTION_TYPE_LEVEL int64_t
#define HWCKPT_OPTION_TYPE_DURATION uint64_t
#define HWCKPT_OPTION_TYPE_BYTES uint64_t
#define HWCKPT_OPTION_TYPE_STRING const char *
#define HWCKPT_OPTION_TYPE_LIST const char *

#define HWCKPT_EVERY_AUTO UINT64_MAX /* the option every=auto */
#define HWCKPT_LEVEL_AUTO INT32_MIN  /* the option level=auto */

struct hwckpt_options {
#define HWCKPT_OPTION(kind, name, initial, description)                        \
  HWCKPT_OPTION_TYPE_##kind name;
#include "../interface/options.def"
#undef HWCKPT_OPTION
};

/* Sets *options to the defaults, then to what text says (HWCKPT_OPTIONS syntax,
 * "name=value:name=value", null: nothing). An unknown name or a value that does
 * not fit fails with HWCKPT_E_OPTION naming it. Strings are owned by the face
 * and live as long as the process. help=1 prints the list to stderr and is left
 * set; the caller exits. */
int hwckpt_face_options(const char *text, struct hwckpt_options *options,
                        struct hwckpt_error *error);

/* Writes a report to where the sanitizers' log_path= (stderr by default) says,
 * whole, prefixed "==PID==". */
void hwckpt_face_report(const char *text);

#ifdef __cplusplus
}
#endif
#endif
