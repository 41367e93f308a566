/* s3_text.h - what an object storage is asked and answers, as text: names in a
 * URL, and as much of XML as its answers have. Answers are from a stranger
 * (test/fuzz/targets/storage.c).
 */
#ifndef HWCKPT_TIERS_S3_TEXT_H
#define HWCKPT_TIERS_S3_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Percent-encodes into room, '/' too when `slash`; false when it does not fit.
 */
bool s3_encode(const char *text, bool slash, char *room, size_t size);

/* The content, decoded, of the next element of that name between `from` and
 * `end` (null: the end of the text); what is behind it. Null: there is none, or
 * it does not fit. */
const char *s3_element(const char *from, const char *end, const char *name,
                       char *room, size_t size);
/* Whether the answer is an error, which may also come with a status of success:
 * its root is <Error>. */
bool s3_is_error(const char *answer);

/* Calls visit for what is in each element of that name, until it returns
 * non-zero, which is then returned. */
int s3_each_element(const char *text, const char *name,
                    int (*visit)(const char *begin, const char *end,
                                 void *context),
                    void *context);

#define S3_MARK_MAX 1024
/* Of a list that comes in pieces; zeroed at its beginning. */
struct s3_rounds {
  unsigned count, next;
  char mark[S3_MARK_MAX];
};
/* Whether the mark that the next piece is asked for with was there before: such
 * a list has no end. Any circle is found, before it was gone round three times
 * (R. P. Brent, An improved Monte Carlo factorization algorithm, 1980). */
bool s3_goes_round(struct s3_rounds *rounds, const char *mark);

#endif
