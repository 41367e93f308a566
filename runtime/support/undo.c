/* undo.c - see undo.h. Everything here is on the checkpoint thread, or on the
 * only thread of a program that comes back. */
#include "undo.h"

#include "../arch/arch.h"
#include "../arch/sys.h"
#include "calls.h"
#include "live.h"
#include "private.h"
#include "quiesce.h"
#include "undo_first.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

LIVE struct undo_state undo_state;

static int ask(enum undo_wish wish, uint64_t argument) {
  struct undo_request request = {.wish = wish, .argument = argument};
  undo_ask(&request);
  return request.result;
}

/* The keeper's thread and what it shares with the others. */
static bool open_keeper(const char *cache, const char *application) {
  if (undo_state.served)
    return true;
  hwckpt_format(undo_state.cache, sizeof undo_state.cache, "%s", cache);
  hwckpt_format(undo_state.application, sizeof undo_state.application, "%s",
                application);
  for (unsigned i = 0; i < 2; i++)
    if (!undo_state.both[i])
      undo_state.both[i] = private_map_lasting(sizeof(struct undo_interval));
  undo_state.served = undo_state.both[0] && undo_state.both[1] &&
                      quiesce_spawn(undo_keep, 0, "hwckpt-undo", -1, 0) >= 0;
  return undo_state.served;
}

/* ---- intervals ---- */

void undo_prepare(const char *cache, const char *application,
                  struct memory_map *map, uint64_t generation,
                  uint64_t before) {
  undo_state.next = 0;
  undo_state.before = before;
  undo_state.switched = false;
  undo_first.begun = false;
  /* Written now, so that the stop does not wait for the page. */
  atomic_fetch_add(&arch_call_epoch, 0);
  atomic_store(&undo_state.now, atomic_load(&undo_state.now));
  if (!calls_find(map) || !open_keeper(cache, application))
    return;
  undo_first_serve();
  ask(UNDO_BEGIN_INTERVAL, generation);
}

void undo_switch(void) {
  calls_change();
  if (!arch_program_calls_changed())
    return;
  atomic_store(&undo_state.now, undo_state.next);
  atomic_store(&undo_state.pid, (int)SYS(getpid));
  /* Who was told before is told again. */
  atomic_fetch_add(&arch_call_epoch, 1);
  undo_state.switched = undo_state.next != 0;
  undo_first_begun();
  undo_first_forget_known();
  atomic_store(&undo_first.active, undo_first.there);
}

static bool begins_with(const char *text, const char *prefix) {
  while (*prefix && *text == *prefix)
    text++, prefix++;
  return !*prefix;
}

/* Devices are not put back; POSIX shared memory and semaphores are files. */
static bool is_mapped_file(const struct area *area) {
  return area->type == AREA_TYPE_FILE_SHARED && !area->deleted &&
         (area->protection & PROT_WRITE) && area->name[0] == '/' &&
         (!begins_with(area->name, "/dev/") ||
          begins_with(area->name, "/dev/shm/"));
}

/* What it took. By the first process, as all else that others have kept; from
 * when that one does not answer by this one. */
static uint64_t keep_mapping(struct undo_request *request, bool *by_first) {
  uint64_t bytes = 0;
  *by_first = *by_first && undo_first_ask_mapped(request, &bytes);
  if (*by_first)
    return bytes < request->argument ? bytes : request->argument;
  undo_ask(request);
  return request->argument;
}

void undo_keep_mapped(const struct memory_map *map) {
  if (!atomic_load(&undo_state.now))
    return;
  undo_first_say_unheard();
  bool by_first = undo_first_is_asked();
  uint64_t left = undo_state.mapped_most ? undo_state.mapped_most : UINT64_MAX;
  for (size_t i = 0; i < map->count; i++) {
    const struct area *area = &map->areas[i];
    if (!is_mapped_file(area))
      continue;
    uint64_t size = area->end - area->start;
    struct undo_request request = {.wish = UNDO_KEEP_MAPPED,
                                   .begin = area->offset,
                                   .end = area->offset + size,
                                   .device = area->device,
                                   .inode = area->inode,
                                   .argument = left};
    request.place[0].path = area->name;
    left -= keep_mapping(&request, &by_first);
  }
}

void undo_reserve(void) {
  calls_want(undo_wants);
  calls_reserve();
}

void undo_limit(uint64_t bytes, uint64_t mapped) {
  undo_state.most = bytes;
  undo_state.mapped_most = mapped;
}

/* The same on the only thread of a program that came back. */
static void keep_mapped_now(void) {
  struct memory_map map;
  if (memory_map_open(&map, 0) < 0)
    return;
  if (memory_map_glance(&map, 0) == 0)
    undo_keep_mapped(&map);
  memory_map_close(&map);
}

void undo_not_committed(void) {
  if (undo_state.switched)
    ask(UNDO_NOT_COMMITTED, undo_state.before);
  undo_state.switched = false;
}

void undo_committed(void) { undo_state.switched = false; }

void undo_retain(void) {
  if (atomic_load(&undo_state.now))
    ask(UNDO_RETAIN, 0);
}

static uint32_t name_socket(struct sockaddr_un *address, const char *format,
                            uint32_t number) {
  address->sun_family = AF_UNIX;
  size_t length = hwckpt_format(address->sun_path + 1,
                                sizeof address->sun_path - 1, format, number);
  return (uint32_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
}

void undo_of_tree(uint32_t number, int first, bool restored) {
  undo_first.there = number != 0;
  undo_first.pid = first;
  undo_first.begun = restored;
  undo_first.stands_in = 0;
  if (!number)
    return;
  undo_first.length = name_socket(&undo_first.address, UNDO_FIRST_NAME, number);
  undo_first.marker_length =
      name_socket(&undo_first.marker, "hwckpt-cuts-%u", number);
}

/* "Seccomp_filters" of a process, as text; "": not told. */
static void read_filters(int process, char text[16]) {
  static const char name[] = "Seccomp_filters:";
  char path[64], status[4096];
  hwckpt_format(path, sizeof path, "/proc/%d/status", process);
  long fd = SYS(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  long length = fd < 0 ? fd : SYS(read, fd, status, sizeof status - 1);
  if (fd >= 0)
    SYS(close, fd);
  status[length > 0 ? length : 0] = 0;
  const char *at = status;
  while (*at && !begins_with(at, name))
    at++;
  at += *at ? sizeof name : 0;
  unsigned i = 0;
  for (; i < 15 && at[i] && at[i] != '\n'; i++)
    text[i] = at[i];
  text[i] = 0;
}

/* Whether it has filters that the first process has not, which may end who
 * asks; who installed them has said that it asks no more. */
static bool is_filtered(int own) {
  char its[16], first[16];
  if (SYS(prctl, PR_GET_SECCOMP, 0, 0, 0, 0) <= 0)
    return false;
  read_filters(own, its);
  read_filters(undo_first.pid, first);
  return strlen(its) != strlen(first) || memcmp(its, first, strlen(its)) != 0;
}

void undo_of_cut(uint32_t number) { undo_first.stands_in = number; }

void undo_executed(void) {
  int own = (int)SYS(getpid);
  if (!undo_first.there || undo_first.pid == own)
    return;
  undo_first.quiet = is_filtered(own);
  if (!undo_first.quiet && undo_first_listens() && calls_change_alone())
    atomic_store(&undo_first.active, 1);
}

void undo_restored(const char *cache, const char *application,
                   uint64_t generation) {
  if (!arch_program_calls_changed() || !open_keeper(cache, application) ||
      ask(UNDO_BEGIN_INTERVAL, generation) < 0)
    return;
  undo_switch();
  undo_first_serve();
  undo_state.switched = false; /* the generation is there */
  keep_mapped_now();
}

/* The log of before is gone. Without a new one nothing is kept: half of what
 * changes would be worse. */
void undo_rolled_back(uint64_t generation) {
  if (!atomic_load(&undo_state.now))
    return;
  undo_state.next = 0;
  ask(UNDO_BEGIN_INTERVAL, generation);
  undo_switch();
  undo_state.switched = false;
  keep_mapped_now();
}

void undo_forbid(void) { atomic_store(&undo_state.forbidden, true); }

void undo_forbid_asking(void) { undo_first.quiet = true; }

void undo_forget(void) {
  /* What is said of the tree is, to a child, what it was to its parent. */
  undo_first.serves = 0;
  /* A thread may stand where it reads the intervals. It finds nothing in them,
   * and does all of it again. */
  struct undo_interval *both[] = {undo_state.both[0], undo_state.both[1]};
  memset(&undo_state, 0, sizeof undo_state);
  memcpy(undo_state.both, both, sizeof both);
  atomic_fetch_add(&arch_call_epoch, 1);
  calls_forget();
}
