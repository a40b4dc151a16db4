// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the model alone costs, without KVM: ns per operation as the median of alternating rounds.
 * Not a test: nothing here passes or fails, since the machine's load decides.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lapic/lapic.h"
#include "tests/bench/floor.h"

#define MAX_LAPICS 1024u
#define ROUNDS     31
#define MAX_ROWS   64

struct machine {
	uint32_t count;
	struct lapic_map *map;
	struct lapic *lapics[MAX_LAPICS];
};

struct row {
	const char *name;
	double bar; /* ns that the project set itself; 0: none */
	/* Runs about `n` operations and returns how many; only what is between start() and stop()
	 * counts. */
	uint64_t (*run)(struct machine *m, uint64_t n);
	struct machine *machine;
	double ns[ROUNDS];
};

static uint64_t clock_ns = 1000000;
static uint64_t clock_tsc = 1000000;
static uint64_t started, elapsed;
static volatile uint64_t sink;

static uint64_t real_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void start(void)
{
	started = real_ns();
}

static void stop(void)
{
	elapsed += real_ns() - started;
}

static uint64_t now_ns(void *opaque)
{
	(void)opaque;
	return clock_ns;
}

static uint64_t now_tsc(void *opaque)
{
	(void)opaque;
	return clock_tsc;
}

static void deadline_changed(void *opaque)
{
	(void)opaque;
}

static void *aligned(size_t alignment, size_t bytes)
{
	void *memory = aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);

	if (!memory) {
		fprintf(stderr, "bench: no memory for %zu bytes\n", bytes);
		exit(70);
	}
	memset(memory, 0, bytes);
	return memory;
}

static struct machine *make_machine(uint32_t count, bool x2apic)
{
	struct machine *m = aligned(64, sizeof(*m));
	struct lapic_map_config map_config = {
		.size = sizeof(map_config), .max_lapics = count, .max_id = MAX_LAPICS - 1};
	struct lapic_ops ops = {.size = sizeof(ops),
				.now_ns = now_ns,
				.now_tsc = now_tsc,
				.deadline_changed = deadline_changed};
	size_t stride = (lapic_size() + lapic_align() - 1) / lapic_align() * lapic_align();
	size_t map_bytes = lapic_map_size(&map_config);
	char *memory = aligned(lapic_align(), stride * count);
	char *pages = aligned(LAPIC_PAGE_SIZE, (size_t)LAPIC_PAGE_SIZE * count);
	struct lapic_config config;
	uint64_t base;

	m->count = count;
	m->map = lapic_map_init(aligned(64, map_bytes), map_bytes, &map_config);
	lapic_config_intel(&config);
	for (uint32_t i = 0; i < count; i++) {
		struct lapic *l;
		uint8_t vector;

		config.initial_id = i;
		config.bsp = i == 0;
		if (lapic_init(memory + stride * i, stride, pages + (size_t)LAPIC_PAGE_SIZE * i,
			       &config, &ops, NULL, m->map, &l)) {
			fprintf(stderr, "bench: lapic_init failed\n");
			exit(70);
		}
		if (i > 0) {
			lapic_post(l, LAPIC_SIPI, 0x10, false);
			lapic_take_sipi(l, &vector);
		}
		lapic_mmio_write(l, 0x0F0, 4, 0x1FF);
		lapic_mmio_write(l, 0x3E0, 4, 0xB);
		base = lapic_apic_base(l);
		if (x2apic)
			lapic_msr_write(l, 0x1B, base | 0x400);
		m->lapics[i] = l;
	}
	return m;
}

/* How many interrupts were there: as many as were posted, or posts that merge were timed. */
static uint64_t drain(struct machine *m)
{
	uint64_t taken = 0;

	for (uint32_t i = 0; i < m->count; i++) {
		struct lapic *l = m->lapics[i];
		uint64_t base = lapic_apic_base(l);

		while (lapic_pending(l) & LAPIC_PENDING_INTR) {
			taken++;
			lapic_ack(l);
			if (base & 0x400)
				lapic_msr_write(l, 0x80B, 0);
			else
				lapic_mmio_write(l, 0x0B0, 4, 0);
		}
	}
	return taken;
}

static void drain_all(struct machine *m, uint64_t posted)
{
	uint64_t taken = drain(m);

	if (taken == posted)
		return;
	fprintf(stderr, "bench: %ju interrupts came of %ju posted\n", (uintmax_t)taken,
		(uintmax_t)posted);
	exit(70);
}

static uint64_t run_floor(struct machine *m, uint64_t n)
{
	start();
	for (uint64_t i = 0; i < n; i++)
		sink = floor_call(m->lapics[0], (uint32_t)i);
	stop();
	return n;
}

/* What a post cannot be cheaper than: one atomic read-modify-write of a line that is in the cache.
 */
static uint64_t run_atomic(struct machine *m, uint64_t n)
{
	static _Atomic uint64_t word;

	(void)m;
	start();
	for (uint64_t i = 0; i < n; i++)
		atomic_fetch_or(&word, 1ull << (i & 63));
	stop();
	return n;
}

static uint64_t read_mmio(struct machine *m, uint64_t n, uint32_t offset)
{
	struct lapic *l = m->lapics[0];

	start();
	for (uint64_t i = 0; i < n; i++)
		sink = lapic_mmio_read(l, offset, 4);
	stop();
	return n;
}

static uint64_t read_msr(struct machine *m, uint64_t n, uint32_t msr)
{
	struct lapic *l = m->lapics[0];
	uint64_t value = 0;

	start();
	for (uint64_t i = 0; i < n; i++) {
		lapic_msr_read(l, msr, &value);
		sink = value;
	}
	stop();
	return n;
}

static uint64_t write_mmio(struct machine *m, uint64_t n, uint32_t offset, uint32_t a, uint32_t b)
{
	struct lapic *l = m->lapics[0];

	start();
	for (uint64_t i = 0; i < n; i += 2) {
		lapic_mmio_write(l, offset, 4, a);
		lapic_mmio_write(l, offset, 4, b);
	}
	stop();
	return n;
}

static uint64_t write_msr(struct machine *m, uint64_t n, uint32_t msr, uint32_t a, uint32_t b)
{
	struct lapic *l = m->lapics[0];

	start();
	for (uint64_t i = 0; i < n; i += 2) {
		lapic_msr_write(l, msr, a);
		lapic_msr_write(l, msr, b);
	}
	stop();
	return n;
}

static uint64_t mmio_read_tpr(struct machine *m, uint64_t n)
{
	return read_mmio(m, n, 0x080);
}

static uint64_t mmio_read_lvt(struct machine *m, uint64_t n)
{
	return read_mmio(m, n, 0x320);
}

static uint64_t msr_read_tpr(struct machine *m, uint64_t n)
{
	return read_msr(m, n, 0x808);
}

static uint64_t msr_read_lvt(struct machine *m, uint64_t n)
{
	return read_msr(m, n, 0x832);
}

static uint64_t mmio_read_ccr(struct machine *m, uint64_t n)
{
	lapic_mmio_write(m->lapics[0], 0x380, 4, 0xFFFFFFFF);
	n = read_mmio(m, n, 0x390);
	lapic_mmio_write(m->lapics[0], 0x380, 4, 0);
	return n;
}

static uint64_t msr_read_ccr(struct machine *m, uint64_t n)
{
	lapic_msr_write(m->lapics[0], 0x838, 0xFFFFFFFF);
	n = read_msr(m, n, 0x839);
	lapic_msr_write(m->lapics[0], 0x838, 0);
	return n;
}

static uint64_t mmio_write_tpr(struct machine *m, uint64_t n)
{
	return write_mmio(m, n, 0x080, 0x20, 0x00);
}

static uint64_t msr_write_tpr(struct machine *m, uint64_t n)
{
	return write_msr(m, n, 0x808, 0x20, 0x00);
}

static uint64_t mmio_write_lvt(struct machine *m, uint64_t n)
{
	return write_mmio(m, n, 0x320, 0x10040, 0x10041);
}

static uint64_t msr_write_lvt(struct machine *m, uint64_t n)
{
	return write_msr(m, n, 0x832, 0x10040, 0x10041);
}

static uint64_t mmio_write_tmict(struct machine *m, uint64_t n)
{
	n = write_mmio(m, n, 0x380, 1000000, 2000000);
	lapic_mmio_write(m->lapics[0], 0x380, 4, 0);
	return n;
}

static uint64_t msr_write_tmict(struct machine *m, uint64_t n)
{
	n = write_msr(m, n, 0x838, 1000000, 2000000);
	lapic_msr_write(m->lapics[0], 0x838, 0);
	return n;
}

static uint64_t mmio_post_to_eoi(struct machine *m, uint64_t n)
{
	struct lapic *l = m->lapics[0];

	start();
	for (uint64_t i = 0; i < n; i++) {
		lapic_post(l, LAPIC_FIXED, (uint8_t)(16 + i % 240), false);
		sink = lapic_ack(l);
		lapic_mmio_write(l, 0x0B0, 4, 0);
	}
	stop();
	return n;
}

static uint64_t msr_post_to_eoi(struct machine *m, uint64_t n)
{
	struct lapic *l = m->lapics[0];

	start();
	for (uint64_t i = 0; i < n; i++) {
		lapic_post(l, LAPIC_FIXED, (uint8_t)(16 + i % 240), false);
		sink = lapic_ack(l);
		lapic_msr_write(l, 0x80B, 0);
	}
	stop();
	return n;
}

/* As a run loop has it: the look at all that may be pending comes in between. */
static uint64_t post_look_ack_eoi(struct machine *m, uint64_t n)
{
	struct lapic *l = m->lapics[0];

	start();
	for (uint64_t i = 0; i < n; i++) {
		lapic_post(l, LAPIC_FIXED, (uint8_t)(16 + i % 240), false);
		if (lapic_pending(l) & LAPIC_PENDING_INTR)
			sink = lapic_ack(l);
		lapic_mmio_write(l, 0x0B0, 4, 0);
	}
	stop();
	return n;
}

static uint64_t arm_and_expire(struct machine *m, uint64_t n)
{
	struct lapic *l = m->lapics[0];

	lapic_mmio_write(l, 0x320, 4, 0x40);
	start();
	for (uint64_t i = 0; i < n; i++) {
		lapic_mmio_write(l, 0x380, 4, 1000);
		clock_ns += 1000;
		lapic_tick(l);
		sink = lapic_ack(l);
		lapic_mmio_write(l, 0x0B0, 4, 0);
	}
	stop();
	lapic_mmio_write(l, 0x320, 4, 0x10040);
	return n;
}

/* Targets in an order that no prefetcher guesses; each post is new. */
static uint64_t ipi_one(struct machine *m, uint64_t n)
{
	uint64_t done = 0, total = 0;
	uint32_t step = m->count > 1 ? 397 % m->count | 1u : 1, target = 0;

	while (total < n) {
		start();
		for (uint32_t vector = 16; vector < 256 && done < n; vector++) {
			for (uint32_t k = 0; k < m->count; k++) {
				lapic_msr_write(m->lapics[0], 0x830,
						(target * UINT64_C(0x100000000)) | vector);
				target = (target + step) & (m->count - 1);
			}
			done += m->count;
		}
		stop();
		drain_all(m, done);
		total += done;
		done = 0;
	}
	return total;
}

static uint64_t ipi_all(struct machine *m, uint64_t n)
{
	uint64_t total = 0;

	while (total < n) {
		start();
		for (uint32_t vector = 16; vector < 256; vector++)
			lapic_msr_write(m->lapics[0], 0x830, 0x80000u | vector);
		stop();
		drain_all(m, 240ull * m->count);
		total += 240ull * m->count;
	}
	return total;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(const double *values)
{
	double sorted[ROUNDS];

	memcpy(sorted, values, sizeof(sorted));
	qsort(sorted, ROUNDS, sizeof(double), by_value);
	return sorted[ROUNDS / 2];
}

/* The rows whose name holds `only`, or all: for a profile or an instruction count of one operation.
 */
static unsigned choose(struct row *rows, unsigned count, const char *only)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++)
		if (!only || strstr(rows[i].name, only))
			rows[kept++] = rows[i];
	return kept;
}

static void run_rounds(struct row *rows, unsigned count, uint64_t n)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (unsigned i = 0; i < count; i++) {
			uint64_t done;

			elapsed = 0;
			done = rows[i].run(rows[i].machine, n);
			rows[i].ns[round] = (double)elapsed / (double)done;
		}
	}
}

int main(int argc, char **argv)
{
	static const uint32_t sizes[] = {1, 8, 64, 256, 1024};
	static char names[16][40];
	struct machine *xapic = make_machine(1, false), *x2apic = make_machine(1, true);
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 200000;
	struct row rows[MAX_ROWS] = {
		{"empty external call", 0, run_floor, xapic, {0}},
		{"one atomic OR", 0, run_atomic, xapic, {0}},
		{"read TPR, MMIO", 2.5, mmio_read_tpr, xapic, {0}},
		{"read TPR, MSR", 2.5, msr_read_tpr, x2apic, {0}},
		{"read LVT timer, MMIO", 2.5, mmio_read_lvt, xapic, {0}},
		{"read LVT timer, MSR", 2.5, msr_read_lvt, x2apic, {0}},
		{"read CCR running, MMIO", 2.5, mmio_read_ccr, xapic, {0}},
		{"read CCR running, MSR", 2.5, msr_read_ccr, x2apic, {0}},
		{"write TPR, MMIO", 2.0, mmio_write_tpr, xapic, {0}},
		{"write TPR, MSR", 2.0, msr_write_tpr, x2apic, {0}},
		{"write LVT timer, MMIO", 2.5, mmio_write_lvt, xapic, {0}},
		{"write LVT timer, MSR", 2.5, msr_write_lvt, x2apic, {0}},
		{"write TMICT, MMIO", 4.0, mmio_write_tmict, xapic, {0}},
		{"write TMICT, MSR", 4.0, msr_write_tmict, x2apic, {0}},
		{"post, ack, EOI by MMIO", 20, mmio_post_to_eoi, xapic, {0}},
		{"post, ack, EOI by MSR", 20, msr_post_to_eoi, x2apic, {0}},
		{"post, pending, ack, EOI", 0, post_look_ack_eoi, xapic, {0}},
		{"arm, expire, ack, EOI", 0, arm_and_expire, xapic, {0}},
	};
	unsigned count = 18;

	for (unsigned i = 0; i < 5; i++) {
		struct machine *m = make_machine(sizes[i], true);

		snprintf(names[2 * i], sizeof(names[0]), "IPI to one of %u", sizes[i]);
		snprintf(names[2 * i + 1], sizeof(names[0]), "IPI to all of %u, a target",
			 sizes[i]);
		rows[count++] = (struct row){names[2 * i], 10, ipi_one, m, {0}};
		rows[count++] = (struct row){names[2 * i + 1], 5, ipi_all, m, {0}};
	}
	if (!n) {
		fprintf(stderr, "usage: %s [operations a round [part of a row's name]]\n", argv[0]);
		return 64;
	}
	count = choose(rows, count, argc > 2 ? argv[2] : NULL);
	run_rounds(rows, count, n);
	printf("%-28s %8s %8s\n", "operation", "ns", "bar");
	for (unsigned i = 0; i < count; i++) {
		printf("%-28s %8.2f", rows[i].name, median(rows[i].ns));
		if (rows[i].bar > 0)
			printf(" %8.1f", rows[i].bar);
		printf("\n");
	}
	printf("%-28s %8zu %8d\n", "bytes beside the page", lapic_size(), 512);
	return 0;
}
