/*
 * readdir of a tmpfs directory leaves out a file that nobody touches, gives others twice, and need not come to an end, if somebody
 * renames and unlinks in the directory meanwhile.
 *
 *   gcc -Wall -Wextra -static -o readdir-forgets readdir-forgets.c && ./readdir-forgets
 *
 * Run as root, who mounts a tmpfs and becomes user 1000. The directory is read by getdents64 with room for one entry, where libc
 * has 32 kB. Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 if it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MOUNT "/tmp/readdir-tmpfs"
#define ONE 24	 /* bytes of an entry with a short name */
#define MANY 500 /* calls */

struct entry { /* struct linux_dirent64 */
	uint64_t inode;
	int64_t offset;
	unsigned short length;
	unsigned char type;
	char name[];
};

static int failed, dir, reader;
static char seen[2 * MANY + 64]; /* the names, of one letter each, as they were read */

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

/* Reads one entry; whether there was one. */
static int read_one(void)
{
	char buffer[ONE] __attribute__((aligned(8)));
	struct entry *entry = (struct entry *)buffer;

	if (syscall(SYS_getdents64, reader, buffer, ONE) <= 0)
		return 0;
	if (entry->name[0] != '.' && strlen(seen) < sizeof(seen) - 1)
		seen[strlen(seen)] = entry->name[0];
	return 1;
}

static void read_to(char name)
{
	while (!strchr(seen, name) && read_one())
		;
}

static void read_rest(void)
{
	for (int i = 0; i < MANY && read_one(); i++)
		;
	printf("# read: %s\n", seen);
}

static void make(const char *names)
{
	for (char name[2] = ""; (name[0] = *names); names++)
		close(openat(dir, name, O_CREAT | O_EXCL | O_WRONLY, 0600));
}

/* A new directory with these files, newest last. */
static void begin(const char *path, const char *names)
{
	mkdir(path, 0700);
	dir = open(path, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		give_up(path);
	make(names);
	reader = openat(dir, ".", O_RDONLY | O_DIRECTORY);
	memset(seen, 0, sizeof(seen));
}

static int times(char name)
{
	int count = 0;

	for (const char *at = seen; *at; at++)
		count += *at == name;
	return count;
}

static void without_rename(void)
{
	begin(MOUNT "/first", "abkcdgef");
	read_to('e');
	unlinkat(dir, "g", 0);
	read_rest();
	check(!strcmp(seen, "fedckba"), "files a b k c d g e f; readdir up to e; unlink(g); readdir of the rest: each is there, once");
}

static void forget(void)
{
	begin(MOUNT "/second", "abkcdn");
	renameat(dir, "n", dir, "k");
	make("gef");
	read_to('e');
	unlinkat(dir, "g", 0);
	read_rest();
	check(times('k') == 0 && times('d') == 1, "the same, where k had been replaced by rename, before any readdir: k is not there");
}

static void give_twice(void)
{
	begin(MOUNT "/third", "abcdefn");
	read_to('e');
	renameat(dir, "n", dir, "d");
	read_rest();
	check(times('e') == 2 && times('f') == 2, "files a b c d e f n; readdir up to e; rename(n, d); readdir of the rest: e, f twice");
}

static void go_on(void)
{
	int calls;

	begin(MOUNT "/fourth", "abc");
	read_to('c');
	for (calls = 0; calls < MANY; calls++) {
		make("n");
		renameat(dir, "n", dir, calls % 2 ? "c" : "b");
		if (!read_one())
			break;
	}
	check(calls == MANY, "files a b c; before each readdir b or c, in turn, is replaced by rename: no end after 500 of each");
}

int main(void)
{
	struct utsname name;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..4\n", name.release);
	mkdir(MOUNT, 0755);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", MOUNT, "tmpfs", 0, "mode=1777") || setgroups(0, NULL) || setgid(1000) || setuid(1000))
		give_up("tmpfs");
	without_rename();
	forget();
	give_twice();
	go_on();
	return failed;
}
