/*
 * Who may read a memfd takes away what UFFDIO_POISON has marked in the mappings of others: MADV_COLLAPSE of the same pages.
 *
 *   gcc -Wall -Wextra -static -o reader-heals-poison reader-heals-poison.c && ./reader-heals-poison
 *
 * Run as root, who becomes user 1001 for the reader. Prints KTAP; exits with 0 if the poison is gone, with 1 if not, with 4
 * without UFFDIO_POISON (6.6) or transparent huge pages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define HUGE (2UL << 20)
#define BAD 3 /* the page that is poisoned */
#define COLLAPSE 25 /* MADV_COLLAPSE */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

/* linux/userfaultfd.h has it from 6.6 on. */
#define FEATURE_POISON (1 << 14)
struct poison {
	uint64_t start, len, mode;
	int64_t updated;
};
#define POISON _IOWR(0xAA, 8, struct poison)

static int failed;
static sigjmp_buf back;

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
	siglongjmp(back, number);
}

/* The signal that a load of this address makes, or 0. */
static int signal_of_load(volatile char *address)
{
	int number;

	signal(SIGBUS, on_bus);
	number = sigsetjmp(back, 1);
	if (!number)
		(void)*address;
	return number;
}

/* The first 2 MiB of the file, at a multiple of 2 MiB. */
static char *map_file(int fd, int protection)
{
	char *room = mmap(NULL, 2 * HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *map;

	if (room == MAP_FAILED)
		give_up("mmap");
	map = (char *)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));
	if (mmap(map, HUGE, protection, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
		give_up("mmap of the memfd");
	return map;
}

/* Marks one page of the mapping, as a monitor does for the guest whose memory it is. */
static void poison(char *map)
{
	struct uffdio_api api = { .api = UFFD_API, .features = FEATURE_POISON };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct poison page = { .start = (uintptr_t)map + BAD * PAGE, .len = PAGE };
	int uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	range.range.start = (uintptr_t)map;
	range.range.len = HUGE;
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		give_up("UFFD_FEATURE_POISON");
	if (ioctl(uffd, UFFDIO_REGISTER, &range) || ioctl(uffd, POISON, &page))
		give_up("UFFDIO_POISON");
}

/* User 1001, with a mapping that reads. */
static int collapse(int reader)
{
	char *map = map_file(reader, PROT_READ);
	int result;

	if (setgroups(0, NULL) || setgid(1001) || setuid(1001))
		give_up("user 1001");
	result = madvise(map, HUGE, COLLAPSE);
	printf("# user 1001: madvise(2 MiB, PROT_READ, O_RDONLY, MADV_COLLAPSE) = %d\n", result);
	return result ? 4 : 0;
}

static int run_reader(int reader)
{
	pid_t child = fork();
	int status;

	if (!child)
		exit(collapse(reader));
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}

int main(void)
{
	static char text[HUGE];
	int fd = memfd_create("region", MFD_ALLOW_SEALING), reader;
	struct utsname name;
	char path[64], *map;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() != 0) {
		printf("# needs root, who has a reader of another user\n");
		return 4;
	}
	memset(text, 'x', sizeof(text));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || write(fd, text, sizeof(text)) != sizeof(text) || fchmod(fd, 0444) || (reader = open(path, O_RDONLY)) < 0)
		give_up("memfd");
	map = map_file(fd, PROT_READ | PROT_WRITE);
	check(fcntl(fd, F_ADD_SEALS, SEALS) == 0, "root's memfd, 2 MiB, mode 0444, with F_SEAL_FUTURE_WRITE");
	poison(map);
	check(signal_of_load(map + BAD * PAGE) == SIGBUS, "root has poisoned a page of its mapping: a load is SIGBUS");
	check(signal_of_load(map + (BAD + 1) * PAGE) == 0 && signal_of_load(map + BAD * PAGE) == SIGBUS, "of this page alone, and always");
	if (run_reader(reader))
		return 4;
	check(signal_of_load(map + BAD * PAGE) == 0, "user 1001, O_RDONLY, has collapsed the pages: the load is no SIGBUS");
	check(signal_of_load(map + BAD * PAGE) == 0 && map[BAD * PAGE] == 'x', "but gives what the page has");
	printf("1..5\n");
	return failed;
}
