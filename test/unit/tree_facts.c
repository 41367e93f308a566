/* Which rows of descriptors a process of a tree takes from hwckpt: those that
 * are as it looks them up, and none else. */
// RUN: %unit/tree_facts
// RUN: %unit/sanitized/tree_facts
/* NOLINTNEXTLINE(bugprone-suspicious-include): what it calls is below */
#include "../../runtime/resources/tree.c"

#include "Inputs/unit.h"

#include <sys/stat.h>

/* A segment that one process has mapped twice, two sockets, files that several
 * have open once and twice, a standard stream, both sides of a terminal. */
static const struct tree_fact good[] = {
    {TREE_SYSTEM_V_DEVICE, 7, 0, 0, 0, -1, 0},
    {TREE_SYSTEM_V_DEVICE, 7, 0, 0, 0, -1, 0},
    {TREE_SYSTEM_V_DEVICE, 7, 0, 0, 2, -1, 0},
    {8, 3, S_IFSOCK, O_RDWR, 0, 3, 0},
    {8, 4, S_IFSOCK, O_RDWR, 1, 3, 0},
    {9, 1, S_IFREG, O_WRONLY, 0, 4, 2},
    {9, 1, S_IFREG, O_WRONLY, 1, 4, 1},
    {9, 1, S_IFREG, O_WRONLY, 1, 9, 2},
    {9, 2, S_IFREG, O_WRONLY, 2, 5, 3},
    {9, 2, S_IFREG, O_WRONLY, 3, 5, 3},
    {TREE_STANDARD_DEVICE, 1, S_IFREG, 0, 0, -1, 77},
    {TREE_STANDARD_DEVICE, 1, S_IFREG, 0, 0, -1, 77},
    {TREE_TERMINAL_DEVICE, 1, S_IFCHR, TREE_TERMINAL_MASTER, 0, -1, 0},
    {TREE_TERMINAL_DEVICE, 1, S_IFCHR, 0, 1, -1, 0},
};
#define GOOD (sizeof good / sizeof *good)

/* Each is put in the place of a good one. */
static const struct {
  const char *what;
  size_t at;
  struct tree_fact row;
} bad[] = {
    {"device before", 5, {7, 1, S_IFREG, O_WRONLY, 0, 4, 2}},
    {"inode before", 4, {8, 2, S_IFSOCK, O_RDWR, 1, 3, 0}},
    {"member before", 9, {9, 2, S_IFREG, O_WRONLY, 1, 5, 3}},
    {"number before", 7, {9, 1, S_IFREG, O_WRONLY, 1, 3, 2}},
    {"one twice", 7, {9, 1, S_IFREG, O_WRONLY, 1, 4, 1}},
    {"no member", 3, {8, 3, S_IFSOCK, O_RDWR, -1, 3, 0}},
    {"no number", 3, {8, 3, S_IFSOCK, O_RDWR, 0, -1, 0}},
    {"file of another object", 8, {9, 2, S_IFREG, O_WRONLY, 2, 5, 2}},
    {"file that is no key", 9, {9, 2, S_IFREG, O_WRONLY, 3, 5, 1ull << 60}},
    {"flag of a number", 4, {8, 4, S_IFSOCK, O_CLOEXEC, 1, 3, 0}},
    {"number of a segment", 2, {TREE_SYSTEM_V_DEVICE, 7, 0, 0, 2, 0, 0}},
    {"terminal 0", 12, {TREE_TERMINAL_DEVICE, 0, S_IFCHR, 0, 0, -1, 0}},
};

int main(void) {
  struct tree_fact rows[GOOD];
  CHECK(tree_facts_fit(NULL, 0));
  CHECK(tree_facts_fit(good, GOOD));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    memcpy(rows, good, sizeof good);
    rows[bad[i].at] = bad[i].row;
    if (tree_facts_fit(rows, GOOD))
      fprintf(stderr, "taken: %s\n", bad[i].what);
    CHECK(!tree_facts_fit(rows, GOOD));
  }
  return 0;
}
