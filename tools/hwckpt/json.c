/* json.c - a small writer of JSON. */
#include "json.h"
#include "text.h"

#include <inttypes.h>

static void put_string(FILE *out, const char *text) {
  fputc('"', out);
  while (*text) {
    unsigned char lead = (unsigned char)*text;
    size_t length = text_utf8_length(text);
    if (!length) {
      fputs("\\ufffd", out);
      text++;
      continue;
    }
    if (lead == '"' || lead == '\\')
      fprintf(out, "\\%c", lead);
    else if (lead == '\n')
      fputs("\\n", out);
    else if (lead == '\t')
      fputs("\\t", out);
    else if (lead < 0x20 || lead == 0x7F)
      fprintf(out, "\\u%04x", lead);
    else if (lead == 0xC2 && (unsigned char)text[1] < 0xA0)
      fprintf(out, "\\u%04x", (unsigned char)text[1]);
    else
      fwrite(text, 1, length, out);
    text += length;
  }
  fputc('"', out);
}

static void line(struct json *json) {
  fputc('\n', json->out);
  for (unsigned i = 0; i < json->depth; i++)
    fputs("  ", json->out);
}

static void begin_value(struct json *json, const char *key) {
  if (json->more)
    fputc(',', json->out);
  if (json->depth)
    line(json);
  if (key) {
    put_string(json->out, key);
    fputs(": ", json->out);
  }
  json->more = true;
}

void json_open(struct json *json, const char *key, char bracket) {
  begin_value(json, key);
  fputc(bracket, json->out);
  json->depth++;
  json->more = false;
}

void json_close(struct json *json, char bracket) {
  json->depth--;
  if (json->more)
    line(json);
  fputc(bracket, json->out);
  json->more = true;
}

void json_string(struct json *json, const char *key, const char *value) {
  begin_value(json, key);
  put_string(json->out, value);
}

void json_number(struct json *json, const char *key, uint64_t value) {
  begin_value(json, key);
  fprintf(json->out, "%" PRIu64, value);
}

void json_decimal(struct json *json, const char *key, double value) {
  begin_value(json, key);
  fprintf(json->out, "%.3f", value);
}

void json_signed(struct json *json, const char *key, int64_t value) {
  begin_value(json, key);
  fprintf(json->out, "%" PRId64, value);
}

void json_hex(struct json *json, const char *key, uint64_t value) {
  begin_value(json, key);
  fprintf(json->out, "\"0x%" PRIx64 "\"", value);
}

void json_bytes(struct json *json, const char *key, const void *data,
                size_t length) {
  begin_value(json, key);
  fputc('"', json->out);
  for (size_t i = 0; i < length; i++)
    fprintf(json->out, "%02x", ((const unsigned char *)data)[i]);
  fputc('"', json->out);
}

void json_bool(struct json *json, const char *key, bool value) {
  begin_value(json, key);
  fputs(value ? "true" : "false", json->out);
}

void json_null(struct json *json, const char *key) {
  begin_value(json, key);
  fputs("null", json->out);
}

void json_end(struct json *json) { fputc('\n', json->out); }
