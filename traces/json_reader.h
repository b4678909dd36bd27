// Reads a JSON document and says where it is wrong.  Internal to traces/json*.
#ifndef SELKIE_TRACES_JSON_READER_H_
#define SELKIE_TRACES_JSON_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace selkie {

using Json = nlohmann::ordered_json;

// A value of the document and its JSON pointer.
struct Node {
  const Json* value = nullptr;
  std::string pointer;  // "" is the whole document
};

// Line and column, from 1, of a byte of the text.
struct TextPosition {
  int line = 1;
  int column = 1;
};
TextPosition PositionOf(std::string_view text, size_t offset);

// Byte offset at which the value named by `pointer` begins in `text`, which is
// valid JSON; the offset of the innermost value on the way if there is none.
size_t FindValue(std::string_view text, std::string_view pointer);

// Walks over a document.  The first error is the one that counts; after it all
// answers are empty defaults, so that a reader need not check each of them.
class JsonReader {
 public:
  // Parses `text`; `file` is for messages.  The reader keeps both.
  JsonReader(std::string_view text, std::string file);

  Node Root() const { return {&document_, ""}; }

  // A member that must be there; one that may be missing.
  Node Member(const Node& object, const std::string& key, std::string_view expected);
  std::optional<Node> Optional(const Node& object, const std::string& key);
  // The elements of an array.
  std::vector<Node> Elements(const Node& array, std::string_view expected);

  int64_t Integer(const Node& node, int64_t min, int64_t max);
  bool Boolean(const Node& node);
  std::string String(const Node& node, std::string_view expected);

  // Fails unless `node` is an object all of whose members are in `keys`.
  void CheckMembers(const Node& node, const std::vector<std::string_view>& keys);

  // Records "file:line:column: /pointer: found ..., expected ...".
  void Fail(const Node& node, std::string_view expected);
  // Records "file:line:column: /pointer: message".
  void FailWith(const Node& node, std::string_view message);

  bool ok() const { return status_.ok(); }
  const absl::Status& status() const { return status_; }

 private:
  void FailAt(TextPosition at, std::string_view message);

  std::string_view text_;
  std::string file_;
  Json document_;
  absl::Status status_;
};

}  // namespace selkie

#endif  // SELKIE_TRACES_JSON_READER_H_
