/* undo_log.c - see undo_log.h. */
#include "undo_log.h"

#include "directory.h"
#include "format.h"
#include "io.h"
#include "memory.h"
#include "undo_seal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* A record as it lies in a log, little-endian; then path and its NUL, then
 * data. The checksum is of all that is behind it. */
struct head {
  char magic[4];
  uint16_t version, kind;
  uint64_t checksum;
  uint32_t path_length; /* with NUL; 0: no path */
  uint32_t data_length;
  uint64_t device, inode, birth_ns, offset, size, mtime_ns;
  uint32_t mode, user, group, reserved;
  uint64_t body; /* checksum of path and data */
};
_Static_assert(sizeof(struct head) == UNDO_HEAD, "the layout is the format");

#define MAGIC "hwku"
#define VERSION 1
#define CHECKED_FROM (offsetof(struct head, checksum) + sizeof(uint64_t))

/* Path and data are hashed one after the other. */
static uint64_t body_hash(const void *path, size_t path_length,
                          const void *data, size_t data_length) {
  uint64_t both[2] = {path_length ? format_hash(path, path_length) : 0,
                      data_length ? format_hash(data, data_length) : 0};
  return format_hash(both, sizeof(both));
}

static uint64_t head_hash(const struct head *head) {
  return format_hash((const char *)head + CHECKED_FROM,
                     sizeof(*head) - CHECKED_FROM) ^
         head->kind;
}

size_t undo_encode(const struct undo_record *record, void *bytes) {
  struct head head = {
      .magic = {MAGIC[0], MAGIC[1], MAGIC[2], MAGIC[3]},
      .version = VERSION,
      .kind = (uint16_t)record->kind,
      .path_length = record->path && *record->path
                         ? (uint32_t)strlen(record->path) + 1
                         : 0,
      .data_length = (uint32_t)record->length,
      .device = record->device,
      .inode = record->inode,
      .birth_ns = record->birth_ns,
      .offset = record->offset,
      .size = record->size,
      .mtime_ns = record->mtime_ns,
      .mode = record->mode,
      .user = record->user,
      .group = record->group,
  };
  head.body =
      body_hash(record->path, head.path_length, record->data, head.data_length);
  head.checksum = head_hash(&head);
  memcpy(bytes, &head, sizeof(head));
  return sizeof(head) + head.path_length + head.data_length;
}

/* Whether a path, of that many bytes with its NUL, leads down from the root and
 * is in the one spelling that names a file: no empty part, none that is "." or
 * "..". */
static bool good_path(const char *path, size_t bytes) {
  size_t text = 0;
  while (text < bytes && path[text])
    text++;
  if (text + 1 != bytes || path[0] != '/')
    return false;
  for (const char *part = path + 1;; part++) {
    size_t length = 0;
    while (part[length] && part[length] != '/')
      length++;
    if (length == 0 ||
        (part[0] == '.' && (length == 1 || (length == 2 && part[1] == '.'))))
      return false;
    part += length;
    if (!*part)
      return true;
  }
}

static bool known_kind(const struct head *head) {
  bool path = head->kind == UNDO_NAME || head->kind == UNDO_FILE ||
              head->kind == UNDO_LEFT || head->kind == UNDO_UNSEEN;
  return head->kind >= UNDO_BEGIN && head->kind <= UNDO_ZEROS &&
         path == (head->path_length != 0) && head->reserved == 0 &&
         (head->kind == UNDO_DATA || head->kind == UNDO_NAME ||
          head->data_length == 0);
}

static int decode(const void *log, size_t length, size_t *at,
                  struct undo_record *record) {
  struct head head;
  size_t left = length - *at;
  const char *bytes = (const char *)log + *at;
  if (left < sizeof(head))
    return 0;
  memcpy(&head, bytes, sizeof(head));
  if (memcmp(head.magic, MAGIC, sizeof(head.magic)) != 0 ||
      head.version != VERSION || head.checksum != head_hash(&head) ||
      head.path_length > UNDO_PATH_MAX || head.data_length > UNDO_DATA_MAX)
    return -1;
  if (left - sizeof(head) < (size_t)head.path_length + head.data_length)
    return 0;
  const char *path = bytes + sizeof(head);
  const char *data = path + head.path_length;
  if (head.body != body_hash(path, head.path_length, data, head.data_length) ||
      !known_kind(&head) || head.offset + head.data_length < head.offset ||
      (head.kind == UNDO_ZEROS && head.offset + head.size < head.offset))
    return -1;
  if (head.path_length && !good_path(path, head.path_length))
    return -1;
  *record = (struct undo_record){
      .kind = (enum undo_kind)head.kind,
      .mode = head.mode,
      .device = head.device,
      .inode = head.inode,
      .birth_ns = head.birth_ns,
      .offset = head.offset,
      .size = head.size,
      .mtime_ns = head.mtime_ns,
      .user = head.user,
      .group = head.group,
      .path = head.path_length ? path : "",
      .data = data,
      .length = head.data_length,
  };
  *at += sizeof(head) + head.path_length + head.data_length;
  return 1;
}

int undo_decode(const void *log, size_t length, size_t *at,
                struct undo_record *record) {
  const char *bytes = (const char *)log + *at;
  size_t whole, inner = UNDO_ENVELOPE;
  bool opened;
  if (length - *at < UNDO_HEAD || memcmp(bytes, MAGIC, 4) == 0)
    return decode(log, length, at, record);
  int found = undo_envelope_look(bytes, length - *at, &whole, &opened);
  if (found <= 0)
    return found;
  if (!opened || decode(bytes, whole - CIPHER_TAG, &inner, record) != 1 ||
      inner != whole - CIPHER_TAG)
    return -1;
  *at += whole;
  return 1;
}

/* ---- the logs of an application ---- */

/* Opens the directory and lists the logs; both are the caller's to close. */
static int list(struct cache *cache, const char *application, int *directory,
                struct buffer *numbers, struct hwckpt_error *error) {
  int result = directory_open(cache, application, directory, error);
  if (result < 0)
    return result;
  result = directory_numbers(cache, application, *directory, format_parse_undo,
                             numbers, error);
  if (result < 0) {
    buffer_free(cache->env, numbers);
    cache->env->io->close(*directory);
  }
  return result;
}

static void end_list(struct cache *cache, int directory,
                     struct buffer *numbers) {
  buffer_free(cache->env, numbers);
  cache->env->io->close(directory);
}

int cache_undo_create(struct cache *cache, const char *application,
                      struct undo_sealing *sealing,
                      struct hwckpt_error *error) {
  struct buffer numbers = {0};
  char file[FORMAT_FILE_MAX];
  struct place place = {cache, application, file};
  int directory;
  int result = keys_to_write(cache, application, &sealing->key, error);
  if (result == 0)
    result = list(cache, application, &directory, &numbers, error);
  if (result < 0)
    return result;
  size_t count = numbers.length / sizeof(uint64_t);
  uint64_t next = count ? ((uint64_t *)numbers.data)[count - 1] + 1 : 1;
  format_undo_file(file, next);
  sealing->number = next;
  int fd = cache->env->io->openat(
      directory, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
      0600);
  end_list(cache, directory, &numbers);
  return fd < 0 ? place_fail_io(&place, error, fd, "open") : fd;
}

static int visit_log(const struct place *place, int directory,
                     const struct cache_key *key, uint64_t number,
                     int (*visit)(uint64_t number, const void *log,
                                  size_t length, void *context),
                     void *context, struct hwckpt_error *error) {
  const struct cache_env *env = place->cache->env;
  uint64_t size;
  int fd;
  int result = io_open_file(place, directory, &fd, &size, error);
  if (fd < 0)
    return result;
  void *log = env->map((size_t)size + 1);
  if (!log)
    result = place_fail(place, error, HWCKPT_E_CAPTURE_MEMORY, ENOMEM,
                        "%llu bytes", (unsigned long long)size);
  else
    result = io_read(place, fd, log, (size_t)size, 0, error);
  if (result == 0 && key)
    result = undo_open(place, key, number, log, (size_t)size, error);
  if (result == 0)
    result = visit(number, log, (size_t)size, context);
  if (log)
    env->unmap(log, (size_t)size + 1);
  env->io->close(fd);
  return result;
}

int cache_undo_each(struct cache *cache, const char *application,
                    int (*visit)(uint64_t number, const void *log,
                                 size_t length, void *context),
                    void *context, struct hwckpt_error *error) {
  struct buffer numbers = {0};
  char file[FORMAT_FILE_MAX];
  struct place place = {cache, application, file};
  const struct cache_key *key = NULL;
  int directory;
  int result = list(cache, application, &directory, &numbers, error);
  if (result < 0)
    return result;
  if (numbers.length)
    result = keys_to_write(cache, application, &key, error);
  for (size_t i = numbers.length / sizeof(uint64_t); i-- > 0 && result == 0;) {
    uint64_t number = ((uint64_t *)numbers.data)[i];
    format_undo_file(file, number);
    result = visit_log(&place, directory, key, number, visit, context, error);
  }
  end_list(cache, directory, &numbers);
  return result;
}

static int append_sealed(const struct place *place, int fd, uint64_t *length,
                         const struct undo_record *record,
                         const struct undo_sealing *sealing,
                         struct hwckpt_error *error) {
  const struct cache_env *env = place->cache->env;
  void *room = env->map(UNDO_ROOM);
  size_t sealed = room ? undo_seal(env->io, sealing, *length, record, room) : 0;
  int result =
      sealed ? io_write(place, fd, room, sealed, *length, error)
             : place_fail(place, error, HWCKPT_E_CAPTURE_MEMORY, 0, "a record");
  if (room)
    env->unmap(room, UNDO_ROOM);
  *length += sealed;
  return result;
}

static int append(const struct place *place, int fd, uint64_t *length,
                  const struct undo_record *record,
                  struct hwckpt_error *error) {
  char head[UNDO_HEAD];
  const void *parts[] = {head, record->path, record->data};
  size_t whole = undo_encode(record, head);
  const size_t lengths[] = {sizeof(head), whole - sizeof(head) - record->length,
                            record->length};
  int result = 0;
  for (int i = 0; i < 3 && result == 0; i++) {
    if (lengths[i])
      result = io_write(place, fd, parts[i], lengths[i], *length, error);
    *length += lengths[i];
  }
  return result;
}

int cache_undo_append(struct cache *cache, const char *application,
                      uint64_t number, uint64_t *length,
                      const struct undo_record *record,
                      struct hwckpt_error *error) {
  const struct cache_io *io = cache->env->io;
  char file[FORMAT_FILE_MAX];
  struct place place = {cache, application, file};
  struct undo_sealing sealing = {.number = number};
  int directory;
  int result = keys_to_write(cache, application, &sealing.key, error);
  if (result == 0)
    result = directory_open(cache, application, &directory, error);
  if (result < 0)
    return result;
  format_undo_file(file, number);
  int fd = io->openat(directory, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0);
  io->close(directory);
  if (fd < 0)
    return place_fail_io(&place, error, fd, "open");
  result = io_check_file(&place, fd, NULL, error);
  if (result == 0 && (result = io->ftruncate(fd, *length)) < 0)
    result = place_fail_io(&place, error, result, "truncate");
  if (result == 0)
    result = sealing.key
                 ? append_sealed(&place, fd, length, record, &sealing, error)
                 : append(&place, fd, length, record, error);
  io->close(fd);
  return result;
}

static int remove_log(const struct place *application, int directory,
                      uint64_t number, struct hwckpt_error *error) {
  char file[FORMAT_FILE_MAX];
  struct place place = {application->cache, application->application, file};
  format_undo_file(file, number);
  int result = place.cache->env->io->unlinkat(directory, file, 0);
  return result < 0 && result != -ENOENT
             ? place_fail_io(&place, error, result, "unlink")
             : 0;
}

int cache_undo_remove(struct cache *cache, const char *application,
                      uint64_t from, uint64_t to, struct hwckpt_error *error) {
  struct buffer numbers = {0};
  struct place place = {cache, application, NULL};
  int directory;
  int result = list(cache, application, &directory, &numbers, error);
  if (result < 0)
    return result;
  for (size_t i = numbers.length / sizeof(uint64_t); i-- > 0 && result == 0;) {
    uint64_t number = ((uint64_t *)numbers.data)[i];
    if (number >= from && number <= to)
      result = remove_log(&place, directory, number, error);
  }
  end_list(cache, directory, &numbers);
  return result;
}

/* The generation that a log begins with; 0: it says none. */
static uint64_t first_generation(const struct place *place, int directory,
                                 const struct cache_key *key, uint64_t number) {
  unsigned char first[UNDO_ENVELOPE + UNDO_HEAD + CIPHER_TAG];
  size_t length = key ? sizeof(first) : UNDO_HEAD;
  struct undo_record record;
  uint64_t size;
  int fd;
  size_t at = 0;
  if (io_open_file(place, directory, &fd, &size, NULL) < 0 || fd < 0)
    return 0;
  bool read = size >= length && io_read(place, fd, first, length, 0, NULL) == 0;
  place->cache->env->io->close(fd);
  if (read && key)
    read = undo_open(place, key, number, first, length, NULL) == 0;
  return read && undo_decode(first, length, &at, &record) == 1 &&
                 record.kind == UNDO_BEGIN
             ? record.offset
             : 0;
}

int cache_undo_retain(struct cache *cache, const char *application,
                      struct hwckpt_error *error) {
  struct buffer logs = {0}, generations = {0};
  char file[FORMAT_FILE_MAX];
  struct place place = {cache, application, file};
  const struct cache_key *key = NULL;
  int directory;
  int result = list(cache, application, &directory, &logs, error);
  if (result < 0)
    return result;
  if (logs.length)
    result = keys_to_write(cache, application, &key, error);
  if (logs.length && result == 0)
    result = directory_numbers(cache, application, directory,
                               format_parse_generation, &generations, error);
  /* What cannot be read goes with the next that is not needed. */
  size_t unneeded = 0;
  for (size_t i = 0; generations.length && i < logs.length / sizeof(uint64_t);
       i++) {
    uint64_t number = ((uint64_t *)logs.data)[i];
    format_undo_file(file, number);
    uint64_t begins = first_generation(&place, directory, key, number);
    if (begins >= *(uint64_t *)generations.data)
      break; /* and so are all that were begun later */
    if (begins)
      unneeded = i + 1;
  }
  while (unneeded-- > 0 && result == 0)
    result =
        remove_log(&place, directory, ((uint64_t *)logs.data)[unneeded], error);
  buffer_free(cache->env, &generations);
  end_list(cache, directory, &logs);
  return result;
}
