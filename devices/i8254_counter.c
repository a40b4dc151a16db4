// SPDX-License-Identifier: BSD-2-Clause
// One counter by Intel's 8254 data sheet (231164); sections named below are its own.
// Not cycle by cycle: any number of pulses is one step, so that a guest or a late host costs none.
#include "devices/i8254_counter.h"

#define CONTROL_BCD   0x01u
#define CONTROL_RW    0x30u
#define CONTROL_KEPT  0x3Fu
#define RW_LSB        0x10u
#define RW_MSB        0x20u
#define RW_BOTH       0x30u

#define STATUS_NULL   0x40u
#define STATUS_OUTPUT 0x80u

/* ---- counts ---- */

unsigned i8254_counter_mode(const struct i8254_counter *c)
{
	unsigned mode = c->control >> 1 & 7u;

	return mode > 5 ? mode - 4 : mode;
}

static bool periodic(const struct i8254_counter *c)
{
	return i8254_counter_mode(c) == 2 || i8254_counter_mode(c) == 3;
}

static uint32_t modulus(const struct i8254_counter *c)
{
	return c->control & CONTROL_BCD ? 10000 : 65536;
}

/* Digits above 9 weigh what they say: a decade counts them down to 0 like any other. */
static uint32_t from_bcd(uint32_t n)
{
	return (n >> 12) * 1000 + (n >> 8 & 15) * 100 + (n >> 4 & 15) * 10 + (n & 15);
}

static uint32_t to_bcd(uint32_t n)
{
	return n / 1000 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10;
}

/* How many pulses cr stands for. 1 is illegal in modes 2 and 3, and counts as 2 there. */
static uint32_t count_of(const struct i8254_counter *c)
{
	uint32_t count = c->control & CONTROL_BCD ? from_bcd(c->cr) : c->cr;

	if (count == 0)
		return modulus(c);
	return count == 1 && periodic(c) ? 2 : count;
}

uint32_t i8254_counter_period(const struct i8254_counter *c)
{
	return count_of(c);
}

/* "Mode 3": of an odd count the high half is the longer one. */
static uint32_t half_of(uint32_t count, bool high)
{
	return (count + high) / 2;
}

/* What stands in the counting element, as a number. Mode 3 counts by two; the odd pulse of the high
 * half comes after the count has expired. */
static uint32_t value_of(const struct i8254_counter *c)
{
	uint32_t left = c->left;

	if (c->loaded && i8254_counter_mode(c) == 3)
		left = 2 * (left - (c->odd && c->high));
	return left % modulus(c);
}

/* ---- pulses ---- */

static bool counting(const struct i8254_counter *c)
{
	unsigned mode = i8254_counter_mode(c);

	return c->loaded && (c->gate || mode == 1 || mode == 5);
}

static void rise(struct i8254_counter *c, uint64_t times, uint64_t last)
{
	c->rises += times;
	c->rose_at = last;
}

/* The pulse that moves cr to the counting element does not count it down. */
static void load(struct i8254_counter *c, uint64_t at)
{
	uint32_t count = count_of(c);

	if (c->strobe)
		rise(c, 1, at);
	c->strobe = false;
	c->load = false;
	c->loaded = true;
	c->null_count = false;
	c->armed = true;
	c->high = true;
	c->odd = count & 1;
	c->left = i8254_counter_mode(c) == 3 ? half_of(count, true) : count;
}

/* Modes 0, 1, 4 and 5, which go on from the highest count after the terminal one. */
static void run_once(struct i8254_counter *c, uint64_t n)
{
	uint64_t zero = c->clock - n + c->left;

	if (n < c->left) {
		c->left -= (uint32_t)n;
		return;
	}
	if (c->armed && i8254_counter_mode(c) < 4)
		rise(c, 1, zero);
	else if (c->armed && zero < c->clock)
		rise(c, 1, zero + 1);
	else
		c->strobe = c->armed;
	c->armed = false;
	c->left = modulus(c) - (uint32_t)((n - c->left) % modulus(c));
}

static void run_mode_2(struct i8254_counter *c, uint64_t n)
{
	uint32_t period = count_of(c);
	uint32_t into;

	if (n < c->left) {
		c->left -= (uint32_t)n;
		return;
	}
	n -= c->left;
	into = (uint32_t)(n % period);
	rise(c, n / period + 1, c->clock - into);
	c->left = period - into;
	c->null_count = false;
}

/* Each half-cycle begins with a reload: only the one under way can be of another count than cr. */
static void run_mode_3(struct i8254_counter *c, uint64_t n)
{
	uint32_t period = count_of(c);
	uint64_t rises;
	uint32_t half;

	if (n < c->left) {
		c->left -= (uint32_t)n;
		return;
	}
	n -= c->left;
	rises = n / period;
	n %= period;
	c->high = !c->high;
	rises += c->high;
	half = half_of(period, c->high);
	if (n >= half) {
		n -= half;
		c->high = !c->high;
		rises += c->high;
		half = half_of(period, c->high);
	}
	c->left = half - (uint32_t)n;
	c->odd = period & 1;
	c->null_count = false;
	if (rises)
		rise(c, rises, c->clock - n - (c->high ? 0 : half_of(period, true)));
}

/* The last n pulses up to clock, with nothing to load among the first of them. */
static void run(struct i8254_counter *c, uint64_t n)
{
	if (c->strobe)
		rise(c, 1, c->clock - n + 1);
	c->strobe = false;
	if (!counting(c))
		return;
	switch (i8254_counter_mode(c)) {
	case 2: run_mode_2(c, n); break;
	case 3: run_mode_3(c, n); break;
	default: run_once(c, n); break;
	}
}

void i8254_counter_advance(struct i8254_counter *c, uint64_t clock)
{
	uint64_t n;

	if (clock <= c->clock)
		return;
	n = clock - c->clock;
	c->clock = clock;
	if (c->load)
		load(c, clock - --n);
	if (n)
		run(c, n);
}

/* ---- pins ---- */

/* Modes 2 and 3: OUT is high until the first count is loaded, and from GATE low to the reload that
 * its rise triggers. */
static bool resting(const struct i8254_counter *c)
{
	return !c->loaded || !c->gate || c->load;
}

bool i8254_counter_out(const struct i8254_counter *c)
{
	switch (i8254_counter_mode(c)) {
	case 0: return c->loaded && !c->armed;
	case 1: return !c->loaded || !c->armed;
	case 2: return resting(c) || c->left != 1;
	case 3: return resting(c) || c->high;
	default: return !c->strobe;
	}
}

/* "Gate Pin Operations Summary". */
void i8254_counter_gate(struct i8254_counter *c, bool level)
{
	bool trigger = level && !c->gate;
	unsigned mode = i8254_counter_mode(c);

	c->gate = level;
	if (trigger && c->written && mode != 0 && mode != 4)
		c->load = true;
}

static uint64_t rises_after(const struct i8254_counter *c)
{
	if (!counting(c))
		return c->strobe ? c->clock + 1 : I8254_NEVER;
	switch (i8254_counter_mode(c)) {
	case 0:
	case 1: return c->armed ? c->clock + c->left : I8254_NEVER;
	case 2: return c->clock + c->left;
	case 3: return c->clock + c->left + (c->high ? half_of(count_of(c), false) : 0);
	default: break;
	}
	if (c->strobe)
		return c->clock + 1;
	return c->armed ? c->clock + c->left + 1 : I8254_NEVER;
}

uint64_t i8254_counter_next_rise(const struct i8254_counter *c)
{
	struct i8254_counter after = *c;

	if (!c->load)
		return rises_after(c);
	i8254_counter_advance(&after, c->clock + 1);
	return after.rises != c->rises ? after.clock : rises_after(&after);
}

uint64_t i8254_counter_next_fall(const struct i8254_counter *c)
{
	struct i8254_counter after = *c;

	if (c->load)
		i8254_counter_advance(&after, c->clock + 1);
	if (!counting(&after) || i8254_counter_mode(c) != 3)
		return I8254_NEVER;
	return after.clock + after.left + (after.high ? 0 : half_of(count_of(&after), true));
}

/* ---- registers ---- */

/* "Control Word Format": resets all but the counting element, which stands still until it is
 * loaded. */
void i8254_counter_control(struct i8254_counter *c, uint8_t word)
{
	c->left = value_of(c);
	c->control = word & CONTROL_KEPT;
	c->cr = 0;
	c->write_second = c->read_second = false;
	c->ol_full = c->status_full = false;
	c->written = c->load = c->loaded = false;
	c->armed = c->strobe = false;
	c->null_count = true;
}

/* "Mode Definitions": when a new count counts. Modes 1 and 5 wait for a trigger; 2 and 3, once they
 * run, for the end of what is under way. */
static void write_count(struct i8254_counter *c, uint16_t count)
{
	unsigned mode = i8254_counter_mode(c);

	c->cr = count;
	c->written = true;
	c->null_count = true;
	/* OUT falls at once. */
	if (mode == 0)
		c->loaded = false;
	if (mode == 0 || mode == 4 || (periodic(c) && !c->loaded))
		c->load = true;
}

static void write_first(struct i8254_counter *c, uint8_t byte)
{
	c->first = byte;
	c->write_second = true;
	/* "Mode 0": writing the first byte disables counting. */
	if (i8254_counter_mode(c) == 0)
		c->load = c->loaded = false;
}

void i8254_counter_write(struct i8254_counter *c, uint8_t byte)
{
	switch (c->control & CONTROL_RW) {
	case RW_LSB: write_count(c, byte); return;
	case RW_MSB: write_count(c, (uint16_t)(byte << 8)); return;
	}
	if (!c->write_second) {
		write_first(c, byte);
		return;
	}
	c->write_second = false;
	write_count(c, (uint16_t)(byte << 8 | c->first));
}

static uint16_t count_now(const struct i8254_counter *c)
{
	uint32_t value = value_of(c);

	return (uint16_t)(c->control & CONTROL_BCD ? to_bcd(value) : value);
}

/* "Counter Latch Command": a second one before the first is read is ignored. A latched count is
 * read from its low byte on, whatever was read before. */
void i8254_counter_latch_count(struct i8254_counter *c)
{
	if (c->ol_full)
		return;
	c->ol = count_now(c);
	c->ol_full = true;
	c->read_second = false;
}

/* "Read-Back Command". */
void i8254_counter_latch_status(struct i8254_counter *c)
{
	if (c->status_full)
		return;
	c->status = (uint8_t)(c->control | (c->null_count ? STATUS_NULL : 0) |
			      (i8254_counter_out(c) ? STATUS_OUTPUT : 0));
	c->status_full = true;
}

uint8_t i8254_counter_read(struct i8254_counter *c)
{
	bool both = (c->control & CONTROL_RW) == RW_BOTH;
	bool second = both ? c->read_second : (c->control & CONTROL_RW) == RW_MSB;
	uint16_t count = c->ol_full ? c->ol : count_now(c);

	if (c->status_full) {
		c->status_full = false;
		return c->status;
	}
	c->read_second = both && !second;
	if (!c->read_second)
		c->ol_full = false;
	return (uint8_t)(second ? count >> 8 : count);
}
