// SPDX-License-Identifier: BSD-2-Clause
// The 8254 through its ports: bytes, latches, read-back, port 61h, and how kernels use them.
// Not its modes, nor OUT0's line: tests/devices/test_i8254_modes.c and test_i8254_irq.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/devices/i8254_rig.h"

#define START 1000003u

static void set_up(struct i8254_rig *rig)
{
	pit_set_up(rig, START, 0);
}

/* ---- bytes ---- */

static void one_byte_counts(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_program(&rig, 1, LSB | MODE(2));
	pit_out(&rig, CH1, 3);
	pit_pass(&rig, 1);
	assert_int_equal(pit_in(&rig, CH1), 3);
	assert_int_equal(pit_in(&rig, CH1), 3);
	pit_pass(&rig, 2);
	assert_int_equal(pit_in(&rig, CH1), 1);
	/* A latched one is one byte, too. */
	pit_out(&rig, CONTROL, SELECT(1));
	pit_pass(&rig, 1);
	assert_int_equal(pit_in(&rig, CH1), 1);
	assert_int_equal(pit_in(&rig, CH1), 3);

	pit_program(&rig, 1, MSB | MODE(0));
	pit_out(&rig, CH1, 2);
	pit_pass(&rig, 1);
	assert_int_equal(pit_in(&rig, CH1), 2);
	pit_pass(&rig, 1);
	assert_int_equal(pit_in(&rig, CH1), 1);
	pit_out(&rig, CONTROL, SELECT(1));
	pit_pass(&rig, 256);
	assert_int_equal(pit_in(&rig, CH1), 1);
	assert_int_equal(pit_in(&rig, CH1), 0);
	pit_pass(&rig, 254);
	assert_false(pit_output(&rig, 1));
	pit_pass(&rig, 1);
	assert_true(pit_output(&rig, 1));
	/* One byte is all of it: it lowers OUT and starts anew. */
	pit_out(&rig, CH1, 1);
	assert_false(pit_output(&rig, 1));
	pit_pass(&rig, 1 + 256);
	assert_true(pit_output(&rig, 1));
	/* The byte that is not written is 0, whatever was there. */
	pit_program(&rig, 1, LSB | MODE(2));
	pit_out(&rig, CH1, 9);
	pit_pass(&rig, 1);
	pit_out(&rig, CONTROL, SELECT(1) | BOTH | MODE(2));
	assert_int_equal(pit_in(&rig, CH1), 9);
	assert_int_equal(pit_in(&rig, CH1), 0);
}

static void reading_and_writing_have_a_flip_flop_each(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_program(&rig, 1, MODE(4));
	pit_count(&rig, 1, 0x1234);
	pit_pass(&rig, 1);
	pit_out(&rig, CH1, 0x78);
	assert_int_equal(pit_in(&rig, CH1), 0x34);
	pit_out(&rig, CH1, 0x56);
	pit_pass(&rig, 1);
	assert_int_equal(pit_in(&rig, CH1), 0x56);
	assert_int_equal(pit_in(&rig, CH1), 0x78);
	/* Bytes not latched are of their own moments. */
	pit_pass(&rig, 0x100);
	assert_int_equal(pit_in(&rig, CH1), 0x55);
	/* A control word begins both anew. */
	assert_int_equal(pit_in(&rig, CH1), 0x78);
	pit_out(&rig, CH1, 0x11);
	pit_program(&rig, 1, MODE(4));
	pit_count(&rig, 1, 0x2233);
	pit_pass(&rig, 1);
	assert_int_equal(pit_in(&rig, CH1), 0x33);
	assert_int_equal(pit_in(&rig, CH1), 0x22);
}

static void latched_counts_wait_to_be_read(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_program(&rig, 1, MODE(2));
	pit_count(&rig, 1, 0x4321);
	pit_pass(&rig, 1);
	pit_out(&rig, CONTROL, SELECT(1));
	pit_pass(&rig, 0x333);
	/* The second is ignored; bits 3:0 of the command are no matter, nor is another counter. */
	pit_out(&rig, CONTROL, SELECT(1) | 0x0F);
	pit_out(&rig, CONTROL, READ_COUNT(1));
	pit_out(&rig, CONTROL, SELECT(0));
	assert_int_equal(pit_in(&rig, CH1), 0x21);
	pit_out(&rig, CONTROL, SELECT(1));
	assert_int_equal(pit_in(&rig, CH1), 0x43);
	assert_int_equal(pit_in(&rig, CH1), 0xEE);
	assert_int_equal(pit_in(&rig, CH1), 0x3F);
	/* A latched count begins with its low byte, whatever half was read before. */
	assert_int_equal(pit_in(&rig, CH1), 0xEE);
	assert_int_equal(pit_latched(&rig, 1), 0x3FEE);
	/* Reprogrammed, it is gone. */
	pit_out(&rig, CONTROL, SELECT(1));
	pit_out(&rig, CONTROL, READ_STATUS(1));
	pit_program(&rig, 1, MODE(4));
	pit_count(&rig, 1, 0x77);
	pit_pass(&rig, 1);
	assert_int_equal(pit_in(&rig, CH1), 0x77);
}

static void read_back_latches_counts_and_states_of_several(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	for (unsigned n = 0; n < 3; n++) {
		pit_program(&rig, n, n ? BOTH | MODE(4) : LSB | MODE(3));
		pit_out(&rig, CH0 + n, 0x10 * (n + 1));
	}
	pit_out(&rig, CH1, 1);
	pit_pass(&rig, 2);
	/* "Read-Back Command": all three, status and count; status comes first. */
	pit_out(&rig, CONTROL, 0xCE);
	pit_pass(&rig, 3);
	pit_out(&rig, CONTROL, 0xCE);
	assert_int_equal(pit_in(&rig, CH0), OUTPUT | LSB | MODE(3));
	assert_int_equal(pit_in(&rig, CH0), 0x0E);
	assert_int_equal(pit_in(&rig, CH0), 0x08);
	assert_int_equal(pit_in(&rig, CH1), OUTPUT | BOTH | MODE(4));
	assert_int_equal(pit_in(&rig, CH1), 0x1F);
	assert_int_equal(pit_in(&rig, CH1), 0x01);
	/* Half a count is written to this one, and nothing is loaded. */
	assert_int_equal(pit_in(&rig, CH2), OUTPUT | NULL_COUNT | BOTH | MODE(4));
	/* Neither: nothing is latched. A status between the bytes of a count is in front. */
	pit_out(&rig, CONTROL, 0xFE);
	pit_out(&rig, CONTROL, READ_COUNT(1));
	assert_int_equal(pit_in(&rig, CH1), 0x1C);
	pit_out(&rig, CONTROL, READ_STATUS(1));
	assert_int_equal(pit_in(&rig, CH1), OUTPUT | BOTH | MODE(4));
	assert_int_equal(pit_in(&rig, CH1), 0x01);
	/* So is the first of two, as long as it is not read. */
	pit_count(&rig, 1, 5);
	pit_out(&rig, CONTROL, READ_STATUS(1));
	pit_pass(&rig, 1);
	pit_out(&rig, CONTROL, READ_STATUS(1));
	assert_int_equal(pit_in(&rig, CH1), OUTPUT | NULL_COUNT | BOTH | MODE(4));
	assert_int_equal(pit_status(&rig, 1), OUTPUT | BOTH | MODE(4));
	/* Counter 0's bit is bit 1. */
	pit_out(&rig, CONTROL, READ_STATUS(0));
	assert_int_equal(pit_in(&rig, CH1), 0x05);
	assert_int_equal(pit_in(&rig, CH0), OUTPUT | LSB | MODE(3));
}

static void null_count_is_set_until_the_count_is_loaded(void **state)
{
	static const struct {
		unsigned mode;
		unsigned wait; /* pulses until a second count is loaded, the first being 10 */
	} rows[] = {{0, 1}, {2, 8}, {3, 3}, {4, 1}};
	struct i8254_rig rig;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_up(&rig);
		pit_program(&rig, 1, MODE(rows[i].mode));
		assert_int_equal(pit_status(&rig, 1) & NULL_COUNT, NULL_COUNT);
		pit_count(&rig, 1, 10);
		assert_int_equal(pit_status(&rig, 1) & NULL_COUNT, NULL_COUNT);
		pit_pass(&rig, 1);
		assert_int_equal(pit_status(&rig, 1) & NULL_COUNT, 0);
		pit_pass(&rig, 2);
		/* The second byte sets it. */
		pit_out(&rig, CH1, 20);
		assert_int_equal(pit_status(&rig, 1) & NULL_COUNT, 0);
		pit_out(&rig, CH1, 0);
		pit_pass(&rig, rows[i].wait - 1);
		assert_int_equal(pit_status(&rig, 1) & NULL_COUNT, NULL_COUNT);
		pit_pass(&rig, 1);
		assert_int_equal(pit_status(&rig, 1) & NULL_COUNT, 0);
	}
}

static void a_half_written_count_is_not_loaded(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_program(&rig, 1, MODE(2));
	pit_count(&rig, 1, 0x102);
	pit_pass(&rig, 1);
	pit_out(&rig, CH1, 9);
	pit_pass(&rig, 0x102);
	assert_int_equal(pit_latched(&rig, 1), 0x102);
	pit_out(&rig, CH1, 0);
	pit_pass(&rig, 0x102);
	assert_int_equal(pit_latched(&rig, 1), 9);
}

/* ---- the ports ---- */

static void nothing_counts_before_software_comes(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_pass(&rig, 200000);
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(pit_status(&rig, n), NULL_COUNT | BOTH);
		assert_int_equal(pit_latched(&rig, n), 0);
	}
	assert_int_equal(pit_in(&rig, PORT61) & ~0x10u, 0);
	assert_true(i8254_next(&rig.pit) == UINT64_MAX);
	assert_recorded(&rig.log, "");
}

static void ports_of_other_widths_are_taken_by_bytes(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	assert_int_equal(pit_in(&rig, CONTROL), 0xFF);
	pit_program(&rig, 0, LSB | MODE(4));
	pit_program(&rig, 1, LSB | MODE(4));
	bus_write(&rig.bus, CH0, 2, 0x2010);
	pit_pass(&rig, 1);
	assert_int_equal(bus_read(&rig.bus, CH0, 4), 0xFF002010);
	/* All four at once: counts, and then a control word. */
	bus_write(&rig.bus, CH0, 4, SELECT(1) << 24 | 0x000640);
	pit_pass(&rig, 1);
	assert_int_equal(pit_in(&rig, CH0), 0x40);
	assert_int_equal(pit_in(&rig, CH1), 0x20);
	assert_int_equal(pit_in(&rig, CH1), 0x06);
}

static void port_61_has_gate_2_and_out_2(void **state)
{
	struct i8254_rig rig;
	unsigned refresh;

	(void)state;
	set_up(&rig);
	pit_out(&rig, PORT61, 0xFE);
	assert_int_equal(pit_in(&rig, PORT61) & ~0x10u, 0x0E);
	assert_false(rig.pit.channels[2].gate);
	pit_out(&rig, PORT61, 0x01);
	assert_true(rig.pit.channels[2].gate);
	pit_program(&rig, 2, LSB | MODE(0));
	pit_out(&rig, CH2, 10);
	pit_pass(&rig, 10);
	assert_int_equal(pit_in(&rig, PORT61) & ~0x10u, 0x01);
	pit_pass(&rig, 1);
	assert_int_equal(pit_in(&rig, PORT61) & ~0x10u, 0x21);

	/* The refresh bit: 18 clocks so and 18 otherwise, from wherever it was. */
	refresh = pit_in(&rig, PORT61) & 0x10;
	while ((pit_in(&rig, PORT61) & 0x10) == refresh)
		pit_pass(&rig, 1);
	for (unsigned i = 0; i < 5; i++) {
		refresh ^= 0x10;
		pit_pass(&rig, 17);
		assert_int_equal(pit_in(&rig, PORT61) & 0x10, refresh);
		pit_pass(&rig, 1);
		assert_int_equal(pit_in(&rig, PORT61) & 0x10, refresh ^ 0x10);
	}
}

static void gates_0_and_1_are_high_and_not_port_61s(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	for (unsigned n = 0; n < 3; n++) {
		pit_program(&rig, n, MODE(0));
		pit_count(&rig, n, 100);
	}
	pit_pass(&rig, 11);
	assert_int_equal(pit_latched(&rig, 0), 90);
	assert_int_equal(pit_latched(&rig, 1), 90);
	assert_int_equal(pit_latched(&rig, 2), 100);
	pit_gate(&rig, true);
	pit_gate(&rig, true);
	pit_gate(&rig, false);
	pit_pass(&rig, 10);
	assert_int_equal(pit_latched(&rig, 0), 80);
	assert_int_equal(pit_latched(&rig, 1), 80);
	assert_int_equal(pit_latched(&rig, 2), 100);
	/* What has passed before a write is not the new gate's. */
	pit_out(&rig, PORT61, 1);
	pit_pass(&rig, 7);
	pit_out(&rig, PORT61, 0);
	pit_pass(&rig, 7);
	pit_out(&rig, PORT61, 1);
	pit_pass(&rig, 1);
	assert_int_equal(pit_latched(&rig, 2), 92);
}

/* ---- as operating systems use it ---- */

/* 50 ms in mode 0 on channel 2 behind the gate, until OUT2 shows in port 61h. */
static void a_kernel_calibrates_by_out_2(void **state)
{
	struct i8254_rig rig;
	uint64_t start;

	(void)state;
	set_up(&rig);
	pit_out(&rig, PORT61, (pit_in(&rig, PORT61) & ~0x02u) | 0x01);
	pit_out(&rig, CONTROL, 0xB0);
	pit_count(&rig, 2, 59659);
	start = rig.ns;
	while (!(pit_in(&rig, PORT61) & 0x20))
		rig.ns += 500;
	assert_in_range(rig.ns - start, 59659 * 838ull, 59659 * 838ull + 8000);
}

/* The high byte of a free running mode 0, each value for 256 clocks; a byte pair per look. */
static void a_kernel_calibrates_by_the_high_byte(void **state)
{
	struct i8254_rig rig;
	uint64_t start;

	(void)state;
	set_up(&rig);
	pit_out(&rig, PORT61, 0x01);
	pit_out(&rig, CONTROL, 0xB0);
	pit_out(&rig, CH2, 0xFF);
	pit_out(&rig, CH2, 0xFF);
	rig.ns += 1000;
	start = rig.ns;
	for (unsigned expected = 0xFF; expected >= 0xC0; expected--) {
		unsigned looks = 0;

		for (;; looks++) {
			pit_in(&rig, CH2);
			if (pit_in(&rig, CH2) != expected)
				break;
			rig.ns += 2000;
		}
		assert_in_range(looks, 104, 108);
	}
	/* 64 times 256 clocks. */
	assert_in_range(rig.ns - start, 13729000, 13733000);
}

/* What 1193181.67 Hz means over 30 years: each second has a phase of its own. */
static void no_drift_over_years(void **state)
{
	struct i8254_rig rig;

	(void)state;
	pit_set_up(&rig, 0, 0);
	pit_program(&rig, 1, MODE(2));
	pit_count(&rig, 1, 0);
	pit_pass(&rig, 1);
	for (unsigned year = 0; year < 30; year++) {
		uint64_t clock;

		rig.ns += 31557600ull * 1000000000;
		clock = (uint64_t)((unsigned __int128)rig.ns * 14318180 / 12 / 1000000000);
		assert_int_equal(pit_latched(&rig, 1), (0x10000 - (clock - 1) % 0x10000) & 0xFFFF);
	}
	/* The end of the clock's time is survived. */
	rig.ns = UINT64_MAX;
	pit_latched(&rig, 1);
	pit_program(&rig, 0, LSB | MODE(2));
	pit_out(&rig, CH0, 2);
	assert_true(i8254_next(&rig.pit) == UINT64_MAX);
}

static void reset_is_power_on(void **state)
{
	struct i8254_rig rig;

	(void)state;
	set_up(&rig);
	pit_out(&rig, PORT61, 0x0F);
	for (unsigned n = 0; n < 3; n++) {
		pit_program(&rig, n, LSB | MODE(4));
		pit_out(&rig, CH0 + n, 5);
		pit_out(&rig, CONTROL, READ_STATUS_AND_COUNT(n));
	}
	assert_recorded(&rig.log, "irq0=1 ");
	i8254_reset(&rig.pit);
	assert_recorded(&rig.log, "irq0=0 ");
	pit_pass(&rig, 10);
	assert_int_equal(pit_in(&rig, PORT61) & ~0x10u, 0);
	for (unsigned n = 0; n < 3; n++) {
		assert_int_equal(pit_latched(&rig, n), 0);
		assert_int_equal(pit_status(&rig, n), NULL_COUNT | BOTH);
	}
	/* Gates 0 and 1 still high, 2 low. */
	for (unsigned n = 0; n < 3; n++)
		pit_count(&rig, n, 3);
	pit_pass(&rig, 4);
	assert_true(pit_output(&rig, 0));
	assert_true(pit_output(&rig, 1));
	assert_false(pit_output(&rig, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_byte_counts),
		cmocka_unit_test(reading_and_writing_have_a_flip_flop_each),
		cmocka_unit_test(latched_counts_wait_to_be_read),
		cmocka_unit_test(read_back_latches_counts_and_states_of_several),
		cmocka_unit_test(null_count_is_set_until_the_count_is_loaded),
		cmocka_unit_test(a_half_written_count_is_not_loaded),
		cmocka_unit_test(nothing_counts_before_software_comes),
		cmocka_unit_test(ports_of_other_widths_are_taken_by_bytes),
		cmocka_unit_test(port_61_has_gate_2_and_out_2),
		cmocka_unit_test(gates_0_and_1_are_high_and_not_port_61s),
		cmocka_unit_test(a_kernel_calibrates_by_out_2),
		cmocka_unit_test(a_kernel_calibrates_by_the_high_byte),
		cmocka_unit_test(no_drift_over_years),
		cmocka_unit_test(reset_is_power_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
