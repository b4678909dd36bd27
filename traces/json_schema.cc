// The JSON Schema of traces, from the table of calls.
#include <limits>

#include "fmt/format.h"
#include "traces/json.h"
#include "traces/json_argument.h"
#include "traces/json_names.h"

namespace selkie {
namespace {

Json IntegerFrom(int64_t min, int64_t max) {
  return {{"type", "integer"}, {"minimum", min}, {"maximum", max}};
}

Json Word() {
  return IntegerFrom(std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max());
}

Json Text(std::string_view description) {
  return {{"type", "string"}, {"description", description}};
}

Json Pattern(std::string_view pattern) { return {{"type", "string"}, {"pattern", pattern}}; }

Json AnyOf(std::initializer_list<Json> alternatives) {
  return {{"anyOf", Json(std::vector<Json>(alternatives))}};
}

// An object with these members and no others.
Json Closed(const Json& properties, const std::vector<std::string>& required) {
  return {{"type", "object"},
          {"properties", properties},
          {"required", required},
          {"additionalProperties", false}};
}

Json LimitsSchema() {
  Json properties = Json::object();
  std::vector<std::string> required;
  for (const LimitField& field : LimitFields()) {
    properties[std::string(field.name)] = IntegerFrom(1, field.capacity);
    required.emplace_back(field.name);
  }
  return Closed(properties, required);
}

Json EffectSchema() {
  Json properties = Json::object();
  for (const EffectField& field : EffectFields())
    properties[std::string(field.name)] = IntegerFrom(0, field.capacity - 1);
  Json schema = Closed(properties, {});
  schema["properties"]["modified"] = {{"type", "array"}, {"items", IntegerFrom(0, kMaxInodes - 1)}};
  schema["description"] = "what was changed and through what: indices into the state's tables";
  return schema;
}

Json RuleSchema() {
  return Closed({{"name", {{"type", "string"}}},
                 {"file", {{"type", "string"}}},
                 {"line", IntegerFrom(0, std::numeric_limits<int>::max())}},
                {"name", "file", "line"});
}

// A result of one kind; `own` are the members that only this kind has.
Json ResultSchema(Result::Kind kind, const Json& own, std::vector<std::string> required) {
  Json properties = {{"kind", {{"const", KindName(kind)}}}};
  properties.update(own);
  properties["changed"] = {{"type", "boolean"}};
  properties["effect"] = Reference("effect");
  properties["rule"] = Reference("rule");
  properties["check"] = Text("the kernel's own check that decided");
  required.insert(required.begin(), "kind");
  return Closed(properties, required);
}

Json ValueSchema() {
  const Json data = {{"type", "array"},
                     {"items", IntegerFrom(0, 255)},
                     {"maxItems", kMaxPages * kSamplesPerPage},
                     {"description", "the bytes read at the sampled offsets"}};
  return ResultSchema(
      Result::Kind::kValue,
      {{"value", Reference("integer")}, {"extra", Reference("integer")}, {"data", data}},
      {"value"});
}

Json ResultsSchema() {
  const Json error = {{"errno", Pattern("^E[A-Z0-9#]+$")}};
  const Json signal = {{"signal", Pattern("^SIG[A-Z0-9+#]+$")}};
  return {{"oneOf", Json(std::vector<Json>{
                        ValueSchema(), ResultSchema(Result::Kind::kErrno, error, {"errno"}),
                        ResultSchema(Result::Kind::kSignal, signal, {"signal"}),
                        ResultSchema(Result::Kind::kBound, Json::object(), {})})}};
}

Json CallSchema(const CallSpec& spec) {
  return Closed({{"task", Reference("task")},
                 {"call", {{"const", ShortName(spec.op)}}},
                 {"args", ArgumentsSchema(spec)},
                 {"result", Reference("result")}},
                {"task", "call", "args"});
}

Json CallsSchema() {
  Json alternatives = Json::array();
  for (const CallSpec& spec : CallTable()) alternatives.push_back(CallSchema(spec));
  return {{"oneOf", alternatives}};
}

Json Definitions() {
  const Json task = Pattern(fmt::format("^[A-{}]$", static_cast<char>('A' + kMaxTasks - 1)));
  const Json own = {{"enum", {"self", "dev"}}};  // by /proc/self/fd or /dev/fd
  const Json null = {{"type", "null"}};
  const Json one_character = {{"type", "string"}, {"minLength", 1}, {"maxLength", 1}};
  return {
      {"integer", Word()},
      {"task", AnyOf({task, Word()})},
      {"path", Closed({{"task", AnyOf({own, Reference("task")})}, {"fd", Word()}}, {"task", "fd"})},
      {"address", AnyOf({null, Word()})},
      {"offset", AnyOf({null, Word()})},
      {"byte", AnyOf({one_character, null, Word()})},
      {"mode", AnyOf({Pattern("^0[0-7]*$"), Word()})},
      {"seal", Pattern("^[A-Z][A-Z0-9_]*$")},
      {"extension", AnyOf({Pattern("^[A-Z][A-Z0-9_]*$"), Word()})},
      {"rule", RuleSchema()},
      {"effect", EffectSchema()},
      {"result", ResultsSchema()},
      {"call", CallsSchema()}};
}

Json UidsSchema() {
  return {{"type", "array"},
          {"items", IntegerFrom(0, std::numeric_limits<uint16_t>::max())},
          {"minItems", 1},
          {"maxItems", kMaxTasks},
          {"description", "users of the tasks that run at the start"}};
}

// JSON text in which what is not deeper than `depth` stands on lines of its own,
// so that one call more is one line more.
std::string Lines(const Json& json, int depth, const std::string& indent) {
  if (depth == 0 || !json.is_structured() || json.empty()) return json.dump();
  const bool object = json.is_object();
  const std::string inner = indent + "  ";
  std::string out;
  for (const auto& [key, value] : json.items())
    out += fmt::format("{}\n{}{}{}", out.empty() ? "" : ",", inner,
                       object ? fmt::format("\"{}\": ", key) : "",
                       Lines(value, key == "call" ? 2 : (key == "oneOf" ? 1 : depth - 1), inner));
  return fmt::format("{}{}\n{}{}", object ? "{" : "[", out, indent, object ? "}" : "]");
}

}  // namespace

std::string TraceSchema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"title", "A Selkie trace"},
                 {"description",
                  "A sequence of calls and what each gave under a semantics.  Generated from the "
                  "table of calls; see docs/trace-format.md."}};
  schema.update(
      Closed({{"$schema", {{"type", "string"}}},
              {"format", {{"const", kTraceFormat}}},
              {"version", {{"const", kTraceVersion}}},
              {"title", Text("for people")},
              {"property", Text("the property that the trace decides")},
              {"verdict", Text("of selkie check: BROKEN if the last call breaks the property")},
              {"semantics", Text("name of the semantics")},
              {"limits", LimitsSchema()},
              {"uids", UidsSchema()},
              {"calls", {{"type", "array"}, {"items", Reference("call")}}}},
             {"format", "version", "semantics", "limits", "uids", "calls"}));
  schema["$defs"] = Definitions();
  return Lines(schema, 2, "") + "\n";
}

}  // namespace selkie
