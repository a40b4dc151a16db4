// SPDX-License-Identifier: BSD-2-Clause
/*
 * Save, restore and images at the ends of their ranges: the lowest vectors, the lowest error bit,
 * what is due in the moment of the save. Not the whole state: test_save.c, test_image.c.
 */
#include "tests/lapic/rig.h"

#include <string.h>

#include "tests/lapic/moving.h"

static void set(uint8_t *image, unsigned offset, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		image[offset + i] = (uint8_t)(value >> (8 * i));
}

static uint32_t at(const uint8_t *image, unsigned offset)
{
	return image[offset] | (uint32_t)image[offset + 1] << 8 |
	       (uint32_t)image[offset + 2] << 16 | (uint32_t)image[offset + 3] << 24;
}

static void p6(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->p6_errors = true;
}

/* Rules: SAVE-1, PRI-3 */
static void test_the_lowest_vectors(void **state)
{
	struct lapic *l = rig_one(), *copy;

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x13, true);
	assert_takes(l, 0x13);
	lapic_post(l, LAPIC_FIXED, 0x1F, false);
	lapic_post(l, LAPIC_FIXED, 0x12, true);
	copy = moved(l);
	assert_true(in_isr(copy, 0x13));
	assert_int_equal(get(copy, APIC_PPR), 0x10);
	assert_true(in_irr(copy, 0x1F));
	assert_false(in_tmr(copy, 0x1F));
	assert_true(in_tmr(copy, 0x13));
	assert_true(in_tmr(copy, 0x12));
	eoi(copy);
	assert_int_equal(rig_cpu_of(copy)->eois, 1);
	assert_serves(copy, 0x1F);
	assert_int_equal(rig_cpu_of(copy)->eois, 1);
	assert_serves(copy, 0x12);
	assert_nothing(copy);
}

/* Rules: SAVE-1, ACP-1 */
static void test_an_edge_after_a_restored_level(void **state)
{
	struct lapic *l = rig_one(), *copy;

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x41, true);
	assert_takes(l, 0x41);
	copy = moved(l);
	eoi(copy);
	lapic_post(copy, LAPIC_FIXED, 0x41, false);
	assert_false(in_tmr(copy, 0x41));
	assert_serves(copy, 0x41);
	assert_int_equal(rig_cpu_of(copy)->eois, 1);
}

/* Rules: SAVE-1, ERR-1, ERR-2 */
static void test_the_lowest_error_bit(void **state)
{
	struct rig *r = rig_tuned(2, p6);
	struct saved s;

	(void)state;
	lapic_error_p6(r->l[0], 1);
	assert_int_equal(latch_esr(r->l[0]), 1);
	lapic_post(r->l[0], LAPIC_FIXED, 0x1F, false);
	s = save_of(r->l[0], -1);
	restore_to(r->l[0], &s);
	assert_int_equal(get(r->l[0], APIC_ESR), 1);
	assert_serves(r->l[0], 0x1F);
}

/* Rules: SAVE-1, LVT-4, PRI-3 */
static void test_remote_irr_of_vector_16(void **state)
{
	struct lapic *l = rig_one(), *copy;

	(void)state;
	put(l, APIC_LVT_LINT0, LEVEL | 0x10);
	lapic_set_lint(l, 0, true);
	lapic_pending(l);
	copy = moved(l);
	assert_int_equal(get(copy, APIC_LVT_LINT0), LEVEL | REMOTE_IRR | 0x10);
	assert_takes(copy, 0x10);
}

/* The entry may have been given another vector, and none that exists, before the EOI.
 * Rules: SAVE-1, LVT-4 */
static void test_remote_irr_of_an_entry_that_was_rewritten(void **state)
{
	struct lapic *l = rig_one(), *copy;

	(void)state;
	put(l, APIC_LVT_LINT0, LEVEL | 0x90);
	lapic_set_lint(l, 0, true);
	lapic_pending(l);
	put(l, APIC_LVT_LINT0, LEVEL | 9);
	assert_int_equal(get(l, APIC_LVT_LINT0), LEVEL | REMOTE_IRR | 9);
	copy = moved(l);
	assert_int_equal(get(copy, APIC_LVT_LINT0), LEVEL | REMOTE_IRR | 9);
	lapic_set_lint(copy, 0, false);
	assert_takes(copy, 0x90);
	put(copy, APIC_EOI, 0);
	assert_int_equal(get(copy, APIC_LVT_LINT0), LEVEL | 9);
}

/* Rules: SAVE-1, TMR-6, TMR-10 */
static void test_what_is_due_in_the_moment_of_the_save(void **state)
{
	struct lapic *l = rig_one(), *copy;
	unsigned changes;

	(void)state;
	put(l, APIC_LVT_TIMER, DEADLINE | 0x41);
	set_msr(l, MSR_DEADLINE, rig_of(l)->tsc + 100);
	rig_of(l)->tsc += 100;
	changes = rig_cpu_of(l)->deadline_changes;
	copy = moved(l);
	assert_serves(copy, 0x41);
	assert_true(msr(copy, MSR_DEADLINE) == 0);
	/* The host hears at once that nothing is due any more. */
	assert_int_equal(rig_cpu_of(l)->deadline_changes, changes + 1);
	assert_int_equal(rig_cpu_of(l)->deadline.clock, LAPIC_CLOCK_NONE);
}

/* Rules: SAVE-4 */
static void test_what_is_refused_first(void **state)
{
	struct lapic *l = rig_one();
	uint8_t bytes[ROOM], image[LAPIC_IMAGE_SIZE];
	int inflight;

	(void)state;
	memset(bytes, 0x5A, sizeof(bytes));
	assert_int_equal(lapic_restore(l, bytes, 19, &inflight), LAPIC_STATE_SIZE);
	assert_int_equal(lapic_restore(l, bytes, 20, &inflight), LAPIC_STATE_MAGIC);
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, image);
	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t version = at(image, APIC_VERSION);

		/* Bit 24 speaks of a feature, 23:16 may name fewer entries. */
		if (bit == 24 || (bit >= 16 && bit < 24))
			continue;
		set(image, APIC_VERSION, version ^ 1u << bit);
		assert_int_equal(
			lapic_import_image(l, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0),
			LAPIC_STATE_VERSION_REGISTER);
		set(image, APIC_VERSION, version);
	}
}

/* Rules: SAVE-3, TMR-6 */
static void test_a_count_beside_a_deadline_means_nothing(void **state)
{
	struct lapic *l = rig_one();
	uint8_t image[LAPIC_IMAGE_SIZE];

	(void)state;
	put(l, APIC_LVT_TIMER, DEADLINE | 0x41);
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, image);
	set(image, APIC_TMCCT, 5);
	assert_int_equal(lapic_import_image(l, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l),
					    1ull << 60),
			 LAPIC_STATE_OK);
	assert_true(msr(l, MSR_DEADLINE) == 1ull << 60);
}

/* Rules: SAVE-3, LVT-4, LVT-8 */
static void test_an_active_line_meets_an_imported_entry(void **state)
{
	struct lapic *l = rig_one();
	uint8_t image[LAPIC_IMAGE_SIZE];

	(void)state;
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, image);
	set(image, APIC_LVT_LINT0, LEVEL | 0x60);
	lapic_set_lint(l, 0, true);
	lapic_pending(l);
	assert_int_equal(
		lapic_import_image(l, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0),
		LAPIC_STATE_OK);
	assert_takes(l, 0x60);
	assert_int_equal(get(l, APIC_LVT_LINT0), LEVEL | REMOTE_IRR | 0x60);
}

/* Rules: SAVE-3, BASE-3, MP-6 */
static void test_the_base_beside_an_image(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic *l = r->l[1];
	uint8_t image[LAPIC_IMAGE_SIZE];
	uint64_t base = lapic_apic_base(l);

	(void)state;
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, image);
	/* With the BSP flag it is one, and starts again after an INIT. */
	assert_int_equal(lapic_import_image(l, LAPIC_IMAGE_KVM_LEGACY, image, base | BASE_BSP, 0),
			 LAPIC_STATE_OK);
	lapic_post(l, LAPIC_INIT, 0, false);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_RUN);
	/* A disabled one takes nothing; and what is on its way to it could not be. */
	lapic_post(l, LAPIC_SMI, 0, false);
	assert_int_equal(lapic_import_image(l, LAPIC_IMAGE_KVM_LEGACY, image, 0xFEE00000, 0),
			 LAPIC_STATE_EVENTS);
	assert_true(lapic_take_smi(l));
	assert_int_equal(lapic_import_image(l, LAPIC_IMAGE_KVM_LEGACY, image, 0xFEE00000, 0),
			 LAPIC_STATE_OK);
	assert_int_equal(lapic_post(l, LAPIC_NMI, 0, false), LAPIC_REFUSED);
}

/* Rules: SAVE-3, BASE-6 */
static void test_the_dfr_of_x2apic_mode(void **state)
{
	struct lapic *l = rig_one();
	uint8_t image[LAPIC_IMAGE_SIZE];

	(void)state;
	put(l, APIC_DFR, 0);
	rig_x2apic(l);
	lapic_export_image(l, LAPIC_IMAGE_KVM_X2APIC, image);
	assert_int_equal(at(image, APIC_DFR), 0xFFFFFFFF);
}

/* Rules: SAVE-3 */
static void test_the_lowest_vectors_in_the_page(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x1F, true);
	lapic_page_sync(l);
	assert_int_equal(at(lapic_page(l), APIC_IRR), 1u << 0x1F);
	assert_int_equal(at(lapic_page(l), APIC_TMR), 1u << 0x1F);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_the_lowest_vectors),
		rig_test(test_an_edge_after_a_restored_level),
		rig_test(test_the_lowest_error_bit),
		rig_test(test_remote_irr_of_vector_16),
		rig_test(test_remote_irr_of_an_entry_that_was_rewritten),
		rig_test(test_what_is_due_in_the_moment_of_the_save),
		rig_test(test_what_is_refused_first),
		rig_test(test_a_count_beside_a_deadline_means_nothing),
		rig_test(test_an_active_line_meets_an_imported_entry),
		rig_test(test_the_base_beside_an_image),
		rig_test(test_the_dfr_of_x2apic_mode),
		rig_test(test_the_lowest_vectors_in_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
