//===- SourceMarks.cpp - What the source asks for -------------------------===//
//
// Annotations become attributes and polls, and go: they would keep functions
// alive. Loops of functions without sites are marked, since they may be
// inlined into others.
//
//===----------------------------------------------------------------------===//

#include "SourceMarks.h"
#include "Ignorelist.h"
#include "Polls.h"
#include "VariableTables.h"
#include "intrinsics/hwckpt_isa.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/LoopUtils.h"

using namespace llvm;
using namespace hwckpt;

static void addPollAtEntry(Function &F) {
  BasicBlock &Entry = F.getEntryBlock();
  CallInst *Poll = createPoll(*Entry.getFirstNonPHIOrDbgOrAlloca());
  // A call wants a place in the source, if the function has any.
  if (DISubprogram *Scope = F.getSubprogram())
    Poll->setDebugLoc(
        DILocation::get(F.getContext(), Scope->getScopeLine(), 0, Scope));
}

static bool applyAnnotation(Value &Annotated, StringRef Annotation) {
  if (auto *Variable = dyn_cast<GlobalVariable>(&Annotated)) {
    if (Annotation == HWCKPT_EXCLUDE_ANNOTATION)
      excludeVariable(*Variable);
    else if (Annotation == HWCKPT_WATCH_ANNOTATION)
      watchVariable(*Variable);
    else
      return false;
    return true;
  }
  auto *F = dyn_cast<Function>(&Annotated);
  if (!F || (Annotation != HWCKPT_NOPOLL_ANNOTATION &&
             Annotation != HWCKPT_SITE_ANNOTATION))
    return false;
  if (Annotation == HWCKPT_NOPOLL_ANNOTATION)
    F->addFnAttr(HWCKPT_NOPOLL_ATTRIBUTE);
  else if (!F->isDeclaration() && !F->hasFnAttribute(Attribute::Naked))
    addPollAtEntry(*F);
  return true;
}

/// Takes our entries out of llvm.global.annotations and does what they say.
static bool applyAnnotations(Module &M) {
  GlobalVariable *All = M.getNamedGlobal("llvm.global.annotations");
  if (!All || !All->hasInitializer())
    return false;
  auto *Entries = dyn_cast<ConstantArray>(All->getInitializer());
  if (!Entries)
    return false;
  SmallVector<Constant *, 16> Others;
  for (const Use &Entry : Entries->operands()) {
    auto *Fields = cast<ConstantStruct>(Entry);
    Value *Annotated = Fields->getOperand(0)->stripPointerCasts();
    StringRef Annotation;
    if (!getConstantStringInfo(Fields->getOperand(1), Annotation) ||
        !applyAnnotation(*Annotated, Annotation))
      Others.push_back(Fields);
  }
  if (Others.size() == Entries->getNumOperands())
    return false;
  if (!Others.empty()) {
    auto *Type = ArrayType::get(Others[0]->getType(), Others.size());
    auto *Rest =
        new GlobalVariable(M, Type, All->isConstant(), All->getLinkage(),
                           ConstantArray::get(Type, Others), "", All);
    Rest->copyAttributesFrom(All);
    Rest->takeName(All);
  }
  All->eraseFromParent();
  return true;
}

/// Loops of functions without sites get none where they are inlined.
static bool applyNoPoll(Module &M) {
  bool Changed = false;
  for (Function &F : M) {
    if (F.isDeclaration() || !F.hasFnAttribute(HWCKPT_NOPOLL_ATTRIBUTE))
      continue;
    DominatorTree DT(F);
    LoopInfo LI(DT);
    for (Loop *L : LI.getLoopsInPreorder())
      if (!findOptionMDForLoop(L, HWCKPT_NOPOLL_METADATA)) {
        addStringMetadataToLoop(L, HWCKPT_NOPOLL_METADATA);
        Changed = true;
      }
  }
  return Changed;
}

bool hwckpt::applySourceMarks(Module &M) {
  bool Changed = applyAnnotations(M);
  Changed |= applyIgnorelist(M);
  Changed |= applyNoPoll(M);
  Changed |= describePolls(M);
  return Changed;
}
