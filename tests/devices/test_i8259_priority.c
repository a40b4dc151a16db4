// SPDX-License-Identifier: BSD-2-Clause
// One 8259A's priorities by Intel's data sheet (231468): nesting, EOI, rotation, special mask mode.
// Not commands, triggering and polling: test_i8259.c. The chip is the pair's master.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/devices/pic_rig.h"

/* One chip, vectors 20h to 27h. */
#define START(rig, icw4) pic_rig_start(rig, M0, (const uint8_t[]){0x13, 0x20, 0, icw4})
#define START_LEVEL(rig) pic_rig_start(rig, M0, (const uint8_t[]){0x1B, 0x20, 0, 0x01})

static void set_up(struct pic_rig *rig)
{
	pic_rig_set_up(rig);
	START(rig, 0x01);
}

/* ---- nesting ---- */

static void higher_levels_nest_and_lower_ones_wait(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	edge(&rig, 5);
	assert_int_equal(intack(&rig), 0x25);
	assert_recorded(&rig.log, "irq0=1 irq0=0 ");
	edge(&rig, 6);
	edge(&rig, 5);
	assert_recorded(&rig.log, "");
	edge(&rig, 3);
	assert_recorded(&rig.log, "irq0=1 ");
	edge(&rig, 1); /* a higher one yet, before the acknowledge */
	assert_recorded(&rig.log, "");
	assert_int_equal(intack(&rig), 0x21);
	assert_recorded(&rig.log, "irq0=0 ");
	assert_int_equal(isr(&rig, M0), 0x22);
	assert_int_equal(irr(&rig, M0), 0x68);
	out(&rig, M0, OCW2_EOI);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(intack(&rig), 0x23);
	out(&rig, M0, OCW2_EOI);
	assert_recorded(&rig.log, "irq0=0 ");
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(intack(&rig), 0x25);
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(intack(&rig), 0x26);
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(isr(&rig, M0), 0x00);
	assert_int_equal(irr(&rig, M0), 0x00);
}

static void masks_hold_requests_back_and_do_not_free_what_is_in_service(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	out(&rig, M1, 0x12);
	edge(&rig, 4);
	assert_int_equal(irr(&rig, M0), 0x10);
	edge(&rig, 6);
	assert_int_equal(intack(&rig), 0x26);
	out(&rig, M0, OCW2_EOI);
	assert_recorded(&rig.log, "irq0=1 irq0=0 ");
	out(&rig, M1, 0x02);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(intack(&rig), 0x24);
	edge(&rig, 5);
	out(&rig, M1, 0x10);
	assert_recorded(&rig.log, "irq0=0 ");
	out(&rig, M0, OCW2_EOI); /* masked, and ended all the same */
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(isr(&rig, M0), 0x00);
}

static void intr_falls_at_every_acknowledge(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	START(&rig, 0x03);
	edge(&rig, 4);
	edge(&rig, 5);
	edge(&rig, 6);
	assert_recorded(&rig.log, "irq0=1 ");
	intack(&rig);
	assert_recorded(&rig.log, "irq0=0 irq0=1 ");
	out(&rig, M0, OCW3_POLL);
	in(&rig, M0);
	assert_recorded(&rig.log, "irq0=0 irq0=1 ");
	intack(&rig);
	assert_recorded(&rig.log, "irq0=0 ");
}

/* The winner by the definition: the first in the order of priority that is asked for and not
 * masked, with nothing in service before it or at its place. */
static int winner(unsigned lowest, unsigned asked, unsigned masked, unsigned served, bool special)
{
	for (unsigned place = 0; place < 8; place++) {
		unsigned bit = 1u << ((lowest + 1 + place) % 8);

		if ((served & bit) && !(special && (masked & bit)))
			return -1;
		if ((asked & bit) && !(masked & bit))
			return (int)((lowest + 1 + place) % 8);
	}
	return -1;
}

/* Brings a set into service, from its lowest priority to its highest. */
static void serve(struct pic_rig *rig, unsigned lowest, unsigned set)
{
	START_LEVEL(rig);
	out(rig, M0, SET_LOWEST(lowest));
	for (unsigned i = 0; i < 8; i++) {
		unsigned ir = (lowest + 8 - i) % 8;

		if (!(set & 1u << ir))
			continue;
		line(rig, ir, true);
		intack(rig);
		line(rig, ir, false);
	}
	if (isr(rig, M0) != set)
		fail_msg("ISR %02X, not %02X", isr(rig, M0), set);
}

static void check_winner(struct pic_rig *rig, unsigned asked, unsigned served, int expected)
{
	bool intr = rig->pic.intr_level;
	unsigned vector = intack(rig);
	unsigned now = in(rig, M0);

	if (intr != (expected >= 0) ||
	    vector != (expected >= 0 ? 0x20u + (unsigned)expected : 0x27) ||
	    now != (expected >= 0 ? served | 1u << expected : served))
		fail_msg("IRR %02X IMR %02X ISR %02X lowest %u: INTR %d, vector %02X, ISR %02X",
			 asked, in(rig, M1), served, rig->pic.master.lowest, intr, vector, now);
	if (expected >= 0)
		out(rig, M0, EOI_OF((unsigned)expected));
}

/* Every IRR, in the order of a Gray code: one line changes at a time. */
static void check_requests(struct pic_rig *rig, unsigned lowest, unsigned masked, unsigned served,
			   bool special)
{
	unsigned asked = 0;

	for (unsigned i = 0; i < 256; i++) {
		unsigned next = i ^ i >> 1;

		for (unsigned ir = 0; ir < 8; ir++)
			if ((asked ^ next) & 1u << ir)
				line(rig, ir, next & 1u << ir);
		asked = next & ~4u; /* IR2 is the slave's */
		check_winner(rig, asked, served, winner(lowest, asked, masked, served, special));
	}
	for (unsigned ir = 0; ir < 8; ir++)
		line(rig, ir, false);
}

static void every_set_of_requests_masks_and_services_has_the_right_winner(void **state)
{
	static const unsigned lowests[] = {7, 3};
	struct pic_rig rig;

	(void)state;
	pic_rig_set_up(&rig);
	for (unsigned n = 0; n < 2; n++)
		for (unsigned served = 0; served < 256; served++) {
			const unsigned masks[] = {0x00, served & 0xF3, 0x5A, 0xFF};

			if (served & 4)
				continue;
			serve(&rig, lowests[n], served);
			for (unsigned m = 0; m < 8; m++) {
				bool special = m >= 4;

				out(&rig, M1, masks[m % 4]);
				out(&rig, M0, special ? OCW3_MASK_ON : OCW3_MASK_OFF);
				check_requests(&rig, lowests[n], masks[m % 4], served, special);
				forget(&rig);
			}
		}
}

/* ---- EOI and rotation ---- */

static void a_specific_eoi_ends_its_level_and_no_other(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	serve(&rig, 7, 0xFB);
	for (unsigned ir = 8; ir-- > 0;) {
		out(&rig, M0, EOI_OF(ir));
		assert_int_equal(isr(&rig, M0), 0xFB & ((1u << ir) - 1));
	}
	out(&rig, M0, EOI_OF(3)); /* nothing there to end */
	assert_int_equal(isr(&rig, M0), 0x00);
}

static void a_non_specific_eoi_ends_the_highest(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	out(&rig, M0, OCW2_EOI); /* nothing in service */
	assert_int_equal(isr(&rig, M0), 0x00);
	serve(&rig, 7, 0x93);
	for (unsigned left = 0x93; left; left &= left - 1) {
		assert_int_equal(isr(&rig, M0), left);
		out(&rig, M0, OCW2_EOI);
	}
	assert_int_equal(isr(&rig, M0), 0x00);
	/* Highest as the priorities are now: 4 5 6 7 0 1 2 3. */
	serve(&rig, 3, 0x93);
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(isr(&rig, M0), 0x83);
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(isr(&rig, M0), 0x03);
	out(&rig, M0, 0x40); /* no operation */
	assert_int_equal(isr(&rig, M0), 0x03);
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(isr(&rig, M0), 0x02);
}

/* Figure "Automatic Rotation Mode": IR4 in service and IR6 too; after the EOI IR4 comes last. */
static void rotation_on_a_non_specific_eoi(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	out(&rig, M0, SET_LOWEST(3));
	out(&rig, M0, 0xA0); /* nothing in service: nothing rotates */
	edge(&rig, 5);
	edge(&rig, 0);
	assert_int_equal(intack(&rig), 0x25);
	line(&rig, 5, false);
	line(&rig, 0, false);
	serve(&rig, 7, 0x50);
	out(&rig, M0, 0xA0);
	assert_int_equal(isr(&rig, M0), 0x40);
	/* Now 5 6 7 0 1 2 3 4. */
	for (unsigned ir = 0; ir < 8; ir++)
		line(&rig, ir, true);
	assert_int_equal(intack(&rig), 0x25);
	out(&rig, M0, 0x40);
	out(&rig, M0, EOI_OF(5));
	line(&rig, 5, false);
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(isr(&rig, M0), 0x00);
	assert_int_equal(intack(&rig), 0x26);
	out(&rig, M0, 0xA0);
	/* Now 7 0 1 2 3 4 5 6. */
	assert_int_equal(intack(&rig), 0x27);
	out(&rig, M0, 0xA0);
	assert_int_equal(intack(&rig), 0x20);
}

static void priorities_set_by_command(void **state)
{
	struct pic_rig rig;

	(void)state;
	for (unsigned lowest = 0; lowest < 8; lowest++) {
		unsigned first = (lowest + 1) % 8 == 2 ? 3 : (lowest + 1) % 8;

		set_up(&rig);
		START_LEVEL(&rig);
		for (unsigned ir = 0; ir < 8; ir++)
			line(&rig, ir, true);
		out(&rig, M0, SET_LOWEST(lowest));
		assert_int_equal(intack(&rig), 0x20 + first);
		/* Rotation on a specific EOI: the level named comes last, in service or not. */
		out(&rig, M0, 0xE0 + first);
		assert_int_equal(isr(&rig, M0), 0x00);
		assert_int_equal(intack(&rig), 0x20 + (first == 1 ? 3 : (first + 1) % 8));
		out(&rig, M0, 0xE4);
		assert_int_equal(rig.pic.master.lowest, 4);
	}
}

static void setting_the_priority_frees_what_now_comes_before(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	edge(&rig, 3);
	intack(&rig);
	edge(&rig, 5);
	assert_recorded(&rig.log, "irq0=1 irq0=0 ");
	out(&rig, M0, SET_LOWEST(3));
	assert_recorded(&rig.log, "irq0=1 ");
	out(&rig, M0, SET_LOWEST(7));
	assert_recorded(&rig.log, "irq0=0 ");
}

static void automatic_eois_leave_nothing_in_service(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	START(&rig, 0x03);
	edge(&rig, 3);
	edge(&rig, 6);
	assert_int_equal(intack(&rig), 0x23);
	assert_int_equal(isr(&rig, M0), 0x00);
	edge(&rig, 3);
	assert_int_equal(intack(&rig), 0x23); /* no rotation */
	assert_int_equal(intack(&rig), 0x26);
	assert_int_equal(intack(&rig), 0x27);
	assert_int_equal(isr(&rig, M0), 0x00);
}

static void automatic_eois_rotate_when_told(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	pic_rig_start(&rig, M0, (const uint8_t[]){0x1B, 0x20, 0, 0x03});
	line(&rig, 0, true);
	line(&rig, 1, true);
	line(&rig, 4, true);
	out(&rig, M0, 0x80);
	assert_int_equal(intack(&rig), 0x20);
	assert_int_equal(intack(&rig), 0x21);
	assert_int_equal(intack(&rig), 0x24);
	assert_int_equal(intack(&rig), 0x20);
	out(&rig, M0, 0x00);
	assert_int_equal(intack(&rig), 0x21);
	assert_int_equal(intack(&rig), 0x21);
	out(&rig, M0, 0x80);
	assert_int_equal(intack(&rig), 0x21);
	assert_int_equal(intack(&rig), 0x24);
}

static void rotation_in_aeoi_does_nothing_to_other_eois(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	out(&rig, M0, 0x80);
	edge(&rig, 0);
	intack(&rig);
	out(&rig, M0, OCW2_EOI);
	edge(&rig, 0);
	edge(&rig, 1);
	assert_int_equal(intack(&rig), 0x20);
}

/* ---- special mask mode ---- */

static void special_mask_lets_lower_levels_through(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	edge(&rig, 1);
	edge(&rig, 3);
	intack(&rig);
	intack(&rig);
	edge(&rig, 6);
	edge(&rig, 3);
	assert_recorded(&rig.log, "irq0=1 irq0=0 ");
	out(&rig, M1, 0x02);
	out(&rig, M0, OCW3_MASK_ON);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(intack(&rig), 0x23);
	edge(&rig, 1); /* its own mask holds it back */
	assert_recorded(&rig.log, "irq0=0 ");
	/* A non-specific EOI does not see the masked IR1, a specific one does. */
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(isr(&rig, M0), 0x02);
	assert_int_equal(intack(&rig), 0x26);
	out(&rig, M0, OCW2_EOI);
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(isr(&rig, M0), 0x02);
	out(&rig, M0, 0x48);
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(isr(&rig, M0), 0x00);
}

static void special_mask_changes_only_when_it_is_enabled(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	edge(&rig, 1);
	intack(&rig);
	out(&rig, M1, 0x02);
	edge(&rig, 5);
	out(&rig, M0, 0x28); /* SMM without ESMM */
	assert_recorded(&rig.log, "irq0=1 irq0=0 ");
	out(&rig, M0, OCW3_MASK_ON);
	assert_recorded(&rig.log, "irq0=1 ");
	out(&rig, M0, 0x08);
	assert_recorded(&rig.log, "");
	out(&rig, M0, OCW3_MASK_OFF);
	assert_recorded(&rig.log, "irq0=0 ");
	/* The mode alone, with nothing masked, is the fully nested one. */
	out(&rig, M1, 0x00);
	out(&rig, M0, OCW3_MASK_ON);
	assert_recorded(&rig.log, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(higher_levels_nest_and_lower_ones_wait),
		cmocka_unit_test(masks_hold_requests_back_and_do_not_free_what_is_in_service),
		cmocka_unit_test(intr_falls_at_every_acknowledge),
		cmocka_unit_test(every_set_of_requests_masks_and_services_has_the_right_winner),
		cmocka_unit_test(a_specific_eoi_ends_its_level_and_no_other),
		cmocka_unit_test(a_non_specific_eoi_ends_the_highest),
		cmocka_unit_test(rotation_on_a_non_specific_eoi),
		cmocka_unit_test(priorities_set_by_command),
		cmocka_unit_test(setting_the_priority_frees_what_now_comes_before),
		cmocka_unit_test(automatic_eois_leave_nothing_in_service),
		cmocka_unit_test(automatic_eois_rotate_when_told),
		cmocka_unit_test(rotation_in_aeoi_does_nothing_to_other_eois),
		cmocka_unit_test(special_mask_lets_lower_levels_through),
		cmocka_unit_test(special_mask_changes_only_when_it_is_enabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
