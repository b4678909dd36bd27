#include "model/error_list.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "fmt/format.h"
#include "fmt/ranges.h"

namespace selkie {

std::string TextOf(const ErrorsByLine& errors) {
  std::vector<std::string_view> lines;
  for (const auto& [line, message] : errors) lines.push_back(message);
  const size_t shown = std::min(lines.size(), kMostErrors);
  std::string text = fmt::format(
      "{}", fmt::join(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(shown), "\n"));
  if (shown < lines.size()) text += fmt::format("\nand {} more like these", lines.size() - shown);
  return text;
}

}  // namespace selkie
