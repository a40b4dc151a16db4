// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every register x mode x direction x width x bit, against a table written from lapic/RULES.md.
 * Not what a register does beside being read and written, and nothing of lapic/reg_table.c.
 */
#include "tests/lapic/rig.h"

#include <string.h>

enum model { INTEL, AMD, INTEL_SUPPRESSING, MODELS };

/*
 * page, msr: "rw", "r" (writes dropped, #GP by MSR), "w" (reads 0, #GP by MSR), "-" (does not
 * exist). writable: bits that keep what is written; ones: bits that read as 1 whatever is written;
 * ignored: bits that a WRMSR may set to no effect. What is in none of them is reserved.
 */
struct row {
	uint8_t first, last;
	const char *page, *msr;
	uint32_t reset;
	uint32_t writable, ones, ignored;
};

static const struct row rows[] = {
	{0x00, 0x01, "-", "-", 0, 0, 0, 0},
	{0x02, 0x02, "rw", "r", 0, 0xFF000000, 0, 0}, /* ID */
	{0x03, 0x03, "r", "r", 0x60014, 0, 0, 0},     /* version; see expected_row() */
	{0x04, 0x07, "-", "-", 0, 0, 0, 0},
	{0x08, 0x08, "rw", "rw", 0, 0xFF, 0, 0},                        /* TPR */
	{0x09, 0x09, "r", "-", 0, 0, 0, 0},                             /* APR */
	{0x0A, 0x0A, "r", "r", 0, 0, 0, 0},                             /* PPR */
	{0x0B, 0x0B, "w", "w", 0, 0, 0, 0},                             /* EOI */
	{0x0C, 0x0C, "r", "-", 0, 0, 0, 0},                             /* RRD */
	{0x0D, 0x0D, "rw", "r", 0, 0xFF000000, 0, 0},                   /* LDR */
	{0x0E, 0x0E, "rw", "-", 0xFFFFFFFF, 0xF0000000, 0x0FFFFFFF, 0}, /* DFR */
	{0x0F, 0x0F, "rw", "rw", 0xFF, 0x3FF, 0, 0},                    /* SVR */
	{0x10, 0x27, "r", "r", 0, 0, 0, 0},                             /* ISR, TMR, IRR */
	{0x28, 0x28, "rw", "rw", 0, 0, 0, 0}, /* ESR: what it shows is no storage */
	{0x29, 0x2E, "-", "-", 0, 0, 0, 0},
	{0x2F, 0x2F, "rw", "rw", 0x10000, 0x107FF, 0, 0x1000}, /* CMCI */
	{0x30, 0x30, "rw", "rw", 0, 0xCCFFF, 0, 0x1000},       /* ICR */
	{0x31, 0x31, "rw", "-", 0, 0xFF000000, 0, 0},          /* ICR high */
	{0x32, 0x32, "rw", "rw", 0x10000, 0x700FF, 0, 0x1000}, /* LVT timer */
	{0x33, 0x34, "rw", "rw", 0x10000, 0x107FF, 0, 0x1000}, /* thermal, performance */
	{0x35, 0x36, "rw", "rw", 0x10000, 0x1A7FF, 0, 0x5000}, /* LINT0, LINT1 */
	{0x37, 0x37, "rw", "rw", 0x10000, 0x100FF, 0, 0x1000}, /* error */
	{0x38, 0x38, "rw", "rw", 0, 0xFFFFFFFF, 0, 0},         /* initial count */
	{0x39, 0x39, "r", "r", 0, 0, 0, 0},                    /* current count */
	{0x3A, 0x3D, "-", "-", 0, 0, 0, 0},
	{0x3E, 0x3E, "rw", "rw", 0, 0xB, 0, 0}, /* divide configuration */
	{0x3F, 0x3F, "-", "w", 0, 0xFF, 0, 0},  /* SELF IPI */
	{0x40, 0xFF, "-", "-", 0, 0, 0, 0},
};

/* The row of register n, as the model differs. */
static struct row expected_row(enum model model, unsigned n)
{
	struct row row = {0};

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (n >= rows[i].first && n <= rows[i].last)
			row = rows[i];
	assert_non_null(row.page);
	if (model == AMD && n == 0x03)
		row.reset = 0x50014; /* six LVT entries */
	if (model == AMD && n == 0x2F)
		row = (struct row){n, n, "-", "-", 0, 0, 0, 0};
	if (model == AMD && n == 0x30)
		row.ignored = 0; /* bit 12 faults */
	if (model == AMD && n == 0x32)
		row.writable = 0x300FF; /* no TSC-deadline */
	if (model == INTEL_SUPPRESSING && n == 0x03)
		row.reset = 0x1060014;
	if (model == INTEL_SUPPRESSING && n == 0x0F)
		row.writable = 0x13FF;
	return row;
}

static void suppressing(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->eoi_suppression = true;
}

static struct lapic *fresh(enum model model)
{
	rig_teardown(NULL);
	return rig_build(&(struct rig_plan){
				 .profile = model == AMD ? lapic_config_amd : lapic_config_intel,
				 .tune = model == INTEL_SUPPRESSING ? suppressing : NULL,
			 })
		->l[0];
}

static bool readable(const char *access)
{
	return access[0] == 'r';
}

static bool writable(const char *access)
{
	return access[strlen(access) - 1] == 'w';
}

static bool missing(const char *access)
{
	return access[0] == '-';
}

static uint32_t low(uint32_t value, unsigned size)
{
	return size >= 4 ? value : value & ((1u << (8 * size)) - 1);
}

#define check(what, n, value, expected)                                                            \
 do {                                                                                              \
  uint64_t value_ = (value), expected_ = (expected);                                               \
  if (value_ != expected_)                                                                         \
   fail_msg("register %02x, %s: %llx instead of %llx", n, what, (unsigned long long)value_,        \
	    (unsigned long long)expected_);                                                        \
 } while (0)

/* A write that must change nothing. */
static void dropped(struct lapic *l, unsigned n, uint32_t offset, unsigned size, uint64_t value)
{
	uint8_t before[1024], after[1024];

	lapic_save(l, before, sizeof(before), -1);
	lapic_mmio_write(l, offset, size, value);
	lapic_save(l, after, sizeof(after), -1);
	if (memcmp(before, after, lapic_state_size()) != 0)
		fail_msg("register %02x: a write of %u bytes at %x acts", n, size, offset);
}

/* Rules: ACC-1, ACC-2, ACC-3, ACC-4, RST-1 */
static void test_page_reads(void **state)
{
	(void)state;
	for (enum model model = 0; model < MODELS; model++) {
		for (unsigned n = 0; n < 256; n++) {
			struct row row = expected_row(model, n);
			struct lapic *l = fresh(model);

			for (unsigned size = 1; size <= 8; size *= 2) {
				check("read", n, lapic_mmio_read(l, n << 4, size),
				      low(row.reset, size));
				check("read beside", n, lapic_mmio_read(l, (n << 4) + 4, size), 0);
			}
			check("ESR", n, latch_esr(l), missing(row.page) ? ESR_REGISTER : 0);
		}
	}
}

/* Rules: ACC-2, ACC-3, ACC-4, ACC-6, LVT-1, LVT-2 */
static void test_page_writes_bit_by_bit(void **state)
{
	(void)state;
	for (enum model model = 0; model < MODELS; model++) {
		for (unsigned n = 0; n < 256; n++) {
			struct row row = expected_row(model, n);

			for (unsigned bit = 0; bit < 32; bit++) {
				struct lapic *l = fresh(model);
				uint32_t expected = row.ones | (row.writable & 1u << bit);

				if (n != 0x0F)
					put(l, APIC_SVR, 0x1FF);
				if (writable(row.page) && readable(row.page)) {
					put(l, n << 4, 1u << bit);
					check("written bit", n, lapic_mmio_read(l, n << 4, 4),
					      expected);
				} else if (readable(row.page)) {
					dropped(l, n, n << 4, 4, 1u << bit);
				} else {
					put(l, n << 4, 1u << bit);
				}
				/* An ICR of one bit asks for an illegal vector, or to self for one.
				 */
				if (n != 0x30)
					check("ESR", n, latch_esr(l),
					      missing(row.page) ? ESR_REGISTER : 0);
			}
		}
	}
}

/* Rules: ACC-2 */
static void test_page_writes_of_other_widths(void **state)
{
	static const unsigned sizes[] = {1, 2, 3, 5, 6, 7, 8};
	struct lapic *l = fresh(INTEL);

	(void)state;
	put(l, APIC_SVR, 0x1FF);
	for (unsigned n = 0; n < 256; n++) {
		for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
			dropped(l, n, n << 4, sizes[i], UINT64_MAX);
		for (unsigned byte = 1; byte < 16; byte++)
			for (unsigned size = 1; size <= 8; size *= 2)
				dropped(l, n, (n << 4) + byte, size, UINT64_MAX);
	}
	check("ESR", 0, latch_esr(l), 0);
}

/* Rules: ACC-5, MSR-1 */
static void test_nothing_answers_in_the_wrong_mode(void **state)
{
	(void)state;
	for (unsigned disabled = 0; disabled < 2; disabled++) {
		for (unsigned n = 0; n < 256; n++) {
			struct lapic *l = fresh(INTEL);

			if (disabled) {
				rig_disable(l);
			} else {
				assert_gp_read(l, 0x800 + n);
				assert_gp_write(l, 0x800 + n, 0);
				assert_gp_write(l, 0x800 + n, 0x10040);
				rig_x2apic(l);
			}
			for (unsigned size = 1; size <= 8; size *= 2) {
				check("read", n, lapic_mmio_read(l, n << 4, size),
				      UINT64_MAX >> (64 - 8 * size));
				dropped(l, n, n << 4, size, 0);
				dropped(l, n, n << 4, size, 0x1C040);
			}
			if (!disabled)
				continue;
			assert_gp_read(l, 0x800 + n);
			assert_gp_write(l, 0x800 + n, 0);
			assert_gp_write(l, 0x800 + n, 0x10040);
		}
	}
}

/* Rules: MSR-2, MSR-6, MSR-7, RST-1 */
static void test_msr_reads(void **state)
{
	(void)state;
	for (enum model model = 0; model < MODELS; model++) {
		struct lapic *l = fresh(model);

		rig_x2apic(l);
		for (unsigned n = 0; n < 256; n++) {
			struct row row = expected_row(model, n);

			if (!readable(row.msr))
				assert_gp_read(l, 0x800 + n);
			else /* LDR of ID 0: cluster 0, member 0 */
				check("read", n, msr(l, 0x800 + n), n == 0x0D ? 1 : row.reset);
		}
		check("ESR", 0, latch_esr(l), 0);
	}
}

/* Rules: MSR-2, MSR-3, MSR-4, MSR-5 */
static void test_msr_writes_bit_by_bit(void **state)
{
	(void)state;
	for (enum model model = 0; model < MODELS; model++) {
		for (unsigned n = 0; n < 256; n++) {
			struct row row = expected_row(model, n);

			for (unsigned bit = 0; bit < 64; bit++) {
				struct lapic *l = fresh(model);
				uint64_t value = 1ull << bit, legal = row.writable | row.ignored;

				put(l, APIC_SVR, 0x1FF);
				rig_x2apic(l);
				if (n == 0x30)
					legal |= 0xFFFFFFFF00000000; /* the destination */
				if (!writable(row.msr) || !(value & legal)) {
					assert_gp_write(l, 0x800 + n, value);
					continue;
				}
				set_msr(l, 0x800 + n, value);
				if (readable(row.msr))
					check("written bit", n, msr(l, 0x800 + n),
					      value & ~(uint64_t)row.ignored);
			}
		}
	}
}

/* Rules: MSR-2, MSR-4 */
static void test_msr_writes_of_zero(void **state)
{
	(void)state;
	for (enum model model = 0; model < MODELS; model++) {
		for (unsigned n = 0; n < 256; n++) {
			struct row row = expected_row(model, n);
			struct lapic *l = fresh(model);

			rig_x2apic(l);
			if (!writable(row.msr)) {
				assert_gp_write(l, 0x800 + n, 0);
				continue;
			}
			set_msr(l, 0x800 + n, 0);
			if (readable(row.msr) &&
			    n != 0x28) /* all LVTs: disabled by software, so masked */
				check("written 0", n, msr(l, 0x800 + n), row.reset & 0x10000);
		}
	}
}

/* Rules: MSR-3 */
static void test_one_reserved_bit_among_legal_ones_faults(void **state)
{
	struct lapic *l = fresh(INTEL);

	(void)state;
	rig_x2apic(l);
	for (unsigned n = 0; n < 256; n++) {
		struct row row = expected_row(INTEL, n);
		uint32_t legal = row.writable | row.ignored;

		if (!writable(row.msr))
			continue;
		for (unsigned bit = 0; bit < 32; bit++)
			if (!(legal & 1u << bit))
				assert_gp_write(l, 0x800 + n, legal | 1u << bit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_page_reads),
		rig_test(test_page_writes_bit_by_bit),
		rig_test(test_page_writes_of_other_widths),
		rig_test(test_nothing_answers_in_the_wrong_mode),
		rig_test(test_msr_reads),
		rig_test(test_msr_writes_bit_by_bit),
		rig_test(test_msr_writes_of_zero),
		rig_test(test_one_reserved_bit_among_legal_ones_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
