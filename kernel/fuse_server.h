// A FUSE filesystem of one file that passes memfds through (FUSE_DEV_IOC_BACKING_OPEN, 6.9).
//
// What opens kFuseFd again through /proc names the descriptor, of its own, that is to stand behind
// the file (Control::fuse). The server, a process for each worker, takes that with pidfd_getfd, and
// gives it back when the file is closed, so that between calls nothing of a memfd is held.
#ifndef SELKIE_KERNEL_FUSE_SERVER_H_
#define SELKIE_KERNEL_FUSE_SERVER_H_

namespace selkie {

// Makes the filesystem, mounted nowhere, as kFuseFd, starts its server, which ends with the
// process, and tries it once.  False, with nothing left, where there is no /dev/fuse, mounting is
// not allowed, or the kernel passes no memfd through.  The control block must be mapped.
bool StartFuseServer();

}  // namespace selkie

#endif  // SELKIE_KERNEL_FUSE_SERVER_H_
