// How many calls a second are run and checked, beside the same calls made raw.
//
//   conform_speed [native|KERNEL] [--length N] [--sequences N]
//
// In one run, alternating, on one processor: a loop in C over ten calls; the very same
// calls checked, in sequences of the given length; the calls of random sequences of one
// process made one after another with nothing else; the same sequences made by the model
// alone; and the whole: made by the model, run, each result compared, and the state
// compared at the end.  A kernel other
// than native runs in QEMU; this program, which is static, is the guest's /init.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "fmt/format.h"
#include "kernel/executor.h"
#include "kernel/executor_raw.h"
#include "kernel/executor_task.h"
#include "kernel/guest.h"
#include "kernel/image.h"
#include "kernel/lockstep_worker.h"
#include "kernel/observe.h"
#include "kernel/qemu.h"
#include "scenarios/generate.h"
#include "scenarios/library.h"
#include "scenarios/scenario.h"

namespace selkie {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string kernel = "native";
  int length = 20;
  int sequences = 2000;
  int repeats = 5;
};

struct Stored {
  std::vector<Call> calls;
  std::vector<Result> expected;
  bool sends = false;  // leaves messages behind
  bool sets_noexec = false;
};

// Calls a second, the best of the repeats.
struct Speed {
  int64_t calls = 0;
  double best = 0;

  template <typename Work>
  void Measure(Work work) {
    const Clock::time_point start = Clock::now();
    calls = work();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, static_cast<double>(calls) / seconds);
  }
};

// What one would write to see how fast the kernel is.
int64_t PlainLoop(int rounds) {
  for (int i = 0; i < rounds; ++i) {
    const int64_t fd = RawSyscall(SYS_memfd_create, Raw("loop"), MFD_ALLOW_SEALING);
    RawSyscall(SYS_ftruncate, fd, kPageSize);
    const int64_t at =
        RawSyscall(SYS_mmap, kArenaBase, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    StoreByte(at, 1);
    RawSyscall(SYS_fcntl, fd, F_ADD_SEALS, F_SEAL_GROW);
    RawSyscall(SYS_fcntl, fd, F_GET_SEALS);
    RawSyscall(SYS_mprotect, at, kPageSize, PROT_READ);
    LoadByte(at);
    RawSyscall(SYS_munmap, at, kPageSize);
    RawSyscall(SYS_close, fd);
  }
  return int64_t{rounds} * 10;
}

// The ten calls of PlainLoop.
constexpr std::string_view kLoopText = R"(scenario loop
A: fd = memfd_create("region", MFD_ALLOW_SEALING) = 3
A: ftruncate(fd, 4096) = 0
A: map = mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0) = 0x0
A: store(map, "x") = ok
A: fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) = 0
A: fcntl(fd, F_GET_SEALS) = F_SEAL_GROW
A: mprotect(map, 4096, PROT_READ) = 0
A: load(map) = "x"
A: munmap(map, 4096) = 0
A: close(fd) = 0
)";

// Those calls, over and over up to `length`.
absl::StatusOr<Sequence> LoopSequence(const Semantics& semantics, int length) {
  absl::StatusOr<std::vector<Scenario>> scenarios = ParseScenarios("conform_speed.cc", kLoopText);
  if (!scenarios.ok()) return scenarios.status();
  absl::StatusOr<ScenarioRun> run = RunScenario(scenarios->front(), semantics);
  if (!run.ok()) return run.status();
  if (!run->passed) return absl::InternalError("the model refuses a call of the loop");
  Sequence sequence = run->trace.sequence;
  const std::vector<Call> loop = sequence.calls;
  while (sequence.calls.size() + loop.size() <= static_cast<size_t>(length))
    sequence.calls.insert(sequence.calls.end(), loop.begin(), loop.end());
  return sequence;
}

class Bench {
 public:
  Bench(const Options& options, const Semantics& semantics, Lockstep& lockstep)
      : options_(options), semantics_(semantics), lockstep_(lockstep) {}

  absl::Status Run() {
    const absl::StatusOr<Sequence> loop = LoopSequence(semantics_, options_.length);
    if (!loop.ok()) return loop.status();
    for (int i = 0; i < options_.sequences; ++i) Store(i);
    for (int repeat = 0; repeat < options_.repeats; ++repeat) {
      plain_.Measure([&] { return PlainLoop(options_.sequences * options_.length / 10); });
      loop_.Measure([&] { return RunLoop(*loop); });
      raw_.Measure([&] { return RunRaw(); });
      model_.Measure([&] { return RunModel(); });
      checked_.Measure([&] { return RunChecked(); });
      if (!status_.ok()) return status_;
    }
    return absl::OkStatus();
  }

  std::string Text() const {
    auto line = [](const char* what, const Speed& speed) {
      return fmt::format("{:<34} {:>9.0f} calls/s\n", what, speed.best);
    };
    return fmt::format("{}, sequences of {} calls of one process\n", RunningRelease(),
                       options_.length) +
           line("plain loop of ten calls", plain_) + line("the loop's calls, checked", loop_) +
           line("the sequences' calls, raw", raw_) + line("the model alone", model_) +
           line("checked", checked_) +
           fmt::format("checked / raw: the loop {:.2f}, the sequences {:.2f}\n",
                       loop_.best / plain_.best, checked_.best / raw_.best);
  }

 private:
  void Make(int number) {
    RandomPlan plan;
    plan.seed = SequenceSeed(1, static_cast<uint64_t>(number));
    plan.length = options_.length;
    plan.start.uids = {0};
    plan.one_process = true;
    lockstep_.LoadRandom(plan, semantics_);
  }

  void Store(int number) {
    Make(number);
    const Control& c = lockstep_.control();
    stored_.push_back({{c.calls.begin(), c.calls.begin() + c.count},
                       {c.expected.begin(), c.expected.begin() + c.count}});
    for (const Call& call : stored_.back().calls) {
      stored_.back().sends |= call.op == Op::kSendFd;
      stored_.back().sets_noexec |= call.op == Op::kSetNoexec;
    }
  }

  int64_t RunRaw() {
    Control& c = lockstep_.control();
    int64_t calls = 0;
    c.tasks[0] = TaskRecord{static_cast<int32_t>(getpid()), -1, true};
    SetNofile(kFirstFd + kMaxFds);
    c.limits_size = c.maps_huge = true;
    for (const Stored& each : stored_) {
      c.num_strays = 0;
      // A run that has gone another way could allocate what the model refused.
      bool same = true;
      for (size_t i = 0; i < each.calls.size() && same; ++i) {
        const Result got = Execute(c, 0, each.calls[i], each.expected[i]);
        if (got.kind == Result::Kind::kBound) continue;
        same = got.kind == each.expected[i].kind;
        ++calls;
      }
      if (!same) status_.Update(absl::InternalError("a raw call did not give what it gave before"));
      if (each.sends) DrainChannel(0);
      if (each.sets_noexec) WriteNoexec(0, c.nofile);
      CleanUp(c, 0);
    }
    return calls;
  }

  // The calls that were made of what is loaded.
  int64_t RunLoaded(std::string_view name) {
    status_.Update(lockstep_.Run({}));
    if (lockstep_.control().differs)
      status_.Update(absl::InternalError(fmt::format("{} differs", name)));
    return lockstep_.control().executed;
  }

  // The model makes them anew each time, as it does of any sequence.
  int64_t RunLoop(const Sequence& loop) {
    int64_t calls = 0;
    for (int i = 0; i < options_.sequences; ++i) {
      lockstep_.Load(loop, semantics_);
      calls += RunLoaded("the loop");
    }
    return calls;
  }

  int64_t RunModel() {
    int64_t calls = 0;
    for (int i = 0; i < options_.sequences; ++i) {
      Make(i);
      calls += lockstep_.control().count;
    }
    return calls;
  }

  int64_t RunChecked() {
    int64_t calls = 0;
    for (int i = 0; i < options_.sequences; ++i) {
      Make(i);
      calls += RunLoaded(fmt::format("sequence {}", i));
    }
    return calls;
  }

  const Options& options_;
  const Semantics& semantics_;
  Lockstep& lockstep_;
  std::vector<Stored> stored_;
  Speed plain_, loop_, raw_, model_, checked_;
  absl::Status status_;
};

absl::Status RunNative(const Library& library, const Options& options) {
  absl::StatusOr<std::string> name = SemanticsForRelease(library, RunningRelease());
  if (!name.ok()) return name.status();
  absl::StatusOr<Semantics> semantics = library.LoadSemantics(*name);
  if (!semantics.ok()) return semantics.status();
  WorkerPlan plan;
  plan.body = [&](Lockstep& lockstep, WorkerLink& link) {
    Bench bench(options, *semantics, lockstep);
    const absl::Status status = bench.Run();
    link.Send(bench.Text());
    return status;
  };
  plan.silence_seconds = 600;
  plan.on_message = [](int, std::string_view text) { fmt::print("{}", text); };
  return RunWorkers(plan);
}

absl::Status RunGuest(const Library& library, const Options& options, const char* self) {
  absl::StatusOr<KernelImage> image =
      FindKernel(options.kernel, [](std::string_view text) { fmt::print(stderr, "{}\n", text); });
  if (!image.ok()) return image.status();
  GuestRequest request;
  request.kernel = image->path;
  request.binary = self;
  request.tree_root = library.root();
  request.argv = {"native", "--length", fmt::format("{}", options.length), "--sequences",
                  fmt::format("{}", options.sequences)};
  request.on_line = [](GuestStream, std::string_view line) { fmt::print("{}\n", line); };
  absl::StatusOr<GuestOutcome> outcome = RunInGuest(request);
  if (!outcome.ok()) return outcome.status();
  return outcome->exit_code == 0 ? absl::OkStatus() : absl::InternalError("it failed there");
}

int Main(int argc, char** argv) {
  if (IsGuestInit()) RunGuestInit();
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const int number = i + 1 < argc ? std::atoi(argv[i + 1]) : 0;
    if (word == "--length")
      options.length = std::clamp(number, 1, kMaxCalls), ++i;
    else if (word == "--sequences")
      options.sequences = std::max(1, number), ++i;
    else
      options.kernel = word;
  }
  const Library library = Library::Default();
  const absl::Status status = options.kernel == "native"
                                  ? RunNative(library, options)
                                  : RunGuest(library, options, "/proc/self/exe");
  if (status.ok()) return 0;
  fmt::print(stderr, "conform_speed: {}\n", std::string(status.message()));
  return 3;
}

}  // namespace
}  // namespace selkie

int main(int argc, char** argv) { return selkie::Main(argc, argv); }
