/* A copy that is begun in a directory is its writer's alone: between the moment
 * in which its .part is opened and that in which it is locked, whoever had the
 * lock may give it its name, or remove it. It is then begun anew, and what has
 * the name is not written to; while another has the lock nothing is. */
// RUN: %unit/tier_part
// RUN: %unit/sanitized/tier_part
#include <sys/file.h>

static int locked_late(int fd, int operation);
#define flock locked_late
/* NOLINTNEXTLINE(bugprone-suspicious-include): what calls the one above */
#include "../../tools/tiers/tier_directory.c"
#undef flock

#include "Inputs/unit.h"

#define APPLICATION "a"
#define COPY "0000000001-0000000000000002-0000000000-0000000000000000.hwx"
#define BY_OTHER "of the other"
#define BY_US "ours"

static char folder[64]; /* of the application */
static unsigned moments;
static void (*at_moment)(void);

/* The moment: once. */
static int locked_late(int fd, int operation) {
  void (*then)(void) = at_moment;
  at_moment = NULL;
  moments++;
  if (then)
    then();
  return flock(fd, operation);
}

static const char *path_of(const char *name) {
  char below[128];
  snprintf(below, sizeof below, "%s/%s", folder, name);
  return unit_path(below);
}

static bool exists(const char *name) {
  return access(path_of(name), F_OK) == 0;
}

static void holds(const char *name, const char *text) {
  unsigned char *bytes;
  CHECK(unit_read_file(path_of(name), &bytes) == strlen(text));
  CHECK(!memcmp(bytes, text, strlen(text)));
  free(bytes);
}

/* As it ends for another hwckpt, which had the lock. */
static void named(void) {
  CHECK(!rename(path_of(COPY PART_SUFFIX), path_of(COPY)));
}

/* And the next one begins the same copy. */
static void named_and_begun(void) {
  named();
  unit_write_file(path_of(COPY PART_SUFFIX), BY_OTHER, strlen(BY_OTHER));
}

static void removed(void) { CHECK(!unlink(path_of(COPY PART_SUFFIX))); }

static void begun_by_other(const struct directory *tier) {
  CHECK(mkdir(unit_path(folder), 0700) == 0);
  unit_write_file(path_of(COPY PART_SUFFIX), BY_OTHER, strlen(BY_OTHER));
  CHECK(tier->fd >= 0);
}

/* Puts a copy, with that in between; the file that had its name before. */
static void put_over(struct directory *tier, void (*meanwhile)(void)) {
  void *put = NULL;
  begun_by_other(tier);
  at_moment = meanwhile;
  moments = 0;
  CHECK_OK(put_begin(tier, APPLICATION, COPY, &put, &unit_error));
  CHECK(put && moments == 2);
  CHECK_OK(put_part(put, 0, BY_US, strlen(BY_US), &unit_error));
  if (meanwhile == named)
    holds(COPY, BY_OTHER);
  else
    CHECK(!exists(COPY));
  CHECK_OK(put_end(put, strlen(BY_US), false, &unit_error));
  holds(COPY, BY_US);
  CHECK(!exists(COPY PART_SUFFIX));
  unit_remove_tree(unit_path(folder));
}

static void refused_while_locked(struct directory *tier) {
  void *put = NULL;
  begun_by_other(tier);
  int other = open(path_of(COPY PART_SUFFIX), O_RDONLY | O_CLOEXEC);
  CHECK(other >= 0 && !flock(other, LOCK_EX));
  CHECK_ERROR(put_begin(tier, APPLICATION, COPY, &put, &unit_error), TIER_IO);
  CHECK(unit_error.sys_errno == EWOULDBLOCK);
  holds(COPY PART_SUFFIX, BY_OTHER);
  close(other);
  unit_remove_tree(unit_path(folder));
}

/* Of what is begun and of no use to anybody more: not what another has begun
 * to write in that moment. */
static bool all_stale(const char *file, void *context) {
  (void)file;
  (void)context;
  return true;
}

static void dropped_unless_locked(struct directory *tier) {
  begun_by_other(tier);
  int other = open(path_of(COPY PART_SUFFIX), O_RDONLY | O_CLOEXEC);
  CHECK(other >= 0 && !flock(other, LOCK_EX));
  CHECK_OK(drop_begun(tier, APPLICATION, all_stale, NULL, &unit_error));
  holds(COPY PART_SUFFIX, BY_OTHER);
  close(other);
  at_moment = named_and_begun;
  CHECK_OK(drop_begun(tier, APPLICATION, all_stale, NULL, &unit_error));
  holds(COPY PART_SUFFIX, BY_OTHER);
  CHECK_OK(drop_begun(tier, APPLICATION, all_stale, NULL, &unit_error));
  CHECK(!exists(COPY PART_SUFFIX));
  unit_remove_tree(unit_path(folder));
}

int main(void) {
  struct tier_pace pace = {0};
  void *tier = NULL;
  snprintf(folder, sizeof folder, "tier/%s", APPLICATION);
  CHECK_OK(open_directory(unit_path("tier"), true, &pace, &tier, &unit_error));
  CHECK(tier);
  put_over(tier, named);
  put_over(tier, removed);
  refused_while_locked(tier);
  dropped_unless_locked(tier);
  close_directory(tier);
  return 0;
}
