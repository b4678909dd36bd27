// The model and the machine once more, with fields that note who reads them.
//
// What does not speak of a State is the same as everywhere: it is included first.  Then the
// name `selkie` stands for selkie::traced, and the very sources of the model follow.  This is
// the one place where a macro stands for a name; the alternative is a template parameter in
// every function of the model.
#define SELKIE_TRACED
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "checker/machine_parts.h"
#include "checker/property.h"
#include "checker/stored_fields.h"
#include "checker/traced_machine.h"
#include "checker/traced_setup.h"
#include "fmt/format.h"
#include "model/call.h"
#include "model/condition.h"
#include "model/limits.h"
#include "model/result.h"
#include "model/semantics.h"
#include "model/tracked.h"

#ifndef NDEBUG
#define NDEBUG  // a traced state is not validated: the plain one is
#endif

#define selkie selkie::traced
#include "checker/machine.cc"
#include "model/address_space.cc"
#include "model/advice.cc"
#include "model/copy.cc"
#include "model/create.cc"
#include "model/descriptor.cc"
#include "model/execute.cc"
#include "model/extension.cc"
#include "model/hugetlb.cc"
#include "model/inode.cc"
#include "model/io_uring.cc"
#include "model/lease.cc"
#include "model/map.cc"
#include "model/memory.cc"
#include "model/message.cc"
#include "model/mlock.cc"
#include "model/mprotect.cc"
#include "model/mremap.cc"
#include "model/open.cc"
#include "model/other.cc"
#include "model/pipe.cc"
#include "model/process.cc"
#include "model/read_write.cc"
#include "model/remote.cc"
#include "model/rules.cc"
#include "model/ruling.cc"
#include "model/seal.cc"
#include "model/size.cc"
#include "model/state.cc"
#include "model/step.cc"
#include "model/sync.cc"
#include "model/udmabuf.cc"
#include "model/vmsplice.cc"
#undef selkie

namespace selkie {
namespace {

// Fills the stored fields from packed bits; each knows its number from then on.
class Loader {
 public:
  Loader(const std::vector<TracedSetup::Place>& places, const PackedWords& words)
      : places_(places), words_(words) {}
  template <typename T>
  void operator()(Tracked<T>& field, int) {
    const TracedSetup::Place& place = places_[next_];
    field = Tracked<T>::From(next_, static_cast<T>(GetBits(words_, place.bit, place.width)));
    ++next_;
  }

 private:
  const std::vector<TracedSetup::Place>& places_;
  const PackedWords& words_;
  int next_ = 0;
};

// Packs what differs from the state that was loaded.
class Differences {
 public:
  Differences(const std::vector<TracedSetup::Place>& places, TracedStep& step)
      : places_(places), step_(step) {}
  template <typename T>
  void operator()(Tracked<T>& field, int) {
    const TracedSetup::Place& place = places_[next_];
    const uint32_t changed = field.ChangedSince(next_++);
    if (changed == 0) return;
    PutBits(step_.written, place.bit, place.width, changed);
    PutBits(step_.value, place.bit, place.width, field.Peek() & changed);
    fits_ &= place.width >= 32 || field.Peek() >> place.width == 0;
  }
  bool fits() const { return fits_; }

 private:
  const std::vector<TracedSetup::Place>& places_;
  TracedStep& step_;
  int next_ = 0;
  bool fits_ = true;
};

}  // namespace

class TracedMachine::Impl {
 public:
  explicit Impl(TracedSetup setup) : setup_(std::move(setup)), machine_(setup_.parts) {
    blank_.limits = setup_.widths.limits;
    for (int i = 0; i < kMaxTasks; ++i) {
      const TracedSetup::TaskFields& from = setup_.tasks[i];
      traced::Task& task = blank_.tasks[i];
      task.state = static_cast<traced::TaskState>(from.state);
      task.fds = from.fds;
      task.mm = from.mm;
      task.parent = from.parent;
      task.mark = from.mark;
      task.uid = from.uid;
    }
  }

  void Load(const PackedWords& words) {
    state_ = blank_;
    Loader loader(setup_.places, words);
    VisitStored(loader, setup_.widths, state_);
    FillUnstored();
    read_ = {};
    read_bits = &read_;
  }

  bool Try(const PackedWords& words, const CandidateMove& candidate, TracedStep* step) {
    *step = TracedStep{};
    Load(words);
    Move move;
    step->times = machine_.TimesOf(state_, candidate, &move);
    bool fits = true;
    if (step->times > 0) {
      const traced::StepOutcome outcome = machine_.ApplyOnly(state_, move);
      step->made = outcome.made;
      step->bound = outcome.bound;
      step->changed = outcome.changed;
      step->hit = outcome.hit;
      step->finished = outcome.finished;
      step->op = move.call.op;
      if (outcome.changed && !outcome.bound && !outcome.hit) {
        Differences differences(setup_.places, *step);
        VisitStored(differences, setup_.widths, state_);
        fits = differences.fits();
      }
    }
    step->read = ReadMask();
    return fits;
  }

  bool StateHits(const PackedWords& words, PackedWords* read) {
    Load(words);
    const bool hits = machine_.StateHits(state_);
    *read = ReadMask();
    return hits;
  }

  bool InForce(const PackedWords& words, PackedWords* read) {
    Load(words);
    const bool in_force = machine_.InForce(state_);
    *read = ReadMask();
    return in_force;
  }

 private:
  // What FillMappings and FillLiveInode of checker/packing.cc do.
  void FillUnstored() {
    const FieldWidths& l = setup_.widths;
    for (int i = 0; i < l.limits.tasks && l.map_pages == 0; ++i) {
      for (int j = 0; j < l.limits.maps; ++j) {
        traced::Mapping& m = state_.mms[i][j];
        m.pages = Tracked<uint8_t>::DerivedFrom(m.file.origin(), m.file.Peek() != 0);
      }
    }
    for (int i = 0; i < l.limits.inodes; ++i) {
      traced::Inode& inode = state_.inodes[i];
      const int from = inode.kind.origin();
      const auto kind = static_cast<traced::InodeKind>(inode.kind.Peek());
      const bool live = kind == traced::InodeKind::kMemfd || kind == traced::InodeKind::kHugetlb;
      const auto derive = [&]<typename T>(Tracked<T>& field, T value) {
        field = Tracked<T>::DerivedFrom(from, live ? value : T{});
      };
      if (l.inode_mask == 0) derive(inode.mask, setup_.live_mask);
      if (l.inode_mode == 0) derive(inode.mode, setup_.live_mode);
      if (l.inode_uid != 0) continue;
      derive(inode.uid, setup_.live_uid);
      derive(inode.gid, setup_.live_gid);
    }
  }

  PackedWords ReadMask() const {
    PackedWords mask{};
    for (size_t i = 0; i < setup_.places.size(); ++i)
      if (read_[i] != 0) PutBits(mask, setup_.places[i].bit, setup_.places[i].width, read_[i]);
    return mask;
  }

  TracedSetup setup_;
  traced::Machine machine_;
  traced::State blank_, state_;
  ReadBits read_{};
};

TracedMachine::TracedMachine(const Machine& machine)
    : impl_(std::make_unique<Impl>(TracedSetupOf(machine))) {}
TracedMachine::~TracedMachine() = default;

bool TracedMachine::Try(const PackedWords& state, const CandidateMove& candidate,
                        TracedStep* step) {
  return impl_->Try(state, candidate, step);
}
bool TracedMachine::StateHits(const PackedWords& state, PackedWords* read) {
  return impl_->StateHits(state, read);
}
bool TracedMachine::InForce(const PackedWords& state, PackedWords* read) {
  return impl_->InForce(state, read);
}

}  // namespace selkie
