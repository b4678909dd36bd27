// Each call of the table, in an alphabet of its own: the search stores all that the
// call can change and treats as alike only what is, judged by the naive explorer.
#include <algorithm>
#include <set>
#include <string>

#include "checker/canonical.h"
#include "checker/check.h"
#include "checker/checker_testing.h"
#include "checker/naive.h"
#include "gmock/gmock.h"

namespace selkie {
namespace {

constexpr const char* kCallFile = "calls_test.prop";

Property PropertyOf(const std::string& heading, const std::string& calls,
                    const std::string& clause) {
  absl::StatusOr<Property> property = ParseProperty(
      {kCallFile, "property p\n\"For a test.\"\n" + heading + "calls\n" + calls + clause + "\n"},
      [](std::string_view) -> absl::StatusOr<PropertySource> {
        return absl::NotFoundError("no lists of calls here");
      });
  EXPECT_TRUE(property.ok()) << property.status() << "\n" << calls;
  return *property;
}

struct Alphabet {
  const char* name;
  const char* semantics;
  const char* heading;  // bounds and roles
  const char* calls;    // besides those that make a region
  Observes observes;
};

std::string NameOf(const testing::TestParamInfo<Alphabet>& info) {
  std::string name = info.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

constexpr const char* kRegion = "  memfd_create(\"m\", MFD_ALLOW_SEALING)\n  ftruncate(fd, 4096)\n";
constexpr const char* kOneTask =
    "bounds processes=1 fds=2 files=2 maps=2\nrole any uid 0 may seal\n";
constexpr const char* kOneMapping =
    "bounds processes=1 fds=1 files=1 maps=2 pages=2\nrole any uid 0 may seal\n";
constexpr const char* kTwoTasks =
    "bounds processes=2 fds=1 files=1 maps=1\nrole any uid 0 may seal\nstart 1\n";

// How many of the states that the machine reaches differ in more than names.
size_t FormsOf(const Machine& machine) {
  std::set<std::string> forms;
  for (State& state : ReachableStates(machine)) {
    if (machine.layout().task_parent == 0)  // matters to wait, exit and vfork alone
      for (Task& task : state.tasks) task.parent = 0;
    forms.insert(Rename(state, CanonicalRenaming(state, machine.symmetry())).ToBytes());
  }
  return forms.size();
}

class EachCall : public testing::TestWithParam<Alphabet> {};

TEST_P(EachCall, IsExploredAsWithoutPackingAndSymmetry) {
  const Alphabet& alphabet = GetParam();
  // All of them executable and old and new: no mapping is.
  const Property property =
      PropertyOf(alphabet.heading, std::string(kRegion) + alphabet.calls,
                 "never mapping: map-after and map-old-writable and map-copied and prot has EXEC");
  const Semantics semantics = SemanticsNamed(alphabet.semantics);
  absl::StatusOr<Machine> machine =
      Machine::Make(property, semantics, property.bounds, Alike::kEach);
  ASSERT_TRUE(machine.ok()) << machine.status();
  const NaiveCounts naive = ExploreNaively(*machine, alphabet.observes);
  const Verdict off = Ask(property, semantics, property.bounds, false);
  ASSERT_FALSE(off.has_witness);
  EXPECT_EQ(off.stats.states, naive.states);
  EXPECT_EQ(off.stats.transitions, naive.transitions);
  EXPECT_EQ(off.stats.depth, naive.depth);
  // One state for all that differ in names alone, and none is lost.
  const Verdict on = Ask(property, semantics, property.bounds, true);
  EXPECT_EQ(on.stats.states, FormsOf(*machine));
}

INSTANTIATE_TEST_SUITE_P(
    Alphabets, EachCall,
    testing::Values(
        Alphabet{"mseal",
                 "linux-6.18",
                 kOneMapping,
                 "  mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0)\n"
                 "  mseal(map, 4096, 0)\n"
                 "  munmap(map, 4096)\n"
                 "  munmap(map, 8192)\n"
                 "  mprotect(map, 8192, PROT_READ)\n",
                 {}},
        Alphabet{"mlock",
                 "linux-6.12.94",
                 "bounds processes=1 fds=1 files=1 maps=3\nrole any uid 0 may seal\n",
                 "  mmap(NULL, 8192, PROT_READ, MAP_SHARED|MAP_LOCKED, fd, 0)\n"
                 "  munmap(map, 4096)\n"
                 "  mlock2(map, 4096, MLOCK_ONFAULT)\n"
                 "  munlock(map, 8192)\n"
                 "  madvise(map, 8192, MADV_DONTNEED)\n"
                 "  mremap(map, 4096, 4096, MREMAP_MAYMOVE|MREMAP_DONTUNMAP, NULL)\n",
                 {}},
        Alphabet{"guard",
                 "linux-6.18",
                 "bounds processes=1 fds=1 files=1 maps=2\nrole any uid 0 may seal\n",
                 "  mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0)\n"
                 "  munmap(map, 4096)\n"
                 "  madvise(map, 8192, MADV_GUARD_INSTALL)\n"
                 "  madvise(map, 4096, MADV_GUARD_REMOVE)\n"
                 "  mremap(map, 4096, 4096, MREMAP_MAYMOVE|MREMAP_DONTUNMAP, NULL)\n",
                 {}},
        Alphabet{"madvise",
                 "linux-6.12",
                 kTwoTasks,
                 "  mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0)\n"
                 "  madvise(map, 4096, MADV_DONTFORK)\n"
                 "  madvise(map, 4096, MADV_DOFORK)\n"
                 "  madvise(map, 4096, MADV_REMOVE)\n"
                 "  fork()\n",
                 {}},
        Alphabet{"fchown",
                 "linux-6.1",
                 "bounds processes=1 fds=2 files=2 maps=1\nrole any uid 1000 may seal\n",
                 "  fchown(fd, 1000, -1)\n"
                 "  fchown(fd, 1001, -1)\n"
                 "  fchmod(fd, 0400)\n"
                 "  chmod(\"/proc/self/fd/{fd}\", 04777)\n"
                 "  open(\"/proc/self/fd/{fd}\", O_RDWR)\n",
                 {}},
        Alphabet{"fchown-root",
                 "linux-6.1",
                 kOneTask,
                 "  fchown(fd, 1001, -1)\n"
                 "  fchown(fd, 0, -1)\n",
                 {}},
        Alphabet{"chown",
                 "linux-6.18",
                 "bounds processes=1 fds=2 files=2 maps=1\nrole any uid 0 may seal\n",
                 "  chown(\"/proc/self/fd/{fd}\", 1001, -1)\n"
                 "  fchownat(fd, \"\", 0, -1, AT_EMPTY_PATH)\n"
                 "  utimensat(AT_FDCWD, \"/proc/self/fd/{fd}\", NULL, 0)\n"
                 "  open(\"/proc/self/fd/{fd}\", O_RDWR)\n",
                 {}},
        Alphabet{"queries",
                 "linux-6.18",
                 "bounds processes=1 fds=3 files=2 maps=1\nrole any uid 1000 may seal\n",
                 "  fcntl(fd, F_DUPFD_QUERY, fd2)\n"
                 "  fcntl(fd, F_CREATED_QUERY)\n"
                 "  dup(fd)\n"
                 "  pwritev(fd, \"x\", 1, 4095)\n"
                 "  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED)\n"
                 "  fsync(fd)\n",
                 {}},
        Alphabet{"chattr",
                 "linux-6.18",
                 kOneTask,
                 "  ioctl(fd, FS_IOC_SETFLAGS, FS_IMMUTABLE_FL)\n"
                 "  ioctl(fd, FS_IOC_SETFLAGS, FS_APPEND_FL)\n"
                 "  ioctl(fd, FS_IOC_SETFLAGS, 0)\n"
                 "  open(\"/proc/self/fd/{fd}\", O_WRONLY|O_APPEND)\n"
                 "  open(\"/proc/self/fd/{fd}\", O_RDWR)\n",
                 {.flags = true}},
        Alphabet{"remap_file_pages",
                 "linux-6.1",
                 kOneMapping,
                 "  ftruncate(fd, 8192)\n"
                 "  mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0)\n"
                 "  remap_file_pages(map, 4096, 0, 0, 0)\n"
                 "  remap_file_pages(map, 4096, 0, 1, 0)\n"
                 "  munmap(map, 4096)\n",
                 {}},
        Alphabet{"mremap",
                 "linux-6.18",
                 "bounds processes=1 fds=1 files=1 maps=2\nrole any uid 0 may seal\n",
                 "  mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0)\n"
                 "  mremap(map, 4096, 4096, MREMAP_MAYMOVE|MREMAP_DONTUNMAP, NULL)\n"
                 "  munmap(map, 4096)\n",
                 {}},
        Alphabet{"copy_file_range",
                 "linux-6.1",
                 "bounds processes=1 fds=2 files=2 maps=1 inodes=2\nrole any uid 0 may seal\n",
                 "  copy_file_range(fd, [0], fd2, NULL, 4096, 0)\n",
                 {.pos = true}},
        Alphabet{"sendfile",
                 "linux-6.1",
                 "bounds processes=1 fds=2 files=2 maps=1 inodes=2\nrole any uid 0 may seal\n",
                 "  sendfile(fd, fd2, [0], 4096)\n",
                 {.pos = true}},
        Alphabet{"writev",
                 "linux-6.18",
                 kOneTask,
                 "  writev(fd, \"x\", 4096)\n"
                 "  pwritev2(fd, \"x\", 1, 0, RWF_APPEND)\n",
                 {.pos = true}},
        Alphabet{"bad-buffer",
                 "linux-6.18",
                 kOneTask,
                 "  pwrite(fd, NULL, 1, 2048)\n"
                 "  ftruncate(fd, 0)\n",
                 {}},
        Alphabet{"close_range",
                 "linux-6.1",
                 "bounds processes=2 fds=2 files=1 maps=1\nrole any uid 0 may seal\nstart 1\n",
                 "  dup(fd)\n"
                 "  close_range(3, 3, CLOSE_RANGE_UNSHARE)\n"
                 "  close_range(4, 9, 0)\n"
                 "  clone(CLONE_FILES)\n",
                 {}},
        Alphabet{"close-on-exec",
                 "linux-6.1",
                 kTwoTasks,
                 "  close_range(3, 3, CLOSE_RANGE_CLOEXEC)\n"
                 "  fork()\n"
                 "  exec()\n",
                 {.cloexec = true}},
        Alphabet{"unshare",
                 "dup2-over",
                 "bounds processes=2 fds=2 files=2 maps=1\nrole any uid 0 may seal\nstart 1\n",
                 "  clone(CLONE_FILES)\n"
                 "  unshare(CLONE_FILES)\n",
                 {}},
        Alphabet{"vfork",
                 "linux-6.1",
                 "bounds processes=2 fds=2 files=2 maps=1\nrole any uid 0 may seal\nstart 1\n",
                 "  clone(CLONE_VM|CLONE_VFORK)\n"
                 "  exec()\n"
                 "  exit()\n"
                 "  wait(task)\n",
                 {}},
        Alphabet{"open_by_handle_at",
                 "no-proc-upgrade",
                 kOneTask,
                 "  open_by_handle_at(fd, O_RDONLY)\n"
                 "  open_by_handle_at(fd, O_RDWR|O_TRUNC)\n"
                 "  open_by_handle_at(fd, O_WRONLY|O_APPEND)\n",
                 {.flags = true}},
        Alphabet{"sysctl",
                 "linux-6.12",
                 kOneTask,
                 "  sysctl(\"vm.memfd_noexec\", 0)\n"
                 "  sysctl(\"vm.memfd_noexec\", 1)\n"
                 "  sysctl(\"vm.memfd_noexec\", 2)\n"
                 "  memfd_create(\"m\", 0)\n"
                 "  memfd_create(\"m\", MFD_EXEC)\n"
                 "  close(fd)\n",
                 {}},
        Alphabet{"sysctl_by_two",
                 "linux-6.12",
                 kTwoTasks,
                 "  sysctl(\"vm.memfd_noexec\", 0)\n"
                 "  sysctl(\"vm.memfd_noexec\", 1)\n"
                 "  fork()\n"
                 "  close(fd)\n",
                 {}},
        Alphabet{"sysctl_of_a_namespace_below",
                 "linux-6.12",
                 kTwoTasks,
                 "  sysctl(\"vm.memfd_noexec\", 0)\n"
                 "  sysctl(\"vm.memfd_noexec\", 1)\n"
                 "  memfd_create(\"m\", MFD_EXEC)\n"
                 "  clone(CLONE_NEWPID)\n"
                 "  close(fd)\n",
                 {}},
        Alphabet{"process_vm_writev",
                 "linux-6.1",
                 "bounds processes=2 fds=1 files=1 maps=1\nrole any uid 0 may seal\nstart 1\n",
                 "  mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0)\n"
                 "  process_vm_writev(task, map, \"x\")\n"
                 "  mem_write(task, map, \"x\")\n"
                 "  ptrace_poke(task, map, \"x\")\n"
                 "  fork()\n",
                 {}},
        Alphabet{"dumpable",
                 "linux-7.2",
                 "bounds processes=2 fds=2 files=1 maps=1\nrole any uid 1000 may seal\nstart 1\n",
                 "  prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE)\n"
                 "  prctl(PR_SET_DUMPABLE, SUID_DUMP_USER)\n"
                 "  pidfd_getfd(task, theirs)\n"
                 "  clone(CLONE_VM)\n"
                 "  fork()\n"
                 "  exec()\n",
                 {.cloexec = true}},
        Alphabet{"execveat",
                 "linux-6.18",
                 "bounds processes=1 fds=2 files=3 maps=1\nrole any uid 1000 may seal\n",
                 "  execveat(fd, \"\", argv, envp, AT_EMPTY_PATH)\n"
                 "  execveat(fd, \"\", argv, envp, AT_EMPTY_PATH|AT_EXECVE_CHECK)\n"
                 "  execve(\"/proc/self/fd/{fd}\", argv, envp)\n"
                 "  open(\"/proc/self/fd/{fd}\", O_RDWR)\n"
                 "  fchmod(fd, 0600)\n"
                 "  mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0)\n"
                 "  close(fd)\n",
                 {.writer = true}},
        Alphabet{"lease",
                 "linux-6.18",
                 "bounds processes=1 fds=2 files=2 maps=1\nrole any uid 1000 may seal\n",
                 "  fcntl(fd, F_SETLEASE, F_RDLCK)\n"
                 "  fcntl(fd, F_SETLEASE, F_WRLCK)\n"
                 "  fcntl(fd, F_SETLEASE, F_UNLCK)\n"
                 "  fcntl(fd, F_GETLEASE)\n"
                 "  open(\"/proc/self/fd/{fd}\", O_RDWR|O_NONBLOCK)\n"
                 "  open(\"/proc/self/fd/{fd}\", O_RDONLY|O_NONBLOCK)\n"
                 "  close(fd)\n",
                 {.writer = true}},
        Alphabet{"delegation",
                 "linux-7.2",
                 "bounds processes=1 fds=2 files=2 maps=1\nrole any uid 1000 may seal\n",
                 "  fcntl(fd, F_SETDELEG, F_RDLCK)\n"
                 "  fcntl(fd, F_SETLEASE, F_UNLCK)\n"
                 "  fcntl(fd, F_GETDELEG)\n"
                 "  open(\"/proc/self/fd/{fd}\", O_RDONLY|O_NONBLOCK)\n"
                 "  open(\"/proc/self/fd/{fd}\", O_RDONLY|O_TRUNC)\n"
                 "  ftruncate(fd, 0)\n"
                 "  fchmod(fd, 04600)\n"
                 "  pwrite(fd, \"x\", 1, 0)\n"
                 "  close(fd)\n",
                 {.writer = true}},
        Alphabet{"open_tmpfile",
                 "linux-6.18",
                 "bounds processes=1 fds=2 files=2 maps=1 inodes=2\nrole any uid 0 may seal\n",
                 "  open_tmpfile(O_RDWR, 0600)\n"
                 "  copy_file_range(fd, [0], fd2, [0], 4096, 0)\n"
                 "  linkat(fd, \"\", AT_FDCWD, newpath, AT_EMPTY_PATH)\n"
                 "  close(fd)\n",
                 {}},
        Alphabet{"open_tmpfile_by_two",
                 "linux-6.1",
                 "bounds processes=2 fds=2 files=2 maps=1 inodes=1\nrole maker uid 0 may seal\n"
                 "role other uid 1000\n",
                 "  open_tmpfile(O_RDWR, 0600)\n"
                 "  send_fd(task, fd)\n"
                 "  recv_fd()\n"
                 "  open(\"/proc/self/fd/{fd}\", O_RDONLY)\n",
                 {}},
        Alphabet{"huge",
                 "linux-5.10",
                 "bounds processes=1 fds=1 files=2 maps=2 huge=2\nrole any uid 0 may seal\n",
                 "  memfd_create(\"m\", MFD_ALLOW_SEALING|MFD_HUGETLB)\n"
                 "  ftruncate(fd, 0x200000)\n"
                 "  mmap(NULL, 0x200000, PROT_READ, MAP_PRIVATE, fd, 0)\n"
                 "  mmap(NULL, 0x200000, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0x200000)\n"
                 "  munmap(map, 0x200000)\n"
                 "  load(map)\n"
                 "  mem_write(0, map, \"x\")\n"
                 "  close(fd)\n"
                 "  mprotect(map, 0x200000, PROT_READ)\n",
                 {.copied = true}},
        Alphabet{
            "huge-of-two",
            "linux-5.10",
            "bounds processes=2 fds=1 files=2 maps=2 huge=2\nrole any uid 0 may seal\nstart 1\n",
            "  memfd_create(\"m\", MFD_ALLOW_SEALING|MFD_HUGETLB)\n"
            "  ftruncate(fd, 0x200000)\n"
            "  mmap(NULL, 0x200000, PROT_READ, MAP_PRIVATE, fd, 0)\n"
            "  mmap(NULL, 0x200000, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0x200000)\n"
            "  munmap(map, 0x200000)\n"
            "  load(map)\n"
            "  mem_write(task, map, \"x\")\n"
            "  close(fd)\n"
            "  fork()\n",
            {.copied = true}},
        Alphabet{"huge-behind",
                 "linux-6.12",
                 "bounds processes=1 fds=1 files=1 maps=1 huge=1\nrole any uid 0 may seal\n",
                 "  memfd_create(\"m\", MFD_ALLOW_SEALING|MFD_HUGETLB)\n"
                 "  mmap(NULL, 0x200000, PROT_READ, MAP_SHARED, fd, 0x200000)\n"
                 "  mmap(NULL, 0x200000, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0x200000)\n"
                 "  mmap(NULL, 0x200000, PROT_READ, MAP_SHARED, fd, 0)\n"
                 "  load(map)\n"
                 "  munmap(map, 0x200000)\n",
                 {.copied = true}},
        Alphabet{"huge-moves",
                 "linux-6.12",
                 "bounds processes=1 fds=1 files=2 maps=2 huge=3\nrole any uid 0 may seal\n",
                 "  memfd_create(\"m\", MFD_ALLOW_SEALING|MFD_HUGETLB)\n"
                 "  mmap(NULL, 0x200000, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0)\n"
                 "  mmap(NULL, 0x400000, PROT_READ, MAP_PRIVATE, fd, 0)\n"
                 "  store(map, \"x\")\n"
                 "  load(map)\n"
                 "  mremap(map, 0x400000, 4096, MREMAP_MAYMOVE|MREMAP_FIXED, 0x40400000)\n"
                 "  remap_file_pages(map, 0x200000, 0, 512, 0)\n"
                 "  ftruncate(fd, 0)\n"
                 "  close(fd)\n",
                 {.copied = true}},
        Alphabet{"program",
                 "linux-6.18",
                 "bounds processes=2 fds=1 files=3 maps=1\nrole any uid 1000 may seal\n",
                 "  write_program(fd)\n"
                 "  run_program(fd)\n"
                 "  end_program()\n"
                 "  open_exe(task, O_RDONLY)\n"
                 "  open(\"/proc/self/fd/{fd}\", O_RDWR)\n"
                 "  pwrite(fd, \"x\", 1, 0)\n"
                 "  close(fd)\n"
                 "  fchmod(fd, 0100)\n",
                 {.writer = true, .contents = true}},
        Alphabet{"program-is-inherited",
                 "linux-6.18",
                 "bounds processes=2 fds=2 files=3 maps=1\nrole any uid 0 may seal\nstart 1\n",
                 "  write_program(fd)\n"
                 "  run_program(fd)\n"
                 "  close(fd)\n"
                 "  fork()\n"
                 "  exit()\n"
                 "  open_exe(task, O_RDONLY)\n",
                 {.writer = true, .contents = true}},
        Alphabet{"acl",
                 "linux-6.18",
                 "bounds processes=1 fds=2 files=2 maps=1\nrole any uid 1000 may seal\n",
                 "  memfd_create(\"region\", MFD_NOEXEC_SEAL)\n"
                 "  fsetxattr(fd, \"system.posix_acl_access\", 0700)\n"
                 "  setxattr(\"/proc/self/fd/{fd}\", \"system.posix_acl_access\", 0)\n"
                 "  open(\"/proc/self/fd/{fd}\", O_RDWR)\n",
                 {}},
        Alphabet{
            "udmabuf",
            "linux-6.18",
            "bounds processes=2 fds=2 files=3 maps=1 pages=2\nrole any uid 0 may seal\nstart 1\n",
            "  ftruncate(fd, 8192)\n"
            "  fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)\n"
            "  fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)\n"
            "  udmabuf_create(fd, 0, 4096)\n"
            "  udmabuf_create(fd, 4096, 4096)\n"
            "  dmabuf_store(fd, 0, \"x\")\n"
            "  fallocate(fd, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 4096)\n"
            "  close(fd)\n"
            "  fork()\n",
            {}},
        Alphabet{"fuse",
                 "linux-6.12.90",
                 "bounds processes=2 fds=2 files=3 maps=2\nrole any uid 0 may seal\nstart 1\n",
                 "  open(\"/proc/self/fd/{fd}\", O_RDONLY)\n"
                 "  fuse_mmap(fd, 4096, PROT_READ, 0)\n"
                 "  fuse_mmap(fd, 4096, PROT_READ|PROT_WRITE, 0)\n"
                 "  mprotect(map, 4096, PROT_READ|PROT_WRITE)\n"
                 "  munmap(map, 4096)\n"
                 "  close(fd)\n"
                 "  fork()\n",
                 {}},
        Alphabet{"rings",
                 "linux-6.18",
                 "bounds processes=2 fds=1 files=1 maps=1 buffers=2\nrole any uid 0 may seal\n",
                 "  mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0)\n"
                 "  munmap(map, 4096)\n"
                 "  ftruncate(fd, 0)\n"
                 "  pidfd_getfd(task, theirs)\n"
                 "  io_uring_register_buffers(map, 4096)\n"
                 "  io_uring_unregister_buffers()\n"
                 "  io_uring_read_fixed(pinned, \"x\")\n"
                 "  close(fd)\n",
                 {}},
        Alphabet{"pipes",
                 "linux-6.18",
                 "bounds processes=1 fds=3 files=3 maps=1 inodes=2 buffers=2\n"
                 "role any uid 1000 may seal\n",
                 "  pipe2(fds, 0)\n"
                 "  splice(fd, [0], fd2, NULL, 4096, SPLICE_F_NONBLOCK)\n"
                 "  fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE)\n"
                 "  close(fd)\n",
                 {.pos = true}}),
    NameOf);

// ---- Holes that only a pin, or the seal's own promise, shows ----

// linux-7.2 with one thing changed.
Semantics Changed(const std::string& change) {
  const absl::StatusOr<Semantics> changed =
      ParsedSemantics("semantics changed extends linux-7.2\n  \"For a test.\"\n" + change + "\n");
  EXPECT_TRUE(changed.ok()) << changed.status();
  return *changed;
}

size_t CallsToBreak(const std::string& name, const Semantics& semantics) {
  const Property property = PropertyNamed(name);
  return Ask(property, semantics, property.bounds).witness.sequence.calls.size();
}

TEST(SealedForWriting, AMappingThatIsNotAskedForIsFound) {
  const Semantics changed = Changed("drop add-write-mapped");
  EXPECT_EQ(CallsToBreak("write-seal-holds", changed), 5u);
  EXPECT_EQ(CallsToBreak("write-seal-holds", SemanticsNamed("linux-7.2")), 0u);
}

TEST(SealedForWriting, APinThatIsNotAskedForIsFound) {
  const Semantics changed = Changed("drop add-write-pinned");
  EXPECT_EQ(CallsToBreak("no-pinned-write", changed), 7u);
  EXPECT_EQ(CallsToBreak("no-pinned-write", SemanticsNamed("linux-7.2")), 0u);
}

// ---- What the new ways to write and to open mean to properties ----

Verdict Found(const std::string& semantics, const std::string& roles, const std::string& calls,
              const std::string& clause) {
  const Property property = PropertyOf(roles, kRegion + calls, clause);
  return Ask(property, SemanticsNamed(semantics), property.bounds);
}

TEST(Facts, AMappingThatRemapFilePagesMakesAfterTheSealIsANewOne) {
  const char* const calls =
      "  mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0)\n"
      "  remap_file_pages(map, 4096, 0, 0, 0)\n";
  const char* const clause = "reach mapping: map-after and shared";
  EXPECT_EQ(Found("linux-6.12", kOneTask, std::string(calls) + "  mprotect(map, 4096, PROT_READ)\n",
                  clause)
                .kind,
            Verdict::Kind::kHolds);
  // Refused as long as it would be writable.
  EXPECT_EQ(Found("linux-6.12", kOneTask, calls, clause).kind, Verdict::Kind::kBroken);
}

TEST(Facts, WhatIsOpenedByAHandleIsOpenedAfterTheSeal) {
  const char* const calls =
      "  open_by_handle_at(fd, O_RDWR)\n  pwrite(fd, \"x\", 1, 0)\n  close(fd)\n";
  const char* const clause = "never change: sealed and file-after and by-write-call";
  EXPECT_EQ(Found("linux-5.1", kOneTask, calls, clause).kind, Verdict::Kind::kHolds);
  // The rule about /proc links says nothing about handles.
  EXPECT_EQ(Found("no-proc-upgrade", kOneTask, calls, clause).kind, Verdict::Kind::kBroken);
}

TEST(Facts, AProgramRunsWhileItsContentsChange) {
  const char* const calls =
      "  write_program(fd)\n  run_program(fd)\n  end_program()\n  pwrite(fd, \"x\", 1, 0)\n";
  const char* const clause = "never change: runs and by-write-call";
  // memfd_create's own descriptor is no writer to deny_write_access; one that is opened is.
  EXPECT_EQ(Found("linux-6.18", kOneTask, calls, clause).kind, Verdict::Kind::kBroken);
}

TEST(Facts, AStoreFromOutsideIsAStoreThroughTheMapping) {
  for (const char* call : {"process_vm_writev", "mem_write", "ptrace_poke"}) {
    const Verdict verdict =
        Found("linux-6.12", "bounds processes=2 fds=1 files=1 maps=1\nrole any uid 0 may seal\n",
              std::string("  mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0)\n  ") +
                  call + "(task, map, \"x\")\n",
              "reach change: sealed and by-store and map-old-writable");
    EXPECT_EQ(verdict.kind, Verdict::Kind::kHolds) << call;
  }
}

TEST(Facts, AChangeOfXBitsIsJudgedByTheFileItWentThrough) {
  const std::string clause = "reach change: exec-changed and seals has EXEC and file has WRITE";
  const std::string made = "  memfd_create(\"region\", MFD_NOEXEC_SEAL)\n";
  const std::string by_fd = "  fsetxattr(fd, \"system.posix_acl_access\", 0700)\n";
  const std::string by_name =
      "  setxattr(\"/proc/self/fd/{fd}\", \"system.posix_acl_access\", 0700)\n";
  EXPECT_EQ(Found("linux-6.12", kOneTask, made + by_fd, clause).kind, Verdict::Kind::kHolds);
  EXPECT_EQ(Found("linux-6.12", kOneTask, made + by_name, clause).kind, Verdict::Kind::kBroken);
}

TEST(Facts, AStoreThroughADmabufIsAStore) {
  const char* const calls =
      "  fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)\n"
      "  udmabuf_create(fd, 0, 4096)\n  dmabuf_store(fd, 0, \"x\")\n";
  const char* const clause = "reach change: sealed and by-store";
  EXPECT_EQ(Found("linux-6.12", kOneTask, calls, clause).kind, Verdict::Kind::kHolds);
  EXPECT_EQ(Found("linux-4.20", kOneTask, calls, clause).kind, Verdict::Kind::kBroken);
}

TEST(Facts, CopiesAndMadvRemoveAreWriteCalls) {
  const char* const bounds = "bounds processes=1 fds=2 files=2 maps=1\nrole any uid 0 may seal\n";
  const char* const clause = "reach change: sealed and by-write-call";
  const char* const remove =
      "  mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0)\n"
      "  madvise(map, 4096, MADV_REMOVE)\n";
  // readonly-fd seals nothing: what has the old descriptor goes on.
  EXPECT_EQ(Found("readonly-fd", bounds, remove, clause).kind, Verdict::Kind::kHolds);
  EXPECT_EQ(Found("linux-6.12", bounds, remove, clause).kind, Verdict::Kind::kBroken);
  for (const char* call :
       {"  copy_file_range(fd, [0], fd2, [0], 4096, 0)\n", "  sendfile(fd, fd2, [0], 4096)\n"}) {
    const char* const two =
        "bounds processes=1 fds=3 files=3 maps=1 inodes=2\nrole any uid 0 may seal\n";
    EXPECT_EQ(Found("readonly-fd", two, call, clause).kind, Verdict::Kind::kHolds) << call;
    EXPECT_EQ(Found("linux-6.12", two, call, clause).kind, Verdict::Kind::kBroken) << call;
  }
}

}  // namespace
}  // namespace selkie
