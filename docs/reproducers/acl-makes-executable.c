/*
 * A memfd that was made not to be executed is executed: a POSIX ACL sets the bits that F_SEAL_EXEC
 * keeps chmod from setting.  vm.memfd_noexec=2, which allows no other memfd, does not stop it.
 *
 *   gcc -Wall -Wextra -o acl-makes-executable acl-makes-executable.c && ./acl-makes-executable
 *   ./acl-makes-executable /bin/busybox       # where another program is to be run than /bin/true
 *
 * As any user.  Prints KTAP; exits with 0 if the memfd is executed, with 1 if not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8
#endif

static int failed;

static void check(long got, long expected, const char *text)
{
	static int number;

	if (got != expected) {
		printf("# got %ld, errno: %s\n", got, strerror(errno));
		failed = 1;
	}
	printf("%sok %d %s\n", got == expected ? "" : "not ", ++number, text);
}

int main(int argc, char **argv)
{
	/* user::rwx group::r-x other::r-x, which is mode 0755 */
	const struct {
		uint32_t version;
		struct {
			uint16_t tag, permissions;
			uint32_t id;
		} entries[3];
	} acl = { 2, { { 1, 7, -1 }, { 4, 5, -1 }, { 0x20, 5, -1 } } };
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | 0x10;
	int program = open(argc > 1 ? argv[1] : "/bin/true", O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("sealed", MFD_NOEXEC_SEAL | MFD_ALLOW_SEALING);
	int ro, status = -1;
	struct stat st;
	char path[64];
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (fd < 0) {
		printf("1..0 # SKIP MFD_NOEXEC_SEAL came with 6.3\n");
		return 4;
	}
	printf("1..6\n");
	while (sendfile(fd, program, NULL, 1 << 20) > 0)
		;
	check(fcntl(fd, F_ADD_SEALS, seals), 0, "every seal is set, F_SEAL_EXEC from the start");
	check(fchmod(fd, 0755), -1, "fchmod(fd, 0755) = -1 EPERM");
	check(fsetxattr(fd, "system.posix_acl_access", &acl, sizeof(acl), 0), 0,
	      "fsetxattr(fd, \"system.posix_acl_access\", rwxr-xr-x) = 0");
	fstat(fd, &st);
	check(st.st_mode & 07777, 0755, "the mode is 0755");
	check(fcntl(fd, F_GET_SEALS), seals | 0x20, "and F_SEAL_EXEC still there");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ro = open(path, O_RDONLY | O_CLOEXEC);
	close(fd); /* which could write */
	child = fork();
	if (child == 0) {
		char *arguments[] = { "true", NULL }, *environment[] = { NULL };

		fexecve(ro, arguments, environment);
		printf("# fexecve: %s\n", strerror(errno));
		_exit(99);
	}
	waitpid(child, &status, 0);
	check(status, 0, "it is executed");
	return failed;
}
