// Conformance with the kernel that runs this program, in worker processes.
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "fmt/format.h"
#include "kernel/conform.h"
#include "kernel/conform_divergence.h"
#include "kernel/errno_runner.h"
#include "kernel/guest.h"
#include "kernel/huge_pages.h"
#include "kernel/lockstep_worker.h"
#include "kernel/observe.h"
#include "kernel/plan_runner.h"
#include "model/call_text.h"
#include "scenarios/corpus.h"
#include "scenarios/generate.h"
#include "scenarios/scenario.h"

namespace selkie {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMaxListed = 20;           // divergences of one worker that are explained
constexpr int kMaxOfOneField = 4;        // differences of one field of the state explained
constexpr uint64_t kThoroughEvery = 16;  // of so many random sequences one is compared thoroughly
constexpr std::chrono::milliseconds kReportEvery(300);

// F_SEAL_WRITE of a pinned page waits for some 75 ms before it is EBUSY (mm/memfd.c
// memfd_wait_for_pins): others run meanwhile.
constexpr int kWorkersPerProcessor = 4;

// What all workers are given.
struct Job {
  ConformRequest request;
  Semantics semantics;
  std::string semantics_digest;
  std::string release;
  std::vector<Scenario> scenarios;
  std::vector<Sequence> corpus;
  int workers = 1;
};

// Most have one process, as others cost many times as much; some have a
// descriptor table so small that it is often full.
RandomPlan PlanFor(uint64_t seed, int length, const std::vector<Sequence>& corpus) {
  constexpr uint64_t kShapes = 0x736861706573;  // other choices than the calls get
  static constexpr int kUids[][2] = {{0, 0}, {0, 1000}, {1000, 1001}, {1000, 1000}};
  Random random(seed ^ kShapes);
  RandomPlan plan;
  plan.seed = seed;
  plan.length = length;
  plan.start.uids = {0};
  const uint32_t kind = random.Next(32);
  const auto& two = kUids[random.Next(4)];
  if (kind == 0) plan.start.uids = {two[0], two[1]};
  if (kind == 0 && random.Next(2) == 0) plan.start.uids.push_back(two[1]);
  if (kind == 1) plan.start.uids = {1000};
  plan.one_process = kind >= 4;
  if (random.Next(8) == 0) plan.start.limits.fds = static_cast<uint8_t>(2 + random.Next(3));
  // Some go on where a sequence of the corpus is cut.
  if (corpus.empty() || random.Next(8) != 0) return plan;
  plan.start = corpus[random.Next(static_cast<uint32_t>(corpus.size()))];
  plan.start.calls.resize(random.Next(static_cast<uint32_t>(plan.start.calls.size()) + 1));
  return plan;
}

// What a worker does, in this order.
enum Stage : int { kScenarios, kSequences, kPlan, kErrnos };

// A scenario, a random sequence, a batch of the plan, or trials of the errno oracle: by the
// worker's own count of them.
struct Item {
  int stage = kScenarios;
  int64_t number = 0;
  friend auto operator<=>(const Item&, const Item&) = default;
};

// How far the workers of one share came: another may have to go on.
struct Progress {
  ConformReport report;
  Item next;            // the first item of which nothing is in the report
  std::set<Item> hung;  // the kernel did not come back from these
};

std::string NameOf(const Scenario& scenario) {
  return fmt::format("scenario {} ({}:{})", scenario.name, scenario.file, scenario.line);
}

std::string Describe(const Job& job, const Item& item) {
  switch (item.stage) {
    case kScenarios: return NameOf(job.scenarios[static_cast<size_t>(item.number)]);
    case kSequences:
      return fmt::format("random sequence {} of seed {}", item.number, job.request.seed);
    case kPlan: return "a state of the graph";
    default: return "combinations of errors";
  }
}

// One worker's share of the job, from where the one before it was lost.
class Share {
 public:
  Share(const Job& job, const Progress& progress, Lockstep& lockstep, WorkerLink& link)
      : job_(job),
        progress_(progress),
        lockstep_(lockstep),
        link_(link),
        report_(progress.report),
        start_(Clock::now() - Seconds(progress.report.seconds)) {
    report_.release = job.release;
    report_.semantics = job.semantics.name;
    report_.semantics_digest = job.semantics_digest;
    for (const Rule& rule : job.semantics.rules) decided_.push_back(report_.by_rule[rule.name]);
    for (const Divergence& known : report_.divergences) kinds_.insert(known.kind);
  }

  absl::Status Run() {
    absl::Status status = RunScenarios();
    if (status.ok()) status = RunSequences();
    if (status.ok() && job_.request.plan != nullptr) status = RunPlan();
    if (status.ok() && job_.request.errors >= 0) status = RunErrnos();
    report_.complete = status.ok() && !link_.ShouldStop();
    SendReport(true);
    return status;
  }

 private:
  absl::Status RunScenarios();
  absl::Status RunSequences();
  absl::Status RunPlan();
  absl::Status RunErrnos();
  // Of everything in order this worker does the part number First(), and from there every
  // Step()-th.
  int64_t First() const { return job_.request.slice + job_.request.slices * link_.index(); }
  int64_t Step() const { return job_.request.slices * job_.workers; }
  absl::Status RunOne(const Scenario& scenario);
  absl::Status RunRandom(int64_t number);
  void CountCalls();
  void CountRule(const Call& call, const Result& expected);
  void List(const std::string& origin);
  void NoteUnanswered(const ScenarioRun& run);
  void CheckExpectations(const ScenarioRun& run);
  void SendReport(bool last = false);
  bool TimeIsUp() const {
    return job_.request.minutes > 0 &&
           Clock::now() - start_ >
               std::chrono::duration<double, std::ratio<60>>(job_.request.minutes);
  }
  void SendReportIfDue() {
    if (listed_ || Clock::now() - last_report_ > kReportEvery) SendReport();
  }

  static Clock::duration Seconds(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }
  int TaskSeconds() const { return std::min(RunOptions{}.hang_seconds, job_.request.hang_seconds); }
  // False if the item has been dealt with by a worker before this one.
  bool Begin(const Item& item);

  const Job& job_;
  const Progress& progress_;
  Lockstep& lockstep_;
  WorkerLink& link_;
  ConformReport report_;
  Item next_;                            // nothing of it is in the report
  bool listed_ = false;                  // a report was sent in the middle of an item
  std::vector<int64_t> decided_;         // calls by index of the rule that decided them
  absl::flat_hash_set<uint64_t> pairs_;  // many: handed over at the end, if it is reached
  std::set<std::string> kinds_;
  std::map<StateField, int> explained_;
  Clock::time_point start_;
  Clock::time_point last_report_ = start_;
};

bool Share::Begin(const Item& item) {
  if (item < progress_.next || progress_.hung.contains(item)) return false;
  link_.Beat(item.number, item.stage);
  next_ = {item.stage, item.number + 1};
  return true;
}

absl::Status Share::RunScenarios() {
  for (auto i = static_cast<size_t>(First()); i < job_.scenarios.size();
       i += static_cast<size_t>(Step())) {
    if (link_.ShouldStop()) break;
    if (!Begin({kScenarios, static_cast<int64_t>(i)})) continue;
    if (absl::Status status = RunOne(job_.scenarios[i]); !status.ok())
      return absl::Status(status.code(), fmt::format("{}: {}", NameOf(job_.scenarios[i]),
                                                     std::string(status.message())));
    SendReportIfDue();
  }
  return absl::OkStatus();
}

absl::Status Share::RunSequences() {
  const int64_t end = job_.request.first + job_.request.random;
  for (int64_t i = job_.request.first + First(); i < end; i += Step()) {
    if (link_.ShouldStop() || TimeIsUp()) break;
    if (!Begin({kSequences, i})) continue;
    if (absl::Status status = RunRandom(i); !status.ok())
      return absl::Status(status.code(),
                          fmt::format("random sequence {} of seed {}: {}", i, job_.request.seed,
                                      std::string(status.message())));
    SendReportIfDue();
  }
  return absl::OkStatus();
}

absl::Status Share::RunOne(const Scenario& scenario) {
  absl::StatusOr<ScenarioRun> run = RunScenario(scenario, job_.semantics);
  if (!run.ok()) return run.status();
  if (std::string why = lockstep_.WhyNot(run->trace.sequence); !why.empty()) {
    report_.not_run.push_back(fmt::format("{}: {}", NameOf(scenario), why));
    return absl::OkStatus();
  }
  lockstep_.Load(run->trace.sequence, job_.semantics);
  if (absl::Status status =
          lockstep_.Run({.probe_each = true, .thorough = true, .hang_seconds = TaskSeconds()});
      !status.ok())
    return status;
  ++report_.scenarios;
  CountCalls();
  NoteUnanswered(*run);
  const bool differs = lockstep_.control().differs;
  if (!differs) CheckExpectations(*run);
  if (differs) List(NameOf(scenario));
  return absl::OkStatus();
}

absl::Status Share::RunRandom(int64_t number) {
  const uint64_t seed = SequenceSeed(job_.request.seed, static_cast<uint64_t>(number));
  RandomPlan plan = PlanFor(seed, job_.request.length, job_.corpus);
  std::vector<int>& uids = plan.start.uids;
  if (!lockstep_.WhyNot(plan.start).empty()) uids.assign(uids.size(), 0);
  const PairsOfSequence pairs = lockstep_.LoadRandom(plan, job_.semantics);
  const bool thorough = seed % kThoroughEvery == 0;
  if (absl::Status status = lockstep_.Run({.thorough = thorough, .hang_seconds = TaskSeconds()});
      !status.ok())
    return status;
  ++report_.sequences;
  CountCalls();
  if (!lockstep_.control().differs) pairs_.insert(pairs.pairs().begin(), pairs.pairs().end());
  if (lockstep_.control().differs)
    List(fmt::format("random sequence {} of seed {}", number, job_.request.seed));
  return absl::OkStatus();
}

absl::Status Share::RunPlan() {
  const ConformRequest& request = job_.request;
  PlanRunner runner(*request.plan, lockstep_, job_.semantics);
  absl::Status status = runner.CanRun();
  if (!status.ok()) return status;
  Item item{kPlan, 0};
  const absl::Status walked = request.plan->ForEach(First(), Step(), [&](const CallBatch& batch) {
    if (link_.ShouldStop()) return false;
    ++item.number;
    if (!Begin(item)) {
      if (item >= progress_.next) runner.CountTried(batch, &report_);
      return true;
    }
    status = runner.Run(batch, &report_, [&] {
      CountCalls();
      if (lockstep_.control().differs)
        List(fmt::format("a state of the graph, {} calls from the start", batch.path.size()));
    });
    SendReportIfDue();
    return status.ok();
  });
  return status.ok() ? walked : status;
}

absl::Status Share::RunErrnos() {
  const ConformRequest& request = job_.request;
  const ErrnoOracle oracle(job_.semantics, request.errors);
  ErrnoRunner runner(lockstep_, job_.semantics, report_, [&] {
    CountCalls();
    if (lockstep_.control().differs) List("combinations of errors");
  });
  absl::Status status;
  ErrnoTally tally;
  Item item{kErrnos, 0};
  for (int64_t unit = First(); unit < oracle.units(); unit += Step()) {
    oracle.Run(
        unit,
        [&](const ErrnoTrials& trials) {
          if (link_.ShouldStop()) return false;
          ++item.number;
          if (!Begin(item)) return true;
          status = runner.Run(trials);
          SendReportIfDue();
          return status.ok();
        },
        &tally);
    if (!status.ok() || link_.ShouldStop()) break;
  }
  for (const auto& [reason, count] : tally.beyond) report_.beyond[reason] += count;
  return status;
}

void Share::CountCalls() {
  const Control& c = lockstep_.control();
  for (int i = 0; i < c.next; ++i) {
    if (c.got[i].kind == Result::Kind::kBound) continue;
    OpCount& count = report_.by_op[static_cast<int>(c.calls[i].op)];
    ++count.calls;
    if (c.got[i].ok()) ++count.succeeded;
    if (SameOutcome(c.expected[i], c.got[i])) CountRule(c.calls[i], c.expected[i]);
  }
  report_.calls += c.executed;
  report_.succeeded += c.succeeded;
  report_.state_facts += c.state_checks;
}

// A rule that unmaps first shows in what a refused mmap leaves.
void Share::CountRule(const Call& call, const Result& expected) {
  const std::vector<Rule>& rules = job_.semantics.rules;
  if (expected.rule != nullptr) ++decided_[static_cast<size_t>(expected.rule - rules.data())];
  if (call.op != Op::kMmap || expected.ok() || !expected.changed) return;
  for (size_t i = 0; i < rules.size(); ++i) decided_[i] += rules[i].effect == EffectKind::kUnmap;
}

void Share::List(const std::string& origin) {
  ++report_.differing;
  // A difference of the state has its cause somewhere before: the call that
  // stands last says nothing yet.
  const Control& c = lockstep_.control();
  const bool state = c.difference.field != StateField::kNone;
  const bool is_new = state ? ++explained_[c.difference.field] <= kMaxOfOneField
                            : kinds_.insert(KindOfDifference(c)).second;
  if (!is_new || report_.divergences.size() >= kMaxListed) return;
  Divergence found = Explain(lockstep_, job_.semantics, origin, job_.release);
  if (kinds_.insert(found.kind).second || !state) report_.divergences.push_back(std::move(found));
  SendReport();
  listed_ = true;
}

// Calls that the model gives no answer to are not made.
void Share::NoteUnanswered(const ScenarioRun& run) {
  for (const LineOutcome& line : run.lines) {
    if (line.call < 0) continue;
    const Result& expected = run.trace.results[static_cast<size_t>(line.call)];
    if (expected.kind != Result::Kind::kBound) continue;
    report_.not_run.push_back(fmt::format("line {}:{} (of scenario {}): {}", run.scenario->file,
                                          line.line->line, run.scenario->name, expected.check));
  }
}

// The kernel and the model agree; the scenario's author may have expected something else of both:
// that is a slip of the text, or of both that are compared, and no difference between them.
void Share::CheckExpectations(const ScenarioRun& run) {
  for (const LineOutcome& line : run.lines) {
    if (line.call < 0) continue;
    const Result& got = lockstep_.control().got[line.call];
    if (got.kind == Result::Kind::kBound || Meets(line, got)) continue;
    const Call& call = run.trace.sequence.calls[static_cast<size_t>(line.call)];
    report_.wrong_texts.push_back(
        fmt::format("line {}:{} (of scenario {}): it expects {}, model and kernel {} agree on {}",
                    run.scenario->file, line.line->line, run.scenario->name, line.expected,
                    job_.release, PrintResult(call, got, &job_.semantics, nullptr)));
  }
}

void Share::SendReport(bool last) {
  last_report_ = Clock::now();
  listed_ = false;
  report_.seconds = std::chrono::duration<double>(last_report_ - start_).count();
  for (size_t i = 0; i < decided_.size(); ++i)
    report_.by_rule[job_.semantics.rules[i].name] = decided_[i];
  if (last) report_.pairs = {pairs_.begin(), pairs_.end()};
  link_.Send(fmt::format("{} {}\n{}", next_.stage, next_.number, ReportToJson(report_)));
}

// ---- The process that starts the workers ----

int Processors() {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

absl::Status ReadScenarios(const Semantics& semantics, const std::vector<std::string>& paths,
                           std::vector<Scenario>* scenarios) {
  for (const std::string& path : paths) {
    absl::StatusOr<std::vector<Scenario>> read = ScenariosUnder(path);
    if (!read.ok()) return read.status();
    for (Scenario& scenario : *read)
      if (AppliesTo(scenario, semantics)) scenarios->push_back(std::move(scenario));
  }
  return absl::OkStatus();
}

absl::StatusOr<Job> MakeJob(const Library& library, const ConformRequest& request) {
  Job job;
  job.request = request;
  job.release = RunningRelease();
  std::string name = request.semantics;
  if (name.empty()) {
    absl::StatusOr<std::string> found = SemanticsForRelease(library, job.release);
    if (!found.ok()) return found.status();
    name = *found;
  }
  absl::StatusOr<Semantics> semantics = library.LoadSemantics(name);
  if (!semantics.ok()) return semantics.status();
  job.semantics = *std::move(semantics);
  job.semantics_digest = SemanticsDigest(job.semantics);
  absl::Status status = ReadScenarios(job.semantics, request.paths, &job.scenarios);
  if (!status.ok()) return status;
  const int64_t combinations =
      request.errors >= 0 ? ErrnoOracle(job.semantics, request.errors).units() : 0;
  absl::StatusOr<std::vector<Sequence>> corpus = LoadCorpus(library, job.semantics);
  if (!corpus.ok()) return corpus.status();
  job.corpus = *std::move(corpus);
  const auto units = static_cast<int64_t>(job.scenarios.size()) + request.random +
                     (request.plan != nullptr ? request.plan->states() : 0) + combinations;
  const int most = request.workers > 0 ? request.workers : kWorkersPerProcessor * Processors();
  const int64_t of_slice = (units + request.slices - 1) / request.slices;
  job.workers = static_cast<int>(std::clamp<int64_t>(of_slice, 1, most));
  return job;
}

ConformReport MergeAll(const std::vector<Progress>& parts) {
  ConformReport whole;
  whole.complete = true;
  for (const Progress& part : parts) {
    Merge(part.report, &whole);
    whole.complete &= part.report.complete;
  }
  return whole;
}

// What SendReport has sent.
void Take(std::string_view text, Progress* part) {
  const size_t end = text.find('\n');
  const std::string place(text.substr(0, end));
  const size_t space = place.find(' ');
  Item next;
  if (end == text.npos || !absl::SimpleAtoi(place.substr(0, space), &next.stage) ||
      !absl::SimpleAtoi(place.substr(space + 1), &next.number))
    return;
  absl::StatusOr<ConformReport> report = ReportFromJson(text.substr(end + 1));
  if (!report.ok()) return;
  part->report = *std::move(report);
  part->next = next;
}

// A call that the kernel does not come back from differs from what the model says, as the model
// says that it comes back.
void AddHang(const Job& job, const WorkerHang& hang, Progress* part) {
  const Item item{hang.stage, hang.about};
  ConformReport& report = part->report;
  Divergence found =
      ExplainHang(*hang.control, job.semantics, Describe(job, item), job.release, hang.seconds);
  part->hung.insert(item);
  ++report.differing;
  ++report.hangs;
  report.scenarios += item.stage == kScenarios;
  report.sequences += item.stage == kSequences;
  report.divergences.push_back(std::move(found));
}

// All tasks have ended by now; no one sequence is known to have done it.
void AddLoss(const std::string& lost, ConformReport* report) {
  ++report->differing;
  Divergence& found = report->divergences.emplace_back();
  found.origin = "the whole run";
  found.summary = lost;
  found.kind = "huge pages";
}

}  // namespace

absl::StatusOr<ConformReport> ConformNative(const Library& library, const ConformRequest& request,
                                            const ConformHooks& hooks, ConformReport* partial) {
  absl::StatusOr<Job> job = MakeJob(library, request);
  if (!job.ok()) return job.status();
  std::vector<Progress> parts(static_cast<size_t>(job->workers));
  WorkerPlan plan;
  plan.workers = job->workers;
  plan.interrupted = hooks.interrupted;
  plan.body = [&](Lockstep& lockstep, WorkerLink& link) {
    return Share(*job, parts[static_cast<size_t>(link.index())], lockstep, link).Run();
  };
  plan.silence_seconds = request.hang_seconds;
  plan.describe = [&](int stage, int64_t about) { return Describe(*job, {stage, about}); };
  plan.on_message = [&](int worker, std::string_view text) {
    Take(text, &parts[static_cast<size_t>(worker)]);
  };
  plan.on_hang = [&](const WorkerHang& hang) {
    AddHang(*job, hang, &parts[static_cast<size_t>(hang.worker)]);
    return MergeAll(parts).stopped_by_hangs() ? AfterHang::kStop : AfterHang::kReplace;
  };
  plan.on_tick = [&] {
    if (hooks.on_progress != nullptr) hooks.on_progress(MergeAll(parts));
  };
  const HugePages before = ReadHugePages();
  const absl::Status status = RunWorkers(plan);
  ConformReport whole = MergeAll(parts);
  if (const auto lost = LostHugePages(before, ReadHugePages()); lost && IsInGuest())
    AddLoss(*lost, &whole);
  if (partial != nullptr) *partial = whole;
  if (!status.ok()) return status;
  return whole;
}

}  // namespace selkie
