// selkie kernels: which real kernels there are to compare with.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/kernels_build.h"
#include "cli/kernels_matrix.h"
#include "cli/kernels_probe.h"
#include "fmt/format.h"
#include "kernel/image.h"
#include "kernel/qemu.h"

namespace selkie {
namespace {

void SayOnStderr(std::string_view text) { fmt::print(stderr, "selkie: {}\n", text); }

struct Row {
  KernelImage cached;   // empty package: not in the cache
  KernelImage offered;  // empty package: apt does not offer it
  KernelImage other;    // the same of other releases of Debian
};

std::string Describe(const KernelImage& image) {
  return image.package.empty() ? "-" : fmt::format("{} {}", image.package, image.version);
}

// What is in the cache and what apt offers, by series.  Without an apt the cache
// still counts.
int List(bool all) {
  std::vector<std::string> order;
  std::map<std::string, Row> rows;
  auto row = [&](const std::string& name) -> Row& {
    if (!rows.contains(name)) order.push_back(name);
    return rows[name];
  };
  const auto add = [&](Suites suites, KernelImage Row::*column) {
    absl::StatusOr<std::vector<KernelImage>> offered = OfferedKernels(suites, SayOnStderr);
    if (!offered.ok()) return SayOnStderr(std::string(offered.status().message()));
    for (const KernelImage& image : *offered) row(image.name).*column = image;
  };
  add(Suites::kMachine, &Row::offered);
  if (all) add(Suites::kOthers, &Row::other);
  for (const KernelImage& image : CachedKernels()) row(image.name).cached = image;
  for (const std::string& name : order) {
    const Row& each = rows[name];
    fmt::print("{}\n  in the cache: {}\n  apt offers:   {}\n", name, Describe(each.cached),
               Describe(each.offered));
    if (all) fmt::print("  elsewhere:    {}\n", Describe(each.other));
  }
  fmt::print("native\n  this machine's own, without QEMU\n");
  fmt::print("cache: {}\naccelerator: {}\n", CacheFolder(),
             KvmWorks() ? "KVM" : "TCG (no working /dev/kvm)");
  return kHolds;
}

int Fetch(const std::string& name) {
  absl::StatusOr<KernelImage> image = FetchKernel(name, SayOnStderr);
  if (!image.ok()) return Report(image.status());
  fmt::print("{}\n", image->path);
  return kHolds;
}

}  // namespace

void AddKernelsCommand(CLI::App& app, Context& context) {
  CLI::App* kernels =
      app.add_subcommand("kernels", "List, fetch, probe and pack real kernels to compare with");
  kernels->require_subcommand(1);
  kernels->footer("Example:\n  selkie kernels list\n  selkie kernels fetch 6.12");
  CLI::App* list = kernels->add_subcommand(
      "list", "Kernels in the cache and kernels that apt offers, by series");
  auto all = std::make_shared<bool>(false);
  list->add_flag("--all", *all,
                 "Also those of other releases of Debian (downloads about 40 MB of lists once)");
  list->footer("Example:\n  selkie kernels list\n  selkie kernels list --all");
  list->callback([&context, all] { context.exit_code = List(*all); });
  CLI::App* fetch = kernels->add_subcommand(
      "fetch",
      "Download the newest image of a series from Debian's package into the cache, "
      "without installing it, and print its path");
  auto name = std::make_shared<std::string>();
  fetch->add_option("NAME", *name, "A series such as 6.1 or 7.2, or a build such as 5.10.0-30")
      ->required();
  fetch->footer("Example:\n  selkie kernels fetch 6.1");
  fetch->callback([&context, name] { context.exit_code = Fetch(*name); });
  AddKernelsProbeCommand(*kernels, context);
  AddKernelsMatrixCommand(*kernels, context);
  AddKernelsBuildCommand(*kernels, context);
}

}  // namespace selkie
