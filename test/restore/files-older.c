// A walk at random over files and folders, with generations on the way: what
// was written, cut, made, removed, renamed (over others, in circles, folders
// with what is in them), linked. Killed, it goes on from any generation that is
// left, older ones than the last among them, again and again, and it goes back
// by itself; each time all is as it was then, whatever came between.
// RUN: %behaviour %s -o %t && %clang -O1 %S/Inputs/kill-at-call.c -o %t.kill
// RUN: %python %S/Inputs/restore-older %hwckpt %t %t.dir walk
// The same with restores and programs that are killed before any call that
// changes a file.
// RUN: %python %S/Inputs/restore-older %hwckpt %t %t.dir killed %t.kill
// And killed before each call while it goes back in place.
// RUN: %python %S/Inputs/restore-older %hwckpt %t %t.dir back %t.kill
#include "behaviour.h"
#include <dirent.h>
#include <sys/stat.h>

#define NAMES 12
#define SEEN 4000

/* ---- what is there ---- */

struct seen {
  char path[64];
  unsigned type;
  unsigned long long size, content;
};
static struct seen then[SEEN], found[SEEN];
static unsigned then_count, found_count;

static unsigned long long hash_of(const char *path) {
  static unsigned char bytes[1 << 16];
  unsigned long long hash = 14695981039346656037u;
  int fd = open(path, O_RDONLY);
  CHECK(fd >= 0);
  for (ssize_t got; (got = read(fd, bytes, sizeof bytes)) > 0;)
    for (ssize_t i = 0; i < got; i++)
      hash = (hash ^ bytes[i]) * 1099511628211u;
  close(fd);
  return hash;
}

static void look(const char *folder) {
  DIR *directory = opendir(folder);
  CHECK(directory);
  for (struct dirent *entry; (entry = readdir(directory));) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    CHECK(found_count < SEEN);
    struct seen *one = &found[found_count++];
    struct stat status;
    memset(one, 0, sizeof *one);
    CHECK(snprintf(one->path, sizeof one->path, "%s/%s", folder,
                   entry->d_name) < (int)sizeof one->path);
    CHECK_EQUAL(lstat(one->path, &status), 0);
    one->type = status.st_mode & S_IFMT;
    if (S_ISREG(status.st_mode)) {
      one->size = (unsigned long long)status.st_size;
      one->content = hash_of(one->path);
    } else if (S_ISLNK(status.st_mode)) {
      char target[16] = "";
      CHECK(readlink(one->path, target, sizeof target - 1) > 0);
      memcpy(&one->content, target, 8);
    } else {
      look(one->path);
    }
  }
  closedir(directory);
}

static int by_path(const void *a, const void *b) {
  return strcmp(((const struct seen *)a)->path, ((const struct seen *)b)->path);
}

static void look_at_all(void) {
  found_count = 0;
  look(".");
  qsort(found, found_count, sizeof *found, by_path);
}

static void say(const char *what, const struct seen *one) {
  dprintf(2, "%s: %s, type %o, %llu bytes, %llx\n", what, one->path, one->type,
          one->size, one->content);
}

static void expect_then(int times) {
  look_at_all();
  unsigned i = 0, j = 0, wrong = 0;
  while (i < then_count || j < found_count) {
    int order = i == then_count    ? 1
                : j == found_count ? -1
                                   : by_path(&then[i], &found[j]);
    if (order == 0 && memcmp(&then[i], &found[j], sizeof *then) == 0) {
      i++, j++;
      continue;
    }
    wrong++;
    if (order <= 0)
      say("was", &then[i++]);
    if (order >= 0)
      say("is", &found[j++]);
  }
  if (wrong) {
    dprintf(2, "%u differ, come back %d times\n", wrong, times);
    _exit(1);
  }
}

/* ---- the walk ---- */

static unsigned long long state;

static unsigned chance(unsigned of) {
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(state >> 33) % of;
}

/* A path, most often not too deep; what it leads through need not be there. */
static const char *some(char text[64]) {
  switch (chance(4)) {
  case 0:
    snprintf(text, 64, "./d%u/f%u", chance(3), chance(NAMES / 2));
    break;
  case 1:
    snprintf(text, 64, "./d%u/d%u/f%u", chance(3), chance(2), chance(3));
    break;
  default:
    snprintf(text, 64, "./f%u", chance(NAMES));
  }
  return text;
}

static const char *some_folder(char text[64]) {
  if (chance(3))
    snprintf(text, 64, "./d%u", chance(3));
  else
    snprintf(text, 64, "./d%u/d%u", chance(3), chance(2));
  return text;
}

static void write_to(int fd, unsigned bytes, off_t at) {
  static char text[40000];
  char with = (char)('a' + chance(26));
  memset(text, with, sizeof text);
  snprintf(text, 20, "%u", chance(1000000));
  CHECK(pwrite(fd, text, bytes, at) == (ssize_t)bytes);
}

static void step(void) {
  char a[64], b[64];
  int fd;
  switch (chance(16)) {
  case 0:
  case 1:
  case 2: /* made, or written anew */
    fd = open(some(a), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd >= 0)
      write_to(fd, chance(40000), 0);
    close(fd);
    break;
  case 3:
  case 4: /* in the middle */
    fd = open(some(a), O_WRONLY);
    if (fd >= 0)
      write_to(fd, 1 + chance(50), chance(30000));
    close(fd);
    break;
  case 5:
    (void)!truncate(some(a), chance(20000));
    break;
  case 6:
    unlink(some(a));
    break;
  case 7:
  case 8:
  case 9:
    rename(some(a), some(b));
    break;
  case 10:
  case 11:
    mkdir(some_folder(a), 0700);
    break;
  case 12:
    rmdir(some_folder(a));
    break;
  case 13:
    rename(some_folder(a), some_folder(b));
    break;
  case 14:
    (void)!symlink("f1", some(a));
    break;
  default: /* through a descriptor, while its name changes */
    fd = open(some(a), O_WRONLY);
    if (fd >= 0) {
      rename(a, some(b));
      write_to(fd, 10, chance(1000));
      rename(b, some(a));
      write_to(fd, 10, 1000 + chance(1000));
    }
    close(fd);
  }
}

static void walk(unsigned steps) {
  while (steps-- > 0)
    step();
}

/* ---- memory and descriptors ---- */

#define PAGES 200
static unsigned memory[PAGES][1024];
static int open_file;
static off_t open_at;

static void fill(unsigned with) {
  for (unsigned i = 0; i < PAGES; i++)
    memory[i][i] = with + i;
  CHECK(write(open_file, "more", 4) == 4);
  open_at = lseek(open_file, 0, SEEK_CUR);
}

static void expect_filled(unsigned with) {
  for (unsigned i = 0; i < PAGES; i++)
    CHECK_EQUAL(memory[i][i], with + i);
  CHECK_EQUAL(lseek(open_file, 0, SEEK_CUR), open_at);
}

/* Whoever kills it while it goes back counts its calls from here on. */
static void mark(void) { syscall(SYS_getpgrp); }

int main(int argc, char **argv) {
  CHECK(argc >= 3 && chdir(argv[1]) == 0);
  int once = argc > 3; /* goes back in place, and ends */
  state = strtoull(argv[2], NULL, 10);
  open_file = open("open", O_WRONLY | O_CREAT | O_APPEND, 0600);
  CHECK(open_file >= 0);
  walk(200);
  for (unsigned stage = 0;; stage++) {
    fill(stage);
    look_at_all();
    memcpy(then, found, sizeof then);
    then_count = found_count;
    int times = __builtin_ckpt_save();
    CHECK(times >= 0);
    expect_filled(stage);
    expect_then(times);
    if (once && times > 0)
      return 0;
    state ^= (unsigned long long)times << 40; /* another way than before */
    walk(once ? 150 : chance(60));
    fill(1000);
    if (once || (stage == 1 && chance(2))) {
      mark();
      roll_back();
    }
    if (stage >= 2)
      die();
  }
}
