/*
 * remap_file_pages makes memory that a protection key closes open, and undoes MADV_DONTFORK and MADV_DONTDUMP.
 *
 *   gcc -Wall -Wextra -o remap-forgets remap-forgets.c && ./remap-forgets
 *
 * As any user; protection keys for the second half.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 if it cannot tell.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed;
static sigjmp_buf back;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void fault(int number)
{
	siglongjmp(back, number);
}

static int load(const char *at)
{
	return sigsetjmp(back, 1) ? -1 : *(volatile const char *)at;
}

static int in_child(const char *at)
{
	int status;

	fflush(stdout);
	if (!fork())
		_exit(load(at) & 255);
	return wait(&status) > 0 ? WEXITSTATUS(status) : -2;
}

/* Whether VmFlags of the mapping at this address has it. */
static int flag(const void *at, const char *name)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	char line[400];
	unsigned long start, end;
	int here = 0, has = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = (unsigned long)at >= start && (unsigned long)at < end;
		else if (here && !strncmp(line, "VmFlags:", 8))
			has = strstr(line, name) != NULL;
	}
	if (file)
		fclose(file);
	return has;
}

static void rights(unsigned int value)
{
	__asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"(value), "c"(0), "d"(0) : "memory"); /* wrpkru */
}

int main(void)
{
	int fd = memfd_create("file", 0), key;
	char *at;

	setvbuf(stdout, NULL, _IONBF, 0);
	signal(SIGSEGV, fault);
	if (fd < 0 || ftruncate(fd, 8192) || pwrite(fd, "\1", 1, 0) != 1 || pwrite(fd, "\2", 1, 4096) != 1)
		return 2;
	at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED || madvise(at, 8192, MADV_DONTFORK) || madvise(at, 8192, MADV_DONTDUMP))
		return 2;
	printf("KTAP version 1\n1..6\n");
	check(in_child(at) == 255 && flag(at, " dc") && flag(at, " dd"), "MADV_DONTFORK, MADV_DONTDUMP: a child has nothing there; VmFlags dc dd");
	if (syscall(SYS_remap_file_pages, at, 4096L, 0L, 1L, 0L))
		return 2;
	check(in_child(at) == 2 && in_child(at + 4096) == 255, "after remap_file_pages of the first page a child has that");
	check(!flag(at, " dc") && !flag(at, " dd"), "and neither flag is there");

	key = (int)syscall(SYS_pkey_alloc, 0, 0);
	at = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (key < 0 || at == MAP_FAILED || syscall(SYS_pkey_mprotect, at, 8192, PROT_READ | PROT_WRITE, key)) {
		printf("ok 4 # SKIP no protection keys\nok 5 # SKIP\nok 6 # SKIP\n");
		return failed;
	}
	rights(3U << (2 * key));
	check(load(at) == -1, "a page with a key that is closed: a load is SIGSEGV");
	rights(3U << (2 * key)); /* a signal handler has the default rights; they are given back by now */
	check(syscall(SYS_remap_file_pages, at, 4096L, 0L, 1L, 0L) == 0 && load(at) == 2, "after remap_file_pages a load is done");
	check(load(at + 4096) == -1, "beside it a load is SIGSEGV");
	return failed;
}
