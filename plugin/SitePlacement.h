//===- SitePlacement.h - Where a function can be checkpointed ---*- C++ -*-===//
//
// Decides where the poll sites of a function go, and changes nothing. The
// invariant: a thread that runs for long in instrumented code keeps reaching
// sites. Every cycle of the control flow graph holds one, unless it is known to
// end soon, and so does every cycle of direct calls within the module.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_SITEPLACEMENT_H
#define HWCKPT_PLUGIN_SITEPLACEMENT_H

#include "intrinsics/hwckpt_isa.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/SmallPtrSet.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/IR/DebugLoc.h"
#include "llvm/IR/InstrTypes.h"
#include "llvm/IR/PassManager.h"
#include <vector>

namespace hwckpt {

enum class SiteKind : unsigned {
  Loop = HWCKPT_KIND_LOOP,
  Recursion = HWCKPT_KIND_RECURSION,
  Annotated = HWCKPT_KIND_ANNOTATED,
};

/// A poll site goes in front of this instruction; a poll that the source asks
/// for is to be removed then.
struct Site {
  llvm::Instruction *Before;
  SiteKind Kind;
  /// Of the loop or the call; for explanations.
  llvm::DebugLoc Loc;
};

/// A loop or a recursive call that gets no site, and why.
struct Elision {
  enum class Reason { ShortLoop, CoveredBySite, NoPoll, CoveredRecursion };
  /// Of the loop, or the block of the call.
  llvm::BasicBlock *Header;
  Reason Why;
  llvm::DebugLoc Loc;
  /// ShortLoop: the greatest number of iterations.
  unsigned TripCount = 0;
  /// CoveredBySite: the function called that passes it, if the loop does not.
  const llvm::Function *Callee = nullptr;
  /// Of the loop.
  llvm::SmallVector<llvm::BasicBlock *, 2> Latches = {};
};

struct Placement {
  llvm::SmallVector<Site, 8> Sites;
  llvm::SmallVector<Elision, 4> Elisions;
  /// Functions of other modules that may call this one again.
  llvm::SmallVector<llvm::Function *, 2> Outside;
  /// A site is passed on every way from the entry to a return.
  bool AlwaysPolls = false;
};

/// Functions of which each call that returns has passed a site.
using PollingFunctions = llvm::SmallPtrSet<const llvm::Function *, 16>;

/// Which functions call themselves, directly or through others of the module,
/// and in what order to look at them.
class RecursionInfo {
public:
  explicit RecursionInfo(llvm::Module &M);

  /// All functions, each behind those that it calls, as far as no recursion is
  /// in the way.
  llvm::ArrayRef<llvm::Function *> bottomUp() const { return BottomUp; }

  /// True if \p Call may lead back to the function it stands in.
  bool isRecursive(const llvm::CallBase &Call) const;

  /// Is the same for functions that call each other, and 0 for those that are
  /// in no cycle.
  unsigned component(const llvm::Function &F) const {
    return Component.lookup(&F);
  }

private:
  /// Functions of one strongly connected component share a number; those that
  /// are in no cycle have none.
  llvm::DenseMap<const llvm::Function *, unsigned> Component;
  std::vector<llvm::Function *> BottomUp;
};

/// Why \p F may have no sites but those it asks for, or an empty string if it
/// may.
llvm::StringRef reasonToSkip(const llvm::Function &F);

/// The sites that \p F asks for, and no others.
Placement placeAnnotatedSites(llvm::Function &F);

/// The sites of \p F. Calls of \p Polling count as such.
Placement placeSites(llvm::Function &F, const RecursionInfo &Recursion,
                     const PollingFunctions &Polling,
                     llvm::FunctionAnalysisManager &FAM);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_SITEPLACEMENT_H
