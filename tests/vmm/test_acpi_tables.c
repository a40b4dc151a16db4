// SPDX-License-Identifier: BSD-2-Clause
// The ACPI tables as a guest finds and walks them, and what is refused; "--dump DIR" for iasl.
// No AML reader: test_acpi.sh has the DSDT read by somebody else's.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/acpi_tables.h"

#define GPA  UINT64_C(0xF0000)
#define ROOM ((size_t)0x20000)
enum { DIRT = 0xAB };

/* A page before and behind the room, so that a stray write shows. */
enum { MARGIN = 4096 };

static uint8_t memory[MARGIN + 0x20000 + MARGIN];
static uint8_t *const host = memory + MARGIN;
static size_t written;

static const struct acpi_tables_machine machine_of_one = {
	.cpus = 1,
	.pm1_event = 0x600,
	.pm1_control = 0x604,
	.pm_timer = 0x608,
	.smi_command = 0xB2,
	.acpi_enable = 0xF1,
	.acpi_disable = 0xF0,
	.s5_type = 5,
	.reset_port = 0xCF9,
	.reset_value = 6,
	.century = 0x32,
};

static struct acpi_tables_machine with_cpus(uint32_t cpus)
{
	struct acpi_tables_machine machine = machine_of_one;

	machine.cpus = cpus;
	return machine;
}

static void memory_is_dirt(size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (memory[i] != DIRT)
			fail_msg("a byte was written at %zd of the room", (ssize_t)i - MARGIN);
}

/* Writes with exactly the room it asks for. */
static void write_tables(const struct acpi_tables_machine *machine)
{
	written = acpi_tables_size(machine);
	memset(memory, DIRT, sizeof(memory));
	assert_in_range(written, 1, ROOM);
	assert_true(acpi_tables_write(machine, host, GPA, written));
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

/* What lies at a guest address, all of it within what was written. */
static const uint8_t *at(uint64_t gpa, size_t size)
{
	assert_in_range(gpa, GPA, GPA + written);
	assert_true(size <= GPA + written - gpa);
	return host + (gpa - GPA);
}

/* A table with the common header. */
static const uint8_t *table_at(uint64_t gpa, const char *signature)
{
	const uint8_t *table = at(gpa, 36);
	size_t size = get(table, 4, 4);

	assert_memory_equal(table, signature, 4);
	at(gpa, size);
	assert_true(sums_to_0(table, size));
	assert_memory_equal(table + 10, "LAPIC LAPICVM \1\0\0\0LVM \1\0\0", 26);
	return table;
}

static const uint8_t *root(void)
{
	const uint8_t *rsdp = at(GPA, 36);

	assert_memory_equal(rsdp, "RSD PTR ", 8);
	return table_at(get(rsdp, 24, 8), "XSDT");
}

/* Through RSDP and XSDT; NULL where it is not listed. */
static const uint8_t *find(const char *signature)
{
	const uint8_t *xsdt = root();

	for (size_t i = 36; i < get(xsdt, 4, 4); i += 8)
		if (memcmp(at(get(xsdt, i, 8), 4), signature, 4) == 0)
			return table_at(get(xsdt, i, 8), signature);
	return NULL;
}

static const uint8_t *find_there(const char *signature)
{
	const uint8_t *table = find(signature);

	assert_non_null(table);
	return table;
}

static void test_rsdp(void **state)
{
	const uint8_t *rsdp = host;

	(void)state;
	write_tables(&machine_of_one);
	assert_memory_equal(rsdp, "RSD PTR ", 8);
	assert_memory_equal(rsdp + 9, "LAPIC \2", 7);
	assert_true(sums_to_0(rsdp, 20));
	assert_int_equal(get(rsdp, 20, 4), 36);
	assert_true(sums_to_0(rsdp, 36));
	assert_int_equal(get(rsdp, 33, 3), 0);
}

static void both_roots_list(unsigned count)
{
	const uint8_t *rsdt = table_at(get(host, 16, 4), "RSDT");
	const uint8_t *xsdt = root();

	assert_int_equal(get(rsdt, 4, 4), 36 + 4 * count);
	assert_int_equal(get(xsdt, 4, 4), 36 + 8 * count);
	assert_int_equal(rsdt[8], 1);
	assert_int_equal(xsdt[8], 1);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(get(rsdt, 36 + 4 * i, 4), get(xsdt, 36 + 8 * i, 8));
}

static void test_roots(void **state)
{
	struct acpi_tables_machine machine = machine_of_one;

	(void)state;
	write_tables(&machine);
	both_roots_list(2);
	assert_null(find("HPET"));
	machine.hpet_id = 0x8086A201;
	write_tables(&machine);
	both_roots_list(3);
	assert_non_null(find("FACP"));
	assert_non_null(find("APIC"));
	assert_non_null(find("HPET"));
}

static void is_port(const uint8_t *address, unsigned bits, unsigned access, unsigned port)
{
	const uint8_t wanted[] = {1,           (uint8_t)bits,       0, (uint8_t)access,
				  port & 0xFF, (uint8_t)(port >> 8)};

	assert_memory_equal(address, wanted, sizeof(wanted));
	assert_int_equal(get(address, 6, 6), 0);
}

static void test_fadt(void **state)
{
	struct acpi_tables_machine machine = machine_of_one;
	const uint8_t *fadt;

	(void)state;
	write_tables(&machine);
	fadt = find_there("FACP");
	assert_int_equal(get(fadt, 4, 4), 276);
	assert_int_equal(fadt[8], 6);
	assert_int_equal(fadt[131], 0); /* minor revision */
	assert_int_equal(get(fadt, 46, 2), 9);
	assert_int_equal(get(fadt, 48, 4), 0xB2);
	assert_int_equal(fadt[52], 0xF1);
	assert_int_equal(fadt[53], 0xF0);
	assert_int_equal(get(fadt, 54, 2), 0); /* no S4BIOS, no P-states by SMI */
	assert_int_equal(get(fadt, 56, 4), 0x600);
	assert_int_equal(get(fadt, 60, 4), 0); /* no PM1b */
	assert_int_equal(get(fadt, 64, 4), 0x604);
	assert_int_equal(get(fadt, 68, 8), 0);
	assert_int_equal(get(fadt, 76, 4), 0x608);
	assert_int_equal(get(fadt, 80, 8), 0); /* no general-purpose events */
	assert_int_equal(fadt[88], 4);
	assert_int_equal(fadt[89], 2);
	assert_int_equal(fadt[90], 0);
	assert_int_equal(fadt[91], 4);
	assert_int_equal(get(fadt, 92, 3), 0);
	assert_int_equal(get(fadt, 96, 4), 0xFFFFFFFF); /* neither C2 nor C3 */
	assert_int_equal(fadt[108], 0x32);
	assert_int_equal(get(fadt, 109, 2), 1 << 0 | 1 << 1);
	assert_int_equal(get(fadt, 112, 4), 1 << 0 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 10);
	machine.power_button = true;
	write_tables(&machine);
	fadt = find_there("FACP");
	assert_int_equal(get(fadt, 112, 4), 1 << 0 | 1 << 2 | 1 << 5 | 1 << 8 | 1 << 10);
	is_port(fadt + 116, 8, 1, 0xCF9);
	assert_int_equal(fadt[128], 6);
	is_port(fadt + 148, 32, 2, 0x600);
	is_port(fadt + 172, 16, 2, 0x604);
	is_port(fadt + 208, 32, 3, 0x608);
	for (size_t none = 220; none < 276; none++)
		assert_int_equal(fadt[none], 0);
}

static void test_facs_and_dsdt(void **state)
{
	const uint8_t *fadt, *facs, *dsdt;

	(void)state;
	write_tables(&machine_of_one);
	fadt = find_there("FACP");
	assert_int_equal(get(fadt, 36, 4) % 64, 0);
	facs = at(get(fadt, 36, 4), 64);
	assert_memory_equal(facs, "FACS", 4);
	assert_int_equal(get(facs, 4, 4), 64);
	assert_int_equal(facs[32], 2);
	for (size_t zero = 8; zero < 64; zero++)
		assert_true(zero == 32 || facs[zero] == 0);
	assert_int_equal(get(fadt, 132, 8), 0);

	dsdt = table_at(get(fadt, 40, 4), "DSDT");
	assert_int_equal(get(fadt, 140, 8), get(fadt, 40, 4));
	assert_int_equal(dsdt[8], 2);
	assert_memory_equal(dsdt + 36, "\x08_S5_\x12\x07\x04\x0A\x05\x00\x00\x00\x10", 14);
}

static bool dsdt_has(const char *what)
{
	const uint8_t *dsdt = table_at(get(find_there("FACP"), 40, 4), "DSDT");

	return memmem(dsdt, get(dsdt, 4, 4), what, strlen(what)) != NULL;
}

static void test_dsdt_names_what_there_is(void **state)
{
	struct acpi_tables_machine machine = with_cpus(2);

	(void)state;
	write_tables(&machine);
	assert_true(dsdt_has("C000") && dsdt_has("C001") && !dsdt_has("C002"));
	assert_true(dsdt_has("PCI0") && dsdt_has("COM1") && dsdt_has("RTC_") && dsdt_has("KBD_"));
	assert_false(dsdt_has("COM2") || dsdt_has("HPET"));
	machine.com2 = true;
	write_tables(&machine);
	assert_true(dsdt_has("COM2"));
	assert_false(dsdt_has("HPET"));
	machine.com2 = false;
	machine.hpet_id = 1;
	write_tables(&machine);
	assert_true(dsdt_has("HPET"));
	assert_false(dsdt_has("COM2"));
	machine = with_cpus(ACPI_TABLES_CPUS_MAX);
	assert_true(acpi_tables_size(&machine) > ROOM); /* and is tested no further */
	machine = with_cpus(1024);
	write_tables(&machine);
	assert_true(dsdt_has("C3FF") && !dsdt_has("C400"));
}

/* What stands in a device's _CRS, before the end tag. */
struct resources {
	const char *name;
	uint16_t pnp;
	uint8_t uid, size;
	uint8_t bytes[112];
};

static const struct resources devices[] = {
	{"PCI0",
	 0x0A03,
	 0,
	 108,
	 {0x88, 13,   0,    2,    0x0C, 0,    0, 0, 0, 0,    0xFF, 0,    0,
	  0,    0,    1,                            /* buses 0 to FFh */
	  0x47, 1,    0xF8, 0x0C, 0xF8, 0x0C, 1, 8, /* its own ports CF8h to CFFh */
	  0x88, 13,   0,    1,    0x0C, 3,    0, 0, 0, 0,    0xF7, 0x0C, 0,
	  0,    0xF8, 0x0C, /* ports 0 to CF7h */
	  0x88, 13,   0,    1,    0x0C, 3,    0, 0, 0, 0x0D, 0xFF, 0xFF, 0,
	  0,    0,    0xF3, /* ports D00h to FFFFh */
	  0x87, 23,   0,    0,    0x0C, 1,    0, 0, 0, 0,    0,    0,    0x0A,
	  0,    0xFF, 0xFF, 0x0B, 0,    0,    0, 0, 0, 0,    0,    2,    0, /* video memory */
	  0x87, 23,   0,    0,    0x0C, 1,    0, 0, 0, 0,    0,    0,    0,
	  0xC0, 0xFF, 0xFF, 0xBF, 0xFE, 0,    0, 0, 0, 0,    0,    0xC0, 0x3E}},
	{"RTC_", 0x0B00, 0, 11, {0x47, 1, 0x70, 0, 0x70, 0, 1, 2, 0x22, 0, 1}},
	{"KBD_",
	 0x0303,
	 0,
	 19,
	 {0x47, 1, 0x60, 0, 0x60, 0, 1, 1, 0x47, 1, 0x64, 0, 0x64, 0, 1, 1, 0x22, 2, 0}},
	{"COM1", 0x0501, 1, 11, {0x47, 1, 0xF8, 3, 0xF8, 3, 1, 8, 0x22, 0x10, 0}},
	{"COM2", 0x0501, 2, 11, {0x47, 1, 0xF8, 2, 0xF8, 2, 1, 8, 0x22, 8, 0}},
	{"HPET", 0x0103, 0, 12, {0x86, 9, 0, 0, 0, 0, 0xD0, 0xFE, 0, 4, 0, 0}},
};

/* A length that counts itself, of at most two bytes, before what it is of. */
static uint8_t *put_length(uint8_t *at, size_t contents)
{
	if (contents + 1 <= 0x3F) {
		*at++ = (uint8_t)(contents + 1);
	} else {
		*at++ = 0x40 | ((contents + 2) & 0xF);
		*at++ = (uint8_t)((contents + 2) >> 4);
	}
	return at;
}

static size_t spell(const struct resources *d, uint8_t *out)
{
	uint8_t contents[200], *end = contents, *at = out;

	end = mempcpy(end, d->name, 4);
	end = mempcpy(end, "\x08_HID\x0C\x41\xD0", 8);
	*end++ = d->pnp >> 8;
	*end++ = d->pnp & 0xFF;
	end = mempcpy(end, "\x08_UID", 5);
	if (d->uid > 1)
		*end++ = 0x0A;
	*end++ = d->uid;
	end = mempcpy(end, "\x08_CRS\x11", 6);
	end = put_length(end, 2 + d->size + 2);
	*end++ = 0x0A;
	*end++ = d->size + 2;
	end = mempcpy(end, d->bytes, d->size);
	end = mempcpy(end, "\x79", 2);

	at = mempcpy(at, "\x5B\x82", 2);
	at = put_length(at, end - contents);
	at = mempcpy(at, contents, end - contents);
	return at - out;
}

static void test_devices_have_their_resources(void **state)
{
	struct acpi_tables_machine machine = machine_of_one;
	uint8_t length[2];
	const uint8_t *dsdt;

	(void)state;
	machine.com2 = true;
	machine.hpet_id = 1;
	write_tables(&machine);
	dsdt = table_at(get(find_there("FACP"), 40, 4), "DSDT");
	/* All behind _S5 is in _SB. */
	assert_memory_equal(dsdt + 49, "\x10", 1);
	put_length(length, get(dsdt, 4, 4) - 52);
	assert_memory_equal(dsdt + 50, length, 2);
	assert_memory_equal(dsdt + 52, "_SB_", 4);
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		uint8_t wanted[210];
		size_t size = spell(&devices[i], wanted);

		if (!memmem(dsdt, get(dsdt, 4, 4), wanted, size))
			fail_msg("%s is not as it should be", devices[i].name);
	}
}

static void test_processors_are_numbered(void **state)
{
	struct acpi_tables_machine machine = with_cpus(0x1B3);
	const uint8_t *dsdt;

	(void)state;
	write_tables(&machine);
	dsdt = table_at(get(find_there("FACP"), 40, 4), "DSDT");
#define PROCESSOR(name)                                                                            \
 "\x5B\x82" name "\x08_HID\x0D"                                                                    \
 "ACPI0007\0\x08_UID"
#define HAS(text) assert_non_null(memmem(dsdt, get(dsdt, 4, 4), text, sizeof(text) - 1))
	HAS(PROCESSOR("\x1A"
		      "C000") "\x00");
	HAS(PROCESSOR("\x1A"
		      "C001") "\x01");
	HAS(PROCESSOR("\x1B"
		      "C0AF") "\x0A\xAF");
	HAS(PROCESSOR("\x1C"
		      "C1B2") "\x0B\xB2\x01");
}

/* What the MADT says, counted. */
struct madt {
	unsigned lapics, x2apics, ioapics, overrides, nmis, x2apic_nmis;
};

static const uint32_t *ids_wanted;

/* The next processor, whose UID is the number of those before. */
static void is_processor(const struct madt *m, uint32_t uid, uint32_t id, uint32_t flags)
{
	uint32_t number = m->lapics + m->x2apics;

	assert_int_equal(uid, number);
	assert_int_equal(id, ids_wanted ? ids_wanted[number] : number);
	assert_int_equal(flags, 1);
}

static void is_override(const uint8_t *entry, unsigned irq, unsigned input, unsigned line)
{
	assert_int_equal(entry[1], 10);
	assert_int_equal(entry[2], 0);
	assert_int_equal(entry[3], irq);
	assert_int_equal(get(entry, 4, 4), input);
	assert_int_equal(get(entry, 8, 2), line);
}

static void read_entry(struct madt *m, const uint8_t *entry)
{
	static const uint8_t ioapic[] = {1, 12, 0, 0, 0, 0, 0xC0, 0xFE, 0, 0, 0, 0};
	static const uint8_t nmi[] = {4, 6, 0xFF, 0, 0, 1};
	static const uint8_t x2apic_nmi[] = {10, 12, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0};

	switch (entry[0]) {
	case 0:
		assert_int_equal(entry[1], 8);
		assert_true(entry[3] < 255);
		assert_int_equal(m->x2apics, 0); /* ascending */
		is_processor(m, entry[2], entry[3], get(entry, 4, 4));
		m->lapics++;
		break;
	case 9:
		assert_int_equal(entry[1], 16);
		assert_int_equal(get(entry, 2, 2), 0);
		assert_true(get(entry, 4, 4) >= 255);
		is_processor(m, get(entry, 12, 4), get(entry, 4, 4), get(entry, 8, 4));
		m->x2apics++;
		break;
	case 1:
		assert_memory_equal(entry, ioapic, sizeof(ioapic));
		m->ioapics++;
		break;
	case 2:
		if (m->overrides++ == 0)
			is_override(entry, 0, 2, 0);
		else
			is_override(entry, 9, 9, 0xD);
		break;
	case 4:
		assert_memory_equal(entry, nmi, sizeof(nmi));
		m->nmis++;
		break;
	case 10:
		assert_memory_equal(entry, x2apic_nmi, sizeof(x2apic_nmi));
		m->x2apic_nmis++;
		break;
	default: fail_msg("an entry of type %u", entry[0]);
	}
}

static void madt_has(const struct acpi_tables_machine *machine, unsigned lapics, unsigned x2apics)
{
	struct madt m = {0};
	const uint8_t *madt;
	size_t offset = 44, size;

	write_tables(machine);
	madt = find_there("APIC");
	size = get(madt, 4, 4);
	assert_int_equal(madt[8], 3);
	assert_int_equal(get(madt, 36, 4), 0xFEE00000);
	assert_int_equal(get(madt, 40, 4), 1);
	ids_wanted = machine->apic_ids;
	for (; offset < size; offset += madt[offset + 1]) {
		assert_true(madt[offset + 1] >= 2 && madt[offset + 1] <= size - offset);
		read_entry(&m, madt + offset);
	}
	assert_int_equal(offset, size);
	assert_int_equal(m.lapics, lapics);
	assert_int_equal(m.x2apics, x2apics);
	assert_int_equal(m.ioapics, 1);
	assert_int_equal(m.overrides, 2);
	assert_int_equal(m.nmis, 1);
	assert_int_equal(m.x2apic_nmis, x2apics > 0 ? 1 : 0);
}

static void test_madt(void **state)
{
	static const uint32_t counts[] = {1, 2, 254, 255, 256, 257, 1024};
	static const uint32_t sparse[] = {0, 3, 8, 254, 255, 256, 0x10000, UINT32_MAX - 1};

	(void)state;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct acpi_tables_machine machine = with_cpus(counts[i]);

		madt_has(&machine, counts[i] < 255 ? counts[i] : 255,
			 counts[i] < 255 ? 0 : counts[i] - 255);
	}
	for (uint32_t i = 1; i <= 8; i++) {
		struct acpi_tables_machine machine = with_cpus(i);

		machine.apic_ids = sparse;
		madt_has(&machine, i < 4 ? i : 4, i < 4 ? 0 : i - 4);
	}
}

static void test_hpet(void **state)
{
	struct acpi_tables_machine machine = machine_of_one;
	static const uint8_t address[] = {0, 64, 0, 0, 0, 0, 0xD0, 0xFE, 0, 0, 0, 0};
	const uint8_t *hpet;

	(void)state;
	machine.hpet_id = 0x8086A201;
	machine.hpet_shortest_period = 10000;
	write_tables(&machine);
	hpet = find_there("HPET");
	assert_int_equal(get(hpet, 4, 4), 56);
	assert_int_equal(hpet[8], 1);
	assert_int_equal(get(hpet, 36, 4), 0x8086A201);
	assert_memory_equal(hpet + 40, address, sizeof(address));
	assert_int_equal(hpet[52], 0);
	assert_int_equal(get(hpet, 53, 2), 10000);
	assert_int_equal(hpet[55], 0);
}

static void refused(const struct acpi_tables_machine *machine, uint64_t gpa, size_t room)
{
	memset(memory, DIRT, sizeof(memory));
	assert_false(acpi_tables_write(machine, host, gpa, room));
	memory_is_dirt(0, sizeof(memory));
}

static void test_room_and_place(void **state)
{
	struct acpi_tables_machine machine = with_cpus(1024);
	size_t size = acpi_tables_size(&machine);
	uint64_t last = (UINT64_C(0xFFFFFFFF) - size) / 64 * 64;

	(void)state;
	/* With an MP table of 255 processors, about 5.5 KiB, this still is one 64 KiB segment. */
	assert_true(size < 0x10000 - 0x1800);
	for (size_t room = 0; room < size; room += 97)
		refused(&machine, GPA, room);
	refused(&machine, GPA, size - 1);
	refused(&machine, GPA + 16, ROOM);
	refused(&machine, GPA + 1, ROOM);
	refused(&machine, last + 64, ROOM);
	refused(&machine, UINT64_C(0x100000000), ROOM);
	refused(&machine, UINT64_MAX - 63, ROOM);
	assert_true(acpi_tables_write(&machine, host, last, ROOM));
	assert_true(get(host, 24, 8) < UINT64_C(0x100000000));
	assert_true(acpi_tables_write(&machine, host, 0, size));
}

static void test_other_place_other_pointers(void **state)
{
	struct acpi_tables_machine machine = machine_of_one;
	static uint8_t elsewhere[0x1000];

	(void)state;
	write_tables(&machine);
	assert_true(acpi_tables_write(&machine, elsewhere, 0x7FFE0000, sizeof(elsewhere)));
	assert_int_equal(get(elsewhere, 16, 4) - 0x7FFE0000, get(host, 16, 4) - GPA);
	assert_int_equal(get(elsewhere, 24, 8) - 0x7FFE0000, get(host, 24, 8) - GPA);
}

static void impossible(const struct acpi_tables_machine *machine)
{
	assert_int_equal(acpi_tables_size(machine), 0);
	refused(machine, GPA, ROOM);
}

static void test_impossible_machines(void **state)
{
	static const uint32_t twice[] = {0, 1, 1, 2};
	static const uint32_t down[] = {0, 2, 1, 3};
	static const uint32_t one[] = {1, 1, 2, 3};
	struct acpi_tables_machine machine = with_cpus(0);

	(void)state;
	impossible(&machine);
	machine = with_cpus(ACPI_TABLES_CPUS_MAX + 1);
	impossible(&machine);
	machine = with_cpus(UINT32_MAX);
	impossible(&machine);
	machine = with_cpus(4);
	machine.apic_ids = twice;
	impossible(&machine);
	machine.apic_ids = down;
	impossible(&machine);
	machine.apic_ids = one;
	impossible(&machine);
	machine = machine_of_one;
	machine.s5_type = 8;
	impossible(&machine);
	machine.s5_type = 7;
	assert_true(acpi_tables_size(&machine) > 0);
}

/* --- for iasl -------------------------------------------------------------------------------- */

static void save(const char *folder, const char *machine, const char *name, const uint8_t *bytes,
		 size_t size)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s-%s.dat", folder, machine, name);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) {
		fprintf(stderr, "cannot write %s: %s\n", path, strerror(errno));
		exit(1);
	}
}

static void save_table(const char *folder, const char *machine, const char *name, uint64_t gpa)
{
	const uint8_t *table = host + (gpa - GPA);

	save(folder, machine, name, table, get(table, 4, 4));
}

static void dump(const char *folder, const char *name, const struct acpi_tables_machine *machine)
{
	const uint8_t *fadt;
	uint64_t xsdt;

	written = acpi_tables_size(machine);
	if (!acpi_tables_write(machine, host, GPA, ROOM))
		exit(1);
	xsdt = get(host, 24, 8);
	fadt = host + (get(host, xsdt - GPA + 36, 8) - GPA);
	save(folder, name, "rsdp", host, 36);
	save_table(folder, name, "rsdt", get(host, 16, 4));
	save_table(folder, name, "xsdt", xsdt);
	save_table(folder, name, "facp", get(host, xsdt - GPA + 36, 8));
	save_table(folder, name, "apic", get(host, xsdt - GPA + 44, 8));
	if (machine->hpet_id != 0)
		save_table(folder, name, "hpet", get(host, xsdt - GPA + 52, 8));
	save_table(folder, name, "facs", get(fadt, 36, 4));
	save_table(folder, name, "dsdt", get(fadt, 40, 4));
}

static int dump_all(const char *folder)
{
	static const uint32_t sparse[] = {0, 3, 254, 255, 0x10000};
	struct acpi_tables_machine machine = machine_of_one;

	dump(folder, "one", &machine);
	machine = with_cpus(2);
	machine.com2 = true;
	machine.hpet_id = 0x8086A201;
	machine.hpet_shortest_period = 10000;
	machine.power_button = true;
	dump(folder, "full", &machine);
	machine = with_cpus(5);
	machine.apic_ids = sparse;
	dump(folder, "sparse", &machine);
	machine = with_cpus(1024);
	dump(folder, "many", &machine);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rsdp),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_fadt),
		cmocka_unit_test(test_facs_and_dsdt),
		cmocka_unit_test(test_dsdt_names_what_there_is),
		cmocka_unit_test(test_devices_have_their_resources),
		cmocka_unit_test(test_processors_are_numbered),
		cmocka_unit_test(test_madt),
		cmocka_unit_test(test_hpet),
		cmocka_unit_test(test_room_and_place),
		cmocka_unit_test(test_other_place_other_pointers),
		cmocka_unit_test(test_impossible_machines),
	};

	if (argc == 3 && strcmp(argv[1], "--dump") == 0)
		return dump_all(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
