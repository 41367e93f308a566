/* elf_file.h - what hwckpt looks up in ELF files: the build-id, whether the
 * runtime is linked in, sections. The files are anyone's: every offset is
 * checked against the file's size before use. */
#ifndef HWCKPT_ELF_FILE_H
#define HWCKPT_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUILD_ID_MAX 32

struct elf_file {
  int fd;
  const unsigned char *data; /* the whole file, mapped read-only */
  size_t size;
};

/* Opens path. Returns 0 or a negative errno; -ENOEXEC when it is no ELF file of
 * this machine. The caller owns it until elf_close(). */
int elf_open(struct elf_file *elf, const char *path);
void elf_close(struct elf_file *elf);

/* Writes the build-id (NT_GNU_BUILD_ID); returns its length, 0: it has none, or
 * one longer than BUILD_ID_MAX. */
size_t elf_build_id(const struct elf_file *elf, unsigned char id[BUILD_ID_MAX]);

/* The same for an ELF image in memory that is as the kernel made it (vdso). */
size_t elf_build_id_in_memory(const void *image, size_t size,
                              unsigned char id[BUILD_ID_MAX]);

/* Whether the file is a program with hwckpt's runtime in it. */
bool elf_has_runtime(const struct elf_file *elf);

enum elf_loader {
  ELF_LOADER_NONE,    /* it is linked statically */
  ELF_LOADER_FOREIGN, /* of a libc that the runtime is not made for */
  ELF_LOADER_GLIBC
};

/* What loads it and its libraries. */
enum elf_loader elf_loader(const struct elf_file *elf);

/* Its header's e_type (ET_EXEC ...) and e_machine. */
unsigned elf_type(const struct elf_file *elf);
unsigned elf_machine(const struct elf_file *elf);

/* Whether it has code at this address (as linked). */
bool elf_is_code(const struct elf_file *elf, uint64_t address);

struct elf_section {
  const char *name;
  uint64_t address, size;
  const unsigned char *data; /* null: not in the file (SHT_NOBITS) */
};

/* The section at index, from 0. Returns 0, -ENOENT behind the last one, or
 * -EBADMSG when it is not wholly in the file. */
int elf_section(const struct elf_file *elf, uint64_t index,
                struct elf_section *section);

#endif
