// Reads into the harness's buffer, of which the bytes at sampled offsets are kept.
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "kernel/executor.h"
#include "kernel/executor_raw.h"

namespace selkie {
namespace {

int64_t BufferOf(const Env& env) { return Raw(env.control.buffer.data()); }

// The bytes of a read of `count` bytes at file offset `start` that stand at
// sampled offsets.
void TakeSamples(Result& r, const uint8_t* bytes, int64_t start, int64_t count) {
  const int64_t past = start % kSampleStride;
  for (int64_t i = past == 0 ? 0 : kSampleStride - past; i < count; i += kSampleStride)
    if (r.num_data < r.data.size()) r.data[r.num_data++] = bytes[i];
}

// Two parts of `count` bytes, the first of which is the smaller, one behind the other: as one if
// the count is no length.
struct ReadParts {
  ReadParts(int64_t count, const Env& env) {
    const int64_t half = count > 1 ? count / 2 : 0;
    const int64_t bytes = BufferOf(env);
    vec[0] = {reinterpret_cast<void*>(bytes), static_cast<size_t>(half)};
    vec[1] = {reinterpret_cast<void*>(bytes + half), static_cast<size_t>(count - half)};
  }
  iovec vec[2];
};

// A read of bytes from `start` on; from where the file stands if that is -1.
template <typename Read>
Result ReadFrom(const Call& c, const Env& env, int64_t start, Read read) {
  if (start == -1) start = RawSyscall(SYS_lseek, c.arg[0], 0, SEEK_CUR);
  const ReadParts parts(c.arg[1], env);
  Result r = FromRaw(read(Raw(parts.vec)));
  if (r.ok()) TakeSamples(r, env.control.buffer.data(), IsRawError(start) ? 0 : start, r.value);
  return r;
}

}  // namespace

Result RealRead(const Call& c, const Env& env) {
  const int64_t start = RawSyscall(SYS_lseek, c.arg[0], 0, SEEK_CUR);
  Result r = FromRaw(RawSyscall(SYS_read, c.arg[0], BufferOf(env), c.arg[1]));
  if (r.ok()) TakeSamples(r, env.control.buffer.data(), IsRawError(start) ? 0 : start, r.value);
  return r;
}

Result RealPread(const Call& c, const Env& env) {
  Result r = FromRaw(RawSyscall(SYS_pread64, c.arg[0], BufferOf(env), c.arg[1], c.arg[2]));
  if (r.ok()) TakeSamples(r, env.control.buffer.data(), c.arg[2], r.value);
  return r;
}

Result RealReadv(const Call& c, const Env& env) {
  return ReadFrom(c, env, -1, [&](int64_t vec) { return RawSyscall(SYS_readv, c.arg[0], vec, 2); });
}

Result RealPreadv(const Call& c, const Env& env) {
  return ReadFrom(c, env, std::max<int64_t>(c.arg[2], 0), [&](int64_t vec) {
    return RawSyscall(SYS_preadv, c.arg[0], vec, 2, c.arg[2], 0);
  });
}

Result RealPreadv2(const Call& c, const Env& env) {
  return ReadFrom(c, env, c.arg[2], [&](int64_t vec) {
    return RawSyscall(SYS_preadv2, c.arg[0], vec, 2, c.arg[2], 0, c.arg[3]);
  });
}

}  // namespace selkie
