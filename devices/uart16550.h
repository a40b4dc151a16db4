// SPDX-License-Identifier: BSD-2-Clause
// A 16550A UART as the PC wires it: registers, receive FIFO, interrupt output gated by OUT2.
// Not a line in time: bytes leave at once, divisor and word length are kept but change nothing.
#ifndef DEVICES_UART16550_H
#define DEVICES_UART16550_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/irq_line.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

#define UART16550_COM1 0x3F8u
#define UART16550_COM2 0x2F8u
#define UART16550_SIZE 8u  /* ports or bytes, one register each */
#define UART16550_FIFO 16u /* bytes */

/* Calls out of the model; see devices/bus.h for the lock they are made under. */
struct uart16550_ops {
	/* One byte has left the transmitter. Never NULL. */
	void (*transmit)(void *opaque, uint8_t byte);
	/* uart16550_rx_space() has risen from 0: uart16550_receive() is worth another try. May be
	 * NULL. */
	void (*rx_room)(void *opaque);
};

/* The caller's memory. Fields are for reading in tests and reports; only the functions write them.
 */
struct uart16550 {
	const struct uart16550_ops *ops;
	void *opaque;
	struct irq_line irq;
	bool irq_level;
	bool thre_pending; /* the THRE interrupt's latch: LSR.THRE itself is always set */
	bool overrun;      /* LSR.OE */
	uint8_t dll, dlm, ier, fcr, lcr, mcr, msr, scr;
	uint8_t rx[UART16550_FIFO];
	uint8_t rx_first; /* index of the oldest byte */
	uint8_t rx_count; /* at most 16; at most 1 while the FIFO is off */
};

/* A UART after power-on. ops and opaque stay the caller's; irq is copied, {0} leaves it
 * unconnected. */
void uart16550_init(struct uart16550 *uart, const struct uart16550_ops *ops, void *opaque,
		    struct irq_line irq);

/* The chip's MR pin. Scratch and divisor stay, as the data sheet has it; bytes not yet read are
 * lost. */
void uart16550_reset(struct uart16550 *uart);

/* The eight registers at base, for bus_add(). uart must outlive the region. */
struct bus_region uart16550_region(struct uart16550 *uart, uint64_t base);

/* How many bytes uart16550_receive() would take now: 0 to 16, 0 while the guest loops the chip
 * back. */
size_t uart16550_rx_space(const struct uart16550 *uart);

/*
 * Offers n bytes from the other end of the line; returns how many were taken, the first ones. The
 * rest is the caller's to offer again, after ops->rx_room: nothing is lost, so no overrun comes of
 * this.
 */
size_t uart16550_receive(struct uart16550 *uart, const uint8_t *bytes, size_t n);

/* devices/state.h. */
void uart16550_state(struct uart16550 *uart, struct state *s);
struct state_error uart16550_state_error(const struct uart16550 *uart);

/* Whether a byte received now would raise the interrupt line, and somebody is connected to it. */
bool uart16550_rx_interrupts(const struct uart16550 *uart);

#ifdef __cplusplus
}
#endif
#endif
