// SPDX-License-Identifier: BSD-2-Clause
// The devices of a whole machine saved, loaded into another, and refused by name when something is
// wrong. Not each device's own reasons: tests/devices/test_state_errors.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/vmm/rig.h"
#include "vmm/machine_state.h"

#define HEAD   22u /* bytes before those of a section */
#define IOAPIC 0xFEC00000u
#define HPET   0xFED00000u
#define IRR1   0x210u /* vectors 20h to 3Fh */
#define SEED   12345u
#define SPOILT 20000u

static int nothing(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	return -EINTR;
}

static void poke(struct rig *rig, uint64_t address, uint32_t value)
{
	struct access access = {
		.address = address,
		.width = 4,
		.count = 1,
		.write = true,
		.data = (uint8_t *)&value,
	};

	machine_memory(&rig->machine, &access);
}

static void set_entry(struct rig *rig, unsigned pin, uint32_t low)
{
	poke(rig, IOAPIC, 0x10 + 2 * pin);
	poke(rig, IOAPIC + 0x10, low);
}

static struct rig *open_with(bool hpet, bool kernel_lapic)
{
	struct rig *rig = rig_new(nothing);

	rig->options.hpet = hpet;
	rig->options.kernel_lapic = kernel_lapic;
	if (!rig_open(rig))
		fail_msg("machine_open: %s", rig->why.text);
	rig_become(rig, 0);
	return rig;
}

/* Something of everything: lines that are high, a level in service, timers that run. */
static void make_busy(struct rig *rig)
{
	static const struct {
		uint16_t port;
		uint8_t value;
	} writes[] = {
		{0x20, 0x11},  {0x21, 0x30},  {0x21, 0x04},   {0x21, 0x01},   {0x21, 0x00},
		{0xA0, 0x11},  {0xA1, 0x38},  {0xA1, 0x02},   {0xA1, 0x01},   {0xA1, 0x00},
		{0x43, 0x34},  {0x40, 0x9C},  {0x40, 0x2E},   {0x61, 0x01},   {0x43, 0xB6},
		{0x42, 0x12},  {0x70, 0x0B},  {0x71, 0x12},   {0x3FC, 0x08},  {0x3F9, 0x02},
		{0x2FB, 0x1B}, {0x64, 0x60},  {0x60, 0x47},   {0x60, 0xF2},   {0x510, 0x00},
		{0x3C4, 0x02}, {0x3C8, 0x07}, {0x200B, 0x01}, {0x2014, 0x01}, {0xB2, 0xF1},
		{0x602, 0x01},
	};

	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		rig_out(rig, writes[i].port, writes[i].value, 1);
	rig_out(rig, 0xCF8, 0x80000058, 4);
	rig_out(rig, 0xCFD, 0x33, 1);
	rig_out(rig, 0x2040, 0x8025, 4);
	rig_out(rig, 0x2048, 1, 4);
	set_entry(rig, 20, 0x8021);
	set_entry(rig, 11, 0x23);
	poke(rig, HPET + 0x120, 0x2A04);
	poke(rig, HPET + 0x128, 1u << 30);
	poke(rig, HPET + 0x10, 1);
}

struct saved {
	size_t size;
	uint8_t *bytes;
};

static struct saved save(struct rig *rig)
{
	struct saved saved = {.size = machine_state_size(&rig->machine)};

	saved.bytes = malloc(saved.size);
	assert_non_null(saved.bytes);
	machine_state_save(&rig->machine, saved.bytes);
	return saved;
}

static bool load(struct rig *rig, const uint8_t *bytes, size_t size, char why[256])
{
	strcpy(why, "");
	return machine_state_load(&rig->machine, bytes, size, 1, why, 256);
}

/* Where the bytes of a section begin. */
static uint8_t *section(const struct saved *saved, const char *name)
{
	for (size_t at = 0; at + HEAD <= saved->size;) {
		uint8_t *head = saved->bytes + at;

		if (strncmp((const char *)head, name, 16) == 0)
			return head + HEAD;
		at += HEAD + (head[18] | (size_t)head[19] << 8 | (size_t)head[20] << 16);
	}
	fail_msg("no section %s", name);
	return NULL;
}

/* And nothing has changed. */
static void assert_refused(struct rig *rig, const uint8_t *bytes, size_t size, const char *why)
{
	struct saved before = save(rig), after;
	char said[256];

	assert_false(load(rig, bytes, size, said));
	assert_string_equal(said, why);
	after = save(rig);
	assert_int_equal(after.size, before.size);
	assert_memory_equal(after.bytes, before.bytes, after.size);
	free(before.bytes);
	free(after.bytes);
}

static void test_another_machine_goes_on(void **state)
{
	struct rig *a = open_with(true, false), *b;
	struct saved first, second;
	char why[256];

	(void)state;
	rig_enable(a, 0);
	make_busy(a);
	assert_true(a->machine.uart.irq_level);
	assert_true(a->machine.i8042.irq1_level);
	assert_true(a->machine.pic.intr_level);
	assert_int_equal(a->machine.ioapic.remote_irr, 1u << 20);
	assert_true(a->machine.test_messages.lines[0].remote_irr);
	first = save(a);
	rig_free(a);

	b = open_with(true, false);
	if (!load(b, first.bytes, first.size, why))
		fail_msg("%s", why);
	second = save(b);
	assert_int_equal(second.size, first.size);
	assert_memory_equal(second.bytes, first.bytes, first.size);
	assert_int_equal(b->machine.pci_host.config[0x59], 0x33);
	/* No message was sent for what was high already. */
	assert_int_equal(rig_read(b, 0, IRR1), 0);
	/* Its lines are its own: the one of the test device falls, and the EOI sends no more. */
	rig_out(b, 0x2014, 0, 1);
	machine_eoi(&b->machine, 0x21);
	assert_int_equal(b->machine.ioapic.remote_irr, 0);
	assert_int_equal(b->machine.wires[20].high, 0);
	free(first.bytes);
	free(second.bytes);
	rig_free(b);
}

/* Its wire goes by way of ACPI, and has a gate; HPET or not, it is high until status C is read. */
static void test_a_clock_that_interrupts_goes_on(void **state)
{
	(void)state;
	for (unsigned legacy = 0; legacy < 2; legacy++) {
		struct rig *rig = open_with(true, false), *other = open_with(true, false);
		struct saved saved;
		char why[256];

		poke(rig, HPET + 0x10, 1 | legacy << 1);
		rig_out(rig, 0x70, 0x0A, 1);
		rig_out(rig, 0x71, 0x23, 1); /* every 122 us */
		rig_out(rig, 0x70, 0x0B, 1);
		rig_out(rig, 0x71, 0x42, 1);
		while (!rig->machine.cmos.irq_level)
			rig_out(rig, 0x71, 0x42, 1);
		assert_int_equal(rig->machine.wires[8].high, !legacy);
		saved = save(rig);
		if (!load(other, saved.bytes, saved.size, why))
			fail_msg("%s", why);
		assert_true(other->machine.cmos.irq_level);
		assert_int_equal(other->machine.wires[8].high, !legacy);
		free(saved.bytes);
		rig_free(other);
		rig_free(rig);
	}
}

static void test_order_of_sections_is_free(void **state)
{
	struct rig *rig = open_with(true, false);
	struct saved saved;
	uint8_t *turned;
	size_t first;
	char why[256];

	(void)state;
	make_busy(rig);
	saved = save(rig);
	turned = malloc(saved.size);
	assert_non_null(turned);
	first = HEAD + (size_t)saved.bytes[18];
	memcpy(turned, saved.bytes + first, saved.size - first);
	memcpy(turned + saved.size - first, saved.bytes, first);
	assert_true(load(rig, turned, saved.size, why));
	free(turned);
	free(saved.bytes);
	rig_free(rig);
}

static void test_intr_and_timer_follow(void **state)
{
	struct rig *a = open_with(true, false), *b;
	struct saved saved;
	char why[256];

	(void)state;
	make_busy(a);
	saved = save(a);
	rig_free(a);
	b = open_with(true, false);
	assert_int_equal(b->machine.device_timer.armed_ns, 0);
	rig_enable(b, 0);
	rig_write(b, 0, 0x350, 0x700);
	assert_int_equal(lapic_pending(b->machine.vcpus[0].lapic) & LAPIC_PENDING_EXTINT, 0);
	assert_true(load(b, saved.bytes, saved.size, why));
	assert_int_not_equal(lapic_pending(b->machine.vcpus[0].lapic) & LAPIC_PENDING_EXTINT, 0);
	assert_int_equal(machine_intack(&b->machine), 0x30);
	assert_int_not_equal(b->machine.device_timer.armed_ns, 0);
	free(saved.bytes);
	rig_free(b);
}

/* A LAPIC that is restored behind the devices has no edge of LINT0, though that is an edge there.
 */
static void test_lint0_has_no_edge(void **state)
{
	struct rig *a = open_with(true, false), *b;
	struct lapic *lapic = a->machine.vcpus[0].lapic;
	size_t size = lapic_state_size();
	uint8_t *bytes = malloc(size);
	struct saved saved;
	char why[256];
	int inflight;

	(void)state;
	assert_non_null(bytes);
	rig_enable(a, 0);
	make_busy(a);
	rig_write(a, 0, 0x350, 0x35);
	lapic_pending(lapic);
	assert_int_equal(rig_read(a, 0, IRR1) >> 21 & 1, 0);
	saved = save(a);
	assert_int_equal(lapic_save(lapic, bytes, size, -1), size);
	rig_free(a);

	b = open_with(true, false);
	lapic = b->machine.vcpus[0].lapic;
	assert_true(load(b, saved.bytes, saved.size, why));
	assert_int_equal(lapic_restore(lapic, bytes, size, &inflight), LAPIC_STATE_OK);
	lapic_pending(lapic);
	assert_int_equal(rig_read(b, 0, IRR1) >> 21 & 1, 0);
	/* The next one is one. */
	machine_intack(&b->machine);
	rig_out(b, 0x20, 0x20, 1);
	rig_out(b, 0x20, 0x20, 1);
	lapic_pending(lapic);
	assert_int_equal(rig_read(b, 0, IRR1) >> 21 & 1, 1);
	free(saved.bytes);
	free(bytes);
	rig_free(b);
}

static void test_sections_are_refused_by_name(void **state)
{
	struct rig *rig = open_with(true, false);
	struct saved saved = save(rig);
	uint8_t *twice = malloc(2 * saved.size), *head;
	size_t first = HEAD + (size_t)saved.bytes[18];

	(void)state;
	assert_non_null(twice);
	assert_refused(rig, saved.bytes, 0, "section i8259 is missing");
	assert_refused(rig, saved.bytes, 5, "the devices' state ends within the head of a section");
	assert_refused(rig, saved.bytes, HEAD + 5, "section i8259 ends after 5 of its 37 bytes");
	assert_refused(rig, saved.bytes + first, saved.size - first, "section i8259 is missing");
	memcpy(twice, saved.bytes, saved.size);
	memcpy(twice + saved.size, saved.bytes, saved.size);
	assert_refused(rig, twice, 2 * saved.size, "section i8259 comes twice");
	free(twice);

	head = section(&saved, "i8254") - HEAD;
	head[16] = 2;
	assert_refused(rig, saved.bytes, saved.size,
		       "section i8254 version 2: this lapicvm knows 1 to 1");
	head[16] = 0;
	assert_refused(rig, saved.bytes, saved.size,
		       "section i8254 version 0: this lapicvm knows 1 to 1");
	head[16] = 1;
	head[18]++;
	assert_refused(rig, saved.bytes, saved.size, "section i8254 has 171 bytes, not 170");
	head[18]--;
	head[21] = 0xFF;
	assert_refused(rig, saved.bytes, saved.size, "section i8254 has 4278190250 bytes, not 170");
	head[21] = 0;
	head[5] = '\n';
	assert_refused(rig, saved.bytes, saved.size,
		       "section \"i8254?\": this lapicvm knows none of that name");
	memset(head, 0x80, 16);
	assert_refused(rig, saved.bytes, saved.size,
		       "section \"????????????????\": this lapicvm knows none of that name");
	free(saved.bytes);
	rig_free(rig);
}

/* What was saved before there was a device lacks it; here, before there was any. */
static void test_a_device_of_later_is_as_at_power_up(void **state)
{
	struct rig *rig = open_with(true, false), *fresh = open_with(true, false);
	struct saved before, after;
	char why[256];

	(void)state;
	before = save(fresh);
	assert_true(machine_state_load(&rig->machine, before.bytes, 0, 0, why, sizeof(why)));
	after = save(rig);
	assert_int_equal(after.size, before.size);
	assert_false(machine_state_load(&rig->machine, before.bytes, 0, 1, why, sizeof(why)));
	assert_string_equal(why, "section i8259 is missing");
	free(before.bytes);
	free(after.bytes);
	rig_free(fresh);
	rig_free(rig);
}

static void test_devices_are_refused_by_name(void **state)
{
	struct rig *rig = open_with(true, false);
	struct saved saved;
	uint8_t *bytes;

	(void)state;
	make_busy(rig);
	saved = save(rig);
	bytes = section(&saved, "ioapic");
	bytes[10 + 8 * 5 + 1] |= 0x10;
	assert_refused(rig, saved.bytes, saved.size,
		       "ioapic: redirection entry 5 has reserved bits set");
	bytes[10 + 8 * 5 + 1] &= 0xEF;
	bytes = section(&saved, "com1");
	bytes[0] = 2;
	assert_refused(rig, saved.bytes, saved.size, "com1: a yes or no is neither");
	bytes[0] = 1;
	bytes[27] = 16;
	assert_refused(rig, saved.bytes, saved.size, "com1: the FIFO's first byte is past its end");
	bytes[27] = 0;
	bytes = section(&saved, "test messages");
	bytes[1] |= 0x40;
	assert_refused(rig, saved.bytes, saved.size, "test messages: line 0 has reserved bits set");
	free(saved.bytes);
	rig_free(rig);
}

/* Each end of a line on its own is right; together they cannot be. */
static void test_lines_that_disagree_are_refused(void **state)
{
	struct rig *rig = open_with(true, false);
	struct saved saved;
	uint8_t *wires, *pins;

	(void)state;
	make_busy(rig);
	saved = save(rig);
	wires = section(&saved, "irq wires");
	wires[4 * 4] ^= 1;
	assert_refused(rig, saved.bytes, saved.size,
		       "irq wires: wire 4 is not as its devices hold it");
	wires[4 * 4] ^= 1;
	wires[4 * 23 + 3] = 1;
	assert_refused(rig, saved.bytes, saved.size,
		       "irq wires: wire 23 is not as its devices hold it");
	wires[4 * 23 + 3] = 0;
	wires[96] ^= 1;
	assert_refused(rig, saved.bytes, saved.size,
		       "irq wires: gate 0 is not at its device's level");
	wires[96] ^= 1;
	wires[98] ^= 1;
	assert_refused(rig, saved.bytes, saved.size,
		       "irq wires: gate 1 is not at its device's level");
	wires[98] ^= 1;
	wires[99] ^= 1;
	assert_refused(rig, saved.bytes, saved.size,
		       "irq wires: gate 1 is not as the HPET wants it");
	wires[99] ^= 1;
	pins = section(&saved, "ioapic") + 2;
	pins[2] ^= 1;
	assert_refused(rig, saved.bytes, saved.size,
		       "irq wires: wire 16 is at another level at a controller");
	pins[2] ^= 1;
	pins[0] ^= 1;
	assert_refused(rig, saved.bytes, saved.size,
		       "irq wires: INTR is at another level at the I/O APIC");
	pins[0] ^= 1;
	pins = section(&saved, "i8259");
	pins[0] ^= 0x80; /* masked nowhere, but no edge has come of it */
	assert_refused(rig, saved.bytes, saved.size,
		       "irq wires: wire 7 is at another level at a controller");
	pins[0] ^= 0x80;
	free(saved.bytes);
	rig_free(rig);
}

static void test_a_hidden_hpet_does_not_run(void **state)
{
	struct rig *with = open_with(true, false), *without;
	struct saved saved;

	(void)state;
	make_busy(with);
	saved = save(with);
	rig_free(with);
	without = open_with(false, false);
	assert_refused(without, saved.bytes, saved.size,
		       "irq wires: the HPET runs, and this machine has none");
	free(saved.bytes);
	rig_free(without);
}

/* A clock that has not been set back to what it was: nothing may lie in the future. */
static void test_a_time_to_come_is_refused(void **state)
{
	struct rig *rig = open_with(true, false);
	struct saved saved = save(rig);
	uint8_t *start = section(&saved, "acpi pm") + 9;

	(void)state;
	start[7] = 0x10;
	assert_refused(rig, saved.bytes, saved.size, "acpi pm: the timer is ahead of the clock");
	free(saved.bytes);
	rig_free(rig);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* What a machine makes of spoilt bytes it can save, and that again is as good as any. */
static void test_spoilt_bytes(void **state)
{
	struct rig *rig = open_with(true, false);
	struct saved good, again;
	uint8_t *bytes;
	uint32_t seed = SEED;
	unsigned loaded = 0;
	char why[256];

	(void)state;
	make_busy(rig);
	good = save(rig);
	bytes = malloc(good.size);
	assert_non_null(bytes);
	for (unsigned i = 0; i < SPOILT; i++) {
		memcpy(bytes, good.bytes, good.size);
		for (unsigned n = next_random(&seed) % 3 + 1; n; n--)
			bytes[next_random(&seed) % good.size] = (uint8_t)next_random(&seed);
		if (!load(rig, bytes, good.size, why)) {
			assert_true(strlen(why) > 10);
			continue;
		}
		loaded++;
		again = save(rig);
		assert_memory_equal(again.bytes, bytes, good.size);
		free(again.bytes);
	}
	assert_true(loaded > SPOILT / 10 && loaded < SPOILT * 9 / 10);
	free(bytes);
	free(good.bytes);
	rig_free(rig);
}

/* KVM's LAPIC: INTR is a flag, and the levels' routes are told. */
static void test_kernel_lapic(void **state)
{
	struct rig *a = open_with(false, true), *b;
	struct saved saved;
	char why[256];

	(void)state;
	make_busy(a);
	assert_true(atomic_load(&a->machine.intr));
	saved = save(a);
	rig_free(a);
	b = open_with(false, true);
	assert_int_equal(b->kvm.route_count, 0);
	assert_false(atomic_load(&b->machine.intr));
	assert_true(load(b, saved.bytes, saved.size, why));
	assert_true(atomic_load(&b->machine.intr));
	assert_int_equal(b->kvm.route_count, 2);
	free(saved.bytes);
	rig_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_another_machine_goes_on),
		cmocka_unit_test(test_a_clock_that_interrupts_goes_on),
		cmocka_unit_test(test_order_of_sections_is_free),
		cmocka_unit_test(test_intr_and_timer_follow),
		cmocka_unit_test(test_lint0_has_no_edge),
		cmocka_unit_test(test_sections_are_refused_by_name),
		cmocka_unit_test(test_a_device_of_later_is_as_at_power_up),
		cmocka_unit_test(test_devices_are_refused_by_name),
		cmocka_unit_test(test_lines_that_disagree_are_refused),
		cmocka_unit_test(test_a_hidden_hpet_does_not_run),
		cmocka_unit_test(test_a_time_to_come_is_refused),
		cmocka_unit_test(test_spoilt_bytes),
		cmocka_unit_test(test_kernel_lapic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
