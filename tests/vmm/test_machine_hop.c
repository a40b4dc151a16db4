// SPDX-License-Identifier: BSD-2-Clause
// A machine with its threads moves between two VMs: memory, clock, wires and vCPUs, and again and
// again by its timer. Not what becomes of one vCPU: test_vcpu_hop.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/vmm/rig.h"
#include "vmm/machine_hop.h"

#define LINE 0x2040u

static int spin(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	usleep(100);
	return -EINTR;
}

/* ---------------------------------------------------------------- a rig whose threads run */

static struct rig *prepare(unsigned cpus)
{
	struct rig *rig = rig_new(spin);

	rig->options.cpus = cpus;
	rig->options.hop_ms = 1000000;
	return rig;
}

static void go(struct rig *rig)
{
	if (!rig_open(rig) || !machine_start(&rig->machine, &rig->why))
		fail_msg("machine_open: %s", rig->why.text);
}

static struct rig *start(unsigned cpus)
{
	struct rig *rig = prepare(cpus);

	go(rig);
	return rig;
}

static void stop(struct rig *rig)
{
	ending_say(&rig->ending, RESULT_USER_QUIT, -1, 0, "the test is over");
	machine_stop(&rig->machine);
	rig_free(rig);
}

static void hold(struct rig *rig)
{
	machine_hold(&rig->machine);
	for (int i = 0; i < 100000 && !machine_still(&rig->machine); i++)
		usleep(100);
	assert_true(machine_still(&rig->machine));
}

static void hop(struct rig *rig)
{
	hold(rig);
	machine_hop(&rig->machine);
	machine_release(&rig->machine);
	if (ending_reached(&rig->ending))
		fail_msg("hop: %s", rig->ending.result.text);
}

static struct fake_vcpu *fake(struct rig *rig, unsigned cpu)
{
	return fake_vcpu_of(&rig->kvm, rig_vcpu(rig, cpu)->fd);
}

static void level(struct rig *rig, uint16_t offset, uint32_t value)
{
	struct access access = {
		.address = LINE + offset,
		.width = 4,
		.count = 1,
		.write = true,
		.data = (uint8_t *)&value,
	};

	machine_port(&rig->machine, &access);
}

static unsigned slots(const struct fake_kvm *kvm)
{
	unsigned count = 0;

	for (unsigned i = 0; i < FAKE_SLOTS; i++)
		count += kvm->slots[i].memory_size != 0;
	return count;
}

/* ---------------------------------------------------------------- one hop */

static void test_the_other_vm_has_the_other_local_apics(void **state)
{
	struct rig *rig = start(2);

	(void)state;
	assert_int_equal(rig->kvm.split_pins, 0);
	assert_true(rig->there.split_pins != 0);
	assert_int_equal(rig->there.vcpu_count, 2);
	assert_int_equal(rig->there.vcpus[1].cpuid_set, 1);
	stop(rig);
	rig = prepare(2);
	rig->options.kernel_lapic = true;
	go(rig);
	assert_true(rig->kvm.split_pins != 0);
	assert_int_equal(rig->there.split_pins, 0);
	assert_null(rig_vcpu(rig, 0)->lapic);
	assert_non_null(rig_vcpu(rig, 0)->own_lapic);
	stop(rig);
}

/* What a VM knew of memory when it was left it has forgotten before it is entered again. */
static void test_memory_is_where_the_guest_runs_and_anew(void **state)
{
	struct rig *rig = start(2);
	unsigned changes[2];

	(void)state;
	assert_true(fake_backed(&rig->kvm, 0x1000));
	assert_int_equal(slots(&rig->there), 0);
	for (int i = 0; i < 3; i++) {
		changes[0] = rig->kvm.slot_changes;
		hop(rig);
		assert_true(rig->machine.in_kernel);
		assert_true(fake_backed(&rig->there, 0x1000));
		changes[1] = rig->there.slot_changes;
		hop(rig);
		assert_false(rig->machine.in_kernel);
		assert_int_equal(rig->kvm.slot_changes - changes[0], 2 * slots(&rig->kvm));
		assert_true(fake_backed(&rig->kvm, 0x1000));
		assert_int_equal(rig->there.slot_changes, changes[1]);
	}
	assert_int_equal(rig->kvm.slots_beside_guests, 0);
	assert_int_equal(rig->there.slots_beside_guests, 0);
	stop(rig);
}

static void test_a_local_apic_over_ram_is_a_hole_of_our_side_alone(void **state)
{
	struct rig *rig = prepare(1);
	uint64_t base;

	(void)state;
	assert_true(rig_open(rig));
	base = (lapic_apic_base(rig_vcpu(rig, 0)->lapic) & 0xFFF) | 0x200000;
	assert_int_equal(lapic_msr_write(rig_vcpu(rig, 0)->lapic, 0x1B, base), LAPIC_OK);
	assert_false(fake_backed(&rig->kvm, 0x200000));
	assert_true(machine_start(&rig->machine, &rig->why));
	hop(rig);
	assert_true(fake_backed(&rig->there, 0x200000));
	assert_int_equal(fake(rig, 0)->apic_base, base);
	hop(rig);
	assert_false(fake_backed(&rig->kvm, 0x200000));
	assert_true(fake_backed(&rig->kvm, 0x201000));
	stop(rig);
}

static void test_the_guest_goes_on_running_there(void **state)
{
	struct rig *rig = start(1);
	unsigned runs;

	(void)state;
	for (int i = 0; i < 4; i++) {
		hop(rig);
		hold(rig);
		runs = fake(rig, 0)->runs;
		machine_release(&rig->machine);
		for (int tries = 0; tries < 50000; tries++) {
			bool more;

			usleep(100);
			hold(rig);
			more = fake(rig, 0)->runs > runs;
			machine_release(&rig->machine);
			if (more)
				break;
			assert_true(tries < 49999);
		}
	}
	stop(rig);
}

static void test_the_clock_goes_on(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	rig->kvm.clock = (struct kvm_clock_data){
		.clock = 4711,
		.realtime = 5,
		.host_tsc = 6,
		.flags = KVM_CLOCK_REALTIME | KVM_CLOCK_HOST_TSC | KVM_CLOCK_TSC_STABLE,
	};
	hop(rig);
	assert_int_equal(rig->there.clocks_set, 1);
	assert_int_equal(rig->there.clock.clock, 4711);
	assert_int_equal(rig->there.clock.realtime, 5);
	assert_int_equal(rig->there.clock.flags, KVM_CLOCK_REALTIME);
	rig->there.clock.clock = 4712;
	hop(rig);
	assert_int_equal(rig->kvm.clock.clock, 4712);
	stop(rig);
}

static void test_the_tsc_goes_on(void **state)
{
	struct rig *rig = prepare(2);

	(void)state;
	rig->there.tsc_offset = 1 << 20;
	go(rig);
	hold(rig);
	rig->kvm.vcpus[1].tsc_offset = 12345;
	machine_release(&rig->machine);
	hop(rig);
	assert_int_equal(rig->there.vcpus[0].tsc_offset, 0);
	assert_int_equal(rig->there.vcpus[1].tsc_offset, 12345);
	stop(rig);
}

/* ---------------------------------------------------------------- wires */

static void test_wires_lead_to_whoever_is_there(void **state)
{
	struct rig *rig = start(1);
	struct lapic *lapic;

	(void)state;
	hold(rig);
	lapic = rig_vcpu(rig, 0)->lapic;
	rig_enable(rig, 0);
	level(rig, 0, 0x8000 | 0x51);
	level(rig, 8, 1);
	lapic_page_sync(lapic);
	assert_int_equal(rig_read(rig, 0, 0x220) >> 17 & 1, 1);
	machine_release(&rig->machine);
	assert_int_equal(rig->there.route_count, 0);
	hop(rig);
	/* Its EOI is wanted there as well; it is not sent again. */
	assert_int_equal(rig->there.route_count, 1);
	assert_int_equal(rig->there.routes[0].u.msi.data, 0xC051);
	assert_int_equal(rig->there.msi_count, 0);
	hop(rig);
	hold(rig);
	/* Taken and ended on our side: the line is still high. */
	assert_int_equal(lapic_ack(lapic), 0x51);
	rig_write(rig, 0, 0xB0, 0);
	assert_true(lapic_pending(lapic) & LAPIC_PENDING_INTR);
	machine_release(&rig->machine);
	stop(rig);
}

static void test_the_8259s_line_is_told_to_whoever_is_there(void **state)
{
	struct rig *rig = start(1);
	struct machine *m = &rig->machine;

	(void)state;
	hop(rig);
	hold(rig);
	m->pic.intr_level = true;
	atomic_store(&m->intr, false);
	machine_hop(m);
	assert_true(atomic_load(&m->intr));
	assert_int_equal(rig_vcpu(rig, 0)->lapic != NULL, 1);
	rig_write(rig, 0, 0xF0, 0x1FF);
	rig_write(rig, 0, 0x350, 0x700);
	assert_true(lapic_pending(rig_vcpu(rig, 0)->lapic) & LAPIC_PENDING_EXTINT);
	machine_release(m);
	stop(rig);
}

/* ---------------------------------------------------------------- again and again */

static void test_it_hops_by_its_timer_beside_other_holds(void **state)
{
	struct rig *rig = prepare(2);
	struct machine *m = &rig->machine;
	char line[200] = "";
	unsigned count = 0;
	FILE *to;

	(void)state;
	rig->options.hop_ms = 1;
	go(rig);
	/* Who else holds it keeps it held. */
	hold(rig);
	for (int i = 0; i < 5000 && rig->there.clocks_set < 2; i++) {
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
		machine_hop_still(m);
		usleep(1000);
	}
	assert_true(rig->there.clocks_set >= 2);
	assert_true(machine_still(m));
	assert_int_equal(m->holds, 1);
	machine_release(m);
	for (int i = 0; i < 5000 && rig->there.clocks_set < 20; i++) {
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
		machine_hop_still(m);
		usleep(1000);
	}
	assert_true(rig->there.clocks_set >= 20);
	to = fmemopen(line, sizeof(line), "w");
	machine_hop_print(m, to);
	fclose(to);
	assert_int_equal(
		sscanf(line, "hops from one kind of Local APIC to the other: %u, of", &count), 1);
	assert_int_equal(count, rig->there.clocks_set + rig->kvm.clocks_set);
	/* None of it waits for the next hop, while all stand still. */
	assert_int_equal(rig->kvm.slot_changes + rig->there.slot_changes,
			 slots(&rig->kvm) * (2 + 2 * count));
	assert_false(ending_reached(&rig->ending));
	stop(rig);
}

static void test_it_waits_for_room_for_output(void **state)
{
	struct rig *rig = prepare(1);
	struct machine *m = &rig->machine;

	(void)state;
	rig->options.hop_ms = 1;
	rig->full = true;
	go(rig);
	for (int i = 0; i < 100; i++) {
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
		machine_hop_still(m);
		usleep(1000);
	}
	assert_int_equal(rig->there.clocks_set, 0);
	assert_false(m->settling);
	rig->full = false;
	for (int i = 0; i < 5000 && !rig->there.clocks_set; i++) {
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
		machine_hop_still(m);
		usleep(1000);
	}
	assert_true(rig->there.clocks_set > 0);
	stop(rig);
}

/* An exit at the last pass that writes more than there is room for: nobody would make room. */
static int talks(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	(void)run;
	rig->full = true;
	return rig->seen[0]++ ? -EINTR : fake_out(v, 0x3F8, 'x', 1);
}

static void test_output_in_the_midst_of_it_waits_for_nobody(void **state)
{
	struct rig *rig = start(1);

	(void)state;
	hop(rig);
	hold(rig);
	fake(rig, 0)->pass = talks;
	machine_hop(&rig->machine);
	assert_true(rig->seen[0] >= 2);
	assert_int_equal(rig->waits, 0);
	machine_release(&rig->machine);
	stop(rig);
}

static void test_without_hops_there_is_nothing_of_it(void **state)
{
	struct rig *rig = prepare(1);
	char line[100] = "";
	FILE *to;

	(void)state;
	rig->options.hop_ms = 0;
	go(rig);
	assert_int_equal(rig->there.vcpu_count, 0);
	machine_hop_still(&rig->machine);
	to = fmemopen(line, sizeof(line), "w");
	machine_hop_print(&rig->machine, to);
	fclose(to);
	assert_string_equal(line, "");
	stop(rig);
}

/* ---------------------------------------------------------------- --hop-drop */

static void test_one_vector_is_dropped_once_and_from_that_hop_on(void **state)
{
	struct rig *rig = prepare(1);
	struct lapic *lapic;

	(void)state;
	rig->options.hop_drop = 3;
	go(rig);
	hold(rig);
	lapic = rig_vcpu(rig, 0)->own_lapic;
	rig_enable(rig, 0);
	lapic_post(lapic, LAPIC_FIXED, 0x51, false);
	lapic_post(lapic, LAPIC_FIXED, 0x61, false);
	for (int i = 0; i < 4; i++)
		machine_hop(&rig->machine);
	assert_int_equal(rig_read(rig, 0, 0x220) >> 17 & 1, 1);
	assert_int_equal(rig_read(rig, 0, 0x230) >> 1 & 1, 0);
	machine_release(&rig->machine);
	stop(rig);
	rig = prepare(1);
	rig->options.hop_drop = 3;
	go(rig);
	hold(rig);
	rig_enable(rig, 0);
	lapic_post(rig_vcpu(rig, 0)->lapic, LAPIC_FIXED, 0x61, false);
	machine_hop(&rig->machine);
	machine_hop(&rig->machine);
	assert_int_equal(rig_read(rig, 0, 0x230) >> 1 & 1, 1);
	machine_release(&rig->machine);
	stop(rig);
}

/* ---------------------------------------------------------------- errors */

static void test_a_host_that_lacks_one_kind_is_refused(void **state)
{
	struct rig *rig = prepare(1);

	(void)state;
	rig->there.missing_cap = KVM_CAP_SPLIT_IRQCHIP;
	assert_false(rig_open(rig));
	assert_int_equal(rig->why.kind, RESULT_HOST_LACKS);
	assert_non_null(strstr(rig->why.text, "KVM_CAP_SPLIT_IRQCHIP"));
	rig_free(rig);
	rig = prepare(1);
	rig->there.failing_request = KVM_CREATE_VCPU;
	rig->there.failing_error = EMFILE;
	assert_false(rig_open(rig));
	assert_int_equal(rig->why.kind, RESULT_HOST_LACKS);
	machine_close(&rig->machine);
	assert_int_equal(rig->kvm.descriptors + rig->there.descriptors, 0);
	fake_kvm_init(&rig->kvm);
	rig->options.hop_ms = 0;
	assert_true(rig_open(rig));
	rig_free(rig);
}

static void test_a_hop_that_fails_ends_the_run_and_is_the_last(void **state)
{
	static const struct {
		unsigned long request;
		const char *phrase;
	} cases[] = {
		{KVM_GET_MSR_INDEX_LIST, "KVM_GET_MSR_INDEX_LIST"},
		{KVM_GET_CLOCK, "KVM_SET_CLOCK"},
		{KVM_SET_CLOCK, "KVM_SET_CLOCK"},
		{KVM_SET_USER_MEMORY_REGION, "KVM_SET_USER_MEMORY_REGION"},
		{KVM_GET_XSAVE, "KVM_GET_XSAVE"},
		{KVM_SET_XSAVE, "KVM_SET_XSAVE"},
		{KVM_SET_LAPIC, "Local APIC"},
		{KVM_SET_GSI_ROUTING, "KVM_SET_GSI_ROUTING"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = start(2);
		unsigned clocks;

		hold(rig);
		rig->kvm.failing_request = rig->there.failing_request = cases[i].request;
		rig->kvm.failing_error = rig->there.failing_error = EIO;
		machine_hop(&rig->machine);
		assert_true(ending_reached(&rig->ending));
		assert_int_equal(rig->ending.result.kind, RESULT_INTERNAL);
		if (!strstr(rig->ending.result.text, cases[i].phrase))
			fail_msg("%s", rig->ending.result.text);
		/* Its timer once more, before the loop has heard of the end. */
		rig->kvm.failing_error = rig->there.failing_error = 0;
		clocks = rig->kvm.clocks_set + rig->there.clocks_set;
		machine_hop_still(&rig->machine);
		assert_int_equal(rig->kvm.clocks_set + rig->there.clocks_set, clocks);
		stop(rig);
	}
}

static void test_nothing_hops_after_the_end(void **state)
{
	struct rig *rig = prepare(1);

	(void)state;
	rig->options.hop_ms = 1;
	go(rig);
	hold(rig);
	ending_say(&rig->ending, RESULT_USER_QUIT, -1, 0, "the end");
	for (int i = 0; i < 20; i++) {
		event_base_loop(rig->base, EVLOOP_NONBLOCK);
		usleep(1000);
	}
	assert_int_equal(rig->there.clocks_set, 0);
	stop(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_other_vm_has_the_other_local_apics),
		cmocka_unit_test(test_memory_is_where_the_guest_runs_and_anew),
		cmocka_unit_test(test_a_local_apic_over_ram_is_a_hole_of_our_side_alone),
		cmocka_unit_test(test_the_guest_goes_on_running_there),
		cmocka_unit_test(test_the_clock_goes_on),
		cmocka_unit_test(test_the_tsc_goes_on),
		cmocka_unit_test(test_wires_lead_to_whoever_is_there),
		cmocka_unit_test(test_the_8259s_line_is_told_to_whoever_is_there),
		cmocka_unit_test(test_it_hops_by_its_timer_beside_other_holds),
		cmocka_unit_test(test_it_waits_for_room_for_output),
		cmocka_unit_test(test_output_in_the_midst_of_it_waits_for_nobody),
		cmocka_unit_test(test_without_hops_there_is_nothing_of_it),
		cmocka_unit_test(test_one_vector_is_dropped_once_and_from_that_hop_on),
		cmocka_unit_test(test_a_host_that_lacks_one_kind_is_refused),
		cmocka_unit_test(test_a_hop_that_fails_ends_the_run_and_is_the_last),
		cmocka_unit_test(test_nothing_hops_after_the_end),
	};

	return cmocka_run_group_tests_name("machine_hop", tests, NULL, NULL);
}
