/*
 * mq_open(O_CREAT) that fails has made the queue, which stays, and counts towards RLIMIT_MSGQUEUE.
 *   gcc -Wall -Wextra -static -o mq-open-made mq-open-made.c && ./mq-open-made
 * Root sets fs.file-max to 0 for a moment, so that user 1000 gets ENFILE (root does not); user 1000 does the rest.
 * Exits with 1 if the bug is there, 0 if not, 2 if it could not be tried. For a virtual machine.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <mqueue.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
static const char *err(long r) { return r < 0 ? strerror(errno) : "done"; }
static int user(int go, int ready)
{
	struct mq_attr attr = { .mq_maxmsg = 10, .mq_msgsize = 8192 };
	struct rlimit limit = { 100000, 100000 };	/* room for one such queue */
	char c;
	long r;
	int bug = 0;
	if (setgroups(0, NULL) || setgid(1000) || setuid(1000) || setrlimit(RLIMIT_MSGQUEUE, &limit))
		return 2;
	mq_unlink("/q"), mq_unlink("/other"), mq_unlink("/direct");
	r = mq_open("/direct", O_CREAT | O_EXCL | O_RDWR | O_DIRECT, 0600, &attr);
	printf("mq_open(\"/direct\", O_CREAT|O_EXCL|O_RDWR|O_DIRECT) = %s\n", err(r));
	if (r < 0) {
		r = mq_open("/direct", O_RDWR);
		printf("mq_open(\"/direct\", O_RDWR) = %s\n", err(r));
		bug |= r >= 0;
		close(r);
	}
	mq_unlink("/direct");
	write(ready, "x", 1);
	read(go, &c, 1);
	r = open("/tmp/regular", O_CREAT | O_RDWR, 0600);
	printf("no more files in the system: open(\"/tmp/regular\", O_CREAT) = %s", err(r));
	printf(", and it is %s\n", access("/tmp/regular", F_OK) ? "not there" : "there");
	if (r >= 0)
		return bug ? bug : 2;
	r = mq_open("/q", O_CREAT | O_EXCL | O_RDWR, 0600, &attr);
	printf("mq_open(\"/q\", O_CREAT|O_EXCL|O_RDWR) = %s\n", err(r));
	if (r >= 0)
		return 2;
	write(ready, "x", 1);
	read(go, &c, 1);
	r = mq_open("/q", O_CREAT | O_EXCL | O_RDWR, 0600, &attr);
	printf("there are files again: mq_open(\"/q\", O_CREAT|O_EXCL|O_RDWR) = %s\n", err(r));
	bug |= r < 0 && errno == EEXIST;
	r = mq_open("/other", O_CREAT | O_RDWR, 0600, &attr);
	printf("mq_open(\"/other\", O_CREAT|O_RDWR) = %s (RLIMIT_MSGQUEUE %ld)\n", err(r), (long)limit.rlim_cur);
	mq_unlink("/q"), mq_unlink("/other");
	return bug;
}
int main(void)
{
	int go[2], ready[2], status;
	char old[64] = "", c;
	struct utsname name;
	FILE *f;
	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name), puts(name.release);
	f = fopen("/proc/sys/fs/file-max", "r");
	if (!f || !fgets(old, 64, f) || pipe(go) || pipe(ready))
		return 2;
	fclose(f);
	if (!fork()) {
		close(go[1]), close(ready[0]);
		_exit(user(go[0], ready[1]));
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) == 1) {
		int max = open("/proc/sys/fs/file-max", O_WRONLY);
		write(max, "0", 1);
		write(go[1], "x", 1);
		read(ready[0], &c, 1);
		lseek(max, 0, SEEK_SET);
		write(max, old, strlen(old));
		write(go[1], "x", 1);
	}
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 2;
}
