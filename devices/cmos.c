// SPDX-License-Identifier: BSD-2-Clause
// Index and data port, status registers and the running clock, by Motorola's MC146818 data sheet.
// Not the calendar (devices/cmos_time.c), and no host clock: the time comes from ops->now.
#include "devices/cmos.h"

#include "devices/cmos_time.h"
#include "devices/le.h"

#define STATUS_A       0x0Au
#define STATUS_C       0x0Cu
#define STATUS_D       0x0Du

#define A_UIP          0x80u
#define A_DV_RESET     0x60u /* both bits set: the divider chain is held in reset */
#define A_32KHZ_1024HZ 0x26u

#define B_SET          0x80u
#define B_PIE          0x40u
#define B_AIE          0x20u
#define B_UIE          0x10u
#define B_SQWE         0x08u

#define C_IRQF         0x80u
#define C_UF           0x10u

#define D_VRT          0x80u

#define SECOND_NS      1000000000u
/* "Update In Progress": set 244 us, 8 cycles of 32768 Hz, before an update, which takes no time
 * here. */
#define UIP_NS (SECOND_NS / 32768 * 8)
/* "Divider Stages": the first update follows 500 ms after the divider reset is removed. */
#define DIVIDER_START_NS (SECOND_NS / 2)

#define KIB              UINT64_C(1024)
#define MIB              (1024 * KIB)

static bool clock_runs(const struct cmos *cmos)
{
	return !(cmos->regs[CMOS_STATUS_B] & B_SET) &&
	       (cmos->regs[STATUS_A] & A_DV_RESET) != A_DV_RESET;
}

/* Nanoseconds into the guest's current second, and a carry into the next. */
static uint32_t phase(const struct cmos *cmos, const struct timespec *now, int64_t *carry)
{
	uint32_t ns = (uint32_t)now->tv_nsec + cmos->phase_off;

	*carry = ns >= SECOND_NS;
	return ns % SECOND_NS;
}

/* Counts the guest's seconds; unlike the time of day, setting the clock does not move it. */
static int64_t updates(const struct cmos *cmos, const struct timespec *now)
{
	int64_t carry;

	phase(cmos, now, &carry);
	return now->tv_sec + carry;
}

/* Brings a running clock's registers up to now; a stopped one's keep what they have. */
static void advance(struct cmos *cmos, const struct timespec *now)
{
	int64_t count = updates(cmos, now);

	if (clock_runs(cmos)) {
		if (count != cmos->updates_seen)
			cmos->regs[STATUS_C] |= C_UF;
		cmos_time_encode(cmos->regs, count + cmos->seconds_off);
	}
	cmos->updates_seen = count;
}

/* From now on the clock runs on from what its registers hold. */
static void start_clock(struct cmos *cmos, const struct timespec *now)
{
	cmos->seconds_off = cmos_time_decode(cmos->regs) - updates(cmos, now);
}

static void write_status_a(struct cmos *cmos, const struct timespec *now, uint8_t value)
{
	bool was_held = (cmos->regs[STATUS_A] & A_DV_RESET) == A_DV_RESET;

	cmos->regs[STATUS_A] = value & (uint8_t)~A_UIP;
	if (!was_held || (value & A_DV_RESET) == A_DV_RESET)
		return;
	cmos->phase_off =
		(uint32_t)(SECOND_NS + DIVIDER_START_NS - (uint32_t)now->tv_nsec) % SECOND_NS;
	cmos->updates_seen = updates(cmos, now);
}

static void write_data(struct cmos *cmos, const struct timespec *now, uint8_t value)
{
	bool ran = clock_runs(cmos);

	switch (cmos->index) {
	case STATUS_A: write_status_a(cmos, now, value); break;
	case CMOS_STATUS_B:
		/* "Register B", SET: going high clears UIE. */
		cmos->regs[CMOS_STATUS_B] = value & B_SET ? value & (uint8_t)~B_UIE : value;
		break;
	case STATUS_C:
	case STATUS_D: break;
	default: cmos->regs[cmos->index] = value;
	}
	/* The alarm's registers among them change nothing: the clock runs on from where it is. */
	if (clock_runs(cmos) && (!ran || cmos->index <= CMOS_YEAR || cmos->index == CMOS_CENTURY))
		start_clock(cmos, now);
}

static uint8_t read_status_a(const struct cmos *cmos, const struct timespec *now)
{
	int64_t carry;
	bool updating = clock_runs(cmos) && phase(cmos, now, &carry) >= SECOND_NS - UIP_NS;

	return updating ? cmos->regs[STATUS_A] | A_UIP : cmos->regs[STATUS_A];
}

static uint8_t read_status_c(struct cmos *cmos)
{
	uint8_t flags = cmos->regs[STATUS_C];

	cmos->regs[STATUS_C] = 0;
	/* UF and UIE have the same bit. */
	return flags & cmos->regs[CMOS_STATUS_B] & C_UF ? flags | C_IRQF : flags;
}

static uint64_t cmos_read(void *opaque, uint64_t offset, unsigned width)
{
	struct cmos *cmos = opaque;
	struct timespec now;

	(void)width;
	if (offset == 0)
		return UINT64_MAX;
	cmos->ops->now(cmos->opaque, &now);
	advance(cmos, &now);
	switch (cmos->index) {
	case STATUS_A: return read_status_a(cmos, &now);
	case STATUS_C: return read_status_c(cmos);
	default: return cmos->regs[cmos->index];
	}
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
	cmos->ops->now(cmos->opaque, &now);
	advance(cmos, &now);
	write_data(cmos, &now, (uint8_t)value);
}

static uint64_t at_most(uint64_t value, uint64_t limit)
{
	return value < limit ? value : limit;
}

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

void cmos_init(struct cmos *cmos, const struct cmos_ops *ops, void *opaque,
	       const struct cmos_machine *machine)
{
	struct timespec now;

	*cmos = (struct cmos){.ops = ops, .opaque = opaque};
	cmos->regs[STATUS_A] = A_32KHZ_1024HZ;
	cmos->regs[CMOS_STATUS_B] = CMOS_B_24H;
	cmos->regs[STATUS_D] = D_VRT;
	describe_machine(cmos->regs, machine);
	ops->now(opaque, &now);
	cmos->updates_seen = updates(cmos, &now);
}

void cmos_reset(struct cmos *cmos)
{
	cmos->index = 0;
	cmos->nmi_masked = false;
	cmos->regs[CMOS_STATUS_B] &= (uint8_t) ~(B_PIE | B_AIE | B_UIE | B_SQWE);
	cmos->regs[STATUS_C] = 0;
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
