//===- RegionStatements.h - Statements with regions -------------*- C++ -*-===//
//
// "#pragma hwckpt site regions": in front of the loop the variables that it,
// and what comes after it, need are described as regions of a set, and loaded.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_REGIONSTATEMENTS_H
#define HWCKPT_PLUGIN_REGIONSTATEMENTS_H

#include "llvm/ADT/StringRef.h"

namespace clang {
class AttributedStmt;
class CompilerInstance;
class FunctionDecl;
} // namespace clang

namespace hwckpt {

/// Puts the descriptions and the load in front of the statement in \p Marked,
/// which is in \p F and has its site already. The set is called \p Set, or as
/// the function if that is empty. False: it could not, and nothing was said.
bool describeRegions(clang::CompilerInstance &CI, clang::FunctionDecl &F,
                     clang::AttributedStmt &Marked, llvm::StringRef Set);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_REGIONSTATEMENTS_H
