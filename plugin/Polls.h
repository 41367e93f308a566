//===- Polls.h - Polls that the source asks for -----------------*- C++ -*-===//
//
// What the front end makes of __builtin_ckpt_poll(), until sites are placed: a
// call of HWCKPT_POLL_SYMBOL. The invariant: of each call one site comes, in
// every function.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_POLLS_H
#define HWCKPT_PLUGIN_POLLS_H

#include "llvm/ADT/SmallVector.h"

namespace llvm {
class CallInst;
class Function;
class Instruction;
class Module;
} // namespace llvm

namespace hwckpt {

bool isPoll(const llvm::Instruction &I);

/// Puts a poll in front of \p Before.
llvm::CallInst *createPoll(llvm::Instruction &Before);

/// The polls of \p F.
llvm::SmallVector<llvm::CallInst *, 4> findPolls(llvm::Function &F);

/// Tells optimisation what polls do: nothing to what it knows of, each where it
/// stands. True if that was not known.
bool describePolls(llvm::Module &M);

/// For modules that a linker is to instrument: gives polls something to call
/// if it does not. True if there are any.
bool definePolls(llvm::Module &M);

/// Forgets the function when no call is left.
void removePollFunction(llvm::Module &M);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_POLLS_H
