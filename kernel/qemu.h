// Runs one selkie command inside a real kernel, in QEMU.
//
//   GuestRequest request;
//   request.kernel = FindKernel("6.12", ...)->path;            // kernel/image.h
//   request.argv = {"conform", "--kernel", "native", "scenarios"};
//   request.tree_root = context.library.root();
//   request.interrupted = &Interrupted();
//   request.on_line = [](GuestStream, std::string_view line) { ... };
//   absl::StatusOr<GuestOutcome> outcome = RunInGuest(request);
//
// The guest is the kernel image, an initramfs whose /init is the static selkie
// binary, and two serial ports: the first is the kernel's console, kept for
// diagnosis; the second carries framed reports (kernel/guest_frame.h) to a file
// that the host reads while the guest runs.  No disk and no network.  Any number
// of guests may run at once: each has a temporary folder of its own, which is
// removed at the end, and dies with this process.
//
// What can happen, and what is reported:
//   the command ends               the outcome, whatever the exit code
//   silence before it starts       the guest is killed and booted again; after
//                                  the last try UnavailableError
//   silence after it has started   UnavailableError: part of the output may have
//                                  been seen already, so nothing is run twice
//   panic, oops, BUG               InternalError with the console's last lines,
//                                  even if the command had reported its end
//   the guest ends without report  before the command started: as silence, and
//                                  after the last try InternalError; later
//                                  InternalError at once
//   a damaged report               DataLossError
//   the run takes too long         DeadlineExceededError
//   request.interrupted            the outcome with interrupted = true and what
//                                  came so far
// An error is never to be read as agreement: its exit code is kCouldNotRun (3).
#ifndef SELKIE_KERNEL_QEMU_H_
#define SELKIE_KERNEL_QEMU_H_

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kernel/modules.h"

namespace selkie {

enum class GuestStream { kStdout, kStderr };

struct GuestRequest {
  std::string kernel;             // path of a bzImage
  std::vector<std::string> argv;  // the command line without the program's name
  // The static selkie binary; empty: the one that FindGuestBinary finds.
  std::string binary;
  // Absolute path in the guest -> contents.  Files are readable by all.
  std::map<std::string, std::string> files;
  std::vector<KernelModule> modules;  // loaded in this order before the command starts
  // If not empty: model/semantics, checker/properties and scenarios of this
  // folder are in the guest under kGuestTreeRoot, and SELKIE_ROOT names that.
  std::string tree_root;
  std::map<std::string, std::string> environment;  // more variables
  int memory_mib = 640;      // 6.18 and later do not boot with 256, and 128 are
                             // set apart as huge pages
  int cpus = 1;              // 1 to 8
  int boot_seconds = 120;    // the guest must report itself within this time (3 s
                             // under TCG, 50 s on a machine ten times overloaded)
  int silence_seconds = 60;  // and then never be silent for longer (its init
                             // reports every two seconds that it lives)
  int timeout_seconds = 0;   // for the command, from its start; 0 = no limit
  int tries = 3;             // boots, at least 1
  const std::atomic<bool>* interrupted = nullptr;  // polled; null = never
  // Called for each whole line, without the newline, as it arrives; not for
  // lines that are lost.  Called on the thread that called RunInGuest.
  std::function<void(GuestStream, std::string_view)> on_line;
};

struct GuestOutcome {
  std::string stdout_text;  // everything that the command printed
  std::string stderr_text;
  int exit_code = 0;           // 128 + signal number if a signal killed it
  std::string kernel_release;  // uname -r in the guest; empty if never booted
  double boot_seconds = 0;     // start of QEMU to the guest's first report
  double run_seconds = 0;      // from there to the end of the command
  int boots = 0;               // boots tried, the successful one included
  bool kvm = false;            // else TCG
  bool interrupted = false;    // stopped early by request.interrupted
};

// Where request.tree_root's folders stand in the guest.
inline constexpr std::string_view kGuestTreeRoot = "/selkie";

// Boots a guest, runs the command in it and waits for its end.  Errors as in
// the table above; InvalidArgumentError for a request that makes no sense
// (empty argv, a relative path in files), NotFoundError if the kernel, the
// guest binary or QEMU (Debian package qemu-system-x86) is not there.
absl::StatusOr<GuestOutcome> RunInGuest(const GuestRequest& request);

// A guest as files, for somebody who boots it himself.
struct GuestFiles {
  std::string kernel;             // a copy of the image: FOLDER/bzImage
  std::string initramfs;          // FOLDER/initramfs
  std::string append;             // the kernel command line, which FOLDER/append holds, too
  std::vector<std::string> qemu;  // the words that boot it here
};

// Writes what RunInGuest would boot into `folder`, which is made if it is not there.  The
// command's output, as text, and its exit code go to the guest's console (the first serial
// port, where `append` does not name another), and the guest powers off afterwards.  Errors
// as RunInGuest for requests, and of writing.
absl::StatusOr<GuestFiles> WriteGuest(const GuestRequest& request, const std::string& folder);

// The static binary to run as the guest's /init: the one that SELKIE_GUEST
// names; else this program itself if it is static; else "selkie-guest" in this
// program's folder; else build/static/cli/selkie under `root` (the source
// tree).  FailedPreconditionError if what SELKIE_GUEST names is not a static ELF
// program; NotFoundError says how to build one.
absl::StatusOr<std::string> FindGuestBinary(const std::string& root);

// True if /dev/kvm is there and runs code on the processor: a virtual machine is
// made and executes two instructions, one of which KVM cannot emulate in
// software.  (The device exists on many machines where no kernel boots on it.)
bool KvmWorks();

}  // namespace selkie

#endif  // SELKIE_KERNEL_QEMU_H_
