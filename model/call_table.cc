// The rows of the one table of calls.  Adding a call is one row here, one case
// in step.cc, one function in its family's file and one case in the executor
// (docs/adding-a-call.md).
#include <iterator>

#include "model/call.h"

namespace selkie {
namespace {

using A = ArgKind;
using R = ReturnKind;

constexpr FlagName kMfdFlags[] = {{"0", 0},
                                  {"MFD_CLOEXEC", abi::kMfdCloexec},
                                  {"MFD_ALLOW_SEALING", abi::kMfdAllowSealing},
                                  {"MFD_HUGETLB", abi::kMfdHugetlb},
                                  {"MFD_NOEXEC_SEAL", abi::kMfdNoexecSeal},
                                  {"MFD_EXEC", abi::kMfdExec},
                                  {"MFD_HUGE_2MB", abi::kMfdHuge2Mb}};
constexpr FlagName kOpenFlags[] = {
    {"O_WRONLY", abi::kOWronly},       {"O_RDWR", abi::kORdwr},
    {"O_RDONLY", abi::kORdonly},       {"O_TRUNC", abi::kOTrunc},
    {"O_APPEND", abi::kOAppend},       {"O_NONBLOCK", abi::kONonblock},
    {"O_LARGEFILE", abi::kOLargefile}, {"O_CLOEXEC", abi::kOCloexec},
    {"O_PATH", abi::kOPath},           {"O_CREAT", abi::kOCreat},
    {"O_EXCL", abi::kOExcl},           {"O_DIRECT", abi::kODirect},
    {"O_DIRECTORY", abi::kODirectory}, {"O_NOFOLLOW", abi::kONofollow},
    {"O_EMPTYPATH", abi::kOEmptypath}};
constexpr FlagName kResolveFlags[] = {{"0", 0},
                                      {"RESOLVE_NO_XDEV", abi::kResolveNoXdev},
                                      {"RESOLVE_NO_MAGICLINKS", abi::kResolveNoMagiclinks},
                                      {"RESOLVE_NO_SYMLINKS", abi::kResolveNoSymlinks},
                                      {"RESOLVE_BENEATH", abi::kResolveBeneath},
                                      {"RESOLVE_IN_ROOT", abi::kResolveInRoot},
                                      {"RESOLVE_CACHED", abi::kResolveCached}};
constexpr FlagName kTmpfileFlags[] = {
    {"O_WRONLY", abi::kOWronly},   {"O_RDWR", abi::kORdwr},     {"O_RDONLY", abi::kORdonly},
    {"O_EXCL", abi::kOExcl},       {"O_APPEND", abi::kOAppend}, {"O_NONBLOCK", abi::kONonblock},
    {"O_CLOEXEC", abi::kOCloexec}, {"O_TRUNC", abi::kOTrunc},   {"O_DIRECT", abi::kODirect},
    {"O_CREAT", abi::kOCreat}};
constexpr FlagName kStatusFlags[] = {{"0", 0},
                                     {"O_APPEND", abi::kOAppend},
                                     {"O_NONBLOCK", abi::kONonblock},
                                     {"O_RDWR", abi::kORdwr},
                                     {"O_WRONLY", abi::kOWronly}};
constexpr FlagName kFdFlags[] = {{"0", 0}, {"FD_CLOEXEC", abi::kFdCloexec}};
constexpr FlagName kDup3Flags[] = {{"0", 0}, {"O_CLOEXEC", abi::kOCloexec}};
constexpr FlagName kProtFlags[] = {
    {"PROT_NONE", 0}, {"PROT_READ", 1}, {"PROT_WRITE", 2}, {"PROT_EXEC", 4}};
constexpr FlagName kMprotectFlags[] = {{"PROT_NONE", 0},
                                       {"PROT_READ", 1},
                                       {"PROT_WRITE", 2},
                                       {"PROT_EXEC", 4},
                                       {"PROT_GROWSDOWN", abi::kProtGrowsdown},
                                       {"PROT_GROWSUP", abi::kProtGrowsup}};
constexpr FlagName kMapFlags[] = {{"0", 0},
                                  {"MAP_SHARED_VALIDATE", abi::kMapShareValidate},
                                  {"MAP_SHARED", abi::kMapShared},
                                  {"MAP_PRIVATE", abi::kMapPrivate},
                                  {"MAP_FIXED", abi::kMapFixed},
                                  {"MAP_LOCKED", abi::kMapLocked},
                                  {"MAP_POPULATE", abi::kMapPopulate},
                                  {"MAP_NONBLOCK", abi::kMapNonblock},
                                  {"MAP_FIXED_NOREPLACE", abi::kMapFixedNoreplace},
                                  {"MAP_DENYWRITE", abi::kMapDenywrite},
                                  {"MAP_EXECUTABLE", abi::kMapExecutable},
                                  {"MAP_GROWSDOWN", abi::kMapGrowsdown},
                                  {"MAP_HUGETLB", abi::kMapHugetlb},
                                  {"MAP_SYNC", abi::kMapSync}};
constexpr FlagName kMlockFlags[] = {{"0", 0}, {"MLOCK_ONFAULT", abi::kMlockOnfault}};
constexpr FlagName kMremapFlags[] = {{"0", 0},
                                     {"MREMAP_MAYMOVE", abi::kMremapMaymove},
                                     {"MREMAP_FIXED", abi::kMremapFixed},
                                     {"MREMAP_DONTUNMAP", abi::kMremapDontunmap}};
constexpr FlagName kRwfFlags[] = {{"0", 0},
                                  {"RWF_HIPRI", abi::kRwfHipri},
                                  {"RWF_DSYNC", abi::kRwfDsync},
                                  {"RWF_SYNC", abi::kRwfSync},
                                  {"RWF_NOWAIT", abi::kRwfNowait},
                                  {"RWF_APPEND", abi::kRwfAppend},
                                  {"RWF_NOAPPEND", abi::kRwfNoappend},
                                  {"RWF_NOSIGNAL", abi::kRwfNosignal}};
constexpr FlagName kAttrFlags[] = {{"0", 0},
                                   {"FS_IMMUTABLE_FL", abi::kFsImmutable},
                                   {"FS_APPEND_FL", abi::kFsAppend},
                                   {"FS_NODUMP_FL", abi::kFsNodump}};
constexpr FlagName kXflags[] = {{"0", 0},
                                {"FS_XFLAG_IMMUTABLE", abi::kXflagImmutable},
                                {"FS_XFLAG_APPEND", abi::kXflagAppend},
                                {"FS_XFLAG_NODUMP", abi::kXflagNodump},
                                {"FS_XFLAG_SYNC", abi::kXflagSync},
                                {"FS_XFLAG_PREALLOC", abi::kXflagPrealloc},
                                {"FS_XFLAG_HASATTR", abi::kXflagHasattr},
                                {"FS_XFLAG_VERITY", abi::kXflagVerity},
                                {"FS_XFLAG_CASEFOLD", abi::kXflagCasefold},
                                {"FS_XFLAG_EXTSIZE", abi::kXflagExtsize},
                                {"FS_XFLAG_EXTSZINHERIT", abi::kXflagExtszinherit}};
constexpr FlagName kFileAtFlags[] = {{"0", 0},
                                     {"AT_EMPTY_PATH", abi::kAtEmptyPath},
                                     {"AT_SYMLINK_NOFOLLOW", abi::kAtSymlinkNofollow}};
constexpr FlagName kAdvice[] = {{"MADV_NORMAL", abi::kMadvNormal},
                                {"MADV_WILLNEED", abi::kMadvWillneed},
                                {"MADV_DONTNEED", abi::kMadvDontneed},
                                {"MADV_FREE", abi::kMadvFree},
                                {"MADV_REMOVE", abi::kMadvRemove},
                                {"MADV_DONTFORK", abi::kMadvDontfork},
                                {"MADV_DOFORK", abi::kMadvDofork},
                                {"MADV_WIPEONFORK", abi::kMadvWipeonfork},
                                {"MADV_KEEPONFORK", abi::kMadvKeeponfork},
                                {"MADV_COLD", abi::kMadvCold},
                                {"MADV_PAGEOUT", abi::kMadvPageout},
                                {"MADV_POPULATE_READ", abi::kMadvPopulateRead},
                                {"MADV_POPULATE_WRITE", abi::kMadvPopulateWrite},
                                {"MADV_DONTNEED_LOCKED", abi::kMadvDontneedLocked},
                                {"MADV_GUARD_INSTALL", abi::kMadvGuardInstall},
                                {"MADV_GUARD_REMOVE", abi::kMadvGuardRemove}};
constexpr FlagName kMsyncFlags[] = {{"0", 0},
                                    {"MS_ASYNC", abi::kMsAsync},
                                    {"MS_INVALIDATE", abi::kMsInvalidate},
                                    {"MS_SYNC", abi::kMsSync}};
constexpr FlagName kSyncFlags[] = {{"0", 0},
                                   {"SYNC_FILE_RANGE_WAIT_BEFORE", abi::kSyncWaitBefore},
                                   {"SYNC_FILE_RANGE_WRITE", abi::kSyncWrite},
                                   {"SYNC_FILE_RANGE_WAIT_AFTER", abi::kSyncWaitAfter}};
constexpr FlagName kFileAdvice[] = {
    {"POSIX_FADV_NORMAL", abi::kFadvNormal},         {"POSIX_FADV_RANDOM", abi::kFadvRandom},
    {"POSIX_FADV_SEQUENTIAL", abi::kFadvSequential}, {"POSIX_FADV_WILLNEED", abi::kFadvWillneed},
    {"POSIX_FADV_DONTNEED", abi::kFadvDontneed},     {"POSIX_FADV_NOREUSE", abi::kFadvNoreuse}};
constexpr FlagName kNoFlags[] = {{"0", 0}};
constexpr FlagName kCloseRangeFlags[] = {{"0", 0},
                                         {"CLOSE_RANGE_UNSHARE", abi::kCloseRangeUnshare},
                                         {"CLOSE_RANGE_CLOEXEC", abi::kCloseRangeCloexec}};
constexpr FlagName kUnshareFlags[] = {
    {"0", 0}, {"CLONE_FILES", abi::kCloneFiles}, {"CLONE_FS", abi::kCloneFs}};
constexpr FlagName kFallocFlags[] = {{"0", 0},
                                     {"FALLOC_FL_KEEP_SIZE", abi::kFallocKeepSize},
                                     {"FALLOC_FL_PUNCH_HOLE", abi::kFallocPunchHole},
                                     {"FALLOC_FL_COLLAPSE_RANGE", 0x8},
                                     {"FALLOC_FL_ZERO_RANGE", 0x10},
                                     {"FALLOC_FL_INSERT_RANGE", 0x20},
                                     {"FALLOC_FL_UNSHARE_RANGE", 0x40},
                                     {"FALLOC_FL_WRITE_ZEROES", 0x80}};
constexpr FlagName kWhence[] = {{"SEEK_SET", abi::kSeekSet},
                                {"SEEK_CUR", abi::kSeekCur},
                                {"SEEK_END", abi::kSeekEnd},
                                {"SEEK_DATA", abi::kSeekData},
                                {"SEEK_HOLE", abi::kSeekHole}};

constexpr FlagName kExecveatFlags[] = {{"0", 0},
                                       {"AT_EMPTY_PATH", abi::kAtEmptyPath},
                                       {"AT_SYMLINK_NOFOLLOW", abi::kAtSymlinkNofollow},
                                       {"AT_EXECVE_CHECK", abi::kAtExecveCheck}};
constexpr FlagName kLeases[] = {{"F_RDLCK", 0}, {"F_WRLCK", 1}, {"F_UNLCK", 2}};
constexpr FlagName kDumpable[] = {{"SUID_DUMP_DISABLE", abi::kSuidDumpDisable},
                                  {"SUID_DUMP_USER", abi::kSuidDumpUser},
                                  {"SUID_DUMP_ROOT", abi::kSuidDumpRoot}};
constexpr FlagName kLinkatFlags[] = {
    {"0", 0}, {"AT_EMPTY_PATH", abi::kAtEmptyPath}, {"AT_SYMLINK_FOLLOW", abi::kAtSymlinkFollow}};
constexpr FlagName kOtherFiles[] = {
    {"EVENTFD", abi::kOtherEventfd}, {"EPOLL", abi::kOtherEpoll},
    {"TIMERFD", abi::kOtherTimerfd}, {"INOTIFY", abi::kOtherInotify},
    {"DEV_ZERO", abi::kOtherZero},   {"DIRECTORY", abi::kOtherDirectory},
    {"PROCFS", abi::kOtherProcfs},   {"MEMFD_SECRET", abi::kOtherSecret},
    {"REGULAR", abi::kOtherRegular}};
constexpr FlagName kPipeFlags[] = {
    {"0", 0}, {"O_NONBLOCK", abi::kONonblock}, {"O_CLOEXEC", abi::kOCloexec}};
constexpr FlagName kSpliceFlags[] = {{"0", 0},
                                     {"SPLICE_F_MOVE", abi::kSpliceMove},
                                     {"SPLICE_F_NONBLOCK", abi::kSpliceNonblock},
                                     {"SPLICE_F_MORE", abi::kSpliceMore},
                                     {"SPLICE_F_GIFT", abi::kSpliceGift}};

constexpr FlagName kCloneFlags[] = {{"0", 0},
                                    {"CLONE_VM", abi::kCloneVm},
                                    {"CLONE_FILES", abi::kCloneFiles},
                                    {"CLONE_VFORK", abi::kCloneVfork},
                                    {"CLONE_NEWPID", abi::kCloneNewpid}};

// Written so that a row reads like the call's prototype.
constexpr ArgSpec Lit(std::string_view text) { return {A::kLiteral, text, {}}; }
constexpr ArgSpec Fd(std::string_view name = "fd") { return {A::kFd, name, {}}; }
constexpr ArgSpec Size(std::string_view name) { return {A::kSize, name, {}}; }
constexpr ArgSpec Int(std::string_view name) { return {A::kInt, name, {}}; }
constexpr ArgSpec Offset(std::string_view name) { return {A::kOffset, name, {}}; }
constexpr ArgSpec Addr(std::string_view name) { return {A::kAddress, name, {}}; }
constexpr ArgSpec Arg(ArgKind kind, std::string_view name) { return {kind, name, {}}; }
template <size_t N>
constexpr ArgSpec Flags(std::string_view name, const FlagName (&names)[N]) {
  return {A::kFlags, name, absl::Span<const FlagName>(names, N)};
}

template <size_t N>
constexpr ArgSpec One(std::string_view name, const FlagName (&names)[N]) {
  return {A::kFlags, name, absl::Span<const FlagName>(names, N), true};
}

template <typename... Args>
constexpr CallSpec Row(Op op, std::string_view name, Family family, ReturnKind returns,
                       Args... args) {
  return {op, name, family, returns, {args...}, static_cast<int>(sizeof...(args))};
}

constexpr CallSpec kTable[] = {
    Row(Op::kMemfdCreate, "memfd_create", Family::kCreate, R::kFd, Arg(A::kName, "name"),
        Flags("flags", kMfdFlags)),
    Row(Op::kAddSeals, "fcntl", Family::kSeal, R::kZero, Fd(), Lit("F_ADD_SEALS"),
        Arg(A::kSeals, "seals")),
    Row(Op::kGetSeals, "fcntl", Family::kSeal, R::kSeals, Fd(), Lit("F_GET_SEALS")),
    Row(Op::kGetFl, "fcntl", Family::kDescriptor, R::kOpenFlags, Fd(), Lit("F_GETFL")),
    Row(Op::kSetFl, "fcntl", Family::kDescriptor, R::kZero, Fd(), Lit("F_SETFL"),
        Flags("flags", kStatusFlags)),
    Row(Op::kDupFd, "fcntl", Family::kDescriptor, R::kFd, Fd(), Lit("F_DUPFD"), Int("min")),
    Row(Op::kDupFdCloexec, "fcntl", Family::kDescriptor, R::kFd, Fd(), Lit("F_DUPFD_CLOEXEC"),
        Int("min")),
    Row(Op::kGetFd, "fcntl", Family::kDescriptor, R::kFdFlags, Fd(), Lit("F_GETFD")),
    Row(Op::kSetFd, "fcntl", Family::kDescriptor, R::kZero, Fd(), Lit("F_SETFD"),
        Flags("flags", kFdFlags)),
    Row(Op::kOpen, "open", Family::kOpen, R::kFd, Arg(A::kPath, "path"),
        Flags("flags", kOpenFlags)),
    Row(Op::kOpenat, "openat", Family::kOpen, R::kFd, Lit("AT_FDCWD"), Arg(A::kPath, "path"),
        Flags("flags", kOpenFlags)),
    Row(Op::kClose, "close", Family::kDescriptor, R::kZero, Fd()),
    Row(Op::kDup, "dup", Family::kDescriptor, R::kFd, Fd()),
    Row(Op::kDup2, "dup2", Family::kDescriptor, R::kFd, Fd("oldfd"), Fd("newfd")),
    Row(Op::kDup3, "dup3", Family::kDescriptor, R::kFd, Fd("oldfd"), Fd("newfd"),
        Flags("flags", kDup3Flags)),
    Row(Op::kRead, "read", Family::kReadWrite, R::kCountData, Fd(), Lit("buf"), Size("count")),
    Row(Op::kPread, "pread", Family::kReadWrite, R::kCountData, Fd(), Lit("buf"), Size("count"),
        Size("offset")),
    Row(Op::kWrite, "write", Family::kReadWrite, R::kCount, Fd(), Arg(A::kByte, "buf"),
        Size("count")),
    Row(Op::kPwrite, "pwrite", Family::kReadWrite, R::kCount, Fd(), Arg(A::kByte, "buf"),
        Size("count"), Size("offset")),
    Row(Op::kLseek, "lseek", Family::kReadWrite, R::kOffset, Fd(), Size("offset"),
        One("whence", kWhence)),
    Row(Op::kFtruncate, "ftruncate", Family::kSize, R::kZero, Fd(), Size("length")),
    Row(Op::kTruncate, "truncate", Family::kSize, R::kZero, Arg(A::kPath, "path"), Size("length")),
    Row(Op::kFallocate, "fallocate", Family::kSize, R::kZero, Fd(), Flags("mode", kFallocFlags),
        Size("offset"), Size("len")),
    Row(Op::kWritev, "writev", Family::kReadWrite, R::kCount, Fd(), Arg(A::kByte, "buf"),
        Size("count")),
    Row(Op::kPwritev2, "pwritev2", Family::kReadWrite, R::kCount, Fd(), Arg(A::kByte, "buf"),
        Size("count"), Size("offset"), Flags("flags", kRwfFlags)),
    Row(Op::kSendfile, "sendfile", Family::kCopy, R::kCount, Fd("out_fd"), Fd("in_fd"),
        Offset("offset"), Size("count")),
    Row(Op::kCopyFileRange, "copy_file_range", Family::kCopy, R::kCount, Fd("fd_in"),
        Offset("off_in"), Fd("fd_out"), Offset("off_out"), Size("len"), Flags("flags", kNoFlags)),
    Row(Op::kMmap, "mmap", Family::kMap, R::kAddress, Addr("addr"), Size("length"),
        Flags("prot", kProtFlags), Flags("flags", kMapFlags), Fd(), Size("offset")),
    Row(Op::kMunmap, "munmap", Family::kMap, R::kZero, Addr("addr"), Size("length")),
    Row(Op::kMprotect, "mprotect", Family::kMap, R::kZero, Addr("addr"), Size("length"),
        Flags("prot", kMprotectFlags)),
    Row(Op::kMremap, "mremap", Family::kMap, R::kAddress, Addr("old_address"), Size("old_size"),
        Size("new_size"), Flags("flags", kMremapFlags), Addr("new_address")),
    Row(Op::kMadvise, "madvise", Family::kMap, R::kZero, Addr("addr"), Size("length"),
        One("advice", kAdvice)),
    Row(Op::kMsync, "msync", Family::kMap, R::kZero, Addr("addr"), Size("length"),
        Flags("flags", kMsyncFlags)),
    Row(Op::kMseal, "mseal", Family::kMap, R::kZero, Addr("addr"), Size("length"),
        Flags("flags", kNoFlags)),
    Row(Op::kRemapFilePages, "remap_file_pages", Family::kMap, R::kZero, Addr("addr"), Size("size"),
        Flags("prot", kProtFlags), Int("pgoff"), Flags("flags", kNoFlags)),
    Row(Op::kLoad, "load", Family::kMemory, R::kByte, Addr("addr")),
    Row(Op::kStore, "store", Family::kMemory, R::kOk, Addr("addr"), Arg(A::kByte, "byte")),
    Row(Op::kProcessVmWritev, "process_vm_writev", Family::kRemote, R::kCount,
        Arg(A::kTask, "task"), Addr("addr"), Arg(A::kByte, "byte")),
    Row(Op::kMemWrite, "mem_write", Family::kRemote, R::kCount, Arg(A::kTask, "task"), Addr("addr"),
        Arg(A::kByte, "byte")),
    Row(Op::kFstat, "fstat", Family::kInode, R::kStat, Fd(), Lit("st")),
    Row(Op::kFchmod, "fchmod", Family::kInode, R::kZero, Fd(), Arg(A::kMode, "mode")),
    Row(Op::kChmod, "chmod", Family::kInode, R::kZero, Arg(A::kPath, "path"),
        Arg(A::kMode, "mode")),
    Row(Op::kFchown, "fchown", Family::kInode, R::kZero, Fd(), Int("owner"), Lit("-1")),
    Row(Op::kFork, "fork", Family::kProcess, R::kTask),
    Row(Op::kClone, "clone", Family::kProcess, R::kTask, Flags("flags", kCloneFlags)),
    Row(Op::kExec, "exec", Family::kProcess, R::kZero),
    Row(Op::kExit, "exit", Family::kProcess, R::kOk),
    Row(Op::kWait, "wait", Family::kProcess, R::kZero, Arg(A::kTask, "task")),
    Row(Op::kSocketpair, "socketpair", Family::kMessage, R::kFdPair, Lit("AF_UNIX"),
        Lit("SOCK_SEQPACKET"), Lit("0"), Lit("sv")),
    Row(Op::kSendmsg, "sendmsg", Family::kMessage, R::kZero, Fd("sockfd"), Fd("fd")),
    Row(Op::kRecvmsg, "recvmsg", Family::kMessage, R::kFd, Fd("sockfd")),
    Row(Op::kSendFd, "send_fd", Family::kMessage, R::kZero, Arg(A::kTask, "task"), Fd()),
    Row(Op::kRecvFd, "recv_fd", Family::kMessage, R::kFd),
    Row(Op::kPidfdGetfd, "pidfd_getfd", Family::kDescriptor, R::kFd, Arg(A::kTask, "task"),
        Fd("targetfd")),
    Row(Op::kCloseRange, "close_range", Family::kDescriptor, R::kZero, Int("first"), Int("last"),
        Flags("flags", kCloseRangeFlags)),
    Row(Op::kUnshare, "unshare", Family::kProcess, R::kZero, Flags("flags", kUnshareFlags)),
    Row(Op::kOpenByHandle, "open_by_handle_at", Family::kOpen, R::kFd, Fd(),
        Flags("flags", kOpenFlags)),
    Row(Op::kSetAttr, "ioctl", Family::kInode, R::kZero, Fd(), Lit("FS_IOC_SETFLAGS"),
        Flags("flags", kAttrFlags)),
    Row(Op::kSetXattr, "ioctl", Family::kInode, R::kZero, Fd(), Lit("FS_IOC_FSSETXATTR"),
        Flags("xflags", kXflags)),
    Row(Op::kFileSetattr, "file_setattr", Family::kInode, R::kZero, Fd("dfd"), Lit("\"\""),
        Flags("xflags", kXflags), Size("usize"), Flags("at_flags", kFileAtFlags)),
    Row(Op::kFileSetattrAt, "file_setattr", Family::kInode, R::kZero, Lit("AT_FDCWD"),
        Arg(A::kPath, "path"), Flags("xflags", kXflags), Size("usize"),
        Flags("at_flags", kFileAtFlags)),
    Row(Op::kFchmodat2, "fchmodat2", Family::kInode, R::kZero, Fd("dirfd"), Lit("\"\""),
        Arg(A::kMode, "mode"), Flags("flags", kFileAtFlags)),
    Row(Op::kPipe2, "pipe2", Family::kPipe, R::kFdPair, Lit("fds"), Flags("flags", kPipeFlags)),
    Row(Op::kSplice, "splice", Family::kPipe, R::kCount, Fd("fd_in"), Offset("off_in"),
        Fd("fd_out"), Offset("off_out"), Size("len"), Flags("flags", kSpliceFlags)),
    Row(Op::kTee, "tee", Family::kPipe, R::kCount, Fd("fd_in"), Fd("fd_out"), Size("len"),
        Flags("flags", kSpliceFlags)),
    Row(Op::kVmsplice, "vmsplice", Family::kPipe, R::kCount, Fd("fd_out"), Addr("addr"),
        Size("len"), Flags("flags", kSpliceFlags)),
    Row(Op::kAioPwrite, "aio_pwrite", Family::kReadWrite, R::kCount, Fd(), Arg(A::kByte, "buf"),
        Size("count"), Size("offset")),
    Row(Op::kOpenEmptyPath, "openat", Family::kOpen, R::kFd, Fd("dirfd"), Lit("\"\""),
        Flags("flags", kOpenFlags)),
    Row(Op::kSetFsize, "setrlimit", Family::kSize, R::kZero, Lit("RLIMIT_FSIZE"), Size("limit")),
    Row(Op::kUringRegister, "io_uring_register_buffers", Family::kIoUring, R::kZero, Addr("addr"),
        Size("length")),
    Row(Op::kUringUnregister, "io_uring_unregister_buffers", Family::kIoUring, R::kZero),
    Row(Op::kUringReadFixed, "io_uring_read_fixed", Family::kIoUring, R::kCount, Addr("addr"),
        Arg(A::kByte, "byte")),
    Row(Op::kOpenMapFile, "open_map_file", Family::kOpen, R::kFd, Arg(A::kTask, "task"),
        Addr("addr"), Flags("flags", kOpenFlags)),
    Row(Op::kSetNoexec, "sysctl", Family::kCreate, R::kZero, Lit("\"vm.memfd_noexec\""),
        Int("level")),
    Row(Op::kExecveat, "execveat", Family::kExecute, R::kZero, Fd("dirfd"), Lit("\"\""),
        Lit("argv"), Lit("envp"), Flags("flags", kExecveatFlags)),
    Row(Op::kExecve, "execve", Family::kExecute, R::kZero, Arg(A::kPath, "path"), Lit("argv"),
        Lit("envp")),
    Row(Op::kPtracePoke, "ptrace_poke", Family::kRemote, R::kZero, Arg(A::kTask, "task"),
        Addr("addr"), Arg(A::kByte, "byte")),
    Row(Op::kLinkat, "linkat", Family::kInode, R::kZero, Fd("olddirfd"), Lit("\"\""),
        Lit("AT_FDCWD"), Lit("newpath"), Flags("flags", kLinkatFlags)),
    Row(Op::kOpenTmpfile, "open_tmpfile", Family::kOpen, R::kFd, Flags("flags", kTmpfileFlags),
        Arg(A::kMode, "mode")),
    Row(Op::kSetLease, "fcntl", Family::kLease, R::kZero, Fd(), Lit("F_SETLEASE"),
        One("arg", kLeases)),
    Row(Op::kGetLease, "fcntl", Family::kLease, R::kLease, Fd(), Lit("F_GETLEASE")),
    // Of struct delegation the type alone is said: the rest is 0.
    Row(Op::kSetDeleg, "fcntl", Family::kLease, R::kZero, Fd(), Lit("F_SETDELEG"),
        One("d_type", kLeases)),
    Row(Op::kGetDeleg, "fcntl", Family::kLease, R::kLease, Fd(), Lit("F_GETDELEG")),
    Row(Op::kUffdCopy, "uffd_copy", Family::kRemote, R::kCount, Addr("addr"),
        Arg(A::kByte, "byte")),
    Row(Op::kFsetAcl, "fsetxattr", Family::kInode, R::kZero, Fd(),
        Lit("\"system.posix_acl_access\""), Arg(A::kMode, "mode")),
    Row(Op::kSetAcl, "setxattr", Family::kInode, R::kZero, Arg(A::kPath, "path"),
        Lit("\"system.posix_acl_access\""), Arg(A::kMode, "mode")),
    Row(Op::kUdmabufCreate, "udmabuf_create", Family::kUdmabuf, R::kFd, Fd(), Size("offset"),
        Size("size")),
    Row(Op::kDmabufStore, "dmabuf_store", Family::kUdmabuf, R::kZero, Fd("dmabuf"), Size("offset"),
        Arg(A::kByte, "byte")),
    Row(Op::kFuseMmap, "fuse_mmap", Family::kFuse, R::kAddress, Fd(), Size("length"),
        Flags("prot", kProtFlags), Size("offset")),
    Row(Op::kOpenOther, "open_other", Family::kOther, R::kFd, One("kind", kOtherFiles)),
    Row(Op::kUringPwrite, "io_uring_pwrite", Family::kReadWrite, R::kCount, Fd(),
        Arg(A::kByte, "buf"), Size("count"), Size("offset")),
    Row(Op::kGetPipeSize, "fcntl", Family::kPipe, R::kCount, Fd(), Lit("F_GETPIPE_SZ")),
    Row(Op::kSetPipeSize, "fcntl", Family::kPipe, R::kCount, Fd(), Lit("F_SETPIPE_SZ"),
        Size("size")),
    Row(Op::kMlock, "mlock", Family::kMap, R::kZero, Addr("addr"), Size("length")),
    Row(Op::kMlock2, "mlock2", Family::kMap, R::kZero, Addr("addr"), Size("length"),
        Flags("flags", kMlockFlags)),
    Row(Op::kMunlock, "munlock", Family::kMap, R::kZero, Addr("addr"), Size("length")),
    Row(Op::kWriteProgram, "write_program", Family::kReadWrite, R::kCount, Fd()),
    Row(Op::kRunProgram, "run_program", Family::kExecute, R::kZero, Fd()),
    Row(Op::kEndProgram, "end_program", Family::kExecute, R::kZero),
    Row(Op::kOpenExe, "open_exe", Family::kOpen, R::kFd, Arg(A::kTask, "task"),
        Flags("flags", kOpenFlags)),
    // struct open_how by its members; `flags` has 32 bits here.
    Row(Op::kOpenat2, "openat2", Family::kOpen, R::kFd, Lit("AT_FDCWD"), Arg(A::kPath, "path"),
        Flags("flags", kOpenFlags), Arg(A::kMode, "mode"), Flags("resolve", kResolveFlags)),
    // The descriptor of a process by its task, -1 for one that is none, and the array of struct
    // iovec by its members: of two ranges, or of one where the second is NULL and 0.
    Row(Op::kProcessMadvise, "process_madvise", Family::kMap, R::kCount, Arg(A::kTask, "task"),
        Addr("addr"), Size("length"), Addr("addr2"), Size("length2"), One("advice", kAdvice),
        Flags("flags", kNoFlags)),
    Row(Op::kReadv, "readv", Family::kReadWrite, R::kCountData, Fd(), Lit("buf"), Size("count")),
    Row(Op::kPreadv, "preadv", Family::kReadWrite, R::kCountData, Fd(), Lit("buf"), Size("count"),
        Size("offset")),
    Row(Op::kPreadv2, "preadv2", Family::kReadWrite, R::kCountData, Fd(), Lit("buf"), Size("count"),
        Size("offset"), Flags("flags", kRwfFlags)),
    Row(Op::kSetDumpable, "prctl", Family::kProcess, R::kZero, Lit("PR_SET_DUMPABLE"),
        One("dumpable", kDumpable)),
    Row(Op::kPwritev, "pwritev", Family::kReadWrite, R::kCount, Fd(), Arg(A::kByte, "buf"),
        Size("count"), Size("offset")),
    Row(Op::kFchownat, "fchownat", Family::kInode, R::kZero, Fd("dirfd"), Lit("\"\""), Int("owner"),
        Lit("-1"), Flags("flags", kFileAtFlags)),
    Row(Op::kChown, "chown", Family::kInode, R::kZero, Arg(A::kPath, "path"), Int("owner"),
        Lit("-1")),
    Row(Op::kDupFdQuery, "fcntl", Family::kDescriptor, R::kBool, Fd(), Lit("F_DUPFD_QUERY"),
        Fd("fd2")),
    Row(Op::kCreatedQuery, "fcntl", Family::kDescriptor, R::kBool, Fd(), Lit("F_CREATED_QUERY")),
    Row(Op::kFsync, "fsync", Family::kSync, R::kZero, Fd()),
    Row(Op::kFdatasync, "fdatasync", Family::kSync, R::kZero, Fd()),
    Row(Op::kSyncFileRange, "sync_file_range", Family::kSync, R::kZero, Fd(), Size("offset"),
        Size("nbytes"), Flags("flags", kSyncFlags)),
    Row(Op::kFadvise, "posix_fadvise", Family::kSync, R::kZero, Fd(), Size("offset"), Size("len"),
        One("advice", kFileAdvice)),
    Row(Op::kReadahead, "readahead", Family::kSync, R::kZero, Fd(), Size("offset"), Size("count")),
    Row(Op::kFutimens, "futimens", Family::kInode, R::kZero, Fd(), Lit("NULL")),
    Row(Op::kUtimensat, "utimensat", Family::kInode, R::kZero, Lit("AT_FDCWD"),
        Arg(A::kPath, "path"), Lit("NULL"), Lit("0")),
    Row(Op::kExtension, "ioctl", Family::kExtension, R::kFd, Fd(), Arg(A::kExtension, "request"),
        Arg(A::kExtensionArg, "arg")),
};

constexpr int CountWords(ArgKind kind) {
  if (kind == A::kLiteral) return 0;
  return kind == A::kPath ? 2 : 1;
}

using WordMasks = std::array<uint64_t, kMaxWords>;

constexpr WordMasks IntWords(const CallSpec& spec) {
  size_t word = 0;
  WordMasks masks{};
  for (int i = 0; i < spec.num_args; ++i) {
    const ArgKind kind = spec.args[i].kind;
    for (int j = 0; j < CountWords(kind); ++j, ++word)
      if (kind != A::kSize && kind != A::kAddress && kind != A::kOffset) masks[word] = ~uint64_t{0};
  }
  return masks;
}

constexpr auto kIntWords = [] {
  std::array<WordMasks, std::size(kTable)> words{};
  for (size_t i = 0; i < words.size(); ++i) words[i] = IntWords(kTable[i]);
  return words;
}();

}  // namespace

absl::Span<const CallSpec> CallTable() { return kTable; }

const CallSpec& SpecOf(Op op) { return kTable[static_cast<int>(op)]; }

absl::Span<const ArgSpec> ArgsOf(const CallSpec& spec) {
  return absl::Span<const ArgSpec>(spec.args.data(), spec.num_args);
}

bool MakesHugetlb(const Call& call) {
  return call.op == Op::kMemfdCreate && (call.arg[1] & abi::kMfdHugetlb) != 0;
}

bool Locks(const Call& call) {
  return call.op == Op::kMlock || call.op == Op::kMlock2 ||
         (call.op == Op::kMmap && (call.arg[3] & abi::kMapLocked) != 0);
}

bool IsVfork(const Call& call) {
  return call.op == Op::kClone && (call.arg[0] & abi::kCloneVfork) != 0;
}

int64_t AdviceOf(const Call& call) {
  if (call.op == Op::kMadvise) return call.arg[2];
  return call.op == Op::kProcessMadvise ? call.arg[5] : -1;
}

int WordsOf(ArgKind kind) { return CountWords(kind); }

const std::array<uint64_t, kMaxWords>& IntWordsOf(Op op) {
  return kIntWords[static_cast<size_t>(op)];
}

std::string_view ShortName(Op op) {
  const CallSpec& spec = SpecOf(op);
  if (op == Op::kOpenEmptyPath) return "O_EMPTYPATH";  // another row is openat
  if (op == Op::kFileSetattrAt) return "file_setattr_path";
  if (spec.num_args > 1 && spec.args[1].kind == A::kLiteral &&
      (spec.name == "fcntl" || spec.name == "ioctl"))
    return spec.args[1].name;
  return spec.name;
}

std::vector<const CallSpec*> SpecsByName(std::string_view name) {
  std::vector<const CallSpec*> specs;
  for (const CallSpec& spec : kTable)
    if (spec.name == name) specs.push_back(&spec);
  return specs;
}

}  // namespace selkie
