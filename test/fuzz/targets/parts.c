/* Generations from a stranger that name parts of an application: what they do
 * not name is cleared away, and nothing else.
 *
 * What must hold: of a part that is named no more goes than what is older than
 * the oldest generation that is named; of one that none names nothing while the
 * process lives that wrote it; and nothing at all when a name cannot be read.
 *
 * Input: for each of up to 3 generations u16 length of its records, and they.
 */
#include "../Inputs/fake_parts.h"
#include "../Inputs/memory_io.h"
#include "../Inputs/record_list.h"

#include "runtime/support/parts.h"
#include "runtime/support/private.h"
#include "runtime/support/record_types.h"

#include "records.pb.h"

#include <errno.h>
#include <pb_decode.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define GENERATIONS 3

/* There are these, of whom the process of every other one lives. */
static const char *const names[] = {
    "program/m7-00000001", "program/m8-00000002",
    "program/m2147483647-00000003", "program/m2147483648-00000004",
    "program/m9999999999-ffffffff"};
static const bool lives[] = {true, false, true, false, false};
#define PARTS (sizeof names / sizeof *names)

static uint64_t oldest[PARTS]; /* that is named; 0: none is */
static bool unread;            /* a name was */
static unsigned retained;

void *private_map(size_t length) { return calloc(1, length); }
void private_unmap(void *address, size_t length) {
  (void)length;
  free(address);
}

long fake_kernel(long number, const long arguments[6]) {
  if (number != SYS_kill || arguments[1])
    abort();
  return arguments[0] == 7 || arguments[0] == 2147483647 ? 0 : -ESRCH;
}

int fake_each_part(struct cache *cache, const char *application,
                   int (*visit)(const char *name, void *context), void *context,
                   struct hwckpt_error *error) {
  (void)cache, (void)error;
  if (strcmp(application, MEMORY_APPLICATION) != 0)
    abort();
  int result = 0;
  for (size_t i = 0; i < PARTS && !result; i++)
    result = visit(names[i], context);
  return result;
}

int fake_retain_part(struct cache *cache, const char *name, uint64_t from,
                     struct hwckpt_error *error) {
  (void)cache, (void)error;
  size_t i = 0;
  while (i < PARTS && strcmp(names[i], name) != 0)
    i++;
  if (i == PARTS || unread || from != oldest[i] || (!from && lives[i]))
    abort();
  retained++;
  return 0;
}

int fake_reclaim(struct cache *cache, const char *application,
                 struct hwckpt_error *error) {
  (void)cache, (void)application, (void)error;
  return 0;
}

/* Names a part: as the target reads them. */
static void note(const struct resource_record *record) {
  TreeMember member = TreeMember_init_zero;
  pb_istream_t stream = pb_istream_from_buffer(record->data, record->length);
  if (record->type != RECORD_TREE_MEMBER)
    return;
  if (!pb_decode(&stream, TreeMember_fields, &member) ||
      (*member.application && !member.generation)) {
    unread = true;
    return;
  }
  for (size_t i = 0; i < PARTS; i++)
    if (!strcmp(member.application, names[i]) &&
        (!oldest[i] || member.generation < oldest[i]))
      oldest[i] = member.generation;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct record_list list;
  struct hwckpt_error error = {0};
  memory_reset();
  memset(oldest, 0, sizeof oldest);
  unread = false;
  retained = 0;
  struct cache *cache = memory_cache();
  for (unsigned i = 0; i < GENERATIONS && size >= 2; i++) {
    size_t length = data[0] | (size_t)data[1] << 8;
    data += 2;
    size -= 2;
    length = length < size ? length : size;
    record_list_read(&list, data, length);
    record_list_write(&list, cache, 0);
    for (size_t k = 0; k < list.count; k++)
      note(&list.record[k]);
    record_list_free(&list);
    data += length;
    size -= length;
  }
  if (parts_retain(cache, MEMORY_APPLICATION, &error))
    abort();
  size_t stay = 0;
  for (size_t i = 0; i < PARTS; i++)
    stay += !oldest[i] && lives[i];
  if (retained != (unread ? 0 : PARTS - stay))
    abort();
  cache_close(cache);
  return 0;
}
