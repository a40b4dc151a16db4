// SPDX-License-Identifier: BSD-2-Clause
// Interrupt lines that a test guest pulls itself, as QEMU's pc-testdev has them at ports 2000h on.
// Not the test device's other ports: these 24 bytes alone. E0h on: test_ports.h.
#ifndef DEVICES_TEST_LINES_H
#define DEVICES_TEST_LINES_H

#include <stdint.h>

#include "devices/bus.h"
#include "devices/irq_line.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

#define TEST_LINES_PORT  0x2000u
#define TEST_LINES_COUNT 24u

/*
 * Filled in by the caller: levels starts as 0; lines[n] that is {0} leads nowhere. Port 2000h + n
 * is line n of the machine (ISA's IRQ n below 16), whose controllers are behind set.
 */
struct test_lines {
	uint32_t levels; /* bit n: line n is held high */
	struct irq_line lines[TEST_LINES_COUNT];
};

/*
 * The ports 2000h-2017h, for bus_add(). A byte written raises its line, zero lowers it; wider
 * writes are so many bytes, and reads are open bus. dev must outlive the region. Threads: see
 * devices/bus.h.
 */
struct bus_region test_lines_region(struct test_lines *dev);

/* devices/state.h. */
void test_lines_state(struct test_lines *dev, struct state *s);
struct state_error test_lines_state_error(const struct test_lines *dev);

#ifdef __cplusplus
}
#endif
#endif
