/*
 * A live update (kexec, with CONFIG_LIVEUPDATE) gives back another memfd than it was given: what MFD_NOEXEC_SEAL made is
 * executable and can no longer be written, seals that were added after LIVEUPDATE_SESSION_PRESERVE_FD are gone, a descriptor
 * that only reads has become one that writes, and the mode is 0777.
 *
 *   gcc -Wall -Wextra -static -o init liveupdate-forgets.c
 *   echo init | cpio -o -H newc > initrd; printf 'init\ninitrd\nkernel\n' | cpio -o -H newc > first
 *   qemu-system-x86_64 -m 1G -nographic -no-reboot -kernel kernel -initrd first \
 *     -append 'console=ttyS0 panic=-1 kho=on liveupdate=on'
 *
 * The first process of a machine, before the update and after it; `kernel` is the bzImage of both.  Prints KTAP after the
 * update: each line is what the memfd was before it, and "not ok" what it is not any more.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x20
#endif

/* linux/liveupdate.h of 6.19 */
struct session_of { uint32_t size; int32_t fd; char name[64]; };
struct preserved { uint32_t size; int32_t fd; uint64_t token; };
#define CREATE_SESSION _IO(0xBA, 0)
#define RETRIEVE_SESSION _IO(0xBA, 1)
#define PRESERVE_FD _IO(0xBA, 0x40)
#define RETRIEVE_FD _IO(0xBA, 0x41)

enum { NOEXEC = 1, LATER, READER, PRIVATE, SEALED };

static void fail(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	reboot(RB_POWER_OFF);
	for (;;)
		pause();
}

static void check(int holds, const char *text)
{
	static int number;

	printf("%s %d %s\n", holds ? "ok" : "not ok", ++number, text);
}

static int memfd(unsigned int flags)
{
	int fd = memfd_create("region", flags);

	if (fd < 0 || write(fd, "xyz", 3) != 3 || ftruncate(fd, 4096))
		fail("memfd_create");
	return fd;
}

static void preserve(int session, int fd, uint64_t token)
{
	struct preserved of = { sizeof(of), fd, token };

	if (ioctl(session, PRESERVE_FD, &of))
		fail("LIVEUPDATE_SESSION_PRESERVE_FD");
}

static int retrieve(int session, uint64_t token)
{
	struct preserved of = { sizeof(of), -1, token };

	if (ioctl(session, RETRIEVE_FD, &of))
		fail("LIVEUPDATE_SESSION_RETRIEVE_FD");
	return of.fd;
}

static mode_t mode(int fd)
{
	struct stat st;

	fstat(fd, &st);
	return st.st_mode & 07777;
}

/* A second descriptor that only reads; the first is closed. */
static int reader_of(int fd)
{
	char link[40];
	int reader;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	reader = open(link, O_RDONLY);
	close(fd);
	return reader;
}

static void update(void)
{
	static const char line[] = "console=ttyS0 panic=-1 kho=on liveupdate=on quiet";
	int kernel = open("/kernel", O_RDONLY), initrd = open("/initrd", O_RDONLY);

	if (syscall(SYS_kexec_file_load, kernel, initrd, sizeof(line), line, 0L))
		fail("kexec_file_load");
	reboot(RB_KEXEC);
	fail("reboot");
}

static void before(int session)
{
	int noexec = memfd(MFD_NOEXEC_SEAL), later = memfd(MFD_ALLOW_SEALING), private = memfd(0);
	int reader = reader_of(memfd(0)), sealed = memfd(MFD_ALLOW_SEALING), resized, written, others;

	fchmod(private, 0600);
	if (fcntl(sealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		fail("F_ADD_SEALS");
	preserve(session, noexec, NOEXEC);
	preserve(session, later, LATER);
	preserve(session, reader, READER);
	preserve(session, private, PRIVATE);
	preserve(session, sealed, SEALED);
	resized = ftruncate(later, 0) == 0;
	written = fcntl(later, F_ADD_SEALS, F_SEAL_WRITE) == 0 ? 0 : errno;
	others = fcntl(later, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0 ? 0 : errno;
	printf("# when it is preserved: ftruncate %s, F_SEAL_WRITE: %s, other seals: %s\n", resized ? "works" : "is refused",
	       strerrorname_np(written), strerrorname_np(others));
	update();
}

static void after(int session)
{
	int noexec = retrieve(session, NOEXEC), later = retrieve(session, LATER);
	int reader = retrieve(session, READER), private = retrieve(session, PRIVATE);
	int sealed = retrieve(session, SEALED);

	printf("KTAP version 1\n1..10\n");
	check(fcntl(sealed, F_GET_SEALS) == (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL),
	      "seals that were set before are there");
	check(pwrite(sealed, "!", 1, 0) < 0 && errno == EPERM, "F_SEAL_WRITE: pwrite is EPERM");
	printf("# MFD_NOEXEC_SEAL: mode %04o, seals %#x\n", mode(noexec), fcntl(noexec, F_GET_SEALS));
	check(!(mode(noexec) & 0111), "MFD_NOEXEC_SEAL: not executable");
	check(fcntl(noexec, F_GET_SEALS) == F_SEAL_EXEC, "MFD_NOEXEC_SEAL: F_SEAL_EXEC, and no other seal");
	check(pwrite(noexec, "!", 1, 0) == 1, "MFD_NOEXEC_SEAL: it can be written");
	printf("# sealed when preserved: seals %#x\n", fcntl(later, F_GET_SEALS));
	check(fcntl(later, F_GET_SEALS) & F_SEAL_FUTURE_WRITE, "F_SEAL_FUTURE_WRITE, added when it was preserved, is there");
	check(pwrite(later, "!", 1, 0) < 0 && errno == EPERM, "F_SEAL_FUTURE_WRITE: pwrite is EPERM");
	check((fcntl(reader, F_GETFL) & O_ACCMODE) == O_RDONLY, "a descriptor that only reads still does");
	check(pwrite(reader, "!", 1, 0) < 0 && errno == EBADF, "O_RDONLY: pwrite is EBADF");
	check(mode(private) == 0600, "a memfd of mode 0600 has it");
	fflush(stdout);
	reboot(RB_POWER_OFF);
}

int main(void)
{
	struct session_of session = { sizeof(session), -1, "region" };
	int device;

	setvbuf(stdout, NULL, _IONBF, 0);
	mkdir("/dev", 0755);
	mkdir("/proc", 0755);
	mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
	mount("proc", "/proc", "proc", 0, NULL);
	dup2(open("/dev/console", O_RDWR), 1);
	device = open("/dev/liveupdate", O_RDWR);
	if (device < 0)
		fail("/dev/liveupdate");
	if (ioctl(device, RETRIEVE_SESSION, &session) == 0)
		after(session.fd);
	if (ioctl(device, CREATE_SESSION, &session))
		fail("LIVEUPDATE_IOCTL_CREATE_SESSION");
	before(session.fd);
	return 0;
}
