// SPDX-License-Identifier: BSD-2-Clause
// Index and data port, status registers and the running clock, by Motorola's MC146818 data sheet.
// Not the calendar and the alarm's search (devices/cmos_time.c), and no host clock: time is in ops.
#include "devices/cmos.h"

#include "devices/cmos_time.h"
#include "devices/le.h"

#define STATUS_A       0x0Au
#define STATUS_C       0x0Cu
#define STATUS_D       0x0Du

#define A_UIP          0x80u
#define A_DV_RESET     0x60u /* both bits set: the divider chain is held in reset */
#define A_RATE         0x0Fu
#define A_32KHZ_1024HZ 0x26u

#define B_SET          0x80u
#define B_SQWE         0x08u

/* PIE, AIE and UIE of status B, PF, AF and UF of status C. */
#define PERIODIC     0x40u
#define ALARM        0x20u
#define UPDATE_ENDED 0x10u
#define INTERRUPTS   (PERIODIC | ALARM | UPDATE_ENDED)

#define C_IRQF       0x80u

#define D_VRT        0x80u

#define SECOND_NS    UINT64_C(1000000000)
#define CRYSTAL_HZ   32768u
/* "Update In Progress": set 244 us, 8 cycles of 32768 Hz, before an update, which takes no time
 * here. */
#define UIP_NS (SECOND_NS / CRYSTAL_HZ * 8)
/* "Divider Stages": the first update follows 500 ms after the divider reset is removed. */
#define DIVIDER_START_NS (SECOND_NS / 2)

/* What cmos_ops allows of the time of day, and as much for a divider that has run for ages or a
 * year that the guest has set. */
#define OFF_MAX (INT64_C(1) << 51)

#define KIB     UINT64_C(1024)
#define MIB     (1024 * KIB)

static uint64_t at_most(uint64_t value, uint64_t limit)
{
	return value < limit ? value : limit;
}

/* ---- the divider chain: nanoseconds, of which each whole second ends with an update ---- */

static bool chain_runs(const struct cmos *cmos)
{
	return (cmos->regs[STATUS_A] & A_DV_RESET) != A_DV_RESET;
}

static bool clock_runs(const struct cmos *cmos)
{
	return !(cmos->regs[CMOS_STATUS_B] & B_SET) && chain_runs(cmos);
}

static int64_t seconds_of(uint64_t chain)
{
	return (int64_t)(chain / SECOND_NS);
}

static uint64_t cycles_of(uint64_t chain)
{
	return chain / SECOND_NS * CRYSTAL_HZ + chain % SECOND_NS * CRYSTAL_HZ / SECOND_NS;
}

/* The first nanosecond of a cycle. */
static uint64_t start_of_cycle(uint64_t cycle)
{
	return cycle / CRYSTAL_HZ * SECOND_NS +
	       (cycle % CRYSTAL_HZ * SECOND_NS + CRYSTAL_HZ - 1) / CRYSTAL_HZ;
}

/* Puts the chain anywhere within a second; nothing of what it skips has happened. */
static void place_chain(struct cmos *cmos, uint64_t phase, const struct timespec *time_of_day)
{
	uint64_t now = cmos->ops->now(cmos->opaque);

	cmos->phase_off = (uint32_t)((SECOND_NS + phase - now % SECOND_NS) % SECOND_NS);
	cmos->seen = now + cmos->phase_off;
	cmos->host_off = time_of_day->tv_sec - seconds_of(cmos->seen);
}

/*
 * "Periodic Interrupt Rate" in cycles, each a power of two; 0: none. Rates 1 and 2 are those of 8
 * and 9, as the taps for them lie before what the 32768 Hz crystal drives.
 */
static uint64_t period(const struct cmos *cmos)
{
	unsigned rate = cmos->regs[STATUS_A] & A_RATE;

	if (rate == 0)
		return 0;
	return UINT64_C(1) << (rate <= 2 ? rate + 6 : rate - 1);
}

/* ---- the registers, brought up to now ---- */

/* Whole seconds that they are apart, rounded down: it stays as it is while both run alike. */
static void follow_host(struct cmos *cmos, uint64_t chain, const struct timespec *time_of_day)
{
	int64_t step = time_of_day->tv_sec - cmos->host_off - seconds_of(chain);

	if ((uint64_t)time_of_day->tv_nsec < chain % SECOND_NS)
		step--;
	if (step >= -2 && step < 2)
		return;
	cmos->host_off += step;
	cmos->seconds_off += step;
}

static void advance(struct cmos *cmos, const struct timespec *time_of_day)
{
	uint64_t chain = cmos->ops->now(cmos->opaque) + cmos->phase_off;
	uint64_t cycles = period(cmos);
	int64_t before = seconds_of(cmos->seen) + cmos->seconds_off, after;
	uint8_t *flags = &cmos->regs[STATUS_C];

	follow_host(cmos, chain, time_of_day);
	after = seconds_of(chain) + cmos->seconds_off;
	if (chain_runs(cmos) && cycles &&
	    cycles_of(chain) / cycles != cycles_of(cmos->seen) / cycles)
		*flags |= PERIODIC;
	if (clock_runs(cmos)) {
		if (seconds_of(chain) != seconds_of(cmos->seen))
			*flags |= UPDATE_ENDED;
		if (after > before && cmos_time_alarm(cmos->regs, before) <= after)
			*flags |= ALARM;
		cmos_time_encode(cmos->regs, after);
	}
	cmos->seen = chain;
}

static bool asks(const struct cmos *cmos)
{
	return cmos->regs[STATUS_C] & cmos->regs[CMOS_STATUS_B] & INTERRUPTS;
}

/* Last in every call: what is set and cleared within one leaves no edge on the line. */
static void drive(struct cmos *cmos)
{
	bool level = asks(cmos);

	if (level == cmos->irq_level)
		return;
	cmos->irq_level = level;
	irq_line_set(&cmos->irq, level);
}

uint64_t cmos_next(const struct cmos *cmos)
{
	uint8_t enabled = cmos->regs[CMOS_STATUS_B] & INTERRUPTS;
	uint64_t cycles = period(cmos), next = UINT64_MAX;
	int64_t second = seconds_of(cmos->seen), alarm;

	if (cmos->irq_level || !chain_runs(cmos))
		return UINT64_MAX;
	if (enabled & PERIODIC && cycles)
		next = start_of_cycle((cycles_of(cmos->seen) / cycles + 1) * cycles);
	if (clock_runs(cmos) && enabled & UPDATE_ENDED)
		next = at_most(next, ((uint64_t)second + 1) * SECOND_NS);
	if (clock_runs(cmos) && enabled & ALARM) {
		alarm = cmos_time_alarm(cmos->regs, second + cmos->seconds_off);
		if (alarm != CMOS_TIME_NEVER)
			next = at_most(next, (uint64_t)(alarm - cmos->seconds_off) * SECOND_NS);
	}
	return next == UINT64_MAX ? next : next - cmos->phase_off;
}

void cmos_tick(struct cmos *cmos)
{
	struct timespec now;

	cmos->ops->time_of_day(cmos->opaque, &now);
	advance(cmos, &now);
	drive(cmos);
}

/* ---- the ports ---- */

/* From now on the clock runs on from what its registers hold. */
static void start_clock(struct cmos *cmos)
{
	cmos->seconds_off = cmos_time_decode(cmos->regs) - seconds_of(cmos->seen);
}

static void write_status_a(struct cmos *cmos, const struct timespec *now, uint8_t value)
{
	bool ran = chain_runs(cmos);

	cmos->regs[STATUS_A] = value & (uint8_t)~A_UIP;
	if (!ran && chain_runs(cmos))
		place_chain(cmos, DIVIDER_START_NS, now);
}

static void write_data(struct cmos *cmos, const struct timespec *now, uint8_t value)
{
	bool ran = clock_runs(cmos);

	switch (cmos->index) {
	case CMOS_SECONDS_ALARM:
	case CMOS_MINUTES_ALARM:
	case CMOS_HOURS_ALARM: cmos->regs[cmos->index] = value; return;
	case STATUS_A: write_status_a(cmos, now, value); break;
	case CMOS_STATUS_B:
		/* "Register B", SET: going high clears UIE. */
		cmos->regs[CMOS_STATUS_B] = value & B_SET ? value & (uint8_t)~UPDATE_ENDED : value;
		break;
	case STATUS_C:
	case STATUS_D: break;
	default: cmos->regs[cmos->index] = value;
	}
	if (clock_runs(cmos) && (!ran || cmos->index <= CMOS_YEAR || cmos->index == CMOS_CENTURY))
		start_clock(cmos);
}

static uint8_t read_data(struct cmos *cmos)
{
	uint8_t value = cmos->regs[cmos->index];

	switch (cmos->index) {
	case STATUS_A:
		if (clock_runs(cmos) && cmos->seen % SECOND_NS >= SECOND_NS - UIP_NS)
			value |= A_UIP;
		break;
	case STATUS_C:
		if (value & cmos->regs[CMOS_STATUS_B] & INTERRUPTS)
			value |= C_IRQF;
		cmos->regs[STATUS_C] = 0;
		break;
	default: break;
	}
	return value;
}

static uint64_t cmos_read(void *opaque, uint64_t offset, unsigned width)
{
	struct cmos *cmos = opaque;
	struct timespec now;
	uint8_t value;

	(void)width;
	if (offset == 0)
		return UINT64_MAX;
	cmos->ops->time_of_day(cmos->opaque, &now);
	advance(cmos, &now);
	value = read_data(cmos);
	drive(cmos);
	return value;
}

static void cmos_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct cmos *cmos = opaque;
	struct timespec now;

	(void)width;
	if (offset == 0) {
		cmos->index = value & 0x7F;
		cmos->nmi_masked = value & 0x80;
		return;
	}
	cmos->ops->time_of_day(cmos->opaque, &now);
	advance(cmos, &now);
	write_data(cmos, &now, (uint8_t)value);
	drive(cmos);
}

/* ---- the machine's description ---- */

/* What of the RAM under 4 GiB lies above start, in units of unit bytes, as far as limit counts. */
static uint64_t ram_above(const struct cmos_machine *machine, uint64_t start, uint64_t unit,
			  uint64_t limit)
{
	return machine->ram_below_4g > start
		       ? at_most((machine->ram_below_4g - start) / unit, limit)
		       : 0;
}

/* Where a PC's BIOS leaves what it found; 5Bh-5Fh are Bochs's and QEMU's addition. */
static void describe_machine(uint8_t *regs, const struct cmos_machine *machine)
{
	uint64_t extended = ram_above(machine, MIB, KIB, 0xFFFF);

	le_put(&regs[0x15], 2, at_most(machine->ram_below_4g / KIB, 640)); /* KiB */
	le_put(&regs[0x17], 2, extended);                                  /* KiB above 1 MiB */
	le_put(&regs[0x30], 2, extended);
	le_put(&regs[0x34], 2, ram_above(machine, 16 * MIB, 64 * KIB, 0xFFFF)); /* 64 KiB */
	le_put(&regs[0x5B], 3, at_most(machine->ram_above_4g / (64 * KIB), 0xFFFFFF));
	le_put(&regs[0x5F], 1, at_most(machine->cpus - 1, 0xFF));
}

void cmos_init(struct cmos *cmos, const struct cmos_ops *ops, void *opaque, struct irq_line irq,
	       const struct cmos_machine *machine)
{
	struct timespec now;

	*cmos = (struct cmos){.ops = ops, .opaque = opaque, .irq = irq};
	cmos->regs[STATUS_A] = A_32KHZ_1024HZ;
	cmos->regs[CMOS_STATUS_B] = CMOS_B_24H;
	cmos->regs[STATUS_D] = D_VRT;
	describe_machine(cmos->regs, machine);
	ops->time_of_day(opaque, &now);
	place_chain(cmos, (uint64_t)now.tv_nsec, &now);
	cmos->seconds_off = cmos->host_off;
}

uint8_t cmos_shutdown_code(const struct cmos *cmos)
{
	return cmos->regs[CMOS_SHUTDOWN];
}

void cmos_clear_shutdown_code(struct cmos *cmos)
{
	cmos->regs[CMOS_SHUTDOWN] = 0;
}

void cmos_reset(struct cmos *cmos)
{
	cmos_tick(cmos);
	cmos->index = 0;
	cmos->nmi_masked = false;
	cmos->regs[CMOS_STATUS_B] &= (uint8_t) ~(INTERRUPTS | B_SQWE);
	cmos->regs[STATUS_C] = 0;
	drive(cmos);
}

/* ---- state ---- */

void cmos_state(struct cmos *cmos, struct state *s)
{
	state_bool(s, &cmos->irq_level);
	state_u8(s, &cmos->index);
	state_bool(s, &cmos->nmi_masked);
	state_u32(s, &cmos->phase_off);
	state_u64(s, &cmos->seen);
	state_i64(s, &cmos->seconds_off);
	state_i64(s, &cmos->host_off);
	state_bytes(s, cmos->regs, sizeof(cmos->regs));
}

static bool within(int64_t value, int64_t limit)
{
	return value >= -limit && value <= limit;
}

static struct state_error time_error(const struct cmos *cmos)
{
	if (cmos->phase_off >= SECOND_NS)
		return state_wrong("the divider's phase", "is a second or more");
	if (cmos->seen < cmos->phase_off ||
	    cmos->seen - cmos->phase_off > cmos->ops->now(cmos->opaque))
		return state_wrong("the divider", "is ahead of the clock");
	if (!within(cmos->host_off, OFF_MAX) || !within(cmos->seconds_off, 2 * OFF_MAX) ||
	    !within(cmos->seconds_off - cmos->host_off, OFF_MAX))
		return state_wrong("the time", "is further off than any");
	return state_ok();
}

struct state_error cmos_state_error(const struct cmos *cmos)
{
	if (cmos->index >= CMOS_REGISTERS)
		return state_wrong("the index", "is above 127");
	if (cmos->regs[STATUS_A] & A_UIP)
		return state_wrong("status A", "has UIP set, which is not kept");
	if ((cmos->regs[CMOS_STATUS_B] & (B_SET | UPDATE_ENDED)) == (B_SET | UPDATE_ENDED))
		return state_wrong("status B", "has both SET and UIE");
	if (cmos->regs[STATUS_C] & ~INTERRUPTS)
		return state_wrong("status C", "has bits set that are no flags");
	if (cmos->regs[STATUS_D] != D_VRT)
		return state_wrong("status D", "is not 80h");
	if (cmos->irq_level != asks(cmos))
		return state_wrong("the interrupt line", "is not what the registers make it");
	return time_error(cmos);
}

struct bus_region cmos_region(struct cmos *cmos)
{
	return (struct bus_region){
		.base = CMOS_PORT,
		.size = CMOS_PORTS,
		.name = "cmos",
		.widths = 1,
		.read = cmos_read,
		.write = cmos_write,
		.opaque = cmos,
	};
}
