/*
 * mq_notify: the registration of a process that has ended stays, if its table of descriptors goes on; and closing another descriptor of the queue takes a registration away.
 *
 *   gcc -Wall -Wextra -o mq-notify-dead mq-notify-dead.c && ./mq-notify-dead
 *
 * As any user.  Prints KTAP; exits with 0 if it is so, with 1 if not, with 2 without message queues.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int failed;
static volatile sig_atomic_t told;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void tell(int number)
{
	told = number;
}

int main(void)
{
	struct mq_attr attributes = { .mq_maxmsg = 4, .mq_msgsize = 8 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	mqd_t queue = mq_open("/mq-notify-dead", O_RDWR | O_CREAT | O_EXCL, 0600, &attributes), other;
	int status;
	char message[8];
	pid_t child;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (queue < 0)
		return 2;
	other = mq_open("/mq-notify-dead", O_RDWR);
	mq_unlink("/mq-notify-dead");
	signal(SIGUSR1, tell);
	printf("KTAP version 1\n1..5\n");
	child = fork();
	if (!child)
		_exit(mq_notify(queue, &event) ? 1 : 0);
	check(waitpid(child, &status, 0) == child && !status && mq_notify(queue, &event) == 0, "a process registers and ends: another can");
	mq_notify(queue, NULL);

	child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, 0UL);
	if (!child)
		_exit(mq_notify(queue, &event) ? 1 : 0);
	check(waitpid(child, &status, 0) == child && !status && mq_notify(queue, &event) == -1 && errno == EBUSY, "one with CLONE_FILES registers and ends: EBUSY, for nobody");
	check(mq_notify(queue, NULL) == 0 && mq_notify(queue, &event) == -1 && errno == EBUSY, "so after mq_notify(NULL)");
	check(mq_send(queue, "one", 4, 0) == 0 && !told && mq_receive(queue, message, 8, NULL) == 4 && mq_notify(queue, &event) == 0, "until a message has come, which told nobody");

	close(other);
	check(mq_send(queue, "two", 4, 0) == 0 && !told, "registered by one descriptor, another is closed: a message tells nobody");
	return failed;
}
