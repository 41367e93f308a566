//===- Attributes.cpp - hwckpt::nopoll, ::site, ::exclude, ::watch --------===//
//
// The attributes that -fhwckpt adds, each in its GNU, C23 and C++ spelling:
// checked where they are written, and handed to the pass as annotations of
// functions and variables. Statements are SiteStatements.cpp's.
//
//===----------------------------------------------------------------------===//

#include "SiteStatements.h"
#include "intrinsics/hwckpt_isa.h"
#include "clang/AST/ASTContext.h"
#include "clang/AST/Attr.h"
#include "clang/AST/Decl.h"
#include "clang/AST/DeclCXX.h"
#include "clang/AST/Stmt.h"
#include "clang/Basic/DiagnosticSema.h"
#include "clang/Basic/Version.h"
#include "clang/Lex/Lexer.h"
#include "clang/Sema/ParsedAttr.h"
#include "clang/Sema/Sema.h"
#include <optional>
#include <set>
#include <utility>

using namespace clang;
using namespace hwckpt;

namespace {

/// "'x' attribute only applies to Subjects".
bool diagnoseSubject(Sema &S, const ParsedAttr &Attr, StringRef Subjects) {
  S.Diag(Attr.getLoc(), diag::err_attribute_wrong_decl_type_str)
      << Attr << Attr.isRegularKeywordAttribute() << Subjects;
  return false;
}

/// None of the attributes takes arguments. For [[hwckpt::...]] Clang skips
/// them, since it takes the attributes of others for unknown while it parses.
bool diagnoseArguments(Sema &S, const ParsedAttr &Attr) {
  if (!Attr.hasScope())
    return Attr.checkExactlyNumArgs(S, 0);
  std::optional<Token> Next = Lexer::findNextToken(
      Attr.getRange().getEnd(), S.getSourceManager(), S.getLangOpts());
  if (!Next || Next->isNot(tok::l_paren))
    return true;
  S.Diag(Next->getLocation(), diag::err_attribute_wrong_number_arguments)
      << Attr << 0;
  return false;
}

/// Those that take no argument and become an annotation of a declaration.
class AnnotatingAttrInfo : public ParsedAttrInfo {
protected:
  explicit AnnotatingAttrInfo(StringRef Annotation) : Annotation(Annotation) {}

  void annotate(Sema &S, Decl *D, const ParsedAttr &Attr) const {
    D->addAttr(AnnotateAttr::Create(S.Context, Annotation, nullptr, 0,
                                    Attr.getRange()));
  }

  AttrHandling handleDeclAttribute(Sema &S, Decl *D,
                                   const ParsedAttr &Attr) const override {
    annotate(S, D, Attr);
    return AttributeApplied;
  }

  bool diagMutualExclusion(Sema &S, const ParsedAttr &Attr,
                           const Decl *D) const override {
    for (const auto *Other : D->specific_attrs<AnnotateAttr>()) {
      StringRef Text = Other->getAnnotation();
      if (Text == Annotation || !isOfFunctions(Text))
        continue;
      unsigned ID = S.getDiagnostics().getCustomDiagID(
          DiagnosticsEngine::Error,
          "%0 and '%1' attributes are not compatible");
      S.Diag(Attr.getLoc(), ID) << Attr << Text;
      return false;
    }
    return true;
  }

private:
  /// Those of which a function has one; variables may have all.
  static bool isOfFunctions(StringRef Annotation) {
    return Annotation == HWCKPT_NOPOLL_ANNOTATION ||
           Annotation == HWCKPT_SITE_ANNOTATION;
  }

  StringRef Annotation;
};

struct NoPollAttrInfo : public AnnotatingAttrInfo {
  NoPollAttrInfo() : AnnotatingAttrInfo(HWCKPT_NOPOLL_ANNOTATION) {
    static constexpr Spelling All[] = {
        {ParsedAttr::AS_GNU, "hwckpt_nopoll"},
        {ParsedAttr::AS_CXX11, "hwckpt::nopoll"},
        {ParsedAttr::AS_C23, "hwckpt::nopoll"},
    };
    Spellings = All;
  }

  bool diagAppertainsToDecl(Sema &S, const ParsedAttr &Attr,
                            const Decl *D) const override {
    if (!isa<FunctionDecl>(D))
      return diagnoseSubject(S, Attr, "functions");
    return diagnoseArguments(S, Attr);
  }
  bool diagAppertainsToStmt(Sema &S, const ParsedAttr &Attr,
                            const Stmt *) const override {
    return diagnoseSubject(S, Attr, "functions");
  }
};

/// Those of variables that are there as long as the program is.
class VariableAttrInfo : public AnnotatingAttrInfo {
protected:
  using AnnotatingAttrInfo::AnnotatingAttrInfo;

  static constexpr char Subjects[] = "variables of static storage duration";

  bool diagAppertainsToDecl(Sema &S, const ParsedAttr &Attr,
                            const Decl *D) const override {
    auto *Variable = dyn_cast<VarDecl>(D);
    if (!Variable || !Variable->hasGlobalStorage() ||
        Variable->getTSCSpec() != TSCS_unspecified)
      return diagnoseSubject(S, Attr, Subjects);
    return diagnoseArguments(S, Attr) && diagnoseType(S, Attr, *Variable);
  }
  bool diagAppertainsToStmt(Sema &S, const ParsedAttr &Attr,
                            const Stmt *) const override {
    return diagnoseSubject(S, Attr, Subjects);
  }

  virtual bool diagnoseType(Sema &S, const ParsedAttr &Attr,
                            const VarDecl &Variable) const = 0;

  /// An error at \p Attr, whose text names \p Variable as %0.
  template <unsigned N>
  static bool diagnose(Sema &S, const ParsedAttr &Attr, const VarDecl &Variable,
                       const char (&Text)[N]) {
    S.Diag(Attr.getLoc(),
           S.getDiagnostics().getCustomDiagID(DiagnosticsEngine::Error, Text))
        << &Variable;
    return false;
  }
};

struct ExcludeAttrInfo : public VariableAttrInfo {
  ExcludeAttrInfo() : VariableAttrInfo(HWCKPT_EXCLUDE_ANNOTATION) {
    static constexpr Spelling All[] = {
        {ParsedAttr::AS_GNU, "hwckpt_exclude"},
        {ParsedAttr::AS_CXX11, "hwckpt::exclude"},
        {ParsedAttr::AS_C23, "hwckpt::exclude"},
    };
    Spellings = All;
  }

private:
  /// What comes back as zeros has to be able to.
  bool diagnoseType(Sema &S, const ParsedAttr &Attr,
                    const VarDecl &Variable) const override {
    QualType Element = S.Context.getBaseElementType(Variable.getType());
    if (Element.isConstQualified())
      return diagnose(S, Attr, Variable,
                      "%0 is constant and cannot be left out of checkpoints");
    const CXXRecordDecl *Class = Element->getAsCXXRecordDecl();
    if (Class && Class->hasDefinition() &&
        (!Class->hasTrivialDefaultConstructor() ||
         !Class->hasTrivialDestructor())) {
      unsigned ID = S.getDiagnostics().getCustomDiagID(
          DiagnosticsEngine::Warning,
          "%0 holds zeros after a restore, which no constructor of %1 made");
      S.Diag(Attr.getLoc(), ID) << &Variable << Element;
    }
    return true;
  }
};

struct WatchAttrInfo : public VariableAttrInfo {
  WatchAttrInfo() : VariableAttrInfo(HWCKPT_WATCH_ANNOTATION) {
    static constexpr Spelling All[] = {
        {ParsedAttr::AS_GNU, "hwckpt_watch"},
        {ParsedAttr::AS_CXX11, "hwckpt::watch"},
        {ParsedAttr::AS_C23, "hwckpt::watch"},
    };
    Spellings = All;
  }

private:
  /// The table of a program has room for so many; what other translation units
  /// mark the runtime counts.
  bool diagnoseNumber(Sema &S, const ParsedAttr &Attr,
                      const VarDecl &Variable) const {
    if (Of != &S.Context) {
      Of = &S.Context;
      Marked.clear();
    }
    // Attributes come before declarations of the same are brought together.
    const DeclContext *Scope = Variable.getDeclContext();
    if (!Marked.insert({Scope, Variable.getDeclName()}).second ||
        Marked.size() <= HWCKPT_WATCHED_MAX)
      return true;
    unsigned ID = S.getDiagnostics().getCustomDiagID(
        DiagnosticsEngine::Error,
        "too many watched variables, a program can have %0; mark an array or a "
        "structure that holds several");
    S.Diag(Attr.getLoc(), ID) << HWCKPT_WATCHED_MAX;
    return false;
  }

  bool diagnoseType(Sema &S, const ParsedAttr &Attr,
                    const VarDecl &Variable) const override {
    QualType Type = Variable.getType();
    if (Type->isReferenceType())
      return diagnose(S, Attr, Variable,
                      "%0 is a reference; mark the variable it refers to");
    if (S.Context.getBaseElementType(Type).isConstQualified())
      return diagnose(S, Attr, Variable,
                      "%0 is constant and cannot be watched for writes");
    return diagnoseNumber(S, Attr, Variable);
  }

  mutable const ASTContext *Of = nullptr;
  mutable std::set<std::pair<const DeclContext *, DeclarationName>> Marked;
};

struct SiteAttrInfo : public AnnotatingAttrInfo {
  SiteAttrInfo() : AnnotatingAttrInfo(HWCKPT_SITE_ANNOTATION) {
    static constexpr Spelling All[] = {
        {ParsedAttr::AS_GNU, "hwckpt_site"},
        {ParsedAttr::AS_CXX11, "hwckpt::site"},
        {ParsedAttr::AS_C23, "hwckpt::site"},
        {ParsedAttr::AS_GNU, PragmaAttribute},
    };
    Spellings = All;
    IsStmt = true;
#if CLANG_VERSION_MAJOR < 20
    // Clang asks no plugin what becomes of a statement's attribute; it makes
    // the one itself that createStatementSite() makes.
    AttrKind = AttributeCommonInfo::AT_Suppress;
#endif
  }

  bool diagAppertainsToDecl(Sema &S, const ParsedAttr &Attr,
                            const Decl *D) const override {
    if (Attr.getAttrName()->isStr(PragmaAttribute)) {
      unsigned ID = S.getDiagnostics().getCustomDiagID(
          DiagnosticsEngine::Error,
          "'#pragma hwckpt site' must be followed by a statement");
      S.Diag(Attr.getLoc(), ID);
      return false;
    }
    if (!isa<FunctionDecl>(D))
      return diagnoseSubject(S, Attr, "functions and statements");
    if (!diagnoseArguments(S, Attr))
      return false;
#if CLANG_VERSION_MAJOR < 20
    // The kind is that of statements: what comes after this is not ours.
    if (diagMutualExclusion(S, Attr, D))
      annotate(S, const_cast<Decl *>(D), Attr);
    return false;
#else
    return true;
#endif
  }

  bool diagAppertainsToStmt(Sema &S, const ParsedAttr &Attr,
                            const Stmt *St) const override {
    // A label would have to stay in front.
    if (isa<SwitchCase, LabelStmt>(St)) {
      unsigned ID = S.getDiagnostics().getCustomDiagID(
          DiagnosticsEngine::Error,
          "a site cannot be in front of a label; mark the statement behind it");
      S.Diag(Attr.getLoc(), ID);
      return false;
    }
    if (!diagnoseArguments(S, Attr))
      return false;
    expectStatementSites();
#if CLANG_VERSION_MAJOR < 20
    // The spelling of gsl::suppress, the first one, would need an argument.
    const_cast<ParsedAttr &>(Attr).setAttributeSpellingListIndex(
        SuppressAttr::GNU_suppress);
#endif
    return true;
  }

#if CLANG_VERSION_MAJOR >= 20
  AttrHandling handleStmtAttribute(Sema &S, Stmt *, const ParsedAttr &Attr,
                                   class Attr *&Result) const override {
    Result = createStatementSite(S.Context, Attr);
    return AttributeApplied;
  }
#endif
};

} // namespace

static ParsedAttrInfoRegistry::Add<NoPollAttrInfo>
    NoPoll("hwckpt_nopoll", "functions without poll sites");
static ParsedAttrInfoRegistry::Add<ExcludeAttrInfo>
    Exclude("hwckpt_exclude", "variables left out of checkpoints");
static ParsedAttrInfoRegistry::Add<WatchAttrInfo>
    Watch("hwckpt_watch", "variables whose writes are checkpoint events");
static ParsedAttrInfoRegistry::Add<SiteAttrInfo>
    Site("hwckpt_site", "statements and functions that have a poll site");
