/*
 * MADV_DONTFORK of huge pages cannot be undone: MADV_DOFORK is EINVAL, and a child has nothing there. Of small pages it can.
 *
 *   gcc -Wall -Wextra -static -o dofork-huge dofork-huge.c && ./dofork-huge
 *
 * Runs as any user (as root it becomes user 1000). Two huge pages have to be free (vm.nr_hugepages). Prints KTAP; exits with 0 if
 * it cannot be undone, with 1 if it can, with 4 without huge pages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE (2UL << 20)

static int failed;

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

/* The signal of a load in a child, or 0 if it gives what the parent has stored. */
static int child_loads(volatile char *map)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(*map != 'x');
	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}

static char *map_memfd(unsigned int flags)
{
	int fd = memfd_create("region", flags);
	char *map;

	if (fd < 0 || ftruncate(fd, HUGE))
		give_up("memfd_create");
	map = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return map;
}

/* MADV_DONTFORK, and what MADV_DOFORK says. */
static int undo(char *map)
{
	if (map == MAP_FAILED)
		give_up("mmap");
	map[0] = 'x';
	if (madvise(map, HUGE, MADV_DONTFORK))
		give_up("MADV_DONTFORK");
	return madvise(map, HUGE, MADV_DOFORK) ? errno : 0;
}

int main(void)
{
	struct utsname name;
	char *map;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..5\n", name.release);
	if (geteuid() == 0 && (setgid(1000) || setuid(1000)))
		give_up("user 1000");
	map = map_memfd(0);
	check(undo(map) == 0 && child_loads(map) == 0, "a memfd, MADV_DONTFORK, MADV_DOFORK: 0, and a child loads what was stored");
	map = map_memfd(MFD_HUGETLB);
	check(undo(map) == EINVAL, "a memfd of huge pages, MADV_DONTFORK, MADV_DOFORK: EINVAL");
	check(child_loads(map) == SIGSEGV, "a child loads from it: SIGSEGV");
	map = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	check(undo(map) == EINVAL, "MAP_ANONYMOUS|MAP_HUGETLB, MADV_DONTFORK, MADV_DOFORK: EINVAL");
	check(child_loads(map) == SIGSEGV, "a child loads from it: SIGSEGV");
	return failed;
}
