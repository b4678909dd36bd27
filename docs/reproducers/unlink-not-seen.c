/*
 * link, unlink and rmdir do not change the times of a directory of a tmpfs visibly, in spite of multigrain timestamps; nor does
 * what is made there after an unlink.
 *
 *   gcc -Wall -Wextra -o unlink-not-seen unlink-not-seen.c && ./unlink-not-seen
 *
 * As any user, in a directory of a tmpfs (the working directory, or the first argument).  Each change is between two stats, 40
 * times; some of the 40 fall on a tick of the clock and are seen.  Prints KTAP; exits with 0 if it is so, with 1 if each change
 * is seen, with 2 if there are no multigrain timestamps here (before 6.13), which is where mkdir is not always seen either.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TIMES 40

static int failed;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void make(const char *name)
{
	close(open(name, O_CREAT | O_RDWR, 0600));
}

static void by_mkdir(void)
{
	mkdir("d/new", 0700);
}

static void by_creat(void)
{
	make("d/made");
}

static void by_unlink(void)
{
	unlink("d/file");
}

static void by_link(void)
{
	link("file", "d/link");
}

static void by_rmdir(void)
{
	rmdir("d/dir");
}

static void by_unlink_and_creat(void)
{
	unlink("d/file");
	make("d/made");
}

/* How many of the changes neither st_mtime nor st_ctime of the directory shows. */
static int not_seen(void (*change)(void))
{
	struct stat before, after;
	int i, count = 0;

	for (i = 0; i < TIMES; i++) {
		make("d/file");
		mkdir("d/dir", 0700);
		unlink("d/made");
		unlink("d/link");
		rmdir("d/new");
		usleep(1000);
		close(open("d/stamp", O_CREAT | O_RDWR, 0600));
		unlink("d/stamp");
		mkdir("d/stamp", 0700);
		stat("d", &before);
		rename("d/stamp", "d/moved");		/* a new time, which is seen */
		stat("d", &before);
		change();
		stat("d", &after);
		rmdir("d/moved");
		if (before.st_mtim.tv_sec == after.st_mtim.tv_sec && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec &&
		    before.st_ctim.tv_sec == after.st_ctim.tv_sec && before.st_ctim.tv_nsec == after.st_ctim.tv_nsec)
			count++;
	}
	printf("# %d of %d not seen\n", count, TIMES);
	return count;
}

int main(int argc, char **argv)
{
	char top[] = "unlink-not-seen-XXXXXX";

	setvbuf(stdout, NULL, _IONBF, 0);
	printf("KTAP version 1\n");
	if (argc > 1 && chdir(argv[1]))
		return 2;
	if (!mkdtemp(top) || chdir(top) || mkdir("d", 0700))
		return 2;
	make("file");
	if (not_seen(by_mkdir) || not_seen(by_creat)) {
		printf("1..0 # SKIP no multigrain timestamps\n");
		return 2;
	}
	printf("1..5\n");
	check(1, "mkdir and creat are seen each time");
	check(not_seen(by_unlink) > TIMES / 4, "unlink is not seen");
	check(not_seen(by_link) > TIMES / 4, "link is not seen");
	check(not_seen(by_rmdir) > TIMES / 4, "rmdir is not seen");
	check(not_seen(by_unlink_and_creat) > TIMES / 4, "creat after unlink is not seen, either");
	return failed;
}
