/* keys.c - see keys.h. */
#include "keys.h"

#include "cipher.h"
#include "format.h"
#include "io.h"

#include <errno.h>
#include <string.h>

#define WRAPPED (CACHE_KEY + CIPHER_MORE)
_Static_assert(sizeof(((CacheKey *)0)->wrapped.bytes) == WRAPPED,
               "nonce, key and tag");

struct known_key {
  struct known_key *next;
  char application[CACHE_NAME_MAX];
  struct cache_key key;
};

/* The application that a name is of, or of whose part it is. */
static int whose(const char *name, char application[CACHE_NAME_MAX],
                 struct hwckpt_error *error) {
  const char *part;
  return format_split_name(name, application, &part)
             ? 0
             : hwckpt_fail(error, HWCKPT_E_CACHE_NAME, 0, name, "%s", "");
}

void cache_set_key(struct cache *cache, const struct cache_key *key,
                   bool only) {
  cipher_prepare();
  keys_forget(cache);
  cache->key = *key;
  cache->has_key = true;
  cache->only_encrypted = only;
}

void keys_forget(struct cache *cache) {
  while (cache->known) {
    struct known_key *known = cache->known;
    cache->known = known->next;
    cipher_wipe(known, sizeof(*known));
    cache->env->unmap(known, sizeof(*known));
  }
  cipher_wipe(&cache->key, sizeof(cache->key));
  cache->has_key = false;
}

/* ---- the file ---- */

struct bound {
  struct key_bound head;
  char application[CACHE_NAME_MAX];
};

static struct bound bind_to(const char *application) {
  struct bound bound = {.head = {.use = KEY_WRAP}};
  memcpy(bound.application, application, strlen(application));
  return bound;
}

static int decode(const struct place *place, const unsigned char *bytes,
                  size_t size, CacheKey *key, struct hwckpt_error *error) {
  struct format_tag tag;
  memcpy(&tag, bytes, sizeof(tag));
  enum format_status status = format_check_tag(&tag, FORMAT_MAGIC_KEY);
  if (status == FORMAT_OK && tag.length != size - sizeof(tag))
    status = FORMAT_DAMAGED;
  if (status == FORMAT_OK)
    status = format_check(&tag, FORMAT_MAGIC_KEY, bytes + sizeof(tag));
  if (status == FORMAT_OTHER)
    return place_fail(place, error, HWCKPT_E_CACHE_VERSION, 0,
                      "at byte 0: version %u, this reads up to %u", tag.version,
                      FORMAT_VERSION);
  if (status != FORMAT_OK ||
      !format_decode_key(key, bytes + sizeof(tag), tag.length) ||
      key->wrapped.size != WRAPPED)
    return place_damaged(place, error, 0, "not an application's key");
  return format_same_name(key->application, place->application)
             ? 0
             : place_fail(place, error, HWCKPT_E_CACHE_DAMAGED, 0,
                          "at byte 0: belongs to application '%s'",
                          key->application);
}

/* *found false, and 0: there is none. */
static int read_file(struct cache *cache, const char *application,
                     int directory, CacheKey *key, bool *found,
                     struct hwckpt_error *error) {
  struct place place = {cache, application, FORMAT_KEY_FILE};
  unsigned char bytes[sizeof(struct format_tag) + FORMAT_MESSAGE_MAX];
  uint64_t size;
  int fd;
  int result = io_open_file(&place, directory, &fd, &size, error);
  *found = fd >= 0;
  if (fd < 0)
    return result;
  if (size < sizeof(struct format_tag))
    result = place_truncated(&place, error, size, "file ends here");
  else if (size > sizeof(bytes))
    result = place_damaged(&place, error, sizeof(bytes), "too long");
  else
    result = io_read(&place, fd, bytes, (size_t)size, 0, error);
  cache->env->io->close(fd);
  return result < 0 ? result : decode(&place, bytes, (size_t)size, key, error);
}

static int write_file(struct cache *cache, const char *application,
                      int directory, const struct cache_key *key,
                      const struct cache_key *wrap,
                      struct hwckpt_error *error) {
  struct place place = {cache, application, FORMAT_KEY_FILE};
  struct bound bound = bind_to(application);
  unsigned char bytes[sizeof(struct format_tag) + FORMAT_MESSAGE_MAX];
  struct format_tag tag;
  CacheKey file = CacheKey_init_zero;
  hwckpt_format(file.application, sizeof(file.application), "%s", application);
  file.wrapped.size = WRAPPED;
  int got = cipher_seal(cache->env->io, wrap, &bound, sizeof(bound), key->bytes,
                        sizeof(key->bytes), file.wrapped.bytes);
  if (got < 0)
    return place_fail_io(&place, error, got, "getrandom");
  size_t length = format_encode_key(&file, bytes + sizeof(tag));
  format_seal(&tag, FORMAT_MAGIC_KEY, bytes + sizeof(tag), length);
  memcpy(bytes, &tag, sizeof(tag));
  return io_replace_file(&place, directory, bytes, sizeof(tag) + length, error);
}

static int unwrap(struct cache *cache, const char *application,
                  const CacheKey *file, struct cache_key *key,
                  struct hwckpt_error *error) {
  struct place place = {cache, application, NULL};
  struct bound bound = bind_to(application);
  return cipher_open(&cache->key, &bound, sizeof(bound), file->wrapped.bytes,
                     WRAPPED, key->bytes)
             ? 0
             : place_fail(&place, error, HWCKPT_E_KEY_WRONG, 0, "%s", "");
}

/* ---- making one ---- */

/* Whether it has no generation yet. */
static int look_for_any(struct cache *cache, const char *application,
                        int directory, bool *empty,
                        struct hwckpt_error *error) {
  struct buffer numbers = {0};
  int result = directory_numbers(cache, application, directory,
                                 format_parse_generation, &numbers, error);
  *empty = numbers.length == 0;
  buffer_free(cache->env, &numbers);
  return result;
}

static int make_new(struct cache *cache, const char *application, int directory,
                    struct hwckpt_error *error) {
  struct place place = {cache, application, NULL};
  struct cache_key key;
  long got = cache->env->io->getrandom(key.bytes, sizeof(key.bytes));
  int result = got == (long)sizeof(key.bytes)
                   ? directory_raise_version(cache, error)
                   : place_fail_io(&place, error, got, "getrandom");
  if (result == 0)
    result =
        write_file(cache, application, directory, &key, &cache->key, error);
  cipher_wipe(&key, sizeof(key));
  return result;
}

static int make(struct cache *cache, const char *application, int directory,
                struct hwckpt_error *error) {
  struct place place = {cache, application, NULL};
  struct cache_key key;
  CacheKey file = CacheKey_init_zero;
  bool found, empty = true;
  int result = read_file(cache, application, directory, &file, &found, error);
  if (result == 0 && found) {
    result = unwrap(cache, application, &file, &key, error);
    cipher_wipe(&key, sizeof(key));
    return result;
  }
  if (result == 0)
    result = look_for_any(cache, application, directory, &empty, error);
  if (result < 0)
    return result;
  if (empty)
    return make_new(cache, application, directory, error);
  return cache->only_encrypted
             ? place_fail(&place, error, HWCKPT_E_KEY_TOO_LATE, 0, "%s", "")
             : 0;
}

int keys_make(struct cache *cache, const char *application,
              struct hwckpt_error *error) {
  const struct cache_key *known;
  int directory, lock;
  if (!cache->has_key)
    return 0;
  int result = directory_open(cache, application, &directory, error);
  if (result < 0)
    return result;
  result = directory_lock(cache, application, directory, &lock, error);
  if (result == 0) {
    result = make(cache, application, directory, error);
    directory_unlock(cache, lock);
  } else if (result == -HWCKPT_E_CACHE_BUSY) {
    /* Who writes has made it, or found it. */
    result = keys_to_write(cache, application, &known, error);
  }
  cache->env->io->close(directory);
  return result;
}

/* ---- finding one ---- */

static const struct cache_key *find_known(const struct cache *cache,
                                          const char *application) {
  const struct known_key *known = cache->known;
  while (known && !format_same_name(known->application, application))
    known = known->next;
  return known ? &known->key : NULL;
}

/* What the file says is remembered. */
static int know(struct cache *cache, const char *application,
                const CacheKey *file, const struct cache_key **key,
                struct hwckpt_error *error) {
  struct place place = {cache, application, FORMAT_KEY_FILE};
  struct known_key *known = cache->env->map(sizeof(*known));
  if (!known)
    return place_fail(&place, error, HWCKPT_E_CAPTURE_MEMORY, 0, "key");
  int result = unwrap(cache, application, file, &known->key, error);
  if (result < 0) {
    cache->env->unmap(known, sizeof(*known));
    return result;
  }
  hwckpt_format(known->application, sizeof(known->application), "%s",
                application);
  known->next = cache->known;
  cache->known = known;
  *key = &known->key;
  return 0;
}

int keys_to_write(struct cache *cache, const char *name,
                  const struct cache_key **key, struct hwckpt_error *error) {
  char application[CACHE_NAME_MAX];
  struct place place = {cache, application, NULL};
  CacheKey file = CacheKey_init_zero;
  int directory;
  bool found;
  *key = NULL;
  int result = whose(name, application, error);
  if (result < 0)
    return result;
  if (cache->has_key && (*key = find_known(cache, application)))
    return 0;
  result = directory_open(cache, application, &directory, error);
  if (result < 0)
    return result;
  result = read_file(cache, application, directory, &file, &found, error);
  cache->env->io->close(directory);
  if (result < 0)
    return result;
  if (!found)
    return cache->has_key && cache->only_encrypted
               ? place_fail(&place, error, HWCKPT_E_NOT_ENCRYPTED, 0, "%s", "")
               : 0;
  return cache->has_key
             ? know(cache, application, &file, key, error)
             : place_fail(&place, error, HWCKPT_E_KEY_NEEDED, 0, "%s", "");
}

int keys_to_read(struct cache *cache, const char *name,
                 const struct cache_key **key, struct hwckpt_error *error) {
  *key = NULL;
  return cache->has_key ? keys_to_write(cache, name, key, error) : 0;
}

/* ---- another key of the user's ---- */

int cache_is_encrypted(struct cache *cache, const char *application,
                       bool *encrypted, struct hwckpt_error *error) {
  CacheKey file = CacheKey_init_zero;
  int directory;
  *encrypted = false;
  int result = directory_open(cache, application, &directory, error);
  if (result < 0)
    return result;
  result = read_file(cache, application, directory, &file, encrypted, error);
  cache->env->io->close(directory);
  return result;
}

static int wrap_anew(struct cache *cache, const char *application,
                     int directory, const struct cache_key *to,
                     struct hwckpt_error *error) {
  struct place place = {cache, application, NULL};
  CacheKey file = CacheKey_init_zero;
  struct cache_key key;
  bool found;
  int result = read_file(cache, application, directory, &file, &found, error);
  if (result == 0 && !found)
    result = place_fail(&place, error, HWCKPT_E_NOT_ENCRYPTED, 0, "%s", "");
  if (result == 0 && !cache->has_key)
    result = place_fail(&place, error, HWCKPT_E_KEY_NEEDED, 0, "%s", "");
  if (result == 0)
    result = unwrap(cache, application, &file, &key, error);
  if (result == 0)
    result = write_file(cache, application, directory, &key, to, error);
  cipher_wipe(&key, sizeof(key));
  return result;
}

int cache_rekey(struct cache *cache, const char *application,
                const struct cache_key *to, struct hwckpt_error *error) {
  int directory, lock;
  int result = directory_open(cache, application, &directory, error);
  if (result < 0)
    return result;
  result = directory_lock(cache, application, directory, &lock, error);
  if (result == 0)
    result = wrap_anew(cache, application, directory, to, error);
  directory_unlock(cache, lock);
  cache->env->io->close(directory);
  return result;
}
