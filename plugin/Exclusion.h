//===- Exclusion.h - Variables left out of checkpoints ----------*- C++ -*-===//
//
// The table of what hwckpt::exclude marks. The invariant: a variable has an
// entry exactly where the linked object has the variable.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_EXCLUSION_H
#define HWCKPT_PLUGIN_EXCLUSION_H

namespace llvm {
class GlobalVariable;
class Module;
} // namespace llvm

namespace hwckpt {

/// Adds \p Variable to the table, if it is defined here.
void excludeVariable(llvm::GlobalVariable &Variable);

/// True if \p M has entries.
bool hasExclusions(const llvm::Module &M);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_EXCLUSION_H
