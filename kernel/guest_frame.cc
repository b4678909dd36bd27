#include "kernel/guest_frame.h"

#include <cstdint>
#include <utility>

#include "fmt/format.h"

namespace selkie {
namespace {

constexpr unsigned char kMagic = 0xA5;

void AppendWord(std::string& bytes, uint32_t word) {
  for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(word >> shift));
}

uint32_t WordAt(std::string_view bytes, size_t at) {
  uint32_t word = 0;
  for (size_t i = 0; i < 4; ++i)
    word |= uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return word;
}

uint32_t Fnv1a(uint32_t hash, std::string_view bytes) {
  for (unsigned char byte : bytes) hash = (hash ^ byte) * 16777619u;
  return hash;
}

// `head` is the type and the length as they stand in the frame.
uint32_t Checksum(std::string_view head, std::string_view payload) {
  return Fnv1a(Fnv1a(2166136261u, head), payload);
}

}  // namespace

std::string EncodeFrame(FrameType type, std::string_view payload) {
  payload = payload.substr(0, kMaxFramePayload);
  std::string frame(1, static_cast<char>(kMagic));
  frame.push_back(static_cast<char>(type));
  AppendWord(frame, static_cast<uint32_t>(payload.size()));
  AppendWord(frame, Checksum(std::string_view(frame).substr(1, 5), payload));
  frame.append(payload);
  return frame;
}

absl::Status FrameReader::Damaged(std::string_view what) const {
  return absl::DataLossError(
      fmt::format("the guest's report is damaged at byte {}: {}", taken_, what));
}

absl::StatusOr<std::optional<Frame>> FrameReader::Next() {
  if (buffer_.empty()) return std::nullopt;
  if (static_cast<unsigned char>(buffer_[0]) != kMagic) return Damaged("expected a frame");
  if (buffer_.size() < kFrameHeaderSize) return std::nullopt;
  size_t length = WordAt(buffer_, 2);
  if (length > kMaxFramePayload) return Damaged(fmt::format("a frame of {} bytes", length));
  size_t size = kFrameHeaderSize + length;
  if (buffer_.size() < size) return std::nullopt;
  std::string_view frame = std::string_view(buffer_).substr(0, size);
  std::string_view payload = frame.substr(kFrameHeaderSize);
  if (Checksum(frame.substr(1, 5), payload) != WordAt(frame, 6))
    return Damaged("a checksum that does not fit");
  Frame result{static_cast<FrameType>(frame[1]), std::string(payload)};
  buffer_.erase(0, size);
  taken_ += size;
  return result;
}

std::vector<std::string> LineSplitter::Add(std::string_view bytes) {
  std::vector<std::string> lines;
  rest_.append(bytes);
  size_t start = 0;
  for (size_t end; (end = rest_.find('\n', start)) != std::string::npos; start = end + 1)
    lines.push_back(rest_.substr(start, end - start));
  rest_.erase(0, start);
  return lines;
}

std::string LineSplitter::Rest() { return std::exchange(rest_, std::string()); }

}  // namespace selkie
