#include "checker/prove_smt.h"

#include <array>

#include "checker/machine.h"
#include "fmt/format.h"
#include "fmt/ranges.h"

namespace selkie {
namespace {

// An object is so many bytes, in the order of Kind; the first is the highest.
enum Field : int {
  kWhat,
  kRole,
  kFileMode,
  kFileFlags,
  kFileMark,
  kFileWriter,
  kFileDmabuf,
  kFilePinned,
  kProt,
  kMay,
  kShared,
  kVmShared,
  kPages,
  kPgoff,
  kFlags,
  kMark,
  kPage,
  kBegin,
  kEnd,
  kNondumpable,
  kNumFields
};

std::string Byte(std::string_view object, int field) {
  const int low = 8 * (kNumFields - 1 - field);
  return fmt::format("((_ extract {} {}) {})", low + 7, low, object);
}

std::string Literal(const Kind& k) {
  const std::array<int, kNumFields> bytes = {static_cast<int>(k.what),
                                             k.role,
                                             k.file.mode,
                                             k.file.flags,
                                             k.file.mark,
                                             k.file.writer,
                                             k.file.dmabuf,
                                             k.file.pinned,
                                             k.prot,
                                             k.may,
                                             k.shared,
                                             k.vm_shared,
                                             k.pages,
                                             k.pgoff,
                                             k.flags,
                                             k.mark,
                                             k.page,
                                             k.begin,
                                             k.end,
                                             k.nondumpable};
  std::string text = "#x";
  for (int byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::string FileLiteral(const FileKind& file) {
  return fmt::format("#x{:02x}{:02x}{:02x}{:02x}{:02x}{:02x}", file.mode, file.flags, file.mark,
                     file.writer, file.dmabuf, file.pinned);
}

// Of a file, kFileMode to kFilePinned.
constexpr int kFileBits = 8 * (kFilePinned - kFileMode + 1);

std::string IsWhat(std::string_view object, Holding what) {
  return fmt::format("(= {} #x{:02x})", Byte(object, kWhat), static_cast<int>(what));
}

class Writer {
 public:
  Writer(const Property& property, const Semantics& semantics, const Proof& proof)
      : property_(property),
        semantics_(semantics),
        proof_(proof),
        reads_(BitsRead(property.clause.terms)) {
    for (const auto& clause : property.assumes) reads_ |= BitsRead(clause.terms);
  }

  std::string Write() {
    Head();
    Objects();
    Configurations();
    Query("Initiation: an inode that was made, and what leads to it, is in a configuration.",
          Initiation());
    Query("Consecution: no step leads out of the configurations.", Consecution());
    Query("Safety: nothing there satisfies the clause.", Safety());
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void Line(fmt::format_string<Args...> format, Args&&... args) {
    text_ += fmt::format(format, std::forward<Args>(args)...) + "\n";
  }

  void Head() {
    Line("; {} under {}: {}", property_.name, semantics_.name, property_.clause.text);
    Line("; z3 FILE and cvc5 --incremental FILE answer unsat three times.");
    Line("(set-logic QF_BV)");
  }

  void Objects() {
    Line(
        "; An object: what, role, f_mode, f_flags, mark, writer, dmabuf, pinned of the file, of a");
    Line(
        "; mapping prot, may, shared, vm_shared, pages, pgoff, flags, mark, of a registered "
        "buffer");
    Line("; page, begin, end, and of a program nondumpable; a byte each.");
    Line("(define-sort Object () (_ BitVec {}))", 8 * kNumFields);
    Seen();
    Line("; What the end of the protocol makes of it.");
    Line("(define-fun finished ((k Object)) Object (ite (and {} (not (= {} #x00)))",
         IsWhat("k", Holding::kMapping), Byte("k", kShared));
    const auto marked = [](int bits) {
      return fmt::format("#x{:0{}x}", bits, 2 * (kMark + 1)) +
             std::string(2 * (kNumFields - 1 - kMark), '0');
    };
    Line("  (bvor k (ite (= ((_ extract 1 1) {}) #b1) {} {})) k))", Byte("k", kProt),
         marked(Reads(fact::kMapOldWritable) ? mark::kMapOldWritable : 0),
         marked(Reads(fact::kMapOldReadonly) ? mark::kMapOldReadonly : 0));
    Line("; Its file, and another one.");
    const int low = 8 * (kNumFields - 1 - kFilePinned);
    Line("(define-fun file ((k Object)) (_ BitVec {}) ((_ extract {} {}) k))", kFileBits,
         low + kFileBits - 1, low);
    Line("(define-fun with ((k Object) (f (_ BitVec {}))) Object", kFileBits);
    Line("  (concat ((_ extract {} {}) k) f ((_ extract {} 0) k)))", 8 * kNumFields - 1,
         low + kFileBits, low - 1);
  }

  // As Prover::SignOf.
  void Seen() {
    const auto not_zero = [](int field) {
      return fmt::format("(not (= {} #x00))", Byte("k", field));
    };
    const std::string shared =
        fmt::format("(and {} {})", IsWhat("k", Holding::kMapping), not_zero(kVmShared));
    Line("; What is seen of it though no call names it: mapped-shared 1, mapped-writable 2,");
    Line(
        "; pinned 4, open for writing 8, a program that runs 16; of that, what something asks "
        "for.");
    Line("(define-fun seen ((k Object)) (_ BitVec 5) (bvand #b{:05b} (bvor", proof_.sees);
    const auto bit = [this](int value, const std::string& test) {
      Line("  (ite {} #b{:05b} #b00000)", test, value);
    };
    bit(kSeesShared, shared);
    bit(kSeesWritable,
        fmt::format("(and {} (= ((_ extract 1 1) {}) #b1))", shared, Byte("k", kMay)));
    bit(kSeesPinned,
        fmt::format("(or {} {})", IsWhat("k", Holding::kBuffer), not_zero(kFilePinned)));
    bit(kSeesWriter, not_zero(kFileWriter));
    bit(kSeesProgram, IsWhat("k", Holding::kProgram));
    Line(")))");
  }

  bool Reads(int bit) const { return (reads_ >> bit & 1) != 0; }

  void Configurations() {
    Line("; inN: the object may exist in situation N of the certificate, from 0.");
    for (const auto& [situation, kinds] : proof_.configurations) {
      const size_t number = numbers_.size();
      numbers_[situation] = number;
      Line("; {}: seals {:#x} mask {} mode {:o} uid {} size {}{}{}", number, situation.seals,
           situation.mask, situation.mode, situation.uid, situation.size,
           situation.mark != 0 ? " sealed" : "",
           situation.steps != 0 ? fmt::format(" step {} of the protocol", situation.steps) : "");
      std::vector<std::string> terms;
      for (const Kind& kind : kinds) terms.push_back(fmt::format("(= k {})", Literal(kind)));
      Line("(define-fun in{} ((k Object)) Bool (or false {}))", number, fmt::join(terms, " "));
    }
  }

  void Query(std::string_view title, const std::vector<std::string>& ways) {
    Line("; {}", title);
    Line("(push 1)");
    Line("(declare-const k Object)");
    Line("(assert (or false");
    for (const std::string& way : ways) Line("  {}", way);
    Line("))");
    Line("(check-sat)");
    Line("(pop 1)");
  }

  std::string NotIn(const Situation& situation, const std::string& object) const {
    const auto found = numbers_.find(situation);
    return found == numbers_.end() ? "true" : fmt::format("(not (in{} {}))", found->second, object);
  }

  std::vector<std::string> Initiation() const {
    std::vector<std::string> ways;
    for (const auto& [situation, kind] : proof_.initial)
      ways.push_back(NotIn(situation, Literal(kind)));
    return ways;
  }

  // An object that the step makes, or one that stands by, and is outside afterwards.
  std::vector<std::string> Consecution() const {
    std::vector<std::string> ways;
    for (const auto& [step, gives] : proof_.steps) {
      std::vector<std::string> bad;
      for (const auto& [situation, kind] : gives.kinds)
        bad.push_back(NotIn(situation, Literal(kind)));
      ways.push_back(fmt::format("(or false {}) ; {}", fmt::join(bad, " "), gives.call));
      if (step.from == step.to && step.files.empty()) continue;
      std::vector<std::string> after;
      for (const auto& [was, is] : step.files)
        after.push_back(fmt::format("(and (= (file k) {}) {})", FileLiteral(was),
                                    Outside(step, fmt::format("(with k {})", FileLiteral(is)))));
      if (!proof_.one_file || step.files.empty()) after.push_back(Outside(step, "k"));
      const std::string same_file =
          proof_.one_file ? fmt::format("(= (file k) {})", FileLiteral(step.through)) : "true";
      ways.push_back(fmt::format("(and (in{} k) (= (bvand (seen k) #b{:05b}) #b00000) {} (or {}))",
                                 numbers_.at(step.from), ~step.seen & kSeesAll, same_file,
                                 fmt::join(after, " ")));
    }
    return ways;
  }

  std::string Outside(const ProofStep& step, const std::string& object) const {
    return NotIn(step.to, step.finish ? fmt::format("(finished {})", object) : object);
  }

  // The clause for a word of facts.
  std::string Clause(const std::string& word) const {
    std::vector<std::string> terms;
    for (const Term& term : property_.clause.terms)
      terms.push_back(
          fmt::format("(= (bvand {} #x{:016x}) #x{:016x})", word, term.mask, term.want));
    return fmt::format("(or false {})", fmt::join(terms, " "));
  }

  std::vector<std::string> Safety() const {
    std::vector<std::string> ways;
    if (property_.clause.sort == Sort::kMapping) {
      for (const auto& [situation, number] : numbers_)
        ways.push_back(fmt::format("(and (in{} k) {} {})", number, IsWhat("k", Holding::kMapping),
                                   Clause(MappingWord(situation))));
      return ways;
    }
    for (const uint64_t word : proof_.words) ways.push_back(Clause(fmt::format("#x{:016x}", word)));
    return ways;
  }

  // The word of facts about mapping k, as checker/property.h lays it out.
  std::string MappingWord(const Situation& situation) const {
    const uint64_t fixed = uint64_t{situation.seals} << fact::kSeals |
                           static_cast<uint64_t>(situation.mark != 0) << fact::kSealed;
    std::string word = fmt::format("#x{:016x}", fixed);
    const auto add = [&](const std::string& bits, int width, int at) {
      word = fmt::format("(bvor {} (bvshl ((_ zero_extend {}) {}) #x{:016x}))", word, 64 - width,
                         bits, at);
    };
    const auto bit = [&](int field, int number, int at) {
      add(fmt::format("((_ extract {0} {0}) {1})", number, Byte("k", field)), 1, at);
    };
    add(Byte("k", kProt), 8, fact::kProt);
    add(Byte("k", kMay), 8, fact::kMay);
    add(fmt::format("((_ extract 3 0) {})", Byte("k", kFileMode)), 4, fact::kFile);
    bit(kShared, 0, fact::kShared);
    bit(kFileMark, 0, fact::kFileAfter);
    bit(kFileMark, 1, fact::kFileCopy);
    bit(kFileMark, 2, fact::kFileHanded);
    bit(kMark, 0, fact::kMapAfter);
    bit(kMark, 1, fact::kMapOldWritable);
    bit(kMark, 2, fact::kMapOldReadonly);
    bit(kMark, 3, fact::kMapCopied);
    return fmt::format(
        "(bvor {} (bvshl #x0000000000000001 (bvadd #x{:016x} ((_ zero_extend 56) {}))))", word,
        static_cast<int>(fact::kBy), Byte("k", kRole));
  }

  const Property& property_;
  const Semantics& semantics_;
  const Proof& proof_;
  uint64_t reads_;
  std::map<Situation, size_t> numbers_;
  std::string text_;
};

}  // namespace

std::string SmtOf(const Property& property, const Semantics& semantics, const Proof& proof) {
  return Writer(property, semantics, proof).Write();
}

}  // namespace selkie
