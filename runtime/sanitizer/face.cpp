/* face.cpp - options and reports by way of sanitizer_common.
 *
 * Only this folder sees sanitizer_common. Its parser ends the process at a
 * malformed text; so the text is looked over first, and what the parser is then
 * given cannot fail. Handlers keep the first complaint instead of returning it.
 *
 * Needs nothing of libc that a constructor could not call: memory comes from
 * sanitizer_common's own mapping, output is written by system calls.
 */
#include "face.h"
#include "../interface/rule_text.h"

#include "sanitizer_common/sanitizer_common.h"
#include "sanitizer_common/sanitizer_file.h"
#include "sanitizer_common/sanitizer_flag_parser.h"
#include "sanitizer_common/sanitizer_flags.h"
#include "sanitizer_common/sanitizer_libc.h"
#include "sanitizer_common/sanitizer_stacktrace.h"

#include <limits.h>
#include <unistd.h>

using namespace __sanitizer;

namespace __sanitizer {

// sanitizer_common leaves to each tool how a stack is walked. By frame pointers
// here: unwinding by tables would draw in the compiler's unwinder.
void BufferedStackTrace::UnwindImpl(uptr pc, uptr bp, void *context,
                                    bool request_fast, u32 max_depth) {
  (void)context, (void)request_fast;
  uptr top = 0, bottom = 0;
  GetThreadStackTopAndBottom(false, &top, &bottom);
  UnwindFast(pc, bp, top, bottom, max_depth);
}

} // namespace __sanitizer

namespace {

struct Complaint {
  bool made = false;
  const char *option = "";
  const char *value = "";
  const char *expected = "";

  void make(const char *name, const char *text, const char *wanted) {
    if (made)
      return;
    made = true;
    option = name;
    value = text;
    expected = wanted;
  }
};

// What a number may be, where not every int64_t makes sense.
struct Limits {
  const char *option;
  int64_t least, most;
  const char *expected;
};
const Limits NumberLimits[] = {
    {"every_site", 0, INT64_MAX, "0 or more"},
    {"rollback_every", 0, INT64_MAX, "0 or more"},
    {"rollback_retries", 1, INT_MAX, "1 or more"},
    {"base_every", 0, UINT_MAX, "0 or more"},
    {"extra_reads", 1, 1000, "percent, 1 to 1000"},
    {"keep", 1, INT_MAX, "1 or more"},
    {"weight", 1, 1000000, "1 to 1000000"},
    {"ring", 1, 1 << 20, "MiB, 1 or more"},
    {"verbosity", 0, 2, "0, 1 or 2"},
};

const char *const SignalOptions[] = {"signal", "exit_signal"};

struct Words {
  const char *option;
  const char *allowed[9];
  const char *expected;
};
const Words AllowedWords[] = {
    {"hook",
     {"trap", "syscall", "interrupt", "auto", nullptr},
     "trap, syscall, interrupt or auto"},
    {"rollback_scope", {"process", "thread", nullptr}, "process or thread"},
    {"method",
     {"auto", "stop", "precopy", "cow", nullptr},
     "auto, stop, precopy or cow"},
    {"unused",
     {"heap", "heap+stacks", "nothing", nullptr},
     "heap, heap+stacks or nothing"},
    {"track",
     {"auto", "wp", "soft-dirty", "mprotect", "full", nullptr},
     "auto, wp, soft-dirty, mprotect or full"},
    {"files",
     {"rollback", "exact", "keep", "truncate", "check", nullptr},
     "rollback, keep, truncate or check"},
    {"on_unsupported", {"fail", "warn", nullptr}, "fail or warn"},
};

// Several of them may be given, joined.
const Words JoinedWords[] = {
    {"rollback_on",
     {"segv", "bus", "fpe", "ill", "abort", "check", "all", "handled", nullptr},
     "segv, bus, fpe, ill, abort, check, all and handled, joined by +"},
};

bool isDigit(char c) { return c >= '0' && c <= '9'; }

// Reads digits at *text, which it moves behind them; false without a digit or
// when the number does not fit.
bool readDigits(const char **text, uint64_t *number) {
  if (!isDigit(**text))
    return false;
  *number = 0;
  for (; isDigit(**text); ++*text)
    if (__builtin_mul_overflow(*number, 10, number) ||
        __builtin_add_overflow(*number, **text - '0', number))
      return false;
  return true;
}

bool parseNumber(const char *text, int64_t *number) {
  bool negative = *text == '-';
  text += negative;
  uint64_t magnitude;
  if (!readDigits(&text, &magnitude) || *text != 0 || magnitude > INT64_MAX)
    return false;
  *number = negative ? -static_cast<int64_t>(magnitude)
                     : static_cast<int64_t>(magnitude);
  return true;
}

struct Unit {
  const char *name;
  uint64_t factor;
};
// The largest first, for printing; a bare number is seconds.
const Unit Units[] = {
    {"h", 3600000000000u},
    {"m", 60000000000u},
    {"s", 1000000000u},
    {"", 1000000000u},
    {"ms", 1000000u},
    {"us", 1000u},
    {"ns", 1u},
};

bool parseDuration(const char *text, uint64_t *nanoseconds) {
  uint64_t whole;
  if (!readDigits(&text, &whole))
    return false;
  const char *fraction = nullptr;
  if (*text == '.') {
    fraction = ++text;
    uint64_t ignored;
    if (!readDigits(&text, &ignored))
      return false;
  }
  uint64_t unit = 0;
  for (const Unit &u : Units)
    if (internal_strcmp(text, u.name) == 0)
      unit = u.factor;
  if (unit == 0 || __builtin_mul_overflow(whole, unit, nanoseconds))
    return false;
  for (; fraction && isDigit(*fraction); ++fraction) {
    unit /= 10;
    if (__builtin_add_overflow(*nanoseconds, unit * (*fraction - '0'),
                               nanoseconds))
      return false;
  }
  return true;
}

// The largest first, for printing.
const Unit Sizes[] = {
    {"T", uint64_t{1} << 40},
    {"G", uint64_t{1} << 30},
    {"M", uint64_t{1} << 20},
    {"K", uint64_t{1} << 10},
    {"", 1},
};

bool parseBytes(const char *text, uint64_t *bytes) {
  uint64_t whole;
  if (!readDigits(&text, &whole))
    return false;
  for (const Unit &size : Sizes)
    if (internal_strcmp(text, size.name) == 0)
      return !__builtin_mul_overflow(whole, size.factor, bytes);
  return false;
}

// An option of one kind: where its value goes, and who is told what is wrong.
template <typename T> class Option : public FlagHandlerBase {
public:
  Option(const char *name, T *value, Complaint *complaint)
      : Name(name), Value(value), Wrong(complaint) {}

protected:
  static bool print(char *buffer, uptr size, int64_t number) {
    return static_cast<uptr>(internal_snprintf(
               buffer, size, "%lld", static_cast<long long>(number))) < size;
  }
  static bool print(char *buffer, uptr size, uint64_t number,
                    const char *unit) {
    return static_cast<uptr>(internal_snprintf(
               buffer, size, "%llu%s", static_cast<unsigned long long>(number),
               unit)) < size;
  }

  const char *Name;
  T *Value;
  Complaint *Wrong;
};

class FlagOption final : public Option<bool> {
public:
  using Option::Option;
  bool Parse(const char *text) final {
    if (!ParseBool(text, Value))
      Wrong->make(Name, text, "0 or 1");
    return true;
  }
  bool Format(char *buffer, uptr size) final {
    return FormatString(buffer, size, *Value ? "1" : "0");
  }
};

class NumberOption final : public Option<int64_t> {
public:
  using Option::Option;
  bool Parse(const char *text) final {
    int64_t number;
    if (!parseNumber(text, &number)) {
      Wrong->make(Name, text, "a whole number");
      return true;
    }
    for (const Limits &limits : NumberLimits)
      if (internal_strcmp(limits.option, Name) == 0 &&
          (number < limits.least || number > limits.most))
        Wrong->make(Name, text, limits.expected);
    for (const char *option : SignalOptions)
      if (internal_strcmp(option, Name) == 0 && number &&
          !signal_can_ask(static_cast<uint64_t>(number)))
        Wrong->make(Name, text,
                    "the number of a signal that can be handled, or 0");
    *Value = number;
    return true;
  }
  bool Format(char *buffer, uptr size) final {
    return print(buffer, size, *Value);
  }
};

class LevelOption final : public Option<int64_t> {
public:
  using Option::Option;
  bool Parse(const char *text) final {
    if (internal_strcmp(text, "auto") == 0)
      *Value = HWCKPT_LEVEL_AUTO;
    else if (!parseNumber(text, Value) || *Value < -7 || *Value > 19)
      Wrong->make(Name, text, "auto, or a zstd level, -7 to 19");
    return true;
  }
  bool Format(char *buffer, uptr size) final {
    if (*Value == HWCKPT_LEVEL_AUTO)
      return FormatString(buffer, size, "auto");
    return print(buffer, size, *Value);
  }
};

class DurationOption final : public Option<uint64_t> {
public:
  using Option::Option;
  bool Parse(const char *text) final {
    if (internal_strcmp(Name, "every") == 0 &&
        internal_strcmp(text, "auto") == 0) {
      *Value = HWCKPT_EVERY_AUTO;
      return true;
    }
    if (!parseDuration(text, Value) || *Value == HWCKPT_EVERY_AUTO)
      Wrong->make(Name, text, "a duration such as 500us, 20ms, 1.5s, 5m or 1h");
    return true;
  }
  bool Format(char *buffer, uptr size) final {
    if (*Value == 0)
      return FormatString(buffer, size, "0");
    if (*Value == HWCKPT_EVERY_AUTO)
      return FormatString(buffer, size, "auto");
    for (const Unit &unit : Units)
      if (*Value % unit.factor == 0)
        return print(buffer, size, *Value / unit.factor, unit.name);
    return false;
  }
};

class BytesOption final : public Option<uint64_t> {
public:
  using Option::Option;
  bool Parse(const char *text) final {
    if (!parseBytes(text, Value))
      Wrong->make(Name, text,
                  "a number of bytes such as 4096, 64K, 500M or 10G");
    return true;
  }
  bool Format(char *buffer, uptr size) final {
    for (const Unit &unit : Sizes)
      if (*Value % unit.factor == 0 && (*Value || unit.factor == 1))
        return print(buffer, size, *Value / unit.factor, unit.name);
    return false;
  }
};

class StringOption final : public Option<const char *> {
public:
  using Option::Option;
  bool Parse(const char *text) final {
    *Value = text;
    for (const Words &words : AllowedWords)
      if (internal_strcmp(words.option, Name) == 0)
        checkWord(words, text, internal_strlen(text));
    for (const Words &words : JoinedWords)
      if (internal_strcmp(words.option, Name) == 0)
        checkJoined(words, text);
    return true;
  }
  bool Format(char *buffer, uptr size) final {
    return FormatString(buffer, size, *Value ? *Value : "");
  }

private:
  void checkWord(const Words &words, const char *text, uptr length) {
    for (const char *const *word = words.allowed; *word; ++word)
      if (internal_strlen(*word) == length &&
          internal_strncmp(*word, text, length) == 0)
        return;
    Wrong->make(Name, text, words.expected);
  }

  void checkJoined(const Words &words, const char *text) {
    const char *word = text;
    for (uptr length; *word; word += length + (word[length] != 0)) {
      length = 0;
      while (word[length] && word[length] != '+' && word[length] != ',')
        ++length;
      checkWord(words, word, length);
    }
  }
};

// What may be given again: all of it, a line each.
class ListOption final : public Option<const char *> {
public:
  using Option::Option;
  bool Parse(const char *text) final {
    static char Lines[4096];
    uptr length = Used;
    if (*text == 0)
      length = 0;
    else if (length + internal_strlen(text) + 2 > sizeof(Lines))
      Wrong->make(Name, text, "fewer, of 4095 characters together");
    else
      length +=
          hwckpt_format(Lines + length, sizeof(Lines) - length, "%s\n", text);
    Lines[Used = length] = 0;
    *Value = Lines;
    return true;
  }
  bool Format(char *buffer, uptr size) final {
    return FormatString(buffer, size, *Value ? *Value : "");
  }

private:
  uptr Used = 0;
};

using FLAG = FlagOption;
using NUMBER = NumberOption;
using LEVEL = LevelOption;
using DURATION = DurationOption;
using BYTES = BytesOption;
using STRING = StringOption;
using LIST = ListOption;

// Names the parser knows; HWCKPT_OPTION rows and what we take of the options
// that all sanitizers have.
const char *const KnownOptions[] = {
#define HWCKPT_OPTION(kind, name, initial, description) #name,
#include "../interface/options.def"
#undef HWCKPT_OPTION
    "log_path", "log_exe_name", "log_suffix"};

bool isKnown(const char *name, uptr length) {
  for (const char *known : KnownOptions)
    if (internal_strlen(known) == length &&
        internal_strncmp(known, name, length) == 0)
      return true;
  return false;
}

// The parser's separators.
bool isSeparator(char c) {
  return c == ' ' || c == ',' || c == ':' || c == '\n' || c == '\t' ||
         c == '\r';
}

// Looks text over as the parser will read it; 0, or the failure.
int lookOver(const char *text, struct hwckpt_error *error) {
  for (;;) {
    while (isSeparator(*text))
      ++text;
    if (*text == 0)
      return 0;
    const char *name = text;
    while (*text && *text != '=' && !isSeparator(*text))
      ++text;
    int length = static_cast<int>(text - name);
    char shown[64];
    hwckpt_format(shown, sizeof(shown), "%.*s", length, name);
    if (!isKnown(name, length))
      return hwckpt_fail(error, HWCKPT_E_OPTION, 0, shown, "no such option");
    if (*text != '=')
      return hwckpt_fail(error, HWCKPT_E_OPTION, 0, shown, "expected %s=VALUE",
                         shown);
    ++text;
    if (*text == '\'' || *text == '"') {
      char quote = *text++;
      while (*text && *text != quote)
        ++text;
      if (*text == 0)
        return hwckpt_fail(error, HWCKPT_E_OPTION, 0, shown,
                           "its value lacks the closing %c", quote);
      ++text;
      continue;
    }
    while (*text && !isSeparator(*text))
      ++text;
  }
}

// sanitizer_common ends the process when it cannot open its report file, which
// it does at the first report: ask now.
int checkReportPath(const char *path, struct hwckpt_error *error) {
  if (!path || internal_strcmp(path, "stderr") == 0 ||
      internal_strcmp(path, "stdout") == 0)
    return 0;
  if (internal_strlen(path) > kMaxPathLength / 2)
    return hwckpt_fail(error, HWCKPT_E_OPTION, 0, "log_path",
                       "path is too long");
  char folder[kMaxPathLength];
  internal_strncpy(folder, path, sizeof(folder) - 1);
  folder[sizeof(folder) - 1] = 0;
  char *slash = internal_strrchr(folder, '/');
  if (slash == folder)
    slash[1] = 0;
  else if (slash)
    *slash = 0;
  else
    internal_strncpy(folder, ".", sizeof(folder));
  if (access(folder, W_OK | X_OK) != 0)
    return hwckpt_fail(error, HWCKPT_E_OPTION, 0, "log_path",
                       "no file can be made in %s", folder);
  return 0;
}

} // namespace

extern "C" int hwckpt_face_options(const char *text,
                                   struct hwckpt_options *options,
                                   struct hwckpt_error *error) {
  SanitizerToolName = "hwckpt";
  SetCommonFlagsDefaults();
  CommonFlags common;
  common.CopyFrom(*common_flags());

  Complaint complaint;
  FlagParser parser;
#define HWCKPT_OPTION(kind, name, initial, description)                        \
  options->name = initial;                                                     \
  kind name##Handler(#name, &options->name, &complaint);                       \
  parser.RegisterHandler(#name, &name##Handler, description);
#include "../interface/options.def"
#undef HWCKPT_OPTION
  StringOption logPath("log_path", &common.log_path, &complaint);
  parser.RegisterHandler("log_path", &logPath,
                         "reports go to this file, \".PID\" appended; or "
                         "stderr, stdout");
  FlagOption logExeName("log_exe_name", &common.log_exe_name, &complaint);
  parser.RegisterHandler("log_exe_name", &logExeName,
                         "the program's name in reports and in log_path");
  StringOption logSuffix("log_suffix", &common.log_suffix, &complaint);
  parser.RegisterHandler("log_suffix", &logSuffix, "appended to log_path");

  if (text) {
    int status = lookOver(text, error);
    if (status)
      return status;
    parser.ParseString(text);
  }
  if (complaint.made)
    return hwckpt_fail(error, HWCKPT_E_OPTION, 0, complaint.option,
                       "it is '%s', expected %s", complaint.value,
                       complaint.expected);
  int status = checkReportPath(common.log_path, error);
  if (status)
    return status;

  OverrideCommonFlags(common);
  if (common.log_exe_name)
    CacheBinaryName();
  report_file.SetReportPath(common.log_path);
  if (options->help)
    parser.PrintFlagDescriptions();
  return 0;
}

extern "C" void hwckpt_face_report(const char *text) { Report("%s", text); }
