/*
 * Who may read a memfd of huge pages keeps all of them after it is closed, and nobody has it any more: by one byte of each in a
 * pipe (vmsplice of a mapping that reads). They are free again when the reader ends.
 *
 *   gcc -Wall -Wextra -static -o reader-keeps-huge reader-keeps-huge.c && ./reader-keeps-huge
 *
 * Run as root, who becomes user 1001 for the reader, with one to sixteen huge pages free. Prints KTAP; exits with 0 if the pages are
 * kept, with 1 if not, with 4 if it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE (2L << 20)
#define BUFFERS 16 /* of a pipe */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

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

static long count(const char *name)
{
	char text[4096] = "", *at;
	int fd = open("/proc/meminfo", O_RDONLY);

	if (read(fd, text, sizeof(text) - 1) < 0)
		return -1;
	close(fd);
	at = strstr(text, name);
	return at ? atol(at + strlen(name)) : -1;
}

/* User 1001: a byte of each page into a pipe; then only the pipe is left. */
static void keep(int reader, long pages)
{
	char *map = mmap(NULL, pages * HUGE, PROT_READ, MAP_SHARED, reader, 0);
	int ends[2];
	long i;

	if (setgroups(0, NULL) || setgid(1001) || setuid(1001) || map == MAP_FAILED || pipe(ends))
		give_up("user 1001");
	for (i = 0; i < pages; i++) {
		struct iovec byte = { map + i * HUGE, 1 };

		if (vmsplice(ends[1], &byte, 1, 0) != 1)
			give_up("vmsplice");
	}
	munmap(map, pages * HUGE);
	close(reader);
	raise(SIGSTOP);
	exit(4);
}

int main(void)
{
	long pages = count("HugePages_Free:") - count("HugePages_Rsvd:");
	int fd = memfd_create("region", MFD_ALLOW_SEALING | MFD_HUGETLB), reader, other, status;
	struct utsname name;
	char path[64];
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() != 0 || fd < 0 || pages < 1 || pages > BUFFERS) {
		printf("# needs root, and one to sixteen free huge pages\n");
		return 4;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fallocate(fd, 0, 0, pages * HUGE) || fchmod(fd, 0444) || (reader = open(path, O_RDONLY)) < 0)
		give_up("memfd");
	check(fcntl(fd, F_ADD_SEALS, SEALS) == 0, "root's memfd of all free huge pages, mode 0444, has every seal");
	child = fork();
	if (!child) {
		close(fd);
		keep(reader, pages);
	}
	waitpid(child, &status, WUNTRACED);
	if (!WIFSTOPPED(status))
		return 4;
	close(reader);
	close(fd);
	usleep(200000);
	printf("# %ld bytes are in a pipe; of %ld huge pages %ld are free\n", pages, pages, count("HugePages_Free:"));
	check(count("HugePages_Free:") == 0, "nobody has the memfd, and nobody maps it: none of its pages is free");
	other = memfd_create("other", MFD_HUGETLB);
	check(fallocate(other, 0, 0, HUGE) == -1 && errno == ENOSPC, "root's fallocate of one huge page: ENOSPC");
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	usleep(200000);
	check(count("HugePages_Free:") == pages, "the reader has ended: all of them are free");
	printf("1..4\n");
	return failed;
}
