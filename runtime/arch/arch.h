/* arch.h - what the rooms above need of a processor; x86_64/ implements it.
 *
 * A port is a folder with these functions, syscall.h and the trap encodings of
 * hwckpt_isa.h. Everything here is async-signal-safe and uses neither libc nor
 * thread-local storage.
 */
#ifndef HWCKPT_ARCH_H
#define HWCKPT_ARCH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

/* ---- the interrupted context of a signal handler ---- */

uint64_t arch_context_pc(const ucontext_t *context);
void arch_context_set_pc(ucontext_t *context, uint64_t pc);
uint64_t arch_context_sp(const ucontext_t *context);
/* Whether words[i], on a stack, is of the registers in a signal frame; what was
 * interrupted then. */
bool arch_is_signal_frame(const uint64_t *words, uint64_t i, uint64_t *pc,
                          uint64_t *sp);
/* The system call that it would make where it was interrupted, and where that
 * was; whether the instruction there is one the caller finds out. */
struct arch_call;
bool arch_signal_frame_call(const uint64_t *words, uint64_t i,
                            struct arch_call *call, uint64_t *pc);
/* The signals blocked in the interrupted code, bit (n - 1) for signal n. */
uint64_t arch_context_sigmask(const ucontext_t *context);
/* The value that the interrupted instruction (a system call, or a checkpoint
 * instruction) leaves behind. */
int64_t arch_context_result(const ucontext_t *context);
void arch_context_set_result(ucontext_t *context, int64_t result);

/* Whether what a SIGSEGV came of was a write. */
bool arch_context_is_write(const ucontext_t *context);
/* The signal is not blocked in the interrupted code. */
void arch_context_unblock(ucontext_t *context, int number);

/* Arguments of the system call the context is about to make. */
uint64_t arch_context_argument(const ucontext_t *context, unsigned i);
void arch_context_set_argument(ucontext_t *context, unsigned i, uint64_t value);

#define ARCH_SYSCALL_LENGTH 2    /* bytes of the instruction, */
#define ARCH_SYSCALL_CODE 0x050F /* read as a number */

/* Whether the context has just returned from a system call (pc behind the
 * instruction), or is about to make one (pc at it). */
bool arch_context_after_syscall(const ucontext_t *context);
bool arch_context_at_syscall(const ucontext_t *context);
/* Of one at it: whether the last thing the thread did was this call, which the
 * kernel has put back. Where the processor does not tell, it is false. */
bool arch_context_was_in_syscall(const ucontext_t *context);
/* From after a system call to before it, to make it (again) as number; and
 * from before to after, as if it had returned result. */
void arch_context_rewind_syscall(ucontext_t *context, long number);
void arch_context_finish_syscall(ucontext_t *context, int64_t result);
/* The number of the system call just returned from, as the instructions before
 * it load it; -1 when the code does not tell. */
long arch_context_syscall_number(const ucontext_t *context);

/* A system call of the program's that is continued by another one. */
struct arch_continued {
  _Atomic uint32_t taken; /* cleared when the thread is back in its own code */
  uint32_t waits; /* 0: the other call does what is left of it, done is added to
                   * its result, an error counts as nothing. 1: the other call
                   * waits; above 0 the program's is made again, 0 is result.
                   * 2: it is the program's, with other arguments; its result
                   * stands */
  uint64_t done;
  uint64_t pc;   /* behind the program's system call */
  uint64_t kept; /* a register */
  uint64_t number;
  uint64_t arguments[6]; /* of the program's call */
  int64_t result;
};
/* The one that the context has just returned from; null: it has not. */
struct arch_continued *arch_context_continued(const ucontext_t *context);
/* The context is about to make the other call. */
bool arch_context_continues(const ucontext_t *context);
/* The context, just returned from the program's call `number`, is now as if it
 * had just returned from the other call. taken, waits, done and result are the
 * caller's to set. */
void arch_context_continue(ucontext_t *context, struct arch_continued *call,
                           long number);

/* ---- traps ---- */

/* Where a breakpoint (SIGTRAP) that stopped the context stands. */
uint64_t arch_breakpoint_address(const ucontext_t *context);
/* Decodes the checkpoint instruction (its trap form, or its NOP form) at the
 * context's pc: its immediate (HWCKPT_IMM), or 0 when it is none. */
uint32_t arch_checkpoint_instruction(const ucontext_t *context, bool trap);
/* The byte of a site that arms it, as a distance from its first, and in
 * *armed the value that does; -1: another's breakpoint stands there. */
int arch_site_byte(const unsigned char *site, unsigned char *armed);
/* Enters the runtime HWCKPT_ENTER_* and does nothing there. */
void arch_enter(int entry);
/* The filter program (seccomp) that traps HWCKPT_SYSCALL and allows all else:
 * installs it for all threads. 0 or a negative errno. */
long arch_catch_syscalls(void);
/* Makes the context stop with SIGTRAP (TRAP_TRACE) after one instruction. */
void arch_context_set_step(ucontext_t *context, bool step);

/* ---- threads ---- */

/* Starts a thread of this process with clone flags, stack and function; for
 * threads that libc does not know. Returns the tid or a negative errno. */
long arch_spawn(uint64_t flags, void *stack_top, void *tls,
                void (*function)(void *), void *argument);
/* The same through clone3 with a chosen thread id (0: any). */
long arch_spawn_as(uint64_t flags, int tid, void *stack_top, void *tls,
                   void (*function)(void *), void *argument);
/* Fills a block (page-aligned, at least 4096 bytes) as the least that code
 * built for libc finds at its thread pointer, and returns that pointer. */
void *arch_tls_fill(void *block);
/* The calling thread's thread pointers; without a system call where the
 * processor and the kernel of the process's start allow it: not in a restored
 * process, which may have come to others. */
void arch_read_tls_directly(bool allowed);
void arch_get_tls(uint64_t *fs, uint64_t *gs);
void arch_set_tls(uint64_t fs, uint64_t gs);

/* Continues at a signal frame, as if its handler had returned. `context` is
 * the ucontext inside the frame the kernel wrote. */
_Noreturn void arch_sigreturn(const ucontext_t *context);
/* The trampoline that the kernel's sigaction wants as sa_restorer. */
void arch_restorer(void);
/* Calls function(argument) on another stack and never comes back. */
_Noreturn void arch_on_stack(void *stack_top, void (*function)(void *),
                             void *argument);
/* Calls function(number, argument) on another stack and returns. */
void arch_call_on_stack(void *stack_top,
                        void (*function)(unsigned number, void *argument),
                        unsigned number, void *argument);
/* Unmaps [address, address + length), the calling code's own stack among it,
 * then continues at the frame. */
_Noreturn void arch_unmap_and_sigreturn(void *address, size_t length,
                                        const ucontext_t *context);

/* ---- threads that go back by themselves ---- */

/* What a call of a function keeps. */
struct arch_registers {
  uint64_t kept[6];
  uint64_t sp, pc; /* behind the call */
  uint32_t mxcsr;
  uint16_t x87;
};
/* The runtime's: what hwckpt_thread_save() does, with the registers of its
 * caller, and returns. */
int arch_thread_saved(const char *set, const struct arch_registers *registers)
    __attribute__((visibility("hidden")));
/* hwckpt_thread_save() returns once more, with result, on the stack of then,
 * where signals that the mask lets in are handled. */
_Noreturn void arch_come_back(const struct arch_registers *registers,
                              const uint64_t *mask, int result);

/* XCR0 and the bytes of the context's extended state, for the record. */
uint64_t arch_xstate_features(void);
uint32_t arch_xstate_size(const ucontext_t *context);

/* Components of the extended state, by their bits in XCR0: where they are in
 * the frames of this processor, 0: not there. Slow in a virtual machine. */
#define ARCH_XSTATE_PARTS 20u
struct arch_xstate {
  uint64_t features;
  uint32_t offset[ARCH_XSTATE_PARTS], length[ARCH_XSTATE_PARTS];
};
void arch_xstate_look(struct arch_xstate *here);

/* Components that are not in their initial state; the others are taken out of
 * the context, which is of this processor and means the same without them. */
uint64_t arch_xstate_used(const struct arch_xstate *here, ucontext_t *context);

/* A context from a processor that has more of them becomes one of this
 * processor; what it has in use is here, at the same offsets. */
void arch_xstate_fit(const struct arch_xstate *here, ucontext_t *context);

/* Instruction sets that code may ask the processor for and use, a bit each;
 * slow in a virtual machine. A word or a bit has one meaning for ever. */
#define ARCH_INSTRUCTION_WORDS 10u
void arch_instructions(uint32_t words[ARCH_INSTRUCTION_WORDS]);
/* As /proc/cpuinfo names it. */
const char *arch_instruction_name(unsigned word, unsigned bit);

/* One turn of a short wait. */
void arch_relax(void);

/* ---- system calls of the program's libc, told before they are made ---- */

struct arch_call {
  uint64_t number;
  uint64_t arguments[6];
};

#define ARCH_PROGRAM_CALLS 768u
#define ARCH_PROGRAM_CALLS_STUB 80u /* bytes of one */
#define ARCH_PROGRAM_CALLS_STUBS                                               \
  ((size_t)ARCH_PROGRAM_CALLS * ARCH_PROGRAM_CALLS_STUB)
/* As a number that is wanted: all calls whose number is not told by the code in
 * front of them. */
#define ARCH_CALL_ANY UINT32_MAX

/* Notes the places in the code [begin, end) that make one of the wanted system
 * calls, and were not changed yet; ascending. False: there are too many, or one
 * cannot be changed. */
bool arch_program_calls_find(uint64_t begin, uint64_t end,
                             bool (*wanted)(uint32_t number));
/* Forgets those that have not been changed. */
void arch_program_calls_drop(void);
/* Changes all that are noted since the last time, so that each comes through
 * arch_before_call(). -ENOENT: there are none. Memory is
 * the program's, ARCH_PROGRAM_CALLS_STUBS bytes, writable, near the code, and
 * becomes code. No thread of the program runs. 0 or a negative errno, and
 * nothing is changed. */
long arch_program_calls_change(void *memory);
bool arch_program_calls_changed(void);
/* The number that a changed place whose system call is at pc makes; -1. */
long arch_program_call_number(uint64_t pc);
/* Where the program has the system call that is made at pc in its place. */
uint64_t arch_program_call_place(uint64_t pc);
/* Of a thread that was stopped between being told and the call, or is to make
 * the call again: it is told again. */
void arch_context_restart_call(ucontext_t *context);

/* semtimedop(2), which also stores its result at *result: with the next
 * instruction, or, where a thread is stopped before it,
 * arch_context_store_result() in the handler does. */
long arch_semtimedop(long id, const void *operations, long count,
                     const void *timeout, long *result);
void arch_context_store_result(ucontext_t *context);

/* The runtime's: called on the program's thread with the call that comes, whose
 * arguments it may change; may use general registers only. Returns
 * arch_call_epoch as it was when it began; it is called again if that has
 * changed. */
uint32_t arch_before_call(struct arch_call *call)
    __attribute__((visibility("hidden")));
extern _Atomic uint32_t arch_call_epoch __attribute__((visibility("hidden")));

/* ---- memory ---- */

/* Copies one page of 4096 bytes, both aligned. */
void arch_copy_page(void *to, const void *from);

#endif
