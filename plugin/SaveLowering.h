//===- SaveLowering.h - __builtin_ckpt_save, _load and _watch ---*- C++ -*-===//
//
// Turns what the front end makes of __builtin_ckpt_save() into CKPT.SAVE, of
// __builtin_ckpt_load() into CKPT.LOAD, and of __builtin_ckpt_watch() into a
// call of hwckpt_watch(). The invariant: it is done in every function, whatever
// else is left out there; a call that was left would not link.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_SAVELOWERING_H
#define HWCKPT_PLUGIN_SAVELOWERING_H

namespace llvm {
class Module;
} // namespace llvm

namespace hwckpt {

/// Lowers all of \p M; true if there was anything to do.
bool lowerBuiltins(llvm::Module &M);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_SAVELOWERING_H
