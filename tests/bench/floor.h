// SPDX-License-Identifier: BSD-2-Clause
/*
 * An empty external call, the floor of the benchmark.
 * Not part of the library.
 */
#ifndef TESTS_BENCH_FLOOR_H
#define TESTS_BENCH_FLOOR_H

#include <stdint.h>

uint64_t floor_call(void *object, uint32_t argument);

#endif
