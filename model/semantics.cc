#include "model/semantics.h"

#include <algorithm>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "model/semantics_text.h"

namespace selkie {
namespace {

constexpr size_t kMaxBases = 32;
constexpr size_t kMaxTextBytes = 1 << 20;

absl::StatusOr<Semantics> Parse(const SemanticsSource& source, const SemanticsLoader& loader,
                                std::vector<std::string>* names);

// What a semantics inherits: all but its name, its text and being a kernel.
// `names` are those that extend it, outermost first.
absl::StatusOr<Semantics> LoadBase(const SemanticsSource& source, const Token& base,
                                   const SemanticsLoader& loader, std::vector<std::string>* names) {
  if (std::find(names->begin(), names->end(), base.text) != names->end())
    return ErrorAt(source, base.offset,
                   fmt::format("'{}' extends itself ({} -> {}): expected a base that does not",
                               base.text, fmt::join(*names, " -> "), base.text));
  if (names->size() == kMaxBases)
    return ErrorAt(
        source, base.offset,
        fmt::format("'{}' is one base too many: expected at most {}", base.text, kMaxBases));
  if (!loader) return ErrorAt(source, base.offset, "'extends' is not possible here: no loader");
  absl::StatusOr<SemanticsSource> text = loader(base.text);
  if (!text.ok())
    return ErrorAt(
        source, base.offset,
        std::string_view(text.status().message().data(), text.status().message().size()));
  absl::StatusOr<Semantics> loaded = Parse(*text, loader, names);
  if (loaded.ok() && loaded->name != base.text)
    return ErrorAt(source, base.offset,
                   fmt::format("'{}' names itself '{}' ({}): expected the same name", base.text,
                               loaded->name, text->file));
  return loaded;
}

absl::StatusOr<Semantics> Parse(const SemanticsSource& source, const SemanticsLoader& loader,
                                std::vector<std::string>* names) {
  if (source.text.size() > kMaxTextBytes)
    return ErrorAt(source, 0,
                   fmt::format("the text has {} bytes: expected at most {}", source.text.size(),
                               kMaxTextBytes));
  SemanticsText text;
  if (absl::Status status = ReadSemanticsText(source, &text); !status.ok()) return status;
  Semantics semantics;
  std::vector<std::string> bases;
  if (!text.base.text.empty()) {
    names->push_back(text.name.text);
    absl::StatusOr<Semantics> base = LoadBase(source, text.base, loader, names);
    if (!base.ok()) return base;
    names->pop_back();
    bases = {base->name};
    if (!base->is_kernel) bases.insert(bases.end(), base->bases.begin(), base->bases.end());
    semantics = *std::move(base);
  }
  semantics.name = text.name.text;
  semantics.doc = text.doc;
  semantics.extends = text.base.text;
  semantics.is_kernel = false;
  semantics.unconfirmed = false;
  semantics.bases.clear();
  semantics.text = source.text;
  semantics.sources.insert(semantics.sources.begin(), source);
  ErrorsByLine errors;
  CompileDeclarations(source, text, &semantics, &errors);
  if (errors.empty()) {  // else rules speak of what is not declared
    CompileRules(source, text, &semantics, &errors);
    CompileProtocol(source, text, &semantics, &errors);
  }
  if (!errors.empty()) return absl::InvalidArgumentError(TextOf(errors));
  if (!semantics.is_kernel) semantics.bases = std::move(bases);
  return semantics;
}

}  // namespace

void Note(const absl::Status& status, const SemanticsSource& source, const Statement& statement,
          ErrorsByLine* errors) {
  if (!status.ok())
    errors->emplace(LineOf(source, statement.whole.offset), std::string(status.message()));
}

absl::StatusOr<Semantics> ParseSemantics(const SemanticsSource& source,
                                         const SemanticsLoader& loader) {
  std::vector<std::string> names;
  return Parse(source, loader, &names);
}

void IndexRules(Semantics& semantics) {
  semantics.at = {};
  semantics.facts_read = {};
  for (size_t i = 0; i < semantics.rules.size(); ++i) {
    const Rule& rule = semantics.rules[i];
    const int point = static_cast<int>(rule.point);
    std::vector<TermOfRule>& terms = semantics.at[point];
    const auto next = static_cast<uint16_t>(terms.size() + rule.terms.size());
    for (const Term& term : rule.terms) terms.push_back({term, static_cast<uint16_t>(i), next});
    semantics.facts_read[point] |= BitsRead(rule.terms);
  }
}

}  // namespace selkie
