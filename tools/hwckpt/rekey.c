/* rekey.c - `hwckpt rekey`: another key for what is encrypted, without reading
 * it. */
#include "arguments.h"
#include "hold.h"
#include "inventory.h"
#include "key.h"
#include "selection.h"

#include "tools/tiers/own.h"
#include "tools/tiers/rekey.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum new_key_option { OPTION_NEW_KEY_FILE = 1024, OPTION_NEW_KEY_COMMAND };

struct keys {
  struct seal_key from, to;
  unsigned done, failed;
};

static bool is_copy(const char *name) {
  size_t length = strlen(name);
  return length > 4 && !strcmp(name + length - 4, ".hwx");
}

static void refuse(struct keys *keys, enum hwckpt_code code, int number,
                   const char *path, const char *why) {
  struct hwckpt_error error = {0};
  hwckpt_fail(&error, code, number, path, "%s", why);
  report_error(&error);
  keys->failed++;
}

static void change_one(int fd, const char *path, struct keys *keys) {
  struct hwckpt_error error = {0};
  if (fd < 0) {
    refuse(keys, HWCKPT_E_EXPORT_FILE, errno, path, "open");
    return;
  }
  if (rekey_file(fd, path, &keys->from, &keys->to, &error)) {
    report_error(&error);
    keys->failed++;
  } else
    keys->done++;
  close(fd);
}

/* ---- caches ---- */

static bool is_cache(const char *path) {
  char marker[CACHE_PATH_MAX];
  struct stat status;
  int length = snprintf(marker, sizeof marker, "%s/hwckpt-cache", path);
  return length < (int)sizeof marker && !lstat(marker, &status);
}

static struct cache_key as_cache_key(const struct seal_key *key) {
  struct cache_key same;
  memcpy(same.bytes, key->bytes, sizeof same.bytes);
  return same;
}

static void count(struct keys *keys, int failed, struct hwckpt_error *error) {
  keys->done += !failed;
  if (failed) {
    report_error(error);
    keys->failed++;
  }
}

/* One for which a hwckpt stands by has the old key from that: a process that it
 * starts later, or a restart, could not read its checkpoints any more. */
static void change_application(const char *path, struct cache *cache,
                               const char *application,
                               const struct cache_key *to, struct keys *keys) {
  struct hwckpt_error error = {0};
  bool encrypted;
  int lock = -1;
  int failed = cache_is_encrypted(cache, application, &encrypted, &error);
  if (!failed && !encrypted)
    return;
  if (!failed)
    failed = hold_application(path, application, &lock, &error);
  if (!failed)
    failed = cache_rekey(cache, application, to, &error);
  if (lock >= 0)
    close(lock);
  count(keys, failed, &error);
}

/* Those of its applications that are encrypted. */
static void change_cache(const char *path, struct keys *keys) {
  struct hwckpt_error error = {0};
  struct cache_key from = as_cache_key(&keys->from);
  struct cache_key to = as_cache_key(&keys->to);
  struct cache_application *list = NULL;
  struct cache *cache = NULL;
  size_t number = 0;
  int failed = cache_open(&cache_env_kernel, path, false, &cache, &error);
  if (!failed)
    failed = inventory_applications(cache, &list, &number, &error);
  if (failed)
    count(keys, failed, &error);
  else
    cache_set_key(cache, &from, false);
  for (size_t i = 0; i < number; i++)
    change_application(path, cache, list[i].name, &to, keys);
  free(list);
  cache_close(cache);
  explicit_bzero(&from, sizeof from);
  explicit_bzero(&to, sizeof to);
}

/* ---- copies ---- */

#define DEPTH_MAX 16 /* folders in folders: a tier has two */

struct walk {
  struct keys *keys;
  unsigned depth;
  char path[PATH_MAX]; /* of what is looked at now */
};

static void change_directory(int fd, struct walk *walk);

/* Of what lies in a directory. */
static void change_entry(int directory, const char *name, struct walk *walk) {
  struct stat status;
  size_t above = strlen(walk->path);
  size_t room = sizeof walk->path - above;
  if (snprintf(walk->path + above, room, "/%s", name) >= (int)room)
    refuse(walk->keys, HWCKPT_E_EXPORT_FILE, ENAMETOOLONG, name, "open");
  else if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW))
    refuse(walk->keys, HWCKPT_E_EXPORT_FILE, errno, walk->path, "stat");
  else if (S_ISDIR(status.st_mode))
    change_directory(own_open(directory, name, O_RDONLY | O_DIRECTORY), walk);
  else if (S_ISREG(status.st_mode) && is_copy(name))
    change_one(own_open(directory, name, O_RDWR), walk->path, walk->keys);
  walk->path[above] = 0;
}

/* Closes it. */
static void change_directory(int fd, struct walk *walk) {
  struct hwckpt_error error = {0};
  DIR *list = NULL;
  if (fd < 0 || walk->depth == DEPTH_MAX)
    refuse(walk->keys, HWCKPT_E_EXPORT_FILE, fd < 0 ? errno : ELOOP, walk->path,
           "open");
  else if (own_check(fd, S_IFDIR, walk->path, &error)) {
    report_error(&error);
    walk->keys->failed++;
  } else if (!(list = fdopendir(fd)))
    refuse(walk->keys, HWCKPT_E_EXPORT_FILE, errno, walk->path, "open");
  if (!list) {
    if (fd >= 0)
      close(fd);
    return;
  }
  walk->depth++;
  for (struct dirent *entry; (entry = readdir(list));)
    if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
      change_entry(fd, entry->d_name, walk);
  walk->depth--;
  closedir(list);
}

/* A file, or a directory that is a tier. Links are followed on the way to what
 * was named, and not below it. */
static void change_copies(const char *path, struct keys *keys) {
  const int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  struct walk walk = {.keys = keys};
  struct stat status;
  if (snprintf(walk.path, sizeof walk.path, "%s", path) >=
      (int)sizeof walk.path)
    refuse(keys, HWCKPT_E_EXPORT_FILE, ENAMETOOLONG, path, "open");
  else if (stat(path, &status))
    refuse(keys, HWCKPT_E_EXPORT_FILE, errno, path, "open");
  else if (S_ISDIR(status.st_mode))
    change_directory(open(path, O_RDONLY | O_DIRECTORY | flags), &walk);
  else if (S_ISREG(status.st_mode))
    change_one(open(path, O_RDWR | flags), path, keys);
}

/* Who named it is not to believe that it has the new key when it has not. */
static void change_all(const char *path, struct keys *keys) {
  unsigned before = keys->done + keys->failed;
  if (is_cache(path))
    change_cache(path, keys);
  else
    change_copies(path, keys);
  if (keys->done + keys->failed == before)
    refuse(keys, HWCKPT_E_NOT_ENCRYPTED, 0, path, "nothing in it is");
}

static int rekey(int argc, char **argv) {
  static const struct option rows[] = {
      KEY_OPTIONS,
      {"new-key-file", required_argument, NULL, OPTION_NEW_KEY_FILE},
      {"new-key-command", required_argument, NULL, OPTION_NEW_KEY_COMMAND},
      {0}};
  struct key_request from = {0}, to = {0};
  struct hwckpt_error error = {0};
  struct keys keys = {.done = 0};
  struct key_room room;
  const struct seal_key *has_from, *has_to;
  for (int result; (result = getopt_long(argc, argv, ":", rows, NULL)) != -1;)
    switch (result) {
    case OPTION_KEY_FILE:
      from.file = optarg;
      break;
    case OPTION_KEY_COMMAND:
      from.command = optarg;
      break;
    case OPTION_NEW_KEY_FILE:
      to.file = optarg;
      break;
    case OPTION_NEW_KEY_COMMAND:
      to.command = optarg;
      break;
    default:
      return arguments_refused(&command_rekey, result, argv);
    }
  if (optind >= argc)
    return report_usage(&command_rekey, "FILE", "no file is named");
  key_settle(&from, getenv("HWCKPT_OPTIONS"), &room);
  if (key_read(&from, &keys.from, &has_from, &error) ||
      key_read(&to, &keys.to, &has_to, &error))
    return report_error(&error);
  if (!has_from || !has_to)
    return report_usage(&command_rekey,
                        has_from ? "--new-key-file" : "--key-file",
                        "the old key and the new one are needed");
  for (int i = optind; i < argc; i++)
    change_all(argv[i], &keys);
  printf("%u have the new key\n", keys.done);
  return keys.failed ? EXIT_TOOL : EXIT_OK;
}

const struct command command_rekey = {
    .name = "rekey",
    .summary = "Give encrypted checkpoints another key",
    .help =
        "usage: hwckpt rekey KEY NEW-KEY FILE|DIR...\n"
        "\n"
        "Wraps the keys of what is encrypted with another key: of FILEs "
        "that `hwckpt\n"
        "export` wrote, and of all in DIR, a cache or a tier. What is "
        "encrypted stays as\n"
        "it is, so this is quick; but who had the old key and a copy from "
        "before can\n"
        "read that still. Interrupted, it can be done again. An application "
        "that\n"
        "another hwckpt stands by (E311) is left as it was: end it first.\n"
        "\n"
        "  --key-file FILE, --key-command COMMAND\n"
        "                 the key that they have\n"
        "  --new-key-file FILE, --new-key-command COMMAND\n"
        "                 the key that they get\n"
        "\n"
        "Exit status: 0; 125 when one could not be changed, 2 when the "
        "command line is\n"
        "wrong.\n",
    .run = rekey,
};
