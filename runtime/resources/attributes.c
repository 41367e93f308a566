/* attributes.c - what prctl(2) sets for a process: dumpable, subreaper, no new
 * privileges, no huge pages, memory not written and executed (MDWE), merged
 * memory; and for what membarrier(2) was registered. In a rollback what
 * personality(2) sets as well. Segments (modify_ldt(2))
 * are refused. */
#include "../arch/sys.h"
#include "../support/record_types.h"
#include "info.h"
#include "records.pb.h"
#include "resource.h"

#include <linux/membarrier.h>
#include <stddef.h>
#include <sys/prctl.h>

/* Younger than Debian's headers. */
#define SET_MDWE 65 /* PR_SET_MDWE, Linux 6.3 */
#define GET_MDWE 66
#define SET_MEMORY_MERGE 67 /* PR_SET_MEMORY_MERGE, Linux 6.4 */
#define GET_MEMORY_MERGE 68
#define GET_REGISTRATIONS (1 << 9) /* MEMBARRIER_CMD_, Linux 6.3 */

static uint64_t status_number(const char *status, const char *key) {
  uint64_t value = 0;
  info_number(status, key, 10, &value);
  return value;
}

static int save(struct resource_sink *sink, struct hwckpt_error *error) {
  Attributes message = Attributes_init_zero;
  int subreaper = 0;
  char entries[8];
  if (SYS(modify_ldt, 0, entries, sizeof(entries)) > 0) {
    int result = resource_unsupported(sink, error, "modify_ldt",
                                      "segments of the program's own");
    if (result)
      return result;
  }
  SYS(prctl, PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0);
  message.subreaper = subreaper != 0;
  message.dumpable = (uint32_t)SYS(prctl, PR_GET_DUMPABLE, 0, 0, 0, 0);
  long huge_pages = SYS(prctl, PR_GET_THP_DISABLE, 0, 0, 0, 0);
  message.no_huge_pages = huge_pages > 0;
  message.huge_pages = huge_pages > 1 ? (uint32_t)huge_pages : 0;
  long denied = SYS(prctl, GET_MDWE, 0, 0, 0, 0);
  message.write_or_execute = denied > 0 ? (uint32_t)denied : 0;
  message.merges = SYS(prctl, GET_MEMORY_MERGE, 0, 0, 0, 0) > 0;
  long barriers = SYS(membarrier, GET_REGISTRATIONS, 0, 0);
  message.barriers = barriers > 0 ? (uint32_t)barriers : 0;
  message.no_new_privileges = status_number(sink->status, "\nNoNewPrivs:") != 0;
  return resource_put(sink, RECORD_ATTRIBUTES, Attributes_fields, &message,
                      error);
}

static bool get(struct resource_source *source, Attributes *message) {
  size_t at = (size_t)-1;
  return resource_next(source, RECORD_ATTRIBUTES, &at) &&
         resource_get(&source->records[at], Attributes_fields, message, 0) == 0;
}

/* Of the main thread; a restore has it before there is any. Asked for and set
 * only where it is another: a filter of the program's may end who does. */
static void set_personality(struct resource_source *source) {
  size_t at = (size_t)-1;
  uint64_t now;
  Process *process = source->scratch;
  if (!resource_next(source, RECORD_PROCESS, &at) ||
      resource_get(&source->records[at], Process_fields, process, 0) != 0 ||
      !info_personality(&now) || now == process->personality)
    return;
  long result = SYS(personality, process->personality);
  if (result < 0)
    resource_not_set(source, result, "personality", "0x%llx",
                     (unsigned long long)process->personality);
}

/* What the threads are born with. A rollback also takes back what was not set
 * at the checkpoint. */
static int restore(struct resource_source *source, struct hwckpt_error *error) {
  Attributes message;
  (void)error;
  if (source->rolls_back)
    set_personality(source);
  if (!get(source, &message))
    return 0;
  if (message.no_new_privileges)
    SYS(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (message.subreaper || source->rolls_back)
    SYS(prctl, PR_SET_CHILD_SUBREAPER, message.subreaper, 0, 0, 0);
  if (message.no_huge_pages || source->rolls_back)
    SYS(prctl, PR_SET_THP_DISABLE, message.no_huge_pages,
        message.huge_pages & ~1u, 0, 0);
  for (uint32_t bit = 1; bit && bit <= message.barriers; bit <<= 1)
    if (message.barriers & bit)
      SYS(membarrier, bit, 0, 0);
  return 0;
}

/* What a rollback finds in force is left in force: neither can be undone. */
static void forbid(struct resource_source *source, const Attributes *message) {
  if (message->merges) {
    long result = SYS(prctl, SET_MEMORY_MERGE, 1, 0, 0, 0);
    if (result < 0)
      resource_not_set(source, result, "prctl", "PR_SET_MEMORY_MERGE");
  }
  if (message->write_or_execute &&
      SYS(prctl, GET_MDWE, 0, 0, 0, 0) != (long)message->write_or_execute) {
    long result = SYS(prctl, SET_MDWE, message->write_or_execute, 0, 0, 0);
    if (result < 0)
      resource_not_set(source, result, "prctl", "PR_SET_MDWE");
  }
}

static int finish(struct resource_source *source, struct hwckpt_error *error) {
  Attributes message;
  (void)error;
  if (!get(source, &message))
    return 0;
  forbid(source, &message);
  if (message.dumpable <= 1)
    SYS(prctl, PR_SET_DUMPABLE, message.dumpable, 0, 0, 0);
  return 0;
}

const struct resource_kind hwckpt_resource_attributes = {
    .name = "attributes",
    .save = save,
    .restore = restore,
    .finish = finish,
};
