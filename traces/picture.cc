#include "traces/picture.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "fmt/format.h"
#include "model/call_text.h"
#include "model/call_text_scan.h"

namespace selkie {
namespace {

constexpr std::string_view kInk = "#343a40", kLine = "#868e96", kPale = "#adb5bd";
constexpr std::string_view kPaper = "#ffffff", kHead = "#e9ecef";
constexpr std::string_view kNew = "#ffec99";                        // what changed
constexpr std::string_view kWay = "#1971c2", kWayFill = "#d0ebff";  // how it wrote
constexpr std::string_view kRed = "#e03131", kRedFill = "#ffc9c9";  // and broke a promise

constexpr uint8_t kWholeMask = kProtRead | kProtWrite | kProtExec;  // masks nothing

std::string Escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += c;
  }
  return out;
}

// How a cell or a row is drawn.
enum class Look { kPlain, kChanged, kGone, kWay };

// One row of a table: cells with a look each.
struct Cell {
  std::string text;
  Look look = Look::kPlain;
};
struct Row {
  std::string port;  // may be empty
  std::vector<Cell> cells;
};

std::string Bits(uint8_t bits) {
  return fmt::format("{}{}{}", (bits & kProtRead) != 0 ? 'r' : '-',
                     (bits & kProtWrite) != 0 ? 'w' : '-', (bits & kProtExec) != 0 ? 'x' : '-');
}

std::string FileMode(uint8_t mode) {
  if ((mode & kModePath) != 0) return "O_PATH";
  const bool read = (mode & kModeRead) != 0, write = (mode & kModeWrite) != 0;
  if (read && write) return "READ WRITE";
  return read ? "READ" : (write ? "WRITE" : "no access");
}

std::string ByteText(uint8_t byte) {
  if (byte == 0) return "·";
  if (byte > 0x20 && byte < 0x7f) return Escaped(std::string(1, static_cast<char>(byte)));
  return fmt::format("{:02x}", byte);
}

// "F_SEAL_" is said by the row's name.
std::string SealsText(uint8_t seals, const Semantics& semantics) {
  if (seals == 0) return "none";
  std::string text = PrintFlags(seals, SealNames(&semantics));
  constexpr std::string_view kPrefix = "F_SEAL_";
  for (size_t at; (at = text.find(kPrefix)) != text.npos;) text.erase(at, kPrefix.size());
  std::replace(text.begin(), text.end(), '|', ' ');
  return Escaped(text);
}

std::string SizeText(uint32_t size) {
  if (size % kPageSize != 0 || size == 0) return fmt::format("{} bytes", size);
  const uint32_t pages = size / kPageSize;
  return fmt::format("{} page{}", pages, pages == 1 ? "" : "s");
}

class Drawing {
 public:
  explicit Drawing(const Scene& scene)
      : scene_(scene), s_(*scene.after), old_(scene.before != nullptr ? *scene.before : s_) {}

  std::string Text();

 private:
  Look Changed(bool changed) const {
    return changed && scene_.before != nullptr ? Look::kChanged : Look::kPlain;
  }
  std::string Color(Look look) const;
  std::string CellText(const Cell& cell) const;
  std::string TableRow(const Row& row) const;
  void Table(const std::string& node, const std::string& title, Look look,
             const std::vector<Row>& rows);
  void Edge(const std::string& from, const std::string& to, Look look, bool faint = false);

  void Caption();
  void OrderTasks();
  void TaskCluster(int task);
  void FdTableOf(int task);
  void MappingsOf(int task);
  Row FdRow(int task, int slot) const;
  Row MappingRow(int task, int index) const;
  Row GoneMapping(int task, const Mapping& mapping) const;
  std::string MappingName(int task, const Mapping& mapping) const;
  void Files();
  void FileNode(int file);
  void Inodes();
  void InodeNode(int inode);
  Row ContentsRow(int inode) const;
  void Messages();

  bool IsUser(int task) const { return s_.tasks[task].state == TaskState::kRunning; }
  // The first running task with this table; its cluster shows it.
  bool Owns(int task, uint8_t Task::*table) const;
  bool WritesThroughFd(int task, int slot) const;
  bool WritesThroughFile(int file) const;
  bool WritesThroughMapping(int mm, int index) const;

  const Scene& scene_;
  const State& s_;
  const State& old_;
  std::string out_;
  std::string edges_;
  std::vector<std::string> column_;  // nodes of tasks, from top to bottom
};

// ---- How the call wrote ----

bool Drawing::WritesThroughFile(int file) const {
  const Result* result = scene_.result;
  return result != nullptr && result->effect.ChangedInode() && result->effect.mm == 0 &&
         result->effect.file == file + 1;
}

bool Drawing::WritesThroughFd(int task, int slot) const {
  const int file = s_.fds[s_.tasks[task].fds][slot].file - 1;
  if (file < 0 || !WritesThroughFile(file)) return false;
  const bool caller = s_.tasks[scene_.call->task].fds == s_.tasks[task].fds;
  return caller && scene_.call->arg[0] == slot + kFirstFd;
}

bool Drawing::WritesThroughMapping(int mm, int index) const {
  const Result* result = scene_.result;
  return result != nullptr && result->effect.wrote != 0 && result->effect.mm == mm + 1 &&
         result->effect.map == index + 1;
}

// ---- Tables ----

std::string Drawing::Color(Look look) const {
  if (look == Look::kWay) return std::string(scene_.broken ? kRedFill : kWayFill);
  return std::string(look == Look::kChanged ? kNew : kPaper);
}

std::string Drawing::CellText(const Cell& cell) const {
  if (cell.look != Look::kGone) return cell.text;
  return fmt::format("<FONT COLOR=\"{}\"><S>{}</S></FONT>", kPale, cell.text);
}

// The port is that of the first and of the last cell, so that an edge leaves
// the table where it should.
std::string Drawing::TableRow(const Row& row) const {
  std::string out = "<TR>";
  for (size_t i = 0; i < row.cells.size(); ++i) {
    const bool ends = i + 1 == row.cells.size() && !row.port.empty();
    out += fmt::format("<TD ALIGN=\"LEFT\" BGCOLOR=\"{}\"{}>{}</TD>", Color(row.cells[i].look),
                       ends ? fmt::format(" PORT=\"{}\"", row.port) : "", CellText(row.cells[i]));
  }
  return out + "</TR>";
}

void Drawing::Table(const std::string& node, const std::string& title, Look look,
                    const std::vector<Row>& rows) {
  size_t width = 1;
  for (const Row& row : rows) width = std::max(width, row.cells.size());
  out_ += fmt::format(
      "    {} [label=<<TABLE BORDER=\"0\" CELLBORDER=\"1\" CELLSPACING=\"0\" CELLPADDING=\"3\" "
      "COLOR=\"{}\"><TR><TD COLSPAN=\"{}\" BGCOLOR=\"{}\" PORT=\"head\"><B>{}</B></TD></TR>",
      node, kPale, width, look == Look::kPlain ? std::string(kHead) : Color(look), title);
  for (const Row& row : rows) out_ += TableRow(row);
  out_ += "</TABLE>>];\n";
}

void Drawing::Edge(const std::string& from, const std::string& to, Look look, bool faint) {
  std::string style = fmt::format("color=\"{}\"", faint ? kPale : kLine);
  if (faint) style += ", style=dashed, arrowhead=none";
  if (look == Look::kChanged) style = fmt::format("color=\"{}\", penwidth=1.8", "#f08c00");
  if (look == Look::kWay)
    style = fmt::format("color=\"{}\", penwidth=2.6", scene_.broken ? kRed : kWay);
  edges_ += fmt::format("  {} -> {} [{}];\n", from, to, style);
}

// ---- Tasks ----

bool Drawing::Owns(int task, uint8_t Task::*table) const {
  for (int i = 0; i < task; ++i)
    if (IsUser(i) && s_.tasks[i].*table == s_.tasks[task].*table) return false;
  return true;
}

Row Drawing::FdRow(int task, int slot) const {
  const int table = s_.tasks[task].fds;
  const Fd& fd = s_.fds[table][slot];
  const bool started = old_.tasks[task].state != TaskState::kRunning;
  const Fd& was = started ? Fd{} : old_.fds[old_.tasks[task].fds][slot];
  const int number = slot + kFirstFd;
  std::string name =
      scene_.names != nullptr ? scene_.names->FdName(s_, task, number) : std::string();
  if (!name.empty()) name = fmt::format("<B>{}</B> ", name);
  if (fd.file == 0) return {"", {{fmt::format("{}{}", name, number), Look::kGone}}};
  Look look = Changed(fd.file != was.file || fd.cloexec != was.cloexec);
  if (WritesThroughFd(task, slot)) look = Look::kWay;
  return {fmt::format("f{}", number),
          {{fmt::format("{}{}{}", name, number, fd.cloexec != 0 ? " FD_CLOEXEC" : ""), look}}};
}

void Drawing::FdTableOf(int task) {
  const int table = s_.tasks[task].fds;
  const std::string node = fmt::format("fds{}", table);
  const bool ran = old_.tasks[task].state == TaskState::kRunning;
  std::vector<Row> rows;
  for (int slot = 0; slot < kMaxFds; ++slot) {
    const Fd& fd = s_.fds[table][slot];
    const bool closed = fd.file == 0 && ran && old_.fds[old_.tasks[task].fds][slot].file != 0;
    if (fd.file == 0 && !closed) continue;
    rows.push_back(FdRow(task, slot));
    if (fd.file == 0) continue;
    Edge(fmt::format("{}:f{}:e", node, slot + kFirstFd), fmt::format("file{}:head:w", fd.file - 1),
         rows.back().cells[0].look);
  }
  if (rows.empty()) rows.push_back({"", {{"none open"}}});
  column_.push_back(node);
  Table(node, "descriptors", Look::kPlain, rows);
}

// A mapping as it was or is, in words.
std::vector<std::string> MappingWords(const Mapping& m) {
  const std::string pages = m.pages == 1
                                ? fmt::format("page {}", m.pgoff)
                                : fmt::format("pages {}-{}", m.pgoff, m.pgoff + m.pages - 1);
  return {fmt::format("{:#x}", AddressOfPage(m.start)), pages, Bits(m.prot),
          fmt::format("may {}", Bits(m.may)), m.shared != 0 ? "shared" : "private"};
}

const Mapping* SameStart(const State& state, int mm, int start) {
  for (const Mapping& m : state.mms[mm])
    if (m.file != 0 && m.start == start) return &m;
  return nullptr;
}

// "<B>map</B> ", or nothing.
std::string Drawing::MappingName(int task, const Mapping& mapping) const {
  if (scene_.names == nullptr) return "";
  const std::string name = scene_.names->AddressName(s_, task, AddressOfPage(mapping.start));
  return name.empty() ? "" : fmt::format("<B>{}</B> ", name);
}

Row Drawing::MappingRow(int task, int index) const {
  const int mm = s_.tasks[task].mm;
  const Mapping& m = s_.mms[mm][index];
  const bool ran = old_.tasks[task].state == TaskState::kRunning;
  const Mapping* was = ran ? SameStart(old_, old_.tasks[task].mm, m.start) : nullptr;
  const std::vector<std::string> words = MappingWords(m);
  const std::vector<std::string> old_words =
      was != nullptr ? MappingWords(*was) : std::vector<std::string>(words.size());
  Row row{fmt::format("m{}", index), {}};
  for (size_t i = 0; i < words.size(); ++i)
    row.cells.push_back({words[i], Changed(words[i] != old_words[i])});
  row.cells[0].text = MappingName(task, m) + words[0];
  if (WritesThroughMapping(mm, index))
    for (Cell& cell : row.cells) cell.look = Look::kWay;
  return row;
}

Row Drawing::GoneMapping(int task, const Mapping& mapping) const {
  Row row;
  for (const std::string& word : MappingWords(mapping)) row.cells.push_back({word, Look::kGone});
  row.cells[0].text = MappingName(task, mapping) + row.cells[0].text;
  return row;
}

void Drawing::MappingsOf(int task) {
  const int mm = s_.tasks[task].mm;
  const std::string node = fmt::format("mm{}", mm);
  std::vector<Row> rows;
  for (int j = 0; j < kMaxMaps && s_.mms[mm][j].file != 0; ++j) {
    rows.push_back(MappingRow(task, j));
    const Mapping& m = s_.mms[mm][j];
    const Look look = rows.back().cells[0].look;
    const std::string port = fmt::format("{}:m{}:e", node, j);
    Edge(port, fmt::format("inode{}:head", s_.files[m.file - 1].inode - 1), look);
    // The file stays open while it is mapped; that is worth a line if nothing
    // else holds it.
    if (FileReferences(s_, m.file - 1) == 1)
      Edge(port, fmt::format("file{}:head:w", m.file - 1), Look::kPlain, true);
  }
  if (old_.tasks[task].state == TaskState::kRunning)
    for (const Mapping& m : old_.mms[old_.tasks[task].mm])
      if (m.file != 0 && SameStart(s_, mm, m.start) == nullptr)
        rows.push_back(GoneMapping(task, m));
  if (rows.empty()) return;
  column_.push_back(node);
  Table(node, "mappings", Look::kPlain, rows);
}

void Drawing::TaskCluster(int task) {
  const Task& t = s_.tasks[task];
  const bool acts = scene_.call != nullptr && scene_.call->task == task;
  const bool news = scene_.before != nullptr && old_.tasks[task].state != t.state;
  std::string title = fmt::format("task {} · uid {}", TaskLetterOf(task), t.uid);
  if (t.state == TaskState::kZombie) title += " · has ended";
  const std::string fill = fmt::format("rounded,filled\"; fillcolor=\"{}", kNew);
  out_ += fmt::format(
      "  subgraph cluster_task{} {{\n    label=<<B>{}</B>>; style=\"{}\"; color=\"{}\"; "
      "penwidth={}; margin=8;\n",
      task, title, news ? fill : "rounded", acts ? kInk : kPale, acts ? 1.6 : 1.0);
  if (t.state == TaskState::kZombie) {
    out_ += fmt::format("    ended{} [label=\"\", width=0.8, height=0];\n", task);
    column_.push_back(fmt::format("ended{}", task));
  } else {
    if (Owns(task, &Task::fds))
      FdTableOf(task);
    else
      out_ += fmt::format("    shared_fds{} [label=\"shares descriptors\"];\n", task);
    if (Owns(task, &Task::mm))
      MappingsOf(task);
    else
      out_ += fmt::format("    shared_mm{} [label=\"shares memory\"];\n", task);
  }
  out_ += "  }\n";
}

// ---- Files, inodes, messages ----

void Drawing::FileNode(int file) {
  const File& f = s_.files[file];
  const File& was = old_.files[file];
  const bool is_new = was.inode != f.inode;
  const bool socket = s_.inodes[f.inode - 1].kind == InodeKind::kSocketPair;
  Look head = Changed(is_new);
  if (WritesThroughFile(file)) head = Look::kWay;
  std::vector<Row> rows;
  if (socket) {
    rows.push_back({"", {{fmt::format("end {}", f.end)}}});
  } else {
    rows.push_back({"", {{"f_mode " + FileMode(f.mode), Changed(is_new || f.mode != was.mode)}}});
    std::string flags;
    if ((f.flags & kFlagAppend) != 0) flags += " O_APPEND";
    if ((f.flags & kFlagNonblock) != 0) flags += " O_NONBLOCK";
    if ((f.flags & kFlagDirect) != 0) flags += " O_DIRECT";
    rows.push_back({"",
                    {{fmt::format("f_pos {}{}", f.pos, flags),
                      Changed(is_new || f.pos != was.pos || f.flags != was.flags)}}});
  }
  if (f.dmabuf != 0)
    rows.push_back({"",
                    {{fmt::format("{} pages, {} of them the file's", std::popcount(f.dmabuf),
                                  std::popcount(f.pinned)),
                      Changed(is_new || f.pinned != was.pinned)}}});
  const char* const title = socket ? "socket" : f.dmabuf != 0 ? "dmabuf" : "open file";
  Table(fmt::format("file{}", file), title, head, rows);
  Edge(fmt::format("file{}:head:e", file), fmt::format("inode{}:head:w", f.inode - 1),
       WritesThroughFile(file) ? Look::kWay : Changed(is_new));
}

void Drawing::Files() {
  for (int i = 0; i < kMaxFiles; ++i)
    if (s_.files[i].inode != 0) FileNode(i);
}

// The two sampled bytes of each page within the size.
Row Drawing::ContentsRow(int inode) const {
  const Inode& n = s_.inodes[inode];
  const Inode& was = old_.inodes[inode];
  std::string text;
  const auto pages = static_cast<int>((n.size + PageSizeOf(n) - 1) / PageSizeOf(n));
  for (int page = 0; page < pages; ++page) {
    text += page == 0 ? "" : " ";
    for (uint8_t byte : n.bytes[page]) text += ByteText(byte);
  }
  const Result* result = scene_.result;
  const bool wrote = result != nullptr && result->effect.wrote == inode + 1;
  return {"",
          {{"content"},
           {text.empty() ? "-" : text, wrote ? Look::kWay : Changed(n.bytes != was.bytes)}}};
}

void Drawing::InodeNode(int inode) {
  const Inode& n = s_.inodes[inode];
  const Inode& was = old_.inodes[inode];
  const std::string node = fmt::format("inode{}", inode);
  const bool is_new = was.kind != n.kind;
  if (n.kind == InodeKind::kSocketPair) return Table(node, "socket pair", Changed(is_new), {});
  if (n.kind == InodeKind::kPipe) return Table(node, "pipe", Changed(is_new), {});
  if (n.kind == InodeKind::kOther) return Table(node, "no memfd", Changed(is_new), {});
  std::vector<Row> rows = {
      {"",
       {{"seals"},
        {SealsText(n.seals, *scene_.semantics), Changed(is_new || n.seals != was.seals)}}},
      {"", {{"size"}, {SizeText(n.size), Changed(is_new || n.size != was.size)}}},
      {"",
       {{"mode"},
        {fmt::format("0{:o}, uid {}", n.mode, n.uid),
         Changed(is_new || n.mode != was.mode || n.uid != was.uid)}}},
      ContentsRow(inode)};
  if (n.mask != kWholeMask || (!is_new && was.mask != kWholeMask))
    rows.push_back({"", {{"mask"}, {Bits(n.mask), Changed(is_new || n.mask != was.mask)}}});
  const Result* result = scene_.result;
  const bool wrote = result != nullptr && result->effect.wrote == inode + 1;
  Table(node, "memfd inode", wrote ? Look::kWay : Changed(is_new), rows);
}

void Drawing::Inodes() {
  for (int i = 0; i < kMaxInodes; ++i)
    if (s_.inodes[i].kind != InodeKind::kNone) InodeNode(i);
}

void Drawing::Messages() {
  for (int i = 0; i < kMaxMessages; ++i) {
    const Message& m = s_.messages[i];
    if (m.file == 0) continue;
    const std::string to = m.inode == 0 ? fmt::format("task {}", TaskLetterOf(m.end))
                                        : fmt::format("socket end {}", m.end);
    const Look look = Changed(m != old_.messages[i]);
    Table(fmt::format("message{}", i), "in flight", look, {{"", {{"SCM_RIGHTS to " + to}}}});
    Edge(fmt::format("message{}:head:e", i), fmt::format("file{}:head:w", m.file - 1), look);
  }
}

void Drawing::Caption() {
  if (scene_.caption.empty()) return;
  out_ += fmt::format(
      "  label=<<TABLE BORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"1\"><TR><TD "
      "ALIGN=\"LEFT\"><FONT POINT-SIZE=\"12\"><B>{}</B></FONT></TD></TR>",
      Escaped(scene_.caption));
  if (!scene_.second_caption.empty())
    out_ += fmt::format(
        "<TR><TD ALIGN=\"LEFT\"><FONT POINT-SIZE=\"10\" COLOR=\"{}\">{}</FONT>"
        "</TD></TR>",
        kLine, Escaped(scene_.second_caption));
  out_ += "</TABLE>>; labelloc=t; labeljust=l;\n";
}

// A root that is not seen keeps its children in order: tasks do not change
// places from one picture to the next.
void Drawing::OrderTasks() {
  out_ += "  root [label=\"\", width=0, height=0, ordering=out];\n";
  for (const std::string& node : column_)
    out_ += fmt::format("  root -> {} [style=invis];\n", node);
}

std::string Drawing::Text() {
  out_ = fmt::format(
      "digraph state {{\n"
      "  graph [rankdir=LR, ranksep=0.55, nodesep=0.16, pad=0.1, fontname=\"Helvetica\", "
      "fontsize=11, fontcolor=\"{0}\", bgcolor=\"transparent\"];\n"
      "  node [shape=plain, fontname=\"Helvetica\", fontsize=10, fontcolor=\"{0}\"];\n"
      "  edge [arrowsize=0.7];\n",
      kInk);
  Caption();
  for (int i = 0; i < kMaxTasks; ++i)
    if (s_.tasks[i].state != TaskState::kFree) TaskCluster(i);
  OrderTasks();
  Messages();
  Files();
  Inodes();
  return out_ + edges_ + "}\n";
}

}  // namespace

std::string DrawScene(const Scene& scene) { return Drawing(scene).Text(); }

}  // namespace selkie
