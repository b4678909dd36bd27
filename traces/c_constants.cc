#include "traces/c_constants.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <string_view>
#include <vector>

#include "fmt/format.h"
#include "model/call_text.h"

namespace selkie {
namespace {

bool IsWordOf(const std::string& code, std::string_view name) {
  auto is_word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; };
  for (size_t at = code.find(name); at != code.npos; at = code.find(name, at + 1)) {
    const size_t end = at + name.size();
    if ((at == 0 || !is_word(code[at - 1])) && (end == code.size() || !is_word(code[end])))
      return true;
  }
  return false;
}

// Names that every header file of a C library has had since 2014.
bool IsOld(std::string_view name) {
  constexpr std::string_view kOld[] = {"F_SEAL_SEAL",  "F_SEAL_SHRINK", "F_SEAL_GROW",
                                       "F_SEAL_WRITE", "MFD_CLOEXEC",   "MFD_ALLOW_SEALING"};
  return std::find(std::begin(kOld), std::end(kOld), name) != std::end(kOld);
}

// Names of other flags that came later.
bool IsNew(std::string_view name) {
  constexpr std::string_view kNew[] = {"MAP_SHARED_VALIDATE",
                                       "MAP_SYNC",
                                       "MAP_FIXED_NOREPLACE",
                                       "MREMAP_DONTUNMAP",
                                       "MADV_WIPEONFORK",
                                       "MADV_KEEPONFORK",
                                       "MADV_COLD",
                                       "MADV_PAGEOUT",
                                       "MADV_POPULATE_READ",
                                       "MADV_POPULATE_WRITE",
                                       "MADV_DONTNEED_LOCKED",
                                       "RWF_NOAPPEND",
                                       "RWF_NOSIGNAL",
                                       "CLOSE_RANGE_UNSHARE",
                                       "CLOSE_RANGE_CLOEXEC",
                                       "O_EMPTYPATH",
                                       "AT_EXECVE_CHECK",
                                       "MADV_GUARD_INSTALL",
                                       "MADV_GUARD_REMOVE",
                                       "FALLOC_FL_WRITE_ZEROES",
                                       "RESOLVE_NO_XDEV",
                                       "RESOLVE_NO_MAGICLINKS",
                                       "RESOLVE_NO_SYMLINKS",
                                       "RESOLVE_BENEATH",
                                       "RESOLVE_IN_ROOT",
                                       "RESOLVE_CACHED",
                                       "FS_XFLAG_VERITY",
                                       "FS_XFLAG_CASEFOLD",
                                       "SUID_DUMP_DISABLE",  // not of any header file for programs
                                       "SUID_DUMP_USER",
                                       "SUID_DUMP_ROOT"};
  return std::find(std::begin(kNew), std::end(kNew), name) != std::end(kNew);
}

// Flags that older header files may not have.
std::vector<FlagName> NewNames(const Semantics& semantics) {
  std::vector<FlagName> names = SealNames(&semantics);
  names.insert(names.end(), {{"F_DUPFD_QUERY", 1027}, {"F_CREATED_QUERY", 1028}});
  for (const ArgSpec& arg : ArgsOf(SpecOf(Op::kMemfdCreate)))
    names.insert(names.end(), arg.names.begin(), arg.names.end());
  std::erase_if(names, [](const FlagName& name) { return name.bits == 0 || IsOld(name.name); });
  for (Op op : {Op::kMmap, Op::kMremap, Op::kMadvise, Op::kPwritev2, Op::kCloseRange, Op::kOpen,
                Op::kExecveat, Op::kFallocate, Op::kOpenat2, Op::kFileSetattr, Op::kSetDumpable})
    for (const ArgSpec& arg : ArgsOf(SpecOf(op)))
      std::copy_if(arg.names.begin(), arg.names.end(), std::back_inserter(names),
                   [](const FlagName& name) { return IsNew(name.name); });
  return names;
}

}  // namespace

std::string CConstants(const std::string& code, const Semantics& semantics) {
  std::string out;
  for (const FlagName& name : NewNames(semantics))
    if (IsWordOf(code, name.name))
      out += fmt::format("#ifndef {0}\n#define {0} {1:#x}\n#endif\n", name.name, name.bits);
  if (IsWordOf(code, "O_LARGEFILE"))
    out += fmt::format(
        "#undef O_LARGEFILE /* the C library says 0, the kernel this */\n"
        "#define O_LARGEFILE 0{:o}\n",
        abi::kOLargefile);
  return out.empty() ? "" : "\n" + out;
}

std::vector<std::string> HeadersOf(Op op) {
  switch (SpecOf(op).family) {
    case Family::kCreate:
    case Family::kMap: return {"sys/mman.h"};
    case Family::kSeal:
    case Family::kLease:
    case Family::kOpen: return {"fcntl.h"};
    case Family::kReadWrite: return {"unistd.h"};
    case Family::kCopy: return {"sys/sendfile.h", "unistd.h"};
    case Family::kInode: return {"fcntl.h", "sys/stat.h", "unistd.h"};
    case Family::kDescriptor:
    case Family::kSize:
    case Family::kSync:
    case Family::kExecute: return {"fcntl.h", "unistd.h"};
    case Family::kProcess: return {"sched.h", "sys/prctl.h"};
    default: return {};
  }
}

}  // namespace selkie
