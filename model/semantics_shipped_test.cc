// The texts of the tree: that they are well formed, and that they say of each
// kernel and design what is known of it.
#include <algorithm>
#include <cerrno>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/call_text.h"
#include "model/state.h"
#include "model/step.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

using ::testing::IsSupersetOf;

// What a call that succeeds gives, when the value does not matter.
constexpr const char* kOk = "ok";

// One task that makes calls written as text; the descriptors are 3, 4, ...
class Program {
 public:
  explicit Program(const std::string& name) {
    absl::StatusOr<Semantics> loaded = Library::Default().LoadSemantics(name);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    if (loaded.ok()) semantics_ = *std::move(loaded);
  }

  // The name of the errno, or "ok".
  std::string Do(const std::string& text) {
    const ParsedCall parsed = ParseCall(text, &semantics_, nullptr);
    EXPECT_FALSE(parsed.error.has_value()) << text << ": " << parsed.error->message;
    last = Step(state, parsed.call, semantics_);
    EXPECT_TRUE(Validate(state).ok()) << Validate(state) << " after " << text;
    if (last.kind == Result::Kind::kErrno) return ErrnoName(last.value);
    return last.kind == Result::Kind::kValue ? kOk : "neither value nor errno";
  }

  // A memfd of two pages as descriptor 3.
  void Create(const std::string& flags = "MFD_ALLOW_SEALING") {
    EXPECT_EQ(Do(fmt::format("memfd_create(\"x\", {})", flags)), kOk);
    EXPECT_EQ(Do("ftruncate(3, 8192)"), kOk);
  }
  std::string Seal(const std::string& seals, int fd = 3) {
    return Do(fmt::format("fcntl({}, F_ADD_SEALS, {})", fd, seals));
  }
  std::string Map(const std::string& prot, const std::string& how, int fd = 3, int page = 0) {
    return Do(fmt::format("mmap({}, 4096, {}, {}|MAP_FIXED, {}, {})", page * 4096, prot, how, fd,
                          page % 2 * 4096));
  }
  // The protocol, with variables numbered as they come.
  void RunProtocol() {
    std::vector<int64_t> values = {3};
    for (const ProtocolStep& step : semantics_.protocol.steps) {
      Call call = step.call;
      int word = 0;
      for (const ArgSpec& arg : ArgsOf(SpecOf(call.op))) {
        if (arg.kind == ArgKind::kFd) call.arg[word] = values[call.arg[word]];
        word += WordsOf(arg.kind);
      }
      last = Step(state, call, semantics_);
      EXPECT_TRUE(last.ok()) << step.text;
      if (step.result_variable >= 0) values.push_back(last.value);
    }
    handed_out = static_cast<int>(values[semantics_.protocol.hand_out]);
  }

  const Semantics& semantics() const { return semantics_; }

  State state = InitialState(Limits{}, {0});
  Result last;
  int handed_out = -1;

 private:
  Semantics semantics_;
};

constexpr const char* kFuture = "F_SEAL_SHRINK|F_SEAL_GROW|F_SEAL_FUTURE_WRITE";
constexpr const char* kWrite3 = "write(3, \"x\", 1)";

// ---- All texts ----

std::vector<Semantics> All() {
  std::vector<Semantics> all;
  const Library library = Library::Default();
  const auto names = library.SemanticsNames();
  EXPECT_TRUE(names.ok()) << names.status();
  for (const std::string& name : *names) {
    auto semantics = library.LoadSemantics(name);
    EXPECT_TRUE(semantics.ok()) << semantics.status();
    if (semantics.ok()) all.push_back(*std::move(semantics));
  }
  return all;
}

TEST(ShippedSemantics, EveryKernelAndEveryDesignOfTheThreadIsThere) {
  std::vector<std::string> kernels, designs;
  for (const Semantics& s : All()) (s.is_kernel ? kernels : designs).push_back(s.name);
  EXPECT_THAT(kernels,
              IsSupersetOf({"linux-4.20", "linux-5.1", "linux-6.1", "linux-6.12", "linux-6.18"}));
  EXPECT_THAT(designs, IsSupersetOf({"ashmem", "dup2-over", "fw-inode", "fw-v3", "no-proc-upgrade",
                                     "readonly-fd", "readonly-fd-proc"}));
}

TEST(ShippedSemantics, EveryRuleHasASourceAndEveryTextADocStringAndAProtocol) {
  for (const Semantics& s : All()) {
    EXPECT_FALSE(s.doc.empty()) << s.name;
    EXPECT_FALSE(s.protocol.steps.empty()) << s.name;
    for (const Rule& rule : s.rules)
      EXPECT_FALSE(rule.source.empty()) << rule.file << ":" << rule.line << ": " << rule.name;
  }
}

TEST(ShippedSemantics, ADesignIsAPageOfTextAtMost) {
  for (const Semantics& s : All()) {
    if (s.is_kernel) continue;
    int lines = 0;
    size_t at = 0;
    while (at < s.text.size()) {
      const size_t end = std::min(s.text.find('\n', at), s.text.size());
      lines += end > at && s.text[at] != '#';
      at = end + 1;
    }
    EXPECT_LE(lines, 25) << s.name;
  }
}

// ---- Kernels ----

TEST(ShippedSemantics, FutureWriteIsUnknownBefore51AndExecBefore63) {
  for (const auto& [name, future, exec] :
       {std::tuple("linux-4.20", "EINVAL", "EINVAL"), std::tuple("linux-5.1", kOk, "EINVAL"),
        std::tuple("linux-6.1", kOk, "EINVAL"), std::tuple("linux-6.12", kOk, kOk),
        std::tuple("linux-6.18", kOk, kOk)}) {
    Program p(name);
    p.Create();
    EXPECT_EQ(p.Seal("0x10"), future) << name;
    EXPECT_EQ(p.Seal("0x20"), exec) << name;
  }
}

TEST(ShippedSemantics, AddSealsChecksModeThenBitsThenKindThenSeal) {
  for (const char* name : {"linux-4.20", "linux-6.18"}) {
    Program p(name);
    p.Create("0");
    EXPECT_EQ(p.Do("open(\"/proc/self/fd/3\", O_RDONLY)"), kOk);
    EXPECT_EQ(p.Do("socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv)"), kOk);
    EXPECT_EQ(p.Seal("0x40", 4), "EPERM");
    EXPECT_EQ(p.Seal("0x40", 3), "EINVAL");
    EXPECT_EQ(p.Seal("F_SEAL_SEAL", 5), "EINVAL");
    EXPECT_EQ(p.Seal("0", 3), "EPERM");
  }
}

TEST(ShippedSemantics, ReadOnlySharedMappingsOfAWriteSealedMemfd) {
  for (const auto& [name, result] :
       {std::pair("linux-4.20", "EPERM"), std::pair("linux-5.1", "EPERM"),
        std::pair("linux-6.1", kOk), std::pair("linux-6.12", kOk), std::pair("linux-6.18", kOk)}) {
    Program p(name);
    p.Create();
    EXPECT_EQ(p.Seal("F_SEAL_WRITE"), kOk);
    EXPECT_EQ(p.Map("PROT_READ", "MAP_SHARED"), result) << name;
    EXPECT_EQ(p.Map("PROT_READ|PROT_WRITE", "MAP_SHARED"), "EPERM");
    EXPECT_EQ(p.Map("PROT_READ|PROT_WRITE", "MAP_PRIVATE"), kOk);
    if (std::string_view(result) != kOk) continue;
    EXPECT_EQ(p.Map("PROT_READ", "MAP_SHARED", 3, 4), kOk);
    EXPECT_EQ(p.Do("mprotect(16384, 4096, PROT_READ|PROT_WRITE)"), "EACCES");
  }
}

TEST(ShippedSemantics, AReadableMappingKeepsWriteSealsAwayUntil67) {
  for (const auto& [name, result] : {std::pair("linux-5.1", "EBUSY"), std::pair("linux-6.1", kOk),
                                     std::pair("linux-6.18", kOk)}) {
    Program p(name);
    p.Create();
    EXPECT_EQ(p.Seal("0x10"), kOk);
    EXPECT_EQ(p.Map("PROT_READ", "MAP_SHARED"), kOk);
    EXPECT_EQ(p.Seal("F_SEAL_WRITE"), result) << name;
  }
}

TEST(ShippedSemantics, AMappingBesideAnOldOneIsMergedUnaskedBefore612) {
  for (const auto& [name, result] :
       {std::pair("linux-5.1", kOk), std::pair("linux-6.1", kOk), std::pair("linux-6.12", "EPERM"),
        std::pair("linux-6.18", "EPERM")}) {
    Program p(name);
    p.Create();
    EXPECT_EQ(p.Map("PROT_READ|PROT_WRITE", "MAP_SHARED", 3, 0), kOk);
    EXPECT_EQ(p.Seal("0x10"), kOk);
    EXPECT_EQ(p.Map("PROT_READ|PROT_WRITE", "MAP_SHARED", 3, 1), result) << name;
    EXPECT_EQ(p.Map("PROT_READ|PROT_WRITE", "MAP_SHARED", 3, 5), "EPERM") << name;
  }
}

TEST(ShippedSemantics, ARefusedMapFixedUnmapsWhereTheFileIsAskedLate) {
  struct Case {
    const char* name;
    const char* seal;
    bool stays;
  };
  for (const Case& c :
       {Case{"linux-4.20", "F_SEAL_WRITE", false}, Case{"linux-5.1", "0x10", false},
        Case{"linux-6.1", "0x10", false}, Case{"linux-6.1", "F_SEAL_WRITE", true},
        Case{"linux-6.12", "0x10", true}, Case{"linux-6.18", "F_SEAL_WRITE", true}}) {
    Program p(c.name);
    p.Create();
    EXPECT_EQ(p.Do("memfd_create(\"y\", 0)"), kOk);
    EXPECT_EQ(p.Map("PROT_READ", "MAP_PRIVATE", 4), kOk);
    EXPECT_EQ(p.Seal(c.seal), kOk);
    EXPECT_EQ(p.Map("PROT_READ|PROT_WRITE", "MAP_SHARED"), "EPERM");
    EXPECT_EQ(MappingAt(p.state, 0, 0) >= 0, c.stays) << c.name << " " << c.seal;
  }
}

TEST(ShippedSemantics, AWriteOverTheEndIsShortWhereItGoesByPages) {
  for (const auto& [name, result] : {std::pair("linux-6.1", kOk), std::pair("linux-6.12", "EPERM"),
                                     std::pair("linux-6.18", kOk)}) {
    Program p(name);
    p.Create();
    EXPECT_EQ(p.Seal("F_SEAL_GROW"), kOk);
    EXPECT_EQ(p.Do("pwrite(3, \"x\", 12288, 100)"), result) << name;
    EXPECT_EQ(p.last.value, std::string_view(result) == kOk ? 8092 : EPERM) << name;
  }
}

TEST(ShippedSemantics, ExecSealsOfAnExecutableFileImplyTheOthers) {
  Program p("linux-6.12");
  p.Create();
  EXPECT_EQ(p.Map("PROT_READ|PROT_WRITE", "MAP_SHARED"), kOk);
  EXPECT_EQ(p.Seal("F_SEAL_EXEC"), "EBUSY");
  EXPECT_EQ(p.Do("munmap(0, 4096)"), kOk);
  EXPECT_EQ(p.Seal("F_SEAL_EXEC"), kOk);
  EXPECT_EQ(p.state.inodes[0].seals, 0x3e);
  EXPECT_EQ(p.Do("fchmod(3, 0700)"), "EPERM");
  EXPECT_EQ(p.Do("fchmod(3, 04777)"), kOk);
}

TEST(ShippedSemantics, NoexecMemfdsAreSealableAndStayNotExecutable) {
  Program p("linux-6.18");
  p.Create("MFD_NOEXEC_SEAL");
  EXPECT_EQ(p.state.inodes[0].seals, 0x20);
  EXPECT_EQ(p.state.inodes[0].mode, 0666);
  EXPECT_EQ(p.Do("fchmod(3, 0777)"), "EPERM");
  EXPECT_EQ(p.Seal("F_SEAL_EXEC|F_SEAL_GROW"), kOk);
  EXPECT_EQ(p.state.inodes[0].seals, 0x24);
  EXPECT_EQ(p.Do("memfd_create(\"x\", MFD_EXEC|MFD_NOEXEC_SEAL)"), "EINVAL");
  EXPECT_EQ(Program("linux-6.1").Do("memfd_create(\"x\", MFD_NOEXEC_SEAL)"), "EINVAL");
}

TEST(ShippedSemantics, FutureWriteAsMergedIsOfTheInode) {
  Program p("linux-5.1");
  p.Create();
  EXPECT_EQ(p.Map("PROT_READ|PROT_WRITE", "MAP_SHARED"), kOk);
  p.RunProtocol();
  EXPECT_EQ(p.handed_out, 3);
  EXPECT_EQ(p.Do(kWrite3), "EPERM");
  EXPECT_EQ(p.Do("store(0, \"y\")"), kOk);
  EXPECT_EQ(p.Do("open(\"/proc/self/fd/3\", O_RDWR)"), kOk);
  EXPECT_EQ(p.Do("write(4, \"x\", 1)"), "EPERM");
  EXPECT_EQ(p.Do("fallocate(3, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 4096)"), "EPERM");
  EXPECT_EQ(p.Do("fallocate(3, 0, 0, 12288)"), "EPERM");
  EXPECT_EQ(p.Do("ftruncate(3, 0)"), "EPERM");
}

// ---- Designs ----

TEST(ShippedSemantics, V3HasTheHoleOfTheThread) {
  Program p("fw-v3");
  p.Create();
  EXPECT_EQ(p.Seal("F_SEAL_FUTURE_WRITE"), "EINVAL");
  EXPECT_EQ(p.Seal(kFuture), kOk);
  EXPECT_EQ(p.Do(kWrite3), "EBADF");
  EXPECT_EQ(p.Map("PROT_READ|PROT_WRITE", "MAP_SHARED"), "EACCES");
  EXPECT_EQ(p.Seal("0"), "EPERM");  // FMODE_WRITE is gone
  EXPECT_EQ(p.Do("open(\"/proc/self/fd/3\", O_RDWR)"), kOk);
  EXPECT_EQ(p.Do("write(4, \"x\", 1)"), kOk);
  EXPECT_EQ(p.Seal(kFuture, 4), kOk);  // set already: clears nothing
  EXPECT_EQ(p.Do("write(4, \"x\", 1)"), kOk);
}

TEST(ShippedSemantics, AnInodeThatRemembersRefusesToBeOpenedForWriting) {
  Program p("fw-inode");
  p.Create();
  p.RunProtocol();
  EXPECT_EQ(p.Do("open(\"/proc/self/fd/3\", O_RDWR)"), "EACCES");
  EXPECT_EQ(p.Do("open(\"/proc/self/fd/3\", O_WRONLY)"), "EACCES");
  EXPECT_EQ(p.Do("open(\"/proc/self/fd/3\", O_RDONLY|O_TRUNC)"), "EACCES");
  EXPECT_EQ(p.Do("open(\"/proc/self/fd/3\", O_RDONLY)"), kOk);
  EXPECT_EQ(p.Do("open(\"/proc/self/fd/3\", O_PATH)"), kOk);
  EXPECT_EQ(p.Do("open(\"/proc/self/fd/5\", O_RDWR)"), "EACCES");
}

TEST(ShippedSemantics, ProcLinksAddNoAccessNotEvenByOPath) {
  for (const char* name : {"no-proc-upgrade", "readonly-fd-proc"}) {
    Program p(name);
    p.Create();
    EXPECT_EQ(p.Do("open(\"/proc/self/fd/3\", O_RDONLY)"), kOk);
    EXPECT_EQ(p.Do("open(\"/proc/self/fd/4\", O_RDWR)"), "EACCES");
    EXPECT_EQ(p.Do("open(\"/proc/self/fd/4\", O_RDONLY|O_TRUNC)"), "EACCES");
    EXPECT_EQ(p.Do("open(\"/proc/self/fd/4\", O_RDONLY)"), kOk);
    EXPECT_EQ(p.Do("open(\"/proc/self/fd/4\", O_PATH)"), kOk);
    EXPECT_EQ(p.Do("open(\"/proc/self/fd/6\", O_RDONLY)"), "EACCES");
    EXPECT_EQ(p.Do("open(\"/proc/self/fd/3\", O_RDWR)"), kOk);
  }
}

TEST(ShippedSemantics, AReadOnlyDescriptorIsNewAndTheOldOneStays) {
  Program p("readonly-fd");
  p.Create();
  p.RunProtocol();
  EXPECT_EQ(p.handed_out, 4);
  EXPECT_EQ(p.Do("write(4, \"x\", 1)"), "EBADF");
  EXPECT_EQ(p.Do(kWrite3), kOk);
  EXPECT_EQ(p.Do("open(\"/proc/self/fd/4\", O_WRONLY)"), kOk);
  EXPECT_EQ(p.Do("fcntl(5, F_DUP_READONLY)"), "EACCES");
}

TEST(ShippedSemantics, Dup2OverKeepsTheNumberAndLeavesOtherCopies) {
  Program p("dup2-over");
  p.Create();
  EXPECT_EQ(p.Do("dup(3)"), kOk);
  p.RunProtocol();
  EXPECT_EQ(p.handed_out, 3);
  EXPECT_EQ(p.Do(kWrite3), "EBADF");
  EXPECT_EQ(p.Do("write(4, \"x\", 1)"), kOk);
  EXPECT_EQ(p.Do("close(5)"), "EBADF");  // nothing is left over
}

TEST(ShippedSemantics, AnAshmemMaskIsOfTheRegionAndOnlyShrinks) {
  Program p("ashmem");
  p.Create("0");
  EXPECT_EQ(p.Map("PROT_READ|PROT_WRITE", "MAP_SHARED", 3, 0), kOk);
  EXPECT_EQ(p.Do("dup(3)"), kOk);
  p.RunProtocol();
  EXPECT_EQ(p.Map("PROT_READ|PROT_WRITE", "MAP_SHARED", 4, 1), "EPERM");
  EXPECT_EQ(p.Map("PROT_READ|PROT_WRITE", "MAP_PRIVATE", 4, 1), "EPERM");
  EXPECT_EQ(p.Map("PROT_READ", "MAP_SHARED", 4, 1), kOk);
  EXPECT_EQ(p.Do("mprotect(4096, 4096, PROT_READ|PROT_WRITE)"), "EACCES");
  EXPECT_EQ(p.Do("store(0, \"y\")"), kOk);
  EXPECT_EQ(p.Do("ioctl(3, ASHMEM_SET_PROT_MASK, PROT_READ|PROT_WRITE)"), "EINVAL");
  EXPECT_EQ(p.Do(kWrite3), "EINVAL");
  EXPECT_EQ(p.Do("ftruncate(3, 4096)"), "EINVAL");
  EXPECT_EQ(p.Do("fallocate(3, 0, 0, 4096)"), "ENODEV");
  EXPECT_EQ(p.Seal("F_SEAL_GROW"), "EINVAL");
  EXPECT_EQ(p.Do("open(\"/proc/self/fd/3\", O_RDWR)"), kOk);
  EXPECT_EQ(p.Map("PROT_READ|PROT_WRITE", "MAP_SHARED", 5, 2), kOk);
  EXPECT_EQ(p.Do("fstat(5, st)"), kOk);
  EXPECT_EQ(p.last.value, 0);  // a region of its own
}

}  // namespace
}  // namespace selkie
