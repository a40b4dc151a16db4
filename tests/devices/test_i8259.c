// SPDX-License-Identifier: BSD-2-Clause
// One 8259A by Intel's data sheet (231468): commands, triggering, spurious levels, status, polling.
// Not priorities (test_i8259_priority.c), nor the cascade (test_i8259_pair.c).
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

/* A7-A5 and ADI are an MCS-80's, and ICW4's upper three bits nobody's. */
static void bits_without_a_meaning_have_none(void **state)
{
	struct pic_rig rig;

	(void)state;
	pic_rig_set_up(&rig);
	pic_rig_start(&rig, M0, (const uint8_t[]){0xF5, 0x27, 0x00, 0xE1});
	edge(&rig, 6);
	assert_int_equal(intack(&rig), 0x26);
	assert_int_equal(irr(&rig, M0), 0x00); /* an edge, not a level */
	assert_int_equal(isr(&rig, M0), 0x40); /* no AEOI */
	pic_rig_start(&rig, M0, (const uint8_t[]){0x17, 0x27, 0, 0xF0});
	edge(&rig, 6);
	assert_int_equal(intack(&rig), 0x18);
	/* OCW3's D7. */
	edge(&rig, 1);
	assert_int_equal(isr(&rig, M0), 0x40);
	out(&rig, M0, 0x88);
	assert_int_equal(in(&rig, M0), 0x40);
	out(&rig, M0, 0x8A);
	assert_int_equal(in(&rig, M0), 0x02);
	out(&rig, M1, 0x40);
	out(&rig, M0, 0xA8);
	assert_false(rig.pic.master.special_mask);
	out(&rig, M0, 0xE8);
	out(&rig, M0, 0xC9); /* RIS is no SMM, and no RR */
	assert_false(rig.pic.master.special_mask);
	out(&rig, M0, OCW3_READ_IRR);
	out(&rig, M0, 0x09);
	assert_int_equal(in(&rig, M0), 0x02);
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
	assert_int_equal(in(&rig, M1), 0x00);
	edge(&rig, 4);
	edge(&rig, 6);
	assert_int_equal(in(&rig, M0), 0x50);
	assert_int_equal(isr(&rig, M0), 0x00);
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
		cmocka_unit_test(bits_without_a_meaning_have_none),
		cmocka_unit_test(icw1_clears_what_was_set),
		cmocka_unit_test(icw1_ends_the_rotation_of_automatic_eois),
		cmocka_unit_test(an_edge_asks_once),
		cmocka_unit_test(an_edge_goes_with_its_line_or_is_kept),
		cmocka_unit_test(a_level_asks_as_long_as_it_is_high),
		cmocka_unit_test(a_level_that_is_high_at_the_start_asks_at_once),
		cmocka_unit_test(elcr_makes_levels_of_the_lines_that_can_be),
		cmocka_unit_test(a_line_that_changes_its_mode_keeps_no_old_edge),
		cmocka_unit_test(an_acknowledge_without_request_is_ir7_and_serves_nothing),
		cmocka_unit_test(the_register_selected_stays_selected),
		cmocka_unit_test(a_poll_acknowledges),
		cmocka_unit_test(a_poll_goes_before_a_register_and_can_be_taken_back),
		cmocka_unit_test(a_poll_in_aeoi_serves_nothing),
		cmocka_unit_test(the_ports_are_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
