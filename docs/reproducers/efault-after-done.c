/*
 * sendfile, splice and copy_file_range that say EFAULT have written the file: the offset is stored last, and nobody looked
 * whether it can be.
 *
 *   gcc -Wall -Wextra -static -o efault-after-done efault-after-done.c && ./efault-after-done
 *
 * Prints KTAP; exits with 0 if the files were written, with 1 if not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

static int failed;

static void check(long got, long expected, const char *text)
{
	static int number;

	if (got != expected) {
		printf("# got %ld, errno: %s\n", got, strerror(errno));
		failed = 1;
	}
	printf("%sok %d %s\n", got == expected ? "" : "not ", ++number, text);
}

static int holds(int fd)
{
	char bytes[5] = "";

	return pread(fd, bytes, 4, 0) == 4 && strcmp(bytes, "data") == 0;
}

int main(void)
{
	int source = memfd_create("source", 0), fd = memfd_create("region", 0), pipes[2];
	int sealed = memfd_create("sealed", MFD_ALLOW_SEALING);
	off_t *offset = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* 0, and stays so */

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..11\n");
	check(write(source, "data", 4), 4, "write");
	check(sendfile(fd, source, offset, 4) < 0 ? errno : 0, EFAULT, "sendfile, its offset in a page that only reads: EFAULT");
	check(holds(fd), 1, "the file has the data");
	check(lseek(fd, 0, SEEK_CUR), 4, "its position has moved");
	check(ftruncate(fd, 0), 0, "ftruncate");
	check(copy_file_range(source, offset, fd, (off_t[]){ 0 }, 4, 0) < 0 ? errno : 0, EFAULT, "copy_file_range: EFAULT");
	check(holds(fd), 1, "the file has the data");
	check(ftruncate(fd, 0) || pipe(pipes) || write(pipes[1], "data", 4) != 4, 0, "a pipe");
	check(splice(pipes[0], NULL, fd, offset, 4, 0) < 0 ? errno : 0, EFAULT, "splice: EFAULT");
	check(holds(fd), 1, "the file has the data");
	fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE);
	check(sendfile(sealed, source, offset, 4) < 0 ? errno : 0, EFAULT, "of a sealed memfd sendfile says EFAULT, not EPERM");
	return failed;
}
