#include "checker/canonical_words.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "checker/canonical.h"

namespace selkie {
namespace {

constexpr size_t kMostWays = 150;  // five files and one inode, or four and three

// Calls f with each order of the first `count` of `names`, which are 0, 1, ...
template <typename Names, typename F>
void ForEachOrder(Names names, int count, const F& f) {
  std::iota(names.begin(), names.end(), 0);
  do f(names);
  while (std::next_permutation(names.begin(), names.begin() + count));
}

size_t Factorial(int n) { return n <= 1 ? 1 : n * Factorial(n - 1); }

}  // namespace

// ---- Numbers ----

template <int W>
void CanonicalWords<W>::Numbers::Insert(uint64_t value, uint32_t number) {
  uint64_t at = Home(value);
  while (slots_[at].value != kFree) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = {value, number};
}

template <int W>
uint32_t CanonicalWords<W>::Numbers::Add(uint64_t value) {
  if (uint64_t{size_ + 1} * 2 > slots_.size()) {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    --shift_;
    for (const Slot& slot : old)
      if (slot.value != kFree) Insert(slot.value, slot.number);
  }
  Insert(value, size_);
  return size_++;
}

// ---- Making ----

template <int W>
CanonicalWords<W>::CanonicalWords(const Machine& machine, Encoding& encoding)
    : machine_(machine), encoding_(encoding) {
  const Layout& layout = machine.layout();
  const bool names_tasks = layout.task_tables != 0 || layout.task_parent != 0 ||
                           layout.message_file != 0 || layout.buffer_pipe != 0;
  if (!names_tasks && MakeSpans()) MakeWays();
}

// False if a block is too wide, or the tasks' do not look alike.
template <int W>
bool CanonicalWords<W>::MakeSpans() {
  std::vector<uint64_t> shapes;
  for (const PackedWords& block : encoding_.Blocks()) {
    Span span;
    uint64_t shape = 0;
    for (int i = 0; i < kMaxPackedWords; ++i) {
      if (block[i] == 0) continue;
      if (shape != 0 || i >= W) return false;  // in two words
      const int low = std::countr_zero(block[i]);
      shape = block[i] >> low;
      span = {64 * i + low, static_cast<int>(std::bit_width(shape))};
    }
    if (span.width > 63) return false;
    shapes.push_back(shape);
    tasks_.push_back(span);
  }
  const auto tasks = static_cast<size_t>(machine_.layout().limits.tasks);
  if (tasks_.size() != tasks + 1) return false;
  files_ = tasks_.back();
  tasks_.pop_back();
  return std::all_of(shapes.begin(), shapes.end() - 1,
                     [&](uint64_t shape) { return shape == shapes[0]; });
}

template <int W>
void CanonicalWords<W>::MakeWays() {
  const Limits& limits = machine_.layout().limits;
  const bool renames = machine_.symmetry().files;
  const int files = renames ? limits.files : 0, inodes = renames ? limits.inodes : 0;
  if (Factorial(files) * Factorial(inodes) > kMostWays) return;
  ForEachOrder(std::array<uint8_t, kMaxFiles>{}, files, [&](const auto& file) {
    ForEachOrder(std::array<uint8_t, kMaxInodes>{}, inodes, [&](const auto& inode) {
      ways_.push_back({file, inode});
    });
  });
}

// ---- Asking ----

template <int W>
uint64_t CanonicalWords<W>::Renamed(Span span, uint64_t value, const Way& way) {
  PackedWords words{}, packed;
  PutBits(words, span.bit, span.width, value);
  encoding_.Decode(words, &packed);
  State state;
  Unpack(machine_.layout(), packed, state);
  const State renamed =
      Rename(state, RenamingWith(state, machine_.symmetry(), way.file, way.inode));
  packed = {};
  if (Pack(machine_.layout(), renamed, packed) < 0 || !encoding_.Encode(packed, &words))
    return kUnknown;
  return GetBits(words, span.bit, span.width);
}

template <int W>
bool CanonicalWords<W>::AddFiles(uint64_t value) {
  FilesForm form;
  form.least = kUnknown;
  for (size_t i = 0; i < ways_.size(); ++i) {
    const uint64_t renamed = Renamed(files_, value, ways_[i]);
    if (renamed == kUnknown) return false;
    if (renamed < form.least) form.ways.clear();
    form.least = std::min(form.least, renamed);
    if (renamed == form.least) form.ways.push_back(static_cast<uint16_t>(i));
  }
  file_forms_.push_back(std::move(form));
  return true;
}

template <int W>
bool CanonicalWords<W>::CanonicalizeByTables(Words& words) {
  bool added;
  const uint64_t files = Get(words, files_);
  const uint32_t files_number = file_numbers_.NumberOf(files, &added);
  if (added && !AddFiles(files)) return false;
  const FilesForm& form = file_forms_[files_number];
  const size_t tasks = tasks_.size();
  std::array<uint32_t, kMaxTasks> numbers;
  for (size_t t = 0; t < tasks; ++t) {
    numbers[t] = task_numbers_.NumberOf(Get(words, tasks_[t]), &added);
    if (added) task_forms_.resize(task_forms_.size() + ways_.size(), kUnknown);
  }
  const Symmetry& symmetry = machine_.symmetry();
  std::array<uint64_t, kMaxTasks> least, these;
  bool first = true;
  for (const uint16_t way : form.ways) {
    for (size_t t = 0; t < tasks; ++t) {
      uint64_t& known = task_forms_[numbers[t] * ways_.size() + way];
      if (known == kUnknown) known = Renamed(tasks_[t], Get(words, tasks_[t]), ways_[way]);
      if (known == kUnknown) return false;
      const uint64_t value = known;
      size_t at = t;  // in order within the role
      for (; symmetry.tasks && at > 0 && symmetry.role[at - 1] == symmetry.role[t] &&
             these[at - 1] > value;
           --at)
        these[at] = these[at - 1];
      these[at] = value;
    }
    const bool less = first || std::lexicographical_compare(these.begin(), these.begin() + tasks,
                                                            least.begin(), least.begin() + tasks);
    if (less) least = these;
    first = false;
  }
  words = {};
  Put(words, files_, form.least);
  for (size_t t = 0; t < tasks; ++t) Put(words, tasks_[t], least[t]);
  return true;
}

template <int W>
bool CanonicalWords<W>::CanonicalizeByState(Words& words) {
  PackedWords encoded{}, packed;
  std::copy_n(words.begin(), W, encoded.begin());
  encoding_.Decode(encoded, &packed);
  State state;
  Unpack(machine_.layout(), packed, state);
  const State renamed = Rename(state, CanonicalRenaming(state, machine_.symmetry()));
  packed = {};
  if (Pack(machine_.layout(), renamed, packed) < 0 || !encoding_.Encode(packed, &encoded))
    return false;
  std::copy_n(encoded.begin(), W, words.begin());
  return true;
}

template <int W>
bool CanonicalWords<W>::Canonicalize(Words& words) {
  return by_tables() ? CanonicalizeByTables(words) : CanonicalizeByState(words);
}

template <int W>
uint64_t CanonicalWords<W>::bytes() const {
  return file_numbers_.bytes() + task_numbers_.bytes() + task_forms_.capacity() * 8 +
         file_forms_.size() * (sizeof(FilesForm) + 16);
}

template class CanonicalWords<1>;
template class CanonicalWords<2>;
template class CanonicalWords<3>;
template class CanonicalWords<4>;

}  // namespace selkie
