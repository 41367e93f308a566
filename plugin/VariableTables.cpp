//===- VariableTables.cpp - Tables of marked variables --------------------===//
//
// An entry refers to its variable, which so stays one object in memory, and is
// associated with it: linkers keep or drop both.
//
//===----------------------------------------------------------------------===//

#include "VariableTables.h"
#include "intrinsics/hwckpt_isa.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Demangle/Demangle.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/GlobalVariable.h"
#include "llvm/IR/Metadata.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

using namespace llvm;

/// The address of \p Variable, its length, and \p More.
static void addEntry(GlobalVariable &Variable, const char *Section,
                     ArrayRef<Constant *> More) {
  Module &M = *Variable.getParent();
  LLVMContext &Context = M.getContext();
  uint64_t Length = M.getDataLayout().getTypeAllocSize(Variable.getValueType());
  SmallVector<Constant *, 3> Fields = {
      &Variable, ConstantInt::get(Type::getInt64Ty(Context), Length)};
  append_range(Fields, More);
  Constant *Values = ConstantStruct::getAnon(Fields);
  auto *Entry = new GlobalVariable(M, Values->getType(), /*isConstant=*/true,
                                   GlobalValue::PrivateLinkage, Values,
                                   "__hwckpt_marked");
  Entry->setSection(Section);
  Entry->setAlignment(Align(8));
  Entry->setComdat(Variable.getComdat());
  Entry->setMetadata(LLVMContext::MD_associated,
                     MDNode::get(Context, ValueAsMetadata::get(&Variable)));
  appendToCompilerUsed(M, {Entry});
}

/// struct hwckpt_excluded.
void hwckpt::excludeVariable(GlobalVariable &Variable) {
  if (!Variable.isDeclarationForLinker())
    addEntry(Variable, HWCKPT_SECTION_EXCLUDE, {});
}

/// struct hwckpt_watched.
void hwckpt::watchVariable(GlobalVariable &Variable) {
  if (Variable.isDeclarationForLinker())
    return;
  Module &M = *Variable.getParent();
  Constant *Text = ConstantDataArray::getString(
      M.getContext(), demangle(Variable.getName().str()));
  auto *Name = new GlobalVariable(M, Text->getType(), /*isConstant=*/true,
                                  GlobalValue::PrivateLinkage, Text,
                                  "__hwckpt_watched_name");
  Name->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
  Name->setAlignment(Align(1));
  addEntry(Variable, HWCKPT_SECTION_WATCH, {Name});
}

bool hwckpt::hasVariableTables(const Module &M) {
  return any_of(M.globals(), [](const GlobalVariable &Variable) {
    return Variable.getSection() == HWCKPT_SECTION_EXCLUDE ||
           Variable.getSection() == HWCKPT_SECTION_WATCH;
  });
}

SmallPtrSet<Value *, 4> hwckpt::watchedVariables(Module &M) {
  SmallPtrSet<Value *, 4> Variables;
  for (GlobalVariable &Entry : M.globals())
    if (Entry.getSection() == HWCKPT_SECTION_WATCH && Entry.hasInitializer())
      Variables.insert(
          Entry.getInitializer()->getAggregateElement(0u)->stripPointerCasts());
  return Variables;
}
