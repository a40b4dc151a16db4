// SPDX-License-Identifier: BSD-2-Clause
/*
 * The cheapest thing that a call into another file can be: what every figure of the benchmark
 * contains. Not inlined, since it is compiled alone.
 */
#include "tests/bench/floor.h"

uint64_t floor_call(void *object, uint32_t argument)
{
	(void)object;
	return argument;
}
