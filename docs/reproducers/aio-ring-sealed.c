/*
 * io_destroy of an AIO context whose ring is mseal'ed says 0, and leaves the mapping: loads are SIGBUS, and munmap is EPERM.
 *
 *   gcc -Wall -Wextra -static -o aio-ring-sealed aio-ring-sealed.c && ./aio-ring-sealed
 *
 * Runs as any user (as root it becomes user 1000). Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 without AIO or
 * mseal (6.10).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PAGE 4096UL
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

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

static void on_signal(int number)
{
	siglongjmp(jump, number);
}

/* The signal that a load is, or 0. */
static int load(unsigned long at)
{
	int number = sigsetjmp(jump, 1);

	if (!number)
		(void)*(volatile char *)at;
	return number;
}

/* The address of the ring is the context. */
static unsigned long make_ring(void)
{
	unsigned long ring = 0;

	if (syscall(SYS_io_setup, 8, &ring))
		give_up("io_setup");
	return ring;
}

/* The file goes later, when nobody uses the context any more. */
static int destroy(unsigned long ring)
{
	int result = (int)syscall(SYS_io_destroy, ring);

	usleep(300000);
	return result;
}

int main(void)
{
	unsigned long ring;
	struct utsname name;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..4\n", name.release);
	if (geteuid() == 0 && (setgid(1000) || setuid(1000)))
		give_up("user 1000");
	signal(SIGSEGV, on_signal);
	signal(SIGBUS, on_signal);
	ring = make_ring();
	check(destroy(ring) == 0 && load(ring) == SIGSEGV, "io_destroy of an AIO context is 0: its ring is not mapped any more, SIGSEGV");
	ring = make_ring();
	if (syscall(SYS_mseal, ring, PAGE, 0UL))
		give_up("mseal");
	check(destroy(ring) == 0, "io_destroy of one whose ring is mseal'ed is 0");
	check(load(ring) == SIGBUS, "a load from the ring: SIGBUS, it is still mapped");
	check(munmap((void *)ring, PAGE) == -1 && errno == EPERM, "munmap of it is EPERM");
	return failed;
}
