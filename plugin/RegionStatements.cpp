//===- RegionStatements.cpp - Statements with regions ---------------------===//
//
// What is live at the statement is taken widely: each variable in scope there
// that is named in the statement, behind it, or in a loop around it; and
// variables of static storage duration that are named there, or in functions
// that can be reached from there and are defined above. Too much costs bytes;
// what is not seen or cannot be described is a warning.
//
// The calls are made as if written in the source:
//
//   hwckpt_region("set", "x", (void *)&x, 1, HWCKPT_DOUBLE); ...
//   hwckpt_region_enter("set");
//
//===----------------------------------------------------------------------===//

#include "RegionStatements.h"
#include "intrinsics/hwckptintrin.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/Attr.h"
#include "clang/AST/RecursiveASTVisitor.h"
#include "clang/AST/StmtCXX.h"
#include "clang/Basic/CodeGenOptions.h"
#include "clang/Basic/SourceManager.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Sema/EnterExpressionEvaluationContext.h"
#include "clang/Sema/ScopeInfo.h"
#include "clang/Sema/Sema.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/StringSet.h"
#include <optional>

using namespace clang;
using namespace hwckpt;

namespace {

/// The statements around \p Target, the outermost first, it last.
bool findPath(Stmt *S, const Stmt *Target, SmallVectorImpl<Stmt *> &Path) {
  if (!S)
    return false;
  Path.push_back(S);
  if (S == Target)
    return true;
  for (Stmt *Child : S->children())
    if (findPath(Child, Target, Path))
      return true;
  Path.pop_back();
  return false;
}

bool isLoop(const Stmt *S) {
  return isa<ForStmt, WhileStmt, DoStmt, CXXForRangeStmt>(S);
}

/// What is named in a part of the program.
class Names : public RecursiveASTVisitor<Names> {
public:
  /// From here on, or from the beginning if null.
  explicit Names(const Stmt *From = nullptr) : From(From), Begun(!From) {}

  bool shouldVisitImplicitCode() const { return true; }

  bool VisitStmt(Stmt *S) {
    Begun |= S == From;
    Jumps |= isa<GotoStmt, IndirectGotoStmt>(S);
    return true;
  }
  bool VisitDeclRefExpr(DeclRefExpr *E) {
    if (!Begun)
      return true;
    if (auto *V = dyn_cast<VarDecl>(E->getDecl()))
      Variables.insert(V->getCanonicalDecl());
    else if (auto *B = dyn_cast<BindingDecl>(E->getDecl()))
      Variables.insert(cast<VarDecl>(B->getDecomposedDecl()));
    else if (auto *F = dyn_cast<FunctionDecl>(E->getDecl()))
      Functions.insert(F);
    return true;
  }
  bool VisitCXXThisExpr(CXXThisExpr *) {
    Object |= Begun;
    return true;
  }
  bool VisitCXXConstructExpr(CXXConstructExpr *E) {
    if (Begun)
      Functions.insert(E->getConstructor());
    return true;
  }
  bool VisitMemberExpr(MemberExpr *E) {
    auto *F = dyn_cast<FunctionDecl>(E->getMemberDecl());
    if (Begun && F)
      Functions.insert(F);
    return true;
  }

  llvm::SetVector<VarDecl *> Variables;
  llvm::SetVector<FunctionDecl *> Functions;
  bool Jumps = false;
  bool Object = false; // what `this` points to

private:
  const Stmt *From;
  bool Begun;
};

/// Variables that the program describes itself: named in a call of
/// hwckpt_region().
class OwnRegions : public RecursiveASTVisitor<OwnRegions> {
public:
  bool VisitCallExpr(CallExpr *E) {
    const FunctionDecl *Callee = E->getDirectCallee();
    if (!Callee || !Callee->getIdentifier() ||
        Callee->getName() != "hwckpt_region")
      return true;
    Names Named;
    for (Expr *Argument : E->arguments())
      Named.TraverseStmt(Argument);
    Variables.insert(Named.Variables.begin(), Named.Variables.end());
    Object |= Named.Object;
    return true;
  }

  llvm::SmallPtrSet<VarDecl *, 8> Variables;
  bool Object = false; // members of the object that `this` points to
};

struct Elements {
  uint64_t Count;
  hwckpt_type Type;
};

/// Variables that a lambda has of the function around it and may change, if \p
/// F is one's.
SmallVector<VarDecl *, 4> changeableCaptures(const FunctionDecl &F) {
  SmallVector<VarDecl *, 4> Found;
  auto *Method = dyn_cast<CXXMethodDecl>(&F);
  if (!Method || !Method->getParent()->isLambda())
    return Found;
  for (const LambdaCapture &Capture : Method->getParent()->captures())
    if (Capture.capturesVariable() &&
        (Capture.getCaptureKind() == LCK_ByRef || !Method->isConst()))
      if (auto *V = dyn_cast<VarDecl>(Capture.getCapturedVar()))
        Found.push_back(V->getCanonicalDecl());
  return Found;
}

class RegionWriter {
public:
  RegionWriter(CompilerInstance &CI, FunctionDecl &F, AttributedStmt &Marked,
               StringRef Set)
      : S(CI.getSema()), Context(CI.getASTContext()),
        Remarks(CI.getCodeGenOpts().OptimizationRemark), F(F), Marked(Marked),
        Set(Set.empty() && F.getIdentifier() ? F.getName() : Set),
        Loc(Marked.getBeginLoc()), Captures(changeableCaptures(F)) {}

  bool write();

private:
  FunctionDecl *lookUp(StringRef Name) const;
  SmallVector<VarDecl *, 16> inScope(ArrayRef<Stmt *> Path) const;
  void addFunctions(Names &Found);
  void warnOfUnseen(ArrayRef<Stmt *> Path, const Names &Found);
  std::optional<Elements> elements(QualType Type) const;
  const char *whyNot(const VarDecl &V) const;
  bool holdsPointers(QualType Type) const;
  std::string nameOf(const VarDecl &V);
  Expr *variable(VarDecl &V) const;
  Stmt *atRunTime(ArrayRef<Stmt *> Statements) const;
  Expr *text(StringRef Text) const;
  Expr *number(uint64_t Number) const;
  Stmt *call(FunctionDecl &Callee, MutableArrayRef<Expr *> Arguments) const;
  void list(const VarDecl &V, Elements What) const;
  Stmt *describe(FunctionDecl &Callee, VarDecl &V, Elements What);
  template <unsigned N>
  DiagnosticBuilder diagnose(DiagnosticsEngine::Level Level,
                             const char (&Text)[N]) const {
    DiagnosticsEngine &Diags = S.getDiagnostics();
    return Diags.Report(Loc, Diags.getCustomDiagID(Level, Text));
  }

  Sema &S;
  ASTContext &Context;
  const CodeGenOptions::OptRemark &Remarks;
  FunctionDecl &F;
  AttributedStmt &Marked;
  std::string Set;
  SourceLocation Loc;
  SmallVector<VarDecl *, 4> Captures;
  llvm::StringSet<> Given;
};

} // namespace

FunctionDecl *RegionWriter::lookUp(StringRef Name) const {
  for (NamedDecl *D :
       Context.getTranslationUnitDecl()->lookup(&Context.Idents.get(Name)))
    if (auto *Found = dyn_cast<FunctionDecl>(D))
      return Found;
  return nullptr;
}

static void addDeclared(Stmt *S, SmallVectorImpl<VarDecl *> &Found) {
  auto *Declaration = dyn_cast_or_null<DeclStmt>(S);
  if (!Declaration)
    return;
  for (Decl *D : Declaration->decls())
    if (auto *V = dyn_cast<VarDecl>(D))
      Found.push_back(V->getCanonicalDecl());
}

/// Local variables that have been declared when the last of \p Path begins, and
/// what that declares itself at its beginning.
SmallVector<VarDecl *, 16> RegionWriter::inScope(ArrayRef<Stmt *> Path) const {
  SmallVector<VarDecl *, 16> Found(Captures.begin(), Captures.end());
  for (ParmVarDecl *Parameter : F.parameters())
    Found.push_back(Parameter);
  for (size_t I = 0; I + 1 < Path.size(); ++I) {
    if (auto *If = dyn_cast<IfStmt>(Path[I]))
      addDeclared(If->getInit(), Found);
    for (Stmt *Child : Path[I]->children()) {
      if (Child == Path[I + 1])
        break;
      addDeclared(Child, Found);
    }
  }
  return Found;
}

/// What the functions name that can be reached; those that are not there yet
/// are said.
void RegionWriter::addFunctions(Names &Found) {
  llvm::SmallPtrSet<const FunctionDecl *, 16> Seen;
  for (size_t I = 0; I < Found.Functions.size(); ++I) {
    FunctionDecl *Callee = Found.Functions[I];
    const FunctionDecl *Definition = nullptr;
    if (!Seen.insert(Callee->getCanonicalDecl()).second ||
        Callee->getBuiltinID() ||
        Context.getSourceManager().isInSystemHeader(Callee->getLocation()))
      continue;
    if (Callee->hasBody(Definition)) {
      Names Inner;
      Inner.TraverseStmt(Definition->getBody());
      Found.Variables.insert(Inner.Variables.begin(), Inner.Variables.end());
      Found.Functions.insert(Inner.Functions.begin(), Inner.Functions.end());
    } else if (!Callee->isImplicit() &&
               !StringRef(Callee->getNameAsString()).starts_with("hwckpt_")) {
      diagnose(DiagnosticsEngine::Warning,
               "variables that %0 uses are not seen, as it is not defined "
               "above '#pragma hwckpt site regions'")
          << Callee;
    }
  }
}

bool RegionWriter::holdsPointers(QualType Type) const {
  Type = Context.getBaseElementType(Type).getCanonicalType();
  if (Type->isAnyPointerType() || Type->isReferenceType() ||
      Type->isMemberPointerType() || Type->isBlockPointerType())
    return true;
  const RecordDecl *Record = Type->getAsRecordDecl();
  if (!Record)
    return false;
  for (const FieldDecl *Field : Record->fields())
    if (holdsPointers(Field->getType()))
      return true;
  auto *Class = dyn_cast<CXXRecordDecl>(Record);
  if (!Class)
    return false;
  for (const CXXBaseSpecifier &Base : Class->bases())
    if (holdsPointers(Base.getType()))
      return true;
  return Class->isDynamicClass();
}

static std::optional<hwckpt_type> integer(uint64_t Bytes, bool IsSigned) {
  switch (Bytes) {
  case 1:
    return IsSigned ? HWCKPT_INT8 : HWCKPT_UINT8;
  case 2:
    return IsSigned ? HWCKPT_INT16 : HWCKPT_UINT16;
  case 4:
    return IsSigned ? HWCKPT_INT32 : HWCKPT_UINT32;
  case 8:
    return IsSigned ? HWCKPT_INT64 : HWCKPT_UINT64;
  default:
    return std::nullopt;
  }
}

/// Structures and what has no type of its own are bytes.
std::optional<Elements> RegionWriter::elements(QualType Type) const {
  uint64_t Count = 1;
  while (const ConstantArrayType *Array =
             Context.getAsConstantArrayType(Type)) {
    Count *= Array->getSize().getZExtValue();
    Type = Array->getElementType();
  }
  Type = Type.getCanonicalType().getAtomicUnqualifiedType();
  if (const auto *Complex = Type->getAs<ComplexType>()) {
    Count *= 2;
    Type = Complex->getElementType();
  }
  if (Type->isIncompleteType() || Type->isVariableArrayType() || !Count)
    return std::nullopt;
  uint64_t Bytes = Context.getTypeSizeInChars(Type).getQuantity();
  std::optional<hwckpt_type> Found;
  if (Type->isIntegralOrEnumerationType())
    Found = integer(Bytes, Type->isSignedIntegerOrEnumerationType());
  else if (Type->isSpecificBuiltinType(BuiltinType::Float))
    Found = HWCKPT_FLOAT;
  else if (Type->isSpecificBuiltinType(BuiltinType::Double))
    Found = HWCKPT_DOUBLE;
  else if (Type->isSpecificBuiltinType(BuiltinType::LongDouble) && Bytes == 16)
    Found = HWCKPT_LONG_DOUBLE;
  return Found ? Elements{Count, *Found}
               : Elements{Count * Bytes, HWCKPT_BYTES};
}

/// Why a variable cannot be described; null if it can.
const char *RegionWriter::whyNot(const VarDecl &V) const {
  QualType Type = V.getType();
  if (Type->isReferenceType())
    return "is a reference; what it refers to is not saved";
  if (Context.getBaseElementType(Type)->isAnyPointerType())
    return "is a pointer; what it points to is not saved";
  if (Type->isVariablyModifiedType())
    return "has a size that is not known here";
  if (holdsPointers(Type))
    return "holds pointers; it is not saved";
  if (!Type.isTriviallyCopyableType(Context) && !Type->isAtomicType())
    return "is of a class that cannot be copied as bytes; it is not saved";
  if (V.getStorageClass() == SC_Register && !Context.getLangOpts().CPlusPlus)
    return "is a register variable, which has no address; it is not saved";
  if (V.getTLSKind() != VarDecl::TLS_None)
    return "is thread-local; it is not saved";
  if (V.isStaticLocal() && V.getParentFunctionOrMethod() != &F)
    return "is a static variable of another function; it is not saved";
  return elements(Type) ? nullptr : "is of an incomplete type; it is not saved";
}

/// Another variable of the same name is told from it.
std::string RegionWriter::nameOf(const VarDecl &V) {
  std::string Name = V.isLocalVarDeclOrParm()
                         ? V.getNameAsString()
                         : "::" + V.getQualifiedNameAsString();
  if (auto *Decomposed = dyn_cast<DecompositionDecl>(&V))
    for (const BindingDecl *B : Decomposed->bindings())
      Name += (Name.empty() ? "" : "+") + B->getNameAsString();
  std::string Found = Name;
  for (unsigned I = 2; !Given.insert(Found).second; ++I)
    Found = Name + "'" + std::to_string(I);
  return Found;
}

Expr *RegionWriter::text(StringRef Text) const {
  QualType Char = Context.CharTy;
  if (Context.getLangOpts().CPlusPlus)
    Char.addConst();
  QualType Type = Context.getStringLiteralArrayType(Char, Text.size());
  return StringLiteral::Create(Context, Text, StringLiteralKind::Ordinary,
                               /*Pascal=*/false, Type, Loc);
}

Expr *RegionWriter::number(uint64_t Number) const {
  QualType Type = Context.getSizeType();
  return IntegerLiteral::Create(
      Context, llvm::APInt(Context.getTypeSize(Type), Number), Type, Loc);
}

Stmt *RegionWriter::call(FunctionDecl &Callee,
                         MutableArrayRef<Expr *> Arguments) const {
  ExprResult Function = S.BuildDeclarationNameExpr(
      CXXScopeSpec(), DeclarationNameInfo(Callee.getDeclName(), Loc), &Callee);
  if (Function.isInvalid())
    return nullptr;
  ExprResult Call =
      S.BuildCallExpr(nullptr, Function.get(), Loc, Arguments, Loc);
  return Call.isInvalid() ? nullptr : Call.get();
}

/// Sema asks for the scope of a lambda, which is closed, where it has captured
/// what is named.
Expr *RegionWriter::variable(VarDecl &V) const {
  QualType Type = V.getType().getNonReferenceType();
  if (!llvm::is_contained(Captures, &V))
    return S.BuildDeclRefExpr(&V, Type, VK_LValue, Loc);
  return DeclRefExpr::Create(
      Context, NestedNameSpecifierLoc(), SourceLocation(), &V,
      /*RefersToEnclosingVariableOrCapture=*/true, Loc, Type, VK_LValue);
}

/// As a poll is (SiteStatements.cpp), so that a constexpr function stays one.
Stmt *RegionWriter::atRunTime(ArrayRef<Stmt *> Statements) const {
  Stmt *All = CompoundStmt::Create(Context, Statements, FPOptionsOverride(),
                                   Loc, Marked.getEndLoc());
  if (!Context.getLangOpts().CPlusPlus)
    return All;
  return IfStmt::Create(Context, Loc, IfStatementKind::ConstevalNegated,
                        nullptr, nullptr, nullptr, Loc, Loc, All);
}

/// As `hwckpt show` says it, for -Rpass=hwckpt.
void RegionWriter::list(const VarDecl &V, Elements What) const {
  static const char *const Types[] = {
      "bytes",  "int8",  "uint8",  "int16", "uint16", "int32",
      "uint32", "int64", "uint64", "float", "double", "long double"};
  if (Remarks.patternMatches("hwckpt"))
    diagnose(DiagnosticsEngine::Remark,
             "%0 is a region of the set %1: %2[%3] [-Rpass=hwckpt]")
        << &V << Set << Types[What.Type] << std::to_string(What.Count);
}

Stmt *RegionWriter::describe(FunctionDecl &Callee, VarDecl &V, Elements What) {
  ExprResult Address = S.CreateBuiltinUnaryOp(Loc, UO_AddrOf, variable(V));
  if (Address.isInvalid())
    return nullptr;
  Address = S.BuildCStyleCastExpr(
      Loc, Context.getTrivialTypeSourceInfo(Context.VoidPtrTy, Loc), Loc,
      Address.get());
  ExprResult Type = S.BuildCStyleCastExpr(
      Loc,
      Context.getTrivialTypeSourceInfo(Callee.getParamDecl(4)->getType(), Loc),
      Loc, number(What.Type));
  if (Address.isInvalid() || Type.isInvalid())
    return nullptr;
  Expr *Arguments[] = {text(Set), text(nameOf(V)), Address.get(),
                       number(What.Count), Type.get()};
  return call(Callee, Arguments);
}

/// What is no variable that could be described.
void RegionWriter::warnOfUnseen(ArrayRef<Stmt *> Path, const Names &Found) {
  if (Found.Object)
    diagnose(DiagnosticsEngine::Warning,
             "'this' is a pointer; what it points to is not saved; describe "
             "it with hwckpt_region() if the loop needs it");
  auto IsRange = [](const Stmt *S) { return isa<CXXForRangeStmt>(S); };
  if (llvm::any_of(Path, IsRange) || IsRange(Marked.getSubStmt()))
    diagnose(DiagnosticsEngine::Warning,
             "where a range-based 'for' is, is not saved; it begins anew");
}

/// False: it could not, and nothing was said.
bool RegionWriter::write() {
  FunctionDecl *Region = lookUp("hwckpt_region");
  FunctionDecl *Load = lookUp("hwckpt_region_enter");
  if (!Region || !Load || Region->getNumParams() != 5) {
    diagnose(DiagnosticsEngine::Error,
             "'#pragma hwckpt site regions' needs '#include <hwckptintrin.h>' "
             "above it");
    return true;
  }
  if (F.isDependentContext()) {
    diagnose(DiagnosticsEngine::Error,
             "'#pragma hwckpt site regions' cannot be in a template");
    return true;
  }
  if (Set.empty()) {
    diagnose(DiagnosticsEngine::Error,
             "'#pragma hwckpt site regions' needs the name of a set here, as "
             "the function has none: 'regions(NAME)'");
    return true;
  }
  SmallVector<Stmt *, 16> Path;
  if (!findPath(F.getBody(), &Marked, Path))
    return false;

  Names Found(&Marked);
  Found.TraverseStmt(F.getBody());
  Stmt **Around = llvm::find_if(Path, isLoop);
  if (Found.Jumps || Around != Path.end()) {
    Names More;
    More.TraverseStmt(Found.Jumps ? F.getBody() : *Around);
    Found.Variables.insert(More.Variables.begin(), More.Variables.end());
    Found.Functions.insert(More.Functions.begin(), More.Functions.end());
    Found.Object |= More.Object;
  }
  OwnRegions Own;
  Own.TraverseStmt(F.getBody());
  Found.Object &= !Own.Object;
  warnOfUnseen(Path, Found);
  addFunctions(Found);

  SmallVector<VarDecl *, 16> Locals = inScope(Path);
  auto *For = dyn_cast<ForStmt>(Marked.getSubStmt());
  if (For)
    addDeclared(For->getInit(), Locals);

  Sema::ContextRAII InFunction(S, &F);
  EnterExpressionEvaluationContext Evaluated(
      S, Sema::ExpressionEvaluationContext::PotentiallyEvaluated);
  SmallVector<Stmt *, 16> Calls;
  SmallVector<Stmt *, 3> Statements;
  if (For && For->getInit()) {
    Statements.push_back(For->getInit());
    For->setInit(nullptr);
  }
  for (VarDecl *V : Found.Variables) {
    if (Own.Variables.contains(V) || V->getType().isConstant(Context) ||
        (F.isMain() && isa<ParmVarDecl>(V)) || // what it is started with now
        (!V->hasGlobalStorage() && !llvm::is_contained(Locals, V)) ||
        Context.getSourceManager().isInSystemHeader(V->getLocation()))
      continue;
    if (const char *Reason = whyNot(*V)) {
      diagnose(DiagnosticsEngine::Warning,
               "%0 %1; describe it with hwckpt_region() if the loop needs it")
          << V << Reason;
      continue;
    }
    std::optional<Elements> What = elements(V->getType());
    if (!What)
      continue;
    list(*V, *What);
    if (Stmt *Call = describe(*Region, *V, *What))
      Calls.push_back(Call);
  }
  Expr *Arguments[] = {text(Set)};
  if (Stmt *Call = call(*Load, Arguments))
    Calls.push_back(Call);
  Statements.push_back(atRunTime(Calls));
  Statements.push_back(Marked.getSubStmt());
  *Marked.child_begin() = CompoundStmt::Create(
      Context, Statements, FPOptionsOverride(), Loc, Marked.getEndLoc());
  return true;
}

bool hwckpt::describeRegions(CompilerInstance &CI, FunctionDecl &F,
                             AttributedStmt &Marked, StringRef Set) {
  return RegionWriter(CI, F, Marked, Set).write();
}
