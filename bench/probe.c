/*
 * probe ADDRESS PORT SECONDS KNOCK...
 *
 * Sends one SYN to each KNOCK port, then a connection attempt to PORT every 200 us until one comes up,
 * and prints the microseconds from the last knock to the SYN of that connection. Exit status: 0, 3 where
 * none came up within SECONDS, 1 where the system refused something.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define SPACING_NS 200000L
/* An attempt is given up after 400 ms: well before the kernel would repeat its SYN. */
#define RING 2000

struct attempt {
	int fd;
	long long sent;
};

static struct attempt ring[RING];

static void die(const char *what)
{
	fprintf(stderr, "probe: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct addrinfo *resolve(const char *address, const char *port)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int error = getaddrinfo(address, port, &hints, &found);
	if (error != 0) {
		fprintf(stderr, "probe: %s port %s: %s\n", address, port, gai_strerror(error));
		exit(1);
	}
	return found;
}

/* Sends one SYN, notes when, and leaves the socket open. */
static struct attempt send_syn(const struct addrinfo *to)
{
	struct attempt a = { .fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0) };
	if (a.fd < 0)
		die("socket");
	a.sent = now();
	if (connect(a.fd, to->ai_addr, to->ai_addrlen) < 0 && errno != EINPROGRESS && errno != ECONNREFUSED)
		die("connect");
	return a;
}

static int start_timer(void)
{
	struct itimerspec every = { { 0, SPACING_NS }, { 0, 1 } };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (fd < 0 || timerfd_settime(fd, 0, &every, NULL) < 0)
		die("timerfd");
	return fd;
}

static void add(int poll, int fd, unsigned events, unsigned slot)
{
	struct epoll_event event = { .events = events, .data.u32 = slot };
	if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll_ctl");
}

/* The time when the first SYN went out whose connection is up among the events, or 0. */
static long long first_up(const struct epoll_event *events, int count)
{
	long long first = 0;
	for (int i = 0; i < count; i++) {
		unsigned slot = events[i].data.u32;
		if (slot == RING)
			continue;
		struct attempt *a = &ring[slot];
		int error = 0;
		socklen_t size = sizeof error;
		if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
			die("getsockopt");
		if (error == 0 && (events[i].events & EPOLLHUP) == 0) {
			if (first == 0 || a->sent < first)
				first = a->sent;
			continue;
		}
		/* Refused: that one is over. */
		close(a->fd);
		a->fd = -1;
	}
	return first;
}

static long long wait_until_open(const struct addrinfo *to, long long deadline)
{
	struct epoll_event events[256];
	int poll = epoll_create1(EPOLL_CLOEXEC);
	int timer = start_timer();
	unsigned next = 0;
	for (int i = 0; i < RING; i++)
		ring[i].fd = -1;
	add(poll, timer, EPOLLIN, RING);
	while (now() < deadline) {
		int count = epoll_wait(poll, events, 256, 1000);
		if (count < 0)
			die("epoll_wait");
		long long sent = first_up(events, count);
		if (sent != 0)
			return sent;
		int due = 0;
		for (int i = 0; i < count; i++)
			due |= events[i].data.u32 == RING;
		if (!due)
			continue;
		unsigned long long ticks;
		if (read(timer, &ticks, sizeof ticks) < 0)
			die("read");
		if (ring[next].fd >= 0)
			close(ring[next].fd);
		ring[next] = send_syn(to);
		add(poll, ring[next].fd, EPOLLOUT, next);
		next = (next + 1) % RING;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr, "usage: probe ADDRESS PORT SECONDS KNOCK...\n");
		return 1;
	}
	struct addrinfo *door = resolve(argv[1], argv[2]);
	long long patience = atoll(argv[3]) * 1000000000LL;
	struct addrinfo *knocks[argc - 4];
	long long last = 0;
	for (int i = 4; i < argc; i++)
		knocks[i - 4] = resolve(argv[1], argv[i]);
	for (int i = 4; i < argc; i++) {
		struct attempt knock = send_syn(knocks[i - 4]);
		close(knock.fd);
		last = knock.sent;
	}
	long long opened = wait_until_open(door, last + patience);
	if (opened == 0)
		return 3;
	printf("%lld\n", (opened - last) / 1000);
	return 0;
}
