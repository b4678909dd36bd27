/*
 * A delegation (F_SETDELEG, Linux 6.19) of a memfd is given beside its writer, and stops its maker: ftruncate and a
 * write that would take the set-user-id bit away fail with EAGAIN, fallocate leaves the bit, and fchmod
 * waits for /proc/sys/fs/lease-break-time, 45 seconds.
 *
 *   gcc -Wall -Wextra -o delegation-stops-the-owner delegation-stops-the-owner.c && ./delegation-stops-the-owner
 *
 * As any user; root becomes 1000.  Prints KTAP; exits with 0 if the maker is stopped so, with 1 if not, with 4 if the
 * kernel gives no delegation of a memfd.  Takes as long as fchmod waits.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#ifndef F_SETDELEG
#define F_SETDELEG (1024 + 16)
struct delegation {
	uint32_t d_flags;
	uint16_t d_type;
	uint16_t d_pad;
};
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

/* The result, or the errno as a negative number. */
static long deleg(int fd, int type)
{
	struct delegation wanted = { .d_type = type };

	return fcntl(fd, F_SETDELEG, &wanted) < 0 ? -errno : 0;
}

int main(void)
{
	char path[64];
	struct stat st;
	int fd, reader;
	time_t start;

	if (geteuid() == 0 && setresuid(1000, 1000, 1000))
		return 4;
	fd = memfd_create("region", MFD_ALLOW_SEALING);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = open(path, O_RDONLY);
	signal(SIGIO, SIG_IGN); /* who holds it is told to end it */
	if (deleg(reader, F_RDLCK)) {
		printf("# no delegation of a memfd: %s\n", strerror(errno));
		return 4;
	}

	printf("KTAP version 1\n1..9\n");
	check(write(fd, "x", 1), 1, "write(fd, \"x\", 1) = 1, with a read delegation of the file");
	check(ftruncate(fd, 4096) < 0 ? -errno : 0, -EAGAIN, "ftruncate(fd, 4096) = -1 EAGAIN");
	deleg(reader, F_UNLCK);
	check(ftruncate(fd, 4096), 0, "ftruncate(fd, 4096) = 0, without");

	check(fchmod(fd, 04777), 0, "fchmod(fd, 04777) = 0");
	deleg(reader, F_RDLCK);
	check(write(fd, "x", 1) < 0 ? -errno : 1, -EAGAIN, "write(fd, \"x\", 1) = -1 EAGAIN");
	check(fallocate(fd, 0, 0, 4096), 0, "fallocate(fd, 0, 0, 4096) = 0");
	fstat(fd, &st);
	check(st.st_mode & 07777, 04777, "and the file is set-user-id still");

	start = time(NULL);
	check(fchmod(fd, 0700), 0, "fchmod(fd, 0700) = 0");
	check(time(NULL) - start > 1, 1, "after seconds");
	printf("# %ld seconds\n", (long)(time(NULL) - start));
	return failed;
}
