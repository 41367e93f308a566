/* tree.c - see tree.h. One cut after the other (tree_cut.c); who asks for one
 * while one is taken, and is no part of it, waits. */
#include "tree.h"
#include "options_text.h"
#include "slices.h"
#include "tree_cut.h"
#include "tree_stopped.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define OTHERS_MAX 8u
#define WAITING_MOST 4096 /* or what the kernel lets us have */
#define SILENT_MS 1000
#define RESPITE 4 /* times as long as it stood in vain a program runs */
#define STACK ((size_t)512 << 10) /* where memory is limited */

static struct {
  int listener, marker;
  uint32_t number; /* of the socket, 0: there is none */
  pid_t root;
  _Atomic size_t other_count;
  pid_t others[OTHERS_MAX];
  uint32_t cut;
  /* Who came too late for the last cut, and who has said nothing yet. */
  struct tree_callers waiting, silent;
} tree = {.listener = -1, .marker = -1};

static int refused(const char *what, struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_NO_PROGRAM, errno, what, "%s", "");
}

/* Behind a byte that is 0. */
static int bind_name(int socket, const char *format, uint32_t number) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t room = sizeof address.sun_path - 1;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  size_t length = (size_t)snprintf(address.sun_path + 1, room, format, number);
#pragma GCC diagnostic pop
  return bind(socket, (struct sockaddr *)&address,
              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length));
}

int tree_begin(struct hwckpt_error *error) {
  uint32_t number;
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) ||
      (tree.listener = socket(
           AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
    return refused("socket", error);
  for (;;) {
    if (getrandom(&number, sizeof number, 0) < 0)
      return refused("getrandom", error);
    if (number && !bind_name(tree.listener, TREE_NAME, number))
      break;
    if (number && errno != EADDRINUSE)
      return refused("bind", error);
  }
  if (listen(tree.listener, WAITING_MOST))
    return refused("listen", error);
  tree.number = number;
  return 0;
}

void tree_has_checkpoints(void) {
  if (tree.marker >= 0 || !tree.number)
    return;
  tree.marker = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (tree.marker < 0 || !bind_name(tree.marker, TREE_MARKER_NAME, tree.number))
    return;
  close(tree.marker);
  tree.marker = -1;
}

int tree_set_option(char *options, pid_t root, struct hwckpt_error *error) {
  char value[32];
  snprintf(value, sizeof value, "%u-%d", tree.number, root);
  return options_set(options, "tree", value, error);
}

void tree_is_not_of_it(pid_t pid) {
  size_t count = atomic_load(&tree.other_count);
  if (pid <= 0 || count == OTHERS_MAX)
    return;
  tree.others[count] = pid;
  atomic_store(&tree.other_count, count + 1);
}

/* Waits for one. */
static bool next_caller(struct tree_caller *caller) {
  if (tree.waiting.count) {
    *caller = tree.waiting.list[0];
    memmove(tree.waiting.list, tree.waiting.list + 1,
            --tree.waiting.count * sizeof *tree.waiting.list);
    return true;
  }
  struct pollfd *watched = calloc(tree.silent.count + 1, sizeof *watched);
  if (watched) {
    tree_callers_watch(&tree.silent, tree.listener, watched);
    poll(watched, tree.silent.count + 1, tree.silent.count ? SILENT_MS : -1);
    free(watched);
  }
  return tree_callers_next(&tree.silent, tree.listener, caller);
}

/* All members wait for this thread. */
static void *serve(void *unused) {
  (void)unused;
  slices_come_first();
  for (;;) {
    struct tree_caller caller;
    if (!next_caller(&caller))
      continue;
    /* Asked for a cut that is over. */
    if (caller.hello.cut) {
      tree_caller_refuse(&caller);
      continue;
    }
    if (caller.hello.error.code) {
      tree_cut_not_asked(&caller, tree.root);
      continue;
    }
    const struct tree_cut_request request = {
        .number = ++tree.cut ? tree.cut : ++tree.cut,
        .listener = tree.listener,
        .root = tree.root,
        .others = tree.others,
        .other_count = atomic_load(&tree.other_count),
        .caller = caller,
    };
    tree_has_checkpoints();
    poll(NULL, 0,
         RESPITE * (int)tree_cut(&request, &tree.silent, &tree.waiting));
  }
  return NULL;
}

int tree_serve(pid_t root, struct hwckpt_error *error) {
  pthread_t thread;
  pthread_attr_t attributes;
  tree.root = root;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, STACK);
  errno = pthread_create(&thread, &attributes, serve, NULL);
  return errno ? refused("thread", error) : 0;
}

/* What we made ourselves has others who wait for it. */
static bool is_own(pid_t pid) {
  for (size_t i = 0; i < atomic_load(&tree.other_count); i++)
    if (tree.others[i] == pid)
      return true;
  return pid == tree.root;
}

void tree_reap(void) {
  char path[64];
  int child;
  snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
  if (!tree.number || !tree.root || !tree_stopped_may_wait())
    return;
  FILE *file = fopen(path, "re");
  while (file && fscanf(file, "%d", &child) == 1)
    if (!is_own(child))
      waitpid(child, NULL, WNOHANG);
  if (file)
    fclose(file);
  tree_stopped_has_waited();
}
