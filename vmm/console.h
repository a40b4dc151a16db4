// SPDX-License-Identifier: BSD-2-Clause
// The guest's console on stdin and stdout: bytes out through a bounded buffer, keys in with flow
// control. Not the UART: the machine hands bytes over and takes them.
#ifndef VMM_CONSOLE_H
#define VMM_CONSOLE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct event;

#define CONSOLE_OUT 65536u /* a power of two */
#define CONSOLE_IN  4096u

struct console_calls {
	/* There is output where there was none: console_gather() is due. [any thread] */
	void (*output)(void *opaque);
	/* Offers input to the guest: how much it took. [loop] */
	size_t (*input)(void *opaque, const uint8_t *bytes, size_t n);
	/* Ctrl-a x. [loop] */
	void (*quit)(void *opaque);
	/* Ctrl-a c: from now on keys go to the monitor, or to the guest again. [loop] */
	void (*monitor)(void *opaque, bool on);
	void (*key)(void *opaque, uint8_t key);
	/* stdout takes no more bytes, for this errno; said once. [loop] */
	void (*failed)(void *opaque, int error);
	/* No further input will come. [loop] */
	void (*ended)(void *opaque);
};

struct console {
	const struct console_calls *calls;
	void *opaque;
	struct event_base *base;

	/* Output: vCPU threads put, the loop takes. */
	pthread_mutex_t lock;
	pthread_cond_t room;
	uint8_t out[CONSOLE_OUT];
	unsigned out_first, out_count;
	bool out_mid_line;     /* the last byte that was put is no newline */
	bool released;         /* whoever waits for room drops its bytes instead */
	int out_fd, out_error; /* errno; 0: good */
	bool out_own, out_socket;
	/* Text of ours that waits for room behind the guest's. The loop's but for its length. */
	char *words;
	size_t words_first, words_end;
	struct event *writable, *later;

	/* Input: the loop's alone, but for the two atomics. */
	uint8_t in[CONSOLE_IN];
	unsigned in_first, in_count;
	int in_fd;
	bool in_own, in_tty, in_polled, escaped, monitor;
	atomic_bool in_stalled; /* the guest's UART was full: console_room() is awaited */
	atomic_bool in_open;    /* not at its end, or with bytes still to hand over */
	struct event *readable;
};

/*
 * Takes fds in_fd and out_fd (0 and 1, but for tests). They may be anything, closed included: that
 * is found out when it matters. False: no memory. [loop's thread]
 */
bool console_open(struct console *console, int in_fd, int out_fd, struct event_base *base,
		  const struct console_calls *calls, void *opaque);
/* Gives them back. What is not written yet is lost: console_pending() first. */
void console_close(struct console *console);

/* Begins to read input; makes a terminal raw. Again after SIGCONT. [loop] */
void console_listen(struct console *console);

/* One byte from the guest; dropped if there is no room. [any thread] */
void console_put(struct console *console, uint8_t byte);
/* Whether so many bytes, at most half of CONSOLE_OUT, go in; true also where they would be dropped
 * on purpose. [any thread] */
bool console_fits(struct console *console, unsigned bytes);
/* Waits until they may. Not with a lock held that the loop needs. [any thread but the loop's] */
void console_wait(struct console *console, unsigned bytes);
/* Nobody waits in console_wait() any more; or does again. [loop] */
void console_release(struct console *console, bool released);
/* Text that is not the guest's: all of it, whatever room there is, up to some MiB. [loop] */
void console_say(struct console *console, const char *text, size_t bytes);
/* Writes what has gathered a moment from now, and sees to the rest. [loop] */
void console_gather(struct console *console);
/* Writes as much as stdout takes, and sees to the rest. [loop] */
void console_flush(struct console *console);
/* Bytes not written yet; 0 once stdout has failed. [any thread] */
unsigned console_pending(struct console *console);

/* The output is a terminal, and its cursor stands behind the guest's last words. [any thread] */
bool console_mid_line(struct console *console);

/* The guest's UART may have room: hands over what waits. [loop] */
void console_room(struct console *console);
/* Whether such a call would be of use. [any thread] */
bool console_wants_room(const struct console *console);
/* Whether input may still come. [any thread] */
bool console_in_open(const struct console *console);

#endif
