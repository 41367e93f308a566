/* Credentials, region and endpoint are found where the AWS tools find them, in
 * files as those read them (botocore's configloader). */
// RUN: %unit/credentials
// RUN: %unit/sanitized/credentials
#include "Inputs/unit.h"

#include "tools/tiers/credentials.h"

#include <errno.h>
#include <sys/stat.h>

static char home[256];

static void write_file(const char *name, const char *text) {
  char path[512];
  snprintf(path, sizeof path, "%s/.aws/%s", home, name);
  FILE *file = fopen(path, "we");
  CHECK(file && fputs(text, file) >= 0 && !fclose(file));
}

/* ACCESS SECRET TOKEN REGION ENDPOINT, or how it failed. */
static const char *found(void) {
  static char text[1024];
  struct credentials got;
  struct hwckpt_error error = {0};
  if (credentials_read(&got, &error))
    snprintf(text, sizeof text, "E%d %s", (int)error.code, error.detail);
  else
    snprintf(text, sizeof text, "%s %s %s %s %s", got.access_key,
             got.secret_key, *got.token ? got.token : "-", got.region,
             got.endpoint);
  return text;
}

static void expect(const char *wanted) {
  const char *got = found();
  if (strcmp(got, wanted) != 0)
    fprintf(stderr, "'%s', not '%s'\n", got, wanted);
  CHECK(strcmp(got, wanted) == 0);
}

static void forget(void) {
  static const char *const names[] = {
      "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
      "AWS_SESSION_TOKEN", "AWS_PROFILE",
      "AWS_CONFIG_FILE",   "AWS_SHARED_CREDENTIALS_FILE",
      "AWS_REGION",        "AWS_DEFAULT_REGION",
      "AWS_ENDPOINT_URL",  "AWS_ENDPOINT_URL_S3",
      "AWS_CA_BUNDLE"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    unsetenv(names[i]);
}

#define AWS " us-east-1 https://s3.us-east-1.amazonaws.com"

static void of_files(void) {
  /* Comments, blanks, ends of lines, letters of either case, '=' in a value. */
  write_file("credentials", "# aws_access_key_id = no\r\n"
                            "[default] ; ours\r\n"
                            "; aws_access_key_id = no\r\n"
                            "AWS_Access_Key_Id: id\r\n"
                            "aws_secret_access_key=se=cr#et\r\n"
                            "[ other ]\n"
                            "aws_session_token = token\n"
                            "aws_secret_access_key = b\n"
                            "aws_access_key_id = a");
  expect("id se=cr#et -" AWS);
  setenv("AWS_PROFILE", "other", 1);
  expect("a b token" AWS);

  /* What is further in belongs to another setting. */
  write_file("config", "[default]\nregion = no\n"
                       "[profile other]\n"
                       "s3 =\n"
                       "  region = inner\n"
                       "  endpoint_url = http://inner\n"
                       "region = eu-west-1\n"
                       "[profile \"with blank\"]\n"
                       "  region = r\n"
                       "  endpoint_url = http://e/\n"
                       "  aws_access_key_id = in\n"
                       "  aws_secret_access_key = config\n");
  expect("a b token eu-west-1 https://s3.eu-west-1.amazonaws.com");
  setenv("AWS_PROFILE", "with blank", 1);
  expect("in config - r http://e");
  write_file("config", "[profile default]\nregion = q\n");
  unsetenv("AWS_PROFILE");
  expect("id se=cr#et - q https://s3.q.amazonaws.com");

  /* No such profile: it is named, and where it was looked for. */
  setenv("AWS_PROFILE", "absent", 1);
  CHECK(strstr(found(), "E125 ") == found() && strstr(found(), "'absent'") &&
        strstr(found(), ".aws/credentials"));
  setenv("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/elsewhere", 1);
  write_file("elsewhere", "[absent]\naws_access_key_id=x\n"
                          "aws_secret_access_key=y\n");
  expect("x y -" AWS);
}

static void of_environment(void) {
  setenv("AWS_ACCESS_KEY_ID", "e", 1);
  expect("E125 only one of them is set");
  setenv("AWS_SECRET_ACCESS_KEY", "f", 1);
  setenv("AWS_PROFILE", "other", 1); /* with a token, which is not of these */
  write_file("config", "");
  expect("e f -" AWS);
  setenv("AWS_SESSION_TOKEN", "t", 1);
  setenv("AWS_DEFAULT_REGION", "d", 1);
  expect("e f t d https://s3.d.amazonaws.com");
  setenv("AWS_REGION", "r", 1);
  setenv("AWS_ENDPOINT_URL", "http://one", 1);
  expect("e f t r http://one");
  setenv("AWS_ENDPOINT_URL_S3", "http://two//", 1);
  expect("e f t r http://two");
}

static void of_certificates(void) {
  struct credentials got;
  write_file("config", "[profile other]\nca_bundle = of/profile\n");
  CHECK(!credentials_read(&got, NULL) && !strcmp(got.bundle, "of/profile"));
  setenv("AWS_CA_BUNDLE", "/of/variable", 1);
  CHECK(!credentials_read(&got, NULL) && !strcmp(got.bundle, "/of/variable"));
  unsetenv("AWS_CA_BUNDLE");
  unsetenv("AWS_PROFILE");
  CHECK(!credentials_read(&got, NULL) && !*got.bundle);
}

int main(void) {
  char path[512];
  snprintf(home, sizeof home, "%s", unit_path("home"));
  snprintf(path, sizeof path, "%s/.aws", home);
  CHECK((!mkdir(home, 0700) || errno == EEXIST) &&
        (!mkdir(path, 0700) || errno == EEXIST));
  setenv("HOME", home, 1);
  forget();
  of_files();
  forget();
  of_environment();
  of_certificates();
  return 0;
}
