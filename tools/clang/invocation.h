/* invocation.h - what a clang or flang command line asks for, as far as
 * -fhwckpt has to know it.
 */
#ifndef HWCKPT_CLANG_INVOCATION_H
#define HWCKPT_CLANG_INVOCATION_H

#include "argument_list.h"

#include <stdbool.h>

struct invocation {
  bool instrument;                  /* -fhwckpt, and no -fno-hwckpt behind it */
  bool refuse;                      /* -fno-hwckpt, and no -fhwckpt behind it */
  const char *hook;                 /* value of -fhwckpt-hook= */
  bool unknown_hook;                /* ... which is none */
  struct argument_list ignorelists; /* files of -fhwckpt-ignorelist= */
  bool fortran;                     /* flang: other front end, other options */
  bool front_end;    /* clang -cc1, flang -fc1: options of another program */
  bool assembler;    /* clang -cc1as */
  bool links;        /* the linker will run */
  bool executable;   /* ... and makes no shared or relocatable object */
  bool fixed;        /* ... and needs no shared libc */
  bool only_links;   /* ... of what is compiled already, with libc */
  bool preprocesses; /* -E, or a step of its own does it */
  bool lto;          /* objects are bitcode for the linker */
  bool writes_ir;    /* -emit-llvm */
  bool lld;          /* the linker is lld */
  bool quiet;        /* -w */
  struct argument_list objects; /* files that go to the linker as they are */
};

/* Reads the arguments of all, of which the first is the program's name (only
 * its last component counts), and adds those that are clang's own to *kept. */
void invocation_read(const struct argument_list *all,
                     struct invocation *invocation, struct argument_list *kept);

/* True if argument is an option of ours, which clang would not know. */
bool invocation_is_ours(const char *argument);

#endif
