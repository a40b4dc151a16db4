// SPDX-License-Identifier: BSD-2-Clause
/*
 * The x2APIC MSRs as a front door: what faults, what is ignored, what differs between models.
 * Not every register and bit (test_table.c), nor IA32_APIC_BASE (test_mode.c).
 */
#include "tests/lapic/rig.h"

static void amd(struct lapic_config *config, unsigned i)
{
	uint32_t id = config->initial_id;

	(void)i;
	lapic_config_amd(config);
	config->initial_id = id;
}

static void busy_faults(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->icr_busy_bit_faults = true;
}

static void suppression(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->eoi_suppression = true;
}

static void no_deadline(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->tsc_deadline = false;
}

static void no_cmci(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->cmci = false;
}

static struct lapic *x2apic(void (*tune)(struct lapic_config *, unsigned))
{
	struct lapic *l = rig_tuned(1, tune)->l[0];

	rig_x2apic(l);
	rig_trace(l);
	return l;
}

/* Rules: MSR-1 */
static void test_all_fault_outside_x2apic_mode(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	rig_trace(l);
	for (uint32_t number = 0x800; number <= 0x8FF; number++) {
		assert_gp_read(l, number);
		assert_gp_write(l, number, 0);
	}
	assert_mistake(l, "MSR-1");
	rig_disable(l);
	for (uint32_t number = 0x800; number <= 0x8FF; number++) {
		assert_gp_read(l, number);
		assert_gp_write(l, number, 0);
	}
	/* No side effect: no EOI, no IPI. */
	set_msr(l, MSR_BASE, lapic_apic_base(l) | BASE_EN);
	put(l, APIC_SVR, 0x1FF);
	lapic_post(l, LAPIC_FIXED, 0x40, false);
	assert_takes(l, 0x40);
	assert_gp_write(l, MSR_OF(APIC_EOI), 0);
	assert_true(in_isr(l, 0x40));
	assert_gp_write(l, MSR_OF(APIC_SELF_IPI), 0x50);
	assert_nothing(l);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: MSR-2 */
static void test_absent_registers_fault(void **state)
{
	static const uint16_t absent[] = {0x800, 0x801, 0x804, 0x807, 0x809, 0x80C, 0x80E, 0x829,
					  0x82E, 0x831, 0x83A, 0x83D, 0x840, 0x84F, 0x850, 0x8FF};
	struct lapic *l = x2apic(NULL);

	(void)state;
	for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
		assert_gp_read(l, absent[i]);
		assert_mistake(l, "MSR-2");
		assert_gp_write(l, absent[i], 0);
	}
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: MSR-2, LVT-1 */
static void test_cmci_faults_where_absent(void **state)
{
	struct lapic *l = x2apic(no_cmci);

	(void)state;
	assert_gp_read(l, 0x82F);
	assert_gp_write(l, 0x82F, MASKED);
	assert_gp_write(l, 0x82F, 0);
	l = x2apic(NULL);
	set_msr(l, 0x82F, MASKED | 0x44);
	assert_int_equal(msr(l, 0x82F), MASKED | 0x44);
}

/* Rules: MSR-2, MSR-7 */
static void test_direction_faults(void **state)
{
	static const uint16_t read_only[] = {0x802, 0x803, 0x80A, 0x80D, 0x810, 0x817,
					     0x818, 0x81F, 0x820, 0x827, 0x839};
	struct lapic *l = x2apic(NULL);

	(void)state;
	for (unsigned i = 0; i < sizeof(read_only) / sizeof(read_only[0]); i++) {
		uint64_t value = msr(l, read_only[i]);

		/* Even with the value that is there. */
		assert_gp_write(l, read_only[i], value);
	}
	assert_gp_read(l, 0x80B);
	assert_gp_read(l, 0x83F);
	assert_mistake(l, "MSR-2");
}

/* Rules: MSR-3, MSR-6 */
static void test_high_half_is_reserved(void **state)
{
	static const uint16_t writable[] = {0x808, 0x80B, 0x80F, 0x828, 0x82F, 0x832, 0x833,
					    0x834, 0x835, 0x836, 0x837, 0x838, 0x83E, 0x83F};
	struct lapic *l = x2apic(NULL);

	(void)state;
	for (unsigned i = 0; i < sizeof(writable) / sizeof(writable[0]); i++) {
		assert_gp_write(l, writable[i], 1ull << 32);
		assert_gp_write(l, writable[i], 1ull << 63);
		assert_gp_write(l, writable[i], 0xFFFFFFFF00000000);
	}
	set_msr(l, 0x838, 0xFFFFFFFF);
	assert_int_equal(msr(l, 0x838), 0xFFFFFFFF);
}

/* Rules: MSR-3 */
static void test_svr_bits(void **state)
{
	struct lapic *l = x2apic(NULL);

	(void)state;
	set_msr(l, 0x80F, 0x3FF); /* the focus bit is legal */
	assert_int_equal(msr(l, 0x80F), 0x3FF);
	assert_gp_write(l, 0x80F, 0x11FF);
	assert_gp_write(l, 0x80F, 0x5FF);
	assert_gp_write(l, 0x80F, 0x21FF);
	assert_mistake(l, "MSR-3");
	l = x2apic(suppression);
	set_msr(l, 0x80F, 0x13FF);
	assert_int_equal(msr(l, 0x80F), 0x13FF);
	assert_gp_write(l, 0x80F, 0x1DFF);
}

/* Rules: MSR-3, LVT-2 */
static void test_lvt_bits(void **state)
{
	struct lapic *l = x2apic(NULL);

	(void)state;
	/* Delivery status and remote IRR are no storage, and no fault. */
	set_msr(l, 0x835, MASKED | 0x5000 | 0x40);
	assert_int_equal(msr(l, 0x835), MASKED | 0x40);
	set_msr(l, 0x836, MASKED | 0x5000 | 0x41);
	assert_int_equal(msr(l, 0x836), MASKED | 0x41);
	set_msr(l, 0x832, MASKED | 0x1000 | 0x42);
	assert_int_equal(msr(l, 0x832), MASKED | 0x42);
	/* Bit 14 exists in the LINT entries alone. */
	assert_gp_write(l, 0x832, MASKED | 0x4042);
	assert_gp_write(l, 0x833, MASKED | 0x4042);
	assert_gp_write(l, 0x837, MASKED | 0x4042);
	/* Timer and error have no delivery mode, only the LINTs have trigger and polarity. */
	assert_gp_write(l, 0x832, MASKED | 0x442);
	assert_gp_write(l, 0x837, MASKED | 0x442);
	assert_gp_write(l, 0x834, MASKED | LEVEL | 0x42);
	assert_gp_write(l, 0x834, MASKED | ACTIVE_LOW | 0x42);
	assert_gp_write(l, 0x835, MASKED | 0x842);
	assert_gp_write(l, 0x835, 0x20042);
	/* Reserved delivery modes are no fault. */
	for (uint32_t mode = 0; mode < 8; mode++) {
		set_msr(l, 0x834, MASKED | MODE(mode) | 0x42);
		assert_int_equal(msr(l, 0x834), MASKED | MODE(mode) | 0x42);
		set_msr(l, 0x835, MASKED | MODE(mode) | 0x42);
		set_msr(l, 0x82F, MASKED | MODE(mode) | 0x42);
	}
}

/* Rules: MSR-3, TMR-7 */
static void test_deadline_bit_of_the_timer(void **state)
{
	struct lapic *l = x2apic(NULL);

	(void)state;
	set_msr(l, 0x832, MASKED | DEADLINE | 0x42);
	assert_int_equal(msr(l, 0x832), MASKED | DEADLINE | 0x42);
	set_msr(l, 0x832, MASKED | DEADLINE | PERIODIC | 0x42);
	assert_int_equal(msr(l, 0x832), MASKED | DEADLINE | PERIODIC | 0x42);
	l = x2apic(no_deadline);
	assert_gp_write(l, 0x832, MASKED | DEADLINE | 0x42);
	assert_gp_write(l, 0x832, MASKED | DEADLINE | PERIODIC | 0x42);
	set_msr(l, 0x832, MASKED | PERIODIC | 0x42);
}

/* Rules: MSR-3 */
static void test_tpr_dcr_self_ipi_bits(void **state)
{
	struct lapic *l = x2apic(NULL);

	(void)state;
	assert_gp_write(l, 0x808, 0x100);
	assert_gp_write(l, 0x83E, 4);
	assert_gp_write(l, 0x83E, 0x10);
	set_msr(l, 0x83E, 0xB);
	assert_gp_write(l, 0x83F, 0x140);
	assert_nothing(l);
	set_msr(l, 0x83F, 0x40);
	assert_serves(l, 0x40);
}

/* Rules: MSR-3, MSR-5, ICR-3 */
static void test_icr_bits(void **state)
{
	static const unsigned reserved[] = {13, 16, 17, 20, 21, 25, 31};
	struct lapic *l = x2apic(NULL);

	(void)state;
	for (unsigned i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		assert_gp_write(l, 0x830, TO_SELF | 0x40 | 1ull << reserved[i]);
	assert_mistake(l, "MSR-3");
	/* The rule that is named is the one that was broken: bit 12 is no mistake here. */
	assert_gp_write(l, 0x830, TO_SELF | 0x3040);
	assert_mistake(l, "MSR-3");
	assert_nothing(l);
	set_msr(l, 0x830, 0xFFFFFFFF00000000 | TO_SELF | 0xC040);
	assert_true(msr(l, 0x830) == (0xFFFFFFFF00000000 | TO_SELF | 0xC040));
	assert_serves(l, 0x40);
}

/* Rules: MSR-3 */
static void test_reserved_delivery_modes_of_icr_are_no_fault(void **state)
{
	struct lapic *l = x2apic(NULL);

	(void)state;
	for (uint32_t mode = 0; mode < 8; mode++) {
		set_msr(l, 0x830, 0x500000000 | MODE(mode) | 0x40);
		assert_true(msr(l, 0x830) == (0x500000000 | MODE(mode) | 0x40));
	}
	assert_nothing(l);
}

/* Rules: MSR-4, ERR-1, ACP-3 */
static void test_eoi_and_esr_take_zero_alone(void **state)
{
	struct lapic *l = x2apic(NULL);

	(void)state;
	lapic_post(l, LAPIC_FIXED, 0x40, false);
	assert_takes(l, 0x40);
	assert_gp_write(l, 0x80B, 1);
	assert_mistake(l, "MSR-4");
	assert_gp_write(l, 0x80B, 0xFFFFFFFF);
	assert_gp_write(l, 0x80B, 1ull << 32);
	assert_true(in_isr(l, 0x40));
	set_msr(l, 0x80B, 0);
	assert_false(in_isr(l, 0x40));

	set_msr(l, 0x83F, 0x0F);
	assert_gp_write(l, 0x828, 1);
	assert_mistake(l, "MSR-4");
	assert_gp_write(l, 0x828, 0x80);
	assert_gp_write(l, 0x828, 1ull << 63);
	assert_int_equal(msr(l, 0x828), 0);
	set_msr(l, 0x828, 0);
	assert_int_equal(msr(l, 0x828), ESR_SEND_VECTOR | ESR_RECEIVE_VECTOR);
}

/* Rules: MSR-5 */
static void test_icr_busy_bit_by_model(void **state)
{
	struct lapic *l = x2apic(NULL);

	(void)state;
	set_msr(l, 0x830, TO_SELF | 0x1000 | 0x40);
	assert_int_equal(msr(l, 0x830), TO_SELF | 0x40);
	assert_serves(l, 0x40);

	l = x2apic(busy_faults);
	assert_gp_write(l, 0x830, TO_SELF | 0x1000 | 0x40);
	assert_mistake(l, "MSR-5");
	assert_nothing(l);
	set_msr(l, 0x830, TO_SELF | 0x40);
	assert_serves(l, 0x40);
	assert_gp_write(l, 0x830, 0x3040);
	assert_gp_write(x2apic(amd), 0x830, TO_SELF | 0x1000 | 0x40);
}

/* Rules: MSR-6 */
static void test_high_half_reads_zero(void **state)
{
	struct lapic *l = x2apic(NULL);

	(void)state;
	put(l, APIC_TMICT, 0xFFFFFFFF);
	set_msr(l, 0x830, 0xFFFFFFFF00000000 | MODE(3));
	for (uint32_t number = 0x800; number <= 0x8FF; number++) {
		uint64_t value = UINT64_MAX;

		if (number != 0x830 && lapic_msr_read(l, number, &value) == LAPIC_OK)
			assert_true(value >> 32 == 0);
	}
}

static void large_ids(struct lapic_config *config, unsigned i)
{
	static const uint32_t ids[] = {0, 0x0F, 0x10, 0xFF, 0x100, 0x3FF, 0x12345, 0xFFFFF};

	config->initial_id = ids[i];
}

/* Rules: MSR-7 */
static void test_x2apic_id_and_ldr(void **state)
{
	static const uint32_t ids[] = {0, 0x0F, 0x10, 0xFF, 0x100, 0x3FF, 0x12345, 0xFFFFF};
	static const uint32_t ldrs[] = {0x00000001, 0x00008000, 0x00010001, 0x000F8000,
					0x00100001, 0x003F8000, 0x12340020, 0xFFFF8000};
	struct rig *r =
		rig_build(&(struct rig_plan){.count = 8, .max_id = 0xFFFFF, .tune = large_ids});

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		struct lapic *l = r->l[i];

		rig_start(l);
		put(l, APIC_ID, 0x77000000);
		put(l, APIC_LDR, 0x88000000);
		rig_x2apic(l);
		assert_int_equal(msr(l, 0x802), ids[i]);
		assert_int_equal(lapic_id(l), ids[i]);
		assert_int_equal(msr(l, 0x80D), ldrs[i]);
		assert_gp_write(l, 0x802, ids[i]);
		assert_gp_write(l, 0x80D, ldrs[i]);
	}
}

/* Rules: MSR-2 */
static void test_other_msrs_are_not_ours(void **state)
{
	static const uint32_t others[] = {0,     0x10,  0x1A,  0x1C,       0x6DF,     0x6E1,
					  0x7FF, 0x900, 0xFFF, 0xC0000080, 0xFFFFFFFF};
	struct lapic *l = x2apic(NULL);

	(void)state;
	for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_gp_read(l, others[i]);
		assert_gp_write(l, others[i], 0);
	}
	assert_mistake(l, "MSR-2");
}

/* Rules: TMR-7 */
static void test_deadline_msr_faults_where_hidden(void **state)
{
	struct lapic *l = rig_tuned(1, no_deadline)->l[0];

	(void)state;
	rig_trace(l);
	assert_gp_read(l, MSR_DEADLINE);
	assert_mistake(l, "TMR-7");
	assert_gp_write(l, MSR_DEADLINE, 0);
	assert_mistake(l, "TMR-7");
	l = rig_one();
	assert_int_equal(msr(l, MSR_DEADLINE), 0);
	set_msr(l, MSR_DEADLINE, 0);
	assert_gp_read(rig_tuned(1, amd)->l[0], MSR_DEADLINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_all_fault_outside_x2apic_mode),
		rig_test(test_absent_registers_fault),
		rig_test(test_cmci_faults_where_absent),
		rig_test(test_direction_faults),
		rig_test(test_high_half_is_reserved),
		rig_test(test_svr_bits),
		rig_test(test_lvt_bits),
		rig_test(test_deadline_bit_of_the_timer),
		rig_test(test_tpr_dcr_self_ipi_bits),
		rig_test(test_icr_bits),
		rig_test(test_reserved_delivery_modes_of_icr_are_no_fault),
		rig_test(test_eoi_and_esr_take_zero_alone),
		rig_test(test_icr_busy_bit_by_model),
		rig_test(test_high_half_reads_zero),
		rig_test(test_x2apic_id_and_ldr),
		rig_test(test_other_msrs_are_not_ours),
		rig_test(test_deadline_msr_faults_where_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
