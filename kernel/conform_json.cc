// Reports between the processes and guests that take part, and for programs.
#include <algorithm>

#include "fmt/format.h"
#include "kernel/conform.h"
#include "nlohmann/json.hpp"

namespace selkie {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const Divergence& d) {
  return {{"origin", d.origin}, {"summary", d.summary}, {"scenario", d.scenario},
          {"kind", d.kind},     {"calls", d.calls},     {"calls_before", d.calls_before}};
}

Divergence DivergenceFrom(const Json& json) {
  Divergence d;
  json.at("origin").get_to(d.origin);
  json.at("summary").get_to(d.summary);
  json.at("scenario").get_to(d.scenario);
  json.at("kind").get_to(d.kind);
  json.at("calls").get_to(d.calls);
  json.at("calls_before").get_to(d.calls_before);
  return d;
}

Json CountsToJson(const std::array<OpCount, kNumOps>& counts) {
  Json json = Json::object();
  for (const CallSpec& spec : CallTable()) {
    const OpCount& count = counts[static_cast<int>(spec.op)];
    if (count.calls == 0) continue;
    json[std::string(ShortName(spec.op))] = {{"calls", count.calls},
                                             {"succeeded", count.succeeded}};
  }
  return json;
}

void CountsFrom(const Json& json, std::array<OpCount, kNumOps>* counts) {
  for (const CallSpec& spec : CallTable()) {
    const auto found = json.find(std::string(ShortName(spec.op)));
    if (found == json.end()) continue;
    OpCount& count = (*counts)[static_cast<int>(spec.op)];
    found->at("calls").get_to(count.calls);
    found->at("succeeded").get_to(count.succeeded);
  }
}

ConformReport ReportFrom(const Json& json) {
  ConformReport r;
  json.at("release").get_to(r.release);
  json.at("semantics").get_to(r.semantics);
  json.at("semantics_digest").get_to(r.semantics_digest);
  json.at("scenarios").get_to(r.scenarios);
  json.at("sequences").get_to(r.sequences);
  json.at("pairs").get_to(r.pairs);
  json.at("calls").get_to(r.calls);
  json.at("succeeded").get_to(r.succeeded);
  json.at("state_facts").get_to(r.state_facts);
  json.at("states").get_to(r.states);
  json.at("tried").get_to(r.tried);
  json.at("confirmed").get_to(r.confirmed);
  json.at("beyond").get_to(r.beyond);
  json.at("outcomes").get_to(r.outcomes);
  json.at("differing").get_to(r.differing);
  json.at("hangs").get_to(r.hangs);
  json.at("wrong_texts").get_to(r.wrong_texts);
  json.at("not_run").get_to(r.not_run);
  json.at("seconds").get_to(r.seconds);
  json.at("complete").get_to(r.complete);
  CountsFrom(json.at("by_call"), &r.by_op);
  json.at("by_rule").get_to(r.by_rule);
  for (const Json& each : json.at("divergences")) r.divergences.push_back(DivergenceFrom(each));
  return r;
}

}  // namespace

std::string ReportToJson(const ConformReport& r) {
  Json divergences = Json::array();
  for (const Divergence& d : r.divergences) divergences.push_back(ToJson(d));
  const Json json = {{"release", r.release},
                     {"semantics", r.semantics},
                     {"semantics_digest", r.semantics_digest},
                     {"scenarios", r.scenarios},
                     {"sequences", r.sequences},
                     {"pairs", r.pairs},
                     {"calls", r.calls},
                     {"succeeded", r.succeeded},
                     {"calls_per_second", r.seconds > 0 ? r.calls / r.seconds : 0.0},
                     {"state_facts", r.state_facts},
                     {"states", r.states},
                     {"tried", r.tried},
                     {"confirmed", r.confirmed},
                     {"beyond", Json(r.beyond)},
                     {"outcomes", Json(r.outcomes)},
                     {"differing", r.differing},
                     {"hangs", r.hangs},
                     {"seconds", r.seconds},
                     {"complete", r.complete},
                     {"by_call", CountsToJson(r.by_op)},
                     {"by_rule", r.by_rule},
                     {"wrong_texts", r.wrong_texts},
                     {"not_run", r.not_run},
                     {"divergences", divergences}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<ConformReport> ReportFromJson(std::string_view text) {
  try {
    return ReportFrom(Json::parse(text));
  } catch (const Json::exception& e) {
    return absl::InvalidArgumentError(fmt::format("not a report of conform: {}", e.what()));
  }
}

}  // namespace selkie
