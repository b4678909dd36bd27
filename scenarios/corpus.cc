#include "scenarios/corpus.h"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "model/call_text.h"
#include "model/step.h"
#include "scenarios/generate.h"
#include "scenarios/rule_pairs.h"

namespace selkie {
namespace {

constexpr char kExtension[] = ".seq";

std::vector<uint64_t> PairsIn(const Sequence& sequence, const Semantics& semantics) {
  State state = InitialState(sequence.limits, sequence.uids);
  PairsOfSequence pairs;
  for (const Call& call : sequence.calls) pairs.Add(DeciderOf(call, Step(state, call, semantics)));
  return pairs.pairs();
}

// How a candidate starts: two in three have one process at the start.
Sequence StartOf(uint64_t seed) {
  static const std::vector<int> kUids[] = {{0}, {0}, {1000}, {0}, {0, 1000}, {0, 0, 1000}};
  Random random(~seed);
  Sequence start;
  start.uids = kUids[random.Next(6)];
  if (random.Next(4) == 0) start.limits.fds = static_cast<uint8_t>(3 + random.Next(3));
  return start;
}

absl::Status BadLine(const std::string& file, int line, std::string_view why) {
  return absl::InvalidArgumentError(fmt::format("{}:{}: {}", file, line, why));
}

// "fds 8", "uids 0 1000".
bool ParseHead(const std::vector<std::string>& words, Sequence* sequence) {
  std::vector<int> numbers;
  for (size_t i = 1; i < words.size(); ++i) {
    int number = 0;
    if (!absl::SimpleAtoi(words[i], &number) || number < 0 || number > 65535) return false;
    numbers.push_back(number);
  }
  if (words[0] == "fds") {
    if (numbers.size() != 1 || numbers[0] < 1 || numbers[0] > kMaxFds) return false;
    sequence->limits.fds = static_cast<uint8_t>(numbers[0]);
    return true;
  }
  if (words[0] != "uids" || numbers.empty() || numbers.size() > kMaxTasks) return false;
  sequence->uids = numbers;
  return true;
}

}  // namespace

std::string CorpusText(const Sequence& sequence, const Semantics& semantics) {
  std::string text =
      fmt::format("fds {}\nuids {}\n", sequence.limits.fds, fmt::join(sequence.uids, " "));
  for (const Call& call : sequence.calls)
    text += fmt::format("{}: {}\n", static_cast<char>('A' + call.task),
                        PrintCall(call, &semantics, nullptr));
  return text;
}

absl::StatusOr<Sequence> ParseCorpusText(const std::string& file, std::string_view text,
                                         const Semantics& semantics) {
  Sequence sequence;
  sequence.uids = {0};
  int number = 0;
  const std::vector<std::string> lines = absl::StrSplit(std::string(text), '\n');
  for (const std::string& whole : lines) {
    const std::string_view line = whole;
    ++number;
    if (line.empty()) continue;
    const bool is_call =
        line.size() > 3 && line[0] >= 'A' && line[0] < 'A' + kMaxTasks && line.substr(1, 2) == ": ";
    if (!is_call) {
      const std::vector<std::string> words = absl::StrSplit(whole, ' ');
      if (!ParseHead(words, &sequence))
        return BadLine(file, number, "expected 'fds N', 'uids N ...' or 'A: call'");
      continue;
    }
    ParsedCall parsed = ParseCall(
        line.substr(3), &semantics, [](NameKind, std::string_view name) -> std::optional<int64_t> {
          if (name.size() == 1 && name[0] >= 'A' && name[0] < 'A' + kMaxTasks) return name[0] - 'A';
          return std::nullopt;
        });
    if (parsed.unknown_request) break;
    if (parsed.error.has_value()) return BadLine(file, number, parsed.error->message);
    parsed.call.task = static_cast<uint8_t>(line[0] - 'A');
    sequence.calls.push_back(parsed.call);
  }
  return sequence;
}

absl::StatusOr<std::vector<Sequence>> LoadCorpus(const Library& library,
                                                 const Semantics& semantics) {
  std::vector<Sequence> corpus;
  absl::StatusOr<std::vector<std::string>> files =
      FilesUnder(library.root() + "/scenarios/corpus", kExtension);
  if (absl::IsNotFound(files.status())) return corpus;
  if (!files.ok()) return files.status();
  std::sort(files->begin(), files->end());
  for (const std::string& file : *files) {
    absl::StatusOr<std::string> text = ReadTextFile(file);
    if (!text.ok()) return text.status();
    absl::StatusOr<Sequence> sequence = ParseCorpusText(file, *text, semantics);
    if (!sequence.ok()) return sequence.status();
    corpus.push_back(*std::move(sequence));
  }
  return corpus;
}

Corpus GrowCorpus(const CorpusRequest& request, const Semantics& semantics,
                  const std::atomic<bool>* interrupted) {
  constexpr int kRare = 3;  // of all candidates, or fewer, have the pair
  const auto make = [&](int number) {
    const uint64_t seed = SequenceSeed(request.seed, static_cast<uint64_t>(number));
    const Sequence start = StartOf(seed);
    return RandomSequence(seed, request.length, start.limits, start.uids, semantics);
  };
  std::vector<std::vector<uint64_t>> all;
  std::unordered_map<uint64_t, int> times;
  for (int i = 0; i < request.candidates; ++i) {
    if (interrupted != nullptr && interrupted->load()) break;
    all.push_back(PairsIn(make(i), semantics));
    for (const uint64_t pair : all.back()) ++times[pair];
  }
  // Those with most rare pairs, the earlier of equals first.
  std::vector<std::pair<int, int>> ranks;  // minus their number, candidate
  for (size_t i = 0; i < all.size(); ++i) {
    const auto rare = std::count_if(all[i].begin(), all[i].end(),
                                    [&](uint64_t pair) { return times[pair] <= kRare; });
    ranks.emplace_back(-static_cast<int>(rare), static_cast<int>(i));
  }
  std::sort(ranks.begin(), ranks.end());
  ranks.resize(std::min(ranks.size(), static_cast<size_t>(request.most)));
  std::set<uint64_t> known;
  Corpus corpus;
  for (const auto& [rank, number] : ranks) {
    corpus.sequences.push_back(make(number));
    known.insert(all[static_cast<size_t>(number)].begin(), all[static_cast<size_t>(number)].end());
  }
  corpus.pairs = static_cast<int64_t>(known.size());
  return corpus;
}

}  // namespace selkie
