#include "traces/json.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/call_text.h"
#include "traces/trace_testing.h"

namespace selkie {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Message(const absl::Status& status) {
  return std::string(status.message().data(), status.message().size());
}

// Reads back what was written, and expects the same calls, results and states.
void ExpectRoundTrip(const Sequence& sequence, const Semantics& semantics) {
  std::vector<State> states, again;
  const Trace trace = Replay(sequence, semantics, &states);
  const std::string json = TraceToJson(trace, semantics);
  const absl::StatusOr<StoredTrace> read = TraceFromJson(json, "t.json", semantics);
  ASSERT_TRUE(read.ok()) << read.status() << "\n" << json;
  ASSERT_EQ(read->trace.sequence, sequence);
  EXPECT_EQ(read->trace.semantics, semantics.name);
  ASSERT_EQ(read->trace.results.size(), trace.results.size());
  for (size_t i = 0; i < trace.results.size(); ++i) {
    EXPECT_TRUE(SameOutcome(read->trace.results[i], trace.results[i])) << i;
    EXPECT_EQ(read->trace.results[i].changed, trace.results[i].changed) << i;
    EXPECT_EQ(read->trace.results[i].effect, trace.results[i].effect) << i;
    const Rule* rule = trace.results[i].rule;
    EXPECT_EQ(read->reasons[i].rule, rule == nullptr ? "" : rule->name);
    EXPECT_EQ(read->reasons[i].line, rule == nullptr ? 0 : rule->line);
  }
  Replay(read->trace.sequence, semantics, &again);
  EXPECT_EQ(again, states);
}

TEST(JsonTest, RandomTracesReadBackAndReplayToTheSameStates) {
  for (const char* name : {"linux-6.18", "fw-v3", "readonly-fd", "ashmem"}) {
    const Semantics semantics = LoadSemanticsForTest(name);
    for (int i = 0; i < 60; ++i)
      ExpectRoundTrip(RandomSequenceForTest(i, 30, semantics), semantics);
  }
}

// Any word can stand in any argument: the model is total, and so is the format.
TEST(JsonTest, AnyArgumentOfAnyCallReadsBack) {
  const Semantics semantics = LoadSemanticsForTest("readonly-fd");
  Random random(1);
  const std::vector<int64_t> wild = {0,  1,    -1,    2,         3,         4,  7,
                                     65, 4096, 99999, INT64_MIN, INT64_MAX, -2, 1 << 30};
  for (const CallSpec& spec : CallTable()) {
    int words = 0;
    for (const ArgSpec& arg : ArgsOf(spec)) words += WordsOf(arg.kind);
    const bool named = spec.args[0].kind == ArgKind::kName;  // lengths alone stand there
    for (int i = 0; i < 20; ++i) {
      Call call;
      call.op = spec.op;
      for (int w = 0; w < words; ++w)
        call.arg[w] = wild[random.Next(static_cast<uint32_t>(wild.size()))];
      if (named) call.arg[0] = call.arg[0] == kNull ? kNull : NameWord(call.arg[0] & 0x1ff);
      const Trace trace{semantics.name, {Limits{}, {0}, {call}}, {}};
      const std::string json = TraceToJson(trace, semantics);
      const absl::StatusOr<StoredTrace> read = TraceFromJson(json, "t.json", semantics);
      ASSERT_TRUE(read.ok()) << read.status() << "\n" << json;
      EXPECT_EQ(read->trace.sequence.calls[0], call) << json;
      EXPECT_TRUE(read->trace.results.empty());
    }
  }
}

TEST(JsonTest, LimitsUsersAndTitleReadBack) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  Trace trace{semantics.name, {}, {}};
  trace.sequence.uids = {0, 1000};
  trace.sequence.limits.fds = 2;
  trace.sequence.limits.tasks = 3;
  const TraceAbout about{"a \"title\"", "no-writable-reopen", "BROKEN"};
  const absl::StatusOr<StoredTrace> read =
      TraceFromJson(TraceToJson(trace, semantics, about), "t.json", semantics);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->trace.sequence, trace.sequence);
  EXPECT_EQ(read->about, about);
  EXPECT_TRUE(read->about.broken());
}

TEST(JsonTest, OneCallIsOneLineWithTheNamesOfTheTable) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  const std::string json = TraceToJson(Replay(ReopenForTest(), semantics), semantics);
  EXPECT_THAT(json, HasSubstr("\n    {\"task\":\"A\",\"call\":\"F_ADD_SEALS\",\"args\":{\"fd\":3,"
                              "\"seals\":[\"F_SEAL_SHRINK\",\"F_SEAL_GROW\","
                              "\"F_SEAL_FUTURE_WRITE\"]},\"result\":{\"kind\":\"value\","));
  EXPECT_THAT(json, HasSubstr("\"call\":\"open\",\"args\":{\"path\":{\"task\":\"self\",\"fd\":3},"
                              "\"flags\":[\"O_RDWR\"]}"));
  EXPECT_THAT(json,
              HasSubstr("{\"kind\":\"errno\",\"errno\":\"EPERM\",\"effect\":{\"modified\":[0]},"
                        "\"rule\":{\"name\":"));
}

TEST(JsonTest, TheTraceWithinAVerdictOfCheckIsFound) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  const std::string trace = TraceToJson(Replay(ReopenForTest(), semantics), semantics);
  const std::string one = "[{\"property\":\"p\",\"verdict\":\"BROKEN\",\"trace\":" + trace + "}";
  const std::string two = one +
                          ",{\"property\":\"q\",\"verdict\":\"holds\"},{\"property\":\"r\","
                          "\"trace\":" +
                          trace + "}]";
  EXPECT_EQ(SemanticsOfJson(one + "]", "t.json").value(), "linux-5.1");
  EXPECT_TRUE(TraceFromJson(one + "]", "t.json", semantics)->about.broken());
  EXPECT_TRUE(TraceFromJson(two, "t.json", semantics, "r").ok());
  EXPECT_EQ(Message(TraceFromJson(two, "t.json", semantics).status()),
            "t.json:1:1: /: found 2 verdicts with a trace, expected one: name its property");
}

// ---- Malformed input ----

std::string ErrorOf(const std::string& text) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  const absl::StatusOr<StoredTrace> read = TraceFromJson(text, "t.json", semantics);
  EXPECT_FALSE(read.ok());
  EXPECT_TRUE(read.ok() || absl::IsInvalidArgument(read.status()));
  return read.ok() ? "" : Message(read.status());
}

// A trace of one call, with `from` replaced by `to`.
std::string Broken(const std::string& from, const std::string& to) {
  std::string text =
      "{\n"
      "  \"format\": \"selkie-trace\",\n"
      "  \"version\": 1,\n"
      "  \"semantics\": \"linux-5.1\",\n"
      "  \"limits\": {\"tasks\":4,\"fds\":8,\"files\":12,\"inodes\":4,\"maps\":6,\"pages\":4,"
      "\"arena\":12,\"messages\":4},\n"
      "  \"uids\": [0],\n"
      "  \"calls\": [\n"
      "    {\"task\":\"A\",\"call\":\"write\",\"args\":{\"fd\":3,\"buf\":\"x\",\"count\":1},"
      "\"result\":{\"kind\":\"errno\",\"errno\":\"EBADF\"}}\n"
      "  ]\n"
      "}\n";
  const size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(JsonTest, TheUnbrokenTextIsGood) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  EXPECT_TRUE(TraceFromJson(Broken("[0]", "[0]"), "t.json", semantics).ok());
}

TEST(JsonTest, TextThatIsNoJsonSaysWhere) {
  EXPECT_THAT(ErrorOf(""), StartsWith("t.json:1:1: no JSON: "));
  EXPECT_THAT(ErrorOf("{\n  \"format\": selkie"), StartsWith("t.json:2:13: no JSON: "));
  EXPECT_THAT(ErrorOf(Broken("\"count\":1}", "\"count\":1")), StartsWith("t.json:9:3: no JSON: "));
  EXPECT_THAT(ErrorOf("\"\xff\xfe\""), StartsWith("t.json:1:2: no JSON: "));
  EXPECT_THAT(ErrorOf("{\"a\":1e9999}"), HasSubstr("no JSON: "));
  EXPECT_THAT(ErrorOf(std::string(100000, '[')), HasSubstr("no JSON: "));
}

TEST(JsonTest, AnotherFormatIsRefused) {
  EXPECT_EQ(ErrorOf(Broken("selkie-trace", "strace")),
            "t.json:2:13: /format: found \"strace\", expected \"selkie-trace\"");
  EXPECT_EQ(ErrorOf(Broken("\"version\": 1", "\"version\": 2")),
            "t.json:3:14: /version: found 2, expected 1");
  EXPECT_EQ(ErrorOf("[]"),
            "t.json:1:1: /: found 0 verdicts with a trace, expected one: name its "
            "property");
  EXPECT_THAT(ErrorOf("12"), StartsWith("t.json:1:1: /: found 12, expected an object"));
}

TEST(JsonTest, LimitsAndUsersHaveRanges) {
  EXPECT_EQ(ErrorOf(Broken("\"maps\":6", "\"maps\":70")),
            "t.json:5:61: /limits/maps: found 70, expected an integer 1 .. 6");
  EXPECT_THAT(ErrorOf(Broken("[0]", "[0,-1]")),
              HasSubstr("/uids/1: found -1, expected an integer 0 .. 65535"));
  EXPECT_THAT(ErrorOf(Broken("[0]", "[0,0,0,0,0]")),
              HasSubstr("/uids: found an array of 5 elements, expected an array of 1 .. 4"));
}

TEST(JsonTest, CallsAndArgumentsAreThoseOfTheTable) {
  EXPECT_THAT(ErrorOf(Broken("\"write\"", "\"frobnicate\"")),
              StartsWith("t.json:8:24: /calls/0/call: found \"frobnicate\", expected one of "
                         "memfd_create, F_ADD_SEALS, "));
  EXPECT_EQ(ErrorOf(Broken("\"fd\":3,", "")),
            "t.json:8:39: /calls/0/args: there is no member \"fd\", expected the arguments of "
            "write");
  EXPECT_EQ(ErrorOf(Broken("\"fd\":3", "\"fd\":3.5")),
            "t.json:8:45: /calls/0/args/fd: found 3.5, expected an integer of 64 bits");
  EXPECT_THAT(ErrorOf(Broken("\"fd\":3", "\"fd\":3,\"fdd\":3")),
              HasSubstr("/calls/0/args/fdd: unknown member \"fdd\", expected fd, buf, count"));
  EXPECT_THAT(ErrorOf(Broken("\"x\"", "\"xy\"")),
              HasSubstr("/calls/0/args/buf: found \"xy\", expected a string of one byte"));
  EXPECT_THAT(ErrorOf(Broken("\"A\"", "\"Z\"")),
              HasSubstr("/calls/0/task: found \"Z\", expected a task: \"A\" .. \"D\""));
  EXPECT_THAT(ErrorOf(Broken("\"A\"", "300")), HasSubstr("/calls/0/task: found 300"));
}

TEST(JsonTest, ResultsAreOfOneKind) {
  EXPECT_THAT(ErrorOf(Broken("\"EBADF\"", "\"EBAD\"")),
              HasSubstr("/calls/0/result/errno: found \"EBAD\", expected the name of an errno"));
  EXPECT_THAT(ErrorOf(Broken("\"errno\",\"errno\":\"EBADF\"", "\"value\"")),
              HasSubstr("/calls/0/result: there is no member \"value\""));
  EXPECT_THAT(ErrorOf(Broken("\"errno\":\"EBADF\"", "\"errno\":\"EBADF\",\"value\":1")),
              HasSubstr("unknown member \"value\""));
  EXPECT_THAT(ErrorOf(Broken("\"errno\",\"errno\":\"EBADF\"", "\"signal\",\"signal\":\"SIG\"")),
              HasSubstr("expected \"SIGSEGV\" or \"SIGBUS\""));
  EXPECT_THAT(
      ErrorOf(Broken("{\"task\"", "{\"task\":\"A\",\"call\":\"fork\",\"args\":{}},{\"task\"")),
      HasSubstr("/calls/1: either every call has a \"result\" or none has"));
}

TEST(JsonTest, UnknownFlagsNameTheKnownOnes) {
  EXPECT_THAT(ErrorOf(Broken("\"write\",\"args\":{\"fd\":3,\"buf\":\"x\",\"count\":1}",
                             "\"F_ADD_SEALS\",\"args\":{\"fd\":3,\"seals\":[\"F_SEAL_RITE\"]}")),
              HasSubstr("/calls/0/args/seals/0: found \"F_SEAL_RITE\", expected F_SEAL_SEAL, "));
  EXPECT_THAT(ErrorOf(Broken("\"write\",\"args\":{\"fd\":3,\"buf\":\"x\",\"count\":1}",
                             "\"ioctl\",\"args\":{\"fd\":3,\"request\":\"FREEZE\",\"arg\":[]}")),
              HasSubstr("found \"FREEZE\", expected a call that semantics linux-5.1 declares: it "
                        "declares none"));
}

// Every text that differs from a good one in one byte is read or refused.
TEST(JsonTest, NoByteBreaksTheReader) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  const std::string good = Broken("[0]", "[0]");
  for (size_t i = 0; i < good.size(); ++i) {
    for (char c : {'"', '{', ']', '9', ' ', '\0', '\x80'}) {
      std::string text = good;
      text[i] = c;
      const auto read = TraceFromJson(text, "t.json", semantics);
      EXPECT_TRUE(read.ok() || absl::IsInvalidArgument(read.status())) << text;
      if (read.ok()) continue;
      EXPECT_THAT(Message(read.status()), StartsWith("t.json:"));
    }
    const bool whole = i + 1 == good.size();  // without its newline
    EXPECT_EQ(TraceFromJson(good.substr(0, i), "t.json", semantics).ok(), whole);
  }
}

}  // namespace
}  // namespace selkie
