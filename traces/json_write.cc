// Trace -> JSON.
#include <limits>

#include "fmt/format.h"
#include "model/call_text.h"
#include "traces/json.h"
#include "traces/json_argument.h"
#include "traces/json_names.h"

namespace selkie {
namespace {

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', true, Json::error_handler_t::replace);
}

Json EffectToJson(const Effect& effect) {
  Json out = Json::object();
  for (const EffectField& field : EffectFields())
    if (effect.*field.member != 0) out[std::string(field.name)] = effect.*field.member - 1;
  for (int inode = 0; inode < kMaxInodes; ++inode)
    if (((effect.modified >> inode) & 1) != 0) out["modified"].push_back(inode);
  return out;
}

void AddReason(const Result& result, Json* out) {
  if (result.rule != nullptr) {
    (*out)["rule"] = {
        {"name", result.rule->name}, {"file", result.rule->file}, {"line", result.rule->line}};
  } else if (result.check != nullptr) {
    (*out)["check"] = result.check;
  }
}

void AddValue(const Result& result, Json* out) {
  (*out)["value"] = result.value;
  if (result.extra != 0) (*out)["extra"] = result.extra;
  if (result.num_data == 0) return;
  (*out)["data"] = Json::array();
  for (int i = 0; i < result.num_data; ++i) (*out)["data"].push_back(result.data[i]);
}

Json ResultToJson(const Result& result) {
  Json out = {{"kind", KindName(result.kind)}};
  switch (result.kind) {
    case Result::Kind::kValue: AddValue(result, &out); break;
    case Result::Kind::kErrno: out["errno"] = ErrnoName(result.value); break;
    case Result::Kind::kSignal: out["signal"] = SignalName(result.value); break;
    case Result::Kind::kBound: break;
  }
  if (result.changed) out["changed"] = true;
  if (Json effect = EffectToJson(result.effect); !effect.empty()) out["effect"] = effect;
  AddReason(result, &out);
  return out;
}

Json CallToJson(const Call& call, const Semantics& semantics) {
  return {{"task", TaskToJson(call.task)},
          {"call", ShortName(call.op)},
          {"args", ArgumentsToJson(call, semantics)}};
}

Json LimitsToJson(const Limits& limits) {
  Json out = Json::object();
  for (const LimitField& field : LimitFields()) out[std::string(field.name)] = limits.*field.member;
  return out;
}

}  // namespace

std::string TraceToJson(const Trace& trace, const Semantics& semantics, const TraceAbout& about) {
  std::string out =
      fmt::format("{{\n  \"format\": \"{}\",\n  \"version\": {},\n", kTraceFormat, kTraceVersion);
  auto member = [&out](std::string_view name, const Json& value) {
    out += fmt::format("  \"{}\": {},\n", name, Dump(value));
  };
  if (!about.title.empty()) member("title", about.title);
  if (!about.property.empty()) member("property", about.property);
  if (!about.verdict.empty()) member("verdict", about.verdict);
  member("semantics", trace.semantics);
  member("limits", LimitsToJson(trace.sequence.limits));
  member("uids", trace.sequence.uids);
  out += "  \"calls\": [";
  for (size_t i = 0; i < trace.sequence.calls.size(); ++i) {
    Json call = CallToJson(trace.sequence.calls[i], semantics);
    if (i < trace.results.size()) call["result"] = ResultToJson(trace.results[i]);
    out += fmt::format("{}\n    {}", i == 0 ? "" : ",", Dump(call));
  }
  return out + "\n  ]\n}\n";
}

}  // namespace selkie
