//===- BuiltinTable.h - A target's builtins and ours ------------*- C++ -*-===//

#ifndef HWCKPT_PLUGIN_BUILTINTABLE_H
#define HWCKPT_PLUGIN_BUILTINTABLE_H

#include "clang/Basic/TargetInfo.h"

namespace hwckpt {

/// What our builtins are called in programs.
constexpr const char *BuiltinNames[] = {
    "__builtin_ckpt_save", "__builtin_ckpt_poll", "__builtin_ckpt_load",
    "__builtin_ckpt_watch"};

/// As TargetInfo::getTargetBuiltins() returns them.
using BuiltinTable =
    decltype(std::declval<const clang::TargetInfo>().getTargetBuiltins());

struct ExtendedBuiltins {
  BuiltinTable Table;
  /// The number of the first of ours, in the order of BuiltinNames.
  unsigned FirstID;
};

/// \p Theirs and, behind them, ours. What the table refers to is never freed:
/// Clang keeps it for as long as it runs.
ExtendedBuiltins extendBuiltins(const BuiltinTable &Theirs);

} // namespace hwckpt

#endif // HWCKPT_PLUGIN_BUILTINTABLE_H
