// SPDX-License-Identifier: BSD-2-Clause
/*
 * The xAPIC page as a front door: widths, alignment, reserved offsets, directions, reserved bits.
 * Not what registers do (their own tests), nor every register one by one (test_table.c).
 */
#include "tests/lapic/rig.h"

static void no_cmci(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->cmci = false;
}

static void id_read_only(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->xapic_id_writable = false;
}

/* Rules: ACC-1, BASE-5 */
static void test_page_is_4k_at_its_base(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	assert_false(lapic_claims(l, 0xFEDFFFFF));
	assert_true(lapic_claims(l, 0xFEE00000));
	assert_true(lapic_claims(l, 0xFEE00FFF));
	assert_false(lapic_claims(l, 0xFEE01000));
	assert_false(lapic_claims(l, 0));
	for (uint64_t within = 0; within < 0x1000; within++) {
		assert_true(lapic_claims(l, 0xFEE00000 + within));
		assert_false(lapic_claims(l, 0xFEE01000 + within));
		assert_false(lapic_claims(l, 0xFEDFF000 + within));
	}
	/* A higher address with the same low 32 bits is another. */
	assert_false(lapic_claims(l, 0x1FEE00000));
	assert_false(lapic_claims(l, UINT64_MAX));

	set_msr(l, MSR_BASE, 0xABCDE12345000 | BASE_EN | BASE_BSP);
	assert_true(lapic_claims(l, 0xABCDE12345000));
	assert_true(lapic_claims(l, 0xABCDE12345FFF));
	assert_false(lapic_claims(l, 0xABCDE12346000));
	assert_false(lapic_claims(l, 0xFEE00000));
}

/* Rules: ACC-1 */
static void test_both_ways_meet_in_one_register(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_TPR, 0x53);
	put(l, APIC_LVT_THERMAL, MASKED | 0x77);
	rig_x2apic(l);
	assert_int_equal(msr(l, 0x808), 0x53);
	assert_int_equal(msr(l, 0x833), MASKED | 0x77);
	assert_int_equal(msr(l, 0x80F), 0x1FF);
}

/* Rules: ACC-1 */
static void test_offset_is_taken_within_the_page(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_mmio_write(l, 0x5000 + APIC_TPR, 4, 0x20);
	assert_int_equal(lapic_mmio_read(l, 0xFFFFF000 + APIC_TPR, 4), 0x20);
}

static const uint8_t pattern[4] = {0xEF, 0xCD, 0xAB, 0x89};

/* Rules: ACC-2 */
static void test_reads_of_every_width_and_alignment(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_TMICT, 0x89ABCDEF);
	for (unsigned byte = 0; byte < 16; byte++) {
		for (unsigned size = 1; size <= 8; size++) {
			uint64_t expected = 0;

			for (unsigned i = 0; i < size && byte + i < 4; i++)
				expected |= (uint64_t)pattern[byte + i] << (8 * i);
			assert_int_equal(lapic_mmio_read(l, APIC_TMICT + byte, size), expected);
		}
	}
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: ACC-2 */
static void test_only_an_aligned_dword_writes(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_TPR, 0x40);
	for (unsigned byte = 0; byte < 16; byte++)
		for (unsigned size = 1; size <= 8; size++)
			if (byte || size != 4)
				lapic_mmio_write(l, APIC_TPR + byte, size, 0x5555555555555555);
	assert_int_equal(get(l, APIC_TPR), 0x40);
	/* Not a neighbour's either, and no error; not even where the register is reserved. */
	for (unsigned size = 1; size <= 8; size++)
		if (size != 4)
			lapic_mmio_write(l, 0x400, size, 0);
	lapic_mmio_write(l, 0x404, 4, 0);
	assert_int_equal(get(l, APIC_APR), 0x40);
	assert_int_equal(latch_esr(l), 0);
	lapic_mmio_write(l, APIC_TPR, 4, 0x50);
	assert_int_equal(get(l, APIC_TPR), 0x50);
	/* The bus may carry more than the four bytes. */
	lapic_mmio_write(l, APIC_TPR, 4, 0xFFFFFFFF00000060);
	assert_int_equal(get(l, APIC_TPR), 0x60);
}

/* Rules: ACC-2 */
static void test_odd_eoi_and_icr_writes_do_nothing(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x40, false);
	assert_takes(l, 0x40);
	lapic_mmio_write(l, APIC_EOI, 1, 0);
	lapic_mmio_write(l, APIC_EOI, 8, 0);
	lapic_mmio_write(l, APIC_EOI + 4, 4, 0);
	assert_true(in_isr(l, 0x40));
	lapic_mmio_write(l, APIC_ICR, 2, TO_SELF | 0x50);
	lapic_mmio_write(l, APIC_ICR, 8, TO_SELF | 0x50);
	assert_nothing(l);
	assert_int_equal(get(l, APIC_ICR), 0);
}

/* A register that exists in xAPIC mode, with CMCI, and sets no error bit. */
static bool exists(unsigned n)
{
	if (n == 0x02 || n == 0x03 || (n >= 0x08 && n <= 0x28) || n == 0x2F)
		return true;
	return (n >= 0x30 && n <= 0x39) || n == 0x3E;
}

/* Rules: ACC-3, ERR-2 */
static void test_reserved_offsets_set_bit_7(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 256; n++) {
		struct lapic *l = rig_one();

		/* ESR shows only what was latched. */
		assert_true(exists(n) || lapic_mmio_read(l, n << 4, 4) == 0);
		lapic_mmio_read(l, n << 4, 4);
		assert_int_equal(get(l, APIC_ESR), 0);
		assert_int_equal(latch_esr(l), exists(n) ? 0 : ESR_REGISTER);
		assert_int_equal(latch_esr(l), 0);

		lapic_mmio_write(l, n << 4, 4, 0);
		assert_int_equal(latch_esr(l) & ~0x60u, exists(n) ? 0 : ESR_REGISTER);
		rig_teardown(NULL);
	}
}

/* Rules: ACC-3 */
static void test_write_to_a_reserved_offset_is_dropped(void **state)
{
	struct lapic *l = rig_one();
	uint8_t before[1024], after[1024];

	(void)state;
	lapic_mmio_write(l, 0x3F0, 4, 0x55);
	assert_int_equal(latch_esr(l), ESR_REGISTER);
	latch_esr(l);
	lapic_save(l, before, sizeof(before), -1);
	for (unsigned n = 0; n < 256; n++)
		if (!exists(n))
			lapic_mmio_write(l, n << 4, 4, 0xFFFFFFFF);
	assert_int_equal(latch_esr(l), ESR_REGISTER);
	latch_esr(l);
	lapic_save(l, after, sizeof(after), -1);
	assert_memory_equal(before, after, lapic_state_size());
	assert_nothing(l);
}

/* Rules: ACC-3 */
static void test_a_part_of_a_reserved_register_is_reserved(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	assert_int_equal(lapic_mmio_read(l, 0x401, 2), 0);
	assert_int_equal(latch_esr(l), ESR_REGISTER);
}

/* Rules: ACC-3, LVT-1 */
static void test_cmci_exists_where_configured(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	assert_int_equal(get(l, APIC_LVT_CMCI), MASKED);
	put(l, APIC_LVT_CMCI, 0x35);
	assert_int_equal(get(l, APIC_LVT_CMCI), 0x35);
	assert_int_equal(latch_esr(l), 0);

	l = rig_tuned(1, no_cmci)->l[0];
	assert_int_equal(get(l, APIC_LVT_CMCI), 0);
	assert_int_equal(latch_esr(l), ESR_REGISTER);
	put(l, APIC_LVT_CMCI, 0x35);
	assert_int_equal(latch_esr(l), ESR_REGISTER);
	assert_int_equal(get(l, APIC_LVT_CMCI), 0);
}

/* Rules: ACC-3, PRI-6 */
static void test_apr_and_rrd_are_never_an_error(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_TPR, 0x25);
	assert_int_equal(get(l, APIC_APR), 0x25);
	assert_int_equal(get(l, APIC_RRD), 0);
	put(l, APIC_APR, 0xFF);
	put(l, APIC_RRD, 0xFF);
	assert_int_equal(get(l, APIC_APR), 0x25);
	assert_int_equal(get(l, APIC_RRD), 0);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: ACC-4 */
static void test_read_only_registers_drop_writes(void **state)
{
	static const uint16_t read_only[] = {APIC_VERSION, APIC_APR, APIC_PPR, APIC_RRD,
					     APIC_TMCCT};
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_TMICT, 0x1000);
	lapic_post(l, LAPIC_FIXED, 0x45, true);
	assert_takes(l, 0x45);
	lapic_post(l, LAPIC_FIXED, 0x35, false);
	for (unsigned i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++) {
		uint32_t before = get(l, read_only[i]);

		put(l, read_only[i], ~before);
		assert_int_equal(get(l, read_only[i]), before);
	}
	for (uint32_t bank = APIC_ISR; bank < APIC_ESR; bank += 0x10) {
		uint32_t before = get(l, bank);

		put(l, bank, ~before);
		assert_int_equal(get(l, bank), before);
		put(l, bank, 0);
		assert_int_equal(get(l, bank), before);
	}
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: ACC-4 */
static void test_write_only_register_reads_zero(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x45, false);
	assert_takes(l, 0x45);
	assert_int_equal(get(l, APIC_EOI), 0);
	lapic_mmio_write(l, APIC_EOI, 4, 0x12345678);
	assert_false(in_isr(l, 0x45));
	assert_int_equal(get(l, APIC_EOI), 0);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: ACC-4 */
static void test_reserved_bits_are_dropped(void **state)
{
	static const struct {
		uint32_t offset, write, read;
	} cases[] = {
		{APIC_TPR, 0xFFFFFFFF, 0xFF},
		{APIC_SVR, 0xFFFFFFFF, 0x3FF},
		{APIC_DCR, 0xFFFFFFFF, 0xB},
		{APIC_ICR_HIGH, 0xFFFFFFFF, 0xFF000000},
		{APIC_ICR, 0xFFFFFFFF, 0xCCFFF & ~0x1000u},
		{APIC_LVT_TIMER, 0xFFFFFFFF, 0x700FF},
		{APIC_LVT_ERROR, 0xFFFFFFFF, 0x100FF},
		{APIC_LVT_CMCI, 0xFFFFFFFF, 0x107FF},
		{APIC_LVT_LINT0, 0xFFFFFFFF, 0x1A7FF},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lapic *l = rig_one();

		put(l, cases[i].offset, cases[i].write);
		assert_int_equal(get(l, cases[i].offset), cases[i].read);
		assert_int_equal(latch_esr(l), 0);
	}
}

/* Rules: ACC-5, BASE-3 */
static void test_page_is_silent_when_disabled(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_disable(l);
	assert_false(lapic_claims(l, 0xFEE00000));
	assert_int_equal(lapic_mmio_read(l, APIC_VERSION, 1), 0xFF);
	assert_int_equal(lapic_mmio_read(l, APIC_VERSION, 2), 0xFFFF);
	assert_int_equal(lapic_mmio_read(l, APIC_VERSION, 4), 0xFFFFFFFF);
	assert_true(lapic_mmio_read(l, APIC_VERSION, 8) == UINT64_MAX);
	assert_int_equal(lapic_mmio_read(l, 0x404, 4), 0xFFFFFFFF);
	lapic_mmio_write(l, APIC_SVR, 4, 0x1FF);
	lapic_mmio_write(l, 0x400, 4, 0);
	set_msr(l, MSR_BASE, lapic_apic_base(l) | BASE_EN);
	assert_int_equal(get(l, APIC_SVR), 0xFF);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: ACC-5 */
static void test_page_is_silent_in_x2apic_mode(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_x2apic(l);
	assert_false(lapic_claims(l, 0xFEE00000));
	assert_int_equal(lapic_mmio_read(l, APIC_TPR, 4), 0xFFFFFFFF);
	assert_int_equal(lapic_mmio_read(l, APIC_TPR + 3, 1), 0xFF);
	lapic_mmio_write(l, APIC_TPR, 4, 0x70);
	lapic_mmio_write(l, APIC_ICR, 4, TO_SELF | 0x50);
	assert_int_equal(get(l, APIC_TPR), 0);
	assert_nothing(l);
	lapic_mmio_read(l, 0x400, 4);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: ACC-6 */
static void test_id_is_writable_by_default(void **state)
{
	struct rig *r = rig_running(2);
	struct lapic *l = r->l[1];

	(void)state;
	assert_int_equal(get(l, APIC_ID), 0x01000000);
	put(l, APIC_ID, 0xA7FFFFFF);
	assert_int_equal(get(l, APIC_ID), 0xA7000000);
	assert_int_equal(lapic_id(l), 0xA7);
	/* Messages find it under the new ID alone. */
	send_ipi(r->l[0], 0xA7, 0x40);
	assert_int_equal(who_got(r, 0x40), 2);
	send_ipi(r->l[0], 1, 0x40);
	assert_int_equal(who_got(r, 0x40), 0);
}

/* Rules: ACC-6 */
static void test_id_may_be_read_only(void **state)
{
	struct rig *r = rig_tuned(2, id_read_only);
	struct lapic *l = r->l[1];

	(void)state;
	put(l, APIC_ID, 0xA7000000);
	assert_int_equal(get(l, APIC_ID), 0x01000000);
	assert_int_equal(latch_esr(l), 0);
	send_ipi(r->l[0], 1, 0x40);
	assert_int_equal(who_got(r, 0x40), 2);
	send_ipi(r->l[0], 0xA7, 0x40);
	assert_int_equal(who_got(r, 0x40), 0);
}

/* Rules: ACC-6 */
static void test_ldr_and_dfr_bits(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LDR, 0xA5FFFFFF);
	assert_int_equal(get(l, APIC_LDR), 0xA5000000);
	put(l, APIC_DFR, 0);
	assert_int_equal(get(l, APIC_DFR), 0x0FFFFFFF);
	put(l, APIC_DFR, 0xA0000000);
	assert_int_equal(get(l, APIC_DFR), 0xAFFFFFFF);
	put(l, APIC_DFR, 0xFFFFFFFF);
	assert_int_equal(get(l, APIC_DFR), 0xFFFFFFFF);
}

/* Rules: ACC-2, ACC-3, ACC-5 */
static void test_no_access_can_harm_the_host(void **state)
{
	static const uint64_t values[] = {0, UINT64_MAX, 0x5A5A5A5A5A5A5A5A};

	(void)state;
	for (unsigned mode = 0; mode < 3; mode++) {
		struct lapic *l = rig_running(2)->l[0];

		if (mode == 1)
			rig_x2apic(l);
		if (mode == 2)
			rig_disable(l);
		for (uint32_t offset = 0; offset < 0x1010; offset++) {
			for (unsigned size = 0; size <= 9; size++) {
				lapic_mmio_read(l, offset, size);
				for (unsigned v = 0; v < 3; v++)
					lapic_mmio_write(l, offset, size, values[v]);
			}
		}
		lapic_pending(l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_page_is_4k_at_its_base),
		rig_test(test_both_ways_meet_in_one_register),
		rig_test(test_offset_is_taken_within_the_page),
		rig_test(test_reads_of_every_width_and_alignment),
		rig_test(test_only_an_aligned_dword_writes),
		rig_test(test_odd_eoi_and_icr_writes_do_nothing),
		rig_test(test_reserved_offsets_set_bit_7),
		rig_test(test_write_to_a_reserved_offset_is_dropped),
		rig_test(test_a_part_of_a_reserved_register_is_reserved),
		rig_test(test_cmci_exists_where_configured),
		rig_test(test_apr_and_rrd_are_never_an_error),
		rig_test(test_read_only_registers_drop_writes),
		rig_test(test_write_only_register_reads_zero),
		rig_test(test_reserved_bits_are_dropped),
		rig_test(test_page_is_silent_when_disabled),
		rig_test(test_page_is_silent_in_x2apic_mode),
		rig_test(test_id_is_writable_by_default),
		rig_test(test_id_may_be_read_only),
		rig_test(test_ldr_and_dfr_bits),
		rig_test(test_no_access_can_harm_the_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
