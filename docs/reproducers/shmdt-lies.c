/*
 * shmdt of an attachment that is mseal'ed says 0, and detaches nothing: the memory is there, and shm_nattch stays.
 *
 *   gcc -Wall -Wextra -static -o shmdt-lies shmdt-lies.c && ./shmdt-lies
 *
 * Runs as any user (as root it becomes user 1000). Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 without mseal (6.10).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SIZE 8192UL
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

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

static unsigned long attached(int id)
{
	struct shmid_ds data;

	return shmctl(id, IPC_STAT, &data) ? 0 : data.shm_nattch;
}

int main(void)
{
	struct utsname name;
	char *map;
	int id;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	if (geteuid() == 0 && (setgid(1000) || setuid(1000)))
		give_up("user 1000");
	id = shmget(IPC_PRIVATE, SIZE, 0600);
	map = shmat(id, NULL, 0);
	if (id < 0 || map == (void *)-1)
		give_up("shmat");
	shmctl(id, IPC_RMID, NULL); /* it goes when nobody has it attached */
	if (syscall(SYS_mseal, map, SIZE, 0UL))
		give_up("mseal");
	strcpy(map, "still here");
	check(munmap(map, SIZE) == -1 && errno == EPERM, "an attachment is mseal'ed: munmap is EPERM");
	check(shmdt(map) == 0, "shmdt of it is 0");
	check(attached(id) == 1 && !strcmp(map, "still here"), "shm_nattch is 1, and the memory has what was stored");
	check(shmdt(map) == 0 && attached(id) == 1, "shmdt of it again is 0");
	printf("1..4\n");
	return failed;
}
