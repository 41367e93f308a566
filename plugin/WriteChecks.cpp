//===- WriteChecks.cpp - Writes to watched variables ----------------------===//
//
// A store, an atomic operation or a block operation on a watched variable is
// followed by a call of the runtime. A call that is given a pointer to one may
// write to it or not: the runtime looks at the variable before and after it.
//
// The calls read the variable, so that optimisation leaves it written there.
// The pass comes by again when functions have been inlined; a write that is
// checked has its check behind it, before any other write.
//
//===----------------------------------------------------------------------===//

#include "WriteChecks.h"
#include "ModuleRegistration.h"
#include "VariableTables.h"
#include "intrinsics/hwckpt_isa.h"
#include "llvm/Analysis/OptimizationRemarkEmitter.h"
#include "llvm/Analysis/ValueTracking.h"
#include "llvm/Demangle/Demangle.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

using namespace llvm;
using namespace hwckpt;

static constexpr char RemarkName[] = "hwckpt";

namespace {

struct Write {
  Instruction *I;
  Value *Variable;
  /// A call that may not write to it.
  bool Maybe;
};

class WriteChecker {
public:
  explicit WriteChecker(Module &M)
      : M(M), Variables(watchedVariables(M)),
        Int64(Type::getInt64Ty(context())),
        Pointer(PointerType::getUnqual(context())) {}

  bool run();

private:
  LLVMContext &context() const { return M.getContext(); }
  void findWrites(Function &F);
  bool isChecked(const Instruction &I, const Value *Variable) const;
  void noteWrite(Instruction &I, const Value *Address, bool Maybe);
  void check(const Write &W);
  Instruction *placeBehind(Instruction &I);
  Function *checkFunction(const char *Name, Type *Result,
                          ArrayRef<Type *> Parameters);
  Value *callCheck(const char *Name, Instruction &Before, const DebugLoc &Loc,
                   Type *Result, ArrayRef<Value *> Arguments);

  Module &M;
  SmallPtrSet<Value *, 4> Variables;
  SmallVector<Write, 16> Writes;
  Type *Int64, *Pointer;
};

} // namespace

void WriteChecker::noteWrite(Instruction &I, const Value *Address, bool Maybe) {
  SmallVector<const Value *, 4> Objects;
  getUnderlyingObjects(Address, Objects);
  for (const Value *Object : Objects) {
    auto *Variable = const_cast<Value *>(Object);
    bool Known = any_of(Writes, [&](const Write &W) {
      return W.I == &I && W.Variable == Variable;
    });
    if (Variables.contains(Variable) && !Known && !isChecked(I, Variable))
      Writes.push_back({&I, Variable, Maybe});
  }
}

static bool isCheckOf(const Instruction &I, const Value *Variable) {
  const auto *Call = dyn_cast<CallInst>(&I);
  const Function *Callee = Call ? Call->getCalledFunction() : nullptr;
  return Callee &&
         (Callee->getName() ==
              HWCKPT_WATCH_WRITTEN_SYMBOL HWCKPT_WATCH_CHECK_SUFFIX ||
          Callee->getName() ==
              HWCKPT_WATCH_AFTER_SYMBOL HWCKPT_WATCH_CHECK_SUFFIX) &&
         Call->getArgOperand(0) == Variable;
}

/// True if a check of \p Variable comes behind \p I, in its block or in one
/// that only leads on from there, and no other write in between.
bool WriteChecker::isChecked(const Instruction &I,
                             const Value *Variable) const {
  const Instruction *Next = &I;
  for (;;) {
    if (Next->isTerminator()) {
      const auto *Invoke = dyn_cast<InvokeInst>(Next);
      const BasicBlock *To = Invoke ? Invoke->getNormalDest()
                                    : Next->getParent()->getSingleSuccessor();
      if (!To || !To->getSinglePredecessor() || To == I.getParent())
        return false;
      Next = &To->front();
    } else {
      Next = Next->getNextNode();
    }
    if (isCheckOf(*Next, Variable))
      return true;
    const auto *Store = dyn_cast<StoreInst>(Next);
    if (Store && getUnderlyingObject(Store->getPointerOperand()) == Variable)
      return false;
  }
}

static bool isRuntimeCall(const CallBase &Call) {
  const Function *Callee = Call.getCalledFunction();
  return Callee && Callee->getName().starts_with(HWCKPT_RUNTIME_PREFIX);
}

/// True if nothing can come behind \p Call in its function.
static bool endsFunction(const CallBase &Call) {
  return Call.isMustTailCall() || Call.doesNotReturn();
}

void WriteChecker::findWrites(Function &F) {
  for (Instruction &I : instructions(F)) {
    if (auto *Store = dyn_cast<StoreInst>(&I)) {
      noteWrite(I, Store->getPointerOperand(), /*Maybe=*/false);
    } else if (auto *Update = dyn_cast<AtomicRMWInst>(&I)) {
      noteWrite(I, Update->getPointerOperand(), /*Maybe=*/false);
    } else if (auto *Exchange = dyn_cast<AtomicCmpXchgInst>(&I)) {
      noteWrite(I, Exchange->getPointerOperand(), /*Maybe=*/true);
    } else if (auto *Block = dyn_cast<AnyMemIntrinsic>(&I)) {
      noteWrite(I, Block->getRawDest(), /*Maybe=*/false);
    } else if (auto *Call = dyn_cast<CallBase>(&I)) {
      auto *Intrinsic = dyn_cast<IntrinsicInst>(Call);
      if (Call->onlyReadsMemory() || endsFunction(*Call) ||
          isRuntimeCall(*Call) ||
          (Intrinsic && Intrinsic->isAssumeLikeIntrinsic()))
        continue;
      for (unsigned Number = 0; Number != Call->arg_size(); ++Number)
        if (Call->getArgOperand(Number)->getType()->isPointerTy() &&
            !Call->onlyReadsMemory(Number) && !Call->isByValArgument(Number))
          noteWrite(I, Call->getArgOperand(Number), /*Maybe=*/true);
    }
  }
}

/// Where what is to come right behind \p I goes, or null if there is no place.
Instruction *WriteChecker::placeBehind(Instruction &I) {
  if (!I.isTerminator())
    return &*std::next(I.getIterator());
  BasicBlock *Next = nullptr;
  if (auto *Invoke = dyn_cast<InvokeInst>(&I))
    Next = Invoke->getNormalDest();
  else if (auto *Branch = dyn_cast<CallBrInst>(&I))
    Next = Branch->getDefaultDest();
  if (!Next)
    return nullptr;
  if (!Next->getSinglePredecessor())
    Next = SplitEdge(I.getParent(), Next);
  return Next ? &*Next->getFirstInsertionPt() : nullptr;
}

/// Calls the runtime's \p Name, if it is there; returns 0 if it is not.
///
/// A function of its own, so that no branch is in the program's code, which
/// optimisation would thread and copy.
Function *WriteChecker::checkFunction(const char *Name, Type *Result,
                                      ArrayRef<Type *> Parameters) {
  std::string OwnName = (Twine(Name) + HWCKPT_WATCH_CHECK_SUFFIX).str();
  if (Function *Known = M.getFunction(OwnName))
    return Known;
  auto *Type = FunctionType::get(Result, Parameters, /*isVarArg=*/false);
  auto *Runtime =
      Function::Create(Type, GlobalValue::ExternalWeakLinkage, Name, M);
  auto *F = Function::createWithDefaultAttr(
      Type, GlobalValue::LinkOnceODRLinkage,
      M.getDataLayout().getProgramAddressSpace(), OwnName, &M);
  F->setVisibility(GlobalValue::HiddenVisibility);
  F->setDSOLocal(true);
  F->setComdat(M.getOrInsertComdat(OwnName));
  F->addFnAttr(Attribute::NoInline);
  F->addFnAttr(HWCKPT_DONE_ATTRIBUTE);
  F->setDoesNotThrow();
  F->setMemoryEffects(MemoryEffects::inaccessibleMemOnly() |
                      MemoryEffects::argMemOnly(ModRefInfo::Ref));

  auto *Begin = BasicBlock::Create(context(), "", F);
  auto *Call = BasicBlock::Create(context(), "", F);
  auto *End = BasicBlock::Create(context(), "", F);
  IRBuilder<> Builder(Begin);
  Builder.CreateCondBr(Builder.CreateIsNotNull(Runtime), Call, End);
  Builder.SetInsertPoint(Call);
  SmallVector<Value *, 2> Arguments;
  for (Argument &A : F->args())
    Arguments.push_back(&A);
  CallInst *Value = Builder.CreateCall(Type, Runtime, Arguments);
  Value->setDoesNotThrow();
  auto Return = [&](llvm::Value *Of) {
    Result->isVoidTy() ? Builder.CreateRetVoid() : Builder.CreateRet(Of);
  };
  Return(Value);
  Builder.SetInsertPoint(End);
  Return(Result->isVoidTy() ? nullptr : Constant::getNullValue(Result));
  return F;
}

Value *WriteChecker::callCheck(const char *Name, Instruction &Before,
                               const DebugLoc &Loc, Type *Result,
                               ArrayRef<Value *> Arguments) {
  SmallVector<Type *, 2> Types;
  for (const Value *Argument : Arguments)
    Types.push_back(Argument->getType());
  IRBuilder<> Builder(&Before);
  Builder.SetCurrentDebugLocation(Loc);
  CallInst *Call =
      Builder.CreateCall(checkFunction(Name, Result, Types), Arguments);
  Call->setDoesNotThrow();
  return Call;
}

void WriteChecker::check(const Write &W) {
  Instruction *Behind = placeBehind(*W.I);
  if (!Behind)
    return;
  OptimizationRemarkEmitter ORE(W.I->getFunction());
  ORE.emit([&] {
    OptimizationRemark R(RemarkName, "Watched", W.I);
    if (W.Maybe)
      R << "check whether this call writes to ";
    else
      R << "check of a write to ";
    return R << ore::NV("Variable", demangle(W.Variable->getName().str()));
  });
  const DebugLoc &Loc = W.I->getDebugLoc();
  Type *Void = Type::getVoidTy(context());
  if (!W.Maybe) {
    callCheck(HWCKPT_WATCH_WRITTEN_SYMBOL, *Behind, Loc, Void, {W.Variable});
    return;
  }
  Value *Before =
      callCheck(HWCKPT_WATCH_BEFORE_SYMBOL, *W.I, Loc, Int64, {W.Variable});
  callCheck(HWCKPT_WATCH_AFTER_SYMBOL, *Behind, Loc, Void,
            {W.Variable, Before});
}

bool WriteChecker::run() {
  if (Variables.empty())
    return false;
  for (Function &F : M)
    if (!F.isDeclarationForLinker() && !F.hasFnAttribute(Attribute::Naked) &&
        !F.getName().starts_with(HWCKPT_RUNTIME_PREFIX))
      findWrites(F);
  for (const Write &W : Writes)
    check(W);
  return !Writes.empty();
}

bool hwckpt::addWriteChecks(Module &M) { return WriteChecker(M).run(); }
