/* site_table.h - the site table of a linked program or shared object, read from
 * its file (the layout is that of intrinsics/hwckpt_isa.h). */
#ifndef HWCKPT_SITE_TABLE_H
#define HWCKPT_SITE_TABLE_H

#include "elf_file.h"
#include "runtime/error.h"

struct site {
  uint64_t address; /* as linked */
  unsigned kind;    /* HWCKPT_KIND_ */
};

struct site_table {
  struct site *sites; /* by ascending address */
  size_t count;
};

/* Reads the table of elf, whose path is for messages. Fails with NOT_ELF,
 * NOT_INSTRUMENTED, ELF_DAMAGED or RESTORE_MEMORY. The caller ends it with
 * site_table_free(). */
int site_table_read(const struct elf_file *elf, const char *path,
                    struct site_table *table, struct hwckpt_error *error);
void site_table_free(struct site_table *table);

/* The word for a kind: "loop". */
const char *site_kind(unsigned kind);

#endif
