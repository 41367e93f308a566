//===- Plugin.cpp - The hwckpt pass and where it runs ---------------------===//
//
// Registers the pass with LLVM. It runs last, after everything that vectorises
// or unrolls, and once: what is done is marked. What is compiled for link-time
// optimisation is left for the linker to instrument.
//
//===----------------------------------------------------------------------===//

#include "Hooks.h"
#include "LateSites.h"
#include "ModuleRegistration.h"
#include "Polls.h"
#include "SaveLowering.h"
#include "SiteEmission.h"
#include "SitePlacement.h"
#include "SourceMarks.h"
#include "VariableTables.h"
#include "WriteChecks.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Analysis/OptimizationRemarkEmitter.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/MD5.h"
#include "llvm/TargetParser/Triple.h"
#include "llvm/Transforms/Utils/ModuleUtils.h"
#if __has_include("llvm/Plugins/PassPlugin.h")
#include "llvm/Plugins/PassPlugin.h" // since LLVM 22
#else
#include "llvm/Passes/PassPlugin.h"
#endif

using namespace llvm;
using namespace hwckpt;

static constexpr char RemarkName[] = "hwckpt";

static cl::opt<bool> PreLink(
    "hwckpt-prelink", cl::init(false), cl::Hidden,
    cl::desc("This compilation is for link-time optimisation: leave the poll "
             "sites to the linker"));

static cl::opt<bool> SitesAsAssembly(
    "hwckpt-asm-sites", cl::init(false), cl::Hidden,
    cl::desc("Sites are assembly in IR that is written: code may be generated "
             "of it where the plugin is not loaded"));

namespace {

class HwckptPass : public PassInfoMixin<HwckptPass> {
public:
  explicit HwckptPass(bool LeaveSites = false) : LeaveSites(LeaveSites) {}

  PreservedAnalyses run(Module &M, ModuleAnalysisManager &MAM);

  /// Also for functions that are not to be optimised.
  static bool isRequired() { return true; }

private:
  bool LeaveSites;
};

/// What is done before anything is optimised.
class SourceMarksPass : public PassInfoMixin<SourceMarksPass> {
public:
  PreservedAnalyses run(Module &M, ModuleAnalysisManager &) {
    bool Changed = applySourceMarks(M);
    Changed |= addWriteChecks(M);
    return Changed ? PreservedAnalyses::none() : PreservedAnalyses::all();
  }

  static bool isRequired() { return true; }
};

} // namespace

/// Code for an accelerator shares its source with the program, but is no part
/// of what is checkpointed.
static bool isAccelerator(const Triple &T) {
  return T.isNVPTX() || T.isAMDGPU() || T.isSPIRV() || T.isSPIR();
}

static bool isSupported(const Triple &T) {
  return T.getArch() == Triple::x86_64 && T.isOSLinux() &&
         T.isOSBinFormatELF() && !T.isX32();
}

static bool isDone(const Function &F) {
  return F.isDeclarationForLinker() || F.hasFnAttribute(HWCKPT_DONE_ATTRIBUTE);
}

static StringRef siteRemark(const Site &S) {
  switch (S.Kind) {
  case SiteKind::Loop:
    return "site in loop";
  case SiteKind::Recursion:
    if (const auto *Call = dyn_cast<CallBase>(S.Before);
        Call && Call->isIndirectCall())
      return "site before call through a pointer, which may recurse";
    return "site before recursive call";
  case SiteKind::Annotated:
    return "site that the source asks for";
  }
  llvm_unreachable("unknown kind of site");
}

static void explain(Function &F, const Placement &P) {
  OptimizationRemarkEmitter ORE(&F);
  for (const Site &S : P.Sites)
    ORE.emit([&] {
      return OptimizationRemark(RemarkName, "Site", S.Loc,
                                S.Before->getParent())
             << siteRemark(S);
    });
  for (const Elision &E : P.Elisions)
    ORE.emit([&] {
      OptimizationRemarkMissed R(RemarkName, "NoSite", E.Loc, E.Header);
      if (E.Callee)
        return R << "no site in loop: every iteration calls "
                 << ore::NV("Callee", E.Callee) << ", which passes one";
      if (E.Why == Elision::Reason::CoveredRecursion)
        return R << "no site before recursive call: another is passed before";
      if (E.Why == Elision::Reason::CoveredBySite)
        return R << "no site in loop: every iteration passes another";
      if (E.Why == Elision::Reason::NoPoll)
        return R << "no site in loop: it is inlined from a function without "
                    "sites";
      return R << "no site in loop: it ends after at most "
               << ore::NV("TripCount", E.TripCount)
               << (E.TripCount == 1 ? " iteration" : " iterations");
    });
}

static void explainSkip(Function &F, StringRef Reason) {
  OptimizationRemarkEmitter ORE(&F);
  ORE.emit([&] {
    return OptimizationRemarkMissed(RemarkName, "Skipped", F.getSubprogram(),
                                    &F.getEntryBlock())
           << "no sites in " << ore::NV("Function", &F) << ": " << Reason;
  });
}

/// Functions are looked at bottom up, so that it is known of those that are
/// called whether they pass a site, before anything is changed.
static DenseMap<Function *, Placement>
placeAllSites(const RecursionInfo &Recursion, FunctionAnalysisManager &FAM) {
  PollingFunctions Polling;
  DenseMap<Function *, Placement> Placements;
  for (Function *F : Recursion.bottomUp()) {
    if (isDone(*F))
      continue;
    if (!reasonToSkip(*F).empty()) {
      Placements[F] = placeAnnotatedSites(*F);
      continue;
    }
    Placement P = placeSites(*F, Recursion, Polling, FAM);
    // Another definition might be linked in the place of this one.
    if (P.AlwaysPolls && F->hasExactDefinition())
      Polling.insert(F);
    Placements[F] = std::move(P);
  }
  return Placements;
}

/// The sites go into the IR, or, with \p Late, are left for later as far as
/// they can be.
static void addSites(Module &M, FunctionAnalysisManager &FAM, bool Late) {
  RecursionInfo Recursion(M);
  DenseMap<Function *, Placement> Placements = placeAllSites(Recursion, FAM);
  // The same file compiled in two ways may be linked together as IR.
  std::string Unique = getUniqueModuleId(&M) + M.getSourceFileName();
  for (Function &F : M) {
    auto Known = Placements.find(&F);
    if (Known == Placements.end())
      continue;
    const Placement &P = Known->second;
    StringRef Reason = reasonToSkip(F);
    if (!Reason.empty())
      explainSkip(F, Reason);
    explain(F, P);
    bool LeavesSites = Late && Reason.empty() && canBeLate(F, P);
    if (LeavesSites)
      leaveSites(F, P);
    uint64_t FunctionID = MD5Hash((Unique + F.getName()).str());
    for (const Site &S : P.Sites)
      if (!LeavesSites || S.Kind == SiteKind::Annotated)
        emitSite(S, FunctionID);
    for (CallInst *Poll : findPolls(F))
      Poll->eraseFromParent();
    if (unsigned Component = Recursion.component(F))
      F.addFnAttr(HWCKPT_COMPONENT_ATTRIBUTE, utostr(Component));
    if (Reason.empty())
      F.addFnAttr(HWCKPT_DONE_ATTRIBUTE);
  }
  removePollFunction(M);
}

PreservedAnalyses HwckptPass::run(Module &M, ModuleAnalysisManager &MAM) {
  Triple Target(M.getTargetTriple());
  if (isAccelerator(Target))
    return PreservedAnalyses::all();
  if (!isSupported(Target)) {
    M.getContext().emitError("-fhwckpt: target '" + Target.str() +
                             "' is not supported, only 64-bit x86 Linux is");
    return PreservedAnalyses::all();
  }

  bool Changed = applySourceMarks(M);
  Changed |= addWriteChecks(M);
  Changed |= lowerBuiltins(M);
  if (LeaveSites) {
    Changed |= definePolls(M);
    for (Function &F : M) {
      noteHook(F);
      F.addFnAttr(HWCKPT_LINKED_ATTRIBUTE);
    }
  }
  bool Done = M.getModuleFlag(HWCKPT_MODULE_FLAG) || !hasVariableTables(M);
  if (LeaveSites || (Done && all_of(M, isDone)))
    return Changed ? PreservedAnalyses::none() : PreservedAnalyses::all();
  auto &Proxy = MAM.getResult<FunctionAnalysisManagerModuleProxy>(M);
  FunctionAnalysisManager &FAM = Proxy.getManager();
  // Lowering split blocks, so what is known of the functions is out of date.
  if (Changed)
    for (Function &F : M)
      FAM.invalidate(F, PreservedAnalyses::none());
  addSites(M, FAM, !SitesAsAssembly && !PreLink && placeSitesLate());
  addModuleRegistration(M);
  M.setModuleFlag(Module::Max, HWCKPT_MODULE_FLAG, HWCKPT_ISA_VERSION);
  return PreservedAnalyses::none();
}

namespace {

/// Adds the pass as the last of a pipeline that ends in code generation or in
/// bitcode for the linker. Of the two forms LLVM takes the one it has: that it
/// says which link-time optimisation is meant is new in 20.
struct AddLast {
  void operator()(ModulePassManager &MPM, OptimizationLevel Level) const {
    operator()(MPM, Level, ThinOrFullLTOPhase::None);
  }

  void operator()(ModulePassManager &MPM, OptimizationLevel Level,
                  ThinOrFullLTOPhase Phase) const {
    bool ForLTO = PreLink || Phase == ThinOrFullLTOPhase::ThinLTOPreLink ||
                  Phase == ThinOrFullLTOPhase::FullLTOPreLink;
    // What is not optimised now will not be then, and ThinLTO's back end would
    // not ask us.
    MPM.addPass(HwckptPass(ForLTO && Level != OptimizationLevel::O0));
  }
};

} // namespace

// Not there in programs that hold no code generation for x86.
extern "C" __attribute__((weak)) void LLVMInitializeX86AsmParser();

static void registerCallbacks(PassBuilder &PB) {
  // A site is assembly, for which Flang prepares nothing. Once more does no
  // harm.
  if (LLVMInitializeX86AsmParser)
    LLVMInitializeX86AsmParser();
  // Also for IR that comes from us and has some left.
  placeSitesLate();
  PB.registerPipelineStartEPCallback(
      [](ModulePassManager &MPM, OptimizationLevel) {
        MPM.addPass(SourceMarksPass());
      });
  PB.registerOptimizerLastEPCallback(AddLast());
  PB.registerFullLinkTimeOptimizationLastEPCallback(
      [](ModulePassManager &MPM, OptimizationLevel) {
        MPM.addPass(HwckptPass());
      });
  PB.registerPipelineParsingCallback(
      [](StringRef Name, ModulePassManager &MPM,
         ArrayRef<PassBuilder::PipelineElement>) {
        if (Name != "hwckpt")
          return false;
        MPM.addPass(HwckptPass(PreLink));
        return true;
      });
}

extern "C" LLVM_ATTRIBUTE_WEAK PassPluginLibraryInfo llvmGetPassPluginInfo() {
  return {LLVM_PLUGIN_API_VERSION, "hwckpt", LLVM_VERSION_STRING,
          registerCallbacks};
}
