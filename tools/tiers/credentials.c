/* credentials.c - who asks an object storage. */
#include "credentials.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static FILE *open_file(const struct profile_file *file, char path[4096]) {
  const char *given = variable(file->variable), *home = variable("HOME");
  if (given)
    snprintf(path, 4096, "%s", given);
  else if (home)
    snprintf(path, 4096, "%s/%s", home, file->home);
  else
    return NULL;
  return fopen(path, "re");
}

static bool is_section(const char *line, const struct profile_file *file,
                       const char *profile) {
  char wanted[CREDENTIAL_MAX];
  bool usual = !strcmp(profile, "default");
  snprintf(wanted, sizeof wanted, "[%s%s]", usual ? "" : file->prefix, profile);
  return !strcmp(line, wanted);
}

/* The value of a name in the user's profile; false when there is none. */
static bool read_profile(const struct profile_file *file, const char *name,
                         char *room, size_t size) {
  const char *profile = variable("AWS_PROFILE");
  char path[4096], line[LINE_MAX_BYTES];
  bool inside = false, found = false;
  FILE *in = open_file(file, path);
  while (in && !found && fgets(line, sizeof line, in)) {
    char *text = trim(line), *equals = strchr(text, '=');
    if (*text == '[')
      inside = is_section(text, file, profile ? profile : "default");
    else if (inside && equals) {
      *equals = 0;
      found = !strcmp(trim(text), name) && take(trim(equals + 1), room, size);
    }
  }
  if (in)
    fclose(in);
  explicit_bzero(line, sizeof line);
  return found && *room;
}

/* Both halves are from the same place. */
static bool read_keys(struct credentials *credentials) {
  const char *access = variable("AWS_ACCESS_KEY_ID");
  const char *secret = variable("AWS_SECRET_ACCESS_KEY");
  const char *token = variable("AWS_SESSION_TOKEN");
  if (access && secret)
    return take(access, credentials->access_key, CREDENTIAL_MAX) &&
           take(secret, credentials->secret_key, CREDENTIAL_MAX) &&
           take(token ? token : "", credentials->token, TOKEN_MAX);
  read_profile(&credentials_file, "aws_session_token", credentials->token,
               TOKEN_MAX);
  return read_profile(&credentials_file, "aws_access_key_id",
                      credentials->access_key, CREDENTIAL_MAX) &&
         read_profile(&credentials_file, "aws_secret_access_key",
                      credentials->secret_key, CREDENTIAL_MAX);
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

int credentials_read(struct credentials *credentials,
                     struct hwckpt_error *error) {
  *credentials = (struct credentials){.region = ""};
  if (!read_keys(credentials))
    return hwckpt_fail(error, HWCKPT_E_S3_CREDENTIALS, 0,
                       "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
                       "not set, and not in ~/.aws/credentials");
  read_region(credentials);
  read_endpoint(credentials);
  return 0;
}
