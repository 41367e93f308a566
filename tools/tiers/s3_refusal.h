/* s3_refusal.h - why an object storage did not do what it was asked, as it says
 * itself, in headers and in the beginning of the body.
 *
 * It is from a stranger (test/fuzz/targets/storage.c), and is shown: invariant:
 * of it only short, printable ASCII is kept. */
#ifndef HWCKPT_TIERS_S3_REFUSAL_H
#define HWCKPT_TIERS_S3_REFUSAL_H

#include <stdbool.h>
#include <stddef.h>

struct s3_refusal {
  size_t length; /* of the text */
  char text[2048];
  char code[64];      /* "SlowDown": letters and digits; "": none */
  char message[200];  /* what the code means; "": none */
  char region[64];    /* where the bucket is; "": it does not say */
  char location[256]; /* SCHEME://HOST[:PORT] it redirects to, or HOST; "": - */
};

/* Zeroed at first; then what comes, in its order, and s3_refusal_read(). */
void s3_refusal_header(struct s3_refusal *refusal, const char *line,
                       size_t length);
void s3_refusal_add(struct s3_refusal *refusal, const char *data,
                    size_t length);
/* Reads what is in the body; text: NUL-terminated, null: what was added. */
void s3_refusal_read(struct s3_refusal *refusal, const char *text);

/* Whether it is one that passes, whatever its status. */
bool s3_refusal_passes(const struct s3_refusal *refusal);

/* What was asked, of where. */
struct s3_asked {
  const char *method, *endpoint, *bucket, *region;
  long status; /* that came */
};
/* Writes it as the detail of an error, with what is to be set when it is
 * another region or endpoint. */
void s3_refusal_say(const struct s3_refusal *refusal,
                    const struct s3_asked *asked, char *room, size_t size);

#endif
