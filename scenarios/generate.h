// Random calls and sequences of calls, drawn from the one table of calls.
//
//   Random random(SequenceSeed(seed, i));
//   State state = InitialState(limits, {0, 1000});
//   Made made = MakeCall(state, semantics, random);  // state is one call later
//
// Every argument is drawn by its ArgKind and its name in the row, in view of
// the state: descriptors that are open, addresses at the edges of mappings,
// sizes around the end of the file.  A new row of the table therefore needs
// nothing here; a weight of its own is optional.
//
// A plain uniform choice gives nine EBADF in ten calls.  The distributions here
// are made so that at least half of all calls succeed while every errno still
// occurs; generate_test.cc measures both.
#ifndef SELKIE_SCENARIOS_GENERATE_H_
#define SELKIE_SCENARIOS_GENERATE_H_

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/call.h"
#include "model/limits.h"
#include "model/result.h"
#include "model/semantics.h"
#include "model/state.h"
#include "model/trace.h"
#include "scenarios/rule_pairs.h"

namespace selkie {

// A source of small integers: everything that is random here comes from one.
class Choices {
 public:
  virtual ~Choices() = default;

  // A number in 0 .. n - 1; n is 1 .. 2^24.  0 is the simplest alternative
  // everywhere, so that a source which shrinks towards 0 shrinks the calls.
  virtual uint32_t Next(uint32_t n) = 0;
};

// A pseudo-random source (xoshiro256**, seeded by splitmix64).  The same seed
// gives the same numbers on every machine and with every compiler.
class Random final : public Choices {
 public:
  explicit Random(uint64_t seed);
  uint32_t Next(uint32_t n) override;

 private:
  std::array<uint64_t, 4> state_;
};

// Numbers that were written down, each 0 .. 65535 and scaled to what is asked
// for; 0 after the last.  RapidCheck shrinks such vectors.
class Recorded final : public Choices {
 public:
  explicit Recorded(std::vector<uint16_t> numbers) : numbers_(std::move(numbers)) {}
  uint32_t Next(uint32_t n) override;

 private:
  std::vector<uint16_t> numbers_;
  size_t next_ = 0;
};

// A call and what it gave.
struct Made {
  Call call;
  Result result;
};

// The families of calls that a sequence is made of, one bit each.
using Focus = uint32_t;
inline constexpr Focus kAllFamilies = ~Focus{0};

// All families, for half of the sequences; else a few, drawn at random, and what makes memfds:
// calls of one family meet each other more often then than among all (swarm testing: Groce et al.,
// ISSTA 2012).
Focus DrawFocus(Choices& choices);

// Chooses the next call in `state`, executes it, and leaves the state after it.
// The call is by a running task if there is one.  A call that gives kBound (not
// modelled, or beyond the limits) is drawn again, a few times; in the end kBound
// is returned rather than looped on: it can be all that is left, for example
// when no task runs.  A call that fails is drawn again in some of the cases.
// With `pairs`, of the sequence so far, a call that would repeat a pair of rules is drawn again in
// most cases; the caller adds what was made.  Of the families in `focus`, if one of their calls can
// be made.
Made MakeCall(State& state, const Semantics& semantics, Choices& choices,
              const PairsOfSequence* pairs = nullptr, Focus focus = kAllFamilies);

// The same, without executing it.
Call NextCall(const State& state, const Semantics& semantics, Choices& choices);

// The seed of sequence `index` of a campaign: depends on nothing else, so that
// one sequence of a campaign can be made again alone.
uint64_t SequenceSeed(uint64_t campaign_seed, uint64_t index);

// `length` calls (0 or more) from the initial state of `uids`, of which there
// are 1 .. limits.tasks.  Ends early when no further call is possible (every
// task has ended).  No call of it gives kBound under `semantics`.
Sequence RandomSequence(uint64_t seed, int length, const Limits& limits,
                        const std::vector<int>& uids, const Semantics& semantics);

}  // namespace selkie

#endif  // SELKIE_SCENARIOS_GENERATE_H_
