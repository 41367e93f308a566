//===- Frontend.h - What -fhwckpt adds to Clang -----------------*- C++ -*-===//
//
// What the parts of the front-end plugin use of each other.
//
//===----------------------------------------------------------------------===//

#ifndef HWCKPT_PLUGIN_FRONTEND_H
#define HWCKPT_PLUGIN_FRONTEND_H

#include "clang/Basic/SourceLocation.h"

namespace clang {
class Expr;
class FunctionDecl;
class Sema;
} // namespace clang

namespace hwckpt {

/// True if \p F is __builtin_ckpt_poll().
bool isPollBuiltin(const clang::FunctionDecl &F);

/// A call of __builtin_ckpt_poll() as if written at \p Loc.
clang::Expr *callPoll(clang::Sema &S, clang::SourceLocation Loc);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_FRONTEND_H
