/*
 * FS_IMMUTABLE_FL of a memfd, or of a file of tmpfs, does not keep those who have it open from changing it.
 *
 *   gcc -Wall -Wextra -static -o immutable-written immutable-written.c && ./immutable-written
 *
 * Runs as root, who sets the flag. Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 where it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

static int refused(int result)
{
	return result == -1 && errno == EPERM;
}

int main(void)
{
	int fd = memfd_create("region", 0), flags = FS_IMMUTABLE_FL;
	struct utsname name;
	char path[40], byte;
	char *map;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..5\n", name.release);
	if (fd < 0 || pwrite(fd, "abc", 3, 0) != 3 || ioctl(fd, FS_IOC_SETFLAGS, &flags))
		give_up("FS_IOC_SETFLAGS");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	check(refused(open(path, O_RDWR)) && refused(fchmod(fd, 0600)) && refused(fallocate(fd, 0, 0, 8192)) &&
	      refused(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)),
	      "an immutable memfd: to open it O_RDWR, fchmod, fallocate and a hole are EPERM");
	check(pwrite(fd, "x", 1, 0) == 1 && pread(fd, &byte, 1, 0) == 1 && byte == 'x', "pwrite is 1, and the file has it");
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(map != MAP_FAILED, "mmap, PROT_WRITE and MAP_SHARED: no error");
	if (map != MAP_FAILED)
		map[1] = 'y';
	check(pread(fd, &byte, 1, 1) == 1 && byte == 'y', "what is stored there is in the file");
	check(!ftruncate(fd, 8192) && !ftruncate(fd, 0), "ftruncate to 8192 bytes, and to 0: 0");
	return failed;
}
