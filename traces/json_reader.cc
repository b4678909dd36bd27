#include "traces/json_reader.h"

#include <algorithm>
#include <limits>

#include "fmt/format.h"

namespace selkie {
namespace {

constexpr size_t kMaxQuoted = 40;  // bytes of a found value in a message

// Walks over text that is known to be valid JSON.
class TextWalker {
 public:
  explicit TextWalker(std::string_view text) : text_(text) { SkipBlanks(); }

  size_t offset() const { return at_; }

  // Moves to the member or the element named by one token of a pointer.
  bool Enter(std::string_view token) {
    if (At('{')) return EnterMember(token);
    if (At('[')) return EnterElement(token);
    return false;
  }

 private:
  bool At(char c) const { return at_ < text_.size() && text_[at_] == c; }
  void SkipBlanks() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) ++at_;
  }
  void Advance() {
    ++at_;
    SkipBlanks();
  }

  void SkipString() {
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_)
      if (text_[at_] == '\\') ++at_;
    Advance();
  }

  void SkipValue() {
    int depth = 0;
    do {
      if (At('"')) {
        SkipString();
        continue;
      }
      const bool opens = At('{') || At('['), closes = At('}') || At(']');
      depth += opens ? 1 : (closes ? -1 : 0);
      if (!opens && !closes && depth == 0) return SkipScalar();
      Advance();
    } while (depth > 0 && at_ < text_.size());
  }

  void SkipScalar() {
    while (at_ < text_.size() && std::string_view(",]} \t\r\n").find(text_[at_]) == text_.npos)
      ++at_;
    SkipBlanks();
  }

  bool EnterMember(std::string_view key) {
    for (Advance(); !At('}') && at_ < text_.size(); At(',') ? Advance() : void()) {
      const size_t begin = at_ + 1;
      SkipString();
      const bool found = text_.substr(begin, key.size() + 1) == fmt::format("{}\"", key);
      Advance();  // the colon
      if (found) return true;
      SkipValue();
    }
    return false;
  }

  bool EnterElement(std::string_view index) {
    size_t left = 0;
    for (char c : index) left = left * 10 + static_cast<size_t>(c - '0');
    for (Advance(); !At(']') && at_ < text_.size(); At(',') ? Advance() : void()) {
      if (left-- == 0) return true;
      SkipValue();
    }
    return false;
  }

  std::string_view text_;
  size_t at_ = 0;
};

std::string Quoted(const Json& value) {
  if (value.is_object()) return fmt::format("an object of {} members", value.size());
  if (value.is_array()) return fmt::format("an array of {} elements", value.size());
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > kMaxQuoted) text = text.substr(0, kMaxQuoted) + "...";
  return text;
}

// The library's message without its own prefix: what stands after "column N: ".
std::string_view ParserWords(std::string_view what) {
  const size_t column = what.find("column ");
  const size_t colon = column == what.npos ? what.find(": ") : what.find(": ", column);
  return colon == what.npos ? what : what.substr(colon + 2);
}

}  // namespace

TextPosition PositionOf(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const size_t newline = before.rfind('\n');
  TextPosition at;
  at.line += static_cast<int>(std::count(before.begin(), before.end(), '\n'));
  at.column +=
      static_cast<int>(newline == before.npos ? before.size() : before.size() - newline - 1);
  return at;
}

size_t FindValue(std::string_view text, std::string_view pointer) {
  TextWalker walker(text);
  while (!pointer.empty()) {
    pointer.remove_prefix(1);  // the slash
    const size_t end = std::min(pointer.find('/'), pointer.size());
    TextWalker inner = walker;
    if (!inner.Enter(pointer.substr(0, end))) break;
    walker = inner;
    pointer.remove_prefix(end);
  }
  return walker.offset();
}

JsonReader::JsonReader(std::string_view text, std::string file)
    : text_(text), file_(std::move(file)) {
  try {
    document_ = Json::parse(text);
  } catch (const Json::parse_error& error) {
    FailAt(PositionOf(text, error.byte == 0 ? 0 : error.byte - 1),
           fmt::format("no JSON: {}", ParserWords(error.what())));
  } catch (const Json::exception& error) {  // a number beyond all ranges
    FailAt({}, fmt::format("no JSON: {}", error.what()));
  }
}

Node JsonReader::Member(const Node& object, const std::string& key, std::string_view expected) {
  if (std::optional<Node> member = Optional(object, key)) return *member;
  if (object.value != nullptr)
    FailWith(object, fmt::format("there is no member \"{}\", expected {}", key, expected));
  return {};
}

std::optional<Node> JsonReader::Optional(const Node& object, const std::string& key) {
  if (object.value == nullptr) return std::nullopt;
  if (!object.value->is_object()) {
    Fail(object, fmt::format("an object with a member \"{}\"", key));
    return std::nullopt;
  }
  const auto it = object.value->find(key);
  if (it == object.value->end()) return std::nullopt;
  return Node{&*it, fmt::format("{}/{}", object.pointer, key)};
}

std::vector<Node> JsonReader::Elements(const Node& array, std::string_view expected) {
  std::vector<Node> out;
  if (array.value == nullptr) return out;
  if (!array.value->is_array()) {
    Fail(array, expected);
    return out;
  }
  for (const Json& element : *array.value)
    out.push_back({&element, fmt::format("{}/{}", array.pointer, out.size())});
  return out;
}

int64_t JsonReader::Integer(const Node& node, int64_t min, int64_t max) {
  if (node.value == nullptr) return min;
  const bool unsigned_fits =
      !node.value->is_number_unsigned() ||
      node.value->get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  if (node.value->is_number_integer() && unsigned_fits) {
    const int64_t value = node.value->get<int64_t>();
    if (value >= min && value <= max) return value;
  }
  const bool all = min == std::numeric_limits<int64_t>::min();
  Fail(node, all ? "an integer of 64 bits" : fmt::format("an integer {} .. {}", min, max));
  return min;
}

bool JsonReader::Boolean(const Node& node) {
  if (node.value == nullptr) return false;
  if (node.value->is_boolean()) return node.value->get<bool>();
  Fail(node, "true or false");
  return false;
}

std::string JsonReader::String(const Node& node, std::string_view expected) {
  if (node.value == nullptr) return "";
  if (node.value->is_string()) return node.value->get<std::string>();
  Fail(node, expected);
  return "";
}

void JsonReader::CheckMembers(const Node& node, const std::vector<std::string_view>& keys) {
  if (node.value == nullptr) return;
  if (!node.value->is_object()) return Fail(node, "an object");
  for (const auto& [key, value] : node.value->items()) {
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    const Node member{&value, fmt::format("{}/{}", node.pointer, key)};
    return FailWith(member,
                    fmt::format("unknown member \"{}\", expected {}", key,
                                keys.empty() ? "none" : fmt::format("{}", fmt::join(keys, ", "))));
  }
}

void JsonReader::Fail(const Node& node, std::string_view expected) {
  if (node.value == nullptr) return;
  FailWith(node, fmt::format("found {}, expected {}", Quoted(*node.value), expected));
}

void JsonReader::FailWith(const Node& node, std::string_view message) {
  const std::string_view where = node.pointer.empty() ? "/" : std::string_view(node.pointer);
  if (ok())
    FailAt(PositionOf(text_, FindValue(text_, node.pointer)),
           fmt::format("{}: {}", where, message));
}

void JsonReader::FailAt(TextPosition at, std::string_view message) {
  status_ =
      absl::InvalidArgumentError(fmt::format("{}:{}:{}: {}", file_, at.line, at.column, message));
}

}  // namespace selkie
