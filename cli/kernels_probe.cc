// selkie kernels probe: which rules does this kernel have?
#include "cli/kernels_probe.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/kernel_choice.h"
#include "cli/kernel_fit.h"
#include "cli/output_path.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "kernel/image.h"
#include "kernel/observe.h"
#include "model/call_text.h"

namespace selkie {
namespace {

struct ProbeArguments {
  KernelChoice kernel{.name = "native", .image = "", .modules = {}};
  std::string folder = ".";
  bool json = false;
};

constexpr const char* kKernelsProbeExample =
    "Runs the calls of scenarios/discriminating, by which the kernels that the tree describes\n"
    "are told apart, on this one; says whose rules give the same answers; and writes\n"
    "linux-RELEASE.sem with the few rules that differ from the nearest, and the evidence.\n"
    "Exit code 1: no kernel that the tree describes agrees.\n\n"
    "Example:\n"
    "  selkie kernels probe 6.12\n"
    "  selkie kernels probe --image ./bzImage --folder /tmp";

std::string Numbers(std::string_view text) {
  std::string numbers(text.substr(0, text.find_first_not_of("0123456789.")));
  while (numbers.ends_with('.')) numbers.pop_back();
  return numbers;
}

std::vector<SeenSequence> SeenOf(std::vector<NamedSequence> sequences,
                                 const Observation& observation) {
  std::vector<SeenSequence> seen;
  for (size_t i = 0; i < sequences.size(); ++i) {
    SeenSequence& each = seen.emplace_back(SeenSequence{std::move(sequences[i]), {}});
    for (const ObservedCall& call : observation.traces[i].calls)
      each.results.push_back(call.result);
  }
  return seen;
}

// The call that no combination of rules explains, with what came and what was expected.
std::string NewsOf(const KernelFit& fit, const SeenSequence& seen) {
  const int at = FirstMismatch(fit.semantics, seen);
  const Trace trace = Replay(seen.named.sequence, fit.semantics);
  std::string text = fmt::format("{}:\n", seen.named.name);
  for (int i = 0; i <= at; ++i) {
    const Call& call = trace.sequence.calls[i];
    text += fmt::format("  {}: {} = {}", static_cast<char>('A' + call.task),
                        PrintCall(call, &fit.semantics, nullptr),
                        PrintResult(call, *seen.results[i], &fit.semantics, nullptr));
    text += i < at ? "\n"
                   : fmt::format("   and not {}\n",
                                 PrintResult(call, trace.results[i], &fit.semantics, nullptr));
  }
  return text;
}

std::vector<std::string> RulesOf(const KernelFit& fit, const Semantics& base) {
  std::vector<std::string> names;
  for (const RuleDifference& rule : RulesThatDiffer(base, fit.semantics))
    names.push_back(rule.name);
  return names;
}

class ProbeCommand {
 public:
  ProbeCommand(Context& context, const ProbeArguments& arguments)
      : context_(context), arguments_(arguments) {}

  int Run() {
    if (absl::Status status = FoldersCanBeMade("--folder", arguments_.folder); !status.ok())
      return Report(status);
    absl::StatusOr<std::string> kernel = KernelOf(arguments_.kernel, "NAME");
    if (!kernel.ok()) return Report(kernel.status());
    absl::StatusOr<std::vector<KernelModule>> modules = ReadModules(arguments_.kernel.modules);
    if (!modules.ok()) return Report(modules.status());
    absl::StatusOr<std::vector<Semantics>> kernels = KernelSemantics(context_.library);
    if (!kernels.ok()) return Report(kernels.status());
    absl::StatusOr<std::vector<NamedSequence>> named =
        LoadDiscriminating(context_.library, *kernels);
    if (!named.ok()) return Report(named.status());
    absl::StatusOr<Probe> probe =
        ProbeKernel(context_.library, *kernel, *kernels, *named, *modules);
    if (!probe.ok()) return Report(probe.status());
    const auto base = std::find_if(kernels->begin(), kernels->end(), [&](const Semantics& each) {
      return each.name == probe->fit.base;
    });
    return Tell(*probe, *base);
  }

 private:
  int Tell(const Probe& probe, const Semantics& base) {
    const std::string name = fmt::format("linux-{}", probe.release);
    const std::string file = fmt::format("{}/{}.sem", arguments_.folder, name);
    const std::string heading =
        fmt::format("Probed on {}: {} sequences, {} calls; {} sequences are not explained.",
                    probe.uname, probe.seen.size(), probe.calls, probe.fit.mismatches.size());
    const absl::Status written =
        WriteTextFile(file, SemanticsTextOf(probe.fit, base, name, heading, probe.evidence));
    if (!written.ok()) return Report(written);
    std::vector<std::string> news;
    for (const size_t i : probe.fit.mismatches) news.push_back(NewsOf(probe.fit, probe.seen[i]));
    if (arguments_.json)
      PrintJson(probe, base, file, news);
    else
      Print(probe, base, file, news);
    return probe.fit.agreeing.empty() ? kBroken : kHolds;
  }

  static void Print(const Probe& probe, const Semantics& base, const std::string& file,
                    const std::vector<std::string>& news) {
    const KernelFit& fit = probe.fit;
    fmt::print("kernel {}: {} sequences, {} calls\n", probe.uname, probe.seen.size(), probe.calls);
    if (!fit.agreeing.empty())
      fmt::print("agrees with {}\n", fmt::join(fit.agreeing, ", "));
    else
      fmt::print("agrees with no kernel that the tree describes; nearest is {} with {}\n", fit.base,
                 RulesOf(fit, base).empty()
                     ? "no rule of another"
                     : fmt::format("other kernels' {}", fmt::join(RulesOf(fit, base), ", ")));
    for (const RuleEvidence& each : probe.evidence)
      fmt::print("  {}: {}: {} = {}, not {} as {}\n", each.rule, each.sequence, each.call,
                 each.answer, each.instead, each.other);
    for (const std::string& text : news) fmt::print("not explained by any rules: {}", text);
    fmt::print("{}\n", file);
  }

  static void PrintJson(const Probe& probe, const Semantics& base, const std::string& file,
                        const std::vector<std::string>& news) {
    nlohmann::ordered_json json = {
        {"release", probe.uname},    {"sequences", probe.seen.size()},
        {"calls", probe.calls},      {"agrees_with", probe.fit.agreeing},
        {"nearest", probe.fit.base}, {"rules_of_others", RulesOf(probe.fit, base)},
        {"not_explained", news},     {"file", file}};
    json["evidence"] = nlohmann::ordered_json::array();
    for (const RuleEvidence& each : probe.evidence)
      json["evidence"].push_back({{"rule", each.rule},
                                  {"sequence", each.sequence},
                                  {"call", each.call},
                                  {"answer", each.answer},
                                  {"instead", each.instead},
                                  {"other", each.other}});
    fmt::print("{}\n", json.dump(2));
  }

  Context& context_;
  const ProbeArguments& arguments_;
};

}  // namespace

std::string ReleaseOf(const std::string& kernel, const std::string& uname) {
  if (kernel.find('/') == std::string::npos && kernel != "native") {
    absl::StatusOr<KernelImage> image = FindKernel(kernel, [](std::string_view) {});
    if (image.ok() && !image->version.empty()) return Numbers(image->version);
  }
  return Numbers(uname);
}

absl::StatusOr<Probe> ProbeKernel(const Library& library, const std::string& kernel,
                                  const std::vector<Semantics>& kernels,
                                  const std::vector<NamedSequence>& sequences,
                                  const std::vector<KernelModule>& modules) {
  std::vector<Sequence> plain;
  for (const NamedSequence& each : sequences) plain.push_back(each.sequence);
  absl::StatusOr<Observation> observation =
      Observe(library, kernel, plain, &Interrupted(), modules);
  if (!observation.ok()) return observation.status();
  Probe probe;
  probe.uname = observation->release;
  probe.release = ReleaseOf(kernel, observation->release);
  probe.seen = SeenOf(sequences, *observation);
  for (const SeenSequence& each : probe.seen)
    for (const auto& result : each.results) probe.calls += result.has_value();
  if (probe.calls == 0) return absl::UnavailableError("no call was executed: nothing is known");
  probe.fit = FitKernel(kernels, probe.seen, observation->semantics);
  probe.evidence = EvidenceOf(probe.fit, kernels, probe.seen);
  return probe;
}

void AddKernelsProbeCommand(CLI::App& kernels, Context& context) {
  CLI::App* probe =
      kernels.add_subcommand("probe", "Find out which rules a kernel has, and write them");
  auto arguments = std::make_shared<ProbeArguments>();
  CLI::Option* name = probe
                          ->add_option("NAME", arguments->kernel.name,
                                       "native, a series (6.12) or a build (5.10.0-30)")
                          ->capture_default_str();
  AddImageOptions(*probe, name, arguments->kernel);
  probe->add_option("--folder", arguments->folder, "Where linux-RELEASE.sem is written")
      ->capture_default_str();
  probe->add_flag("--json", arguments->json, "Print the report as JSON");
  probe->footer(kKernelsProbeExample);
  probe->callback(
      [&context, arguments] { context.exit_code = ProbeCommand(context, *arguments).Run(); });
}

}  // namespace selkie
