// Every kind of malformed text, with the exact message: where, what stands
// there, and what was expected.
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/semantics.h"
#include "rapidcheck.h"
#include "rapidcheck/gtest.h"

namespace selkie {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const char kSmallest[] = R"(semantics base
seal F_SEAL_SEAL 1
seal F_SEAL_GROW 4
rule sealed add_seals: refuse EPERM if seals has SEAL
rule grows write: refuse EPERM if grows
)";

absl::StatusOr<SemanticsSource> Load(std::string_view name) {
  const std::map<std::string, std::string> texts = {{"base", kSmallest},
                                                    {"loop-a", "semantics loop-a extends loop-b\n"},
                                                    {"loop-b", "semantics loop-b extends loop-a\n"},
                                                    {"alias", "semantics other\n"},
                                                    {"bad", "semantics bad\n\nseal\n"}};
  const auto found = texts.find(std::string(name));
  if (found == texts.end())
    return absl::NotFoundError(absl::StrCat("no semantics is named '", std::string(name), "'"));
  return SemanticsSource{found->first + ".sem", found->second};
}

std::string ErrorOf(std::string_view text) {
  const auto semantics = ParseSemantics({"t.sem", std::string(text)}, Load);
  if (semantics.ok()) return "no error";
  EXPECT_EQ(semantics.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(semantics.status().message());
}

// The message for a text whose second line on is `lines`, extending `base`.
std::string ErrorIn(std::string_view lines) {
  return ErrorOf(absl::StrCat("semantics t extends base\n", std::string(lines)));
}

TEST(SemanticsErrors, EachStatementThatIsWrongIsTold) {
  EXPECT_EQ(
      ErrorIn("rule a writ: refuse EPERM\n"
              "drop grows\n"
              "rule b write: refuse EPREM\n"
              "protocol \"p\"\n  dup(fe)\n  hand out fd\n"),
      "t.sem:2:8: 'writ' is no decision point: expected create, add_seals, open_proc, dup, read, "
      "write, truncate, fallocate, mmap, mprotect, mremap, chmod, fork, send, support, "
      "madv_remove, mem_write, set_acl, udmabuf, dmabuf_mmap or backing_mmap\n"
      "t.sem:4:22: 'EPREM': expected the name of an errno, such as EPERM\n"
      "t.sem:6:7: 'fe' is no known descriptor, expected a number or the name of an earlier result");
}

TEST(SemanticsErrors, WhatNamesARuleThatIsWrongIsNotTold) {
  EXPECT_THAT(ErrorIn("rule a writ: refuse EPERM\n"
                      "rule b write before a: refuse EPERM\n"
                      "replace rule a write: refuse EPERM\n"
                      "drop b\n"),
              testing::Not(HasSubstr("\n")));
}

TEST(SemanticsErrors, RulesWaitForWhatIsDeclared) {
  EXPECT_EQ(ErrorIn("seal F_SEAL_X 3\nrule a write: refuse EPERM if seals has X\n"),
            "t.sem:2:15: '3': expected one bit from 0x1 to 0x80");
}

TEST(SemanticsErrors, OfForm) {
  EXPECT_EQ(ErrorOf(""),
            "t.sem:1:1: the end of the text: expected 'semantics NAME' as the first "
            "statement");
  EXPECT_EQ(ErrorOf("kernel\n"),
            "t.sem:1:1: 'kernel': expected 'semantics NAME' as the first statement");
  EXPECT_EQ(ErrorOf("semantics\n"),
            "t.sem:1:10: the end of the line: expected the name of the semantics");
  EXPECT_EQ(ErrorOf("semantics t extnds base\n"),
            "t.sem:1:13: 'extnds': expected 'extends', a string or the end of the line");
  EXPECT_EQ(ErrorOf("semantics t\n  \"doc\n"),
            "t.sem:2:7: the end of the line: expected '\"' at the end of the string");
  EXPECT_EQ(ErrorIn("\nrulez a write: accept\n"),
            "t.sem:3:1: 'rulez': expected a statement: kernel, unconfirmed, seal, rule, replace "
            "rule, drop, "
            "call, initial mask, write chunk or protocol");
  EXPECT_EQ(ErrorIn("rule a write refuse EPERM\n"),
            "t.sem:2:14: 'refuse': expected ':', 'before NAME' or 'after NAME'");
  EXPECT_EQ(ErrorIn("rule a write:\nkernel\n"),
            "t.sem:2:14: the end of the line: expected an effect, such as refuse EPERM");
  EXPECT_EQ(ErrorIn("rule a write: accept if\n"),
            "t.sem:2:24: the end of the line: expected a condition after 'if'");
  EXPECT_EQ(ErrorIn("call fcntl(file, X)\n"),
            "t.sem:2:12: 'file': expected 'fd': such a call acts on a descriptor");
  EXPECT_EQ(ErrorIn("replace sealed add_seals: accept\n"),
            "t.sem:2:9: 'sealed': expected 'rule' after 'replace'");
}

TEST(SemanticsErrors, MessagesStayShortAndPlain) {
  EXPECT_EQ(ErrorIn("\x1b[2J\n"),
            "t.sem:2:1: '\\x1b': expected a statement: kernel, unconfirmed, seal, rule, "
            "replace rule, drop, call, initial mask, write chunk or "
            "protocol");
  EXPECT_THAT(ErrorIn(std::string(5000, 'x')),
              StartsWith(absl::StrCat("t.sem:2:1: '", std::string(40, 'x'), "...': expected")));
}

TEST(SemanticsErrors, OfDeclarations) {
  EXPECT_EQ(ErrorIn("seal WRITE 8\n"),
            "t.sem:2:6: 'WRITE': expected a name that begins with F_SEAL_");
  EXPECT_EQ(ErrorIn("seal F_SEAL_X 0x100\n"),
            "t.sem:2:15: '0x100': expected one bit from 0x1 to 0x80");
  EXPECT_EQ(ErrorIn("seal F_SEAL_X 3\n"), "t.sem:2:15: '3': expected one bit from 0x1 to 0x80");
  EXPECT_EQ(ErrorIn("seal F_SEAL_X 8x\n"), "t.sem:2:15: '8x': expected one bit from 0x1 to 0x80");
  EXPECT_EQ(ErrorIn("seal F_SEAL_X 4\n"),
            "t.sem:2:15: '4' is the bit of F_SEAL_GROW: expected a free one");
  EXPECT_EQ(ErrorIn("seal F_SEAL_GROW 8\n"),
            "t.sem:2:6: 'F_SEAL_GROW' is declared already: expected another name");
  EXPECT_EQ(ErrorIn("call open(fd, X)\n"), "t.sem:2:6: 'open': expected fcntl or ioctl");
  EXPECT_EQ(ErrorIn("call fcntl(fd, F_GETFL)\n"),
            "t.sem:2:16: 'F_GETFL' is a call of every kernel: expected another name");
  EXPECT_EQ(ErrorIn("call fcntl(fd, write)\n"),
            "t.sem:2:16: 'write' is a decision point already: expected another name");
  EXPECT_EQ(ErrorIn("call fcntl(fd, X, size)\n"), "t.sem:2:19: 'size': expected prot or seals");
  EXPECT_EQ(ErrorIn("call fcntl(fd, A)\ncall fcntl(fd, B)\ncall fcntl(fd, C)\n"
                    "call fcntl(fd, D)\ncall fcntl(fd, E)\n"),
            "t.sem:6:1: 'E' is one call too many: expected at most 4");
  EXPECT_EQ(ErrorIn("write chunk 5000\n"),
            "t.sem:2:13: '5000': expected a power of two from 4096 to 1073741824");
  EXPECT_EQ(ErrorIn("initial mask READ|WRIET\n"),
            "t.sem:2:19: 'WRIET': expected a bit of the mask: READ, WRITE or EXEC");
}

TEST(SemanticsErrors, OfRules) {
  EXPECT_EQ(ErrorIn("rule a mmapp: refuse EPERM\n"),
            "t.sem:2:8: 'mmapp' is no decision point: expected create, add_seals, open_proc, dup, "
            "read, write, truncate, fallocate, mmap, mprotect, mremap, chmod, fork, send, support, "
            "madv_remove, mem_write, set_acl, udmabuf, dmabuf_mmap or "
            "backing_mmap");
  EXPECT_EQ(ErrorIn("rule a write: refuse EPREM\n"),
            "t.sem:2:22: 'EPREM': expected the name of an errno, such as EPERM");
  EXPECT_EQ(ErrorIn("rule a write: refuse\n"),
            "t.sem:2:21: 'refuse' ends here: expected the name of an errno, such as EPERM after "
            "it");
  EXPECT_EQ(ErrorIn("rule a write: refuse EPERM EIO\n"),
            "t.sem:2:28: 'EIO': expected 'if' or the end of the rule");
  EXPECT_THAT(ErrorIn("rule a write: deny EPERM\n"),
              StartsWith("t.sem:2:15: 'deny' is no effect: expected refuse ERRNO, accept, clear "
                         "file BITS, "));
  EXPECT_EQ(ErrorIn("rule a open_proc: clear file WRITE PWRITE\n"),
            "t.sem:2:36: 'PWRITE': expected '|' between bits, or the end");
  EXPECT_EQ(ErrorIn("rule a open_proc: clear file WRITE|\n"),
            "t.sem:2:29: bits are missing here: expected a bit of file: READ, WRITE, PATH or "
            "PWRITE");
  EXPECT_EQ(ErrorIn("rule a create: clear mode 111\n"),
            "t.sem:2:27: '111': expected permission bits, such as 0111");
  EXPECT_EQ(ErrorIn("rule a add_seals: clear may WRITE\n"),
            "t.sem:2:19: 'clear may' has nothing to act on at add_seals: expected it at mmap, "
            "mprotect, fork or backing_mmap");
  EXPECT_EQ(ErrorIn("rule sealed add_seals: refuse EPERM\n"),
            "t.sem:2:6: 'sealed' is a rule already (base.sem:4): expected another name, or "
            "'replace rule'");
  EXPECT_EQ(ErrorIn("rule a add_seals before grows: accept\n"),
            "t.sem:2:25: 'grows' is no rule at add_seals: expected sealed");
  EXPECT_EQ(ErrorIn("replace rule sealed write: accept\n"),
            "t.sem:2:14: 'sealed' is no rule at write: expected grows");
  EXPECT_EQ(ErrorIn("replace rule sealed add_seals after sealed: accept\n"),
            "t.sem:2:37: 'sealed': a replaced rule keeps its place: expected neither 'before' nor "
            "'after'");
  EXPECT_EQ(ErrorIn("drop sealde\n"), "t.sem:2:6: 'sealde' is no rule: expected sealed or grows");
}

TEST(SemanticsErrors, OfConditions) {
  EXPECT_EQ(ErrorIn("rule a write: refuse EPERM\n  if seals has WRITE\n"),
            "t.sem:3:16: 'WRITE': expected a bit of seals: SEAL or GROW (at write)");
  EXPECT_EQ(ErrorIn("rule a send: refuse EPERM if grows\n"),
            "t.sem:2:30: 'grows': expected seals, mask, file, executable, memfd, owner, "
            "mapped-shared or mapped-writable (at send)");
  EXPECT_EQ(ErrorIn("rule a write: refuse EPERM if grows\n  and\nkernel\n"),
            "t.sem:3:6: the condition ends: expected a fact, a set of bits, 'not' or '(' (at "
            "write)");
  EXPECT_EQ(ErrorIn("rule a write: refuse EPERM if grows and not grows\n"),
            "t.sem:2:31: the condition contradicts itself: expected one that can hold");
}

TEST(SemanticsErrors, OfProtocols) {
  EXPECT_EQ(ErrorIn("protocol\n  dup(fd)\n"), "t.sem:3:3: 'dup': expected a title in quotes");
  EXPECT_EQ(ErrorIn("protocol \"p\"\n"),
            "t.sem:2:11: 'p' is a protocol without calls: expected one a line");
  EXPECT_EQ(ErrorIn("protocol \"p\"\n  dup(fd)\n"),
            "t.sem:2:11: 'p' does not end: expected 'hand out NAME' as its last line");
  EXPECT_EQ(ErrorIn("protocol \"p\"\n  dup(fd)\n  hand out ro\n"),
            "t.sem:4:12: 'ro' is no descriptor here: expected fd");
  EXPECT_EQ(ErrorIn("protocol \"p\"\n  dup(fd)\n  hand out fd\n  dup(fd)\n"),
            "t.sem:5:3: 'dup(fd)' comes after 'hand out': expected the end of the protocol");
  EXPECT_EQ(ErrorIn("protocol \"p\"\n  x = close(fd)\n  hand out fd\n"),
            "t.sem:3:3: 'x' cannot be set: expected a call that gives a descriptor");
  EXPECT_EQ(ErrorIn("protocol \"p\"\n  fd = dup(fd)\n  hand out fd\n"),
            "t.sem:3:3: 'fd' is set already: expected another name");
  EXPECT_EQ(ErrorIn("protocol \"p\"\n  dup(3)\n  hand out fd\n"),
            "t.sem:3:3: 'dup(3)' has a descriptor as a number: expected fd");
  EXPECT_THAT(ErrorIn("protocol \"p\"\n  dup2(fd, ro)\n  hand out fd\n"),
              StartsWith("t.sem:3:12: 'ro' is no known descriptor"));
  EXPECT_THAT(ErrorIn("protocol \"p\"\n  frob(fd)\n  hand out fd\n"),
              StartsWith("t.sem:3:3: 'frob' is no call"));
  EXPECT_THAT(ErrorIn("protocol \"p\"\n  munmap(0, 4096)\n  hand out fd\n"),
              HasSubstr("t.sem:3:3: 'munmap(0, 4096)' speaks of a task or an address"));
  EXPECT_THAT(ErrorIn("protocol \"p\"\n  dup(fd)\n  hand out fd\nprotocol \"q\"\n"
                      "  dup(fd)\n  hand out fd\n"),
              StartsWith("t.sem:5:1: 'q' is a second protocol"));
}

TEST(SemanticsErrors, OfBases) {
  EXPECT_EQ(ErrorOf("semantics t extends nobody\n"), "t.sem:1:21: no semantics is named 'nobody'");
  EXPECT_EQ(ErrorOf("semantics t extends t\n"),
            "t.sem:1:21: 't' extends itself (t -> t): expected a base that does not");
  EXPECT_EQ(ErrorOf("semantics t extends loop-a\n"),
            "loop-b.sem:1:26: 'loop-a' extends itself (t -> loop-a -> loop-b -> loop-a): expected "
            "a base that does not");
  EXPECT_EQ(ErrorOf("semantics t extends alias\n"),
            "t.sem:1:21: 'alias' names itself 'other' (alias.sem): expected the same name");
  EXPECT_EQ(ErrorOf("semantics t extends bad\n"),
            "bad.sem:3:5: the end of the line: expected the name of a seal, such as F_SEAL_WRITE");
}

TEST(SemanticsErrors, AnEndlessChainOfBasesEnds) {
  int made = 0;
  const SemanticsLoader chain = [&](std::string_view name) -> absl::StatusOr<SemanticsSource> {
    return SemanticsSource{std::string(name),
                           absl::StrCat("semantics ", std::string(name), " extends b", ++made)};
  };
  const auto semantics = ParseSemantics({"t.sem", "semantics t extends b\n"}, chain);
  ASSERT_FALSE(semantics.ok());
  EXPECT_THAT(std::string(semantics.status().message()),
              EndsWith("is one base too many: expected at most 32"));
}

RC_GTEST_PROP(SemanticsErrors, NoTextCrashesAndEveryRefusalHasAPosition, ()) {
  const auto piece = rc::gen::element<std::string>(
      "semantics", "extends", "base", "rule", "replace", "drop", "seal", "call", "protocol",
      "\"p\"", "\"", "hand out", "fd", "=", "dup(fd)", "(", ")", ",", "F_SEAL_X", "0x8", "write",
      "chunk", "mask", "initial", ":", "|", "refuse", "EPERM", "if", "grows", "and", "not", "#",
      "\n", "\n  ", "\r", "\t", "\x80", std::string(1, '\0'));
  const auto pieces = *rc::gen::container<std::vector<std::string>>(piece);
  std::string text = "semantics t extends base\n";
  for (const std::string& p : pieces) text += p + " ";
  const std::string error = ErrorOf(text);
  RC_ASSERT(error == "no error" || error.starts_with("t.sem:"));
}

}  // namespace
}  // namespace selkie
