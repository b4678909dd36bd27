/*
 * execve takes a process's record locks away from it, if its table of descriptors is shared, and keeps them locked: against itself, too, and after its end.
 *   gcc -Wall -Wextra -static -o exec-loses-locks exec-loses-locks.c && ./exec-loses-locks
 * Any user. Exits with 1 if so, 0 if not, 2 if it could not be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
static const char *err(long r) { return r < 0 ? strerrorname_np(errno) : "0"; }
static int lock(int fd, int cmd, int type, pid_t *who)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10 };
	int r = fcntl(fd, cmd, &l);
	if (who)
		*who = l.l_type == F_UNLCK ? 0 : l.l_pid;
	return r;
}
static void nothing(int sig) { (void)sig; }
static int after(int fd)	/* the same process, after execve */
{
	struct sigaction act = { .sa_handler = nothing };
	pid_t who;
	int r, bug;
	lock(fd, F_GETLK, F_WRLCK, &who);
	printf("after execve, the same process %d: F_GETLK says %s%d\n", getpid(), who ? "locked by " : "not locked ", who);
	r = lock(fd, F_SETLK, F_WRLCK, NULL);
	printf("F_SETLK(F_WRLCK) = %s\n", err(r));
	bug = r < 0;
	sigaction(SIGALRM, &act, NULL), alarm(2);
	r = lock(fd, F_SETLKW, F_WRLCK, NULL);
	printf("F_SETLKW(F_WRLCK) = %s%s\n", err(r), r < 0 && errno == EINTR ? " after 2 s, by a signal: it waits for itself" : "");
	alarm(0);
	printf("F_SETLK(F_UNLCK) = %s\n", err(lock(fd, F_SETLK, F_UNLCK, NULL)));
	close(fd);
	return bug;
}
int main(int argc, char **argv)
{
	struct utsname name;
	pid_t *other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), who, pid;
	int fd, status, bug;
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc == 3 && !strcmp(argv[1], "after"))
		return after(atoi(argv[2]));
	uname(&name);
	printf("%s\n", name.release);
	fd = open("/tmp/exec-loses-locks", O_CREAT | O_RDWR, 0600);
	if (fd < 0 || other == MAP_FAILED)
		return 2;
	close(fd);
	pid = fork();
	if (!pid) {
		char number[16], *args[] = { argv[0], "after", number, NULL };
		fd = open("/tmp/exec-loses-locks", O_RDWR);
		who = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
		if (!who) {
			pause();
			_exit(0);
		}
		*other = who;
		printf("process %d shares its descriptors with %d (CLONE_FILES); F_SETLK(F_WRLCK) = %s\n", getpid(), *other, err(lock(fd, F_SETLK, F_WRLCK, NULL)));
		printf("F_SETLK(F_WRLCK) again = %s\n", err(lock(fd, F_SETLK, F_WRLCK, NULL)));
		snprintf(number, 16, "%d", fd);
		execv("/proc/self/exe", args);
		_exit(2);
	}
	waitpid(pid, &status, 0);
	bug = WIFEXITED(status) ? WEXITSTATUS(status) : 2;
	fd = open("/tmp/exec-loses-locks", O_RDWR);
	lock(fd, F_GETLK, F_WRLCK, &who);
	printf("%d has unlocked, closed and ended. Another process: F_GETLK says %s%d; F_SETLK(F_WRLCK) = %s\n", pid, who ? "locked by " : "not locked ", who, err(lock(fd, F_SETLK, F_WRLCK, NULL)));
	if (*other > 0)
		kill(*other, SIGKILL);
	unlink("/tmp/exec-loses-locks");
	return bug == 2 ? 2 : bug || who == pid;
}
