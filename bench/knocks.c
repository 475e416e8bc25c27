/*
 * knocks INTERFACE MAC SOURCE COUNT INTERVAL_US PAUSE_US PATIENCE_MS DESTINATION PORT KNOCK...
 *
 * Knocks COUNT times at DESTINATION, each time from another address, from SOURCE on: one SYN to each KNOCK port, PAUSE_US
 * apart, one knock every INTERVAL_US. Right behind the last packet of a knock, with nothing in between, goes a SYN
 * to PORT; then further ones, each when a twentieth of the time since the last knock has gone, and 20 us at the least,
 * until one is answered or PATIENCE_MS have passed. Frames go out by a packet socket, so nothing but that system call
 * lies between one and the next; all times are of one clock, taken before the call.
 *
 * The addresses must be local to this machine, or nobody takes back the half-open connections.
 *
 * Prints a line for each knock: how many SYNs went out before the one that was let in, and the nanoseconds from the
 * last packet of the knock to that SYN, to its answer, and from the first packet to the answer; or `-` where none was let
 * in; or `open` where a SYN before the knock was let in already. The last line is `lost` and how many packets of knocks (SYNs
 * behind them left out) the link had no room for.
 */
#define _GNU_SOURCE
#include "frame.h"
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>

enum { SYNS = 512, FIRST_PORT = 20000, SHORTEST_NS = 20000 };

struct knock {
	uint32_t source;
	int step;	   /* 0: the SYN before, then the ports, then SYNs */
	int syns;
	int64_t due;
	int64_t first, last;
	int64_t sent[SYNS];
	int opened;	   /* which SYN was let in, or -1 */
	int64_t answered;
	int open_before, over;
};

static struct knock *knocks;
static int count, ports, door, out, in, lost;
static int *port;
static uint32_t first_source;
static int64_t pause_ns, patience_ns;
static struct frame frame;
static struct address destination;

static int64_t send_syn(uint32_t source, unsigned from_port, unsigned to_port)
{
	aim(&frame, source, from_port, to_port);
	int64_t at = now();
	/* A frame that finds no room is lost, as on any link. */
	if (send(out, frame.bytes, frame.length, 0) < 0) {
		if (errno != ENOBUFS && errno != EAGAIN)
			die("send");
		lost += to_port != (unsigned)door;
	}
	return at;
}

static void try_door(struct knock *k)
{
	int64_t at = send_syn(k->source, FIRST_PORT + k->syns, door);
	k->sent[k->syns++] = at;
	int64_t wait = (at - k->last) / 20;
	k->due = at + (wait < SHORTEST_NS ? SHORTEST_NS : wait);
	if (k->syns == SYNS || k->due > k->last + patience_ns) {
		/* One more turn: to wait for the answer of this one. */
		k->syns = SYNS;
		k->due = k->last + patience_ns;
	}
}

static void act(struct knock *k)
{
	if (k->step == 0) {
		k->due = send_syn(k->source, FIRST_PORT - 1, door) + 1000000;
	} else if (k->step <= ports) {
		int64_t at = send_syn(k->source, 10000 + k->step, port[k->step - 1]);
		if (k->step == 1)
			k->first = at;
		k->last = at;
		k->due = at + pause_ns;
		if (k->step == ports)
			try_door(k);
	} else if (k->syns == SYNS) {
		k->over = 1;
	} else {
		try_door(k);
	}
	k->step++;
}

static void take_answers(void)
{
	uint8_t packet[256];
	for (;;) {
		ssize_t size = recv(in, packet, sizeof packet, MSG_DONTWAIT);
		if (size < 0 && errno == EAGAIN)
			return;
		if (size < 0)
			die("recv");
		int six = destination.family == 6;
		size_t header = six ? 40 : 20;
		if ((size_t)size < header + 20 || packet[six ? 6 : 9] != TCP)
			continue;
		const uint8_t *segment = packet + header;
		if ((segment[13] & 0x12) != 0x12 || (segment[0] << 8 | segment[1]) != door)
			continue;
		uint32_t index = get32(packet + header - 4) - first_source;
		int which = (segment[2] << 8 | segment[3]) - FIRST_PORT;
		if (index >= (uint32_t)count || which < -1 || which >= SYNS)
			continue;
		struct knock *k = &knocks[index];
		if (which < 0)
			k->open_before = 1;
		else if (k->opened < 0 || which < k->opened) {
			k->opened = which;
			k->answered = now();
		}
		k->over = 1;
	}
}

static void run(void)
{
	int begun = 0;
	for (;;) {
		take_answers();
		struct knock *next = NULL;
		for (int i = begun; i < count; i++) {
			if (knocks[i].over) {
				begun += i == begun;
				continue;
			}
			if (!next || knocks[i].due < next->due)
				next = &knocks[i];
		}
		if (!next)
			return;
		int64_t left = next->due - now();
		if (left <= 0) {
			act(next);
			continue;
		}
		struct pollfd wait = { in, POLLIN, 0 };
		struct timespec time = { left / 1000000000, left % 1000000000 };
		if (ppoll(&wait, 1, &time, NULL) < 0)
			die("ppoll");
	}
}

int main(int argc, char **argv)
{
	uint8_t from_mac[6], to_mac[6];
	if (argc < 11) {
		fprintf(stderr, "usage: knocks INTERFACE MAC SOURCE COUNT INTERVAL_US PAUSE_US PATIENCE_MS "
				"DESTINATION PORT KNOCK...\n");
		return 1;
	}
	parse_mac(argv[2], to_mac);
	struct address from = parse_address(argv[3]);
	destination = parse_address(argv[8]);
	out = open_interface(argv[1], SOCK_RAW, 0, from_mac);
	in = open_interface(argv[1], SOCK_DGRAM, from.family == 6 ? 0x86dd : 0x0800, NULL);
	build(&frame, to_mac, from_mac, from, destination, TCP);
	first_source = get32(from.bytes + (from.family == 6 ? 12 : 0));
	count = atoi(argv[4]);
	pause_ns = atoll(argv[6]) * 1000;
	patience_ns = atoll(argv[7]) * 1000000;
	door = atoi(argv[9]);
	ports = argc - 10;
	port = calloc(ports, sizeof *port);
	knocks = calloc(count, sizeof *knocks);
	if (!port || !knocks)
		die("calloc");
	for (int i = 0; i < ports; i++)
		port[i] = atoi(argv[10 + i]);
	/* The kernel may otherwise wake us 50 us late. */
	prctl(PR_SET_TIMERSLACK, 1UL);
	/* Whom a knock wakes up does not delay the SYN behind it, as it would not on another machine. */
	struct sched_param first = { 1 };
	if (sched_setscheduler(0, SCHED_FIFO, &first) < 0)
		fprintf(stderr, "knocks: not ahead of others: %s\n", strerror(errno));
	int64_t begin = now();
	for (int i = 0; i < count; i++)
		knocks[i] = (struct knock){ .source = first_source + i,
					    .due = begin + i * atoll(argv[5]) * 1000,
					    .opened = -1 };
	run();
	for (int i = 0; i < count; i++) {
		struct knock *k = &knocks[i];
		if (k->open_before)
			printf("open\n");
		else if (k->opened < 0)
			printf("-\n");
		else
			printf("%d %lld %lld %lld\n", k->opened, (long long)(k->sent[k->opened] - k->last),
			       (long long)(k->answered - k->last), (long long)(k->answered - k->first));
	}
	printf("lost %d\n", lost);
	return 0;
}
