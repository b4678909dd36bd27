// trace.schema.json is the format: the committed file is what the table of calls
// gives, every trace satisfies it, and broken traces do not.
//
// Debian's package python3-jsonschema is not among this project's, so what the
// schema uses of JSON Schema 2020-12 is implemented here; a keyword that is not
// fails the test.
#include <regex>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "traces/json.h"
#include "traces/trace_testing.h"

namespace selkie {
namespace {

using Json = nlohmann::json;

class Validator {
 public:
  explicit Validator(const Json& schema) : root_(schema) {}

  // The first violation as "pointer: keyword", or "".
  std::string Check(const Json& value) const { return Check(value, root_, ""); }

 private:
  std::string Check(const Json& value, const Json& schema, const std::string& at) const {
    for (const auto& [keyword, argument] : schema.items()) {
      const std::string problem = CheckKeyword(value, schema, keyword, argument, at);
      if (!problem.empty()) return problem;
    }
    return "";
  }

  std::string CheckKeyword(const Json& value, const Json& schema, const std::string& keyword,
                           const Json& argument, const std::string& at) const {
    if (keyword == "$schema" || keyword == "title" || keyword == "description" ||
        keyword == "$defs")
      return "";
    if (keyword == "$ref") return Check(value, Referenced(argument), at);
    if (keyword == "anyOf" || keyword == "oneOf")
      return CheckAlternatives(value, keyword, argument, at);
    if (keyword == "properties" || keyword == "required" || keyword == "additionalProperties")
      return CheckObject(value, schema, keyword, argument, at);
    if (keyword == "items") return CheckItems(value, argument, at);
    return Holds(value, keyword, argument) ? "" : at + ": " + keyword;
  }

  const Json& Referenced(const Json& reference) const {
    return root_.at(Json::json_pointer(reference.get<std::string>().substr(1)));
  }

  std::string CheckAlternatives(const Json& value, const std::string& keyword,
                                const Json& alternatives, const std::string& at) const {
    int matches = 0;
    for (const Json& schema : alternatives) matches += Check(value, schema, at).empty();
    const bool good = keyword == "oneOf" ? matches == 1 : matches > 0;
    return good ? "" : at + ": " + keyword;
  }

  std::string CheckObject(const Json& value, const Json& schema, const std::string& keyword,
                          const Json& argument, const std::string& at) const {
    if (!value.is_object()) return "";
    if (keyword == "required") {
      for (const Json& name : argument)
        if (!value.contains(name.get<std::string>())) return at + ": required " + name.dump();
      return "";
    }
    for (const auto& [name, member] : value.items()) {
      const bool known = schema.value("properties", Json::object()).contains(name);
      if (keyword == "properties" && known) {
        const std::string problem = Check(member, argument[name], at + "/" + name);
        if (!problem.empty()) return problem;
      }
      if (keyword == "additionalProperties" && argument == false && !known)
        return at + "/" + name + ": additionalProperties";
    }
    return "";
  }

  std::string CheckItems(const Json& value, const Json& schema, const std::string& at) const {
    if (!value.is_array()) return "";
    for (size_t i = 0; i < value.size(); ++i) {
      const std::string problem = Check(value[i], schema, at + "/" + std::to_string(i));
      if (!problem.empty()) return problem;
    }
    return "";
  }

  // Keywords that look at the value alone.
  static bool Holds(const Json& value, const std::string& keyword, const Json& argument) {
    if (keyword == "type") return IsOfType(value, argument.get<std::string>());
    if (keyword == "const") return value == argument;
    if (keyword == "enum")
      return std::find(argument.begin(), argument.end(), value) != argument.end();
    if (keyword == "minimum") return !value.is_number() || value >= argument;
    if (keyword == "maximum") return !value.is_number() || value <= argument;
    if (keyword == "minItems") return !value.is_array() || value.size() >= argument;
    if (keyword == "maxItems") return !value.is_array() || value.size() <= argument;
    if (keyword == "minLength")
      return !value.is_string() || value.get<std::string>().size() >= argument;
    if (keyword == "maxLength")
      return !value.is_string() || value.get<std::string>().size() <= argument;
    if (keyword == "pattern")
      return !value.is_string() ||
             std::regex_search(value.get<std::string>(), std::regex(argument.get<std::string>()));
    ADD_FAILURE() << "the schema uses a keyword that this validator does not have: " << keyword;
    return false;
  }

  static bool IsOfType(const Json& value, const std::string& type) {
    if (type == "integer") return value.is_number_integer();
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "null") return value.is_null();
    ADD_FAILURE() << "unknown type " << type;
    return false;
  }

  const Json& root_;
};

Json Schema() { return Json::parse(TraceSchema()); }

std::string Problem(const std::string& json) {
  const Json schema = Schema();
  return Validator(schema).Check(Json::parse(json));
}

TEST(JsonSchemaTest, TheCommittedFileIsWhatTheTableOfCallsGives) {
  const std::string path = Library::Default().root() + "/traces/trace.schema.json";
  if (std::getenv("SELKIE_PROMOTE") != nullptr) {
    ASSERT_TRUE(WriteTextFile(path, TraceSchema()).ok());
  }
  const absl::StatusOr<std::string> committed = ReadTextFile(path);
  ASSERT_TRUE(committed.ok()) << committed.status();
  EXPECT_TRUE(*committed == TraceSchema())
      << path << " is stale: run this test with SELKIE_PROMOTE=1 and review the difference";
}

TEST(JsonSchemaTest, EveryCallOfTheTableHasItsAlternative) {
  const Json schema = Schema();
  const Json& alternatives = schema["$defs"]["call"]["oneOf"];
  ASSERT_EQ(alternatives.size(), CallTable().size());
  for (size_t i = 0; i < CallTable().size(); ++i) {
    const Json& properties = alternatives[i]["properties"];
    EXPECT_EQ(properties["call"]["const"], std::string(ShortName(CallTable()[i].op)));
    size_t arguments = 0;
    for (const ArgSpec& arg : ArgsOf(CallTable()[i])) arguments += WordsOf(arg.kind) > 0;
    EXPECT_EQ(properties["args"]["required"].size(), arguments);
  }
}

TEST(JsonSchemaTest, RandomTracesSatisfyIt) {
  for (const char* name : {"linux-6.18", "readonly-fd", "ashmem"}) {
    const Semantics semantics = LoadSemanticsForTest(name);
    for (int i = 0; i < 12; ++i) {
      const Trace trace = Replay(RandomSequenceForTest(i, 30, semantics), semantics);
      const std::string json = TraceToJson(trace, semantics, {"title", "property", "BROKEN"});
      ASSERT_EQ(Problem(json), "") << json;
    }
  }
}

TEST(JsonSchemaTest, ItRefusesWhatTheReaderRefuses) {
  const Semantics semantics = LoadSemanticsForTest("linux-5.1");
  const std::string good = TraceToJson(Replay(ReopenForTest(), semantics), semantics);
  ASSERT_EQ(Problem(good), "");
  const std::pair<const char*, const char*> slips[] = {{"\"version\": 1", "\"version\": 2"},
                                                       {"\"maps\":6", "\"maps\":7"},
                                                       {"\"uids\": [0]", "\"uids\": []"},
                                                       {"\"call\":\"write\"", "\"call\":\"wrote\""},
                                                       {"\"fd\":3,", "\"df\":3,"},
                                                       {"\"kind\":\"errno\"", "\"kind\":\"value\""},
                                                       {"\"MFD_ALLOW_SEALING\"", "\"MFD_ALLOW\""},
                                                       {"\"task\":\"A\"", "\"task\":\"E\""},
                                                       {"\"length\":4096", "\"length\":4096.5"},
                                                       {"\"changed\":true", "\"changed\":1"}};
  for (const auto& [from, to] : slips) {
    std::string text = good;
    const size_t at = text.find(from);
    ASSERT_NE(at, text.npos) << from;
    text.replace(at, std::string(from).size(), to);
    EXPECT_NE(Problem(text), "") << to;
    EXPECT_FALSE(TraceFromJson(text, "t.json", semantics).ok()) << to;
  }
}

}  // namespace
}  // namespace selkie
