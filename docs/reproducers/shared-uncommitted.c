/*
 * Committed_AS gets smaller each time that anonymous shared memory, or a System V segment, is made longer by write or fallocate.
 *
 *   gcc -Wall -Wextra -o shared-uncommitted shared-uncommitted.c && ./shared-uncommitted
 *
 * As root, or with CAP_CHECKPOINT_RESTORE: by /proc/PID/map_files.  What is wrong stays wrong until reboot, so: for a virtual
 * machine.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot open the file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1L << 20)

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static long meminfo(const char *name)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[200];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			sscanf(line + strlen(name), ": %ld", &value);
	if (file)
		fclose(file);
	return value;
}

/* In a child: makes what is mapped, one page, 64 MiB long, and ends; nothing is left. By how many kB Committed_AS has changed. */
static long change(int segment, int how)
{
	long before = meminfo("Committed_AS");
	int status;

	if (!fork()) {
		int id = segment ? shmget(IPC_PRIVATE, 4096, 0600) : -1, fd;
		char *map = segment ? shmat(id, NULL, 0) :
				      mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		char name[100];

		if (segment)
			shmctl(id, IPC_RMID, NULL);
		snprintf(name, sizeof(name), "/proc/self/map_files/%lx-%lx", (long)map, (long)map + 4096);
		fd = open(name, O_RDWR);
		if (fd < 0)
			_exit(2);
		if (how == 0)
			_exit(0);
		if (how == 1)
			_exit(pwrite(fd, "x", 1, 64 * MIB - 1) != 1);
		if (how == 2)
			_exit(fallocate(fd, 0, 64 * MIB - 4096, 4096) != 0);
		_exit(ftruncate(fd, 64 * MIB) != 0);
	}
	if (wait(&status) < 0 || status)
		return WIFEXITED(status) && WEXITSTATUS(status) == 2 ? -1 : -2;
	usleep(300000);
	printf("# %+ld kB\n", meminfo("Committed_AS") - before);
	return meminfo("Committed_AS") - before;
}

int main(void)
{
	char *keep;
	long limit;

	setvbuf(stdout, NULL, _IONBF, 0);
	/* Something to subtract from, as /proc/meminfo shows nothing below 0. */
	keep = mmap(NULL, 512 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (keep == MAP_FAILED)
		return 2;
	printf("KTAP version 1\n");
	if (change(0, 0) == -1) {
		printf("1..0 # SKIP map_files: %s\n", strerror(errno));
		return 2;
	}
	printf("1..5\n");
	check(change(0, 3) > -1024, "a longer one by ftruncate is given back as it was taken");
	check(change(0, 1) < -60 * 1024, "one byte written at 64 MiB: Committed_AS is 64 MiB less, when nothing is left of it");
	check(change(0, 2) < -60 * 1024, "so with fallocate");
	check(change(1, 1) < -60 * 1024, "so with a System V segment");
	while (change(0, 1) < -60 * 1024)
		;
	limit = meminfo("Committed_AS");
	printf("# Committed_AS %ld kB, with a mapping of 524288 kB that counts\n", limit);
	check(limit < 512 * 1024, "as often as one likes: Committed_AS is less than one mapping that is counted");
	return failed;
}
