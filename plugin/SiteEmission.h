//===- SiteEmission.h - Poll sites ------------------------------*- C++ -*-===//
//
// Turns a placed site into what the assembler sees: a label, an entry in the
// site table, and no byte of code or CKPT.POLL. The invariant: the program's
// own instructions stay what they were.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_SITEEMISSION_H
#define HWCKPT_PLUGIN_SITEEMISSION_H

#include "SitePlacement.h"

namespace hwckpt {

/// The section of the site table that holds sites of \p Kind.
llvm::StringRef siteSection(SiteKind Kind);

/// A site as assembly; \p Function names the one it is in.
std::string siteText(SiteKind Kind, const llvm::Twine &Function);

/// True if the assembly \p Text is that of a site.
bool isSiteText(llvm::StringRef Text);

/// Emits \p S as assembly. \p FunctionID is the same for all sites of a
/// function, and of no other function that code is generated for together with
/// it.
void emitSite(const Site &S, uint64_t FunctionID);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_SITEEMISSION_H
