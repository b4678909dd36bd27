// Whether what a command is to write can be written, found out before its work and not after.
#ifndef SELKIE_CLI_OUTPUT_PATH_H_
#define SELKIE_CLI_OUTPUT_PATH_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace selkie {

// Each is InvalidArgumentError with `option`, the path and the reason, and OK if the path is
// empty, as the option was not given then.  Nothing is made or opened.

// A file that is there and may be written, or that may be made in a folder that is there.
absl::Status FileCanBeWritten(std::string_view option, const std::string& path);

// A folder that is there and may be written to.
absl::Status FolderIsThere(std::string_view option, const std::string& path);

// The same, or one that may be made in a folder that is there.
absl::Status FolderCanBeMade(std::string_view option, const std::string& path);

// The same, or one that may be made with the folders above it.
absl::Status FoldersCanBeMade(std::string_view option, const std::string& path);

}  // namespace selkie

#endif  // SELKIE_CLI_OUTPUT_PATH_H_
