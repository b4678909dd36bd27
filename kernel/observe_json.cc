// Sequences and observations as JSON, between a host and its guest.
#include "fmt/format.h"
#include "kernel/observe.h"
#include "nlohmann/json.hpp"

namespace selkie {
namespace {

using Json = nlohmann::json;

Json LimitsToJson(const Limits& l) {
  return Json::array(
      {l.tasks, l.fds, l.files, l.inodes, l.maps, l.pages, l.arena, l.messages, l.buffers, l.huge});
}

// A limit: `least` .. its capacity, as State requires.
void GetLimit(const Json& json, size_t index, int capacity, uint8_t* limit, int least = 1) {
  const int value = json.at(index).get<int>();
  if (value < least || value > capacity) throw std::out_of_range("a limit");
  *limit = static_cast<uint8_t>(value);
}

Limits LimitsFrom(const Json& json) {
  Limits l;
  GetLimit(json, 0, kMaxTasks, &l.tasks);
  GetLimit(json, 1, kMaxFds, &l.fds);
  GetLimit(json, 2, kMaxFiles, &l.files);
  GetLimit(json, 3, kMaxInodes, &l.inodes);
  GetLimit(json, 4, kMaxMaps, &l.maps);
  GetLimit(json, 5, kMaxPages, &l.pages);
  GetLimit(json, 6, kArenaPages, &l.arena);
  GetLimit(json, 7, kMaxMessages, &l.messages);
  GetLimit(json, 8, kMaxBuffers, &l.buffers, 0);
  GetLimit(json, 9, kMaxHuge, &l.huge, 0);
  return l;
}

Json CallToJson(const Call& call) {
  return {{"op", static_cast<int>(call.op)}, {"task", call.task}, {"arg", call.arg}};
}

Call CallFrom(const Json& json) {
  Call call;
  const int op = json.at("op").get<int>();
  if (op < 0 || op > static_cast<int>(Op::kExtension)) throw std::out_of_range("an op");
  call.op = static_cast<Op>(op);
  json.at("task").get_to(call.task);
  json.at("arg").get_to(call.arg);
  return call;
}

Json SequenceToJson(const Sequence& sequence) {
  Json calls = Json::array();
  for (const Call& call : sequence.calls) calls.push_back(CallToJson(call));
  return {{"limits", LimitsToJson(sequence.limits)}, {"uids", sequence.uids}, {"calls", calls}};
}

Sequence SequenceFrom(const Json& json) {
  Sequence sequence;
  sequence.limits = LimitsFrom(json.at("limits"));
  json.at("uids").get_to(sequence.uids);
  for (const Json& call : json.at("calls")) sequence.calls.push_back(CallFrom(call));
  return sequence;
}

Json SeenToJson(const ObservedCall& seen) {
  if (!seen.result.has_value()) return {{"not_run", seen.not_run}};
  const Result& r = *seen.result;
  return {{"kind", static_cast<int>(r.kind)},
          {"value", r.value},
          {"extra", r.extra},
          {"data", std::vector<int>(r.data.begin(), r.data.begin() + r.num_data)}};
}

ObservedCall SeenFrom(const Json& json) {
  ObservedCall seen;
  if (json.contains("not_run")) {
    json.at("not_run").get_to(seen.not_run);
    return seen;
  }
  Result r;
  const int kind = json.at("kind").get<int>();
  if (kind < 0 || kind > static_cast<int>(Result::Kind::kSignal)) throw std::out_of_range("a kind");
  r.kind = static_cast<Result::Kind>(kind);
  json.at("value").get_to(r.value);
  json.at("extra").get_to(r.extra);
  for (const Json& byte : json.at("data")) r.data.at(r.num_data++) = byte.get<uint8_t>();
  seen.result = r;
  return seen;
}

ObservedTrace TraceFrom(const Json& json) {
  ObservedTrace trace;
  for (const Json& seen : json) trace.calls.push_back(SeenFrom(seen));
  return trace;
}

Json TraceToJson(const ObservedTrace& trace) {
  Json json = Json::array();
  for (const ObservedCall& seen : trace.calls) json.push_back(SeenToJson(seen));
  return json;
}

absl::Status Bad(const char* what, const std::exception& e) {
  return absl::InvalidArgumentError(fmt::format("not {}: {}", what, e.what()));
}

}  // namespace

std::string SequencesToJson(const std::vector<Sequence>& sequences) {
  Json json = Json::array();
  for (const Sequence& sequence : sequences) json.push_back(SequenceToJson(sequence));
  return json.dump();
}

absl::StatusOr<std::vector<Sequence>> SequencesFromJson(std::string_view text) {
  try {
    std::vector<Sequence> sequences;
    for (const Json& each : Json::parse(text)) sequences.push_back(SequenceFrom(each));
    return sequences;
  } catch (const std::exception& e) {
    return Bad("sequences of calls", e);
  }
}

std::string ObservationToJson(const Observation& observation) {
  Json traces = Json::array();
  for (const ObservedTrace& trace : observation.traces) traces.push_back(TraceToJson(trace));
  return Json({{"release", observation.release},
               {"semantics", observation.semantics},
               {"traces", traces}})
      .dump();
}

absl::StatusOr<Observation> ObservationFromJson(std::string_view text) {
  try {
    const Json json = Json::parse(text);
    Observation observation;
    json.at("release").get_to(observation.release);
    json.at("semantics").get_to(observation.semantics);
    for (const Json& each : json.at("traces")) observation.traces.push_back(TraceFrom(each));
    return observation;
  } catch (const std::exception& e) {
    return Bad("an observation", e);
  }
}

}  // namespace selkie
