/*
 * A writable shared mapping of a memfd with F_SEAL_WRITE: Coda maps the container file of one of its files, and nobody asks
 * its seals, nor how it was opened.
 *
 *   gcc -Wall -Wextra -static -o coda-maps-sealed coda-maps-sealed.c && ./coda-maps-sealed
 *
 * As root, who mounts and serves a filesystem of one file, in a mount namespace of its own; who maps is user 1000. Prints
 * KTAP; exits with 0 if the sealed memfd is written, with 1 if not, with 4 without Coda.
 */
#define _GNU_SOURCE
#include <sys/time.h>
#include <sys/types.h>
#define _LINUX_TIME_H /* its struct timespec is the one of <time.h> */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/types.h>
#include <linux/coda.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define TEXT "sealed to the end of time"
#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
#define DEVICE "/tmp/coda-maps-sealed-cfs0"
enum { ROOT = 1, FILE_OF_ROOT = 2 }; /* in CodaFid's last word */

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

/* What a request asks for, and how long that is. */
static size_t answer_to(const char *request, char *answer, int memfd)
{
	const struct coda_in_hdr *in = (const struct coda_in_hdr *)request;
	struct coda_out_hdr *out = (struct coda_out_hdr *)answer;

	out->opcode = in->opcode;
	out->unique = in->unique;
	switch (in->opcode) {
	case CODA_ROOT: {
		struct coda_root_out *root = (struct coda_root_out *)answer;

		root->VFid = (struct CodaFid){ { 1, 1, 1, ROOT } };
		return sizeof(*root);
	}
	case CODA_GETATTR: {
		const struct coda_getattr_in *of = (const struct coda_getattr_in *)request;
		struct coda_getattr_out *get = (struct coda_getattr_out *)answer;

		get->attr.va_type = of->VFid.opaque[3] == ROOT ? C_VDIR : C_VREG;
		get->attr.va_mode = of->VFid.opaque[3] == ROOT ? 0777 : 0666;
		get->attr.va_nlink = 1;
		get->attr.va_size = PAGE;
		get->attr.va_blocksize = PAGE;
		get->attr.va_fileid = of->VFid.opaque[3];
		return sizeof(*get);
	}
	case CODA_LOOKUP: {
		struct coda_lookup_out *found = (struct coda_lookup_out *)answer;

		found->VFid = (struct CodaFid){ { 1, 1, 1, FILE_OF_ROOT } };
		found->vtype = CDT_REG;
		return sizeof(*found);
	}
	case CODA_OPEN_BY_FD: {
		struct coda_open_by_fd_out *container = (struct coda_open_by_fd_out *)answer;

		container->fd = memfd;
		return sizeof(*container);
	}
	case CODA_ACCESS_INTENT:
		out->result = EOPNOTSUPP;
		return sizeof(*out);
	default:
		return sizeof(*out);
	}
}

/* Serves one file, whose container is the memfd that descriptor `memfd` leads to. */
static void serve(int device, int memfd)
{
	char request[8192];

	while (read(device, request, sizeof(request)) > 0) {
		char answer[1024] = { 0 };
		size_t length = answer_to(request, answer, memfd);

		/* who asked may not wait for it (ESRCH) */
		if (write(device, answer, length) < 0 && errno != ESRCH)
			give_up("write to Coda's device");
	}
}

static int has(int fd, const char *text)
{
	char got[sizeof(TEXT)] = "?";

	return pread(fd, got, sizeof(got), 0) == sizeof(got) && !strcmp(got, text);
}

static int user(const char *path, int memfd)
{
	char *map;
	int fd;

	if (setgroups(0, NULL) || setgid(1000) || setuid(1000))
		give_up("user 1000");
	fd = open(path, O_RDWR);
	if (fd < 0)
		give_up("open of the file on Coda");
	check(fcntl(memfd, F_GET_SEALS) == ALL_SEALS && has(memfd, TEXT), "the memfd has every seal");
	check(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0) == MAP_FAILED,
	      "mmap(PROT_READ|PROT_WRITE, MAP_SHARED) of the memfd fails");
	check(pwrite(fd, "x", 1, 0) == -1, "pwrite to the file on Coda fails");
	map = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		printf("# mmap: %s\n", strerror(errno));
	check(map != MAP_FAILED, "mmap(PROT_READ|PROT_WRITE, MAP_SHARED) of the file on Coda, by user 1000");
	if (map != MAP_FAILED)
		memcpy(map, "STORED", 6);
	check(has(memfd, "STORED to the end of time"), "a store through it has changed the memfd");
	check(fcntl(memfd, F_GET_SEALS) == ALL_SEALS, "the memfd has every seal");
	printf("1..6\n");
	return failed;
}

/* A descriptor, O_RDONLY, of a sealed memfd that nobody has another of. */
static int sealed_memfd(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), reader;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd < 0 || ftruncate(fd, PAGE) || pwrite(fd, TEXT, sizeof(TEXT), 0) != sizeof(TEXT) || fchmod(fd, 0444) ||
	    fcntl(fd, F_ADD_SEALS, ALL_SEALS))
		give_up("memfd_create");
	reader = open(path, O_RDONLY);
	close(fd);
	return reader;
}

int main(void)
{
	struct { int version, fd; } data = { 1, -1 }; /* struct coda_mount_data */
	char directory[] = "/tmp/coda-maps-sealed-XXXXXX", path[64];
	int memfd = sealed_memfd(), status;
	struct utsname name;
	pid_t server, client;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	unlink(DEVICE);
	if (mknod(DEVICE, S_IFCHR | 0600, makedev(67, 0)))
		give_up("mknod");
	data.fd = open(DEVICE, O_RDWR);
	unlink(DEVICE);
	if (data.fd < 0)
		give_up("Coda's device");
	if (!mkdtemp(directory) || unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		give_up("mount namespace");
	server = fork();
	if (!server) {
		serve(data.fd, memfd);
		_exit(0);
	}
	if (mount("coda", directory, "coda", 0, &data)) {
		kill(server, SIGKILL);
		rmdir(directory);
		give_up("mount of Coda");
	}
	snprintf(path, sizeof(path), "%s/file", directory);
	client = fork();
	if (!client)
		_exit(user(path, memfd));
	waitpid(client, &status, 0);
	umount2(directory, MNT_DETACH);
	rmdir(directory);
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
