// SPDX-License-Identifier: BSD-2-Clause
// A machine's devices where a PC has them, its refusals to be built, its threads, input and output.
// Not the devices' own behaviour.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/vmm/rig.h"

static int spin(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	usleep(100);
	return -EINTR;
}

static void test_devices_lie_where_a_pc_has_them(void **state)
{
	struct rig *rig = rig_new(spin);
	uint32_t cpus;

	(void)state;
	rig->options.cpus = 3;
	assert_true(rig_open(rig));
	rig_port(rig, 0x3F8, true, 'c', 1);
	rig_port(rig, 0xE9, true, 'd', 1);
	assert_string_equal(rig->out, "cd");
	assert_int_equal(rig_port(rig, 0xE9, false, 0, 1), 0xE9);
	rig_port(rig, 0x64, true, 0xAA, 1);
	assert_int_equal(rig_port(rig, 0x60, false, 0, 1), 0x55);
	rig_port(rig, 0xCF8, true, 0x80000000, 4);
	assert_int_equal(rig_port(rig, 0xCFC, false, 0, 4), 0x12378086);
	assert_int_equal(rig_port(rig, 0x3CC, false, 0, 1), 0x67);
	rig_port(rig, 0x510, true, 5, 2);
	cpus = rig_port(rig, 0x511, false, 0, 1);
	assert_int_equal(cpus | rig_port(rig, 0x511, false, 0, 1) << 8, 3);
	rig_port(rig, 0x70, true, 0x5F, 1);
	assert_int_equal(rig_port(rig, 0x71, false, 0, 1), 2);
	assert_int_equal(rig_port(rig, 0x3E8, false, 0, 4), 0xFFFFFFFF);
	rig_free(rig);
}

static uint64_t exits_of(const struct bus *bus, const struct machine_exits *exits, uint64_t base)
{
	for (size_t i = 0; i < bus->count; i++)
		if (bus->regions[i].base == base)
			return exits->regions[i];
	return UINT64_MAX;
}

static void test_exits_are_counted_by_who_answers(void **state)
{
	struct rig *rig = rig_start(spin, rig_host_vmx);
	struct machine *m = &rig->machine;
	struct access access = {
		.address = 0xFEC00010, .width = 4, .count = 1, .data = (uint8_t[4]){0}};

	(void)state;
	rig_port(rig, 0x3FB, true, 3, 1);
	rig_port(rig, 0x3FA, false, 0, 1);
	rig_port(rig, 0x2FF, false, 0, 1);
	rig_port(rig, 0x300, false, 0, 1);
	machine_memory(m, &access);
	access.address = 0xFD000000;
	machine_memory(m, &access);
	machine_memory(m, &access);
	assert_int_equal(exits_of(&m->ports, &m->port_exits, 0x3F8), 2);
	assert_int_equal(exits_of(&m->ports, &m->port_exits, 0x2F8), 1);
	assert_int_equal(m->port_exits.nobody, 1);
	assert_int_equal(exits_of(&m->memory, &m->memory_exits, 0xFEC00000), 1);
	assert_int_equal(m->memory_exits.nobody, 2);
	rig_free(rig);
}

static void test_string_output_is_many_bytes(void **state)
{
	struct rig *rig = rig_start(spin, rig_host_vmx);
	struct access access = {
		.address = 0x3F8,
		.width = 1,
		.count = 5,
		.write = true,
		.data = (uint8_t[]){'h', 'e', 'l', 'l', 'o'},
	};

	(void)state;
	machine_port(&rig->machine, &access);
	assert_string_equal(rig->out, "hello");
	rig_free(rig);
}

static void test_output_waits_while_the_console_is_full(void **state)
{
	struct rig *rig = rig_start(spin, rig_host_vmx);

	(void)state;
	rig->full = true;
	/* The rig's wait() makes room; it is called with no lock held, else this would hang. */
	rig_port(rig, 0x3F8, true, 'x', 1);
	assert_int_equal(rig->waits, 1);
	assert_string_equal(rig->out, "x");
	rig->full = true;
	rig_port(rig, 0x3FD, false, 0, 1);
	assert_int_equal(rig->waits, 1);
	rig_free(rig);
}

static void test_input_fills_the_uart_and_room_is_told(void **state)
{
	struct rig *rig = rig_start(spin, rig_host_vmx);

	(void)state;
	rig_port(rig, 0x3FA, true, 1, 1); /* FIFO on */
	rig->rooms = 0;
	assert_int_equal(machine_input(&rig->machine, (const uint8_t *)"0123456789abcdefgh", 18),
			 16);
	assert_int_equal(rig_port(rig, 0x3F8, false, 0, 1), '0');
	assert_int_equal(rig->rooms, 1);
	assert_int_equal(machine_input(&rig->machine, (const uint8_t *)"gh", 2), 1);
	rig_free(rig);
}

static void test_the_exit_port_ends_the_run_with_its_value(void **state)
{
	struct rig *rig = rig_start(spin, rig_host_vmx);

	(void)state;
	rig_port(rig, 0xF4, true, 0x12345678, 4);
	rig_port(rig, 0xF4, true, 1, 4);
	assert_int_equal(rig->ending.result.kind, RESULT_GUEST_EXIT);
	assert_int_equal(rig->ending.result.value, 0x12345678);
	rig_free(rig);
}

static void test_resets_end_the_run(void **state)
{
	static const struct {
		uint16_t number;
		uint8_t value;
		const char *how;
	} ways[] = {{0x64, 0xFE, "64h"}, {0xCF9, 0x06, "hard"}, {0xCF9, 0x04, "soft"}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct rig *rig = rig_start(spin, rig_host_vmx);

		rig_port(rig, ways[i].number, true, ways[i].value, 1);
		assert_true(ending_reached(&rig->ending));
		assert_int_equal(rig->ending.result.kind, RESULT_RESET);
		assert_non_null(strstr(rig->ending.result.text, ways[i].how));
		rig_free(rig);
	}
}

/* ---------------------------------------------------------------- refusals */

static void refused(struct rig *rig, enum result_kind kind, const char *phrase)
{
	assert_false(rig_open(rig));
	assert_int_equal(rig->why.kind, kind);
	if (!strstr(rig->why.text, phrase) && !strstr(rig->why.detail, phrase))
		fail_msg("\"%s\" does not say \"%s\"", rig->why.text, phrase);
	machine_close(&rig->machine);
	assert_int_equal(rig->kvm.descriptors, 0);
	/* rig_free() closes a machine too. */
	fake_kvm_init(&rig->kvm);
	rig->options.image = rig->image;
	rig->options.cpus = 1;
	rig->options.ram_bytes = 4 << 20;
	assert_true(rig_open(rig));
	rig_free(rig);
}

static void test_what_cannot_be_built_says_why(void **state)
{
	static const struct {
		unsigned long request;
		enum result_kind kind;
		const char *phrase;
	} calls[] = {
		{KVM_CREATE_VCPU, RESULT_HOST_LACKS, "KVM_CREATE_VCPU"},
		{KVM_SET_CPUID2, RESULT_HOST_LACKS, "KVM_SET_CPUID2"},
		{KVM_GET_SUPPORTED_CPUID, RESULT_HOST_LACKS, "KVM_GET_SUPPORTED_CPUID"},
		{KVM_SET_USER_MEMORY_REGION, RESULT_INTERNAL, "KVM_SET_USER_MEMORY_REGION"},
		{KVM_SET_REGS, RESULT_INTERNAL, "first state"},
		{KVM_SET_SREGS, RESULT_INTERNAL, "first state"},
		{KVM_SET_VCPU_EVENTS, RESULT_INTERNAL, "first state"},
	};
	struct rig *rig;

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		rig = rig_new(spin);
		rig->kvm.failing_request = calls[i].request;
		rig->kvm.failing_error = EPERM;
		refused(rig, calls[i].kind, calls[i].phrase);
	}
	rig = rig_new(spin);
	rig->kvm.open_error = ENOENT;
	refused(rig, RESULT_NO_KVM, "/dev/kvm");
	rig = rig_new(spin);
	rig->kvm.tsc_khz = 0;
	refused(rig, RESULT_HOST_LACKS, "TSC");
	rig = rig_new(spin);
	rig->options.cpus = FAKE_VCPUS + 1;
	refused(rig, RESULT_HOST_LACKS, "-smp 258");
	rig = rig_new(spin);
	rig->options.image = "/nowhere/at/all";
	refused(rig, RESULT_UNREADABLE, "/nowhere/at/all");
	rig = rig_new(spin);
	rig->options.ram_bytes = 12345;
	refused(rig, RESULT_USAGE, "12345");
}

static void test_an_image_that_fits_nothing_shows_each_reason(void **state)
{
	struct rig *rig = rig_new(spin);

	(void)state;
	assert_int_equal(pwrite(rig->image_fd,
				"\x7F"
				"ELF\1\1\1",
				7, 0),
			 7);
	assert_int_equal(ftruncate(rig->image_fd, 4096), 0);
	assert_false(rig_open(rig));
	assert_int_equal(rig->why.kind, RESULT_BAD_IMAGE);
	assert_null(strchr(rig->why.text, '\n'));
	assert_non_null(strstr(rig->why.detail, "\n  ELF: an ELF32 file for machine 0"));
	rig_free(rig);
}

/* ---------------------------------------------------------------- the LAPICs */

static void test_lapics_are_what_cpuid_says(void **state)
{
	struct rig *rig = rig_new(spin);
	uint64_t value;

	(void)state;
	rig->options.x2apic = false;
	rig->options.tsc_deadline = false;
	rig->options.cpus = 2;
	assert_true(rig_open(rig));
	assert_int_equal(lapic_msr_write(rig_vcpu(rig, 0)->lapic, 0x1B, 0xFEE00D00), LAPIC_GP);
	assert_int_equal(lapic_msr_read(rig_vcpu(rig, 0)->lapic, 0x6E0, &value), LAPIC_GP);
	/* 36 bits of address, of CPUID leaf 80000008h. */
	assert_int_equal(lapic_msr_write(rig_vcpu(rig, 0)->lapic, 0x1B, 0x1000000900), LAPIC_GP);
	assert_int_equal(lapic_msr_write(rig_vcpu(rig, 0)->lapic, 0x1B, 0x800000900), LAPIC_OK);
	assert_int_equal(lapic_id(rig_vcpu(rig, 1)->lapic), 1);
	assert_int_equal(lapic_apic_base(rig_vcpu(rig, 0)->lapic) & 0x100, 0x100);
	assert_int_equal(lapic_apic_base(rig_vcpu(rig, 1)->lapic) & 0x100, 0);
	/* Intel's six or seven local vectors, AMD's fewer. */
	assert_int_equal(rig_read(rig, 1, 0x30) >> 16, 6);
	assert_int_equal(rig_fake(rig, 0)->hwcr, 0);
	rig_free(rig);

	rig = rig_new(spin);
	rig->kvm.amd = true;
	assert_true(rig_open(rig));
	assert_int_equal(rig_read(rig, 0, 0x30) >> 16, 5);
	rig_free(rig);
}

/* AMD64 Architecture Programmer's Manual 2, "Hardware Configuration Register": TscFreqSel. */
static void test_on_amd_the_tsc_says_that_it_is_constant(void **state)
{
	(void)state;
	for (unsigned old = 0; old < 2; old++) {
		struct rig *rig = rig_new(spin);

		rig->kvm.amd = true;
		rig->kvm.no_hwcr = old; /* before Linux 6.8, which is no hindrance */
		rig->options.cpus = 2;
		assert_true(rig_open(rig));
		assert_int_equal(rig_fake(rig, 0)->hwcr, old ? 0 : 1u << 24);
		assert_int_equal(rig_fake(rig, 1)->hwcr, old ? 0 : 1u << 24);
		rig_free(rig);
	}
}

/* ---------------------------------------------------------------- APIC IDs */

static const uint8_t *acpi_table(struct rig *rig, const char *signature)
{
	const uint8_t *place = ram_at(&rig->machine.ram, 0xF0000, 0x10000);

	for (unsigned at = 0; at < 0x10000; at += 16)
		if (memcmp(place + at, signature, 4) == 0)
			return place + at;
	fail_msg("no %s", signature);
	return NULL;
}

static uint32_t number(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void test_ids_follow_the_topology_everywhere(void **state)
{
	static const uint32_t ids[] = {0, 1, 2, 4, 5, 6};
	struct lapic_message message = {.vector = 0x51};
	struct rig *rig = rig_new(spin);
	const uint8_t *madt, *mp;

	(void)state;
	rig->options.cpus = 6;
	rig->options.cores = 3;
	rig->options.threads = 1;
	assert_true(rig_open(rig));
	madt = acpi_table(rig, "APIC") + 44;
	mp = acpi_table(rig, "PCMP") + 44;
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(rig_vcpu(rig, i)->id, i);
		assert_int_equal(rig_fake(rig, i)->id, ids[i]);
		assert_int_equal(lapic_id(rig_vcpu(rig, i)->lapic), ids[i]);
		assert_int_equal(madt[8 * i + 2], i);
		assert_int_equal(madt[8 * i + 3], ids[i]);
		assert_int_equal(mp[20 * i + 1], ids[i]);
		assert_int_equal(lapic_apic_base(rig_vcpu(rig, i)->lapic) & 0xC00, 0x800);
		rig_enable(rig, i);
		message.dest = ids[i];
		assert_int_not_equal(lapic_map_send(rig->machine.map, &message), LAPIC_REFUSED);
		lapic_pending(rig_vcpu(rig, i)->lapic);
		assert_int_equal(rig_read(rig, i, 0x220) >> 17 & 1, 1);
	}
	message.dest = 3;
	assert_int_equal(lapic_map_send(rig->machine.map, &message), LAPIC_REFUSED);
	/* Processors, and what their IDs are below. */
	rig_port(rig, 0x510, true, 5, 2);
	assert_int_equal(rig_port(rig, 0x511, false, 0, 1), 6);
	rig_port(rig, 0x510, true, 0xF, 2);
	assert_int_equal(rig_port(rig, 0x511, false, 0, 1), 7);
	rig_port(rig, 0x70, true, 0x5F, 1);
	assert_int_equal(rig_port(rig, 0x71, false, 0, 1), 5);
	rig_free(rig);
}

/* Else an INIT for 0 would reach 256, whose xAPIC ID it is, too. */
static void test_ids_above_8_bits_are_handed_over_in_x2apic_mode(void **state)
{
	struct rig *rig = rig_new(spin);
	const uint8_t *x2apic;

	(void)state;
	rig->options.cpus = 255;
	assert_true(rig_open(rig));
	for (unsigned i = 0; i < 255; i++)
		assert_int_equal(lapic_apic_base(rig_vcpu(rig, i)->lapic) & 0xC00, 0x800);
	rig_free(rig);

	rig = rig_new(spin);
	rig->options.cpus = 257;
	assert_true(rig_open(rig));
	x2apic = acpi_table(rig, "APIC") + 44 + 255 * 8;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(x2apic[16 * i], 9);
		assert_int_equal(number(x2apic + 16 * i + 4), 255 + i);
		assert_int_equal(number(x2apic + 16 * i + 12), 255 + i);
	}
	for (unsigned i = 0; i < 257; i++) {
		assert_int_equal(lapic_apic_base(rig_vcpu(rig, i)->lapic) & 0xC00, 0xC00);
		assert_int_equal(lapic_id(rig_vcpu(rig, i)->lapic), i);
		/* KVM's copy has the mode that it can have. */
		assert_int_equal(rig_fake(rig, i)->apic_base & 0xC00, 0x800);
	}
	assert_int_equal(
		lapic_map_send(rig->machine.map,
			       &(struct lapic_message){.mode = LAPIC_INIT, .dest32 = true}),
		LAPIC_NEW);
	assert_int_equal(lapic_pending(rig_vcpu(rig, 0)->lapic) & LAPIC_PENDING_INIT,
			 LAPIC_PENDING_INIT);
	assert_int_equal(lapic_pending(rig_vcpu(rig, 256)->lapic) & LAPIC_PENDING_INIT, 0);
	rig_free(rig);

	rig = rig_new(spin);
	rig->options.cpus = 257;
	rig->options.kernel_lapic = true;
	assert_true(rig_open(rig));
	for (unsigned i = 0; i < 257; i++)
		assert_int_equal(rig_fake(rig, i)->apic_base & 0xC00, 0xC00);
	rig_free(rig);
}

/* ---------------------------------------------------------------- threads */

static void test_threads_start_together_and_stop(void **state)
{
	struct rig *rig = rig_new(spin);

	(void)state;
	rig->options.cpus = 4;
	assert_true(rig_open(rig));
	assert_true(machine_start(&rig->machine, &rig->why));
	/* The APs wait for SIPI: only a kick gets them out of their sleep. */
	usleep(20000);
	ending_say(&rig->ending, RESULT_TIMEOUT, -1, 0, "enough");
	machine_stop(&rig->machine);
	assert_true(rig_fake(rig, 0)->runs > 0);
	assert_int_equal(rig_fake(rig, 1)->runs, 0);
	rig_free(rig);
}

static int ipi(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	(void)run;
	if (v->id == 0 && rig->step < 3) {
		static const uint32_t icr[] = {0xC4500, 0xC4608, 0};

		rig->step++;
		return rig->step < 3 ? fake_mmio_write(v, 0xFEE00300, icr[rig->step - 1], 4)
				     : -EINTR;
	}
	if (v->id == 0) {
		usleep(100);
		return -EINTR;
	}
	return fake_out(v, 0xF4, 0x20 + v->sregs.cs.selector / 0x100, 4);
}

static void test_a_sipi_reaches_an_ap_in_its_thread(void **state)
{
	struct rig *rig = rig_new(ipi);

	(void)state;
	rig->options.cpus = 2;
	assert_true(rig_open(rig));
	assert_true(machine_start(&rig->machine, &rig->why));
	for (int i = 0; i < 5000 && !ending_reached(&rig->ending); i++)
		usleep(1000);
	ending_say(&rig->ending, RESULT_TIMEOUT, -1, 0, "it never came");
	machine_stop(&rig->machine);
	assert_int_equal(rig->ending.result.kind, RESULT_GUEST_EXIT);
	assert_int_equal(rig->ending.result.value, 0x28);
	rig_free(rig);
}

static atomic_bool other_runs;
static atomic_uint answered;

/* CPU 1 sits in its guest; CPU 0 moves its LAPIC onto RAM and back again and again. */
static int relocates_beside(struct fake_vcpu *v, struct kvm_run *run)
{
	static const uint32_t bases[] = {0x200900, 0x300900, 0xFEE00900};
	struct rig *rig = rig_of(v);

	if (v->id == 1) {
		atomic_store(&other_runs, true);
		for (int i = 0; i < 20000 && !((volatile struct kvm_run *)run)->immediate_exit; i++)
			usleep(100);
		return -EINTR;
	}
	if (!atomic_load(&other_runs))
		return rig->step++ ? (usleep(100), -EINTR)
				   : fake_mmio_write(v, 0xFEE00300, 0xC4608, 4);
	if (rig->seen[0]++ < 30)
		return fake_wrmsr(v, 0x1B, bases[rig->seen[0] % 3], KVM_MSR_EXIT_REASON_FILTER);
	return fake_out(v, 0xF4, 0, 4);
}

/* Rules: BASE-5 */
static void test_slots_change_while_every_vcpu_stands_still(void **state)
{
	struct rig *rig = rig_new(relocates_beside);

	(void)state;
	atomic_store(&other_runs, false);
	rig->options.cpus = 2;
	assert_true(rig_open(rig));
	assert_true(machine_start(&rig->machine, &rig->why));
	for (int i = 0; i < 20000 && !ending_reached(&rig->ending); i++)
		usleep(1000);
	ending_say(&rig->ending, RESULT_TIMEOUT, -1, 0, "it never came");
	machine_stop(&rig->machine);
	assert_int_equal(rig->ending.result.kind, RESULT_GUEST_EXIT);
	assert_true(rig->kvm.slot_changes > 30);
	assert_int_equal(rig->kvm.slots_beside_guests, 0);
	rig_free(rig);
}

/* Sleeps whenever it can; each interrupt is answered by an EOI. */
static int sleeps(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	v->if_flag = true;
	if (rig->seen[0] != v->taken_count) {
		rig->seen[0]++;
		atomic_store(&answered, v->taken_count);
		return fake_mmio_write(v, 0xFEE000B0, 0, 4);
	}
	return fake_exit(run, KVM_EXIT_HLT);
}

#define WAKES 60000u

/* Rules: MP-5 */
static void test_no_wake_is_lost_on_the_way_into_hlt(void **state)
{
	struct rig *rig = rig_new(sleeps);
	uint64_t start;
	unsigned i;

	(void)state;
	atomic_store(&answered, 0);
	assert_true(rig_open(rig));
	rig_enable(rig, 0);
	/* As if somebody else were awake: no verdict while this thread posts. */
	rig->machine.watch.count = 2;
	assert_true(machine_start(&rig->machine, &rig->why));
	start = kick_clock_ns();
	for (i = 0; i < WAKES; i++) {
		/* So that each moment on the owner's way into its sleep is met some time. */
		for (volatile unsigned pause = 0; pause < i % 256; pause++)
			;
		assert_int_equal(lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_FIXED, 0x40, false),
				 LAPIC_NEW);
		while (atomic_load(&answered) != i + 1 &&
		       kick_clock_ns() - start < UINT64_C(60000000000))
			;
	}
	ending_say(&rig->ending, RESULT_TIMEOUT, -1, 0, "enough");
	machine_stop(&rig->machine);
	assert_true(kick_clock_ns() - start < UINT64_C(60000000000));
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_devices_lie_where_a_pc_has_them),
		cmocka_unit_test(test_exits_are_counted_by_who_answers),
		cmocka_unit_test(test_string_output_is_many_bytes),
		cmocka_unit_test(test_output_waits_while_the_console_is_full),
		cmocka_unit_test(test_input_fills_the_uart_and_room_is_told),
		cmocka_unit_test(test_the_exit_port_ends_the_run_with_its_value),
		cmocka_unit_test(test_resets_end_the_run),
		cmocka_unit_test(test_what_cannot_be_built_says_why),
		cmocka_unit_test(test_an_image_that_fits_nothing_shows_each_reason),
		cmocka_unit_test(test_lapics_are_what_cpuid_says),
		cmocka_unit_test(test_on_amd_the_tsc_says_that_it_is_constant),
		cmocka_unit_test(test_ids_follow_the_topology_everywhere),
		cmocka_unit_test(test_ids_above_8_bits_are_handed_over_in_x2apic_mode),
		cmocka_unit_test(test_threads_start_together_and_stop),
		cmocka_unit_test(test_a_sipi_reaches_an_ap_in_its_thread),
		cmocka_unit_test(test_slots_change_while_every_vcpu_stands_still),
		cmocka_unit_test(test_no_wake_is_lost_on_the_way_into_hlt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
