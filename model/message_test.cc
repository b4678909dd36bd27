#include "model/model_fixture.h"

namespace selkie {
namespace {

class MessageTest : public ModelTest {
 protected:
  // A socket pair; sets a and b.
  void Pair() {
    a = Do(Op::kSocketpair);
    b = last.extra;
  }
  int64_t a = 0, b = 0;
};

TEST_F(MessageTest, SocketpairNeedsTwoDescriptors) {
  s.limits.fds = 3;
  Memfd();
  Pair();
  EXPECT_EQ(a, 4);
  EXPECT_EQ(b, 5);
  Do(Op::kClose, b);
  EXPECT_EQ(Do(Op::kSocketpair), -EMFILE);
}

TEST_F(MessageTest, AMessageHoldsItsFileAndArrivesAtTheLowestDescriptor) {
  const int64_t fd = Memfd(5);
  Pair();
  EXPECT_EQ(Do(Op::kSendmsg, a, fd), 0);
  Do(Op::kClose, fd);
  EXPECT_EQ(Do(Op::kRecvmsg, a), kBoundary);
  EXPECT_EQ(Do(Op::kRecvmsg, b), fd);
  EXPECT_EQ(Do(Op::kFstat, fd), 5);
}

TEST_F(MessageTest, ChecksTheSocketThenTheDescriptorThenThePeer) {
  const int64_t fd = Memfd();
  Pair();
  EXPECT_EQ(Do(Op::kSendmsg, 77, 78), -EBADF);
  EXPECT_EQ(Do(Op::kSendmsg, fd, 78), -ENOTSOCK);
  EXPECT_EQ(Do(Op::kRecvmsg, fd), -ENOTSOCK);
  Do(Op::kClose, b);
  EXPECT_EQ(Do(Op::kSendmsg, a, 78), -EBADF);
  EXPECT_EQ(Do(Op::kSendmsg, a, fd), -EPIPE);
  EXPECT_EQ(Do(Op::kRecvmsg, a), kBoundary);
  EXPECT_EQ(Do(Op::kSendmsg, a, a), kBoundary);
}

TEST_F(MessageTest, ClosingWithMessagesUnreadResetsThePeerOnce) {
  const int64_t fd = Memfd();
  Pair();
  Do(Op::kSendmsg, a, fd);
  Do(Op::kClose, b);
  EXPECT_EQ(s.messages[0].file, 0);
  EXPECT_EQ(Do(Op::kSendmsg, a, 78), -ECONNRESET);
  EXPECT_TRUE(last.changed);
  EXPECT_EQ(Do(Op::kSendmsg, a, 78), -EBADF);
}

TEST_F(MessageTest, ANonblockingSocketWithoutMessagesAnswersEagain) {
  Pair();
  Do(Op::kSetFl, a, abi::kONonblock);
  EXPECT_EQ(Do(Op::kRecvmsg, a), -EAGAIN);
  Do(Op::kClose, b);
  EXPECT_EQ(Do(Op::kRecvmsg, a), kBoundary);
}

TEST_F(MessageTest, TheHarnessChannelKeepsItsOrderAndEndsWithItsTask) {
  const int64_t fd = Memfd(1), other = Memfd(2);
  EXPECT_EQ(Do(Op::kSendFd, 1, fd), 0);
  EXPECT_EQ(Do(Op::kSendFd, 1, other), 0);
  EXPECT_EQ(Do(Op::kRecvFd), kBoundary);
  EXPECT_EQ(DoAs(1, Op::kRecvFd), kFirstFd);
  EXPECT_EQ(DoAs(1, Op::kFstat, kFirstFd), 1);
  DoAs(1, Op::kExit);
  EXPECT_EQ(s.messages[0].file, 0);
  EXPECT_EQ(Do(Op::kSendFd, 1, fd), kBoundary);
  EXPECT_EQ(Do(Op::kSendFd, 9, fd), kBoundary);
}

}  // namespace
}  // namespace selkie
