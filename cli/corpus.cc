// selkie corpus: sequences from which random ones go on.
#include "scenarios/corpus.h"

#include <memory>

#include "cli/command.h"
#include "cli/output_path.h"
#include "fmt/format.h"
#include "nlohmann/json.hpp"

namespace selkie {
namespace {

struct CorpusArguments {
  CorpusRequest request;
  std::string semantics = "linux-6.18";
  std::string folder;
  bool json = false;
};

constexpr const char* kCorpusExample =
    "Makes random sequences on the model and keeps those with most pairs of rules\n"
    "that decide consecutive calls and are rare elsewhere.  conform starts some of its random "
    "sequences with the\n"
    "first calls of what is in scenarios/corpus.\n\n"
    "Example:\n"
    "  selkie corpus --candidates 2000 -o /tmp/corpus";

int Run(const Context& context, const CorpusArguments& arguments) {
  if (absl::Status status = FoldersCanBeMade("--output", arguments.folder); !status.ok())
    return Report(status);
  absl::StatusOr<Semantics> semantics = context.library.LoadSemantics(arguments.semantics);
  if (!semantics.ok()) return Report(semantics.status());
  const Corpus corpus = GrowCorpus(arguments.request, *semantics, &Interrupted());
  for (size_t i = 0; i < corpus.sequences.size() && !arguments.folder.empty(); ++i) {
    const absl::Status written = WriteTextFile(fmt::format("{}/{:02}.seq", arguments.folder, i),
                                               CorpusText(corpus.sequences[i], *semantics));
    if (!written.ok()) return Report(written);
  }
  const int code = Interrupted().load() ? kCouldNotRun : kHolds;
  if (arguments.json) {
    const nlohmann::ordered_json json = {{"semantics", semantics->name},
                                         {"candidates", arguments.request.candidates},
                                         {"sequences", corpus.sequences.size()},
                                         {"pairs", corpus.pairs}};
    fmt::print("{}\n", json.dump());
    return code;
  }
  fmt::print("{} sequences of {} kept, with {} pairs of rules{}\n", corpus.sequences.size(),
             arguments.request.candidates, corpus.pairs,
             code == kHolds ? "" : "; interrupted before all were tried");
  return code;
}

}  // namespace

void AddCorpusCommand(CLI::App& app, Context& context) {
  auto arguments = std::make_shared<CorpusArguments>();
  CLI::App* corpus = app.add_subcommand("corpus", "Find sequences with many pairs of rules");
  corpus->footer(kCorpusExample);
  corpus->add_option("--semantics,-s", arguments->semantics, "Name or path")->capture_default_str();
  corpus->add_option("--seed", arguments->request.seed, "Seed of the sequences tried")
      ->capture_default_str();
  corpus->add_option("--candidates", arguments->request.candidates, "How many are tried")
      ->check(CLI::Range(1, 1 << 30))
      ->capture_default_str();
  corpus->add_option("--length", arguments->request.length, "Calls of each")
      ->check(CLI::Range(1, 512))
      ->capture_default_str();
  corpus->add_option("--most", arguments->request.most, "How many are kept")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  corpus->add_option("--output,-o", arguments->folder, "Folder for them");
  corpus->add_flag("--json", arguments->json, "Print counts as JSON");
  corpus->callback([&context, arguments] { context.exit_code = Run(context, *arguments); });
}

}  // namespace selkie
