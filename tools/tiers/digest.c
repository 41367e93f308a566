/* digest.c - SHA-256 (FIPS 180-4) and MD5 (RFC 1321), over whole messages. Both
 * take blocks of 64 bytes with the same padding, but for the order of bytes. */
#include "digest.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define BLOCK 64u

typedef void block_fn(uint32_t *state, const unsigned char *block);

static uint32_t rotate_left(uint32_t word, unsigned by) {
  return word << by | word >> (32 - by);
}

static uint32_t rotate_right(uint32_t word, unsigned by) {
  return word >> by | word << (32 - by);
}

static uint32_t load_big(const unsigned char *from) {
  return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 |
         (uint32_t)from[2] << 8 | from[3];
}

static uint32_t load_little(const unsigned char *from) {
  uint32_t word;
  memcpy(&word, from, sizeof word);
  return word;
}

/* The first 32 bits of the fractional parts of the cube roots of the first 64
 * primes. */
static const uint32_t sha256_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static void sha256_block(uint32_t *state, const unsigned char *block) {
  uint32_t w[64], s[8];
  for (unsigned i = 0; i < 16; i++)
    w[i] = load_big(block + 4 * i);
  for (unsigned i = 16; i < 64; i++)
    w[i] = w[i - 16] + w[i - 7] +
           (rotate_right(w[i - 15], 7) ^ rotate_right(w[i - 15], 18) ^
            w[i - 15] >> 3) +
           (rotate_right(w[i - 2], 17) ^ rotate_right(w[i - 2], 19) ^
            w[i - 2] >> 10);
  memcpy(s, state, sizeof s);
  for (unsigned i = 0; i < 64; i++) {
    uint32_t one = s[7] +
                   (rotate_right(s[4], 6) ^ rotate_right(s[4], 11) ^
                    rotate_right(s[4], 25)) +
                   ((s[4] & s[5]) ^ (~s[4] & s[6])) + sha256_constants[i] +
                   w[i];
    uint32_t two = (rotate_right(s[0], 2) ^ rotate_right(s[0], 13) ^
                    rotate_right(s[0], 22)) +
                   ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
    memmove(s + 1, s, 7 * sizeof *s);
    s[4] += one;
    s[0] = one + two;
  }
  for (unsigned i = 0; i < 8; i++)
    state[i] += s[i];
}

/* floor(2^32 * abs(sin(i + 1))). */
static const uint32_t md5_constants[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a,
    0xa8304613, 0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be,
    0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340,
    0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8,
    0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c,
    0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
    0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92,
    0xffeff47d, 0x85845dd1, 0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1,
    0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391};

static void md5_block(uint32_t *state, const unsigned char *block) {
  static const unsigned char shifts[4][4] = {
      {7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  for (unsigned i = 0; i < 64; i++) {
    const uint32_t mixed[4] = {(b & c) | (~b & d), (d & b) | (~d & c),
                               b ^ c ^ d, c ^ (b | ~d)};
    const unsigned word[4] = {i, 5 * i + 1, 3 * i + 5, 7 * i};
    unsigned round = i / 16;
    uint32_t sum = a + mixed[round] + md5_constants[i] +
                   load_little(block + 4 * (size_t)(word[round] % 16));
    a = d;
    d = c;
    c = b;
    b += rotate_left(sum, shifts[round][i % 4]);
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
}

/* All blocks, the padding included. */
static void digest(const unsigned char *data, size_t length, block_fn *take,
                   bool big, uint32_t *state) {
  unsigned char last[2 * BLOCK] = {0};
  size_t rest = length % BLOCK;
  size_t padded = rest + 9 > BLOCK ? 2 * BLOCK : BLOCK;
  uint64_t bits = (uint64_t)length * 8;
  for (size_t at = 0; at + BLOCK <= length; at += BLOCK)
    take(state, data + at);
  if (rest)
    memcpy(last, data + length - rest, rest);
  last[rest] = 0x80;
  for (unsigned i = 0; i < 8; i++)
    last[padded - 8 + i] = (unsigned char)(bits >> (big ? 56 - 8 * i : 8 * i));
  for (size_t at = 0; at < padded; at += BLOCK)
    take(state, last + at);
}

void digest_sha256(const void *data, size_t length,
                   char text[DIGEST_SHA256_TEXT]) {
  uint32_t state[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                       0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  digest(data, length, sha256_block, true, state);
  for (size_t i = 0; i < 8; i++)
    snprintf(text + 8 * i, 9, "%08x", state[i]);
}

void digest_md5(const void *data, size_t length, char text[DIGEST_MD5_TEXT]) {
  uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  digest(data, length, md5_block, false, state);
  for (size_t i = 0; i < 4; i++)
    snprintf(text + 8 * i, 9, "%08x", __builtin_bswap32(state[i]));
}
