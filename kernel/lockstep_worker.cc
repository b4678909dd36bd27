#include "kernel/lockstep_worker.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "kernel/huge_pages.h"
#include "kernel/worker_namespace.h"
#include "model/call_text.h"

namespace selkie {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kLinkFd = 130;  // a worker's end of its pipe
constexpr int kTickMilliseconds = 100;

// First byte of a frame, before four bytes of length and the text.
constexpr char kText = 't';
constexpr char kEnd = 'e';  // the worker's status: one byte of code, the message

void WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) _exit(3);  // nobody listens any more
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void WriteFrame(int fd, char kind, std::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  std::string frame(1, kind);
  frame.append(reinterpret_cast<const char*>(&size), sizeof(size));
  frame.append(text);
  WriteAll(fd, frame);
}

std::string Encode(const absl::Status& status) {
  std::string text(1, static_cast<char>(status.code()));
  text.append(status.message().data(), status.message().size());
  return text;
}

absl::Status Decode(std::string_view text) {
  if (text.empty()) return absl::InternalError("a worker ended without a status");
  return absl::Status(static_cast<absl::StatusCode>(text[0]),
                      absl::string_view(text.data() + 1, text.size() - 1));
}

// One worker as its starter sees it.
struct Worker {
  int index = 0;
  pid_t pid = 0;
  int fd = -1;
  WorkerShared* shared = nullptr;
  const Control* control = nullptr;  // its own, to look at
  std::string unread;
  bool ended = false;  // has sent its status
  absl::Status status;
  int64_t beat = -1;
  Clock::duration silent{};  // time without a beat or a byte, while somebody listened
  Clock::time_point watched = Clock::now();
};

// Tasks take turns, so a worker and its tasks stay on one processor: no turn has
// to wake another one.
void StayOnOneProcessor(int index) {
  cpu_set_t allowed, one;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0 || CPU_COUNT(&allowed) == 0) return;
  int skip = index % CPU_COUNT(&allowed);
  int cpu = 0;
  while (!CPU_ISSET(cpu, &allowed) || skip-- > 0) ++cpu;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  sched_setaffinity(0, sizeof(one), &one);
}

// In a process group of its own: the terminal's SIGINT is for the starter alone.  `starter` is the
// starter's pidfd: from another pid namespace, getppid() is 0 whether it lives or not.
[[noreturn]] void BeWorker(const WorkerPlan& plan, const Worker& worker, int fd, int control,
                           int starter, bool huge_pages) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd ended = {starter, POLLIN, 0};
  if (poll(&ended, 1, 0) == 1) _exit(3);
  setpgid(0, 0);
  StayOnOneProcessor(worker.index);
  if (fd != kLinkFd) dup2(fd, kLinkFd);
  fcntl(kLinkFd, F_SETFD, FD_CLOEXEC);
  dup2(control, kControlFd);
  close(control);
  absl::StatusOr<Lockstep> lockstep = Lockstep::Start(FindWorkerNamespaces(), huge_pages, true);
  absl::Status status = lockstep.status();
  if (lockstep.ok()) {
    WorkerLink link(worker.index, kLinkFd, worker.shared);
    status = plan.body(*lockstep, link);
  }
  WriteFrame(kLinkFd, kEnd, Encode(status));
  _exit(0);
}

// A control block for the worker, which this process only looks at: its descriptor, which is none
// of those that the worker gives a place, or -1.
int MakeControl(Worker* worker) {
  const int low = NewControl();
  const int fd = fcntl(low, F_DUPFD_CLOEXEC, kLinkFd + 1);
  close(low);
  if (fd < 0) return -1;
  void* at = mmap(nullptr, sizeof(Control), PROT_READ, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED || madvise(at, sizeof(Control), MADV_DONTFORK) != 0) return -1;
  worker->control = static_cast<const Control*>(at);
  return fd;
}

absl::Status CannotStart() {
  return absl::UnavailableError(fmt::format("cannot start a worker: {}", std::strerror(errno)));
}

absl::Status StartWorker(const WorkerPlan& plan, Worker* worker, bool huge_pages) {
  void* shared = mmap(nullptr, sizeof(WorkerShared), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return CannotStart();
  worker->shared = new (shared) WorkerShared();
  const int control = MakeControl(worker);
  int ends[2];
  if (control < 0 || pipe2(ends, O_CLOEXEC) != 0) return CannotStart();
  worker->fd = ends[0];
  const auto starter = static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0));
  worker->pid = ForkInto(FindWorkerNamespaces().own);
  if (worker->pid == 0) BeWorker(plan, *worker, ends[1], control, starter, huge_pages);
  close(starter);
  close(control);
  close(ends[1]);
  if (worker->pid < 0)
    return absl::UnavailableError(fmt::format("cannot fork: {}", std::strerror(errno)));
  return absl::OkStatus();
}

void Forget(Worker* worker) {
  if (worker->shared != nullptr) munmap(worker->shared, sizeof(WorkerShared));
  if (worker->control != nullptr) munmap(const_cast<Control*>(worker->control), sizeof(Control));
  const int index = worker->index;
  const absl::Status status = worker->status;
  *worker = Worker();
  worker->index = index;
  worker->status = status;
}

std::string WhatIsAt(const WorkerPlan& plan, const Worker& worker) {
  const int64_t about = worker.shared->about;
  return plan.describe != nullptr ? plan.describe(worker.shared->stage, about)
                                  : fmt::format("sequence {}", about);
}

void HandleFrames(const WorkerPlan& plan, Worker* worker) {
  constexpr size_t kHeader = 1 + sizeof(uint32_t);
  for (;;) {
    uint32_t size;
    if (worker->unread.size() < kHeader) return;
    std::memcpy(&size, worker->unread.data() + 1, sizeof(size));
    if (worker->unread.size() < kHeader + size) return;
    const std::string text = worker->unread.substr(kHeader, size);
    const char kind = worker->unread[0];
    worker->unread.erase(0, kHeader + size);
    if (kind == kText) {
      plan.on_message(worker->index, text);
    } else {
      worker->ended = true;
      worker->status = Decode(text);
    }
  }
}

std::string HowItEnded(int wait_status) {
  if (WIFSIGNALED(wait_status)) return "died of " + SignalName(WTERMSIG(wait_status));
  return fmt::format("ended with exit code {}", WEXITSTATUS(wait_status));
}

// The pipe's other end is closed: the worker is gone.
void Reap(const WorkerPlan& plan, Worker* worker) {
  int wait_status = 0;
  close(worker->fd);
  worker->fd = -1;
  waitpid(worker->pid, &wait_status, 0);
  if (worker->ended) return;
  worker->status =
      absl::InternalError(fmt::format("a worker that runs calls for real {} at {}",
                                      HowItEnded(wait_status), WhatIsAt(plan, *worker)));
}

void ReadFrom(const WorkerPlan& plan, Worker* worker) {
  char buffer[65536];
  const ssize_t n = read(worker->fd, buffer, sizeof(buffer));
  if (n < 0 && errno == EINTR) return;
  if (n <= 0) return Reap(plan, worker);
  worker->silent = {};
  worker->unread.append(buffer, static_cast<size_t>(n));
  HandleFrames(plan, worker);
}

// Not even SIGKILL ends a task that the kernel keeps for good: it is left behind then.
void AwaitKilled(pid_t pid) {
  constexpr int kTicks = 50;
  for (int tick = 0; tick < kTicks && waitpid(pid, nullptr, WNOHANG) == 0; ++tick)
    poll(nullptr, 0, kTickMilliseconds);
}

// A worker with much to say waits while the starter hands on what another said, which can take
// minutes over a guest's serial port: that time is not the worker's.
void Watch(const WorkerPlan& plan, Worker* worker) {
  constexpr std::chrono::milliseconds kMostAtOnce(3 * kTickMilliseconds);
  const int64_t beat = worker->shared->beat.load() + worker->control->beat.load();
  const Clock::time_point now = Clock::now();
  worker->silent += std::min<Clock::duration>(now - worker->watched, kMostAtOnce);
  worker->watched = now;
  if (beat != worker->beat) worker->silent = {};
  worker->beat = beat;
  if (worker->silent < std::chrono::seconds(plan.silence_seconds)) return;
  kill(worker->pid, SIGKILL);  // its tasks die with it
  close(worker->fd);
  worker->fd = -1;
  AwaitKilled(worker->pid);
  worker->status = absl::DeadlineExceededError(
      fmt::format("a worker that runs calls for real was stuck for {} s at {}",
                  plan.silence_seconds, WhatIsAt(plan, *worker)));
}

// If the worker, which is gone, was lost in a call: tells, and starts another.
void HandleHang(const WorkerPlan& plan, Worker* worker, bool huge_pages, bool* stop) {
  if (plan.on_hang == nullptr || !absl::IsDeadlineExceeded(worker->status)) return;
  const Control& control = *worker->control;
  if (control.at < 0) return;  // it is not the kernel that is to blame
  const int seconds = worker->ended ? control.hang_seconds : plan.silence_seconds;
  const AfterHang after = plan.on_hang(
      {worker->index, worker->shared->stage, worker->shared->about, seconds, &control});
  worker->status = absl::OkStatus();
  Forget(worker);
  *stop |= after == AfterHang::kStop;
  if (!*stop) worker->status = StartWorker(plan, worker, huge_pages);
}

bool AnyRuns(const std::vector<Worker>& workers) {
  for (const Worker& worker : workers)
    if (worker.fd >= 0) return true;
  return false;
}

void Serve(const WorkerPlan& plan, bool huge_pages, std::vector<Worker>* workers, bool* stop) {
  std::vector<pollfd> wanted;
  std::vector<Worker*> who;
  for (Worker& worker : *workers) {
    if (worker.fd < 0) continue;
    wanted.push_back({worker.fd, POLLIN, 0});
    who.push_back(&worker);
  }
  const int ready = poll(wanted.data(), wanted.size(), kTickMilliseconds);
  for (size_t i = 0; ready > 0 && i < wanted.size(); ++i)
    if (wanted[i].revents != 0) ReadFrom(plan, who[i]);
  *stop |= plan.interrupted != nullptr && plan.interrupted->load();
  for (Worker* worker : who) {
    if (*stop) worker->shared->stop = true;
    if (worker->fd >= 0) Watch(plan, worker);
    if (worker->fd < 0) HandleHang(plan, worker, huge_pages, stop);
  }
}

}  // namespace

void WorkerLink::Send(std::string_view text) { WriteFrame(fd_, kText, text); }

absl::Status RunWorkers(const WorkerPlan& plan) {
  std::vector<Worker> workers(static_cast<size_t>(plan.workers));
  const bool huge_pages = ReadHugePages().free >= int64_t{plan.workers} * kHugePagesOfWorker;
  for (int i = 0; i < plan.workers; ++i) {
    workers[i].index = i;
    workers[i].status = StartWorker(plan, &workers[i], huge_pages);
  }
  for (bool stop = false; AnyRuns(workers);) {
    Serve(plan, huge_pages, &workers, &stop);
    if (plan.on_tick != nullptr) plan.on_tick();
  }
  absl::Status first;
  for (Worker& worker : workers) {
    Forget(&worker);
    first.Update(worker.status);
  }
  return first;
}

}  // namespace selkie
