// SPDX-License-Identifier: BSD-2-Clause
// APIC IDs of sockets, cores and threads.
// Not what CPUID makes of them: test_cpuid.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vmm/options.h"
#include "vmm/topology.h"

static void a_number_alone_is_one_socket_with_dense_ids(void **state)
{
	(void)state;
	for (uint32_t cpus = 1; cpus <= OPTIONS_MAX_CPUS; cpus++) {
		const struct options options = {.cpus = cpus};
		struct topology t = topology_of(&options);

		assert_int_equal(t.cpus, cpus);
		assert_int_equal(t.cores, cpus);
		assert_int_equal(t.threads, 1);
		assert_int_equal(topology_socket_cpus(&t), cpus);
		assert_int_equal(topology_core_shift(&t), 0);
		for (uint32_t cpu = 0; cpu < cpus; cpu++)
			assert_int_equal(topology_apic_id(&t, cpu), cpu);
	}
}

static void what_options_say_is_taken(void **state)
{
	const struct options options = {.cpus = 24, .cores = 3, .threads = 2};
	const struct options threads = {.cpus = 24, .threads = 2};
	struct topology t = topology_of(&options);

	(void)state;
	assert_int_equal(t.cpus, 24);
	assert_int_equal(t.cores, 3);
	assert_int_equal(t.threads, 2);
	t = topology_of(&threads);
	assert_int_equal(t.cores, 12);
}

static void fields_have_whole_bits(void **state)
{
	/* 2 sockets of 3 cores of 3 threads. */
	const struct topology t = {.cpus = 18, .cores = 3, .threads = 3};
	static const uint32_t ids[] = {0,  1,  2,  4,  5,  6,  8,  9,  10,
				       16, 17, 18, 20, 21, 22, 24, 25, 26};

	(void)state;
	assert_int_equal(topology_core_shift(&t), 2);
	assert_int_equal(topology_socket_shift(&t), 4);
	assert_int_equal(topology_socket_cpus(&t), 9);
	for (uint32_t cpu = 0; cpu < 18; cpu++)
		assert_int_equal(topology_apic_id(&t, cpu), ids[cpu]);
	assert_int_equal(topology_last_apic_id(&t), 26);
}

static void ids_ascend_and_stay_below_four_times_the_number(void **state)
{
	(void)state;
	for (uint32_t threads = 1; threads <= 64; threads++)
		for (uint32_t cores = 1; cores * threads <= OPTIONS_MAX_CPUS; cores++) {
			uint32_t socket = cores * threads;
			struct topology t = {OPTIONS_MAX_CPUS / socket * socket, cores, threads};

			assert_int_equal(topology_apic_id(&t, 0), 0);
			for (uint32_t cpu = 1; cpu < t.cpus; cpu++)
				assert_true(topology_apic_id(&t, cpu) >
					    topology_apic_id(&t, cpu - 1));
			assert_true(topology_last_apic_id(&t) < 4 * t.cpus);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_alone_is_one_socket_with_dense_ids),
		cmocka_unit_test(what_options_say_is_taken),
		cmocka_unit_test(fields_have_whole_bits),
		cmocka_unit_test(ids_ascend_and_stay_below_four_times_the_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
