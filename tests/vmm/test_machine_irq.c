// SPDX-License-Identifier: BSD-2-Clause
// The board's wires: from ports to LINT0, I/O APIC pins and Local APICs, timers of devices
// included. Not the chips' own behaviour: tests/devices.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/vmm/rig.h"
#include "vmm/machine_clock.h"

#define IOAPIC 0xFEC00000u
#define IRR1   0x210u /* vectors 20h to 3Fh */

static int nothing(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	return -EINTR;
}

static uint32_t memory(struct rig *rig, uint64_t address, bool write, uint32_t value)
{
	struct access access = {
		.address = address,
		.width = 4,
		.count = 1,
		.write = write,
		.data = (uint8_t *)&value,
	};

	machine_memory(&rig->machine, &access);
	return value;
}

static void set_entry(struct rig *rig, unsigned pin, uint32_t low)
{
	memory(rig, IOAPIC, true, 0x11 + 2 * pin);
	memory(rig, IOAPIC + 0x10, true, 0);
	memory(rig, IOAPIC, true, 0x10 + 2 * pin);
	memory(rig, IOAPIC + 0x10, true, low);
}

static uint32_t entry(struct rig *rig, unsigned pin)
{
	memory(rig, IOAPIC, true, 0x10 + 2 * pin);
	return memory(rig, IOAPIC + 0x10, false, 0);
}

static struct rig *start(void)
{
	struct rig *rig = rig_start(nothing, rig_host_vmx);

	rig_enable(rig, 0);
	return rig;
}

/* Whether vector 20h + n is in IRR, as the owner sees it. */
static bool pending(struct rig *rig, unsigned n)
{
	lapic_pending(rig->machine.vcpus[0].lapic);
	return rig_read(rig, 0, IRR1) >> n & 1;
}

static void start_8259(struct rig *rig)
{
	rig_out(rig, 0x20, 0x11, 1);
	rig_out(rig, 0x21, 0x30, 1);
	rig_out(rig, 0x21, 0x04, 1);
	rig_out(rig, 0x21, 0x01, 1);
	rig_out(rig, 0x21, 0x00, 1);
}

static void test_isa_lines_reach_both_controllers(void **state)
{
	struct rig *rig = start();

	(void)state;
	set_entry(rig, 14, 0x21);
	rig_out(rig, 0x200E, 1, 1);
	assert_true(pending(rig, 1));
	assert_int_equal(rig->machine.pic.slave.lines, 1u << 6);
	/* IRQ 0 is pin 2, and nothing is pin 0's but the 8259s. */
	set_entry(rig, 0, 0x22);
	set_entry(rig, 2, 0x23);
	rig_out(rig, 0x2000, 1, 1);
	assert_true(pending(rig, 3));
	assert_false(pending(rig, 2));
	/* Lines from 16 on are the I/O APIC's alone. */
	set_entry(rig, 20, 0x25);
	rig_out(rig, 0x2014, 1, 1);
	assert_true(pending(rig, 5));
	rig_free(rig);
}

static void test_intr_is_lint0_and_pin_0(void **state)
{
	struct rig *rig = start();

	(void)state;
	start_8259(rig);
	rig_write(rig, 0, 0x350, 0x700);
	set_entry(rig, 0, 0x10700);
	assert_int_equal(lapic_pending(rig->machine.vcpus[0].lapic) & LAPIC_PENDING_EXTINT, 0);
	rig_out(rig, 0x2005, 1, 1);
	assert_true(lapic_pending(rig->machine.vcpus[0].lapic) & LAPIC_PENDING_EXTINT);
	assert_int_equal(machine_intack(&rig->machine), 0x35);
	/* By the message where LINT0 is masked. */
	rig_out(rig, 0x20, 0x20, 1);
	rig_out(rig, 0x2005, 0, 1);
	rig_write(rig, 0, 0x350, 0x10700);
	while (lapic_take_extint(rig->machine.vcpus[0].lapic))
		;
	set_entry(rig, 0, 0x700);
	rig_out(rig, 0x2005, 1, 1);
	assert_true(lapic_pending(rig->machine.vcpus[0].lapic) & LAPIC_PENDING_EXTINT);
	rig_free(rig);
}

static void test_an_eoi_comes_back_to_the_level_pin(void **state)
{
	struct rig *rig = start();

	(void)state;
	set_entry(rig, 10, 0x8026);
	rig_out(rig, 0x200A, 1, 1);
	assert_true(entry(rig, 10) & 0x4000);
	assert_true(pending(rig, 6));
	assert_int_equal(lapic_ack(rig->machine.vcpus[0].lapic), 0x26);
	rig_out(rig, 0x200A, 0, 1);
	rig_write(rig, 0, 0xB0, 0);
	assert_int_equal(entry(rig, 10) & 0x4000, 0);
	assert_false(pending(rig, 6));
	rig_free(rig);
}

/* No Local APIC is on when the line rises, nor does anything move afterwards but its enable bit. */
static void test_a_level_that_nobody_took_is_offered_again(void **state)
{
	struct rig *rig = rig_start(nothing, rig_host_vmx);
	struct machine *m = &rig->machine;

	(void)state;
	set_entry(rig, 10, 0x8026);
	rig_out(rig, 0x200A, 1, 1);
	assert_int_equal(entry(rig, 10) & 0x5000, 0x1000);
	/* It alone wakes nobody: who is to take it must run first. */
	assert_false(machine_clock_runs(m));
	rig_enable(rig, 0);
	while (!pending(rig, 6)) {
		assert_true(m->device_timer.armed_ns != 0);
		rig_wait(rig);
	}
	assert_int_equal(entry(rig, 10) & 0x5000, 0x4000);
	assert_int_equal(m->device_timer.armed_ns, 0);
	rig_free(rig);
}

/* Refused after the EOI, which is no access to a device, or as the line of a UART's input. */
static void test_so_is_one_that_was_refused_without_an_access(void **state)
{
	struct rig *rig = start();
	struct machine *m = &rig->machine;
	uint8_t byte = 'x';

	(void)state;
	set_entry(rig, 10, 0x8026);
	rig_out(rig, 0x200A, 1, 1);
	assert_true(pending(rig, 6));
	assert_int_equal(lapic_ack(m->vcpus[0].lapic), 0x26);
	rig_write(rig, 0, 0xF0, 0xFF);
	rig_write(rig, 0, 0xB0, 0);
	assert_true(m->device_timer.armed_ns != 0);
	rig_out(rig, 0x200A, 0, 1);
	set_entry(rig, 4, 0x8027);
	rig_out(rig, 0x3FC, 0x08, 1);
	rig_out(rig, 0x3F9, 0x01, 1);
	assert_int_equal(m->device_timer.armed_ns, 0);
	assert_int_equal(machine_input(m, &byte, 1), 1);
	assert_true(m->device_timer.armed_ns != 0);
	rig_free(rig);
}

static void test_the_uart_shares_its_line(void **state)
{
	struct rig *rig = start();

	(void)state;
	set_entry(rig, 4, 0x27);
	rig_out(rig, 0x3FC, 0x08, 1); /* OUT2 */
	rig_out(rig, 0x3F9, 0x02, 1); /* transmitter empty */
	assert_true(pending(rig, 7));
	assert_int_equal(rig->machine.wires[4].high, 1);
	rig_out(rig, 0x2004, 1, 1);
	rig_out(rig, 0x3F9, 0x00, 1);
	assert_int_equal(rig->machine.wires[4].high, 1u << 2);
	rig_free(rig);
}

/* ---------------------------------------------------------------- time */

static void test_a_running_timer_is_no_end(void **state)
{
	struct rig *rig = start();
	struct machine *m = &rig->machine;

	(void)state;
	assert_false(machine_clock_runs(m));
	rig_out(rig, 0x43, 0x34, 1); /* channel 0, mode 2 */
	rig_out(rig, 0x40, 0x00, 1);
	rig_out(rig, 0x40, 0x10, 1);
	assert_true(machine_clock_runs(m));
	assert_true(m->watch.input(m->watch.opaque));
	assert_true(m->device_timer.armed_ns != 0);
	/* Mode 0 and no count: nothing runs. */
	rig_out(rig, 0x43, 0x30, 1);
	assert_false(machine_clock_runs(m));
	assert_int_equal(m->device_timer.armed_ns, 0);
	rig_free(rig);
}

static void test_the_timer_ticks_by_itself(void **state)
{
	struct rig *rig = start();
	struct machine *m = &rig->machine;

	(void)state;
	rig_out(rig, 0x43, 0x38, 1); /* mode 4: once, but OUT0 rises already now */
	set_entry(rig, 2, 0x28);
	rig_out(rig, 0x40, 0x40, 1);
	rig_out(rig, 0x40, 0x00, 1);
	while (!pending(rig, 8)) {
		assert_true(m->device_timer.armed_ns != 0);
		rig_wait(rig);
	}
	assert_false(machine_clock_runs(m));
	rig_free(rig);
}

static void test_the_hpet_takes_irq_0_over(void **state)
{
	struct rig *rig = rig_new(nothing);
	struct machine *m = &rig->machine;

	(void)state;
	rig->options.hpet = true;
	assert_true(rig_open(rig));
	rig_out(rig, 0x43, 0x30, 1);
	rig_out(rig, 0x43, 0x34, 1); /* OUT0 rises */
	assert_int_equal(m->wires[0].high, 1);
	memory(rig, 0xFED00010, true, 3); /* enabled, legacy replacement */
	assert_int_equal(m->wires[0].high, 0);
	memory(rig, 0xFED00010, true, 1);
	assert_int_equal(m->wires[0].high, 1);
	rig_free(rig);
}

/* The clock is asked, long after a period that is enabled has ended. */
static bool clock_told(struct rig *rig)
{
	usleep(1000);
	rig_port(rig, 0x71, false, 0, 1);
	return rig_port(rig, 0x600, false, 0, 2) & 0x400;
}

/* By the periodic interrupt, which needs no second to pass; and the HPET takes the wire alone. */
static void test_the_clock_tells_acpi_too(void **state)
{
	struct rig *rig = rig_new(nothing);
	struct machine *m = &rig->machine;

	(void)state;
	rig->options.hpet = true;
	assert_true(rig_open(rig));
	for (unsigned legacy = 0; legacy < 2; legacy++) {
		memory(rig, 0xFED00010, true, 1 | legacy << 1);
		rig_out(rig, 0x70, 0x0A, 1);
		rig_out(rig, 0x71, 0x23, 1); /* every 122 us */
		rig_out(rig, 0x70, 0x0B, 1);
		rig_out(rig, 0x71, 0x42, 1);
		assert_true(clock_told(rig));
		assert_int_equal(m->wires[8].high, !legacy);
		rig_out(rig, 0x600, 0x400, 2);
		rig_out(rig, 0x71, 0x02, 1); /* falling is no event */
		assert_int_equal(rig_port(rig, 0x600, false, 0, 2) & 0x400, 0);
		rig_out(rig, 0x70, 0x0C, 1);
		rig_port(rig, 0x71, false, 0, 1);
	}
	/* It raises the SCI where it is asked to. */
	assert_int_equal(m->wires[9].high, 0);
	rig_out(rig, 0x604, 1, 2);
	rig_out(rig, 0x602, 0x400, 2);
	rig_out(rig, 0x70, 0x0B, 1);
	rig_out(rig, 0x71, 0x42, 1);
	assert_true(clock_told(rig));
	assert_int_equal(m->wires[9].high, 1);
	rig_free(rig);
}

static void test_soft_off_ends_the_run(void **state)
{
	struct rig *rig = start();

	(void)state;
	rig_out(rig, 0x604, 0x2000 | 1u << 10, 2);
	assert_false(ending_reached(&rig->ending));
	rig_out(rig, 0x604, 0x2000, 2);
	assert_true(ending_reached(&rig->ending));
	assert_int_equal(rig->ending.result.kind, RESULT_POWER_OFF);
	assert_int_equal(result_code(&rig->ending.result), 0);
	rig_free(rig);
}

/* ---------------------------------------------------------------- tables */

static bool has(struct rig *rig, const char *word)
{
	const uint8_t *place = ram_at(&rig->machine.ram, 0xF0000, 0x10000);

	for (unsigned i = 0; i + 16 <= 0x10000; i += 16)
		if (memcmp(place + i, word, strlen(word)) == 0)
			return true;
	return false;
}

static void test_tables_are_where_kernels_look(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct rig *rig = rig_new(nothing);

		rig->options.no_acpi = i & 1;
		rig->options.no_mptable = i & 2;
		assert_true(rig_open(rig));
		assert_int_equal(has(rig, "RSD PTR "), !(i & 1));
		assert_int_equal(has(rig, "_MP_"), !(i & 2));
		rig_free(rig);
	}
}

/* IBM's BIOS data area: what small kernels and Xen ask for the end of low memory. */
static void test_low_memory_has_what_a_bios_leaves(void **state)
{
	struct rig *rig = start();
	const uint8_t *area = ram_at(&rig->machine.ram, 0x400, 0x100);
	const uint8_t *ebda = ram_at(&rig->machine.ram, 0x9FC00, 0x400);

	(void)state;
	assert_int_equal(area[0] | area[1] << 8, 0x3F8);
	assert_int_equal(area[2] | area[3] << 8, 0x2F8);
	assert_int_equal(area[4] | area[5] | area[6] | area[7], 0);
	assert_int_equal(area[0x0E] | area[0x0F] << 8, 0x9FC0); /* the EBDA's segment */
	/* x87, 80 columns of colour, and two serial ports. */
	assert_int_equal(area[0x10] | area[0x11] << 8, 0x02 | 0x20 | 2 << 9);
	assert_int_equal(area[0x13] | area[0x14] << 8, 639); /* KiB */
	assert_int_equal(ebda[0], 1);                        /* KiB */
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_isa_lines_reach_both_controllers),
		cmocka_unit_test(test_intr_is_lint0_and_pin_0),
		cmocka_unit_test(test_an_eoi_comes_back_to_the_level_pin),
		cmocka_unit_test(test_a_level_that_nobody_took_is_offered_again),
		cmocka_unit_test(test_so_is_one_that_was_refused_without_an_access),
		cmocka_unit_test(test_the_uart_shares_its_line),
		cmocka_unit_test(test_a_running_timer_is_no_end),
		cmocka_unit_test(test_the_timer_ticks_by_itself),
		cmocka_unit_test(test_the_hpet_takes_irq_0_over),
		cmocka_unit_test(test_the_clock_tells_acpi_too),
		cmocka_unit_test(test_soft_off_ends_the_run),
		cmocka_unit_test(test_low_memory_has_what_a_bios_leaves),
		cmocka_unit_test(test_tables_are_where_kernels_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
