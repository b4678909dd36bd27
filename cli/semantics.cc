// selkie semantics: what rules there are, what each says, whether a text is one.
#include "model/semantics.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace selkie {
namespace {

constexpr const char* kSemanticsExample =
    "Example:\n"
    "  selkie semantics list\n"
    "  selkie semantics show fw-v3\n"
    "  selkie semantics check model/semantics/fw-v3.sem\n"
    "The language is described in docs/semantics-language.md.";

// ---- list ----

std::string ListLine(const Semantics& s) {
  return fmt::format("{:<18} {:<7} {:<12} {}\n", s.name, s.is_kernel ? "kernel" : "design",
                     s.extends.empty() ? "-" : s.extends,
                     s.unconfirmed ? "Not confirmed on a kernel. " + s.doc : s.doc);
}

// Texts that do not compile are reported after the others.
int List(const Library& library) {
  const absl::StatusOr<std::vector<std::string>> names = library.SemanticsNames();
  if (!names.ok()) return Report(names.status());
  fmt::print("{:<18} {:<7} {:<12} {}\n", "NAME", "KIND", "EXTENDS", "WHAT IT IS");
  int code = kHolds;
  for (const std::string& name : *names) {
    const absl::StatusOr<Semantics> semantics = library.LoadSemantics(name);
    if (semantics.ok())
      fmt::print("{}", ListLine(*semantics));
    else
      code = Report(semantics.status());
  }
  return code;
}

// ---- show ----

std::string Settings(const Semantics& s) {
  std::vector<std::string> seals, mask;
  for (const SealName& seal : s.seals)
    seals.push_back(fmt::format("{} {:#x}", seal.name, seal.bits));
  for (const auto& [bit, name] :
       {std::pair(1, "READ"), std::pair(2, "WRITE"), std::pair(4, "EXEC")})
    if ((s.initial_mask & bit) != 0) mask.emplace_back(name);
  std::string out = fmt::format("seals: {}\n", fmt::join(seals, ", "));
  for (const Extension& call : s.extensions)
    out += fmt::format("call: {}(fd, {}{})\n", call.function, call.name,
                       call.arg == ArgKind::kLiteral ? ""
                       : call.arg == ArgKind::kSeals ? ", seals"
                                                     : ", prot");
  return out + fmt::format("write chunk: {} bytes\ninitial mask: {}\n", s.write_chunk,
                           mask.empty() ? "none" : fmt::format("{}", fmt::join(mask, "|")));
}

// What the rule says, without its name and point: these stand before it.
std::string_view SaysOf(const Rule& rule) {
  const std::string_view text = rule.text;
  const size_t colon = text.find(": ");
  return colon == std::string_view::npos ? text : text.substr(colon + 2);
}

std::string RuleLines(const Rule& rule) {
  std::string source = rule.source;
  std::replace(source.begin(), source.end(), '\n', ' ');
  return fmt::format("  {}: {}\n      {}:{}{}{}\n", rule.name, SaysOf(rule), rule.file, rule.line,
                     source.empty() ? "" : "  ", source);
}

std::string RulesAt(const Semantics& s, int point) {
  std::string out;
  for (const Rule& rule : s.rules)
    if (static_cast<int>(rule.point) == point) out += RuleLines(rule);
  if (out.empty()) return "";
  const int call = point - static_cast<int>(Point::kExtension);
  return fmt::format("\nat {}\n",
                     call >= 0 ? std::string_view(s.extensions[static_cast<size_t>(call)].name)
                               : PointName(static_cast<Point>(point))) +
         out;
}

std::string ProtocolLines(const Protocol& protocol) {
  if (protocol.steps.empty()) return "";
  std::string out = fmt::format("\nprotocol \"{}\"\n", protocol.title);
  for (const ProtocolStep& step : protocol.steps) out += fmt::format("  {}\n", step.text);
  return out +
         fmt::format("  hand out {}\n", protocol.variables[static_cast<size_t>(protocol.hand_out)]);
}

std::string Described(const Semantics& s) {
  std::string out = fmt::format("{} ({}{}{}{})\n{}\n\n", s.name, s.is_kernel ? "kernel" : "design",
                                s.unconfirmed ? ", not confirmed on a kernel" : "",
                                s.extends.empty() ? "" : ", extends ", s.extends, s.doc);
  out += Settings(s);
  for (int point = 0; point < kNumPoints; ++point) out += RulesAt(s, point);
  return out + ProtocolLines(s.protocol);
}

int Show(const Library& library, const std::string& name, bool text) {
  const absl::StatusOr<Semantics> semantics = library.LoadSemantics(name);
  if (!semantics.ok()) return Report(semantics.status());
  fmt::print("{}", text ? semantics->text : Described(*semantics));
  return kHolds;
}

// ---- check ----

// A file is read as one, whatever its name looks like.
std::string AsPath(const std::string& file) {
  const bool is_path = file.find('/') != std::string::npos || file.ends_with(".sem");
  return is_path ? file : "./" + file;
}

int CheckFiles(const Library& library, const std::vector<std::string>& files) {
  int code = kHolds;
  for (const std::string& file : files) {
    const absl::StatusOr<Semantics> semantics = library.LoadSemantics(AsPath(file));
    if (!semantics.ok()) {
      code = std::max(code, Report(semantics.status()));
      continue;
    }
    const auto own = std::count_if(semantics->rules.begin(), semantics->rules.end(),
                                   [&](const Rule& rule) { return rule.file == AsPath(file); });
    fmt::print("{}: {} is a semantics: {} rules, {} of them its own\n", file, semantics->name,
               semantics->rules.size(), own);
  }
  return code;
}

struct Arguments {
  std::string name;
  bool text = false;
  std::vector<std::string> files;
};

}  // namespace

void AddSemanticsCommand(CLI::App& app, Context& context) {
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("semantics", "List, show and check rules for sealing");
  command->require_subcommand(1);
  command->footer(kSemanticsExample);

  CLI::App* list = command->add_subcommand("list", "Every semantics of the tree, kernels first");
  list->callback([&context] { context.exit_code = List(context.library); });

  CLI::App* show = command->add_subcommand(
      "show",
      "All rules of one semantics, inherited ones too, in their order and with their "
      "sources");
  show->add_option("NAME", args->name, "A name of the list, or a path")->required();
  show->add_flag("--text", args->text, "Print its own text instead");
  show->callback(
      [&context, args] { context.exit_code = Show(context.library, args->name, args->text); });

  CLI::App* check = command->add_subcommand(
      "check", "Whether texts are semantics; else where, what and what was expected");
  check->add_option("FILE", args->files, "Files to check")->required();
  check->callback(
      [&context, args] { context.exit_code = CheckFiles(context.library, args->files); });
}

}  // namespace selkie
