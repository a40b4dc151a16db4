// SPDX-License-Identifier: BSD-2-Clause
// Firmware images: where their bytes are seen, what is refused, and the machine that starts in one.
// No firmware is run here.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/vmm/rig.h"
#include "vmm/fetch.h"
#include "vmm/firmware.h"

#define KIB UINT64_C(1024)

static struct ram ram;
static struct ram_range rom;
static struct image_error error;
static char path[64];
static int fd;

/* The byte of a ROM so many bytes before its end. */
static uint8_t byte_before_end(uint64_t n)
{
	return (uint8_t)(n * 7 + n / 256 + n / 65536);
}

static void write_file(uint64_t size)
{
	static uint8_t bytes[1 << 20];

	fd = memfd_create("firmware", MFD_CLOEXEC);
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (uint64_t i = 0; i < size && i < sizeof(bytes); i++)
		bytes[i] = byte_before_end(size - i);
	if (size > sizeof(bytes))
		assert_int_equal(ftruncate(fd, (off_t)size), 0);
	else
		assert_int_equal(write(fd, bytes, size), size);
}

static int setup(void **state)
{
	(void)state;
	return ram_create(&ram, 2 * RAM_MIB, error.text, sizeof(error.text)) != RAM_OK;
}

static int teardown(void **state)
{
	(void)state;
	firmware_unload(&rom);
	ram_destroy(&ram);
	return close(fd);
}

static void loads(uint64_t size)
{
	write_file(size);
	assert_true(firmware_load(path, &ram, &rom, &error));
	assert_int_equal(rom.length, size);
	assert_int_equal(rom.gpa, FIRMWARE_END - size);
	for (uint64_t n = 1; n <= size; n++)
		if (rom.host[size - n] != byte_before_end(n))
			fail_msg("the byte %u before the end is another", (unsigned)n);
}

static void below(uint64_t from, uint64_t to)
{
	const uint8_t *host = ram_at(&ram, 0, RAM_MIB);

	for (uint64_t at = 0xC0000; at < RAM_MIB; at++) {
		bool is_rom = at >= from && at < to;

		assert_int_equal(host[at], is_rom ? byte_before_end(RAM_MIB - at) : 0);
	}
	assert_int_equal(*(uint8_t *)ram_at(&ram, RAM_MIB, 1), 0);
}

static void test_rom_ends_at_4_gib_and_its_last_part_at_1_mib(void **state)
{
	(void)state;
	loads(256 * KIB);
	below(0xE0000, 0x100000);
}

static void test_a_rom_of_that_size_is_seen_whole(void **state)
{
	(void)state;
	loads(128 * KIB);
	below(0xE0000, 0x100000);
}

static void test_a_smaller_rom_fills_less(void **state)
{
	(void)state;
	loads(64 * KIB);
	below(0xF0000, 0x100000);
}

static void test_what_is_seen_below_is_a_copy(void **state)
{
	(void)state;
	loads(128 * KIB);
	memset(ram_at(&ram, 0xE0000, 128 * KIB), 0x55, 128 * KIB);
	assert_int_equal(rom.host[rom.length - 1], byte_before_end(1));
}

static void refused(enum image_error_kind kind, const char *phrase)
{
	assert_false(firmware_load(path, &ram, &rom, &error));
	assert_int_equal(error.kind, kind);
	assert_non_null(strstr(error.text, phrase));
	assert_null(rom.host);
	assert_int_equal(rom.length, 0);
	below(0, 0);
}

static void test_odd_sizes_are_refused(void **state)
{
	static const uint64_t sizes[] = {
		0, 1, 64 * KIB - 1, 64 * KIB + 1, 100 * KIB, FIRMWARE_SIZE_MAX + FIRMWARE_STEP};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char bytes[32];

		write_file(sizes[i]);
		snprintf(bytes, sizeof(bytes), " %u bytes", (unsigned)sizes[i]);
		refused(IMAGE_BAD, bytes);
		assert_non_null(strstr(error.text, path));
		if (i + 1 < sizeof(sizes) / sizeof(sizes[0]))
			close(fd);
	}
}

static void test_the_largest_is_taken(void **state)
{
	(void)state;
	write_file(FIRMWARE_SIZE_MAX);
	assert_true(firmware_load(path, &ram, &rom, &error));
	assert_int_equal(rom.gpa, 0xFF000000);
	firmware_unload(&rom);
	assert_null(rom.host);
	firmware_unload(&rom);
}

static void test_what_is_no_file_is_unreadable(void **state)
{
	(void)state;
	write_file(0);
	snprintf(path, sizeof(path), "/nowhere/bios.bin");
	refused(IMAGE_UNREADABLE, "/nowhere/bios.bin");
	snprintf(path, sizeof(path), "/dev");
	refused(IMAGE_UNREADABLE, "directory");
}

/* ---------------------------------------------------------------- the machine */

static int spin(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	return -EINTR;
}

static struct rig *rig_with_firmware(uint64_t size)
{
	struct rig *rig = rig_new(spin);

	write_file(size);
	rig->options.image = NULL;
	rig->options.bios = path;
	rig->options.cpus = 2;
	return rig;
}

static void test_the_machine_starts_at_the_reset_vector(void **state)
{
	struct rig *rig = rig_with_firmware(256 * KIB);
	const struct fake_vcpu *bsp;

	(void)state;
	assert_true(rig_open(rig));
	bsp = rig_fake(rig, 0);
	assert_int_equal(bsp->sregs.cs.base, 0xFFFF0000);
	assert_int_equal(bsp->sregs.cs.selector, 0xF000);
	assert_int_equal(bsp->regs.rip, 0xFFF0);
	assert_int_equal(bsp->sregs.cr0, 0x60000010);
	/* CPUID's signature, as after every reset. */
	assert_int_equal(bsp->regs.rdx, rig_vcpu(rig, 0)->signature);
	/* Nobody went before: the LAPIC is off and its virtual wire not yet laid. */
	assert_int_equal(rig_read(rig, 0, 0xF0), 0xFF);
	assert_int_equal(rig_read(rig, 0, 0x350), 0x10000);
	assert_int_equal(bus_read(&rig->machine.ports, 0x21, 1), 0);
	rig_free(rig);
}

static void test_rom_is_a_slot_that_the_guest_cannot_write(void **state)
{
	struct rig *rig = rig_with_firmware(256 * KIB);
	const struct kvm_userspace_memory_region *slot = NULL;
	uint8_t byte = 0;
	struct access access = {
		.address = 0xFFFFFFFF, .width = 1, .count = 1, .write = true, .data = &byte};

	(void)state;
	assert_true(rig_open(rig));
	assert_true(fake_backed(&rig->kvm, 0xFFFC0000));
	assert_true(fake_backed(&rig->kvm, 0xFFFFFFFF));
	assert_false(fake_backed(&rig->kvm, 0xFFFBFFFF));
	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		if (rig->kvm.slots[i].guest_phys_addr == 0xFFFC0000)
			slot = &rig->kvm.slots[i];
	assert_non_null(slot);
	assert_int_equal(slot->flags, KVM_MEM_READONLY);
	machine_memory(&rig->machine, &access);
	assert_int_equal(rig->machine.rom.host[256 * KIB - 1], byte_before_end(1));
	/* Other slots' changes leave it. */
	assert_int_equal(
		vm_map_ram(&rig->machine.vm, &rig->machine.ram, (const uint64_t[]){0x100000}, 1),
		0);
	assert_true(fake_backed(&rig->kvm, 0xFFFFFFFF));
	rig_free(rig);
}

static void test_code_in_rom_is_found(void **state)
{
	struct rig *rig = rig_with_firmware(64 * KIB);
	struct machine *m = &rig->machine;
	const uint8_t *page;

	(void)state;
	assert_true(rig_open(rig));
	page = fetch_page(&m->vm, m->vcpus[0].fd, &m->ram, 0xFFFFF000);
	assert_ptr_equal(page, m->rom.host + 64 * KIB - 4096);
	assert_ptr_equal(fetch_page(&m->vm, m->vcpus[0].fd, &m->ram, 0xFFFF0000), m->rom.host);
	assert_null(fetch_page(&m->vm, m->vcpus[0].fd, &m->ram, 0xFFFEF000));
	assert_null(fetch_page(&m->vm, m->vcpus[0].fd, &m->ram, 0x100000000));
	rig_free(rig);
}

static void test_no_tables_stand_in_the_firmwares_place(void **state)
{
	struct rig *rig = rig_with_firmware(128 * KIB);
	const uint8_t *below_1_mib;

	(void)state;
	assert_true(rig_open(rig));
	below_1_mib = ram_at(&rig->machine.ram, 0xE0000, 128 * KIB);
	assert_memory_equal(below_1_mib, rig->machine.rom.host, 128 * KIB);
	rig_free(rig);
}

/* What firmware for virtual machines looks for first. */
static void test_firmware_finds_its_port_and_its_settings(void **state)
{
	struct rig *rig = rig_with_firmware(128 * KIB);
	const struct bus *ports;

	(void)state;
	assert_true(rig_open(rig));
	ports = &rig->machine.ports;
	assert_int_equal(bus_read(ports, 0x402, 1), 0xE9);
	bus_write(ports, 0x402, 1, 'B');
	assert_string_equal(rig->out, "B");
	bus_write(ports, 0x510, 2, 0);
	assert_int_equal(bus_read(ports, 0x511, 1), 'Q');
	bus_write(ports, 0x510, 2, 0x0E);
	assert_int_equal(bus_read(ports, 0x511, 1), 1);
	assert_int_equal(bus_read(ports, 0x511, 1), 0);
	/* A file directory of no files. */
	bus_write(ports, 0x510, 2, 0x19);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(bus_read(ports, 0x511, 1), 0);
	rig_free(rig);
}

static void test_refusals_end_before_kvm_is_asked(void **state)
{
	struct rig *rig = rig_with_firmware(1000);

	(void)state;
	assert_false(rig_open(rig));
	assert_int_equal(rig->why.kind, RESULT_BAD_IMAGE);
	assert_non_null(strstr(rig->why.text, "no firmware"));
	assert_int_equal(rig->kvm.descriptors, 0);
	machine_close(&rig->machine);
	rig->options.bios = "/nowhere";
	assert_false(rig_open(rig));
	assert_int_equal(rig->why.kind, RESULT_UNREADABLE);
	rig_free(rig);
}

static void test_a_kvm_that_maps_no_rom_says_so(void **state)
{
	struct rig *rig = rig_with_firmware(64 * KIB);

	(void)state;
	rig->kvm.no_read_only = true;
	assert_false(rig_open(rig));
	assert_non_null(strstr(rig->why.text, "KVM_SET_USER_MEMORY_REGION"));
	rig_free(rig);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_rom_ends_at_4_gib_and_its_last_part_at_1_mib),
		WITH(test_a_rom_of_that_size_is_seen_whole),
		WITH(test_a_smaller_rom_fills_less),
		WITH(test_what_is_seen_below_is_a_copy),
		WITH(test_odd_sizes_are_refused),
		WITH(test_the_largest_is_taken),
		WITH(test_what_is_no_file_is_unreadable),
		WITH(test_the_machine_starts_at_the_reset_vector),
		WITH(test_rom_is_a_slot_that_the_guest_cannot_write),
		WITH(test_code_in_rom_is_found),
		WITH(test_no_tables_stand_in_the_firmwares_place),
		WITH(test_firmware_finds_its_port_and_its_settings),
		WITH(test_refusals_end_before_kvm_is_asked),
		WITH(test_a_kvm_that_maps_no_rom_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
