/*
 * With kernel.shm_rmid_forced a segment that a thread has made, and nobody has attached yet, is destroyed when the thread ends,
 * though the process goes on.
 *
 *   gcc -Wall -Wextra -static -pthread -o shm-thread-exit shm-thread-exit.c && ./shm-thread-exit
 *
 * Run as root, who sets it in an IPC namespace of the program's own, and becomes user 1000. Prints KTAP; exits with 0 if the
 * segment is gone, with 1 if not, with 4 if it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/utsname.h>
#include <unistd.h>

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

static void *make(void *id)
{
	*(int *)id = shmget(IPC_PRIVATE, 4096, 0600);
	return NULL;
}

static int make_in_thread(void)
{
	pthread_t thread;
	int id = -1;

	if (pthread_create(&thread, NULL, make, &id) || pthread_join(thread, NULL) || id < 0)
		give_up("thread");
	return id;
}

/* Whether it is there for half a second: pthread_join may come before the thread has ended in the kernel. */
static int stays(int id)
{
	struct shmid_ds data;

	for (int i = 0; i < 50; i++) {
		if (shmctl(id, IPC_STAT, &data))
			return 0;
		usleep(10000);
	}
	return 1;
}

int main(void)
{
	int setting, id, own;
	struct utsname name;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..4\n", name.release);
	if (unshare(CLONE_NEWIPC))
		give_up("IPC namespace");
	setting = open("/proc/sys/kernel/shm_rmid_forced", O_RDWR);
	if (setting < 0 || pwrite(setting, "0", 1, 0) != 1)
		give_up("kernel.shm_rmid_forced");
	check(stays(make_in_thread()), "kernel.shm_rmid_forced is 0: a thread makes a segment, and ends: the segment is there");
	if (pwrite(setting, "1", 1, 0) != 1 || setgroups(0, NULL) || setgid(1000) || setuid(1000))
		give_up("kernel.shm_rmid_forced");
	own = shmget(IPC_PRIVATE, 4096, 0600);
	id = make_in_thread();
	check(!stays(id) && errno == EINVAL, "it is 1: a thread makes a segment, and ends: shmctl(IPC_STAT) is EINVAL");
	check(shmat(id, NULL, 0) == (void *)-1 && errno == EINVAL, "the process goes on: shmat is EINVAL");
	check(stays(own), "the segment that the main thread has made is there");
	return failed;
}
