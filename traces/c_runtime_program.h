// Parts of an exported C program: the program that a child runs.  Internal to traces/c_runtime.cc.
#ifndef SELKIE_TRACES_C_RUNTIME_PROGRAM_H_
#define SELKIE_TRACES_C_RUNTIME_PROGRAM_H_

#include <string_view>

namespace selkie {

constexpr std::string_view kNeedX86Text = R"(
static void need_x86(void)
{
#ifndef __x86_64__
	dprintf(1, "KTAP version 1\n1..0 # SKIP the program that is run is one for x86-64\n");
	_exit(4);
#endif
}
)";

constexpr std::string_view kWriteProgramText = R"(
/* A program for x86-64: for (;;) kill(getpid(), SIGSTOP), and zeroes behind it. */
static long write_program(int fd)
{
	static const struct {
		Elf64_Ehdr header;
		Elf64_Phdr segment;
		unsigned char code[2048 - sizeof(Elf64_Ehdr) - sizeof(Elf64_Phdr)];
	} file = {
		.header = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_entry = 0x400000 + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
			.e_phoff = sizeof(Elf64_Ehdr),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = 1,
		},
		.segment = {
			.p_type = PT_LOAD,
			.p_flags = PF_R | PF_X,
			.p_vaddr = 0x400000,
			.p_paddr = 0x400000,
			.p_filesz = 2048,
			.p_memsz = 2048,
			.p_align = 4096,
		},
		.code = {
			0xb8, 39, 0, 0, 0, 0x0f, 0x05, /* getpid */
			0x89, 0xc7,
			0xbe, 19, 0, 0, 0, /* SIGSTOP */
			0xb8, 62, 0, 0, 0, 0x0f, 0x05, /* kill */
			0xeb, 0xe9,
		},
	};

	return pwrite(fd, &file, sizeof(file), 0);
}
)";

constexpr std::string_view kRunProgramText = R"(
/* Lets a child execute the file, and waits until it has stopped itself.  The child has no other
 * descriptors, and ends with this task.
 */
static long run_program(pid_t *child, int fd)
{
	char *const argv[] = { "selkie-no-program", NULL }, *const envp[] = { NULL };
	int status = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 3; i < 1024; i++)
			syscall(SYS_fcntl, i, F_SETFD, FD_CLOEXEC);
		syscall(SYS_execveat, fd, "", argv, envp, AT_EMPTY_PATH);
		_exit(127); /* errno is the parent's, too */
	}
	if (pid < 0 || waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		return -1;
	*child = pid;
	return 0;
}

static inline long end_program(pid_t *child)
{
	if (kill(*child, SIGKILL) || waitpid(*child, NULL, 0) != *child)
		return -1;
	*child = 0;
	return 0;
}
)";

constexpr std::string_view kOpenExeText = R"(
static int open_exe(pid_t child, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)child);
	return open(path, flags, 0);
}
)";

}  // namespace selkie

#endif  // SELKIE_TRACES_C_RUNTIME_PROGRAM_H_
