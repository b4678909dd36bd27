// selkie calls: which calls there are, and which there are not.
#include <memory>
#include <string>

#include "cli/command.h"
#include "fmt/format.h"
#include "model/call.h"
#include "nlohmann/json.hpp"
#include "scenarios/coverage_of_calls.h"

namespace selkie {
namespace {

using Json = nlohmann::ordered_json;

std::string Prototype(const CallSpec& spec) {
  std::string args;
  for (const ArgSpec& arg : ArgsOf(spec))
    args += fmt::format("{}{}", args.empty() ? "" : ", ", arg.name);
  return fmt::format("{}({})", spec.name, args);
}

std::string_view NameOf(Coverage coverage) {
  return coverage == Coverage::kObserved ? "observed only" : "not modelled";
}

// A call that a semantics declares is no row that a person would look for.
bool IsShown(const CallSpec& spec) { return spec.op != Op::kExtension; }

void PrintText() {
  for (const CallSpec& spec : CallTable())
    if (IsShown(spec)) fmt::print("{:<14} {}\n", "modelled", Prototype(spec));
  for (const UncoveredCall& call : UncoveredCalls())
    fmt::print("{:<14} {}: {}\n", NameOf(call.coverage), call.call, call.reason);
}

void PrintMarkdown() {
  fmt::print(
      "# What is not modelled\n\n"
      "Made by `selkie calls --markdown`; `selkie calls` shows it beside the calls that are "
      "modelled. *Observed*\n"
      "means measured on kernels ([kernel-facts](kernel-facts.md)), but not a call of the model "
      "that random\n"
      "sequences would try.\n\n| call | | why |\n|---|---|---|\n");
  for (const UncoveredCall& call : UncoveredCalls())
    fmt::print("| {} | {} | {} |\n", call.call, NameOf(call.coverage), call.reason);
}

void PrintJson() {
  Json out = Json::array();
  for (const CallSpec& spec : CallTable())
    if (IsShown(spec))
      out.push_back(
          {{"call", ShortName(spec.op)}, {"coverage", "modelled"}, {"prototype", Prototype(spec)}});
  for (const UncoveredCall& call : UncoveredCalls())
    out.push_back(
        {{"call", call.call}, {"coverage", NameOf(call.coverage)}, {"reason", call.reason}});
  fmt::print("{}\n", out.dump(2));
}

}  // namespace

void AddCallsCommand(CLI::App& app, Context& context) {
  CLI::App* calls = app.add_subcommand("calls",
                                       "List the calls that are modelled, those only measured on "
                                       "kernels, and those that are neither");
  struct Options {
    bool json = false, markdown = false;
  };
  auto options = std::make_shared<Options>();
  CLI::Option* json = calls->add_flag("--json", options->json, "As JSON");
  calls->add_flag("--markdown", options->markdown, "What is not modelled, as docs/not-modelled.md")
      ->excludes(json);
  calls->footer("Example:\n  selkie calls\n  selkie calls --json");
  calls->callback([&context, options] {
    if (options->json)
      PrintJson();
    else if (options->markdown)
      PrintMarkdown();
    else
      PrintText();
    context.exit_code = kHolds;
  });
}

}  // namespace selkie
