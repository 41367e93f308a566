//===- Plugin.cpp - The hwckpt pass and where it runs ---------------------===//
//
// Registers the pass with LLVM. It runs last, after everything that vectorises
// or unrolls, and once: a module that is done carries a flag. What is compiled
// for link-time optimisation is left for the linker to instrument.
//
//===----------------------------------------------------------------------===//

#include "ModuleRegistration.h"
#include "SaveLowering.h"
#include "SiteEmission.h"
#include "SitePlacement.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Analysis/OptimizationRemarkEmitter.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/Module.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Passes/PassPlugin.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/TargetParser/Triple.h"

using namespace llvm;
using namespace hwckpt;

static constexpr char RemarkName[] = "hwckpt";

static cl::opt<bool> PreLink(
    "hwckpt-prelink", cl::init(false), cl::Hidden,
    cl::desc("This compilation is for link-time optimisation: leave the poll "
             "sites to the linker"));

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

static void explain(Function &F, const Placement &P) {
  OptimizationRemarkEmitter ORE(&F);
  for (const Site &S : P.Sites)
    ORE.emit([&] {
      return OptimizationRemark(RemarkName, "Site", S.Before)
             << (S.Kind == SiteKind::Recursion ? "site before recursive call"
                                               : "site at loop back-edge");
    });
  for (const Elision &E : P.Elisions)
    ORE.emit([&] {
      OptimizationRemarkMissed R(RemarkName, "NoSite", E.Latch);
      if (E.Why == Elision::Reason::CoveredBySite)
        return R << "no site at loop back-edge: every iteration passes another";
      return R << "no site at loop back-edge: the loop ends after at most "
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

static void addSites(Module &M, FunctionAnalysisManager &FAM) {
  RecursionInfo Recursion(M);
  unsigned Number = 0;
  for (Function &F : M) {
    if (F.isDeclarationForLinker())
      continue;
    if (StringRef Reason = reasonToSkip(F); !Reason.empty()) {
      explainSkip(F, Reason);
      continue;
    }
    Placement P = placeSites(F, Recursion, FAM);
    explain(F, P);
    for (const Site &S : P.Sites)
      emitSite(S, Number);
    ++Number;
  }
}

PreservedAnalyses HwckptPass::run(Module &M, ModuleAnalysisManager &MAM) {
  Triple Target(M.getTargetTriple());
  if (M.getModuleFlag(HWCKPT_MODULE_FLAG) || isAccelerator(Target))
    return PreservedAnalyses::all();
  if (!isSupported(Target)) {
    M.getContext().emitError("-fhwckpt: target '" + Target.str() +
                             "' is not supported, only 64-bit x86 Linux is");
    return PreservedAnalyses::all();
  }

  bool Lowered = lowerSaves(M);
  if (LeaveSites)
    return Lowered ? PreservedAnalyses::none() : PreservedAnalyses::all();
  // Lowering split blocks, so what is known of the functions is out of date.
  auto &Proxy = MAM.getResult<FunctionAnalysisManagerModuleProxy>(M);
  FunctionAnalysisManager &FAM = Proxy.getManager();
  if (Lowered)
    for (Function &F : M)
      FAM.invalidate(F, PreservedAnalyses::none());
  addSites(M, FAM);
  addModuleRegistration(M);
  M.addModuleFlag(Module::Max, HWCKPT_MODULE_FLAG, HWCKPT_ISA_VERSION);
  return PreservedAnalyses::none();
}

static void registerCallbacks(PassBuilder &PB) {
  PB.registerOptimizerLastEPCallback([](ModulePassManager &MPM,
                                        OptimizationLevel
#if LLVM_VERSION_MAJOR >= 20
                                        ,
                                        ThinOrFullLTOPhase Phase
#endif
                                     ) {
    bool LeaveSites = PreLink;
#if LLVM_VERSION_MAJOR >= 20
    LeaveSites |= Phase == ThinOrFullLTOPhase::ThinLTOPreLink ||
                  Phase == ThinOrFullLTOPhase::FullLTOPreLink;
#endif
    MPM.addPass(HwckptPass(LeaveSites));
  });
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
