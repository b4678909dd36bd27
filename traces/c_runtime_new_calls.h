// C helpers for system calls that C libraries do not have, by number.  Internal to
// traces/c_runtime.cc.
#ifndef SELKIE_TRACES_C_RUNTIME_NEW_CALLS_H_
#define SELKIE_TRACES_C_RUNTIME_NEW_CALLS_H_

#include <string_view>

namespace selkie {

constexpr std::string_view kOpenHowText = R"(
static long open_how(int dir, const char *path, unsigned int flags, unsigned int mode,
		     unsigned long resolve)
{
	unsigned long long how[] = { flags, mode, resolve }; /* struct open_how */

	return syscall(437, dir, path, how, sizeof(how));
}
)";

constexpr std::string_view kFileSetattrText = R"(
static long set_file_attr(int dir, const char *path, unsigned int xflags, unsigned long size,
			  int flags)
{
	unsigned long long attr[4096 / 8] = { xflags }; /* struct file_attr, and zeroes */

	return syscall(469, dir, path, attr, size, flags);
}
)";

constexpr std::string_view kFchmodat2Text = R"(
static long change_mode_at(int dir, const char *path, unsigned int mode, int flags)
{
	return syscall(452, dir, path, mode, flags);
}
)";

}  // namespace selkie

#endif  // SELKIE_TRACES_C_RUNTIME_NEW_CALLS_H_
