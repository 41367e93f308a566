//===- BuiltinTable.cpp - A target's builtins and ours --------------------===//
//
// The only place that knows that Clang's tables of builtins changed: in 19 a
// table is a row of records that point at their texts, since 20 it is a row of
// such rows ("shards"), each with one string that all texts are in.
//
//===----------------------------------------------------------------------===//

#include "BuiltinTable.h"
#include "intrinsics/hwckpt_isa.h"
#include "clang/Basic/Builtins.h"
#include "clang/Basic/Version.h"
#include <iterator>
#include <vector>

using namespace clang;
using namespace hwckpt;

/// Name, type and attributes of each, in the order of BuiltinNames.
///
/// As the builtin of a library function ('F') each becomes a call of the
/// function named like the record without "__builtin_". A record is therefore
/// named after the symbol that the call is to have, and the builtin's own name
/// is given the record's number. "i": int (void); "v": void (void); "iv*z": int
/// (void *, size_t); 'n': nothrow.
#define OUR_BUILTINS(RECORD)                                                   \
  RECORD("__builtin_" HWCKPT_SAVE_SYMBOL, "i", "nF")                           \
  RECORD("__builtin_" HWCKPT_POLL_SYMBOL, "v", "nF")                           \
  RECORD("__builtin_" HWCKPT_LOAD_SYMBOL, "i", "nF")                           \
  RECORD("__builtin_" HWCKPT_WATCH_SYMBOL, "iv*z", "nF")

#if CLANG_VERSION_MAJOR >= 20

#define RECORD_TEXTS(NAME, TYPE, ATTRIBUTES)                                   \
  NAME "\0" TYPE "\0" ATTRIBUTES "\0" /*Features*/ "\0"
static constexpr llvm::StringTable Texts("\0" OUR_BUILTINS(RECORD_TEXTS));

/// The lengths, of which MakeInfos() makes places in the string.
#define RECORD_LENGTHS(NAME, TYPE, ATTRIBUTES)                                 \
  Builtin::Info{                                                               \
      {sizeof(NAME), sizeof(TYPE), sizeof(ATTRIBUTES), /*Features=*/1},        \
      HeaderDesc(HeaderDesc::NO_HEADER),                                       \
      ALL_LANGUAGES},
static constexpr auto Records =
    Builtin::MakeInfos<std::size(BuiltinNames)>({OUR_BUILTINS(RECORD_LENGTHS)});

ExtendedBuiltins hwckpt::extendBuiltins(const BuiltinTable &Theirs) {
  ExtendedBuiltins Result = {Theirs, Builtin::FirstTSBuiltin};
  for (const Builtin::InfosShard &Shard : Theirs)
    Result.FirstID += Shard.Infos.size();
  Result.Table.push_back({&Texts, Records, /*NamePrefix=*/""});
  return Result;
}

#else

#define RECORD(NAME, TYPE, ATTRIBUTES)                                         \
  {NAME,                                                                       \
   TYPE,                                                                       \
   ATTRIBUTES,                                                                 \
   /*Features=*/"",                                                            \
   HeaderDesc(HeaderDesc::NO_HEADER),                                          \
   ALL_LANGUAGES},
static constexpr Builtin::Info Records[] = {OUR_BUILTINS(RECORD)};
static_assert(std::size(Records) == std::size(BuiltinNames));

ExtendedBuiltins hwckpt::extendBuiltins(const BuiltinTable &Theirs) {
  auto *All = new std::vector<Builtin::Info>(Theirs.begin(), Theirs.end());
  All->insert(All->end(), std::begin(Records), std::end(Records));
  return {*All, Builtin::FirstTSBuiltin + unsigned(Theirs.size())};
}

#endif
