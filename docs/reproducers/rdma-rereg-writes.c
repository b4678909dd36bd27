/*
 * Who has an RDMA device of soft RoCE writes what he may only read: a memory region that was registered to be read becomes
 * one to be written (ibv_rereg_mr(3) with IBV_REREG_MR_CHANGE_ACCESS, rdma_rxe), and nobody asks the pages.
 *
 *   gcc -Wall -Wextra -o rdma-rereg-writes rdma-rereg-writes.c -libverbs && ./rdma-rereg-writes
 *
 * Needs rdma_rxe (modprobe rdma_rxe), whose /dev/infiniband/uverbs0 everybody may open; librxe has no ibv_rereg_mr, so
 * the command is written to it here. As root, which makes the memfd and the device, on lo, and becomes user 1000. Prints
 * KTAP; exits with 0 if the memfd was written, with 1 if not, with 4 if there is no such device.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <infiniband/verbs.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

static int failed;

static void check(long got, long expected, const char *text)
{
	static int number;

	if (got != expected) {
		printf("# got %ld, errno: %s\n", got, strerror(errno));
		failed = 1;
	}
	printf("%sok %d %s\n", got == expected ? "" : "not ", ++number, text);
}

static void need(int holds, const char *what)
{
	if (holds)
		return;
	printf("# %s: %s\n", what, strerror(errno));
	exit(4);
}

static char *attribute(char *at, int type, const char *text)
{
	struct nlattr *head = (struct nlattr *)at;

	head->nla_type = type;
	head->nla_len = NLA_HDRLEN + strlen(text) + 1;
	strcpy(at + NLA_HDRLEN, text);
	return at + NLA_ALIGN(head->nla_len);
}

/* rdma link add rxe0 type rxe netdev lo */
static void add_device(void)
{
	char message[256] = "", answer[512], *at = message + NLMSG_HDRLEN;
	struct nlmsghdr *head = (struct nlmsghdr *)message;
	struct ifreq up = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int inet = socket(AF_INET, SOCK_DGRAM, 0), link = socket(AF_NETLINK, SOCK_RAW, NETLINK_RDMA);
	struct nlmsgerr *error = NLMSG_DATA((struct nlmsghdr *)answer);

	ioctl(inet, SIOCSIFFLAGS, &up);
	at = attribute(at, RDMA_NLDEV_ATTR_DEV_NAME, "rxe0");
	at = attribute(at, RDMA_NLDEV_ATTR_LINK_TYPE, "rxe");
	at = attribute(at, RDMA_NLDEV_ATTR_NDEV_NAME, "lo");
	head->nlmsg_len = at - message;
	head->nlmsg_type = RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, RDMA_NLDEV_CMD_NEWLINK);
	head->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	need(link >= 0 && send(link, message, head->nlmsg_len, 0) > 0 && recv(link, answer, sizeof(answer), 0) > 0,
	     "netlink of RDMA");
	errno = -error->error;
	need(error->error == 0 || error->error == -EEXIST, "rxe on lo");
	close(inet);
	close(link);
}

static int sealed_memfd(void)
{
	int fd = memfd_create("region", MFD_ALLOW_SEALING), reader;
	char link[40];

	check(write(fd, "before", 6), 6, "write");
	ftruncate(fd, 4096);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	reader = open(link, O_RDONLY);
	check(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE), 0,
	      "every seal");
	close(fd);
	return reader;
}

/* The address of lo, ::ffff:127.0.0.1, some milliseconds after it is up. */
static int address(struct ibv_context *context, union ibv_gid *gid)
{
	for (int tried = 0; tried < 100; tried++, usleep(20000))
		for (int i = 0; i < 8; i++)
			if (!ibv_query_gid(context, 1, i, gid) && gid->raw[10] == 0xff && gid->raw[15] == 1)
				return i;
	need(0, "an address of lo");
	return -1;
}

static void connect_to(struct ibv_qp *qp, uint32_t other, const union ibv_gid *gid, int index)
{
	struct ibv_qp_attr init = { .qp_state = IBV_QPS_INIT, .port_num = 1, .qp_access_flags = IBV_ACCESS_REMOTE_WRITE };
	struct ibv_qp_attr receive = { .qp_state = IBV_QPS_RTR, .path_mtu = IBV_MTU_1024, .dest_qp_num = other,
				       .max_dest_rd_atomic = 1, .min_rnr_timer = 12,
				       .ah_attr = { .is_global = 1, .port_num = 1,
						    .grh = { .dgid = *gid, .sgid_index = index, .hop_limit = 1 } } };
	struct ibv_qp_attr send = { .qp_state = IBV_QPS_RTS, .timeout = 14, .retry_cnt = 7, .max_rd_atomic = 1 };

	need(!ibv_modify_qp(qp, &init, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS), "INIT");
	need(!ibv_modify_qp(qp, &receive,
			    IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
				    IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER), "RTR");
	need(!ibv_modify_qp(qp, &send,
			    IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
				    IBV_QP_MAX_QP_RD_ATOMIC), "RTS");
}

/* RDMA WRITE of `source` to `at`, through lo. */
static int rdma_write(struct ibv_pd *pd, struct ibv_mr *source, const void *at, uint32_t rkey)
{
	struct ibv_cq *cq = ibv_create_cq(pd->context, 16, NULL, NULL, 0);
	struct ibv_qp_init_attr of = { .send_cq = cq, .recv_cq = cq, .qp_type = IBV_QPT_RC, .sq_sig_all = 1,
				       .cap = { 8, 8, 1, 1, 0 } };
	struct ibv_qp *from = ibv_create_qp(pd, &of), *to = ibv_create_qp(pd, &of);
	struct ibv_sge part = { (uintptr_t)source->addr, 7, source->lkey };
	struct ibv_send_wr work = { .sg_list = &part, .num_sge = 1, .opcode = IBV_WR_RDMA_WRITE,
				    .wr.rdma = { (uintptr_t)at, rkey } }, *bad;
	struct ibv_wc done = { .status = IBV_WC_GENERAL_ERR };
	union ibv_gid gid;
	int index;

	need(from && to, "ibv_create_qp");
	index = address(pd->context, &gid);
	connect_to(from, to->qp_num, &gid, index);
	connect_to(to, from->qp_num, &gid, index);
	need(!ibv_post_send(from, &work, &bad), "ibv_post_send");
	for (int tried = 0; tried < 5000 && !ibv_poll_cq(cq, 1, &done); tried++)
		usleep(1000);
	return done.status;
}

int main(void)
{
	static char source[4096] __attribute__((aligned(4096))) = "written";
	struct { struct ib_uverbs_cmd_hdr head; struct ib_uverbs_rereg_mr body; } rereg = {
		{ IB_USER_VERBS_CMD_REREG_MR, sizeof(rereg) / 4, sizeof(struct ib_uverbs_rereg_mr_resp) / 4 },
		{ .flags = IBV_REREG_MR_CHANGE_ACCESS, .access_flags = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE }
	};
	struct ib_uverbs_rereg_mr_resp response;
	struct ibv_device **devices;
	struct ibv_context *context;
	struct ibv_mr *region, *from;
	struct ibv_pd *pd;
	char now[8] = "";
	int reader;
	void *map;

	setvbuf(stdout, NULL, _IOLBF, 0);
	add_device();
	printf("KTAP version 1\n1..7\n");
	reader = sealed_memfd();
	setgroups(0, NULL);
	need(!setgid(1000) && !setuid(1000), "user 1000");
	devices = ibv_get_device_list(NULL);
	need(devices && devices[0], "an RDMA device");
	context = ibv_open_device(devices[0]);
	pd = context ? ibv_alloc_pd(context) : NULL;
	need(pd != NULL, "ibv_alloc_pd");
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, reader, 0);
	check(ibv_reg_mr(pd, map, 4096, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE) == NULL, 1,
	      "a region of a mapping that only reads, to be written: refused");
	region = ibv_reg_mr(pd, map, 4096, IBV_ACCESS_REMOTE_READ);
	from = ibv_reg_mr(pd, source, 4096, IBV_ACCESS_LOCAL_WRITE);
	check(region != NULL, 1, "a region of it, to be read");
	need(region && from, "ibv_reg_mr");
	rereg.body.response = (uintptr_t)&response;
	rereg.body.mr_handle = region->handle;
	rereg.body.pd_handle = pd->handle;
	check(write(context->cmd_fd, &rereg, sizeof(rereg)), sizeof(rereg), "ibv_rereg_mr: it may be written");
	check(rdma_write(pd, from, map, region->rkey), IBV_WC_SUCCESS, "an RDMA WRITE");
	pread(reader, now, 7, 0);
	check(strcmp(now, "written"), 0, "the sealed memfd has it");
	return failed;
}
