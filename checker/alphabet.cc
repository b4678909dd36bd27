#include "checker/alphabet.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_replace.h"
#include "fmt/format.h"
#include "model/call_text.h"

namespace selkie {
namespace {

// Wild names are parsed as numbers that no argument has: far below zero, with
// room for an offset (map+4096).
constexpr int64_t kWildStep = int64_t{1} << 40;
constexpr int64_t kWildBase = -(int64_t{1} << 60);

int64_t EncodeWild(Wild wild) { return kWildBase + static_cast<int64_t>(wild) * kWildStep; }

std::optional<int64_t> ResolveWild(NameKind kind, std::string_view name) {
  if (kind == NameKind::kFd && name == "fd") return EncodeWild(Wild::kFd);
  if (kind == NameKind::kFd && name == "fd2") return EncodeWild(Wild::kFd2);
  if (kind == NameKind::kFd && name == "theirs") return EncodeWild(Wild::kTheirs);
  if (kind == NameKind::kAddress && name == "map") return EncodeWild(Wild::kMap);
  if (kind == NameKind::kAddress && name == "pinned") return EncodeWild(Wild::kPinned);
  if (kind == NameKind::kTask && name == "task") return EncodeWild(Wild::kTask);
  return std::nullopt;
}

void DecodeWild(CallTemplate& line) {
  for (int i = 0; i < kMaxWords; ++i) {
    const int64_t above = line.call.arg[i] - kWildBase + kWildStep / 2;
    if (above < 0 || above >= kNumWild * kWildStep) continue;
    line.wild[i] = static_cast<Wild>(above / kWildStep);
    line.call.arg[i] -= EncodeWild(line.wild[i]);
  }
}

absl::StatusOr<CallTemplate> CompileText(const AlphabetLine& line, const std::string& text,
                                         const Semantics& semantics) {
  ParsedCall parsed = ParseCall(text, &semantics, ResolveWild);
  if (parsed.error.has_value())
    return absl::InvalidArgumentError(fmt::format(
        "{}:{}:{}: {} (names in an alphabet are fd, fd2, theirs, map, pinned and task)", line.file,
        line.line, line.column + parsed.error->column, parsed.error->message));
  CallTemplate out;
  out.call = parsed.call;
  out.roles = line.roles;
  out.text = text;
  DecodeWild(out);
  IndexWildWords(out);
  if (std::count_if(out.wild.begin(), out.wild.end(), [](Wild wild) {
        return wild != Wild::kNone && wild != Wild::kTask;
      }) > static_cast<int>(out.words.size()))
    return absl::InvalidArgumentError(fmt::format("{}:{}:{}: '{}' names more than two objects",
                                                  line.file, line.line, line.column, text));
  return out;
}

}  // namespace

bool ActsThroughFd(Op op) {
  if (SpecOf(op).family != Family::kDescriptor) return true;
  // Of the calls on descriptors these alone; one that is added later acts on slots
  // until it is named here, which costs time and nothing else.
  constexpr Op kOnFiles[] = {Op::kDup,   Op::kDupFd, Op::kDupFdCloexec, Op::kPidfdGetfd,
                             Op::kGetFl, Op::kSetFl, Op::kCreatedQuery};
  return std::find(std::begin(kOnFiles), std::end(kOnFiles), op) != std::end(kOnFiles);
}

void IndexWildWords(CallTemplate& line) {
  const Op op = line.call.op;
  constexpr Op kTakeFd[] = {
      Op::kMemfdCreate,   Op::kOpen,       Op::kOpenat,       Op::kDup,         Op::kDupFd,
      Op::kDupFdCloexec,  Op::kPidfdGetfd, Op::kOpenByHandle, Op::kOpenMapFile, Op::kOpenTmpfile,
      Op::kUdmabufCreate, Op::kOpenOther,  Op::kOpenExe,      Op::kOpenat2};
  line.through_fd = ActsThroughFd(op);
  line.needs_fd = std::find(std::begin(kTakeFd), std::end(kTakeFd), op) != std::end(kTakeFd);
  line.needs_file = OpensPath(op) || op == Op::kMemfdCreate || op == Op::kOpenByHandle ||
                    op == Op::kOpenMapFile || op == Op::kOpenTmpfile || op == Op::kUdmabufCreate ||
                    op == Op::kOpenOther || op == Op::kFuseMmap || op == Op::kOpenExe ||
                    op == Op::kRunProgram;
  line.needs_mapping =
      op == Op::kFuseMmap || (op == Op::kMmap && (line.call.arg[3] & abi::kMapFixed) == 0);
  size_t found = 0;
  for (int i = 0; i < kMaxWords; ++i) {
    if (line.wild[i] == Wild::kTask)
      line.task_word = static_cast<int8_t>(i);
    else if (line.wild[i] != Wild::kNone && found < line.words.size())
      line.words[found++] = static_cast<int8_t>(i);
  }
}

absl::StatusOr<std::vector<CallTemplate>> CompileLine(const AlphabetLine& line,
                                                      const Semantics& semantics,
                                                      const std::vector<SealName>& seals) {
  std::vector<std::string> texts;
  if (line.text.find("{seal}") == std::string::npos)
    texts.push_back(line.text);
  else
    for (const SealName& seal : seals)
      texts.push_back(absl::StrReplaceAll(line.text, {{"{seal}", seal.name}}));
  std::vector<CallTemplate> templates;
  for (const std::string& text : texts) {
    absl::StatusOr<CallTemplate> compiled = CompileText(line, text, semantics);
    if (!compiled.ok()) return compiled.status();
    templates.push_back(*std::move(compiled));
  }
  return templates;
}

std::vector<CallTemplate> ExtensionTemplates(const Semantics& semantics) {
  std::vector<CallTemplate> templates;
  for (size_t i = 0; i < semantics.extensions.size(); ++i) {
    const Extension& extension = semantics.extensions[i];
    const bool takes_prot = extension.arg == ArgKind::kFlags;
    for (int64_t arg : takes_prot ? std::vector<int64_t>{0, 1, 3} : std::vector<int64_t>{0}) {
      CallTemplate line;
      line.call.op = Op::kExtension;
      line.call.arg = {0, static_cast<int64_t>(i), arg};
      line.wild[0] = Wild::kFd;
      IndexWildWords(line);
      line.text = extension.name;
      templates.push_back(std::move(line));
    }
  }
  return templates;
}

}  // namespace selkie
