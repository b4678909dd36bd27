/*
 * Who may write a memfd keeps its maker from sealing it, for as long as he likes: write(2) from a buffer that is a mapping of a file
 * on a FUSE of his own waits for the page with the memfd locked. F_ADD_SEALS waits for that lock, and SIGKILL does not end it.
 *
 *   gcc -Wall -Wextra -static -o writer-stops-sealing writer-stops-sealing.c && ./writer-stops-sealing
 *
 * Run as root, who becomes user 1001 for the writer, with a FUSE in a user namespace. Prints KTAP; exits with 0 if F_ADD_SEALS
 * waits, with 1 if not, with 4 without FUSE or user namespaces.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096
#define DEVICE "/tmp/fuse-for-all" /* as udev makes /dev/fuse */

/* linux/fuse.h */
enum { FUSE_GETATTR = 3, FUSE_OPEN = 14, FUSE_READ = 15, FUSE_INIT = 26 };
struct in_header {
	uint32_t len, opcode;
	uint64_t unique, nodeid;
	uint32_t uid, gid, pid, rest;
};

static int failed, asked[2], go_on[2];

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

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		give_up(path);
	close(fd);
}

/* struct fuse_out_header, and `size` bytes of the body. */
static void answer(int fuse, uint64_t unique, const void *body, uint32_t size)
{
	static uint32_t message[4 + PAGE / 4];

	message[0] = 16 + size;
	memcpy(message + 2, &unique, sizeof(unique));
	memcpy(message + 4, body, size);
	if (write(fuse, message, message[0]) < 0 && errno != ENOENT)
		give_up("/dev/fuse");
}

/* A file of one page, which is there as soon as root says so. */
static void serve(int fuse)
{
	static char request[1 << 20], byte;
	struct in_header *in = (struct in_header *)request;
	static uint32_t page[PAGE / 4], init[16] = {7, 31, 0, 0, 0, PAGE, 1};
	static uint64_t open_out[2];
	static uint32_t attr[26] = {[4] = 1, [6] = PAGE, [19] = S_IFREG | 0666, [20] = 1}; /* the inode, size, mode and links */

	while (read(fuse, request, sizeof(request)) > 0) {
		if (in->opcode == FUSE_INIT) {
			answer(fuse, in->unique, init, sizeof(init));
		} else if (in->opcode == FUSE_GETATTR) {
			answer(fuse, in->unique, attr, sizeof(attr));
		} else if (in->opcode == FUSE_READ) {
			if (write(asked[1], "r", 1) != 1 || read(go_on[0], &byte, 1) != 1)
				return;
			answer(fuse, in->unique, page, PAGE);
		} else {
			answer(fuse, in->unique, open_out, in->opcode == FUSE_OPEN ? 16 : 0);
		}
	}
}

/* User 1001, who is root in a namespace of his own, and may write the memfd. */
static void stop(int memfd)
{
	char path[] = "/tmp/writer-stops-XXXXXX", options[128], *map;
	struct stat stat;
	int fuse, file;

	if (setgroups(0, NULL) || setgid(1001) || setuid(1001) || prctl(PR_SET_DUMPABLE, 1) || unshare(CLONE_NEWUSER | CLONE_NEWNS))
		give_up("user namespace");
	put("/proc/self/setgroups", "deny");
	put("/proc/self/uid_map", "0 1001 1");
	put("/proc/self/gid_map", "0 1001 1");
	fuse = open(DEVICE, O_RDWR);
	file = mkstemp(path);
	snprintf(options, sizeof(options), "fd=%d,rootmode=100666,user_id=0,group_id=0", fuse);
	if (fuse < 0 || file < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("selkie", path, "fuse", MS_NOSUID | MS_NODEV, options))
		give_up("FUSE");
	if (!fork()) {
		serve(fuse);
		_exit(0);
	}
	file = open(path, O_RDONLY);
	map = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 0);
	if (fstat(file, &stat) || stat.st_size != PAGE || map == MAP_FAILED)
		give_up("mmap of the file on FUSE");
	printf("# user 1001: write(memfd, a mapping of a file on FUSE, 1) = %ld\n", (long)write(memfd, map, 1));
	umount2(path, MNT_DETACH);
	unlink(path);
	exit(0);
}

static char state_of(pid_t pid)
{
	char path[32], state = '?';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		return '?';
	fclose(file);
	return state;
}

int main(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), status;
	pid_t writer, sealer;
	struct utsname name;
	char byte;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n", name.release);
	unlink(DEVICE);
	if (fd < 0 || geteuid() != 0 || mknod(DEVICE, S_IFCHR | 0666, makedev(10, 229)) || chmod(DEVICE, 0666) || pipe(asked) ||
	    pipe(go_on) || ftruncate(fd, PAGE))
		give_up(DEVICE);
	writer = fork();
	if (!writer)
		stop(fd);
	close(asked[1]);
	if (read(asked[0], &byte, 1) != 1)
		return 4;
	sealer = fork();
	if (!sealer)
		_exit(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) ? errno : 100);
	sleep(2);
	check(waitpid(sealer, &status, WNOHANG) == 0, "root: F_ADD_SEALS, of F_SEAL_SHRINK, waits: after 2 seconds it has not returned");
	kill(sealer, SIGKILL);
	sleep(2);
	printf("# SIGKILL to it; its state is %c\n", state_of(sealer));
	check(waitpid(sealer, &status, WNOHANG) == 0 && state_of(sealer) == 'D', "nor has SIGKILL ended it after 2 more");
	check(write(go_on[1], "g", 1) == 1 && waitpid(sealer, &status, 0) == sealer, "user 1001's FUSE answers, and it ends");
	waitpid(writer, &status, 0);
	unlink(DEVICE);
	printf("1..3\n");
	return failed;
}
