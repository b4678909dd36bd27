// What a call gives back, and why.
#ifndef SELKIE_MODEL_RESULT_H_
#define SELKIE_MODEL_RESULT_H_

#include <array>
#include <cstdint>

#include "model/limits.h"

namespace selkie {

struct Rule;  // model/semantics.h

// What a call did to an inode's contents or size, and by what means: the
// evidence on which properties decide.
struct Effect {
  uint8_t wrote = 0;     // inode index + 1 whose contents a write, a store or a
                         // hole punched may have changed
  uint8_t resized = 0;   // inode index + 1 whose size changed
  uint8_t exec = 0;      // inode index + 1 of which an x bit changed
  uint8_t file = 0;      // file index + 1 through which it was done
  uint8_t mm = 0;        // address space index + 1 through which it was done,
  uint8_t map = 0;       // and mapping index + 1 in it (stores)
  uint8_t modified = 0;  // bit i: the modification time of inode i is set anew, also by a call
                         // that a seal refuses.  0 for what depends on which pages are there:
                         // stores (fault_dirty_shared_page), truncate to the same size

  // Whether it did any of it.
  bool ChangedInode() const { return wrote != 0 || resized != 0 || exec != 0; }

  friend bool operator==(const Effect&, const Effect&) = default;
};

struct Result {
  enum class Kind : uint8_t {
    kValue,   // success: value, and by ReturnKind extra and data
    kErrno,   // -1 with errno `value`
    kSignal,  // SIGSEGV or SIGBUS in `value`
    kBound,   // would need more than the limits, or something not modelled:
              // the state is unchanged and the call is not to be executed
  };

  Kind kind = Kind::kValue;
  uint8_t num_data = 0;
  std::array<uint8_t, kMaxPages * kSamplesPerPage> data{};  // bytes read at the
                                                            // sampled offsets
  int64_t value = 0;
  int64_t extra = 0;
  bool changed = false;  // the state is different (false: untouched)
  Effect effect;
  const Rule* rule = nullptr;   // the rule of the semantics that refused, or
                                // that last acted on this call; may be null
  const char* check = nullptr;  // else the kernel's own check, such as
                                // "fs/open.c do_sys_ftruncate: ..."

  bool ok() const { return kind == Kind::kValue; }
};

// Same outcome as a program would see it: kind, value, extra and data.
bool SameOutcome(const Result& a, const Result& b);

}  // namespace selkie

#endif  // SELKIE_MODEL_RESULT_H_
