//===- SiteStatements.cpp - Statements marked as sites --------------------===//
//
// A marked statement is an AttributedStmt. Once its function is parsed, a loop
// gets a poll as the first statement of its body, any other statement one in
// front of it. Warnings that look at the whole function have had their turn by
// then, and see what was written. In C++ the poll is
//
//   if !consteval { __builtin_ckpt_poll(); }
//
// so that constexpr functions stay what they are.
//
// Templates are treated as they are written; instances made of them before come
// by on their own. A site that is there already is not put in again.
//
//===----------------------------------------------------------------------===//

#include "SiteStatements.h"
#include "Frontend.h"
#include "RegionStatements.h"
#include "clang/AST/ASTConsumer.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/Attr.h"
#include "clang/AST/RecursiveASTVisitor.h"
#include "clang/Basic/DiagnosticParse.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Lex/Pragma.h"
#include "clang/Lex/Preprocessor.h"
#include "clang/Lex/PreprocessorOptions.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallPtrSet.h"

using namespace clang;
using namespace hwckpt;

/// Where the pragma asks for regions, and the name of their set.
static llvm::MapVector<SourceLocation, std::string> RegionSets;

/// Those that have been served, or refused.
static llvm::DenseSet<SourceLocation> RegionsDone;

/// True once a marked statement was parsed: the others cost no walk.
static bool SitesExpected;

Attr *hwckpt::createStatementSite(ASTContext &Context,
                                  const AttributeCommonInfo &Info) {
  expectStatementSites();
  return SuppressAttr::Create(Context, nullptr, 0, Info);
}

void hwckpt::expectStatementSites() { SitesExpected = true; }

namespace {

/// Clang's attribute for static analysis without any text is what carries the
/// mark; the name it was written with tells it apart.
bool isSite(const Attr *A) {
  const IdentifierInfo *Name = A->getAttrName();
  return isa<SuppressAttr>(A) && Name &&
         (Name->isStr("site") || Name->isStr("hwckpt_site") ||
          Name->isStr("__hwckpt_site__") || Name->isStr(PragmaAttribute));
}

class SiteVisitor : public RecursiveASTVisitor<SiteVisitor> {
public:
  explicit SiteVisitor(CompilerInstance &CI) : CI(CI) {}

  bool shouldVisitTemplateInstantiations() const { return true; }
  bool shouldVisitImplicitCode() const { return true; }

  bool VisitAttributedStmt(AttributedStmt *S) {
    if (llvm::any_of(S->getAttrs(), isSite))
      addSite(*S);
    return true;
  }

  bool VisitFunctionDecl(FunctionDecl *F) {
    if (!RegionSets.empty() && F->doesThisDeclarationHaveABody())
      WithRegions.push_back(F);
    return true;
  }

  /// Functions that may have a statement with regions.
  SmallVector<FunctionDecl *, 4> WithRegions;

private:
  void addSite(AttributedStmt &S);
  bool startsWithSite(const Stmt *S) const;
  Stmt *withSite(Stmt *S);

  CompilerInstance &CI;
};

/// Looks for the statements with regions of one function, not of lambdas in it,
/// which are functions themselves.
class RegionVisitor : public RecursiveASTVisitor<RegionVisitor> {
public:
  bool TraverseLambdaExpr(LambdaExpr *) { return true; }

  bool VisitAttributedStmt(AttributedStmt *S) {
    for (const Attr *A : S->getAttrs())
      if (auto Set = RegionSets.find(A->getLocation());
          isSite(A) && Set != RegionSets.end())
        Found.push_back({S, Set->first, Set->second});
    return true;
  }

  struct Statement {
    AttributedStmt *Marked;
    SourceLocation Pragma;
    std::string Set;
  };
  SmallVector<Statement, 2> Found;
};

class SiteStatementConsumer : public ASTConsumer {
public:
  explicit SiteStatementConsumer(CompilerInstance &CI) : CI(CI), Visitor(CI) {}

  bool HandleTopLevelDecl(DeclGroupRef Group) override {
    for (Decl *D : Group)
      visit(D);
    return true;
  }
  void HandleInlineFunctionDefinition(FunctionDecl *D) override { visit(D); }
  void HandleTranslationUnit(ASTContext &) override {
    if (!CI.getDiagnostics().hasErrorOccurred())
      warnOfIgnored();
  }
  void HandleInterestingDecl(DeclGroupRef Group) override {
    HandleTopLevelDecl(Group);
  }

private:
  void visit(Decl *D) {
    // Precompiled headers and modules bring theirs unparsed.
    if (SitesExpected || CI.getPreprocessor().getExternalSource())
      Visitor.TraverseDecl(D);
    for (FunctionDecl *F : Visitor.WithRegions)
      addRegions(*F);
    Visitor.WithRegions.clear();
  }

  /// A function that is defined in a class comes by itself and in its class.
  void addRegions(FunctionDecl &F) {
    RegionVisitor Regions;
    Regions.TraverseStmt(F.getBody());
    for (auto &[Marked, Pragma, Set] : Regions.Found)
      if (Described.insert(Marked).second &&
          describeRegions(CI, F, *Marked, Set))
        RegionsDone.insert(Pragma);
  }

  /// In a block, say, which is no function.
  void warnOfIgnored() {
    DiagnosticsEngine &Diags = CI.getDiagnostics();
    unsigned ID = Diags.getCustomDiagID(
        DiagnosticsEngine::Warning,
        "'#pragma hwckpt site regions' has no effect here: no variable is "
        "described, and none loaded - ignored");
    for (const auto &[Pragma, Set] : RegionSets)
      if (!RegionsDone.contains(Pragma))
        Diags.Report(Pragma, ID);
  }

  CompilerInstance &CI;
  SiteVisitor Visitor;
  llvm::SmallPtrSet<const Stmt *, 4> Described;
};

} // namespace

bool SiteVisitor::startsWithSite(const Stmt *S) const {
  auto *Compound = dyn_cast<CompoundStmt>(S);
  const Stmt *First =
      Compound && !Compound->body_empty() ? Compound->body_front() : nullptr;
  if (auto *If = dyn_cast_or_null<IfStmt>(First))
    First = If->isNegatedConsteval() ? If->getThen() : nullptr;
  auto *Call = dyn_cast_or_null<CallExpr>(First);
  const FunctionDecl *Callee = Call ? Call->getDirectCallee() : nullptr;
  return Callee && isPollBuiltin(*Callee);
}

/// The poll, and \p S behind it.
Stmt *SiteVisitor::withSite(Stmt *S) {
  if (startsWithSite(S))
    return S;
  ASTContext &Context = CI.getASTContext();
  SourceLocation Loc = S->getBeginLoc();
  Stmt *Poll = callPoll(CI.getSema(), Loc);
  if (Context.getLangOpts().CPlusPlus)
    Poll = IfStmt::Create(Context, Loc, IfStatementKind::ConstevalNegated,
                          nullptr, nullptr, nullptr, Loc, Loc, Poll);
  Stmt *Both[] = {Poll, S};
  return CompoundStmt::Create(Context, Both, FPOptionsOverride(), Loc,
                              S->getEndLoc());
}

void SiteVisitor::addSite(AttributedStmt &S) {
  Stmt *Sub = S.getSubStmt();
  while (auto *Attributed = dyn_cast<AttributedStmt>(Sub))
    Sub = Attributed->getSubStmt();
  auto AddToBody = [this](auto *Loop) {
    Loop->setBody(withSite(Loop->getBody()));
  };
  if (auto *While = dyn_cast<WhileStmt>(Sub))
    AddToBody(While);
  else if (auto *Do = dyn_cast<DoStmt>(Sub))
    AddToBody(Do);
  else if (auto *For = dyn_cast<ForStmt>(Sub))
    AddToBody(For);
  else if (auto *Range = dyn_cast<CXXForRangeStmt>(Sub))
    AddToBody(Range);
  else
    *S.child_begin() = withSite(S.getSubStmt());
}

std::unique_ptr<ASTConsumer>
hwckpt::createSiteStatementConsumer(CompilerInstance &CI) {
  SitesExpected = false;
  RegionSets.clear();
  RegionsDone.clear();
  return std::make_unique<SiteStatementConsumer>(CI);
}

// ---- the pragma ----

namespace {

/// Not for the preprocessor alone, which passes on what it does not know.
class SitePragma : public PragmaHandler {
public:
  SitePragma() : PragmaHandler("hwckpt") {}

  void HandlePragma(Preprocessor &PP, PragmaIntroducer Introducer,
                    Token &First) override;
};

} // namespace

/// Puts __attribute__((hwckpt_pragma_site)) where the pragma is.
static void enterAttribute(Preprocessor &PP, SourceLocation Loc) {
  constexpr tok::TokenKind Kinds[] = {tok::kw___attribute, tok::l_paren,
                                      tok::l_paren,        tok::identifier,
                                      tok::r_paren,        tok::r_paren};
  auto Tokens = std::make_unique<Token[]>(std::size(Kinds));
  for (unsigned I = 0; I != std::size(Kinds); ++I) {
    Tokens[I].startToken();
    Tokens[I].setKind(Kinds[I]);
    Tokens[I].setLocation(Loc);
    if (Kinds[I] == tok::identifier)
      Tokens[I].setIdentifierInfo(PP.getIdentifierInfo(PragmaAttribute));
    else if (Kinds[I] == tok::kw___attribute)
      Tokens[I].setIdentifierInfo(PP.getIdentifierInfo("__attribute__"));
  }
  PP.EnterTokenStream(std::move(Tokens), std::size(Kinds),
                      /*DisableMacroExpansion=*/true, /*IsReinject=*/false);
}

/// Behind "regions": (SET), or nothing. \p Next is the token behind that.
static void readSet(Preprocessor &PP, SourceLocation Loc, Token &Next) {
  PP.LexUnexpandedToken(Next);
  if (Next.isNot(tok::l_paren))
    return;
  PP.LexUnexpandedToken(Next);
  if (Next.isNot(tok::identifier))
    return;
  RegionSets[Loc] = Next.getIdentifierInfo()->getName().str();
  PP.LexUnexpandedToken(Next);
  if (Next.is(tok::r_paren))
    PP.LexUnexpandedToken(Next);
}

void SitePragma::HandlePragma(Preprocessor &PP, PragmaIntroducer,
                              Token &First) {
  DiagnosticsEngine &Diags = PP.getDiagnostics();
  Token Word;
  PP.LexUnexpandedToken(Word);
  if (Word.isNot(tok::identifier) || !Word.getIdentifierInfo()->isStr("site")) {
    unsigned ID = Diags.getCustomDiagID(
        DiagnosticsEngine::Warning,
        "%select{unknown word|missing word}0 in '#pragma hwckpt'; expected "
        "'site' - ignored");
    PP.Diag(Word.is(tok::eod) ? First : Word, ID) << Word.is(tok::eod);
    return;
  }
  Token End;
  PP.LexUnexpandedToken(End);
  if (End.is(tok::identifier) && End.getIdentifierInfo()->isStr("regions")) {
    RegionSets[First.getLocation()] = "";
    readSet(PP, First.getLocation(), End);
  }
  if (End.isNot(tok::eod))
    PP.Diag(End, diag::warn_pragma_extra_tokens_at_eol) << "hwckpt site";
  while (End.isNot(tok::eod))
    PP.LexUnexpandedToken(End);
  enterAttribute(PP, First.getLocation());
}

void hwckpt::addSitePragma(Preprocessor &PP) {
  PP.AddPragmaHandler(new SitePragma());
}
