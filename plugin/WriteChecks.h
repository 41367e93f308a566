//===- WriteChecks.h - Writes to watched variables --------------*- C++ -*-===//
//
// Tells the runtime of the writes to variables marked hwckpt::watch. The
// invariant: behind every instruction that can be seen to write to one, the
// runtime is told, once, when the variable has its new value.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_WRITECHECKS_H
#define HWCKPT_PLUGIN_WRITECHECKS_H

namespace llvm {
class Module;
} // namespace llvm

namespace hwckpt {

/// Adds the checks that \p M lacks: before anything is optimised for what the
/// source writes, later for what has become visible. True if there were any.
bool addWriteChecks(llvm::Module &M);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_WRITECHECKS_H
