/*
 * Peers for tests: what a test starts by the hundred must not cost a start of Node each time.
 *
 *   peer probe ADDRESS PORT TIMEOUT_MS     exits with 0 once connected, with 3 if there is no connection in time
 *   peer session ADDRESS PORT TIMEOUT_MS   says "connected", then passes on standard input and what comes back
 *   peer echo PORT                         an echo server for both families; says "listening" once it is up
 *   peer attempts ADDRESS PORT EVERY_MS    a connection attempt every so often, until standard input ends; a line for each
 *                                          once it has ended: when it began (CLOCK_MONOTONIC, ms), and 1 if it connected,
 *                                          else 0
 *   peer reach TIMEOUT_MS [SOURCE SOURCE_PORT ADDRESS PORT]...
 *                                          one attempt each, all at once, from that source (port 0: any; SOURCE and its port -:
 *                                          as the kernel chooses); a digit for each, 1 if
 *                                          it connected; nothing of them is left, so that the same may be tried again
 *   peer knock ADDRESS KNOCK...            PORT or PORT:udp each, in turn, as fast as it can: a SYN, or an empty datagram
 *
 * A connection that the kernel has made in time counts, however late a busy machine lets this process look.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NO_CONNECTION = 3, USAGE = 64, MOST = 1024, BUFFER = 65536 };
/* Below the second after which the kernel would send another SYN. */
static const double GIVEN_UP_MS = 500;

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void fail(const char *what) {
  fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
  exit(1);
}

/* Binds a socket to a source, and has it vanish without a trace when it is closed. */
static void bind_to(int fd, const char *source, const char *port) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *from;
  struct linger none = {.l_onoff = 1};
  int on = 1;
  if (getaddrinfo(source, port, &hints, &from) != 0) exit(USAGE);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
  if (bind(fd, from->ai_addr, from->ai_addrlen) != 0) fail(source);
  freeaddrinfo(from);
}

/* Begins to connect, from `source` if it is not NULL; gives -1 if the kernel refuses at once. */
static int begin_from(const char *source, const char *source_port, const char *host, const char *port) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM}, *to;
  if (getaddrinfo(host, port, &hints, &to) != 0) {
    fprintf(stderr, "peer: not an address and port: %s %s\n", host, port);
    exit(USAGE);
  }
  int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  if (fd < 0) fail("socket");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (source != NULL) bind_to(fd, source, source_port);
  if (connect(fd, to->ai_addr, to->ai_addrlen) != 0 && errno != EINPROGRESS) {
    close(fd);
    fd = -1;
  }
  freeaddrinfo(to);
  return fd;
}

static int begin(const char *host, const char *port) {
  return begin_from(NULL, NULL, host, port);
}

static int connected(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0;
}

static int connect_within(const char *host, const char *port, double limit_ms) {
  double end = now_ms() + limit_ms;
  int fd = begin(host, port);
  if (fd < 0) exit(NO_CONNECTION);
  for (;;) {
    double left = end - now_ms();
    struct pollfd one = {.fd = fd, .events = POLLOUT};
    int ready = poll(&one, 1, left > 0 ? (int)left + 1 : 0);
    if (ready > 0 && connected(fd)) return fd;
    if (ready > 0 || (ready == 0 && now_ms() >= end)) exit(NO_CONNECTION);
  }
}

/* All of it, or the end of this process. */
static void write_all(int fd, const char *text, ssize_t size) {
  while (size > 0) {
    ssize_t done = write(fd, text, size);
    if (done < 0 && errno == EAGAIN) {
      struct pollfd one = {.fd = fd, .events = POLLOUT};
      poll(&one, 1, -1);
    } else if (done < 0 && errno != EINTR) {
      exit(0);
    } else if (done > 0) {
      text += done;
      size -= done;
    }
  }
}

static void session(int fd) {
  static char buffer[BUFFER];
  struct pollfd both[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
  write_all(STDOUT_FILENO, "connected\n", 10);
  for (;;) {
    if (poll(both, 2, -1) < 0 && errno != EINTR) fail("poll");
    if (both[1].revents != 0) {
      ssize_t size = read(fd, buffer, sizeof buffer);
      if (size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR)) exit(0);
      if (size > 0) write_all(STDOUT_FILENO, buffer, size);
    }
    if (both[0].revents != 0) {
      ssize_t size = read(STDIN_FILENO, buffer, sizeof buffer);
      if (size > 0) {
        write_all(fd, buffer, size);
      } else if (size == 0) {
        shutdown(fd, SHUT_WR);
        both[0].fd = -1;
      }
    }
  }
}

static void echo_server(const char *port) {
  static char buffer[BUFFER];
  static struct pollfd all[MOST];
  struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(atoi(port)), .sin6_addr = in6addr_any};
  int count = 1, off = 0, on = 1;
  int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) fail("socket");
  setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&any, sizeof any) != 0 || listen(listener, 512) != 0) fail(port);
  write_all(STDOUT_FILENO, "listening\n", 10);
  all[0] = (struct pollfd){.fd = listener, .events = POLLIN};
  for (;;) {
    if (poll(all, count, -1) < 0 && errno != EINTR) fail("poll");
    for (int i = count - 1; i > 0; i--) {
      if (all[i].revents == 0) continue;
      ssize_t size = read(all[i].fd, buffer, sizeof buffer);
      ssize_t done = 0;
      while (done < size) {
        /* The sockets block when written to: a peer that does not read holds up a test of its own only. */
        ssize_t now = send(all[i].fd, buffer + done, size - done, MSG_NOSIGNAL);
        if (now <= 0) break;
        done += now;
      }
      if (size > 0 && done == size) continue;
      close(all[i].fd);
      all[i] = all[--count];
    }
    if (all[0].revents != 0 && count < MOST) {
      int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
      if (fd < 0) continue;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      all[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
    }
  }
}

static void report(double began, int success) {
  char line[64];
  write_all(STDOUT_FILENO, line, snprintf(line, sizeof line, "%.1f %d\n", began, success));
}

static void attempts(const char *host, const char *port, double every) {
  /* The last place is that of standard input. */
  static struct pollfd open[MOST + 1];
  static double began[MOST];
  int count = 0, ending = 0;
  double next = now_ms();
  while (!ending || count > 0) {
    double now = now_ms();
    if (!ending && now >= next && count < MOST) {
      int fd = begin(host, port);
      if (fd < 0) {
        report(now, 0);
      } else {
        open[count] = (struct pollfd){.fd = fd, .events = POLLOUT};
        began[count++] = now;
      }
      next = next + every > now ? next + every : now + every;
    }
    int wait = ending ? (int)GIVEN_UP_MS : (int)(next - now_ms());
    for (int i = 0; i < count; i++) {
      int left = (int)(began[i] + GIVEN_UP_MS - now_ms());
      if (left < wait) wait = left;
    }
    open[count] = (struct pollfd){.fd = ending ? -1 : STDIN_FILENO, .events = POLLIN};
    if (poll(open, count + 1, wait > 0 ? wait : 0) < 0 && errno != EINTR) fail("poll");
    char ignored[64];
    if (open[count].revents != 0 && read(STDIN_FILENO, ignored, sizeof ignored) <= 0) ending = 1;
    now = now_ms();
    for (int i = count - 1; i >= 0; i--) {
      int ready = open[i].revents != 0;
      if (!ready && now < began[i] + GIVEN_UP_MS) continue;
      report(began[i], ready && connected(open[i].fd));
      close(open[i].fd);
      count--;
      open[i] = open[count];
      began[i] = began[count];
    }
  }
}

/*
 * True once the handshake is done, even if the packets after it are rejected: SO_ERROR would tell of the ICMP error that
 * comes back for them.
 */
static int is_up(int fd) {
  struct sockaddr_storage peer;
  socklen_t size = sizeof peer;
  return getpeername(fd, (struct sockaddr *)&peer, &size) == 0;
}

static void reach(double limit_ms, int count, char **words) {
  static struct pollfd open[MOST];
  static char result[MOST + 1];
  if (count > MOST) exit(USAGE);
  for (int i = 0; i < count; i++, words += 4) {
    int bound = strcmp(words[0], "-") != 0;
    int fd = begin_from(bound ? words[0] : NULL, bound ? words[1] : NULL, words[2], words[3]);
    open[i] = (struct pollfd){.fd = fd, .events = POLLOUT};
    result[i] = '0';
  }
  double end = now_ms() + limit_ms;
  for (int left = count; left > 0;) {
    double wait = end - now_ms();
    int ready = poll(open, count, wait > 0 ? (int)wait + 1 : 0);
    if (ready < 0 && errno != EINTR) fail("poll");
    for (int i = 0; i < count; i++) {
      if (open[i].fd < 0 || open[i].revents == 0) continue;
      if (is_up(open[i].fd)) result[i] = '1';
      close(open[i].fd);
      open[i].fd = -1;
    }
    left = 0;
    for (int i = 0; i < count; i++) left += open[i].fd >= 0;
    if (ready == 0 && now_ms() >= end) break;
  }
  result[count] = '\n';
  write_all(STDOUT_FILENO, result, count + 1);
}

/* A TCP knock is given up at once: no SYN of it is sent again. */
static void knock(const char *host, char *word) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *to;
  char *colon = strchr(word, ':');
  if (colon != NULL) *colon++ = '\0';
  hints.ai_socktype = colon != NULL && strcmp(colon, "udp") == 0 ? SOCK_DGRAM : SOCK_STREAM;
  if (getaddrinfo(host, word, &hints, &to) != 0) exit(USAGE);
  int fd = socket(to->ai_family, to->ai_socktype | SOCK_NONBLOCK, 0);
  if (fd < 0 || connect(fd, to->ai_addr, to->ai_addrlen) != 0) {
    if (errno != EINPROGRESS) fail(word);
  }
  if (to->ai_socktype == SOCK_DGRAM && send(fd, NULL, 0, 0) != 0 && errno != ECONNREFUSED) fail(word);
  close(fd);
  freeaddrinfo(to);
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  const char *mode = argc > 1 ? argv[1] : "";
  if (strcmp(mode, "echo") == 0 && argc == 3) {
    echo_server(argv[2]);
  } else if (argc == 5 && strcmp(mode, "attempts") == 0) {
    attempts(argv[2], argv[3], atof(argv[4]));
    return 0;
  } else if (argc >= 3 && (argc - 3) % 4 == 0 && strcmp(mode, "reach") == 0) {
    reach(atof(argv[2]), (argc - 3) / 4, argv + 3);
    return 0;
  } else if (argc == 5 && strcmp(mode, "session") == 0) {
    session(connect_within(argv[2], argv[3], atof(argv[4])));
  } else if (argc >= 4 && strcmp(mode, "knock") == 0) {
    for (int i = 3; i < argc; i++) knock(argv[2], argv[i]);
    return 0;
  } else if (argc == 5 && strcmp(mode, "probe") == 0) {
    connect_within(argv[2], argv[3], atof(argv[4]));
    return 0;
  }
  fprintf(stderr, "peer: see the head of peer.c\n");
  return USAGE;
}
