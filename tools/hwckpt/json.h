/* json.h - a small writer of JSON (RFC 8259).
 *
 * Invariant: whatever bytes the strings hold, what is written is well-formed
 * UTF-8 JSON; bytes that are no UTF-8 come out as U+FFFD. Commas, indentation
 * and nesting are the writer's business. */
#ifndef HWCKPT_JSON_H
#define HWCKPT_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
  FILE *out;
  unsigned depth;
  bool more; /* the open object or array has a member already */
};

/* Values; key is the member's name within an object, null within an array or at
 * the top. */
void json_open(struct json *json, const char *key, char bracket);
void json_close(struct json *json, char bracket);
void json_string(struct json *json, const char *key, const char *value);
void json_number(struct json *json, const char *key, uint64_t value);
void json_decimal(struct json *json, const char *key, double value);
void json_signed(struct json *json, const char *key, int64_t value);
void json_hex(struct json *json, const char *key, uint64_t value);
void json_bytes(struct json *json, const char *key, const void *data,
                size_t length);
void json_bool(struct json *json, const char *key, bool value);
void json_null(struct json *json, const char *key);
/* Ends the document. */
void json_end(struct json *json);

#endif
