// The type of one field of a State.
//
// To the model a field is a plain number.  checker/ compiles the same sources once
// more in namespace selkie::traced (checker/traced_model.cc), where a field notes
// who reads it: there SELKIE_TRACED is defined and Field comes from model/tracked.h.
#ifndef SELKIE_MODEL_FIELD_H_
#define SELKIE_MODEL_FIELD_H_

#include <array>
#include <cstdint>
#include <cstring>
#include <type_traits>

#ifdef SELKIE_TRACED
#include "model/tracked.h"
#endif

namespace selkie {

#ifndef SELKIE_TRACED
template <typename T>
using Field = T;
#endif

// Equality in a few word-wide comparisons: defaulted operators call memcmp for
// each of the small arrays inside, and the checker compares often.  Field by field
// where a field is more than its bytes; T::AllFields() is a tuple of references.
template <typename T>
bool SameFields(const T& a, const T& b) {
  if constexpr (std::has_unique_object_representations_v<T>) {
    std::array<uint64_t, (sizeof(T) + 7) / 8> x{}, y{};
    std::memcpy(x.data(), &a, sizeof(T));
    std::memcpy(y.data(), &b, sizeof(T));
    uint64_t difference = 0;
    for (size_t i = 0; i < x.size(); ++i) difference |= x[i] ^ y[i];
    return difference == 0;
  } else {
    return a.AllFields() == b.AllFields();
  }
}

}  // namespace selkie

#endif  // SELKIE_MODEL_FIELD_H_
