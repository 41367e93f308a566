//===- Polls.cpp - Polls that the source asks for -------------------------===//
//
// A poll stays a call until sites are placed: a site's table entry is tied to
// the function that it is written for, and must not be inlined into another.
//
//===----------------------------------------------------------------------===//

#include "Polls.h"
#include "intrinsics/hwckpt_isa.h"
#include "llvm/IR/Function.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/Module.h"

using namespace llvm;
using namespace hwckpt;

bool hwckpt::isPoll(const Instruction &I) {
  const auto *Call = dyn_cast<CallInst>(&I);
  const Function *Callee = Call ? Call->getCalledFunction() : nullptr;
  return Callee && Callee->getName() == HWCKPT_POLL_SYMBOL;
}

CallInst *hwckpt::createPoll(Instruction &Before) {
  Module &M = *Before.getModule();
  IRBuilder<> Builder(&Before);
  CallInst *Poll = Builder.CreateCall(M.getOrInsertFunction(
      HWCKPT_POLL_SYMBOL, FunctionType::get(Builder.getVoidTy(), false)));
  Poll->setDoesNotThrow();
  return Poll;
}

SmallVector<CallInst *, 4> hwckpt::findPolls(Function &F) {
  SmallVector<CallInst *, 4> Polls;
  for (Instruction &I : instructions(F))
    if (isPoll(I))
      Polls.push_back(cast<CallInst>(&I));
  return Polls;
}

bool hwckpt::describePolls(Module &M) {
  Function *Poll = M.getFunction(HWCKPT_POLL_SYMBOL);
  if (!Poll || Poll->onlyAccessesInaccessibleMemory())
    return false;
  Poll->setMemoryEffects(MemoryEffects::inaccessibleMemOnly());
  Poll->setDoesNotThrow();
  Poll->setWillReturn();
  Poll->addFnAttr(Attribute::NoCallback);
  Poll->addFnAttr(Attribute::NoMerge);
  return true;
}

bool hwckpt::definePolls(Module &M) {
  Function *Poll = M.getFunction(HWCKPT_POLL_SYMBOL);
  if (!Poll || !Poll->isDeclaration() || Poll->use_empty())
    return false;
  Poll->setLinkage(GlobalValue::LinkOnceODRLinkage);
  Poll->setVisibility(GlobalValue::HiddenVisibility);
  Poll->setDSOLocal(true);
  Poll->setComdat(M.getOrInsertComdat(HWCKPT_POLL_SYMBOL));
  Poll->addFnAttr(Attribute::NoInline);
  IRBuilder<> Builder(BasicBlock::Create(M.getContext(), "", Poll));
  // Something that optimisation does not see through.
  auto *Type = FunctionType::get(Builder.getVoidTy(), false);
  Builder.CreateCall(InlineAsm::get(Type, "", "", /*hasSideEffects=*/true))
      ->setDoesNotThrow();
  Builder.CreateRetVoid();
  return true;
}

void hwckpt::removePollFunction(Module &M) {
  Function *Poll = M.getFunction(HWCKPT_POLL_SYMBOL);
  if (Poll && Poll->use_empty() &&
      (Poll->isDeclaration() || Poll->isDiscardableIfUnused()))
    Poll->eraseFromParent();
}
