// SPDX-License-Identifier: BSD-2-Clause
// The main thread's event loop: its mailbox for other threads, signals and the time limit.
// Not the events of timers and console, which add themselves to its base.
#ifndef VMM_LOOP_H
#define VMM_LOOP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct event;

/* What other threads post; each bit once until it is handled. */
#define LOOP_ENDED  1u /* the run has ended */
#define LOOP_OUTPUT 2u /* there is guest output where there was none */
#define LOOP_ROOM   4u /* the guest's UART can take input again */
#define LOOP_STILL  8u /* all vCPUs stand still */

struct loop_calls {
	void (*mail)(void *opaque, unsigned bits);
	void (*signal)(void *opaque, int number); /* SIGINT, SIGTERM, SIGCONT */
	void (*timeout)(void *opaque);
};

struct loop {
	struct event_base *base;
	const struct loop_calls *calls;
	void *opaque;
	int mailbox_fd;
	atomic_uint mail;
	struct event *mailbox;
	struct event *signals[3];
	struct event *limit;
};

/* False with errno set. [main thread] */
bool loop_open(struct loop *loop, const struct loop_calls *calls, void *opaque);
void loop_close(struct loop *loop);

/* From now on SIGINT, SIGTERM and SIGCONT come as calls. False: no memory. [main thread] */
bool loop_listen(struct loop *loop);
/* The timeout call comes in `ms` from now, once, and no earlier one any more. False: no memory.
 * [main thread] */
bool loop_limit(struct loop *loop, uint32_t ms);

/* Waits for events and answers them until loop_break(). [main thread] */
void loop_run(struct loop *loop);
/* Waits for one event, or several at once. [main thread] */
void loop_once(struct loop *loop);
/* [from a call of the loop] */
void loop_break(struct loop *loop);

/* [any thread] */
void loop_post(struct loop *loop, unsigned bits);

#endif
