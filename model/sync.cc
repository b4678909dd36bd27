// fsync, fdatasync, sync_file_range, posix_fadvise and readahead: fs/sync.c, mm/fadvise.c,
// mm/readahead.c.
//
// Of a memfd none of them does anything: there is nothing to write back to, and nothing to read
// ahead from (noop_fsync; mapping_can_writeback; noop_backing_dev_info). What is left is what they
// refuse. No seal is asked.
#include "model/families.h"

namespace selkie {
namespace {

bool IsRegular(const State& s, int f) { return IsMemfd(s, s.files[f].inode - 1); }

// generic_fadvise. Sockets have no pages either, and take advice of them.
Result Advise(const State& s, int f, int64_t offset, int64_t length, int64_t advice,
              const Semantics& semantics) {
  constexpr const char* kRange = "mm/fadvise.c generic_fadvise: len, offset";
  if (IsPipe(s, f)) return Fail(ESPIPE, "mm/fadvise.c generic_fadvise: S_ISFIFO");
  if (length < 0) return Fail(EINVAL, kRange);
  const Rule* const any_offset =
      offset < 0 ? NotSupported(semantics, Feature::kFadviseOffset) : nullptr;
  if (offset < 0 && any_offset == nullptr) return Fail(EINVAL, kRange);
  if (advice < abi::kFadvNormal || advice > abi::kFadvNoreuse)
    return Fail(EINVAL, "mm/fadvise.c generic_fadvise: advice");
  Result result = Unchanged(0);
  result.rule = any_offset;
  return result;
}

}  // namespace

// do_fsync, of both calls.
Result Fsync(State& s, const Call& c, const Semantics&) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if (!IsRegular(s, f)) return Fail(EINVAL, "fs/sync.c vfs_fsync_range: f_op->fsync");
  return Unchanged(0);
}

Result SyncFileRange(State& s, const Call& c, const Semantics&) {
  constexpr int64_t kKnown = abi::kSyncWaitBefore | abi::kSyncWrite | abi::kSyncWaitAfter;
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if ((c.arg[3] & ~kKnown) != 0) return Fail(EINVAL, "fs/sync.c sync_file_range: VALID_FLAGS");
  if (BadArea(c.arg[1], c.arg[2], &error))
    return Fail(EINVAL, "fs/sync.c sync_file_range: offset, endbyte");
  if (!IsRegular(s, f)) return Fail(ESPIPE, "fs/sync.c sync_file_range: S_ISREG");
  return Unchanged(0);
}

Result Fadvise(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  return Advise(s, f, c.arg[1], c.arg[2], c.arg[3], semantics);
}

Result Readahead(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  if (!Fdget(s, c, c.arg[0], &f, &error)) return error;
  if ((s.files[f].mode & kModeRead) == 0)
    return Fail(EBADF, "mm/readahead.c ksys_readahead: FMODE_READ");
  if (!IsRegular(s, f)) return Fail(EINVAL, "mm/readahead.c ksys_readahead: S_ISREG");
  return Advise(s, f, c.arg[1], c.arg[2], abi::kFadvWillneed, semantics);
}

}  // namespace selkie
