//===- Hooks.h - How compiled code enters the runtime -----------*- C++ -*-===//
//
// The system hook that -fhwckpt-hook= chooses, and the text that the assembler
// sees of it.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_HOOKS_H
#define HWCKPT_PLUGIN_HOOKS_H

#include <string>

namespace llvm {
class Function;
} // namespace llvm

namespace hwckpt {

enum class Hook {
  /// Polls are places between instructions; saves are CKPT.SAVE.
  Trap,
  /// Polls are CKPT.POLL, a NOP; saves as with Trap.
  Instruction,
  /// Saves are system calls; polls as with Trap.
  SystemCall,
  /// Saves are breakpoints; polls as with Trap.
  Interrupt,
  /// Saves are all three, and the runtime chooses; polls as with Trap.
  Automatic,
};

/// What the command line asks for.
Hook requestedHook();

/// Notes in \p F, which the linker will instrument, what was asked for.
void noteHook(llvm::Function &F);
/// True if the polls of \p F are instructions.
bool pollsAreInstructions(const llvm::Function &F);

/// The bytes of a checkpoint instruction, as data: no assembler has to know
/// the operands' form. \p Trap is its trap form, else its NOP form.
std::string instructionText(bool Trap, unsigned Operation, unsigned Kind);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_HOOKS_H
