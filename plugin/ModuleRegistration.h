//===- ModuleRegistration.h - Site table of an executable -------*- C++ -*-===//
//
// Tells the runtime where the site table of an executable or shared object is.
// The invariant: once for each, however many translation units it was made of,
// and never where the runtime is not linked.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_MODULEREGISTRATION_H
#define HWCKPT_PLUGIN_MODULEREGISTRATION_H

namespace llvm {
class Function;
class FunctionType;
class Module;
} // namespace llvm

namespace hwckpt {

/// Adds the constructor and destructor that register \p M's site table.
void addModuleRegistration(llvm::Module &M);

/// The runtime's entry \p Name, void (ptr) or of \p Type; null at run time
/// where no runtime is linked.
llvm::Function *runtimeFunction(llvm::Module &M, const char *Name,
                                llvm::FunctionType *Type = nullptr);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_MODULEREGISTRATION_H
