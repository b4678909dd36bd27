#include "traces/dot.h"

#include <algorithm>
#include <cstdlib>

#include "fmt/format.h"
#include "scenarios/scenario.h"
#include "traces/picture.h"
#include "traces/strace.h"

namespace selkie {
namespace {

// The call and what it gave; with names, as the picture has them.
std::vector<std::string> Captions(const Trace& trace, const Semantics& semantics) {
  StraceOptions options;
  options.reasons = false;
  options.names = true;
  std::vector<std::string> captions;
  for (std::string line : StraceLines(trace, semantics, options)) {
    // One call alone needs no column for its result.
    for (size_t at; (at = line.find("  ")) != line.npos;) line.erase(at, 1);
    captions.push_back(line);
  }
  return captions;
}

std::string StepDot(const Trace& trace, const std::vector<State>& states,
                    const Variables& variables, const Semantics& semantics, size_t i,
                    const std::string& caption, bool broken) {
  Scene scene;
  scene.before = &states[i];
  scene.after = &states[i + 1];
  scene.semantics = &semantics;
  scene.names = &variables.Before(i + 1);
  scene.call = &trace.sequence.calls[i];
  scene.result = &trace.results[i];
  scene.broken = broken;
  if (!caption.empty()) {
    scene.caption = fmt::format("{}. {}", i + 1, caption);
    scene.second_caption = DecidedBy(trace.results[i]);
  }
  return DrawScene(scene);
}

// The number in an attribute such as width="123pt".
double AttributeOf(const std::string& svg, std::string_view name) {
  const size_t at = svg.find(fmt::format("{}=\"", name));
  return at == svg.npos ? 0 : std::strtod(svg.c_str() + at + name.size() + 2, nullptr);
}

}  // namespace

std::string StateToDot(const State& state, const Semantics& semantics) {
  Scene scene;
  scene.after = &state;
  scene.semantics = &semantics;
  return DrawScene(scene);
}

std::vector<std::string> TraceToDotSteps(const Trace& trace, const Semantics& semantics,
                                         const PictureOptions& options) {
  std::vector<State> states;
  const Trace replayed = Replay(trace.sequence, semantics, &states);
  const Variables variables(replayed, states, semantics);
  const std::vector<std::string> captions = Captions(replayed, semantics);
  std::vector<std::string> steps;
  for (size_t i = 0; i < replayed.results.size(); ++i)
    steps.push_back(StepDot(replayed, states, variables, semantics, i,
                            options.captions ? captions[i] : "",
                            options.broken_step == static_cast<int>(i)));
  return steps;
}

absl::StatusOr<std::vector<std::string>> TraceToSvgSteps(const Trace& trace,
                                                         const Semantics& semantics,
                                                         const PictureOptions& options) {
  const std::vector<std::string> steps = TraceToDotSteps(trace, semantics, options);
  std::string all;
  for (const std::string& step : steps) all += step;
  absl::StatusOr<std::vector<std::string>> pictures = DotToSvg(all);
  if (!pictures.ok()) return pictures.status();
  if (pictures->size() != steps.size())
    return absl::InternalError(
        fmt::format("Graphviz's 'dot' drew {} pictures of {}", pictures->size(), steps.size()));
  return pictures;
}

absl::StatusOr<std::string> TraceToSvg(const Trace& trace, const Semantics& semantics,
                                       const PictureOptions& options) {
  constexpr double kGap = 18;  // points between two steps
  absl::StatusOr<std::vector<std::string>> steps = TraceToSvgSteps(trace, semantics, options);
  if (!steps.ok()) return steps.status();
  double width = 0, height = 0;
  std::string body;
  for (const std::string& step : *steps) {
    width = std::max(width, AttributeOf(step, "width"));
    body += fmt::format("<svg y=\"{:.1f}pt\"{}", height, step.substr(4));
    height += AttributeOf(step, "height") + kGap;
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<svg width=\"{:.0f}pt\" height=\"{:.0f}pt\" xmlns=\"http://www.w3.org/2000/svg\" "
      "xmlns:xlink=\"http://www.w3.org/1999/xlink\">\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n{}</svg>\n",
      width, height, body);
}

}  // namespace selkie
