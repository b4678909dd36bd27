/*
 * shm_nattch counts mappings, not processes: of one that has attached a segment once it says 3.
 *
 *   gcc -Wall -Wextra -static -o shm-nattch shm-nattch.c && ./shm-nattch
 *
 * Runs as any user (as root it becomes user 1000). Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 if it cannot be
 * tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PAGE 4096UL

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

static long attached(int id)
{
	struct shmid_ds data;

	return shmctl(id, IPC_STAT, &data) ? -1 : (long)data.shm_nattch;
}

int main(void)
{
	struct utsname name;
	char *map;
	int id;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..4\n", name.release);
	if (geteuid() == 0 && (setgid(1000) || setuid(1000)))
		give_up("user 1000");
	id = shmget(IPC_PRIVATE, 3 * PAGE, 0600);
	map = shmat(id, NULL, 0);
	if (id < 0 || map == (void *)-1)
		give_up("shmat");
	check(attached(id) == 1, "one process has a segment of three pages attached once: shm_nattch is 1");
	check(mprotect(map + PAGE, PAGE, PROT_READ) == 0 && attached(id) == 3, "mprotect of the second page: shm_nattch is 3");
	check(munmap(map + PAGE, PAGE) == 0 && attached(id) == 2, "munmap of the second page: shm_nattch is 2");
	check(shmdt(map) == 0 && attached(id) == 0, "shmdt: shm_nattch is 0");
	shmctl(id, IPC_RMID, NULL);
	return failed;
}
