//===- Ignorelist.h - Files and functions left without sites ----*- C++ -*-===//
//
// -fhwckpt-ignorelist=, in the format of LLVM's special case lists.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_IGNORELIST_H
#define HWCKPT_PLUGIN_IGNORELIST_H

namespace llvm {
class Module;
} // namespace llvm

namespace hwckpt {

/// Marks what the lists name in \p M as without sites; true if there was
/// anything to mark. A list that cannot be read is an error of the compilation.
bool applyIgnorelist(llvm::Module &M);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_IGNORELIST_H
