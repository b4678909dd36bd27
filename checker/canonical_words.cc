#include "checker/canonical_words.h"

#include <algorithm>
#include <bit>
#include <cstddef>
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
  const bool names_tasks =
      layout.task_tables != 0 || layout.task_parent != 0 || layout.buffer_pipe != 0;
  if (!names_tasks && MakeSpans() && FindMessages()) MakeWays();
}

// Where the bits stand, if in one word; else a span of 64.
template <int W>
typename CanonicalWords<W>::Span CanonicalWords<W>::SpanOf(const PackedWords& bits) const {
  Span span;
  for (int i = 0; i < kMaxPackedWords; ++i) {
    if (bits[i] == 0) continue;
    if (span.width != 0 || i >= W) return {0, 64};
    const int low = std::countr_zero(bits[i]);
    span = {64 * i + low, static_cast<int>(std::bit_width(bits[i] >> low))};
  }
  return span;
}

// False if a block is too wide, or the tasks' do not look alike.
template <int W>
bool CanonicalWords<W>::MakeSpans() {
  const auto tasks = static_cast<size_t>(machine_.layout().limits.tasks);
  const std::vector<PackedWords> blocks = encoding_.Blocks();
  if (blocks.size() < tasks + 1) return false;
  for (size_t i = 0; i <= tasks; ++i) {
    const Span span = SpanOf(blocks[i]);
    if (span.width > 63) return false;
    if (i == tasks)
      files_ = span;
    else
      tasks_.push_back(span);
  }
  const auto shape = [&](size_t i) { return GetBits(blocks[i], tasks_[i].bit, tasks_[i].width); };
  for (size_t i = 1; i < tasks; ++i)
    if (shape(i) != shape(0)) return false;
  return true;
}

// False if a message has more than a file and a task, or they and a task do not fit a word.
template <int W>
bool CanonicalWords<W>::FindMessages() {
  const Layout& layout = machine_.layout();
  if (layout.message_file == 0) return true;
  if (layout.message_inode != 0 || layout.message_mark != 0) return false;
  const std::vector<StoredField> fields = FieldsOf(layout);
  const auto place = [&](size_t offset) {
    for (const StoredField& field : fields) {
      if (field.offset != offset) continue;
      PackedWords bits{};
      PutBits(bits, field.bit, field.width, ~uint64_t{0});
      return SpanOf(encoding_.EncodeRead(bits));
    }
    return Span{};
  };
  for (int i = 0; i < layout.limits.messages; ++i) {
    const size_t at = offsetof(State, messages) + static_cast<size_t>(i) * sizeof(Message);
    messages_.push_back({place(at + offsetof(Message, file)), place(at + offsetof(Message, end))});
    sent_bits_ += messages_.back().file.width;
  }
  return tasks_[0].width + sent_bits_ <= 63;
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

// The files of the messages to the task, renamed, each at its place among all messages.
template <int W>
uint64_t CanonicalWords<W>::SentTo(const Words& words, size_t task, const Way& way) const {
  uint64_t sent = 0;
  int at = 0;
  for (const Sent& message : messages_) {
    const uint64_t file = Get(words, message.file);
    if (file != 0 && Get(words, message.end) == task)
      sent |= (uint64_t{way.file[file - 1]} + 1) << at;
    at += message.file.width;
  }
  return sent;
}

template <int W>
void CanonicalWords<W>::PutSent(Words& words, size_t task, uint64_t sent) const {
  for (const Sent& message : messages_) {
    const uint64_t file = sent & ((uint64_t{1} << message.file.width) - 1);
    sent >>= message.file.width;
    if (file == 0) continue;
    Put(words, message.file, file);
    Put(words, message.end, task);
  }
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
      const uint64_t value = known << sent_bits_ | SentTo(words, t, ways_[way]);
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
  for (size_t t = 0; t < tasks; ++t) {
    Put(words, tasks_[t], least[t] >> sent_bits_);
    PutSent(words, t, least[t] & ((uint64_t{1} << sent_bits_) - 1));
  }
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
