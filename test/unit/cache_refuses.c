/* Caches that must not be used are refused, each with its error: none there,
 * another version, another user's, writable by others, links, wrong kinds of
 * files, foreign folders, names that are none. Nothing is changed in them. */
// RUN: %unit/cache_refuses
// RUN: %unit/sanitized/cache_refuses
#include "Inputs/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_at(const char *below, bool create) {
  struct cache *cache = NULL;
  int result =
      cache_open(&unit_env, unit_path(below), create, &cache, &unit_error);
  CHECK((result == 0) == (cache != NULL));
  cache_close(cache);
  return result;
}

static void refuse_directories(void) {
  CHECK_ERROR(open_at("none", false), CACHE_MISSING);
  CHECK(strstr(unit_error.object, "/none"));
  CHECK(mkdir(unit_path("empty"), 0700) == 0);
  CHECK_ERROR(open_at("empty", false), CACHE_MISSING);
  CHECK(mkdir(unit_path("foreign"), 0700) == 0);
  unit_write_file(unit_path("foreign/precious"), "x", 1);
  CHECK_ERROR(open_at("foreign", true), CACHE_MISSING);
  CHECK(access(unit_path("foreign/hwckpt-cache"), F_OK) != 0);
  unit_write_file(unit_path("file"), "x", 1);
  CHECK_ERROR(open_at("file", true), CACHE_IO);
  CHECK_ERROR(open_at("file/below", true), CACHE_IO);

  CHECK_OK(open_at("cache", true));
  struct stat status;
  CHECK(stat(unit_path("cache"), &status) == 0);
  CHECK((status.st_mode & 07777) == 0700);
  CHECK(stat(unit_path("cache/hwckpt-cache"), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(symlink("cache", unit_path("link")) == 0);
  CHECK_ERROR(open_at("link", false), CACHE_IO);
  CHECK_ERROR(open_at("link/", false), CACHE_IO);
  CHECK_ERROR(open_at("link", true), CACHE_IO);

  CHECK(chmod(unit_path("cache"), 0770) == 0);
  CHECK_ERROR(open_at("cache", false), CACHE_MODE);
  CHECK(strstr(unit_error.detail, "0770"));
  CHECK(chmod(unit_path("cache"), 0702) == 0);
  CHECK_ERROR(open_at("cache", true), CACHE_MODE);
  CHECK(chmod(unit_path("cache"), 0755) == 0); /* only read by others */
  CHECK_OK(open_at("cache", false));
}

static void refuse_markers(void) {
  const char *marker = "cache/hwckpt-cache";
  unsigned char *bytes;
  size_t length = unit_read_file(unit_path(marker), &bytes);
  char says_marker[32];
  snprintf(says_marker, sizeof says_marker, "`%.*s`", (int)length - 1,
           (char *)bytes);
  unit_write_file(unit_path(marker), "hwckpt-cache 5\n", 15);
  CHECK_ERROR(open_at("cache", true), CACHE_VERSION);
  CHECK(strstr(unit_error.detail, "hwckpt-cache 5"));
  for (size_t cut = 0; cut < length; cut++) {
    unit_write_file(unit_path(marker), bytes, cut);
    CHECK_ERROR(open_at("cache", true), CACHE_MARKER);
  }
  for (size_t bit = 0; bit < length * 8; bit++) {
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    unit_write_file(unit_path(marker), bytes, length);
    /* That of an older version is as good. */
    bool is_version =
        bit / 8 == length - 2 && bytes[bit / 8] >= '1' && bytes[bit / 8] <= '4';
    bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    CHECK((open_at("cache", true) < 0) != is_version);
  }
  char big[200] = {0};
  unit_write_file(unit_path(marker), big, sizeof(big));
  CHECK_ERROR(open_at("cache", false), CACHE_MARKER);
  CHECK(strstr(hwckpt_error_remedy(HWCKPT_E_CACHE_MARKER), says_marker));
  unlink(unit_path(marker));
  CHECK(symlink("precious", unit_path(marker)) == 0);
  CHECK_ERROR(open_at("cache", false), CACHE_IO);
  unlink(unit_path(marker));
  CHECK(mkfifo(unit_path(marker), 0600) == 0);
  CHECK_ERROR(open_at("cache", false), CACHE_DAMAGED);
  unlink(unit_path(marker));
  unit_write_file(unit_path(marker), bytes, length);
  CHECK(chmod(unit_path(marker), 0660) == 0);
  CHECK_ERROR(open_at("cache", false), CACHE_MODE);
  CHECK(chmod(unit_path(marker), 0600) == 0);
  CHECK_OK(open_at("cache", false));
  free(bytes);
}

static void refuse_names(struct cache *cache) {
  static const char *const names[] = {"",         ".",         "..",  ".hidden",
                                      "a/b",      "../up",     "a b", "a\nb",
                                      "\xc3\xa4", "lost+found"};
  struct cache_reader *reader;
  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    CHECK_ERROR(cache_reader_open(cache, names[i], 1, &reader, &unit_error),
                CACHE_NAME);
  char longest[CACHE_APPLICATION_MAX + 1];
  memset(longest, 'a', sizeof(longest) - 1);
  longest[CACHE_APPLICATION_MAX] = '\0';
  CHECK_ERROR(cache_reader_open(cache, longest, 1, &reader, &unit_error),
              CACHE_NAME);
  longest[CACHE_APPLICATION_MAX - 1] = '\0';
  CHECK_ERROR(cache_reader_open(cache, longest, 1, &reader, &unit_error),
              NO_APPLICATION);
  CHECK_ERROR(cache_reader_open(cache, "hwckpt-cache", 1, &reader, &unit_error),
              NO_APPLICATION);
}

/* Files of an application: each kind of wrong file in place of a generation. */
static void refuse_files(struct cache *cache) {
  char name[CACHE_NAME_MAX], file[256];
  static struct model model = {.pages = 64};
  struct cache_write_options options = {0, 1};
  struct cache_writer *writer;
  CHECK_OK(cache_new_application(cache, "-x/y z.", name, &unit_error));
  CHECK(strncmp(name, "_x_y_z.-", 8) == 0);
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_OK(unit_put(writer, &model, 0, 3, 1, &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
  CHECK_ERROR(unit_compare(cache, name, 0, &model, &unit_error), NO_GENERATION);
  CHECK_ERROR(unit_compare(cache, name, 2, &model, &unit_error), NO_GENERATION);

  snprintf(file, sizeof(file), "cache/%s/g0000000001.ckpt", name);
  struct stat status;
  CHECK(stat(unit_path(file), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(chmod(unit_path(file), 0602) == 0);
  CHECK_ERROR(unit_compare(cache, name, 1, &model, &unit_error), CACHE_MODE);
  CHECK(chmod(unit_path(file), 0600) == 0);
  CHECK(rename(unit_path(file), unit_path("aside")) == 0);
  CHECK(symlink(unit_path("aside"), unit_path(file)) == 0);
  CHECK_ERROR(unit_compare(cache, name, 1, &model, &unit_error), CACHE_IO);
  unlink(unit_path(file));
  CHECK(mkfifo(unit_path(file), 0600) == 0);
  CHECK_ERROR(unit_compare(cache, name, 1, &model, &unit_error), CACHE_DAMAGED);
  unlink(unit_path(file));

  /* As another generation, and in another application. */
  snprintf(file, sizeof(file), "cache/%s/g0000000002.ckpt", name);
  CHECK(rename(unit_path("aside"), unit_path(file)) == 0);
  CHECK_ERROR(unit_compare(cache, name, 2, &model, &unit_error), CACHE_DAMAGED);
  CHECK(strstr(unit_error.detail, "is generation 1"));
  CHECK(rename(unit_path(file), unit_path("aside")) == 0);
  CHECK_OK(cache_new_application(cache, "other", name, &unit_error));
  snprintf(file, sizeof(file), "cache/%s/g0000000001.ckpt", name);
  CHECK(rename(unit_path("aside"), unit_path(file)) == 0);
  CHECK_ERROR(unit_compare(cache, name, 1, &model, &unit_error), CACHE_OTHER);
  CHECK(strstr(unit_error.detail, "_x_y_z.-"));
  unlink(unit_path(file));

  snprintf(file, sizeof(file), "cache/%s", name);
  CHECK(chmod(unit_path(file), 0720) == 0);
  CHECK_ERROR(unit_compare(cache, name, 1, &model, &unit_error), CACHE_MODE);
  CHECK(chmod(unit_path(file), 0700) == 0);
  snprintf(file, sizeof(file), "cache/%s/lock", name);
  CHECK(symlink("elsewhere", unit_path(file)) == 0);
  CHECK_ERROR(cache_begin(cache, name, &options, &writer, &unit_error),
              CACHE_IO);
  unlink(unit_path(file));
}

static unsigned pretended;
static unsigned pretend_geteuid(void) { return pretended; }

static void refuse_owner(void) {
  struct cache_io io = cache_io_kernel;
  struct cache_env env = {.io = &io, .map = unit_map, .unmap = unit_unmap};
  struct cache *cache;
  io.geteuid = pretend_geteuid;
  pretended = (unsigned)geteuid() + 1;
  CHECK_ERROR(cache_open(&env, unit_path("cache"), false, &cache, &unit_error),
              CACHE_OWNER);
  CHECK_ERROR(cache_open(&env, unit_path("cache"), true, &cache, &unit_error),
              CACHE_OWNER);
}

/* Names in a cache are single ones, but nothing depends on that alone. */
static void refuse_links_on_the_way(void) {
  int directory = open(unit_path("cache"), O_PATH | O_CLOEXEC);
  CHECK(directory >= 0);
  CHECK(mkdir(unit_path("cache/real"), 0700) == 0);
  unit_write_file(unit_path("cache/real/file"), "x", 1);
  CHECK(symlink("real", unit_path("cache/way")) == 0);
  int fd = cache_io_kernel.openat(directory, "real/file", O_RDONLY, 0);
  CHECK(fd >= 0 && close(fd) == 0);
  CHECK(cache_io_kernel.openat(directory, "way/file", O_RDONLY, 0) == -ELOOP);
  CHECK(cache_io_kernel.openat(directory, "way/new", O_WRONLY | O_CREAT,
                               0600) == -ELOOP);
  CHECK(access(unit_path("cache/real/new"), F_OK) != 0);
  unlink(unit_path("cache/way"));
  unlink(unit_path("cache/real/file"));
  rmdir(unit_path("cache/real"));
  close(directory);
}

int main(void) {
  int descriptors = unit_descriptors();
  refuse_directories();
  refuse_markers();
  refuse_owner();
  refuse_links_on_the_way();
  struct cache *cache;
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), false, &cache, &unit_error));
  refuse_names(cache);
  refuse_files(cache);
  cache_close(cache);
  CHECK(unit_mapped() == 0);
  CHECK(unit_descriptors() == descriptors);
  return 0;
}
