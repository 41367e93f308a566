/* kernel_aio.c - contexts of the kernel's AIO (io_setup(2), libaio): refused.
 *
 * A context is known by the memory that it maps. The kernel tells neither what
 * is under way in it nor whether anything is, and to wait for its end takes the
 * completions out. In a forked child the memory is there without the context.
 */
#include "resource.h"

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  int result = 0;
  for (size_t i = 0; i < sink->mapped_count && !result; i++)
    if (sink->mapped[i].kernel_aio)
      result = resource_unsupported(
          sink, error, "/[aio]", "kernel AIO (io_setup), mapped at %llx",
          (unsigned long long)sink->mapped[i].address);
  return result;
}

const struct resource_kind hwckpt_resource_kernel_aio = {
    .name = "kernel_aio",
    .save = save,
};
