//===- VariableTables.h - Tables of marked variables ------------*- C++ -*-===//
//
// What tells the runtime of the variables that the source marks. The invariant:
// a variable has an entry exactly where the linked object has the variable.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_VARIABLETABLES_H
#define HWCKPT_PLUGIN_VARIABLETABLES_H

#include "llvm/ADT/SmallPtrSet.h"

namespace llvm {
class GlobalVariable;
class Module;
class Value;
} // namespace llvm

namespace hwckpt {

/// Notes that \p Variable is left out of checkpoints, if it is defined here.
void excludeVariable(llvm::GlobalVariable &Variable);

/// Notes that writes to \p Variable are checkpoint events, if it is defined
/// here.
void watchVariable(llvm::GlobalVariable &Variable);

/// True if a table of \p M has entries.
bool hasVariableTables(const llvm::Module &M);

/// The variables of \p M whose writes are checkpoint events.
llvm::SmallPtrSet<llvm::Value *, 4> watchedVariables(llvm::Module &M);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_VARIABLETABLES_H
