// All that is wrong in a text, told at once.
#ifndef SELKIE_MODEL_ERROR_LIST_H_
#define SELKIE_MODEL_ERROR_LIST_H_

#include <cstddef>
#include <map>
#include <string>

namespace selkie {

// Messages "file:line:column: ...", by their line.
using ErrorsByLine = std::multimap<int, std::string>;

// As many are told.
inline constexpr size_t kMostErrors = 20;

// The messages, one a line, kMostErrors of them at most and then how many more there are.
std::string TextOf(const ErrorsByLine& errors);

}  // namespace selkie

#endif  // SELKIE_MODEL_ERROR_LIST_H_
