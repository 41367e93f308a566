/* codec.h - coding of frames: zstd through static contexts.
 *
 * Invariant: no allocation beyond the workspace the caller gives; decoding
 * accepts exactly one zstd frame that decodes to exactly the length asked for.
 *
 * Debian's libzstd.a is built with stack protectors: on threads without libc's
 * thread-local storage %fs must point at readable memory (the guard is read at
 * %fs:0x28), and the link must supply __stack_chk_fail. Its malloc, calloc and
 * free are referred to but never called with static contexts.
 */
#ifndef HWCKPT_CACHE_CODEC_H
#define HWCKPT_CACHE_CODEC_H

#include <stdbool.h>
#include <stddef.h>

#define CODEC_LEVEL_RAW 0 /* do not compress */
#define CODEC_LEVEL_MAX 19

/* Bytes of workspace to code frames at a level, or to decode. */
size_t codec_encoder_size(int level);
size_t codec_decoder_size(void);

struct encoder; /* lies in its workspace */
struct encoder *encoder_init(void *workspace, size_t size, int level);

/* What is coded from now on has this level, for which the workspace has room.
 */
bool encoder_set_level(struct encoder *encoder, int level);

/* Codes length bytes into out; returns the coded length, 0 when that would not
 * be below `length` (or fails for any other reason): store it raw then. */
size_t encoder_encode(struct encoder *encoder, void *out, const void *data,
                      size_t length);

struct decoder;
struct decoder *decoder_init(void *workspace, size_t size);

/* Decodes into exactly raw_length bytes; false when data is not that. */
bool decoder_decode(struct decoder *decoder, void *out, size_t raw_length,
                    const void *data, size_t length);

#endif
