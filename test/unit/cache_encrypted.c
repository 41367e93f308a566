/* Encrypted generations: nothing of what they hold is in the cache's files;
 * without the key, with another, or changed by who has it not, they are not
 * read, each with an error of its own; the user's key can be changed; what is
 * not encrypted is not mixed with them.
 */
// RUN: %unit/cache_encrypted
// RUN: %unit/sanitized/cache_encrypted
#include "Inputs/unit.h"

#include "runtime/cache/cipher.h"
#include "runtime/cache/format.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#undef cache_open

static const char *const name = "secret";
static const char mark[] = "plain-text-of-the-program";
static const struct cache_key other_key = {"another key, 32 bytes as well.."};

static struct cache *open_with(const struct cache_key *key, bool only) {
  struct cache *cache;
  CHECK_OK(
      cache_open(&unit_env, unit_path("cache"), true, &cache, &unit_error));
  if (key)
    cache_set_key(cache, key, only);
  return cache;
}

static void fill(char page[CACHE_PAGE_SIZE], unsigned seed, bool random) {
  for (size_t i = 0; i < CACHE_PAGE_SIZE; i++)
    page[i] = random ? (char)unit_random(256) : (char)(i / 64 + seed);
  memcpy(page + 100, mark, sizeof(mark));
}

/* Pages that can be coded and such that cannot, and a record. */
static void write_generation(struct cache *cache, const char *application,
                             uint64_t parent, unsigned pages, bool random) {
  struct cache_write_options options = {parent, 1};
  struct cache_writer *writer;
  char page[CACHE_PAGE_SIZE];
  CHECK_OK(cache_begin(cache, application, &options, &writer, &unit_error));
  for (unsigned i = 0; i < pages; i++) {
    fill(page, i + (unsigned)parent * 7, random);
    CHECK_OK(cache_put_pages(writer, UNIT_BASE + i * CACHE_PAGE_SIZE, page, 1,
                             &unit_error));
  }
  CHECK_OK(cache_put_record(writer, 3, mark, sizeof(mark), &unit_error));
  CHECK_OK(cache_commit(writer, NULL, &unit_error));
}

/* Whether a file of the application holds the text. */
static bool is_in_files(const char *application, const void *text,
                        size_t length) {
  char path[512];
  bool found = false;
  snprintf(path, sizeof(path), "%s/%s", unit_path("cache"), application);
  DIR *directory = opendir(path);
  CHECK(directory);
  for (struct dirent *entry; (entry = readdir(directory));) {
    char file[1024];
    snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
    if (entry->d_type != DT_REG)
      continue;
    unsigned char *bytes;
    size_t size = unit_read_file(file, &bytes);
    found |= memmem(bytes, size, text, length) != NULL;
    free(bytes);
  }
  closedir(directory);
  return found;
}

/* Their addresses, and the hashes of their pages, are in them otherwise. */
static void nothing_is_there(void) {
  uint64_t address = UNIT_BASE;
  CHECK(!is_in_files(name, mark, sizeof(mark) - 1));
  CHECK(!is_in_files(name, &address, sizeof(address)));
  struct cache *cache = open_with(NULL, false);
  CHECK_OK(cache_use_application(cache, "open", &unit_error));
  unit_seed(1);
  write_generation(cache, "open", 0, 100, true);
  CHECK(is_in_files("open", mark, sizeof(mark) - 1));
  CHECK(is_in_files("open", &address, sizeof(address)));
  cache_close(cache);
}

static int read_all(const struct cache_key *key, bool only, uint64_t number) {
  struct cache *cache = open_with(key, only);
  memset(&unit_error, 0, sizeof(unit_error));
  int result = cache_check(cache, name, number, &unit_error);
  int verified = cache_verify(cache, name, number, NULL);
  CHECK((result == 0) == (verified == 0));
  cache_close(cache);
  return result;
}

static void without_the_key(void) {
  struct cache *cache = open_with(NULL, false);
  struct cache_write_options options = {1, 1};
  struct cache_writer *writer;
  CHECK_ERROR(read_all(NULL, false, 1), KEY_NEEDED);
  CHECK_ERROR(cache_begin(cache, name, &options, &writer, &unit_error),
              KEY_NEEDED);
  cache_close(cache);
  CHECK_ERROR(read_all(&other_key, false, 1), KEY_WRONG);
  cache = open_with(&other_key, false);
  CHECK_ERROR(cache_begin(cache, name, &options, &writer, &unit_error),
              KEY_WRONG);
  CHECK_ERROR(cache_use_application(cache, name, &unit_error), KEY_WRONG);
  cache_close(cache);
  CHECK(read_all(&unit_key, true, 1) == 0);
}

static int count(const struct cache_generation *generation, int damage,
                 void *context) {
  CHECK(damage == 0 && generation->encrypted && generation->pages == 130);
  (*(unsigned *)context)++;
  return 0;
}

/* What headers and commit records say is told without it. */
static void listed(void) {
  struct cache *cache = open_with(NULL, false);
  unsigned counted = 0;
  CHECK_OK(cache_each_generation(cache, name, count, &counted, &unit_error));
  CHECK(counted == 2);
  cache_close(cache);
}

/* ---- changed by somebody who knows the format ---- */

struct forged {
  unsigned char *bytes;
  size_t length;
  struct format_tag tag; /* of the commit record */
  unsigned char *message;
  CacheCommit commit;
};

static const char *generation_file(uint64_t number) {
  char file[64];
  snprintf(file, sizeof(file), "cache/%s/g%010llu.ckpt", name,
           (unsigned long long)number);
  return unit_path(file);
}

static void open_file(struct forged *forged, uint64_t number) {
  forged->length = unit_read_file(generation_file(number), &forged->bytes);
  unsigned char *tag = forged->bytes + forged->length - sizeof(forged->tag);
  memcpy(&forged->tag, tag, sizeof(forged->tag));
  forged->message = tag - forged->tag.length;
  CHECK(format_decode_commit(&forged->commit, forged->message,
                             forged->tag.length));
}

/* With all checksums right. */
static void put_back(struct forged *forged, uint64_t number) {
  CacheCommit *commit = &forged->commit;
  commit->index_checksum = format_hash(
      forged->bytes + commit->index_offset,
      (size_t)(forged->message - forged->bytes) - commit->index_offset -
          (commit->hashes ? commit->hashes * 16 + CIPHER_MORE : 0));
  unsigned char message[FORMAT_MESSAGE_MAX];
  CHECK(format_encode_commit(commit, message) == forged->tag.length);
  memcpy(forged->message, message, forged->tag.length);
  format_seal(&forged->tag, FORMAT_MAGIC_COMMIT, message, forged->tag.length);
  memcpy(forged->message + forged->tag.length, &forged->tag,
         sizeof(forged->tag));
  unit_write_file(generation_file(number), forged->bytes, forged->length);
  free(forged->bytes);
}

static void forged(void) {
  struct forged file;
  unsigned char *before;
  size_t length = unit_read_file(generation_file(2), &before);
  /* The index. */
  open_file(&file, 2);
  file.bytes[file.commit.index_offset + 30] ^= 1;
  put_back(&file, 2);
  CHECK_ERROR(read_all(&unit_key, true, 2), CACHE_FORGED);
  unit_write_file(generation_file(2), before, length);
  /* The commit record. */
  open_file(&file, 2);
  file.commit.put_pages ^= 1;
  put_back(&file, 2);
  CHECK_ERROR(read_all(&unit_key, true, 2), CACHE_FORGED);
  unit_write_file(generation_file(2), before, length);
  /* The header: another parent. */
  open_file(&file, 2);
  struct format_tag *tag = (void *)file.bytes;
  CacheHeader header;
  unsigned char message[FORMAT_MESSAGE_MAX];
  CHECK(format_decode_header(&header, (unsigned char *)(tag + 1), tag->length));
  header.parent_commit ^= 1;
  CHECK(format_encode_header(&header, message) == tag->length);
  memcpy(tag + 1, message, tag->length);
  format_seal(tag, FORMAT_MAGIC_HEADER, message, tag->length);
  file.commit.header_checksum = tag->checksum;
  put_back(&file, 2);
  CHECK_ERROR(read_all(&unit_key, true, 2), CACHE_FORGED);
  unit_write_file(generation_file(2), before, length);
  CHECK(read_all(&unit_key, true, 2) == 0);
  free(before);
}

/* A frame of the segment in the place of another, where it opens as well: the
 * index tells. */
static void exchanged(void) {
  const size_t frame = FORMAT_FRAME_BYTES + CIPHER_MORE;
  char segment[512];
  unsigned char *bytes, *changed;
  snprintf(segment, sizeof(segment), "%s",
           unit_path("cache/secret/s0000000001.seg"));
  size_t length = unit_read_file(segment, &bytes);
  CHECK(length > 4096 + 2 * frame && (changed = malloc(length)));
  memcpy(changed, bytes, length);
  memcpy(changed + 4096, bytes + 4096 + frame, frame);
  memcpy(changed + 4096 + frame, bytes + 4096, frame);
  unit_write_file(segment, changed, length);
  free(changed);
  CHECK_ERROR(read_all(&unit_key, true, 1), CACHE_DAMAGED);
  unit_write_file(segment, bytes, length);
  CHECK(read_all(&unit_key, true, 1) == 0);
  free(bytes);
}

/* A generation that is whole and not encrypted is not one of an application
 * that is, nor is an application taken for one. */
static void not_mixed(void) {
  unsigned char *before, *foreign;
  size_t length = unit_read_file(generation_file(2), &before);
  struct cache *cache = open_with(NULL, false);
  char away[512], here[512];
  snprintf(away, sizeof(away), "%s", unit_path("cache/away"));
  snprintf(here, sizeof(here), "%s", unit_path("cache/secret"));
  CHECK(rename(here, away) == 0);
  CHECK_OK(cache_use_application(cache, name, &unit_error));
  write_generation(cache, name, 0, 3, true);
  write_generation(cache, name, 1, 3, true);
  cache_close(cache);
  size_t foreign_length = unit_read_file(generation_file(2), &foreign);
  CHECK_ERROR(read_all(&unit_key, true, 2), NOT_ENCRYPTED);
  CHECK(read_all(&unit_key, false, 2) == 0);
  cache = open_with(&unit_key, true);
  CHECK_ERROR(cache_use_application(cache, name, &unit_error), KEY_TOO_LATE);
  cache_close(cache);
  unit_remove_tree(here);
  CHECK(rename(away, here) == 0);
  unit_write_file(generation_file(2), foreign, foreign_length);
  CHECK_ERROR(read_all(&unit_key, true, 2), CACHE_FORGED);
  CHECK_ERROR(read_all(&unit_key, false, 2), CACHE_FORGED);
  unit_write_file(generation_file(2), before, length);
  free(before);
  free(foreign);
}

static void key_lost(void) {
  char file[512], away[512];
  unsigned char *bytes;
  snprintf(file, sizeof(file), "%s", unit_path("cache/secret/key"));
  snprintf(away, sizeof(away), "%s", unit_path("away"));
  CHECK(rename(file, away) == 0);
  CHECK_ERROR(read_all(&unit_key, false, 1), KEY_MISSING);
  CHECK_ERROR(read_all(&unit_key, true, 1), NOT_ENCRYPTED);
  CHECK(rename(away, file) == 0);
  size_t length = unit_read_file(file, &bytes);
  bytes[length - 1] ^= 1;
  unit_write_file(file, bytes, length);
  CHECK_ERROR(read_all(&unit_key, true, 1), CACHE_DAMAGED);
  unit_write_file(file, bytes, length - 1);
  CHECK_ERROR(read_all(&unit_key, true, 1), CACHE_DAMAGED);
  bytes[length - 1] ^= 1;
  unit_write_file(file, bytes, length);
  CHECK(read_all(&unit_key, true, 1) == 0);
  free(bytes);
}

static void another_key(void) {
  struct cache *cache = open_with(&unit_key, true);
  struct cache_write_options options = {2, 1};
  struct cache_writer *writer;
  bool encrypted;
  CHECK_OK(cache_begin(cache, name, &options, &writer, &unit_error));
  CHECK_ERROR(cache_rekey(cache, name, &other_key, &unit_error), CACHE_BUSY);
  cache_abort(writer);
  CHECK_OK(cache_rekey(cache, name, &other_key, &unit_error));
  CHECK_ERROR(cache_rekey(cache, "open", &other_key, &unit_error),
              NOT_ENCRYPTED);
  CHECK_OK(cache_is_encrypted(cache, name, &encrypted, &unit_error));
  CHECK(encrypted);
  CHECK_OK(cache_is_encrypted(cache, "open", &encrypted, &unit_error));
  CHECK(!encrypted);
  cache_close(cache);
  CHECK_ERROR(read_all(&unit_key, true, 1), KEY_WRONG);
  CHECK(read_all(&other_key, true, 1) == 0);
  cache = open_with(&other_key, true);
  write_generation(cache, name, 2, 50, false);
  cache_close(cache);
  CHECK(read_all(&other_key, true, 3) == 0);
}

int main(void) {
  int descriptors = unit_descriptors();
  struct cache *cache = open_with(&unit_key, true);
  unit_seed(1);
  CHECK_OK(cache_use_application(cache, name, &unit_error));
  write_generation(cache, name, 0, 130, true);
  write_generation(cache, name, 1, 130, false);
  cache_close(cache);
  nothing_is_there();
  listed();
  without_the_key();
  forged();
  exchanged();
  not_mixed();
  key_lost();
  another_key();
  CHECK(unit_mapped() == 0);
  CHECK(unit_descriptors() == descriptors);
  return 0;
}
