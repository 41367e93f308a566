// Datagram sockets come back connected to those of the program that their names
// do not lead to any more: as another socket has the name, as the file was
// removed, renamed, or is relative to a directory that the process has left.
// RUN: %behaviour %s -o %t && %restored_by_all -- %t
#include "behaviour.h"
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { TAKEN, REMOVED, RENAMED, LEFT, KINDS };
// Of each kind two, whose callers are opened before and after it.
static struct place {
  struct sockaddr_un name;
  int caller, called, later; // who has the name by now
} places[2][KINDS];
static char folder[] = "/tmp/hwckpt-peers-XXXXXX";

static struct sockaddr_un name_at(const char *file) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  snprintf(name.sun_path, 90, "%s/%s", folder, file);
  return name;
}
static int opened(void) {
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  CHECK(fd >= 0);
  return fd;
}
static int bind_to(int fd, const struct sockaddr_un *name, socklen_t length) {
  return bind(fd, (const struct sockaddr *)name, length);
}
static int connect_to(int fd, const struct sockaddr_un *name,
                      socklen_t length) {
  return connect(fd, (const struct sockaddr *)name, length);
}
static void make(struct place *place, int kind, int caller_first) {
  struct sockaddr_un *name = &place->name;
  name->sun_family = AF_UNIX;
  snprintf(name->sun_path, 90, "%s%s%d-%d", kind == LEFT ? "" : folder,
           kind == LEFT ? "" : "/", kind, caller_first);
  if (caller_first)
    place->caller = opened();
  place->called = opened();
  if (!caller_first)
    place->caller = opened();
  CHECK(bind_to(place->called, name, sizeof place->name) == 0);
  CHECK(connect_to(place->caller, name, sizeof place->name) == 0);
  CHECK(send(place->caller, "first", 5, 0) == 5);
}
static void take_away(struct place *place, int kind) {
  char renamed[80];
  const char *path = place->name.sun_path;
  snprintf(renamed, sizeof renamed, "%s.renamed", path);
  if (kind == TAKEN || kind == REMOVED)
    CHECK(unlink(path) == 0);
  place->later = opened();
  if (kind == TAKEN)
    CHECK(bind_to(place->later, &place->name, sizeof place->name) == 0);
  if (kind == RENAMED)
    CHECK(rename(path, renamed) == 0);
}
static void expect(int fd, const char *text) {
  char got[16] = "";
  CHECK_EQUAL(recv(fd, got, sizeof got, 0), strlen(text));
  CHECK(strcmp(got, text) == 0);
}
static void look_at(const struct place *place, int kind) {
  struct sockaddr_un name = {0};
  socklen_t length = sizeof name;
  CHECK(getpeername(place->caller, (struct sockaddr *)&name, &length) == 0);
  CHECK(memcmp(&name, &place->name, length) == 0);
  CHECK(send(place->caller, "then", 4, 0) == 4);
  expect(place->called, "first");
  expect(place->called, "then");
  CHECK(recv(place->called, &name, sizeof name, 0) == -1);
  CHECK(recv(place->later, &name, sizeof name, 0) == -1);
  if (kind == TAKEN) { // and by its name the later one is reached
    int fd = opened();
    CHECK(connect_to(fd, &place->name, sizeof place->name) == 0);
    CHECK(send(fd, "named", 5, 0) == 5);
    expect(place->later, "named");
    close(fd);
  }
}
// Two that are connected to each other, and have no file any more.
static void make_two(int two[2]) {
  struct sockaddr_un names[] = {name_at("one"), name_at("two")};
  for (int i = 0; i < 2; i++) {
    two[i] = opened();
    CHECK(bind_to(two[i], &names[i], sizeof names[i]) == 0);
  }
  for (int i = 0; i < 2; i++)
    CHECK(connect_to(two[i], &names[!i], sizeof names[i]) == 0);
  for (int i = 0; i < 2; i++)
    CHECK(unlink(names[i].sun_path) == 0);
}

static void tidy_up(void) {
  char path[128];
  for (int first = 0; first < 2; first++) {
    CHECK(unlink(places[first][TAKEN].name.sun_path) == 0);
    snprintf(path, sizeof path, "%s.renamed",
             places[first][RENAMED].name.sun_path);
    CHECK(unlink(path) == 0);
  }
  CHECK(rmdir(folder) == 0); // there is nothing else
}

int main(void) {
  CHECK(mkdtemp(folder) && mkdir("in", 0700) == 0 && chdir("in") == 0);
  int two[2];
  for (int first = 0; first < 2; first++)
    for (int kind = 0; kind < KINDS; kind++) {
      make(&places[first][kind], kind, first);
      take_away(&places[first][kind], kind);
    }
  make_two(two);
  CHECK(chdir("..") == 0);
  int next = dup(two[0]);
  close(next);
  die_and_come_back();
  for (int first = 0; first < 2; first++)
    for (int kind = 0; kind < KINDS; kind++)
      look_at(&places[first][kind], kind);
  for (int i = 0; i < 2; i++) {
    CHECK(send(two[i], "each", 4, 0) == 4);
    expect(two[!i], "each");
  }
  CHECK_EQUAL(dup(two[0]), next); // nothing is left open
  tidy_up();
  return 0;
}
