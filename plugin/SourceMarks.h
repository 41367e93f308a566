//===- SourceMarks.h - What the source asks for -----------------*- C++ -*-===//
//
// Takes over what the front end noted in the IR. The invariant: optimisation
// sees none of the notes, only metadata and attributes that it keeps.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_SOURCEMARKS_H
#define HWCKPT_PLUGIN_SOURCEMARKS_H

namespace llvm {
class Module;
} // namespace llvm

namespace hwckpt {

/// Does it for all of \p M; true if there was anything to do. Before anything
/// else is done with the module; doing it again finds nothing.
bool applySourceMarks(llvm::Module &M);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_SOURCEMARKS_H
