/* key.c - where the user's key is. */
#include "key.h"
#include "options_text.h"
#include "secrets.h"

#include "runtime/cache/secret.h"
#include "runtime/support/key_command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(CACHE_KEY == SEAL_KEY, "one key is both");

static int refuse(const char *object, int number, const char *why,
                  struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_KEY_SOURCE, number, object, "%s", why);
}

static int open_file(const char *path, struct hwckpt_error *error) {
  struct stat status;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    refuse(path, errno, "open", error);
    return -1;
  }
  if (fstat(fd, &status))
    refuse(path, errno, "fstat", error);
  else if (S_ISREG(status.st_mode) && status.st_uid &&
           status.st_uid != geteuid())
    refuse(path, 0, "it belongs to another user, who knows it", error);
  else if (S_ISREG(status.st_mode) && status.st_mode & (S_IRWXG | S_IRWXO))
    refuse(path, 0, "others may read or write it", error);
  else
    return fd;
  close(fd);
  return -1;
}

/* To its end, or to where it is too long. */
static ssize_t read_all(int fd, unsigned char secret[SECRET_MAX + 1]) {
  size_t length = 0;
  ssize_t got = 1;
  while (length <= SECRET_MAX && got) {
    got = read(fd, secret + length, SECRET_MAX + 1 - length);
    if (got < 0 && errno != EINTR)
      return -1;
    length += got > 0 ? (size_t)got : 0;
  }
  return (ssize_t)length;
}

static int take(int fd, const char *object, struct seal_key *key,
                struct hwckpt_error *error) {
  unsigned char secret[SECRET_MAX + 1];
  struct cache_key made;
  ssize_t length = read_all(fd, secret);
  int failed = 0;
  if (length < 0)
    failed = refuse(object, errno, "read", error);
  else if (secret_to_key(secret, (size_t)length, &made))
    memcpy(key->bytes, made.bytes, sizeof key->bytes);
  else
    failed = refuse(object, 0, "it is to be 32 to 4096 bytes", error);
  explicit_bzero(&made, sizeof made);
  explicit_bzero(secret, sizeof secret);
  return failed;
}

/* It may ask somebody, and is waited for without end. */
static int take_from_command(const char *text, struct seal_key *key,
                             struct hwckpt_error *error) {
  static struct key_command command;
  int from;
  command.text = text;
  command.variables = environ;
  long keeper = key_command_start(&command, &from);
  if (keeper < 0)
    return refuse(text, (int)-keeper, "start", error);
  int failed = take(from, text, key, error);
  close(from);
  if (!key_command_finish(keeper, NULL) && !failed)
    failed = refuse(text, 0, "it failed", error);
  return failed;
}

int key_read(const struct key_request *request, struct seal_key *key,
             const struct seal_key **used, struct hwckpt_error *error) {
  *used = NULL;
  if (!request->file && !request->command)
    return 0;
  if (request->file && request->command)
    return refuse("--key-file, --key-command (key_file, key_command)", 0,
                  "one of them", error);
  secrets_keep();
  *used = key;
  if (request->command)
    return take_from_command(request->command, key, error);
  int fd = open_file(request->file, error);
  if (fd < 0)
    return -HWCKPT_E_KEY_SOURCE;
  int failed = take(fd, request->file, key, error);
  close(fd);
  return failed;
}

static const char *find(const char *options, const char *name, char *value,
                        size_t size) {
  return options_find(options, name, value, size) && *value ? value : NULL;
}

void key_settle(struct key_request *request, const char *options,
                struct key_room *room) {
  if (request->file || request->command)
    return;
  request->file = find(options, "key_file", room->file, sizeof room->file);
  request->command =
      find(options, "key_command", room->command, sizeof room->command);
}

static struct {
  struct seal_key key;
  bool taken, only;
  struct key_request request;
  struct key_room room;
} own;

const struct key_request *key_source(void) { return &own.request; }

int key_take(const struct key_request *request, bool only,
             struct hwckpt_error *error) {
  const struct seal_key *used;
  own.request = *request;
  key_settle(&own.request, getenv("HWCKPT_OPTIONS"), &own.room);
  int failed = key_read(&own.request, &own.key, &used, error);
  own.taken = !failed && used;
  own.only = only;
  return failed;
}

bool key_is_at_fault(enum hwckpt_code code) {
  return code == HWCKPT_E_KEY_NEEDED || code == HWCKPT_E_KEY_WRONG ||
         code == HWCKPT_E_KEY_MISSING || code == HWCKPT_E_NOT_ENCRYPTED;
}

const struct seal_key *key_taken(void) { return own.taken ? &own.key : NULL; }

int key_open_cache(const char *path, bool create, struct cache **cache,
                   struct hwckpt_error *error) {
  struct cache_key key;
  int failed = cache_open(&cache_env_kernel, path, create, cache, error);
  if (failed || !own.taken)
    return failed;
  memcpy(key.bytes, own.key.bytes, sizeof key.bytes);
  cache_set_key(*cache, &key, own.only);
  explicit_bzero(&key, sizeof key);
  return 0;
}
