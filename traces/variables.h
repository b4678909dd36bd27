// Names for what the calls of a trace return: fd, ro, map rather than 3, 4 and
// 0x1000.  Internal to traces/.
#ifndef SELKIE_TRACES_VARIABLES_H_
#define SELKIE_TRACES_VARIABLES_H_

#include <array>
#include <string>
#include <vector>

#include "model/call_text.h"
#include "model/semantics.h"
#include "model/state.h"
#include "model/trace.h"

namespace selkie {

// A variable of a program that makes the calls.
struct Variable {
  std::string name;
  bool is_address = false;  // else a descriptor
};

// What the names stand for at one point of a trace.
class NameTable {
 public:
  // The variable that holds descriptor `fd` of `task`, or "".
  std::string FdName(const State& state, int64_t task, int64_t fd) const;
  // "map", "map + 4096", or "" for an address in no mapping with a name.
  std::string AddressName(const State& state, int64_t task, int64_t address) const;

 private:
  friend class Variables;
  struct Page {
    std::string name;
    int base = 0;  // the page that the variable points at
  };
  std::array<std::array<std::string, kMaxFds>, kMaxTasks> fds_;    // by table
  std::array<std::array<Page, kAllArenaPages>, kMaxTasks> pages_;  // by address space
};

// The variables of a whole trace.  A name is given once and stays with its
// value; a descriptor number that is used again gets a name of its own.
class Variables {
 public:
  // `states` are those of Replay: one more than there are calls.
  Variables(const Trace& trace, const std::vector<State>& states, const Semantics& semantics);

  // The table in force for the arguments of call `index`.
  const NameTable& Before(size_t index) const { return tables_[index]; }
  // What the call's result is assigned to: none, one, or the two of a pair.
  const std::vector<Variable>& ResultsOf(size_t index) const { return results_[index]; }
  // Names for model/call_text.h's PrintCall of call `index`.  The namer refers
  // to this object, the trace and the states.
  Namer NamerFor(size_t index) const;

 private:
  std::string Fresh(const std::string& base);
  void NameFd(NameTable& table, size_t index, int64_t fd);
  void NamePages(NameTable& table, size_t index);
  void Inherit(NameTable& table, size_t index) const;
  void Learn(size_t index, const Semantics& semantics);

  const Trace& trace_;
  const std::vector<State>& states_;
  std::vector<NameTable> tables_;
  std::vector<std::vector<Variable>> results_;
  std::vector<std::string> used_;
};

// What a successful call returns: of a call that a semantics declares, what the
// declaration says.
ReturnKind ReturnsOf(const Call& call, const Semantics& semantics);

// The call that a semantics declares, or null for all others.
const Extension* ExtensionOf(const Call& call, const Semantics& semantics);

// 'A' for task 0, and so on.
char TaskLetterOf(int64_t task);

}  // namespace selkie

#endif  // SELKIE_TRACES_VARIABLES_H_
