// A protocol: the user-space steps that take write access away.
#include <algorithm>
#include <string>
#include <utility>

#include "fmt/format.h"
#include "model/call_text.h"
#include "model/semantics_text.h"

namespace selkie {
namespace {

constexpr size_t kMaxSteps = 15;  // the checker counts them in four bits

class ProtocolReader {
 public:
  ProtocolReader(const SemanticsSource& source, const Semantics& semantics)
      : source_(source), semantics_(semantics) {}

  absl::StatusOr<Protocol> Read(const Statement& statement) {
    protocol_.title = statement.name.text;
    protocol_.variables = {"fd"};
    bool handed_out = false;
    for (const StepText& text : statement.steps) {
      if (handed_out)
        return Error(text.call.text.empty() ? text.variable : text.call,
                     "comes after 'hand out': expected the end of the protocol");
      handed_out = text.call.text.empty();
      absl::Status status = handed_out ? HandOut(text.variable) : AddStep(text);
      if (!status.ok()) return status;
    }
    if (protocol_.steps.empty() || !handed_out)
      return Error(statement.name, protocol_.steps.empty()
                                       ? "is a protocol without calls: expected one a line"
                                       : "does not end: expected 'hand out NAME' as its last line");
    return std::move(protocol_);
  }

 private:
  absl::Status Error(const Token& token, std::string_view why) const {
    return ErrorAt(source_, token.offset, fmt::format("'{}' {}", token.text, why));
  }

  int VariableOf(std::string_view name) const {
    const auto found = std::find(protocol_.variables.begin(), protocol_.variables.end(), name);
    return found == protocol_.variables.end()
               ? -1
               : static_cast<int>(found - protocol_.variables.begin());
  }

  absl::Status HandOut(const Token& variable) {
    protocol_.hand_out = VariableOf(variable.text);
    if (protocol_.hand_out >= 0) return absl::OkStatus();
    return Error(variable,
                 fmt::format("is no descriptor here: expected {}", OneOf(protocol_.variables)));
  }

  absl::Status AddStep(const StepText& text) {
    if (protocol_.steps.size() == kMaxSteps)
      return Error(text.call, fmt::format("is one call too many: expected at most {}", kMaxSteps));
    ProtocolStep step;
    if (absl::Status status = ReadCall(text.call, &step.call); !status.ok()) return status;
    step.text = OneLine(text.call.text);
    step.line = LineOf(source_, text.call.offset);
    if (!text.variable.text.empty()) {
      if (absl::Status status = Assign(text, step.call); !status.ok()) return status;
      step.result_variable = static_cast<int>(protocol_.variables.size()) - 1;
      step.text = fmt::format("{} = {}", text.variable.text, step.text);
    }
    protocol_.steps.push_back(std::move(step));
    return absl::OkStatus();
  }

  // A new variable for the descriptor that the call gives.
  absl::Status Assign(const StepText& text, const Call& call) {
    const bool gives_fd =
        call.op == Op::kExtension
            ? semantics_.extensions[static_cast<size_t>(call.arg[1])].returns == ReturnKind::kFd
            : SpecOf(call.op).returns == ReturnKind::kFd;
    if (!gives_fd)
      return Error(text.variable, "cannot be set: expected a call that gives a descriptor");
    if (VariableOf(text.variable.text) >= 0)
      return Error(text.variable, "is set already: expected another name");
    protocol_.variables.push_back(text.variable.text);
    return absl::OkStatus();
  }

  absl::Status ReadCall(const Token& text, Call* call) const {
    int named = 0;
    const NameResolver variables = [&](NameKind kind,
                                       std::string_view name) -> std::optional<int64_t> {
      const int index = kind == NameKind::kFd ? VariableOf(name) : -1;
      if (index < 0) return std::nullopt;
      ++named;
      return index;
    };
    const std::string trimmed = text.text.substr(0, text.text.find_last_not_of(" \t") + 1);
    const ParsedCall parsed = ParseCall(trimmed, &semantics_, variables);
    if (parsed.error)
      return ErrorAt(source_, text.offset + static_cast<size_t>(parsed.error->column),
                     parsed.error->message);
    *call = parsed.call;
    return CheckDescriptors(text, *call, named);
  }

  // A number would be taken for a variable; only the task itself has them.
  absl::Status CheckDescriptors(const Token& text, const Call& call, int named) const {
    int descriptors = 0;
    int word = 0;
    for (const ArgSpec& arg : ArgsOf(SpecOf(call.op))) {
      if (arg.kind == ArgKind::kFd || arg.kind == ArgKind::kPath) ++descriptors;
      const bool other_task = arg.kind == ArgKind::kPath && !IsOwnPath(call.arg[word]);
      if (other_task || arg.kind == ArgKind::kTask || arg.kind == ArgKind::kAddress)
        return Error(text,
                     "speaks of a task or an address: expected calls on the task's own "
                     "descriptors");
      word += WordsOf(arg.kind);
    }
    if (named == descriptors) return absl::OkStatus();
    return Error(
        text, fmt::format("has a descriptor as a number: expected {}", OneOf(protocol_.variables)));
  }

  const SemanticsSource& source_;
  const Semantics& semantics_;
  Protocol protocol_;
};

}  // namespace

void CompileProtocol(const SemanticsSource& source, const SemanticsText& text, Semantics* semantics,
                     ErrorsByLine* errors) {
  bool found = false;
  for (const Statement& statement : text.statements) {
    if (statement.kind != StatementKind::kProtocol) continue;
    if (found) {
      Note(ErrorAt(source, statement.whole.offset,
                   fmt::format("'{}' is a second protocol: expected one", statement.name.text)),
           source, statement, errors);
      continue;
    }
    found = true;
    absl::StatusOr<Protocol> protocol = ProtocolReader(source, *semantics).Read(statement);
    Note(protocol.status(), source, statement, errors);
    if (protocol.ok()) semantics->protocol = *std::move(protocol);
  }
}

}  // namespace selkie
