/* credentials.c - who asks an object storage. */
#include "credentials.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES 8192

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

/* Cuts blanks at both ends. */
static char *trim(char *text) {
  while (isspace((unsigned char)*text))
    text++;
  for (size_t length = strlen(text);
       length && isspace((unsigned char)text[length - 1]);)
    text[--length] = 0;
  return text;
}

static bool take(const char *value, char *room, size_t size) {
  return (size_t)snprintf(room, size, "%s", value) < size;
}

/* A file of the AWS tools: [profile], then "name = value" lines. */
struct profile_file {
  const char *variable, *home; /* where it is */
  const char *prefix;          /* of sections but [default] */
};
static const struct profile_file
    credentials_file = {"AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials", ""},
    config_file = {"AWS_CONFIG_FILE", ".aws/config", "profile "};

/* "~/" is the user's home, as the AWS tools have it. */
static bool find_file(const struct profile_file *file, char path[4096]) {
  const char *given = variable(file->variable), *home = variable("HOME");
  if (given && strncmp(given, "~/", 2) != 0)
    return take(given, path, 4096);
  path[0] = 0;
  return home && snprintf(path, 4096, "%s/%s", home,
                          given ? given + 2 : file->home) < 4096;
}

static const char *own_profile(void) {
  const char *profile = variable("AWS_PROFILE");
  return profile ? profile : "default";
}

/* [NAME], in the other file [profile NAME] or [profile "NAME"], but [default]
 * also by itself; what is behind the bracket is no matter. */
static bool is_section(char *line, const struct profile_file *file) {
  const char *profile = own_profile();
  size_t prefix = strlen(file->prefix);
  char *end = strrchr(line, ']'), *name = line + 1;
  if (!end)
    return false;
  *end = 0;
  name = trim(name);
  if (prefix && strncmp(name, file->prefix, prefix) != 0)
    return !strcmp(name, "default") && !strcmp(profile, "default");
  name = trim(name + prefix);
  size_t length = strlen(name);
  if (prefix && length > 1 && *name == '"' && name[length - 1] == '"') {
    name[length - 1] = 0;
    name++;
  }
  return !strcmp(name, profile);
}

struct reading {
  const char *name;
  char *room;
  size_t size;
  bool inside, found;
  size_t indent; /* of the last name, +1; 0: there was none in the section */
};

/* Names are in any case of letters; what is further in than a name belongs to
 * its value ("s3 =", and settings of that below). */
static void read_line(char *line, const struct profile_file *file,
                      struct reading *reading) {
  size_t indent = strspn(line, " \t");
  char *text = trim(line), *equals = text + strcspn(text, "=:");
  if (!*text || *text == '#' || *text == ';')
    return;
  if (reading->indent && indent >= reading->indent)
    return;
  if (*text == '[') {
    reading->inside = is_section(text, file);
    reading->indent = 0;
    return;
  }
  reading->indent = indent + 1;
  if (!reading->inside || !*equals)
    return;
  *equals = 0;
  if (!strcasecmp(trim(text), reading->name))
    reading->found = take(trim(equals + 1), reading->room, reading->size);
}

/* The value of a name in the user's profile; false when there is none. */
static bool read_profile(const struct profile_file *file, const char *name,
                         char *room, size_t size) {
  struct reading reading = {.name = name, .room = room, .size = size};
  char path[4096], line[LINE_MAX_BYTES];
  FILE *in = find_file(file, path) ? fopen(path, "re") : NULL;
  while (in && !reading.found && fgets(line, sizeof line, in))
    read_line(line, file, &reading);
  if (in)
    fclose(in);
  explicit_bzero(line, sizeof line);
  return reading.found && *room;
}

static bool read_keys_of(const struct profile_file *file,
                         struct credentials *credentials) {
  if (!read_profile(file, "aws_access_key_id", credentials->access_key,
                    CREDENTIAL_MAX) ||
      !read_profile(file, "aws_secret_access_key", credentials->secret_key,
                    CREDENTIAL_MAX))
    return false;
  read_profile(file, "aws_session_token", credentials->token, TOKEN_MAX);
  return true;
}

static int no_keys(const char *detail, struct hwckpt_error *error) {
  char files[2][4096];
  if (detail)
    return hwckpt_fail(error, HWCKPT_E_S3_CREDENTIALS, 0,
                       "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY", "%s",
                       detail);
  find_file(&credentials_file, files[0]);
  find_file(&config_file, files[1]);
  return hwckpt_fail(error, HWCKPT_E_S3_CREDENTIALS, 0,
                     "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
                     "not set, and not of profile '%s' in %s or %s",
                     own_profile(), files[0], files[1]);
}

/* All are from the same place. */
static int read_keys(struct credentials *credentials,
                     struct hwckpt_error *error) {
  const char *access = variable("AWS_ACCESS_KEY_ID");
  const char *secret = variable("AWS_SECRET_ACCESS_KEY");
  const char *token = variable("AWS_SESSION_TOKEN");
  if (!access != !secret)
    return no_keys("only one of them is set", error);
  if (access)
    return take(access, credentials->access_key, CREDENTIAL_MAX) &&
                   take(secret, credentials->secret_key, CREDENTIAL_MAX) &&
                   take(token ? token : "", credentials->token, TOKEN_MAX)
               ? 0
               : no_keys("too long", error);
  return read_keys_of(&credentials_file, credentials) ||
                 read_keys_of(&config_file, credentials)
             ? 0
             : no_keys(NULL, error);
}

static void read_region(struct credentials *credentials) {
  const char *region = variable("AWS_REGION");
  if (!region)
    region = variable("AWS_DEFAULT_REGION");
  if (region)
    take(region, credentials->region, sizeof credentials->region);
  else if (!read_profile(&config_file, "region", credentials->region,
                         sizeof credentials->region))
    take("us-east-1", credentials->region, sizeof credentials->region);
}

static void read_endpoint(struct credentials *credentials) {
  const char *endpoint = variable("AWS_ENDPOINT_URL_S3");
  char *room = credentials->endpoint;
  if (!endpoint)
    endpoint = variable("AWS_ENDPOINT_URL");
  if (endpoint)
    take(endpoint, room, sizeof credentials->endpoint);
  else if (!read_profile(&config_file, "endpoint_url", room,
                         sizeof credentials->endpoint))
    snprintf(room, sizeof credentials->endpoint, "https://s3.%s.amazonaws.com",
             credentials->region);
  for (size_t length = strlen(room); length && room[length - 1] == '/';)
    room[--length] = 0;
}

static void read_bundle(struct credentials *credentials) {
  const char *bundle = variable("AWS_CA_BUNDLE");
  if (bundle)
    take(bundle, credentials->bundle, sizeof credentials->bundle);
  else if (!read_profile(&config_file, "ca_bundle", credentials->bundle,
                         sizeof credentials->bundle))
    credentials->bundle[0] = 0;
}

int credentials_read(struct credentials *credentials,
                     struct hwckpt_error *error) {
  *credentials = (struct credentials){.region = ""};
  int failed = read_keys(credentials, error);
  if (failed)
    return failed;
  read_region(credentials);
  read_endpoint(credentials);
  read_bundle(credentials);
  return 0;
}
