//===- LateSites.cpp - Sites in machine code ------------------------------===//
//
// LLVM's code generation has no place for a plugin's passes (22 has one,
// RegisterTargetPassConfigCallback; 19 has none). But it makes its own from the
// registry of passes, and FuncletLayout, which comes when all instructions are
// chosen and all blocks in order, has nothing to do in code for Linux. There
// ours is made instead.
//
//===----------------------------------------------------------------------===//

#include "LateSites.h"
#include "Hooks.h"
#include "SiteEmission.h"
#include "intrinsics/hwckpt_isa.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/Twine.h"
#include "llvm/CodeGen/MachineDominators.h"
#include "llvm/CodeGen/MachineFunction.h"
#include "llvm/CodeGen/MachineFunctionPass.h"
#include "llvm/CodeGen/MachineInstrBuilder.h"
#include "llvm/CodeGen/Passes.h"
#include "llvm/CodeGen/TargetInstrInfo.h"
#include "llvm/CodeGen/TargetSubtargetInfo.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/Metadata.h"
#include "llvm/IR/Module.h"
#include "llvm/InitializePasses.h"
#include "llvm/PassInfo.h"
#include "llvm/PassRegistry.h"
#include "llvm/Support/CommandLine.h"

using namespace llvm;
using namespace hwckpt;

// ---- what is left in IR ----

bool hwckpt::canBeLate(const Function &F, const Placement &P) {
  // A loop that must have no site is known here, and might not be there.
  return !pollsAreInstructions(F) && none_of(P.Elisions, [](const Elision &E) {
    return E.Why == Elision::Reason::NoPoll;
  });
}

/// Marks the back-edges of a loop that needs no site.
static void markElided(const Elision &E) {
  LLVMContext &Context = E.Header->getContext();
  MDNode *Mark = MDNode::getDistinct(Context, {});
  E.Header->getTerminator()->setMetadata(HWCKPT_ELIDED_HEADER_METADATA, Mark);
  for (BasicBlock *Latch : E.Latches)
    Latch->getTerminator()->setMetadata(HWCKPT_ELIDED_LATCH_METADATA, Mark);
}

void hwckpt::leaveSites(Function &F, const Placement &P) {
  bool Recurses = any_of(
      P.Sites, [](const Site &S) { return S.Kind == SiteKind::Recursion; });
  F.addFnAttr(HWCKPT_LATE_ATTRIBUTE, Recurses ? HWCKPT_LATE_RECURSION : "");
  for (Function *Outside : P.Outside)
    Outside->addFnAttr(HWCKPT_OUTSIDE_ATTRIBUTE);
  for (const Elision &E : P.Elisions)
    if (E.Why == Elision::Reason::ShortLoop || E.Callee)
      markElided(E);
}

// ---- what becomes of it in machine code ----

namespace {

class LateSitesPass : public MachineFunctionPass {
public:
  static char ID;
  LateSitesPass() : MachineFunctionPass(ID) {}

  StringRef getPassName() const override { return "hwckpt sites"; }
  void getAnalysisUsage(AnalysisUsage &AU) const override {
    AU.setPreservesAll();
    MachineFunctionPass::getAnalysisUsage(AU);
  }
  bool runOnMachineFunction(MachineFunction &MF) override;
#if LLVM_VERSION_MAJOR < 20
  // Else the loader would look for LLVM's own, which later versions have not,
  // and say that instead of what LLVMVersion.cpp does.
  void *getAdjustedAnalysisPointer(AnalysisID) override { return this; }
#endif
};

/// Places the sites of one function.
class LatePlacer {
public:
  explicit LatePlacer(MachineFunction &MF) : MF(MF), F(MF.getFunction()) {}

  void run();

private:
  void noteAssembly();
  void placeRecursion();
  bool isRecursive(const MachineInstr &MI) const;
  MachineBasicBlock::iterator findRecursiveCall(MachineBasicBlock &MBB) const;
  SmallSetVector<MachineBasicBlock *, 8> findOpenCycles() const;
  void emit(MachineBasicBlock &MBB, MachineBasicBlock::iterator Before,
            SiteKind Kind);
  void emitAtStart(MachineBasicBlock &MBB, SiteKind Kind) {
    emit(MBB, MBB.SkipPHIsLabelsAndDebug(MBB.begin()), Kind);
  }

  MachineFunction &MF;
  const Function &F;
  SmallPtrSet<const MachineBasicBlock *, 8> BlocksWithSite;
};

} // namespace

char LateSitesPass::ID = 0;

void LatePlacer::emit(MachineBasicBlock &MBB,
                      MachineBasicBlock::iterator Before, SiteKind Kind) {
  std::string Function = ("f" + Twine(MF.getFunctionNumber())).str();
  // Without a place in the source: the assembler would forget the one that is
  // for the next instruction when it changes sections.
  BuildMI(MBB, Before, DebugLoc(),
          MF.getSubtarget().getInstrInfo()->get(TargetOpcode::INLINEASM))
      .addExternalSymbol(MF.createExternalSymbolName(siteText(Kind, Function)))
      .addImm(InlineAsm::Extra_HasSideEffects);
  BlocksWithSite.insert(&MBB);
}

/// Sites that the source asks for are there already.
void LatePlacer::noteAssembly() {
  for (const MachineBasicBlock &MBB : MF)
    for (const MachineInstr &MI : MBB)
      if (MI.isInlineAsm() && isSiteText(MI.getOperand(0).getSymbolName()))
        BlocksWithSite.insert(&MBB);
}

/// What \p MI calls, if it says so.
static const MachineOperand *calledSymbol(const MachineInstr &MI) {
  const auto *Found = find_if(MI.operands(), [](const MachineOperand &Operand) {
    return Operand.isGlobal() || Operand.isSymbol() || Operand.isMCSymbol();
  });
  return Found == MI.operands_end() ? nullptr : Found;
}

/// As on IR: what is called by a pointer, be it out of a table, may come back.
bool LatePlacer::isRecursive(const MachineInstr &MI) const {
  if (!MI.isCall())
    return false;
  const MachineOperand *Called = calledSymbol(MI);
  if (!Called)
    return true;
  if (!Called->isGlobal())
    return false;
  const Value *Target = Called->getGlobal()->stripPointerCastsAndAliases();
  if (isa<GlobalVariable>(Target))
    return true;
  const auto *Callee = dyn_cast<Function>(Target);
  if (!Callee)
    return false;
  Attribute Ours = F.getFnAttribute(HWCKPT_COMPONENT_ATTRIBUTE);
  return Callee->hasFnAttribute(HWCKPT_OUTSIDE_ATTRIBUTE) ||
         (Ours.isValid() &&
          Ours == Callee->getFnAttribute(HWCKPT_COMPONENT_ATTRIBUTE));
}

MachineBasicBlock::iterator
LatePlacer::findRecursiveCall(MachineBasicBlock &MBB) const {
  return find_if(MBB,
                 [this](const MachineInstr &MI) { return isRecursive(MI); });
}

/// As on IR: one site that every recursive call comes after.
void LatePlacer::placeRecursion() {
  MachineDominatorTree DT(MF);
  MachineBasicBlock *Dominator = nullptr;
  for (MachineBasicBlock &MBB : MF)
    if (DT.isReachableFromEntry(&MBB) && findRecursiveCall(MBB) != MBB.end())
      Dominator =
          Dominator ? DT.findNearestCommonDominator(Dominator, &MBB) : &MBB;
  // The address of what is called was put together.
  if (!Dominator)
    return emitAtStart(MF.front(), SiteKind::Recursion);
  MachineBasicBlock::iterator Before = findRecursiveCall(*Dominator);
  emit(*Dominator,
       Before == Dominator->end() ? Dominator->getFirstTerminator() : Before,
       SiteKind::Recursion);
}

static const MDNode *mark(const MachineBasicBlock &MBB, StringRef Kind) {
  const BasicBlock *BB = MBB.getBasicBlock();
  const Instruction *End = BB ? BB->getTerminator() : nullptr;
  return End ? End->getMetadata(Kind) : nullptr;
}

/// True if this back-edge goes round a loop that needs no site.
static bool isElided(const MachineBasicBlock *From,
                     const MachineBasicBlock &To) {
  const MDNode *Latch =
      From ? mark(*From, HWCKPT_ELIDED_LATCH_METADATA) : nullptr;
  return Latch && Latch == mark(To, HWCKPT_ELIDED_HEADER_METADATA);
}

/// Blocks that close a cycle without a site. With one in each of them there is
/// no such cycle: a search, depth first, past blocks with a site, comes back to
/// its own path in every cycle.
SmallSetVector<MachineBasicBlock *, 8> LatePlacer::findOpenCycles() const {
  enum State { New, OnPath, Left };
  struct Step {
    MachineBasicBlock *MBB;
    MachineBasicBlock::succ_iterator Next;
  };
  DenseMap<const MachineBasicBlock *, State> States;
  SmallSetVector<MachineBasicBlock *, 8> Found;
  SmallVector<Step, 16> Path;
  auto Enter = [&](const MachineBasicBlock *From, MachineBasicBlock &MBB) {
    if (BlocksWithSite.contains(&MBB))
      return;
    State &S = States[&MBB];
    if (S == OnPath && !isElided(From, MBB))
      Found.insert(&MBB);
    if (S != New)
      return;
    S = OnPath;
    Path.push_back({&MBB, MBB.succ_begin()});
  };
  for (MachineBasicBlock &Root : MF) {
    Enter(nullptr, Root);
    while (!Path.empty()) {
      Step &Last = Path.back();
      MachineBasicBlock *From = Last.MBB;
      if (Last.Next == From->succ_end()) {
        States[From] = Left;
        Path.pop_back();
      } else {
        Enter(From, **Last.Next++);
      }
    }
  }
  return Found;
}

void LatePlacer::run() {
  noteAssembly();
  if (F.getFnAttribute(HWCKPT_LATE_ATTRIBUTE).getValueAsString() ==
      HWCKPT_LATE_RECURSION)
    placeRecursion();
  for (MachineBasicBlock *MBB : findOpenCycles())
    emitAtStart(*MBB, SiteKind::Loop);
}

bool LateSitesPass::runOnMachineFunction(MachineFunction &MF) {
  if (!MF.getFunction().hasFnAttribute(HWCKPT_LATE_ATTRIBUTE))
    return false;
  LatePlacer(MF).run();
  return true;
}

/// False in opt, which writes IR.
static bool install() {
  if (cl::getRegisteredOptions().count("passes"))
    return false;
  PassRegistry &Registry = *PassRegistry::getPassRegistry();
  initializeFuncletLayoutPass(Registry);
  const PassInfo *Info = Registry.getPassInfo(&FuncletLayoutID);
  if (!Info)
    return false;
  // It was not made constant, the registry only gives it out so.
  const_cast<PassInfo *>(Info)->setNormalCtor(
      []() -> Pass * { return new LateSitesPass(); });
  return true;
}

bool hwckpt::placeSitesLate() {
  // The linker optimises in several threads.
  static const bool Installed = install();
  return Installed;
}
