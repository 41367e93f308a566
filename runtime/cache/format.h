/* format.h - the bytes of the cache on flash; docs/format.md tells them in
 * words.
 *
 * Invariant: every byte of a generation file is covered by exactly one
 * checksum, every byte of a segment that is ever read by one, and no length,
 * count or offset is used before it was checked against the file it came from.
 *
 * A generation file:
 *
 *   tag  CacheHeader | frames of pages | frames of records | index | hashes |
 *   CacheCommit  tag
 *
 * A segment, to whose frames of pages generation files refer:
 *
 *   tag  CacheSegment  zeros to 4096 | frames
 *
 * Of an encrypted generation frames, index and hashes are sealed each
 * (cipher.h), and the commit record vouches for itself and the header.
 *
 * Version 1 had neither segments nor hashes, version 2 no encryption; up to
 * version 3 a part had a log of its own. All integers are little-endian.
 */
#ifndef HWCKPT_CACHE_FORMAT_H
#define HWCKPT_CACHE_FORMAT_H

#include "cache.h"
#include "cache.pb.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the cache's structures are read and written as they lie");

/* Raised with every change that an older reader would misread. What is written
 * is of this version, what is read may be of any down to the oldest. */
#define FORMAT_VERSION 4u
#define FORMAT_VERSION_OLDEST 1u

#define FORMAT_MARKER_FILE "hwckpt-cache"
#define FORMAT_MARKER_MAX 64u /* bytes */
#define FORMAT_LOCK_FILE "lock"
#define FORMAT_READERS_FILE "readers"
#define FORMAT_KEY_FILE "key"
#define FORMAT_WRITERS_FILE "writers"
#define FORMAT_NUMBERS_FILE "numbers"
#define FORMAT_CONTENT_FILE "content.tmp"
#define FORMAT_HASHES_FILE "hashes.tmp"
#define FORMAT_EXTENTS_FILE "extents.tmp"
#define FORMAT_TEMPORARY_SUFFIX ".tmp"

/* A frame is the unit of coding and of checksums. Page frames hold
 * FORMAT_FRAME_PAGES pages (a generation's last one fewer), record frames up to
 * FORMAT_FRAME_BYTES of the records' byte stream. */
#define FORMAT_FRAME_PAGES 64u
#define FORMAT_FRAME_BYTES (FORMAT_FRAME_PAGES * 4096u)
#define FORMAT_FRAME_PAGES_MAX 1024u /* a reader takes frames up to this */

#define FORMAT_RECORD_MAX (1u << 20)         /* bytes of one record */
#define FORMAT_RECORDS_MAX (256ull << 20)    /* bytes of all of them */
#define FORMAT_MESSAGE_MAX 512u              /* bytes of a tagged message */
#define FORMAT_SLOTS_MAX (UINT64_C(1) << 32) /* pages of one generation */

/* A message and its checksum. The checksum is the hash of the message, seeded
 * with the hash of the 16 bytes before the checksum. These 24 bytes stay as
 * they are in every version, so that each version can be told from damage. */
struct format_tag {
  char magic[8];
  uint32_t version;
  uint32_t length; /* bytes of the message */
  uint64_t checksum;
};

#define FORMAT_MAGIC_HEADER "HWCKPTG\n"   /* message follows the tag */
#define FORMAT_MAGIC_COMMIT "HWCKPTC\n"   /* message precedes the tag */
#define FORMAT_MAGIC_RESTORES "HWCKPTR\n" /* message follows the tag */
#define FORMAT_MAGIC_SEGMENT "HWCKPTS\n"  /* message follows the tag */
#define FORMAT_MAGIC_KEY "HWCKPTK\n"      /* message follows the tag */

/* The index: all frames (pages first, then records), then all extents, then
 * all holes. Frames in the generation's own file (segment 0) lie one after the
 * other from the end of the header. */
struct format_frame {
  uint64_t offset;   /* in the segment, or in the generation's file */
  uint64_t checksum; /* of the stored bytes */
  uint32_t segment;  /* 0: the generation's own file */
  uint32_t stored;   /* bytes there; equal to raw: stored as it is */
  uint32_t raw;      /* bytes after decoding */
  uint32_t flags;    /* FORMAT_FRAME_* */
};
#define FORMAT_FRAME_HASHED 1u /* the hashes of its pages are in this file */
#define FORMAT_FRAME_FLAGS 1u  /* all there are */

/* From this version on the parts of an application write to its log. */
#define FORMAT_VERSION_SHARED 4u

/* The same in version 1: all in the generation's own file. */
struct format_frame_1 {
  uint32_t stored, raw;
  uint64_t checksum;
};

/* Hash of a page's content, for pages of frames with FORMAT_FRAME_HASHED. */
struct format_page_hash {
  uint64_t low, high; /* XXH3, 128 bits */
};

/* Segments: the header's block, then frames up to about FORMAT_SEGMENT_BYTES.
 * A frame stored as it is begins at a multiple of CACHE_PAGE_SIZE, and so does
 * what a generation adds. */
#define FORMAT_SEGMENT_HEADER 4096u
#define FORMAT_SEGMENT_BYTES (UINT64_C(256) << 20)
#define FORMAT_SEGMENT_LIMIT                                                   \
  (UINT64_C(1) << 32) /* a reader takes up to this                             \
                       */

/* Pages at `address` are `count` slots from `slot` on; slot s is page
 * s % frame_pages of page frame s / frame_pages. Ascending and disjoint. */
struct format_extent {
  uint64_t address;
  uint32_t slot, count;
};

/* Ascending, disjoint and not adjacent. */
struct format_hole {
  uint64_t begin, end;
};

/* Each record in the stream of records: this, then its bytes. */
struct format_record {
  uint32_t type, length;
};

/* ---- hashes and tagged messages (format.c) ---- */

/* XXH3, 64 bits. */
uint64_t format_hash(const void *data, size_t length);
/* The same of what comes in pieces. */
struct format_hashing {
  _Alignas(64) unsigned char state[576];
};
void format_hash_begin(struct format_hashing *hashing);
void format_hash_add(struct format_hashing *hashing, const void *data,
                     size_t length);
uint64_t format_hash_end(const struct format_hashing *hashing);
/* XXH3, 128 bits, of a page. */
struct format_page_hash format_hash_page(const void *page, uint64_t seed);

enum format_status {
  FORMAT_OK,
  FORMAT_NOT_ONE, /* another magic: no such message here */
  FORMAT_DAMAGED, /* checksum, length or encoding are wrong */
  FORMAT_OTHER,   /* whole, but of a version that is not read here */
};

/* Fills tag for the message. */
void format_seal(struct format_tag *tag, const char *magic, const void *message,
                 size_t length);

/* Checks magic and length only, so that the message can be fetched. */
enum format_status format_check_tag(const struct format_tag *tag,
                                    const char *magic);

/* Checks the whole. */
enum format_status format_check(const struct format_tag *tag, const char *magic,
                                const void *message);

/* Encode into buffer of FORMAT_MESSAGE_MAX bytes, returning the length; decode
 * false when malformed. */
size_t format_encode_header(const CacheHeader *header, void *buffer);
size_t format_encode_commit(const CacheCommit *commit, void *buffer);
size_t format_encode_restores(const CacheRestores *restores, void *buffer);
size_t format_encode_segment(const CacheSegment *segment, void *buffer);
size_t format_encode_key(const CacheKey *key, void *buffer);
bool format_decode_header(CacheHeader *header, const void *data, size_t length);
bool format_decode_commit(CacheCommit *commit, const void *data, size_t length);
bool format_decode_restores(CacheRestores *restores, const void *data,
                            size_t length);
bool format_decode_segment(CacheSegment *segment, const void *data,
                           size_t length);
bool format_decode_key(CacheKey *key, const void *data, size_t length);

/* What the seal of a commit record is bound to: the messages of header and
 * commit record, that one up to its seal, which ends it. */
struct format_vouched {
  uint64_t use; /* 'c' */
  uint64_t header_length;
  unsigned char bytes[2 * FORMAT_MESSAGE_MAX];
  size_t length; /* of all of it, up to here; not part of it */
};
/* False: the commit record ends with no seal. */
bool format_vouch(struct format_vouched *vouched, const void *header,
                  size_t header_length, const void *commit,
                  size_t commit_length);

/* ---- the marker and names (names.c) ---- */

/* Writes the marker's text; returns its length. */
size_t format_marker(char buffer[FORMAT_MARKER_MAX]);
enum format_status format_check_marker(const char *text, size_t length,
                                       unsigned *version);

bool format_valid_application(const char *name);
bool format_valid_part(const char *name);
/* "APPLICATION" (part is null then) or "APPLICATION/PART"; false: neither. */
bool format_split_name(const char *name, char application[CACHE_NAME_MAX],
                       const char **part);
#define FORMAT_FILE_MAX 48u /* bytes of a file name, with NUL */
void format_generation_file(char name[FORMAT_FILE_MAX], uint64_t number,
                            const char *suffix);
#define FORMAT_SUFFIX_GENERATION ".ckpt"
#define FORMAT_SUFFIX_RESTORES ".restores"

/* The number of a committed generation's file name; 0: it is none. */
uint64_t format_parse_generation(const char *name);

/* The same for a segment, whose number fits 32 bits. */
void format_segment_file(char name[FORMAT_FILE_MAX], uint32_t number);
uint64_t format_parse_segment(const char *name);
/* The same for an undo log. */
void format_undo_file(char name[FORMAT_FILE_MAX], uint64_t number);
uint64_t format_parse_undo(const char *name);
bool format_is_temporary(const char *name);
bool format_same_name(const char *a, const char *b);

#endif
