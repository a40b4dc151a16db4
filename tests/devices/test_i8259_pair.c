// SPDX-License-Identifier: BSD-2-Clause
// Two 8259As as the AT cascades them: which chip answers, what each has in service, hostile ports.
// Not a chip's own modes: test_i8259.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "devices/test_lines.h"
#include "tests/devices/pic_rig.h"

#define ICW4_PLAIN  0x01u
#define ICW4_AEOI   0x03u
#define ICW4_NESTED 0x11u /* special fully nested mode */

static void set_up(struct pic_rig *rig)
{
	pic_rig_set_up(rig);
	pic_rig_start_pair(rig, ICW4_PLAIN, ICW4_PLAIN);
}

static void every_input_has_its_vector(void **state)
{
	struct pic_rig rig;

	(void)state;
	for (unsigned n = 0; n < 16; n++) {
		if (n == 2)
			continue;
		set_up(&rig);
		line(&rig, n, true);
		assert_recorded(&rig.log, "irq0=1 ");
		assert_int_equal(irr(&rig, M0), n < 8 ? 1u << n : 0x04);
		assert_int_equal(irr(&rig, S0), n < 8 ? 0 : 1u << (n - 8));
		assert_int_equal(intack(&rig), n < 8 ? 0x20 + n : 0x70 + n - 8);
		assert_recorded(&rig.log, "irq0=0 ");
		assert_int_equal(isr(&rig, M0), n < 8 ? 1u << n : 0x04);
		assert_int_equal(isr(&rig, S0), n < 8 ? 0 : 1u << (n - 8));
	}
}

static void inputs_that_are_not_there_lead_nowhere(void **state)
{
	static const unsigned missing[] = {2, 16, 17, 255, 0xFFFFFFFF};
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	for (size_t i = 0; i < 5; i++) {
		struct irq_line input = i8259_input(&rig.pic, missing[i]);

		assert_false(irq_line_connected(&input));
	}
	assert_int_equal(irr(&rig, M0), 0x00);
}

static void without_an_intr_the_pair_works_by_polling(void **state)
{
	struct pic_rig rig;

	(void)state;
	pic_rig_set_up(&rig);
	i8259_init(&rig.pic, (struct irq_line){0}, false);
	pic_rig_start_pair(&rig, ICW4_PLAIN, ICW4_PLAIN);
	line(&rig, 5, true);
	out(&rig, M0, OCW3_POLL);
	assert_int_equal(in(&rig, M0), 0x85);
}

/* The slave's eight come between IR1 and IR3. */
static void the_slave_has_the_masters_third_place(void **state)
{
	static const unsigned expected[] = {0x20, 0x21, 0x70, 0x71, 0x77, 0x23, 0x27};
	static const unsigned lines[] = {7, 15, 3, 9, 1, 8, 0};
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	for (size_t i = 0; i < 7; i++)
		line(&rig, lines[i], true);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(intack(&rig), expected[i]);
		if (expected[i] >= 0x70)
			out(&rig, S0, OCW2_EOI);
		out(&rig, M0, OCW2_EOI);
	}
	assert_false(rig.pic.intr_level);
}

/* "In this case, two EOI commands must be issued, one for the master and one for the slave." */
static void both_chips_need_an_eoi_in_either_order(void **state)
{
	struct pic_rig rig;

	(void)state;
	for (int slave_first = 0; slave_first < 2; slave_first++) {
		set_up(&rig);
		line(&rig, 9, true);
		line(&rig, 12, true);
		assert_int_equal(intack(&rig), 0x71);
		assert_recorded(&rig.log, "irq0=1 irq0=0 ");
		out(&rig, slave_first ? S0 : M0, OCW2_EOI);
		assert_recorded(&rig.log, "");
		out(&rig, slave_first ? M0 : S0, OCW2_EOI);
		assert_recorded(&rig.log, "irq0=1 ");
		assert_int_equal(intack(&rig), 0x74);
	}
}

static void a_slave_in_service_is_locked_out_unless_specially_nested(void **state)
{
	struct pic_rig rig;

	(void)state;
	for (int nested = 0; nested < 2; nested++) {
		pic_rig_set_up(&rig);
		pic_rig_start_pair(&rig, nested ? ICW4_NESTED : 0xE1, ICW4_PLAIN);
		line(&rig, 11, true);
		assert_int_equal(intack(&rig), 0x73);
		line(&rig, 12, true); /* lower in the slave: never */
		line(&rig, 3, true);  /* lower in the master: never */
		assert_recorded(&rig.log, "irq0=1 irq0=0 ");
		line(&rig, 8, true);
		assert_recorded(&rig.log, nested ? "irq0=1 " : "");
		line(&rig, 1, true);
		assert_recorded(&rig.log, nested ? "" : "irq0=1 ");
		assert_int_equal(intack(&rig), 0x21);
		assert_recorded(&rig.log, "irq0=0 ");
		out(&rig, M0, OCW2_EOI);
		assert_recorded(&rig.log, nested ? "irq0=1 " : "");
		if (!nested)
			continue;
		assert_int_equal(intack(&rig), 0x70);
		assert_int_equal(isr(&rig, S0), 0x09);
		/* The handler's part: the master's EOI only when the slave's ISR is empty. */
		out(&rig, S0, OCW2_EOI);
		assert_int_equal(isr(&rig, S0), 0x08);
		out(&rig, S0, OCW2_EOI);
		assert_int_equal(isr(&rig, S0), 0x00);
		assert_recorded(&rig.log, "irq0=0 irq0=1 "); /* 12 now */
		assert_int_equal(intack(&rig), 0x74);
	}
}

/* The mode is for inputs with a slave: others stay locked out by their own service. */
static void special_nesting_is_for_slaves_alone(void **state)
{
	struct pic_rig rig;

	(void)state;
	pic_rig_set_up(&rig);
	pic_rig_start_pair(&rig, ICW4_NESTED, ICW4_NESTED);
	edge(&rig, 5);
	assert_int_equal(intack(&rig), 0x25);
	edge(&rig, 5);
	assert_recorded(&rig.log, "irq0=1 irq0=0 ");
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(intack(&rig), 0x25);
	out(&rig, M0, OCW2_EOI);
	forget(&rig);
	/* Nor does a slave's ICW3 make slaves of its own inputs: it is the slave's address. */
	edge(&rig, 9);
	assert_int_equal(intack(&rig), 0x71);
	edge(&rig, 9);
	assert_recorded(&rig.log, "irq0=1 irq0=0 ");
	/* A single chip has no slaves, whatever an ICW3 said before. */
	pic_rig_start(&rig, M0, (const uint8_t[]){0x11, 0x20, 0xFF, 0x11});
	pic_rig_start(&rig, M0, (const uint8_t[]){0x13, 0x20, 0, 0x11});
	edge(&rig, 0);
	assert_int_equal(intack(&rig), 0x20);
	forget(&rig);
	edge(&rig, 0);
	assert_recorded(&rig.log, "");
}

static void a_slaves_request_goes_from_the_master_too(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	line(&rig, 10, true);
	out(&rig, S1, 0x04);
	assert_recorded(&rig.log, "irq0=1 irq0=0 ");
	assert_int_equal(irr(&rig, M0), 0x00);
	assert_int_equal(intack(&rig), 0x27);
	assert_int_equal(isr(&rig, M0), 0x00);
	assert_int_equal(isr(&rig, S0), 0x00);
	out(&rig, S1, 0x00);
	assert_recorded(&rig.log, "irq0=1 ");
	line(&rig, 10, false);
	assert_recorded(&rig.log, "irq0=0 ");
	assert_int_equal(intack(&rig), 0x27);
}

/* Spurious IRQ 15: the master has acknowledged the slave, which has nothing left. Software gives
 * the master alone an EOI. */
static void where_edges_are_kept_the_slaves_is_kept_at_the_master(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	rig.pic.keep_edges = true;
	line(&rig, 10, true);
	out(&rig, S1, 0x04);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(irr(&rig, M0), 0x04);
	assert_int_equal(intack(&rig), 0x77);
	assert_int_equal(isr(&rig, M0), 0x04);
	assert_int_equal(isr(&rig, S0), 0x00);
	out(&rig, M0, OCW2_EOI);
	assert_recorded(&rig.log, "irq0=0 ");
	assert_int_equal(intack(&rig), 0x27);
	/* The line's own edge waits behind the mask. */
	out(&rig, S1, 0x00);
	assert_recorded(&rig.log, "irq0=1 ");
	line(&rig, 10, false);
	assert_int_equal(intack(&rig), 0x72);
}

static void a_masters_mask_holds_all_of_the_slave(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	out(&rig, M1, 0x04);
	line(&rig, 14, true);
	assert_recorded(&rig.log, "");
	assert_int_equal(irr(&rig, M0), 0x04);
	out(&rig, M1, 0x00);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(intack(&rig), 0x76);
}

static void automatic_eois_in_both_chips_lose_no_request(void **state)
{
	struct pic_rig rig;

	(void)state;
	pic_rig_set_up(&rig);
	pic_rig_start_pair(&rig, ICW4_AEOI, ICW4_AEOI);
	line(&rig, 8, true);
	line(&rig, 13, true);
	line(&rig, 15, true);
	assert_int_equal(intack(&rig), 0x70);
	assert_recorded(&rig.log, "irq0=1 irq0=0 irq0=1 ");
	assert_int_equal(intack(&rig), 0x75);
	assert_int_equal(intack(&rig), 0x77);
	assert_recorded(&rig.log, "irq0=0 irq0=1 irq0=0 ");
	assert_int_equal(isr(&rig, M0), 0x00);
	assert_int_equal(isr(&rig, S0), 0x00);
}

static void level_lines_of_the_slave(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	out(&rig, 0x4D1, 0x0C);
	line(&rig, 10, true);
	assert_int_equal(intack(&rig), 0x72);
	out(&rig, S0, OCW2_EOI);
	out(&rig, M0, OCW2_EOI);
	assert_recorded(&rig.log, "irq0=1 irq0=0 irq0=1 ");
	assert_int_equal(intack(&rig), 0x72);
	line(&rig, 10, false);
	out(&rig, S0, OCW2_EOI);
	out(&rig, M0, OCW2_EOI);
	assert_recorded(&rig.log, "irq0=0 ");
}

/* ---- who answers ---- */

/* The slave answers an address that is not its input's, and has no request: IR7 by default, with a
 * service bit in the master and none in the slave. */
static void a_slave_without_request_answers_its_ir7(void **state)
{
	struct pic_rig rig;

	(void)state;
	pic_rig_set_up(&rig);
	pic_rig_start(&rig, M0, (const uint8_t[]){0x11, 0x20, 0x24, 0x01});
	pic_rig_start(&rig, S0, (const uint8_t[]){0x11, 0x70, 0x05, 0x01});
	line(&rig, 5, true);
	assert_int_equal(intack(&rig), 0x77);
	assert_int_equal(isr(&rig, M0), 0x20);
	assert_int_equal(isr(&rig, S0), 0x00);
	out(&rig, M0, OCW2_EOI);
	/* And by that address it has requests acknowledged. */
	edge(&rig, 5);
	line(&rig, 11, true);
	assert_int_equal(intack(&rig), 0xFF); /* IR2: nobody is there now */
	assert_int_equal(isr(&rig, M0), 0x04);
	assert_int_equal(isr(&rig, S0), 0x00);
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(intack(&rig), 0x73);
	assert_int_equal(isr(&rig, S0), 0x08);
}

static void a_slave_that_is_not_there_leaves_the_bus_open(void **state)
{
	struct pic_rig rig;

	(void)state;
	pic_rig_set_up(&rig);
	pic_rig_start(&rig, M0, (const uint8_t[]){0x11, 0x20, 0xFF, 0x01});
	pic_rig_start(&rig, S0, (const uint8_t[]){0x11, 0x70, 0xFA, 0x01}); /* its low bits: 2 */
	line(&rig, 6, true);
	assert_int_equal(intack(&rig), 0xFF);
	assert_int_equal(isr(&rig, M0), 0x40);
	line(&rig, 9, true);
	assert_int_equal(intack(&rig), 0x71);
	/* ICW1 sets the slave's address to 7, where the master's own default goes. */
	out(&rig, S0, 0x11);
	assert_int_equal(intack(&rig), 0x38); /* an MCS-80's, as there is no ICW4 yet */
}

static void a_single_master_answers_for_its_ir2(void **state)
{
	struct pic_rig rig;

	(void)state;
	pic_rig_set_up(&rig);
	pic_rig_start(&rig, M0, (const uint8_t[]){0x13, 0x20, 0, 0x01});
	pic_rig_start(&rig, S0, (const uint8_t[]){0x11, 0x70, 0x02, 0x01});
	line(&rig, 9, true);
	assert_int_equal(intack(&rig), 0x22);
	assert_int_equal(isr(&rig, S0), 0x00);
	assert_int_equal(irr(&rig, S0), 0x02);
	/* No slave at IR2 in cascade mode is the same. */
	pic_rig_start(&rig, M0, (const uint8_t[]){0x11, 0x28, 0x00, 0x01});
	out(&rig, S1, 0xFF);
	out(&rig, S1, 0x00);
	assert_int_equal(intack(&rig), 0x2A);
}

static void a_single_slave_answers_whatever_the_address(void **state)
{
	struct pic_rig rig;

	(void)state;
	pic_rig_set_up(&rig);
	pic_rig_start(&rig, M0, (const uint8_t[]){0x11, 0x20, 0x04, 0x01});
	pic_rig_start(&rig, S0, (const uint8_t[]){0x13, 0x70, 0, 0x01});
	line(&rig, 12, true);
	assert_int_equal(intack(&rig), 0x74);
	assert_int_equal(isr(&rig, S0), 0x10);
}

static void buffered_mode_changes_nothing(void **state)
{
	struct pic_rig rig;

	(void)state;
	for (unsigned mode = 0; mode < 16; mode++) {
		pic_rig_set_up(&rig);
		pic_rig_start_pair(&rig, (uint8_t)(1 | (mode & 3) << 2),
				   (uint8_t)(1 | (mode & 12)));
		line(&rig, 14, true);
		assert_int_equal(intack(&rig), 0x76);
		line(&rig, 0, true);
		assert_int_equal(intack(&rig), 0x20);
	}
}

/* ---- polling ---- */

static void each_chip_is_polled_by_itself(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	line(&rig, 9, true);
	line(&rig, 10, true);
	out(&rig, M0, OCW3_POLL);
	assert_int_equal(in(&rig, S0), 0x06); /* the slave has been told nothing */
	assert_int_equal(in(&rig, M0), 0x82);
	assert_int_equal(isr(&rig, M0), 0x04);
	assert_int_equal(isr(&rig, S0), 0x00);
	assert_recorded(&rig.log, "irq0=1 irq0=0 ");
	out(&rig, S0, OCW3_POLL);
	assert_int_equal(in(&rig, S0), 0x81);
	assert_int_equal(isr(&rig, S0), 0x02);
	assert_int_equal(in(&rig, M1), 0x00);
	out(&rig, S0, OCW2_EOI);
	out(&rig, M0, OCW2_EOI);
	assert_recorded(&rig.log, "irq0=1 ");
}

/* A slave that is polled alone takes its request from the master. */
static void polling_the_slave_lowers_its_int(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	line(&rig, 3, true);
	line(&rig, 9, true);
	out(&rig, S0, OCW3_POLL);
	assert_int_equal(in(&rig, S0), 0x81);
	assert_recorded(&rig.log, "irq0=1 "); /* IR3 asks as it did */
	set_up(&rig);
	line(&rig, 9, true);
	out(&rig, S0, OCW3_POLL);
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(in(&rig, S1), 0x81);
	assert_recorded(&rig.log, "irq0=0 ");
	assert_int_equal(irr(&rig, M0), 0x00);
	/* With AEOI the next one is a new edge at the master. */
	pic_rig_start(&rig, S0, (const uint8_t[]){0x11, 0x70, 0x02, 0x03});
	edge(&rig, 9);
	edge(&rig, 10);
	assert_int_equal(intack(&rig), 0x71);
	out(&rig, S0, OCW3_POLL);
	assert_int_equal(in(&rig, S0), 0x82);
	edge(&rig, 11);
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(intack(&rig), 0x73);
}

/* ---- the machine ---- */

static void reset_is_power_on_with_the_lines_as_they_are(void **state)
{
	struct pic_rig rig;

	(void)state;
	set_up(&rig);
	out(&rig, 0x4D1, 0x02);
	out(&rig, 0x4D0, 0x08);
	line(&rig, 9, true);
	line(&rig, 4, true);
	intack(&rig);
	out(&rig, S1, 0x40);
	out(&rig, M0, OCW3_POLL);
	out(&rig, S0, SET_LOWEST(3));
	line(&rig, 0, true);
	assert_recorded(&rig.log, "irq0=1 irq0=0 irq0=1 ");
	i8259_reset(&rig.pic);
	assert_recorded(&rig.log, "irq0=0 ");
	assert_int_equal(in(&rig, M0), 0x00);
	assert_int_equal(in(&rig, S1), 0x00);
	assert_int_equal(in(&rig, 0x4D0), 0x00);
	assert_int_equal(in(&rig, 0x4D1), 0x00);
	line(&rig, 5, true);
	assert_recorded(&rig.log, "");
	pic_rig_start_pair(&rig, ICW4_PLAIN, ICW4_PLAIN);
	assert_recorded(&rig.log, "");
	out(&rig, 0x4D1, 0x02); /* the line is still high */
	assert_recorded(&rig.log, "irq0=1 ");
	assert_int_equal(intack(&rig), 0x71);
	out(&rig, 0x4D0, 0x18);
	assert_int_equal(irr(&rig, M0), 0x10);
	line(&rig, 8, true);
	out(&rig, S0, OCW2_EOI);
	out(&rig, M0, OCW2_EOI);
	assert_int_equal(intack(&rig), 0x70);
}

/* What a test kernel in real mode rests on: firmware's vectors, and an edge that has come and gone
 * while the processor was not looking. */
static void a_pulse_by_the_test_port_is_there_after_sti(void **state)
{
	struct test_lines test = {.levels = 0};
	struct bus_region region = test_lines_region(&test);
	struct pic_rig rig;

	(void)state;
	for (int keep = 0; keep < 2; keep++) {
		pic_rig_set_up(&rig);
		rig.pic.keep_edges = keep;
		for (unsigned n = 0; n < 16; n++)
			test.lines[n] = i8259_input(&rig.pic, n);
		assert_int_equal(bus_add(&rig.bus, &region, NULL, 0), BUS_OK);
		pic_rig_start(&rig, M0, (const uint8_t[]){0x11, 0x08, 0x04, 0x01});
		pic_rig_start(&rig, S0, (const uint8_t[]){0x11, 0x70, 0x02, 0x01});
		out(&rig, M1, 0xFB);
		out(&rig, S1, 0xF3);
		bus_write(&rig.bus, 0x200B, 4, 1);
		bus_write(&rig.bus, 0x200B, 4, 0);
		assert_recorded(&rig.log, keep ? "irq0=1 " : "irq0=1 irq0=0 ");
		assert_int_equal(intack(&rig), keep ? 0x73 : 0x0F);
	}
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void one_step(struct pic_rig *rig, uint32_t r)
{
	static const unsigned ports[] = {M0, M1, S0, S1, 0x4D0, 0x4D1};

	switch (r % 5) {
	case 0:
	case 1: out(rig, ports[r / 5 % 6], r / 30); break;
	case 2: in(rig, ports[r / 5 % 6]); break;
	case 3: line(rig, r / 5 % 18, r / 90 & 1); break;
	case 4: intack(rig); break;
	}
}

/* Whatever came before, the log is a line's (no level twice), and a start makes the pair work. */
static void no_sequence_of_accesses_leaves_the_pair_broken(void **state)
{
	struct pic_rig rig;
	uint32_t random = 1;
	bool level = false;

	(void)state;
	set_up(&rig);
	for (unsigned round = 0; round < 20000; round++) {
		rig.pic.keep_edges = next_random(&random) & 1;
		for (unsigned i = next_random(&random) % 40; i > 0; i--)
			one_step(&rig, next_random(&random));
		for (const char *at = rig.log.text; *at; at += 7) {
			level = !level;
			assert_memory_equal(at, level ? "irq0=1 " : "irq0=0 ", 7);
		}
		assert_true(rig.pic.intr_level == level);
		forget(&rig);
		if (round % 16)
			continue;
		for (unsigned n = 0; n < 16; n++)
			line(&rig, n, false);
		bus_write(&rig.bus, 0x4D0, 2, 0);
		pic_rig_start_pair(&rig, ICW4_PLAIN, ICW4_PLAIN);
		edge(&rig, 6);
		edge(&rig, 13);
		assert_int_equal(intack(&rig), 0x75);
		out(&rig, S0, OCW2_EOI);
		out(&rig, M0, OCW2_EOI);
		assert_int_equal(intack(&rig), 0x26);
		out(&rig, M0, OCW2_EOI);
		assert_int_equal(intack(&rig), 0x27);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_input_has_its_vector),
		cmocka_unit_test(inputs_that_are_not_there_lead_nowhere),
		cmocka_unit_test(without_an_intr_the_pair_works_by_polling),
		cmocka_unit_test(the_slave_has_the_masters_third_place),
		cmocka_unit_test(both_chips_need_an_eoi_in_either_order),
		cmocka_unit_test(a_slave_in_service_is_locked_out_unless_specially_nested),
		cmocka_unit_test(special_nesting_is_for_slaves_alone),
		cmocka_unit_test(a_slaves_request_goes_from_the_master_too),
		cmocka_unit_test(where_edges_are_kept_the_slaves_is_kept_at_the_master),
		cmocka_unit_test(a_masters_mask_holds_all_of_the_slave),
		cmocka_unit_test(automatic_eois_in_both_chips_lose_no_request),
		cmocka_unit_test(level_lines_of_the_slave),
		cmocka_unit_test(a_slave_without_request_answers_its_ir7),
		cmocka_unit_test(a_slave_that_is_not_there_leaves_the_bus_open),
		cmocka_unit_test(a_single_master_answers_for_its_ir2),
		cmocka_unit_test(a_single_slave_answers_whatever_the_address),
		cmocka_unit_test(buffered_mode_changes_nothing),
		cmocka_unit_test(each_chip_is_polled_by_itself),
		cmocka_unit_test(polling_the_slave_lowers_its_int),
		cmocka_unit_test(reset_is_power_on_with_the_lines_as_they_are),
		cmocka_unit_test(a_pulse_by_the_test_port_is_there_after_sti),
		cmocka_unit_test(no_sequence_of_accesses_leaves_the_pair_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
