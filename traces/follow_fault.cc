// SIGBUS and SIGSEGV: faults at addresses where a memfd is mapped.
#include <csignal>

#include "traces/follower.h"
#include "traces/strace_value.h"

namespace selkie {
namespace {

constexpr int kFaultPage = 5;  // of the arena

// Both codes of signals are 2, as -X raw has them.
bool IsBadAccess(std::string_view code) {
  return code == "BUS_ADRERR" || code == "SEGV_ACCERR" || StraceNumber(code) == 2;
}

}  // namespace

// A fault at an address where a memfd is mapped: would a load or a store there give it?
void Follower::OnSignal(const StraceEvent& event) {
  const bool bus = event.text.starts_with("SIGBUS ");
  if (!bus && !event.text.starts_with("SIGSEGV ")) return;
  const size_t brace = event.text.find('{'), close = event.text.rfind('}');
  if (brace == event.text.npos || close == event.text.npos || close < brace) return;
  const std::string_view info = event.text.substr(brace, close - brace + 1);
  const auto code = StraceField(info, "si_code"), at = StraceField(info, "si_addr");
  const auto address = at ? StraceNumber(*at) : std::nullopt;
  if (!code || !address || !IsBadAccess(*code)) return;
  FollowedProcess& process = world_.Process(event.pid);
  const FollowedMapping* found = process.mm->At(static_cast<uint64_t>(*address));
  if (found == nullptr) return;
  const uint64_t page = static_cast<uint64_t>(*address) & ~static_cast<uint64_t>(kPageSize - 1);
  const FollowedMapping piece = process.mm->Pieces(page, page + kPageSize)[0];
  const int inode = world_.files[piece.file].inode;
  StraceCall call;
  call.pid = event.pid;
  call.name = bus ? "SIGBUS" : "SIGSEGV";
  call.args = {*at};
  call.returned = StraceReturn::kValue;
  call.line = call.last_line = event.line;
  call.result = event.text.substr(0, close + 1);
  const FieldCall field{&call, call.name, call.args, {}, nullptr};
  ++report_.calls;
  std::optional<Ask> last;
  for (const Op op : {Op::kLoad, Op::kStore}) {
    Ask ask(world_, process, Guess{});
    ask.AddPoint(piece.offset);
    ask.AddMapping(piece, kFaultPage, 1, 0);
    ask.Freeze();
    ask.PlaceMapping(static_cast<int>(ask.Small(piece.offset) / kPageSize), 1);
    ask.Run(Call{op, 0, {kFaultPage * kPageSize, 'x'}}, semantics_);
    if (ask.result().kind == Result::Kind::kSignal &&
        ask.result().value == (bus ? SIGBUS : SIGSEGV)) {
      ++report_.modelled;
      ++report_.modelled_by_name[std::string(call.name)];
      return;
    }
    last.emplace(std::move(ask));
  }
  const FollowedInode& about = world_.inodes[inode];
  if (about.hugetlb || last->result().kind == Result::Kind::kBound)
    return Count(field, Unasked::kBound, "a fault");
  if (about.outside || !about.size_known) return Count(field, Unasked::kOrigin);
  Query query(field, process);
  query.inode = inode;
  // UFFD_FEATURE_SIGBUS; MADV_GUARD_INSTALL, in the number that strace prints.
  const bool user_faults = bus && names_.contains("userfaultfd");
  if (user_faults || (!bus && IsGuarded(*address))) return Count(field, Unasked::kBound, "a fault");
  if (RacedBy(query) || MayBeUnseen(query, nullptr)) return Count(field, Unasked::kOrder);
  ++report_.modelled;
  Differs(query, *last);
}

}  // namespace selkie
