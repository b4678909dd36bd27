// Debian's package tools: what they offer, and downloading without installing.
//
// Packages come through the machine's own apt configuration.  Kernels of other
// releases of Debian come through a second one, which lives in Selkie's cache and
// leaves the machine's alone.
#ifndef SELKIE_KERNEL_APT_H_
#define SELKIE_KERNEL_APT_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace selkie {

// Told what is about to happen ("fetching package ... version ...").
using Announce = std::function<void(std::string_view)>;

class Apt {
 public:
  // The machine's own configuration.
  static Apt OfMachine() { return Apt({}, ""); }

  // One that names other suites of the same Debian archive, oldest to newest and
  // experimental, with all of its state under `folder`.  Nothing is downloaded
  // yet.  UnavailableError if the machine's configuration names no archive of
  // Debian, or if `folder` cannot be written.
  static absl::StatusOr<Apt> OfOtherSuites(const std::string& folder);

  // Package names that begin with `prefix`, as the lists have them: perhaps none.
  absl::StatusOr<std::vector<std::string>> Names(std::string_view prefix) const;

  // Refreshes the lists.  UnavailableError carries apt's last line.
  absl::Status Update() const;

  // The version that would be downloaded; "" if only the name is known.
  std::string Candidate(const std::string& package) const;

  // Downloads "name=version" into `folder`; a failing download is tried three times.
  absl::Status Download(const std::string& package, const std::string& version,
                        const std::string& folder, const Announce& announce) const;

  // For people: "apt-get", or with the words that choose the second configuration.
  std::string ToString() const { return config_.empty() ? "apt-get" : "apt-get -c " + config_; }

 private:
  Apt(std::vector<std::string> options, std::string config)
      : options_(std::move(options)), config_(std::move(config)) {}

  std::vector<std::string> Words(std::string_view tool, std::vector<std::string> words) const;

  std::vector<std::string> options_;  // after the name of the tool
  std::string config_;                // of the second configuration
};

}  // namespace selkie

#endif  // SELKIE_KERNEL_APT_H_
