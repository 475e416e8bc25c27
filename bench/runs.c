/*
 * runs TIMES COMMAND WORD... [-- COMMAND WORD...]...
 *
 * Runs the commands in turn, TIMES each. A `@` at the end of a word becomes the number of the turn, from 1 on. Prints a line for
 * each run: which command (from 0 on), its exit code (128 + the signal where one ended it), the nanoseconds from before the fork to
 * behind the wait, those that it had a core, with what it waited for, and the most memory that it had resident, in kB. What commands print
 * on standard output is dropped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 64, LENGTH = 4096 };

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static int64_t now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void become(char **words, int count, int turn)
{
	static char texts[WORDS][LENGTH];
	char *argv[WORDS + 1];
	for (int i = 0; i < count; i++) {
		size_t length = strlen(words[i]);
		argv[i] = words[i];
		if (length > 0 && words[i][length - 1] == '@') {
			snprintf(texts[i], LENGTH, "%.*s%d", (int)length - 1, words[i], turn);
			argv[i] = texts[i];
		}
	}
	argv[count] = NULL;
	int null = open("/dev/null", O_RDWR);
	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		die("/dev/null");
	execv(argv[0], argv);
	die(argv[0]);
}

static void run(int which, char **words, int count, int turn)
{
	struct rusage used;
	int status;
	int64_t began = now();
	pid_t child = fork();
	if (child < 0)
		die("fork");
	if (child == 0)
		become(words, count, turn);
	if (wait4(child, &status, 0, &used) < 0)
		die("wait4");
	int64_t took = now() - began;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	int64_t core = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000000LL +
		       (used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1000LL;
	printf("%d %d %lld %lld %ld\n", which, code, (long long)took, (long long)core, used.ru_maxrss);
	/* Nothing that a child could print a second time. */
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc < 3) {
		fprintf(stderr, "usage: runs TIMES COMMAND WORD... [-- COMMAND WORD...]...\n");
		return 1;
	}
	for (int turn = 1; turn <= atoi(argv[1]); turn++) {
		for (int from = 2, which = 0; from < argc; which++) {
			int to = from;
			while (to < argc && strcmp(argv[to], "--") != 0)
				to++;
			if (to == from || to - from > WORDS) {
				fprintf(stderr, "runs: a command of %d words\n", to - from);
				return 1;
			}
			run(which, argv + from, to - from, turn);
			from = to + 1;
		}
	}
	return 0;
}
