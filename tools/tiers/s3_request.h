/* s3_request.h - one request to an object storage that speaks S3, signed (AWS
 * signature version 4) and repeated while it may help.
 *
 * By libcurl, which is looked for when it is first needed: hwckpt starts
 * without it, and as fast. */
#ifndef HWCKPT_TIERS_S3_REQUEST_H
#define HWCKPT_TIERS_S3_REQUEST_H

#include "tier_kind.h"

struct s3_client;

/* `name` is s3://BUCKET[/PREFIX]. pace, which lives as long: bytes a second
 * that are sent at most, tries that fail included; how long nothing may move.
 */
int s3_client_open(const char *name, struct tier_pace *pace,
                   struct s3_client **client, struct hwckpt_error *error);
void s3_client_close(struct s3_client *client);

#define S3_ANSWER_MAX ((size_t)8 << 20) /* bytes of a text that is read */
#define S3_ETAG_MAX 80

struct s3_request {
  const char *method; /* GET, PUT, POST, DELETE */
  const char *key;    /* below the prefix; null: the bucket itself */
  const char *query;  /* sorted by name, percent-encoded; null: none */
  const void *body;
  size_t length; /* of the body */
  /* Bytes of the object that are wanted, from..from + room - 1; 0: all of the
   * answer, up to room. */
  bool ranged;
  uint64_t from;
  /* Where the answer goes: NUL-terminated when not ranged. */
  char *answer;
  size_t room, got;
  char etag[S3_ETAG_MAX]; /* without quotation marks; "": none */
  long status;            /* of HTTP, that the last try had */
  bool error;             /* no 2xx, or one whose answer is an error */
};

/* 0 when it was done (2xx, and the answer is no error all the same); `absent`
 * is taken for done as well when it is not 0 (404, 416). Repeats what failed on
 * the way (no answer, 429, 5xx, or an error that passes), with longer pauses in
 * between. Nothing is sent to another place than the endpoint. Secrets are in
 * no error. */
int s3_do(struct s3_client *client, struct s3_request *request, long absent,
          struct hwckpt_error *error);

/* The prefix below which the keys of the client are, "" or with '/' at its end.
 */
const char *s3_prefix(const struct s3_client *client);
const char *s3_bucket(const struct s3_client *client);

#endif
