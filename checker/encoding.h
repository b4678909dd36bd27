// Packed states in fewer bits: how the words stand for which a search keeps.
//
// A Layout gives every field as many bits as it could need.  What is seen is much less: a file
// is free, read-only or read-write, of the 2^10 mappings that a slot could hold some twenty
// occur.  So the fields of one file, of one mapping and wide fields are pieces with a
// dictionary: a code stands for a value, given out in the order in which values are met.  Codes
// are exact: a value that no code is left for makes Encode say so, and the search begins
// anew with wider codes.  All other fields stand as they are.
//
// Pieces stand object by object: first those of each task (with its descriptors and mappings),
// then files and inodes, then messages, then buffers.  No piece crosses a word, and bit 63 of word
// 0 is not used.
#ifndef SELKIE_CHECKER_ENCODING_H_
#define SELKIE_CHECKER_ENCODING_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "checker/packing.h"
#include "checker/spin_lock.h"
#include "checker/traced_machine.h"

namespace selkie {

class Encoding {
 public:
  enum class Kind : uint8_t {
    kDense,  // with dictionaries
    kTight,  // with more of them: fewer bits, but more of them are read together
    kPlain,  // without: the same words in every process and every run
  };
  Encoding(const Layout& layout, Kind kind);

  // Bits and words of an encoded state.
  int bits() const { return bits_; }
  int words() const { return (bits_ + 1 + 63) / 64; }

  // Packed to encoded; new values get codes.  False if a dictionary is full: see Widen.
  bool Encode(const PackedWords& packed, PackedWords* words);
  void Decode(const PackedWords& words, PackedWords* packed) const;

  // What `step` read and wrote in `packed`, in encoded bits.  False as Encode.
  bool EncodeStep(const PackedWords& packed, TracedStep* step);
  // Encoded bits for packed ones that are read.
  PackedWords EncodeRead(const PackedWords& read) const;

  // The encoded bits of each object: tasks, then files and inodes, then messages,
  // then buffers.
  std::vector<PackedWords> Blocks() const;

  // Gives each dictionary room for at least as many values again as it has and one more;
  // codes that were given out stay.  All encoded words are void.
  void Widen();

 private:
  struct Field {
    uint16_t bit;
    uint8_t width;
  };
  struct Dictionary {
    absl::flat_hash_map<uint64_t, uint32_t> code_of;
    std::vector<uint64_t> values;  // by code
    int width = 1;                 // bits of a code
  };
  struct Piece {
    std::vector<Field> fields;
    int dictionary = -1;  // or -1: the one field as it is
    int at = 0;           // first bit
    int width = 0;        // bits
    int block = 0;        // object that it belongs to
  };

  void AddPiece(std::vector<Field> fields, int dictionary, int block);
  void PlacePieces();
  static uint64_t ValueOf(const Piece& piece, const PackedWords& packed);
  bool CodeOf(int dictionary, uint64_t value, uint64_t* code);

  std::vector<Piece> pieces_;
  std::vector<Dictionary> dictionaries_;
  std::unique_ptr<SpinLock> mutex_;  // of the dictionaries: searches of several threads share
  int bits_ = 0;
};

}  // namespace selkie

#endif  // SELKIE_CHECKER_ENCODING_H_
