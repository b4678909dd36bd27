// Finds the texts of the tree: semantics by name, and files to read.
#ifndef SELKIE_SCENARIOS_LIBRARY_H_
#define SELKIE_SCENARIOS_LIBRARY_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/semantics.h"

namespace selkie {

// The whole file.  NotFoundError or a more exact status naming path and reason.
absl::StatusOr<std::string> ReadTextFile(const std::string& path);

// Replaces the file's contents; makes missing parent folders.  Where that fails (a full disk) a
// regular file is as it was.  UnavailableError says why.
absl::Status WriteTextFile(const std::string& path, std::string_view text);

// All files under `path` whose name ends in `extension` (".scn"), sorted by
// name; `path` itself if it is a file.  NotFoundError if there is no `path`,
// InvalidArgumentError if it is a device or the like.
absl::StatusOr<std::vector<std::string>> FilesUnder(const std::string& path,
                                                    std::string_view extension);

// FNV-1a of 64 bits over the texts, each with a zero byte behind it, as 16 hexadecimal digits.
std::string TextDigest(const std::vector<std::string>& texts);

class Library {
 public:
  // `root` is the folder that holds model/semantics, checker/properties and
  // scenarios.
  explicit Library(std::string root) : root_(std::move(root)) {}

  // The root named by the environment variable SELKIE_ROOT, else the source
  // tree that this program was built from.
  static Library Default();

  const std::string& root() const { return root_; }

  // A semantics by name ("fw-v3") or by path (anything with a '/' or ending in
  // ".sem"); what the text at a path extends is one of the tree's, or else stands beside it.
  // NotFoundError lists the names that exist; InvalidArgumentError is "file:line:column: ..."
  // from the parser.
  absl::StatusOr<Semantics> LoadSemantics(std::string_view name_or_path) const;

  // Names of all semantics in the tree: kernels by release, then designs by name.
  absl::StatusOr<std::vector<std::string>> SemanticsNames() const;

 private:
  std::string root_;
};

// A number for all that the semantics was compiled from, as 16 hexadecimal digits: TextDigest of
// its text, of that of what it extends, and so on down to the first.
std::string SemanticsDigest(const Semantics& semantics);

// The numbers of a kernel's name ("linux-6.1" is {6, 1}), or nothing if it is
// no kernel's.
std::optional<std::vector<int>> KernelVersion(std::string_view name);

// The last release that a kernel's name speaks of: "linux-6.12.90" of 6.12 up to
// 6.12.90, "linux-6.12" of the rest of 6.12.  Ordered by release.
std::vector<int> LastRelease(std::vector<int> version);

// The name of the semantics for a kernel's release ("6.12.57+deb13", or "6.12" for
// the last of a series): of those for its series the first that reaches it, or else the last one of
// the newest series before it.  NotFoundError if the release is older than all of them, or no
// release.
absl::StatusOr<std::string> SemanticsForRelease(const Library& library, std::string_view release);

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_LIBRARY_H_
