// SPDX-License-Identifier: BSD-2-Clause
// The three counters on their ports and on one clock, OUT0 on its line, channel 2 behind port 61h.
// Not what a counter does by itself: i8254_counter.c.
#include "devices/i8254.h"

#define CONTROL          3u /* 43h, as an offset */

#define WORD_SELECT      0xC0u
#define WORD_READ_BACK   0xC0u
#define WORD_RW          0x30u
#define READ_BACK_STATUS 0x10u /* active low, these two */
#define READ_BACK_COUNT  0x20u

#define PORT61_GATE2     0x01u
#define PORT61_WRITABLE  0x0Fu
#define PORT61_REFRESH   0x10u
#define PORT61_OUT2      0x20u
#define REFRESH_CLOCKS   18u /* what the first PC's BIOS gave to channel 1 */

#define POWER_ON_CONTROL 0x30u /* mode 0, two bytes */
#define OPEN_BUS         0xFFu

/* ---- time ---- */

_Static_assert(I8254_STEP_CLOCKS * 12000000000u == 14318180u * (uint64_t)I8254_STEP_NS,
	       "CLK is a twelfth of 14.31818 MHz");

static uint64_t clock_at(uint64_t ns)
{
	return ns / I8254_STEP_NS * I8254_STEP_CLOCKS +
	       ns % I8254_STEP_NS * I8254_STEP_CLOCKS / I8254_STEP_NS;
}

/* The first nanosecond of that clock, or UINT64_MAX where there is none. */
static uint64_t ns_of(uint64_t clock)
{
	uint64_t rest = clock % I8254_STEP_CLOCKS * I8254_STEP_NS;

	if (clock > clock_at(UINT64_MAX))
		return UINT64_MAX;
	return clock / I8254_STEP_CLOCKS * I8254_STEP_NS +
	       (rest + I8254_STEP_CLOCKS - 1) / I8254_STEP_CLOCKS;
}

/* ---- OUT0 ---- */

static void drive(struct i8254 *pit, bool level)
{
	if (level == pit->irq_level)
		return;
	pit->irq_level = level;
	irq_line_set(&pit->irq, level);
}

static bool is_periodic(const struct i8254 *pit)
{
	unsigned mode = i8254_counter_mode(&pit->channels[0]);

	return mode == 2 || mode == 3;
}

static bool below_floor(const struct i8254 *pit)
{
	return is_periodic(pit) && i8254_counter_period(&pit->channels[0]) < pit->floor;
}

static void show(struct i8254 *pit)
{
	const struct i8254_counter *c = &pit->channels[0];
	uint64_t rises = c->rises - pit->rises_seen;

	if (rises) {
		if (is_periodic(pit) && c->rose_at < pit->followed_from)
			return;
		pit->rises_seen = c->rises;
		pit->merged += rises - 1;
		pit->followed_from = c->rose_at + pit->floor;
		drive(pit, false);
		drive(pit, true);
	}
	if (!below_floor(pit))
		drive(pit, i8254_counter_out(c));
}

static void synchronise(struct i8254 *pit)
{
	uint64_t clock = clock_at(pit->ops->now(pit->opaque));

	for (unsigned n = 0; n < I8254_CHANNELS; n++)
		i8254_counter_advance(&pit->channels[n], clock);
	show(pit);
}

uint64_t i8254_next(const struct i8254 *pit)
{
	const struct i8254_counter *c = &pit->channels[0];
	uint64_t rise = i8254_counter_next_rise(c);
	uint64_t period = i8254_counter_period(c);

	if (rise == I8254_NEVER || !is_periodic(pit))
		return ns_of(rise);
	if (rise < pit->followed_from)
		rise += (pit->followed_from - rise + period - 1) / period * period;
	else if (!below_floor(pit) && i8254_counter_next_fall(c) < rise)
		rise = i8254_counter_next_fall(c);
	return ns_of(rise);
}

void i8254_tick(struct i8254 *pit)
{
	synchronise(pit);
}

/* ---- ports ---- */

/* Rises that the floor has held back are not let out by a change of mode. */
static void program(struct i8254 *pit, unsigned n, uint8_t word)
{
	if (n == 0) {
		pit->merged += pit->channels[0].rises - pit->rises_seen;
		pit->rises_seen = pit->channels[0].rises;
	}
	i8254_counter_control(&pit->channels[n], word);
}

static void read_back(struct i8254 *pit, uint8_t word)
{
	for (unsigned n = 0; n < I8254_CHANNELS; n++) {
		if (!(word >> (n + 1) & 1))
			continue;
		if (!(word & READ_BACK_COUNT))
			i8254_counter_latch_count(&pit->channels[n]);
		if (!(word & READ_BACK_STATUS))
			i8254_counter_latch_status(&pit->channels[n]);
	}
}

static void write_control(struct i8254 *pit, uint8_t word)
{
	unsigned n = word >> 6;

	if ((word & WORD_SELECT) == WORD_READ_BACK)
		read_back(pit, word);
	else if (!(word & WORD_RW))
		i8254_counter_latch_count(&pit->channels[n]);
	else
		program(pit, n, word);
}

static uint64_t read_ports(void *opaque, uint64_t offset, unsigned width)
{
	struct i8254 *pit = opaque;

	(void)width;
	synchronise(pit);
	return offset == CONTROL ? OPEN_BUS : i8254_counter_read(&pit->channels[offset]);
}

static void write_ports(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct i8254 *pit = opaque;

	(void)width;
	synchronise(pit);
	if (offset == CONTROL)
		write_control(pit, (uint8_t)value);
	else
		i8254_counter_write(&pit->channels[offset], (uint8_t)value);
	show(pit);
}

static uint64_t read_port61(void *opaque, uint64_t offset, unsigned width)
{
	struct i8254 *pit = opaque;
	uint64_t clock;

	(void)offset;
	(void)width;
	synchronise(pit);
	clock = pit->channels[0].clock;
	return pit->port61 | (clock / REFRESH_CLOCKS & 1 ? PORT61_REFRESH : 0) |
	       (i8254_counter_out(&pit->channels[2]) ? PORT61_OUT2 : 0);
}

static void write_port61(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct i8254 *pit = opaque;

	(void)offset;
	(void)width;
	synchronise(pit);
	pit->port61 = value & PORT61_WRITABLE;
	i8254_counter_gate(&pit->channels[2], value & PORT61_GATE2);
}

/* ---- the outside ---- */

void i8254_init(struct i8254 *pit, const struct i8254_ops *ops, void *opaque, struct irq_line irq,
		uint64_t floor_ns)
{
	*pit = (struct i8254){.ops = ops, .opaque = opaque, .irq = irq};
	/* Up: a period that falls short by less than a clock falls short. */
	pit->floor = clock_at(floor_ns);
	pit->floor += ns_of(pit->floor) < floor_ns;
	i8254_reset(pit);
}

void i8254_reset(struct i8254 *pit)
{
	uint64_t clock = clock_at(pit->ops->now(pit->opaque));

	for (unsigned n = 0; n < I8254_CHANNELS; n++)
		pit->channels[n] = (struct i8254_counter){
			.clock = clock,
			.control = POWER_ON_CONTROL,
			.gate = n != 2,
			.null_count = true,
		};
	pit->port61 = 0;
	pit->followed_from = 0;
	pit->rises_seen = 0;
	drive(pit, false);
}

void i8254_state(struct i8254 *pit, struct state *s)
{
	state_bool(s, &pit->irq_level);
	state_u8(s, &pit->port61);
	for (unsigned n = 0; n < I8254_CHANNELS; n++)
		i8254_counter_state(&pit->channels[n], s);
	state_u64(s, &pit->followed_from);
	state_u64(s, &pit->rises_seen);
	state_u64(s, &pit->merged);
}

static struct state_error channel_error(const struct i8254 *pit, unsigned n)
{
	const struct i8254_counter *c = &pit->channels[n];
	const char *why = i8254_counter_state_error(c);

	if (why)
		return state_wrong_one("channel", n, why);
	if (c->clock != pit->channels[0].clock)
		return state_wrong_one("channel", n, "is not as far as channel 0");
	if (c->gate != (n != 2 || (pit->port61 & PORT61_GATE2)))
		return state_wrong_one("channel", n, "has a gate that is not as it is wired");
	return state_ok();
}

/* What show() leaves: rises wait only for the floor, and OUT0 is on the line but below it. */
static struct state_error line_error(const struct i8254 *pit)
{
	const struct i8254_counter *c = &pit->channels[0];

	if (pit->rises_seen > c->rises)
		return state_wrong("IRQ 0", "has seen rises that were not");
	if (pit->followed_from > c->clock + pit->floor)
		return state_wrong("IRQ 0", "is held back beyond its floor");
	if (pit->rises_seen != c->rises) {
		if (!is_periodic(pit) || c->rose_at >= pit->followed_from)
			return state_wrong("IRQ 0", "holds back a rise without a reason");
	} else if (!below_floor(pit) && pit->irq_level != i8254_counter_out(c)) {
		return state_wrong("IRQ 0", "is not what OUT is");
	}
	return state_ok();
}

struct state_error i8254_state_error(const struct i8254 *pit)
{
	if (pit->port61 & ~PORT61_WRITABLE)
		return state_wrong("port 61h", "has bits set that are not kept");
	if (pit->channels[0].clock > clock_at(pit->ops->now(pit->opaque)))
		return state_wrong("the counters", "are ahead of the clock");
	for (unsigned n = 0; n < I8254_CHANNELS; n++) {
		struct state_error error = channel_error(pit, n);

		if (error.what)
			return error;
	}
	return line_error(pit);
}

struct bus_region i8254_region(struct i8254 *pit)
{
	return (struct bus_region){
		.base = I8254_PORT,
		.size = I8254_PORTS,
		.name = "i8254",
		.widths = 1,
		.read = read_ports,
		.write = write_ports,
		.opaque = pit,
	};
}

struct bus_region i8254_port61_region(struct i8254 *pit)
{
	return (struct bus_region){
		.base = I8254_PORT61,
		.size = 1,
		.name = "port 61h",
		.widths = 1,
		.read = read_port61,
		.write = write_port61,
		.opaque = pit,
	};
}
