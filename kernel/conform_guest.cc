// Conformance with another kernel: guests that run `selkie conform` natively.
#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "fmt/format.h"
#include "kernel/conform.h"
#include "kernel/image.h"
#include "kernel/qemu.h"

namespace selkie {
namespace {

std::string Absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

// Puts the file or the scenarios of the folder into the guest, at the path that
// it has here, and replaces *path by that.
absl::Status AddFiles(std::string_view extension, std::string* path,
                      std::map<std::string, std::string>* files) {
  *path = Absolute(*path);
  absl::StatusOr<std::vector<std::string>> found = FilesUnder(*path, extension);
  if (!found.ok()) return found.status();
  for (const std::string& file : *found) {
    absl::StatusOr<std::string> text = ReadTextFile(file);
    if (!text.ok()) return text.status();
    (*files)[file] = *std::move(text);
  }
  return absl::OkStatus();
}

bool IsPath(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".sem") || name.ends_with(".prop");
}

int GuestCount(const ConformRequest& request) {
  cpu_set_t set;
  const int processors = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  const int most = std::max(1, request.workers > 0 ? request.workers : processors);
  return request.random / request.slices >= 2 || !request.plan_arguments.empty()
             ? std::min<int>(most, 8)
             : 1;
}

// One runs while the other waits for a pinned page.  A plan is made by each anew: then there is
// one.
constexpr int kWorkersOfGuest = 2;

// The command line of guest `index` of `count`: what was asked, and a slice of it.
std::vector<std::string> Arguments(const ConformRequest& request, int index, int count) {
  std::vector<std::string> argv = {"conform", "--kernel", "native", "--stream"};
  auto option = [&](const char* name, const std::string& value) {
    argv.push_back(name);
    argv.push_back(value);
  };
  option("--random", fmt::format("{}", request.random));
  option("--first", fmt::format("{}", request.first));
  option("--length", fmt::format("{}", request.length));
  option("--seed", fmt::format("{}", request.seed));
  option("--workers", fmt::format("{}", request.plan_arguments.empty() ? kWorkersOfGuest : 1));
  if (request.minutes > 0) option("--minutes", fmt::format("{}", request.minutes));
  if (!request.semantics.empty()) option("--semantics", request.semantics);
  argv.insert(argv.end(), request.plan_arguments.begin(), request.plan_arguments.end());
  option("--slice",
         fmt::format("{}/{}", request.slice + request.slices * index, request.slices * count));
  argv.insert(argv.end(), request.paths.begin(), request.paths.end());
  return argv;
}

// A guest that makes a plan keeps every state of a graph.
constexpr int kPlanMemoryMib = 2048;

// What the guests have reported so far.
class Board {
 public:
  Board(int guests, const ConformHooks& hooks)
      : parts_(static_cast<size_t>(guests)), hooks_(hooks) {}

  void Put(int guest, std::string_view line) {
    absl::StatusOr<ConformReport> part = ReportFromJson(line);
    if (!part.ok()) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    parts_[static_cast<size_t>(guest)] = *std::move(part);
    if (hooks_.on_progress != nullptr) hooks_.on_progress(Whole());
  }

  // To be called when no guest runs any more, or with the lock held.
  ConformReport Whole() const {
    ConformReport whole;
    whole.complete = true;
    for (const ConformReport& part : parts_) {
      Merge(part, &whole);
      whole.complete &= part.complete;
    }
    return whole;
  }

  // The guest has said all that it was to say.
  bool HasEnded(int guest) const {
    const ConformReport& part = parts_[static_cast<size_t>(guest)];
    return part.complete || part.stopped_by_hangs();
  }

 private:
  std::mutex mutex_;
  std::vector<ConformReport> parts_;
  const ConformHooks& hooks_;
};

// A guest's own exit code must agree with what it has reported.
absl::Status Judge(const std::string& kernel, const GuestOutcome& outcome, bool ended) {
  if (outcome.interrupted || ended) return absl::OkStatus();
  std::string said = absl::StrReplaceAll(outcome.stderr_text, {{"selkie: ", ""}});
  absl::StripTrailingAsciiWhitespace(&said);
  const std::string text =
      fmt::format("in a guest with kernel {}: exit code {}: {}", kernel, outcome.exit_code, said);
  if (outcome.exit_code == 2) return absl::InvalidArgumentError(text);
  return absl::InternalError(text);
}

absl::Status RunGuest(GuestRequest request, const std::string& kernel, int guest, Board* board) {
  request.on_line = [&](GuestStream stream, std::string_view line) {
    if (stream == GuestStream::kStdout) board->Put(guest, line);
  };
  absl::StatusOr<GuestOutcome> outcome = RunInGuest(request);
  if (!outcome.ok()) return outcome.status();
  return Judge(kernel, *outcome, board->HasEnded(guest));
}

absl::StatusOr<GuestRequest> MakeRequest(const Library& library, ConformRequest* request,
                                         const ConformHooks& hooks) {
  absl::StatusOr<KernelImage> image = FindKernel(
      request->kernel, [](std::string_view text) { fmt::print(stderr, "selkie: {}\n", text); });
  if (!image.ok()) return image.status();
  GuestRequest guest;
  guest.kernel = image->path;
  absl::StatusOr<std::vector<KernelModule>> modules = ReadModules(request->modules);
  if (!modules.ok()) return modules.status();
  guest.modules = *std::move(modules);
  guest.tree_root = library.root();
  guest.interrupted = hooks.interrupted;
  if (!request->plan_arguments.empty()) guest.memory_mib = kPlanMemoryMib;
  for (std::string& path : request->paths)
    if (absl::Status status = AddFiles(".scn", &path, &guest.files); !status.ok()) return status;
  if (IsPath(request->semantics)) {
    absl::Status status = AddFiles(".sem", &request->semantics, &guest.files);
    if (!status.ok()) return status;
  }
  for (std::string& argument : request->plan_arguments) {  // a graph of one's own
    if (!IsPath(argument)) continue;
    absl::Status status = AddFiles(".prop", &argument, &guest.files);
    if (!status.ok()) return status;
  }
  return guest;
}

}  // namespace

absl::StatusOr<ConformReport> ConformInGuests(const Library& library, const ConformRequest& asked,
                                              const ConformHooks& hooks, ConformReport* partial) {
  ConformRequest request = asked;
  absl::StatusOr<GuestRequest> base = MakeRequest(library, &request, hooks);
  if (!base.ok()) return base.status();
  const int guests = GuestCount(request);
  Board board(guests, hooks);
  std::vector<absl::Status> statuses(static_cast<size_t>(guests));
  std::vector<std::thread> threads;
  for (int i = 0; i < guests; ++i) {
    threads.emplace_back([&, i] {
      GuestRequest each = *base;
      each.argv = Arguments(request, i, guests);
      statuses[static_cast<size_t>(i)] = RunGuest(std::move(each), request.kernel, i, &board);
    });
  }
  for (std::thread& thread : threads) thread.join();
  ConformReport whole = board.Whole();
  if (partial != nullptr) *partial = whole;
  for (const absl::Status& status : statuses)
    if (!status.ok()) return status;
  return whole;
}

}  // namespace selkie
