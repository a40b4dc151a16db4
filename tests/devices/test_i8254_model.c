// SPDX-License-Identifier: BSD-2-Clause
// Random programs on channel 2 and on a second, slow counter that takes one pulse after the other.
// Not the ports' doors, nor OUT0's line: tests/devices/test_i8254_modes.c and test_i8254_irq.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/devices/i8254_rig.h"

/* "Mode Definitions" in the data sheet, each sentence one branch: digits counted as digits, OUT as
 * a pin that is set and cleared. */
struct slow {
	unsigned mode, rw;
	bool bcd, gate, out, null_count;
	uint16_t cr, ce;
	uint8_t low;
	bool second;       /* the high byte is to come */
	bool written;      /* a count since the control word */
	bool load;         /* at the next pulse */
	bool running;      /* loaded, and not stopped by mode 0's first byte */
	bool once;         /* the terminal count is still to come */
	bool expired, odd; /* mode 3 */
};

static uint16_t decrement(const struct slow *s, uint16_t ce)
{
	if (!s->bcd)
		return (uint16_t)(ce - 1);
	for (unsigned digit = 0; digit < 16; digit += 4) {
		if (ce >> digit & 15)
			return (uint16_t)(ce - (1u << digit));
		ce = (uint16_t)(ce | 9u << digit);
	}
	return ce;
}

static void slow_load(struct slow *s)
{
	s->ce = s->cr == 1 && (s->mode == 2 || s->mode == 3) ? 2 : s->cr;
	s->null_count = false;
	s->load = false;
	s->expired = false;
}

static void slow_pulse_3(struct slow *s)
{
	if (!s->expired) {
		s->ce = decrement(s, decrement(s, s->ce));
		if (s->ce)
			return;
		if (s->odd && s->out) {
			s->expired = true;
			return;
		}
	}
	s->out = !s->out;
	slow_load(s);
	s->odd = s->ce & 1;
	s->ce &= 0xFFFE;
}

static void slow_pulse(struct slow *s)
{
	bool strobe = s->mode >= 4 && !s->out;

	if (strobe)
		s->out = true;
	if (s->load) {
		slow_load(s);
		s->running = s->once = true;
		s->out = s->mode >= 2;
		if (s->mode == 3) {
			s->odd = s->ce & 1;
			s->ce &= 0xFFFE;
		}
		return;
	}
	if (!s->running || (!s->gate && s->mode != 1 && s->mode != 5))
		return;
	if (s->mode == 3) {
		slow_pulse_3(s);
		return;
	}
	if (s->mode == 2 && s->ce == 1) {
		slow_load(s);
		s->out = true;
		return;
	}
	s->ce = decrement(s, s->ce);
	if (s->mode == 2)
		s->out = s->ce != 1;
	else if (s->ce == 0 && s->once) {
		s->once = false;
		s->out = s->mode < 4;
	}
}

static void slow_control(struct slow *s, unsigned mode, unsigned rw)
{
	s->mode = mode;
	s->rw = rw;
	s->out = mode != 0;
	s->cr = 0;
	s->null_count = true;
	s->second = s->written = s->load = s->running = s->once = false;
}

static void slow_write(struct slow *s, unsigned byte)
{
	if (s->rw == BOTH && !s->second) {
		s->second = true;
		s->low = (uint8_t)byte;
		if (s->mode == 0)
			s->running = s->load = s->out = false;
		return;
	}
	s->second = false;
	s->cr = (uint16_t)(s->rw == LSB ? byte : s->rw == MSB ? byte << 8 : byte << 8 | s->low);
	s->null_count = true;
	s->written = true;
	if (s->mode == 0)
		s->out = false;
	if (s->mode == 0 || s->mode == 4 || ((s->mode == 2 || s->mode == 3) && !s->running))
		s->load = true;
}

static void slow_gate(struct slow *s, bool level)
{
	if (level && !s->gate && s->written && s->mode != 0 && s->mode != 4)
		s->load = true;
	s->gate = level;
	if (!level && (s->mode == 2 || s->mode == 3))
		s->out = true;
}

struct random {
	uint64_t state;
};

static unsigned below(struct random *r, unsigned n)
{
	r->state = r->state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)((r->state >> 33) % n);
}

static void same(struct i8254_rig *rig, const struct slow *s, unsigned word)
{
	unsigned low, status, count;

	pit_out(rig, CONTROL, READ_STATUS_AND_COUNT(2));
	status = pit_in(rig, CH2);
	assert_int_equal(status,
			 (word & 0x3F) | (s->out ? OUTPUT : 0) | (s->null_count ? NULL_COUNT : 0));
	low = pit_in(rig, CH2);
	count = s->rw == BOTH ? low | pit_in(rig, CH2) << 8 : low;
	assert_int_equal(count, s->rw == BOTH ? s->ce : s->rw == LSB ? s->ce & 0xFF : s->ce >> 8);
	assert_int_equal(pit_in(rig, PORT61) >> 5 & 1, s->out);
}

/* Few values, so that what is small meets what is small. Digits above 9 have no order that the data
 * sheet knows. */
static unsigned some_byte(struct random *r, bool bcd)
{
	unsigned byte = below(r, 3) ? below(r, 8) : below(r, 256);

	return bcd ? (byte >> 4) % 10 << 4 | (byte & 15) % 10 : byte;
}

static unsigned some_pulses(struct random *r)
{
	switch (below(r, 8)) {
	case 0: return below(r, 200000);
	case 1:
	case 2: return below(r, 600);
	default: return below(r, 6);
	}
}

static void program_by_chance(struct i8254_rig *rig, struct slow *s, struct random *r, bool bcd)
{
	unsigned word = SELECT(2) | (1 + below(r, 3)) << 4 | MODE(below(r, 8)) | bcd;
	unsigned mode = word >> 1 & 7;

	slow_control(s, mode > 5 ? mode - 4 : mode, word & BOTH);
	pit_out(rig, CONTROL, word);
	for (unsigned step = 0; step < 40; step++) {
		unsigned byte = some_byte(r, bcd), pulses = some_pulses(r);

		switch (below(r, 4)) {
		case 0:
			pit_gate(rig, byte & 1);
			slow_gate(s, byte & 1);
			break;
		case 1:
		case 2:
			pit_out(rig, CH2, byte);
			slow_write(s, byte);
			break;
		default: break;
		}
		same(rig, s, word);
		for (unsigned i = 0; i < pulses; i++)
			slow_pulse(s);
		pit_pass(rig, pulses);
		same(rig, s, word);
	}
}

static void any_program_is_what_it_is_pulse_by_pulse(void **state)
{
	struct random r = {1};

	(void)state;
	for (unsigned run = 0; run < 40; run++) {
		struct i8254_rig rig;
		struct slow s = {.bcd = run & 1};

		pit_set_up(&rig, below(&r, 1000), 0);
		for (unsigned i = 0; i < 30; i++)
			program_by_chance(&rig, &s, &r, s.bcd);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_program_is_what_it_is_pulse_by_pulse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
