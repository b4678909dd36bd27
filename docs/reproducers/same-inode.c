/*
 * A memfd and a System V segment, or two segments of two IPC namespaces, have the same st_dev and st_ino.
 *
 *   gcc -Wall -Wextra -o same-inode same-inode.c && ./same-inode
 *
 * As root, or where a user may make a user namespace: segments are made in an IPC namespace of the program's own.  Where many
 * memfds have been made since boot it gives up.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

/* What /proc/self/maps has of the mapping: device and inode. */
static void identity_of(const void *map, char *text, size_t size)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[500], device[20];
	unsigned long from, inode;

	snprintf(text, size, "none");
	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%*x %*s %*x %19s %lu", &from, device, &inode) == 3 && from == (unsigned long)map) {
			snprintf(text, size, "%s %lu", device, inode);
			printf("# %s", line);
		}
	if (maps)
		fclose(maps);
}

static void *segment_with(unsigned long id)
{
	long i;

	for (i = 0; i < 4000; i++) {
		int one = shmget(IPC_PRIVATE, 4096, 0600);

		if (one < 0 || (unsigned long)one > id)
			return NULL;
		if ((unsigned long)one == id)
			return shmat(one, NULL, 0);
	}
	return NULL;
}

int main(void)
{
	int fd = memfd_create("region", 0), i;
	char text[3][100], *memfd, *segment[2];
	struct stat status;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (fd < 0 || ftruncate(fd, 4096) || fstat(fd, &status))
		return 2;
	memfd = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (i = 0; i < 2; i++) {
		if (unshare(CLONE_NEWIPC) && unshare(CLONE_NEWUSER | CLONE_NEWIPC))
			return 2;
		segment[i] = segment_with(status.st_ino);
		if (!segment[i] || segment[i] == (void *)-1) {
			printf("1..0 # SKIP the memfd is inode %lu\n", (unsigned long)status.st_ino);
			return 2;
		}
	}
	printf("1..3\n");
	memcpy(memfd, "memfd", 6);
	memcpy(segment[0], "first", 6);
	memcpy(segment[1], "second", 7);
	identity_of(memfd, text[0], sizeof(text[0]));
	identity_of(segment[0], text[1], sizeof(text[1]));
	identity_of(segment[1], text[2], sizeof(text[2]));
	check(!strcmp(memfd, "memfd") && !strcmp(segment[0], "first") && !strcmp(segment[1], "second"), "three files");
	check(!strcmp(text[0], text[1]), "the memfd and a segment have the same device and inode number");
	check(!strcmp(text[1], text[2]), "and so has a segment of another IPC namespace");
	return failed;
}
