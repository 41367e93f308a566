/* A set of named regions from a stranger, as a program loads it: nothing is
 * written but within the regions that the program describes, and nothing at all
 * of a set that does not fit or is not whole.
 *
 * Input: u8 which pages there are, records.
 */
#include "../Inputs/fake_kernel.h"
#include "../Inputs/memory_io.h"
#include "../Inputs/record_list.h"

#include "intrinsics/hwckptintrin.h"
#include "runtime/support/exclude.h"
#include "runtime/support/key.h"
#include "runtime/support/private.h"
#include "runtime/support/protect.h"
#include "runtime/support/record_types.h"
#include "runtime/support/regions.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ALPHA 40u   /* ten numbers of four bytes */
#define BETA 4800u  /* six hundred of eight: two pages */
#define GAMMA 8192u /* bytes */
#define PAGES 2u    /* of each region that is there */

static unsigned char *memory[3];
static struct region regions[REGIONS_MAX];
static const size_t sizes[] = {ALPHA, BETA, GAMMA};

static bool is_within(const struct iovec *there) {
  for (unsigned i = 0; i < 3; i++) {
    uint64_t begin = (uint64_t)memory[i], at = (uint64_t)there->iov_base;
    if (at >= begin && at - begin <= sizes[i] &&
        there->iov_len <= sizes[i] - (at - begin))
      return true;
  }
  return false;
}

long fake_kernel(long number, const long arguments[6]) {
  const struct iovec *here = (const struct iovec *)arguments[1],
                     *there = (const struct iovec *)arguments[3];
  if (number == SYS_gettid)
    return 1;
  if ((number != SYS_process_vm_writev && number != SYS_process_vm_readv) ||
      !is_within(there) || here->iov_len != there->iov_len)
    abort();
  if (number == SYS_process_vm_writev)
    memcpy(there->iov_base, here->iov_base, here->iov_len);
  else
    memcpy(here->iov_base, there->iov_base, here->iov_len);
  return (long)here->iov_len;
}

/* What of the runtime is not the cache. */
void *private_map(size_t length) { return calloc(1, length); }
void private_unmap(void *address, size_t length) {
  (void)length;
  free(address);
}
void protect_open(uint64_t begin, uint64_t end) { (void)begin, (void)end; }
bool exclude_has(uint64_t begin, uint64_t end) {
  (void)begin, (void)end;
  return false;
}
int key_open_cache(const char *path, bool create, struct cache **cache,
                   struct hwckpt_error *error) {
  (void)path, (void)create, (void)error;
  *cache = memory_cache();
  return 0;
}

static void describe(unsigned i, const char *name, uint32_t type) {
  memory[i] = memory[i] ? memory[i] : malloc(sizes[i]);
  memset(memory[i], 0x5a, sizes[i]);
  struct region *region = &regions[i];
  *region = (struct region){.set = "set",
                            .address = (uint64_t)memory[i],
                            .count = sizes[i] / region_element(type),
                            .type = type};
  memcpy(region->name, name, strlen(name));
}

static bool is_untouched(void) {
  for (unsigned i = 0; i < 3; i++)
    for (size_t at = 0; at < sizes[i]; at++)
      if (memory[i][at] != 0x5a)
        return false;
  return true;
}

static void write_generation(struct cache *cache, unsigned there,
                             const struct record_list *list) {
  static unsigned char pages[PAGES * CACHE_PAGE_SIZE];
  struct cache_write_options options = {0, 1};
  struct cache_writer *writer;
  memset(pages, 0xa5, sizeof pages);
  if (cache_begin(cache, MEMORY_APPLICATION, &options, &writer, NULL) < 0)
    abort();
  for (unsigned i = 0; i < 8; i++)
    if (there >> i & 1)
      cache_put_all_pages(
          writer, (i / 2 + 1) * REGION_BYTES_MAX + i % 2 * CACHE_PAGE_SIZE,
          pages, 1, NULL);
  for (size_t i = 0; i < list->count; i++)
    cache_put_record(writer, list->record[i].type, list->record[i].data,
                     list->record[i].length, NULL);
  if (cache_commit(writer, NULL, NULL) < 0)
    abort();
}

static void hear(const struct hwckpt_error *error) {
  char text[2048];
  hwckpt_error_text(error, "hwckpt", text, sizeof text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct record_list list;
  const struct region_store store = {.cache = MEMORY_CACHE,
                                     .application = MEMORY_APPLICATION};
  uint64_t number;
  struct hwckpt_error error = {0};
  if (!size)
    return 0;
  describe(0, "alpha", HWCKPT_INT32);
  describe(1, "beta", HWCKPT_DOUBLE);
  describe(2, "gamma", HWCKPT_BYTES);
  memory_reset();
  struct cache *cache = memory_cache();
  record_list_read(&list, data + 1, size - 1);
  write_generation(cache, data[0], &list);
  record_list_free(&list);
  memory_put(false, MEMORY_APPLICATION, "", 0); /* so that it is listed */
  cache_close(cache);
  int failed = regions_load(&store, "set", regions, &number, hear, &error);
  if ((failed || !number) != is_untouched())
    abort();
  return 0;
}
