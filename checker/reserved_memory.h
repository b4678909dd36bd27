// Memory of which only what was written to is taken; zero at first.  Internal to checker/.
#ifndef SELKIE_CHECKER_RESERVED_MEMORY_H_
#define SELKIE_CHECKER_RESERVED_MEMORY_H_

#include <cstdint>

namespace selkie {

class ReservedMemory {
 public:
  // kHuge: for what is all used, and in no order: the processor then knows where more of it is.
  enum class Pages : uint8_t { kSmall, kHuge };

  // `bytes` of addresses, or as many as there are if there are fewer: see bytes().  Ends the
  // program if there are not even `least`.
  ReservedMemory(uint64_t bytes, uint64_t least, Pages pages = Pages::kSmall);
  ~ReservedMemory();
  ReservedMemory(const ReservedMemory&) = delete;
  ReservedMemory& operator=(const ReservedMemory&) = delete;
  void* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }

 private:
  uint64_t bytes_;
  void* data_;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_RESERVED_MEMORY_H_
