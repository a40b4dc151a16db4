// SPDX-License-Identifier: BSD-2-Clause
// When a guest is shown its register page as memory, where, and that what it reads there at each
// entry is what an exit would have answered. Not the rules that bend: the man page has them.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/vmm/rig.h"
#include "vmm/apic_page.h"
#include "vmm/lapic_host.h"

#define BASE_MSR 0x1B
#define IRR      0x200u
#define PAGE     0xFEE00000u

static const struct kvm_userspace_memory_region *slot(const struct rig *rig)
{
	return &rig->kvm.slots[VM_SLOT_APIC];
}

/* As the guest reads it. */
static uint32_t shown(const struct rig *rig, uint32_t offset)
{
	uint32_t value;

	assert_true(slot(rig)->memory_size);
	memcpy(&value, (const uint8_t *)(uintptr_t)slot(rig)->userspace_addr + offset, 4);
	return value;
}

static bool shown_at(const struct rig *rig, uint64_t gpa)
{
	return slot(rig)->memory_size == 0x1000 && slot(rig)->guest_phys_addr == gpa;
}

static void set_base(struct rig *rig, uint64_t value)
{
	assert_int_equal(lapic_msr_write(rig_vcpu(rig, 0)->lapic, BASE_MSR, value), LAPIC_OK);
}

static int idle(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	return fake_exit(run, KVM_EXIT_IRQ_WINDOW_OPEN);
}

static struct rig *start(fake_script *script)
{
	struct rig *rig = rig_new(script);

	rig->options.apic_page_read_only = true;
	if (!rig_open(rig))
		fail_msg("%s", rig->why.text);
	rig_become(rig, 0);
	rig_enable(rig, 0);
	return rig;
}

/* Rules: ACC-5, BASE-5 */
static void test_shown_in_xapic_mode_where_the_base_is(void **state)
{
	struct rig *rig = start(idle);

	(void)state;
	assert_true(shown_at(rig, PAGE));
	assert_int_equal(slot(rig)->flags, KVM_MEM_READONLY);
	assert_int_equal(shown(rig, 0x30) & 0xFF, 0x14);
	set_base(rig, 0xD0000900);
	assert_true(shown_at(rig, 0xD0000000));
	set_base(rig, 0xD0000100);
	assert_false(apic_page_shown(&rig->machine.vm));
	assert_false(fake_backed(&rig->kvm, 0xD0000000));
	set_base(rig, 0xD0000900);
	assert_true(shown_at(rig, 0xD0000000));
	set_base(rig, 0xD0000D00);
	assert_false(fake_backed(&rig->kvm, 0xD0000000));
	assert_false(fake_backed(&rig->kvm, PAGE));
	set_base(rig, PAGE | 0x100);
	set_base(rig, PAGE | 0x900);
	assert_true(shown_at(rig, PAGE));
	rig_free(rig);
}

/* Rules: BASE-5 */
static void test_ram_makes_way_for_it_and_comes_back(void **state)
{
	struct rig *rig = start(idle);
	unsigned changes;

	(void)state;
	set_base(rig, 0x200900);
	assert_true(shown_at(rig, 0x200000));
	assert_true(fake_backed(&rig->kvm, 0x1FFFFF) && fake_backed(&rig->kvm, 0x201000));
	set_base(rig, 0x300900);
	assert_true(shown_at(rig, 0x300000));
	assert_true(fake_backed(&rig->kvm, 0x200000));
	set_base(rig, 0x300100);
	assert_false(apic_page_shown(&rig->machine.vm));
	assert_true(fake_backed(&rig->kvm, 0x300000));
	/* And so with one that KVM does not let go. */
	set_base(rig, 0x300900);
	rig->kvm.failing_request = KVM_SET_USER_MEMORY_REGION;
	rig->kvm.failing_error = EIO;
	changes = rig->kvm.slot_changes;
	set_base(rig, 0x400900);
	assert_int_equal(rig->kvm.slot_changes, changes);
	assert_true(ending_reached(&rig->ending));
	assert_int_equal(rig->ending.result.kind, RESULT_INTERNAL);
	rig_free(rig);
}

static void test_not_shown_unless_asked_for(void **state)
{
	struct rig *rig = rig_start(idle, rig_host_vmx);

	(void)state;
	assert_false(fake_backed(&rig->kvm, PAGE));
	set_base(rig, 0xD0000900);
	assert_false(fake_backed(&rig->kvm, 0xD0000000));
	rig_free(rig);
}

/* Everything that an exit would answer without harm, at the entry. */
static void compare_all(struct rig *rig)
{
	struct lapic *lapic = rig_vcpu(rig, 0)->lapic;

	for (uint32_t offset = 0x20; offset <= 0x3E0; offset += 0x10) {
		/* Reserved ones, and CCR, which the next moment changes. */
		if ((offset > 0x30 && offset < 0x80) || (offset > 0x280 && offset < 0x300) ||
		    offset >= 0x390)
			continue;
		if (shown(rig, offset) != (uint32_t)lapic_mmio_read(lapic, offset, 4))
			fail_msg("%Xh shows %Xh", offset, shown(rig, offset));
	}
	assert_int_equal(shown(rig, 0x3E0), 0xB);
	for (uint32_t offset = 0; offset < 0x1000; offset += 4)
		if ((offset % 16 || offset >= 0x400) && shown(rig, offset) != 0)
			fail_msg("%Xh shows %Xh", offset, shown(rig, offset));
}

static int look(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);
	struct lapic *lapic = rig_vcpu(rig, 0)->lapic;

	compare_all(rig);
	if (rig->step == 5)
		return -EINTR;
	rig->seen[rig->step] = shown(rig, IRR + 16 * (0x51 / 32));
	rig->seen[8 + rig->step] = shown(rig, 0xA0);
	switch (rig->step++) {
	case 0: /* as another thread: nobody could take it, but the guest sees it */
		lapic_post(lapic, LAPIC_FIXED, 0x51, false);
		return -EINTR;
	case 1: v->if_flag = true; return fake_mmio_write(v, PAGE + 0x80, 0, 4);
	case 2: return fake_mmio_write(v, PAGE + 0xB0, 0, 4);
	case 3: /* KVM tells of no MOV to CR8 but by this */ run->cr8 = 7; return -EINTR;
	default: return -EINTR;
	}
}

/* Rules: PRI-1, PRI-6, ACP-2, ACP-3, SAVE-3 */
static void test_each_entry_finds_it_current(void **state)
{
	struct rig *rig = start(look);

	(void)state;
	rig_host_pvm(&rig->traits);
	rig_write(rig, 0, 0x3E0, 0xB);
	rig_write(rig, 0, 0x80, 0x62);
	rig_write(rig, 0, 0x310, 0x12000000);
	rig_write(rig, 0, 0x350, 0x700);
	assert_true(rig_turns(rig, 0, 12));
	assert_true(rig->step >= 5);
	assert_int_equal(rig->seen[0], 0);
	assert_int_equal(rig->seen[8], 0x62);
	assert_int_equal(rig->seen[1], 1u << 0x11);
	assert_int_equal(rig->seen[9], 0x62);
	/* Taken as TPR let it. */
	assert_int_equal(rig->seen[2], 0);
	assert_int_equal(rig->seen[10], 0x50);
	assert_int_equal(rig->seen[3], 0);
	assert_int_equal(rig->seen[11], 0);
	assert_int_equal(rig->seen[12], 0x70);
	assert_int_equal(rig_fake(rig, 0)->taken_count, 1);
	rig_free(rig);
}

static int when_due(struct fake_vcpu *v, struct kvm_run *run)
{
	struct rig *rig = rig_of(v);

	rig->seen[0] = shown(rig, IRR + 16 * (0x43 / 32));
	rig->seen[1] = shown(rig, 0x390);
	v->if_flag = true;
	return fake_exit(run, KVM_EXIT_IRQ_WINDOW_OPEN);
}

/* What falls due between the look at the deadline and the entry does not wait for the next exit.
 * Rules: TMR-2, MP-5 */
static void test_what_falls_due_meanwhile_is_not_missed(void **state)
{
	struct rig *rig = start(when_due);
	struct vcpu *v = rig_vcpu(rig, 0);

	(void)state;
	rig_write(rig, 0, 0x3E0, 0xB);
	rig_write(rig, 0, 0x320, 0x43);
	rig_write(rig, 0, 0x380, 1000000000);
	assert_true(rig_turns(rig, 0, 2));
	assert_true(rig->seen[1] > 0 && rig->seen[1] <= 1000000000);
	rig_write(rig, 0, 0x380, 1000000);
	lapic_host_arm(v);
	assert_false(v->deadline_changed);
	usleep(2000);
	lapic_page_sync(v->lapic);
	assert_int_equal(shown(rig, IRR + 16 * (0x43 / 32)), 1u << 3);
	assert_int_equal(shown(rig, 0x390), 0);
	assert_true(v->deadline_changed);
	rig_free(rig);
}

static void test_hosts_and_machines_that_cannot(void **state)
{
	struct rig *rig = rig_new(idle);

	(void)state;
	rig->options.apic_page_read_only = true;
	rig->traits.readonly_memory = false;
	assert_false(rig_open(rig));
	assert_int_equal(rig->why.kind, RESULT_HOST_LACKS);
	assert_non_null(strstr(rig->why.text, "KVM_CAP_READONLY_MEM"));
	rig_free(rig);
	/* As only a file may say. */
	rig = rig_new(idle);
	rig->options.apic_page_read_only = true;
	rig->options.cpus = 2;
	assert_false(rig_open(rig));
	assert_int_equal(rig->why.kind, RESULT_USAGE);
	assert_non_null(strstr(rig->why.text, "one processor"));
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shown_in_xapic_mode_where_the_base_is),
		cmocka_unit_test(test_ram_makes_way_for_it_and_comes_back),
		cmocka_unit_test(test_not_shown_unless_asked_for),
		cmocka_unit_test(test_each_entry_finds_it_current),
		cmocka_unit_test(test_what_falls_due_meanwhile_is_not_missed),
		cmocka_unit_test(test_hosts_and_machines_that_cannot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
