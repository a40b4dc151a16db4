// SPDX-License-Identifier: BSD-2-Clause
// Ports E0h-E7h of QEMU's pc-testdev: four bytes that keep what was written, and "flush a page".
// Not its interrupt lines, which are test_lines.h, and not its byte ports at E8h: E9h is a console.
#ifndef DEVICES_TEST_PORTS_H
#define DEVICES_TEST_PORTS_H

#include <stdint.h>

#include "devices/bus.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TEST_PORTS_DATA  0xE0u
#define TEST_PORTS_FLUSH 0xE4u

struct test_ports_ops {
	/* The guest wants the host to forget how this page of its physical memory is mapped, so
	 * that the next access to it faults on the host. Any address: not all are memory. */
	void (*flush)(void *opaque, uint64_t page);
};

/* Filled in by the caller: data starts as 0. */
struct test_ports {
	const struct test_ports_ops *ops;
	void *opaque;
	uint32_t data;
};

/*
 * E0h-E3h: bytes, words and a doubleword, read as written. E4h-E7h: a doubleword written to E4h is
 * an address in the page to be flushed; nothing else there means anything. dev must outlive the
 * regions. Threads: see devices/bus.h.
 */
struct bus_region test_ports_data_region(struct test_ports *dev);
struct bus_region test_ports_flush_region(struct test_ports *dev);

/* devices/state.h. */
void test_ports_state(struct test_ports *dev, struct state *s);
struct state_error test_ports_state_error(const struct test_ports *dev);

#ifdef __cplusplus
}
#endif
#endif
