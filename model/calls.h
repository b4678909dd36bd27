// The calls themselves: one function each, in the file of its family.  Internal to model/.
//
// Each function reads top to bottom in the kernel's order of checks; each check
// names the kernel function that it mirrors.  Order of sources: fs/ and mm/ of
// Linux 6.1, where not said otherwise.
#ifndef SELKIE_MODEL_CALLS_H_
#define SELKIE_MODEL_CALLS_H_

#include "model/call.h"
#include "model/result.h"
#include "model/semantics.h"
#include "model/state.h"

namespace selkie {

Result MemfdCreate(State&, const Call&, const Semantics&);
Result AddSeals(State&, const Call&, const Semantics&);
Result GetSeals(State&, const Call&, const Semantics&);
Result GetFl(State&, const Call&, const Semantics&);
Result SetFl(State&, const Call&, const Semantics&);
Result DupFd(State&, const Call&, const Semantics&);
Result GetFd(State&, const Call&, const Semantics&);
Result SetFd(State&, const Call&, const Semantics&);
Result Open(State&, const Call&, const Semantics&);
Result Close(State&, const Call&, const Semantics&);
Result Dup(State&, const Call&, const Semantics&);
Result Dup2(State&, const Call&, const Semantics&);
Result Dup3(State&, const Call&, const Semantics&);
Result Read(State&, const Call&, const Semantics&);
Result Pread(State&, const Call&, const Semantics&);
Result Write(State&, const Call&, const Semantics&);
Result Pwrite(State&, const Call&, const Semantics&);
Result Lseek(State&, const Call&, const Semantics&);
Result Ftruncate(State&, const Call&, const Semantics&);
Result Truncate(State&, const Call&, const Semantics&);
Result Fallocate(State&, const Call&, const Semantics&);
Result Writev(State&, const Call&, const Semantics&);
Result Pwritev2(State&, const Call&, const Semantics&);
Result Sendfile(State&, const Call&, const Semantics&);
Result CopyFileRange(State&, const Call&, const Semantics&);
Result Mmap(State&, const Call&, const Semantics&);
Result Munmap(State&, const Call&, const Semantics&);
Result Mprotect(State&, const Call&, const Semantics&);
Result Mremap(State&, const Call&, const Semantics&);
Result Madvise(State&, const Call&, const Semantics&);
Result Msync(State&, const Call&, const Semantics&);
Result Mseal(State&, const Call&, const Semantics&);
Result Mlock(State&, const Call&, const Semantics&);
Result Mlock2(State&, const Call&, const Semantics&);
Result Munlock(State&, const Call&, const Semantics&);
Result RemapFilePages(State&, const Call&, const Semantics&);
Result Load(State&, const Call&, const Semantics&);
Result Store(State&, const Call&, const Semantics&);
Result ProcessVmWritev(State&, const Call&, const Semantics&);
Result MemWrite(State&, const Call&, const Semantics&);
Result Fstat(State&, const Call&, const Semantics&);
Result Fchmod(State&, const Call&, const Semantics&);
Result Chmod(State&, const Call&, const Semantics&);
Result Fchown(State&, const Call&, const Semantics&);
Result Fork(State&, const Call&, const Semantics&);
Result Clone(State&, const Call&, const Semantics&);
Result Exec(State&, const Call&, const Semantics&);
Result Exit(State&, const Call&, const Semantics&);
Result Wait(State&, const Call&, const Semantics&);
Result SetDumpable(State&, const Call&, const Semantics&);
Result Socketpair(State&, const Call&, const Semantics&);
Result Sendmsg(State&, const Call&, const Semantics&);
Result Recvmsg(State&, const Call&, const Semantics&);
Result SendFd(State&, const Call&, const Semantics&);
Result RecvFd(State&, const Call&, const Semantics&);
Result PidfdGetfd(State&, const Call&, const Semantics&);
Result CloseRange(State&, const Call&, const Semantics&);
Result Unshare(State&, const Call&, const Semantics&);
Result OpenByHandle(State&, const Call&, const Semantics&);
Result SetAttr(State&, const Call&, const Semantics&);
Result SetXattr(State&, const Call&, const Semantics&);
Result FileSetattr(State&, const Call&, const Semantics&);
Result FileSetattrAt(State&, const Call&, const Semantics&);
Result Fchmodat2(State&, const Call&, const Semantics&);
Result Pipe2(State&, const Call&, const Semantics&);
Result GetPipeSize(State&, const Call&, const Semantics&);
Result SetPipeSize(State&, const Call&, const Semantics&);
Result Splice(State&, const Call&, const Semantics&);
Result Tee(State&, const Call&, const Semantics&);
Result Vmsplice(State&, const Call&, const Semantics&);
Result OpenEmptyPath(State&, const Call&, const Semantics&);
Result SetFsize(State&, const Call&, const Semantics&);
Result OpenMapFile(State&, const Call&, const Semantics&);
Result Execveat(State&, const Call&, const Semantics&);
Result Execve(State&, const Call&, const Semantics&);
Result WriteProgram(State&, const Call&, const Semantics&);
Result RunProgram(State&, const Call&, const Semantics&);
Result EndProgram(State&, const Call&, const Semantics&);
Result OpenExe(State&, const Call&, const Semantics&);
Result Openat2(State&, const Call&, const Semantics&);
Result ProcessMadvise(State&, const Call&, const Semantics&);
Result Readv(State&, const Call&, const Semantics&);
Result Preadv(State&, const Call&, const Semantics&);
Result Preadv2(State&, const Call&, const Semantics&);
Result PtracePoke(State&, const Call&, const Semantics&);
Result Linkat(State&, const Call&, const Semantics&);
Result OpenTmpfile(State&, const Call&, const Semantics&);
Result SetLease(State&, const Call&, const Semantics&);
Result GetLease(State&, const Call&, const Semantics&);
Result SetDeleg(State&, const Call&, const Semantics&);
Result GetDeleg(State&, const Call&, const Semantics&);
Result UffdCopy(State&, const Call&, const Semantics&);
Result FsetAcl(State&, const Call&, const Semantics&);
Result SetAcl(State&, const Call&, const Semantics&);
Result UdmabufCreate(State&, const Call&, const Semantics&);
Result DmabufStore(State&, const Call&, const Semantics&);
Result FuseMmap(State&, const Call&, const Semantics&);
Result OpenOther(State&, const Call&, const Semantics&);
Result UringPwrite(State&, const Call&, const Semantics&);
Result UringRegister(State&, const Call&, const Semantics&);
Result UringUnregister(State&, const Call&, const Semantics&);
Result UringReadFixed(State&, const Call&, const Semantics&);
Result SetNoexec(State&, const Call&, const Semantics&);
Result AioPwrite(State&, const Call&, const Semantics&);
Result Pwritev(State&, const Call&, const Semantics&);
Result Fchownat(State&, const Call&, const Semantics&);
Result Chown(State&, const Call&, const Semantics&);
Result DupFdQuery(State&, const Call&, const Semantics&);
Result CreatedQuery(State&, const Call&, const Semantics&);
Result Fsync(State&, const Call&, const Semantics&);
Result SyncFileRange(State&, const Call&, const Semantics&);
Result Fadvise(State&, const Call&, const Semantics&);
Result Readahead(State&, const Call&, const Semantics&);
Result Futimens(State&, const Call&, const Semantics&);
Result Utimensat(State&, const Call&, const Semantics&);
Result Extend(State&, const Call&, const Semantics&);

}  // namespace selkie

#endif  // SELKIE_MODEL_CALLS_H_
