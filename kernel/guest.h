// The guest's side: selkie as process 1 of a kernel that QEMU booted.
#ifndef SELKIE_KERNEL_GUEST_H_
#define SELKIE_KERNEL_GUEST_H_

#include <string_view>

namespace selkie {

// Set in init's environment by the kernel, from the kernel command line that
// RunInGuest writes.  Without it a selkie that is process 1 (of a container,
// say) is an ordinary selkie.
inline constexpr std::string_view kGuestInitVariable = "SELKIE_GUEST_INIT";

// The same, for a guest that somebody boots himself (WriteGuest): it prints text to its
// console instead of frames to its second serial port.
inline constexpr std::string_view kGuestPlainVariable = "SELKIE_GUEST_PLAIN";

// Files in the initramfs: the arguments of the command and its environment,
// each entry ended by a NUL.
inline constexpr std::string_view kGuestCommandFile = "/guest-command";
inline constexpr std::string_view kGuestEnvironmentFile = "/guest-environment";

// A folder in the initramfs of modules, uncompressed, which are loaded in the order of their names.
inline constexpr std::string_view kGuestModulesFolder = "/guest-modules";

// True in every process of a guest: nobody else is on this machine.
bool IsInGuest();

// True if this process is process 1 of a guest.  The first thing that main()
// asks:
//   int main(int argc, char** argv) {
//     if (selkie::IsGuestInit()) selkie::RunGuestInit();
bool IsGuestInit();

// Mounts /proc, /sys, /dev, /tmp and /dev/shm, loads the modules, runs the command as a
// child with its output framed over the second serial port, reports its end, and
// powers the guest off.  A module that the kernel refuses ends it before the command.
[[noreturn]] void RunGuestInit();

}  // namespace selkie

#endif  // SELKIE_KERNEL_GUEST_H_
