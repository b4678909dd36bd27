// Properties of the tree by name, and questions asked of semantics by name.
#ifndef SELKIE_CLI_QUESTIONS_H_
#define SELKIE_CLI_QUESTIONS_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "checker/check.h"
#include "scenarios/library.h"

namespace selkie {

// A property by name ("no-write-call") or by path (anything with a '/' or
// ending in ".prop").  `include` finds NAME.calls beside the property.
// NotFoundError lists the names that exist; InvalidArgumentError is
// "file:line:column: ..." from the parser.
absl::StatusOr<Property> LoadProperty(const Library& library, std::string_view name_or_path);

// Properties to ask, and what is wrong with others of the tree.
struct AskedProperties {
  std::vector<std::string> names;
  std::vector<std::string> bad;  // "file:line:column: ...", each once
};

// Those asked for; if none is, all of the tree: promises first, then what must be reachable, then
// comparisons; each group sorted.  A file that cannot be read loses no other.  NotFoundError if
// there is no folder of properties.
absl::StatusOr<AskedProperties> PropertiesAsked(const Library& library,
                                                const std::vector<std::string>& asked);

// Complains of each file that is bad; kBadInput if any is, else kHolds.
int ReportBad(const AskedProperties& properties);

// The semantics that a comparison names; nothing for other properties.  InvalidArgumentError at
// the place where it is named, if there is none.
absl::StatusOr<std::optional<Semantics>> BaselineOf(const Library& library,
                                                    const Property& property);

// Does `semantics` keep `property`?  Loads the baseline that a comparison
// names.  Errors as Check and LoadSemantics.
absl::StatusOr<Verdict> Ask(const Library& library, const Property& property,
                            const Semantics& semantics, const Bounds& bounds,
                            const SearchOptions& options);

// The same as CheckAll: one verdict for each kind of step that breaks it.
absl::StatusOr<std::vector<Verdict>> AskAll(const Library& library, const Property& property,
                                            const Semantics& semantics, const Bounds& bounds,
                                            const SearchOptions& options);

// The word for a verdict: "holds" and "BROKEN" for what must never happen,
// "reachable" and "NOT REACHABLE" for what must be possible, "VACUOUS", "NOT APPLICABLE",
// "STOPPED".
std::string_view VerdictWord(const Verdict& verdict);

// The witness as strace-like lines with the deciding rule on each; steps of the
// protocol begin with "seal>".  After the last call of a comparison comes what
// the baseline answers.
std::vector<std::string> WitnessLines(const Verdict& verdict, const Semantics& semantics,
                                      bool colour);

// The witness as a JSON trace that says of which promise it is.
std::string WitnessTrace(const Property& property, const Semantics& semantics,
                         const Verdict& verdict);

// The same within an object of JSON, with which of its calls are the protocol's.
void AddWitness(const Property& property, const Semantics& semantics, const Verdict& verdict,
                nlohmann::ordered_json* json);

// Its name, and "(not confirmed on a kernel)" if that is so.
std::string NameOf(const Semantics& semantics);

// "421,313"
std::string Grouped(uint64_t number);

// "12.3 MiB"
std::string Bytes(uint64_t bytes);

// A table gets half of the memory, and an empty one of the widest states takes 2.3 MiB.
inline constexpr uint64_t kLeastMemory = uint64_t{4} << 20;

// The number of bytes that "512M" or "4G" says, for --memory.  InvalidArgumentError for
// other text, and for less than kLeastMemory.
absl::StatusOr<uint64_t> ParseBytes(const std::string& text);

// Four fifths of the memory that is available on this machine now, in bytes.
uint64_t MostMemory();

// "421,313 states, 4,143,586 transitions, depth 19, 1.24 s, 9.8 MiB (62 bits a state)"
std::string Describe(const SearchStats& stats);

// The same as JSON: states, transitions, tried, beyond_bounds, depth, seconds,
// bytes, bits_per_state.
nlohmann::ordered_json StatsJson(const SearchStats& stats);

}  // namespace selkie

#endif  // SELKIE_CLI_QUESTIONS_H_
