//===- Frontend.cpp - __builtin_ckpt_save for Clang -----------------------===//
//
// Makes __builtin_ckpt_save a builtin like any other: typed, known to
// __has_builtin, callable without a declaration, in every language of Clang's.
// Code generation makes a call of HWCKPT_SAVE_SYMBOL of it, which the pass
// lowers. The invariant: the target's own builtins keep their numbers.
//
// Clang takes a target's builtins from TargetInfo, once, before a plugin's turn
// comes. So they are taken again, from a TargetInfo that lists one more, and
// before the identifiers are given their builtins, which Clang does after it
// has asked the plugins for their consumers. When Clang only preprocesses it
// asks no plugin; there a pragma of a file the driver includes does the same.
//
//===----------------------------------------------------------------------===//

#include "intrinsics/hwckpt_isa.h"
#include "clang/AST/ASTConsumer.h"
#include "clang/Basic/Builtins.h"
#include "clang/Basic/TargetInfo.h"
#include "clang/Frontend/CompilerInstance.h"
#include "clang/Frontend/FrontendPluginRegistry.h"
#include "clang/Lex/Pragma.h"
#include "clang/Lex/Preprocessor.h"
#include <vector>

using namespace clang;

namespace {

/// What programs call it.
constexpr char BuiltinName[] = "__builtin_ckpt_save";

/// int (void), nothrow. As the builtin of a library function ('F') it becomes
/// a call of the function named like the record without "__builtin_". The
/// record is therefore named after the symbol that the call is to have, and
/// the builtin's own name is given the record's number.
constexpr Builtin::Info Record = {
    "__builtin_" HWCKPT_SAVE_SYMBOL,   "i",          "nF", "",
    HeaderDesc(HeaderDesc::NO_HEADER), ALL_LANGUAGES};

/// Stands in for \p Real where Clang asks for the target's builtins.
class ExtendedTarget : public TargetInfo {
public:
  ExtendedTarget(const TargetInfo &Real, ArrayRef<Builtin::Info> Builtins)
      : TargetInfo(Real.getTriple()), Real(Real), Builtins(Builtins) {}

  ArrayRef<Builtin::Info> getTargetBuiltins() const override {
    return Builtins;
  }

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
  ArrayRef<Builtin::Info> Builtins;
};

/// The builtins of a target and ours behind them. Clang keeps a reference for
/// as long as it runs.
ArrayRef<Builtin::Info> extendBuiltins(ArrayRef<Builtin::Info> Theirs) {
  auto *All = new std::vector<Builtin::Info>(Theirs.begin(), Theirs.end());
  All->push_back(Record);
  return *All;
}

/// Once for each compilation, before anything names the builtin.
void addBuiltin(Preprocessor &PP, const TargetInfo &Target,
                const TargetInfo *AuxTarget) {
  ArrayRef<Builtin::Info> Builtins = extendBuiltins(Target.getTargetBuiltins());
  // Initialised once already, which Clang's assertions do not take again.
  PP.getBuiltinInfo() = Builtin::Context();
  PP.getBuiltinInfo().InitializeTarget(ExtendedTarget(Target, Builtins),
                                       AuxTarget);
  unsigned ID = Builtin::FirstTSBuiltin + Builtins.size() - 1;
  PP.getIdentifierTable().get(BuiltinName).setBuiltinID(ID);
}

class HwckptAction : public PluginASTAction {
protected:
  std::unique_ptr<ASTConsumer> CreateASTConsumer(CompilerInstance &CI,
                                                 StringRef) override {
    addBuiltin(CI.getPreprocessor(), CI.getTarget(), CI.getAuxTarget());
    return std::make_unique<ASTConsumer>();
  }

  bool ParseArgs(const CompilerInstance &,
                 const std::vector<std::string> &) override {
    return true;
  }

  ActionType getActionType() override { return AddBeforeMainAction; }
};

/// "#pragma __hwckpt_builtins", for the preprocessor alone: what follows sees
/// that the builtin is there.
class BuiltinsPragma : public PragmaHandler {
public:
  BuiltinsPragma() : PragmaHandler("__hwckpt_builtins") {}

  void HandlePragma(Preprocessor &PP, PragmaIntroducer, Token &) override {
    if (!PP.getIdentifierInfo(BuiltinName)->getBuiltinID())
      addBuiltin(PP, PP.getTargetInfo(), PP.getAuxTargetInfo());
  }
};

} // namespace

static FrontendPluginRegistry::Add<HwckptAction>
    Registration("hwckpt", "__builtin_ckpt_save for -fhwckpt");
static PragmaHandlerRegistry::Add<BuiltinsPragma>
    PragmaRegistration("__hwckpt_builtins", "");
