/* resume.c - the program's side of a restore: kernel objects and threads come
 * back, and every thread goes on at the signal frame it parked in.
 *
 * Runs on a stack in the restorer's memory until all threads stand ready, in an
 * image whose runtime state is that of the capture: what belonged to threads
 * and descriptors of then is forgotten first. Nothing here may use libc.
 */
#include "resume.h"

#include "../../tools/restorer/plan.h"
#include "../arch/arch.h"
#include "../arch/sys.h"
#include "../resources/resource.h"
#include "checkpoint.h"
#include "loaded.h"
#include "private.h"
#include "quiesce.h"
#include "record_types.h"
#include "registered.h"
#include "restored.h"
#include "revive.h"
#include "rollback.h"
#include "undo.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

static restored_function *on_restored;

static const char *program_options = "";

void restored_notify(restored_function *function, const char *options) {
  on_restored = function;
  program_options = options;
}

/* The first letter of the value that `name=` has last in the text; 0: none. The
 * option was checked when the text was given. */
static char option_letter(const char *text, const char *name) {
  size_t length = strlen(name);
  char letter = 0;
  for (bool begins = true; *text; text++) {
    if (begins && strlen(text) > length && memcmp(text, name, length) == 0)
      letter = text[length];
    begins = *text == ':' || *text == ' ' || *text == ',';
  }
  return letter;
}

static enum file_policy file_policy(const char *override) {
  char letter = option_letter(override, "files=");
  if (!letter)
    letter = option_letter(program_options, "files=");
  return letter == 'k'   ? FILES_KEEP
         : letter == 'c' ? FILES_CHECK
                         : FILES_ROLLBACK;
}

static struct {
  bool keep_ids;
  int status_fd;
  int tracking; /* descriptor, -1: none */
} back;

static void send_status(uint32_t kind, const struct hwckpt_error *error) {
  struct restore_status status;
  memset(&status, 0, sizeof status);
  status.kind = kind;
  status.ns = quiesce_now_ns();
  if (error)
    status.error = *error;
  SYS(write, back.status_fd, &status, sizeof status);
}

/* With a descriptor beside it, -1: none. */
static long send_key(uint32_t kind, uint64_t key, int descriptor) {
  static struct restore_status status;
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof descriptor)];
  } control = {0};
  struct iovec content = {&status, sizeof status};
  struct msghdr message = {.msg_iov = &content, .msg_iovlen = 1};
  status.kind = kind;
  status.ns = key;
  if (descriptor >= 0) {
    message.msg_control = &control;
    message.msg_controllen = sizeof control;
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof descriptor);
    memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
  }
  return SYS(sendmsg, back.status_fd, &message, MSG_NOSIGNAL);
}

static _Noreturn void fail(const struct hwckpt_error *error) {
  send_status(RESTORE_FAILED, error);
  for (;;)
    SYS(exit_group, 125);
}

static void warn(struct resource_source *source,
                 const struct hwckpt_error *error) {
  (void)source;
  send_status(RESTORE_WARNING, error);
}

/* The tool has seen it free; since then a short process may have got it, or
 * another restorer's thread, which reads memory, and ends. */
#define ID_WAIT_MS 5000
static int start_when_free(const Thread *thread) {
  const struct timespec moment = {.tv_nsec = 1000000};
  int tid = -EEXIST;
  for (int i = 0; i < ID_WAIT_MS && tid == -EEXIST; i++) {
    if (i)
      SYS(nanosleep, &moment, 0);
    tid = revive_start(thread, back.keep_ids);
  }
  return tid;
}

/* Returns its id. */
static int start_thread(const Thread *thread, struct hwckpt_error *error) {
  int tid = start_when_free(thread);
  if (tid < 0) {
    char object[32];
    hwckpt_format(object, sizeof object, "thread %d", thread->tid);
    hwckpt_fail(error, tid == -EEXIST ? HWCKPT_E_PID_TAKEN : HWCKPT_E_RESUME,
                -tid, object, "clone3");
    fail(error);
  }
  return tid;
}

/* Decodes all Thread records; the array is in the restorer's memory no longer
 * needed than until all threads are ready. */
static unsigned decode_threads(const struct resume_info *info, Thread *threads,
                               unsigned room, struct hwckpt_error *error) {
  unsigned count = 0;
  for (uint64_t i = 0; i < info->record_count; i++) {
    if (info->records[i].type != RECORD_THREAD)
      continue;
    if (count == room ||
        !revive_decode(info->records[i].data, info->records[i].length,
                       &threads[count])) {
      hwckpt_fail(error, HWCKPT_E_RECORD, 0, "thread", "record %u", count);
      fail(error);
    }
    count++;
  }
  if (!count) {
    hwckpt_fail(error, HWCKPT_E_RECORD, 0, "thread", "no thread");
    fail(error);
  }
  return count;
}

static void *scratch(size_t length, struct hwckpt_error *error) {
  void *memory = private_map(length);
  if (!memory) {
    hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, ENOMEM, "resume", "%zu bytes",
                length);
    fail(error);
  }
  return memory;
}

static int take_descriptor(struct msghdr *message);
static long await_go(struct restore_go *go, int *descriptor);

/* ---- of a tree of processes ---- */

static long give_to_others(struct resource_source *source, uint64_t key,
                           int descriptor) {
  (void)source;
  long sent = send_key(RESTORE_GIVE, key, descriptor);
  return sent < 0 ? sent : 0;
}

static long take_of_others(struct resource_source *source, uint64_t key) {
  struct restore_go go = {0};
  int descriptor = -1;
  (void)source;
  long sent = send_key(RESTORE_TAKE, key, -1);
  if (sent < 0)
    return sent;
  long got = await_go(&go, &descriptor);
  if (got != sizeof go || !go.restores)
    SYS(exit_group, 125); /* the tool knows, or is gone */
  return descriptor < 0 ? -EBADF : descriptor;
}

/* None goes on before all can. Whether this one is to be stopped then. */
static bool await_others(const struct resume_info *info) {
  struct restore_go go = {0};
  int none = -1;
  if (info->abi < RESUME_ABI_TREE || !info->in_tree)
    return false;
  send_status(RESTORE_READY, 0);
  if (await_go(&go, &none) != sizeof go || !go.restores)
    SYS(exit_group, 125);
  return go.restores == RESTORE_GO_STOPPED;
}

static void restore_resources(const struct resume_info *info,
                              struct resource_source *source,
                              struct hwckpt_error *error) {
  *source = (struct resource_source){
      .records = (const struct resource_record *)info->records,
      .count = info->record_count,
      .warn = warn,
      .scratch = scratch(RESOURCE_SCRATCH, error),
      .inherited = {0, 1, 2},
      .files = file_policy(info->options),
      .mapped = info->mapped,
      .mapped_count = info->mapped_count,
      .on_others = revive_have_others,
  };
  if (info->abi >= RESUME_ABI_TREE && info->in_tree) {
    source->give = give_to_others;
    source->take = take_of_others;
  }
  if (resources_restore(source, &back.status_fd, error) < 0)
    fail(error);
}

/* A descriptor that came with a message, out of the way of the program's
 * numbers, which are all below the socket's; -1: none. */
static int take_descriptor(struct msghdr *message) {
  const struct cmsghdr *header = CMSG_FIRSTHDR(message);
  int came;
  if (!header || header->cmsg_type != SCM_RIGHTS)
    return -1;
  memcpy(&came, CMSG_DATA(header), sizeof came);
  int moved = (int)SYS(fcntl, came, F_DUPFD_CLOEXEC, back.status_fd + 1);
  SYS(close, came);
  return moved < 0 ? -1 : moved;
}

static long await_go(struct restore_go *go, int *descriptor) {
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } control = {0};
  struct iovec content = {go, sizeof *go};
  struct msghdr message = {.msg_iov = &content,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
  long got;
  do
    got = SYS(recvmsg, back.status_fd, &message, MSG_CMSG_CLOEXEC);
  while (got == -EINTR);
  if (got > 0)
    *descriptor = take_descriptor(&message);
  return got;
}

/* The tool has the undo logs. From here on nothing is left that could refuse,
 * but files that are not what they were. */
static void roll_back_files(const struct resume_info *info,
                            struct resource_source *source,
                            struct hwckpt_error *error) {
  struct restore_go go = {1};
  if (info->abi >= RESUME_ABI_ROLL_BACK) {
    send_status(RESTORE_ROLL_BACK, 0);
    long got = await_go(&go, &back.tracking);
    if (got != sizeof go || !go.restores)
      SYS(exit_group, 125); /* the tool knows, or is gone */
  }
  if (resources_settle(source, error) < 0)
    fail(error);
}

static void finish_resources(struct resource_source *source,
                             struct hwckpt_error *error) {
  if (resources_finish(source, error) < 0)
    fail(error);
  private_unmap(source->scratch, RESOURCE_SCRATCH);
}

void resume(const struct resume_info *info) {
  static struct hwckpt_error error;
  revive_begin(info->restores);
  back.keep_ids = info->keep_ids;
  back.status_fd = info->status_fd;
  back.tracking = -1;
  uint64_t taken = private_forget();
  quiesce_forget();
  checkpoint_forget();
  undo_forget();
  loaded_restored(info->lazily);
  rollback_forget();
  if (taken) {
    hwckpt_fail(&error, HWCKPT_E_ADDRESS, 0, "memory of the runtime",
                "map %llx", (unsigned long long)taken);
    fail(&error);
  }
  struct resource_source source;
  restore_resources(info, &source, &error);

  unsigned room = (unsigned)info->record_count;
  size_t bytes = room * (sizeof(Thread) + sizeof(struct thread_now));
  Thread *threads = scratch(bytes, &error);
  struct thread_now *now = (struct thread_now *)(threads + room);
  unsigned count = decode_threads(info, threads, room, &error);
  now[0] = (struct thread_now){threads[0].tid, (int)SYS(getpid), false};
  for (unsigned i = 1; i < count; i++)
    now[i] = (struct thread_now){threads[i].tid,
                                 start_thread(&threads[i], &error), false};
  revive_become(&threads[0]);
  revive_wait(count - 1);
  source.threads = now;
  source.thread_count = count;
  roll_back_files(info, &source, &error);
  if (registered_restore(&source, back.tracking, &error) < 0)
    fail(&error);
  finish_resources(&source, &error);
  bool stops = await_others(info);
  resources_go_on(&source);
  if (on_restored)
    on_restored(info->cache, info->application, info->options, info->generation,
                back.tracking);
  if (back.tracking >= 0)
    SYS(close, back.tracking);
  if (resources_enter_root(&error) < 0)
    fail(&error);
  send_status(RESTORE_RUNNING, 0);
  SYS(close, back.status_fd);
  const ucontext_t *context = (const ucontext_t *)threads[0].frame;
  private_unmap(threads, bytes);
  /* None of its threads has gone on. */
  if (stops)
    SYS(kill, SYS(getpid), SIGSTOP);
  revive_go();
  resources_confine(false);
  resources_become();
  resources_confine(true);
  arch_unmap_and_sigreturn((void *)info->restorer_begin,
                           info->restorer_end - info->restorer_begin, context);
}
