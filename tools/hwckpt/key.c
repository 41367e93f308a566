/* key.c - where the user's key is. */
#include "key.h"
#include "options_text.h"
#include "secrets.h"

#include "runtime/cache/secret.h"

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

static FILE *open_file(const char *path, struct hwckpt_error *error) {
  struct stat status;
  FILE *in = fopen(path, "re");
  if (!in) {
    refuse(path, errno, "open", error);
    return NULL;
  }
  if (fstat(fileno(in), &status))
    refuse(path, errno, "fstat", error);
  else if (S_ISREG(status.st_mode) && status.st_uid &&
           status.st_uid != geteuid())
    refuse(path, 0, "it belongs to another user, who knows it", error);
  else if (S_ISREG(status.st_mode) && status.st_mode & (S_IRWXG | S_IRWXO))
    refuse(path, 0, "others may read or write it", error);
  else
    return in;
  fclose(in);
  return NULL;
}

static int take(FILE *in, const char *object, struct seal_key *key,
                struct hwckpt_error *error) {
  unsigned char secret[SECRET_MAX + 1];
  struct cache_key made;
  setvbuf(in, NULL, _IONBF, 0); /* no copy of it */
  size_t length = fread(secret, 1, sizeof secret, in);
  int failed = 0;
  if (secret_to_key(secret, length, &made))
    memcpy(key->bytes, made.bytes, sizeof key->bytes);
  else
    failed = refuse(object, 0, "it is to be 32 to 4096 bytes", error);
  explicit_bzero(&made, sizeof made);
  explicit_bzero(secret, sizeof secret);
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
  if (request->file) {
    FILE *in = open_file(request->file, error);
    if (!in)
      return -HWCKPT_E_KEY_SOURCE;
    int failed = take(in, request->file, key, error);
    fclose(in);
    return failed;
  }
  FILE *in = popen(request->command, "re");
  if (!in)
    return refuse(request->command, errno, "popen", error);
  int failed = take(in, request->command, key, error);
  if (pclose(in) != 0 && !failed)
    failed = refuse(request->command, 0, "it failed", error);
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
