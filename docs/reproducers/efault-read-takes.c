/*
 * A read that fails with EFAULT has taken what it was to give: a fault of a userfaultfd, an event, a signal, a counter, a message, a client.
 *   gcc -Wall -Wextra -static -pthread -o efault-read-takes efault-read-takes.c && ./efault-read-takes
 * User 1000 (userfaultfd from 5.11 on, fanotify from 5.13 on). Exits with 1 if something is gone, 0 if nothing is, 2 if it could not be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>
static void *none; /* a page that cannot be written */
static char buf[8192] __attribute__((aligned(8)));
static volatile int gone, kept, loaded;
static const char *err(long r) { return r < 0 ? strerrorname_np(errno) : "done"; }
static void tell(const char *what, int efault, long then)
{
	int lost = efault && then <= 0;
	printf("%-34s %s; then again: %ld %s -> %s\n", what, efault ? "EFAULT" : "not EFAULT", then, err(then), !efault ? "?" : lost ? "GONE" : "still there");
	gone += lost, kept += efault && !lost;
}
#define TWICE(what, bad, good) do { long r1 = (bad); int e1 = r1 < 0 && errno == EFAULT; tell(what, e1, (good)); } while (0)
static void *load(void *at) { loaded = *(volatile char *)at + 1; return NULL; }
int main(void)
{
	struct utsname name;
	struct itimerspec soon = { { 0, 0 }, { 0, 1000 } };
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range = { 0, 4096 }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage zero = { .range = { 0, 4096 } };
	struct sockaddr_un addr = { AF_UNIX, "\0short-of-memory" };
	pthread_t thread; sigset_t set; int fd, p[2], client;
	setvbuf(stdout, NULL, _IONBF, 0), uname(&name), puts(name.release);
	none = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	setgid(1000), setuid(1000), fd = syscall(SYS_userfaultfd, O_NONBLOCK | 1 /* UFFD_USER_MODE_ONLY */);
	char *map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = zero.range.start = (unsigned long)map;
	if (fd >= 0 && !ioctl(fd, UFFDIO_API, &api) && !ioctl(fd, UFFDIO_REGISTER, &reg)) {
		struct pollfd wait = { fd, POLLIN, 0 };
		pthread_create(&thread, NULL, load, map), poll(&wait, 1, 5000);
		TWICE("userfaultfd: read", read(fd, none, sizeof(struct uffd_msg)), read(fd, buf, sizeof(struct uffd_msg)));
		sleep(1);
		printf("%34s after a second poll says %d, and the thread %s\n", "", poll(&wait, 1, 0), loaded ? "goes on" : "still waits for its page");
		ioctl(fd, UFFDIO_ZEROPAGE, &zero), pthread_join(thread, NULL);
	}
	fd = inotify_init1(O_NONBLOCK);
	inotify_add_watch(fd, "/tmp", IN_CREATE), close(open("/tmp/efault-read-takes", O_CREAT | O_RDWR, 0600)), unlink("/tmp/efault-read-takes");
	TWICE("inotify: read", read(fd, none, 4096), read(fd, buf, 4096));
	fd = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK | 0x200 /* FAN_REPORT_FID */, 0);
	if (fd >= 0 && !fanotify_mark(fd, FAN_MARK_ADD, FAN_CREATE, AT_FDCWD, "/tmp")) {
		close(open("/tmp/efault-read-takes", O_CREAT | O_RDWR, 0600)), unlink("/tmp/efault-read-takes");
		TWICE("fanotify: read", read(fd, none, 4096), read(fd, buf, 4096));
	}
	sigemptyset(&set), sigaddset(&set, SIGUSR1), sigprocmask(SIG_BLOCK, &set, NULL), fd = signalfd(-1, &set, SFD_NONBLOCK), raise(SIGUSR1);
	TWICE("signalfd: read", read(fd, none, 128), read(fd, buf, 128));
	fd = eventfd(5, EFD_NONBLOCK);
	TWICE("eventfd: read", read(fd, none, 8), read(fd, buf, 8));
	fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), timerfd_settime(fd, 0, &soon, NULL), usleep(50000);
	TWICE("timerfd: read", read(fd, none, 8), read(fd, buf, 8));
	fd = mq_open("/108", O_CREAT | O_RDWR | O_NONBLOCK, 0600, NULL), mq_unlink("/108");
	if (fd >= 0 && !mq_send(fd, "x", 1, 0))
		TWICE("mq_receive", mq_receive(fd, none, 8192, NULL), mq_receive(fd, buf, 8192, NULL));
	fd = msgget(IPC_PRIVATE, 0600), *(long *)buf = 1;
	if (fd >= 0 && !msgsnd(fd, buf, 100, 0))
		TWICE("msgrcv", msgrcv(fd, none, 100, 0, IPC_NOWAIT), msgrcv(fd, buf, 100, 0, IPC_NOWAIT));
	msgctl(fd, IPC_RMID, NULL);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	if (!bind(fd, (void *)&addr, sizeof(addr)) && !listen(fd, 5) && !connect(client, (void *)&addr, sizeof(addr)))
		TWICE("accept (address)", accept(fd, none, (socklen_t *)none), accept(fd, NULL, NULL));
	if (!pipe2(p, O_NONBLOCK) && write(p[1], "x", 1) == 1)
		TWICE("pipe: read", read(p[0], none, 1), read(p[0], buf, 1));
	return gone ? 1 : kept ? 0 : 2;
}
