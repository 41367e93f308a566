//===- ModuleRegistration.cpp - Site table of an executable ---------------===//
//
// Every instrumented translation unit carries the same constructor, destructor
// and struct hwckpt_module in one comdat group, hidden, so that a linked object
// keeps one of each.
//
//===----------------------------------------------------------------------===//

#include "ModuleRegistration.h"
#include "SiteEmission.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/Module.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"

using namespace llvm;
using namespace hwckpt;

namespace {
constexpr char ModuleName[] = "__hwckpt_module";
constexpr char RegisteredName[] = "__hwckpt_module_registered";
constexpr char ConstructorName[] = "__hwckpt_module_constructor";
constexpr char DestructorName[] = "__hwckpt_module_destructor";

/// Before the program's own constructors, which may run for long; its
/// destructors run before ours by the same number.
constexpr int Priority = 1;
} // namespace

/// Makes \p GO one of the definitions of which a linked object keeps one.
static void makeUnique(GlobalObject &GO) {
  Module &M = *GO.getParent();
  GO.setLinkage(GlobalValue::LinkOnceODRLinkage);
  GO.setVisibility(GlobalValue::HiddenVisibility);
  GO.setDSOLocal(true);
  GO.setComdat(M.getOrInsertComdat(ModuleName));
}

/// A symbol the linker defines at a bound of a section, null where the section
/// is not in the linked object.
static Constant *sectionBound(Module &M, StringRef Prefix, StringRef Section) {
  std::string Name = (Prefix + Section).str();
  if (GlobalVariable *Known = M.getNamedGlobal(Name))
    return Known;
  auto *Bound = new GlobalVariable(
      M, Type::getInt32Ty(M.getContext()), /*isConstant=*/false,
      GlobalValue::ExternalWeakLinkage, /*Initializer=*/nullptr, Name);
  Bound->setVisibility(GlobalValue::HiddenVisibility);
  return Bound;
}

/// struct hwckpt_module of hwckpt_isa.h.
static GlobalVariable *createModuleDescription(Module &M) {
  LLVMContext &Context = M.getContext();
  Type *Int32 = Type::getInt32Ty(Context);
  Type *Pointer = PointerType::getUnqual(Context);
  StructType *BoundsType = StructType::get(Pointer, Pointer);

  auto BoundsOf = [&](StringRef Section) {
    return ConstantStruct::get(BoundsType, sectionBound(M, "__start_", Section),
                               sectionBound(M, "__stop_", Section));
  };
  SmallVector<Constant *, HWCKPT_KIND_COUNT> Bounds;
  for (unsigned Kind = 0; Kind != HWCKPT_KIND_COUNT; ++Kind)
    Bounds.push_back(BoundsOf(siteSection(static_cast<SiteKind>(Kind))));
  Constant *Description = ConstantStruct::getAnon(
      {ConstantInt::get(Int32, HWCKPT_ISA_VERSION),
       ConstantInt::get(Int32, HWCKPT_KIND_COUNT),
       ConstantArray::get(ArrayType::get(BoundsType, Bounds.size()), Bounds),
       BoundsOf(HWCKPT_SECTION_EXCLUDE), BoundsOf(HWCKPT_SECTION_WATCH)});
  auto *Variable = new GlobalVariable(
      M, Description->getType(), /*isConstant=*/true,
      GlobalValue::LinkOnceODRLinkage, Description, ModuleName);
  makeUnique(*Variable);
  return Variable;
}

Function *hwckpt::runtimeFunction(Module &M, const char *Name,
                                  FunctionType *Type) {
  LLVMContext &Context = M.getContext();
  if (Function *Known = M.getFunction(Name))
    return Known;
  if (!Type)
    Type = FunctionType::get(Type::getVoidTy(Context),
                             {PointerType::getUnqual(Context)}, false);
  auto *F = Function::Create(Type, GlobalValue::ExternalWeakLinkage, Name, M);
  F->setDoesNotThrow();
  return F;
}

/// Creates \p Name: if the runtime is there and *Registered is not yet
/// \p Register, calls \p Entry and sets it so.
///
/// The check makes up for linkers that keep a constructor for each object they
/// generate at link time.
static Function *createCaller(Module &M, const char *Name, const char *Entry,
                              bool Register, GlobalVariable *Description,
                              GlobalVariable *Registered) {
  LLVMContext &Context = M.getContext();
  auto *F = Function::createWithDefaultAttr(
      FunctionType::get(Type::getVoidTy(Context), false),
      GlobalValue::LinkOnceODRLinkage,
      M.getDataLayout().getProgramAddressSpace(), Name, &M);
  makeUnique(*F);
  F->setDoesNotThrow();
  F->addFnAttr(HWCKPT_DONE_ATTRIBUTE);

  auto *Begin = BasicBlock::Create(Context, "", F);
  auto *Check = BasicBlock::Create(Context, "", F);
  auto *Call = BasicBlock::Create(Context, "", F);
  auto *End = BasicBlock::Create(Context, "", F);
  Function *Callee = runtimeFunction(M, Entry);

  IRBuilder<> Builder(Begin);
  Builder.CreateCondBr(Builder.CreateIsNull(Callee), End, Check);
  Builder.SetInsertPoint(Check);
  Value *Now = Builder.CreateLoad(Builder.getInt8Ty(), Registered);
  Builder.CreateCondBr(Builder.CreateICmpEQ(Now, Builder.getInt8(Register)),
                       End, Call);
  Builder.SetInsertPoint(Call);
  Builder.CreateStore(Builder.getInt8(Register), Registered);
  Builder.CreateCall(Callee, {Description})->setDoesNotThrow();
  Builder.CreateBr(End);
  Builder.SetInsertPoint(End);
  Builder.CreateRetVoid();
  return F;
}

void hwckpt::addModuleRegistration(Module &M) {
  // Modules that are linked together as IR may have brought it.
  if (M.getNamedGlobal(ModuleName))
    return;
  GlobalVariable *Description = createModuleDescription(M);
  Type *Int8 = Type::getInt8Ty(M.getContext());
  auto *Registered = new GlobalVariable(
      M, Int8, /*isConstant=*/false, GlobalValue::LinkOnceODRLinkage,
      ConstantInt::get(Int8, 0), RegisteredName);
  makeUnique(*Registered);
  Function *Constructor =
      createCaller(M, ConstructorName, HWCKPT_REGISTER_SYMBOL,
                   /*Register=*/true, Description, Registered);
  Function *Destructor =
      createCaller(M, DestructorName, HWCKPT_UNREGISTER_SYMBOL,
                   /*Register=*/false, Description, Registered);
  // The last argument puts the arrays' entries into the same comdat group.
  appendToGlobalCtors(M, Constructor, Priority, Description);
  appendToGlobalDtors(M, Destructor, Priority, Description);
}
