/*
 * RLIMIT_DATA does not hold: for a mapping put over another by MAP_FIXED, for MAP_GROWSDOWN, and for mprotect where RLIMIT_AS is nearly used up.
 *
 *   gcc -Wall -Wextra -o data-limit-bypassed data-limit-bypassed.c && ./data-limit-bypassed
 *
 * As any user.  Takes 256 MiB for a moment.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define MUCH (256UL << 20)
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define BOTH (PROT_READ | PROT_WRITE)

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

/* in kB */
static long status(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[200];
	long value = -1;

	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name));
	if (file)
		fclose(file);
	return value;
}

static void limit(__rlimit_resource_t which, unsigned long bytes)
{
	struct rlimit value = { bytes, RLIM_INFINITY };

	if (setrlimit(which, &value))
		exit(2);
}

int main(void)
{
	char *none, *at;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n1..6\n");
	limit(RLIMIT_DATA, 16 << 20);
	limit(RLIMIT_STACK, 1 << 20);
	none = mmap(NULL, MUCH, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (none == MAP_FAILED)
		return 2;
	check(mmap(NULL, MUCH, BOTH, ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM, "RLIMIT_DATA 16 MiB: mmap of 256 MiB is ENOMEM");
	check(mprotect(none, MUCH, BOTH) == -1 && errno == ENOMEM, "mprotect of 256 MiB of PROT_NONE is ENOMEM");

	at = mmap(none, MUCH, BOTH, ANONYMOUS | MAP_FIXED, -1, 0);
	if (at != MAP_FAILED)
		memset(at, 1, MUCH);
	printf("# VmData %ld kB, VmRSS %ld kB\n", status("VmData:"), status("VmRSS:"));
	check(at == none && status("VmData:") > 262144, "mmap with MAP_FIXED over the same is done, and VmData is more than 256 MiB");
	check(mmap(NULL, 4096, BOTH, ANONYMOUS, -1, 0) == MAP_FAILED && errno == ENOMEM, "one more page elsewhere is ENOMEM");
	munmap(none, MUCH);

	at = mmap(NULL, MUCH, BOTH, ANONYMOUS | MAP_GROWSDOWN, -1, 0);
	if (at != MAP_FAILED)
		memset(at, 1, MUCH);
	printf("# VmData %ld kB, VmStk %ld kB, VmRSS %ld kB\n", status("VmData:"), status("VmStk:"), status("VmRSS:"));
	check(at != MAP_FAILED && status("VmData:") < 16384 && status("VmStk:") > 262144, "MAP_GROWSDOWN: 256 MiB that neither RLIMIT_DATA nor RLIMIT_STACK (1 MiB) stops");
	munmap(at, MUCH);

	none = mmap(NULL, MUCH, PROT_NONE, ANONYMOUS | MAP_NORESERVE, -1, 0);
	limit(RLIMIT_AS, MUCH + (64 << 20));
	check(mprotect(none, MUCH, BOTH) == 0 && status("VmData:") > 262144, "RLIMIT_AS 320 MiB, too: mprotect of 256 MiB of PROT_NONE is 0");
	return failed;
}
