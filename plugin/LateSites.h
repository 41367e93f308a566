//===- LateSites.h - Sites in machine code ----------------------*- C++ -*-===//
//
// Where code is generated in this process, sites are placed when all of it is
// there: nothing that code generation looks at tells a function with sites from
// one without, so its instructions are the same. What was decided before, on
// IR, is in attributes and metadata. The invariant: every cycle of the machine
// code holds a site, but for those that need none.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_LATESITES_H
#define HWCKPT_PLUGIN_LATESITES_H

#include "SitePlacement.h"

namespace hwckpt {

/// Has this process place the sites that were left for it when it generates
/// code. False if it generates none: sites have to be in the IR then.
bool placeSitesLate();

/// True if the sites of \p F can be placed late.
bool canBeLate(const llvm::Function &F, const Placement &P);

/// Leaves what \p P says for later, but for the sites that the source asks for.
void leaveSites(llvm::Function &F, const Placement &P);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_LATESITES_H
