// SPDX-License-Identifier: BSD-2-Clause
// Lines that send messages: when an edge or a level is sent, once or again, and what is read.
// Not who receives them.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "devices/test_messages.h"
#include "tests/devices/recorder.h"

#define LINE(n)    (TEST_MESSAGES_PORT + TEST_MESSAGES_STEP * (n))
#define HOW        0x0u
#define DEST       0x4u
#define LEVEL      0x8u
#define SENT       0xCu
#define TRIGGER    0x8000u
#define REMOTE_IRR 0x4000u
#define MASKED     0x10000u

static struct recorder heard;
static struct test_messages dev;
static struct bus bus;
static struct bus_region table[1];
static bool accepted;

static bool send(void *opaque, const struct test_message *m)
{
	(void)opaque;
	recorder_note(&heard, "%x:%x/%u%s%s ", m->dest, m->vector, m->mode, m->logical ? "l" : "",
		      m->level ? "L" : "");
	return accepted;
}

static void changed(void *opaque)
{
	(void)opaque;
	recorder_note(&heard, "changed ");
}

static const struct test_messages_ops ops = {.send = send, .changed = changed};

static void out(unsigned port, uint32_t value)
{
	bus_write(&bus, port, 4, value);
}

static uint32_t in(unsigned port)
{
	return (uint32_t)bus_read(&bus, port, 4);
}

static void forget(void)
{
	heard = (struct recorder){.used = 0};
}

static int setup(void **state)
{
	struct bus_region region;

	(void)state;
	test_messages_init(&dev, &ops, NULL);
	region = test_messages_region(&dev);
	bus_init(&bus, "ports", BUS_LAST_PORT, table, 1);
	accepted = true;
	forget();
	return bus_add(&bus, &region, NULL, 0) != BUS_OK;
}

static void test_at_first_all_lines_are_masked_and_low(void **state)
{
	(void)state;
	for (unsigned n = 0; n < TEST_MESSAGES_COUNT; n++) {
		assert_int_equal(in(LINE(n) + HOW), MASKED);
		assert_int_equal(in(LINE(n) + DEST), 0);
		assert_int_equal(in(LINE(n) + LEVEL), 0);
		assert_int_equal(in(LINE(n) + SENT), 0);
		out(LINE(n) + LEVEL, 1);
	}
	assert_recorded(&heard, "");
}

static void test_an_edge_is_sent_at_each_rise_and_only_there(void **state)
{
	(void)state;
	out(LINE(1) + DEST, 0x03FFFFFF);
	out(LINE(1) + HOW, 0x931);
	out(LINE(1) + LEVEL, 1);
	out(LINE(1) + LEVEL, 7);
	out(LINE(1) + LEVEL, 0);
	test_messages_eoi(&dev, 0x31);
	out(LINE(1) + LEVEL, 1);
	assert_recorded(&heard, "changed changed 3:31/1l 3:31/1l ");
	assert_int_equal(in(LINE(1) + SENT), 2);
	assert_int_equal(in(LINE(1) + HOW), 0x931);
	assert_int_equal(in(LINE(1) + DEST), 0x03000000);
	assert_int_equal(in(LINE(0) + SENT), 0);
}

static void test_an_edge_that_was_masked_is_lost(void **state)
{
	(void)state;
	out(LINE(0) + HOW, MASKED | 0x31);
	out(LINE(0) + LEVEL, 1);
	out(LINE(0) + HOW, 0x31);
	assert_recorded(&heard, "changed changed ");
}

static void test_a_level_is_sent_again_after_its_eoi_while_it_lasts(void **state)
{
	(void)state;
	out(LINE(2) + HOW, TRIGGER | 0x41);
	forget();
	out(LINE(2) + LEVEL, 1);
	assert_recorded(&heard, "0:41/0L ");
	assert_int_equal(in(LINE(2) + HOW), TRIGGER | REMOTE_IRR | 0x41);
	assert_int_equal(in(LINE(2) + LEVEL), 1);
	/* Neither another edge nor another vector's EOI counts. */
	out(LINE(2) + LEVEL, 0);
	out(LINE(2) + LEVEL, 1);
	test_messages_eoi(&dev, 0x42);
	assert_recorded(&heard, "");
	test_messages_eoi(&dev, 0x41);
	assert_recorded(&heard, "0:41/0L ");
	out(LINE(2) + LEVEL, 0);
	test_messages_eoi(&dev, 0x41);
	assert_recorded(&heard, "");
	assert_int_equal(in(LINE(2) + HOW), TRIGGER | 0x41);
	test_messages_eoi(&dev, 0x41);
	assert_int_equal(in(LINE(2) + SENT), 2);
}

static void test_a_level_outlasts_its_mask(void **state)
{
	(void)state;
	out(LINE(0) + HOW, TRIGGER | MASKED | 0x41);
	out(LINE(0) + LEVEL, 1);
	forget();
	out(LINE(0) + HOW, TRIGGER | 0x41);
	assert_recorded(&heard, "changed 0:41/0L ");
	/* Masked in service: the EOI is taken, and nothing is sent until the mask is gone. */
	out(LINE(0) + HOW, TRIGGER | MASKED | 0x41);
	test_messages_eoi(&dev, 0x41);
	assert_int_equal(in(LINE(0) + HOW), TRIGGER | MASKED | 0x41);
	forget();
	out(LINE(0) + HOW, TRIGGER | 0x41);
	assert_recorded(&heard, "changed 0:41/0L ");
}

static void test_a_level_that_nobody_took_waits_for_no_eoi(void **state)
{
	(void)state;
	accepted = false;
	out(LINE(0) + HOW, TRIGGER | 0x41);
	out(LINE(0) + LEVEL, 1);
	assert_int_equal(in(LINE(0) + HOW), TRIGGER | 0x41);
	accepted = true;
	out(LINE(0) + LEVEL, 1);
	assert_int_equal(in(LINE(0) + HOW), TRIGGER | REMOTE_IRR | 0x41);
	assert_int_equal(in(LINE(0) + SENT), 2);
}

static void test_lines_with_one_vector_hear_the_same_eoi(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 2; n++) {
		out(LINE(n) + DEST, n << 24);
		out(LINE(n) + HOW, TRIGGER | 0x41);
		out(LINE(n) + LEVEL, 1);
	}
	forget();
	test_messages_eoi(&dev, 0x41);
	assert_recorded(&heard, "0:41/0L 1:41/0L ");
}

static void test_to_become_an_edge_forgets_the_remote_irr(void **state)
{
	(void)state;
	out(LINE(0) + HOW, TRIGGER | 0x41);
	out(LINE(0) + LEVEL, 1);
	out(LINE(0) + HOW, 0x41);
	assert_int_equal(in(LINE(0) + HOW), 0x41);
	test_messages_eoi(&dev, 0x41);
	assert_int_equal(in(LINE(0) + SENT), 1);
}

static void test_only_whole_registers_answer(void **state)
{
	(void)state;
	bus_write(&bus, LINE(0) + HOW, 1, 0);
	bus_write(&bus, LINE(0) + HOW, 2, 0);
	bus_write(&bus, LINE(0) + HOW + 1, 4, 0);
	out(LINE(0) + SENT, 5);
	assert_int_equal(in(LINE(0) + HOW), MASKED);
	assert_int_equal(in(LINE(0) + SENT), 0);
	assert_int_equal(bus_read(&bus, LINE(0) + HOW, 1), 0xFF);
	assert_int_equal(bus_read(&bus, LINE(0) + HOW + 2, 4), 0xFFFFFFFF);
	assert_recorded(&heard, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_at_first_all_lines_are_masked_and_low, setup),
		cmocka_unit_test_setup(test_an_edge_is_sent_at_each_rise_and_only_there, setup),
		cmocka_unit_test_setup(test_an_edge_that_was_masked_is_lost, setup),
		cmocka_unit_test_setup(test_a_level_is_sent_again_after_its_eoi_while_it_lasts,
				       setup),
		cmocka_unit_test_setup(test_a_level_outlasts_its_mask, setup),
		cmocka_unit_test_setup(test_a_level_that_nobody_took_waits_for_no_eoi, setup),
		cmocka_unit_test_setup(test_lines_with_one_vector_hear_the_same_eoi, setup),
		cmocka_unit_test_setup(test_to_become_an_edge_forgets_the_remote_irr, setup),
		cmocka_unit_test_setup(test_only_whole_registers_answer, setup),
	};

	return cmocka_run_group_tests_name("test messages", tests, NULL, NULL);
}
