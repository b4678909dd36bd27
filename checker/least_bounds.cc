#include "checker/least_bounds.h"

namespace selkie {

absl::StatusOr<Bounds> LeastBounds(const Property& property, const Semantics& semantics,
                                   const Semantics* baseline, const Verdict& verdict,
                                   const SearchOptions& options) {
  Bounds least = verdict.bounds;
  for (const BoundField& field : BoundFields()) {
    while (least.*(field.field) > field.lowest) {
      Bounds less = least;
      --(less.*(field.field));
      const absl::StatusOr<Verdict> asked = Check(property, semantics, baseline, less, options);
      // Machine::Make refuses bounds in which a call of the property has no room.
      if (absl::IsInvalidArgument(asked.status())) break;
      if (!asked.ok()) return asked.status();
      if (asked->kind != verdict.kind || !asked->has_witness || asked->bounds != less) break;
      least = less;
    }
  }
  return least;
}

}  // namespace selkie
