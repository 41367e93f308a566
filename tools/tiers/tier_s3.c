/* tier_s3.c - a tier that is a bucket of an object storage:
 * s3://BUCKET/PREFIX/APPLICATION/FILE.
 *
 * A file of one part is one request. A longer one is an upload in parts: one
 * that was begun for the same key is gone on with, and parts that are there
 * (the storage tells their MD5) are not sent again. An upload that has expired,
 * or was ended by somebody else, is begun anew.
 */
#include "digest.h"
#include "s3_request.h"
#include "s3_text.h"

#include "runtime/cache/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART ((size_t)8 << 20)
#define PARTS_MAX 10000 /* of one upload: 78 GiB */
#define UPLOAD_MAX 1024
#define HTTP_NOT_FOUND 404
#define HTTP_RANGE 416
#define KEY_BYTES (CACHE_NAME_MAX + TIER_FILE_MAX)

struct storage {
  struct s3_client *client;
  struct tier_pace *pace;
  char *answer; /* S3_ANSWER_MAX bytes, for texts */
};

struct put {
  struct storage *of;
  char key[KEY_BYTES], upload[UPLOAD_MAX]; /* id; "": none yet */
  unsigned parts;                          /* that were put */
  bool looked;                             /* for an upload that was begun */
  char (*there)[DIGEST_MD5_TEXT];          /* of parts from an earlier time */
  char (*etags)[S3_ETAG_MAX];              /* of those that are put */
  unsigned char *first;                    /* kept until there is a second */
  size_t first_length;
};

struct get {
  struct storage *of;
  char key[KEY_BYTES];
};

static int no_memory(struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, "object storage", "%s",
                     "");
}

static int open_storage(const char *name, bool create, struct tier_pace *pace,
                        void **self, struct hwckpt_error *error) {
  struct storage *storage = calloc(1, sizeof *storage);
  (void)create;
  if (!storage || !(storage->answer = malloc(S3_ANSWER_MAX))) {
    free(storage);
    return no_memory(error);
  }
  storage->pace = pace;
  int failed = s3_client_open(name, pace, &storage->client, error);
  if (failed) {
    free(storage->answer);
    free(storage);
  } else
    *self = storage;
  return failed;
}

static void close_storage(void *self) {
  struct storage *storage = self;
  s3_client_close(storage->client);
  free(storage->answer);
  free(storage);
}

/* Asks for a text. */
static int ask(struct storage *storage, struct s3_request *request, long absent,
               struct hwckpt_error *error) {
  request->answer = storage->answer;
  request->room = S3_ANSWER_MAX;
  return s3_do(storage->client, request, absent, error);
}

/* ---- listing ---- */

static int goes_round(const char *what, struct hwckpt_error *error) {
  return hwckpt_fail(error, HWCKPT_E_S3_REFUSED, 0, what,
                     "its list does not end: it says the same again");
}

struct listing {
  const char *prefix;
  tier_visit_fn *visit;
  void *context;
};

/* PREFIX/APPLICATION/FILE; other keys are none of ours. */
static int take_object(const char *begin, const char *end, void *context) {
  const struct listing *listing = context;
  char key[2048], size[32];
  size_t prefix = strlen(listing->prefix);
  if (!s3_element(begin, end, "Key", key, sizeof key) ||
      !s3_element(begin, end, "Size", size, sizeof size) ||
      strncmp(key, listing->prefix, prefix) != 0)
    return 0;
  char *application = key + prefix, *slash = strchr(application, '/');
  if (!slash)
    return 0;
  *slash = 0;
  if (!format_valid_application(application) || strchr(slash + 1, '/') ||
      strlen(slash + 1) >= TIER_FILE_MAX)
    return 0;
  return listing->visit(application, slash + 1, strtoull(size, NULL, 10),
                        listing->context);
}

static int each(void *self, const char *application, tier_visit_fn *visit,
                void *context, struct hwckpt_error *error) {
  struct storage *storage = self;
  const char *own = s3_prefix(storage->client);
  const struct listing listing = {own, visit, context};
  char prefix[2048], encoded[3 * sizeof prefix],
      token[1024] = "", encoded_token[3 * sizeof token],
      query[4 * sizeof encoded];
  struct s3_rounds rounds = {.next = 0};
  int result = 0;
  snprintf(prefix, sizeof prefix, "%s%s%s", own, application ? application : "",
           application ? "/" : "");
  do {
    if (!s3_encode(prefix, true, encoded, sizeof encoded) ||
        !s3_encode(token, true, encoded_token, sizeof encoded_token))
      return hwckpt_fail(error, HWCKPT_E_TIER_IO, 0, prefix, "too long");
    snprintf(query, sizeof query, "%s%s%slist-type=2&prefix=%s",
             *token ? "continuation-token=" : "", encoded_token,
             *token ? "&" : "", encoded);
    struct s3_request request = {.method = "GET", .query = query};
    result = ask(storage, &request, 0, error);
    if (!result)
      result = s3_each_element(storage->answer, "Contents", take_object,
                               (void *)&listing);
    if (!result && !s3_element(storage->answer, NULL, "NextContinuationToken",
                               token, sizeof token))
      return 0;
    if (!result && s3_goes_round(&rounds, token))
      result = goes_round(own, error);
  } while (!result);
  return result;
}

static bool make_key(char key[KEY_BYTES], const char *application,
                     const char *file) {
  return snprintf(key, KEY_BYTES, "%s/%s", application, file) < KEY_BYTES;
}

static int remove_object(void *self, const char *application, const char *file,
                         struct hwckpt_error *error) {
  struct storage *storage = self;
  char key[KEY_BYTES];
  struct s3_request request = {.method = "DELETE", .key = key};
  return make_key(key, application, file)
             ? ask(storage, &request, HTTP_NOT_FOUND, error)
             : 0;
}

/* ---- an upload in parts ---- */

static int take_part(const char *begin, const char *end, void *context) {
  struct put *put = context;
  char number[16], etag[S3_ETAG_MAX];
  if (!s3_element(begin, end, "PartNumber", number, sizeof number) ||
      !s3_element(begin, end, "ETag", etag, sizeof etag))
    return 0;
  unsigned long part = strtoul(number, NULL, 10);
  size_t skip = strcspn(etag, "0123456789abcdef");
  if (part && part <= PARTS_MAX)
    snprintf(put->there[part - 1], DIGEST_MD5_TEXT, "%.*s", DIGEST_MD5_TEXT - 1,
             etag + skip);
  return 0;
}

/* What the upload has. It may be gone by now. */
static int list_parts(struct put *put, struct hwckpt_error *error) {
  char id[3 * UPLOAD_MAX], query[4 * UPLOAD_MAX], marker[16] = "";
  struct s3_rounds rounds = {.next = 0};
  int failed = 0;
  s3_encode(put->upload, true, id, sizeof id);
  do {
    snprintf(query, sizeof query, "%s%s%suploadId=%s",
             *marker ? "part-number-marker=" : "", marker, *marker ? "&" : "",
             id);
    struct s3_request request = {
        .method = "GET", .key = put->key, .query = query};
    failed = ask(put->of, &request, HTTP_NOT_FOUND, error);
    if (request.status == HTTP_NOT_FOUND)
      put->upload[0] = 0;
    else if (!failed)
      s3_each_element(put->of->answer, "Part", take_part, put);
    if (failed || !*put->upload ||
        !strstr(put->of->answer, "<IsTruncated>true") ||
        !s3_element(put->of->answer, NULL, "NextPartNumberMarker", marker,
                    sizeof marker) ||
        marker[strspn(marker, "0123456789")])
      break;
    if (s3_goes_round(&rounds, marker))
      failed = goes_round(put->key, error);
  } while (!failed);
  return failed;
}

struct finding {
  char key[2048], upload[UPLOAD_MAX];
};

static int take_upload(const char *begin, const char *end, void *context) {
  struct finding *finding = context;
  char key[sizeof finding->key];
  if (s3_element(begin, end, "Key", key, sizeof key) &&
      !strcmp(key, finding->key))
    s3_element(begin, end, "UploadId", finding->upload, sizeof finding->upload);
  return 0;
}

/* One that was begun for the key, and what it has. */
static int find_upload(struct put *put, struct hwckpt_error *error) {
  struct finding finding = {.upload = ""};
  char encoded[3 * sizeof finding.key], query[4 * sizeof finding.key];
  put->looked = true;
  snprintf(finding.key, sizeof finding.key, "%s%s", s3_prefix(put->of->client),
           put->key);
  if (!s3_encode(finding.key, true, encoded, sizeof encoded))
    return 0;
  snprintf(query, sizeof query, "prefix=%s&uploads=", encoded);
  struct s3_request request = {.method = "GET", .query = query};
  int failed = ask(put->of, &request, 0, error);
  if (failed)
    return failed;
  s3_each_element(put->of->answer, "Upload", take_upload, &finding);
  memcpy(put->upload, finding.upload, sizeof put->upload);
  return *put->upload ? list_parts(put, error) : 0;
}

static int begin_upload(struct put *put, struct hwckpt_error *error) {
  struct s3_request request = {
      .method = "POST", .key = put->key, .query = "uploads="};
  int failed = ask(put->of, &request, 0, error);
  if (!failed && !s3_element(put->of->answer, NULL, "UploadId", put->upload,
                             sizeof put->upload))
    failed = hwckpt_fail(error, HWCKPT_E_S3_REFUSED, 0, put->key,
                         "it gave no id for an upload");
  memset(put->there, 0, PARTS_MAX * sizeof *put->there);
  return failed;
}

static int open_upload(struct put *put, struct hwckpt_error *error) {
  int failed = put->looked ? 0 : find_upload(put, error);
  return failed || *put->upload ? failed : begin_upload(put, error);
}

/* Sends a part; *gone: the upload is not there any more. */
static int send_part(struct put *put, const void *data, size_t length,
                     bool *gone, struct hwckpt_error *error) {
  char id[3 * UPLOAD_MAX], query[4 * UPLOAD_MAX], md5[DIGEST_MD5_TEXT];
  struct s3_request request = {.method = "PUT",
                               .key = put->key,
                               .query = query,
                               .body = data,
                               .length = length};
  *gone = false;
  digest_md5(data, length, md5);
  if (!strcmp(md5, put->there[put->parts])) {
    memcpy(put->etags[put->parts], md5, sizeof md5);
    return 0;
  }
  s3_encode(put->upload, true, id, sizeof id);
  snprintf(query, sizeof query, "partNumber=%u&uploadId=%s", put->parts + 1,
           id);
  tier_pace_wait(put->of->pace, length);
  int failed = s3_do(put->of->client, &request, HTTP_NOT_FOUND, error);
  *gone = !failed && request.status == HTTP_NOT_FOUND;
  memcpy(put->etags[put->parts], request.etag, S3_ETAG_MAX);
  return failed;
}

/* HWCKPT_E_S3_EXPIRED: who puts begins again. */
static int put_one(struct put *put, const void *data, size_t length,
                   struct hwckpt_error *error) {
  bool gone = false;
  if (put->parts == PARTS_MAX)
    return hwckpt_fail(error, HWCKPT_E_S3_REFUSED, 0, put->key,
                       "more than %d parts", PARTS_MAX);
  int failed = open_upload(put, error);
  if (!failed)
    failed = send_part(put, data, length, &gone, error);
  if (gone)
    failed = hwckpt_fail(error, HWCKPT_E_S3_EXPIRED, 0, put->key, "at part %u",
                         put->parts + 1);
  put->parts++;
  return failed;
}

static int complete(struct put *put, struct hwckpt_error *error) {
  char id[3 * UPLOAD_MAX], query[4 * UPLOAD_MAX];
  size_t room = (size_t)put->parts * (S3_ETAG_MAX + 80) + 128, used = 0;
  char *body = malloc(room);
  if (!body)
    return no_memory(error);
  used += (size_t)snprintf(body, room, "<CompleteMultipartUpload>");
  for (unsigned i = 0; i < put->parts; i++)
    used += (size_t)snprintf(body + used, room - used,
                             "<Part><PartNumber>%u</PartNumber>"
                             "<ETag>\"%s\"</ETag></Part>",
                             i + 1, put->etags[i]);
  used +=
      (size_t)snprintf(body + used, room - used, "</CompleteMultipartUpload>");
  s3_encode(put->upload, true, id, sizeof id);
  snprintf(query, sizeof query, "uploadId=%s", id);
  struct s3_request request = {.method = "POST",
                               .key = put->key,
                               .query = query,
                               .body = body,
                               .length = used};
  int failed = ask(put->of, &request, HTTP_NOT_FOUND, error);
  if (!failed && request.status == HTTP_NOT_FOUND)
    failed = hwckpt_fail(error, HWCKPT_E_S3_EXPIRED, 0, put->key,
                         "when it was to be ended");
  free(body);
  return failed;
}

/* ---- putting ---- */

static int put_begin(void *self, const char *application, const char *file,
                     void **result, struct hwckpt_error *error) {
  struct put *put = calloc(1, sizeof *put);
  if (put) {
    put->there = calloc(PARTS_MAX, sizeof *put->there);
    put->etags = calloc(PARTS_MAX, sizeof *put->etags);
    put->first = malloc(PART);
  }
  *result = put;
  if (put && put->there && put->etags && put->first &&
      make_key(put->key, application, file)) {
    put->of = self;
    return 0;
  }
  if (put) {
    free(put->there);
    free(put->etags);
    free(put->first);
  }
  free(put);
  return no_memory(error);
}

static int put_part(void *context, uint64_t offset, const void *data,
                    size_t length, struct hwckpt_error *error) {
  struct put *put = context;
  int failed = 0;
  if (!offset) {
    memcpy(put->first, data, length);
    put->first_length = length;
    return 0;
  }
  if (!put->parts)
    failed = put_one(put, put->first, put->first_length, error);
  return failed ? failed : put_one(put, data, length, error);
}

static int put_whole(struct put *put, struct hwckpt_error *error) {
  struct s3_request request = {.method = "PUT",
                               .key = put->key,
                               .body = put->first,
                               .length = put->first_length};
  tier_pace_wait(put->of->pace, put->first_length);
  return s3_do(put->of->client, &request, 0, error);
}

static int put_end(void *context, uint64_t length, bool failed,
                   struct hwckpt_error *error) {
  struct put *put = context;
  int result = 0;
  (void)length;
  if (!failed)
    result = put->parts ? complete(put, error) : put_whole(put, error);
  free(put->there);
  free(put->etags);
  free(put->first);
  free(put);
  return result;
}

/* ---- getting ---- */

static int get_begin(void *self, const char *application, const char *file,
                     void **result, struct hwckpt_error *error) {
  struct get *get = calloc(1, sizeof *get);
  if (!get || !make_key(get->key, application, file)) {
    free(get);
    return no_memory(error);
  }
  get->of = self;
  *result = get;
  return 0;
}

static int get_part(void *context, uint64_t offset, void *data, size_t length,
                    size_t *got, struct hwckpt_error *error) {
  struct get *get = context;
  struct s3_request request = {.method = "GET",
                               .key = get->key,
                               .ranged = true,
                               .from = offset,
                               .answer = data,
                               .room = length};
  int failed = s3_do(get->of->client, &request, HTTP_RANGE, error);
  *got = failed || request.status == HTTP_RANGE ? 0 : request.got;
  return failed;
}

static void get_end(void *context) { free(context); }

const struct tier_kind tier_s3 = {
    .part = PART,
    .open = open_storage,
    .close = close_storage,
    .each = each,
    .remove = remove_object,
    .put_begin = put_begin,
    .put_part = put_part,
    .put_end = put_end,
    .get_begin = get_begin,
    .get_part = get_part,
    .get_end = get_end,
};
