// Draws one state as Graphviz DOT text, against the state before it.  Internal
// to traces/dot.
#ifndef SELKIE_TRACES_PICTURE_H_
#define SELKIE_TRACES_PICTURE_H_

#include <string>

#include "model/call.h"
#include "model/result.h"
#include "model/semantics.h"
#include "model/state.h"
#include "traces/variables.h"

namespace selkie {

// What a picture shows.
struct Scene {
  const State* before = nullptr;  // null: nothing is drawn as changed
  const State* after = nullptr;
  const Semantics* semantics = nullptr;
  const NameTable* names = nullptr;  // for descriptors and mappings; may be null
  const Call* call = nullptr;        // that led from before to after; may be null
  const Result* result = nullptr;
  bool broken = false;  // its write breaks a promise
  std::string caption;  // above the picture, may be empty
  std::string second_caption;
};

// One digraph.
std::string DrawScene(const Scene& scene);

}  // namespace selkie

#endif  // SELKIE_TRACES_PICTURE_H_
