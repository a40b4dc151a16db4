// SPDX-License-Identifier: BSD-2-Clause
// The MP table as a guest scans for it and reads it entry by entry, and what is refused.
// Not ACPI's side of the same wires: test_acpi_tables.c has that.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "vmm/mp_table.h"

#define GPA UINT64_C(0x9FC00)
enum { DIRT = 0xAB, MARGIN = 64, ROOM = 0x2000 };

static uint8_t memory[MARGIN + ROOM + MARGIN];
static uint8_t *const host = memory + MARGIN;
static size_t written;

static struct mp_table_machine with_cpus(uint32_t cpus)
{
	return (struct mp_table_machine){
		.cpus = cpus,
		.lapic_version = 0x14,
		.cpu_signature = 0x000506E3,
		.cpu_features = 0x0FABFBFF,
	};
}

static void memory_is_dirt(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (memory[i] != DIRT)
			fail_msg("a byte was written at %zd of the room", (ssize_t)i - MARGIN);
}

/* Writes with exactly the room it asks for. */
static void write_table(const struct mp_table_machine *machine)
{
	written = mp_table_size(machine);
	memset(memory, DIRT, sizeof(memory));
	assert_in_range(written, 1, ROOM);
	assert_true(mp_table_write(machine, host, GPA, written));
	memory_is_dirt(0, MARGIN);
	memory_is_dirt(MARGIN + written, sizeof(memory));
}

static uint64_t get(const uint8_t *bytes, size_t offset, unsigned n)
{
	uint64_t value = 0;

	while (n-- > 0)
		value = value << 8 | bytes[offset + n];
	return value;
}

static bool sums_to_0(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	while (size > 0)
		sum += bytes[--size];
	return sum == 0;
}

/* Through the floating pointer. */
static const uint8_t *find_table(void)
{
	const uint8_t *table;

	assert_memory_equal(host, "_MP_", 4);
	assert_int_equal(host[8], 1);
	assert_int_equal(host[9], 4);
	assert_true(sums_to_0(host, 16));
	/* No default configuration, virtual wire without an IMCR. */
	assert_int_equal(get(host, 11, 5), 0);
	assert_in_range(get(host, 4, 4), GPA + 16, GPA + written - 44);
	table = host + (get(host, 4, 4) - GPA);
	assert_memory_equal(table, "PCMP", 4);
	return table;
}

static void test_header(void **state)
{
	struct mp_table_machine machine = with_cpus(2);
	const uint8_t *table;

	(void)state;
	write_table(&machine);
	table = find_table();
	assert_int_equal(get(table, 4, 2), host + written - table);
	assert_int_equal(table[6], 4);
	assert_true(sums_to_0(table, get(table, 4, 2)));
	assert_memory_equal(table + 8, "LAPIC   LAPICVM     ", 20);
	assert_int_equal(get(table, 28, 6), 0); /* no OEM table */
	assert_int_equal(get(table, 34, 2), 2 + 2 + 1 + 16 + 2);
	assert_int_equal(get(table, 36, 4), 0xFEE00000);
	assert_int_equal(get(table, 40, 4), 0); /* no extended table */
}

/* What the table says, counted by type of entry. */
static unsigned counted[5];

static void is_processor(const struct mp_table_machine *machine, const uint8_t *entry)
{
	unsigned number = counted[0];

	assert_int_equal(entry[1], machine->apic_ids ? machine->apic_ids[number] : number);
	assert_int_equal(entry[2], 0x14);
	assert_int_equal(entry[3], number == 0 ? 3 : 1);
	assert_int_equal(get(entry, 4, 4), 0x6E3);
	assert_int_equal(get(entry, 8, 4), 0x0FABFBFF);
	assert_int_equal(get(entry, 12, 8), 0);
}

static void is_wire(const uint8_t *entry)
{
	/* IRQ and input; the first is the 8259s' INTR. */
	static const uint8_t wires[16][2] = {
		{0, 0}, {0, 2}, {1, 1},   {3, 3},   {4, 4},   {5, 5},   {6, 6},   {7, 7},
		{8, 8}, {9, 9}, {10, 10}, {11, 11}, {12, 12}, {13, 13}, {14, 14}, {15, 15},
	};
	unsigned number = counted[3];

	assert_in_range(number, 0, 15);
	assert_int_equal(entry[1], number == 0 ? 3 : 0);
	assert_int_equal(get(entry, 2, 2), wires[number][0] == 9 ? 0xD : 0);
	assert_int_equal(entry[4], 1);
	assert_int_equal(entry[5], wires[number][0]);
	assert_int_equal(entry[6], 0);
	assert_int_equal(entry[7], wires[number][1]);
}

static void is_local(const struct mp_table_machine *machine, const uint8_t *entry)
{
	const uint8_t boot = machine->apic_ids ? (uint8_t)machine->apic_ids[0] : 0;
	const uint8_t wanted[2][8] = {{4, 3, 0, 0, 1, 0, boot, 0}, {4, 1, 0, 0, 1, 0, 0xFF, 1}};

	assert_in_range(counted[4], 0, 1);
	assert_memory_equal(entry, wanted[counted[4]], 8);
}

static size_t read_entry(const struct mp_table_machine *machine, const uint8_t *entry)
{
	static const char *const buses[] = {"\x01\x00PCI   ", "\x01\x01ISA   "};
	static const uint8_t ioapic[] = {2, 0, 0x20, 1, 0, 0, 0xC0, 0xFE};

	assert_in_range(entry[0], 0, 4);
	for (unsigned later = entry[0] + 1; later < 5; later++)
		assert_int_equal(counted[later], 0); /* ascending by type */
	switch (entry[0]) {
	case 0: is_processor(machine, entry); break;
	case 1:
		assert_in_range(counted[1], 0, 1);
		assert_memory_equal(entry, buses[counted[1]], 8);
		break;
	case 2: assert_memory_equal(entry, ioapic, 8); break;
	case 3: is_wire(entry); break;
	default: is_local(machine, entry); break;
	}
	counted[entry[0]]++;
	return entry[0] == 0 ? 20 : 8;
}

static void table_has(const struct mp_table_machine *machine, unsigned processors)
{
	const uint8_t *table;
	size_t offset = 44;
	unsigned entries;

	write_table(machine);
	table = find_table();
	assert_true(sums_to_0(table, get(table, 4, 2)));
	memset(counted, 0, sizeof(counted));
	for (entries = 0; offset < get(table, 4, 2); entries++)
		offset += read_entry(machine, table + offset);
	assert_int_equal(offset, get(table, 4, 2));
	assert_int_equal(entries, get(table, 34, 2));
	assert_int_equal(counted[0], processors);
	assert_int_equal(counted[1], 2);
	assert_int_equal(counted[2], 1);
	assert_int_equal(counted[3], 16);
	assert_int_equal(counted[4], 2);
}

static void test_entries(void **state)
{
	static const uint32_t counts[] = {1, 2, 254, 255, 256, 1024};
	static const uint32_t sparse[] = {3, 8, 254, 255, 256, 0x103};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct mp_table_machine machine = with_cpus(counts[i]);

		table_has(&machine, counts[i] < 255 ? counts[i] : 255);
	}
	for (uint32_t i = 1; i <= 6; i++) {
		struct mp_table_machine machine = with_cpus(i);

		machine.apic_ids = sparse;
		table_has(&machine, i < 3 ? i : 3);
	}
}

static void refused(const struct mp_table_machine *machine, uint64_t gpa, size_t room)
{
	memset(memory, DIRT, sizeof(memory));
	assert_false(mp_table_write(machine, host, gpa, room));
	memory_is_dirt(0, sizeof(memory));
}

static void test_room_and_place(void **state)
{
	struct mp_table_machine machine = with_cpus(4);
	size_t size = mp_table_size(&machine);
	uint64_t last = (UINT64_C(0xFFFFFFFF) - size) / 16 * 16;

	(void)state;
	/* The EBDA's KiB has room for what small systems with an MP table have. */
	assert_true(size <= 1024);
	for (size_t room = 0; room < size; room++)
		refused(&machine, GPA, room);
	refused(&machine, GPA + 8, ROOM);
	refused(&machine, GPA + 1, ROOM);
	refused(&machine, last + 16, ROOM);
	refused(&machine, UINT64_C(0x100000000), ROOM);
	refused(&machine, UINT64_MAX - 15, ROOM);
	assert_true(mp_table_write(&machine, host, last, ROOM));
	assert_int_equal(get(host, 4, 4), last + 16);
	assert_true(mp_table_write(&machine, host, 0, size));
}

static void test_impossible_machines(void **state)
{
	static const uint32_t twice[] = {0, 1, 1, 2};
	static const uint32_t down[] = {0, 2, 1, 3};
	static const uint32_t one[] = {1, 1, 2, 3};
	static const uint32_t large[] = {255, 256};
	struct mp_table_machine machine = with_cpus(0);

	(void)state;
	assert_int_equal(mp_table_size(&machine), 0);
	refused(&machine, GPA, ROOM);
	machine = with_cpus(4);
	machine.apic_ids = twice;
	assert_int_equal(mp_table_size(&machine), 0);
	refused(&machine, GPA, ROOM);
	machine.apic_ids = down;
	assert_int_equal(mp_table_size(&machine), 0);
	refused(&machine, GPA, ROOM);
	machine.apic_ids = one;
	assert_int_equal(mp_table_size(&machine), 0);
	refused(&machine, GPA, ROOM);
	machine = with_cpus(2);
	machine.apic_ids = large;
	assert_int_equal(mp_table_size(&machine), 0);
	refused(&machine, GPA, ROOM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_entries),
		cmocka_unit_test(test_room_and_place),
		cmocka_unit_test(test_impossible_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
