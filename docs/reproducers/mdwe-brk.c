/*
 * After PR_SET_MDWE brk still makes memory that can be written and executed, if personality has READ_IMPLIES_EXEC.
 *
 *   gcc -Wall -Wextra -o mdwe-brk mdwe-brk.c && ./mdwe-brk
 *
 * As any user, on x86-64.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 without PR_SET_MDWE.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SET_MDWE 65
#define GET_MDWE 66
#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

int main(void)
{
	static const unsigned char code[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov $42, %eax; ret */
	unsigned long top;
	char line[300];
	FILE *maps;
	char *page;
	int result = 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (prctl(SET_MDWE, 1 /* PR_MDWE_REFUSE_EXEC_GAIN */, 0, 0, 0)) {
		printf("1..0 # SKIP PR_SET_MDWE: %s\n", strerror(errno));
		return 2;
	}
	printf("1..6\n");
	check(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, ANONYMOUS, -1, 0) == MAP_FAILED && errno == EACCES, "mmap, all of read, write and execute: EACCES");
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0);
	check(page != MAP_FAILED && mprotect(page, 4096, PROT_READ | PROT_EXEC) == -1 && errno == EACCES, "mprotect of what was written, to execute: EACCES");

	if (personality(READ_IMPLIES_EXEC) == -1)
		return 2;
	check(mmap(NULL, 4096, PROT_READ | PROT_WRITE, ANONYMOUS, -1, 0) == MAP_FAILED && errno == EACCES, "READ_IMPLIES_EXEC: mmap, read and write: EACCES");
	top = ((unsigned long)syscall(SYS_brk, 0) + 4095) & ~4095UL;
	check(syscall(SYS_brk, top + 8192) == (long)(top + 8192), "brk of two pages is done");
	maps = fopen("/proc/self/maps", "r");
	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "rwxp"))
			printf("# %s", line);
	memcpy((void *)(top + 4096), code, sizeof(code));
	result = ((int (*)(void))(top + 4096))();
	check(result == 42, "what is stored there is executed");
	check(prctl(GET_MDWE, 0, 0, 0, 0) == 1, "PR_GET_MDWE is still PR_MDWE_REFUSE_EXEC_GAIN");
	return failed;
}
