// Kernel images of a few bytes that misbehave in a known way, for tests.
#ifndef SELKIE_KERNEL_GUEST_TRIAL_FAKE_KERNEL_H_
#define SELKIE_KERNEL_GUEST_TRIAL_FAKE_KERNEL_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace selkie {

enum class FakeEnd { kHang, kReset };

// A bzImage as far as a boot loader looks, whose real-mode code sends `console`
// to the first serial port and `report` to the second, and then hangs or resets
// the machine.  Together at most 30,000 bytes.
inline std::string FakeKernel(std::string_view console, std::string_view report, FakeEnd end) {
  constexpr size_t kEntry = 0x268, kText = 0x400, kSetup = 0x8000;
  std::string image(kSetup + 0x1000, '\0');
  auto put = [&](size_t at, std::string_view bytes) { image.replace(at, bytes.size(), bytes); };
  auto word = [](size_t value) {
    return std::string{static_cast<char>(value), static_cast<char>(value >> 8)};
  };
  put(0x1f1, std::string(1, static_cast<char>(kSetup / 512 - 1)));  // setup_sects
  put(0x1fe, "\x55\xaa");
  put(0x200, "\xeb\x66");  // jmp kEntry
  put(0x202, "HdrS");
  put(0x206, word(0x0203));        // protocol
  put(0x211, "\x01");              // LOADED_HIGH
  put(0x22c, "\xff\xff\xff\x37");  // initrd_addr_max
  put(kText, console);
  put(kText + console.size(), report);
  std::string code = "\xfc";  // cld
  auto send = [&](size_t port, size_t at, size_t size) {
    if (size == 0) return;
    code += "\xba" + word(port) + "\xbe" + word(at) + "\xb9" + word(size);  // dx, si, cx
    code += "\xac\xee\xe2\xfc";  // again: lodsb; out dx, al; loop again
  };
  send(0x3f8, kText, console.size());
  send(0x2f8, kText + console.size(), report.size());
  if (end == FakeEnd::kReset) code += "\xb0\xfe\xe6\x64";  // through the keyboard controller
  put(kEntry, code + "\xeb\xfe");                          // jmp to itself
  return image;
}

}  // namespace selkie

#endif  // SELKIE_KERNEL_GUEST_TRIAL_FAKE_KERNEL_H_
