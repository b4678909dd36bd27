#include "traces/json_names.h"

namespace selkie {
namespace {

constexpr std::string_view kKinds[] = {"value", "errno", "signal", "bound"};

constexpr LimitField kLimitFields[] = {
    {"tasks", &Limits::tasks, kMaxTasks},   {"fds", &Limits::fds, kMaxFds},
    {"files", &Limits::files, kMaxFiles},   {"inodes", &Limits::inodes, kMaxInodes},
    {"maps", &Limits::maps, kMaxMaps},      {"pages", &Limits::pages, kMaxPages},
    {"arena", &Limits::arena, kArenaPages}, {"messages", &Limits::messages, kMaxMessages}};

constexpr EffectField kEffectFields[] = {
    {"wrote", &Effect::wrote, kMaxInodes}, {"resized", &Effect::resized, kMaxInodes},
    {"exec", &Effect::exec, kMaxInodes},   {"file", &Effect::file, kMaxFiles},
    {"mm", &Effect::mm, kMaxTasks},        {"map", &Effect::map, kMaxMaps}};

}  // namespace

absl::Span<const std::string_view> KindNames() { return kKinds; }
std::string_view KindName(Result::Kind kind) { return kKinds[static_cast<int>(kind)]; }
absl::Span<const LimitField> LimitFields() { return kLimitFields; }
absl::Span<const EffectField> EffectFields() { return kEffectFields; }

}  // namespace selkie
