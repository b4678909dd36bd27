// How the guest's init talks to the host: frames over a byte stream.
//
// A frame is
//   byte 0      0xA5
//   byte 1      the type, a letter
//   bytes 2-5   length of the payload, little endian, at most kMaxFramePayload
//   bytes 6-9   FNV-1a over type, length and payload, little endian
//   payload
// A serial port has no boundaries and may lose bytes when something is broken;
// the checksum makes that an error instead of a wrong result.  There is no
// resynchronization: after a damaged frame nothing is believed.
#ifndef SELKIE_KERNEL_GUEST_FRAME_H_
#define SELKIE_KERNEL_GUEST_FRAME_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace selkie {

enum class FrameType : char {
  kBegin = 'B',    // the guest is up; payload: uname -r
  kStdout = 'O',   // bytes of the command's standard output
  kStderr = 'E',   // bytes of its standard error
  kAlive = 'H',    // nothing to say, but not hung; no payload
  kExit = 'X',     // the command ended; payload: its exit code in decimal
  kFailure = 'F',  // init could not do its work; payload: why
};

inline constexpr size_t kMaxFramePayload = 65536;
inline constexpr size_t kFrameHeaderSize = 10;

struct Frame {
  FrameType type = FrameType::kAlive;
  std::string payload;
  friend bool operator==(const Frame&, const Frame&) = default;
};

// The bytes of one frame.  The payload is cut at kMaxFramePayload.
std::string EncodeFrame(FrameType type, std::string_view payload);

// Takes bytes as they come and gives frames as they become whole.
class FrameReader {
 public:
  void Add(std::string_view bytes) { buffer_.append(bytes); }

  // The next whole frame, or nullopt if more bytes are needed.  DataLossError,
  // with the position in the stream, if these bytes are no frame; so is every
  // call after that.
  absl::StatusOr<std::optional<Frame>> Next();

 private:
  absl::Status Damaged(std::string_view what) const;

  std::string buffer_;
  size_t taken_ = 0;  // bytes of the stream before buffer_
};

// Cuts a stream of bytes into lines.
class LineSplitter {
 public:
  // Adds bytes; returns the lines that are now whole, without the newline.
  std::vector<std::string> Add(std::string_view bytes);
  // What follows the last newline; empties it.
  std::string Rest();

 private:
  std::string rest_;
};

}  // namespace selkie

#endif  // SELKIE_KERNEL_GUEST_FRAME_H_
