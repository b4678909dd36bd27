/*
 * Who may read a memfd takes away those who sleep on a word of it: FUTEX_REQUEUE, to memory of the reader's own. No
 * sem_post reaches them afterwards, whether the reader still lives or not.
 *
 *   gcc -Wall -Wextra -static -pthread -o reader-takes-sleepers reader-takes-sleepers.c && ./reader-takes-sleepers
 *
 * Run as root, who becomes user 1001 for the reader. Prints KTAP; exits with 0 if the sleeper goes on sleeping, with 1 if not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
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

/* User 1001, with a mapping that reads. */
static int take(int reader)
{
	char *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0);
	char *own = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long moved = 0;
	int word;

	if (setgroups(0, NULL) || setgid(1001) || setuid(1001) || map == MAP_FAILED || own == MAP_FAILED)
		give_up("user 1001");
	for (word = 0; word < 32 && !moved; word++) { /* the semaphore's word is one of them */
		moved = syscall(SYS_futex, map + 4 * word, FUTEX_CMP_REQUEUE, 0, INT_MAX, own, *(int *)(map + 4 * word));
		if (moved < 0)
			give_up("FUTEX_CMP_REQUEUE");
	}
	printf("# user 1001: futex(map+%d, FUTEX_CMP_REQUEUE, wake 0, requeue INT_MAX, own) = %ld\n", 4 * word - 4, moved);
	return moved != 1;
}

static int ended(pid_t child)
{
	int status;

	return waitpid(child, &status, WNOHANG) == child;
}

/* A child that sleeps on the semaphore. */
static pid_t sleeper_on(sem_t *semaphore)
{
	pid_t child = fork();

	if (!child)
		_exit(sem_wait(semaphore) != 0);
	usleep(300000);
	return child;
}

static int run_reader(int reader)
{
	pid_t child = fork();
	int status;

	if (!child)
		exit(take(reader));
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 4;
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), reader, value = 0;
	struct utsname name;
	char path[64];
	sem_t *semaphore;
	pid_t sleeper;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
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
	sleeper = sleeper_on(semaphore);
	sem_post(semaphore);
	usleep(300000);
	check(ended(sleeper), "sem_post wakes who sleeps in sem_wait");
	sleeper = sleeper_on(semaphore);
	check(run_reader(reader) == 0, "user 1001, O_RDONLY and PROT_READ, has moved the next to sleep, and has ended");
	sem_post(semaphore);
	sem_getvalue(semaphore, &value);
	sleep(2);
	check(value == 1 && !ended(sleeper), "sem_post makes the value 1, and who sleeps goes on sleeping");
	check(syscall(SYS_futex, semaphore, FUTEX_WAKE, INT_MAX, NULL, NULL, 0) == 0, "FUTEX_WAKE of all finds nobody");
	kill(sleeper, SIGKILL);
	waitpid(sleeper, NULL, 0);
	printf("1..5\n");
	return failed;
}
