/*
 * PROCMAP_QUERY says ENAMETOOLONG where linux/fs.h promises E2BIG: the name of a mapping (of a memfd) is longer than the buffer.
 *
 *   gcc -Wall -Wextra -static -o procmap-toolong procmap-toolong.c && ./procmap-toolong
 *
 * Any user. Prints KTAP; exits with 0 if it is so, with 1 if not, with 4 where it cannot be tried.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

struct query { /* struct procmap_query */
	uint64_t size, flags, address, start, end, vma_flags, page_size, offset, inode;
	uint32_t major, minor, name_size, build_id_size;
	uint64_t name, build_id;
};

#define QUERY _IOWR('f', 17, struct query)

int main(void)
{
	struct utsname name;
	char buffer[64];
	int memfd = memfd_create("region", 0), maps = open("/proc/self/maps", O_RDONLY), whole, small, error;
	void *map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, memfd, 0);
	struct query query = {.size = sizeof(query), .address = (uintptr_t)map, .name = (uintptr_t)buffer, .name_size = sizeof(buffer)};

	uname(&name);
	printf("KTAP version 1\n# %s\n1..2\n", name.release);
	whole = ioctl(maps, QUERY, &query);
	if (whole) {
		printf("# PROCMAP_QUERY: %s\n", strerror(errno));
		return 4;
	}
	printf("%sok 1 64 bytes: the name is %s\n", strcmp(buffer, "/memfd:region (deleted)") ? "not " : "", buffer);
	query.name_size = 8;
	small = ioctl(maps, QUERY, &query);
	error = errno;
	printf("%sok 2 8 bytes: %s\n", small && error == ENAMETOOLONG ? "" : "not ", small ? strerror(error) : "0");
	return !(small && error == ENAMETOOLONG);
}
