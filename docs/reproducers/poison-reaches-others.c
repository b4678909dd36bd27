/*
 * UFFDIO_POISON of one's own mapping of huge pages poisons the mappings of others: their page table is the same one.
 * Who has never heard of userfaultfd gets SIGBUS of a memfd that F_SEAL_SHRINK keeps from becoming smaller.
 *
 *   gcc -Wall -Wextra -static -o poison-reaches-others poison-reaches-others.c && ./poison-reaches-others
 *
 * Run as root, who becomes users 1000, 1001 and 1002; with at least five free huge pages of 2 MiB (/proc/sys/vm/nr_hugepages).
 * Prints KTAP; exits with 0 if others are poisoned, with 1 if not, with 4 without UFFDIO_POISON or huge pages.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/memfd.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define HUGE (2UL << 20)
#define SHARED (1UL << 30) /* as much as a page table of huge pages is for */
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)

/* linux/userfaultfd.h has it from 6.6 on. */
#define FEATURE_POISON (1 << 14)
struct poison {
	uint64_t start, len, mode;
	int64_t updated;
};
#define POISON _IOWR(0xAA, 8, struct poison)

static int failed;
static sigjmp_buf back;
static volatile int bus_code;

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

static void on_bus(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	bus_code = info->si_code;
	siglongjmp(back, 1);
}

/* si_code of the SIGBUS that a load of this address makes, or 0. */
static int bus_of_load(volatile char *address)
{
	struct sigaction action = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO };

	sigaction(SIGBUS, &action, NULL);
	if (sigsetjmp(back, 1))
		return bus_code;
	(void)*address;
	return 0;
}

/* All of the file, at a multiple of 1 GiB, as is usual for memory of that size. */
static char *map_file(int fd)
{
	char *room = mmap(NULL, 2 * SHARED, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), *map;

	if (room == MAP_FAILED)
		give_up("mmap");
	map = (char *)(((uintptr_t)room + SHARED - 1) & ~(SHARED - 1));
	if (mmap(map, SHARED, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, fd, 0) == MAP_FAILED)
		give_up("mmap of huge pages");
	return map;
}

static void become(unsigned int user)
{
	if (setgroups(0, NULL) || setgid(user) || setuid(user))
		give_up("setuid");
}

/* User 1000, on the own mapping alone. */
static int poison(int fd)
{
	struct uffdio_api api = { .api = UFFD_API, .features = FEATURE_POISON };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct poison page = { .len = HUGE };
	int uffd;
	char *map;

	become(1000);
	uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		give_up("UFFD_FEATURE_POISON");
	map = map_file(fd);
	if (bus_of_load(map))
		give_up("load");
	range.range.start = (uintptr_t)map;
	range.range.len = SHARED;
	if (ioctl(uffd, UFFDIO_REGISTER, &range))
		give_up("UFFDIO_REGISTER");
	page.start = (uintptr_t)map + HUGE;
	if (ioctl(uffd, POISON, &page))
		give_up("UFFDIO_POISON");
	printf("# user 1000: UFFDIO_POISON of the second page of the own mapping = 0\n");
	return 0;
}

/* Forks a child that runs as another user, and says how it ended. */
static int status_of(int (*run)(int), int fd)
{
	pid_t child = fork();
	int status;

	if (!child)
		exit(run(fd));
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}

static int come_later(int fd)
{
	char *map;

	become(1002);
	map = map_file(fd);
	return bus_of_load(map) == 0 && bus_of_load(map + HUGE) != 0;
}

int main(void)
{
	struct utsname name;
	char byte = 1, *map;
	int fd, code;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() != 0) {
		printf("# needs root, who has users 1000 and 1002\n");
		return 4;
	}
	fd = memfd_create("region", MFD_ALLOW_SEALING | MFD_HUGETLB | MFD_HUGE_2MB);
	if (fd < 0 || ftruncate(fd, SHARED) || fallocate(fd, 0, 0, 3 * HUGE))
		give_up("memfd with three huge pages");
	check(fcntl(fd, F_ADD_SEALS, SEALS) == 0, "a memfd of 1 GiB, in huge pages, with F_SEAL_SHRINK");
	map = map_file(fd);
	check(bus_of_load(map) == 0, "root loads from the first page");
	if (status_of(poison, fd))
		return 4;
	check(fcntl(fd, F_GET_SEALS) == SEALS, "user 1000 has poisoned the second page of its own mapping, and has ended");
	check(bus_of_load(map + 2 * HUGE) == 0, "root loads from the third page");
	code = bus_of_load(map + HUGE);
	printf("# si_code %d%s\n", code, code == BUS_MCEERR_AR ? ", BUS_MCEERR_AR" : "");
	check(code != 0, "a load from the second is SIGBUS");
	check(pread(fd, &byte, 1, HUGE) == 1 && byte == 0, "which read(2) reads");
	check(status_of(come_later, fd) == 1, "user 1002 maps the memfd for the first time, and has SIGBUS, too");
	printf("1..7\n");
	return failed;
}
