/*
 * flood INTERFACE MAC tcp|udp SOURCE SOURCES DESTINATION PORT SECONDS RATE
 *
 * Sends TCP SYNs or UDP datagrams to PORT of DESTINATION, at MAC behind INTERFACE, from SOURCES addresses in turn, from
 * SOURCE on: RATE a second, or, for 0, as many as go out; for SECONDS, or until SIGTERM. Prints how many went out, in how many nanoseconds, and how many of
 * these this process had a core: what the other end does with a packet of a veth pair is counted as this process's time.
 */
#define _GNU_SOURCE
#include "frame.h"

#include <signal.h>

enum { BATCH = 64 };

static volatile sig_atomic_t told_to_end;

static void end_soon(int signal)
{
	told_to_end = signal;
}

int main(int argc, char **argv)
{
	static struct frame frames[BATCH];
	static struct iovec vectors[BATCH];
	static struct mmsghdr messages[BATCH];
	uint8_t from_mac[6], to_mac[6];
	if (argc != 10) {
		fprintf(stderr, "usage: flood INTERFACE MAC tcp|udp SOURCE SOURCES DESTINATION PORT SECONDS RATE\n");
		return 1;
	}
	int fd = open_interface(argv[1], SOCK_RAW, 0, from_mac);
	parse_mac(argv[2], to_mac);
	struct address from = parse_address(argv[4]), to = parse_address(argv[6]);
	uint32_t first = get32(from.bytes + (from.family == 6 ? 12 : 0)), sources = strtoul(argv[5], NULL, 10);
	unsigned port = atoi(argv[7]);
	double rate = atof(argv[9]);
	for (int i = 0; i < BATCH; i++) {
		build(&frames[i], to_mac, from_mac, from, to, strcmp(argv[3], "udp") == 0 ? UDP : TCP);
		vectors[i] = (struct iovec){ frames[i].bytes, frames[i].length };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &vectors[i], .msg_iovlen = 1 };
	}
	uint64_t sent = 0;
	uint32_t next = 0;
	int64_t begin = now(), end = begin + (int64_t)(atof(argv[8]) * 1e9), at = begin;
	/* With a rate, few at a time: evenly, not in bursts of a whole batch. */
	int batch = rate > 0 && rate < 200000 ? 4 : BATCH;
	signal(SIGTERM, end_soon);
	while (at < end && !told_to_end) {
		for (int i = 0; i < batch; i++) {
			aim(&frames[i], first + next, 1024 + sent % 60000 + i, port);
			next = next + 1 == sources ? 0 : next + 1;
		}
		int done = sendmmsg(fd, messages, batch, 0);
		/* What the far end has no room for is lost, as on any link. */
		if (done < 0 && errno != ENOBUFS && errno != EAGAIN)
			die("sendmmsg");
		if (done > 0)
			sent += done;
		at = now();
		while (rate > 0 && at < end && (double)(at - begin) * rate < (double)sent * 1e9) {
			struct timespec pause = { 0, 20000 };
			nanosleep(&pause, NULL);
			at = now();
		}
	}
	struct timespec cpu;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	printf("%llu %lld %lld\n", (unsigned long long)sent, (long long)(at - begin),
	       cpu.tv_sec * 1000000000LL + cpu.tv_nsec);
	return 0;
}
