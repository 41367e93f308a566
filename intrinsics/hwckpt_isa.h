/* hwckpt_isa.h - what the compiler plugin and the runtime must agree on.
 *
 * The single source of the checkpoint instruction's encodings, of the site
 * table's layout and of the symbols that instrumented code refers to. Plain C
 * that the C++ plugin, the C17 runtime and assembly (with __ASSEMBLER__) read.
 * A change here is a change of HWCKPT_ISA_VERSION.
 */
#ifndef HWCKPT_ISA_H
#define HWCKPT_ISA_H

#define HWCKPT_ISA_VERSION 3

/* Checkpoint instructions, x86-64. All are 8 bytes:
 *
 *   0F <byte1> 84 00 <imm32>
 *
 * byte1 = 1F: NOP r/m32 (every processor runs it as a NOP),
 * byte1 = B9: UD1, a trap (#UD) that the runtime takes as the operation.
 * The imm32 is the displacement of the memory operand, which neither form
 * accesses: HWCKPT_MAGIC in the upper half, the operation in bits 8..15, the
 * site kind in bits 0..7.
 */
#define HWCKPT_INSN_LENGTH 8
#define HWCKPT_INSN_BYTE0 0x0F
#define HWCKPT_INSN_NOP 0x1F  /* byte 1, not armed */
#define HWCKPT_INSN_TRAP 0xB9 /* byte 1, armed (UD1) */
#define HWCKPT_INSN_MODRM 0x84
#define HWCKPT_INSN_SIB 0x00

#define HWCKPT_MAGIC 0x4857 /* "HW" */
#ifdef __ASSEMBLER__
#define HWCKPT_IMM(op, kind) ((HWCKPT_MAGIC << 16) | ((op) << 8) | (kind))
#else
#define HWCKPT_IMM(op, kind)                                                   \
  (((unsigned)HWCKPT_MAGIC << 16) | ((unsigned)(op) << 8) | (unsigned)(kind))
#endif
#define HWCKPT_IMM_MAGIC(imm) ((unsigned)(imm) >> 16)
#define HWCKPT_IMM_OP(imm) (((unsigned)(imm) >> 8) & 0xFF)
#define HWCKPT_IMM_KIND(imm) ((unsigned)(imm) & 0xFF)

/* Operations. */
#define HWCKPT_OP_POLL 0 /* checkpoint here if a request is pending */
#define HWCKPT_OP_SAVE 1 /* always checkpoint; the result comes in eax */
#define HWCKPT_OP_LOAD                                                         \
  2                      /* roll back; the error comes in eax if it cannot be  \
                          */
#define HWCKPT_OP_NONE 3 /* enter and go on, to see what that costs */

/* The other ways into the runtime. They stand for the same operations.
 *
 * Interrupt: a breakpoint instruction, and behind it the NOP form with the
 * operation, which tells it from a debugger's.
 *
 * System call: a number that no kernel uses, in eax; the result comes in eax.
 * Where nobody catches it the kernel says ENOSYS, and the instruction that
 * follows, with the entry HWCKPT_ENTRY_SYSCALL instead of a site kind, has the
 * runtime catch those to come and performs the operation. */
#define HWCKPT_SYSCALL(op) (0x04857000 + (op))
#define HWCKPT_ENTRY_SYSCALL 0x80

/* The variable that says which of them code takes that carries all: int, one of
 * HWCKPT_ENTER_*. Where no runtime is linked it is not there. */
#define HWCKPT_HOOK_SYMBOL "__hwckpt_hook"
#define HWCKPT_ENTER_TRAP 0 /* the instruction itself */
#define HWCKPT_ENTER_SYSCALL 1
#define HWCKPT_ENTER_INTERRUPT 2
#define HWCKPT_ENTER_COUNT 3

/* A variable of the runtime by which a program finds out what is there: const
 * struct hwckpt_isa, referred to weakly. Where no runtime is, it is not there.
 */
#define HWCKPT_ISA_SYMBOL "__hwckpt_isa"

/* A function of the runtime that measures the ways in: int (unsigned long
 * times[HWCKPT_ENTER_COUNT]). Each is nanoseconds of one HWCKPT_OP_NONE, there
 * and back, the fastest of many; 0: no way in here. It returns the cheapest. */
#define HWCKPT_MEASURE_SYMBOL "__hwckpt_measure_hooks"

/* Site kinds; each has a section of the site table of its own. */
#define HWCKPT_KIND_LOOP 0      /* loop back-edge */
#define HWCKPT_KIND_RECURSION 1 /* recursion entry */
#define HWCKPT_KIND_ANNOTATED 2 /* asked for in the source */
#define HWCKPT_KIND_COUNT 3

/* The site table: per kind one section of 4-byte entries, each the distance
 * from the entry itself to the site's first byte (`.long site - .`). A site is
 * a place between instructions, or CKPT.POLL in its NOP form. The sections
 * carry SHF_LINK_ORDER to the text that holds the site. */
#define HWCKPT_SECTION_LOOP "hwckpt_sites_loop"
#define HWCKPT_SECTION_RECURSION "hwckpt_sites_recursion"
#define HWCKPT_SECTION_ANNOTATED "hwckpt_sites_annotated"

/* Variables that are left out of checkpoints: an array of struct
 * hwckpt_excluded, each entry with SHF_LINK_ORDER to its variable. Not a name
 * of the public functions: assemblers have sections for symbols. */
#define HWCKPT_SECTION_EXCLUDE "hwckpt_excluded_table"

/* Variables whose writes are checkpoint events: an array of struct
 * hwckpt_watched, likewise. A program has so many of them at most. */
#define HWCKPT_SECTION_WATCH "hwckpt_watched_table"
#define HWCKPT_WATCHED_MAX 256

/* The software breakpoint that arms a site without an instruction. */
#define HWCKPT_BREAKPOINT 0xCC

/* Called by a constructor (destructor) of every instrumented executable or
 * shared object, once each however many translation units it has. The
 * reference is weak: an instrumented shared object works in a program without
 * the runtime. */
#define HWCKPT_REGISTER_SYMBOL "__hwckpt_register_module"
#define HWCKPT_UNREGISTER_SYMBOL "__hwckpt_unregister_module"

/* An ELF note without content by which a program is known that has the runtime
 * linked in. */
#define HWCKPT_NOTE_NAME "hwckpt"
#define HWCKPT_NOTE_RUNTIME 1u

/* What the front end makes of __builtin_ckpt_save() and __builtin_ckpt_load():
 * calls of these functions, int (void), which the pass replaces by CKPT.SAVE
 * and CKPT.LOAD. Nothing defines them. Where no runtime is linked
 * (HWCKPT_REGISTER_SYMBOL is null) the result is -ENOSYS and the instruction is
 * not reached. */
#define HWCKPT_SAVE_SYMBOL "__hwckpt_builtin_save"
#define HWCKPT_LOAD_SYMBOL "__hwckpt_builtin_load"

/* What the front end makes of __builtin_ckpt_poll(): a call of this function,
 * void (void), which the pass replaces by a site of HWCKPT_KIND_ANNOTATED. */
#define HWCKPT_POLL_SYMBOL "__hwckpt_builtin_poll"

/* What the front end makes of __builtin_ckpt_watch(): a call of this function,
 * int (void *, size_t), which the pass replaces by one of the public function,
 * or by -ENOSYS where that is not there. */
#define HWCKPT_WATCH_SYMBOL "__hwckpt_builtin_watch"
#define HWCKPT_WATCH_FUNCTION "hwckpt_watch"

/* Called behind a write to a watched variable that the compiler sees, and
 * before and behind a call that may write to it. All references are weak. */
#define HWCKPT_WATCH_WRITTEN_SYMBOL "__hwckpt_watch_written"
#define HWCKPT_WATCH_BEFORE_SYMBOL "__hwckpt_watch_before"
#define HWCKPT_WATCH_AFTER_SYMBOL "__hwckpt_watch_after"
/* Functions of the compiler's own that call these if there is a runtime. */
#define HWCKPT_WATCH_CHECK_SUFFIX "_check"

/* Attributes of the source as the front end hands them over, in
 * llvm.global.annotations. */
#define HWCKPT_NOPOLL_ANNOTATION "hwckpt::nopoll"
#define HWCKPT_SITE_ANNOTATION "hwckpt::site"
#define HWCKPT_EXCLUDE_ANNOTATION "hwckpt::exclude"
#define HWCKPT_WATCH_ANNOTATION "hwckpt::watch"

/* Of loops (llvm.loop): has no site, wherever it was inlined to. */
#define HWCKPT_NOPOLL_METADATA "hwckpt.nopoll"

/* Functions that get no sites: those with this attribute in the IR, and those
 * whose name begins with this prefix (the runtime's own). */
#define HWCKPT_NOPOLL_ATTRIBUTE "hwckpt-nopoll"
#define HWCKPT_NOPOLL_LISTED "ignorelist" /* its value if a file says so */
#define HWCKPT_RUNTIME_PREFIX "__hwckpt"

/* Functions whose polls are instructions, in IR that the linker instruments. */
#define HWCKPT_INSTRUCTION_ATTRIBUTE "hwckpt-insn"

/* What marks IR as instrumented, so that it never is twice: a flag of modules,
 * whose value is HWCKPT_ISA_VERSION, and an attribute of functions. Modules
 * that are linked together as IR mix both. */
#define HWCKPT_MODULE_FLAG "hwckpt"
#define HWCKPT_DONE_ATTRIBUTE "hwckpt-done"

/* Functions that are linked as IR with others of the program. */
#define HWCKPT_LINKED_ATTRIBUTE "hwckpt-linked"

/* Functions that get their sites when their code is there; the value is
 * HWCKPT_LATE_RECURSION where some are for recursion. What such a site comes
 * before are calls of functions that have the same HWCKPT_COMPONENT_ATTRIBUTE,
 * or have HWCKPT_OUTSIDE_ATTRIBUTE. */
#define HWCKPT_LATE_ATTRIBUTE "hwckpt-late"
#define HWCKPT_LATE_RECURSION "recursion"
#define HWCKPT_COMPONENT_ATTRIBUTE "hwckpt-component"
#define HWCKPT_OUTSIDE_ATTRIBUTE "hwckpt-outside"

/* Of the terminators of a loop's header and latches: the edges between those
 * that have the same need no site. */
#define HWCKPT_ELIDED_HEADER_METADATA "hwckpt.elided.header"
#define HWCKPT_ELIDED_LATCH_METADATA "hwckpt.elided.latch"

/* An ELF note of the compiler plugins, for the driver: its descriptor is the
 * major version of the LLVM that the plugin is for, four bytes. */
#define HWCKPT_NOTE_SECTION ".note.hwckpt"
#define HWCKPT_NOTE_NAME "hwckpt"
#define HWCKPT_NOTE_LLVM 1

#ifndef __ASSEMBLER__
#ifdef __cplusplus
extern "C" {
#endif

struct hwckpt_isa {
  unsigned version;    /* HWCKPT_ISA_VERSION of the runtime */
  unsigned operations; /* bits 1 << HWCKPT_OP_* that it performs */
  unsigned entries;    /* bits 1 << HWCKPT_ENTER_* that it takes them by */
};

struct hwckpt_excluded {
  void *address;
  unsigned long length; /* bytes */
};

struct hwckpt_watched {
  void *address;
  unsigned long length; /* bytes */
  const char *name;     /* as the source calls it */
};

/* One module's tables, as the compiler emits it (hidden, comdat). begin and end
 * may both be null when a table has no entry. */
struct hwckpt_module {
  unsigned version; /* HWCKPT_ISA_VERSION */
  unsigned kinds;   /* HWCKPT_KIND_COUNT */
  struct {
    const int *begin, *end;
  } sites[HWCKPT_KIND_COUNT];
  struct {
    const struct hwckpt_excluded *begin, *end;
  } excluded;
  struct {
    const struct hwckpt_watched *begin, *end;
  } watched;
};

int __hwckpt_measure_hooks(unsigned long times[HWCKPT_ENTER_COUNT]);

void __hwckpt_register_module(const struct hwckpt_module *module);
void __hwckpt_unregister_module(const struct hwckpt_module *module);

/* What before() returns is for after(). */
void __hwckpt_watch_written(const void *variable);
unsigned long __hwckpt_watch_before(const void *variable);
void __hwckpt_watch_after(const void *variable, unsigned long before);

#ifdef __cplusplus
}
#endif
#endif /* __ASSEMBLER__ */
#endif
