/*
 * Memory past the end of a memfd, where shmem has large folios: no SIGBUS, what one stores the others load, and
 * it is in the file once that grows.
 *
 *   gcc -Wall -Wextra -o huge-folio-past-end huge-folio-past-end.c && ./huge-folio-past-end
 *
 * As root, who sets the folios' size for the time of the program (as who runs the machine can for good):
 * hugepages-16kB/shmem_enabled from 6.11 on, otherwise shmem_enabled, of 2 MiB.  Prints KTAP; exits with 0 if
 * there is memory past the end, with 1 if not, with 4 if the size cannot be set.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SETTINGS "/sys/kernel/mm/transparent_hugepage/"
#define PAGE 4096L

static sigjmp_buf on_fault;
static int failed;

static void fault(int signal)
{
	siglongjmp(on_fault, signal);
}

static void check(long got, long expected, const char *text)
{
	static int number;

	if (got != expected) {
		printf("# got %ld, errno: %s\n", got, strerror(errno));
		failed = 1;
	}
	printf("%sok %d %s\n", got == expected ? "" : "not ", ++number, text);
}

/* Writes the setting and gives what it was, as the word in brackets. */
static int set(const char *path, const char *word, char before[16])
{
	char text[128] = "", *open_at, *close_at;
	int fd = open(path, O_RDWR), done;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return 0;
	open_at = strchr(text, '[');
	close_at = open_at ? strchr(open_at, ']') : NULL;
	if (close_at && before)
		snprintf(before, 16, "%.*s", (int)(close_at - open_at - 1), open_at + 1);
	done = write(fd, word, strlen(word)) > 0;
	close(fd);
	return done;
}

/* The byte at `at`, or minus the signal. */
static int load(volatile char *at)
{
	int signal = sigsetjmp(on_fault, 1);

	return signal ? -signal : *at;
}

static int store(volatile char *at, char byte)
{
	int signal = sigsetjmp(on_fault, 1);

	if (!signal)
		*at = byte;
	return -signal;
}

/* A shared mapping of `size` bytes at a multiple of `size`. */
static char *map_all(int fd, int protection, long size)
{
	char *room = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	room += -(uintptr_t)room & (size - 1);
	return mmap(room, size, protection, MAP_SHARED | MAP_FIXED, fd, 0);
}

static void show(long size)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING);
	int reader_fd, past_end_of_reader;
	long past = size - PAGE;
	char byte = 0, name[32], *writer, *reader;

	check(ftruncate(fd, 1), 0, "the file has one byte");
	writer = map_all(fd, PROT_READ | PROT_WRITE, size);
	/* By a descriptor that cannot write: this mapping leaves F_SEAL_WRITE alone. */
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	reader_fd = open(name, O_RDONLY);
	reader = map_all(reader_fd, PROT_READ, size);
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK), 0, "F_SEAL_GROW, F_SEAL_SHRINK");
	check(store(writer, 'x'), 0, "a store in the file");
	check(store(writer + past, 'z'), 0, "a store past the end is no SIGBUS");
	check(load(reader), 'x', "another mapping loads the first byte");
	past_end_of_reader = load(reader + past);
	printf("# it loads what was stored past the end: %s\n",
	       past_end_of_reader == 'z' ? "yes" : "no, SIGBUS");
	check(pread(fd, &byte, 1, past), 0, "pread gives nothing there");
	munmap(writer, size);
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0, "F_SEAL_WRITE");
	check(load(reader + past), past_end_of_reader, "past the end it is as before");
	munmap(reader, size);
	close(reader_fd);
	close(fd);

	fd = memfd_create("region", 0);
	check(ftruncate(fd, 1), 0, "a file of one byte");
	writer = map_all(fd, PROT_READ | PROT_WRITE, size);
	check(store(writer, 'x'), 0, "a store in the file");
	check(store(writer + past, 'z'), 0, "a store past the end is no SIGBUS");
	check(ftruncate(fd, size), 0, "ftruncate to more");
	check(pread(fd, &byte, 1, past), 1, "pread");
	check(byte, 'z', "the file has it, where ftruncate(2) promises a null byte");
	munmap(writer, size);
	close(fd);
}

int main(void)
{
	static const struct {
		const char *path, *word;
		long size;
	} settings[] = {
		{ SETTINGS "hugepages-16kB/shmem_enabled", "always", 4 * PAGE },
		{ SETTINGS "shmem_enabled", "force", 512 * PAGE },
	};
	struct sigaction action = { .sa_handler = fault };
	char before[16];
	int tried = 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	sigaction(SIGBUS, &action, NULL);
	printf("KTAP version 1\n");
	for (int i = 0; i < 2; i++) {
		if (!set(settings[i].path, settings[i].word, before))
			continue;
		printf("# %s: %s\n", settings[i].path, settings[i].word);
		show(settings[i].size);
		set(settings[i].path, before, NULL);
		tried += 14;
	}
	if (!tried) {
		printf("1..0 # SKIP " SETTINGS " cannot be set\n");
		return 4;
	}
	printf("1..%d\n", tried);
	return failed;
}
