/*
 * Who shares one robust mutex with a process, and punches its page out, keeps all that this process locked before it locked for good, when it ends; who stores to it
 * makes the kernel change a word elsewhere in the memory of that process.
 *
 *   gcc -Wall -Wextra -pthread -o robust-stops robust-stops.c && ./robust-stops
 *
 * As any user.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static pthread_mutex_t *mutex_in(int *fd)
{
	pthread_mutexattr_t attributes;
	pthread_mutex_t *mutex;

	*fd = memfd_create("mutex", 0);
	if (*fd < 0 || ftruncate(*fd, 4096))
		return NULL;
	mutex = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
	if (mutex == MAP_FAILED)
		return NULL;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	return pthread_mutex_init(mutex, &attributes) ? NULL : mutex;
}

/* A process locks one, then the other, and is killed; before that, what is done to the other's memfd: nothing, a hole, a truncation, a store.
 * What the next gets of the first mutex; or, after the store, what is in a word of the first memfd, where the process had put its number. */
static int after_death(int how)
{
	int first_fd, second_fd, ends[2], result;
	pthread_mutex_t *first = mutex_in(&first_fd), *second = mutex_in(&second_fd);
	struct timespec until;
	volatile int *word;
	char ready;
	pid_t child;

	if (!first || !second || pipe(ends))
		return -1;
	word = (volatile int *)((char *)first + 2048);
	child = fork();
	if (!child) {
		*word = (int)getpid();
		if (pthread_mutex_lock(first) || pthread_mutex_lock(second) || write(ends[1], "x", 1) != 1)
			_exit(1);
		pause();
	}
	if (read(ends[0], &ready, 1) != 1)
		return -1;
	if (how == 1 && fallocate(second_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096))
		return -1;
	if (how == 2 && ftruncate(second_fd, 0))
		return -1;
	if (how == 3) /* the next mutex of the list is said to be where the word is, at the same address in both */
		second->__data.__list.__next = (void *)((char *)word + ((char *)&second->__data.__list.__next - (char *)second));
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	if (how == 3)
		return *word;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 2;
	result = pthread_mutex_timedlock(first, &until);
	return result;
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n1..4\n");
	check(after_death(0) == EOWNERDEAD, "a process with two robust mutexes is killed: the first is EOWNERDEAD for the next");
	check(after_death(1) == ETIMEDOUT, "the memfd of the second is punched out before: the first is locked for good");
	check(after_death(2) == ETIMEDOUT, "the memfd of the second is cut off before: the first is locked for good");
	check(after_death(3) == 0x40000000, "a pointer is stored to the memfd of the second before: a word in the memfd of the first, the number of the process, is FUTEX_OWNER_DIED");
	return failed;
}
