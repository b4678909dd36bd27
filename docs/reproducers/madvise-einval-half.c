/*
 * madvise that fails with EINVAL has thrown away what comes before the page that it refuses.
 *
 *   gcc -Wall -Wextra -o madvise-einval-half madvise-einval-half.c && ./madvise-einval-half
 *
 * By any user.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static int failed;

static void check(int holds, const char *what)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, what);
}

/* Four pages of x, of which the third is locked. */
static char *four(void)
{
	char *map = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(map, 'x', 16384);
	if (mlock(map + 8192, 4096))
		_exit(2);
	return map;
}

/* What a load of the page gives; '!' where it cannot be loaded from. */
static char at(int pipes[2], char *address)
{
	char byte = '!';

	if (write(pipes[1], address, 1) == 1 && read(pipes[0], &byte, 1) != 1)
		byte = '?';
	return byte;
}

int main(void)
{
	static const struct { int advice; char first; const char *name; } advices[] = {
		{ MADV_DONTNEED, 0, "MADV_DONTNEED" },
		{ MADV_GUARD_INSTALL, '!', "MADV_GUARD_INSTALL" },
	};
	int pipes[2];
	unsigned i;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n1..4\n");
	if (pipe(pipes))
		return 2;
	for (i = 0; i < 2; i++) {
		char *map = four();
		int result, error;

		if (advices[i].advice == MADV_GUARD_INSTALL && madvise(map + 12288, 4096, MADV_GUARD_INSTALL)) {
			check(1, "# SKIP no MADV_GUARD_INSTALL");
			check(1, "# SKIP no MADV_GUARD_INSTALL");
			continue;
		}
		map = four();
		result = madvise(map, 16384, advices[i].advice);
		error = errno;
		printf("# %s of four pages, of which the third is locked: %d %s; the pages: %d %d %d %d ('x' is %d, '!' is EFAULT and %d)\n",
		       advices[i].name, result, result ? strerror(error) : "", at(pipes, map), at(pipes, map + 4096),
		       at(pipes, map + 8192), at(pipes, map + 12288), 'x', '!');
		check(result < 0 && error == EINVAL, advices[i].name);
		check(at(pipes, map) == advices[i].first && at(pipes, map + 4096) == advices[i].first && at(pipes, map + 8192) == 'x' &&
		      at(pipes, map + 12288) == 'x', "the first and the second page have lost what they had; the fourth has not");
	}
	return failed;
}
