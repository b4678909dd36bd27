// JSON -> Trace.
#include <limits>

#include "fmt/format.h"
#include "model/call_text.h"
#include "traces/json.h"
#include "traces/json_argument.h"
#include "traces/json_names.h"

namespace selkie {
namespace {

constexpr int kMaxUid = std::numeric_limits<uint16_t>::max();

void CheckFormat(JsonReader& in, const Node& root) {
  const std::string expected = fmt::format("\"{}\"", kTraceFormat);
  const Node format = in.Member(root, "format", expected);
  if (format.value != nullptr && *format.value != kTraceFormat) in.Fail(format, expected);
  const Node version = in.Member(root, "version", fmt::format("{}", kTraceVersion));
  if (version.value != nullptr && *version.value != kTraceVersion)
    in.Fail(version, fmt::format("{}", kTraceVersion));
}

std::string ReadText(JsonReader& in, const Node& object, const std::string& key) {
  const std::optional<Node> node = in.Optional(object, key);
  return node ? in.String(*node, "a string") : "";
}

std::string ReadSemantics(JsonReader& in, const Node& root) {
  const std::string_view expected = "the name of a semantics";
  return in.String(in.Member(root, "semantics", expected), expected);
}

Limits ReadLimits(JsonReader& in, const Node& root) {
  Limits limits;
  const Node node = in.Member(root, "limits", "the capacities of the run");
  std::vector<std::string_view> keys;
  for (const LimitField& field : LimitFields()) {
    keys.push_back(field.name);
    const std::string key(field.name);
    const Node member = in.Member(node, key, "a capacity");
    limits.*field.member = static_cast<uint8_t>(in.Integer(member, 1, field.capacity));
  }
  in.CheckMembers(node, keys);
  return limits;
}

std::vector<int> ReadUids(JsonReader& in, const Node& root, const Limits& limits) {
  std::vector<int> uids;
  const std::string expected =
      fmt::format("an array of 1 .. {} user ids: the tasks that run at the start", limits.tasks);
  const Node node = in.Member(root, "uids", expected);
  const std::vector<Node> elements = in.Elements(node, expected);
  if (elements.empty() || elements.size() > limits.tasks) in.Fail(node, expected);
  for (const Node& element : elements)
    uids.push_back(static_cast<int>(in.Integer(element, 0, kMaxUid)));
  return uids;
}

Op ReadOp(JsonReader& in, const Node& node) {
  const std::string name = in.String(node, "the name of a call");
  std::string known;
  for (const CallSpec& spec : CallTable()) {
    if (ShortName(spec.op) == name) return spec.op;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", ShortName(spec.op));
  }
  in.Fail(node, fmt::format("one of {}", known));
  return Op::kClose;
}

Call ReadCall(JsonReader& in, const Node& node, const Semantics& semantics) {
  in.CheckMembers(node, {"task", "call", "args", "result"});
  Call call;
  const Node task = in.Member(node, "task", "the task that makes the call");
  const int64_t number = ReadTask(in, task);
  if (number < 0 || number > std::numeric_limits<uint8_t>::max())
    in.Fail(task, "a task: \"A\" .. \"D\" or a number 0 .. 255");
  call.task = static_cast<uint8_t>(number);
  call.op = ReadOp(in, in.Member(node, "call", "the name of a call"));
  const Node args = in.Member(node, "args", "the call's arguments by name");
  ReadArguments(in, args, semantics, &call);
  return call;
}

int64_t ReadErrno(JsonReader& in, const Node& node) {
  const std::string_view expected = "the name of an errno, such as \"EPERM\"";
  const std::string name = in.String(node, expected);
  const std::optional<int64_t> value = ErrnoByName(name);
  if (!value) in.Fail(node, expected);
  return value.value_or(0);
}

int64_t ReadSignal(JsonReader& in, const Node& node) {
  const std::string name = in.String(node, "\"SIGSEGV\" or \"SIGBUS\"");
  constexpr int kSignals = 65;
  for (int signal = 1; signal < kSignals; ++signal)
    if (SignalName(signal) == name) return signal;
  in.Fail(node, "\"SIGSEGV\" or \"SIGBUS\"");
  return 0;
}

void ReadData(JsonReader& in, const Node& node, Result* result) {
  const std::string expected = fmt::format("an array of at most {} bytes", result->data.size());
  const std::vector<Node> elements = in.Elements(node, expected);
  if (elements.size() > result->data.size()) return in.Fail(node, expected);
  for (const Node& element : elements)
    result->data[result->num_data++] = static_cast<uint8_t>(in.Integer(element, 0, 255));
}

void ReadValue(JsonReader& in, const Node& node, Result* result) {
  result->value =
      in.Integer(in.Member(node, "value", "the value returned"), kLeastInteger, kMostInteger);
  if (const auto extra = in.Optional(node, "extra"))
    result->extra = in.Integer(*extra, kLeastInteger, kMostInteger);
  if (const auto data = in.Optional(node, "data")) ReadData(in, *data, result);
}

Result::Kind ReadKind(JsonReader& in, const Node& node) {
  const std::string expected = fmt::format("one of {}", fmt::join(KindNames(), ", "));
  const std::string name = in.String(node, expected);
  for (size_t i = 0; i < KindNames().size(); ++i)
    if (KindNames()[i] == name) return static_cast<Result::Kind>(i);
  in.Fail(node, expected);
  return Result::Kind::kBound;
}

Effect ReadEffect(JsonReader& in, const Node& node) {
  Effect effect;
  std::vector<std::string_view> keys;
  for (const EffectField& field : EffectFields()) {
    keys.push_back(field.name);
    if (const auto member = in.Optional(node, std::string(field.name)))
      effect.*field.member = static_cast<uint8_t>(in.Integer(*member, 0, field.capacity - 1) + 1);
  }
  keys.push_back("modified");
  if (const auto modified = in.Optional(node, "modified"))
    for (const Node& inode : in.Elements(*modified, "an array of inodes, by index"))
      effect.modified |= static_cast<uint8_t>(1 << in.Integer(inode, 0, kMaxInodes - 1));
  in.CheckMembers(node, keys);
  return effect;
}

Reason ReadReason(JsonReader& in, const Node& node) {
  Reason reason;
  reason.check = ReadText(in, node, "check");
  const std::optional<Node> rule = in.Optional(node, "rule");
  if (!rule) return reason;
  in.CheckMembers(*rule, {"name", "file", "line"});
  reason.rule = in.String(in.Member(*rule, "name", "the rule's name"), "a string");
  reason.file = in.String(in.Member(*rule, "file", "where it stands"), "a string");
  reason.line = static_cast<int>(
      in.Integer(in.Member(*rule, "line", "where it stands"), 0, std::numeric_limits<int>::max()));
  return reason;
}

std::vector<std::string_view> ResultMembers(Result::Kind kind) {
  std::vector<std::string_view> members = {"kind", "changed", "effect", "rule", "check"};
  if (kind == Result::Kind::kValue) members.insert(members.end(), {"value", "extra", "data"});
  if (kind == Result::Kind::kErrno) members.push_back("errno");
  if (kind == Result::Kind::kSignal) members.push_back("signal");
  return members;
}

Result ReadResult(JsonReader& in, const Node& node) {
  Result result;
  result.kind = ReadKind(in, in.Member(node, "kind", "the kind of result"));
  if (!in.ok()) return result;
  in.CheckMembers(node, ResultMembers(result.kind));
  if (result.kind == Result::Kind::kValue) ReadValue(in, node, &result);
  if (result.kind == Result::Kind::kErrno)
    result.value = ReadErrno(in, in.Member(node, "errno", "the name of an errno"));
  if (result.kind == Result::Kind::kSignal)
    result.value = ReadSignal(in, in.Member(node, "signal", "the name of a signal"));
  if (const auto changed = in.Optional(node, "changed")) result.changed = in.Boolean(*changed);
  if (const auto effect = in.Optional(node, "effect")) result.effect = ReadEffect(in, *effect);
  return result;
}

void ReadCalls(JsonReader& in, const Node& root, const Semantics& semantics, StoredTrace* out) {
  const Node calls = in.Member(root, "calls", "an array of calls");
  for (const Node& node : in.Elements(calls, "an array of calls")) {
    out->trace.sequence.calls.push_back(ReadCall(in, node, semantics));
    const std::optional<Node> result = in.Optional(node, "result");
    const bool all_so_far = out->trace.results.size() + 1 == out->trace.sequence.calls.size();
    if (result.has_value() != all_so_far && (result || !out->trace.results.empty()))
      in.FailWith(node, "either every call has a \"result\" or none has");
    if (!result || !in.ok()) continue;
    out->trace.results.push_back(ReadResult(in, *result));
    out->reasons.push_back(ReadReason(in, *result));
  }
}

// The traces that `selkie check --json` prints are members of its verdicts.
std::vector<Node> VerdictsOf(JsonReader& in, const Node& root, std::string_view which) {
  std::vector<Node> verdicts;
  for (const Node& node : in.Elements(root, "an array")) {
    const bool has_trace = node.value->is_object() && node.value->contains("trace");
    if (!has_trace) continue;
    if (which.empty() || node.value->value("property", Json("")) == which) verdicts.push_back(node);
  }
  return verdicts;
}

// The verdict around the trace that is meant, or the trace itself.
Node Chosen(JsonReader& in, std::string_view which) {
  const Node root = in.Root();
  if (!in.ok() || !root.value->is_array()) return root;
  const std::vector<Node> verdicts = VerdictsOf(in, root, which);
  if (verdicts.size() == 1) return verdicts[0];
  in.FailWith(root, fmt::format("found {} verdicts with a trace{}, expected one: name its property",
                                verdicts.size(),
                                which.empty() ? "" : fmt::format(" of property {}", which)));
  return {};
}

Node TraceOf(JsonReader& in, const Node& chosen) {
  const bool inside =
      chosen.value != nullptr && chosen.value->is_object() && chosen.value->contains("trace");
  return inside ? in.Member(chosen, "trace", "a trace") : chosen;
}

}  // namespace

absl::StatusOr<std::string> SemanticsOfJson(std::string_view text, const std::string& file,
                                            std::string_view which) {
  JsonReader in(text, file);
  const Node root = TraceOf(in, Chosen(in, which));
  CheckFormat(in, root);
  std::string name = ReadSemantics(in, root);
  if (!in.ok()) return in.status();
  return name;
}

absl::StatusOr<StoredTrace> TraceFromJson(std::string_view text, const std::string& file,
                                          const Semantics& semantics, std::string_view which) {
  JsonReader in(text, file);
  const Node chosen = Chosen(in, which);
  const Node root = TraceOf(in, chosen);
  StoredTrace out;
  CheckFormat(in, root);
  if (in.ok())
    in.CheckMembers(root, {"$schema", "format", "version", "title", "property", "verdict",
                           "semantics", "limits", "uids", "calls"});
  out.about.title = ReadText(in, root, "title");
  out.about.property = ReadText(in, root, "property");
  out.about.verdict = ReadText(in, root, "verdict");
  if (out.about.verdict.empty()) out.about.verdict = ReadText(in, chosen, "verdict");
  out.trace.semantics = ReadSemantics(in, root);
  out.trace.sequence.limits = ReadLimits(in, root);
  out.trace.sequence.uids = ReadUids(in, root, out.trace.sequence.limits);
  ReadCalls(in, root, semantics, &out);
  if (!in.ok()) return in.status();
  return out;
}

}  // namespace selkie
