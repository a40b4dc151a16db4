// SPDX-License-Identifier: BSD-2-Clause
// One 8259A, mode by mode, by Intel's data sheet (231468): commands, triggering, priority, EOI.
// Not the cascade: test_i8259_pair.c. The chip is the pair's master, whose IR2 is left alone.
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

/* ---- start ---- */

static void nothing_is_asked_before_the_chip_is_started(void **state)
{
	struct pic_rig rig;

	(void)state;
	pic_rig_set_up(&rig);
	edge(&rig, 1);
	out(&rig, 0x4D0, 0x08);
	line(&rig, 3, true);
	assert_recorded(&rig.log, "");
	assert_int_equal(in(&rig, M1), 0x00);
	out(&rig, M1, 0xA5);
	assert_int_equal(in(&rig, M1), 0xA5);
	out(&rig, M1, 0x00);
	intack(&rig);
	assert_int_equal(isr(&rig, M0), 0x00);
	assert_recorded(&rig.log, "");
	/* The first ICW1 forgets the edge, not the level. */
	START(&rig, 0x01);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(irr(&rig, M0), 0x08);
	assert_int_equal(intack(&rig), 0x23);
}

static void icw1_says_how_many_words_follow(void **state)
{
	/* ICW1, and what comes after ICW2 before OCW1 is reached. */
	static const struct {
		uint8_t icw1, more;
	} cases[] = {{0x10, 1}, {0x11, 2}, {0x12, 0}, {0x13, 1}};
	struct pic_rig rig;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		pic_rig_set_up(&rig);
		out(&rig, M1, 0x55);
		out(&rig, M0, cases[i].icw1);
		out(&rig, M1, 0x28);
		/* 00h is an ICW3 without slaves, 01h an ICW4 for the 8086. */
		for (unsigned n = cases[i].more; n > 0; n--) {
			line(&rig, 6, true);
			assert_recorded(&rig.log, "");
			line(&rig, 6, false);
			out(&rig, M1, n == 1 && (cases[i].icw1 & 1) ? 0x01 : 0x00);
		}
		assert_int_equal(in(&rig, M1), 0x00);
		out(&rig, M1, 0x42);
		assert_int_equal(in(&rig, M1), 0x42);
		line(&rig, 1, true);
		assert_recorded(&rig.log, "");
		line(&rig, 4, true);
		assert_recorded(&rig.log, "irq0=1 ");
		if (cases[i].icw1 & 1)
			assert_int_equal(intack(&rig), 0x2C);
	}
}

static void vectors_are_those_of_icw2(void **state)
{
	struct pic_rig rig;

	(void)state;
	for (unsigned base = 0; base < 256; base++)
		for (unsigned ir = 0; ir < 8; ir++) {
			if (ir == 2)
				continue;
			pic_rig_set_up(&rig);
			pic_rig_start(&rig, M0, (const uint8_t[]){0x13, (uint8_t)base, 0, 1});
			edge(&rig, ir);
			assert_int_equal(intack(&rig), (base & 0xF8) + ir);
		}
}

/* "Interrupt Sequence", MCS-80/85: the CALL's low byte, for an interval of 4 and of 8. */
static void without_icw4_the_second_byte_is_that_of_a_call(void **state)
{
	struct pic_rig rig;

	(void)state;
	for (unsigned ir = 0; ir < 8; ir++) {
		if (ir == 2)
			continue;
		pic_rig_set_up(&rig);
		pic_rig_start(&rig, M0, (const uint8_t[]){0xF6, 0x12, 0, 0});
		edge(&rig, ir);
		assert_int_equal(intack(&rig), 0xE0 + 4 * ir);
		pic_rig_start(&rig, M0, (const uint8_t[]){0xF2, 0x12, 0, 0});
		edge(&rig, ir);
		assert_int_equal(intack(&rig), 0xC0 + 8 * ir);
		/* An ICW4 may say the same. */
		pic_rig_start(&rig, M0, (const uint8_t[]){0x37, 0x12, 0, 0x00});
		edge(&rig, ir);
		assert_int_equal(intack(&rig), 0x20 + 4 * ir);
	}
}

static void icw1_starts_over_wherever_it_comes(void **state)
{
	struct pic_rig rig;

	(void)state;
	for (unsigned done = 0; done < 4; done++) {
		pic_rig_set_up(&rig);
		out(&rig, M0, 0x11);
		for (unsigned n = 0; n < done; n++)
			out(&rig, M1, 0xFF);
		START(&rig, 0x01);
		assert_int_equal(in(&rig, M1), 0x00);
		edge(&rig, 5);
		assert_int_equal(intack(&rig), 0x25);
		out(&rig, M0, OCW2_EOI); /* no AEOI has been left behind */
		assert_int_equal(isr(&rig, M0), 0x00);
	}
}

static void what_comes_to_the_even_port_during_a_start_does_not_disturb_it(void **state)
{
	struct pic_rig rig;

	(void)state;
	pic_rig_set_up(&rig);
	out(&rig, M0, 0x11);
	out(&rig, M0, OCW3_READ_ISR);
	assert_int_equal(in(&rig, M0), 0x00);
	out(&rig, M1, 0x30);
	out(&rig, M0, SET_LOWEST(4));
	assert_int_equal(in(&rig, M1), 0x00);
	line(&rig, 4, true);
	line(&rig, 5, true);
	out(&rig, M1, 0x00);
	out(&rig, M0, OCW2_EOI);
	assert_recorded(&rig.log, "");
	out(&rig, M1, 0x01);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(intack(&rig), 0x35);
	assert_int_equal(in(&rig, M0), 0x20);
}

/* "Initialization Command Words 1 and 2", a to f. */
static void icw1_clears_what_was_set(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	START(&rig, 0x03);
	out(&rig, M0, 0x80);         /* rotate in AEOI */
	out(&rig, M0, OCW3_MASK_ON); /* special mask mode */
	out(&rig, M0, SET_LOWEST(5));
	START(&rig, 0x01);
	edge(&rig, 4);
	intack(&rig);
	edge(&rig, 3);
	out(&rig, M1, 0xF0);
	out(&rig, M0, OCW3_READ_ISR);
	out(&rig, M0, OCW3_POLL);
	assert_recorded(&rig.log, "irq0=1 irq0=0 irq0=1 ");

	out(&rig, M0, 0x13);
	assert_recorded(&rig.log, "irq0=0 ");
	out(&rig, M1, 0x20);
	out(&rig, M1, 0x01);
	assert_recorded(&rig.log, "");        /* both lines high: no edge any more */
	assert_int_equal(in(&rig, M0), 0x00); /* IRR, no poll */
	assert_int_equal(isr(&rig, M0), 0x00);
	assert_int_equal(in(&rig, M1), 0x00);
	edge(&rig, 4);
	edge(&rig, 6);
	out(&rig, M0, OCW3_READ_IRR);
	assert_int_equal(in(&rig, M0), 0x50);
	assert_int_equal(intack(&rig), 0x24);
	assert_int_equal(isr(&rig, M0), 0x10); /* no AEOI */
	out(&rig, M1, 0x10);                   /* no special mask */
	assert_recorded(&rig.log, "irq0=1 irq0=0 ");
}

static void icw1_ends_the_rotation_of_automatic_eois(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	out(&rig, M0, 0x80);
	START(&rig, 0x03);
	edge(&rig, 0);
	intack(&rig);
	edge(&rig, 0);
	edge(&rig, 1);
	assert_int_equal(intack(&rig), 0x20);
}

/* ---- triggering ---- */

static void an_edge_asks_once(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	line(&rig, 4, true);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(irr(&rig, M0), 0x10);
	assert_int_equal(intack(&rig), 0x24);
	assert_recorded(&rig.log, "irq0=0 ");
	assert_int_equal(irr(&rig, M0), 0x00);
	assert_int_equal(isr(&rig, M0), 0x10);
	out(&rig, M0, OCW2_EOI);
	line(&rig, 4, true); /* no edge */
	assert_recorded(&rig.log, "");
	line(&rig, 4, false);
	assert_recorded(&rig.log, "");
	line(&rig, 4, true);
	assert_recorded(&rig.log, "irq0=1 ");
}

static void an_edge_goes_with_its_line_or_is_kept(void **state)
{
	struct pic_rig rig;

	(void)state;
	for (int keep = 0; keep < 2; keep++) {
		set_up(&rig);
		rig.pic.keep_edges = keep;
		edge(&rig, 3);
		line(&rig, 3, false);
		assert_recorded(&rig.log, keep ? "irq0=1 " : "irq0=1 irq0=0 ");
		assert_int_equal(irr(&rig, M0), keep ? 0x08 : 0x00);
		assert_int_equal(intack(&rig), keep ? 0x23 : 0x27);
		assert_int_equal(isr(&rig, M0), keep ? 0x08 : 0x00);
		assert_int_equal(irr(&rig, M0), 0x00);
	}
}

static void a_level_asks_as_long_as_it_is_high(void **state)
{
	struct pic_rig rig;

	(void)state;
	for (int elcr = 0; elcr < 2; elcr++) {
		set_up(&rig);
		rig.pic.keep_edges = true;
		if (elcr)
			out(&rig, 0x4D0, 0x20);
		else
			START_LEVEL(&rig);
		line(&rig, 5, true);
		assert_int_equal(intack(&rig), 0x25);
		assert_recorded(&rig.log, "irq0=1 irq0=0 ");
		assert_int_equal(irr(&rig, M0), 0x20); /* still there, behind its own service */
		out(&rig, M0, OCW2_EOI);
		assert_recorded(&rig.log, "irq0=1 ");
		assert_int_equal(intack(&rig), 0x25);
		line(&rig, 5, false);
		out(&rig, M0, OCW2_EOI);
		assert_recorded(&rig.log, "irq0=0 ");
		/* Gone before the acknowledge: IR7 by default. */
		line(&rig, 5, true);
		line(&rig, 5, false);
		assert_recorded(&rig.log, "irq0=1 irq0=0 ");
		assert_int_equal(intack(&rig), 0x27);
		assert_int_equal(isr(&rig, M0), 0x00);
		assert_recorded(&rig.log, "");
	}
}

static void a_level_that_is_high_at_the_start_asks_at_once(void **state)
{
	struct pic_rig rig;

	(void)state;
	pic_rig_set_up(&rig);
	line(&rig, 6, true);
	START_LEVEL(&rig);
	assert_recorded(&rig.log, "irq0=1 ");
	START(&rig, 0x01);
	assert_recorded(&rig.log, "irq0=0 ");
}

static void elcr_makes_levels_of_the_lines_that_can_be(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	assert_int_equal(in(&rig, 0x4D0), 0x00);
	assert_int_equal(in(&rig, 0x4D1), 0x00);
	out(&rig, 0x4D0, 0xFF);
	assert_int_equal(in(&rig, 0x4D0), 0xF8);
	assert_int_equal(in(&rig, 0x4D1), 0x00);
	out(&rig, 0x4D1, 0xFF);
	assert_int_equal(in(&rig, 0x4D1), 0xDE);
	START(&rig, 0x01); /* ICW1 leaves it alone */
	assert_int_equal(in(&rig, 0x4D0), 0xF8);
	for (unsigned ir = 0; ir < 8; ir++) {
		if (ir == 2)
			continue;
		line(&rig, ir, true);
		assert_int_equal(intack(&rig), 0x20 + ir);
		out(&rig, M0, OCW2_EOI);
		assert_int_equal(irr(&rig, M0), ir >= 3 ? 1u << ir : 0);
		line(&rig, ir, false);
	}
}

static void a_line_that_changes_its_mode_keeps_no_old_edge(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	rig.pic.keep_edges = true;
	edge(&rig, 4);
	line(&rig, 4, false);
	assert_recorded(&rig.log, "irq0=1 ");
	out(&rig, 0x4D0, 0x10);
	assert_recorded(&rig.log, "irq0=0 ");
	line(&rig, 4, true);
	out(&rig, 0x4D0, 0x00);
	assert_recorded(&rig.log, "irq0=1 irq0=0 ");
	assert_int_equal(irr(&rig, M0), 0x00);
	edge(&rig, 4);
	assert_recorded(&rig.log, "irq0=1 ");
}

/* ---- spurious ---- */

static void an_acknowledge_without_request_is_ir7_and_serves_nothing(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	assert_int_equal(intack(&rig), 0x27);
	assert_int_equal(isr(&rig, M0), 0x00);
	/* Masked between INTR and the acknowledge. */
	edge(&rig, 1);
	out(&rig, M1, 0x02);
	assert_recorded(&rig.log, "irq0=1 irq0=0 ");
	assert_int_equal(intack(&rig), 0x27);
	assert_int_equal(isr(&rig, M0), 0x00);
	assert_int_equal(irr(&rig, M0), 0x02);
	out(&rig, M1, 0x00);
	assert_int_equal(intack(&rig), 0x21);
	out(&rig, M0, OCW2_EOI);

	/* During a real IR7 the ISR bit stays the real one's. */
	edge(&rig, 7);
	assert_int_equal(intack(&rig), 0x27);
	assert_int_equal(isr(&rig, M0), 0x80);
	assert_int_equal(intack(&rig), 0x27);
	assert_int_equal(isr(&rig, M0), 0x80);
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(isr(&rig, M0), 0x00);
	/* It neither rotates nor ends anything under AEOI. */
	START(&rig, 0x03);
	out(&rig, M0, 0x80);
	intack(&rig);
	edge(&rig, 0);
	edge(&rig, 7);
	assert_int_equal(intack(&rig), 0x20);
	assert_int_equal(intack(&rig), 0x27);
}

/* ---- priority ---- */

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
				rig.log.used = 0;
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
	out(&rig, M0, 0xA0); /* nothing in service: nothing rotates */
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

/* ---- reading ---- */

static void the_register_selected_stays_selected(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	edge(&rig, 5);
	intack(&rig);
	edge(&rig, 7);
	assert_int_equal(in(&rig, M0), 0x80); /* IRR after ICW1 */
	assert_int_equal(in(&rig, M0), 0x80);
	out(&rig, M0, OCW3_READ_ISR);
	assert_int_equal(in(&rig, M0), 0x20);
	out(&rig, M0, 0x08); /* RR clear: no change */
	out(&rig, M0, 0x09);
	out(&rig, M0, OCW3_MASK_ON);
	out(&rig, M0, 0x40);
	assert_int_equal(in(&rig, M0), 0x20);
	assert_int_equal(in(&rig, M1), 0x00);
	out(&rig, M1, 0x80); /* IRR is not affected by the masks */
	out(&rig, M0, OCW3_READ_IRR);
	assert_int_equal(in(&rig, M0), 0x80);
	assert_int_equal(in(&rig, M1), 0x80);
}

static void a_poll_acknowledges(void **state)
{
	struct pic_rig rig;

	(void)state;
	for (unsigned port = M0; port <= M1; port++) {
		set_up(&rig);
		out(&rig, M1, 0x20);
		edge(&rig, 5);
		edge(&rig, 6);
		assert_recorded(&rig.log, "irq0=1 ");
		out(&rig, M0, OCW3_POLL);
		assert_recorded(&rig.log, "");
		assert_int_equal(in(&rig, port), 0x86);
		assert_recorded(&rig.log, "irq0=0 ");
		/* One read; then the registers again. */
		assert_int_equal(in(&rig, M0), 0x20);
		assert_int_equal(in(&rig, M1), 0x20);
		assert_int_equal(isr(&rig, M0), 0x40);
		out(&rig, M0, OCW3_POLL);
		assert_int_equal(in(&rig, port) & 0x80, 0x00);
		assert_int_equal(isr(&rig, M0), 0x40);
		out(&rig, M0, OCW2_EOI);
		assert_int_equal(isr(&rig, M0), 0x00);
	}
}

static void a_poll_goes_before_a_register_and_can_be_taken_back(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	edge(&rig, 3);
	out(&rig, M0, 0x0F); /* P, RR and RIS */
	assert_int_equal(in(&rig, M0), 0x83);
	assert_int_equal(in(&rig, M0), 0x08); /* ISR it is from now on */
	out(&rig, M0, OCW3_POLL);
	out(&rig, M0, 0x08);
	assert_int_equal(in(&rig, M0), 0x08);
	assert_int_equal(isr(&rig, M0), 0x08);
}

static void a_poll_in_aeoi_serves_nothing(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	START(&rig, 0x03);
	out(&rig, M0, 0x80);
	edge(&rig, 0);
	edge(&rig, 1);
	out(&rig, M0, OCW3_POLL);
	assert_int_equal(in(&rig, M0), 0x80);
	assert_int_equal(isr(&rig, M0), 0x00);
	edge(&rig, 0);
	assert_int_equal(intack(&rig), 0x21); /* it rotated */
}

static void the_ports_are_bytes(void **state)
{
	struct pic_rig rig;

	(void)state;
	pic_rig_set_up(&rig);
	/* ICW1 and ICW2 in one word, ICW3's port by itself. */
	bus_write(&rig.bus, M0, 2, 0x4813);
	out(&rig, M1, 0x01);
	bus_write(&rig.bus, M0, 4, 0xFFFFFE0B);
	assert_int_equal(bus_read(&rig.bus, M0, 4), 0xFFFFFE00);
	edge(&rig, 0);
	assert_int_equal(intack(&rig), 0x48);
	assert_int_equal(bus_read(&rig.bus, M0, 2), 0xFE01);
	assert_null(bus_find(&rig.bus, 0x1F));
	assert_null(bus_find(&rig.bus, 0x22));
	assert_null(bus_find(&rig.bus, 0x9F));
	assert_null(bus_find(&rig.bus, 0xA2));
	assert_null(bus_find(&rig.bus, 0x4CF));
	assert_null(bus_find(&rig.bus, 0x4D2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_asked_before_the_chip_is_started),
		cmocka_unit_test(icw1_says_how_many_words_follow),
		cmocka_unit_test(vectors_are_those_of_icw2),
		cmocka_unit_test(without_icw4_the_second_byte_is_that_of_a_call),
		cmocka_unit_test(icw1_starts_over_wherever_it_comes),
		cmocka_unit_test(what_comes_to_the_even_port_during_a_start_does_not_disturb_it),
		cmocka_unit_test(icw1_clears_what_was_set),
		cmocka_unit_test(icw1_ends_the_rotation_of_automatic_eois),
		cmocka_unit_test(an_edge_asks_once),
		cmocka_unit_test(an_edge_goes_with_its_line_or_is_kept),
		cmocka_unit_test(a_level_asks_as_long_as_it_is_high),
		cmocka_unit_test(a_level_that_is_high_at_the_start_asks_at_once),
		cmocka_unit_test(elcr_makes_levels_of_the_lines_that_can_be),
		cmocka_unit_test(a_line_that_changes_its_mode_keeps_no_old_edge),
		cmocka_unit_test(an_acknowledge_without_request_is_ir7_and_serves_nothing),
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
		cmocka_unit_test(the_register_selected_stays_selected),
		cmocka_unit_test(a_poll_acknowledges),
		cmocka_unit_test(a_poll_goes_before_a_register_and_can_be_taken_back),
		cmocka_unit_test(a_poll_in_aeoi_serves_nothing),
		cmocka_unit_test(the_ports_are_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
