/*
 * tmpfs with quotas: a limit of 0, no limit, and soft limits alone are forgotten while the user has no file; root's quota, which has none by the documentation, has one.
 *
 *   gcc -Wall -Wextra -o tmpfs-quota-forgets tmpfs-quota-forgets.c && ./tmpfs-quota-forgets
 *
 * As root, with CONFIG_TMPFS_QUOTA.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 without tmpfs quotas.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/quota.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed, top;
static char megabytes[3 << 20];

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static struct dqblk quota(int user, const char *when)
{
	struct dqblk value = { 0 };

	if (syscall(443 /* quotactl_fd */, top, QCMD(Q_GETQUOTA, USRQUOTA), user, &value))
		exit(2);
	printf("# user %d, %s: hard %lu soft %lu kB, %lu bytes\n", user, when, (unsigned long)value.dqb_bhardlimit, (unsigned long)value.dqb_bsoftlimit, (unsigned long)value.dqb_curspace);
	return value;
}

static void set(int user, unsigned long hard, unsigned long soft)
{
	struct dqblk value = { .dqb_bhardlimit = hard, .dqb_bsoftlimit = soft, .dqb_valid = QIF_BLIMITS };

	if (syscall(443, top, QCMD(Q_SETQUOTA, USRQUOTA), user, &value))
		exit(2);
}

/* As user 1000: the errno of a write to this file at this offset, or 0. */
static int written(const char *name, size_t size, off_t at)
{
	int status;

	if (!fork()) {
		int fd = setresgid(1000, 1000, 1000) || setresuid(1000, 1000, 1000) ? -1 : openat(top, name, O_RDWR | O_CREAT, 0600);
		ssize_t done = pwrite(fd, megabytes, size, at);

		_exit(done == (ssize_t)size ? 0 : done < 0 ? errno : 255);
	}
	return wait(&status) > 0 ? WEXITSTATUS(status) : -1;
}

int main(void)
{
	char name[] = "/tmp/tmpfs-quota-XXXXXX";
	int fd;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (!mkdtemp(name) || unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", name, "tmpfs", 0, "mode=1777,usrquota,usrquota_block_hardlimit=1m")) {
		printf("1..0 # SKIP mount with usrquota: %s\n", strerror(errno));
		return 2;
	}
	top = open(name, O_RDONLY | O_DIRECTORY);
	printf("KTAP version 1\n1..9\n");
	check(quota(1000, "at first").dqb_bhardlimit == 1024, "a user has the limit of the mount option");
	set(1000, 0, 0);
	usleep(500000);
	check(quota(1000, "Q_SETQUOTA of 0, after half a second").dqb_bhardlimit == 1024, "Q_SETQUOTA of 0, no limit, is forgotten");
	check(written("file", sizeof(megabytes), 0) == 0 && quota(1000, "who has written").dqb_bhardlimit == 1024, "the limit that is told does not hold: he writes 3 MiB");
	unlinkat(top, "file", 0);
	usleep(500000);
	fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	if (fd < 0 || write(fd, "2", 1) != 1)
		return 2;
	close(fd);
	check(written("file", sizeof(megabytes), 0) != 0, "after drop_caches it holds");
	set(1000, 0, 0);
	usleep(500000);
	check(written("file", sizeof(megabytes), 0) == 0 && quota(1000, "set while he has a file").dqb_bhardlimit == 0, "the same, while he has a file, is kept: he writes 3 MiB");
	unlinkat(top, "file", 0);
	usleep(500000);
	check(quota(1000, "after he has removed it").dqb_bhardlimit == 1024, "until he has removed it");
	set(1001, 1024, 512);
	usleep(500000);
	check(quota(1001, "Q_SETQUOTA of a soft limit").dqb_bsoftlimit == 0, "a soft limit is forgotten");
	set(1002, 8192, 512);
	usleep(500000);
	check(quota(1002, "Q_SETQUOTA of both").dqb_bsoftlimit == 512, "with another hard limit it is kept");

	fd = openat(top, "log", O_RDWR | O_CREAT, 0666);
	if (fd < 0 || fchmod(fd, 0666) || write(fd, megabytes, sizeof(megabytes)) != sizeof(megabytes))
		return 2;
	quota(0, "root, who has written 3 MiB");
	check(written("log", 1, sizeof(megabytes)) == EDQUOT, "root has written 3 MiB to its file; one byte more to it by a user who has nothing is EDQUOT");
	close(fd);
	close(top);
	umount2(name, MNT_DETACH);
	rmdir(name);
	return failed;
}
