// SPDX-License-Identifier: BSD-2-Clause
// Lines that a test guest pulls itself and that send interrupt messages, edge or level, each as one
// pin of an I/O APIC would. Not an I/O APIC: no index register, no page, no wires from devices.
#ifndef DEVICES_TEST_MESSAGES_H
#define DEVICES_TEST_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Ports 2040h-207Fh. Line n has four registers of 32 bits at 2040h + 10h * n; other widths and
 * addresses between them read as ones and take nothing.
 *   +0  how it interrupts, as the low half of an entry of the 82093AA: 7:0 vector, 10:8 delivery
 *       mode, 11 logical destination, 14 remote IRR (read only), 15 level, 16 masked. At first
 *       10000h.
 *   +4  bits 31:24 destination
 *   +8  the line: what is not 0 raises it, 0 lowers it; reads as 0 or 1
 *   +C  messages that it has sent (read only)
 */
#define TEST_MESSAGES_PORT  0x2040u
#define TEST_MESSAGES_COUNT 4u
#define TEST_MESSAGES_STEP  0x10u

struct test_message {
	uint8_t dest, vector;
	uint8_t mode; /* delivery mode, 0 .. 7 */
	bool logical, level;
};

struct test_messages_ops {
	/* Sends it. Whether a Local APIC took it. */
	bool (*send)(void *opaque, const struct test_message *message);
	/* What lines would send has changed; test_messages_of() says to what. */
	void (*changed)(void *opaque);
};

struct test_messages_line {
	uint32_t how;  /* +0, without remote IRR */
	uint32_t dest; /* +4 */
	bool high, remote_irr;
	uint32_t sent;
};

struct test_messages {
	const struct test_messages_ops *ops;
	void *opaque;
	struct test_messages_line lines[TEST_MESSAGES_COUNT];
};

/* All lines low and masked. ops and opaque must outlive *dev. */
void test_messages_init(struct test_messages *dev, const struct test_messages_ops *ops,
			void *opaque);
/* For bus_add(). dev must outlive the region. Threads: see devices/bus.h. */
struct bus_region test_messages_region(struct test_messages *dev);

/*
 * A Local APIC has told all I/O APICs of the EOI of this vector: level lines with that vector
 * forget their remote IRR, and those that are still high send again.
 */
void test_messages_eoi(struct test_messages *dev, uint8_t vector);

/* devices/state.h. */
void test_messages_state(struct test_messages *dev, struct state *s);
struct state_error test_messages_state_error(const struct test_messages *dev);

/* What line n would send now, masked or not. */
struct test_message test_messages_of(const struct test_messages *dev, unsigned n);

#ifdef __cplusplus
}
#endif
#endif
