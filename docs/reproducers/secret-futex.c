/*
 * A lock for several processes in memory of memfd_secret ends the process, and so does pthread_join of a thread that has its stack there: futex says EFAULT.
 *
 *   gcc -Wall -Wextra -pthread -o secret-futex secret-futex.c && ./secret-futex
 *
 * As any user; up to 6.1 with secretmem.enable=1.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 without memfd_secret.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#define SIZE 32768 /* of 64 kB of RLIMIT_MEMLOCK */

static int failed, shared;
static char *secret;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void *lock_it(void *mutex)
{
	pthread_mutex_lock(mutex);
	pthread_mutex_unlock(mutex);
	return NULL;
}

static void *nothing(void *unused)
{
	usleep(500000);
	return unused;
}

/* One thread has the mutex, another waits for it. */
static void contend(void)
{
	pthread_mutex_t *mutex = (pthread_mutex_t *)secret;
	pthread_mutexattr_t attributes;
	pthread_t thread;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, shared ? PTHREAD_PROCESS_SHARED : PTHREAD_PROCESS_PRIVATE);
	pthread_mutex_init(mutex, &attributes);
	pthread_mutex_lock(mutex);
	pthread_create(&thread, NULL, lock_it, mutex);
	usleep(500000);
	pthread_mutex_unlock(mutex);
	pthread_join(thread, NULL);
}

static void *post(void *semaphore)
{
	usleep(500000);
	sem_post(semaphore);
	return NULL;
}

static void semaphore(void)
{
	sem_t *at = (sem_t *)(secret + 1024);
	pthread_t thread;

	sem_init(at, 1, 0);
	pthread_create(&thread, NULL, post, at);
	sem_wait(at);
	pthread_join(thread, NULL);
}

static void join(void)
{
	pthread_attr_t attributes;
	pthread_t thread;

	pthread_attr_init(&attributes);
	if (pthread_attr_setstack(&attributes, secret, SIZE) || pthread_create(&thread, &attributes, nothing, NULL))
		_exit(3);
	pthread_join(thread, NULL);
}

/* How a process ends that does this. */
static int ends(void (*what)(void))
{
	int status;

	fflush(stdout);
	if (!fork()) {
		alarm(10);
		what();
		_exit(0);
	}
	wait(&status);
	return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

int main(void)
{
	int fd = (int)syscall(SYS_memfd_secret, 0);

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (fd < 0 || ftruncate(fd, SIZE))
		return 2;
	secret = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (secret == MAP_FAILED)
		return 2;
	secret[0] = 0;
	check(syscall(SYS_futex, secret, FUTEX_WAKE, 1, NULL, NULL, 0) == -1 && errno == EFAULT && syscall(SYS_futex, secret, FUTEX_WAIT, 1, NULL, NULL, 0) == -1 && errno == EFAULT,
	      "futex of memory of memfd_secret, which is there: EFAULT");
	check(syscall(SYS_futex, secret, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0, "FUTEX_WAKE_PRIVATE is 0");
	check(ends(contend) == 0, "a mutex, PTHREAD_PROCESS_PRIVATE, that two threads want: the process goes on");
	shared = 1;
	check(ends(contend) == SIGABRT, "the same, PTHREAD_PROCESS_SHARED: SIGABRT");
	check(ends(semaphore) == SIGABRT, "sem_wait of a semaphore for processes: SIGABRT");
	check(ends(join) == SIGABRT, "pthread_join of a thread with its stack there: SIGABRT");
	printf("1..6\n");
	return failed;
}
