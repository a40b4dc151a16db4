// SPDX-License-Identifier: BSD-2-Clause
// Each reason for which a device's loaded state is refused, one wrong field at a time.
// Not what accepted states do then: tests/fuzz/fuzz_board_state.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "devices/acpi_pm.h"
#include "devices/bus.h"
#include "devices/cmos.h"
#include "devices/fw_cfg.h"
#include "devices/hpet.h"
#include "devices/i8042.h"
#include "devices/i8254.h"
#include "devices/i8259.h"
#include "devices/ioapic.h"
#include "devices/pci_host.h"
#include "devices/reset_port.h"
#include "devices/state.h"
#include "devices/test_lines.h"
#include "devices/test_messages.h"
#include "devices/uart16550.h"
#include "devices/vga_text.h"

#define NOW UINT64_C(5000000000)

static uint64_t tell_now(void *opaque)
{
	(void)opaque;
	return NOW;
}

static void tell_day(void *opaque, struct timespec *now)
{
	(void)opaque;
	*now = (struct timespec){.tv_sec = 1700000000};
}

static void write_to(const struct bus_region *region, uint64_t address, unsigned width,
		     uint64_t value)
{
	region->write(region->opaque, address - region->base, width, value);
}

/* "what n why", as reports have it. */
static void assert_refused(struct state_error error, const char *what, int n, const char *why)
{
	if (!error.what)
		fail_msg("nothing is wrong, instead of: %s %d %s", what, n, why);
	assert_string_equal(error.what, what);
	assert_int_equal(error.n, n);
	assert_string_equal(error.why, why);
}

/* A copy of *base with one change is refused, and *base is not. */
#define REFUSED(model, base, change, field, number, reason)                                        \
 do {                                                                                              \
  struct model x = *(base);                                                                        \
                                                                                                   \
  assert_null(model##_state_error(&x).what);                                                       \
  change;                                                                                          \
  assert_refused(model##_state_error(&x), field, number, reason);                                  \
 } while (0)

static bool send_ioapic(void *opaque, const struct ioapic_message *message)
{
	(void)opaque;
	(void)message;
	return true;
}

static void test_ioapic(void **state)
{
	static const struct ioapic_ops ops = {.send = send_ioapic};
	struct ioapic dev, plain;

	(void)state;
	ioapic_init(&dev, &ops, NULL, IOAPIC_EXT_DEST);
	dev.entries[5] = 0x8031 | UINT64_C(1) << 49;
	dev.remote_irr = 1u << 5;
	dev.lines = 0xFFFFFF;
	REFUSED(ioapic, &dev, x.id = 16, "the ID", -1, "is above 15");
	REFUSED(ioapic, &dev, x.lines = 1u << 24, "the lines or remote IRR", -1,
		"have a pin above 23");
	REFUSED(ioapic, &dev, x.remote_irr = 1u << 31, "the lines or remote IRR", -1,
		"have a pin above 23");
	REFUSED(ioapic, &dev, x.entries[23] |= 1u << 14, "redirection entry", 23,
		"has reserved bits set");
	REFUSED(ioapic, &dev, x.remote_irr |= 1, "redirection entry", 0,
		"is no level and has remote IRR");
	REFUSED(ioapic, &dev, x.entries[5] |= 4 << 8, "redirection entry", 5,
		"is no level and has remote IRR");
	ioapic_init(&plain, &ops, NULL, 0);
	REFUSED(ioapic, &plain, x.entries[7] |= UINT64_C(1) << 49, "redirection entry", 7,
		"has reserved bits set");
}

static void start_8259(struct i8259 *pic)
{
	const struct bus_region master = i8259_master_region(pic), slave = i8259_slave_region(pic);
	static const uint8_t words[] = {0x30, 0x04, 0x01, 0x00},
			     others[] = {0x38, 0x02, 0x01, 0x00};

	i8259_init(pic, (struct irq_line){0}, true);
	write_to(&master, 0x20, 1, 0x11);
	write_to(&slave, 0xA0, 1, 0x11);
	for (unsigned i = 0; i < 4; i++) {
		write_to(&master, 0x21, 1, words[i]);
		write_to(&slave, 0xA1, 1, others[i]);
	}
}

static void test_i8259_chip(void **state)
{
	struct i8259 pic;

	(void)state;
	start_8259(&pic);
	REFUSED(i8259, &pic, x.master.lowest = 8, "the master", -1,
		"has a lowest priority above 7");
	REFUSED(i8259, &pic, x.slave.step = (enum i8259_step)5, "the slave", -1,
		"waits for a command word that there is not");
	REFUSED(i8259, &pic, x.slave.icw1 = 0, "the slave", -1,
		"is past power-on without ICW1, or not past it with one");
	REFUSED(i8259, &pic, x.master.step = I8259_POWER_ON, "the master", -1,
		"is past power-on without ICW1, or not past it with one");
	pic.slave.step = I8259_ICW3;
	REFUSED(i8259, &pic, x.slave.icw1 = 0x13, "the slave", -1,
		"waits for a command word that ICW1 left out");
	pic.slave.step = I8259_ICW4;
	REFUSED(i8259, &pic, x.slave.icw1 = 0x10, "the slave", -1,
		"waits for a command word that ICW1 left out");
	pic.slave.step = I8259_READY;
	pic.slave.imr = 0xFF;
	pic.slave.elcr = 0x02;
	REFUSED(i8259, &pic, x.slave.edges = 0x02, "the slave", -1,
		"has an edge at an input in level mode");
}

static void test_i8259_pair(void **state)
{
	struct i8259 pic;

	(void)state;
	start_8259(&pic);
	REFUSED(i8259, &pic, x.master.elcr = 1, "ELCR", -1,
		"has an input in level mode that is an edge on every PC");
	REFUSED(i8259, &pic, x.slave.elcr = 1, "ELCR", -1,
		"has an input in level mode that is an edge on every PC");
	REFUSED(i8259, &pic, x.master.lines = 4, "the slave's INT", -1,
		"is not what its requests make it");
	REFUSED(i8259, &pic, x.slave.edges = 1, "the slave's INT", -1,
		"is not what its requests make it");
	REFUSED(i8259, &pic, x.intr_level = true, "INTR", -1,
		"is not what the master's requests make it");
	REFUSED(i8259, &pic, x.master.edges = 1, "INTR", -1,
		"is not what the master's requests make it");
	pic.master.imr = 4;
	pic.master.edges = 4;
	assert_null(i8259_state_error(&pic).what);
	pic.master.edges = 0;
	pic.keep_edges = false;
	REFUSED(i8259, &pic, x.master.edges = 4, "the slave's edge", -1, "has outlived its line");
}

static const struct i8254_ops i8254_ops = {.now = tell_now};

/* Channel n, mode, two bytes of count. */
static void program(struct i8254 *pit, unsigned n, unsigned mode, uint16_t count)
{
	const struct bus_region ports = i8254_region(pit);

	write_to(&ports, 0x43, 1, n << 6 | 0x30 | mode << 1);
	write_to(&ports, 0x40 + n, 1, count & 0xFF);
	write_to(&ports, 0x40 + n, 1, count >> 8);
}

static void test_i8254_counter(void **state)
{
	const char *few = "waits for a second byte where there is one";
	const char *ahead = "has rises ahead of its clock";
	const char *left = "has a count that is left of none";
	const char *strobe = "has a strobe where there is none";
	struct i8254 pit;

	(void)state;
	i8254_init(&pit, &i8254_ops, NULL, (struct irq_line){0}, 100000);
	program(&pit, 2, 0, 1000);
	REFUSED(i8254, &pit, x.channels[1].control = 0x70, "channel", 1,
		"has a control word that there is not");
	REFUSED(i8254, &pit, x.channels[1].control = 0x04, "channel", 1,
		"has a control word that there is not");
	pit.channels[1].control = 0x10;
	REFUSED(i8254, &pit, x.channels[1].write_second = true, "channel", 1, few);
	REFUSED(i8254, &pit, x.channels[1].read_second = true, "channel", 1, few);
	REFUSED(i8254, &pit, x.channels[0].rises = x.channels[0].clock + 1, "channel", 0, ahead);
	REFUSED(i8254, &pit, x.channels[2].rose_at = UINT64_MAX, "channel", 2, ahead);
	REFUSED(i8254, &pit, x.channels[2].left = 65537, "channel", 2, left);
	pit.channels[2].load = false;
	pit.channels[2].loaded = true;
	pit.channels[2].left = 1;
	REFUSED(i8254, &pit, x.channels[2].left = 0, "channel", 2, left);
	REFUSED(i8254, &pit, x.channels[2].written = false, "channel", 2,
		"counts what nobody wrote");
	REFUSED(i8254, &pit, x.channels[1].load = true, "channel", 1, "counts what nobody wrote");
	REFUSED(i8254, &pit, x.channels[2].strobe = true, "channel", 2, strobe);
	pit.channels[2].control = 0x38;
	REFUSED(i8254, &pit, (x.channels[2].strobe = true, x.channels[2].loaded = false), "channel",
		2, strobe);
	REFUSED(i8254, &pit, x.channels[2].strobe = x.channels[2].armed = true, "channel", 2,
		strobe);
	pit.channels[2].strobe = true;
	REFUSED(i8254, &pit, x.channels[2].control = 0x30, "channel", 2, strobe);
	pit.channels[2].strobe = false;
	REFUSED(i8254, &pit, x.channels[2].control = 0x34, "channel", 2,
		"has stopped for good in a mode that never does");
}

static void test_i8254(void **state)
{
	const char *no_reason = "holds back a rise without a reason";
	struct i8254 pit;

	(void)state;
	i8254_init(&pit, &i8254_ops, NULL, (struct irq_line){0}, 100000);
	REFUSED(i8254, &pit, x.port61 = 0x10, "port 61h", -1, "has bits set that are not kept");
	REFUSED(i8254, &pit, x.channels[0].clock = 1u << 31, "the counters", -1,
		"are ahead of the clock");
	REFUSED(i8254, &pit, x.channels[2].clock--, "channel", 2, "is not as far as channel 0");
	REFUSED(i8254, &pit, x.channels[0].gate = false, "channel", 0,
		"has a gate that is not as it is wired");
	REFUSED(i8254, &pit, x.port61 = 1, "channel", 2, "has a gate that is not as it is wired");
	REFUSED(i8254, &pit, x.rises_seen = 1, "IRQ 0", -1, "has seen rises that were not");
	REFUSED(i8254, &pit, x.followed_from = x.channels[0].clock + x.floor + 1, "IRQ 0", -1,
		"is held back beyond its floor");
	REFUSED(i8254, &pit, x.channels[0].rises = 1, "IRQ 0", -1, no_reason);
	REFUSED(i8254, &pit, x.irq_level = true, "IRQ 0", -1, "is not what OUT is");
	program(&pit, 0, 2, 1000);
	pit.followed_from = pit.channels[0].clock;
	pit.channels[0].rises = 1;
	REFUSED(i8254, &pit, x.channels[0].rose_at = x.followed_from, "IRQ 0", -1, no_reason);
}

static void test_cmos(void **state)
{
	static const struct cmos_ops ops = {.now = tell_now, .time_of_day = tell_day};
	const char *ahead = "is ahead of the clock", *off = "is further off than any";
	struct cmos dev;

	(void)state;
	cmos_init(&dev, &ops, NULL, (struct irq_line){0}, &(struct cmos_machine){1 << 30, 0, 1});
	dev.phase_off = 7;
	dev.seen = NOW + 7;
	REFUSED(cmos, &dev, x.index = 128, "the index", -1, "is above 127");
	REFUSED(cmos, &dev, x.regs[10] |= 0x80, "status A", -1, "has UIP set, which is not kept");
	REFUSED(cmos, &dev, x.regs[11] = 0x90, "status B", -1, "has both SET and UIE");
	REFUSED(cmos, &dev, x.regs[12] = 0x80, "status C", -1, "has bits set that are no flags");
	REFUSED(cmos, &dev, x.regs[13] = 0, "status D", -1, "is not 80h");
	REFUSED(cmos, &dev, x.irq_level = true, "the interrupt line", -1,
		"is not what the registers make it");
	REFUSED(cmos, &dev, (x.regs[11] |= 0x40, x.regs[12] = 0x40), "the interrupt line", -1,
		"is not what the registers make it");
	REFUSED(cmos, &dev, x.phase_off = 1000000000, "the divider's phase", -1,
		"is a second or more");
	REFUSED(cmos, &dev, x.seen++, "the divider", -1, ahead);
	REFUSED(cmos, &dev, x.seen = 6, "the divider", -1, ahead);
	REFUSED(cmos, &dev, x.host_off = INT64_MIN, "the time", -1, off);
	REFUSED(cmos, &dev, x.seconds_off = INT64_MAX, "the time", -1, off);
	dev.seconds_off = dev.host_off = INT64_C(1) << 51;
	REFUSED(cmos, &dev, x.host_off++, "the time", -1, off);
	REFUSED(cmos, &dev, x.seconds_off = x.host_off * 2 + 1, "the time", -1, off);
	REFUSED(cmos, &dev, x.host_off = -1, "the time", -1, off);
}

static void ignore_sleep(void *opaque, unsigned type)
{
	(void)opaque;
	(void)type;
}

static void test_acpi_pm(void **state)
{
	static const struct acpi_pm_ops ops = {.now = tell_now, .sleep = ignore_sleep};
	const char *not_there = "has bits set that are not there", *ahead = "is ahead of the clock";
	struct acpi_pm dev;

	(void)state;
	acpi_pm_init(&dev, &ops, NULL, (struct irq_line){0}, true);
	dev.start = NOW - 1000000000;
	dev.seen = ACPI_PM_TIMER_HZ;
	REFUSED(acpi_pm, &dev, x.status = 0x10, "PM1 status or enable", -1, not_there);
	REFUSED(acpi_pm, &dev, x.enable = 0x8000, "PM1 status or enable", -1, not_there);
	REFUSED(acpi_pm, &dev, x.control = ACPI_PM_SLP_EN, "PM1 control", -1,
		"has bits set that are not kept");
	REFUSED(acpi_pm, &dev, x.start = NOW + 1, "the timer", -1, ahead);
	REFUSED(acpi_pm, &dev, x.seen++, "the timer", -1, ahead);
	REFUSED(acpi_pm, &dev, x.sci_level = true, "the SCI", -1,
		"is not what the registers make it");
	REFUSED(acpi_pm, &dev, (x.control = 1, x.status = x.enable = 1), "the SCI", -1,
		"is not what the registers make it");
}

static void ignore_legacy(void *opaque, bool on)
{
	(void)opaque;
	(void)on;
}

static void test_hpet(void **state)
{
	static const struct hpet_ops ops = {.now = tell_now, .legacy = ignore_legacy};
	static const struct irq_line lines[HPET_LINES] = {{0}};
	const char *kept = "is configured with bits that are not kept";
	const char *more = "is of 32 bits and counts with more", *ahead = "is ahead of the clock";
	const char *seen = "has a match behind it that it has not seen";
	struct hpet dev;

	(void)state;
	hpet_init(&dev, &ops, NULL, lines);
	REFUSED(hpet, &dev, x.config = 4, "the configuration", -1, "has reserved bits set");
	REFUSED(hpet, &dev, x.status = 8, "the status", -1, "is of a timer that is not there");
	REFUSED(hpet, &dev, x.since = NOW + 1, "the counter", -1, ahead);
	REFUSED(hpet, &dev, x.seen = 1, "the counter", -1, ahead);
	REFUSED(hpet, &dev, x.levels = 4, "a line", -1,
		"is not what status and configuration make it");
	dev.config = 1;
	dev.since = NOW - 1000;
	dev.seen = 100;
	dev.base = 5;
	dev.timers[1] =
		(struct hpet_timer){.config = 0x0100 | 20u << 9, .comparator = 106, .due = 101};
	REFUSED(hpet, &dev, x.seen++, "the counter", -1, ahead);
	REFUSED(hpet, &dev, x.timers[0].config = 1, "timer", 0, kept);
	REFUSED(hpet, &dev, x.timers[2].config = 0x40, "timer", 2, kept);
	REFUSED(hpet, &dev, x.timers[2].config = 19u << 9, "timer", 2,
		"goes to an input that is not offered");
	REFUSED(hpet, &dev, x.status = 1, "timer", 0, "is an edge and has its status set");
	REFUSED(hpet, &dev, x.timers[1].comparator |= UINT64_C(1) << 32, "timer", 1, more);
	REFUSED(hpet, &dev, x.timers[1].period = UINT64_C(1) << 32, "timer", 1, more);
	REFUSED(hpet, &dev, x.timers[1].due = 100, "timer", 1, seen);
	REFUSED(hpet, &dev, x.timers[1].due = 102, "timer", 1,
		"has its match where its comparator is not");
	REFUSED(hpet, &dev, (x.status = 2, x.timers[1].config |= 6), "a line", -1,
		"is not what status and configuration make it");
	/* Halted, the very tick may still be to come. */
	dev.config = 0;
	dev.seen = 0;
	dev.timers[1].due = 0;
	dev.timers[1].comparator = 5;
	assert_null(hpet_state_error(&dev).what);
}

static void ignore(void *opaque)
{
	(void)opaque;
}

static void test_i8042(void **state)
{
	static const struct i8042_ops ops = {.reset = ignore};
	const char *line = "is not what the output buffer makes it";
	const char *none = "is none that a byte comes with";
	struct i8042 dev;

	(void)state;
	i8042_init(&dev, &ops, NULL, (struct irq_line){0}, (struct irq_line){0});
	/* What data would be written to beyond the RAM's ends. */
	REFUSED(i8042, &dev, x.command = 0x5F, "the controller's command", -1, "takes no data");
	REFUSED(i8042, &dev, x.command = 0x80, "the controller's command", -1, "takes no data");
	REFUSED(i8042, &dev, x.command = 0xD0, "the controller's command", -1, "takes no data");
	REFUSED(i8042, &dev, x.command = 0xD5, "the controller's command", -1, "takes no data");
	REFUSED(i8042, &dev, x.output.status = 0x20, "a byte's status", -1, none);
	REFUSED(i8042, &dev, x.reply.status = 0x41, "a byte's status", -1, none);
	REFUSED(i8042, &dev, x.irq1_level = true, "an interrupt line", -1, line);
	REFUSED(i8042, &dev, x.irq12_level = true, "an interrupt line", -1, line);
	REFUSED(i8042, &dev, x.output.status = 1, "an interrupt line", -1, line);
	REFUSED(i8042, &dev, x.keyboard.count = 4, "the keyboard's answer", -1,
		"is longer than any");
	REFUSED(i8042, &dev, x.keyboard.command = 0xF4, "the keyboard's command", -1,
		"takes no second byte");
	REFUSED(i8042, &dev, x.keyboard.scan_set = 0, "the keyboard's scan set", -1,
		"is not 1 to 3");
	REFUSED(i8042, &dev, x.keyboard.scan_set = 4, "the keyboard's scan set", -1,
		"is not 1 to 3");
}

static void transmit(void *opaque, uint8_t byte)
{
	(void)opaque;
	(void)byte;
}

static void test_uart16550(void **state)
{
	static const struct uart16550_ops ops = {.transmit = transmit};
	const char *never = "has bits set that it never keeps";
	const char *line = "is not what the registers make it";
	struct uart16550 dev;

	(void)state;
	uart16550_init(&dev, &ops, NULL, (struct irq_line){0});
	dev.rx_count = 1;
	REFUSED(uart16550, &dev, x.ier = 0x10, "IER", -1, "has reserved bits set");
	REFUSED(uart16550, &dev, x.fcr = 0x03, "FCR", -1, never);
	REFUSED(uart16550, &dev, x.fcr = 0xC0, "FCR", -1, never);
	REFUSED(uart16550, &dev, x.mcr = 0x20, "MCR", -1, "has reserved bits set");
	REFUSED(uart16550, &dev, x.msr ^= 0x40, "MSR", -1, "is not what the inputs are");
	REFUSED(uart16550, &dev, x.rx_first = 16, "the FIFO's first byte", -1, "is past its end");
	REFUSED(uart16550, &dev, x.rx_count = 2, "the FIFO", -1, "holds more than it can");
	REFUSED(uart16550, &dev, (x.fcr = 1, x.rx_count = 17), "the FIFO", -1,
		"holds more than it can");
	REFUSED(uart16550, &dev, x.irq_level = true, "the interrupt line", -1, line);
	REFUSED(uart16550, &dev, (x.mcr = 8, x.ier = 1), "the interrupt line", -1, line);
}

static void ignore_reset(void *opaque, enum reset_port_request request)
{
	(void)opaque;
	(void)request;
}

static void test_pci_host_and_reset_port(void **state)
{
	struct reset_port reset = {.reset = ignore_reset, .cf9 = 0x0A};
	struct pci_host host;

	(void)state;
	pci_host_init(&host, &reset);
	host.config[0x59] = 0x33;
	REFUSED(reset_port, &reset, x.cf9 = 1, "the reset control register", -1,
		"has reserved bits set");
	REFUSED(pci_host, &host, x.address = 3, "the address register", -1,
		"has reserved bits set");
	REFUSED(pci_host, &host, x.config[0] = 0, "configuration byte", 0,
		"differs where it is read-only");
	REFUSED(pci_host, &host, x.config[255] = 1, "configuration byte", 255,
		"differs where it is read-only");
}

static void test_vga_text(void **state)
{
	static struct vga_text vga;

	(void)state;
	vga_text_init(&vga, NULL);
	REFUSED(vga_text, &vga, x.attribute_index = 0x40, "the attribute index", -1,
		"has reserved bits set");
	REFUSED(vga_text, &vga, x.beam = 3, "the beam", -1, "is nowhere");
	REFUSED(vga_text, &vga, x.dac_at = VGA_TEXT_DAC, "the DAC's index", -1,
		"is past its last colour");
	REFUSED(vga_text, &vga, x.dac[767] = 0x40, "DAC component", 767, "has more than six bits");
}

static void test_fw_cfg(void **state)
{
	static const uint8_t bytes[3] = {1, 2, 3};
	const struct fw_cfg_item item = {.key = 0x19, .data = bytes, .size = sizeof(bytes)};
	const char *past = "is past the end of what is selected";
	struct fw_cfg cfg;

	(void)state;
	fw_cfg_init(&cfg, &(struct fw_cfg_machine){1 << 20, 1, 1}, &item, 1);
	cfg.offset = 4;
	REFUSED(fw_cfg, &cfg, x.selected = 0x4000, "the key", -1, "has the write channel's bit");
	REFUSED(fw_cfg, &cfg, x.offset = 5, "the offset", -1, past);
	REFUSED(fw_cfg, &cfg, x.selected = 0x19, "the offset", -1, past);
	REFUSED(fw_cfg, &cfg, x.selected = 0x1234, "the offset", -1, past);
}

static bool send_test(void *opaque, const struct test_message *message)
{
	(void)opaque;
	(void)message;
	return true;
}

static void test_test_devices(void **state)
{
	static const struct test_messages_ops ops = {.send = send_test, .changed = ignore};
	struct test_lines lines = {.levels = 0xFFFFFF};
	struct test_messages messages;

	(void)state;
	test_messages_init(&messages, &ops, NULL);
	REFUSED(test_lines, &lines, x.levels = 1u << 24, "the levels", -1, "have a line above 23");
	REFUSED(test_messages, &messages, x.lines[3].how |= 1u << 14, "line", 3,
		"has reserved bits set");
	REFUSED(test_messages, &messages, x.lines[0].dest = 1, "line", 0, "has reserved bits set");
	REFUSED(test_messages, &messages, x.lines[2].remote_irr = true, "line", 2,
		"is no level and has remote IRR");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ioapic),
		cmocka_unit_test(test_i8259_chip),
		cmocka_unit_test(test_i8259_pair),
		cmocka_unit_test(test_i8254_counter),
		cmocka_unit_test(test_i8254),
		cmocka_unit_test(test_cmos),
		cmocka_unit_test(test_acpi_pm),
		cmocka_unit_test(test_hpet),
		cmocka_unit_test(test_i8042),
		cmocka_unit_test(test_uart16550),
		cmocka_unit_test(test_pci_host_and_reset_port),
		cmocka_unit_test(test_vga_text),
		cmocka_unit_test(test_fw_cfg),
		cmocka_unit_test(test_test_devices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
