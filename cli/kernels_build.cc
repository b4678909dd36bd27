// selkie kernels build: a guest as files, for a hypervisor or a machine of one's own.
#include "cli/kernels_build.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "cli/kernel_choice.h"
#include "cli/output_path.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "kernel/image.h"
#include "kernel/qemu.h"

namespace selkie {
namespace {

struct BuildArguments {
  KernelChoice kernel;
  std::string folder = "guest";
  std::string command = "conform --kernel native";
  bool json = false;
};

constexpr const char* kKernelsBuildExample =
    "Writes what conform --kernel boots, into a folder: bzImage, initramfs (this program as\n"
    "/init, the tree's semantics and scenarios, the modules) and append (the kernel command\n"
    "line); prints the QEMU command that boots it. Other hypervisors and boot loaders take the\n"
    "same three. The guest runs --command, prints its output and its exit code to the console\n"
    "(console=ttyS0; change append for another), and powers off. It uses no disk and no "
    "network.\n\n"
    "Example:\n"
    "  selkie kernels build 6.12 -o guest\n"
    "  selkie kernels build --image ./bzImage --modules ./lib/modules/6.1.0-56-amd64 \\\n"
    "      --command 'conform --random 100000 --seed 7'";

// For a shell.
std::string Quoted(const std::string& word) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./=,:+@%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

absl::StatusOr<GuestRequest> RequestFor(const Library& library, const BuildArguments& arguments) {
  absl::StatusOr<std::string> kernel = KernelOf(arguments.kernel, "NAME");
  if (!kernel.ok()) return kernel.status();
  if (*kernel == "native")
    return absl::InvalidArgumentError(
        "native is the kernel that runs here: name its image with --image");
  absl::StatusOr<std::vector<KernelModule>> modules = ReadModules(arguments.kernel.modules);
  if (!modules.ok()) return modules.status();
  absl::StatusOr<KernelImage> image = FindKernel(*kernel, Complain);
  if (!image.ok()) return image.status();
  GuestRequest request;
  request.kernel = image->path;
  request.argv = absl::StrSplit(arguments.command, ' ', absl::SkipEmpty());
  request.tree_root = library.root();
  request.modules = *std::move(modules);
  return request;
}

void PrintJson(const GuestRequest& request, const GuestFiles& files) {
  nlohmann::ordered_json json = {{"kernel", files.kernel},
                                 {"initramfs", files.initramfs},
                                 {"append", files.append},
                                 {"command", request.argv},
                                 {"modules", nlohmann::ordered_json::array()},
                                 {"qemu", files.qemu}};
  for (const KernelModule& module : request.modules) json["modules"].push_back(module.name);
  fmt::print("{}\n", json.dump(2));
}

void Print(const GuestRequest& request, const GuestFiles& files) {
  std::vector<std::string> modules, words;
  for (const KernelModule& module : request.modules) modules.push_back(module.name);
  for (const std::string& word : files.qemu) words.push_back(Quoted(word));
  fmt::print("{}\n{}\n", files.kernel, files.initramfs);
  if (!request.modules.empty()) fmt::print("modules: {}\n", fmt::join(modules, ", "));
  fmt::print("{}\n", fmt::join(words, " "));
}

int Build(const Library& library, const BuildArguments& arguments) {
  if (absl::Status status = FoldersCanBeMade("--output", arguments.folder); !status.ok())
    return Report(status);
  absl::StatusOr<GuestRequest> request = RequestFor(library, arguments);
  if (!request.ok()) return Report(request.status());
  absl::StatusOr<GuestFiles> files = WriteGuest(*request, arguments.folder);
  if (!files.ok()) return Report(files.status());
  arguments.json ? PrintJson(*request, *files) : Print(*request, *files);
  return kHolds;
}

}  // namespace

void AddKernelsBuildCommand(CLI::App& kernels, Context& context) {
  CLI::App* build = kernels.add_subcommand(
      "build", "Write a guest as files, and the command that boots it: to boot it oneself");
  auto arguments = std::make_shared<BuildArguments>();
  CLI::Option* name = build->add_option(
      "NAME", arguments->kernel.name, "A series (6.12), a build (5.10.0-30), or a bzImage's path");
  AddImageOptions(*build, name, arguments->kernel);
  build->add_option("--output,-o", arguments->folder, "The folder, made if it is not there")
      ->capture_default_str();
  build
      ->add_option("--command", arguments->command,
                   "The selkie command that the guest runs, words separated by blanks")
      ->capture_default_str();
  build->add_flag("--json", arguments->json, "Print what was written as JSON");
  build->footer(kKernelsBuildExample);
  build->callback(
      [&context, arguments] { context.exit_code = Build(context.library, *arguments); });
}

}  // namespace selkie
