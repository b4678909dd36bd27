/*
 * What UFFDIO_POISON has marked in a mapping of a memfd is not marked in a child: fork leaves the page table out. Of anonymous
 * memory it does not.
 *
 *   gcc -Wall -Wextra -static -o fork-heals-poison fork-heals-poison.c && ./fork-heals-poison
 *
 * Runs as any user (as root it becomes user 1000). Prints KTAP; exits with 0 if the child loads what the parent may not, with 1 if
 * not, with 4 without UFFDIO_POISON (6.6).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define USER_MODE_ONLY 1 /* UFFD_USER_MODE_ONLY */

struct poison { /* struct uffdio_poison */
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};

#define POISON _IOWR(UFFDIO, 0x08, struct poison) /* UFFDIO_POISON */

static int failed;
static sigjmp_buf jump;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void give_up(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	exit(4);
}

static void on_bus(int number)
{
	siglongjmp(jump, number);
}

/* What a load gives, or -1 for SIGBUS. */
static int load(volatile char *at)
{
	return sigsetjmp(jump, 1) ? -1 : *at;
}

static int load_in_child(volatile char *at)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(load(at) & 0xff);
	waitpid(child, &status, 0);
	return (signed char)WEXITSTATUS(status);
}

static void mark(int uffd, char *page)
{
	struct uffdio_register reg = { .range = { (unsigned long)page, PAGE }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct poison marker = { .range = { (unsigned long)page, PAGE } };

	if (page == MAP_FAILED || ioctl(uffd, UFFDIO_REGISTER, &reg) || ioctl(uffd, POISON, &marker))
		give_up("UFFDIO_POISON");
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = memfd_create("region", 0), uffd;
	char *of_memfd, *anonymous;
	struct utsname name;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() == 0 && (setgid(1000) || setuid(1000)))
		give_up("user 1000");
	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | USER_MODE_ONLY);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		give_up("userfaultfd");
	if (ftruncate(fd, PAGE) || pwrite(fd, "x", 1, 0) != 1)
		give_up("memfd");
	of_memfd = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	anonymous = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	mark(uffd, of_memfd);
	mark(uffd, anonymous);
	signal(SIGBUS, on_bus);
	check(load(of_memfd) == -1 && load(anonymous) == -1, "a page of a memfd and one of anonymous memory are marked: SIGBUS");
	check(load_in_child(anonymous) == -1, "a child loads from the anonymous one: SIGBUS");
	check(load_in_child(of_memfd) == 'x', "a child loads from the memfd's: no signal, it has what was written");
	check(load(of_memfd) == -1, "the parent loads from it again: SIGBUS");
	printf("1..4\n");
	return failed;
}
