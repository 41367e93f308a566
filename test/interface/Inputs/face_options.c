/* face_options.c - reads an HWCKPT_OPTIONS text (the argument; none: null) in a
 * constructor, as the runtime does, and prints what came of it. A second
 * argument is reported.
 */
#include "runtime/sanitizer/face.h"

#include <inttypes.h>
#include <stdio.h>

static struct hwckpt_options options;
static struct hwckpt_error error;
static int status;

__attribute__((constructor(101))) static void read_options(int argc,
                                                           char **argv) {
  status = hwckpt_face_options(argc > 1 ? argv[1] : NULL, &options, &error);
  if (status == 0 && argc > 2)
    hwckpt_face_report(argv[2]);
}

#define FORMAT_FLAG "%d"
#define FORMAT_NUMBER "%" PRId64
#define FORMAT_LEVEL "%" PRId64
#define FORMAT_DURATION "%" PRIu64
#define FORMAT_BYTES "%" PRIu64
#define FORMAT_STRING "'%s'"
#define FORMAT_LIST "'%s'"

int main(void) {
  if (status != 0) {
    char text[2048];
    hwckpt_error_text(&error, "hwckpt", text, sizeof(text));
    printf("%d\n%s", status, text);
    return 1;
  }
#define HWCKPT_OPTION(kind, name, initial, description)                        \
  printf("%s = " FORMAT_##kind "\n", #name, options.name);
#include "runtime/interface/options.def"
  return 0;
}
