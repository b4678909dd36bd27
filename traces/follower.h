// The one who follows: events of the log in order, the world as it is, and what is
// to be reported.  Internal to traces/follow*.cc; by file:
//
//   follower.cc        events, counting, and the one place where results are compared
//   follow_learn.cc    what the log says beyond the model, and what explains it
//   follow_race.cc     calls at the same time, and calls that the log has not
//   follow_rows.cc     calls on descriptors, by the table's rows
//   follow_path.cc     memfd_create, paths, descriptors of other processes
//   follow_memory.cc   calls on addresses, and signals
//   follow_process.cc  processes: clone, execve, exit, users
//   follow_message.cc  descriptors passed over sockets
#ifndef SELKIE_TRACES_FOLLOWER_H_
#define SELKIE_TRACES_FOLLOWER_H_

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "traces/follow.h"
#include "traces/follow_ask.h"
#include "traces/follow_names.h"
#include "traces/follow_walk.h"
#include "traces/follow_world.h"

namespace selkie {

// An error that comes from what the model is not told of: where the log has it and the model
// lets the call succeed, the call is counted as this.
struct Excuse {
  std::string_view error;
  Unasked why = Unasked::kBound;
  std::string text;
};

// The memory that a call names.
struct ByteRange {
  uint64_t begin = 0, length = 0;
  bool read = false;  // the log says it in numbers

  // Whole pages; none beyond memory.
  uint64_t first() const;
  uint64_t end() const;
};

// A call to be compared.
struct Query {
  Query(const FieldCall& its_call, FollowedProcess& its_process)
      : call(its_call), process(its_process) {}

  const FieldCall& call;
  FollowedProcess& process;
  int inode = -1;  // the memfd that it is about, an index into World::inodes
  int file = -1;   // the file through which, an index into World::files, or -1
  // Names what the call needs, freezes the sizes and gives the call; nothing if it
  // cannot be said to the model, with the reason in `why`.
  std::function<std::optional<Call>(Ask&)> make;
  // Where a result in bytes begins: what the call gave is counted from here, in the
  // log and in the model.
  std::function<std::pair<int64_t, int64_t>(const Ask&)> base = nullptr;
  // What the call did to mappings, after Ask::Apply; may be null.
  std::function<void(const Ask&)> apply = nullptr;
  std::vector<int64_t> new_fds;  // that the log gives
  std::vector<int64_t> sizes;    // that the file may have if the world does not know it
  std::vector<Excuse> excuses;
  std::string why;
  bool effect_known = false;  // what it does if it succeeds is known, whatever `why` says
  bool beyond = false;        // numbers that no file has: only an error is an answer
};

class Follower {
 public:
  Follower(const StraceLog& log, const Semantics& semantics, const FollowOptions& options);
  FollowReport Run();

 private:
  void NoteGuards(const StraceCall& call);
  bool IsGuarded(int64_t address) const;
  using Handler = void (Follower::*)(const FieldCall&, FollowedProcess&);
  static const std::map<std::string_view, Handler>& Handlers();

  // ---- follower.cc ----
  void OnEnter(const StraceEvent& event);
  void OnCall(const StraceEvent& event);
  void Dispatch(const FieldCall& call, FollowedProcess& process);
  // Counts the call as not compared, under `name`, or else its own; the remark on it is `text`, or
  // else `name`, or else what the reason says.  Those that are elsewhere or followed have none.
  void Count(const FieldCall& call, Unasked why, std::string_view name = {}, std::string text = {});
  void NoteModelled(const FieldCall& call, const Ask& ask);
  // Asks the model, compares, and carries the effect into the world.
  void Decide(Query& query);
  std::optional<Ask> Try(Query& query, const Guess& guess);
  void Accept(Query& query, const Ask& ask);
  void Adopt(Query& query);
  bool Learn(const Query& query);
  void GuessUsers(const Query& query, std::vector<Guess>& guesses) const;
  void GuessFile(const Query& query, std::vector<Guess>& guesses) const;
  void GuessSeals(const Query& query, std::vector<Guess>& guesses) const;
  void TakeForFact(const Query& query, const Guess& guess);
  std::string Modelled(const Query& query, const Ask& ask) const;
  bool FailedOutside(const Query& query, const Ask& ask, int64_t error) const;
  // Did a transfer end early, which no rule of the model explains, and the caller's buffer may?
  bool EndsEarly(const Query& query, const Ask& ask) const;
  // Counts the call if one of its excuses holds.
  bool IsExcused(const Query& query, const Ask& ask);
  bool Explained(Query& query, const Ask& first);
  std::vector<Guess> Guesses(const Query& query) const;
  void Differs(const Query& query, const Ask& ask);
  bool IsNumberAsked(const Query& query, Op op) const;
  bool Agrees(const Query& query, const Ask& ask) const;
  std::string AboutInode(int inode) const;
  void NoteChange(int inode, int64_t pid);

  // ---- follow_race.cc ----
  bool IsUndecided(Query& query, const Ask& ask);
  // True if a call of another process may have taken effect before this one or not.
  bool RacedBy(const Query& query) const;
  // Of a merged log: does what another process did overlap with this call?
  bool RacedInMerged(int inode) const;
  // May the call act on a memfd, by a descriptor, a path or an address?
  bool Concerns(const StraceCall& log) const;
  // Did a thread use a descriptor's number while this call was about to give it?
  bool NumberWasUsed(const FieldCall& call, const FollowedProcess& process) const;
  bool MayBeUnseen(const Query& query, const Ask* ask) const;
  // In a log that has some calls only: did one decide that it has none of?
  bool MayBeHidden(const Query& query, const Ask* ask) const;
  // Did the log's call move fewer bytes than the model's?
  bool IsShorter(const Query& query, const Ask& ask) const;

  // ---- follow_rows.cc ----
  // The memfd's descriptor that an argument names, or null; repairs what the log shows
  // to be otherwise (-y).
  const FollowedFd* Lookup(FollowedProcess& process, std::string_view arg, int line);
  void OnRow(const FieldCall& call, FollowedProcess& process);
  void OnDescriptor(const FieldCall& call, FollowedProcess& process, const CallSpec& row);
  void OnUnknownRow(const FieldCall& call, FollowedProcess& process);
  void OnCreate(const FieldCall& call, FollowedProcess& process);
  void OnOpen(const FieldCall& call, FollowedProcess& process);
  void OnChdir(const FieldCall& call, FollowedProcess& process);
  void OnSymlink(const FieldCall& call, FollowedProcess& process);
  void OnPathRow(const FieldCall& call, FollowedProcess& process);
  void OnUtimensat(const FieldCall& call, FollowedProcess& process);
  void OnPathCall(const FieldCall& call, FollowedProcess& process, std::string_view path,
                  const CallSpec& row);
  void OnFcntl(const FieldCall& call, FollowedProcess& process);
  void OnDupOver(const FieldCall& call, FollowedProcess& process);
  void OnIoctl(const FieldCall& call, FollowedProcess& process);
  void OnSetAttributes(const FieldCall& call, FollowedProcess& process);
  void OnCloseRange(const FieldCall& call, FollowedProcess& process);
  void OnTransfer(const FieldCall& call, FollowedProcess& process);
  void OnPidfd(const FieldCall& call, FollowedProcess& process);
  void OnPidfdGetfd(const FieldCall& call, FollowedProcess& process);
  struct ProcLink {
    const FollowedProcess* process = nullptr;  // null: not in the log, or no such path
    int64_t fd = -1;                           // kExeLink: the program that it runs
    WalkedPath how;                            // not all of it may be sure

    std::optional<FollowedFd> memfd() const;  // what it leads to, if that is one
  };
  std::optional<ProcLink> ResolvePath(const FollowedProcess& process, std::string_view dir,
                                      std::string_view path) const;
  void TakeDescriptor(FollowedProcess& process, int64_t fd, std::string_view annotated, int line);

  // ---- follow_memory.cc ----
  void OnMmap(const FieldCall& call, FollowedProcess& process);
  void OnMunmap(const FieldCall& call, FollowedProcess& process);
  void OnMprotect(const FieldCall& call, FollowedProcess& process);
  void OnMremap(const FieldCall& call, FollowedProcess& process);
  void OnRange(const FieldCall& call, FollowedProcess& process);
  void AskRange(const FieldCall& call, FollowedProcess& process, const ByteRange& range);
  void OnProcessMadvise(const FieldCall& call, FollowedProcess& process);
  void OnLock(const FieldCall& call, FollowedProcess& process);
  void OnShmget(const FieldCall& call, FollowedProcess& process);
  void OnShmat(const FieldCall& call, FollowedProcess& process);
  void OnLockAll(const FieldCall& call, FollowedProcess& process);

  // ---- follow_fault.cc ----
  void OnSignal(const StraceEvent& event);

  // ---- follow_process.cc ----
  void MatchChildren();
  void OnClone(const FieldCall& call, FollowedProcess& process);
  void MakeChild(const StraceCall& call, size_t index);
  void OnExec(const FieldCall& call, FollowedProcess& process);
  void OnExit(const FieldCall& call, FollowedProcess& process);
  void OnExited(const StraceEvent& event);
  void OnUnshare(const FieldCall& call, FollowedProcess& process);
  void OnReadWrite(const FieldCall& call, FollowedProcess& process);
  void OnGetUser(const FieldCall& call, FollowedProcess& process);
  void OnSetUser(const FieldCall& call, FollowedProcess& process);
  void OnRing(const FieldCall& call, FollowedProcess& process);
  void OnLimit(const FieldCall& call, FollowedProcess& process);
  void OnSeccomp(const FieldCall& call, FollowedProcess& process);
  void ShareOutside(const StraceCall& call, FollowedProcess& process);

  // ---- follow_message.cc ----
  void MatchMessages();
  void OnSend(const FieldCall& call, FollowedProcess& process);
  void OnReceive(const FieldCall& call, FollowedProcess& process);

  const StraceLog& log_;
  const Semantics& semantics_;
  const FollowOptions& options_;
  FollowReport report_;
  World world_;
  size_t event_ = 0;                   // that is being followed
  size_t call_ = 0;                    // its call
  std::map<int64_t, size_t> pending_;  // by process: its unfinished call
  std::vector<size_t> entered_;        // by call: the event at which it began
  std::vector<size_t> next_;           // by event: the next one of its process, or their number
  std::map<int64_t, size_t> latest_;   // by process: its last event so far
  std::set<std::string_view> names_;   // of all calls in the log
  std::map<int64_t, int64_t> shm_;     // bytes of System V's shared memory, by its number
  std::vector<std::pair<int64_t, int64_t>> guards_;  // address and length of guard pages
  bool whole_ = false;                               // the log has every call, it seems
  std::map<size_t, int64_t> child_of_;  // by call: the process that it made, as the log names it
  std::set<int64_t> pids_;              // that the log has lines of
  struct Change {
    size_t event;
    int inode;
    int64_t pid;
  };
  std::vector<Change> changes_;
  // By call that receives: the files that its sender passed, if it was seen; -1: no memfd.
  std::map<size_t, size_t> sender_of_, receiver_of_;
  std::set<size_t> peeked_;                           // calls that send, seen by MSG_PEEK
  std::map<size_t, std::vector<FollowedFd>> passed_;  // by call that sends
};

// One argument of a call, of a kind that takes one word of Call::arg, as the row says.
std::optional<int64_t> RowWord(const ArgSpec& arg, std::string_view text,
                               const Semantics& semantics);

// Has this argument the flag, by name or by number?
bool HasStraceFlag(std::string_view text, std::string_view name);

// The number of an errno as strace writes it.
std::optional<int64_t> ErrnoOfText(std::string_view name);

}  // namespace selkie

#endif  // SELKIE_TRACES_FOLLOWER_H_
