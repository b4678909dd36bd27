// Puts the program together: what it needs, in the order in which C wants it.
#include "traces/c_export.h"

#include <algorithm>

#include "fmt/format.h"
#include "model/call_text.h"
#include "model/call_text_scan.h"
#include "scenarios/scenario.h"
#include "traces/c_calls.h"
#include "traces/c_constants.h"

namespace selkie {
namespace {

// Whose token it is; main has it between tasks.
std::string TaskOrMain(int task) { return task < 0 ? "MAIN" : CTask(task); }

bool IsRun(const Trace& trace, size_t index) {
  return trace.results[index].kind != Result::Kind::kBound;
}

bool StartsTask(const Trace& trace, size_t index) {
  const Op op = trace.sequence.calls[index].op;
  return trace.results[index].ok() && (op == Op::kFork || op == Op::kClone);
}

// ---- What the program is ----

// A limit on descriptors shows in EMFILE, and where a number is asked for that
// it forbids.
bool NeedsNofile(const Trace& trace, size_t index) {
  const Result& result = trace.results[index];
  if (result.kind != Result::Kind::kErrno) return false;
  const Call& call = trace.sequence.calls[index];
  return result.value == EMFILE || (SpecOf(call.op).family == Family::kDescriptor &&
                                    call.arg[1] >= kFirstFd + trace.sequence.limits.fds);
}

CProgram ProgramOf(const Trace& trace) {
  CProgram program;
  program.tasks = trace.sequence.uids.size() > 1;
  for (size_t i = 0; i < trace.sequence.calls.size(); ++i) {
    if (!IsRun(trace, i)) continue;
    const Op op = trace.sequence.calls[i].op;
    const Family family = SpecOf(op).family;
    program.channels |= op == Op::kSendFd || op == Op::kRecvFd;
    program.resumes |= op == Op::kExec;
    program.sets_noexec |= op == Op::kSetNoexec;
    if (const auto ask = CAskOf(trace.sequence.calls[i])) program.asks.insert(*ask);
    program.faults |= family == Family::kMemory;
    program.runs_programs |= op == Op::kRunProgram || op == Op::kEndProgram;
    program.tasks |= family == Family::kProcess && op != Op::kExit;
    if (NeedsNofile(trace, i)) program.nofile = kFirstFd + trace.sequence.limits.fds;
  }
  program.tasks |= program.channels;
  return program;
}

// Another user, and the capabilities of root where permission bits were
// changed, can be had by root alone.
bool NeedsRoot(const Trace& trace) {
  for (int uid : trace.sequence.uids)
    if (uid != 0) return true;
  constexpr Op kRoots[] = {Op::kFchmod, Op::kSetNoexec,     Op::kOpenMapFile, Op::kOpenByHandle,
                           Op::kLinkat, Op::kUdmabufCreate, Op::kFuseMmap};
  return std::any_of(trace.sequence.calls.begin(), trace.sequence.calls.end(), [&](const Call& c) {
    const bool new_pid = c.op == Op::kClone && (c.arg[0] & abi::kCloneNewpid) != 0;
    return new_pid || std::find(std::begin(kRoots), std::end(kRoots), c.op) != std::end(kRoots);
  });
}

// ---- The tasks' functions ----

// What one task does from its start, or from an exec, to its end.
struct Piece {
  std::string function;
  int task = 0;
  int uid = -1;  // -1: that of the task that started it
  std::vector<std::string> body;
};

class TaskWriter {
 public:
  TaskWriter(const CContext& context, CNeeds* needs);

  const std::vector<Piece>& pieces() const { return pieces_; }
  // Functions in which tasks go on after exec, by number.
  const std::vector<std::string>& after_exec() const { return after_exec_; }
  int first_task() const { return first_task_; }
  // Lines from the first call on that only a proposal has.
  const std::vector<std::string>& rest() const { return rest_; }

 private:
  int Begin(int task, int uid, const std::string& suffix);
  std::vector<std::string>& Body(int task) { return pieces_[current_[task]].body; }
  bool HasFunction(const std::string& name) const;
  bool HasRun(int task) const;
  int NextTask(size_t after) const;
  void GiveTurnTo(int task);
  void Explain(size_t index);
  void GuardExtension(size_t index);
  void AddCall(size_t index);
  void AddExec(size_t index);
  void AddExit(size_t index);
  std::string AddStart(size_t index);
  void HandOver(int to);

  const CContext& context_;
  CNeeds* needs_;
  std::vector<Piece> pieces_;
  std::vector<std::string> after_exec_, rest_;
  std::array<int, kMaxTasks> current_{};  // the piece of each task
  int holder_ = -1;                       // who has the token
  int first_task_ = -1;
};

bool TaskWriter::HasFunction(const std::string& name) const {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [&](const Piece& piece) { return piece.function == name; });
}

bool TaskWriter::HasRun(int task) const {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [&](const Piece& piece) { return piece.task == task; });
}

std::string Lower(char c) { return std::string(1, static_cast<char>(std::tolower(c))); }

// An empty body waits for its first turn, unless it goes on after an exec.
int TaskWriter::Begin(int task, int uid, const std::string& suffix) {
  Piece piece;
  piece.task = task;
  piece.uid = uid;
  const std::string name = fmt::format("task_{}{}", Lower(TaskLetterOf(task)), suffix);
  piece.function = name;
  for (int n = 2; HasFunction(piece.function); ++n) piece.function = fmt::format("{}_{}", name, n);
  pieces_.push_back(piece);
  current_[task] = static_cast<int>(pieces_.size()) - 1;
  return current_[task];
}

int TaskWriter::NextTask(size_t after) const {
  for (size_t i = after; i < context_.trace.sequence.calls.size(); ++i)
    if (IsRun(context_.trace, i)) return context_.trace.sequence.calls[i].task;
  return -1;
}

void TaskWriter::HandOver(int to) {
  if (holder_ < 0) return;
  needs_->helpers.insert(CHelper::kHandOver);
  Body(holder_).push_back(fmt::format("hand_over({}, {});", CTask(holder_), TaskOrMain(to)));
}

void TaskWriter::GiveTurnTo(int task) {
  if (!context_.program.tasks || holder_ == task) return;
  HandOver(task);
  if (holder_ < 0 && first_task_ < 0) first_task_ = task;
  holder_ = task;
}

// The reason of a refusal, as a comment before the call.
void TaskWriter::Explain(size_t index) {
  const Result& result = context_.trace.results[index];
  std::string reason = result.ok() ? "" : DecidedBy(result);
  for (size_t at; (at = reason.find("*/")) != reason.npos;) reason.replace(at, 2, "* /");
  if (!reason.empty())
    Body(context_.trace.sequence.calls[index].task).push_back(fmt::format("/* {} */", reason));
}

void TaskWriter::GuardExtension(size_t index) {
  const Call& call = context_.trace.sequence.calls[index];
  const Extension* extension = ExtensionOf(call, context_.semantics);
  if (extension != nullptr) {
    needs_->helpers.insert(CHelper::kSkipRest);
    const std::string me = context_.program.tasks ? CTask(call.task) + ", " : "";
    Body(call.task).push_back(fmt::format("if ({} == NO_CALL)", extension->name));
    Body(call.task).push_back(fmt::format("\tskip_rest({}{});", me, rest_.size()));
  }
  if (extension != nullptr || !rest_.empty()) rest_.push_back(CTestText(context_, index));
}

void TaskWriter::AddExec(size_t index) {
  const int task = context_.trace.sequence.calls[index].task;
  needs_->helpers.insert({CHelper::kExecInto, CHelper::kCheck});
  Body(task).push_back(fmt::format("exec_into({});", after_exec_.size()));
  Begin(task, -1, "_after_exec");
  after_exec_.push_back(pieces_.back().function);
  Body(task).push_back(CCheck("0", "0", CTestText(context_, index)));
}

void TaskWriter::AddExit(size_t index) {
  const int task = context_.trace.sequence.calls[index].task;
  const int next = NextTask(index + 1);
  needs_->helpers.insert(CHelper::kCheck);
  Body(task).push_back(CCheck("0", "0", CTestText(context_, index)));
  if (!context_.program.tasks) return;
  needs_->helpers.insert(CHelper::kExitTask);
  if (context_.states[index].tasks[task].program != 0)
    Body(task).push_back(fmt::format("end_program(&{});", CProgramOf(context_, task)));
  Body(task).push_back(fmt::format("exit_task({}, {});", CTask(task), TaskOrMain(next)));
  holder_ = next;
}

// The function of the new task; of one that is waited for, also who waits and who goes on.
std::string TaskWriter::AddStart(size_t index) {
  const Call& call = context_.trace.sequence.calls[index];
  const int child = static_cast<int>(context_.trace.results[index].value);
  const bool place_is_used = HasRun(child);
  Begin(child, -1, "");
  Piece& piece = pieces_.back();
  needs_->helpers.insert(CHelper::kAwaitTurn);
  piece.body.push_back(fmt::format("await_turn({});", CTask(child)));
  if (place_is_used && context_.program.channels) {
    needs_->helpers.insert(CHelper::kDrain);
    piece.body.push_back(fmt::format("drain(shared->channel[{}][1]);", CTask(child)));
  }
  if (!IsVfork(call)) return piece.function;
  holder_ = NextTask(index + 1);
  return fmt::format("{}, {}, {}", piece.function, CTask(call.task), TaskOrMain(holder_));
}

void TaskWriter::AddCall(size_t index) {
  const Call& call = context_.trace.sequence.calls[index];
  GiveTurnTo(call.task);
  GuardExtension(index);
  Explain(index);
  if (call.op == Op::kExec) return AddExec(index);
  if (call.op == Op::kExit) return AddExit(index);
  const std::string child = StartsTask(context_.trace, index) ? AddStart(index) : "";
  for (const std::string& line : CTest(context_, index, child, needs_))
    Body(call.task).push_back(line);
}

TaskWriter::TaskWriter(const CContext& context, CNeeds* needs) : context_(context), needs_(needs) {
  const std::vector<int>& uids = context.trace.sequence.uids;
  for (size_t i = 0; i < uids.size(); ++i) {
    Piece& piece = pieces_[Begin(static_cast<int>(i), uids[i], "")];
    if (uids[i] != 0) {
      needs->helpers.insert(CHelper::kBecome);
      piece.body.push_back(fmt::format("become({});", uids[i]));
    }
    if (!context.program.tasks) continue;
    needs->helpers.insert(CHelper::kHandOver);
    piece.body.push_back(fmt::format("hand_over({}, MAIN); /* ready */", CTask(piece.task)));
  }
  for (size_t i = 0; i < context.trace.sequence.calls.size(); ++i)
    if (IsRun(context.trace, i)) AddCall(i);
  if (context.program.tasks) HandOver(-1);
}

// ---- The file ----

class ProgramWriter {
 public:
  ProgramWriter(const CContext& context, const TraceAbout& about)
      : context_(context), about_(about), writer_(context, &needs_) {
    AddMainNeeds();
    CloseHelpers();
  }

  std::string Text();

 private:
  void AddMainNeeds();
  void CloseHelpers();
  void AddHelper(CHelper helper);
  std::string Comment() const;
  std::string Includes();
  std::string Proposed() const;
  std::string Data() const;
  std::string SharedStruct() const;
  std::string Rest() const;
  std::string Helpers() const;
  std::string Functions() const;
  std::string Main() const;
  std::string MainOfOne() const;
  std::string MainOfTasks() const;
  std::string Plan() const;
  std::string RootCheck() const;
  int NumTests() const;

  const CContext& context_;
  const TraceAbout& about_;
  CNeeds needs_;
  TaskWriter writer_;
};

void ProgramWriter::AddMainNeeds() {
  const CProgram& program = context_.program;
  needs_.includes.insert({"stdio.h", "unistd.h", "errno.h"});
  needs_.helpers.insert(CHelper::kReport);
  if (program.faults) needs_.helpers.insert({CHelper::kFaults, CHelper::kCheck});
  if (program.nofile != 0) needs_.helpers.insert(CHelper::kLimitFds);
  needs_.helpers.insert(program.asks.begin(), program.asks.end());
  if (!program.tasks) return;
  needs_.includes.insert({"sys/types.h", "sys/mman.h", "fcntl.h"});
  if (program.channels) needs_.includes.insert("sys/socket.h");
  if (program.resumes) needs_.includes.insert("stdlib.h");
  needs_.helpers.insert({CHelper::kOwn, CHelper::kForkTask, CHelper::kRunTasks});
  if (program.resumes) needs_.helpers.insert(CHelper::kShare);
}

// Helpers that helpers call, and what all of them include.
void ProgramWriter::AddHelper(CHelper helper) {
  needs_.helpers.insert(helper);
  for (const std::string& header : CIncludesOf(helper)) needs_.includes.insert(header);
  for (CHelper other : CHelpersOf(helper, context_.program)) AddHelper(other);
}

void ProgramWriter::CloseHelpers() {
  const std::set<CHelper> used = needs_.helpers;
  for (CHelper helper : used) AddHelper(helper);
  needs_.buffer |= needs_.helpers.count(CHelper::kRepeat) > 0;
  needs_.arena |= needs_.helpers.count(CHelper::kInArena) > 0;
}

int ProgramWriter::NumTests() const {
  int tests = 0;
  for (size_t i = 0; i < context_.trace.results.size(); ++i) tests += IsRun(context_.trace, i);
  return tests;
}

// Text as lines of a comment: broken between words, and without its end.
std::string CommentLines(std::string_view text) {
  constexpr size_t kWidth = 78;
  std::string out, line;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = std::min(text.find_first_not_of(" \t\n", at), text.size());
    at = std::min(text.find_first_of(" \t\n", begin), text.size());
    std::string word(text.substr(begin, at - begin));
    if (const size_t end = word.find("*/"); end != word.npos) word.replace(end, 2, "* /");
    if (!line.empty() && line.size() + word.size() + 4 > kWidth) {
      out += fmt::format(" *{}\n", line);
      line.clear();
    }
    if (!word.empty()) line += " " + word;
  }
  return line.empty() ? out : out + fmt::format(" *{}\n", line);
}

std::string ProgramWriter::Comment() const {
  std::string out = "/*\n" + CommentLines(about_.title);
  if (!about_.title.empty()) out += " *\n";
  out += fmt::format(" * The calls of a trace that Selkie made under semantics {}.\n",
                     context_.semantics.name);
  if (!about_.property.empty())
    out += fmt::format(
        " * {} {}.\n",
        about_.broken() ? "The last call breaks the property" : "They decide the property",
        about_.property);
  out +=
      " * Prints KTAP.  Exits with 0 if every call gave what the trace says, with 1 if\n"
      " * one did not, with 4 if something was skipped.\n */\n";
  return out;
}

std::string ProgramWriter::Includes() {
  std::string out = "#define _GNU_SOURCE\n";
  for (const std::string& header : needs_.includes) out += fmt::format("#include <{}>\n", header);
  return out;
}

std::string ProgramWriter::Proposed() const {
  if (writer_.rest().empty()) return "";
  std::set<std::string> names;
  for (const Call& call : context_.trace.sequence.calls)
    if (const Extension* extension = ExtensionOf(call, context_.semantics); extension != nullptr)
      names.insert(extension->name);
  std::string out = fmt::format(
      "\n/* Calls that {} proposes.  To try a kernel that has one, give its number:\n"
      " * -D{}=...\n */\n#define NO_CALL -1\n",
      context_.semantics.name, *names.begin());
  for (const std::string& name : names)
    out += fmt::format("#ifndef {0}\n#define {0} NO_CALL\n#endif\n", name);
  return out + fmt::format("static const char missing[] = \"{}\";\n", fmt::join(names, " or "));
}

std::string ProgramWriter::Rest() const {
  if (writer_.rest().empty()) return "";
  std::string out = "\n/* The tests that need it. */\nstatic const char *const rest[] = {\n";
  for (const std::string& text : writer_.rest()) out += fmt::format("\t{},\n", CString(text));
  return out + "\tNULL\n};\n";
}

std::string Declaration(const std::vector<Variable>& variables, bool addresses) {
  std::string out;
  for (const Variable& variable : variables)
    if (variable.is_address == addresses)
      out += fmt::format("{}{}{}", out.empty() ? "" : ", ", addresses ? "*" : "", variable.name);
  if (out.empty()) return "";
  return fmt::format("\t{} {};\n", addresses ? "char" : "int", out);
}

std::string ProgramWriter::SharedStruct() const {
  std::vector<Variable> variables;
  for (size_t i = 0; i < context_.trace.results.size(); ++i)
    for (const Variable& variable : context_.variables.ResultsOf(i)) variables.push_back(variable);
  std::string tasks;
  int used = 0;
  for (const Piece& piece : writer_.pieces()) used = std::max(used, piece.task + 1);
  for (int i = 0; i < used; ++i) tasks += CTask(i) + ", ";
  std::string out = fmt::format(
      "\n/* Each task is a process.  They pass a token: who has it makes the next call. */\n"
      "enum {{ {}TASKS, MAIN = TASKS }};\n\n"
      "static struct shared {{\n\tint tests, failures, skipped;\n"
      "\tint token[TASKS + 1][2]; /* a pipe for each */\n",
      tasks);
  if (context_.program.channels)
    out += "\tint channel[TASKS][2]; /* to send descriptors to a task: [0], it reads [1] */\n";
  out +=
      "\tpid_t pid[TASKS];\n\tint running[TASKS];\n"
      "\tpid_t exiting; /* a task that ends now */\n\tint next; /* who comes after it */\n";
  if (context_.program.runs_programs)
    out += "\tpid_t program[TASKS]; /* the child that runs one */\n";
  if (!variables.empty()) out += "\t/* what the calls returned */\n";
  out += Declaration(variables, false) + Declaration(variables, true);
  return out + "} *shared;\n";
}

std::string ProgramWriter::Data() const {
  std::string out = context_.program.tasks ? SharedStruct() : "\nstatic int tests, failures;\n";
  if (context_.program.runs_programs && !context_.program.tasks)
    out += "\nstatic pid_t program; /* the child that runs one */\n";
  if (needs_.arena)
    out +=
        "\n/* Mappings are made here: the addresses are hints that the kernel follows. */\n"
        "static char *const arena = (char *)0x200000000;\n";
  if (needs_.buffer) out += "\nstatic char buffer[1 << 16];\n";
  return out + Rest();
}

std::string ProgramWriter::Helpers() const {
  std::string out;
  for (CHelper helper : needs_.helpers) out += CHelperText(helper, context_.program);
  return out;
}

std::string Indented(const std::vector<std::string>& body) {
  std::string out;
  for (const std::string& line : body) out += fmt::format("\t{}\n", line);
  return out;
}

std::string ProgramWriter::Functions() const {
  if (!context_.program.tasks) return "";
  std::string out = "\n";
  for (const Piece& piece : writer_.pieces())
    out += fmt::format("static void {}(void);\n", piece.function);
  for (const Piece& piece : writer_.pieces())
    out += fmt::format("\nstatic void {}(void)\n{{\n{}}}\n", piece.function, Indented(piece.body));
  if (writer_.after_exec().empty()) return out;
  out +=
      "\n/* Where a task goes on in a program that it has executed. */\n"
      "static void (*const after_exec[])(void) = {\n";
  for (const std::string& function : writer_.after_exec()) out += fmt::format("\t{},\n", function);
  return out + "};\n";
}

std::string ProgramWriter::Plan() const {
  return fmt::format("\tdprintf(1, \"KTAP version 1\\n1..{}\\n\");\n", NumTests());
}

std::string ProgramWriter::RootCheck() const {
  std::string out = CAsks(context_.program.asks);
  if (NeedsRoot(context_.trace)) out += kRootCheckText;
  return out + (context_.program.sets_noexec ? "\town_namespace();\n" : "");
}

std::string ProgramWriter::MainOfOne() const {
  std::string out = "\nint main(void)\n{\n" + RootCheck() + Plan() + std::string(kCloseInherited);
  if (context_.program.faults) out += "\tcatch_faults();\n";
  if (context_.program.nofile != 0)
    out += fmt::format("\tlimit_fds({});\n", context_.program.nofile);
  return out + "\n" + Indented(writer_.pieces()[0].body) + "\n\treturn failures ? 1 : 0;\n}\n";
}

std::string ProgramWriter::MainOfTasks() const {
  const CProgram& program = context_.program;
  std::string set_up;
  if (program.faults) set_up += "\tcatch_faults();\n";
  if (program.nofile != 0) set_up += fmt::format("\tlimit_fds({});\n", program.nofile);

  std::string out =
      fmt::format("\nint main({})\n{{\n", program.resumes ? "int argc, char **argv" : "void");
  if (program.resumes) {
    std::string resumed;
    for (char c : "\tshare();\n" + set_up) resumed += c == '\t' ? "\t\t" : std::string(1, c);
    out +=
        "\tif (argc == 2) {\n" + resumed + "\t\tafter_exec[atoi(argv[1])]();\n\t\treturn 0;\n\t}\n";
  }
  out += RootCheck() + Plan() + std::string(kCloseInherited);
  out += "\talarm(60); /* the end of a program that hangs */\n";
  if (program.resumes) {
    out +=
        "\tif (own(memfd_create(\"control\", 0)) != CONTROL_FD ||\n"
        "\t    ftruncate(CONTROL_FD, sizeof(*shared)))\n\t\treturn 1;\n\tshare();\n";
  } else {
    out +=
        "\tshared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,\n"
        "\t\t      MAP_SHARED | MAP_ANONYMOUS, -1, 0);\n"
        "\tif (shared == MAP_FAILED)\n\t\treturn 1;\n";
  }
  out +=
      "\tfor (int i = 0; i <= TASKS; i++) {\n\t\tif (pipe(shared->token[i]))\n\t\t\treturn 1;\n"
      "\t\tshared->token[i][0] = own(shared->token[i][0]);\n"
      "\t\tshared->token[i][1] = own(shared->token[i][1]);\n\t}\n";
  if (program.channels)
    out +=
        "\tfor (int i = 0; i < TASKS; i++) {\n"
        "\t\tif (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, shared->channel[i]))\n"
        "\t\t\treturn 1;\n"
        "\t\tshared->channel[i][0] = own(shared->channel[i][0]);\n"
        "\t\tshared->channel[i][1] = own(shared->channel[i][1]);\n\t}\n";
  out += set_up + "\n";
  for (const Piece& piece : writer_.pieces()) {
    if (piece.uid < 0) continue;
    out += fmt::format("\tfork_task({}, {});\n\tawait_turn(MAIN); /* it is ready */\n",
                       CTask(piece.task), piece.function);
  }
  out += fmt::format("\trun_tasks({});\n\n", TaskOrMain(writer_.first_task()));
  return out + "\treturn shared->failures ? 1 : shared->skipped ? 4 : 0;\n}\n";
}

std::string ProgramWriter::Main() const {
  return context_.program.tasks ? MainOfTasks() : MainOfOne();
}

std::string ProgramWriter::Text() {
  const std::string code = Rest() + Functions() + Main();
  return Comment() + Includes() + CConstants(code, context_.semantics) + Proposed() + Data() +
         Helpers() + Functions() + Main();
}

}  // namespace

std::string TraceToC(const Trace& trace, const Semantics& semantics, const TraceAbout& about) {
  std::vector<State> states;
  Replay(trace.sequence, semantics, &states);
  const Variables variables(trace, states, semantics);
  const CProgram program = ProgramOf(trace);
  const CContext context{trace, states, semantics, variables, program};
  return ProgramWriter(context, about).Text();
}

}  // namespace selkie
