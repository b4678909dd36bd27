// selkie prove: does a semantics keep a promise, whatever the number of objects?
#include "checker/prove.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "checker/prove_smt.h"
#include "cli/command.h"
#include "cli/output_path.h"
#include "cli/progress.h"
#include "cli/prove_certificate.h"
#include "cli/questions.h"
#include "fmt/format.h"
#include "traces/json.h"

namespace selkie {
namespace {

struct ProveArguments {
  std::vector<std::string> semantics;
  std::vector<std::string> properties;
  std::string certificate;
  std::string smt;
  std::optional<std::string> memory;
  bool json = false;
};

constexpr const char* kProveExample =
    "Example:\n"
    "  selkie prove --semantics linux-5.1 --property no-writable-reopen --certificate c.json\n"
    "  tools/check_certificate c.json\n"
    "A semantics or property is a name or the path of a .sem or .prop file.  Without\n"
    "--property all properties are asked.  PROVED: for any number of processes, descriptors,\n"
    "files and mappings (docs/proof.md).  BROKEN: the shortest calls that show it.  UNKNOWN:\n"
    "the argument does not apply, or is too coarse; exit 3.";

std::string_view WordOf(const Proof& proof) {
  switch (proof.kind) {
    case Proof::Kind::kProved: return "PROVED";
    case Proof::Kind::kBroken: return "BROKEN";
    case Proof::Kind::kUnknown: return "UNKNOWN";
  }
  return "";
}

// What the word means here.
std::string Meaning(const Property& property, const Proof& proof) {
  if (proof.kind == Proof::Kind::kUnknown) return proof.why;
  if (proof.has_verdict)
    return fmt::format("{} calls show it", proof.verdict.witness.sequence.calls.size());
  return property.kind == Property::Kind::kReach
             ? "no calls get there, whatever the number of objects"
             : "for any number of processes, descriptors, files and mappings";
}

Colour ColourOf(const Proof& proof) {
  if (proof.kind == Proof::Kind::kProved) return Colour::kGreen;
  return proof.kind == Proof::Kind::kBroken ? Colour::kRed : Colour::kYellow;
}

int ExitCodeOf(const Proof& proof) {
  if (proof.kind == Proof::Kind::kProved) return kHolds;
  return proof.kind == Proof::Kind::kBroken ? kBroken : kCouldNotRun;
}

void PrintProof(const Property& property, const Semantics& semantics, const Proof& proof,
                bool colour) {
  fmt::print("{}  {}: {} ({})\n", NameOf(semantics), property.name,
             Paint(WordOf(proof), ColourOf(proof), colour), Meaning(property, proof));
  if (proof.has_verdict)
    for (const std::string& line : WitnessLines(proof.verdict, semantics, colour))
      fmt::print("  {}\n", line);
  fmt::print("  {} situations of an inode with {} kinds of objects, {} calls tried, {:.2f} s\n",
             Grouped(proof.stats.situations), Grouped(proof.stats.kinds),
             Grouped(proof.stats.tried), proof.stats.seconds);
}

nlohmann::ordered_json ProofJson(const Property& property, const Semantics& semantics,
                                 const Proof& proof) {
  nlohmann::ordered_json out = {{"semantics", semantics.name},
                                {"unconfirmed", semantics.unconfirmed},
                                {"property", property.name},
                                {"verdict", WordOf(proof)},
                                {"why", Meaning(property, proof)},
                                {"certifiable", proof.closed && !proof.reached},
                                {"stats",
                                 {{"situations", proof.stats.situations},
                                  {"kinds", proof.stats.kinds},
                                  {"tried", proof.stats.tried},
                                  {"seconds", proof.stats.seconds}}}};
  if (!proof.has_verdict) return out;
  out["bounds"] = ToString(proof.verdict.bounds);
  AddWitness(property, semantics, proof.verdict, &out);
  return out;
}

class ProveCommand {
 public:
  ProveCommand(Context& context, const ProveArguments& arguments)
      : context_(context), arguments_(arguments), progress_(context.err_is_terminal) {}

  int Run() {
    if (absl::Status status = Prepare(); !status.ok()) return Report(status);
    for (const std::string& semantics : arguments_.semantics)
      for (const std::string& property : properties_)
        if (!Interrupted().load()) exit_code_ = WorseOf(exit_code_, One(semantics, property));
    if (arguments_.json) fmt::print("{}\n", results_.dump(2));
    return exit_code_;
  }

 private:
  absl::Status Prepare() {
    for (const auto& [option, file] :
         {std::pair("--certificate", &arguments_.certificate), {"--smt", &arguments_.smt}})
      if (absl::Status status = FileCanBeWritten(option, *file); !status.ok()) return status;
    absl::StatusOr<AskedProperties> properties =
        PropertiesAsked(context_.library, arguments_.properties);
    if (!properties.ok()) return properties.status();
    exit_code_ = ReportBad(*properties);
    properties_ = std::move(properties->names);
    const bool one = arguments_.semantics.size() == 1 && properties_.size() == 1;
    if (!one && !(arguments_.certificate.empty() && arguments_.smt.empty()))
      return absl::InvalidArgumentError(
          "--certificate and --smt are for one semantics and one property");
    options_.keep_steps = !arguments_.smt.empty();
    options_.search.interrupted = &Interrupted();
    options_.search.most_bytes = uint64_t{1} << 30;
    if (!arguments_.memory) return absl::OkStatus();
    absl::StatusOr<uint64_t> bytes = ParseBytes(*arguments_.memory);
    if (bytes.ok()) options_.search.most_bytes = *bytes;
    return bytes.status();
  }

  int One(const std::string& semantics_name, const std::string& property_name) {
    absl::StatusOr<Semantics> semantics = context_.library.LoadSemantics(semantics_name);
    if (!semantics.ok()) return Report(semantics.status());
    absl::StatusOr<Property> property = LoadProperty(context_.library, property_name);
    if (!property.ok()) return Report(property.status());
    options_.progress = [&](const ProofStats& stats) {
      progress_.Update([&] {
        return fmt::format("{} {}: {} situations, {} kinds, {} calls tried", semantics->name,
                           property->name, stats.situations, stats.kinds, Grouped(stats.tried));
      });
    };
    const absl::StatusOr<std::optional<Semantics>> baseline =
        BaselineOf(context_.library, *property);
    if (!baseline.ok()) return Report(baseline.status());
    absl::StatusOr<Proof> proof =
        Prove(*property, *semantics, baseline->has_value() ? &**baseline : nullptr, options_);
    progress_.Clear();
    if (!proof.ok()) return Report(proof.status());
    if (arguments_.json)
      results_.push_back(ProofJson(*property, *semantics, *proof));
    else
      PrintProof(*property, *semantics, *proof, context_.out_is_terminal);
    const absl::Status status = Save(*property, *semantics, *proof);
    return status.ok() ? ExitCodeOf(*proof) : Report(status);
  }

  absl::Status Save(const Property& property, const Semantics& semantics, const Proof& proof) {
    if (!proof.closed || proof.reached || property.kind == Property::Kind::kSameAs)
      return absl::OkStatus();  // a comparison has no clause to check
    if (!arguments_.smt.empty())
      if (absl::Status status = WriteTextFile(arguments_.smt, SmtOf(property, semantics, proof));
          !status.ok())
        return status;
    if (arguments_.certificate.empty()) return absl::OkStatus();
    absl::StatusOr<std::string> text = CertificateOf(context_.library, property, semantics, proof);
    if (!text.ok()) return text.status();
    return WriteTextFile(arguments_.certificate, *text);
  }

  Context& context_;
  const ProveArguments& arguments_;
  ProgressLine progress_;
  ProveOptions options_;
  std::vector<std::string> properties_;
  nlohmann::ordered_json results_ = nlohmann::ordered_json::array();
  int exit_code_ = kHolds;
};

}  // namespace

void AddProveCommand(CLI::App& app, Context& context) {
  CLI::App* prove = app.add_subcommand(
      "prove", "Prove a promise for any number of objects, with a certificate, or refute it");
  auto arguments = std::make_shared<ProveArguments>();
  prove->add_option("--semantics,-s", arguments->semantics, "Rules to look at (repeatable)")
      ->required();
  prove->add_option("--property,-p", arguments->properties, "Promise to ask (repeatable)");
  prove->add_option("--certificate", arguments->certificate,
                    "Write the invariant, for tools/check_certificate");
  prove->add_option("--smt", arguments->smt,
                    "Write its three queries as SMT-LIB: z3 and cvc5 answer unsat");
  prove->add_option("--memory", arguments->memory,
                    "Stop looking for a counterexample when states take more: 512M, 4G, 4M at "
                    "least [1G]");
  prove->add_flag("--json", arguments->json, "Print results as one JSON array");
  prove->footer(kProveExample);
  prove->callback(
      [&context, arguments] { context.exit_code = ProveCommand(context, *arguments).Run(); });
}

}  // namespace selkie
