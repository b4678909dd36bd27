#include "scenarios/library.h"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace selkie {
namespace {

using testing::HasSubstr;

TEST(Library, KernelsComeByReleaseAndThenDesigns) {
  const std::vector<std::string> names = *Library::Default().SemanticsNames();
  const auto place = [&](std::string_view name) {
    return std::find(names.begin(), names.end(), name) - names.begin();
  };
  EXPECT_LT(place("linux-6.1"), place("linux-6.12.90"));
  EXPECT_LT(place("linux-6.12.90"), place("linux-6.12"));  // up to .90, and the rest
  EXPECT_LT(place("linux-6.12"), place("linux-6.18"));
  EXPECT_LT(place("linux-6.18"), place("ashmem"));
}

std::string Digest(std::string_view name) {
  return SemanticsDigest(*Library::Default().LoadSemantics(name));
}

// FNV-1a as others write it, over the texts joined by zero bytes.
uint64_t HashOf(const std::vector<std::string>& texts) {
  uint64_t hash = 14695981039346656037u;
  for (const std::string& text : texts)
    for (size_t i = 0; i <= text.size(); ++i) {  // the zero byte at its end too
      hash ^= static_cast<uint8_t>(text.c_str()[i]);
      hash *= 1099511628211u;
    }
  return hash;
}

TEST(SemanticsDigest, IsOfAllTextsDownToTheFirst) {
  const std::string folder = Library::Default().root() + "/model/semantics/";
  std::vector<std::string> texts;
  for (const char* name : {"linux-3.17", "linux-4.16", "linux-4.20"})
    texts.push_back(*ReadTextFile(folder + name + ".sem"));
  EXPECT_EQ(Digest("linux-3.17"), absl::StrCat(absl::Hex(HashOf(texts), absl::kZeroPad16)));
  EXPECT_NE(Digest("linux-3.17"), Digest("linux-4.16"));
}

TEST(Library, WhatATextExtendsMayStandBesideIt) {
  const std::string folder = testing::TempDir() + "/beside";
  const auto write = [&](const std::string& name, const std::string& text) {
    ASSERT_TRUE(WriteTextFile(folder + "/" + name, text).ok());
  };
  write("own.sem", "semantics own extends linux-6.1\n");
  write("derived.sem", "semantics derived extends own\n");
  write("round.sem", "semantics round extends around\n");
  write("around.sem", "semantics around extends round\n");
  const Library library = Library::Default();
  const absl::StatusOr<Semantics> derived = library.LoadSemantics(folder + "/derived.sem");
  ASSERT_TRUE(derived.ok()) << derived.status();
  EXPECT_THAT(derived->bases, testing::ElementsAre("own", "linux-6.1"));
  EXPECT_EQ(derived->sources[1].file, folder + "/own.sem");
  EXPECT_NE(SemanticsDigest(*derived), Digest("linux-6.1"));
  EXPECT_THAT(std::string(library.LoadSemantics(folder + "/round.sem").status().message()),
              testing::HasSubstr("'round' extends itself (round -> around -> round)"));
  EXPECT_FALSE(library.LoadSemantics("own").ok());  // by name it is one of the tree's
}

std::string For(std::string_view release) {
  absl::StatusOr<std::string> name = SemanticsForRelease(Library::Default(), release);
  return name.ok() ? *name : std::string(name.status().message());
}

TEST(SemanticsForRelease, IsTheNewestThatIsNotNewer) {
  EXPECT_EQ(For("4.20.17"), "linux-4.20");
  EXPECT_EQ(For("5.10.0-30-cloud-amd64"), "linux-5.10");
  EXPECT_EQ(For("6.1.0-32-cloud-amd64"), "linux-6.1");
  EXPECT_EQ(For("6.8.12"), "linux-6.7");
  EXPECT_EQ(For("6.17.13+deb13-cloud-amd64"), "linux-6.17");
  EXPECT_EQ(For("99.1"), For("7.3.4+deb13"));
}

// A fix came in the middle of a stable series.
TEST(SemanticsForRelease, AThirdNumberIsTheLastReleaseMeant) {
  EXPECT_EQ(For("6.12.57+deb13-cloud-amd64"), "linux-6.12.90");
  EXPECT_EQ(For("6.12.90+deb12-cloud-amd64"), "linux-6.12.90");
  EXPECT_EQ(For("6.12.94+deb12-cloud-amd64"), "linux-6.12.94");
  EXPECT_EQ(For("6.12.117+deb12-cloud-amd64"), "linux-6.12");
  EXPECT_EQ(For("6.12"), "linux-6.12");
  EXPECT_EQ(For("7.0.9"), "linux-7.0.9");
  EXPECT_EQ(For("7.1.0"), "linux-7.1");
}

TEST(SemanticsForRelease, NamesTheReleaseIfThereIsNone) {
  EXPECT_THAT(For("2.6.32"), HasSubstr("2.6.32"));
  EXPECT_THAT(For("nonsense"), HasSubstr("nonsense"));
  EXPECT_THAT(For(""), HasSubstr("--semantics"));
}

TEST(TextFile, WhatCannotBeWrittenWholeLeavesTheFileAsItWas) {
  const std::string folder = testing::TempDir() + "/text-file";
  const std::string file = folder + "/kept.txt";
  ASSERT_TRUE(WriteTextFile(file, "before").ok());
  rlimit whole;
  getrlimit(RLIMIT_FSIZE, &whole);
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  rlimit little = whole;
  little.rlim_cur = 4;
  setrlimit(RLIMIT_FSIZE, &little);
  const absl::Status status = WriteTextFile(file, "after, and longer");
  setrlimit(RLIMIT_FSIZE, &whole);
  signal(SIGXFSZ, handler);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(file + ": cannot write"));
  EXPECT_EQ(*ReadTextFile(file), "before");
  EXPECT_EQ(FilesUnder(folder, "")->size(), 1u) << "the draft is gone";
}

TEST(TextFile, OfALinkIsThatWhichItLeadsTo) {
  const std::string folder = testing::TempDir() + "/linked-file";
  const std::string file = folder + "/file", link = folder + "/link";
  ASSERT_TRUE(WriteTextFile(file, "before").ok());
  std::error_code error;
  std::filesystem::remove(link, error);
  std::filesystem::create_symlink(file, link);
  ASSERT_TRUE(WriteTextFile(link, "after").ok());
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(*ReadTextFile(file), "after");
}

}  // namespace
}  // namespace selkie
