// SPDX-License-Identifier: BSD-2-Clause
// The 16550A seen from both of its sides: a guest's port accesses on a bus, and the far end of the
// line. Not a terminal: bytes go to and come from a log.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "devices/bus.h"
#include "devices/uart16550.h"
#include "tests/devices/recorder.h"

/* The data sheet's numbers, spelt out again so that a wrong one in the model cannot cancel itself
 * out. */
enum { RBR, IER, IIR, LCR, MCR, LSR, MSR, SCR, THR = RBR, FCR = IIR, DLL = RBR, DLM = IER };
enum { NO_INTERRUPT = 0x01, LINE = 0x06, DATA = 0x04, TIMEOUT = 0x0C, EMPTY = 0x02, MODEM = 0x00 };

struct fixture {
	struct recorder log;
	struct uart16550 uart;
	struct bus_region table[1];
	struct bus bus;
};

static void note_transmit(void *opaque, uint8_t byte)
{
	recorder_note(opaque, "tx%02x ", byte);
}

static void note_room(void *opaque)
{
	recorder_note(opaque, "room ");
}

static const struct uart16550_ops ops = {.transmit = note_transmit, .rx_room = note_room};

static void set_up(struct fixture *f)
{
	struct bus_region region;

	memset(f, 0, sizeof(*f));
	uart16550_init(&f->uart, &ops, &f->log, recorder_irq(&f->log, 4));
	bus_init(&f->bus, "ports", BUS_LAST_PORT, f->table, 1);
	region = uart16550_region(&f->uart, UART16550_COM1);
	assert_int_equal(bus_add(&f->bus, &region, NULL, 0), BUS_OK);
}

static unsigned in(struct fixture *f, unsigned reg)
{
	return (unsigned)bus_read(&f->bus, 0x3F8 + reg, 1);
}

static void out(struct fixture *f, unsigned reg, unsigned value)
{
	bus_write(&f->bus, 0x3F8 + reg, 1, value);
}

static size_t receive(struct fixture *f, const char *text)
{
	return uart16550_receive(&f->uart, (const uint8_t *)text, strlen(text));
}

static void power_on_values(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(in(&f, IER), 0x00);
	assert_int_equal(in(&f, IIR), 0x01);
	assert_int_equal(in(&f, LCR), 0x00);
	assert_int_equal(in(&f, MCR), 0x00);
	assert_int_equal(in(&f, LSR), 0x60);
	assert_int_equal(in(&f, MSR), 0xB0);
	assert_int_equal(in(&f, RBR), 0x00);
	out(&f, LCR, 0x80);
	assert_int_equal(in(&f, DLL), 12); /* 9600 baud, as a BIOS leaves it */
	assert_int_equal(in(&f, DLM), 0);
	assert_recorded(&f.log, "");
}

static void registers_keep_the_bits_they_have(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned value = 0; value < 256; value++) {
		out(&f, SCR, value);
		assert_int_equal(in(&f, SCR), value);
		out(&f, LCR, value);
		assert_int_equal(in(&f, LCR), value);
		out(&f, MCR, value);
		assert_int_equal(in(&f, MCR), value & 0x1F);
		out(&f, LCR, 0);
		out(&f, IER, value);
		assert_int_equal(in(&f, IER), value & 0x0F);
	}
	out(&f, LSR, 0xFF);
	assert_int_equal(in(&f, LSR), 0x60);
	out(&f, MCR, 0);
	in(&f, MSR);
	out(&f, MSR, 0x0F);
	assert_int_equal(in(&f, MSR), 0xB0);
}

static void dlab_shows_the_divisor_in_place_of_data_and_ier(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, IER, 0x05);
	out(&f, LCR, 0x83);
	out(&f, DLL, 0x34);
	out(&f, DLM, 0x12);
	assert_int_equal(in(&f, DLL), 0x34);
	assert_int_equal(in(&f, DLM), 0x12);
	assert_int_equal(receive(&f, "x"), 1);
	assert_int_equal(in(&f, RBR), 0x34);
	out(&f, LCR, 0x7F); /* every bit but DLAB */
	assert_int_equal(in(&f, IER), 0x05);
	assert_int_equal(in(&f, RBR), 'x');
	assert_recorded(&f.log, "room ");
}

static void bytes_written_leave_at_once_in_order(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, THR, 'H');
	assert_int_equal(in(&f, LSR), 0x60);
	out(&f, FCR, 0x01);
	out(&f, THR, 'i');
	out(&f, LCR, 0x03);
	out(&f, THR, 0xFF);
	assert_recorded(&f.log, "tx48 tx69 txff ");
}

static void the_far_end_can_send_what_there_is_room_for(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(uart16550_rx_space(&f.uart), 1);
	assert_int_equal(receive(&f, "ab"), 1);
	assert_int_equal(uart16550_rx_space(&f.uart), 0);
	assert_int_equal(receive(&f, "b"), 0);
	assert_int_equal(in(&f, LSR), 0x61);
	assert_recorded(&f.log, "");
	assert_int_equal(in(&f, RBR), 'a');
	assert_recorded(&f.log, "room ");

	out(&f, FCR, 0x01);
	assert_int_equal(uart16550_rx_space(&f.uart), 16);
	assert_int_equal(receive(&f, "0123456789"), 10);
	assert_int_equal(receive(&f, "abcdefghij"), 6);
	assert_int_equal(receive(&f, ""), 0);
	/* Around the ring's edge, and the call comes once, when there is room again. */
	for (const char *c = "0123456"; *c; c++)
		assert_int_equal(in(&f, RBR), *c);
	assert_recorded(&f.log, "room ");
	assert_int_equal(receive(&f, "ghijklmnop"), 7);
	for (const char *c = "789abcdefghijklm"; *c; c++) {
		assert_int_equal(in(&f, LSR), 0x61);
		assert_int_equal(in(&f, RBR), *c);
	}
	/* Empty: no data, no overrun on the way. */
	assert_int_equal(in(&f, LSR), 0x60);
	assert_int_equal(in(&f, RBR), 0x00);
	assert_int_equal(uart16550_rx_space(&f.uart), 16);
	assert_recorded(&f.log, "room ");
}

static void without_a_room_call_back_all_else_is_the_same(void **state)
{
	static const struct uart16550_ops mute = {.transmit = note_transmit};
	struct fixture f;

	(void)state;
	set_up(&f);
	uart16550_init(&f.uart, &mute, &f.log, (struct irq_line){0});
	assert_int_equal(receive(&f, "ab"), 1);
	assert_int_equal(in(&f, RBR), 'a');
	out(&f, MCR, 0x08);
	out(&f, IER, 0x0F);
	assert_int_equal(in(&f, IIR), EMPTY);
	assert_recorded(&f.log, "");
}

static void clearing_the_receive_fifo(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, FCR, 0x01);
	assert_int_equal(receive(&f, "0123456789abcdef"), 16);
	out(&f, FCR, 0x05); /* the transmitter's alone */
	assert_int_equal(in(&f, LSR), 0x61);
	out(&f, FCR, 0x02); /* without bit 0: switches the FIFO off, which clears it */
	assert_int_equal(in(&f, LSR), 0x60);
	assert_int_equal(in(&f, IIR), 0x01);
	assert_recorded(&f.log, "room ");

	out(&f, FCR, 0x01);
	assert_int_equal(receive(&f, "xyz"), 3);
	out(&f, FCR, 0x03);
	assert_int_equal(in(&f, LSR), 0x60);
	assert_int_equal(uart16550_rx_space(&f.uart), 16);
	assert_int_equal(receive(&f, "q"), 1);
	assert_int_equal(in(&f, RBR), 'q');
	/* Where the FIFO is off and stays off, its clear bit is nothing. */
	out(&f, FCR, 0x00);
	assert_int_equal(receive(&f, "r"), 1);
	out(&f, FCR, 0x02);
	assert_int_equal(in(&f, LSR), 0x61);
	/* Switching it on clears as well. */
	out(&f, FCR, 0x01);
	assert_int_equal(in(&f, LSR), 0x60);
}

static void iir_tells_a_16550a_by_its_top_bits(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_int_equal(in(&f, IIR), 0x01);
	out(&f, FCR, 0xC0); /* bit 0 clear: nothing is programmed */
	assert_int_equal(in(&f, IIR), 0x01);
	for (unsigned value = 1; value < 256; value += 2) {
		out(&f, FCR, value);
		assert_int_equal(in(&f, IIR), 0xC1);
	}
	out(&f, FCR, 0x00);
	assert_int_equal(in(&f, IIR), 0x01);
}

/* The questions a driver asks to tell the family's members apart; each answer below is the
 * 16550A's. */
static void a_probing_driver_finds_a_16550a(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, IER, 0);
	assert_int_equal(in(&f, IER), 0);
	out(&f, IER, 0x0F);
	assert_int_equal(in(&f, IER) & 0x0F, 0x0F);
	out(&f, IER, 0);
	/* Loopback: RTS comes back as CTS, OUT2 as DCD. */
	out(&f, MCR, 0x1A);
	assert_int_equal(in(&f, MSR) & 0xF0, 0x90);
	out(&f, MCR, 0x00);
	/* Not an 8250: a scratch register. Not a 16450 or 16550: both FIFO bits. */
	out(&f, SCR, 0xA5);
	assert_int_equal(in(&f, SCR), 0xA5);
	out(&f, SCR, 0x5A);
	assert_int_equal(in(&f, SCR), 0x5A);
	out(&f, LCR, 0xBF);
	out(&f, FCR, 0x00); /* where others have an EFR */
	out(&f, LCR, 0x00);
	out(&f, FCR, 0x01);
	assert_int_equal(in(&f, IIR) >> 6, 3);
	/* Not a 16650: no EFR behind LCR's magic values. */
	out(&f, LCR, 0x80);
	assert_int_not_equal(in(&f, IIR), 0);
	out(&f, LCR, 0xBF);
	assert_int_not_equal(in(&f, IIR), 0);
	/* Not a SuperIO chip: its bank behind LCR = E0h does not show MCR's loopback bit. */
	out(&f, LCR, 0x00);
	out(&f, MCR, 0x10);
	out(&f, LCR, 0xE0);
	assert_int_equal(in(&f, IIR) & 0x10, 0);
	out(&f, LCR, 0x00);
	out(&f, MCR, 0x00);
	/* Not a 16750: no 64-byte FIFO behind DLAB. Not an XScale: IER has no bit 6. */
	out(&f, FCR, 0x21);
	assert_int_equal(in(&f, IIR) >> 5, 6);
	out(&f, LCR, 0x80);
	out(&f, FCR, 0x21);
	assert_int_equal(in(&f, IIR) >> 5, 6);
	out(&f, LCR, 0x00);
	out(&f, IER, 0x40);
	assert_int_equal(in(&f, IER), 0);
	/* No automatic flow control. */
	out(&f, MCR, 0x20);
	assert_int_equal(in(&f, MCR), 0);
	/* The far end was cut off for each loopback's time, and sees nothing else of all this. */
	assert_recorded(&f.log, "room room ");
}

/* And those that it asks when it opens the port, its interrupt shut off elsewhere. */
static void an_opening_driver_finds_no_bugs(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, FCR, 0x01);
	out(&f, FCR, 0x07);
	out(&f, FCR, 0x00);
	assert_int_equal(in(&f, LSR), 0x60);
	assert_int_equal(in(&f, RBR), 0x00);
	assert_int_equal(in(&f, IIR), NO_INTERRUPT);
	assert_int_equal(in(&f, MSR), 0xB0);
	/* Does an idle transmitter ask again when its interrupt is enabled again? */
	for (unsigned i = 0; i < 2; i++) {
		out(&f, IER, 0x02);
		assert_int_equal(in(&f, IIR), EMPTY);
		out(&f, IER, 0x00);
	}
	assert_int_equal(in(&f, IIR), NO_INTERRUPT);
	assert_recorded(&f.log, "");
	/* Now with OUT2, and with the line connected: the same, looking at LSR in between. */
	out(&f, LCR, 0x03);
	out(&f, MCR, 0x08);
	out(&f, IER, 0x02);
	assert_recorded(&f.log, "irq4=1 ");
	assert_int_equal(in(&f, LSR), 0x60);
	assert_int_equal(in(&f, IIR), EMPTY);
	assert_recorded(&f.log, "irq4=0 ");
	out(&f, IER, 0x00);
	/* Firmware tells a port by these two. */
	out(&f, IER, 0x02);
	assert_int_equal(in(&f, IER), 0x02);
	assert_int_equal(in(&f, IIR) & 0x3F, EMPTY);
	out(&f, IER, 0x00);
	assert_recorded(&f.log, "irq4=1 irq4=0 ");
}

static void loopback_wires_modem_outputs_to_inputs(void **state)
{
	static const struct {
		unsigned mcr, msr;
	} wires[] = {{0x01, 0x20}, {0x02, 0x10}, {0x04, 0x40}, {0x08, 0x80}};
	struct fixture f;

	(void)state;
	set_up(&f);
	for (unsigned set = 0; set < 16; set++) {
		unsigned expected = 0;

		for (unsigned i = 0; i < 4; i++)
			if (set & wires[i].mcr)
				expected |= wires[i].msr;
		out(&f, MCR, 0x10 | set);
		assert_int_equal(in(&f, MSR) & 0xF0, expected);
		out(&f, MCR, set);
		assert_int_equal(in(&f, MSR) & 0xF0, 0xB0);
	}
}

static void modem_deltas_latch_until_read(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	/* All outputs off: CTS, DSR and DCD fall. */
	out(&f, MCR, 0x10);
	assert_int_equal(in(&f, MSR), 0x0B);
	assert_int_equal(in(&f, MSR), 0x00);
	/* RI tells only when it ends. */
	out(&f, MCR, 0x14);
	assert_int_equal(in(&f, MSR), 0x40);
	out(&f, MCR, 0x10);
	assert_int_equal(in(&f, MSR), 0x04);
	/* There and back is a change that stays on record. */
	out(&f, MCR, 0x12);
	out(&f, MCR, 0x10);
	assert_int_equal(in(&f, MSR), 0x01);
	out(&f, MCR, 0x11);
	assert_int_equal(in(&f, MSR), 0x22);
	out(&f, MCR, 0x19);
	assert_int_equal(in(&f, MSR), 0xA8);
}

static void loopback_returns_data_and_cuts_the_line(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, MCR, 0x10);
	assert_int_equal(uart16550_rx_space(&f.uart), 0);
	assert_int_equal(receive(&f, "far"), 0);
	out(&f, THR, 0x5A);
	assert_int_equal(in(&f, LSR), 0x61);
	assert_int_equal(in(&f, RBR), 0x5A);
	assert_recorded(&f.log, "");
	out(&f, MCR, 0x00);
	assert_recorded(&f.log, "room ");
	assert_int_equal(receive(&f, "far"), 1);
	assert_int_equal(in(&f, RBR), 'f');
	assert_recorded(&f.log, "room ");
}

static void overrun_in_the_fifo_loses_the_new_byte(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, FCR, 0x01);
	out(&f, MCR, 0x10);
	for (unsigned i = 0; i < 16; i++)
		out(&f, THR, 0x40 + i);
	assert_int_equal(in(&f, LSR), 0x61);
	out(&f, THR, 0xEE);
	assert_int_equal(in(&f, LSR), 0x63);
	assert_int_equal(in(&f, LSR), 0x61); /* reading has cleared it */
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(in(&f, RBR), 0x40 + i);
	assert_int_equal(in(&f, LSR), 0x60);
	/* The error outlives the data. */
	for (unsigned i = 0; i < 17; i++)
		out(&f, THR, i);
	for (unsigned i = 0; i < 16; i++)
		in(&f, RBR);
	assert_int_equal(in(&f, LSR), 0x62);
	assert_recorded(&f.log, "");
}

static void overrun_without_the_fifo_loses_the_old_byte(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, MCR, 0x10);
	out(&f, THR, 0x11);
	out(&f, THR, 0x22);
	out(&f, IER, 0x04);
	assert_int_equal(in(&f, IIR), LINE);
	assert_int_equal(in(&f, LSR), 0x63);
	assert_int_equal(in(&f, IIR), NO_INTERRUPT);
	assert_int_equal(in(&f, RBR), 0x22);
	assert_int_equal(in(&f, LSR), 0x60);
}

static void data_below_the_trigger_has_timed_out(void **state)
{
	static const struct {
		unsigned fcr, trigger;
	} levels[] = {{0x01, 1}, {0x41, 4}, {0x81, 8}, {0xC1, 14}};
	struct fixture f;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		set_up(&f);
		out(&f, FCR, levels[i].fcr);
		out(&f, IER, 0x01);
		assert_int_equal(in(&f, IIR), 0xC0 | NO_INTERRUPT);
		for (unsigned n = 1; n <= 16; n++) {
			assert_int_equal(receive(&f, "z"), 1);
			assert_int_equal(in(&f, IIR),
					 0xC0 | (n < levels[i].trigger ? TIMEOUT : DATA));
		}
		for (unsigned n = 16; n > 0; n--) {
			assert_int_equal(in(&f, IIR),
					 0xC0 | (n < levels[i].trigger ? TIMEOUT : DATA));
			assert_int_equal(in(&f, RBR), 'z');
		}
		assert_int_equal(in(&f, IIR), 0xC0 | NO_INTERRUPT);
	}
	/* Without the FIFO there is no timeout. */
	set_up(&f);
	out(&f, IER, 0x01);
	assert_int_equal(receive(&f, "z"), 1);
	assert_int_equal(in(&f, IIR), DATA);
}

static void thre_interrupt_comes_and_goes(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	/* Enabling it while THR is empty raises it; reading IIR, as the source, lowers it. */
	out(&f, IER, 0x02);
	assert_int_equal(in(&f, IIR), EMPTY);
	assert_int_equal(in(&f, IIR), NO_INTERRUPT);
	/* Writing the same again is no new edge; leaving and entering is. */
	out(&f, IER, 0x02);
	assert_int_equal(in(&f, IIR), NO_INTERRUPT);
	out(&f, IER, 0x00);
	out(&f, IER, 0x02);
	assert_int_equal(in(&f, IIR), EMPTY);
	/* A byte sent raises it again. */
	out(&f, THR, 'a');
	assert_int_equal(in(&f, IIR), EMPTY);
	assert_int_equal(in(&f, IIR), NO_INTERRUPT);
	/* An IIR read that reports something else does not count as its acknowledgement. */
	out(&f, IER, 0x03);
	out(&f, THR, 'b');
	assert_int_equal(receive(&f, "x"), 1);
	assert_int_equal(in(&f, IIR), DATA);
	assert_int_equal(in(&f, IIR), DATA);
	assert_int_equal(in(&f, RBR), 'x');
	assert_int_equal(in(&f, IIR), EMPTY);
	assert_int_equal(in(&f, IIR), NO_INTERRUPT);
	assert_recorded(&f.log, "tx61 tx62 room ");
}

static void sources_are_told_by_priority(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, MCR, 0x10); /* modem deltas */
	out(&f, THR, 1);
	out(&f, THR, 2); /* data, and overrun */
	assert_int_equal(in(&f, IIR), NO_INTERRUPT);
	out(&f, IER, 0x08);
	assert_int_equal(in(&f, IIR), MODEM);
	out(&f, IER, 0x0A);
	assert_int_equal(in(&f, IIR), EMPTY);
	out(&f, IER, 0x09);
	assert_int_equal(in(&f, IIR), DATA);
	out(&f, IER, 0x0D);
	assert_int_equal(in(&f, IIR), LINE);
	/* Each enable lets its own source through and no other. */
	out(&f, IER, 0x02);
	assert_int_equal(in(&f, IIR), EMPTY);
	assert_int_equal(in(&f, IIR), NO_INTERRUPT);
	out(&f, IER, 0x01);
	assert_int_equal(in(&f, IIR), DATA);
	out(&f, IER, 0x04);
	assert_int_equal(in(&f, IIR), LINE);
	/* And away again, one by one. */
	out(&f, IER, 0x0F);
	in(&f, LSR);
	assert_int_equal(in(&f, IIR), DATA);
	in(&f, RBR);
	assert_int_equal(in(&f, IIR), EMPTY);
	assert_int_equal(in(&f, IIR), MODEM);
	in(&f, MSR);
	assert_int_equal(in(&f, IIR), NO_INTERRUPT);
}

static void the_line_follows_iir_behind_out2(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, IER, 0x01);
	assert_int_equal(receive(&f, "x"), 1);
	assert_int_equal(in(&f, IIR), DATA);
	assert_recorded(&f.log, "");
	out(&f, MCR, 0x08);
	assert_recorded(&f.log, "irq4=1 ");
	out(&f, MCR, 0x0B); /* no change, no call */
	assert_recorded(&f.log, "");
	out(&f, MCR, 0x18); /* loopback holds the pin inactive */
	assert_recorded(&f.log, "irq4=0 ");
	out(&f, MCR, 0x08);
	assert_recorded(&f.log, "irq4=1 ");
	out(&f, IER, 0x00);
	assert_recorded(&f.log, "irq4=0 ");
	out(&f, IER, 0x01);
	assert_int_equal(in(&f, RBR), 'x');
	assert_recorded(&f.log, "irq4=1 irq4=0 room ");
	assert_int_equal(receive(&f, "y"), 1);
	assert_recorded(&f.log, "irq4=1 ");
	uart16550_reset(&f.uart);
	assert_recorded(&f.log, "irq4=0 room ");
}

static void each_byte_sent_is_an_edge_of_its_own(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, MCR, 0x08);
	out(&f, IER, 0x02);
	assert_recorded(&f.log, "irq4=1 ");
	out(&f, THR, 'a');
	assert_recorded(&f.log, "irq4=0 irq4=1 tx61 ");
	assert_int_equal(in(&f, IIR), EMPTY);
	assert_recorded(&f.log, "irq4=0 ");
	out(&f, THR, 'b');
	assert_recorded(&f.log, "irq4=1 tx62 ");
}

/* A guest that takes one byte for each edge gets them all. */
static void each_byte_below_the_trigger_is_an_edge_of_its_own(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, FCR, 0x41); /* trigger 4 */
	out(&f, MCR, 0x08);
	out(&f, IER, 0x01);
	assert_int_equal(receive(&f, "abcdef"), 6);
	assert_recorded(&f.log, "irq4=1 ");
	assert_int_equal(in(&f, RBR), 'a');
	assert_int_equal(in(&f, RBR), 'b');
	assert_recorded(&f.log, ""); /* still at the trigger */
	assert_int_equal(in(&f, RBR), 'c');
	assert_recorded(&f.log, "irq4=0 irq4=1 ");
	assert_int_equal(in(&f, IIR), 0xC0 | TIMEOUT);
	assert_int_equal(in(&f, RBR), 'd');
	assert_int_equal(in(&f, RBR), 'e');
	assert_recorded(&f.log, "irq4=0 irq4=1 irq4=0 irq4=1 ");
	assert_int_equal(in(&f, RBR), 'f');
	assert_recorded(&f.log, "irq4=0 ");
	assert_int_equal(in(&f, RBR), 0);
	assert_recorded(&f.log, "");
	/* Another source holds the line meanwhile. */
	out(&f, IER, 0x03);
	assert_recorded(&f.log, "irq4=1 ");
	assert_int_equal(receive(&f, "xy"), 2);
	assert_int_equal(in(&f, RBR), 'x');
	assert_int_equal(in(&f, RBR), 'y');
	assert_recorded(&f.log, "");
	assert_int_equal(in(&f, IIR), 0xC0 | EMPTY);
	assert_recorded(&f.log, "irq4=0 ");
}

static void two_ports_share_nothing(void **state)
{
	struct bus_region table[2], region;
	struct uart16550 second;
	struct fixture f;

	(void)state;
	set_up(&f);
	uart16550_init(&second, &ops, &f.log, recorder_irq(&f.log, 3));
	bus_init(&f.bus, "ports", BUS_LAST_PORT, table, 2);
	region = uart16550_region(&f.uart, UART16550_COM1);
	assert_int_equal(bus_add(&f.bus, &region, NULL, 0), BUS_OK);
	region = uart16550_region(&second, UART16550_COM2);
	assert_int_equal(bus_add(&f.bus, &region, NULL, 0), BUS_OK);
	for (unsigned reg = IER; reg <= SCR; reg++)
		bus_write(&f.bus, 0x2F8 + reg, 1, reg == LCR ? 0x03 : 0x0B);
	assert_recorded(&f.log, "irq3=1 ");
	for (unsigned reg = IER; reg <= SCR; reg++)
		assert_int_equal(in(&f, reg), reg == IIR   ? NO_INTERRUPT
					      : reg == LSR ? 0x60
					      : reg == MSR ? 0xB0
							   : 0x00);
	out(&f, MCR, 0x08);
	out(&f, IER, 0x01);
	assert_int_equal(uart16550_receive(&second, (const uint8_t *)"2", 1), 1);
	assert_int_equal(in(&f, LSR), 0x60);
	assert_recorded(&f.log, "");
	assert_int_equal(receive(&f, "1"), 1);
	assert_recorded(&f.log, "irq4=1 ");
	assert_int_equal(bus_read(&f.bus, 0x2F8, 1), '2');
	assert_int_equal(in(&f, RBR), '1');
	assert_int_equal(bus_read(&f.bus, 0x2FF, 1), 0x0B);
	assert_int_equal(in(&f, SCR), 0x00);
}

static void whether_input_would_be_heard(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	assert_false(uart16550_rx_interrupts(&f.uart));
	out(&f, IER, 0x01);
	assert_false(uart16550_rx_interrupts(&f.uart));
	out(&f, MCR, 0x08);
	assert_true(uart16550_rx_interrupts(&f.uart));
	out(&f, MCR, 0x18);
	assert_false(uart16550_rx_interrupts(&f.uart));
	out(&f, MCR, 0x08);
	out(&f, IER, 0x0E);
	assert_false(uart16550_rx_interrupts(&f.uart));

	uart16550_init(&f.uart, &ops, &f.log, (struct irq_line){0});
	out(&f, MCR, 0x08);
	out(&f, IER, 0x01);
	assert_false(uart16550_rx_interrupts(&f.uart));
}

static void reset_keeps_scratch_and_divisor(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	out(&f, SCR, 0x77);
	out(&f, LCR, 0x80);
	out(&f, DLL, 0x21);
	out(&f, DLM, 0x43);
	out(&f, LCR, 0x00);
	out(&f, FCR, 0xC1);
	out(&f, MCR, 0x1F);
	for (unsigned i = 0; i < 17; i++)
		out(&f, THR, i);
	out(&f, IER, 0x0F);
	out(&f, LCR, 0x1B);
	uart16550_reset(&f.uart);
	assert_recorded(&f.log, "room ");
	assert_int_equal(in(&f, IER), 0x00);
	assert_int_equal(in(&f, IIR), 0x01);
	assert_int_equal(in(&f, LCR), 0x00);
	assert_int_equal(in(&f, MCR), 0x00);
	assert_int_equal(in(&f, LSR), 0x60);
	assert_int_equal(in(&f, MSR), 0xB0);
	assert_int_equal(in(&f, SCR), 0x77);
	assert_int_equal(uart16550_rx_space(&f.uart), 1);
	/* The THRE latch is gone too: it takes a new edge of IER to bring it. */
	out(&f, LCR, 0x80);
	assert_int_equal(in(&f, DLL), 0x21);
	assert_int_equal(in(&f, DLM), 0x43);
}

static void wide_accesses_are_bytes_to_neighbouring_registers(void **state)
{
	struct fixture f;

	(void)state;
	set_up(&f);
	/* 9600 baud by one doubleword: divisor, FCR, LCR that hides the divisor again. */
	out(&f, LCR, 0x80);
	bus_write(&f.bus, 0x3F8, 4, 0x03C1000C);
	assert_int_equal(in(&f, IIR), 0xC1);
	assert_int_equal(in(&f, LCR), 0x03);
	bus_write(&f.bus, 0x3F8, 2, 0x0241);
	assert_recorded(&f.log, "tx41 ");
	assert_int_equal(in(&f, IER), 0x02);
	/* The last register and the nothing behind it. */
	out(&f, SCR, 0x5A);
	assert_int_equal(bus_read(&f.bus, 0x3FF, 4), 0xFFFFFF5A);
	bus_write(&f.bus, 0x3FE, 2, 0x33FF);
	assert_int_equal(in(&f, SCR), 0x33);
	assert_int_equal(bus_read(&f.bus, 0x3FB, 2), 0x0003);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_on_values),
		cmocka_unit_test(registers_keep_the_bits_they_have),
		cmocka_unit_test(dlab_shows_the_divisor_in_place_of_data_and_ier),
		cmocka_unit_test(bytes_written_leave_at_once_in_order),
		cmocka_unit_test(the_far_end_can_send_what_there_is_room_for),
		cmocka_unit_test(without_a_room_call_back_all_else_is_the_same),
		cmocka_unit_test(clearing_the_receive_fifo),
		cmocka_unit_test(iir_tells_a_16550a_by_its_top_bits),
		cmocka_unit_test(a_probing_driver_finds_a_16550a),
		cmocka_unit_test(an_opening_driver_finds_no_bugs),
		cmocka_unit_test(loopback_wires_modem_outputs_to_inputs),
		cmocka_unit_test(modem_deltas_latch_until_read),
		cmocka_unit_test(loopback_returns_data_and_cuts_the_line),
		cmocka_unit_test(overrun_in_the_fifo_loses_the_new_byte),
		cmocka_unit_test(overrun_without_the_fifo_loses_the_old_byte),
		cmocka_unit_test(data_below_the_trigger_has_timed_out),
		cmocka_unit_test(thre_interrupt_comes_and_goes),
		cmocka_unit_test(sources_are_told_by_priority),
		cmocka_unit_test(the_line_follows_iir_behind_out2),
		cmocka_unit_test(each_byte_sent_is_an_edge_of_its_own),
		cmocka_unit_test(each_byte_below_the_trigger_is_an_edge_of_its_own),
		cmocka_unit_test(two_ports_share_nothing),
		cmocka_unit_test(whether_input_would_be_heard),
		cmocka_unit_test(reset_keeps_scratch_and_divisor),
		cmocka_unit_test(wide_accesses_are_bytes_to_neighbouring_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
