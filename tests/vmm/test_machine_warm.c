// SPDX-License-Identifier: BSD-2-Clause
// Resets of the processors with and without a shutdown code: who has an INIT, and where the boot
// processor goes on. Not real mode itself: guests/warm_reset.c runs there.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

#include "tests/vmm/rig.h"
#include "vmm/boot.h"
#include "vmm/machine_devices.h"
#include "vmm/machine_warm.h"

static int spin(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	(void)run;
	return 0;
}

static struct rig *two_cpus(uint8_t code)
{
	static const uint16_t vector[2] = {0x1234, 0x5678};
	struct rig *rig = rig_new(spin);

	rig->options.cpus = 2;
	assert_true(rig_open(rig));
	memcpy(ram_at(&rig->machine.ram, 0x467, 4), vector, 4);
	rig_out(rig, 0x70, 0x0F, 1);
	rig_out(rig, 0x71, code, 1);
	return rig;
}

static bool has_init(struct rig *rig, unsigned cpu)
{
	return lapic_pending(rig_vcpu(rig, cpu)->lapic) & LAPIC_PENDING_INIT;
}

static void test_without_a_code_the_run_ends(void **state)
{
	static const uint8_t codes[] = {0, 1, 4, 6, 9, 0xB, 0xFF};

	(void)state;
	for (unsigned i = 0; i < sizeof(codes); i++) {
		struct rig *rig = two_cpus(codes[i]);

		rig_out(rig, 0x64, 0xFE, 1);
		assert_true(ending_reached(&rig->ending));
		assert_int_equal(rig->ending.result.kind, RESULT_RESET);
		assert_false(has_init(rig, 0));
		rig_free(rig);
	}
}

static void test_with_one_all_have_an_init_and_the_first_goes_on(void **state)
{
	static const uint8_t codes[] = {5, 10};
	static const uint16_t ports[] = {0x64, 0xCF9};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct rig *rig = two_cpus(codes[i % 2]);
		struct boot_state boot = {.rip = 0xFFF0}, again = {.rip = 0xFFF0};

		rig_out(rig, ports[i / 2], i / 2 ? 0x04 : 0xFE, 1);
		assert_false(ending_reached(&rig->ending));
		assert_true(has_init(rig, 0));
		assert_true(has_init(rig, 1));
		assert_true(machine_warm_wanted(rig_vcpu(rig, 0)));
		assert_false(machine_warm_wanted(rig_vcpu(rig, 1)));
		machine_warm_enter(rig_vcpu(rig, 1), &boot);
		assert_int_equal(boot.rip, 0xFFF0);
		machine_warm_enter(rig_vcpu(rig, 0), &boot);
		assert_int_equal(boot.rip, 0x1234);
		assert_int_equal(boot.cs.selector, 0x5678);
		assert_int_equal(boot.cs.base, 0x56780);
		assert_int_equal(cmos_shutdown_code(&rig->machine.cmos), 0);
		/* An INIT after that is one like any. */
		machine_warm_enter(rig_vcpu(rig, 0), &again);
		assert_int_equal(again.rip, 0xFFF0);
		rig_free(rig);
	}
}

static void test_a_hard_reset_heeds_no_code(void **state)
{
	struct rig *rig = two_cpus(10);

	(void)state;
	rig_out(rig, 0xCF9, 0x06, 1);
	assert_true(ending_reached(&rig->ending));
	assert_false(has_init(rig, 0));
	rig_free(rig);
}

/* Firmware looks at the code by itself, from the reset vector on. */
static void test_firmware_of_the_guests_own_does_it_itself(void **state)
{
	static uint8_t rom[4096];
	struct rig *rig = two_cpus(10);
	struct boot_state boot = {.rip = 0xFFF0};

	(void)state;
	rig->machine.rom = (struct ram_range){0xFFFFF000, rom, sizeof(rom)};
	rig_out(rig, 0x64, 0xFE, 1);
	assert_true(has_init(rig, 0));
	machine_warm_enter(rig_vcpu(rig, 0), &boot);
	assert_int_equal(boot.rip, 0xFFF0);
	assert_int_equal(cmos_shutdown_code(&rig->machine.cmos), 10);
	rig->machine.rom = (struct ram_range){0};
	rig_free(rig);
}

/* Code 5 alone ends what is in service. */
static void test_code_5_gives_an_eoi(void **state)
{
	(void)state;
	for (unsigned code = 5; code <= 10; code += 5) {
		struct rig *rig = two_cpus((uint8_t)code);

		rig->machine.pic.master.isr = rig->machine.pic.slave.isr = 4;
		rig_out(rig, 0x64, 0xFE, 1);
		assert_int_equal(rig->machine.pic.master.isr, code == 5 ? 0 : 4);
		assert_int_equal(rig->machine.pic.slave.isr, code == 5 ? 0 : 4);
		rig->machine.pic.master.isr = rig->machine.pic.slave.isr = 0;
		rig_free(rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_code_the_run_ends),
		cmocka_unit_test(test_with_one_all_have_an_init_and_the_first_goes_on),
		cmocka_unit_test(test_a_hard_reset_heeds_no_code),
		cmocka_unit_test(test_firmware_of_the_guests_own_does_it_itself),
		cmocka_unit_test(test_code_5_gives_an_eoi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
