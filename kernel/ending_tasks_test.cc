#include "kernel/ending_tasks.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gtest/gtest.h"

namespace selkie {
namespace {

// A child that sleeps, with a context for asynchronous writes, or without.
pid_t Sleeper(bool with_context) {
  int ready[2];
  EXPECT_EQ(pipe(ready), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    aio_context_t context = 0;
    if (with_context) syscall(SYS_io_setup, 1, &context);
    close(ready[0]);
    close(ready[1]);
    for (;;) pause();
  }
  close(ready[1]);
  char byte;
  EXPECT_EQ(read(ready[0], &byte, 1), 0);  // the child has closed its ends
  close(ready[0]);
  return pid;
}

bool IsThere(pid_t pid) { return kill(pid, 0) == 0; }

TEST(EndingTasksTest, ATaskThatEndsSlowlyIsNotWaitedForAndIsReapedInTheEnd) {
  EndingTasks ending;
  const pid_t pid = Sleeper(true);
  kill(pid, SIGKILL);
  ASSERT_TRUE(ending.Leave(pid));
  EXPECT_EQ(wait4(0, nullptr, WNOHANG | __WALL, nullptr), -1);
  EXPECT_EQ(errno, ECHILD);
  for (int look = 0; look < 1000 && IsThere(pid); ++look) {
    poll(nullptr, 0, 10);
    ending.Reap();
  }
  EXPECT_FALSE(IsThere(pid));
}

// One that shares the table of descriptors with this process.
pid_t SharingSleeper() {
  int ready[2];
  EXPECT_EQ(pipe(ready), 0);
  const auto pid = static_cast<pid_t>(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0));
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    aio_context_t context = 0;
    syscall(SYS_io_setup, 1, &context);
    for (;;)
      if (write(ready[1], "x", 1) == 1) pause();
  }
  char byte;
  EXPECT_EQ(read(ready[0], &byte, 1), 1);
  close(ready[0]);
  close(ready[1]);
  return pid;
}

// Finding of a run of 10^6 sequences: execve was ETXTBSY after CLOSE_RANGE_UNSHARE.
TEST(EndingTasksTest, WhatIsOpenedAfterwardsIsNotKeptOpenByATaskThatSharedTheTable) {
  EndingTasks ending;
  const pid_t pid = SharingSleeper();
  kill(pid, SIGKILL);
  ASSERT_TRUE(ending.Leave(pid));
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  ASSERT_EQ(unshare(CLONE_FILES), 0);
  close(ends[0]);
  signal(SIGPIPE, SIG_IGN);
  ASSERT_TRUE(IsThere(pid));
  EXPECT_EQ(write(ends[1], "x", 1), -1);
  EXPECT_EQ(errno, EPIPE);
  signal(SIGPIPE, SIG_DFL);
  close(ends[1]);
  EXPECT_EQ(waitpid(pid, nullptr, __WALL), pid);
}

TEST(EndingTasksTest, OfManyTheOldestAreWaitedFor) {
  EndingTasks ending;
  const pid_t first = Sleeper(true);
  kill(first, SIGKILL);
  ASSERT_TRUE(ending.Leave(first));
  for (int i = 0; i < 8; ++i) {
    const pid_t pid = Sleeper(true);
    kill(pid, SIGKILL);
    ASSERT_TRUE(ending.Leave(pid));
  }
  ending.Reap();
  EXPECT_FALSE(IsThere(first));
  while (wait4(-1, nullptr, __WALL, nullptr) > 0) {
  }
}

TEST(EndingTasksTest, WhoStillRunsIsNotLeft) {
  EndingTasks ending;
  const pid_t pid = Sleeper(false);
  EXPECT_FALSE(ending.Leave(pid));
  kill(pid, SIGKILL);
  EXPECT_EQ(wait4(0, nullptr, __WALL, nullptr), pid);
}

}  // namespace
}  // namespace selkie
