//===- SaveLowering.cpp - __builtin_ckpt_save -----------------------------===//
//
// A call of HWCKPT_SAVE_SYMBOL becomes
//
//   if (runtime is linked) result = CKPT.SAVE; else result = -ENOSYS;
//
// or what the hook has in the instruction's place. Without a runtime the
// instruction would be an illegal one.
//
//===----------------------------------------------------------------------===//

#include "SaveLowering.h"
#include "Hooks.h"
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
using namespace hwckpt;

static std::string saveText(unsigned Kind = HWCKPT_KIND_ANNOTATED,
                            bool Trap = true) {
  return instructionText(Trap, HWCKPT_OP_SAVE, Kind);
}

/// The breakpoint, and the instruction as the NOP that tells what it means.
static std::string interruptText() {
  return "int3\n" + saveText(HWCKPT_KIND_ANNOTATED, /*Trap=*/false);
}

/// Until the runtime catches the call, the kernel does not know it.
static std::string syscallText() {
  return formatv("mov $${0:x},%eax\n"
                 "syscall\n"
                 "cmp $$-{1},%eax\n"
                 "jne .Lhwckpt_saved${{:uid}\n",
                 HWCKPT_SYSCALL(HWCKPT_OP_SAVE), ENOSYS)
             .str() +
         saveText(HWCKPT_ENTRY_SYSCALL) + "\n.Lhwckpt_saved${:uid}:";
}

/// Emits one of the ways. The runtime reads and, coming back from a restore,
/// has written any memory; of the registers only eax changes, and what a
/// system call takes for itself.
static Value *emitEntry(IRBuilder<> &Builder, StringRef Text,
                        StringRef Clobbers) {
  auto *Type = FunctionType::get(Builder.getInt32Ty(), false);
  auto *Asm = InlineAsm::get(Type, Text, ("={eax},~{memory}" + Clobbers).str(),
                             /*hasSideEffects=*/true);
  CallInst *Call = Builder.CreateCall(Asm);
  Call->setDoesNotThrow();
  return Call;
}

static Value *emitTrap(IRBuilder<> &Builder) {
  return emitEntry(Builder, saveText(), "");
}

static Value *emitSyscall(IRBuilder<> &Builder) {
  return emitEntry(Builder, syscallText(),
                   ",~{rcx},~{r11},~{flags},~{dirflag},~{fpsr}");
}

static Value *emitInterrupt(IRBuilder<> &Builder) {
  return emitEntry(Builder, interruptText(), "");
}

/// All of them, one of which HWCKPT_HOOK_SYMBOL names.
static Value *emitChoice(IRBuilder<> &Builder, Module &M) {
  using Entry = Value *(*)(IRBuilder<> &);
  static constexpr Entry Entries[] = {emitTrap, emitSyscall, emitInterrupt};
  auto *Chosen = cast<GlobalVariable>(
      M.getOrInsertGlobal(HWCKPT_HOOK_SYMBOL, Builder.getInt32Ty()));
  Chosen->setLinkage(GlobalValue::ExternalWeakLinkage);
  BasicBlock *Head = Builder.GetInsertBlock();
  Function *F = Head->getParent();
  BasicBlock *Tail = Head->splitBasicBlock(Builder.GetInsertPoint());
  Head->getTerminator()->eraseFromParent();
  auto *Result = PHINode::Create(Builder.getInt32Ty(), std::size(Entries), "");
  Result->insertBefore(Tail->begin());

  SmallVector<BasicBlock *, std::size(Entries)> Blocks;
  for (Entry Emit : Entries) {
    Blocks.push_back(BasicBlock::Create(M.getContext(), "", F, Tail));
    Builder.SetInsertPoint(Blocks.back());
    Result->addIncoming(Emit(Builder), Blocks.back());
    Builder.CreateBr(Tail);
  }
  Builder.SetInsertPoint(Head);
  SwitchInst *Switch =
      Builder.CreateSwitch(Builder.CreateLoad(Builder.getInt32Ty(), Chosen),
                           Blocks[HWCKPT_ENTER_TRAP], std::size(Entries) - 1);
  Switch->addCase(Builder.getInt32(HWCKPT_ENTER_SYSCALL),
                  Blocks[HWCKPT_ENTER_SYSCALL]);
  Switch->addCase(Builder.getInt32(HWCKPT_ENTER_INTERRUPT),
                  Blocks[HWCKPT_ENTER_INTERRUPT]);
  return Result;
}

static Value *emitSave(IRBuilder<> &Builder, Module &M) {
  switch (requestedHook()) {
  case Hook::Trap:
  case Hook::Instruction:
    return emitTrap(Builder);
  case Hook::SystemCall:
    return emitSyscall(Builder);
  case Hook::Interrupt:
    return emitInterrupt(Builder);
  case Hook::Automatic:
    return emitChoice(Builder, M);
  }
  llvm_unreachable("unknown hook");
}

static void lowerSave(CallInst &Call, Function &Runtime) {
  BasicBlock *Head = Call.getParent();
  IRBuilder<> Builder(&Call);
  Instruction *Save = SplitBlockAndInsertIfThen(
      Builder.CreateIsNotNull(&Runtime), &Call, /*Unreachable=*/false);
  Builder.SetInsertPoint(Save);
  Value *Result = emitSave(Builder, *Call.getModule());
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
