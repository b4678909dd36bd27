// mmap, munmap and remap_file_pages: mm/mmap.c, mm/vma.c.
#include <algorithm>
#include <limits>

#include "model/families.h"

namespace selkie {
namespace {

// ---- mmap ----

int64_t MapType(int64_t flags) { return flags & 0xf; }

// Flags that change where the mapping goes, what it is of, or its vm_flags, by which mappings
// merge (calc_vm_flag_bits); MAP_SYNC does, too, where it is not refused.
const char* UnknownFlags(int64_t flags) {
  constexpr int64_t kUnknown =
      abi::kMapAnonymous | abi::kMap32bit | abi::kMapAbove4g | abi::kMapNoreserve | abi::kMapStack;
  if ((flags & kUnknown) != 0) return "these flags of mmap are not modelled";
  if ((flags & abi::kMapSync) != 0 && MapType(flags) != abi::kMapShareValidate)
    return "MAP_SYNC without MAP_SHARED_VALIDATE marks the mapping (VM_SYNC), and nothing else";
  return nullptr;
}

struct MmapRequest {
  uint64_t length = 0;  // page-aligned
  PageRange range;      // where it goes, if `placed`
  bool placed = false;  // false: where the kernel would put it is not known
  bool fixed = false;   // MAP_FIXED or MAP_FIXED_NOREPLACE
  bool huge = false;    // of a memfd of huge pages

  int64_t page() const { return huge ? kHugePageSize : kPageSize; }
};

// The range is the arena's pages, and in the arena of the file's pages.
bool FindRange(const State& s, int64_t addr, MmapRequest* request) {
  return InArena(s, addr, request->length, &request->range) &&
         IsHugePage(request->range.begin) == request->huge;
}

// get_unmapped_area.  Returns false and sets *error if it fails.
bool Place(const State& s, const Call& c, MmapRequest* request, Result* error) {
  const int64_t addr = c.arg[0];
  if (request->length > kBeyondMemory) {
    *error = Fail(ENOMEM, "mm/mmap.c get_unmapped_area: len > TASK_SIZE");
    return false;
  }
  if (request->length > kWithinMemory) {
    *error = Bound("the length may be beyond the address space");
    return false;
  }
  if (request->fixed && addr == kNull) {
    *error = s.tasks[c.task].uid != 0
                 ? Fail(EPERM, "security/commoncap.c cap_mmap_addr: vm.mmap_min_addr")
                 : Bound("MAP_FIXED at NULL by root is outside the arena");
    return false;
  }
  if (request->fixed && (addr & kPageMask) != 0) {
    *error = Fail(EINVAL, "mm/mmap.c get_unmapped_area: offset_in_page(addr)");
    return false;
  }
  if (request->huge && request->fixed && addr % kHugePageSize != 0) {
    *error = Fail(EINVAL, "fs/hugetlbfs/inode.c hugetlb_get_unmapped_area: addr");
    return false;
  }
  const auto pages = static_cast<int64_t>(request->length) / request->page();
  if (addr == kNull) {
    const int page =
        pages <= kMaxPages ? LowestGap(s, c.task, static_cast<int>(pages), request->huge) : -1;
    request->range = {page, page + static_cast<int>(pages)};
    request->placed = page >= 0;
    return true;
  }
  int64_t hint = addr & ~static_cast<int64_t>(kPageMask);  // round_hint_to_min
  if (request->huge) hint = HugeAlign(hint);
  request->placed =
      FindRange(s, hint, request) && (request->fixed || IsGap(SpaceOf(s, c), request->range));
  return true;
}

// The checks of do_mmap before it looks at the file.
bool BeginMmap(const State& s, const Call& c, bool limited, MmapRequest* request, Result* error) {
  // ksys_mmap_pgoff
  const auto length = static_cast<uint64_t>(request->huge ? HugeAlign(c.arg[1]) : c.arg[1]);
  const bool replaces = (c.arg[3] & abi::kMapFixedNoreplace) == 0;
  request->fixed = !replaces || (c.arg[3] & abi::kMapFixed) != 0;
  request->length = PageAlign(length);
  if ((c.arg[3] & abi::kMapLocked) != 0 &&
      length > kArenaPages * static_cast<uint64_t>(request->page())) {
    *error = Bound("more than the arena may be more than RLIMIT_MEMLOCK");
    return false;
  }
  if (length == 0) {
    *error = Fail(EINVAL, "mm/mmap.c do_mmap: !len");
    return false;
  }
  if (request->length == 0) {
    *error = Fail(ENOMEM, "mm/mmap.c do_mmap: PAGE_ALIGN(len) == 0");
    return false;
  }
  if (!Place(s, c, request, error)) return false;
  if (!replaces && (!request->placed || !IsGap(SpaceOf(s, c), request->range))) {
    *error = request->placed ? Fail(EEXIST, "mm/mmap.c do_mmap: MAP_FIXED_NOREPLACE")
                             : Bound("where the kernel would put the mapping is not known");
    return false;
  }
  // file_mmap_ok: MAX_LFS_FILESIZE of files and sockets, ULONG_MAX of pipes.
  const uint64_t most = limited ? static_cast<uint64_t>(std::numeric_limits<int64_t>::max())
                                : std::numeric_limits<uint64_t>::max();
  if (static_cast<uint64_t>(c.arg[5]) > most - request->length) {
    *error = Fail(EOVERFLOW, "mm/mmap.c file_mmap_ok");
    return false;
  }
  return true;
}

// Some flag that MAP_SHARED_VALIDATE refuses (LEGACY_MAP_MASK, include/linux/mman.h).
bool HasNewFlag(int64_t flags) {
  constexpr int64_t kLegacy = abi::kMapShareValidate | abi::kMapFixed | abi::kMapAnonymous |
                              abi::kMap32bit | abi::kMapAbove4g | abi::kMapGrowsdown |
                              abi::kMapDenywrite | abi::kMapExecutable | abi::kMapLocked |
                              abi::kMapNoreserve | abi::kMapPopulate | abi::kMapNonblock |
                              abi::kMapStack | abi::kMapHugetlb | abi::kMapHugeSizes;
  return (flags & ~kLegacy) != 0;
}

// do_mmap's switch over MAP_TYPE: what kind of mapping this file can have.
bool MapFile(const File& file, const Inode& inode, int64_t prot, int64_t flags, Mapping* m,
             Result* error) {
  const int64_t type = MapType(flags);
  if (type == abi::kMapShareValidate && HasNewFlag(flags)) {
    *error = Fail(EOPNOTSUPP, "mm/mmap.c do_mmap: not in LEGACY_MAP_MASK");
    return false;
  }
  m->prot = static_cast<uint8_t>(prot & kProtAll);
  m->may = kProtAll;
  if ((flags & abi::kMapLocked) != 0) m->flags = kMapLocked;  // calc_vm_flag_bits
  const bool writable = (file.mode & kModeWrite) != 0;
  switch (type) {
    case abi::kMapShared:
    case abi::kMapShareValidate:
      if ((m->prot & kProtWrite) != 0 && !writable) {
        *error = Fail(EACCES, "mm/mmap.c do_mmap: PROT_WRITE without FMODE_WRITE");
        return false;
      }
      if (writable && (inode.attrs & kAttrAppend) != 0) {
        *error = Fail(EACCES, "mm/mmap.c do_mmap: IS_APPEND");
        return false;
      }
      m->shared = 1;
      m->vm_shared = writable;
      if (!writable) m->may &= static_cast<uint8_t>(~kProtWrite);
      break;
    case abi::kMapPrivate: break;
    default: *error = Fail(EINVAL, "mm/mmap.c do_mmap: MAP_TYPE"); return false;
  }
  if ((file.mode & kModeRead) != 0) return true;
  *error = Fail(EACCES, "mm/mmap.c do_mmap: FMODE_READ");
  return false;
}

// True if mmap_region would extend a neighbour instead of making the new mapping
// `m`: a neighbour agrees in everything and continues the file.  `mm` is without
// what MAP_FIXED replaces, as mmap_region unmaps that first.
bool Merges(const AddressSpace& mm, const Mapping& m) {
  for (const Mapping& other : mm) {
    if (Empty(other)) break;
    if (EndOf(other) == m.start && Agree(other, m)) return true;
    if (other.start == EndOf(m) && Agree(m, other)) return true;
  }
  return false;
}

// True if a mapping like `m`, which is beyond the model's bounds, may extend a neighbour:
// one agrees and stands beside it in the file, and where the new one goes is not asked.
bool MayMerge(const AddressSpace& mm, const Mapping& m, const MmapRequest& request,
              int64_t offset) {
  const int64_t begin = offset / kPageSize;
  const int64_t end = begin + static_cast<int64_t>(request.length / kPageSize);
  for (const Mapping& other : mm) {
    if (Empty(other)) break;
    const bool beside = other.pgoff + other.pages == begin || other.pgoff == end;
    if (beside && other.file == m.file && SameVmFlags(other, m)) return true;
  }
  return false;
}

// What the rules say of a mapping like `m` that extends a neighbour.
const Rule* RefusesMerged(const State& s, const Call& c, int node, int f, Mapping m,
                          const Semantics& semantics) {
  Ruling ruling(s, c, node, f, semantics, Point::kMmap);
  ruling.LookAt(m);
  ruling.facts.Set(Fact::kMerges, true);
  ruling.targets.mapping = &m;
  return ruling.Refuses();
}

// The model's bounds on a mapping; null if it is within.
const char* BeyondBounds(const Limits& limits, const MmapRequest& request, int64_t offset) {
  const int64_t most = request.page() * (request.huge ? int{limits.huge} : kMaxPages);
  if (request.length > static_cast<uint64_t>(most)) return "the mapping is longer than the bounds";
  if (offset >= most) return "the offset is beyond the bounds";
  if (request.huge && offset + static_cast<int64_t>(request.length) > most)
    return "the file would grow beyond the bounds";
  if (!request.placed && request.fixed) return "the range leaves the arena";
  if (!request.placed) return "where the kernel would put the mapping is not known";
  return nullptr;
}

// Where the mapping goes, and what of the file it shows: within the bounds.
void SetPlace(const MmapRequest& request, int64_t offset, Mapping* m) {
  m->start = static_cast<uint8_t>(request.range.begin);
  m->pages = static_cast<uint8_t>(request.range.end - request.range.begin);
  m->pgoff = static_cast<uint8_t>(offset / request.page());
}

// An error after MAP_FIXED has unmapped what was there: `left` is the rest.
Result UnmappedAll(State& s, const Call& c, const AddressSpace& left, Result error) {
  error.changed = SpaceOf(s, c) != left;
  SpaceOf(s, c) = left;
  ReleaseUnreferenced(s);
  return error;
}

// hugetlbfs_file_mmap: what may be written makes the file longer, and no seal is asked.
void ExtendTo(const Mapping& m, int node, Inode* inode, Result* result) {
  const auto end = static_cast<uint32_t>(m.pgoff + m.pages) * kHugePageSize;
  if ((m.prot & kProtWrite) == 0 || inode->size >= end) return;
  inode->size = end;
  result->effect.resized = static_cast<uint8_t>(node + 1);
  result->effect.file = m.file;
}

// mmap_region, after the checks of the file.
Result MapRegion(State& s, const Call& c, int f, const MmapRequest& request, Mapping m,
                 const Semantics& semantics) {
  const char* bound = BeyondBounds(s.limits, request, c.arg[5]);
  const int node = s.files[f].inode - 1;
  m.file = static_cast<uint8_t>(f + 1);
  if (bound == nullptr) SetPlace(request, c.arg[5], &m);
  AddressSpace left = SpaceOf(s, c);
  const bool replaces = bound == nullptr && request.fixed && !IsGap(left, request.range);
  if (replaces && !RemoveRange(left, s.limits.maps, request.range))
    return Bound("no free mapping within the bounds");

  Ruling ruling(s, c, node, f, semantics, Point::kMmap);
  ruling.LookAt(m);
  if (bound == nullptr) ruling.facts.Set(Fact::kMerges, Merges(left, m));
  ruling.targets.mapping = &m;
  const bool may_merge = bound != nullptr && !request.huge && MayMerge(left, m, request, c.arg[5]);
  const Rule* const if_merged = may_merge ? RefusesMerged(s, c, node, f, m, semantics) : nullptr;
  const Rule* const refused = ruling.Refuses();
  if (refused != nullptr && may_merge && if_merged != refused) return Bound(bound);
  const bool unmapped = refused != nullptr && ruling.targets.unmapped && request.fixed;
  if (refused != nullptr && !unmapped) return Refused(refused);
  if (replaces && !MayModify(SpaceOf(s, c), request.range))
    return RefuseToUnmap(s, c, request.range);
  if (unmapped) return bound != nullptr ? Bound(bound) : UnmappedAll(s, c, left, Refused(refused));
  if ((m.prot & ~m.may) != 0) return Fail(EACCES, "protection beyond what the rules allow");
  if (request.huge && c.arg[5] % kHugePageSize != 0) {
    const Result error = Fail(EINVAL, "fs/hugetlbfs/inode.c hugetlbfs_file_mmap: huge_page_mask");
    if (!request.fixed) return error;
    return bound != nullptr ? Bound(bound) : UnmappedAll(s, c, left, error);
  }
  if (bound != nullptr) return Bound(bound);

  if (!AddMapping(left, s.limits.maps, m)) return Bound("no free mapping within the bounds");
  Result result = Unchanged(AddressOfPage(m.start));
  result.changed = SpaceOf(s, c) != left;
  SpaceOf(s, c) = left;
  if (request.huge) ExtendTo(m, node, &ruling.inode, &result);
  ruling.Commit(s, &result);
  if (replaces) ReleaseUnreferenced(s);
  return result;
}

// An edge of a range to unmap that lies within a page of a mapping of huge pages.
bool SplitsHugePage(const State& s, const Call& c, int64_t edge) {
  const int page = PageOfAddress(edge);
  return page >= kArenaPages && edge != AddressOfPage(page) && MappingAt(s, c.task, page) >= 0;
}

// munmap of a range with an edge within a huge page: each mapping is asked for VM_SEALED
// before it is split.
Result UnmapPart(State& s, const Call& c, uint64_t length) {
  if (c.arg[0] < kHugeArena || length > kMaxHuge * uint64_t{kHugePageSize})
    return Bound("the range leaves the arena");
  const int64_t begin = c.arg[0], end = begin + static_cast<int64_t>(length);
  const int behind = ArenaPageOf(s, end - 1);
  if (behind >= 0 && IsGap(SpaceOf(s, c), {PageOfAddress(begin), behind + 1})) return Unchanged(0);
  const bool splits_first = SplitsHugePage(s, c, begin);
  if (!splits_first && !SplitsHugePage(s, c, end)) return Bound("the range leaves the arena");
  const int first = PageOfAddress(begin);
  const int last = splits_first ? first : PageOfAddress(end);
  const int map = MappingAt(s, c.task, first);
  if (MayModify(SpaceOf(s, c), {first, last + 1}))
    return map < 0 ? Fail(EINVAL, kSplitsHuge) : RefuseToSplit(s, c, map);
  if (!splits_first) return RefuseToUnmap(s, c, {first, last + 1});
  return Fail(EPERM, "mm/vma.c vms_gather_munmap_vmas: can_modify_vma");
}

// The socket's mmap is asked, and says no, after what was there is unmapped.
Result MapFixedSocket(State& s, const Call& c, const MmapRequest& request, const Result& no_mmap) {
  if (!request.placed) return Bound("the range leaves the arena");
  AddressSpace left = SpaceOf(s, c);
  if (IsGap(left, request.range)) return no_mmap;
  if (!RemoveRange(left, s.limits.maps, request.range))
    return Bound("no free mapping within the bounds");
  if (!MayModify(SpaceOf(s, c), request.range)) return RefuseToUnmap(s, c, request.range);
  return UnmappedAll(s, c, left, no_mmap);
}

}  // namespace

Result Mmap(State& s, const Call& c, const Semantics& semantics) {
  int f;
  Result error;
  constexpr int64_t kPopulates = abi::kMapLocked | abi::kMapPopulate | abi::kMapNonblock;
  if (const char* unknown = UnknownFlags(c.arg[3])) return Bound(unknown);
  if ((c.arg[5] & kPageMask) != 0) return Fail(EINVAL, "mm/mmap.c sys_mmap: offset not aligned");
  if (!Fdget(s, c, c.arg[4], &f, &error)) return error;
  MmapRequest request;
  request.huge = IsHugetlb(s.inodes[s.files[f].inode - 1]);
  if (!request.huge && (c.arg[3] & abi::kMapHugetlb) != 0)
    return Fail(EINVAL, "mm/mmap.c ksys_mmap_pgoff: MAP_HUGETLB of a file without huge pages");
  if (request.huge && (c.arg[3] & kPopulates) != 0 && (c.arg[2] & kProtAll) == kProtExec)
    return Bound("execute-only memory can be read or not, as the processor has keys");
  if (!BeginMmap(s, c, !IsPipe(s, f), &request, &error)) return error;
  Mapping m;
  if (!MapFile(s.files[f], s.inodes[s.files[f].inode - 1], c.arg[2], c.arg[3], &m, &error))
    return error;
  const bool grows = (c.arg[3] & abi::kMapGrowsdown) != 0;
  const bool memfd = IsMemfd(s, s.files[f].inode - 1);
  const bool exec = !memfd && (m.prot & kProtExec) != 0;
  const Rule* const any = exec ? NotSupported(semantics, Feature::kNoexecFiles) : nullptr;
  if (exec && any == nullptr) return Fail(EPERM, "mm/mmap.c do_mmap: path_noexec, SB_I_NOEXEC");
  if (grows && !IsPipe(s, f))  // a pipe has no mmap: ENODEV comes first
    return Fail(EINVAL, "mm/mmap.c do_mmap: VM_GROWSDOWN of a file");
  if (!memfd) {
    if (c.arg[1] > kArenaPages * int64_t{kPageSize})
      return Bound("a socket mapped over more than the arena: ENOMEM first, by the host's memory");
    const Result no_mmap = any ? Refused(any) : Fail(ENODEV, "net/core/sock.c sock_no_mmap");
    return request.fixed && !IsPipe(s, f) ? MapFixedSocket(s, c, request, no_mmap) : no_mmap;
  }
  const bool locked = m.flags == kMapLocked;
  if (request.huge) ClearLocked(m);  // mmap_region: is_vm_hugetlb_page
  Result result = MapRegion(s, c, f, request, m, semantics);
  if (result.ok() && (locked || (c.arg[3] & kPopulates) == abi::kMapPopulate))
    MmPopulate(s, SpaceOf(s, c), request.range, true, semantics, &result.changed);
  return result;
}

// What a user does of whom a FUSE server passes the memfd through: open of the FUSE file (O_RDWR),
// mmap(NULL, length, prot, MAP_SHARED), close (fs/fuse/passthrough.c, fs/backing-file.c).  The
// server, root, gets the descriptor by pidfd_getfd and has none when the call is over.  do_mmap and
// mmap_region see FUSE's file; the mapping gets one of the memfd, which nobody else has.
Result FuseMmap(State& s, const Call& c, const Semantics& semantics) {
  const int64_t length = c.arg[1], prot = c.arg[2], offset = c.arg[3];
  int f;
  Result error;
  if (const Rule* rule = NotSupported(semantics, Feature::kPassthrough)) return Refused(rule);
  if (!FdgetRaw(s, c, c.arg[0], &f, &error)) return error;  // fuse_backing_open
  const int node = s.files[f].inode - 1;
  if (!IsMemfd(s, node)) return Bound("a socket or pipe behind a FUSE file is not modelled");
  Inode plain = s.inodes[node];
  plain.attrs = 0;  // FUSE's own inode has none
  const Rule* const unasked = NotSupported(semantics, Feature::kBackingAttr);
  if (s.inodes[node].attrs != 0 && unasked == nullptr)
    return Fail(EIO, "fs/backing-file.c backing_file_open: IS_IMMUTABLE, IS_APPEND");
  if (WritersOf(s, node) < 0)
    return Fail(EIO, "fs/fuse/iomode.c fuse_file_io_open: get_write_access of the backing file");
  if (WouldBreakLease(s, node, true)) return Bound("it would wait for a lease to end");
  const int backing = FreeFile(s);
  if (backing < 0) return Bound("no free file within the bounds");

  if ((offset & kPageMask) != 0) return Fail(EINVAL, "mm/mmap.c sys_mmap: offset not aligned");
  const Call mapped{c.op, c.task, {kNull, length, prot, abi::kMapShared, c.arg[0], offset}};
  MmapRequest request;
  if (!BeginMmap(s, mapped, true, &request, &error)) return error;
  const File file{.inode = static_cast<uint8_t>(node + 1),
                  .mode = kModeRead | kModeWrite | kModePwrite,
                  .flags = kFlagRdwr | kFlagBacking,
                  .writer = 1};
  Mapping m;
  if (!MapFile(file, plain, prot, abi::kMapShared, &m, &error)) return error;
  m.file = static_cast<uint8_t>(backing + 1);
  Ruling ruling(s, c, node, f, semantics, Point::kBackingMmap);
  ruling.LookAt(m);
  ruling.targets.mapping = &m;
  if (const Rule* rule = ruling.Refuses()) return Refused(rule);
  if (const char* bound = BeyondBounds(s.limits, request, offset)) return Bound(bound);
  SetPlace(request, offset, &m);
  AddressSpace& mm = SpaceOf(s, c);
  if (!AddMapping(mm, s.limits.maps, m)) return Bound("no free mapping within the bounds");
  s.files[backing] = file;
  Result result = Changed(AddressOfPage(m.start));
  ruling.Commit(s, &result);
  if (s.inodes[node].attrs != 0 && result.rule == nullptr) result.rule = unasked;
  return result;
}

namespace {

// The last of the mappings from `first` to before page `end` that stand side by side and agree in
// file and flags, whatever their offsets.  Guard regions are a flag; *rule is set where they differ
// and the rule does not mind.
int LastAlike(const AddressSpace& mm, int first, int64_t end, const Semantics& semantics,
              const Rule** rule) {
  int last = first;
  while (EndOf(mm[last]) < end && last + 1 < kMaxMaps && !Empty(mm[last + 1]) &&
         EndOf(mm[last]) == mm[last + 1].start && mm[last + 1].file == mm[first].file &&
         SameVmFlags(mm[last + 1], mm[first])) {
    if (((mm[last + 1].flags ^ mm[first].flags) & kMapGuarded) != 0) {
      const Rule* const uncompared = NotSupported(semantics, Feature::kGuardsAgree);
      if (uncompared == nullptr) break;
      *rule = uncompared;
    }
    ++last;
  }
  return last;
}

// The range, of `size` bytes, is mapped anew with the file and protection of mapping `first`.
Result RemapRange(State& s, const Call& c, int first, int64_t start, uint64_t size,
                  const Semantics& semantics) {
  const AddressSpace& mm = SpaceOf(s, c);
  Call mapped = c;
  mapped.arg[0] = start;
  mapped.arg[1] = static_cast<int64_t>(size);
  mapped.arg[3] = abi::kMapShared | abi::kMapFixed;
  mapped.arg[5] = c.arg[3] * kPageSize;
  if ((mm[first].flags & kMapLocked) != 0) mapped.arg[3] |= abi::kMapLocked;
  const int f = mm[first].file - 1;
  MmapRequest request;
  request.huge = IsHugePage(mm[first].start);
  Result error;
  if (!BeginMmap(s, mapped, true, &request, &error)) return error;
  Mapping m;
  if (!MapFile(s.files[f], s.inodes[s.files[f].inode - 1], mm[first].prot, mapped.arg[3], &m,
               &error))
    return error;
  Result result = MapRegion(s, mapped, f, request, m, semantics);
  if (!result.ok()) return result;
  result.value = 0;
  // MAP_POPULATE, of the flags MAP_NONBLOCK alone
  if ((mapped.arg[3] & abi::kMapLocked) != 0 || (c.arg[4] & abi::kMapNonblock) == 0)
    MmPopulate(s, SpaceOf(s, c), request.range, true, semantics, &result.changed);
  return result;
}

}  // namespace

Result RemapFilePages(State& s, const Call& c, const Semantics& semantics) {
  constexpr const char* kWhere = "mm/mmap.c remap_file_pages: prot, or no such VM_SHARED mapping";
  if (c.arg[2] != 0) return Fail(EINVAL, kWhere);
  if (c.arg[0] == kNull) return Bound("remap_file_pages of NULL is not modelled");
  const int64_t start = c.arg[0] & ~static_cast<int64_t>(kPageMask);
  const auto size = static_cast<uint64_t>(c.arg[1]) & ~kPageMask;
  if (size == 0) return Fail(EINVAL, kWhere);
  if (size > kWithinMemory || c.arg[3] < 0) return Bound("the range may wrap around");
  const int page = start < 0 ? -1 : ArenaPageOf(s, start);
  if (page < 0) return Bound("the range leaves the arena");
  const AddressSpace& mm = SpaceOf(s, c);
  const int first = MappingAt(s, c.task, page);
  if (first < 0 || !mm[first].vm_shared) return Fail(EINVAL, kWhere);
  const int64_t unit = SizeOfPage(page);
  const Rule* rule = nullptr;
  const int64_t end = page + PagesOf(static_cast<int64_t>(size), unit);
  const int last = LastAlike(mm, first, end, semantics, &rule);
  if (start + static_cast<int64_t>(size) > AddressOfPage(page) + (EndOf(mm[last]) - page) * unit)
    return Fail(EINVAL, kWhere);
  if (start % unit != 0 || size % static_cast<uint64_t>(unit) != 0)
    return Fail(EINVAL, "fs/hugetlbfs/inode.c hugetlb_get_unmapped_area: huge_page_mask");
  if (IsHugePage(page) && mm[first].prot == kProtExec)
    return Bound("execute-only memory can be read or not, as the processor has keys");
  Result result = RemapRange(s, c, first, start, size, semantics);
  if (result.kind != Result::Kind::kBound && result.rule == nullptr) result.rule = rule;
  return result;
}

Result Munmap(State& s, const Call& c, const Semantics&) {
  const auto bytes = static_cast<uint64_t>(c.arg[1]);
  if (c.arg[0] == kNull) return Bound("munmap of NULL is not modelled");
  if ((c.arg[0] & kPageMask) != 0) return Fail(EINVAL, "mm/vma.c do_vmi_munmap: start not aligned");
  if (bytes > kBeyondMemory) return Fail(EINVAL, "mm/vma.c do_vmi_munmap: len > TASK_SIZE");
  if (bytes == 0) return Fail(EINVAL, "mm/vma.c do_vmi_munmap: len == 0");
  PageRange range;
  if (!InArena(s, c.arg[0], PageAlign(bytes), &range)) return UnmapPart(s, c, PageAlign(bytes));
  if (IsGap(SpaceOf(s, c), range)) return Unchanged(0);
  if (!MayModify(SpaceOf(s, c), range)) return RefuseToUnmap(s, c, range);
  AddressSpace mm = SpaceOf(s, c);
  if (!RemoveRange(mm, s.limits.maps, range)) return Bound("no free mapping within the bounds");
  SpaceOf(s, c) = mm;
  ReleaseUnreferenced(s);
  return Changed(0);
}

}  // namespace selkie
