//===- SaveLowering.cpp - __builtin_ckpt_save -----------------------------===//
//
// A call of HWCKPT_SAVE_SYMBOL becomes
//
//   if (runtime is linked) result = CKPT.SAVE; else result = -ENOSYS;
//
// The instruction without a runtime would be an illegal one.
//
//===----------------------------------------------------------------------===//

#include "SaveLowering.h"
#include "ModuleRegistration.h"
#include "intrinsics/hwckpt_isa.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"
#include "llvm/Transforms/Utils/Local.h"
#include <cerrno>

using namespace llvm;

/// The eight bytes as data: no assembler has to know the operands' form.
static std::string saveText() {
  unsigned Immediate = HWCKPT_IMM(HWCKPT_OP_SAVE, HWCKPT_KIND_ANNOTATED);
  return formatv(".byte {0:x},{1:x},{2:x},{3:x}\n.long {4:x}",
                 HWCKPT_INSN_BYTE0, HWCKPT_INSN_TRAP, HWCKPT_INSN_MODRM,
                 HWCKPT_INSN_SIB, Immediate)
      .str();
}

/// Emits the instruction. The runtime reads and, coming back from a restore,
/// has written any memory; of the registers only eax changes.
static Value *emitSave(IRBuilder<> &Builder) {
  auto *Type = FunctionType::get(Builder.getInt32Ty(), false);
  auto *Asm = InlineAsm::get(Type, saveText(), "={eax},~{memory}",
                             /*hasSideEffects=*/true);
  CallInst *Call = Builder.CreateCall(Asm);
  Call->setDoesNotThrow();
  return Call;
}

static void lowerSave(CallInst &Call, Function &Runtime) {
  BasicBlock *Head = Call.getParent();
  IRBuilder<> Builder(&Call);
  Instruction *Save = SplitBlockAndInsertIfThen(
      Builder.CreateIsNotNull(&Runtime), &Call, /*Unreachable=*/false);
  Builder.SetInsertPoint(Save);
  Value *Result = emitSave(Builder);
  Builder.SetInsertPoint(&Call);
  PHINode *Phi = Builder.CreatePHI(Builder.getInt32Ty(), 2);
  Phi->addIncoming(Result, Save->getParent());
  Phi->addIncoming(Builder.getInt32(-ENOSYS), Head);
  if (!Call.getType()->isVoidTy())
    Call.replaceAllUsesWith(Phi);
  Call.eraseFromParent();
}

bool hwckpt::lowerSaves(Module &M) {
  Function *Symbol = M.getFunction(HWCKPT_SAVE_SYMBOL);
  if (!Symbol || !Symbol->isDeclaration())
    return false;
  bool Changed = false;
  for (User *U : make_early_inc_range(Symbol->users())) {
    auto *Base = dyn_cast<CallBase>(U);
    if (!Base || Base->getCalledFunction() != Symbol)
      continue;
    // It never throws, however it was called.
    if (auto *Invoke = dyn_cast<InvokeInst>(Base))
      Base = changeToCall(Invoke);
    if (auto *Call = dyn_cast<CallInst>(Base)) {
      lowerSave(*Call, *runtimeFunction(M, HWCKPT_REGISTER_SYMBOL));
      Changed = true;
    }
  }
  if (Symbol->use_empty())
    Symbol->eraseFromParent();
  return Changed;
}
