/*
 * What mseal protects can still be made inaccessible: MADV_GUARD_INSTALL of a file's mapping, UFFDIO_POISON of any, where mprotect(PROT_NONE) is EPERM.
 *
 *   gcc -Wall -Wextra -o mseal-guarded mseal-guarded.c && ./mseal-guarded
 *
 * As any user.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 without mseal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#define USER_MODE_ONLY 1

struct poison { /* struct uffdio_poison, _UFFDIO_POISON */
	struct uffdio_range range;
	__u64 mode;
	__s64 updated;
};

static int failed, skipped;
static sigjmp_buf back;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void skip(const char *text)
{
	skipped++;
	check(1, text);
}

static void fault(int number)
{
	siglongjmp(back, number);
}

/* What a load gives, or the signal, negative. */
static int load(const char *at)
{
	int number = sigsetjmp(back, 1);

	return number ? -number : *(volatile const char *)at;
}

static int refused(int result)
{
	return result == -1 && errno == EPERM;
}

int main(void)
{
	int fd = memfd_create("text", 0), i, result;
	char *at[3];

	setvbuf(stdout, NULL, _IONBF, 0);
	signal(SIGSEGV, fault);
	signal(SIGBUS, fault);
	if (fd < 0 || ftruncate(fd, 8192) || pwrite(fd, "\5", 1, 0) != 1)
		return 2;
	at[0] = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	at[1] = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
	at[2] = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	printf("KTAP version 1\n1..7\n");
	for (i = 0; i < 3; i++)
		if (at[i] == MAP_FAILED || syscall(SYS_mseal, at[i], 8192, 0)) {
			printf("# mseal: %s\n", strerror(errno));
			return 2;
		}
	check(refused(mprotect(at[0], 4096, PROT_NONE)) && refused(mprotect(at[1], 4096, PROT_NONE)) && refused(mprotect(at[2], 4096, PROT_NONE)) &&
		      refused(munmap(at[0], 4096)), "mseal of three mappings: mprotect(PROT_NONE) and munmap are EPERM");
	check(madvise(at[2], 4096, MADV_GUARD_INSTALL) == -1, "MADV_GUARD_INSTALL of anonymous memory, PROT_READ, is refused");
	for (i = 0; i < 2; i++) {
		result = madvise(at[i], 4096, MADV_GUARD_INSTALL);
		if (result && errno == EINVAL) {
			skip("# SKIP no guard regions in files");
			continue;
		}
		check(!result && load(at[i]) == -SIGSEGV && refused(mprotect(at[i], 4096, PROT_NONE)),
		      i ? "MADV_GUARD_INSTALL of the memfd, PROT_READ, MAP_SHARED, is 0: a load is SIGSEGV" :
			  "MADV_GUARD_INSTALL of the memfd, PROT_READ|PROT_EXEC, MAP_PRIVATE, is 0: a load is SIGSEGV");
	}
	for (i = 0; i < 3; i++) {
		int user = (int)syscall(SYS_userfaultfd, O_CLOEXEC | USER_MODE_ONLY);
		struct uffdio_api api = { .api = UFFD_API };
		struct uffdio_register region = { .range = { (unsigned long)at[i], 8192 }, .mode = UFFDIO_REGISTER_MODE_MISSING };
		struct poison poison = { .range = { (unsigned long)at[i] + 4096, 4096 } };

		if (user < 0 || ioctl(user, UFFDIO_API, &api) || ioctl(user, UFFDIO_REGISTER, &region)) {
			/* a mapping that cannot be written is registered for protection, too */
			region.mode = UFFDIO_REGISTER_MODE_WP;
			if (user < 0 || ioctl(user, UFFDIO_REGISTER, &region)) {
				printf("# userfaultfd: %s\n", strerror(errno));
				skip("# SKIP userfaultfd");
				continue;
			}
		}
		result = ioctl(user, _IOWR(UFFDIO, 0x08, struct poison), &poison);
		if (result)
			printf("# UFFDIO_POISON: %s\n", strerror(errno));
		close(user);
		check(!result && load(at[i] + 4096) == -SIGBUS,
		      i == 0 ? "UFFDIO_POISON of the memfd, MAP_PRIVATE: a load is SIGBUS" :
		      i == 1 ? "UFFDIO_POISON of the memfd, MAP_SHARED: a load is SIGBUS" :
			       "UFFDIO_POISON of anonymous memory, PROT_READ: a load is SIGBUS");
	}
	return skipped == 5 ? 2 : failed; /* 2: neither could be asked */
}
