/*
 * inotify and fanotify say nothing of what io_submit(2) reads and writes.
 *
 *   gcc -Wall -Wextra -static -o aio-silent aio-silent.c && ./aio-silent
 *
 * Runs as any user; as root fanotify is tried, too. A file of the working directory's file system (a tmpfs) is made and removed. Prints
 * KTAP; exits with 0 if it is so, with 1 if not, with 4 where it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PATH "aio-silent.file"

static int failed, file, notify, fan = -1;
static aio_context_t context;

static void check(int holds, const char *text)
{
	static int number;

	failed |= !holds;
	printf("%sok %d %s\n", holds ? "" : "not ", ++number, text);
}

static void give_up(const char *what)
{
	printf("# %s: %s\n", what, strerror(errno));
	unlink(PATH);
	exit(4);
}

/* What inotify has said since it was asked last: IN_MODIFY, IN_ACCESS. */
static uint32_t said(void)
{
	char buffer[4096] __attribute__((aligned(8)));
	uint32_t mask = 0;
	ssize_t length;

	while ((length = read(notify, buffer, sizeof(buffer))) > 0)
		for (char *at = buffer; at < buffer + length; at += sizeof(struct inotify_event) + ((struct inotify_event *)at)->len)
			mask |= ((struct inotify_event *)at)->mask;
	return mask;
}

/* And fanotify. */
static uint64_t fan_said(void)
{
	char buffer[4096] __attribute__((aligned(8)));
	uint64_t mask = 0;
	ssize_t length;

	while (fan >= 0 && (length = read(fan, buffer, sizeof(buffer))) > 0) {
		struct fanotify_event_metadata *event = (void *)buffer;

		for (; FAN_EVENT_OK(event, length); event = FAN_EVENT_NEXT(event, length)) {
			mask |= event->mask;
			close(event->fd);
		}
	}
	return mask;
}

/* IOCB_CMD_PREAD or IOCB_CMD_PWRITE of a byte. */
static long submit(int operation, char *byte)
{
	struct iocb block = {.aio_fildes = file, .aio_lio_opcode = operation, .aio_buf = (uintptr_t)byte, .aio_nbytes = 1};
	struct iocb *list = &block;
	struct io_event event;

	if (syscall(SYS_io_submit, context, 1L, &list) != 1 || syscall(SYS_io_getevents, context, 1L, 1L, &event, NULL) != 1)
		give_up("io_submit");
	return event.res;
}

int main(void)
{
	struct utsname name;
	char byte = 'x';
	int all;

	setvbuf(stdout, NULL, _IONBF, 0);
	uname(&name);
	printf("KTAP version 1\n# %s\n1..7\n", name.release);
	file = open(PATH, O_CREAT | O_TRUNC | O_RDWR, 0600);
	notify = inotify_init1(IN_NONBLOCK);
	if (file < 0 || notify < 0 || inotify_add_watch(notify, PATH, IN_MODIFY | IN_ACCESS) < 0)
		give_up(PATH);
	if (syscall(SYS_io_setup, 1, &context))
		give_up("io_setup");
	fan = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY);
	if (fan >= 0 && fanotify_mark(fan, FAN_MARK_ADD, FAN_MODIFY | FAN_ACCESS, AT_FDCWD, PATH)) {
		close(fan);
		fan = -1;
	}
	if (fan < 0)
		printf("# fanotify: %s\n", strerror(errno));

	check(pwrite(file, &byte, 1, 0) == 1 && said() == IN_MODIFY && (fan < 0 || fan_said() == FAN_MODIFY), "pwrite: IN_MODIFY, FAN_MODIFY");
	check(pread(file, &byte, 1, 0) == 1 && said() == IN_ACCESS && (fan < 0 || fan_said() == FAN_ACCESS), "pread: IN_ACCESS, FAN_ACCESS");
	check(!ftruncate(file, 2) && said() == IN_MODIFY, "ftruncate: IN_MODIFY");
	fan_said();
	byte = 'y';
	all = submit(IOCB_CMD_PWRITE, &byte) == 1;
	check(all && said() == 0, "IOCB_CMD_PWRITE: nothing");
	check(fan < 0 || fan_said() == 0, "nor has fanotify");
	byte = 0;
	check(submit(IOCB_CMD_PREAD, &byte) == 1 && byte == 'y' && said() == 0, "IOCB_CMD_PREAD: the byte is there, and of the read nothing");
	check(fan < 0 || fan_said() == 0, "nor has fanotify");
	unlink(PATH);
	return failed;
}
