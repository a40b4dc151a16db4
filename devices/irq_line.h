// SPDX-License-Identifier: BSD-2-Clause
// The wire from a device's interrupt output to a controller's input: {set, opaque, n}.
// Not a controller: polarity, edges and vectors belong to whoever stands behind set.
#ifndef DEVICES_IRQ_LINE_H
#define DEVICES_IRQ_LINE_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * n is the input number at the controller. level true: the device asks for service, whatever the
 * electrical polarity. A device calls only when its level changes; lines start false. set is called
 * with the owner's device lock held (devices/bus.h) and must not call back into the device.
 */
struct irq_line {
	void (*set)(void *opaque, unsigned n, bool level); /* NULL: not connected */
	void *opaque;
	unsigned n;
};

static inline bool irq_line_connected(const struct irq_line *line)
{
	return line->set != 0;
}

static inline void irq_line_set(const struct irq_line *line, bool level)
{
	if (line->set)
		line->set(line->opaque, line->n, level);
}

#ifdef __cplusplus
}
#endif
#endif
