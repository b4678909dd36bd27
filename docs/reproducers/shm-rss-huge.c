/*
 * shmctl(2) and /proc/sysvipc/shm say that a segment of huge pages has 512 times as much memory as it has.
 *
 *   gcc -Wall -Wextra -static -o shm-rss-huge shm-rss-huge.c && ./shm-rss-huge
 *
 * Run as root (or in the group vm.hugetlb_shm_group), where two huge pages of 2 MiB are free. Prints KTAP; exits with 0 if it is so, with
 * 1 if not, with 4 where it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/utsname.h>
#include <unistd.h>

#define SIZE (4UL << 20)

static int failed, id = -1;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void give_up(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	exit(4);
}

static unsigned long rss(void)
{
	struct shm_info info;

	if (shmctl(0, SHM_INFO, (struct shmid_ds *)&info) < 0)
		give_up("SHM_INFO");
	return info.shm_rss;
}

/* The column of /proc/sysvipc/shm, in bytes. */
static unsigned long column(void)
{
	char line[512];
	unsigned long value = 0;
	int this;
	FILE *file = fopen("/proc/sysvipc/shm", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "%*s %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu", &this, &value) == 2 && this == id)
			break;
	if (file)
		fclose(file);
	return value;
}

int main(void)
{
	struct utsname name;
	char *map;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..4\n", name.release);
	if (unshare(CLONE_NEWIPC))
		give_up("unshare");
	id = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | 0600);
	map = shmat(id, NULL, 0);
	if (id < 0 || map == (void *)-1)
		give_up("shmget");
	memset(map, 'x', SIZE);
	printf("# shm_rss is %lu pages, rss in /proc %lu bytes\n", rss(), column());
	check(rss() == SIZE / 4096 && column() == SIZE, "4 MiB of small pages: shm_rss is 1024 pages, and rss 4 MiB");
	shmdt(map);
	shmctl(id, IPC_RMID, NULL);

	id = shmget(IPC_PRIVATE, SIZE, IPC_CREAT | SHM_HUGETLB | 0600);
	if (id < 0)
		give_up("SHM_HUGETLB");
	map = shmat(id, NULL, 0);
	if (map == (void *)-1)
		give_up("shmat");
	check(rss() == 0 && column() == 0, "4 MiB of huge pages, none of them used: 0 and 0");
	map[0] = map[SIZE / 2] = 'x';
	printf("# shm_rss is %lu pages, rss in /proc %lu bytes\n", rss(), column());
	check(rss() == SIZE / 4096 * 512, "both used: shm_rss is 524288 pages, which are 2 GiB");
	check(column() == SIZE * 512, "and rss 2 GiB");
	shmdt(map);
	shmctl(id, IPC_RMID, NULL);
	return failed;
}
