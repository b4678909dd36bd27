// A field that notes which of its bits are read.
//
// A Tracked value knows which stored field it was loaded from (its origin), and which of its
// bits have been set to something else since.  Copying it reads nothing; the copy has the same
// origin.  Using its value reads it: the bits that are still the origin's are noted in the
// thread's ReadBits.  So of a function of a State that is run on tracked fields it is known
// exactly on which bits of the State its result depends, whatever the function copies to and
// fro: any other State with the same values there takes the same branches.
//
// `field & mask` with a plain mask reads only the bits of the mask; `|=` and `&=` with a plain
// value set bits and read none.
#ifndef SELKIE_MODEL_TRACKED_H_
#define SELKIE_MODEL_TRACKED_H_

#include <array>
#include <concepts>
#include <cstdint>
#include <type_traits>

namespace selkie {

inline constexpr int kMaxTrackedFields = 1024;

// By origin: the bits that were read.
using ReadBits = std::array<uint32_t, kMaxTrackedFields>;

// Where reads of this thread are noted: never null while tracked fields are used.
inline thread_local ReadBits* read_bits = nullptr;

template <typename T>
class Tracked {
 public:
  static constexpr int16_t kNowhere = -1;
  static constexpr uint32_t kAllBits = ~uint32_t{0};

  constexpr Tracked() = default;
  constexpr Tracked(T value) : value_(value) {}  // NOLINT: converts as the plain field does

  operator T() const {  // NOLINT: the same
    Note(kAllBits);
    return value_;
  }

  Tracked& operator=(T value) { return *this = Tracked(value); }

  template <std::integral U>
  Tracked& operator|=(U bits) {
    return Change(static_cast<T>(value_ | static_cast<T>(bits)), static_cast<T>(bits));
  }
  template <std::integral U>
  Tracked& operator&=(U bits) {
    return Change(static_cast<T>(value_ & static_cast<T>(bits)), static_cast<T>(~bits));
  }
  template <typename U>
  Tracked& operator|=(const Tracked<U>& bits) {
    return *this |= static_cast<U>(bits);
  }
  template <typename U>
  Tracked& operator&=(const Tracked<U>& bits) {
    return *this &= static_cast<U>(bits);
  }
  template <std::integral U>
  Tracked& operator+=(U value) {
    return *this = static_cast<T>(T{*this} + value);
  }
  template <std::integral U>
  Tracked& operator-=(U value) {
    return *this = static_cast<T>(T{*this} - value);
  }
  Tracked& operator++() { return *this += 1; }
  Tracked& operator--() { return *this -= 1; }

  template <std::same_as<Tracked> A, std::integral U>
  friend auto operator&(const A& field, U mask) {
    field.Note(static_cast<uint32_t>(mask));
    return field.value_ & mask;
  }
  template <std::same_as<Tracked> A, std::integral U>
  friend auto operator&(U mask, const A& field) {
    return field & mask;
  }
  // Two copies of one field differ at most where they were changed.
  template <std::same_as<Tracked> A>
  friend bool operator==(const A& a, const A& b) {
    const bool same_origin = a.origin_ == b.origin_ && a.origin_ >= 0;
    const uint32_t bits = same_origin ? a.changed_ | b.changed_ : kAllBits;
    a.Note(bits);
    b.Note(bits);
    return ((Number(a.value_) ^ Number(b.value_)) & bits) == 0;
  }

  // A value that was loaded from stored field `origin`.
  static Tracked From(int origin, T value) {
    Tracked field(value);
    field.origin_ = static_cast<int16_t>(origin);
    return field;
  }
  // A value that follows from stored field `origin` and is not stored itself.
  static Tracked DerivedFrom(int origin, T value) { return From(-2 - origin, value); }

  // For the one who stores it as field `origin`: the bits that are not those that were loaded
  // from there, and the value.  Bits that came from elsewhere count as read.
  uint32_t ChangedSince(int origin) const {
    if (origin_ == origin) return changed_;
    Note(kAllBits);
    return kAllBits;
  }
  // The value, without reading it; and where it was loaded from.
  uint32_t Peek() const { return Number(value_); }
  int origin() const { return origin_; }

 private:
  static uint32_t Number(T value) { return static_cast<uint32_t>(value); }

  Tracked& Change(T value, T bits) {
    value_ = value;
    changed_ |= Number(bits);
    return *this;
  }

  // The value is used, in these bits.
  void Note(uint32_t bits) const {
    if (origin_ >= 0)
      (*read_bits)[origin_] |= bits & ~changed_;
    else if (origin_ != kNowhere)
      (*read_bits)[-2 - origin_] = kAllBits;
  }

  T value_{};
  int16_t origin_ = kNowhere;  // or a stored field, or -2 - the stored field it follows from
  uint32_t changed_ = 0;       // bits that are no longer the origin's
};

namespace traced {
template <typename T>
using Field = Tracked<T>;
}  // namespace traced

}  // namespace selkie

#endif  // SELKIE_MODEL_TRACKED_H_
