/* s3_request.c - one request to an object storage.
 *
 * libcurl 7.88 signs with CURLOPT_AWS_SIGV4, but for what is done here: the
 * digest of the body is sent along (x-amz-content-sha256), the query is sorted
 * and percent-encoded as the signature has it, a name without value has its
 * '='; and no header is taken out ("Expect:"), for it would be signed. */
#include "s3_request.h"

#include "credentials.h"
#include "digest.h"
#include "s3_refusal.h"
#include "s3_text.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include <ctype.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#define CURL_LIBRARY "libcurl.so.4"
#define KEY_MAX 1024
#define TRIES 7 /* 0.1 s, then twice as long each time: 6.3 s */
#define FIRST_PAUSE_MS 100L
#define CONNECT_SHARE 3 /* of the patience, until there is a connection */
#define WAITS_MOST 2    /* times the patience that all tries wait for nothing */
#define CURL_PIECE 65536u /* that libcurl sends at once, at any rate */
#define SECOND UINT64_C(1000000000)
#define HTTP_NOT_FOUND 404
#define HTTP_TOO_MANY 429
#define HTTP_SERVER 500
#define HTTP_NOT_IMPLEMENTED 501

/* What is used of libcurl. */
#define CURL_FUNCTIONS(DO)                                                     \
  DO(curl_global_init)                                                         \
  DO(curl_easy_init)                                                           \
  DO(curl_easy_setopt)                                                         \
  DO(curl_easy_perform)                                                        \
  DO(curl_easy_getinfo)                                                        \
  DO(curl_easy_cleanup)                                                        \
  DO(curl_easy_strerror)                                                       \
  DO(curl_easy_reset)                                                          \
  DO(curl_slist_append)                                                        \
  DO(curl_slist_free_all)

#undef curl_easy_setopt
#undef curl_easy_getinfo
struct library {
#define DO(name) __typeof__(name) *name;
  CURL_FUNCTIONS(DO)
#undef DO
};

struct s3_client {
  struct library curl;
  void *handle;
  CURL *easy;
  struct credentials credentials;
  char bucket[CREDENTIAL_MAX], prefix[KEY_MAX];
  char name[KEY_MAX + CREDENTIAL_MAX]; /* as given */
  struct tier_pace *pace;
  /* Of the last try: */
  struct s3_refusal refusal;
  char said[CURL_ERROR_SIZE]; /* by libcurl */
  uint64_t waited_ns;         /* for nothing */
};

/* ---- opening ---- */

static int load_library(struct s3_client *client, struct hwckpt_error *error) {
  static const char *const names[] = {
#define DO(name) #name,
      CURL_FUNCTIONS(DO)
#undef DO
  };
  void **functions = (void **)&client->curl;
  client->handle = dlopen(CURL_LIBRARY, RTLD_NOW | RTLD_LOCAL);
  bool whole = client->handle != NULL;
  for (size_t i = 0; whole && i < sizeof names / sizeof *names; i++)
    whole = (functions[i] = dlsym(client->handle, names[i])) != NULL;
  if (!whole)
    return hwckpt_fail(error, HWCKPT_E_S3_LIBRARY, 0, CURL_LIBRARY, "%s",
                       dlerror());
  client->curl.curl_global_init(CURL_GLOBAL_DEFAULT);
  client->easy = client->curl.curl_easy_init();
  return client->easy ? 0
                      : hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0,
                                    CURL_LIBRARY, "%s", "");
}

/* "." and "..", which libraries and servers take out of a path, or not. */
static bool has_dots(const char *path) {
  for (const char *at = path; *at; at += strspn(at, "/")) {
    size_t length = strcspn(at, "/");
    if (length <= 2 && length && strspn(at, ".") >= length)
      return true;
    at += length;
  }
  return false;
}

static int read_name(struct s3_client *client, const char *name,
                     struct hwckpt_error *error) {
  const char *bucket = name + strlen("s3://");
  size_t length = strcspn(bucket, "/");
  const char *prefix = bucket + length + strspn(bucket + length, "/");
  snprintf(client->name, sizeof client->name, "%s", name);
  if (!length || length >= sizeof client->bucket ||
      strlen(prefix) + 2 >
          sizeof client->prefix - CACHE_NAME_MAX - TIER_FILE_MAX ||
      strspn(bucket, "abcdefghijklmnopqrstuvwxyz"
                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") < length ||
      has_dots(bucket))
    return hwckpt_fail(error, HWCKPT_E_TIER_IO, 0, name,
                       "it is to be s3://BUCKET or s3://BUCKET/PREFIX, without "
                       "'.' and '..' in its path");
  memcpy(client->bucket, bucket, length);
  snprintf(client->prefix, sizeof client->prefix, "%s", prefix);
  length = strlen(client->prefix);
  if (length && client->prefix[length - 1] != '/')
    snprintf(client->prefix + length, sizeof client->prefix - length, "/");
  return 0;
}

int s3_client_open(const char *name, struct tier_pace *pace,
                   struct s3_client **result, struct hwckpt_error *error) {
  /* Pages of its own, which a core leaves out; libcurl has copies, so there is
   * to be none at all. */
  struct s3_client *client = mmap(NULL, sizeof *client, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (client == MAP_FAILED)
    return hwckpt_fail(error, HWCKPT_E_RESTORE_MEMORY, 0, name, "%s", "");
  madvise(client, sizeof *client, MADV_DONTDUMP);
  prctl(PR_SET_DUMPABLE, 0);
  client->pace = pace;
  int failed = read_name(client, name, error);
  if (!failed)
    failed = credentials_read(&client->credentials, error);
  if (!failed)
    failed = load_library(client, error);
  if (failed)
    s3_client_close(client);
  else
    *result = client;
  return failed;
}

void s3_client_close(struct s3_client *client) {
  if (client->easy)
    client->curl.curl_easy_cleanup(client->easy);
  /* The library stays: it may have made threads and handlers of its own. */
  explicit_bzero(client, sizeof *client);
  munmap(client, sizeof *client);
}

const char *s3_prefix(const struct s3_client *client) { return client->prefix; }
const char *s3_bucket(const struct s3_client *client) { return client->bucket; }

/* ---- one try ---- */

/* What the body of a refusal, or of what nobody reads, may have. */
#define BODY_MAX ((size_t)1 << 20)

/* One try: what it sends, what of the answer is no use but to say why, and
 * since when nothing moved. */
struct trial {
  struct s3_client *client;
  struct s3_request *request;
  size_t sent, dropped;
  curl_off_t passed;   /* bytes, as libcurl counts them */
  uint64_t moved_ns;   /* when something did */
  uint64_t waited_ns;  /* before, by the second */
  uint64_t stalled_ns; /* for that long: it was given up */
};

static void moved(struct trial *trial) {
  uint64_t now = tier_now_ns(), waited = now - trial->moved_ns;
  trial->waited_ns += waited > SECOND ? waited : 0;
  trial->moved_ns = now;
  trial->client->pace->moved_ns = now;
}

/* libcurl calls it at least once a second. It stops when nothing moves; what is
 * sent slowly at the user's wish may take its time. */
static int watch(void *context, curl_off_t total, curl_off_t got,
                 curl_off_t all, curl_off_t sent) {
  struct trial *trial = context;
  struct tier_pace *pace = trial->client->pace;
  uint64_t most = pace->patience_ns;
  (void)total;
  (void)all;
  if (got + sent != trial->passed)
    moved(trial);
  trial->passed = got + sent;
  if (pace->rate)
    most += CURL_PIECE * SECOND / pace->rate;
  if (tier_now_ns() - trial->moved_ns < most)
    return 0;
  trial->stalled_ns = most;
  return 1;
}

static size_t take_refusal(struct trial *trial, const char *data,
                           size_t length) {
  s3_refusal_add(&trial->client->refusal, data, length);
  trial->dropped += length;
  return trial->dropped > BODY_MAX ? 0 : length;
}

static size_t take_answer(char *data, size_t one, size_t count, void *context) {
  struct trial *trial = context;
  struct s3_request *request = trial->request;
  size_t length = one * count;
  size_t room = request->room - (request->ranged ? 0 : 1);
  moved(trial);
  if (request->status / 100 != 2 || !request->answer)
    return take_refusal(trial, data, length);
  if (length > room - request->got)
    return 0; /* more than was asked for */
  memcpy(request->answer + request->got, data, length);
  request->got += length;
  return length;
}

static size_t take_header(char *data, size_t one, size_t count, void *context) {
  struct trial *trial = context;
  struct s3_request *request = trial->request;
  static const char name[] = "etag:";
  size_t length = one * count, used = 0;
  char line[16];
  moved(trial);
  s3_refusal_header(&trial->client->refusal, data, length);
  if (length > 5 && !memcmp(data, "HTTP/", 5)) {
    snprintf(line, sizeof line, "%.*s", (int)length, data);
    request->status = strtol(line + strcspn(line, " "), NULL, 10);
  }
  if (length > sizeof name && !strncasecmp(data, name, sizeof name - 1))
    for (size_t i = sizeof name - 1;
         i < length && used + 1 < sizeof request->etag; i++)
      if (isxdigit((unsigned char)data[i]) || data[i] == '-')
        request->etag[used++] = data[i];
  request->etag[used ? used : strlen(request->etag)] = 0;
  return length;
}

static size_t give_body(char *room, size_t one, size_t count, void *context) {
  struct trial *trial = context;
  size_t length = trial->request->length - trial->sent;
  length = length < one * count ? length : one * count;
  if (length)
    memcpy(room, (const char *)trial->request->body + trial->sent, length);
  trial->sent += length;
  moved(trial);
  return length;
}

/* After a redirection, or on a connection that was closed meanwhile. */
static int seek_body(void *context, curl_off_t offset, int origin) {
  struct trial *trial = context;
  if (origin != SEEK_SET)
    return CURL_SEEKFUNC_CANTSEEK;
  trial->sent = (size_t)offset;
  return CURL_SEEKFUNC_OK;
}

static bool write_url(const struct s3_client *client,
                      const struct s3_request *request, char *url,
                      size_t size) {
  char key[3 * KEY_MAX] = "", joined[KEY_MAX];
  if (request->key) {
    int length =
        snprintf(joined, sizeof joined, "%s%s", client->prefix, request->key);
    if (length >= (int)sizeof joined ||
        !s3_encode(joined, false, key, sizeof key))
      return false;
  }
  return snprintf(url, size, "%s/%s%s%s%s%s", client->credentials.endpoint,
                  client->bucket, request->key ? "/" : "", key,
                  request->query ? "?" : "",
                  request->query ? request->query : "") < (int)size;
}

static struct curl_slist *make_headers(const struct s3_client *client,
                                       const struct s3_request *request) {
  const struct library *curl = &client->curl;
  char line[TOKEN_MAX + 64], digest[DIGEST_SHA256_TEXT];
  digest_sha256(request->body ? request->body : "", request->length, digest);
  snprintf(line, sizeof line, "x-amz-content-sha256: %s", digest);
  struct curl_slist *headers = curl->curl_slist_append(NULL, line);
  if (*client->credentials.token) {
    snprintf(line, sizeof line, "x-amz-security-token: %s",
             client->credentials.token);
    headers = curl->curl_slist_append(headers, line);
  }
  explicit_bzero(line, sizeof line);
  return curl->curl_slist_append(headers,
                                 "Content-Type: application/octet-stream");
}

static void set_body(const struct s3_client *client, struct trial *trial) {
  const struct library *curl = &client->curl;
  const struct s3_request *request = trial->request;
  bool put = !strcmp(request->method, "PUT");
  if (!put && strcmp(request->method, "POST") != 0)
    return;
  curl->curl_easy_setopt(client->easy, put ? CURLOPT_UPLOAD : CURLOPT_POST, 1L);
  curl->curl_easy_setopt(client->easy, CURLOPT_READFUNCTION, give_body);
  curl->curl_easy_setopt(client->easy, CURLOPT_READDATA, trial);
  curl->curl_easy_setopt(client->easy, CURLOPT_SEEKFUNCTION, seek_body);
  curl->curl_easy_setopt(client->easy, CURLOPT_SEEKDATA, trial);
  curl->curl_easy_setopt(client->easy,
                         put ? CURLOPT_INFILESIZE_LARGE
                             : CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)request->length);
}

static void set_up(struct s3_client *client, struct trial *trial,
                   struct s3_request *request, const char *url,
                   struct curl_slist *headers) {
  const struct library *curl = &client->curl;
  const struct credentials *who = &client->credentials;
  char provider[128], range[64];
  snprintf(provider, sizeof provider, "aws:amz:%s:s3", who->region);
  snprintf(range, sizeof range, "%llu-%llu", (unsigned long long)request->from,
           (unsigned long long)request->from + request->room - 1);
  curl->curl_easy_reset(client->easy);
  const struct {
    CURLoption name;
    const void *value;
  } pointers[] = {
      {CURLOPT_URL, url},
      {CURLOPT_AWS_SIGV4, provider},
      {CURLOPT_USERNAME, who->access_key},
      {CURLOPT_PASSWORD, who->secret_key},
      {CURLOPT_CUSTOMREQUEST, request->method},
      {CURLOPT_HTTPHEADER, headers},
      {CURLOPT_WRITEDATA, trial},
      {CURLOPT_HEADERDATA, trial},
      {CURLOPT_XFERINFODATA, trial},
      {CURLOPT_ERRORBUFFER, client->said},
      {CURLOPT_PROTOCOLS_STR, "http,https"},
      {CURLOPT_RANGE, request->ranged ? range : NULL},
  };
  const struct {
    CURLoption name;
    long value;
  } numbers[] = {
      {CURLOPT_NOSIGNAL, 1},
      {CURLOPT_NOPROGRESS, 0},
      {CURLOPT_FOLLOWLOCATION, 0},
      {CURLOPT_SUPPRESS_CONNECT_HEADERS, 1}, /* a proxy's are not its */
      {CURLOPT_CONNECTTIMEOUT_MS,
       (long)(client->pace->patience_ns / CONNECT_SHARE / (SECOND / 1000)) + 1},
  };
  for (size_t i = 0; i < sizeof pointers / sizeof *pointers; i++)
    curl->curl_easy_setopt(client->easy, pointers[i].name, pointers[i].value);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    curl->curl_easy_setopt(client->easy, numbers[i].name, numbers[i].value);
  curl->curl_easy_setopt(client->easy, CURLOPT_WRITEFUNCTION, take_answer);
  curl->curl_easy_setopt(client->easy, CURLOPT_HEADERFUNCTION, take_header);
  curl->curl_easy_setopt(client->easy, CURLOPT_XFERINFOFUNCTION, watch);
  if (*who->bundle)
    curl->curl_easy_setopt(client->easy, CURLOPT_CAINFO, who->bundle);
  curl->curl_easy_setopt(client->easy, CURLOPT_MAX_SEND_SPEED_LARGE,
                         (curl_off_t)client->pace->rate);
  set_body(client, trial);
}

/* Of a refusal, or a success that is none. What is not there any more is so,
 * whatever the status. */
static void read_refusal(struct s3_client *client, struct s3_request *request) {
  const char *text = request->answer && !request->ranged ? request->answer
                                                         : client->refusal.text;
  if (request->status / 100 == 2 && (request->ranged || !s3_is_error(text)))
    return;
  s3_refusal_read(&client->refusal, request->status / 100 == 2 ? text : NULL);
  request->error = true;
  if (!strcmp(client->refusal.code, "NoSuchUpload"))
    request->status = HTTP_NOT_FOUND;
  /* One that says what it was sent says no secret here. */
  char secret[17];
  snprintf(secret, sizeof secret, "%s", client->credentials.token);
  if (*secret && strstr(client->refusal.message, secret))
    client->refusal.message[0] = 0;
}

static CURLcode try_once(struct s3_client *client, struct s3_request *request,
                         const char *url) {
  struct trial trial = {
      .client = client, .request = request, .moved_ns = tier_now_ns()};
  struct curl_slist *headers = make_headers(client, request);
  if (!headers)
    return CURLE_OUT_OF_MEMORY;
  request->got = 0;
  request->status = 0;
  request->error = false;
  request->etag[0] = client->said[0] = 0;
  client->refusal = (struct s3_refusal){.length = 0};
  set_up(client, &trial, request, url, headers);
  CURLcode result = client->curl.curl_easy_perform(client->easy);
  client->curl.curl_easy_getinfo(client->easy, CURLINFO_RESPONSE_CODE,
                                 &request->status);
  client->curl.curl_slist_free_all(headers);
  client->waited_ns = trial.waited_ns +
                      (result == CURLE_OK ? 0 : tier_now_ns() - trial.moved_ns);
  if (trial.stalled_ns)
    snprintf(client->said, sizeof client->said, "no byte for %.3g s",
             (double)trial.stalled_ns / (double)SECOND);
  if (request->answer && !request->ranged)
    request->answer[request->got] = 0;
  read_refusal(client, request);
  return result;
}

/* ---- all tries ---- */

static bool may_pass(CURLcode result, const struct s3_client *client,
                     const struct s3_request *request) {
  long status = request->status;
  if (result == CURLE_OK)
    return status == HTTP_TOO_MANY || s3_refusal_passes(&client->refusal) ||
           (status >= HTTP_SERVER && status != HTTP_NOT_IMPLEMENTED);
  return result != CURLE_OUT_OF_MEMORY && result != CURLE_URL_MALFORMAT &&
         result != CURLE_UNSUPPORTED_PROTOCOL && result != CURLE_WRITE_ERROR &&
         result != CURLE_PEER_FAILED_VERIFICATION &&
         result != CURLE_SSL_CACERT_BADFILE;
}

/* Without what somebody may have put before the host: "user:password@". */
static const char *public_endpoint(const char *endpoint,
                                   char room[ENDPOINT_MAX]) {
  const char *host = strstr(endpoint, "://");
  host = host ? host + 3 : endpoint;
  size_t length = strcspn(host, "/");
  const char *at = memrchr(host, '@', length);
  snprintf(room, ENDPOINT_MAX, "%.*s%s", (int)(host - endpoint), endpoint,
           at ? at + 1 : host);
  return room;
}

static int say_failed(const struct s3_client *client,
                      const struct s3_request *request, CURLcode result,
                      struct hwckpt_error *error) {
  char object[sizeof error->object], room[ENDPOINT_MAX];
  const char *endpoint = public_endpoint(client->credentials.endpoint, room);
  snprintf(object, sizeof object, "%s%s%s", client->name,
           request->key ? "/" : "", request->key ? request->key : "");
  if (result != CURLE_OK)
    return hwckpt_fail(
        error, HWCKPT_E_S3_UNREACHABLE, 0, object, "%s: %s", endpoint,
        *client->said ? client->said : client->curl.curl_easy_strerror(result));
  char detail[sizeof error->detail];
  s3_refusal_say(&client->refusal,
                 &(struct s3_asked){.method = request->method,
                                    .endpoint = endpoint,
                                    .bucket = client->bucket,
                                    .region = client->credentials.region,
                                    .status = request->status},
                 detail, sizeof detail);
  return hwckpt_fail(error,
                     may_pass(result, client, request) ? HWCKPT_E_S3_UNREACHABLE
                                                       : HWCKPT_E_S3_REFUSED,
                     0, object, "%s", detail);
}

int s3_do(struct s3_client *client, struct s3_request *request, long absent,
          struct hwckpt_error *error) {
  char url[4 * KEY_MAX + 1024];
  uint64_t waited = 0, most = WAITS_MOST * client->pace->patience_ns;
  CURLcode result = CURLE_URL_MALFORMAT;
  if (write_url(client, request, url, sizeof url))
    for (unsigned try = 0; try < TRIES && waited < most; try++) {
      long pause = try ? FIRST_PAUSE_MS << (try - 1) : 0;
      const struct timespec span = {pause / 1000, pause % 1000 * 1000000};
      nanosleep(&span, NULL);
      result = try_once(client, request, url);
      waited += client->waited_ns + (uint64_t)pause * (SECOND / 1000);
      if (!may_pass(result, client, request))
        break;
    }
  bool done =
      result == CURLE_OK && ((request->status / 100 == 2 && !request->error) ||
                             (absent && request->status == absent));
  return done ? 0 : say_failed(client, request, result, error);
}
