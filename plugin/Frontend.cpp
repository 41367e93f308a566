//===- Frontend.cpp - What -fhwckpt adds to Clang -------------------------===//
//
// Makes __builtin_ckpt_save, __builtin_ckpt_load, __builtin_ckpt_poll and
// __builtin_ckpt_watch builtins like any other: typed, known to __has_builtin,
// callable without a declaration, in every language of Clang's. Code generation
// makes calls of HWCKPT_SAVE_SYMBOL and the like of them, which the pass
// lowers. The invariant: the target's own builtins keep their numbers.
//
// Clang takes a target's builtins from TargetInfo, once, before a plugin's turn
// comes. So they are taken again, from a TargetInfo that lists more, and
// before the identifiers are given their builtins, which Clang does after it
// has asked the plugins for their consumers. When Clang only preprocesses it
// asks no plugin; there a pragma of a file the driver includes does the same.
//
//===----------------------------------------------------------------------===//

#include "Frontend.h"
#include "BuiltinTable.h"
#include "SiteStatements.h"
#include "intrinsics/hwckpt_isa.h"
#include "clang/AST/ASTConsumer.h"
#include "clang/AST/Expr.h"
#include "clang/Basic/TargetInfo.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Frontend/FrontendPluginRegistry.h"
#include "clang/Lex/Pragma.h"
#include "clang/Lex/Preprocessor.h"
#include "clang/Sema/Sema.h"
#include <vector>

using namespace clang;
using namespace hwckpt;

namespace {

/// Stands in for \p Real where Clang asks for the target's builtins.
class ExtendedTarget : public TargetInfo {
public:
  ExtendedTarget(const TargetInfo &Real, const BuiltinTable &Builtins)
      : TargetInfo(Real.getTriple()), Real(Real), Builtins(Builtins) {}

  BuiltinTable getTargetBuiltins() const override { return Builtins; }

  void getTargetDefines(const LangOptions &Opts,
                        MacroBuilder &Builder) const override {
    Real.getTargetDefines(Opts, Builder);
  }
  BuiltinVaListKind getBuiltinVaListKind() const override {
    return Real.getBuiltinVaListKind();
  }
  bool validateAsmConstraint(const char *&Name,
                             ConstraintInfo &Info) const override {
    return Real.validateAsmConstraint(Name, Info);
  }
  std::string_view getClobbers() const override { return Real.getClobbers(); }
  ArrayRef<const char *> getGCCRegNames() const override { return {}; }
  ArrayRef<GCCRegAlias> getGCCRegAliases() const override { return {}; }

private:
  const TargetInfo &Real;
  const BuiltinTable &Builtins;
};

/// Once for each compilation, before anything names a builtin.
void addBuiltins(Preprocessor &PP, const TargetInfo &Target,
                 const TargetInfo *AuxTarget) {
  ExtendedBuiltins Builtins = extendBuiltins(Target.getTargetBuiltins());
  // Initialised once already, which Clang's assertions do not take again.
  PP.getBuiltinInfo() = Builtin::Context();
  PP.getBuiltinInfo().InitializeTarget(ExtendedTarget(Target, Builtins.Table),
                                       AuxTarget);
  unsigned ID = Builtins.FirstID;
  for (const char *Name : BuiltinNames)
    PP.getIdentifierTable().get(Name).setBuiltinID(ID++);
}

class HwckptAction : public PluginASTAction {
protected:
  std::unique_ptr<ASTConsumer> CreateASTConsumer(CompilerInstance &CI,
                                                 StringRef) override {
    addBuiltins(CI.getPreprocessor(), CI.getTarget(), CI.getAuxTarget());
    addSitePragma(CI.getPreprocessor());
    return createSiteStatementConsumer(CI);
  }

  bool ParseArgs(const CompilerInstance &,
                 const std::vector<std::string> &) override {
    return true;
  }

  ActionType getActionType() override { return AddBeforeMainAction; }
};

/// "#pragma __hwckpt_builtins", for the preprocessor alone: what follows sees
/// that the builtins are there.
class BuiltinsPragma : public PragmaHandler {
public:
  BuiltinsPragma() : PragmaHandler("__hwckpt_builtins") {}

  void HandlePragma(Preprocessor &PP, PragmaIntroducer, Token &) override {
    if (!PP.getIdentifierInfo(BuiltinNames[0])->getBuiltinID())
      addBuiltins(PP, PP.getTargetInfo(), PP.getAuxTargetInfo());
  }
};

} // namespace

static unsigned pollID(ASTContext &Context) {
  return Context.Idents.get("__builtin_" HWCKPT_POLL_SYMBOL).getBuiltinID();
}

bool hwckpt::isPollBuiltin(const FunctionDecl &F) {
  return F.getBuiltinID() == pollID(F.getASTContext());
}

Expr *hwckpt::callPoll(Sema &S, SourceLocation Loc) {
  return S.BuildBuiltinCallExpr(
      Loc, static_cast<Builtin::ID>(pollID(S.Context)), {});
}

static FrontendPluginRegistry::Add<HwckptAction>
    Registration("hwckpt", "builtins and sites for -fhwckpt");
static PragmaHandlerRegistry::Add<BuiltinsPragma>
    PragmaRegistration("__hwckpt_builtins", "");
