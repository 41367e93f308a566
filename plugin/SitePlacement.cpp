//===- SitePlacement.cpp - Where a function can be checkpointed -----------===//
//
// Sites stand where loop back-edges lead to, at the start of the header, and in
// recursive functions where control must pass before it calls on. The start of
// the header is the place that disturbs code generation least: one site serves
// all back-edges, latches that would be empty stay so, and no memory operation
// of the iteration is kept from moving past another. But where the header is
// nothing but an indirect jump (the dispatch of an interpreter), at the start
// of the latches.
//
// Polls that the source asks for are sites where they stand.
//
// A site costs nothing until it is armed; leaving out the needless ones keeps
// the table, and so the time to arm it, small.
//
//===----------------------------------------------------------------------===//

#include "SitePlacement.h"
#include "Polls.h"
#include "llvm/ADT/SCCIterator.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/Analysis/CFG.h"
#include "llvm/Analysis/CallGraph.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ScalarEvolution.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/Dominators.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CommandLine.h"
#include <optional>

using namespace llvm;
using namespace hwckpt;

static cl::opt<uint64_t> ShortLoopLimit(
    "hwckpt-short-loop", cl::init(4096), cl::Hidden,
    cl::desc("Instructions that a loop may run in all, as far as can be "
             "proved, and still need no poll site"));

RecursionInfo::RecursionInfo(Module &M) {
  CallGraph Graph(M);
  unsigned Number = 0;
  SmallPtrSet<const Function *, 32> Seen;
  for (auto SCC = scc_begin(&Graph); !SCC.isAtEnd(); ++SCC) {
    for (const CallGraphNode *Node : *SCC)
      if (Function *F = Node->getFunction(); F && Seen.insert(F).second)
        BottomUp.push_back(F);
    if (!SCC.hasCycle())
      continue;
    ++Number;
    for (const CallGraphNode *Node : *SCC)
      if (const Function *F = Node->getFunction())
        Component[F] = Number;
  }
  // What nothing outside calls is in no component.
  for (Function &F : M)
    if (!Seen.contains(&F))
      BottomUp.push_back(&F);
}

bool RecursionInfo::isRecursive(const CallBase &Call) const {
  const Function *Callee = Call.getCalledFunction();
  if (!Callee)
    return false;
  auto Ours = Component.find(Call.getFunction());
  auto Theirs = Component.find(Callee);
  return Ours != Component.end() && Theirs != Component.end() &&
         Ours->second == Theirs->second;
}

StringRef hwckpt::reasonToSkip(const Function &F) {
  if (F.hasFnAttribute(Attribute::Naked))
    return "it is naked";
  if (F.hasFnAttribute(HWCKPT_NOPOLL_ATTRIBUTE))
    return F.getFnAttribute(HWCKPT_NOPOLL_ATTRIBUTE).getValueAsString() ==
                   HWCKPT_NOPOLL_LISTED
               ? "it is in the ignorelist"
               : "it is marked " HWCKPT_NOPOLL_ATTRIBUTE;
  if (F.getName().starts_with(HWCKPT_RUNTIME_PREFIX) ||
      F.getSection().starts_with(HWCKPT_RUNTIME_PREFIX))
    return "it belongs to the runtime";
  if (F.isPresplitCoroutine())
    return "it is a coroutine that is not split yet";
  return "";
}

namespace {

class Placer {
public:
  Placer(Function &F, const RecursionInfo &Recursion,
         const PollingFunctions &Polling, FunctionAnalysisManager &FAM)
      : F(F), Recursion(Recursion), Polling(Polling),
        DT(FAM.getResult<DominatorTreeAnalysis>(F)),
        LI(FAM.getResult<LoopAnalysis>(F)),
        SE(FAM.getResult<ScalarEvolutionAnalysis>(F)),
        TLI(FAM.getResult<TargetLibraryAnalysis>(F)) {}

  Placement run();

private:
  void placeAnnotated();
  void noteCalls();
  bool mayComeBack(const CallBase &Call) const;
  bool mayCallUs(const CallBase &Call) const;
  void placeRecursion();
  bool passesSiteBefore(const Instruction &I) const;
  void placeLoop(const Loop &L);
  void addLoopSites(const Loop &L);
  void addSiteAtStart(BasicBlock &BB, const DebugLoc &Loc);
  std::optional<const Function *> isCovered(const Loop &L) const;
  bool alwaysPolls() const;
  std::optional<uint64_t> totalCost(const Loop &L) const;
  void addSite(Instruction &Before, SiteKind Kind, const DebugLoc &Loc) {
    Result.Sites.push_back({&Before, Kind, Loc});
    BlocksWithSite[Before.getParent()] = nullptr;
  }

  Function &F;
  const RecursionInfo &Recursion;
  const PollingFunctions &Polling;
  DominatorTree &DT;
  LoopInfo &LI;
  ScalarEvolution &SE;
  const TargetLibraryInfo &TLI;
  /// Blocks that back-edges lead to which belong to no natural loop: every
  /// cycle LoopInfo does not know goes through one.
  SmallPtrSet<const BasicBlock *, 4> IrreducibleHeaders;
  /// Who leaves one of these has passed a site: in it, or in the function that
  /// is called there.
  SmallDenseMap<const BasicBlock *, const Function *, 8> BlocksWithSite;
  Placement Result;
};

} // namespace

/// The number of instructions one run of \p I stands for, or nothing if that
/// cannot be told: a call may run for ever.
static std::optional<uint64_t> instructionCost(const Instruction &I) {
  if (I.isDebugOrPseudoInst() || isPoll(I))
    return 0;
  const auto *Call = dyn_cast<CallBase>(&I);
  if (!Call)
    return 1;
  // A block operation of variable length, and calls of anything but an
  // intrinsic, have no bound.
  const auto *Intrinsic = dyn_cast<IntrinsicInst>(Call);
  if (!Intrinsic)
    return std::nullopt;
  if (const auto *Block = dyn_cast<AnyMemIntrinsic>(Intrinsic)) {
    const auto *Length = dyn_cast<ConstantInt>(Block->getLength());
    if (!Length || Length->getValue().ugt(UINT32_MAX))
      return std::nullopt;
    return 1 + Length->getZExtValue() / 8;
  }
  return 1;
}

/// The number of instructions all iterations of \p L run at most, or nothing if
/// that is not known or too much for a loop without a site.
std::optional<uint64_t> Placer::totalCost(const Loop &L) const {
  unsigned Trips = SE.getSmallConstantMaxTripCount(&L);
  if (!Trips)
    return std::nullopt;
  uint64_t Body = 0;
  for (const Loop *Inner : L) {
    std::optional<uint64_t> Cost = totalCost(*Inner);
    if (!Cost)
      return std::nullopt;
    Body += *Cost;
  }
  for (const BasicBlock *BB : L.blocks()) {
    if (IrreducibleHeaders.contains(BB))
      return std::nullopt;
    if (LI.getLoopFor(BB) != &L)
      continue;
    for (const Instruction &I : *BB) {
      std::optional<uint64_t> Cost = instructionCost(I);
      if (!Cost)
        return std::nullopt;
      Body += *Cost;
    }
  }
  // Each factor is small enough for the product.
  if (Body > ShortLoopLimit || Trips * Body > ShortLoopLimit)
    return std::nullopt;
  return Trips * Body;
}

/// Has a value if every way round \p L passes a site: one in a block that
/// dominates the latch, and is not further up than the header, which dominates
/// the loop. The value is a function called there that has the site, or null.
std::optional<const Function *> Placer::isCovered(const Loop &L) const {
  SmallVector<BasicBlock *, 4> Latches;
  L.getLoopLatches(Latches);
  const Function *Callee = nullptr;
  for (const BasicBlock *BB : Latches) {
    auto Covering = BlocksWithSite.find(BB);
    while (Covering == BlocksWithSite.end()) {
      if (BB == L.getHeader())
        return std::nullopt;
      BB = DT.getNode(BB)->getIDom()->getBlock();
      Covering = BlocksWithSite.find(BB);
    }
    if (Covering->second)
      Callee = Covering->second;
  }
  return Callee;
}

/// True if no way from the entry to a return is free of sites.
bool Placer::alwaysPolls() const {
  SmallVector<const BasicBlock *, 16> Open = {&F.getEntryBlock()};
  SmallPtrSet<const BasicBlock *, 16> Seen;
  while (!Open.empty()) {
    const BasicBlock *BB = Open.pop_back_val();
    if (BlocksWithSite.contains(BB) || !Seen.insert(BB).second)
      continue;
    if (isa<ReturnInst>(BB->getTerminator()))
      return false;
    append_range(Open, successors(BB));
  }
  return true;
}

void Placer::addSiteAtStart(BasicBlock &BB, const DebugLoc &Loc) {
  auto Start = BB.getFirstInsertionPt();
  assert(Start != BB.end() && "no target of ours has a catchswitch");
  addSite(*Start, SiteKind::Loop, Loc);
}

/// True if \p Header does nothing but jump to where it is told. Code generation
/// copies it to the ends of its predecessors, where the jump takes the loads of
/// its target in; a site between them would prevent that.
static bool isSharedIndirectJump(const BasicBlock &Header) {
  return isa<IndirectBrInst>(Header.getTerminator()) &&
         &*Header.getFirstNonPHIOrDbg() == Header.getTerminator();
}

/// One site at the start of the header serves all back-edges. Where that would
/// come between a load and the jump that takes it in, each has its own, at the
/// start of the latch.
void Placer::addLoopSites(const Loop &L) {
  BasicBlock *Header = L.getHeader();
  if (!isSharedIndirectJump(*Header) || L.isLoopLatch(Header))
    return addSiteAtStart(*Header, L.getStartLoc());
  SmallVector<BasicBlock *, 4> Latches;
  L.getLoopLatches(Latches);
  for (BasicBlock *Latch : Latches)
    if (!BlocksWithSite.contains(Latch))
      addSiteAtStart(*Latch, L.getStartLoc());
}

void Placer::placeLoop(const Loop &L) {
  Elision E{L.getHeader(), Elision::Reason::NoPoll, L.getStartLoc()};
  L.getLoopLatches(E.Latches);
  if (findOptionMDForLoop(&L, HWCKPT_NOPOLL_METADATA)) {
    E.Why = Elision::Reason::NoPoll;
  } else if (std::optional<const Function *> Callee = isCovered(L)) {
    E.Why = Elision::Reason::CoveredBySite;
    E.Callee = *Callee;
  } else if (totalCost(L)) {
    E.Why = Elision::Reason::ShortLoop;
    E.TripCount = SE.getSmallConstantMaxTripCount(&L);
  } else {
    return addLoopSites(L);
  }
  Result.Elisions.push_back(std::move(E));
}

void Placer::placeAnnotated() {
  Result = placeAnnotatedSites(F);
  for (const Site &S : Result.Sites)
    BlocksWithSite[S.Before->getParent()] = nullptr;
}

/// Notes where functions are called that pass a site. What returns twice may
/// be come back to from within such a function, past no site.
void Placer::noteCalls() {
  if (F.callsFunctionThatReturnsTwice())
    return;
  for (const BasicBlock &BB : F)
    for (const Instruction &I : BB) {
      const auto *Call = dyn_cast<CallBase>(&I);
      const Function *Callee = Call ? Call->getCalledFunction() : nullptr;
      if (!Callee || !Polling.contains(Callee))
        continue;
      // An exception may be thrown before the site.
      const auto *Invoke = dyn_cast<InvokeInst>(Call);
      const BasicBlock *Passed = Invoke ? Invoke->getNormalDest() : &BB;
      if (!Invoke || Passed->getSinglePredecessor())
        BlocksWithSite.try_emplace(Passed, Callee);
    }
}

/// True if every way from the entry to \p I passes a site.
bool Placer::passesSiteBefore(const Instruction &I) const {
  for (const Instruction *At = I.getPrevNode(); At; At = At->getPrevNode())
    if (isPoll(*At))
      return true;
  const DomTreeNode *Node = DT.getNode(I.getParent())->getIDom();
  for (; Node; Node = Node->getIDom())
    if (BlocksWithSite.contains(Node->getBlock()))
      return true;
  return false;
}

/// True if \p Call leads to what is optimised as another module of the same
/// program (ThinLTO), and may come back from there. Recursion that goes through
/// several modules is not seen in any of them, but leaves each by such a call.
/// What the linker has found out about the whole program is in the attributes.
bool Placer::mayComeBack(const CallBase &Call) const {
  if (!F.hasFnAttribute(HWCKPT_LINKED_ATTRIBUTE) || F.doesNotRecurse())
    return false;
  const Function *Callee = Call.getCalledFunction();
  LibFunc Known;
  return Callee && Callee->isDeclaration() && !Callee->isIntrinsic() &&
         !Callee->doesNotRecurse() &&
         !Callee->hasFnAttribute(Attribute::NoCallback) &&
         !TLI.getLibFunc(*Callee, Known);
}

/// True if \p Call is of a pointer or a virtual function, which may be or call
/// this function. A cycle of calls through pointers passes such a call.
bool Placer::mayCallUs(const CallBase &Call) const {
  return Call.isIndirectCall() && !F.doesNotRecurse() &&
         !Call.hasFnAttr(Attribute::NoCallback);
}

/// Places one site that every recursive call of the function comes after: a
/// call that does not recurse, as those at the leaves, does not pass it.
void Placer::placeRecursion() {
  BasicBlock *Dominator = nullptr;
  SmallPtrSet<const Instruction *, 4> Calls;
  for (BasicBlock &BB : F) {
    if (!DT.isReachableFromEntry(&BB))
      continue;
    for (Instruction &I : BB) {
      const auto *Call = dyn_cast<CallBase>(&I);
      if (!Call)
        continue;
      if (mayComeBack(*Call))
        Result.Outside.push_back(Call->getCalledFunction());
      else if (!Recursion.isRecursive(*Call) && !mayCallUs(*Call))
        continue;
      Calls.insert(&I);
      Dominator =
          Dominator ? DT.findNearestCommonDominator(Dominator, &BB) : &BB;
    }
  }
  if (!Dominator)
    return;
  // A block that may hold nothing but its EH pad cannot take a site.
  while (Dominator->getFirstInsertionPt() == Dominator->end())
    Dominator = DT.getNode(Dominator)->getIDom()->getBlock();
  Instruction *Before = Dominator->getTerminator();
  for (Instruction &I : *Dominator)
    if (Calls.contains(&I)) {
      Before = &I;
      break;
    }
  if (passesSiteBefore(*Before))
    Result.Elisions.push_back(
        {Dominator, Elision::Reason::CoveredRecursion, Before->getDebugLoc()});
  else
    addSite(*Before, SiteKind::Recursion, Before->getDebugLoc());
}

Placement Placer::run() {
  placeAnnotated();
  noteCalls();
  placeRecursion();

  SmallVector<std::pair<const BasicBlock *, const BasicBlock *>, 8> BackEdges;
  FindFunctionBackedges(F, BackEdges);
  for (auto [From, To] : BackEdges) {
    if (DT.dominates(To, From) || !IrreducibleHeaders.insert(To).second)
      continue;
    auto *Header = const_cast<BasicBlock *>(To);
    addSiteAtStart(*Header, Header->getFirstInsertionPt()->getDebugLoc());
  }
  // Inner loops first: their sites may cover the loops around them.
  SmallVector<Loop *, 8> Loops = LI.getLoopsInPreorder();
  for (const Loop *L : reverse(Loops))
    placeLoop(*L);
  Result.AlwaysPolls = alwaysPolls();
  return std::move(Result);
}

Placement hwckpt::placeAnnotatedSites(Function &F) {
  Placement Result;
  for (CallInst *Poll : findPolls(F))
    Result.Sites.push_back({Poll, SiteKind::Annotated, Poll->getDebugLoc()});
  return Result;
}

Placement hwckpt::placeSites(Function &F, const RecursionInfo &Recursion,
                             const PollingFunctions &Polling,
                             FunctionAnalysisManager &FAM) {
  return Placer(F, Recursion, Polling, FAM).run();
}
