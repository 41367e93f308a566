/* codec.c - coding of frames: zstd through static contexts. */
#include "codec.h"

#include "format.h"

#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>

/* The parameters zstd takes for data of a frame's size: the workspace, and the
 * tables cleared per frame, are then a fraction of what the level alone asks
 * for. */
static ZSTD_compressionParameters parameters(int level) {
  return ZSTD_getCParams(level, FORMAT_FRAME_BYTES, 0);
}

size_t codec_encoder_size(int level) {
  return ZSTD_estimateCCtxSize_usingCParams(parameters(level));
}

size_t codec_decoder_size(void) { return ZSTD_estimateDCtxSize(); }

bool encoder_set_level(struct encoder *encoder, int level) {
  ZSTD_CCtx *context = (ZSTD_CCtx *)encoder;
  ZSTD_compressionParameters p = parameters(level);
  const struct {
    ZSTD_cParameter name;
    int value;
  } settings[] = {
      /* A static context begins without the defaults of others. */
      {ZSTD_c_contentSizeFlag, 1},
      {ZSTD_c_compressionLevel, level},
      {ZSTD_c_windowLog, (int)p.windowLog},
      {ZSTD_c_chainLog, (int)p.chainLog},
      {ZSTD_c_hashLog, (int)p.hashLog},
      {ZSTD_c_searchLog, (int)p.searchLog},
      {ZSTD_c_minMatch, (int)p.minMatch},
      {ZSTD_c_targetLength, (int)p.targetLength},
      {ZSTD_c_strategy, (int)p.strategy},
  };
  for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
    if (ZSTD_isError(ZSTD_CCtx_setParameter(context, settings[i].name,
                                            settings[i].value)))
      return false;
  return true;
}

struct encoder *encoder_init(void *workspace, size_t size, int level) {
  struct encoder *encoder =
      (struct encoder *)ZSTD_initStaticCCtx(workspace, size);
  return encoder && encoder_set_level(encoder, level) ? encoder : NULL;
}

size_t encoder_encode(struct encoder *encoder, void *out, const void *data,
                      size_t length) {
  size_t coded =
      ZSTD_compress2((ZSTD_CCtx *)encoder, out, length - 1, data, length);
  return ZSTD_isError(coded) ? 0 : coded;
}

struct decoder *decoder_init(void *workspace, size_t size) {
  return (struct decoder *)ZSTD_initStaticDCtx(workspace, size);
}

bool decoder_decode(struct decoder *decoder, void *out, size_t raw_length,
                    const void *data, size_t length) {
  /* Only the format of today, and only one frame: not the library's older
   * decoders, not skippable frames. */
  static const unsigned char magic[4] = {0x28, 0xb5, 0x2f, 0xfd};
  if (length < sizeof(magic) || __builtin_memcmp(data, magic, 4) != 0 ||
      ZSTD_getFrameContentSize(data, length) != raw_length ||
      ZSTD_findFrameCompressedSize(data, length) != length)
    return false;
  return ZSTD_decompressDCtx((ZSTD_DCtx *)decoder, out, raw_length, data,
                             length) == raw_length;
}
