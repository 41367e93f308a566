//===- Exclusion.cpp - Variables left out of checkpoints ------------------===//
//
// An entry refers to its variable, which so stays one object in memory, and is
// associated with it: linkers keep or drop both.
//
//===----------------------------------------------------------------------===//

#include "Exclusion.h"
#include "intrinsics/hwckpt_isa.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/GlobalVariable.h"
#include "llvm/IR/Metadata.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

using namespace llvm;

void hwckpt::excludeVariable(GlobalVariable &Variable) {
  if (Variable.isDeclarationForLinker())
    return;
  Module &M = *Variable.getParent();
  LLVMContext &Context = M.getContext();
  uint64_t Length = M.getDataLayout().getTypeAllocSize(Variable.getValueType());
  // struct hwckpt_excluded.
  Constant *Fields = ConstantStruct::getAnon(
      {&Variable, ConstantInt::get(Type::getInt64Ty(Context), Length)});
  auto *Entry = new GlobalVariable(M, Fields->getType(), /*isConstant=*/true,
                                   GlobalValue::PrivateLinkage, Fields,
                                   "__hwckpt_excluded");
  Entry->setSection(HWCKPT_SECTION_EXCLUDE);
  Entry->setAlignment(Align(8));
  Entry->setComdat(Variable.getComdat());
  Entry->setMetadata(LLVMContext::MD_associated,
                     MDNode::get(Context, ValueAsMetadata::get(&Variable)));
  appendToCompilerUsed(M, {Entry});
}

bool hwckpt::hasExclusions(const Module &M) {
  return any_of(M.globals(), [](const GlobalVariable &Variable) {
    return Variable.getSection() == HWCKPT_SECTION_EXCLUDE;
  });
}
