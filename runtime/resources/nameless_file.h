/* nameless_file.h - regular files that have no name any more, or never had:
 * tmpfile(), O_TMPFILE, open-and-unlink, memfd_create(2).
 *
 * Nobody else can bring the content back, so it is part of the checkpoint: an
 * extent a record, holes left out; what is mapped shared is in the pages of the
 * generation instead. Used by the kinds of descriptors of such files, and by
 * the restorer. */
#ifndef HWCKPT_RESOURCES_NAMELESS_FILE_H
#define HWCKPT_RESOURCES_NAMELESS_FILE_H

#include "resource.h"

/* Whether the descriptor is of such a file. */
bool nameless_file_is(const Descriptor *message);
/* Whether a lower descriptor is of the same file. */
bool nameless_file_is_saved(const struct resource_sink *sink,
                            const Descriptor *message);
/* Puts its record and those of its content. */
int nameless_file_save(struct resource_sink *sink, const Descriptor *message,
                       struct hwckpt_error *error);

/* The record of the file that the descriptor is of; the extents begin at the
 * record after *index. */
int nameless_file_find(const struct resource_source *source,
                       const Descriptor *message, DeletedFile *file,
                       size_t *index, struct hwckpt_error *error);
/* A new empty file that is like the one at `path`, where that was if possible:
 * a descriptor for reading and writing, or a negative errno. */
long nameless_file_create(const char *path, const DeletedFile *file);
/* Gives it its owner and mode; again when it is filled, as writing takes some
 * of that away. Who may not give files away keeps it. */
void nameless_file_own(int file, const DeletedFile *is);
/* Writes one record of its content. */
int nameless_file_write(const void *extent, size_t length, int file,
                        const char *path, struct hwckpt_error *error);
/* An open file of its own for the descriptor, with its flags and offset, of
 * what `file` is open on: a descriptor, or a negative code. */
int nameless_file_open(const Descriptor *message, int file,
                       struct hwckpt_error *error);

#endif
