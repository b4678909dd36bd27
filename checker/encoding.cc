#include "checker/encoding.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <map>
#include <tuple>

namespace selkie {
namespace {

// Where a field stands: the kind of object, which one of them, which member.
struct Place {
  enum class Kind : uint8_t {
    kTask,
    kFd,
    kMapping,
    kFile,
    kInode,
    kMessage,
    kBuffer,
    kNamespace
  } kind;
  int table;   // of descriptors and mappings: whose
  int index;   // of the object
  int member;  // bytes into the object
};

Place PlaceOf(const StoredField& field) {
  const State state;
  const auto* const base = reinterpret_cast<const char*>(&state);
  const auto within = [&](const auto& object) {
    const auto at = field.offset - (reinterpret_cast<const char*>(&object) - base);
    return at >= 0 && at < static_cast<std::ptrdiff_t>(sizeof(object)) ? static_cast<int>(at) : -1;
  };
  if (within(state.noexec) >= 0) return {Place::Kind::kNamespace, 0, 0, 0};
  for (int i = 0; i < kMaxTasks; ++i) {
    if (const int at = within(state.tasks[i]); at >= 0) return {Place::Kind::kTask, i, i, at};
    for (int j = 0; j < kMaxFds; ++j)
      if (const int at = within(state.fds[i][j]); at >= 0) return {Place::Kind::kFd, i, j, at};
    for (int j = 0; j < kMaxMaps; ++j)
      if (const int at = within(state.mms[i][j]); at >= 0) return {Place::Kind::kMapping, i, j, at};
  }
  for (int i = 0; i < kMaxFiles; ++i)
    if (const int at = within(state.files[i]); at >= 0) return {Place::Kind::kFile, 0, i, at};
  for (int i = 0; i < kMaxInodes; ++i)
    if (const int at = within(state.inodes[i]); at >= 0) return {Place::Kind::kInode, 0, i, at};
  for (int i = 0; i < kMaxMessages; ++i)
    if (const int at = within(state.messages[i]); at >= 0) return {Place::Kind::kMessage, 0, i, at};
  for (int i = 0; i < kMaxBuffers; ++i)
    if (const int at = within(state.buffers[i]); at >= 0) return {Place::Kind::kBuffer, 0, i, at};
  return {Place::Kind::kTask, 0, 0, field.offset};
}

// Fields of one object that share a code: what is mostly read together and has few values; if
// tight, all of a file but its inode, and all of a mapping but its file.
constexpr int kWide = 8;
bool Joins(const Place& place, Encoding::Kind kind) {
  const auto is = [&](auto... members) {
    return ((place.member == static_cast<int>(members)) || ...);
  };
  if (kind == Encoding::Kind::kPlain) return false;
  const bool tight = kind == Encoding::Kind::kTight;
  if (place.kind == Place::Kind::kFile)
    return tight ? !is(offsetof(File, inode)) : is(offsetof(File, mode), offsetof(File, flags));
  if (place.kind != Place::Kind::kMapping) return false;
  return tight ? !is(offsetof(Mapping, file)) : is(offsetof(Mapping, prot), offsetof(Mapping, may));
}

}  // namespace

Encoding::Encoding(const Layout& layout, Kind kind) : mutex_(std::make_unique<SpinLock>()) {
  const int files_block = layout.limits.tasks, messages_block = files_block + 1;
  const auto block_of = [&](const Place& place) {
    if (place.kind == Place::Kind::kMessage) return messages_block;
    if (place.kind == Place::Kind::kBuffer) return messages_block + 1;
    const bool shared = place.kind == Place::Kind::kFile || place.kind == Place::Kind::kInode ||
                        place.kind == Place::Kind::kNamespace;
    return shared ? files_block : place.table;
  };
  // Dictionaries by what they are of: objects of one kind share one.
  std::map<std::tuple<int, int, int>, int> dictionary_of;
  const auto dictionary = [&](const Place& place, int part, int member) {
    const auto [found, added] = dictionary_of.try_emplace(
        {static_cast<int>(place.kind), part, member}, static_cast<int>(dictionaries_.size()));
    if (added) {
      dictionaries_.emplace_back();
      dictionaries_.back().values.push_back(0);  // an object that is free is code 0
      dictionaries_.back().code_of[0] = 0;
    }
    return found->second;
  };
  // Pieces of fields that share a code are made when their object ends.
  std::map<std::tuple<int, int, int>, std::vector<Field>> joined;
  std::map<std::tuple<int, int, int>, Place> places;
  for (const StoredField& field : FieldsOf(layout)) {
    const Place place = PlaceOf(field);
    const Field stored{field.bit, field.width};
    if (Joins(place, kind)) {
      const std::tuple key{static_cast<int>(place.kind), place.table, place.index};
      joined[key].push_back(stored);
      places.emplace(key, place);
    } else {
      const bool coded = kind != Kind::kPlain && field.width >= kWide;
      AddPiece({stored}, coded ? dictionary(place, 0, place.member) : -1, block_of(place));
    }
  }
  for (const auto& [key, fields] : joined) {
    // A value is one word; the contents of a mapping may be more.
    std::vector<Field> part;
    int width = 0, parts = 0;
    const Place& place = places.at(key);
    const auto finish = [&] {
      if (part.empty()) return;
      const bool coded = width > 2;
      if (coded)
        AddPiece(part, dictionary(place, ++parts, -1), block_of(place));
      else
        for (const Field& field : part) AddPiece({field}, -1, block_of(place));
      part.clear();
      width = 0;
    };
    for (const Field& field : fields) {
      if (width + field.width > 64) finish();
      part.push_back(field);
      width += field.width;
    }
    finish();
  }
  std::stable_sort(pieces_.begin(), pieces_.end(),
                   [](const Piece& a, const Piece& b) { return a.block < b.block; });
  PlacePieces();
}

void Encoding::AddPiece(std::vector<Field> fields, int dictionary, int block) {
  Piece piece;
  piece.width = dictionary < 0 ? fields[0].width : 0;
  piece.fields = std::move(fields);
  piece.dictionary = dictionary;
  piece.block = block;
  pieces_.push_back(std::move(piece));
}

// Bit 63 of word 0 stays free.  An object that fits a word is not torn apart either, so that
// all tasks look alike.
void Encoding::PlacePieces() {
  bits_ = 0;
  const auto make_room = [this](int width) {
    const int end = bits_ + width;
    if (bits_ / 64 != (end - 1) / 64 || (bits_ < 64 && end > 63)) bits_ = (bits_ / 64 + 1) * 64;
  };
  int block = -1;
  for (Piece& piece : pieces_) {
    if (piece.dictionary >= 0) piece.width = dictionaries_[piece.dictionary].width;
  }
  for (Piece& piece : pieces_) {
    if (piece.block != block) {
      block = piece.block;
      int width = 0;
      for (const Piece& other : pieces_) width += other.block == block ? other.width : 0;
      if (width <= 63 && bits_ % 64 != 0) make_room(width);
    }
    make_room(piece.width);
    piece.at = bits_;
    bits_ += piece.width;
  }
}

void Encoding::Widen() {
  for (Dictionary& dictionary : dictionaries_)
    dictionary.width =
        std::max(dictionary.width, static_cast<int>(std::bit_width(dictionary.values.size())));
  PlacePieces();
}

std::vector<PackedWords> Encoding::Blocks() const {
  std::vector<PackedWords> blocks;
  for (const Piece& piece : pieces_) {
    blocks.resize(std::max<size_t>(blocks.size(), piece.block + 1));
    PutBits(blocks[piece.block], piece.at, piece.width, ~uint64_t{0});
  }
  return blocks;
}

uint64_t Encoding::ValueOf(const Piece& piece, const PackedWords& packed) {
  uint64_t value = 0;
  int at = 0;
  for (const Field& field : piece.fields) {
    value |= GetBits(packed, field.bit, field.width) << at;
    at += field.width;
  }
  return value;
}

bool Encoding::CodeOf(int dictionary, uint64_t value, uint64_t* code) {
  const std::lock_guard lock(*mutex_);
  Dictionary& of = dictionaries_[dictionary];
  const auto [found, added] =
      of.code_of.try_emplace(value, static_cast<uint32_t>(of.values.size()));
  if (added) of.values.push_back(value);
  *code = found->second;
  return *code >> of.width == 0;
}

bool Encoding::Encode(const PackedWords& packed, PackedWords* words) {
  *words = {};
  bool fits = true;
  for (const Piece& piece : pieces_) {
    uint64_t code = ValueOf(piece, packed);
    if (piece.dictionary >= 0) fits &= CodeOf(piece.dictionary, code, &code);
    PutBits(*words, piece.at, piece.width, code);
  }
  return fits;
}

void Encoding::Decode(const PackedWords& words, PackedWords* packed) const {
  *packed = {};
  for (const Piece& piece : pieces_) {
    uint64_t value = GetBits(words, piece.at, piece.width);
    if (piece.dictionary >= 0) {
      const std::lock_guard lock(*mutex_);
      value = dictionaries_[piece.dictionary].values[value];
    }
    for (const Field& field : piece.fields) {
      PutBits(*packed, field.bit, field.width, value);
      value = field.width == 64 ? 0 : value >> field.width;
    }
  }
}

PackedWords Encoding::EncodeRead(const PackedWords& read) const {
  PackedWords out{};
  for (const Piece& piece : pieces_) {
    const uint64_t bits = ValueOf(piece, read);
    if (bits != 0) PutBits(out, piece.at, piece.width, piece.dictionary >= 0 ? ~uint64_t{0} : bits);
  }
  return out;
}

bool Encoding::EncodeStep(const PackedWords& packed, TracedStep* step) {
  PackedWords read = EncodeRead(step->read), written{}, value{};
  bool fits = true;
  for (const Piece& piece : pieces_) {
    const uint64_t changed = ValueOf(piece, step->written);
    if (changed == 0) continue;
    uint64_t now = ValueOf(piece, step->value);
    if (piece.dictionary < 0) {
      PutBits(written, piece.at, piece.width, changed);
      PutBits(value, piece.at, piece.width, now);
      continue;
    }
    int width = 0;
    for (const Field& field : piece.fields) width += field.width;
    const uint64_t all = width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
    if (changed != all) {  // the rest of the value decides too
      now |= ValueOf(piece, packed) & ~changed;
      PutBits(read, piece.at, piece.width, ~uint64_t{0});
    }
    fits &= CodeOf(piece.dictionary, now, &now);
    PutBits(written, piece.at, piece.width, ~uint64_t{0});
    PutBits(value, piece.at, piece.width, now);
  }
  step->read = read;
  step->written = written;
  step->value = value;
  return fits;
}

}  // namespace selkie
