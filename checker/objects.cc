// The objects that exist in a state, and which candidates they make calls.
#include "checker/machine.h"

namespace selkie {
namespace {

void AddFds(const State& s, const FdTable& table, Objects::List& fds, Objects::List& files) {
  std::array<uint8_t, kMaxFiles + 1> place{};  // of a file in `files`, plus one
  for (int j = 0; j < s.limits.fds; ++j) {
    const uint8_t file = table[j].file;
    if (file == 0) continue;
    fds.Add(j);
    if (place[file] != 0) {
      ++files.times[place[file] - 1];
      continue;
    }
    files.Add(j);
    place[file] = files.count;
  }
}

}  // namespace

Objects ObjectsOf(const State& s) {
  Objects objects;
  for (int t = 0; t < s.limits.tasks; ++t) {
    if (s.tasks[t].state != TaskState::kRunning) continue;
    objects.tasks.Add(t);
    AddFds(s, s.fds[s.tasks[t].fds], objects.fds[t], objects.files[t]);
    const AddressSpace& mm = s.mms[s.tasks[t].mm];
    for (int j = 0; j < s.limits.maps && mm[j].file != 0; ++j) objects.maps[t].Add(mm[j].start);
    for (int j = 0; j < s.limits.buffers && s.buffers[j].pipe != 0; ++j)
      if (s.buffers[j].pipe == RingOf(t)) objects.pins[t].Add(HalfPageOf(s.buffers[j]));
  }
  return objects;
}

}  // namespace selkie
