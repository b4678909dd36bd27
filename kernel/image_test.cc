#include "kernel/image.h"

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernel/image_command.h"
#include "kernel/image_testing.h"
#include "kernel/qemu_process.h"
#include "scenarios/library.h"

namespace selkie {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

TEST(KernelName, ASeriesIsTwoNumbers) {
  for (const char* good : {"6.1", "6.12", "10.0"}) EXPECT_TRUE(IsKernelSeries(good)) << good;
  for (const char* bad : {"", "6", "6.", ".1", "6.1.0", "v6.1", "6.1 ", "native", "6,1"})
    EXPECT_FALSE(IsKernelSeries(bad)) << bad;
}

TEST(KernelName, ABuildIsASeriesAndMore) {
  for (const char* good : {"6.1", "5.10.0-30", "6.12.43+deb12"}) EXPECT_TRUE(IsKernelName(good));
  for (const char* bad : {"", "six", "6", "6.x.1", "native"}) EXPECT_FALSE(IsKernelName(bad));
}

TEST(KernelName, OnlyCloudImagesHaveASeries) {
  EXPECT_EQ(SeriesOfPackage("linux-image-6.1.0-56-cloud-amd64"), "6.1");
  EXPECT_EQ(SeriesOfPackage("linux-image-6.12.117+deb12-cloud-amd64"), "6.12");
  for (const char* other :
       {"linux-image-6.12-cloud-amd64", "linux-image-cloud-amd64", "linux-image-6.1.0-56-amd64",
        "linux-image-6.1.0-56-cloud-amd64-dbg", "linux-image-6.1.0-56-cloud-amd64-unsigned", "",
        "linux-image-", "linux-image-x.y.z-cloud-amd64"})
    EXPECT_EQ(SeriesOfPackage(other), "") << other;
}

TEST(RunCommand, GivesBothStreamsAndTheExitCode) {
  absl::StatusOr<CommandOutput> output =
      RunCommand({"sh", "-c", "echo out; echo err >&2; exit 3"}, "");
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_EQ(output->out, "out\n");
  EXPECT_EQ(output->err, "err\n");
  EXPECT_EQ(output->exit_code, 3);
}

TEST(RunCommand, MoreThanAPipeHoldsOnBothStreamsDoesNotBlock) {
  absl::StatusOr<CommandOutput> output =
      RunCommand({"sh", "-c", "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero"}, "");
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_THAT(output->out, SizeIs(300000));
  EXPECT_THAT(output->err, SizeIs(300000));
}

TEST(RunCommand, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(RunCommand({"no-such-program-here"}, "").status().code(), absl::StatusCode::kNotFound);
}

// A machine whose apt is three shell scripts in a folder of the PATH.
class Apt : public ::testing::Test {
 protected:
  void SetUp() override {
    Offer({"linux-image-6.1.0-9-cloud-amd64", "linux-image-6.1.0-56-cloud-amd64",
           "linux-image-6.1.0-60-cloud-amd64", "linux-image-6.12.117+deb12-cloud-amd64",
           "linux-image-6.12-cloud-amd64", "linux-image-amd64"});
    // Apt knows the name of ...-60-... but has no version to download.
    // The second configuration offers what is in the file `others`.
    Program("apt-cache",
            "names=names; [ \"$1\" = -c ] && names=others && shift 2\n"
            "case $1 in\n"
            "pkgnames) grep -- \"^$2\" $names ;;\n"
            "policy) grep -qx -- \"$2\" $names || exit 0\n"
            "  case $2 in *-60-*) v='(none)' ;; *) v=1.2-3 ;; esac\n"
            "  echo \"  Candidate: $v\" ;;\n"
            "esac\n"
            "true\n");
    Program("apt-get",
            "[ \"$1\" = indextargets ] && echo 'Debian|Debian|http://archive/' && exit 0\n"
            "names=names; [ \"$1\" = -c ] && names=others && cat \"$2\" >> log && shift 2\n"
            "echo \"$2 $3\" >> log\n"
            "[ \"$2\" = update ] && echo linux-image-6.1.0-56-cloud-amd64 >> $names && exit 0\n"
            "[ -e broken ] && { echo 'E: the mirror is away' >&2; rm broken; exit 100; }\n"
            "touch \"$OLDPWD/${3%=*}_1.2-3_amd64.deb\"\n");
    Program("dpkg-deb",
            "mkdir -p \"$OLDPWD/$3/boot\"\n"
            "cp image \"$OLDPWD/$3/boot/vmlinuz-test\"\n");
    Text("image", Image());
    Text("others", "");
  }

  static std::string Image() { return std::string(0x202, 'x') + "HdrS" + "rest"; }
  void Text(const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteTextFile(folder_->File(name), text).ok());
  }
  // Runs in the test's folder; $OLDPWD is where it was called.
  void Program(const std::string& name, const std::string& body) {
    Text("bin/" + name, "#!/bin/sh\ncd \"" + folder_->path() + "\"\n" + body);
    std::filesystem::permissions(folder_->File("bin/" + name), std::filesystem::perms::owner_all);
  }
  void Offer(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += name + "\n";
    Text("names", text);
  }
  std::string Log() { return ReadTextFile(folder_->File("log")).value_or(""); }
  Announce Listen() {
    return [this](std::string_view text) { said_.emplace_back(text); };
  }

  absl::StatusOr<TemporaryFolder> folder_ = TemporaryFolder::Make();
  ScopedVariable path_ = {"PATH", folder_->File("bin") + ":" + std::getenv("PATH")};
  ScopedVariable cache_ = {"SELKIE_CACHE", folder_->File("cache")};
  std::vector<std::string> said_;
};

TEST_F(Apt, FetchesTheNewestThatHasAVersionAndSaysSoFirst) {
  absl::StatusOr<KernelImage> image = FetchKernel("6.1", Listen());
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->package, "linux-image-6.1.0-56-cloud-amd64");
  EXPECT_EQ(image->version, "1.2-3");
  EXPECT_EQ(image->path,
            folder_->File("cache/kernels/linux-image-6.1.0-56-cloud-amd64_1.2-3/bzImage"));
  EXPECT_EQ(ReadTextFile(image->path).value_or(""), Image());
  EXPECT_EQ(Log(), "download linux-image-6.1.0-56-cloud-amd64=1.2-3\n");
  EXPECT_THAT(said_, ElementsAre(HasSubstr("linux-image-6.1.0-56-cloud-amd64 1.2-3")));
}

TEST_F(Apt, WhatIsInTheCacheIsNotFetchedAgain) {
  ASSERT_TRUE(FindKernel("6.1", Listen()).ok());
  std::string log = Log();
  said_.clear();
  absl::StatusOr<KernelImage> again = FindKernel("6.1", Listen());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->package, "linux-image-6.1.0-56-cloud-amd64");
  ASSERT_TRUE(FetchKernel("6.1", Listen()).ok());
  EXPECT_EQ(Log(), log);
  EXPECT_THAT(said_, IsEmpty());
  std::vector<KernelImage> cached = CachedKernels();
  ASSERT_THAT(cached, SizeIs(1));
  EXPECT_EQ(cached[0].path, again->path);
  // Nothing but the package's folder is left in the cache.
  using Walk = std::filesystem::directory_iterator;
  EXPECT_EQ(std::distance(Walk(folder_->File("cache/kernels")), Walk()), 1);
}

TEST_F(Apt, FetchingFindsANewerOneWhileFindingStaysWithTheCache) {
  ASSERT_TRUE(FindKernel("6.1", Listen()).ok());
  Offer({"linux-image-6.1.0-56-cloud-amd64", "linux-image-6.1.0-57-cloud-amd64"});
  EXPECT_EQ(FindKernel("6.1", Listen())->package, "linux-image-6.1.0-56-cloud-amd64");
  EXPECT_EQ(FetchKernel("6.1", Listen())->package, "linux-image-6.1.0-57-cloud-amd64");
  EXPECT_EQ(FindKernel("6.1", Listen())->package, "linux-image-6.1.0-57-cloud-amd64");
}

TEST_F(Apt, ADownloadThatFailsOnceIsTriedAgain) {
  Text("broken", "");
  EXPECT_TRUE(FetchKernel("6.12", Listen()).ok());
  EXPECT_THAT(said_, Contains(AllOf(HasSubstr("attempt 1 of 3"), HasSubstr("the mirror is away"))));
}

TEST_F(Apt, EmptyListsAreRefreshed) {
  Offer({});
  EXPECT_TRUE(FetchKernel("6.1", Listen()).ok());
  EXPECT_THAT(Log(), HasSubstr("update"));
  EXPECT_THAT(said_, Contains(HasSubstr("apt-get update")));
}

TEST_F(Apt, WhatItDoesNotOfferIsNotFoundAndTheErrorListsWhatThereIs) {
  absl::StatusOr<KernelImage> image = FetchKernel("5.10", Listen());
  EXPECT_EQ(image.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(image.status()), AllOf(HasSubstr("'5.10'"), HasSubstr("6.1, 6.12")));
}

TEST_F(Apt, WhatTheMachineDoesNotOfferComesFromOtherReleases) {
  Text("others", "linux-image-5.10.0-30-cloud-amd64\nlinux-image-5.10.0-32-cloud-amd64\n");
  absl::StatusOr<KernelImage> image = FetchKernel("5.10", Listen());
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->package, "linux-image-5.10.0-32-cloud-amd64");
  EXPECT_THAT(said_, ElementsAre(AllOf(HasSubstr("5.10.0-32"), HasSubstr("apt.conf"))));
  // All that apt writes stays in the cache.
  EXPECT_THAT(Log(), HasSubstr("Dir::State::lists \"" + folder_->File("cache/apt/lists")));
  EXPECT_THAT(ReadTextFile(folder_->File("cache/apt/sources.list")).value_or(""),
              HasSubstr("http://archive/ sid main\n"));
}

TEST_F(Apt, ANameCanBeOneBuild) {
  EXPECT_EQ(FetchKernel("6.1.0-9", Listen())->package, "linux-image-6.1.0-9-cloud-amd64");
  EXPECT_EQ(FindKernel("6.1.0-9", Listen())->package, "linux-image-6.1.0-9-cloud-amd64");
  EXPECT_EQ(FetchKernel("6.1.0-8", Listen()).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(Apt, TheImageMayBeInAPackageOfItsOwn) {
  Offer({"linux-image-7.3.4+deb13-cloud-amd64", "linux-binary-7.3.4+deb13-cloud-amd64"});
  ASSERT_TRUE(FetchKernel("7.3", Listen()).ok());
  EXPECT_EQ(Log(), "download linux-binary-7.3.4+deb13-cloud-amd64=1.2-3\n");
  EXPECT_EQ(CachedKernels()[0].package, "linux-image-7.3.4+deb13-cloud-amd64");
}

TEST_F(Apt, APackageWithoutAKernelImageIsRefusedAndNotKept) {
  Text("image", "not a kernel");
  absl::StatusOr<KernelImage> image = FetchKernel("6.1", Listen());
  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(CachedKernels(), IsEmpty());
}

TEST_F(Apt, OffersTheNewestOfEachSeries) {
  Text("others", "linux-image-7.2.1-cloud-amd64\n");
  EXPECT_EQ(OfferedKernels(Suites::kOthers, Listen())->at(0).name, "7.2");
  absl::StatusOr<std::vector<KernelImage>> offered = OfferedKernels(Suites::kMachine, Listen());
  ASSERT_TRUE(offered.ok()) << offered.status();
  std::vector<std::string> packages;
  for (const KernelImage& image : *offered) packages.push_back(image.package);
  EXPECT_THAT(packages, ElementsAre("linux-image-6.1.0-56-cloud-amd64",
                                    "linux-image-6.12.117+deb12-cloud-amd64"));
}

TEST_F(Apt, APathIsTakenAsItIsIfItIsAnImage) {
  absl::StatusOr<KernelImage> image = FindKernel(folder_->File("image"), Listen());
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->path, folder_->File("image"));
  EXPECT_EQ(FindKernel(folder_->File("names"), Listen()).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FindKernel(folder_->File("nothing"), Listen()).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(Apt, WhatIsNeitherSeriesNorPathIsBadInput) {
  absl::StatusOr<KernelImage> image = FindKernel("six", Listen());
  EXPECT_EQ(image.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(image.status()), HasSubstr("'six' is no kernel"));
}

TEST(CacheFolder, FollowsItsVariablesInOrder) {
  ScopedVariable home("HOME", "/h");
  ScopedVariable general("XDG_CACHE_HOME", std::nullopt);
  ScopedVariable own("SELKIE_CACHE", std::nullopt);
  EXPECT_EQ(CacheFolder(), "/h/.cache/selkie");
  setenv("XDG_CACHE_HOME", "/x", 1);
  EXPECT_EQ(CacheFolder(), "/x/selkie");
  setenv("SELKIE_CACHE", "/s", 1);
  EXPECT_EQ(CacheFolder(), "/s");
}

}  // namespace
}  // namespace selkie
