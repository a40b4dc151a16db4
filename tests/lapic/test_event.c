// SPDX-License-Identifier: BSD-2-Clause
/*
 * The event hook: what is told, when, of whom, by which rule; and silence when it is off.
 * Not whether what is told about is right: the other tests.
 */
#include "tests/lapic/rig.h"

static struct lapic *traced(void)
{
	struct lapic *l = rig_one();

	rig_trace(l);
	return l;
}

static struct lapic_event only(const struct lapic *l, enum lapic_event_kind kind)
{
	struct lapic_event last;

	assert_int_equal(told(l, kind, &last), 1);
	return last;
}

/* Rules: ACP-1, RST-3 */
static void test_posts(void **state)
{
	struct lapic *l = traced();
	struct lapic_event e;

	(void)state;
	rig_of(l)->ns = 123456789;
	lapic_post(l, LAPIC_FIXED, 0x41, true);
	e = only(l, LAPIC_EVENT_ACCEPTED);
	assert_int_equal(e.source, LAPIC_FROM_HOST);
	assert_int_equal(e.vector, 0x41);
	assert_int_equal(e.mode, LAPIC_FIXED);
	assert_true(e.level);
	assert_int_equal(e.when_ns, 123456789);
	assert_null(e.rule);
	lapic_post(l, LAPIC_FIXED, 0x41, true);
	assert_int_equal(only(l, LAPIC_EVENT_MERGED).vector, 0x41);
	put(l, APIC_SVR, 0xFF);
	lapic_post(l, LAPIC_FIXED, 0x42, false);
	e = only(l, LAPIC_EVENT_REFUSED);
	assert_int_equal(e.vector, 0x42);
	assert_false(e.level);
}

/* Rules: ICR-2, MP-1, MP-4 */
static void test_posts_of_other_modes(void **state)
{
	static const enum lapic_delivery modes[] = {LAPIC_NMI, LAPIC_SMI, LAPIC_EXTINT, LAPIC_INIT};
	struct lapic *l = traced();
	struct lapic_event e;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		lapic_post(l, modes[i], 0, false);
		assert_int_equal(told(l, LAPIC_EVENT_ACCEPTED, &e), i + 1);
		assert_int_equal(e.mode, modes[i]);
		/* A message is an edge; an ExtINT that lapic_raise() brings is a level. */
		assert_false(e.level);
	}
	lapic_post(l, LAPIC_SIPI, 0x12, false);
	e = only(l, LAPIC_EVENT_REFUSED);
	assert_int_equal(e.mode, LAPIC_SIPI);
	lapic_post(l, LAPIC_INIT, 0, false);
	assert_int_equal(only(l, LAPIC_EVENT_MERGED).mode, LAPIC_INIT);
	/* After an INIT it is disabled by software, and takes no ExtINT. */
	lapic_post(l, LAPIC_EXTINT, 0, false);
	assert_int_equal(told(l, LAPIC_EVENT_REFUSED, &e), 2);
	assert_int_equal(e.mode, LAPIC_EXTINT);
	assert_false(e.level);
}

/* Rules: ACP-2, ACP-3, ACP-4, PRI-5 */
static void test_acknowledge_and_eoi(void **state)
{
	struct lapic *l = traced();
	struct lapic_event e;

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x41, true);
	assert_takes(l, 0x41);
	assert_int_equal(only(l, LAPIC_EVENT_ACK).vector, 0x41);
	eoi(l);
	e = only(l, LAPIC_EVENT_EOI);
	assert_int_equal(e.vector, 0x41);
	assert_int_equal(e.value, 1);
	lapic_ack(l);
	assert_int_equal(only(l, LAPIC_EVENT_SPURIOUS).vector, 0xFF);
}

/* Rules: MP-4, ICR-2 */
static void test_what_the_processor_takes(void **state)
{
	struct lapic *l = traced();
	struct lapic_event e;

	(void)state;
	lapic_post(l, LAPIC_NMI, 0, false);
	lapic_post(l, LAPIC_SMI, 0, false);
	lapic_post(l, LAPIC_EXTINT, 0, false);
	lapic_take_nmi(l);
	assert_int_equal(told(l, LAPIC_EVENT_ACK, &e), 1);
	assert_int_equal(e.mode, LAPIC_NMI);
	lapic_take_smi(l);
	assert_int_equal(told(l, LAPIC_EVENT_ACK, &e), 2);
	assert_int_equal(e.mode, LAPIC_SMI);
	lapic_take_extint(l);
	assert_int_equal(told(l, LAPIC_EVENT_ACK, &e), 3);
	assert_int_equal(e.mode, LAPIC_EXTINT);
	/* What was not there is not told. */
	lapic_take_nmi(l);
	lapic_take_smi(l);
	lapic_take_extint(l);
	assert_int_equal(told(l, LAPIC_EVENT_ACK, NULL), 3);
}

/* Rules: MP-6, BASE-3, RST-1 */
static void test_flushed_vectors_are_named(void **state)
{
	(void)state;
	for (unsigned how = 0; how < 3; how++) {
		struct lapic *l = rig_running(2)->l[1];
		uint32_t seen[8] = {0};
		unsigned flushed = 0;

		lapic_post(l, LAPIC_FIXED, 0x10, false);
		lapic_post(l, LAPIC_FIXED, 0x5B, true);
		lapic_post(l, LAPIC_FIXED, 0x5C, true);
		lapic_post(l, LAPIC_FIXED, 0xFF, false);
		rig_trace(l);
		if (how == 0) {
			lapic_post(l, LAPIC_INIT, 0, false);
			lapic_take_init(l);
			only(l, LAPIC_EVENT_INIT);
		} else if (how == 1) {
			rig_disable(l);
		} else {
			lapic_reset(l);
		}
		for (unsigned i = 0; i < rig_cpu_of(l)->events; i++) {
			const struct lapic_event *e = &rig_cpu_of(l)->event[i];

			if (e->kind != LAPIC_EVENT_FLUSHED)
				continue;
			seen[e->vector / 32] |= 1u << e->vector % 32;
			flushed++;
		}
		assert_int_equal(flushed, 4);
		assert_int_equal(seen[0], 1u << 0x10);
		assert_int_equal(seen[2], 1u << 0x1B | 1u << 0x1C);
		assert_int_equal(seen[7], 1u << 31);
	}
}

/* Rules: MP-1, MP-2 */
static void test_init_and_sipi(void **state)
{
	struct lapic *l = rig_running(2)->l[1];
	uint8_t page;

	(void)state;
	rig_trace(l);
	lapic_post(l, LAPIC_INIT, 0, false);
	lapic_post(l, LAPIC_SIPI, 0x9A, false);
	assert_int_equal(told(l, LAPIC_EVENT_INIT, NULL), 0);
	lapic_take_init(l);
	only(l, LAPIC_EVENT_INIT);
	lapic_take_sipi(l, &page);
	assert_int_equal(only(l, LAPIC_EVENT_SIPI).vector, 0x9A);
	lapic_take_init(l);
	lapic_take_sipi(l, &page);
	only(l, LAPIC_EVENT_INIT);
	only(l, LAPIC_EVENT_SIPI);
}

/* Rules: BASE-5, BASE-3 */
static void test_modes(void **state)
{
	struct lapic *l = traced();
	struct lapic_event e;

	(void)state;
	rig_x2apic(l);
	assert_int_equal(only(l, LAPIC_EVENT_MODE).value,
			 0xFEE00000 | BASE_EN | BASE_EXTD | BASE_BSP);
	rig_disable(l);
	assert_int_equal(told(l, LAPIC_EVENT_MODE, &e), 2);
	assert_int_equal(e.value, 0xFEE00000 | BASE_BSP);
	lapic_reset(l);
	assert_int_equal(told(l, LAPIC_EVENT_MODE, &e), 3);
	assert_int_equal(e.value, 0xFEE00000 | BASE_EN | BASE_BSP);
}

/* Rules: ACC-2, ACC-3, ACC-4, ACC-6, ACP-3, BASE-1, BASE-2, ERR-2, ICR-2, ICR-3, MSR-1, MSR-2,
 * TMR-6 */
static void test_mistakes_by_rule(void **state)
{
	struct lapic *l = traced();
	struct lapic_event e;
	uint64_t value;

	(void)state;
	lapic_mmio_read(l, APIC_TPR + 1, 2);
	assert_mistake(l, "ACC-2");
	lapic_mmio_write(l, 0x404, 2, 0);
	assert_mistake(l, "ACC-2");
	lapic_mmio_read(l, 0x410, 4);
	assert_mistake(l, "ACC-3");
	told(l, LAPIC_EVENT_MISTAKE, &e);
	assert_int_equal(e.value, 0x410);
	lapic_mmio_write(l, 0x3F0, 4, 0);
	assert_mistake(l, "ACC-3");
	lapic_mmio_write(l, APIC_VERSION, 4, 0);
	assert_mistake(l, "ACC-4");
	lapic_mmio_write(l, APIC_APR, 4, 0);
	assert_mistake(l, "ACC-4");
	put(l, APIC_EOI, 0);
	assert_mistake(l, "ACP-3");
	put(l, APIC_ICR, MODE(3) | 0x40);
	assert_mistake(l, "ICR-2");
	put(l, APIC_ICR, MODE(LAPIC_NMI) | TO_SELF);
	assert_mistake(l, "ICR-3");
	put(l, APIC_ICR, 7);
	assert_mistake(l, "ERR-2");
	put(l, APIC_LVT_TIMER, DEADLINE | 0x40);
	put(l, APIC_TMICT, 5);
	assert_mistake(l, "TMR-6");
	assert_int_equal(lapic_msr_read(l, 0x802, &value), LAPIC_GP);
	assert_mistake(l, "MSR-1");
	told(l, LAPIC_EVENT_MISTAKE, &e);
	assert_int_equal(e.value, 0x802);
	rig_x2apic(l);
	assert_int_equal(lapic_msr_read(l, 0x80E, &value), LAPIC_GP);
	assert_mistake(l, "MSR-2");
	assert_int_equal(lapic_msr_write(l, MSR_BASE, 1), LAPIC_GP);
	assert_mistake(l, "BASE-1");
	assert_int_equal(lapic_msr_write(l, MSR_BASE, 0xFEE00000 | BASE_EN), LAPIC_GP);
	assert_mistake(l, "BASE-2");
}

static void id_read_only(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->xapic_id_writable = false;
}

/* Rules: ACC-6 */
static void test_writing_a_read_only_id_is_a_mistake(void **state)
{
	struct lapic *l = rig_tuned(1, id_read_only)->l[0];

	(void)state;
	rig_trace(l);
	put(l, APIC_ID, 0x05000000);
	assert_mistake(l, "ACC-6");
}

static void test_right_programmes_make_no_mistakes(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic *l = r->l[0];

	(void)state;
	rig_trace(l);
	for (uint32_t offset = APIC_LVT_TIMER; offset <= APIC_LVT_ERROR; offset += 0x10)
		put(l, offset, get(l, offset));
	put(l, APIC_TPR, 0x10);
	put(l, APIC_LDR, 0x01000000);
	put(l, APIC_DFR, 0xFFFFFFFF);
	send_ipi(l, 1, MODE(LAPIC_INIT) | ASSERT | LEVEL);
	send_ipi(l, 1, MODE(LAPIC_INIT) | LEVEL); /* the de-assert of old start-up code */
	send_ipi(l, 1, MODE(LAPIC_SIPI) | 8);
	latch_esr(l);
	rig_x2apic(l);
	set_msr(l, 0x83F, 0x40);
	assert_serves(l, 0x40);
	assert_int_equal(told(l, LAPIC_EVENT_MISTAKE, NULL), 0);
	assert_int_equal(told(l, LAPIC_EVENT_ERROR, NULL), 0);
}

static void test_off_it_is_silent(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x40, false);
	assert_serves(l, 0x40);
	assert_int_equal(rig_cpu_of(l)->events, 0);
	rig_trace(l);
	lapic_post(l, LAPIC_FIXED, 0x40, false);
	assert_int_equal(rig_cpu_of(l)->events, 1);
	lapic_set_event_hook(l, NULL);
	assert_serves(l, 0x40);
	lapic_mmio_read(l, 0x400, 4);
	rig_disable(l);
	assert_int_equal(rig_cpu_of(l)->events, 1);
}

static unsigned calls;
static struct lapic *watched;

static void watching(void *opaque, const struct lapic_event *event)
{
	(void)opaque;
	/* The post is visible when it is told about. */
	if (watched && event->kind == LAPIC_EVENT_ACCEPTED && event->mode == LAPIC_FIXED)
		assert_int_equal(lapic_peek(watched), event->vector);
	calls++;
}

static uint64_t no_time(void *opaque)
{
	(void)opaque;
	return 0;
}

static void test_the_hook_of_the_callbacks(void **state)
{
	static _Alignas(4096) uint8_t page[4096];
	static _Alignas(64) uint8_t memory[8192], map_memory[65536];
	struct lapic_ops ops = {
		.size = sizeof(ops), .now_ns = no_time, .now_tsc = no_time, .event = watching};
	struct lapic_map_config map = {.size = sizeof(map), .max_lapics = 1};
	struct lapic_config config;

	(void)state;
	lapic_config_intel(&config);
	watched = NULL;
	calls = 0;
	assert_int_equal(lapic_init(memory, sizeof(memory), page, &config, &ops, NULL,
				    lapic_map_init(map_memory, sizeof(map_memory), &map), &watched),
			 LAPIC_INIT_OK);
	put(watched, APIC_SVR, 0x1FF);
	calls = 0;
	lapic_post(watched, LAPIC_FIXED, 0x40, false);
	lapic_post(watched, LAPIC_FIXED, 0x41, true);
	assert_int_equal(calls, 2);
	lapic_set_event_hook(watched, NULL);
	lapic_post(watched, LAPIC_FIXED, 0x42, true);
	assert_int_equal(calls, 2);
}

/* Rules: TMR-4, TMR-6 */
static void test_a_timer_that_is_disarmed_is_told_as_such(void **state)
{
	struct lapic *l = rig_one();
	struct lapic_event last;

	(void)state;
	put(l, APIC_LVT_TIMER, DEADLINE | 0x40);
	rig_trace(l);
	set_msr(l, MSR_DEADLINE, 5000000000);
	told(l, LAPIC_EVENT_TIMER_ARM, &last);
	assert_int_equal(last.value, 5000000000);
	set_msr(l, MSR_DEADLINE, 0);
	told(l, LAPIC_EVENT_TIMER_ARM, &last);
	assert_int_equal(last.value, 0);
	set_msr(l, MSR_DEADLINE, 6000000000);
	put(l, APIC_LVT_TIMER, 0x40);
	told(l, LAPIC_EVENT_TIMER_ARM, &last);
	assert_int_equal(last.value, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_posts),
		rig_test(test_posts_of_other_modes),
		rig_test(test_acknowledge_and_eoi),
		rig_test(test_what_the_processor_takes),
		rig_test(test_flushed_vectors_are_named),
		rig_test(test_init_and_sipi),
		rig_test(test_modes),
		rig_test(test_mistakes_by_rule),
		rig_test(test_writing_a_read_only_id_is_a_mistake),
		rig_test(test_right_programmes_make_no_mistakes),
		rig_test(test_off_it_is_silent),
		rig_test(test_the_hook_of_the_callbacks),
		rig_test(test_a_timer_that_is_disarmed_is_told_as_such),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
