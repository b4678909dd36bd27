#include "traces/json_argument.h"

#include <limits>

#include "fmt/format.h"
#include "model/call_text_scan.h"
#include "traces/variables.h"

namespace selkie {
namespace {

struct BitName {
  std::string name;
  int64_t bits;
};
using BitNames = std::vector<BitName>;

BitNames NamesOfFlags(absl::Span<const FlagName> flags) {
  BitNames names;
  for (const FlagName& flag : flags)
    if (flag.name != "0") names.push_back({std::string(flag.name), flag.bits});
  return names;
}

BitNames NamesOfSeals(const Semantics& semantics) { return NamesOfFlags(SealNames(&semantics)); }

// PROT_* as mprotect has them.
BitNames Protections() {
  for (const ArgSpec& arg : ArgsOf(SpecOf(Op::kMprotect)))
    if (arg.name == "prot") return NamesOfFlags(arg.names);
  return {};
}

BitNames NamesOfExtensionArg(const Call& call, const Semantics& semantics) {
  const Extension* extension = ExtensionOf(call, semantics);
  if (extension == nullptr) return {};
  return extension->arg == ArgKind::kSeals ? NamesOfSeals(semantics) : Protections();
}

// [] or the name of zero for zero; else the names of bits that are set, and
// what has no name as one number.
Json BitsToJson(int64_t value, const BitNames& names, bool one = false) {
  Json out = Json::array();
  for (const BitName& name : names)
    if (name.bits == value) return Json::array({name.name});
  if (one) return Json::array({value});
  for (const BitName& name : names) {
    if (name.bits == 0 || (value & name.bits) != name.bits) continue;
    out.push_back(name.name);
    value &= ~name.bits;
  }
  if (value != 0) out.push_back(value);
  return out;
}

std::string Alternatives(const BitNames& names) {
  std::string out;
  for (const BitName& name : names) out += fmt::format("{}, ", name.name);
  return out + "or a number";
}

int64_t ReadBit(JsonReader& reader, const Node& node, const BitNames& names) {
  if (node.value->is_number()) return reader.Integer(node, kLeastInteger, kMostInteger);
  for (const BitName& name : names)
    if (*node.value == name.name) return name.bits;
  reader.Fail(node, Alternatives(names));
  return 0;
}

int64_t ReadBits(JsonReader& reader, const Node& node, const BitNames& names) {
  int64_t bits = 0;
  for (const Node& element :
       reader.Elements(node, fmt::format("an array of {}", Alternatives(names))))
    bits |= ReadBit(reader, element, names);
  return bits;
}

Json PathToJson(const int64_t* words) {
  const Json task = words[0] == kSelf    ? Json("self")
                    : words[0] == kDevFd ? Json("dev")
                                         : TaskToJson(words[0]);
  return Json{{"task", task}, {"fd", words[1]}};
}

void ReadPath(JsonReader& reader, const Node& node, int64_t* words) {
  reader.CheckMembers(node, {"task", "fd"});
  const Node task = reader.Member(node, "task", "\"self\", \"dev\" or a task");
  const bool self = task.value != nullptr && *task.value == "self";
  const bool dev = task.value != nullptr && *task.value == "dev";
  words[0] = self ? kSelf : dev ? kDevFd : ReadTask(reader, task);
  words[1] = reader.Integer(reader.Member(node, "fd", "a descriptor"), kLeastInteger, kMostInteger);
}

// One printable character of ASCII as a string, all else as a number.
Json ByteToJson(int64_t value) {
  if (value == kNull) return nullptr;
  if (value < 0x20 || value > 0x7e) return value;
  return std::string(1, static_cast<char>(value));
}

int64_t ReadByte(JsonReader& reader, const Node& node) {
  if (node.value != nullptr && node.value->is_null()) return kNull;
  if (node.value != nullptr && node.value->is_string()) {
    const std::string text = reader.String(node, "");
    if (text.size() == 1) return static_cast<uint8_t>(text[0]);
    reader.Fail(node, "a string of one byte, or a number");
    return 0;
  }
  return reader.Integer(node, kLeastInteger, kMostInteger);
}

// Octal, with its 0, as people read permission bits.
Json ModeToJson(int64_t value) {
  if (value < 0) return value;
  return value == 0 ? std::string("0") : fmt::format("0{:o}", value);
}

int64_t ReadMode(JsonReader& reader, const Node& node) {
  if (node.value == nullptr || !node.value->is_string())
    return reader.Integer(node, kLeastInteger, kMostInteger);
  const std::string text = reader.String(node, "");
  int64_t value = 0;
  bool good = !text.empty() && text[0] == '0' && text.size() <= 22;  // 63 bits
  for (char c : text) {
    good = good && c >= '0' && c <= '7';
    if (good) value = value * 8 + (c - '0');
  }
  if (!good) reader.Fail(node, "an octal number such as \"0444\"");
  return good ? value : 0;
}

Json ExtensionToJson(const Call& call, const Semantics& semantics, int64_t index) {
  const Extension* extension = ExtensionOf(call, semantics);
  return extension != nullptr ? Json(extension->name) : Json(index);
}

int64_t ReadExtension(JsonReader& reader, const Node& node, const Semantics& semantics) {
  if (node.value != nullptr && node.value->is_number())
    return reader.Integer(node, kLeastInteger, kMostInteger);
  std::string known;
  const std::string name = reader.String(node, "the name of a call that the semantics declares");
  for (size_t i = 0; i < semantics.extensions.size(); ++i) {
    if (semantics.extensions[i].name == name) return static_cast<int64_t>(i);
    known += fmt::format("{}{}", known.empty() ? "" : ", ", semantics.extensions[i].name);
  }
  reader.Fail(node, fmt::format("a call that semantics {} declares: {}", semantics.name,
                                known.empty() ? "it declares none" : known));
  return 0;
}

// `words` are the argument's own, within those of `call`.
Json ArgumentToJson(const ArgSpec& arg, const int64_t* words, const Call& call,
                    const Semantics& semantics) {
  switch (arg.kind) {
    case ArgKind::kFlags: return BitsToJson(words[0], NamesOfFlags(arg.names), arg.one);
    case ArgKind::kSeals: return BitsToJson(words[0], NamesOfSeals(semantics));
    case ArgKind::kPath: return PathToJson(words);
    case ArgKind::kOffset: return words[0] == kNoOffset ? Json(nullptr) : Json(words[0]);
    case ArgKind::kAddress: return words[0] == kNull ? Json(nullptr) : Json(words[0]);
    case ArgKind::kName: return words[0] == kNull ? Json(nullptr) : Json(NameOfLength(words[0]));
    case ArgKind::kByte: return ByteToJson(words[0]);
    case ArgKind::kMode: return ModeToJson(words[0]);
    case ArgKind::kTask: return TaskToJson(words[0]);
    case ArgKind::kExtension: return ExtensionToJson(call, semantics, words[0]);
    case ArgKind::kExtensionArg: return BitsToJson(words[0], NamesOfExtensionArg(call, semantics));
    default: return words[0];
  }
}

void ReadArgument(JsonReader& reader, const Node& node, const ArgSpec& arg,
                  const Semantics& semantics, const Call& call, int64_t* words) {
  if (node.value == nullptr) return;
  switch (arg.kind) {
    case ArgKind::kFlags: words[0] = ReadBits(reader, node, NamesOfFlags(arg.names)); return;
    case ArgKind::kSeals: words[0] = ReadBits(reader, node, NamesOfSeals(semantics)); return;
    case ArgKind::kPath: ReadPath(reader, node, words); return;
    case ArgKind::kOffset:
      words[0] =
          node.value->is_null() ? kNoOffset : reader.Integer(node, kLeastInteger, kMostInteger);
      return;
    case ArgKind::kAddress:
      words[0] = node.value->is_null() ? kNull : reader.Integer(node, kLeastInteger, kMostInteger);
      return;
    case ArgKind::kName:
      words[0] = node.value->is_null() ? kNull : NameWord(reader.String(node, "a name").size());
      return;
    case ArgKind::kByte: words[0] = ReadByte(reader, node); return;
    case ArgKind::kMode: words[0] = ReadMode(reader, node); return;
    case ArgKind::kTask: words[0] = ReadTask(reader, node); return;
    case ArgKind::kExtension: words[0] = ReadExtension(reader, node, semantics); return;
    case ArgKind::kExtensionArg:
      words[0] = ReadBits(reader, node, NamesOfExtensionArg(call, semantics));
      return;
    default: words[0] = reader.Integer(node, kLeastInteger, kMostInteger); return;
  }
}

Json IntegerSchema() {
  return {{"type", "integer"}, {"minimum", kLeastInteger}, {"maximum", kMostInteger}};
}

Json BitsSchema(const Json& element) {
  return {{"type", "array"}, {"items", {{"anyOf", Json::array({element, IntegerSchema()})}}}};
}

Json NamesSchema(const BitNames& names) {
  Json out = Json::array();
  for (const BitName& name : names) out.push_back(name.name);
  return {{"enum", out}};
}

Json ArgumentSchema(const ArgSpec& arg) {
  switch (arg.kind) {
    case ArgKind::kFlags: {
      const BitNames names = NamesOfFlags(arg.names);  // an enum has to have a member
      return names.empty() ? Json{{"type", "array"}, {"items", IntegerSchema()}}
                           : BitsSchema(NamesSchema(names));
    }
    case ArgKind::kSeals: return BitsSchema(Reference("seal"));
    case ArgKind::kPath: return Reference("path");
    case ArgKind::kOffset: return Reference("offset");
    case ArgKind::kAddress: return Reference("address");
    case ArgKind::kName:
      return {{"anyOf", Json::array({{{"type", "string"}}, {{"type", "null"}}})}};
    case ArgKind::kByte: return Reference("byte");
    case ArgKind::kMode: return Reference("mode");
    case ArgKind::kTask: return Reference("task");
    case ArgKind::kExtension: return Reference("extension");
    case ArgKind::kExtensionArg:
      return BitsSchema({{"anyOf", Json::array({Reference("seal"), NamesSchema(Protections())})}});
    default: return Reference("integer");
  }
}

}  // namespace

Json TaskToJson(int64_t task) {
  if (task < 0 || task >= kMaxTasks) return task;
  return std::string(1, static_cast<char>('A' + task));
}

int64_t ReadTask(JsonReader& reader, const Node& node) {
  if (node.value == nullptr || node.value->is_number())
    return reader.Integer(node, kLeastInteger, kMostInteger);
  const std::string name = reader.String(node, "a task: \"A\" .. \"D\" or a number");
  if (name.size() == 1 && name[0] >= 'A' && name[0] < 'A' + kMaxTasks) return name[0] - 'A';
  reader.Fail(node, "a task: \"A\" .. \"D\" or a number");
  return 0;
}

Json ArgumentsToJson(const Call& call, const Semantics& semantics) {
  Json out = Json::object();
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(SpecOf(call.op))) {
    const int count = WordsOf(arg.kind);
    if (count > 0)
      out[std::string(arg.name)] = ArgumentToJson(arg, &call.arg[word], call, semantics);
    word += count;
  }
  return out;
}

void ReadArguments(JsonReader& reader, const Node& args, const Semantics& semantics, Call* call) {
  std::vector<std::string_view> keys;
  int word = 0;
  for (const ArgSpec& arg : ArgsOf(SpecOf(call->op))) {
    const int count = WordsOf(arg.kind);
    if (count == 0) continue;
    keys.push_back(arg.name);
    const Node node = reader.Member(args, std::string(arg.name),
                                    fmt::format("the arguments of {}", ShortName(call->op)));
    ReadArgument(reader, node, arg, semantics, *call, &call->arg[word]);
    word += count;
  }
  reader.CheckMembers(args, keys);
}

Json Reference(std::string_view name) { return {{"$ref", fmt::format("#/$defs/{}", name)}}; }

Json ArgumentsSchema(const CallSpec& spec) {
  Json properties = Json::object(), required = Json::array();
  for (const ArgSpec& arg : ArgsOf(spec)) {
    if (WordsOf(arg.kind) == 0) continue;
    properties[std::string(arg.name)] = ArgumentSchema(arg);
    required.push_back(arg.name);
  }
  return {{"type", "object"},
          {"properties", properties},
          {"required", required},
          {"additionalProperties", false}};
}

}  // namespace selkie
