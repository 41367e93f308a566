//===- SitePlacement.cpp - Where a function can be checkpointed -----------===//
//
// Sites stand at loop back-edges and, in recursive functions, where control
// must pass before it calls on. A site costs nothing until it is armed; leaving
// out the needless ones keeps the table, and so the time to arm it, small.
//
//===----------------------------------------------------------------------===//

#include "SitePlacement.h"
#include "llvm/ADT/SCCIterator.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/Analysis/CFG.h"
#include "llvm/Analysis/CallGraph.h"
#include "llvm/Analysis/LoopInfo.h"
#include "llvm/Analysis/ScalarEvolution.h"
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
  for (auto SCC = scc_begin(&Graph); !SCC.isAtEnd(); ++SCC) {
    if (!SCC.hasCycle())
      continue;
    ++Number;
    for (const CallGraphNode *Node : *SCC)
      if (const Function *F = Node->getFunction())
        Component[F] = Number;
  }
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
    return "it is marked " HWCKPT_NOPOLL_ATTRIBUTE;
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
         FunctionAnalysisManager &FAM)
      : F(F), Recursion(Recursion), DT(FAM.getResult<DominatorTreeAnalysis>(F)),
        LI(FAM.getResult<LoopAnalysis>(F)),
        SE(FAM.getResult<ScalarEvolutionAnalysis>(F)) {}

  Placement run();

private:
  void placeRecursion();
  void placeCycle(BasicBlock &Latch, const Loop *L);
  bool isCovered(const BasicBlock &Latch, const Loop &L) const;
  std::optional<uint64_t> totalCost(const Loop &L) const;
  void addSite(Instruction &Before, SiteKind Kind) {
    Result.Sites.push_back({&Before, Kind});
    BlocksWithSite.insert(Before.getParent());
  }

  Function &F;
  const RecursionInfo &Recursion;
  DominatorTree &DT;
  LoopInfo &LI;
  ScalarEvolution &SE;
  /// Blocks from which an edge leaves that closes a cycle no natural loop has.
  SmallPtrSet<const BasicBlock *, 4> IrreducibleLatches;
  SmallPtrSet<const BasicBlock *, 8> BlocksWithSite;
  Placement Result;
};

} // namespace

/// The number of instructions one run of \p I stands for, or nothing if that
/// cannot be told: a call may run for ever.
static std::optional<uint64_t> instructionCost(const Instruction &I) {
  if (I.isDebugOrPseudoInst())
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
    if (IrreducibleLatches.contains(BB))
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

/// True if every way round \p L that ends in \p Latch passes a site.
bool Placer::isCovered(const BasicBlock &Latch, const Loop &L) const {
  for (const BasicBlock *BB : BlocksWithSite)
    if (L.contains(BB) && DT.dominates(BB, &Latch))
      return true;
  return false;
}

/// Places the site of the cycle that \p Latch closes; \p L is its loop, or null
/// if the cycle is irreducible.
void Placer::placeCycle(BasicBlock &Latch, const Loop *L) {
  Instruction &End = *Latch.getTerminator();
  if (BlocksWithSite.contains(&Latch)) {
    Result.Elisions.push_back({&End, Elision::Reason::CoveredBySite});
    return;
  }
  if (L && isCovered(Latch, *L)) {
    Result.Elisions.push_back({&End, Elision::Reason::CoveredBySite});
    return;
  }
  if (L && totalCost(*L)) {
    Result.Elisions.push_back(
        {&End, Elision::Reason::ShortLoop, SE.getSmallConstantMaxTripCount(L)});
    return;
  }
  addSite(End, SiteKind::Loop);
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
      if (!Call || !Recursion.isRecursive(*Call))
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
  addSite(*Before, SiteKind::Recursion);
}

Placement Placer::run() {
  placeRecursion();

  SmallVector<std::pair<const BasicBlock *, const BasicBlock *>, 8> BackEdges;
  FindFunctionBackedges(F, BackEdges);
  // The latches of each loop; in a loop LoopInfo knows, the header dominates.
  DenseMap<const Loop *, SmallVector<BasicBlock *, 2>> Latches;
  SmallVector<BasicBlock *, 4> Irreducible;
  for (auto [From, To] : BackEdges) {
    auto *Latch = const_cast<BasicBlock *>(From);
    const Loop *L = LI.getLoopFor(To);
    if (L && L->getHeader() == To && L->contains(From)) {
      if (!is_contained(Latches[L], Latch))
        Latches[L].push_back(Latch);
    } else if (IrreducibleLatches.insert(From).second) {
      Irreducible.push_back(Latch);
    }
  }

  for (BasicBlock *Latch : Irreducible)
    placeCycle(*Latch, nullptr);
  // Inner loops first: their sites may cover the loops around them.
  SmallVector<Loop *, 8> Loops = LI.getLoopsInPreorder();
  for (const Loop *L : reverse(Loops))
    for (BasicBlock *Latch : Latches.lookup(L))
      placeCycle(*Latch, L);
  return std::move(Result);
}

Placement hwckpt::placeSites(Function &F, const RecursionInfo &Recursion,
                             FunctionAnalysisManager &FAM) {
  return Placer(F, Recursion, FAM).run();
}
