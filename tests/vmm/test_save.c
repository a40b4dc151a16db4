// SPDX-License-Identifier: BSD-2-Clause
// A whole machine saved, restored into another and equal to it; each refusal by its name; the files
// of released versions. Not the file's layout: test_state_file.c. Real guests: test_restore.sh.
//
// `test_save --golden FILE` writes what the golden file of this version holds; `--here FILE LIKE
// TO` makes of a file that another host has saved one as if it had been this one, which saved LIKE.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "tests/vmm/rig.h"
#include "vmm/machine_clock.h"
#include "vmm/msr_index.h"
#include "vmm/restore.h"
#include "vmm/save.h"
#include "vmm/saved.h"
#include "vmm/state_file.h"
#include "vmm/vcpu_save.h"

#define GOLDEN  "tests/vmm/golden/state-%u.lvm"
#define NEWEST  2u /* golden file */
#define IOAPIC  0xFEC00000u
#define SECOND  UINT64_C(1000000000)
#define CPU_TSC 1u /* where in a section cpu what it held stands */

static char folder[] = "/tmp/lapicvm-test-XXXXXX";
static char path[256];
static struct rig *rig;
static struct restore *restored;
static uint8_t *bytes; /* of the file */
static size_t size;

static int nothing(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	return -EINTR;
}

/* ---- files ---- */

static void read_file(const char *name)
{
	FILE *from = fopen(name, "rb");
	struct stat there;

	assert_non_null(from);
	assert_int_equal(fstat(fileno(from), &there), 0);
	size = (size_t)there.st_size;
	free(bytes);
	bytes = malloc(size);
	assert_non_null(bytes);
	assert_int_equal(fread(bytes, 1, size, from), size);
	fclose(from);
}

static void write_file(void)
{
	FILE *to = fopen(path, "wb");

	assert_non_null(to);
	assert_int_equal(fwrite(bytes, 1, size, to), size);
	assert_int_equal(fclose(to), 0);
}

/* As if whoever changed it had meant it. */
static void seal(void)
{
	uint32_t crc = (uint32_t)crc32_z(0, bytes, size - 4);

	for (unsigned i = 0; i < 4; i++)
		bytes[size - 4 + i] = (uint8_t)(crc >> (8 * i));
	write_file();
}

/* The n-th section of that name, in bytes[]. */
static uint8_t *section(const char *name, unsigned n, uint64_t *length)
{
	struct state_section at = {.bytes = NULL};
	const struct state_file file = {bytes + 12, size - 16};

	while (state_file_next(&file, &at)) {
		if (strcmp(at.name, name) != 0 || n-- > 0)
			continue;
		if (length)
			*length = at.length;
		return bytes + (at.bytes - bytes);
	}
	fail_msg("no section %s", name);
	return NULL;
}

static uint64_t number(const uint8_t *from, unsigned count)
{
	uint64_t value = 0;

	memcpy(&value, from, count);
	return value;
}

/* ---- machines ---- */

static const uint32_t msr_index[] = {0x174, 0xC0000082, 0xC0000103};

static void prepare(unsigned cpus, void (*host)(struct host_traits *))
{
	rig = rig_new(nothing);
	host(&rig->traits);
	rig->options.cpus = cpus;
	rig->options.ram_bytes = 2 << 20;
	rig->kvm.msr_count = 3;
	memcpy(rig->kvm.msr_index, msr_index, sizeof(msr_index));
}

static void leave(void)
{
	/* Of a machine that was refused before it was begun. */
	if (rig && !rig->machine.options)
		rig->machine.vm.fd = rig->machine.vm.kvm_fd = rig->machine.there.fd =
			rig->machine.there.kvm_fd = -1;
	if (rig)
		rig_free(rig);
	rig = NULL;
	restore_close(restored);
	restored = NULL;
}

static void poke(uint64_t address, uint32_t value)
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

/* Something of everything that is saved. */
static void make_busy(void)
{
	struct fake_vcpu *fake = rig_fake(rig, 0);

	rig_enable(rig, 0);
	rig_write(rig, 0, 0x80, 0x20);
	rig_write(rig, 0, 0x320, 0x10031);
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_FIXED, 0x41, false);
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_NMI, 0, false);
	lapic_map_set_last_winner(rig->machine.map, 0);
	atomic_store(&rig->machine.warm, true);
	fake->regs = (struct kvm_regs){.rip = 0x123456, .rax = 0xABCDEF, .rflags = 0x202};
	fake->if_flag = true;
	fake->debug.dr7 = 0x400;
	fake->xsave[4095] = 0x5A;
	fake->xcrs.nr_xcrs = 1;
	fake->msrs[1] = 0x1122334455667788;
	fake->queued = 0x33;
	fake->nmis_queued = 1;
	rig_vcpu(rig, 0)->halted = true;
	rig->kvm.clock.clock = 1000 * SECOND;
	rig_out(rig, 0x43, 0x34, 1);
	rig_out(rig, 0x40, 0x9C, 1);
	rig_out(rig, 0x40, 0x2E, 1);
	rig_out(rig, 0x3FC, 0x08, 1);
	rig_out(rig, 0x3F9, 0x02, 1);
	poke(IOAPIC, 0x10 + 2 * 4);
	poke(IOAPIC + 0x10, 0x18047);
	memset(ram_at(&rig->machine.ram, 0x40000, 0x2000), 0x77, 0x2000);
	*(uint8_t *)ram_at(&rig->machine.ram, 0x1FFFFF, 1) = 0x99;
}

static void open_machine(void)
{
	if (!rig_open(rig))
		fail_msg("machine_open: %s", rig->why.text);
	rig_become(rig, 0);
}

static bool save_to(const char *to, char *why)
{
	uint64_t written;
	bool done = save(&rig->machine, to, &written, why, 256);
	struct stat there;

	if (done) {
		assert_int_equal(stat(to, &there), 0);
		assert_int_equal(written, there.st_size);
	}
	return done;
}

static void save_busy(void (*host)(struct host_traits *))
{
	char why[256] = "";

	prepare(2, host);
	open_machine();
	make_busy();
	if (!save_to(path, why))
		fail_msg("%s", why);
	leave();
	read_file(path);
}

static bool restore(const char *from, void (*host)(struct host_traits *))
{
	prepare(1, host);
	rig->why.text[0] = '\0';
	if (!restore_open(&restored, from, &rig->options, &rig->why))
		return false;
	rig->options.restored = restored;
	if (!rig_open(rig))
		return false;
	rig_become(rig, 0);
	return true;
}

static void restore_well(const char *from, void (*host)(struct host_traits *))
{
	if (!restore(from, host))
		fail_msg("%s", rig->why.text);
}

static void forbid_in(struct rig *of)
{
	(void)of;
}

/* Of the file as it is now; `spoil` makes the host what the text says. */
static void refused_on(void (*spoil)(struct rig *rig), enum result_kind kind, const char *text)
{
	char expected[512];
	bool good;

	prepare(1, rig_host_vmx);
	good = restore_open(&restored, path, &rig->options, &rig->why);
	rig->options.restored = restored;
	spoil(rig);
	good = good && rig_open(rig);
	snprintf(expected, sizeof(expected), "cannot restore %s: %s", path, text);
	if (good)
		fail_msg("taken instead of: %s", expected);
	if (strcmp(rig->why.text, expected) != 0)
		fail_msg("'%s' instead of '%s'", rig->why.text, expected);
	assert_int_equal(rig->why.kind, kind);
	leave();
}

static void refused(enum result_kind kind, const char *text)
{
	refused_on(forbid_in, kind, text);
}

static int setup(void **state)
{
	(void)state;
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/f", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	leave();
	free(bytes);
	bytes = NULL;
	unlink(path);
	return rmdir(folder);
}

/* ---- there and back ---- */

/* What make_busy() made. */
static void assert_busy(void)
{
	const struct fake_vcpu *fake = rig_fake(rig, 0);
	const uint8_t *page = ram_at(&rig->machine.ram, 0x41000, 1);
	struct vcpu *v = rig_vcpu(rig, 0);

	assert_int_equal(rig->machine.cpus, 2);
	assert_int_equal(fake->regs.rip, 0x123456);
	assert_int_equal(fake->regs.rax, 0xABCDEF);
	assert_int_equal(fake->debug.dr7, 0x400);
	assert_int_equal(fake->xsave[4095], 0x5A);
	assert_int_equal(fake->xcrs.nr_xcrs, 1);
	assert_int_equal(fake->msrs[1], 0x1122334455667788);
	assert_int_equal(fake->queued, 0x33);
	assert_true(v->given);
	assert_int_equal(fake->nmis_queued, 1);
	assert_true(v->nmi_given);
	/* There is no image to start anew from. */
	assert_true(rig->options.no_reboot);
	assert_int_equal(vcpu_state(v), VCPU_HALTED);
	assert_int_equal(vcpu_state(rig_vcpu(rig, 1)), VCPU_WAITS_FOR_SIPI);
	assert_int_equal(rig_read(rig, 0, 0x80), 0x20);
	assert_int_equal(rig_read(rig, 0, 0x320), 0x10031);
	assert_int_equal(lapic_pending(v->lapic) & (LAPIC_PENDING_NMI | LAPIC_PENDING_INTR),
			 LAPIC_PENDING_NMI | LAPIC_PENDING_INTR);
	assert_int_equal(lapic_peek(v->lapic), 0x41);
	assert_int_equal(lapic_map_last_winner(rig->machine.map), 0);
	assert_true(atomic_load(&rig->machine.warm));
	assert_int_equal(rig->machine.ioapic.lines, 1u << 2 | 1u << 4);
	assert_true(rig->machine.uart.irq_level);
	assert_int_equal(page[0], 0x77);
	assert_int_equal(page[-0x1001], 0);
	assert_int_equal(*(uint8_t *)ram_at(&rig->machine.ram, 0x1FFFFF, 1), 0x99);
	/* What KVM says of IF is true before the first turn. */
	assert_int_equal(fake->finishes, 1);
	assert_int_equal(fake->runs, 0);
}

/* Of a guest that was told of the word, on a host whose KVM knows it, whatever the command line. */
static void without_kvms_word(struct rig *of)
{
	of->kvm.pv_eoi = false;
}

static void with_a_page_that_shows_none(struct rig *of)
{
	of->kvm.pv_eoi = of->traits.readonly_memory = true;
	of->options.apic_page_read_only = true;
	of->kvm.msr_index[0] = MSR_KVM_PV_EOI;
}

static void the_word_for_the_eoi_comes_back(void **state)
{
	char why[256] = "";

	(void)state;
	prepare(1, rig_host_vmx);
	rig->kvm.pv_eoi = rig->options.pv_eoi = true;
	rig->kvm.msr_index[0] = MSR_KVM_PV_EOI;
	open_machine();
	rig_fake(rig, 0)->msrs[0] = 0x40001;
	pv_eoi_follow(rig_vcpu(rig, 0));
	if (!save_to(path, why))
		fail_msg("%s", why);
	leave();
	prepare(1, rig_host_vmx);
	rig->kvm.pv_eoi = true;
	rig->kvm.msr_index[0] = MSR_KVM_PV_EOI;
	assert_true(restore_open(&restored, path, &rig->options, &rig->why));
	rig->options.restored = restored;
	open_machine();
	assert_int_equal(rig_fake(rig, 0)->msrs[0], 0x40001);
	assert_ptr_equal(rig_vcpu(rig, 0)->pv_eoi.word, ram_at(&rig->machine.ram, 0x40000, 1));
	leave();
	refused_on(without_kvms_word, RESULT_HOST_LACKS,
		   "section cpuid 0: the guest was told of CPUID leaf 40000001h, subleaf 0, EAX "
		   "bit 6, which this host does not offer");
	refused_on(
		with_a_page_that_shows_none, RESULT_USAGE,
		"section cpuid 0: the guest was offered --pv-eoi, and with --apic-page=read-only "
		"an EOI without an exit would not show in the page; leave that option out");
}

static void a_guest_without_the_word_stays_without(void **state)
{
	(void)state;
	save_busy(rig_host_vmx);
	prepare(1, rig_host_vmx);
	rig->kvm.pv_eoi = true;
	assert_true(restore_open(&restored, path, &rig->options, &rig->why));
	rig->options.restored = restored;
	open_machine();
	assert_false(rig_vcpu(rig, 0)->pv_eoi.offered);
}

static void another_machine_is_equal(void **state)
{
	static const char *const same[] = {SAVED_MACHINE, SAVED_DEVICES, SAVED_BOARD, SAVED_CPUID,
					   SAVED_RAM};
	uint8_t *first;
	size_t first_size;
	char why[256];

	(void)state;
	save_busy(rig_host_vmx);
	first = bytes;
	first_size = size;
	bytes = NULL;
	restore_well(path, rig_host_vmx);
	assert_true(save_to(path, why));
	assert_busy();
	read_file(path);
	assert_int_equal(size, first_size);
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		uint64_t length;
		const uint8_t *at = section(same[i], 0, &length);

		assert_memory_equal(at, first + (at - bytes), length);
	}
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		uint64_t length;
		const uint8_t *at = section(SAVED_CPU, cpu, &length), *was = first + (at - bytes);

		/* Its TSC has gone on a little. */
		assert_int_equal(at[0], was[0]);
		assert_true(number(at + CPU_TSC, 8) > number(was + CPU_TSC, 8));
		assert_true(number(at + CPU_TSC, 8) - number(was + CPU_TSC, 8) < 100 * SECOND);
		assert_memory_equal(at + 9, was + 9, length - 9);
	}
	free(first);
}

/* What the monitor does: the guest has noticed nothing. */
static void a_machine_that_was_saved_goes_on(void **state)
{
	char why[256];

	(void)state;
	prepare(2, rig_host_vmx);
	open_machine();
	make_busy();
	assert_true(save_to(path, why));
	assert_int_equal(lapic_pending(rig_vcpu(rig, 0)->lapic) & LAPIC_PENDING_NMI,
			 LAPIC_PENDING_NMI);
	assert_int_equal(rig_fake(rig, 0)->queued, 0x33);
	assert_true(rig_vcpu(rig, 0)->halted);
	assert_int_equal(rig_fake(rig, 0)->state_changes, 2);
}

/* A machine that hops may suppress EOIs on any processor, and so does the guest that comes of it.
 */
static void what_hops_had_stays(void **state)
{
	char why[256];

	(void)state;
	prepare(1, rig_host_vmx);
	rig->options.hop_ms = 20;
	open_machine();
	rig_write(rig, 0, 0xF0, 0x11FF);
	assert_int_equal(rig_read(rig, 0, 0xF0), 0x11FF);
	assert_true(save_to(path, why));
	leave();
	restore_well(path, rig_host_vmx);
	assert_false(rig->machine.hops);
	assert_true(rig->machine.eoi_suppression);
	assert_int_equal(rig_read(rig, 0, 0xF0), 0x11FF);
	assert_true(save_to(path, why));
	leave();
	restore_well(path, rig_host_vmx);
	assert_int_equal(rig_read(rig, 0, 0xF0), 0x11FF);
}

/* Its Local APIC says what KVM's copies are, and KVM is told of xAPIC mode or none. */
static void kvm_follows_the_local_apic(void **state)
{
	const size_t sregs = 1 + 8 + 4 + sizeof(struct kvm_regs) + 4;
	struct lapic *lapic;
	char why[256];
	uint8_t *cpu;

	(void)state;
	prepare(1, rig_host_vmx);
	open_machine();
	lapic = rig_vcpu(rig, 0)->lapic;
	rig_enable(rig, 0);
	lapic_write_cr8(lapic, 3);
	assert_int_equal(lapic_msr_write(lapic, 0x1B, 0xFEE00D00), LAPIC_OK);
	assert_true(save_to(path, why));
	leave();
	read_file(path);
	cpu = section(SAVED_CPU, 0, NULL);
	assert_int_equal(cpu[sregs + offsetof(struct kvm_sregs, cr8)], 3);
	cpu[sregs + offsetof(struct kvm_sregs, cr8)] = 9;
	seal();
	restore_well(path, rig_host_vmx);
	assert_int_equal(lapic_apic_base(rig_vcpu(rig, 0)->lapic), 0xFEE00D00);
	assert_int_equal(rig_fake(rig, 0)->sregs.apic_base, 0xFEE00900);
	assert_int_equal(rig_fake(rig, 0)->sregs.cr8, 3);
}

static void firmware_is_saved_as_well(void **state)
{
	static const uint8_t image[65536] = {[0] = 0x12, [65535] = 0x34};
	char why[256], name[sizeof(path) + 4];
	uint8_t *rom;
	FILE *to;

	(void)state;
	snprintf(name, sizeof(name), "%s.rom", path);
	to = fopen(name, "wb");
	assert_non_null(to);
	assert_int_equal(fwrite(image, 1, sizeof(image), to), sizeof(image));
	assert_int_equal(fclose(to), 0);
	prepare(1, rig_host_vmx);
	rig->options.image = NULL;
	rig->options.bios = name;
	open_machine();
	assert_true(save_to(path, why));
	leave();
	unlink(name);
	restore_well(path, rig_host_vmx);
	assert_int_equal(rig->machine.rom.length, sizeof(image));
	assert_int_equal(rig->machine.rom.gpa, UINT64_C(0x100000000) - sizeof(image));
	assert_memory_equal(rig->machine.rom.host, image, sizeof(image));
	assert_true(fake_backed(&rig->kvm, 0xFFFFFFF0));
	leave();
	read_file(path);
	/* A ROM of a page less, which ends where the file does. */
	rom = section(SAVED_ROM, 0, NULL) - 8;
	rom[1] = 0xF0;
	rom[2] = 0;
	memmove(rom + 8 + 0xF000, rom + 8 + 0x10000, size - (size_t)(rom + 8 + 0x10000 - bytes));
	size -= 0x1000;
	seal();
	assert_false(restore(path, rig_host_vmx));
	assert_int_equal(rig->why.kind, RESULT_BAD_IMAGE);
	assert_non_null(strstr(rig->why.text, "section rom: 'ROM' is no firmware: it has 61440 "
					      "bytes"));
}

/* ---- clocks ---- */

static void clocks_stand_still_where_the_tsc_can(void **state)
{
	uint64_t device, tsc;

	(void)state;
	save_busy(rig_host_vmx);
	device = number(section(SAVED_CLOCKS, 0, NULL), 8);
	tsc = number(section(SAVED_CPU, 1, NULL) + CPU_TSC, 8);
	usleep(20000);
	restore_well(path, rig_host_vmx);
	assert_int_equal(rig->kvm.clock.clock, 1000 * SECOND);
	assert_in_range(machine_clock_now(&rig->machine) - device, 0, 10 * SECOND);
	assert_in_range(tsc_now(&rig_vcpu(rig, 1)->tsc) - tsc, 0, 100 * SECOND);
	/* And both CPUs' TSCs are as far apart as they were. */
	assert_int_equal(rig_fake(rig, 0)->tsc_offset, rig_fake(rig, 1)->tsc_offset);
	assert_int_not_equal(rig_fake(rig, 0)->tsc_offset, 0);
	assert_int_equal(rig->machine.restored_at_ns, 0);
}

static void clocks_go_on_with_the_tsc_where_it_goes_on(void **state)
{
	uint8_t *clocks;
	uint64_t device, tsc;

	(void)state;
	save_busy(rig_host_pvm);
	clocks = section(SAVED_CLOCKS, 0, NULL);
	device = number(clocks, 8);
	/* A second earlier, at 2 GHz. */
	tsc = number(clocks + 16, 8) - 2 * SECOND;
	memcpy(clocks + 16, &tsc, 8);
	seal();
	restore_well(path, rig_host_pvm);
	assert_in_range(rig->kvm.clock.clock, 1001 * SECOND, 1011 * SECOND);
	assert_in_range(machine_clock_now(&rig->machine) - device, SECOND, 11 * SECOND);
	assert_int_equal(rig_fake(rig, 0)->tsc_offset, 0);
	assert_in_range(kick_clock_ns() - rig->machine.restored_at_ns, SECOND, 11 * SECOND);
	leave();

	tsc = tsc_host() + 1000 * SECOND;
	memcpy(clocks + 16, &tsc, 8);
	seal();
	assert_false(restore(path, rig_host_pvm));
	assert_int_equal(rig->why.kind, RESULT_HOST_LACKS);
	assert_non_null(strstr(rig->why.text,
			       "section clocks: it was saved before this host's last "
			       "start, or on another"));
}

/* Another start whose TSC is past that of the file already is told by the kernel alone. */
static void another_start_of_the_host_is_told(void **state)
{
	static const char before[] = "section clocks: it was saved before this host's last start, "
				     "or on another: the guest's TSC is the host's here, and "
				     "cannot go on from where it was";
	uint8_t *clocks;
	uint64_t length;

	(void)state;
	save_busy(rig_host_pvm);
	clocks = section(SAVED_CLOCKS, 0, &length);
	assert_int_equal(length, 24 + BOOT_ID_SIZE);
	clocks[24] ^= 1;
	seal();
	assert_false(restore(path, rig_host_pvm));
	assert_int_equal(rig->why.kind, RESULT_HOST_LACKS);
	assert_non_null(strstr(rig->why.text, before));
	leave();
	/* Where the TSC can be set that is all the same. */
	restore_well(path, rig_host_vmx);
	leave();
	/* And where it is not known. */
	memset(clocks + 24, 0, BOOT_ID_SIZE);
	seal();
	restore_well(path, rig_host_pvm);
}

/* The section as version 1 had it. */
static void clocks_of_version_1_lack_the_start(void **state)
{
	uint8_t *clocks, *head;

	(void)state;
	save_busy(rig_host_pvm);
	clocks = section(SAVED_CLOCKS, 0, NULL);
	head = clocks - 28;
	head[16] = 1;
	seal();
	assert_false(restore(path, rig_host_pvm));
	assert_non_null(strstr(rig->why.text, "section clocks: its 40 bytes are not what it "
					      "holds"));
	leave();
	head[20] = 24;
	memmove(clocks + 24, clocks + 24 + BOOT_ID_SIZE,
		size - (size_t)(clocks + 24 + BOOT_ID_SIZE - bytes));
	size -= BOOT_ID_SIZE;
	seal();
	restore_well(path, rig_host_pvm);
	assert_busy();
	leave();
	head[16] = 2;
	seal();
	assert_false(restore(path, rig_host_pvm));
	assert_non_null(strstr(rig->why.text, "section clocks: its 24 bytes are not what it "
					      "holds"));
}

/* The devices' timer is set by the host's clock. */
static void a_device_is_due_as_much_later(void **state)
{
	uint64_t next, due;

	(void)state;
	save_busy(rig_host_vmx);
	usleep(50000);
	restore_well(path, rig_host_vmx);
	next = i8254_next(&rig->machine.pit);
	machine_clock_update(&rig->machine);
	due = rig->machine.device_timer.armed_ns;
	assert_int_not_equal(rig->machine.clock_offset_ns, 0);
	/* Where that was before all of that it is now. */
	assert_true(due == 1 || due + rig->machine.clock_offset_ns == next);
}

/* A Local APIC's count has gone on as well: the timer is due at once, and not only later. */
static void a_count_goes_on_with_the_tsc(void **state)
{
	char why[256];
	uint8_t *clocks;
	uint64_t tsc;

	(void)state;
	prepare(1, rig_host_pvm);
	open_machine();
	rig_enable(rig, 0);
	rig_write(rig, 0, 0x3E0, 0xB);
	rig_write(rig, 0, 0x320, 0x31);
	rig_write(rig, 0, 0x380, 4000000000u);
	assert_true(save_to(path, why));
	leave();
	read_file(path);
	restore_well(path, rig_host_pvm);
	assert_true(rig_vcpu(rig, 0)->deadline.at > kick_clock_ns() + SECOND);
	leave();
	clocks = section(SAVED_CLOCKS, 0, NULL);
	tsc = number(clocks + 16, 8) - 20 * SECOND;
	memcpy(clocks + 16, &tsc, 8);
	seal();
	restore_well(path, rig_host_pvm);
	assert_true(rig_vcpu(rig, 0)->deadline.at < kick_clock_ns());
}

/* ---- what the host lacks ---- */

static void slower(struct rig *of)
{
	of->traits.tsc_khz = of->kvm.tsc_khz = 1999999;
}

static void no_syscall_msr(struct rig *of)
{
	of->kvm.msr_unreadable = 0xC0000082;
}

static void fixed_syscall_msr(struct rig *of)
{
	of->kvm.msr_refused = 0xC0000082;
}

static void of_amd(struct rig *of)
{
	of->kvm.amd = true;
}

static void no_x2apic(struct rig *of)
{
	of->traits.x2apic_exits = false;
}

static void refuses_sregs(struct rig *of)
{
	of->kvm.failing_request = KVM_SET_SREGS;
	of->kvm.failing_error = EINVAL;
}

static void what_the_host_lacks_is_named(void **state)
{
	(void)state;
	save_busy(rig_host_vmx);
	refused_on(slower, RESULT_HOST_LACKS,
		   "section machine: its guest's TSC runs at 2000000 kHz, this host's at 1999999");
	refused_on(no_syscall_msr, RESULT_HOST_LACKS,
		   "section cpu 0: this host's KVM lacks it or refuses it: KVM_GET_MSRS: MSR "
		   "C0000082h: No such device or address");
	refused_on(fixed_syscall_msr, RESULT_HOST_LACKS,
		   "section cpu 0: this host's KVM lacks it or refuses it: KVM_SET_MSRS: MSR "
		   "C0000082h = 1122334455667788h: No such device or address");
	refused_on(of_amd, RESULT_HOST_LACKS,
		   "section cpuid 0: the guest was told of a processor of another vendor");
	refused_on(no_x2apic, RESULT_HOST_LACKS,
		   "section cpuid 0: the guest was told of CPUID leaf 1h, subleaf 0, ECX bit 21, "
		   "which this host does not offer");
	refused_on(refuses_sregs, RESULT_BAD_IMAGE,
		   "section cpu 0: KVM refuses it: KVM_SET_SREGS: Invalid argument");
}

/* ---- what is damaged ---- */

/* One field changed, refused, and put back. */
static void changed(const char *name, unsigned n, size_t at, uint64_t value, unsigned width,
		    enum result_kind kind, const char *text)
{
	uint8_t *field = section(name, n, NULL) + at, was[8];

	memcpy(was, field, width);
	memcpy(field, &value, width);
	seal();
	refused(kind, text);
	memcpy(section(name, n, NULL) + at, was, width);
}

/* The section that holds the memory from there on. */
static unsigned ram_from(uint64_t gpa)
{
	unsigned n = 0;

	while (number(section("ram", n, NULL), 8) != gpa)
		n++;
	return n;
}

static void fields_are_refused_by_name(void **state)
{
	uint64_t length;
	unsigned ram;

	(void)state;
	save_busy(rig_host_vmx);
	ram = ram_from(0x40000);
	changed("machine", 0, 0, 1025, 4, RESULT_BAD_IMAGE,
		"section machine: no machine has so many processors");
	changed("machine", 0, 0, 0, 4, RESULT_BAD_IMAGE,
		"section machine: no machine has so many processors");
	changed("machine", 0, 4, 3, 4, RESULT_BAD_IMAGE,
		"section machine: sockets, cores and threads do not make up its processors");
	changed("machine", 0, 12, (2 << 20) + 1, 8, RESULT_BAD_IMAGE,
		"section machine: no machine has so much RAM");
	changed("machine", 0, 12, UINT64_C(1) << 50, 8, RESULT_BAD_IMAGE,
		"section machine: no machine has so much RAM");
	changed("machine", 0, 20, 2, 1, RESULT_BAD_IMAGE,
		"section machine: its 30 bytes are not what it holds");
	changed("machine", 0, 26, 0, 4, RESULT_BAD_IMAGE, "section machine: its TSC stands still");
	changed("machine", 0, 0, 1, 4, RESULT_BAD_IMAGE,
		"section cpuid 1: the machine has 1 processors");
	changed("machine", 0, 0, 3, 4, RESULT_BAD_IMAGE, "section cpuid 2: it is missing");
	changed("clocks", 0, 0, SAVED_NS_MAX, 8, RESULT_BAD_IMAGE,
		"section clocks: the devices' clock reads more than it may");
	changed("clocks", 0, 8, UINT64_MAX, 8, RESULT_BAD_IMAGE,
		"section clocks: KVM's clock reads more than it may");
	changed("devices", 0, 0, 'x', 1, RESULT_BAD_IMAGE,
		"section devices: section \"x8259\": this lapicvm knows none of that name");
	changed("cpuid", 1, 0, 257, 4, RESULT_BAD_IMAGE,
		"section cpuid 1: its 228 bytes are no table of entries");
	changed("cpu", 1, 0, 3, 1, RESULT_BAD_IMAGE,
		"section cpu 1: whether it runs, halts or waits is wrong");
	changed("cpu", 1, 0, 0, 1, RESULT_BAD_IMAGE,
		"section cpu 1: whether it waits for SIPI is not as its Local APIC has it");
	changed("cpu", 0, 9, 7, 4, RESULT_BAD_IMAGE, "section cpu 0: struct kvm_regs is wrong");
	section("cpu", 0, &length);
	changed("cpu", 0, length - lapic_state_size() - 4, 4097, 4, RESULT_BAD_IMAGE,
		"section cpu 0: the length of its Local APIC's state is wrong");
	changed("cpu", 0, length - 4, 0x12345678, 4, RESULT_BAD_IMAGE,
		"section cpu 0: its Local APIC: checksum: damaged");
	changed("cpu", 0, length - lapic_state_size() - 4 - 36, 0x10, 4, RESULT_BAD_IMAGE,
		"section cpu 0: an MSR that is not of this section is wrong");
	changed("ram", ram, 0, 0x200000, 8, RESULT_BAD_IMAGE,
		"section ram: 8192 bytes at 200000h are not RAM of this machine, or come a second "
		"time");
	changed("ram", ram, 0, 0x5001, 8, RESULT_BAD_IMAGE,
		"section ram: its 8200 bytes are no address and whole pages");
	changed("ram", ram + 1, 0, 0x40000, 8, RESULT_BAD_IMAGE,
		"section ram: 4096 bytes at 40000h are not RAM of this machine, or come a second "
		"time");
	/* And nothing else of the file was wrong. */
	seal();
	restore_well(path, rig_host_vmx);
	assert_busy();
}

static void sections_are_refused_by_name(void **state)
{
	static const struct {
		const char *name;
		const char *missing;
	} rows[] = {
		{"clocks", "section clocks: it is missing"},
		{"devices", "section devices: it is missing"},
		{"board", "section board: it is missing"},
		{"cpu", "section cpu 1: it is missing"},
		{"machine", "section cpuid: it comes before section machine"},
	};

	(void)state;
	save_busy(rig_host_vmx);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t length;
		uint8_t *at, *copy = malloc(size);
		size_t was = size, whole;
		char text[128];

		memcpy(copy, bytes, size);
		/* Another name, another version, and gone altogether. */
		at = section(rows[i].name, 0, &length) - 28;
		at[0] = 'x';
		seal();
		snprintf(text, sizeof(text),
			 "section \"x%s\": this lapicvm knows none of that name", rows[i].name + 1);
		refused(RESULT_BAD_IMAGE, text);
		at[0] = (uint8_t)rows[i].name[0];
		at[16] = (uint8_t)(saved_version(rows[i].name) + 1);
		seal();
		snprintf(text, sizeof(text),
			 "section %s: it has version %u, of a newer lapicvm: this one knows "
			 "version %u at most",
			 rows[i].name, at[16], at[16] - 1u);
		refused(RESULT_BAD_IMAGE, text);
		at[16] = 0;
		seal();
		snprintf(text, sizeof(text),
			 "section %s: it has version 0, which no lapicvm writes", rows[i].name);
		refused(RESULT_BAD_IMAGE, text);
		at[16] = (uint8_t)saved_version(rows[i].name);
		whole = 28 + (size_t)length;
		memmove(at, at + whole, size - (size_t)(at - bytes) - whole);
		size -= whole;
		seal();
		refused(RESULT_BAD_IMAGE, rows[i].missing);
		size = was;
		memcpy(bytes, copy, size);
		free(copy);
	}
}

/* A section taken out of its place and put behind all others; or there a second time. */
static void put_last(const char *name, bool again)
{
	uint64_t length;
	uint8_t *at = section(name, 0, &length) - 28, *copy, *end;
	size_t whole = 28 + (size_t)length, from = (size_t)(at - bytes);

	copy = malloc(size + whole);
	assert_non_null(copy);
	memcpy(copy, bytes, size);
	end = copy + size - 4;
	memcpy(end, at, whole);
	size += whole;
	if (!again) {
		memmove(copy + from, copy + from + whole, size - from - whole);
		size -= whole;
	}
	free(bytes);
	bytes = copy;
	seal();
}

static void sections_come_once_and_in_any_order(void **state)
{
	static const struct {
		const char *name;
		const char *twice;
	} rows[] = {
		{"machine", "section machine: it comes twice"},
		{"clocks", "section clocks: it comes twice"},
		{"devices", "section devices: it comes twice"},
		{"board", "section board: it comes twice"},
		{"cpuid", "section cpuid 2: the machine has 2 processors"},
		{"cpu", "section cpu 2: the machine has 2 processors"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		save_busy(rig_host_vmx);
		put_last(rows[i].name, true);
		refused(RESULT_BAD_IMAGE, rows[i].twice);
	}
	save_busy(rig_host_vmx);
	put_last("clocks", false);
	put_last("devices", false);
	put_last("board", false);
	restore_well(path, rig_host_vmx);
	assert_busy();
	leave();
	/* Those of processors are in their order: each has its own APIC ID. */
	put_last("cpu", false);
	refused(RESULT_BAD_IMAGE, "section cpu 0: its Local APIC: APIC ID");
	save_busy(rig_host_vmx);
	put_last("machine", false);
	refused(RESULT_BAD_IMAGE, "section cpuid: it comes before section machine");
}

/* As if a program had made it that knows of no more. */
static void an_end_behind_any_section_is_refused(void **state)
{
	struct state_section at = {.bytes = NULL};
	struct state_file file;
	size_t ends[16], count = 0, was;

	(void)state;
	save_busy(rig_host_vmx);
	was = size;
	file = (struct state_file){bytes + 12, size - 16};
	ends[count++] = 12;
	while (state_file_next(&file, &at) && strcmp(at.name, SAVED_RAM) != 0)
		ends[count++] = (size_t)(at.bytes + at.length - bytes);
	/* Machine, clocks, devices, board, two of each processor; without the last all is there. */
	assert_int_equal(count, 9);
	for (size_t i = 0; i < count - 1; i++) {
		uint8_t last[4];

		memcpy(last, bytes + ends[i], 4);
		size = ends[i] + 4;
		seal();
		assert_false(restore(path, rig_host_vmx));
		assert_int_equal(rig->why.kind, RESULT_BAD_IMAGE);
		assert_non_null(strstr(rig->why.text, "it is missing"));
		leave();
		memcpy(bytes + ends[i], last, 4);
		size = was;
	}
}

static void a_file_that_is_none(void **state)
{
	(void)state;
	assert_false(restore(path, rig_host_vmx));
	assert_int_equal(rig->why.kind, RESULT_UNREADABLE);
	assert_non_null(strstr(rig->why.text, "--restore: "));
	assert_non_null(strstr(rig->why.text, strerror(ENOENT)));
	leave();
	assert_false(restore(folder, rig_host_vmx));
	assert_int_equal(rig->why.kind, RESULT_UNREADABLE);
	leave();
	assert_false(restore("Makefile", rig_host_vmx));
	assert_int_equal(rig->why.kind, RESULT_BAD_IMAGE);
	assert_string_equal(rig->why.text,
			    "cannot restore Makefile: it does not begin as a machine "
			    "saved by lapicvm does");
}

/* ---- atomic ---- */

static void a_full_disk_leaves_what_was_there(void **state)
{
	struct rlimit was, small = {.rlim_max = RLIM_INFINITY, .rlim_cur = 8192};
	uint8_t before[16];
	char why[256];

	(void)state;
	save_busy(rig_host_vmx);
	memcpy(before, bytes + size - 16, 16);
	prepare(2, rig_host_vmx);
	open_machine();
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	small.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_false(save_to(path, why));
	setrlimit(RLIMIT_FSIZE, &was);
	assert_non_null(strstr(why, "cannot save "));
	assert_non_null(strstr(why, strerror(EFBIG)));
	leave();
	read_file(path);
	assert_memory_equal(before, bytes + size - 16, 16);
	/* teardown() finds the folder empty but for that. */
}

static void a_kvm_that_does_not_tell_leaves_no_file(void **state)
{
	char why[256];

	(void)state;
	prepare(1, rig_host_vmx);
	open_machine();
	rig->kvm.failing_request = KVM_GET_VCPU_EVENTS;
	rig->kvm.failing_error = EIO;
	assert_false(save_to(path, why));
	assert_non_null(strstr(why, "vCPU 0: KVM_GET_VCPU_EVENTS: Input/output error"));
	assert_int_equal(access(path, F_OK), -1);
}

static void kvms_own_lapics_need_the_option(void **state)
{
	char why[256];

	(void)state;
	prepare(1, rig_host_vmx);
	rig->options.kernel_lapic = true;
	open_machine();
	assert_false(save_to(path, why));
	assert_non_null(strstr(why, "the Local APICs are KVM's own; for that --save is to be given "
				    "at the start"));
	assert_int_equal(access(path, F_OK), -1);
}

/* ---- golden ---- */

/*
 * One of each set of versions of sections that a release wrote, made by it, which all later ones
 * take; the newest is of today's. Who gives a section a new version adds one, or makes the newest
 * anew if no release has written it.
 */
static void golden_files_are_restored(void **state)
{
	struct state_section at = {.bytes = NULL};
	struct state_file file;
	char name[64], why[256];
	bool older = false;

	(void)state;
	for (unsigned n = 1; n <= NEWEST; n++) {
		snprintf(name, sizeof(name), GOLDEN, n);
		restore_well(name, rig_host_vmx);
		assert_busy();
		/* What it becomes is of today. */
		assert_true(save_to(path, why));
		leave();
		restore_well(path, rig_host_vmx);
		leave();
		read_file(name);
		assert_true(state_file_open(&file, bytes, size, why, sizeof(why)));
		at.bytes = NULL;
		while (state_file_next(&file, &at)) {
			older |= at.version < saved_version(at.name);
			if (n == NEWEST && at.version != saved_version(at.name))
				fail_msg("%s has section %s of version %u, today's is %u", name,
					 at.name, at.version, saved_version(at.name));
		}
	}
	/* Else this proves nothing. */
	assert_true(older);
}

/* Its guest's TSC has the rate of this host's, and this host started as it was saved. What CPUID
 * told the guest stays. */
static int move_here(const char *from, const char *like, const char *to)
{
	const size_t khz_at = 26, tsc_at = 16;
	uint64_t khz, start = 0;

	read_file(like);
	khz = number(section(SAVED_MACHINE, 0, NULL) + khz_at, 4);
	read_file(from);
	memcpy(section(SAVED_MACHINE, 0, NULL) + khz_at, &khz, 4);
	memcpy(section(SAVED_CLOCKS, 0, NULL) + tsc_at, &start, 8);
	snprintf(path, sizeof(path), "%s", to);
	seal();
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_word_for_the_eoi_comes_back, setup, teardown),
		cmocka_unit_test_setup_teardown(a_guest_without_the_word_stays_without, setup,
						teardown),
		cmocka_unit_test_setup_teardown(another_machine_is_equal, setup, teardown),
		cmocka_unit_test_setup_teardown(a_machine_that_was_saved_goes_on, setup, teardown),
		cmocka_unit_test_setup_teardown(what_hops_had_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(kvm_follows_the_local_apic, setup, teardown),
		cmocka_unit_test_setup_teardown(firmware_is_saved_as_well, setup, teardown),
		cmocka_unit_test_setup_teardown(clocks_stand_still_where_the_tsc_can, setup,
						teardown),
		cmocka_unit_test_setup_teardown(clocks_go_on_with_the_tsc_where_it_goes_on, setup,
						teardown),
		cmocka_unit_test_setup_teardown(another_start_of_the_host_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(clocks_of_version_1_lack_the_start, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_device_is_due_as_much_later, setup, teardown),
		cmocka_unit_test_setup_teardown(a_count_goes_on_with_the_tsc, setup, teardown),
		cmocka_unit_test_setup_teardown(what_the_host_lacks_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(fields_are_refused_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(sections_are_refused_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(sections_come_once_and_in_any_order, setup,
						teardown),
		cmocka_unit_test_setup_teardown(an_end_behind_any_section_is_refused, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_file_that_is_none, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_leaves_what_was_there, setup, teardown),
		cmocka_unit_test_setup_teardown(a_kvm_that_does_not_tell_leaves_no_file, setup,
						teardown),
		cmocka_unit_test_setup_teardown(kvms_own_lapics_need_the_option, setup, teardown),
		cmocka_unit_test_setup_teardown(golden_files_are_restored, setup, teardown),
	};

	if (argc == 3 && strcmp(argv[1], "--golden") == 0) {
		snprintf(path, sizeof(path), "%s", argv[2]);
		save_busy(rig_host_vmx);
		return 0;
	}
	if (argc == 5 && strcmp(argv[1], "--here") == 0)
		return move_here(argv[2], argv[3], argv[4]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
