/* build_id.h - the GNU build id of an ELF file. */
#ifndef HWCKPT_SUPPORT_BUILD_ID_H
#define HWCKPT_SUPPORT_BUILD_ID_H

#include <stddef.h>
#include <stdint.h>

/* Copies the build id; its length, 0 when the file has none or is no ELF. */
size_t build_id_read(const char *path, uint8_t *id, size_t size);

#endif
