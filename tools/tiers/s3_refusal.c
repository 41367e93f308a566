/* s3_refusal.c - why an object storage did not do what it was asked.
 *
 * Codes and headers are those of the Amazon S3 API Reference, "Error responses"
 * and "Redirection". */
#include "s3_refusal.h"

#include "s3_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define REDIRECTION 3 /* hundreds of a status */

void s3_refusal_add(struct s3_refusal *refusal, const char *data,
                    size_t length) {
  size_t room = sizeof refusal->text - 1 - refusal->length;
  length = length < room ? length : room;
  memcpy(refusal->text + refusal->length, data, length);
  refusal->length += length;
}

/* Emptied when a character of it is none that `is_wanted`. */
static void keep_only(char *text, int (*is_wanted)(int)) {
  for (const char *at = text; *at; at++)
    if ((unsigned char)*at > '~' || !is_wanted((unsigned char)*at))
      *text = 0;
}

static int is_of_region(int byte) { return isalnum(byte) || byte == '-'; }

/* SCHEME://HOST of a URL, without "USER:PASSWORD@". */
static void take_location(struct s3_refusal *refusal, const char *url) {
  const char *host = strstr(url, "://");
  host = host ? host + 3 : url;
  size_t scheme = (size_t)(host - url), length = strcspn(host, "/?#");
  const char *user = memrchr(host, '@', length);
  if (user) {
    length -= (size_t)(user + 1 - host);
    host = user + 1;
  }
  if (scheme + length >= sizeof refusal->location)
    return;
  snprintf(refusal->location, sizeof refusal->location, "%.*s%.*s", (int)scheme,
           url, (int)length, host);
  keep_only(refusal->location, isgraph);
}

/* The value of a header, without blanks at its ends. */
static bool read_header(const char *line, size_t length, const char *name,
                        char *room, size_t size) {
  size_t skip = strlen(name);
  if (length < skip || strncasecmp(line, name, skip) != 0)
    return false;
  while (skip < length && isspace((unsigned char)line[skip]))
    skip++;
  while (length > skip && isspace((unsigned char)line[length - 1]))
    length--;
  if (length - skip >= size)
    return false;
  memcpy(room, line + skip, length - skip);
  room[length - skip] = 0;
  return true;
}

void s3_refusal_header(struct s3_refusal *refusal, const char *line,
                       size_t length) {
  char url[1024];
  if (read_header(line, length, "x-amz-bucket-region:", refusal->region,
                  sizeof refusal->region))
    keep_only(refusal->region, is_of_region);
  if (read_header(line, length, "location:", url, sizeof url))
    take_location(refusal, url);
}

/* Empty when it does not fit, or is not there. */
static void read_element(const char *text, const char *name, char *room,
                         size_t size) {
  if (!s3_element(text, NULL, name, room, size))
    *room = 0;
}

static void read_message(struct s3_refusal *refusal, const char *text) {
  char whole[1024];
  read_element(text, "Message", whole, sizeof whole);
  for (char *at = whole; *at; at++)
    if (*at < ' ' || *at > '~')
      *at = '?';
  snprintf(refusal->message, sizeof refusal->message, "%s", whole);
}

void s3_refusal_read(struct s3_refusal *refusal, const char *text) {
  char endpoint[256];
  refusal->text[refusal->length] = 0;
  text = text ? text : refusal->text;
  read_element(text, "Code", refusal->code, sizeof refusal->code);
  keep_only(refusal->code, isalnum);
  read_message(refusal, text);
  if (!*refusal->region) {
    read_element(text, "Region", refusal->region, sizeof refusal->region);
    keep_only(refusal->region, is_of_region);
  }
  read_element(text, "Endpoint", endpoint, sizeof endpoint);
  if (!*refusal->location && *endpoint)
    take_location(refusal, endpoint);
}

bool s3_refusal_passes(const struct s3_refusal *refusal) {
  static const char *const codes[] = {"InternalError", "SlowDown",
                                      "ServiceUnavailable", "RequestTimeout"};
  for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
    if (!strcmp(refusal->code, codes[i]))
      return true;
  return false;
}

/* The endpoint that is meant, for those that have the bucket before the host.
 */
static void name_endpoint(const struct s3_refusal *refusal, const char *bucket,
                          char *room, size_t size) {
  const char *host = strstr(refusal->location, "://");
  host = host ? host + 3 : refusal->location;
  size_t scheme = (size_t)(host - refusal->location), length = strlen(bucket);
  bool before = !strncmp(host, bucket, length) && host[length] == '.';
  snprintf(room, size, "%.*s%s", (int)scheme, refusal->location,
           before ? host + length + 1 : host);
}

void s3_refusal_say(const struct s3_refusal *refusal,
                    const struct s3_asked *asked, char *room, size_t size) {
  char where[sizeof refusal->location];
  int used =
      snprintf(room, size, "%s: status %ld to %s%s%s%s%s", asked->endpoint,
               asked->status, asked->method, *refusal->code ? ": " : "",
               refusal->code, *refusal->message ? ": " : "", refusal->message);
  if (used < 0 || (size_t)used >= size)
    return;
  if (*refusal->region && strcmp(refusal->region, asked->region) != 0)
    snprintf(room + used, size - (size_t)used,
             "; the bucket is in region %s, not %s: set AWS_REGION",
             refusal->region, asked->region);
  else if (asked->status / 100 == REDIRECTION && *refusal->location) {
    name_endpoint(refusal, asked->bucket, where, sizeof where);
    snprintf(room + used, size - (size_t)used,
             "; it redirects to %s, which was not asked: set AWS_ENDPOINT_URL "
             "if that is yours",
             where);
  }
}
