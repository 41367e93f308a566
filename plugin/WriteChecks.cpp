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
  /// What the check is given: the variable, or, where it is one of several,
  /// the address that is written to.
  Value *Pointer;
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
  void noteWrite(Instruction &I, Value *Address, bool Maybe);
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

void WriteChecker::noteWrite(Instruction &I, Value *Address, bool Maybe) {
  SmallVector<const Value *, 4> Objects;
  getUnderlyingObjects(Address, Objects);
  for (const Value *Object : Objects) {
    auto *Variable = const_cast<Value *>(Object);
    // A call may write to several.
    bool Known = any_of(Writes, [&](const Write &W) {
      return W.I == &I && W.Variable == Variable;
    });
    if (!Variables.contains(Variable) || Known || isChecked(I, Variable))
      continue;
    if (Objects.size() == 1)
      Writes.push_back({&I, Variable, Variable, Maybe});
    else
      Writes.push_back({&I, Variable, Address, Maybe});
    // One check of the address does for all that it may be of.
    return;
  }
}

static bool mayBeIn(const Value *Pointer, const Value *Variable) {
  SmallVector<const Value *, 4> Objects;
  getUnderlyingObjects(Pointer, Objects);
  return is_contained(Objects, Variable);
}

/// True if \p I is a check of \p Variable for who comes from \p From.
static bool isCheckOf(const Instruction &I, const Value *Variable,
                      const BasicBlock *From) {
  const auto *Call = dyn_cast<CallInst>(&I);
  const Function *Callee = Call ? Call->getCalledFunction() : nullptr;
  if (!Callee || (Callee->getName() !=
                      HWCKPT_WATCH_WRITTEN_SYMBOL HWCKPT_WATCH_CHECK_SUFFIX &&
                  Callee->getName() !=
                      HWCKPT_WATCH_AFTER_SYMBOL HWCKPT_WATCH_CHECK_SUFFIX))
    return false;
  const Value *Pointer = Call->getArgOperand(0);
  if (const auto *Phi = dyn_cast<PHINode>(Pointer);
      Phi && From && Phi->getParent() == I.getParent())
    Pointer = Phi->getIncomingValueForBlock(From);
  return mayBeIn(Pointer, Variable);
}

/// True if a check of \p Variable comes behind \p I, in its block or in one
/// that it always leads to, and no other write in between.
bool WriteChecker::isChecked(const Instruction &I,
                             const Value *Variable) const {
  SmallPtrSet<const BasicBlock *, 4> Seen;
  const BasicBlock *From = nullptr;
  const Instruction *Next = &I;
  for (;;) {
    if (Next->isTerminator()) {
      From = Next->getParent();
      const auto *Invoke = dyn_cast<InvokeInst>(Next);
      const BasicBlock *To =
          Invoke ? Invoke->getNormalDest() : From->getSingleSuccessor();
      if (!To || To == I.getParent() || !Seen.insert(To).second)
        return false;
      Next = &To->front();
    } else {
      Next = Next->getNextNode();
    }
    if (isCheckOf(*Next, Variable, From))
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
    callCheck(HWCKPT_WATCH_WRITTEN_SYMBOL, *Behind, Loc, Void, {W.Pointer});
    return;
  }
  Value *Before =
      callCheck(HWCKPT_WATCH_BEFORE_SYMBOL, *W.I, Loc, Int64, {W.Pointer});
  callCheck(HWCKPT_WATCH_AFTER_SYMBOL, *Behind, Loc, Void, {W.Pointer, Before});
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
