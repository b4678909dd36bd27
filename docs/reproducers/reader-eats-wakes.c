/*
 * Who may read a memfd eats the wakes of those who sleep on a word of it: a reader of another user waits there first (FUTEX_WAIT),
 * sem_post wakes him and nobody else, and who is in sem_wait sleeps on with the semaphore at 1.
 *
 *   gcc -Wall -Wextra -static -pthread -o reader-eats-wakes reader-eats-wakes.c && ./reader-eats-wakes
 *
 * Run as root, who becomes user 1001 for the reader. Prints KTAP; exits with 0 if the sleeper goes on sleeping, with 1 if not, with 4
 * if it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_FUTURE_WRITE)

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

static int ended(pid_t child)
{
	int status;

	return waitpid(child, &status, WNOHANG) == child;
}

/* User 1001, with a mapping that reads, waits on the semaphore's word. */
static void eat(int reader)
{
	int *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);

	if (setgroups(0, NULL) || setgid(1001) || setuid(1001) || map == MAP_FAILED)
		give_up("user 1001");
	exit(syscall(SYS_futex, map, FUTEX_WAIT, *map, NULL, NULL, 0) != 0);
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), reader, value = 0;
	pid_t eater, sleeper;
	struct utsname name;
	sem_t *semaphore;
	char path[64];

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..4\n", name.release);
	if (geteuid() != 0) {
		printf("# needs root, who has a reader of another user\n");
		return 4;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || ftruncate(fd, PAGE) || fchmod(fd, 0444) || (reader = open(path, O_RDONLY)) < 0)
		give_up("memfd");
	semaphore = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (semaphore == MAP_FAILED || sem_init(semaphore, 1, 0))
		give_up("semaphore");
	check(fcntl(fd, F_ADD_SEALS, SEALS) == 0, "root's memfd, mode 0444, with F_SEAL_FUTURE_WRITE, has a semaphore");
	eater = fork();
	if (!eater)
		eat(reader);
	usleep(300000);
	sleeper = fork();
	if (!sleeper)
		_exit(sem_wait(semaphore) != 0);
	usleep(300000);
	check(!ended(eater) && !ended(sleeper), "user 1001, O_RDONLY and PROT_READ, waits there, and then a process in sem_wait");
	sem_post(semaphore);
	sleep(2);
	sem_getvalue(semaphore, &value);
	check(ended(eater), "sem_post wakes user 1001");
	check(value == 1 && !ended(sleeper), "the value is 1, and who is in sem_wait goes on sleeping");
	kill(sleeper, SIGKILL);
	waitpid(sleeper, NULL, 0);
	return failed;
}
