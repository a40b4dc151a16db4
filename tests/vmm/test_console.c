// SPDX-License-Identifier: BSD-2-Clause
// Output to pipes, files, full disks and readers that left; input with escapes and flow control;
// terminals. No guest: the test plays its UART.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "vmm/console.h"
#include "vmm/kick.h"

static struct event_base *base;
static struct console *console;
static int in_pipe[2], out_pipe[2];

/* What the calls brought. */
static unsigned outputs, quits, failures, ends;
static int failure;
static uint8_t got[65536];
static size_t got_count, guest_room;
static char keys[256];
static size_t key_count;
static bool monitor_on;
static unsigned toggles;

static void on_output(void *opaque)
{
	(void)opaque;
	outputs++;
}

static size_t on_input(void *opaque, const uint8_t *bytes, size_t n)
{
	(void)opaque;
	n = n < guest_room ? n : guest_room;
	memcpy(got + got_count, bytes, n);
	got_count += n;
	guest_room -= n;
	return n;
}

static void on_quit(void *opaque)
{
	(void)opaque;
	quits++;
}

static void on_failed(void *opaque, int error)
{
	(void)opaque;
	failures++;
	failure = error;
}

static void on_ended(void *opaque)
{
	(void)opaque;
	ends++;
}

static void on_monitor(void *opaque, bool on)
{
	(void)opaque;
	monitor_on = on;
	toggles++;
}

static void on_key(void *opaque, uint8_t key)
{
	(void)opaque;
	keys[key_count++] = (char)key;
}

static const struct console_calls calls = {
	.output = on_output,
	.input = on_input,
	.quit = on_quit,
	.monitor = on_monitor,
	.key = on_key,
	.failed = on_failed,
	.ended = on_ended,
};

static void open_on(int in, int out)
{
	console = malloc(sizeof(*console));
	assert_non_null(console);
	assert_true(console_open(console, in, out, base, &calls, NULL));
}

/* What libevent has to say when a file is no match for epoll. */
static void quiet(int severity, const char *message)
{
	(void)severity;
	(void)message;
}

static int setup(void **state)
{
	(void)state;
	event_set_log_callback(quiet);
	outputs = quits = failures = ends = toggles = 0;
	got_count = key_count = 0;
	monitor_on = false;
	guest_room = sizeof(got);
	base = event_base_new();
	signal(SIGPIPE, SIG_IGN);
	return pipe(in_pipe) || pipe(out_pipe);
}

static int teardown(void **state)
{
	(void)state;
	if (console) {
		console_close(console);
		free(console);
	}
	console = NULL;
	event_base_free(base);
	for (unsigned i = 0; i < 2; i++) {
		close(in_pipe[i]);
		close(out_pipe[i]);
	}
	return 0;
}

static void put(const char *text)
{
	while (*text)
		console_put(console, (uint8_t)*text++);
}

/* Answers events for some ms. */
static void pump(unsigned ms)
{
	uint64_t end = kick_clock_ns() + (uint64_t)ms * 1000000;

	do {
		event_base_loop(base, EVLOOP_NONBLOCK);
		usleep(500);
	} while (kick_clock_ns() < end);
	/* On a busy machine all of that time may have passed within one usleep(). */
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void assert_read(int fd, const char *expected)
{
	char text[256] = "";
	ssize_t n = read(fd, text, sizeof(text) - 1);

	assert_int_equal(n, strlen(expected));
	assert_string_equal(text, expected);
}

/* ---------------------------------------------------------------- output */

static void test_output_is_gathered_and_written(void **state)
{
	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	put("hello");
	assert_int_equal(outputs, 1);
	assert_int_equal(console_pending(console), 5);
	console_gather(console);
	pump(20);
	assert_int_equal(console_pending(console), 0);
	assert_read(out_pipe[0], "hello");
	put("again");
	assert_int_equal(outputs, 2);
	console_flush(console);
	assert_read(out_pipe[0], "again");
}

static void test_the_shared_descriptor_stays_blocking(void **state)
{
	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	assert_false(fcntl(out_pipe[1], F_GETFL) & O_NONBLOCK);
	assert_false(fcntl(in_pipe[0], F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(console->out_fd, F_GETFL) & O_NONBLOCK);
}

static void test_a_full_pipe_is_waited_for(void **state)
{
	static uint8_t sink[1 << 20];
	size_t put_bytes = 0, read_bytes = 0;

	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	/* More than pipe and buffer together, by and by. */
	while (put_bytes < 300000) {
		ssize_t n;

		while (console_fits(console, 1) && put_bytes < 300000) {
			console_put(console, (uint8_t)put_bytes);
			put_bytes++;
		}
		console_flush(console);
		if (console_pending(console) < CONSOLE_OUT / 2)
			continue;
		n = read(out_pipe[0], sink + read_bytes, 50000);
		assert_true(n > 0);
		read_bytes += (size_t)n;
		pump(1);
	}
	while (read_bytes < put_bytes) {
		ssize_t n = read(out_pipe[0], sink + read_bytes, 50000);

		assert_true(n > 0);
		read_bytes += (size_t)n;
		pump(1);
	}
	for (size_t i = 0; i < put_bytes; i++)
		assert_int_equal(sink[i], (uint8_t)i);
	assert_int_equal(failures, 0);
}

static void fill(void)
{
	for (unsigned i = 0; i < CONSOLE_OUT; i++)
		console_put(console, 'x');
}

static void test_what_does_not_fit_is_dropped_not_overwritten(void **state)
{
	uint8_t byte;

	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	put("first");
	fill();
	assert_false(console_fits(console, 1));
	assert_int_equal(console_pending(console), CONSOLE_OUT);
	console_flush(console);
	assert_int_equal(read(out_pipe[0], &byte, 1), 1);
	assert_int_equal(byte, 'f');
}

static void *wait_for_room(void *opaque)
{
	console_wait(opaque, 100);
	return console_fits(opaque, 100) ? opaque : NULL;
}

static void test_a_writer_that_waits_comes_out_when_there_is_room(void **state)
{
	pthread_t thread;
	void *fits;

	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	fill();
	assert_int_equal(pthread_create(&thread, NULL, wait_for_room, console), 0);
	usleep(5000);
	console_flush(console);
	assert_int_equal(pthread_join(thread, &fits), 0);
	assert_non_null(fits);
}

static void test_a_writer_that_waits_comes_out_at_the_end(void **state)
{
	pthread_t thread;
	void *fits;

	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	fill();
	assert_int_equal(pthread_create(&thread, NULL, wait_for_room, console), 0);
	usleep(5000);
	console_release(console, true);
	assert_int_equal(pthread_join(thread, &fits), 0);
	assert_non_null(fits);
	assert_true(console_fits(console, 1));
	console_release(console, false);
	assert_false(console_fits(console, 1));
}

static void test_a_reader_that_left_is_a_failure_said_once(void **state)
{
	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	close(out_pipe[0]);
	put("x");
	console_flush(console);
	assert_int_equal(failures, 1);
	assert_int_equal(failure, EPIPE);
	put("y");
	console_flush(console);
	assert_int_equal(failures, 1);
	assert_int_equal(console_pending(console), 0);
	assert_true(console_fits(console, 100));
	out_pipe[0] = dup(0);
}

static void test_a_full_disk_is_a_failure(void **state)
{
	int full = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(full >= 0);
	open_on(in_pipe[0], full);
	put("x");
	console_flush(console);
	assert_int_equal(failure, ENOSPC);
	close(full);
}

static void test_a_closed_stdout_is_a_failure_at_the_first_byte(void **state)
{
	(void)state;
	open_on(in_pipe[0], -1);
	console_flush(console);
	assert_int_equal(failures, 0);
	put("x");
	console_flush(console);
	assert_int_equal(failure, EBADF);
}

static void test_files_and_sockets_take_output_too(void **state)
{
	int file = memfd_create("out", MFD_CLOEXEC), sockets[2];

	(void)state;
	open_on(in_pipe[0], file);
	put("to a file");
	console_flush(console);
	assert_int_equal(lseek(file, 0, SEEK_END), 9);
	console_close(console);
	free(console);
	close(file);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
	open_on(in_pipe[0], sockets[1]);
	put("to a socket");
	console_flush(console);
	assert_read(sockets[0], "to a socket");
	/* A peer that does not read must not block the loop. */
	for (unsigned i = 0; i < 40 && !console_pending(console); i++) {
		fill();
		console_flush(console);
	}
	assert_true(console_pending(console) > 0);
	close(sockets[0]);
	pump(20);
	assert_int_equal(failures, 1);
	close(sockets[1]);
}

/* ---------------------------------------------------------------- input */

static void type(const char *bytes, size_t n)
{
	assert_int_equal(write(in_pipe[1], bytes, n), n);
}

static void test_bytes_reach_the_guest(void **state)
{
	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	console_listen(console);
	type("a\0\xFF", 3);
	pump(5);
	assert_int_equal(got_count, 3);
	assert_memory_equal(got, "a\0\xFF", 3);
	assert_true(console_in_open(console));
	close(in_pipe[1]);
	pump(5);
	assert_int_equal(ends, 1);
	assert_false(console_in_open(console));
	in_pipe[1] = dup(0);
}

static void test_ctrl_a(void **state)
{
	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	console_listen(console);
	type("1\1\0012\001b3\001", 8);
	pump(5);
	assert_int_equal(quits, 0);
	assert_int_equal(got_count, 4);
	assert_memory_equal(got,
			    "1\0012"
			    "3",
			    4);
	type("x", 1);
	pump(5);
	assert_int_equal(quits, 1);
	assert_int_equal(got_count, 4);
}

static void test_ctrl_a_c_leads_keys_elsewhere_and_back(void **state)
{
	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	console_listen(console);
	type("1\001ci\001\001f\001b", 9);
	pump(5);
	assert_true(monitor_on);
	assert_int_equal(toggles, 1);
	assert_int_equal(got_count, 1);
	assert_int_equal(key_count, 3);
	assert_memory_equal(keys, "i\001f", 3);
	/* Ctrl-a x is what it was; a full UART is none of the monitor's business. */
	guest_room = 0;
	type("more\001x\001c2", 9);
	pump(5);
	assert_int_equal(quits, 1);
	assert_int_equal(key_count, 7);
	assert_false(monitor_on);
	assert_int_equal(toggles, 2);
	assert_int_equal(got_count, 1);
	guest_room = 10;
	console_room(console);
	assert_int_equal(got_count, 2);
	assert_memory_equal(got, "12", 2);
}

static void test_own_words_wait_for_room(void **state)
{
	static char words[300000], sink[500000];
	size_t read_bytes = 0;

	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	put("guest\n");
	for (size_t i = 0; i < sizeof(words); i++)
		words[i] = (char)('a' + i % 23);
	console_say(console, words, 100000);
	console_say(console, words + 100000, sizeof(words) - 100000);
	assert_int_equal(console_pending(console), 6 + sizeof(words));
	/* Nothing of the guest's gets between, and nothing is lost. */
	assert_false(console_fits(console, 1));
	while (read_bytes < 6 + sizeof(words)) {
		ssize_t n;

		console_flush(console);
		n = read(out_pipe[0], sink + read_bytes, 10000);
		assert_true(n > 0);
		read_bytes += (size_t)n;
		pump(1);
	}
	assert_int_equal(console_pending(console), 0);
	assert_memory_equal(sink, "guest\n", 6);
	assert_memory_equal(sink + 6, words, sizeof(words));
}

static void test_own_words_have_a_bound(void **state)
{
	static char words[1 << 20];
	unsigned before;

	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	for (unsigned i = 0; i < 8; i++)
		console_say(console, words, sizeof(words));
	before = console_pending(console);
	for (unsigned i = 0; i < 100; i++)
		console_say(console, words, sizeof(words));
	assert_in_range(console_pending(console), before, before + 2 * sizeof(words));
}

static void test_nothing_is_lost_while_the_uart_is_full(void **state)
{
	static uint8_t bytes[20000];
	size_t written = 0;

	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	console_listen(console);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i % 251 + 2);
	guest_room = 16;
	assert_int_equal(fcntl(in_pipe[1], F_SETFL, O_NONBLOCK), 0);
	while (got_count < sizeof(bytes)) {
		ssize_t n = write(in_pipe[1], bytes + written, sizeof(bytes) - written);

		written += n > 0 ? (size_t)n : 0;
		event_base_loop(base, EVLOOP_NONBLOCK);
		assert_true(console->in_count <= CONSOLE_IN);
		/* The guest reads, and says so if somebody waits. */
		guest_room = 16;
		if (console_wants_room(console))
			console_room(console);
	}
	assert_memory_equal(got, bytes, sizeof(bytes));
}

static void test_the_escape_gets_past_a_full_uart(void **state)
{
	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	console_listen(console);
	guest_room = 0;
	type("typed ahead, and nobody reads \001x", 32);
	pump(5);
	assert_int_equal(quits, 1);
}

static void test_input_waits_for_a_guest(void **state)
{
	(void)state;
	open_on(in_pipe[0], out_pipe[1]);
	guest_room = 0;
	console_listen(console);
	type("early", 5);
	pump(5);
	assert_int_equal(got_count, 0);
	guest_room = 100;
	/* The next machine is up. */
	console_listen(console);
	assert_int_equal(got_count, 5);
}

static void test_a_file_is_read_to_its_end_as_room_allows(void **state)
{
	int file = memfd_create("in", MFD_CLOEXEC);
	uint8_t bytes[10000];

	(void)state;
	memset(bytes, 'q', sizeof(bytes));
	assert_int_equal(write(file, bytes, sizeof(bytes)), sizeof(bytes));
	lseek(file, 0, SEEK_SET);
	open_on(file, out_pipe[1]);
	guest_room = 16;
	console_listen(console);
	for (int i = 0; i < 1000 && got_count < sizeof(bytes); i++) {
		guest_room = 16;
		console_room(console);
	}
	assert_int_equal(got_count, sizeof(bytes));
	assert_int_equal(ends, 1);
	close(file);
}

static void test_no_stdin_is_its_end(void **state)
{
	int null = open("/dev/null", O_RDONLY);

	(void)state;
	open_on(-1, out_pipe[1]);
	console_listen(console);
	assert_int_equal(ends, 1);
	console_listen(console);
	assert_int_equal(ends, 1);
	console_close(console);
	free(console);
	open_on(null, out_pipe[1]);
	console_listen(console);
	assert_int_equal(ends, 2);
	close(null);
}

/* ---------------------------------------------------------------- terminals */

/* A chroot has no /dev/pts. */
static void need_terminal(int master)
{
	if (master < 0) {
		print_message("# no pseudo-terminal: mount devpts on /dev/pts\n");
		skip();
	}
	assert_true(grantpt(master) == 0 && unlockpt(master) == 0);
}

/* A terminal in whose foreground this process is not stays as it is, and is not read. */
static void test_a_terminal_in_the_background_is_left_alone(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	struct termios before, now;

	(void)state;
	need_terminal(master);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	assert_int_equal(tcgetattr(slave, &before), 0);
	open_on(slave, out_pipe[1]);
	console_listen(console);
	assert_int_equal(tcgetattr(slave, &now), 0);
	assert_int_equal(now.c_lflag, before.c_lflag);
	console_put(console, 'x');
	assert_false(console_mid_line(console));
	assert_int_equal(write(master, "x\n", 2), 2);
	pump(5);
	assert_int_equal(got_count, 0);
	assert_true(console_in_open(console));
	close(slave);
	close(master);
}

static void test_a_terminal_knows_where_its_cursor_is(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;

	(void)state;
	need_terminal(master);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(slave >= 0);
	open_on(in_pipe[0], slave);
	assert_false(console_mid_line(console));
	console_put(console, 'x');
	assert_true(console_mid_line(console));
	console_put(console, '\n');
	assert_false(console_mid_line(console));
	close(slave);
	close(master);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_output_is_gathered_and_written),
		WITH(test_the_shared_descriptor_stays_blocking),
		WITH(test_a_full_pipe_is_waited_for),
		WITH(test_what_does_not_fit_is_dropped_not_overwritten),
		WITH(test_a_writer_that_waits_comes_out_when_there_is_room),
		WITH(test_a_writer_that_waits_comes_out_at_the_end),
		WITH(test_a_reader_that_left_is_a_failure_said_once),
		WITH(test_a_full_disk_is_a_failure),
		WITH(test_a_closed_stdout_is_a_failure_at_the_first_byte),
		WITH(test_files_and_sockets_take_output_too),
		WITH(test_bytes_reach_the_guest),
		WITH(test_ctrl_a),
		WITH(test_ctrl_a_c_leads_keys_elsewhere_and_back),
		WITH(test_own_words_wait_for_room),
		WITH(test_own_words_have_a_bound),
		WITH(test_nothing_is_lost_while_the_uart_is_full),
		WITH(test_the_escape_gets_past_a_full_uart),
		WITH(test_input_waits_for_a_guest),
		WITH(test_a_file_is_read_to_its_end_as_room_allows),
		WITH(test_no_stdin_is_its_end),
		WITH(test_a_terminal_in_the_background_is_left_alone),
		WITH(test_a_terminal_knows_where_its_cursor_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
