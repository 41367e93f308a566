/* credentials.h - who asks an object storage, from where the AWS tools take it.
 *
 * Invariant: a secret is in the environment or the user's file, and in this
 * memory, which is in no core; it is written nowhere. */
#ifndef HWCKPT_TIERS_CREDENTIALS_H
#define HWCKPT_TIERS_CREDENTIALS_H

#include "runtime/error.h"

#define CREDENTIAL_MAX 256
#define TOKEN_MAX 4096
#define ENDPOINT_MAX 1024
#define BUNDLE_MAX 4096

struct credentials {
  char access_key[CREDENTIAL_MAX], secret_key[CREDENTIAL_MAX];
  char token[TOKEN_MAX]; /* "": none */
  char region[64];
  char endpoint[ENDPOINT_MAX]; /* without '/' at its end */
  char bundle[BUNDLE_MAX];     /* file of certificates; "": the system's */
};

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN; else the
 * profile AWS_PROFILE ("default") of AWS_SHARED_CREDENTIALS_FILE
 * (~/.aws/credentials), else of AWS_CONFIG_FILE. AWS_REGION,
 * AWS_DEFAULT_REGION, else the profile's in AWS_CONFIG_FILE (~/.aws/config),
 * else us-east-1. AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else the profile's
 * endpoint_url, else AWS's own. AWS_CA_BUNDLE, else the profile's ca_bundle. */
int credentials_read(struct credentials *credentials,
                     struct hwckpt_error *error);

#endif
