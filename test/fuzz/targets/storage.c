/* Answers of an object storage from a stranger: lists of what there is, of
 * uploads and of their parts, statuses and digests; whatever is said a command
 * ends, after at most a few requests for each answer.
 *
 * Input: answers, each u8 what of them, u16 length, text. Digits of the first:
 * the status.
 */
#include "tools/tiers/s3_refusal.h"
#include "tools/tiers/s3_request.h"

#include "runtime/cache/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUESTS_MOST 4096u /* of one input, whose last answer is repeated */

static struct {
  const uint8_t *at, *end, *last;
  unsigned requests;
} answers;

int s3_client_open(const char *name, struct tier_pace *pace,
                   struct s3_client **client, struct hwckpt_error *error) {
  (void)name;
  (void)pace;
  (void)error;
  *client = (struct s3_client *)&answers;
  return 0;
}

void tier_pace_wait(struct tier_pace *pace, size_t length) {
  pace->sent += length;
}

void s3_client_close(struct s3_client *client) { (void)client; }
const char *s3_prefix(const struct s3_client *client) {
  (void)client;
  return "some/prefix/";
}
const char *s3_bucket(const struct s3_client *client) {
  (void)client;
  return "bucket";
}

/* The next answer's bytes; the last one again when there is none. */
static size_t next_answer(const uint8_t **text, unsigned *what) {
  const uint8_t *at = answers.at;
  if (answers.end - at < 3)
    at = answers.last;
  if (!at)
    return 0;
  answers.last = at;
  size_t length = at[1] | (size_t)at[2] << 8, left = (size_t)(answers.end - at);
  length = length < left - 3 ? length : left - 3;
  *what = at[0];
  *text = at + 3;
  answers.at = at + 3 + length;
  return length;
}

static void check_encoded(const char *query) {
  for (; query && *query; query++)
    if (*query <= ' ' || *query > '~' || strchr("\"<>#/", *query))
      abort();
}

/* What is shown of a refusal is short and printable. */
static void refuse(const char *text, size_t length, long status) {
  static struct s3_refusal refusal;
  const struct s3_asked asked = {"GET", "http://here", "bucket", "r", status};
  char shown[256];
  refusal = (struct s3_refusal){.length = 0};
  s3_refusal_header(&refusal, text, length);
  s3_refusal_add(&refusal, text, length);
  s3_refusal_add(&refusal, text, length);
  s3_refusal_read(&refusal, NULL);
  s3_refusal_passes(&refusal);
  s3_refusal_say(&refusal, &asked, shown, sizeof shown);
  for (const char *at = shown; *at; at++)
    if (*at < ' ' || *at > '~')
      abort();
}

/* As s3_do() leaves it: text that ends, or bytes of what was asked for. */
int s3_do(struct s3_client *client, struct s3_request *request, long absent,
          struct hwckpt_error *error) {
  static const long statuses[] = {200, 204, 206, 403, 404, 416, 503};
  const uint8_t *text = NULL;
  unsigned what = 0;
  size_t length = next_answer(&text, &what);
  (void)client;
  if (++answers.requests > REQUESTS_MOST)
    abort();
  check_encoded(request->query);
  request->status = statuses[what % 7];
  size_t room = request->answer ? request->room - !request->ranged : 0;
  request->got = length < room ? length : room;
  if (request->got)
    memcpy(request->answer, text, request->got);
  if (request->answer && !request->ranged)
    request->answer[request->got] = 0;
  request->etag[0] = 0;
  for (size_t i = 0; what & 128 && i < length && i + 1 < S3_ETAG_MAX; i++)
    if (text[i] && strchr("0123456789abcdef-", text[i])) {
      request->etag[i] = (char)text[i];
      request->etag[i + 1] = 0;
    } else
      break;
  if (request->status / 100 == 2 || (absent && request->status == absent))
    return 0;
  if (length)
    refuse((const char *)text, length, what & 64 ? 301 : request->status);
  return hwckpt_fail(error, HWCKPT_E_S3_REFUSED, 0, "storage", "%s", "");
}

/* Nothing is handed on that could be a path, or that is not told of us. */
static int see(const char *application, const char *file, uint64_t size,
               void *context) {
  (void)size;
  (void)context;
  if (!format_valid_application(application) || strchr(file, '/') ||
      strlen(file) >= TIER_FILE_MAX)
    abort();
  return 0;
}

/* Parts of a byte each: how long they are is the caller's business. */
static void put(void *self, unsigned parts) {
  static const unsigned char part[1];
  void *one;
  int failed = tier_s3.put_begin(self, "program", "file", &one, NULL);
  if (failed)
    return;
  for (unsigned i = 0; i < parts && !failed; i++)
    failed = tier_s3.put_part(one, i, part, sizeof part, NULL);
  tier_s3.put_end(one, parts, failed != 0, NULL);
}

static void get(void *self) {
  void *one;
  char room[64];
  size_t got = 0;
  if (tier_s3.get_begin(self, "program", "file", &one, NULL))
    return;
  if (!tier_s3.get_part(one, 0, room, sizeof room, &got, NULL) &&
      got > sizeof room)
    abort();
  tier_s3.get_end(one);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static struct tier_pace pace;
  static void *self;
  if (!size || (!self && tier_s3.open("s3://bucket", true, &pace, &self, NULL)))
    return 0;
  answers.at = data + 1;
  answers.end = data + size;
  answers.last = NULL;
  answers.requests = 0;
  if (data[0] & 1)
    tier_s3.each(self, data[0] & 8 ? "program" : NULL, see, NULL, NULL);
  if (data[0] & 2)
    put(self, 1 + (data[0] >> 4) % 4);
  if (data[0] & 4)
    get(self);
  if (data[0] & 8)
    tier_s3.remove(self, "program", "file", NULL);
  return 0;
}
