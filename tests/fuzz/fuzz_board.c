// SPDX-License-Identifier: BSD-2-Clause
// The PC's whole board, wired as lapicvm wires it, driven by random accesses, time and EOIs.
// Not a test of what chips answer: of what must hold for any answer, interrupt storms above all.
#include "tests/fuzz/board.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct board b;
	struct board_input in = {data, size};

	board_make(&b);
	while (in.left)
		board_step(&b, &in);
	return 0;
}
