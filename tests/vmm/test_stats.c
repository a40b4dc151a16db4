// SPDX-License-Identifier: BSD-2-Clause
// Counters, the latency histogram and the printed tables.
// Where the run loop counts is not tested here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/kvm.h>
#include <pthread.h>

#include "vmm/stats.h"

static struct stats_vcpu stats, other;

static int clear(void **state)
{
	(void)state;
	memset(&stats, 0, sizeof(stats));
	memset(&other, 0, sizeof(other));
	return 0;
}

static void tell(struct lapic_event event)
{
	stats_event(&stats, &event);
}

static const char *printed(const struct stats_vcpu *first, const struct stats_vcpu *second)
{
	static char text[16384];
	const struct stats_vcpu *vcpus[2] = {first, second};
	FILE *to = fmemopen(text, sizeof(text), "w");

	assert_non_null(to);
	assert_true(stats_print(vcpus, second ? 2 : 1, true, to));
	fclose(to);
	return text;
}

static void has(const char *text, const char *line)
{
	if (!strstr(text, line))
		fail_msg("no line '%s' in:\n%s", line, text);
}

static void without_our_lapics_only_exits_and_kicks_are_known(void **state)
{
	static char text[16384];
	const struct stats_vcpu *vcpus[] = {&stats};
	FILE *to = fmemopen(text, sizeof(text), "w");

	(void)state;
	stats_exit(&stats, KVM_EXIT_IO);
	stats_kick(&stats);
	assert_non_null(to);
	assert_true(stats_print(vcpus, 1, false, to));
	fclose(to);
	has(text, "IO                              1");
	has(text, "kicks                                           1");
	has(text, "not known: the Local APICs are KVM's");
	assert_null(strstr(text, "vector"));
	assert_null(strstr(text, "halted"));
}

static void exits_count_by_reason(void **state)
{
	(void)state;
	stats_exit(&stats, KVM_EXIT_HLT);
	stats_exit(&stats, KVM_EXIT_HLT);
	stats_exit(&stats, KVM_EXIT_X86_WRMSR);
	stats_exit(&stats, 12345);
	stats_exit(&stats, UINT32_MAX);
	assert_int_equal(stats.exits[KVM_EXIT_HLT], 2);
	assert_int_equal(stats.exits[KVM_EXIT_X86_WRMSR], 1);
	assert_int_equal(stats.exits[STATS_EXIT_KINDS - 1], 2);
	assert_string_equal(stats_exit_name(KVM_EXIT_HLT), "HLT");
	assert_string_equal(stats_exit_name(KVM_EXIT_X86_WRMSR), "X86_WRMSR");
	assert_null(stats_exit_name(KVM_EXIT_S390_SIEIC));
	assert_null(stats_exit_name(UINT32_MAX));
}

static void events_count_by_vector(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		tell((struct lapic_event){.kind = LAPIC_EVENT_ACCEPTED, .vector = 0x40});
	tell((struct lapic_event){
		.kind = LAPIC_EVENT_ACCEPTED, .vector = 0x40, .mode = LAPIC_LOWEST});
	tell((struct lapic_event){.kind = LAPIC_EVENT_MERGED, .vector = 0x40});
	tell((struct lapic_event){.kind = LAPIC_EVENT_REFUSED, .vector = 0xFF});
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACK, .vector = 0x40});
	tell((struct lapic_event){.kind = LAPIC_EVENT_EOI, .vector = 0x41});
	tell((struct lapic_event){.kind = LAPIC_EVENT_SPURIOUS, .vector = 0x0F});
	tell((struct lapic_event){.kind = LAPIC_EVENT_SENT, .vector = 0x40});
	tell((struct lapic_event){.kind = LAPIC_EVENT_MISTAKE, .rule = "MSR-3"});
	assert_int_equal(stats.posted[0x40], 4);
	assert_int_equal(stats.merged[0x40], 1);
	assert_int_equal(stats.refused[0xFF], 1);
	assert_int_equal(stats.delivered[0x40], 1);
	assert_int_equal(stats.eoi[0x41], 1);
	assert_int_equal(stats.spurious, 1);
	assert_int_equal(stats.sent, 1);
	assert_int_equal(stats.mistakes, 1);
}

static void nmis_and_the_like_are_no_vectors(void **state)
{
	(void)state;
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACCEPTED, .mode = LAPIC_NMI, .vector = 2});
	tell((struct lapic_event){.kind = LAPIC_EVENT_MERGED, .mode = LAPIC_NMI, .vector = 2});
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACK, .mode = LAPIC_NMI});
	tell((struct lapic_event){.kind = LAPIC_EVENT_REFUSED, .mode = LAPIC_SIPI, .vector = 8});
	tell((struct lapic_event){.kind = LAPIC_EVENT_INIT});
	tell((struct lapic_event){.kind = LAPIC_EVENT_SIPI, .vector = 8});
	/* A mode no library has must not write outside. */
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACCEPTED, .mode = 0xFE});
	assert_int_equal(stats.posted_mode[LAPIC_NMI], 1);
	assert_int_equal(stats.merged_mode[LAPIC_NMI], 1);
	assert_int_equal(stats.taken_mode[LAPIC_NMI], 1);
	assert_int_equal(stats.refused_mode[LAPIC_SIPI], 1);
	assert_int_equal(stats.taken_mode[LAPIC_INIT], 1);
	assert_int_equal(stats.taken_mode[LAPIC_SIPI], 1);
	for (unsigned v = 0; v < STATS_VECTORS; v++)
		assert_int_equal(stats.posted[v] + stats.merged[v] + stats.delivered[v] +
					 stats.refused[v],
				 0);
}

static void timer_fires(enum lapic_event_kind kind, uint64_t due)
{
	stats_timer_due(&stats, due);
	tell((struct lapic_event){.kind = kind, .source = LAPIC_FROM_TIMER, .vector = 0x30});
}

static void a_timer_is_late_from_due_to_acknowledge(void **state)
{
	(void)state;
	timer_fires(LAPIC_EVENT_ACCEPTED, 1000);
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACK, .vector = 0x31, .when_ns = 1500});
	assert_int_equal(stats.timer.count, 0);
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACK, .vector = 0x30, .when_ns = 1777});
	assert_int_equal(stats.timer.count, 1);
	assert_int_equal(stats.timer.max, 777);
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACK, .vector = 0x30, .when_ns = 9999});
	assert_int_equal(stats.timer.count, 1);
}

static void a_merged_due_keeps_the_older_moment(void **state)
{
	(void)state;
	timer_fires(LAPIC_EVENT_ACCEPTED, 1000);
	timer_fires(LAPIC_EVENT_MERGED, 2000);
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACK, .vector = 0x30, .when_ns = 2500});
	assert_int_equal(stats.timer.max, 1500);
	timer_fires(LAPIC_EVENT_ACCEPTED, 3000);
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACK, .vector = 0x30, .when_ns = 3010});
	assert_int_equal(stats.timer.count, 2);
	assert_int_equal(stats.timer.buckets[10], 1);
}

static void a_due_that_led_nowhere_is_not_counted(void **state)
{
	(void)state;
	/* Masked: due, but no post. Then somebody else uses the vector. */
	stats_timer_due(&stats, 1000);
	tell((struct lapic_event){
		.kind = LAPIC_EVENT_ACCEPTED, .source = LAPIC_FROM_IPI, .vector = 0x30});
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACK, .vector = 0x30, .when_ns = 5000});
	assert_int_equal(stats.timer.count, 0);
	/* A post of the timer's own whose due nobody told. */
	timer_fires(LAPIC_EVENT_ACCEPTED, 5000);
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACK, .vector = 0x30, .when_ns = 5000});
	assert_int_equal(stats.timer.count, 1);
	tell((struct lapic_event){
		.kind = LAPIC_EVENT_ACCEPTED, .source = LAPIC_FROM_TIMER, .vector = 0x30});
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACK, .vector = 0x30, .when_ns = 5900});
	assert_int_equal(stats.timer.count, 1);
	memset(&stats.timer, 0, sizeof(stats.timer));
	/* Flushed by INIT before it was taken. */
	timer_fires(LAPIC_EVENT_ACCEPTED, 6000);
	tell((struct lapic_event){.kind = LAPIC_EVENT_FLUSHED, .vector = 0x30});
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACK, .vector = 0x30, .when_ns = 7000});
	assert_int_equal(stats.timer.count, 0);
	/* A clock that is a little behind makes no huge lateness. */
	timer_fires(LAPIC_EVENT_ACCEPTED, 8000);
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACK, .vector = 0x30, .when_ns = 7999});
	assert_int_equal(stats.timer.count, 1);
	assert_int_equal(stats.timer.max, 0);
}

static void percentiles_are_near_the_truth(void **state)
{
	static const unsigned permilles[] = {1, 10, 500, 900, 990, 999};

	(void)state;
	assert_int_equal(stats_percentile(&stats.timer, 500), 0);
	for (uint64_t i = 1; i <= 100000; i++)
		stats_record(&stats.timer, i * 37);
	for (size_t i = 0; i < sizeof(permilles) / sizeof(permilles[0]); i++) {
		uint64_t truth = permilles[i] * 100 * 37;
		uint64_t told = stats_percentile(&stats.timer, permilles[i]);

		assert_true(told >= truth);
		assert_true(told <= truth + truth / 16);
	}
	assert_int_equal(stats_percentile(&stats.timer, 1000), 3700000);
	assert_int_equal(stats_percentile(&stats.timer, 5000), 3700000);
}

static void percentiles_of_few_are_rounded_up(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 3; i++)
		stats_record(&stats.timer, i);
	assert_int_equal(stats_percentile(&stats.timer, 0), 1);
	assert_int_equal(stats_percentile(&stats.timer, 333), 1);
	assert_int_equal(stats_percentile(&stats.timer, 334), 2);
	assert_int_equal(stats_percentile(&stats.timer, 500), 2);
	assert_int_equal(stats_percentile(&stats.timer, 667), 3);
}

static void every_duration_has_its_bucket(void **state)
{
	(void)state;
	/* The smallest and largest of each power of two, and all of the small ones. */
	for (unsigned bit = 0; bit < 64; bit++) {
		for (int step = -1; step <= 1; step++) {
			uint64_t ns = (UINT64_C(1) << bit) + (uint64_t)step, told;

			memset(&stats.timer, 0, sizeof(stats.timer));
			stats_record(&stats.timer, ns);
			stats_record(&stats.timer, UINT64_MAX);
			told = stats_percentile(&stats.timer, 500);
			assert_true(told >= ns);
			assert_true(told - ns <= ns / 16);
			assert_true(stats_percentile(&stats.timer, 1000) == UINT64_MAX);
		}
	}
	for (uint64_t ns = 0; ns < 32; ns++) {
		memset(&stats.timer, 0, sizeof(stats.timer));
		stats_record(&stats.timer, ns);
		stats_record(&stats.timer, 1000);
		assert_int_equal(stats_percentile(&stats.timer, 500), ns);
	}
}

static void percentiles_of_huge_counts_do_not_overflow(void **state)
{
	(void)state;
	stats.timer.count = UINT64_MAX;
	stats.timer.max = 20;
	stats.timer.buckets[10] = UINT64_MAX / 2;
	stats.timer.buckets[20] = UINT64_MAX - UINT64_MAX / 2;
	assert_int_equal(stats_percentile(&stats.timer, 100), 10);
	assert_int_equal(stats_percentile(&stats.timer, 900), 20);
}

/* A field that stats_add forgets would stay 1. */
static void sums_take_in_every_counter(void **state)
{
	enum { COUNTERS = offsetof(struct stats_vcpu, timer) / sizeof(uint64_t) };
	uint64_t *to = (uint64_t *)&stats, *from = (uint64_t *)&other;

	(void)state;
	for (unsigned i = 0; i < COUNTERS; i++) {
		to[i] = 1;
		from[i] = 2;
	}
	stats_record(&stats.timer, 5);
	stats_record(&other.timer, 500);
	stats_add(&stats, &other);
	for (unsigned i = 0; i < COUNTERS; i++)
		assert_int_equal(to[i], 3);
	assert_int_equal(stats.timer.count, 2);
	assert_int_equal(stats.timer.max, 500);
	assert_int_equal(stats_percentile(&stats.timer, 500), 5);
}

static void tables_show_what_was_counted(void **state)
{
	const char *text;

	(void)state;
	stats_exit(&stats, KVM_EXIT_HLT);
	stats_exit(&stats, KVM_EXIT_MMIO);
	stats_exit(&stats, KVM_EXIT_MMIO);
	stats_exit(&other, KVM_EXIT_MMIO);
	stats_exit(&other, KVM_EXIT_S390_SIEIC);
	stats_exit(&other, 47);
	stats_kick(&other);
	other.halts = 4;
	other.halted_ns = 1500000000;
	other.polls = 6;
	other.polled_ns = 250000000;
	other.unseen_eois = 11;
	other.smis_dropped = 9;
	other.page_accesses = 7;
	stats.msr_accesses = 8;
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACCEPTED, .vector = 0xEC});
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACK, .vector = 0xEC});
	tell((struct lapic_event){.kind = LAPIC_EVENT_ACCEPTED, .mode = LAPIC_NMI});
	stats_record(&stats.timer, 50000);
	text = printed(&stats, &other);
	has(text, "statistics of 2 vCPUs\n");
	has(text, "  MMIO                            3   50.0 %\n");
	has(text, "  HLT                             1   16.7 %\n");
	has(text, "  reason 13                       1   16.7 %\n");
	has(text, "  47 and above                    1   16.7 %\n");
	has(text, "  all                             6\n");
	has(text, "  ECh               1          0          0          1          0\n");
	has(text, "  NMI               1          0          0          0          0\n");
	has(text, "  kicks                                           1\n");
	has(text, "  halts that went to sleep                        4\n");
	has(text, "  halted, seconds                             1.500\n");
	has(text, "  halts that polled first                         6\n");
	has(text, "  polled, seconds                             0.250\n");
	has(text, "  EOIs without an exit                           11\n");
	has(text, "  SMIs dropped: the host has no SMM               9\n");
	has(text, "  exits for the LAPIC's page                      7\n");
	has(text, "  exits for the LAPIC's MSRs                      8\n");
	has(text, "timer, from due to handler: 1 interrupts\n");
	has(text, "  p50                          50.0 us\n");
	has(text, "  max                          50.0 us\n");
	assert_null(strstr(text, "  IO  "));
	assert_null(strstr(text, "SMI   "));
}

static void devices_are_told_apart_by_their_place(void **state)
{
	static const struct stats_device devices[] = {
		{"uart16550", 0x2F8, 0},
		{"uart16550", 0x3F8, 1234},
		{"nobody's port", 0, 5},
		{"I/O APIC", 0xFEC00000, UINT64_MAX},
	};
	static char text[1024];
	FILE *to = fmemopen(text, sizeof(text), "w");

	(void)state;
	assert_non_null(to);
	stats_print_devices(devices, 4, to);
	fclose(to);
	assert_string_equal(text, "exits by device\n"
				  "  uart16550 3F8h                               1234\n"
				  "  nobody's port                                   5\n"
				  "  I/O APIC FEC00000h                   18446744073709551615\n");
}

static void an_empty_run_prints_too(void **state)
{
	const char *text = printed(&stats, NULL);

	(void)state;
	has(text, "statistics of 1 vCPU\n");
	has(text, "  all                             0\n");
	has(text, "timer, from due to handler: 0 interrupts\n");
	assert_null(strstr(text, "p50"));
	assert_null(strstr(text, "nan"));
}

#define POSTERS 3u
#define POSTS   2000000u

static pthread_barrier_t all_here;

static void *post_many(void *opaque)
{
	const struct lapic_event event = {.kind = LAPIC_EVENT_MERGED, .vector = 0x77};

	(void)opaque;
	pthread_barrier_wait(&all_here);
	for (unsigned i = 0; i < POSTS; i++) {
		stats_event(&stats, &event);
		stats_kick(&stats);
	}
	return NULL;
}

static void posts_from_many_threads_all_count(void **state)
{
	pthread_t threads[POSTERS];

	(void)state;
	assert_int_equal(pthread_barrier_init(&all_here, NULL, POSTERS), 0);
	for (unsigned i = 0; i < POSTERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, post_many, NULL), 0);
	for (unsigned i = 0; i < POSTERS; i++)
		pthread_join(threads[i], NULL);
	pthread_barrier_destroy(&all_here);
	assert_int_equal(stats.merged[0x77], POSTERS * POSTS);
	assert_int_equal(stats.kicks, POSTERS * POSTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_our_lapics_only_exits_and_kicks_are_known, clear),
		cmocka_unit_test_setup(exits_count_by_reason, clear),
		cmocka_unit_test_setup(events_count_by_vector, clear),
		cmocka_unit_test_setup(nmis_and_the_like_are_no_vectors, clear),
		cmocka_unit_test_setup(a_timer_is_late_from_due_to_acknowledge, clear),
		cmocka_unit_test_setup(a_merged_due_keeps_the_older_moment, clear),
		cmocka_unit_test_setup(a_due_that_led_nowhere_is_not_counted, clear),
		cmocka_unit_test_setup(percentiles_are_near_the_truth, clear),
		cmocka_unit_test_setup(percentiles_of_few_are_rounded_up, clear),
		cmocka_unit_test_setup(every_duration_has_its_bucket, clear),
		cmocka_unit_test_setup(percentiles_of_huge_counts_do_not_overflow, clear),
		cmocka_unit_test_setup(sums_take_in_every_counter, clear),
		cmocka_unit_test_setup(tables_show_what_was_counted, clear),
		cmocka_unit_test_setup(devices_are_told_apart_by_their_place, clear),
		cmocka_unit_test_setup(an_empty_run_prints_too, clear),
		cmocka_unit_test_setup(posts_from_many_threads_all_count, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
