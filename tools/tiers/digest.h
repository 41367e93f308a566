/* digest.h - the two digests that S3 asks for. MD5 is not for trust: it is how
 * a storage says which part of an upload it has. */
#ifndef HWCKPT_TIERS_DIGEST_H
#define HWCKPT_TIERS_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_SHA256_TEXT 65 /* hexadecimal, with NUL */
#define DIGEST_MD5_TEXT 33

void digest_sha256(const void *data, size_t length,
                   char text[DIGEST_SHA256_TEXT]);
void digest_md5(const void *data, size_t length, char text[DIGEST_MD5_TEXT]);

#endif
