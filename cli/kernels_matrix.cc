// selkie kernels matrix: docs/kernels.md, which kernel has which rule, as measured.
#include "cli/kernels_matrix.h"

#include <algorithm>
#include <map>
#include <memory>

#include "cli/kernels_probe.h"
#include "cli/output_path.h"
#include "cli/progress.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "kernel/image.h"
#include "kernel/observe.h"

namespace selkie {
namespace {

struct MatrixArguments {
  std::vector<std::string> kernels;
  std::string file;
  int64_t random = 2000;
};

constexpr const char* kKernelsMatrixExample =
    "On each kernel: the calls of scenarios/discriminating, from which its rules follow, then\n"
    "the scenarios and random sequences, which show the rules at work.\n\n"
    "Example:\n"
    "  selkie kernels matrix --kernels 5.10.0-30,5.10,6.1,6.12,native --file docs/kernels.md";

// The text of a rule without its place.
std::string TextOf(const Rule& rule) {
  const size_t colon = rule.text.find(": ");
  return colon == std::string::npos ? rule.text : rule.text.substr(colon + 2);
}

// A way in which some kernels have a rule; `rule` points into the fit of one of them.
struct Variant {
  std::string text;  // empty: absent
  const Rule* rule = nullptr;
  std::vector<size_t> columns;
};

class Matrix {
 public:
  explicit Matrix(const std::vector<MatrixColumn>& columns) : columns_(columns) {
    for (size_t i = 0; i < columns_.size(); ++i) AddColumn(i);
    for (auto& [name, variants] : rules_) AddAbsent(variants);
  }

  std::string ToMarkdown() const { return KernelTable() + RuleTable() + Variants() + Unseen(); }

 private:
  void AddColumn(size_t i) {
    const Semantics& semantics = columns_[i].fit.semantics;
    for (const Rule& rule : semantics.rules) Add(i, rule.name, TextOf(rule), &rule);
    Add(i, "write chunk", fmt::format("{} bytes", semantics.write_chunk), nullptr);
    for (const SealName& seal : semantics.seals) Add(i, seal.name, "declared", nullptr);
  }

  void Add(size_t column, const std::string& name, const std::string& text, const Rule* rule) {
    if (!rules_.contains(name)) order_.push_back(name);
    std::vector<Variant>& variants = rules_[name];
    const auto known = std::find_if(variants.begin(), variants.end(), [&](const Variant& variant) {
      return rule != nullptr && variant.rule != nullptr ? SameRule(*rule, *variant.rule)
                                                        : variant.text == text;
    });
    if (known == variants.end())
      variants.push_back({text, rule, {column}});
    else
      known->columns.push_back(column);
  }

  void AddAbsent(std::vector<Variant>& variants) const {
    Variant absent;
    for (size_t i = 0; i < columns_.size(); ++i)
      if (std::none_of(variants.begin(), variants.end(), [&](const Variant& variant) {
            return std::find(variant.columns.begin(), variant.columns.end(), i) !=
                   variant.columns.end();
          }))
        absent.columns.push_back(i);
    if (!absent.columns.empty()) variants.push_back(std::move(absent));
  }

  // Whether a call that ran on the kernel decides how it has the rule.
  bool IsAsked(const std::string& name, size_t column) const {
    const MatrixColumn& of = columns_[column];
    if (std::any_of(of.evidence.begin(), of.evidence.end(),
                    [&](const RuleEvidence& each) { return each.rule == name; }))
      return true;
    const std::vector<Variant>& variants = rules_.at(name);
    const auto there = std::count_if(variants.begin(), variants.end(),
                                     [](const Variant& variant) { return !variant.text.empty(); });
    const Variant& first = variants.front();
    const bool has =
        std::find(first.columns.begin(), first.columns.end(), column) != first.columns.end();
    if (there != 1 || !has) return false;  // which of several, or that there is none
    return first.rule == nullptr ? variants.size() == 1 : Decided(name, column);
  }

  bool Decided(const std::string& name, size_t column) const {
    const auto& by_rule = columns_[column].conform.by_rule;
    const auto found = by_rule.find(name);
    return found != by_rule.end() && found->second > 0;
  }

  std::vector<size_t> Asked(const std::string& name, const std::vector<size_t>& columns,
                            bool asked) const {
    std::vector<size_t> out;
    for (const size_t column : columns)
      if (IsAsked(name, column) == asked) out.push_back(column);
    return out;
  }

  std::string KernelTable() const {
    std::string out =
        "\n## Kernels\n\n| kernel | same answers as the rules of | discriminating sequences | "
        "calls "
        "compared | divergences | rules that decided a call |\n|---|---|---|---|---|---|\n";
    for (const MatrixColumn& column : columns_) {
      const auto seen = std::count_if(column.conform.by_rule.begin(), column.conform.by_rule.end(),
                                      [](const auto& rule) { return rule.second > 0; });
      out += fmt::format("| {} | {} | {} | {} | {} | {} of {} |\n", column.release,
                         column.fit.agreeing.empty()
                             ? fmt::format("none; nearest {}", column.fit.base)
                             : fmt::format("{}", fmt::join(column.fit.agreeing, ", ")),
                         column.sequences, column.conform.calls, column.conform.differing, seen,
                         column.conform.by_rule.size());
    }
    return out;
  }

  // Letters for variants; a dot where the kernel does not have the rule; a question mark where
  // nothing that it did says so.
  std::string RuleTable() const {
    std::string out =
        "\n## Rules\n\nA letter is a variant, explained below; a dot: the kernel does not have "
        "the rule; a question mark: not asked, as no call that was made there decides it.\n\n"
        "| rule |";
    for (const MatrixColumn& column : columns_) out += fmt::format(" {} |", column.release);
    out += "\n|---|" + std::string(columns_.size() * 4, ' ');
    while (out.ends_with(' ')) out.pop_back();
    for (size_t i = 0; i < columns_.size(); ++i) out += "---|";
    out += '\n';
    for (const std::string& name : order_) {
      std::vector<std::string> cells(columns_.size(), ".");
      char letter = 'a';
      for (const Variant& variant : rules_.at(name)) {
        if (variant.text.empty()) continue;
        for (const size_t column : variant.columns) cells[column] = std::string(1, letter);
        ++letter;
      }
      for (size_t column = 0; column < cells.size(); ++column)
        if (!IsAsked(name, column)) cells[column] = "?";
      out += fmt::format("| {} | {} |\n", name, fmt::join(cells, " | "));
    }
    return out;
  }

  // "5.10.218 to 6.1.192, 6.18.44": runs of neighbouring columns, first and last.
  std::string Runs(const std::vector<size_t>& columns) const {
    std::vector<std::string> runs;
    for (size_t i = 0; i < columns.size();) {
      size_t last = i;
      while (last + 1 < columns.size() && columns[last + 1] == columns[last] + 1) ++last;
      const std::string& first_release = columns_[columns[i]].release;
      const std::string& last_release = columns_[columns[last]].release;
      runs.push_back(i == last ? first_release
                               : fmt::format("{} to {}", first_release, last_release));
      i = last + 1;
    }
    return fmt::format("{}", fmt::join(runs, ", "));
  }

  std::string EvidenceFor(const std::string& rule, const std::vector<size_t>& columns) const {
    for (const size_t column : columns)
      for (const RuleEvidence& each : columns_[column].evidence)
        if (each.rule == rule)
          return fmt::format("  Evidence, {}: `{}`: `{}` gives `{}`, not `{}` as by {}.\n",
                             columns_[column].release, each.sequence, each.call, each.answer,
                             each.instead, each.other);
    return "";
  }

  std::string Variants() const {
    std::string out = "\n## What differs between these kernels\n";
    for (const std::string& name : order_) {
      const std::vector<Variant>& variants = rules_.at(name);
      if (variants.size() < 2) continue;
      out += fmt::format("\n### {}\n\n", name);
      char letter = 'a';
      std::vector<size_t> not_asked;
      for (const Variant& variant : variants) {
        const bool absent = variant.text.empty();
        const std::vector<size_t> asked = Asked(name, variant.columns, true);
        const std::vector<size_t> others = Asked(name, variant.columns, false);
        not_asked.insert(not_asked.end(), others.begin(), others.end());
        if (!absent || !asked.empty())
          out += fmt::format("- {}{}: {}.\n", absent ? "not there" : fmt::format("{}: ", letter),
                             absent ? "" : fmt::format("`{}`", variant.text),
                             asked.empty() ? "by its source alone" : Runs(asked));
        if (!absent) ++letter;
        if (variant.rule != nullptr && !variant.rule->source.empty()) {
          std::string source = variant.rule->source;
          std::replace(source.begin(), source.end(), '\n', ' ');
          out += fmt::format("  {}\n", source);
        }
        out += EvidenceFor(name, variant.columns);
      }
      std::sort(not_asked.begin(), not_asked.end());
      if (!not_asked.empty()) out += fmt::format("- not asked: {}.\n", Runs(not_asked));
    }
    return out;
  }

  // By rule and text, whether it decided a call on a kernel that has it.
  std::string Unseen() const {
    std::string out =
        "\n## Rules that decided no call on any of these kernels\n\nIn the scenarios and random "
        "sequences of this run, on the kernels that have them.\n\n";
    size_t unseen = 0;
    for (const std::string& name : order_)
      for (const Variant& variant : rules_.at(name)) {
        if (variant.rule == nullptr) continue;
        if (std::any_of(variant.columns.begin(), variant.columns.end(),
                        [&](size_t column) { return Decided(name, column); }))
          continue;
        ++unseen;
        out += fmt::format("- {}: `{}`: {}\n", name, variant.text, Runs(variant.columns));
      }
    return unseen == 0 ? out + "None.\n" : out;
  }

  const std::vector<MatrixColumn>& columns_;
  std::map<std::string, std::vector<Variant>> rules_;
  std::vector<std::string> order_;
};

class MatrixCommand {
 public:
  MatrixCommand(Context& context, MatrixArguments arguments)
      : context_(context), arguments_(std::move(arguments)), progress_(context.err_is_terminal) {}

  int Run() {
    if (absl::Status status = FileCanBeWritten("--file", arguments_.file); !status.ok())
      return Report(status);
    absl::StatusOr<std::vector<Semantics>> kernels = KernelSemantics(context_.library);
    if (!kernels.ok()) return Report(kernels.status());
    absl::StatusOr<std::vector<NamedSequence>> named =
        LoadDiscriminating(context_.library, *kernels);
    if (!named.ok()) return Report(named.status());
    if (arguments_.kernels.empty()) {
      for (const KernelImage& image : CachedKernels()) arguments_.kernels.push_back(image.name);
      arguments_.kernels.emplace_back("native");
    }
    std::vector<MatrixColumn> columns;
    for (const std::string& kernel : arguments_.kernels) {
      progress_.Update([&] { return fmt::format("kernel {}", kernel); });
      absl::StatusOr<MatrixColumn> column = ColumnOf(kernel, *kernels, *named);
      progress_.Clear();
      if (!column.ok()) return Report(column.status());
      columns.push_back(*std::move(column));
    }
    const std::string text =
        fmt::format(
            "# Kernels, as measured\n\nMade by `selkie kernels matrix --kernels {} --random {} "
            "--file docs/kernels.md`; not to be edited.\n",
            fmt::join(arguments_.kernels, ","), arguments_.random) +
        MatrixText(columns);
    if (arguments_.file.empty()) {
      fmt::print("{}", text);
      return kHolds;
    }
    const absl::Status status = WriteTextFile(arguments_.file, text);
    return status.ok() ? kHolds : Report(status);
  }

 private:
  absl::StatusOr<MatrixColumn> ColumnOf(const std::string& kernel,
                                        const std::vector<Semantics>& kernels,
                                        const std::vector<NamedSequence>& named) {
    absl::StatusOr<Probe> probe = ProbeKernel(context_.library, kernel, kernels, named);
    if (!probe.ok()) return probe.status();
    ConformRequest request;
    request.kernel = kernel;
    request.random = arguments_.random;
    request.paths = {context_.library.root() + "/scenarios"};
    ConformHooks hooks;
    hooks.interrupted = &Interrupted();
    absl::StatusOr<ConformReport> report = Conform(context_.library, request, hooks);
    if (!report.ok()) return report.status();
    if (!report->complete) return absl::CancelledError("interrupted: nothing is written");
    return MatrixColumn{probe->release, std::move(probe->fit), std::move(probe->evidence),
                        named.size(), *std::move(report)};
  }

  Context& context_;
  MatrixArguments arguments_;
  ProgressLine progress_;
};

}  // namespace

std::string MatrixText(const std::vector<MatrixColumn>& columns) {
  return Matrix(columns).ToMarkdown();
}

void AddKernelsMatrixCommand(CLI::App& kernels, Context& context) {
  CLI::App* matrix = kernels.add_subcommand(
      "matrix", "Measure which kernel has which rule, and write the table of docs/kernels.md");
  auto arguments = std::make_shared<MatrixArguments>();
  matrix
      ->add_option("--kernels", arguments->kernels,
                   "Series, builds and native, oldest first; default: all in the cache")
      ->delimiter(',');
  matrix->add_option("--file", arguments->file, "Where to write it; default: standard output");
  matrix->add_option("--random", arguments->random, "Random sequences on each kernel")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 30))
      ->capture_default_str();
  matrix->footer(kKernelsMatrixExample);
  matrix->callback(
      [&context, arguments] { context.exit_code = MatrixCommand(context, *arguments).Run(); });
}

}  // namespace selkie
