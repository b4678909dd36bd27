#include "scenarios/coverage_of_calls.h"

namespace selkie {
namespace {

constexpr auto kObserved = Coverage::kObserved;
constexpr auto kNot = Coverage::kNotModelled;

constexpr UncoveredCall kUncovered[] = {
    // create
    {"MFD_HUGE_1GB", kNot,
     "Only where the processor has such pages, and they are set apart at boot."},
    {"memfd_secret, eventfd and others: calls that are not of seals", kNot,
     "open_other makes them as targets of F_ADD_SEALS and F_GET_SEALS, to duplicate and to pass "
     "on. RLIMIT_MEMLOCK and memfd_secret: findings 33."},
    {"open of tmpfs files that have a name", kObserved,
     "As open_tmpfile, and by its name instead of by /proc."},
    {"pid namespaces of several tasks, or below one that a task has made", kNot,
     "clone(CLONE_NEWPID) makes one of one task, whose own vm.memfd_noexec is modelled: the "
     "strictest of it and of that above counts."},
    // write family
    {"dmabufs: mappings that stay, DMA, UDMABUF_CREATE_LIST, fstat and a re-open of one", kNot,
     "dmabuf_store maps, stores and unmaps; a device that writes is not in the guests."},
    {"io_uring: operations but IORING_OP_WRITE and READ_FIXED", kNot,
     "They call what the system calls of the same name do."},
    {"IOCB_CMD_PWRITEV, PREAD, PREADV, FSYNC and POLL of AIO", kNot,
     "As the calls of the same name."},
    {"sync, syncfs, cachestat", kNot,
     "No seal speaks of them; shmem has nothing to write back to."},
    {"vmsplice out of a pipe, packet pipes (O_DIRECT), writes to a pipe by AIO and io_uring", kNot,
     "What a pipe holds is known by half pages, and only as bytes."},
    {"splice, sendfile to a socket", kObserved,
     "Pins the page as a pipe does; sockets hold no data here."},
    {"RWF_ATOMIC, RWF_DONTCACHE", kObserved, "EOPNOTSUPP of a memfd on every kernel measured."},
    // pins
    {"O_DIRECT reads into a mapping", kObserved,
     "A pin as that of a buffer registered with io_uring, which is modelled, until the read ends."},
    {"read of AF_ALG and of a socket with TLS into a mapping", kObserved,
     "They store as read does, and do not mark the page dirty: findings 31."},
    {"splice to /dev/fuse, Coda", kObserved,
     "File systems that a program serves: it takes pages that it may read, and maps what it may "
     "not "
     "write: findings 28 and 32. FUSE's passthrough is modelled (fuse_mmap)."},
    {"SG_IO, RDMA, metadata of block devices, IOMMU_IOAS_MAP_FILE", kObserved,
     "Devices that the guests do not have. They write what may only be read: findings 17 to 20."},
    {"live update (LIVEUPDATE_SESSION_PRESERVE_FD)", kObserved,
     "Another kernel goes on. It gives back another memfd: findings 21."},
    // map
    {"large folios (transparent_hugepage/*/shmem_enabled)", kObserved,
     "A setting of the whole machine, off unless set. There is memory past the end then, and "
     "stores are lost: findings 14, 29, 30."},
    {"MAP_ANONYMOUS", kObserved, "Not about a file."},
    {"MAP_NORESERVE, MAP_STACK, MAP_SYNC without MAP_SHARED_VALIDATE", kObserved,
     "They mark the mapping, keep it from merging, and change no answer."},
    {"MAP_32BIT, MAP_ABOVE4G; MAP_FIXED at NULL by root", kNot,
     "Where mappings go is the harness's choice: an arena. Of others than root, NULL is EPERM."},
    {"of memfds of huge pages: udmabufs; more than the first 4 KiB of one by vmsplice and io_uring",
     kObserved,
     "They pin a page as one of a small memfd is pinned (F_SEAL_WRITE: EBUSY), on all kernels."},
    {"of memfds of huge pages: FUSE's passthrough", kNot, "No kernel was asked."},
    {"mremap of a part of a private mapping of huge pages", kObserved,
     "One page is lost for good: findings 9."},
    {"mlockall; RLIMIT_MEMLOCK", kObserved,
     "It would lock the harness's own memory, and of mlock the harness lifts the limit. A reader "
     "undoes mlock: findings 39."},
    {"futex", kObserved, "It reads. Who may read moves who sleeps: findings 36."},
    {"userfaultfd: UFFDIO_ZEROPAGE, UFFDIO_CONTINUE, UFFDIO_MOVE, private mappings", kObserved,
     "UFFDIO_COPY into a shared mapping is modelled; the others change no file, or are it with "
     "zeroes."},
    {"MADV_RANDOM, MADV_SEQUENTIAL, MADV_DONTDUMP, MADV_HUGEPAGE, MADV_MERGEABLE, and what takes "
     "them back",
     kObserved, "No effect on contents; they keep mappings from merging."},
    {"mbind, set_mempolicy, move_pages", kObserved,
     "No seal speaks of where pages come from. Who may read sets it for all: findings 24."},
    {"UFFDIO_WRITEPROTECT, UFFDIO_RWPROTECT, UFFDIO_POISON", kObserved,
     "They delay a store, or make a load SIGBUS. What others do to them: findings 26, 35, 38."},
    {"MADV_COLLAPSE", kObserved,
     "Needs 2 MiB in one piece, in the mapping and free. Findings 14, 29, 38 and 39."},
    {"MADV_HWPOISON, MADV_SOFT_OFFLINE", kNot, "They destroy memory."},
    {"process_madvise of more than two ranges, or of threads (PIDFD_THREAD)", kNot,
     "Range by range; a thread has the memory of its process."},
    {"pkey_mprotect", kNot, "As mprotect; protection keys depend on the processor."},
    {"mremap: MREMAP_FIXED at NULL", kNot, "As MAP_FIXED there, but for what is unmapped before."},
    {"process_vm_readv, reads of /proc/PID/mem", kObserved, "Nothing is written."},
    // re-open and identity
    {"linkat of /proc/self/fd/N, AT_SYMLINK_FOLLOW", kObserved,
     "EXDEV, as by descriptor: a memfd can be given no name."},
    {"an open, truncate or execve that waits for a lease to be broken", kObserved,
     "The model says that it would wait; with O_NONBLOCK it is modelled."},
    {"execve of a memfd that is a program, by the task itself", kNot,
     "A child runs it (run_program); execve and execveat of others are modelled."},
    {"F_SETFL O_DIRECT", kObserved,
     "EINVAL of the file that memfd_create made, 0 of one that was opened."},
    {"O_SYNC, O_DSYNC, O_ASYNC, O_NOATIME", kObserved,
     "They stay in what F_GETFL gives, and change nothing that a seal speaks of."},
    {"O_PATH of the link itself", kNot, "No inode is reached."},
    {"futimens and utimensat of given times, setxattr of anything but an ACL that is a mode, "
     "flock, F_SETLK, F_NOTIFY",
     kObserved, "No seal speaks of them, and none is asked."},
    {"/proc/thread-self/fd, /proc/PID/task/TID/fd", kNot, "As /proc/PID/fd."},
    {"openat2: flags above bit 31, RESOLVE_IN_ROOT, RESOLVE_CACHED with others", kNot,
     "OPENAT2_REGULAR (7.2) says nothing of a memfd; the others depend on what the working "
     "directory "
     "has, and on what of the path is cached."},
    {"chown of the group, lchown", kObserved,
     "No task is in a group; the link itself is procfs's, and another inode."},
    {"file_getattr, FS_IOC_FSGETXATTR, FS_IOC_GETFLAGS", kObserved,
     "They tell what chattr has set, which the next call shows."},
    {"capabilities one by one", kNot,
     "A task has all, as root, or none: which of them a call asks for is named in its check."},
    {"setresuid, setresgid, capset by a task that runs", kNot,
     "It keeps what it has, as if that had been sent to it, and is nondumpable then (as by "
     "prctl)."},
    {"prctl: PR_SET_MDWE, PR_SET_NO_NEW_PRIVS", kNot,
     "No seal speaks of them. MDWE keeps memory from being writable and executable: findings 87."},
    // processes
    {"clone3, clone: CLONE_THREAD, CLONE_FS, namespaces", kNot,
     "Neither descriptors nor mappings follow from them."},
    {"ptrace of a task that waits in vfork", kNot,
     "It does not stop before its child goes on. vfork is clone(CLONE_VM|CLONE_VFORK)."},
    {"SCM_RIGHTS of sockets, and its garbage collection", kObserved,
     "When the collector runs is the kernel's choice: the model refuses to send sockets, so that "
     "nothing becomes garbage. What it frees nobody else can reach."},
    {"SCM_RIGHTS: several descriptors, MSG_PEEK, SO_PASSRIGHTS, other types of socket", kNot,
     "One descriptor a message over SOCK_SEQPACKET; MSG_PEEK makes one more of the same file."},
    {"SECCOMP_IOCTL_NOTIF_ADDFD, binder, fds of other services", kNot,
     "They install a descriptor as recvmsg does."},
    {"recvmsg at RLIMIT_NOFILE", kObserved, "MSG_CTRUNC: the descriptor is lost."},
};

}  // namespace

absl::Span<const UncoveredCall> UncoveredCalls() { return kUncovered; }

}  // namespace selkie
