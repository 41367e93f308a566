//===- SaveLowering.cpp - __builtin_ckpt_save, _load and _watch -----------===//
//
// A call of HWCKPT_SAVE_SYMBOL becomes
//
//   if (runtime is linked) result = CKPT.SAVE; else result = -ENOSYS;
//
// and one of HWCKPT_LOAD_SYMBOL the same with CKPT.LOAD; or what the hook has
// in the instruction's place. Without a runtime the instruction would be an
// illegal one. One of HWCKPT_WATCH_SYMBOL becomes a call of the function that
// it stands for, if that is there.
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

static std::string trapText(unsigned Operation,
                            unsigned Kind = HWCKPT_KIND_ANNOTATED) {
  return instructionText(/*Trap=*/true, Operation, Kind);
}

/// The breakpoint, and the instruction as the NOP that tells what it means.
static std::string interruptText(unsigned Operation) {
  return "int3\n" +
         instructionText(/*Trap=*/false, Operation, HWCKPT_KIND_ANNOTATED);
}

/// Until the runtime catches the call, the kernel does not know it.
static std::string syscallText(unsigned Operation) {
  return formatv("mov $${0:x},%eax\n"
                 "syscall\n"
                 "cmp $$-{1},%eax\n"
                 "jne .Lhwckpt_entered${{:uid}\n",
                 HWCKPT_SYSCALL(Operation), ENOSYS)
             .str() +
         trapText(Operation, HWCKPT_ENTRY_SYSCALL) +
         "\n.Lhwckpt_entered${:uid}:";
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

static Value *emitTrap(IRBuilder<> &Builder, unsigned Operation) {
  return emitEntry(Builder, trapText(Operation), "");
}

static Value *emitSyscall(IRBuilder<> &Builder, unsigned Operation) {
  return emitEntry(Builder, syscallText(Operation),
                   ",~{rcx},~{r11},~{flags},~{dirflag},~{fpsr}");
}

static Value *emitInterrupt(IRBuilder<> &Builder, unsigned Operation) {
  return emitEntry(Builder, interruptText(Operation), "");
}

/// All of them, one of which HWCKPT_HOOK_SYMBOL names.
static Value *emitChoice(IRBuilder<> &Builder, unsigned Operation, Module &M) {
  using Entry = Value *(*)(IRBuilder<> &, unsigned);
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
    Result->addIncoming(Emit(Builder, Operation), Blocks.back());
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

static Value *emitOperation(IRBuilder<> &Builder, unsigned Operation,
                            Module &M) {
  switch (requestedHook()) {
  case Hook::Trap:
  case Hook::Instruction:
    return emitTrap(Builder, Operation);
  case Hook::SystemCall:
    return emitSyscall(Builder, Operation);
  case Hook::Interrupt:
    return emitInterrupt(Builder, Operation);
  case Hook::Automatic:
    return emitChoice(Builder, Operation, M);
  }
  llvm_unreachable("unknown hook");
}

/// Emits what \p Call becomes where \p Runtime is there; the result.
using Emitter =
    function_ref<Value *(IRBuilder<> &Builder, CallInst &Call, Module &M)>;

static void lowerCall(CallInst &Call, Function &Runtime, Emitter Emit) {
  BasicBlock *Head = Call.getParent();
  IRBuilder<> Builder(&Call);
  Instruction *Enter = SplitBlockAndInsertIfThen(
      Builder.CreateIsNotNull(&Runtime), &Call, /*Unreachable=*/false);
  Builder.SetInsertPoint(Enter);
  Value *Result = Emit(Builder, Call, *Call.getModule());
  Builder.SetInsertPoint(&Call);
  PHINode *Phi = Builder.CreatePHI(Builder.getInt32Ty(), 2);
  Phi->addIncoming(Result, Enter->getParent());
  Phi->addIncoming(Builder.getInt32(-ENOSYS), Head);
  if (!Call.getType()->isVoidTy())
    Call.replaceAllUsesWith(Phi);
  Call.eraseFromParent();
}

/// Calls of \p Name; \p Entry is what must be there for it.
static bool lowerCalls(Module &M, StringRef Name, const char *Entry,
                       Emitter Emit) {
  Function *Symbol = M.getFunction(Name);
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
      FunctionType *Type =
          Call->arg_empty() ? nullptr : Call->getFunctionType();
      lowerCall(*Call, *runtimeFunction(M, Entry, Type), Emit);
      Changed = true;
    }
  }
  if (Symbol->use_empty())
    Symbol->eraseFromParent();
  return Changed;
}

static bool lowerOperation(Module &M, StringRef Name, unsigned Operation) {
  return lowerCalls(M, Name, HWCKPT_REGISTER_SYMBOL,
                    [Operation](IRBuilder<> &Builder, CallInst &, Module &M) {
                      return emitOperation(Builder, Operation, M);
                    });
}

/// The same call, of the public function.
static Value *emitWatch(IRBuilder<> &Builder, CallInst &Call, Module &M) {
  CallInst *Watch = Builder.CreateCall(Call.getFunctionType(),
                                       M.getFunction(HWCKPT_WATCH_FUNCTION),
                                       SmallVector<Value *, 2>(Call.args()));
  Watch->setDoesNotThrow();
  return Watch;
}

bool hwckpt::lowerBuiltins(Module &M) {
  bool Saves = lowerOperation(M, HWCKPT_SAVE_SYMBOL, HWCKPT_OP_SAVE);
  bool Loads = lowerOperation(M, HWCKPT_LOAD_SYMBOL, HWCKPT_OP_LOAD);
  bool Watches =
      lowerCalls(M, HWCKPT_WATCH_SYMBOL, HWCKPT_WATCH_FUNCTION, emitWatch);
  return Saves || Loads || Watches;
}
