#include "cli/prove_certificate.h"

#include <array>
#include <bit>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "fmt/format.h"

namespace selkie {
namespace {

using Json = nlohmann::ordered_json;

// ---- SHA-256 ----

bool IsPrime(uint32_t n) {
  for (uint32_t i = 2; i * i <= n; ++i)
    if (n % i == 0) return false;
  return true;
}

// The first 32 bits of the fraction of the root of n, square or cube, exactly: the largest r
// with r * r <= n << 64, or r * r * r <= n << 96.
uint32_t RootFraction(uint32_t n, bool cube) {
  unsigned __int128 low = 0, high = uint64_t{1} << 40;
  while (high - low > 1) {
    const unsigned __int128 middle = (low + high) / 2;
    // Powers above 128 bits: compared after division, which rounds down as is wanted.
    const unsigned __int128 square = middle * middle;
    const unsigned __int128 wanted = static_cast<unsigned __int128>(n) << (cube ? 96 : 64);
    const bool fits = cube ? square <= wanted / middle : square <= wanted;
    (fits ? low : high) = middle;
  }
  return static_cast<uint32_t>(low);
}

struct ShaConstants {
  std::array<uint32_t, 64> k{};
  std::array<uint32_t, 8> h{};
  ShaConstants() {
    size_t found = 0;
    for (uint32_t n = 2; found < 64; ++n) {
      if (!IsPrime(n)) continue;
      if (found < 8) h[found] = RootFraction(n, false);
      k[found++] = RootFraction(n, true);
    }
  }
};

void ShaBlock(const ShaConstants& c, const unsigned char* block, std::array<uint32_t, 8>& state) {
  std::array<uint32_t, 64> w{};
  for (size_t i = 0; i < 16; ++i)
    for (size_t j = 0; j < 4; ++j) w[i] = w[i] << 8 | block[4 * i + j];
  for (size_t i = 16; i < 64; ++i) {
    const uint32_t a = w[i - 15], b = w[i - 2];
    w[i] = w[i - 16] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) + w[i - 7] +
           (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
  }
  std::array<uint32_t, 8> s = state;
  for (size_t i = 0; i < 64; ++i) {
    const uint32_t e = std::rotr(s[4], 6) ^ std::rotr(s[4], 11) ^ std::rotr(s[4], 25);
    const uint32_t a = std::rotr(s[0], 2) ^ std::rotr(s[0], 13) ^ std::rotr(s[0], 22);
    const uint32_t choose = (s[4] & s[5]) ^ (~s[4] & s[6]);
    const uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
    const uint32_t first = s[7] + e + choose + c.k[i] + w[i];
    for (size_t j = 7; j > 0; --j) s[j] = s[j - 1];
    s[4] += first;
    s[0] = first + a + majority;
  }
  for (size_t i = 0; i < 8; ++i) state[i] += s[i];
}

// ---- Texts ----

// In the tree by its path there, else where it is on this machine.
std::string ShownPath(const Library& library, const std::string& file, std::string_view text) {
  const std::string prefix = library.root() + "/";
  if (file.starts_with(prefix)) return file.substr(prefix.size());
  if (file.starts_with("/")) return file;
  const absl::StatusOr<std::string> in_tree = ReadTextFile(prefix + file);
  return in_tree.ok() && *in_tree == text
             ? file
             : std::filesystem::absolute(file).lexically_normal().string();
}

void AddText(const Library& library, const std::string& file, std::string_view text, Json& texts) {
  texts.push_back({{"file", ShownPath(library, file, text)}, {"sha256", Sha256(text)}});
}

absl::Status AddTexts(const Library& library, const Property& property, const Semantics& semantics,
                      Json& out) {
  Json& semantics_texts = out["semantics"]["texts"] = Json::array();
  for (const SemanticsSource& source : semantics.sources)
    AddText(library, source.file, source.text, semantics_texts);
  Json& property_texts = out["property"]["texts"] = Json::array();
  std::set<std::string> files = {property.file};
  AddText(library, property.file, property.text, property_texts);
  for (const AlphabetLine& line : property.calls) {
    if (!files.insert(line.file).second) continue;
    const bool relative = !line.file.starts_with("/");
    absl::StatusOr<std::string> text =
        ReadTextFile(relative ? library.root() + "/" + line.file : line.file);
    if (!text.ok() && relative) text = ReadTextFile(line.file);
    if (!text.ok()) return text.status();
    AddText(library, line.file, *text, property_texts);
  }
  return absl::OkStatus();
}

// ---- Configurations ----

Json FileJson(const FileKind& file) {
  return {file.mode, file.flags, file.mark, file.writer, file.dmabuf, file.pinned};
}

Json KindJson(const Kind& kind) {
  constexpr const char* kWhat[] = {"fd", "map", "msg", "buffer", "program"};
  Json out = {kWhat[static_cast<int>(kind.what)], kind.role};
  const auto add = [&out](std::initializer_list<int> values) {
    for (int value : values) out.push_back(value);
  };
  if (kind.what == Holding::kBuffer) add({kind.page, kind.begin, kind.end});
  if (kind.what != Holding::kBuffer)
    for (const Json& value : FileJson(kind.file)) out.push_back(value);
  if (kind.what == Holding::kProgram) add({kind.nondumpable});
  if (kind.what == Holding::kMapping)
    add({kind.prot, kind.may, kind.shared, kind.vm_shared, kind.pages, kind.pgoff, kind.flags,
         kind.mark});
  return out;
}

Json SituationJson(const Situation& at) {
  Json out = {{"seals", at.seals}, {"mask", at.mask}, {"attrs", at.attrs},
              {"sealed", at.mark}, {"mode", at.mode}, {"uid", at.uid},
              {"gid", at.gid},     {"size", at.size}, {"protocol", nullptr}};
  if (at.steps == 0) return out;
  Json files = Json::array(), variables = Json::array();
  for (const FileKind& file : at.files) files.push_back(FileJson(file));
  for (const Remembered& held : at.variables) variables.push_back({held.variable, held.file});
  out["protocol"] = {
      {"steps", at.steps}, {"role", at.role}, {"files", files}, {"variables", variables}};
  return out;
}

}  // namespace

std::string Sha256(std::string_view text) {
  static const ShaConstants constants;
  std::string padded(text);
  padded.push_back(static_cast<char>(0x80));
  while (padded.size() % 64 != 56) padded.push_back(0);
  for (int shift = 56; shift >= 0; shift -= 8)
    padded.push_back(static_cast<char>(static_cast<uint64_t>(text.size()) * 8 >> shift));
  std::array<uint32_t, 8> state = constants.h;
  for (size_t i = 0; i < padded.size(); i += 64)
    ShaBlock(constants, reinterpret_cast<const unsigned char*>(padded.data()) + i, state);
  std::string out;
  for (uint32_t word : state) out += fmt::format("{:08x}", word);
  return out;
}

absl::StatusOr<std::string> CertificateOf(const Library& library, const Property& property,
                                          const Semantics& semantics, const Proof& proof) {
  Json out = {{"format", "selkie certificate 2"},
              {"semantics", {{"name", semantics.name}}},
              {"property", {{"name", property.name}}}};
  if (absl::Status s = AddTexts(library, property, semantics, out); !s.ok()) return s;
  out["alphabet"] = Json::array();
  for (const AlphabetLine& line : property.calls)
    out["alphabet"].push_back({line.text, line.roles});
  const std::vector<std::string> file = {"what",      "role",        "file mode",   "file flags",
                                         "file mark", "file writer", "file dmabuf", "file pinned"};
  const auto with = [&file](std::initializer_list<const char*> more) {
    std::vector<std::string> words = file;
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  out["kinds"] = {
      {"fd, msg", file},
      {"map", with({"prot", "may", "shared", "vm_shared", "pages", "pgoff", "flags", "mark"})},
      {"buffer", {"what", "role", "page", "begin", "end"}},
      {"program", with({"nondumpable"})}};
  std::string text = out.dump(1);
  text.resize(text.size() - 2);  // one configuration a line
  text += ",\n \"configurations\": [";
  const char* separator = "\n";
  for (const auto& [situation, kinds] : proof.configurations) {
    Json list = Json::array();
    for (const Kind& kind : kinds) list.push_back(KindJson(kind));
    text += fmt::format("{}  {}", separator,
                        Json({{"inode", SituationJson(situation)}, {"kinds", list}}).dump());
    separator = ",\n";
  }
  return text + "\n ]\n}\n";
}

}  // namespace selkie
