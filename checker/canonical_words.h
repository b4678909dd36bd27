// The canonical form of encoded states (checker/encoding.h), mostly by looking it up.
//
// Names of files and inodes can be exchanged in a few ways.  For each of them, what becomes of
// a task's own bits (with its descriptors and mappings put in order) and of the bits of all files
// and inodes depends on nothing else; so both are found out once for each value, by the renaming
// of checker/canonical.h, and kept.  The canonical form is the least of all: first by the files'
// bits, then by those of the tasks, which are sorted within their roles; a descriptor in flight
// counts as one of the task that it is sent to.  That is exact: one form for all states that
// differ only in names.
//
// Where names of tasks occur elsewhere (threads, parents, rings), or there are too many ways, the
// state is made and renamed as the other engine does it.
#ifndef SELKIE_CHECKER_CANONICAL_WORDS_H_
#define SELKIE_CHECKER_CANONICAL_WORDS_H_

#include <array>
#include <cstdint>
#include <vector>

#include "checker/encoding.h"
#include "checker/machine.h"

namespace selkie {

template <int W>
class CanonicalWords {
 public:
  using Words = std::array<uint64_t, W>;

  // Both must outlive this.
  CanonicalWords(const Machine& machine, Encoding& encoding);

  // Replaces the state by its canonical form.  False if a dictionary is full or the state does
  // not fit the layout.
  bool Canonicalize(Words& words);

  // Whether it is by tables.
  bool by_tables() const { return !ways_.empty(); }
  uint64_t bytes() const;

 private:
  struct Span {
    int bit = 0;
    int width = 0;  // 0 .. 63
  };
  // One way to rename files and inodes.
  struct Way {
    std::array<uint8_t, kMaxFiles> file;
    std::array<uint8_t, kMaxInodes> inode;
  };
  // Values of up to 63 bits, numbered from 0.
  class Numbers {
   public:
    // The number of `value`; *added if it is a new one.
    uint32_t NumberOf(uint64_t value, bool* added) {
      for (uint64_t at = Home(value);; at = (at + 1) & (slots_.size() - 1)) {
        Slot& slot = slots_[at];
        if (slot.value == value) {
          *added = false;
          return slot.number;
        }
        if (slot.value == kFree) break;
      }
      *added = true;
      return Add(value);
    }
    uint64_t size() const { return size_; }
    uint64_t bytes() const { return slots_.size() * sizeof(Slot); }

   private:
    static constexpr uint64_t kFree = ~uint64_t{0};
    struct Slot {
      uint64_t value = kFree;
      uint32_t number = 0;
    };
    uint64_t Home(uint64_t value) const { return value * 0x9e3779b97f4a7c15u >> shift_; }
    void Insert(uint64_t value, uint32_t number);
    uint32_t Add(uint64_t value);
    std::vector<Slot> slots_ = std::vector<Slot>(64);
    int shift_ = 58;
    uint32_t size_ = 0;
  };
  struct FilesForm {
    uint64_t least = 0;          // over all ways
    std::vector<uint16_t> ways;  // that give it
  };
  static constexpr uint64_t kUnknown = ~uint64_t{0};

  uint64_t Get(const Words& words, Span span) const {
    uint64_t value = words[span.bit / 64] >> (span.bit % 64);
    return value & ((uint64_t{1} << span.width) - 1);
  }
  void Put(Words& words, Span span, uint64_t value) const {
    words[span.bit / 64] |= value << (span.bit % 64);
  }
  Span SpanOf(const PackedWords& bits) const;
  bool MakeSpans();
  bool FindMessages();
  void MakeWays();
  // The bits at `span` of the state in which only these bits are set, renamed.  kUnknown: a
  // dictionary is full.
  uint64_t Renamed(Span span, uint64_t value, const Way& way);
  uint64_t SentTo(const Words& words, size_t task, const Way& way) const;
  void PutSent(Words& words, size_t task, uint64_t sent) const;
  bool AddFiles(uint64_t value);
  bool CanonicalizeByState(Words& words);
  bool CanonicalizeByTables(Words& words);

  const Machine& machine_;
  Encoding& encoding_;
  std::vector<Span> tasks_;
  Span files_;
  struct Sent {
    Span file, end;  // of a message: see Message
  };
  std::vector<Sent> messages_;
  int sent_bits_ = 0;      // the files of all messages, side by side
  std::vector<Way> ways_;  // empty: not by tables
  Numbers file_numbers_, task_numbers_;
  std::vector<FilesForm> file_forms_;
  std::vector<uint64_t> task_forms_;  // number * ways + way; kUnknown: not asked yet
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_CANONICAL_WORDS_H_
