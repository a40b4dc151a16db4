// SPDX-License-Identifier: BSD-2-Clause
// Counter, comparators and their interrupts, by Intel's "IA-PC HPET Specification" 1.0a.
// Not the rerouting of IRQ 0 and IRQ 8 away from 8254 and CMOS clock: that is the owner's.
#include "devices/hpet.h"

/* Registers, and of each timer from 100h on, 20h apart. */
#define CAPABILITIES     0x000u
#define CONFIG           0x010u
#define STATUS           0x020u
#define MAIN_COUNTER     0x0F0u
#define TIMER            0x100u
#define TIMER_STEP       0x020u
#define TIMER_CONFIG     0x00u
#define TIMER_COMPARATOR 0x08u

#define PERIOD_FS        (HPET_TICK_NS * UINT64_C(1000000))

/* General configuration. */
#define ENABLE 0x1u
#define LEGACY 0x2u

/* Timer configuration. */
#define LEVEL        0x0002u
#define INTERRUPTS   0x0004u
#define PERIODIC     0x0008u
#define CAN_PERIODIC 0x0010u
#define CAN_64       0x0020u
#define SET_VALUE    0x0040u
#define MODE_32      0x0100u
#define ROUTE        0x3E00u
#define ROUTE_BIT    9u
#define WRITABLE     (LEVEL | INTERRUPTS | PERIODIC | SET_VALUE | MODE_32 | ROUTE)

#define NEVER        UINT64_MAX

static uint64_t add(uint64_t a, uint64_t b)
{
	return b > NEVER - a ? NEVER : a + b;
}

static bool runs(const struct hpet *hpet)
{
	return hpet->config & ENABLE;
}

bool hpet_is_legacy(const struct hpet *hpet)
{
	return (hpet->config & (ENABLE | LEGACY)) == (ENABLE | LEGACY);
}

static uint64_t counter(const struct hpet *hpet)
{
	return hpet->base + hpet->seen;
}

static uint64_t size_mask(const struct hpet_timer *timer)
{
	return timer->config & MODE_32 ? UINT32_MAX : UINT64_MAX;
}

/* ---- lines ---- */

/* The bit of the line to which a timer goes; 0 where that is not one of the HPET's. */
static uint8_t line_of(const struct hpet *hpet, unsigned n)
{
	unsigned route = (hpet->timers[n].config & ROUTE) >> ROUTE_BIT;

	if (hpet_is_legacy(hpet) && n < 2)
		return (uint8_t)(1u << (n ? HPET_LINE_IRQ8 : HPET_LINE_IRQ0));
	if (route < HPET_FIRST_ROUTE || route > HPET_LAST_ROUTE)
		return 0;
	return (uint8_t)(1u << (HPET_LINE_20 + route - HPET_FIRST_ROUTE));
}

static uint8_t levels_of(const struct hpet *hpet)
{
	uint8_t levels = 0;

	for (unsigned n = 0; n < HPET_TIMERS; n++)
		if (runs(hpet) && hpet->status >> n & 1 && hpet->timers[n].config & INTERRUPTS)
			levels |= line_of(hpet, n);
	return levels;
}

static void drive(struct hpet *hpet)
{
	uint8_t levels = levels_of(hpet), changed = levels ^ hpet->levels;

	hpet->levels = levels;
	for (unsigned i = 0; i < HPET_LINES; i++)
		if (changed >> i & 1)
			irq_line_set(&hpet->lines[i], levels >> i & 1);
}

/* A line that is high already, by another timer's level, has no edge to give. */
static void pulse(const struct hpet *hpet, uint8_t lines)
{
	for (unsigned i = 0; i < HPET_LINES; i++) {
		if (!((lines & ~hpet->levels) >> i & 1))
			continue;
		irq_line_set(&hpet->lines[i], true);
		irq_line_set(&hpet->lines[i], false);
	}
}

/* ---- comparators ---- */

/* From the comparator as it stands: what is behind the counter comes when that has gone around. */
static void schedule(const struct hpet *hpet, struct hpet_timer *timer)
{
	timer->due = add(hpet->seen, (timer->comparator - counter(hpet)) & size_mask(timer));
}

/*
 * Ticks from one match to the next; 0: there is no next. "If the timer is set up for 32-bit mode,
 * then it will generate another interrupt when the main counter wraps": when it meets the
 * comparator again.
 */
static uint64_t stride(const struct hpet_timer *timer)
{
	uint64_t period = timer->period;

	if (!(timer->config & PERIODIC) || period == 0)
		return timer->config & MODE_32 ? UINT64_C(1) << 32 : 0;
	if (period < HPET_SHORTEST_PERIOD)
		period *= (HPET_SHORTEST_PERIOD + period - 1) / period;
	return period;
}

/* However many matches were due by now: whether there was one. */
static bool match(const struct hpet *hpet, struct hpet_timer *timer)
{
	uint64_t step = stride(timer), missed;

	if (timer->due > hpet->seen || timer->due == NEVER)
		return false;
	if (step == 0) {
		timer->due = NEVER;
		return true;
	}
	missed = (hpet->seen - timer->due) / step * step;
	timer->due = add(timer->due + missed, step);
	/* A one-shot's stays: once around is no change in its 32 bits. */
	timer->comparator = (timer->comparator + missed + step) & size_mask(timer);
	return true;
}

/* All that is due at hpet->seen. Levels wait for drive(): a write may yet take one back. */
static void match_all(struct hpet *hpet)
{
	uint8_t edges = 0;

	for (unsigned n = 0; runs(hpet) && n < HPET_TIMERS; n++) {
		struct hpet_timer *timer = &hpet->timers[n];

		if (!match(hpet, timer))
			continue;
		if (timer->config & LEVEL)
			hpet->status |= (uint8_t)(1u << n);
		else if (timer->config & INTERRUPTS)
			edges |= line_of(hpet, n);
	}
	pulse(hpet, edges);
}

static void advance(struct hpet *hpet)
{
	if (runs(hpet))
		hpet->seen = (hpet->ops->now(hpet->opaque) - hpet->since) / HPET_TICK_NS;
	match_all(hpet);
}

void hpet_tick(struct hpet *hpet)
{
	advance(hpet);
	drive(hpet);
}

uint64_t hpet_next(const struct hpet *hpet)
{
	uint64_t due = NEVER;

	for (unsigned n = 0; runs(hpet) && n < HPET_TIMERS; n++) {
		const struct hpet_timer *timer = &hpet->timers[n];

		/* Where status is set already another match says nothing new. */
		if (timer->config & INTERRUPTS && line_of(hpet, n) && !(hpet->status >> n & 1) &&
		    timer->due < due)
			due = timer->due;
	}
	if (due > (NEVER - hpet->since) / HPET_TICK_NS)
		return NEVER;
	return hpet->since + due * HPET_TICK_NS;
}

/* ---- registers ---- */

static uint64_t read_timer(const struct hpet_timer *timer, uint64_t reg)
{
	static const uint64_t routes =
		((UINT64_C(2) << HPET_LAST_ROUTE) - (UINT64_C(1) << HPET_FIRST_ROUTE)) << 32;

	switch (reg) {
	case TIMER_CONFIG: return timer->config | CAN_PERIODIC | CAN_64 | routes;
	case TIMER_COMPARATOR: return timer->comparator;
	default: return 0;
	}
}

/* Registers are of 8 bytes; reg is the first's offset. */
static uint64_t read_register(const struct hpet *hpet, uint64_t reg)
{
	if (reg >= TIMER && reg < TIMER + HPET_TIMERS * TIMER_STEP)
		return read_timer(&hpet->timers[(reg - TIMER) / TIMER_STEP], reg % TIMER_STEP);
	switch (reg) {
	case CAPABILITIES: return PERIOD_FS << 32 | HPET_ID;
	case CONFIG: return hpet->config;
	case STATUS: return hpet->status;
	case MAIN_COUNTER: return counter(hpet);
	default: return 0;
	}
}

/* The counter goes on from value, and each comparator is ahead of that. */
static void set_counter(struct hpet *hpet, uint64_t value)
{
	hpet->base = value;
	hpet->since = hpet->ops->now(hpet->opaque);
	hpet->seen = 0;
	for (unsigned n = 0; n < HPET_TIMERS; n++)
		schedule(hpet, &hpet->timers[n]);
}

/* The counter halts or goes on as it was: the match that is on this very tick has been. */
static void restart(struct hpet *hpet)
{
	for (unsigned n = 0; n < HPET_TIMERS; n++)
		if (hpet->timers[n].due != NEVER)
			hpet->timers[n].due -= hpet->seen;
	hpet->base = counter(hpet);
	hpet->since = hpet->ops->now(hpet->opaque);
	hpet->seen = 0;
}

static void write_config(struct hpet *hpet, uint64_t value)
{
	bool was_legacy = hpet_is_legacy(hpet), ran = runs(hpet);

	hpet->config = value & (ENABLE | LEGACY);
	if (ran != runs(hpet))
		restart(hpet);
	if (hpet_is_legacy(hpet) == was_legacy)
		return;
	/* Only a level that is no longer there can change here; status of a halted HPET stays. */
	if (was_legacy)
		drive(hpet);
	hpet->ops->legacy(hpet->opaque, !was_legacy);
}

static bool is_route(unsigned route)
{
	return route >= HPET_FIRST_ROUTE && route <= HPET_LAST_ROUTE;
}

static void write_timer_config(struct hpet *hpet, unsigned n, uint64_t value)
{
	struct hpet_timer *timer = &hpet->timers[n];
	uint32_t old = timer->config;
	unsigned route = (value & ROUTE) >> ROUTE_BIT;

	timer->config = value & WRITABLE;
	/* "Tn_INT_ROUTE_CNF": a value that is not offered does not read back. */
	if (!is_route(route))
		timer->config = (timer->config & ~ROUTE) | (old & ROUTE);
	if (!(timer->config & PERIODIC))
		timer->config &= ~SET_VALUE;
	if (!(timer->config & LEVEL))
		hpet->status &= (uint8_t) ~(1u << n);
	if ((timer->config ^ old) & MODE_32) {
		timer->comparator &= size_mask(timer);
		timer->period &= size_mask(timer);
		schedule(hpet, timer);
	}
}

/*
 * "Tn_VAL_SET_CNF": with it a periodic timer's comparator takes the value, as its period always
 * does; it is good for one write, of either half or of both.
 */
static void write_comparator(const struct hpet *hpet, struct hpet_timer *timer, uint64_t value,
			     uint64_t written)
{
	written &= size_mask(timer);
	if (written == 0)
		return;
	if (timer->config & PERIODIC)
		timer->period = (timer->period & ~written) | (value & written);
	if (!(timer->config & PERIODIC) || timer->config & SET_VALUE) {
		timer->comparator = (timer->comparator & ~written) | (value & written);
		schedule(hpet, timer);
	}
	timer->config &= ~SET_VALUE;
}

/* written: the bits of the register that value has. */
static void write_register(struct hpet *hpet, uint64_t reg, uint64_t value, uint64_t written)
{
	unsigned n = (unsigned)((reg - TIMER) / TIMER_STEP);
	bool low = written & 1;

	if (reg >= TIMER && n < HPET_TIMERS) {
		if (reg % TIMER_STEP == TIMER_CONFIG && low)
			write_timer_config(hpet, n, value);
		else if (reg % TIMER_STEP == TIMER_COMPARATOR)
			write_comparator(hpet, &hpet->timers[n], value, written);
	} else if (reg == CONFIG && low) {
		write_config(hpet, value);
	} else if (reg == STATUS && low) {
		hpet->status &= (uint8_t)~value;
	} else if (reg == MAIN_COUNTER) {
		set_counter(hpet, (counter(hpet) & ~written) | (value & written));
	}
}

static uint64_t hpet_read(void *opaque, uint64_t offset, unsigned width)
{
	struct hpet *hpet = opaque;

	if (offset % 8 + width > 8)
		return UINT64_MAX;
	hpet_tick(hpet);
	return read_register(hpet, offset & ~UINT64_C(7)) >> (offset % 8 * 8);
}

static void hpet_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct hpet *hpet = opaque;
	unsigned shift = offset % 8 * 8;
	uint64_t written = width == 8 ? UINT64_MAX : UINT32_MAX;

	if (width < 4 || offset % width)
		return;
	advance(hpet);
	write_register(hpet, offset & ~UINT64_C(7), value << shift, written << shift);
	match_all(hpet);
	drive(hpet);
}

void hpet_init(struct hpet *hpet, const struct hpet_ops *ops, void *opaque,
	       const struct irq_line lines[HPET_LINES])
{
	*hpet = (struct hpet){.ops = ops, .opaque = opaque};
	for (unsigned i = 0; i < HPET_LINES; i++)
		hpet->lines[i] = lines[i];
	for (unsigned n = 0; n < HPET_TIMERS; n++)
		hpet->timers[n] = (struct hpet_timer){.comparator = UINT64_MAX, .due = NEVER};
}

void hpet_reset(struct hpet *hpet)
{
	struct hpet old;

	write_config(hpet, 0);
	drive(hpet);
	old = *hpet;
	hpet_init(hpet, old.ops, old.opaque, old.lines);
}

/* ---- state ---- */

void hpet_state(struct hpet *hpet, struct state *s)
{
	state_u8(s, &hpet->levels);
	state_u8(s, &hpet->config);
	state_u8(s, &hpet->status);
	state_u64(s, &hpet->base);
	state_u64(s, &hpet->since);
	state_u64(s, &hpet->seen);
	for (unsigned n = 0; n < HPET_TIMERS; n++) {
		struct hpet_timer *timer = &hpet->timers[n];

		state_u32(s, &timer->config);
		state_u64(s, &timer->comparator);
		state_u64(s, &timer->period);
		state_u64(s, &timer->due);
	}
}

static const char *timer_error(const struct hpet *hpet, unsigned n)
{
	const struct hpet_timer *timer = &hpet->timers[n];
	unsigned route = (timer->config & ROUTE) >> ROUTE_BIT;

	if (timer->config & ~WRITABLE || (timer->config & (PERIODIC | SET_VALUE)) == SET_VALUE)
		return "is configured with bits that are not kept";
	if (route && !is_route(route))
		return "goes to an input that is not offered";
	if (hpet->status >> n & 1 && !(timer->config & LEVEL))
		return "is an edge and has its status set";
	if ((timer->comparator | timer->period) & ~size_mask(timer))
		return "is of 32 bits and counts with more";
	if (timer->due == NEVER)
		return NULL;
	if (timer->due < hpet->seen || (runs(hpet) && timer->due == hpet->seen))
		return "has a match behind it that it has not seen";
	if ((hpet->base + timer->due - timer->comparator) & size_mask(timer))
		return "has its match where its comparator is not";
	return NULL;
}

struct state_error hpet_state_error(const struct hpet *hpet)
{
	uint64_t now = hpet->ops->now(hpet->opaque);

	if (hpet->config & ~(ENABLE | LEGACY))
		return state_wrong("the configuration", "has reserved bits set");
	if (hpet->status >> HPET_TIMERS)
		return state_wrong("the status", "is of a timer that is not there");
	if (hpet->since > now || hpet->seen > (runs(hpet) ? (now - hpet->since) / HPET_TICK_NS : 0))
		return state_wrong("the counter", "is ahead of the clock");
	for (unsigned n = 0; n < HPET_TIMERS; n++)
		if (timer_error(hpet, n))
			return state_wrong_one("timer", n, timer_error(hpet, n));
	if (hpet->levels != levels_of(hpet))
		return state_wrong("a line", "is not what status and configuration make it");
	return state_ok();
}

struct bus_region hpet_region(struct hpet *hpet)
{
	return (struct bus_region){
		.base = HPET_BASE,
		.size = HPET_SIZE,
		.name = "hpet",
		.widths = 1 | 4 | 8,
		.read = hpet_read,
		.write = hpet_write,
		.opaque = hpet,
	};
}
