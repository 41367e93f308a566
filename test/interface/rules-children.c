// What rules and the program have watched is watched in its children too: in
// those that libc forks from their first instruction on, and in the programs
// that they execute. Each time it is a checkpoint of all.
// RUN: %behaviour %s -o %t
// RUN: %hwckpt run --name fsync --on fileio=fsync -- %t syncs
// RUN: %hwckpt show fsync | grep '^cause  *fileio=fsync'
// RUN: %hwckpt run --name send --on before=send -- %t sends
// RUN: %hwckpt run --name faults --on perf=page-faults,300,spacing=100ms -- %t faults 2>%t.said || { cat %t.said; grep -q E251 %t.said; }
// RUN: %hwckpt run --name executed --on watch=counter -- %t executed
// RUN: %hwckpt run --name marked -- %t marked
// RUN: %hwckpt run --name checks -o debug_registers=0 -- %t marked
// RUN: for way in 1 0; do %hwckpt run --name asked$way -o debug_registers=$way -- %t asked || exit 1; done
// RUN: %hwckpt show asked0 | grep '^cause  *hwckpt_watch() (8 bytes'
// RUN: for mode in marked asked; do test $(id -u) != 0 || bash %S/../tools/Inputs/as-nobody %hwckpt run -- %t $mode || test $? = 77 || exit 1; done
// RUN: %hwckpt run --name grandchild --on watch=counter -- %t grandchild
#include "watched.h"
#include <hwckpt.h>

#include <arpa/inet.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

long counter;
__attribute__((hwckpt_watch)) static int marked;
static long *word; // on the heap
static int go[2];

static void await_go(void) {
  char byte;
  CHECK_EQUAL(read(go[0], &byte, 1), 1);
}

static void syncs(void) {
  char name[] = "hwckpt-rules-children.XXXXXX";
  int file = mkstemp(name);
  CHECK(file >= 0 && unlink(name) == 0);
  CHECK_EQUAL(fsync(file), 0);
  await_go();
  CHECK_EQUAL(fsync(file), 0);
}

// What is sent has its checkpoint behind it: the parent looks.
static void sends(void) {
  struct sockaddr_in here = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof here;
  int in = socket(AF_INET, SOCK_DGRAM, 0), out = socket(AF_INET, SOCK_DGRAM, 0);
  CHECK_EQUAL(bind(in, (struct sockaddr *)&here, size), 0);
  CHECK_EQUAL(getsockname(in, (struct sockaddr *)&here, &size), 0);
  for (int i = 0; i < 2; i++) {
    unsigned long long before = hwckpt_generation();
    CHECK_EQUAL(sendto(out, "x", 1, 0, (struct sockaddr *)&here, size), 1);
    CHECK(hwckpt_generation() > before);
    if (i == 0)
      await_go();
  }
}

static void touch_pages(void) {
  size_t size = 4096 * 2000;
  char *pages =
      mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED && madvise(pages, size, MADV_NOHUGEPAGE) == 0);
  for (size_t i = 0; i < size; i += 4096)
    pages[i] = 1;
}

static void faults(void) {
  touch_pages();
  await_go();
  touch_pages();
}

static void writes_counter(void) {
  *hidden(&counter) = 1;
  await_go();
  *hidden(&counter) = 2;
}

static void executes(void) {
  char number[12];
  snprintf(number, sizeof number, "%d", go[0]);
  execl("/proc/self/exe", "executed", "is-executed", number, NULL);
}

static void writes_marked(void) {
  marked = 1;
  await_go();
  marked = 2;
}

static void writes_word(void) {
  *hidden(word) = 1;
  await_go();
  // Its own, and no more of its parent's.
  long *own = hidden(calloc(1, sizeof *own));
  CHECK_EQUAL(hwckpt_watch(own, sizeof *own), 0);
  CHECK_EQUAL(hwckpt_unwatch(word, sizeof *word), 0);
  *hidden(word) = 2;
  usleep(20000);
  *own = 3;
}

static void has_child(void) {
  pid_t child = fork();
  if (!child) {
    writes_counter();
    await_go();
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

static const struct {
  const char *name;
  void (*function)(void);
} modes[] = {{"syncs", syncs},          {"sends", sends},
             {"faults", faults},        {"executed", executes},
             {"marked", writes_marked}, {"asked", writes_word},
             {"grandchild", has_child}};

static void await_event(void) {
  double begin = now();
  while (taken() <= writes)
    CHECK(now() - begin < 60);
  writes = taken();
}

static void run(void (*function)(void), int exact) {
  CHECK_EQUAL(pipe(go), 0);
  writes = taken();
  pid_t child = fork();
  if (!child) {
    function();
    if (function != has_child)
      await_go();
    _exit(0);
  }
  for (int i = 0; i < 2; i++) {
    exact ? expect_event() : await_event();
    CHECK_EQUAL(write(go[1], "x", 1), 1);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
}

int main(int argc, char **argv) {
  CHECK(argc >= 2);
  if (!strcmp(argv[1], "is-executed")) {
    go[0] = atoi(argv[2]);
    writes_counter();
    await_go();
    return 0;
  }
  word = calloc(1, sizeof *word);
  if (!strcmp(argv[1], "asked"))
    CHECK_EQUAL(hwckpt_watch(word, sizeof *word), 0);
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
    if (!strcmp(argv[1], modes[i].name))
      run(modes[i].function, strcmp(argv[1], "faults") != 0);
  return 0;
}
