#include "kernel/guest_frame.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace selkie {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<Frame> AllFrames(FrameReader& reader) {
  std::vector<Frame> frames;
  while (true) {
    absl::StatusOr<std::optional<Frame>> next = reader.Next();
    EXPECT_TRUE(next.ok()) << next.status();
    if (!next.ok() || !next->has_value()) return frames;
    frames.push_back(**next);
  }
}

TEST(GuestFrame, WhatIsEncodedIsReadBack) {
  FrameReader reader;
  reader.Add(EncodeFrame(FrameType::kBegin, "6.1.0"));
  reader.Add(EncodeFrame(FrameType::kStdout, std::string("a\0\xA5\n", 4)));
  reader.Add(EncodeFrame(FrameType::kAlive, ""));
  EXPECT_THAT(AllFrames(reader), ElementsAre(Frame{FrameType::kBegin, "6.1.0"},
                                             Frame{FrameType::kStdout, std::string("a\0\xA5\n", 4)},
                                             Frame{FrameType::kAlive, ""}));
}

TEST(GuestFrame, FramesComeOutWhenTheirLastByteArrives) {
  std::string bytes = EncodeFrame(FrameType::kStderr, "oh") + EncodeFrame(FrameType::kExit, "1");
  FrameReader reader;
  std::vector<Frame> frames;
  std::vector<size_t> when;
  for (size_t i = 0; i < bytes.size(); ++i) {
    reader.Add(std::string_view(bytes).substr(i, 1));
    for (const Frame& frame : AllFrames(reader)) {
      frames.push_back(frame);
      when.push_back(i + 1);
    }
  }
  EXPECT_THAT(frames, ElementsAre(Frame{FrameType::kStderr, "oh"}, Frame{FrameType::kExit, "1"}));
  EXPECT_THAT(when, ElementsAre(kFrameHeaderSize + 2, bytes.size()));
}

TEST(GuestFrame, EveryFlippedBitIsNoticed) {
  const std::string good = EncodeFrame(FrameType::kExit, "0");
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << (bit % 8)));
    FrameReader reader;
    reader.Add(bad);
    absl::StatusOr<std::optional<Frame>> next = reader.Next();
    // A longer length only makes the reader wait for bytes that never come.
    EXPECT_TRUE(!next.ok() || !next->has_value()) << "bit " << bit;
  }
}

TEST(GuestFrame, EveryLostByteIsNoticed) {
  const std::string good =
      EncodeFrame(FrameType::kStdout, "0 divergences\n") + EncodeFrame(FrameType::kExit, "0");
  for (size_t lost = 0; lost < good.size(); ++lost) {
    std::string bad = good;
    bad.erase(lost, 1);
    FrameReader reader;
    reader.Add(bad);
    int frames = 0;
    absl::StatusOr<std::optional<Frame>> next = reader.Next();
    for (; next.ok() && next->has_value(); next = reader.Next()) ++frames;
    EXPECT_LT(frames, 2) << "byte " << lost;
  }
}

TEST(GuestFrame, DamageIsReportedWithItsPositionAndStays) {
  FrameReader reader;
  reader.Add(EncodeFrame(FrameType::kAlive, "") + "garbage");
  ASSERT_TRUE(reader.Next().ok());
  for (int i = 0; i < 2; ++i) {
    absl::StatusOr<std::optional<Frame>> next = reader.Next();
    ASSERT_FALSE(next.ok());
    EXPECT_EQ(next.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(next.status().message()), HasSubstr("damaged at byte 10"));
  }
}

TEST(LineSplitter, LinesComeWholeAndTheRestIsKept) {
  LineSplitter lines;
  EXPECT_THAT(lines.Add("on"), ElementsAre());
  EXPECT_THAT(lines.Add("e\n\nthree"), ElementsAre("one", ""));
  EXPECT_EQ(lines.Rest(), "three");
  EXPECT_EQ(lines.Rest(), "");
}

}  // namespace
}  // namespace selkie
