// Reads calls.  The table of calls says what each argument is: no call is
// named here, but mremap, whose last argument may be left out.
#include "model/call_text.h"

#include "fmt/format.h"
#include "model/call_text_scan.h"

namespace selkie {
namespace {

// What a call is read with.
struct Reader {
  const Semantics* semantics;
  const NameResolver& resolve;

  std::optional<int64_t> Resolve(NameKind kind, std::string_view name) const {
    return resolve ? resolve(kind, name) : std::nullopt;
  }
};

std::string_view KindName(NameKind kind) {
  switch (kind) {
    case NameKind::kFd: return "descriptor";
    case NameKind::kAddress: return "address";
    case NameKind::kTask: return "task";
  }
  return "";
}

// A number or a name of this kind.
int64_t ReadNamed(Scanner& in, const Reader& reader, NameKind kind) {
  const int column = in.Column();
  const std::string_view word = in.Word();
  if (word.empty()) return in.Expression(nullptr);
  std::optional<int64_t> value = reader.Resolve(kind, word);
  if (!value)
    in.FailAt(column, fmt::format("'{}' is no known {}, expected a number or the name of an "
                                  "earlier result",
                                  word, KindName(kind)));
  return value.value_or(0);
}

int64_t ReadAddress(Scanner& in, const Reader& reader) {
  if (in.Eat("NULL")) return kNull;
  return in.Expression(
      [&](std::string_view name) { return reader.Resolve(NameKind::kAddress, name); });
}

// NULL, or the value that is pointed to, as strace has it: [4096].
int64_t ReadOffset(Scanner& in) {
  if (in.Eat("NULL")) return kNoOffset;
  if (!in.Eat("[")) in.Fail("NULL or an offset in brackets, such as [4096]");
  const int64_t value = in.Expression(nullptr);
  if (!in.Eat("]")) in.Fail("']'");
  return value;
}

uint8_t ReadByte(Scanner& in) {
  const int column = in.Column();
  const std::string text = in.Quoted();
  if (text.size() != 1)
    in.FailAt(column, "expected a string of one byte, such as \"x\": the call repeats it");
  return text.empty() ? 0 : static_cast<uint8_t>(text[0]);
}

// Permission bits are octal: 777 without its 0 is a slip.
int64_t ReadMode(Scanner& in, Piece piece) {
  if (!piece.text.starts_with("0") && !piece.text.starts_with("-0"))
    in.FailAt(piece.column, fmt::format("'{}' is no mode, expected octal digits with a leading "
                                        "0, such as 0444",
                                        piece.text));
  return in.Expression(nullptr);
}

// Either end of a path: {name}, {number} or digits.
int64_t ReadPathPart(Scanner& in, const Reader& reader, NameKind kind) {
  if (!in.Eat("{")) return in.Expression(nullptr);
  const int64_t value = ReadNamed(in, reader, kind);
  if (!in.Eat("}")) in.Fail("'}'");
  return value;
}

void ReadPath(Scanner& in, const Reader& reader, Piece piece, int64_t* words) {
  const std::string_view expected =
      "\"/proc/self/fd/{fd}\", \"/dev/fd/{fd}\" or \"/proc/{task}/fd/{fd}\"";
  const bool spaced = piece.text.find_first_of(" \t") != std::string_view::npos;
  const bool dev = !spaced && in.Eat("\"/dev/fd/");
  if (!dev && (spaced || !in.Eat("\"/proc/"))) {
    in.FailAt(piece.column,
              fmt::format("{} is no path of a descriptor, expected {}", piece.text, expected));
    return;
  }
  words[0] = dev ? kDevFd : in.Eat("self") ? kSelf : ReadPathPart(in, reader, NameKind::kTask);
  if (!dev && !in.Eat("/fd/")) in.Fail(fmt::format("/fd/ as in {}", expected));
  words[1] = ReadPathPart(in, reader, NameKind::kFd);
  if (!in.Eat("\"")) in.Fail("the closing quote of the path");
}

int64_t ReadFlags(Scanner& in, absl::Span<const FlagName> names) {
  return in.Flags([&](std::string_view name) { return BitsOf(names, name); },
                  fmt::format("a number or {}", NamesOf(names)));
}

const Extension* ExtensionAt(const Semantics* semantics, int64_t index) {
  if (semantics == nullptr || index < 0) return nullptr;
  if (index >= static_cast<int64_t>(semantics->extensions.size())) return nullptr;
  return &semantics->extensions[index];
}

int64_t ReadExtension(Scanner& in, const Reader& reader) {
  const int column = in.Column();
  const std::string_view word = in.Word();
  for (int64_t i = 0; const Extension* extension = ExtensionAt(reader.semantics, i); ++i)
    if (extension->name == word) return i;
  in.FailAt(column, fmt::format("'{}' is no call that this semantics declares", word));
  return 0;
}

int64_t ReadExtensionArg(Scanner& in, const Reader& reader, int64_t index) {
  const Extension* extension = ExtensionAt(reader.semantics, index);
  const ArgKind kind = extension == nullptr ? ArgKind::kLiteral : extension->arg;
  if (kind == ArgKind::kSeals) return ReadFlags(in, SealNames(reader.semantics));
  return ReadFlags(in, ProtectionNames());
}

// Reads one argument into its words.
void ReadArgument(Scanner& in, const Reader& reader, const ArgSpec& arg, Piece piece,
                  const Call& call, int64_t* words) {
  switch (arg.kind) {
    case ArgKind::kLiteral: in.Eat(arg.name); break;
    case ArgKind::kName: words[0] = in.Eat("NULL") ? kNull : NameWord(in.Quoted().size()); break;
    case ArgKind::kFd:
      words[0] = ReadNamed(in, reader, NameKind::kFd);
      in.SkipAdded('<', '>');
      break;
    case ArgKind::kPath: ReadPath(in, reader, piece, words); break;
    case ArgKind::kFlags: words[0] = ReadFlags(in, arg.names); break;
    case ArgKind::kSeals: words[0] = ReadFlags(in, SealNames(reader.semantics)); break;
    case ArgKind::kInt:
    case ArgKind::kSize: words[0] = in.Expression(nullptr); break;
    case ArgKind::kOffset: words[0] = ReadOffset(in); break;
    case ArgKind::kAddress: words[0] = ReadAddress(in, reader); break;
    case ArgKind::kByte:
      words[0] = arg.name == "buf" && in.Eat("NULL") ? kNull : ReadByte(in);
      break;
    case ArgKind::kMode: words[0] = ReadMode(in, piece); break;
    case ArgKind::kTask: words[0] = ReadNamed(in, reader, NameKind::kTask); break;
    case ArgKind::kExtension: words[0] = ReadExtension(in, reader); break;
    case ArgKind::kExtensionArg: {
      const CallSpec& spec = SpecOf(call.op);
      const int64_t index = call.arg[WordIndex(spec, ArgIndex(spec, ArgKind::kExtension))];
      words[0] = ReadExtensionArg(in, reader, index);
      break;
    }
  }
  if (!in.AtEnd()) in.Fail(fmt::format("the end of argument '{}'", arg.name));
}

// A row, and how many of its arguments are written.
struct Shape {
  const CallSpec* spec = nullptr;
  int written = 0;
};

bool LiteralsMatch(const CallSpec& spec, const std::vector<Piece>& pieces) {
  for (int i = 0; i < spec.num_args; ++i) {
    if (spec.args[i].kind != ArgKind::kLiteral) continue;
    if (i >= static_cast<int>(pieces.size()) || pieces[i].text != spec.args[i].name) return false;
  }
  return true;
}

// The row for calls that semantics declare, if one of them is meant.
Shape ExtensionShape(const Semantics* semantics, std::string_view function,
                     const std::vector<Piece>& pieces) {
  for (const CallSpec& spec : CallTable()) {
    const int at = ArgIndex(spec, ArgKind::kExtension);
    if (at < 0 || at >= static_cast<int>(pieces.size())) continue;
    for (int64_t i = 0; const Extension* extension = ExtensionAt(semantics, i); ++i)
      if (extension->function == function && extension->name == pieces[at].text)
        return {&spec, extension->arg == ArgKind::kLiteral ? spec.num_args - 1 : spec.num_args};
  }
  return {};
}

bool IsExtensionRow(const CallSpec& spec) { return ArgIndex(spec, ArgKind::kExtension) >= 0; }

bool IsFunction(const Semantics* semantics, std::string_view name) {
  if (!SpecsByName(name).empty()) return true;
  for (int64_t i = 0; const Extension* extension = ExtensionAt(semantics, i); ++i)
    if (extension->function == name) return true;
  return false;
}

std::string Prototype(const CallSpec& spec) {
  std::string out;
  for (const ArgSpec& arg : ArgsOf(spec))
    out += fmt::format("{}{}", out.empty() ? "" : ", ", arg.name);
  return fmt::format("{}({})", spec.name, out);
}

void Append(std::string& list, std::string_view separator, std::string_view item) {
  list += fmt::format("{}{}", list.empty() ? "" : separator, item);
}

// What `function` may be followed by, for messages.
std::string Expected(const Semantics* semantics, std::string_view function) {
  std::string out;
  for (const CallSpec* spec : SpecsByName(function))
    if (!IsExtensionRow(*spec)) Append(out, " or ", Prototype(*spec));
  for (int64_t i = 0; const Extension* extension = ExtensionAt(semantics, i); ++i)
    if (extension->function == function) Append(out, " or ", extension->name);
  return out.empty() ? "a request that the semantics declares: it declares none" : out;
}

// The new address is read with MREMAP_FIXED and MREMAP_DONTUNMAP alone, and strace prints it no
// more than C programs write it.
bool LacksNewAddress(const CallSpec& spec, int written) {
  return spec.op == Op::kMremap && written + 1 == spec.num_args;
}

// The row that is meant: its literals match, whatever the number of arguments.
Shape FindShape(const Semantics* semantics, std::string_view function,
                const std::vector<Piece>& pieces) {
  for (const CallSpec* spec : SpecsByName(function))
    if (!IsExtensionRow(*spec) && LiteralsMatch(*spec, pieces))
      return {spec, spec->num_args - LacksNewAddress(*spec, static_cast<int>(pieces.size()))};
  return ExtensionShape(semantics, function, pieces);
}

// Why no row, or not this row, fits.
std::optional<TextError> ShapeError(const Semantics* semantics, Piece function, const Shape& shape,
                                    size_t given) {
  if (shape.spec != nullptr && static_cast<int>(given) == shape.written) return std::nullopt;
  if (shape.spec != nullptr)
    return TextError{function.column,
                     fmt::format("'{}' has {} here, expected {} as in {}", function.text,
                                 given == 1 ? "1 argument" : fmt::format("{} arguments", given),
                                 shape.written, Prototype(*shape.spec))};
  if (!IsFunction(semantics, function.text))
    return TextError{function.column,
                     fmt::format("'{}' is no call, expected one of the table of calls, such as "
                                 "{}",
                                 function.text, CallTable()[0].name)};
  return TextError{function.column, fmt::format("'{}' is not followed by what it takes, expected "
                                                "{}",
                                                function.text, Expected(semantics, function.text))};
}

void ReadArguments(const Reader& reader, const Shape& shape, const std::vector<Piece>& pieces,
                   ParsedCall* out) {
  out->call.op = shape.spec->op;
  for (int i = 0, word = 0; i < shape.written && !out->error; ++i) {
    const ArgSpec& arg = shape.spec->args[i];
    Scanner in(pieces[i]);
    int64_t words[2] = {};
    ReadArgument(in, reader, arg, pieces[i], out->call, words);
    out->error = in.error();
    for (int w = 0; w < WordsOf(arg.kind); ++w) out->call.arg[word++] = words[w];
  }
  if (LacksNewAddress(*shape.spec, shape.written)) out->call.arg[shape.written] = kNull;
}

// Of remap_file_pages the kernel takes no word as an int.
void TakeInts(Call& call) {
  if (call.op == Op::kRemapFilePages) return;
  const std::array<uint64_t, kMaxWords>& is_int = IntWordsOf(call.op);
  for (int i = 0; i < kMaxWords; ++i)
    if (is_int[i] != 0) call.arg[i] = AsInt(call.arg[i]);
}

}  // namespace

ParsedCall ParseCall(std::string_view text, const Semantics* semantics,
                     const NameResolver& resolve) {
  ParsedCall out;
  Scanner in({text, 0});
  const int column = in.Column();
  const Piece function{in.Word(), column};
  if (function.text.empty()) {
    in.Fail("a call such as write(fd, \"x\", 1)");
  } else if (!in.Eat("(")) {
    in.Fail(fmt::format("'(' after '{}'", function.text));
  }
  const Piece whole = Trimmed({text, 0});
  if (!in.error() && !whole.text.ends_with(')'))
    in.FailAt(whole.column + static_cast<int>(whole.text.size()),
              "the text ends here, expected ')' at the end of the call");
  out.error = in.error();
  if (out.error) return out;

  const int begin = in.Column();
  const int end = whole.column + static_cast<int>(whole.text.size()) - 1;
  const Piece list{text.substr(begin, end - begin), begin};
  if (const std::optional<int> quote = UnclosedQuote(list)) {
    out.error = TextError{*quote, "this string has no closing quote"};
    return out;
  }
  const std::vector<Piece> pieces = SplitArguments(list);
  const Shape shape = FindShape(semantics, function.text, pieces);
  out.error = ShapeError(semantics, function, shape, pieces.size());
  out.unknown_request = shape.spec == nullptr && IsFunction(semantics, function.text);
  if (!out.error) ReadArguments({semantics, resolve}, shape, pieces, &out);
  TakeInts(out.call);
  return out;
}

}  // namespace selkie
