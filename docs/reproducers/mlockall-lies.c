/*
 * mlockall(MCL_CURRENT) says 0 where pages are not in memory, and can never be: mlock says ENOMEM.
 *
 *   gcc -Wall -Wextra -o mlockall-lies mlockall-lies.c && ./mlockall-lies
 *
 * As root, which mounts a tmpfs of 64 KiB in a mount namespace of its own.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

static int failed;
static sigjmp_buf back;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void bus(int number)
{
	siglongjmp(back, number);
}

int main(void)
{
	char top[] = "/tmp/mlockall-lies-XXXXXX", *at;
	static char full[65536];
	unsigned char there;
	int hole, other;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (!mkdtemp(top) || unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("none", top, "tmpfs", 0, "size=64k") || chdir(top))
		return 2;
	hole = open("hole", O_CREAT | O_RDWR, 0600);
	other = open("other", O_CREAT | O_RDWR, 0600);
	if (hole < 0 || other < 0 || ftruncate(hole, 4096) || write(other, full, sizeof(full)) != sizeof(full))
		return 2;
	at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, hole, 0);
	if (at == MAP_FAILED)
		return 2;
	printf("KTAP version 1\n1..4\n");
	check(mlock(at, 4096) == -1 && errno == ENOMEM, "a hole of a tmpfs that is full: mlock is ENOMEM");
	munlock(at, 4096);
	check(mlockall(MCL_CURRENT) == 0, "mlockall(MCL_CURRENT) is 0");
	check(mincore(at, 4096, &there) == 0 && !(there & 1), "the page is not in memory");
	signal(SIGBUS, bus);
	if (!sigsetjmp(back, 1)) {
		*(volatile char *)at = 1;
		check(0, "a store to it is done");
	} else
		check(1, "a store to it is SIGBUS");
	if (chdir("/") || umount2(top, MNT_DETACH) || rmdir(top))
		return 2;
	return failed;
}
