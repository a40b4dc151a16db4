// SPDX-License-Identifier: BSD-2-Clause
// Several drivers on one wire, and both of its ends.
// Not the controllers at the ends.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <cmocka.h>

#include "devices/irq_wire.h"
#include "tests/devices/recorder.h"

static void high_as_long_as_one_driver_is(void **state)
{
	struct recorder log = {.used = 0};
	struct irq_wire wire = {.ends = {recorder_irq(&log, 4), recorder_irq(&log, 20)}};
	struct irq_line uart = irq_wire_driver(&wire, 0), test = irq_wire_driver(&wire, 31);

	(void)state;
	irq_line_set(&uart, false);
	assert_string_equal(log.text, "");
	irq_line_set(&uart, true);
	irq_line_set(&test, true);
	irq_line_set(&uart, true);
	irq_line_set(&uart, false);
	assert_string_equal(log.text, "irq4=1 irq20=1 ");
	irq_line_set(&test, false);
	irq_line_set(&test, false);
	assert_string_equal(log.text, "irq4=1 irq20=1 irq4=0 irq20=0 ");
}

static void an_end_may_be_missing(void **state)
{
	struct recorder log = {.used = 0};
	struct irq_wire wire = {.ends = {{0}, recorder_irq(&log, 2)}}, loose = {.high = 0};
	struct irq_line pit = irq_wire_driver(&wire, 1), other = irq_wire_driver(&loose, 0);

	(void)state;
	irq_line_set(&pit, true);
	irq_line_set(&other, true);
	assert_string_equal(log.text, "irq2=1 ");
}

static void a_reset_controller_hears_the_level_again(void **state)
{
	struct recorder log = {.used = 0};
	struct irq_wire wire = {.ends = {recorder_irq(&log, 1)}};
	struct irq_line key = irq_wire_driver(&wire, 0);

	(void)state;
	irq_wire_repeat(&wire);
	irq_line_set(&key, true);
	irq_wire_repeat(&wire);
	assert_string_equal(log.text, "irq1=0 irq1=1 irq1=1 ");
}

static void there_are_so_many_drivers(void **state)
{
	struct irq_wire wire = {.high = 0};
	struct irq_line beyond = irq_wire_driver(&wire, IRQ_WIRE_DRIVERS);

	(void)state;
	assert_false(irq_line_connected(&beyond));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(high_as_long_as_one_driver_is),
		cmocka_unit_test(an_end_may_be_missing),
		cmocka_unit_test(a_reset_controller_hears_the_level_again),
		cmocka_unit_test(there_are_so_many_drivers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
