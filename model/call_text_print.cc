// Prints calls and results.
#include <algorithm>
#include <csignal>
#include <cstring>

#include "fmt/format.h"
#include "model/call_text_scan.h"

namespace selkie {
namespace {

// What a call is printed with.
struct Printer {
  const Semantics* semantics;
  const Namer& name;
  int task;

  std::string Named(NameKind kind, int64_t value) const {
    return name ? name(kind, value, task) : std::string();
  }
};

std::string PrintNamed(const Printer& out, NameKind kind, int64_t value) {
  std::string name = out.Named(kind, value);
  return name.empty() ? fmt::format("{}", value) : name;
}

std::string PrintAddress(const Printer& out, int64_t value) {
  if (value == kNull) return "NULL";
  std::string name = out.Named(NameKind::kAddress, value);
  if (!name.empty()) return name;
  return value < 0 ? fmt::format("{}", value) : fmt::format("{:#x}", value);
}

std::string PrintPathPart(const Printer& out, NameKind kind, int64_t value) {
  std::string name = out.Named(kind, value);
  return name.empty() ? fmt::format("{}", value) : fmt::format("{{{}}}", name);
}

std::string PrintPath(const Printer& out, const int64_t* words) {
  const std::string fd = PrintPathPart(out, NameKind::kFd, words[1]);
  if (words[0] == kDevFd) return fmt::format("\"/dev/fd/{}\"", fd);
  std::string task = words[0] == kSelf ? "self" : PrintPathPart(out, NameKind::kTask, words[0]);
  return fmt::format("\"/proc/{}/fd/{}\"", task, fd);
}

std::string PrintMode(int64_t mode) {
  return mode < 0 ? fmt::format("-0{:o}", ~static_cast<uint64_t>(mode) + 1)
                  : fmt::format("0{:02o}", mode);
}

// The name of the whole value, or a number.
std::string PrintOne(int64_t value, absl::Span<const FlagName> names) {
  for (const FlagName& name : names)
    if (name.bits == value) return std::string(name.name);
  return fmt::format("{:#x}", static_cast<uint64_t>(value));
}

const Extension* ExtensionOf(const Call& call, const Semantics* semantics) {
  const CallSpec& spec = SpecOf(call.op);
  const int at = ArgIndex(spec, ArgKind::kExtension);
  if (at < 0 || semantics == nullptr) return nullptr;
  const int64_t index = call.arg[WordIndex(spec, at)];
  if (index < 0 || index >= static_cast<int64_t>(semantics->extensions.size())) return nullptr;
  return &semantics->extensions[index];
}

// Text of one argument; empty if the call is written without it.
std::string PrintArgument(const Printer& out, const ArgSpec& arg, const Extension* extension,
                          const int64_t* words) {
  switch (arg.kind) {
    case ArgKind::kLiteral: return std::string(arg.name);
    case ArgKind::kName:
      return words[0] == kNull ? "NULL" : fmt::format("\"{}\"", NameOfLength(words[0]));
    case ArgKind::kFd: return PrintNamed(out, NameKind::kFd, words[0]);
    case ArgKind::kPath: return PrintPath(out, words);
    case ArgKind::kFlags:
      return arg.one ? PrintOne(words[0], arg.names) : PrintFlags(words[0], arg.names);
    case ArgKind::kSeals: return PrintFlags(words[0], SealNames(out.semantics));
    case ArgKind::kInt:
    case ArgKind::kSize: return fmt::format("{}", words[0]);
    case ArgKind::kOffset: return words[0] == kNoOffset ? "NULL" : fmt::format("[{}]", words[0]);
    case ArgKind::kAddress: return PrintAddress(out, words[0]);
    case ArgKind::kByte:
      if (words[0] == kNull) return "NULL";
      return fmt::format("\"{}\"", EscapedByte(static_cast<uint8_t>(words[0])));
    case ArgKind::kMode: return PrintMode(words[0]);
    case ArgKind::kTask: return PrintNamed(out, NameKind::kTask, words[0]);
    case ArgKind::kExtension:
      return extension != nullptr ? extension->name : fmt::format("{}", words[0]);
    case ArgKind::kExtensionArg:
      if (extension != nullptr && extension->arg == ArgKind::kLiteral) return "";
      if (extension != nullptr && extension->arg == ArgKind::kSeals)
        return PrintFlags(words[0], SealNames(out.semantics));
      return PrintFlags(words[0], ProtectionNames());
  }
  return "";
}

// read and pread: the bytes that were seen.
std::string PrintData(const Result& result) {
  std::string bytes;
  for (int i = 0; i < result.num_data; ++i) bytes += EscapedByte(result.data[i]);
  return fmt::format("{} \"{}\"", result.value, bytes);
}

std::string PrintValue(const Printer& out, ReturnKind returns, const Result& result) {
  const int64_t value = result.value;
  switch (returns) {
    case ReturnKind::kFd: return PrintNamed(out, NameKind::kFd, value);
    case ReturnKind::kFdPair:
      return fmt::format("[{}, {}]", PrintNamed(out, NameKind::kFd, value),
                         PrintNamed(out, NameKind::kFd, result.extra));
    case ReturnKind::kCountData:
      return result.num_data > 0 ? PrintData(result) : fmt::format("{}", value);
    case ReturnKind::kSeals: return PrintFlags(value, SealNames(out.semantics));
    case ReturnKind::kOpenFlags:
    case ReturnKind::kLease:
    case ReturnKind::kFdFlags: return PrintFlags(value, ResultFlagNames(returns));
    case ReturnKind::kAddress: return PrintAddress(out, value);
    case ReturnKind::kByte: return fmt::format("\"{}\"", EscapedByte(static_cast<uint8_t>(value)));
    case ReturnKind::kOk: return "ok";
    case ReturnKind::kStat:
      return fmt::format("0 {{st_size={}, st_mode={}}}", value, PrintMode(result.extra));
    case ReturnKind::kTask: return PrintNamed(out, NameKind::kTask, value);
    case ReturnKind::kZero:
    case ReturnKind::kBool:
    case ReturnKind::kCount:
    case ReturnKind::kOffset: return fmt::format("{}", value);
  }
  return "";
}

// Bits of the field whose zero has a name: the entries before the one with
// bits 0, such as the access mode of open's flags.  0 if zero comes first, and
// so names only the absence of every flag.
int64_t ZeroField(absl::Span<const FlagName> names) {
  int64_t field = 0;
  for (const FlagName& flag : names) {
    if (flag.bits == 0) return field;
    field |= flag.bits;
  }
  return 0;
}

std::string_view ZeroName(absl::Span<const FlagName> names) {
  for (const FlagName& flag : names)
    if (flag.bits == 0) return flag.name;
  return "0";
}

}  // namespace

std::string NameOfLength(int64_t length) {
  constexpr std::string_view kName = "region";
  std::string name;
  for (int64_t i = 0; i < std::min<int64_t>(length, 4096); ++i) name += kName[i % kName.size()];
  return name;
}

std::string PrintFlags(int64_t bits, absl::Span<const FlagName> names) {
  const int64_t field = ZeroField(names);
  std::string out;
  auto append = [&](std::string_view text) {
    out += fmt::format("{}{}", out.empty() ? "" : "|", text);
  };
  if (bits == 0 || (field != 0 && (bits & field) == 0)) append(ZeroName(names));
  for (const FlagName& flag : names) {
    if (flag.bits == 0 || (bits & flag.bits) != flag.bits) continue;
    append(flag.name);
    bits &= ~flag.bits;
  }
  if (bits != 0) append(fmt::format("{:#x}", static_cast<uint64_t>(bits)));
  return out;
}

std::string PrintCall(const Call& call, const Semantics* semantics, const Namer& name) {
  const CallSpec& spec = SpecOf(call.op);
  const Extension* extension = ExtensionOf(call, semantics);
  const Printer out{semantics, name, call.task};
  std::string args;
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(spec)) {
    std::string text = PrintArgument(out, arg, extension, call.arg.data() + word);
    word += WordsOf(arg.kind);
    if (!text.empty()) args += fmt::format("{}{}", args.empty() ? "" : ", ", text);
  }
  return fmt::format("{}({})", extension != nullptr ? extension->function : spec.name, args);
}

std::string PrintResult(const Call& call, const Result& result, const Semantics* semantics,
                        const Namer& name) {
  const Extension* extension = ExtensionOf(call, semantics);
  const Printer out{semantics, name, call.task};
  switch (result.kind) {
    case Result::Kind::kValue:
      return PrintValue(out, extension != nullptr ? extension->returns : SpecOf(call.op).returns,
                        result);
    case Result::Kind::kErrno: return fmt::format("-1 {}", ErrnoName(result.value));
    case Result::Kind::kSignal: return SignalName(result.value);
    case Result::Kind::kBound: break;
  }
  return fmt::format("? ({})", result.check != nullptr ? result.check : "beyond the limits");
}

std::string ErrnoName(int64_t value) {
  const char* name = nullptr;
  if (value > 0 && value < 4096) name = strerrorname_np(static_cast<int>(value));
  return name != nullptr ? name : fmt::format("E#{}", value);
}

std::optional<int64_t> ErrnoByName(std::string_view name) {
  constexpr int kLastErrno = 133;  // EHWPOISON of include/uapi/asm-generic/errno.h
  for (int value = 1; value <= kLastErrno; ++value)
    if (ErrnoName(value) == name) return value;
  return std::nullopt;
}

std::string SignalName(int64_t value) {
  const char* name = nullptr;
  if (value > 0 && value < 64) name = sigabbrev_np(static_cast<int>(value));
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("SIG#{}", value);
}

}  // namespace selkie
