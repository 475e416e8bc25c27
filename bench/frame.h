/* Ethernet frames with a TCP SYN or a UDP datagram, whose source can be changed at little cost. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

enum { ETHERNET = 14, TCP = 6, UDP = 17, SEGMENT = 20 };

struct address {
	int family; /* 4 or 6 */
	uint8_t bytes[16];
};

struct frame {
	uint8_t bytes[ETHERNET + 40 + SEGMENT];
	size_t length;
	int family, protocol;
	uint8_t *source;   /* the last four bytes of the source address */
	uint8_t *segment;
	uint32_t ip_sum, segment_sum; /* with those four bytes, both ports' lower half and the checksums at zero */
};

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static inline int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static inline void put16(uint8_t *at, unsigned value)
{
	at[0] = value >> 8;
	at[1] = value & 255;
}

static inline void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 65535);
}

static inline uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
}

static inline unsigned fold(uint32_t sum)
{
	sum = (sum >> 16) + (sum & 65535);
	sum += sum >> 16;
	return ~sum & 65535;
}

static uint32_t sum16(const uint8_t *at, size_t length)
{
	uint32_t sum = 0;
	for (size_t i = 0; i < length; i += 2)
		sum += at[i] << 8 | at[i + 1];
	return sum;
}

static struct address parse_address(const char *text)
{
	struct address a = { .family = strchr(text, ':') ? 6 : 4 };
	if (inet_pton(a.family == 6 ? AF_INET6 : AF_INET, text, a.bytes) != 1) {
		fprintf(stderr, "no address: %s\n", text);
		exit(1);
	}
	return a;
}

/* An AF_PACKET socket on the interface; its own address goes into `mac`. Protocol 0 receives nothing. */
static int open_interface(const char *name, int type, unsigned protocol, uint8_t *mac)
{
	int fd = socket(AF_PACKET, type | SOCK_CLOEXEC, 0), on = 1;
	struct ifreq request = { 0 };
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(protocol) };
	if (fd < 0)
		die("socket");
	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (ioctl(fd, SIOCGIFHWADDR, &request) < 0)
		die("interface");
	if (mac)
		memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	at.sll_ifindex = if_nametoindex(name);
	if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) < 0)
		die("PACKET_QDISC_BYPASS");
	if (bind(fd, (struct sockaddr *)&at, sizeof at) < 0)
		die("bind");
	return fd;
}

static void parse_mac(const char *text, uint8_t *mac)
{
	unsigned v[6];
	if (sscanf(text, "%x:%x:%x:%x:%x:%x", v, v + 1, v + 2, v + 3, v + 4, v + 5) != 6) {
		fprintf(stderr, "no MAC address: %s\n", text);
		exit(1);
	}
	for (int i = 0; i < 6; i++)
		mac[i] = v[i];
}

static void build(struct frame *f, const uint8_t *to_mac, const uint8_t *from_mac, struct address from,
		  struct address to, int protocol)
{
	size_t size = from.family == 6 ? 16 : 4, header = from.family == 6 ? 40 : 20;
	memset(f, 0, sizeof *f);
	uint8_t *ip = f->bytes + ETHERNET;
	memcpy(f->bytes, to_mac, 6);
	memcpy(f->bytes + 6, from_mac, 6);
	put16(f->bytes + 12, from.family == 6 ? 0x86dd : 0x0800);
	if (from.family == 6) {
		ip[0] = 0x60;
		put16(ip + 4, SEGMENT);
		ip[6] = protocol;
		ip[7] = 64;
	} else {
		ip[0] = 0x45;
		put16(ip + 2, header + SEGMENT);
		ip[8] = 64;
		ip[9] = protocol;
	}
	memcpy(ip + header - 2 * size, from.bytes, size);
	memcpy(ip + header - size, to.bytes, size);
	f->family = from.family;
	f->protocol = protocol;
	f->length = ETHERNET + header + SEGMENT;
	f->segment = ip + header;
	f->source = ip + header - size - 4;
	put32(f->source, 0);
	if (protocol == TCP) {
		f->segment[12] = 0x50;
		f->segment[13] = 2; /* SYN */
		put16(f->segment + 14, 64240);
	} else {
		put16(f->segment + 4, SEGMENT);
	}
	f->ip_sum = sum16(ip, header);
	f->segment_sum = sum16(ip + header - 2 * size, 2 * size) + protocol + SEGMENT + sum16(f->segment, SEGMENT);
}

/* Sets the last four bytes of the source address, both ports, and the checksums. */
static inline void aim(struct frame *f, uint32_t source, unsigned from_port, unsigned to_port)
{
	uint32_t sum = (source >> 16) + (source & 65535);
	put32(f->source, source);
	put16(f->segment, from_port);
	put16(f->segment + 2, to_port);
	if (f->family == 4)
		put16(f->bytes + ETHERNET + 10, fold(f->ip_sum + sum));
	put16(f->segment + (f->protocol == TCP ? 16 : 6), fold(f->segment_sum + sum + from_port + to_port));
}
