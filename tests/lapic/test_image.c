// SPDX-License-Identifier: BSD-2-Clause
/*
 * The register page as others keep it: struct kvm_lapic_state in both formats, the VMX page.
 * Not the library's own saved state: test_save.c.
 */
#include "tests/lapic/rig.h"

#include <string.h>

#include "lapic/lapic_kvm.h"

static const enum lapic_image kinds[] = {LAPIC_IMAGE_KVM_LEGACY, LAPIC_IMAGE_KVM_X2APIC,
					 LAPIC_IMAGE_VMX};

static uint32_t at(const uint8_t *image, unsigned offset)
{
	return image[offset] | (uint32_t)image[offset + 1] << 8 |
	       (uint32_t)image[offset + 2] << 16 | (uint32_t)image[offset + 3] << 24;
}

static void set(uint8_t *image, unsigned offset, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		image[offset + i] = (uint8_t)(value >> (8 * i));
}

/* LAPIC 3 of 4 with something in every register. */
static struct lapic *full(bool x2apic)
{
	struct rig *r = rig_running(4);
	struct lapic *l = r->l[3];

	if (!x2apic) {
		put(l, APIC_ID, 0x51000000);
		put(l, APIC_LDR, 0x23000000);
		put(l, APIC_DFR, 0);
	} else {
		rig_x2apic(l);
	}
	put(l, APIC_TPR, 0x27);
	put(l, APIC_SVR, 0x3E3);
	put(l, APIC_LVT_CMCI, 0x81);
	put(l, APIC_LVT_THERMAL, MODE(LAPIC_NMI));
	put(l, APIC_LVT_PERF, MASKED | 0x83);
	put(l, APIC_LVT_LINT0, LEVEL | 0x84);
	put(l, APIC_LVT_LINT1, MODE(LAPIC_NMI) | ACTIVE_LOW);
	put(l, APIC_LVT_ERROR, MASKED | 0x86);
	put(l, APIC_LVT_TIMER, PERIODIC | 0x41);
	put(l, APIC_DCR, DIVIDE_4);
	put(l, APIC_TMICT, 1000000);
	send_ipi(l, x2apic ? 0x12345678 : 0x99, MODE(3) | LEVEL | 0x55);
	lapic_set_lint(l, 0, true);
	lapic_pending(l);
	lapic_post(l, LAPIC_FIXED, 0xF1, true);
	assert_takes(l, 0xF1);
	lapic_post(l, LAPIC_FIXED, 0xF2, false);
	rig_sleep(r, 400000);
	return l;
}

/* Rules: SAVE-3, SAVE-5 */
static void test_registers_lie_at_their_offsets(void **state)
{
	uint8_t image[LAPIC_IMAGE_SIZE];

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		struct lapic *l = full(false);

		memset(image, 0xCC, sizeof(image));
		lapic_export_image(l, kinds[k], image);
		for (unsigned n = 0; n < 0x40; n++) {
			bool holds = n != 0x09 && n != 0x3F; /* APR is computed */

			if (holds && lapic_mmio_read(l, n << 4, 4))
				assert_int_equal(at(image, n << 4), lapic_mmio_read(l, n << 4, 4));
			for (unsigned beside = 4; beside < 16; beside += 4)
				assert_int_equal(at(image, (n << 4) + beside), 0);
		}
		assert_int_equal(at(image, APIC_ID), 0x51000000);
		assert_int_equal(at(image, APIC_ICR_HIGH), 0x99000000);
		assert_int_equal(at(image, APIC_TMCCT), 900000);
		assert_int_equal(at(image, APIC_LVT_LINT0), LEVEL | REMOTE_IRR | 0x84);
		assert_int_equal(at(image, APIC_ISR + 0x70), 1u << 0x11);
		assert_int_equal(at(image, APIC_IRR + 0x70), 1u << 0x12);
		assert_int_equal(at(image, APIC_IRR + 0x40), 1u << 4);
		assert_int_equal(at(image, APIC_TMR + 0x70), 1u << 0x11);
		assert_int_equal(at(image, APIC_TMR + 0x40), 1u << 4);
		assert_int_equal(at(image, APIC_PPR), 0xF0);
	}
}

/* Rules: SAVE-5 */
static void test_x2apic_id_and_icr_by_kind(void **state)
{
	struct lapic *l = full(true);
	uint8_t image[LAPIC_IMAGE_SIZE];
	uint32_t low = MODE(3) | LEVEL | 0x55;

	(void)state;
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, image);
	assert_int_equal(at(image, APIC_ID), 3u << 24);
	assert_int_equal(at(image, APIC_ICR), low);
	assert_int_equal(at(image, APIC_ICR + 4), 0);
	assert_int_equal(at(image, APIC_ICR_HIGH), 0x12345678);
	lapic_export_image(l, LAPIC_IMAGE_KVM_X2APIC, image);
	assert_int_equal(at(image, APIC_ID), 3);
	assert_int_equal(at(image, APIC_ICR), low);
	assert_int_equal(at(image, APIC_ICR + 4), 0);
	assert_int_equal(at(image, APIC_ICR_HIGH), 0x12345678);
	lapic_export_image(l, LAPIC_IMAGE_VMX, image);
	assert_int_equal(at(image, APIC_ID), 3);
	assert_int_equal(at(image, APIC_ICR), low);
	assert_int_equal(at(image, APIC_ICR + 4), 0x12345678);
	assert_int_equal(at(image, APIC_ICR_HIGH), 0);
	for (unsigned k = 0; k < 3; k++) {
		lapic_export_image(l, kinds[k], image);
		assert_int_equal(at(image, APIC_LDR), 8);
	}
}

/* Rules: SAVE-3, SAVE-5, SAVE-1 */
static void test_there_and_back(void **state)
{
	(void)state;
	for (unsigned x2apic = 0; x2apic < 2; x2apic++) {
		for (unsigned k = 0; k < 3; k++) {
			uint8_t image[LAPIC_IMAGE_SIZE], again[LAPIC_IMAGE_SIZE];
			struct lapic *l = full(x2apic), *copy = rig_running(4)->l[3];

			lapic_export_image(l, kinds[k], image);
			rig_of(copy)->ns = 999999999999;
			put(copy, APIC_TPR, 0xEE);
			lapic_post(copy, LAPIC_FIXED, 0x33, true);
			assert_int_equal(
				lapic_import_image(copy, kinds[k], image, lapic_apic_base(l), 0),
				LAPIC_STATE_OK);
			lapic_export_image(copy, kinds[k], again);
			assert_memory_equal(image, again, sizeof(image));
			assert_int_equal(get(copy, APIC_TMCCT), 900000);
			rig_sleep(rig_of(copy), 3599999);
			assert_false(in_irr(copy, 0x41));
			rig_sleep(rig_of(copy), 1);
			assert_true(in_irr(copy, 0x41));
			assert_int_equal(get(copy, APIC_TMCCT), 1000000);
			eoi(copy);
			assert_int_equal(rig_cpu_of(copy)->eoi[0], 0xF1);
			assert_serves(copy, 0xF2);
			assert_takes(copy, 0x84);
			eoi(copy); /* LINT0 is low there: remote IRR ends */
			assert_int_equal(get(copy, APIC_LVT_LINT0), LEVEL | 0x84);
			assert_serves(copy, 0x41);
			assert_nothing(copy);
		}
	}
}

/* Rules: SAVE-3, SAVE-5 */
static void test_struct_kvm_lapic_state(void **state)
{
	struct kvm_lapic_state kvm;

	(void)state;
	for (unsigned ids32 = 0; ids32 < 2; ids32++) {
		struct lapic *l = full(true), *copy = rig_running(4)->l[3];

		memset(&kvm, 0xCC, sizeof(kvm));
		lapic_to_kvm(l, ids32, &kvm);
		assert_int_equal(at((uint8_t *)kvm.regs, APIC_ID), ids32 ? 3 : 3u << 24);
		assert_int_equal(lapic_from_kvm(copy, ids32, &kvm, lapic_apic_base(l), 0),
				 LAPIC_STATE_OK);
		assert_true(msr(copy, 0x830) == msr(l, 0x830));
		assert_int_equal(lapic_id(copy), 3);
	}
}

/* Rules: SAVE-5 */
static void test_the_format_must_be_the_right_one(void **state)
{
	struct lapic *l = full(true), *copy = rig_running(4)->l[3];
	uint8_t image[LAPIC_IMAGE_SIZE];

	(void)state;
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, image);
	assert_int_equal(
		lapic_import_image(copy, LAPIC_IMAGE_KVM_X2APIC, image, lapic_apic_base(l), 0),
		LAPIC_STATE_ID);
	set(image, APIC_ID, 4u << 24);
	assert_int_equal(
		lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0),
		LAPIC_STATE_ID);
}

/* Rules: SAVE-1, TMR-2 */
static void test_the_timer_of_an_image(void **state)
{
	uint8_t image[LAPIC_IMAGE_SIZE];
	struct lapic *l, *copy;

	(void)state;
	/* One-shot, running. */
	l = full(false);
	put(l, APIC_LVT_TIMER, 0x41);
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, image);
	copy = rig_running(4)->l[3];
	lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0);
	assert_true(lapic_next_deadline(copy).at == rig_of(copy)->ns + 3600000);
	/* One-shot, expired. */
	set(image, APIC_TMCCT, 0);
	copy = rig_running(4)->l[3];
	lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0);
	assert_int_equal(lapic_next_deadline(copy).clock, LAPIC_CLOCK_NONE);
	assert_int_equal(get(copy, APIC_TMICT), 1000000);
	/* Periodic, caught in the moment of its reload. */
	set(image, APIC_LVT_TIMER, PERIODIC | 0x41);
	copy = rig_running(4)->l[3];
	lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0);
	assert_true(lapic_next_deadline(copy).at == rig_of(copy)->ns + 4000000);
	/* A count above its initial one is damaged. */
	set(image, APIC_TMCCT, 1000001);
	assert_int_equal(
		lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0),
		LAPIC_STATE_TIMER);
	/* Stopped. */
	set(image, APIC_TMCCT, 0);
	set(image, APIC_TMICT, 0);
	copy = rig_running(4)->l[3];
	assert_int_equal(
		lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0),
		LAPIC_STATE_OK);
	assert_int_equal(lapic_next_deadline(copy).clock, LAPIC_CLOCK_NONE);
}

/* Rules: SAVE-1, SAVE-2, TMR-6 */
static void test_the_deadline_beside_an_image(void **state)
{
	uint8_t image[LAPIC_IMAGE_SIZE];
	struct lapic *l = full(false), *copy;

	(void)state;
	put(l, APIC_LVT_TIMER, DEADLINE | 0x41);
	set_msr(l, MSR_DEADLINE, 1ull << 63);
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, image);
	copy = rig_running(4)->l[3];
	rig_of(copy)->tsc = UINT64_MAX;
	assert_int_equal(lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l),
					    1ull << 63),
			 LAPIC_STATE_OK);
	assert_int_equal(lapic_next_deadline(copy).clock, LAPIC_CLOCK_TSC);
	assert_true(lapic_next_deadline(copy).at == 1ull << 63);
	assert_false(in_irr(copy, 0x41));
	/* Zero: not armed. In another mode: of no meaning. */
	lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0);
	assert_int_equal(lapic_next_deadline(copy).clock, LAPIC_CLOCK_NONE);
	set(image, APIC_LVT_TIMER, DEADLINE | PERIODIC | 0x41);
	assert_int_equal(
		lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 77),
		LAPIC_STATE_OK);
	assert_int_equal(lapic_next_deadline(copy).clock, LAPIC_CLOCK_NONE);
	set(image, APIC_LVT_TIMER, 0x41);
	assert_int_equal(
		lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 77),
		LAPIC_STATE_OK);
	assert_true(msr(copy, MSR_DEADLINE) == 0);
}

/* Rules: SAVE-1 */
static void test_what_a_page_lacks_stays_as_it_was(void **state)
{
	struct lapic *l = full(false), *copy = rig_build(&(struct rig_plan){.count = 4})->l[3];
	uint8_t image[LAPIC_IMAGE_SIZE], page;

	(void)state;
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, image);
	lapic_post(copy, LAPIC_NMI, 0, false);
	lapic_post(copy, LAPIC_SIPI, 0x9A, false);
	assert_int_equal(
		lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0),
		LAPIC_STATE_OK);
	assert_true(lapic_waits_for_sipi(copy));
	assert_true(lapic_take_sipi(copy, &page));
	assert_int_equal(page, 0x9A);
	assert_true(lapic_take_nmi(copy));
	assert_int_equal(get(copy, APIC_TPR), 0x27);
}

/* Rules: SAVE-3, ICR-10 */
static void test_busy_bits_of_other_buses(void **state)
{
	struct lapic *l = full(false), *copy = rig_running(4)->l[3];
	uint8_t image[LAPIC_IMAGE_SIZE];

	(void)state;
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, image);
	set(image, APIC_ICR, at(image, APIC_ICR) | 0x1000);
	assert_int_equal(
		lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0),
		LAPIC_STATE_OK);
	assert_int_equal(get(copy, APIC_ICR), MODE(3) | LEVEL | 0x55);
}

/* Rules: SAVE-3, BASE-6 */
static void test_a_dfr_that_x2apic_does_not_have(void **state)
{
	struct lapic *l = full(true), *copy = rig_running(4)->l[3];
	uint8_t image[LAPIC_IMAGE_SIZE];

	(void)state;
	lapic_export_image(l, LAPIC_IMAGE_KVM_X2APIC, image);
	set(image, APIC_DFR, 0);
	assert_int_equal(
		lapic_import_image(copy, LAPIC_IMAGE_KVM_X2APIC, image, lapic_apic_base(l), 0),
		LAPIC_STATE_OK);
	rig_x2apic(rig_of(copy)->l[0]);
	send_ipi(rig_of(copy)->l[0], 8, LOGICAL | 0xF8);
	assert_true(in_irr(copy, 0xF8));
}

/* Rules: SAVE-4 */
static void test_damaged_images(void **state)
{
	static const struct {
		unsigned offset;
		uint32_t value;
		enum lapic_state_error error;
	} cases[] = {
		{APIC_ID, 0x51000001, LAPIC_STATE_ID},
		{APIC_VERSION, 0, LAPIC_STATE_VERSION_REGISTER},
		{APIC_VERSION, 0x60010, LAPIC_STATE_VERSION_REGISTER},
		{APIC_TPR, 0x100, LAPIC_STATE_TPR},
		{APIC_SVR, 0x5FF, LAPIC_STATE_SVR},
		{APIC_SVR, 0x11FF, LAPIC_STATE_FEATURE},
		{APIC_LDR, 1, LAPIC_STATE_LDR},
		{APIC_DFR, 0, LAPIC_STATE_DFR},
		{APIC_ISR, 1, LAPIC_STATE_VECTORS},
		{APIC_TMR, 0x8000, LAPIC_STATE_VECTORS},
		{APIC_IRR, 0x10, LAPIC_STATE_VECTORS},
		{APIC_ESR, 0x100, LAPIC_STATE_ESR},
		{APIC_LVT_LINT0, REMOTE_IRR | 0x40, LAPIC_STATE_LVT},
		{APIC_ICR_HIGH, 1, LAPIC_STATE_ICR},
		{APIC_DCR, 4, LAPIC_STATE_TIMER},
	};
	struct lapic *l = full(false), *copy = rig_running(4)->l[3];
	uint8_t good[LAPIC_IMAGE_SIZE], image[LAPIC_IMAGE_SIZE];
	uint8_t before[1024], after[1024];

	(void)state;
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, good);
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(image, good, sizeof(image));
		set(image, cases[i].offset, cases[i].value);
		lapic_save(copy, before, sizeof(before), -1);
		assert_int_equal(lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, image,
						    lapic_apic_base(l), 0),
				 cases[i].error);
		lapic_save(copy, after, sizeof(after), -1);
		assert_memory_equal(before, after, lapic_state_size());
	}
	assert_int_equal(lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, good, 0xFEE00001, 0),
			 LAPIC_STATE_BASE);
	memset(image, 0xFF, sizeof(image));
	assert_true(lapic_import_image(copy, LAPIC_IMAGE_VMX, image, lapic_apic_base(l), 0) !=
		    LAPIC_STATE_OK);
}

/*
 * What KVM_GET_LAPIC gives of a LAPIC after reset: on the boot processor LINT0 is unmasked although
 * SVR disables all, and there is no CMCI entry.
 */
/* Rules: SAVE-3, RST-3 */
static void test_a_fresh_lapic_of_kvm(void **state)
{
	struct lapic *l = rig_running(2)->l[1];
	uint8_t image[LAPIC_IMAGE_SIZE] = {0};

	(void)state;
	set(image, APIC_ID, 1u << 24);
	set(image, APIC_VERSION, 0x50014);
	set(image, APIC_DFR, 0xFFFFFFFF);
	set(image, APIC_SVR, 0xFF);
	for (unsigned offset = APIC_LVT_TIMER; offset <= APIC_LVT_ERROR; offset += 0x10)
		set(image, offset, 0x10000);
	set(image, APIC_LVT_LINT0, 0x700);
	assert_int_equal(lapic_import_image(l, LAPIC_IMAGE_KVM_LEGACY, image, 0xFEE00900, 0),
			 LAPIC_STATE_OK);
	assert_int_equal(lapic_mmio_read(l, APIC_LVT_LINT0, 4), 0x10700);
	assert_int_equal(lapic_mmio_read(l, APIC_LVT_CMCI, 4), 0x10000);
	/* Enabled, but still without a CMCI entry: that of this LAPIC stays masked. */
	set(image, APIC_SVR, 0x1FF);
	assert_int_equal(lapic_import_image(l, LAPIC_IMAGE_KVM_LEGACY, image, 0xFEE00900, 0),
			 LAPIC_STATE_OK);
	assert_int_equal(lapic_mmio_read(l, APIC_LVT_LINT0, 4), 0x700);
	assert_int_equal(lapic_mmio_read(l, APIC_LVT_CMCI, 4), 0x10000);
}

/* Bits of others that no register here has. */
/* Rules: SAVE-3 */
static void test_foreign_bits_are_dropped(void **state)
{
	struct lapic *l = full(false);
	uint8_t image[LAPIC_IMAGE_SIZE];

	(void)state;
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, image);
	set(image, APIC_ICR, 0xFFF3B041);
	set(image, APIC_LVT_LINT1, 0x5441);
	set(image, APIC_LVT_ERROR, 0xFFFEFF42);
	assert_int_equal(
		lapic_import_image(l, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0),
		LAPIC_STATE_OK);
	assert_int_equal(lapic_mmio_read(l, APIC_ICR, 4), 0x8041);
	assert_int_equal(lapic_mmio_read(l, APIC_LVT_LINT1, 4), 0x441);
	assert_int_equal(lapic_mmio_read(l, APIC_LVT_ERROR, 4), 0x42);
}

/* Rules: SAVE-3 */
static void test_the_page_itself(void **state)
{
	(void)state;
	for (unsigned x2apic = 0; x2apic < 2; x2apic++) {
		struct lapic *l = full(x2apic);
		const uint8_t *page = lapic_page(l);
		uint8_t image[LAPIC_IMAGE_SIZE];

		assert_ptr_equal(page, rig_cpu_of(l)->page);
		assert_int_equal((uintptr_t)page % 4096, 0);
		/* After a sync it is what a VMX page of this LAPIC would be. */
		lapic_page_sync(l);
		lapic_export_image(l, LAPIC_IMAGE_VMX, image);
		for (unsigned n = 0; n < 0x40; n++) {
			if ((n == 0x31 && x2apic) || n == APIC_APR >> 4)
				continue; /* does not exist there */
			assert_int_equal(at(page, n << 4), at(image, n << 4));
		}
		assert_int_equal(at(page, APIC_ICR + 4), x2apic ? 0x12345678 : 0);
		assert_int_equal(at(page, APIC_IRR + 0x70), 1u << 0x12);
		assert_int_equal(at(page, APIC_TMR + 0x70), 1u << 0x11);
		assert_int_equal(at(page, APIC_TMCCT), 900000);
		for (unsigned i = LAPIC_IMAGE_SIZE; i < LAPIC_PAGE_SIZE; i++)
			assert_int_equal(page[i], 0);
		/* The model is no other for it. */
		eoi(l);
		assert_serves(l, 0xF2);
		assert_takes(l, 0x84);
	}
}

/* Rules: SAVE-3, PRI-6, ACC-2, ACC-4 */
static void test_the_page_has_what_reads_give(void **state)
{
	struct lapic *l = full(false);
	const uint8_t *page = lapic_page(l);
	unsigned changes;

	(void)state;
	/* What lies behind the arrays is theirs no more. */
	lapic_mmio_read(l, 0x40, 4);
	put(l, APIC_ESR, 0);
	lapic_post(l, LAPIC_FIXED, 0x1E, false);
	lapic_page_sync(l);
	assert_int_equal(at(page, APIC_ESR), 0x80);
	assert_int_equal(at(page, APIC_IRR), 1u << 0x1E);
	for (unsigned n = 0; n < 0x40; n++)
		assert_int_equal(at(page, n << 4), lapic_mmio_read(l, n << 4, 4));
	assert_true(at(page, APIC_APR) != 0);
	for (unsigned i = 0; i < LAPIC_PAGE_SIZE; i++)
		if (i % 16 >= 4)
			assert_int_equal(page[i], 0);
	/* A period that has ended meanwhile is as good as ticked, and the host is told. */
	changes = rig_cpu_of(l)->deadline_changes;
	lapic_page_sync(l);
	assert_int_equal(rig_cpu_of(l)->deadline_changes, changes);
	rig_cpu_of(l)->rig->ns += 4000000;
	lapic_page_sync(l);
	assert_int_equal(at(page, APIC_IRR + 0x20), 1u << 1);
	assert_int_equal(rig_cpu_of(l)->deadline_changes, changes + 1);
	/* In the other modes there is none. */
	set_msr(l, MSR_BASE, lapic_apic_base(l) | BASE_EXTD);
	lapic_page_sync(l);
	assert_int_equal(at(page, APIC_APR), 0);
}

/* Rules: SAVE-3, LVT-3 */
static void test_the_page_has_what_was_raised(void **state)
{
	struct lapic *l = rig_one();

	(void)state;
	put(l, APIC_LVT_THERMAL, 0x55);
	lapic_raise(l, LAPIC_LVT_THERMAL);
	lapic_page_sync(l);
	assert_int_equal(at(lapic_page(l), APIC_IRR + 0x20), 1u << 0x15);
}

/* Rules: SAVE-3, SAVE-5 */
static void test_the_icr_of_a_page_goes_with_x2apic(void **state)
{
	struct lapic *l = full(true);
	const uint8_t *page = lapic_page(l);

	(void)state;
	lapic_page_sync(l);
	assert_int_equal(at(page, APIC_ICR + 4), 0x12345678);
	rig_disable(l);
	lapic_page_sync(l);
	assert_int_equal(at(page, APIC_ICR + 4), 0);
	set_msr(l, MSR_BASE, lapic_apic_base(l) | BASE_EN);
	put(l, APIC_ICR_HIGH, 0x99000000);
	lapic_page_sync(l);
	assert_int_equal(at(page, APIC_ICR + 4), 0);
	assert_int_equal(at(page, APIC_ICR_HIGH), 0x99000000);
}

/* Rules: SAVE-3, BASE-3 */
static void test_an_image_of_a_disabled_one(void **state)
{
	struct lapic *l = rig_running(4)->l[3], *copy = full(false);
	uint8_t image[LAPIC_IMAGE_SIZE];

	(void)state;
	lapic_set_lint(copy, 0, false); /* LINT0 would be the processor's INTR */
	rig_disable(l);
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, image);
	assert_int_equal(
		lapic_import_image(copy, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0),
		LAPIC_STATE_OK);
	assert_false(lapic_claims(copy, 0xFEE00000));
	assert_nothing(copy);
	assert_int_equal(lapic_next_deadline(copy).clock, LAPIC_CLOCK_NONE);
}

/* Rules: LVT-8, SAVE-3 */
static void test_an_active_line_asks_after_an_import(void **state)
{
	struct lapic *l = rig_running(2)->l[1];
	uint8_t image[LAPIC_IMAGE_SIZE];

	(void)state;
	lapic_post(l, LAPIC_NMI, 0, false);
	lapic_export_image(l, LAPIC_IMAGE_KVM_LEGACY, image);
	set(image, APIC_LVT_LINT0, LEVEL | 0x60);
	lapic_set_lint(l, 0, true);
	assert_int_equal(
		lapic_import_image(l, LAPIC_IMAGE_KVM_LEGACY, image, lapic_apic_base(l), 0),
		LAPIC_STATE_OK);
	assert_true(lapic_take_nmi(l));
	assert_serves(l, 0x60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_registers_lie_at_their_offsets),
		rig_test(test_x2apic_id_and_icr_by_kind),
		rig_test(test_there_and_back),
		rig_test(test_struct_kvm_lapic_state),
		rig_test(test_the_format_must_be_the_right_one),
		rig_test(test_the_timer_of_an_image),
		rig_test(test_the_deadline_beside_an_image),
		rig_test(test_what_a_page_lacks_stays_as_it_was),
		rig_test(test_busy_bits_of_other_buses),
		rig_test(test_a_dfr_that_x2apic_does_not_have),
		rig_test(test_damaged_images),
		rig_test(test_a_fresh_lapic_of_kvm),
		rig_test(test_foreign_bits_are_dropped),
		rig_test(test_the_page_itself),
		rig_test(test_the_page_has_what_reads_give),
		rig_test(test_the_page_has_what_was_raised),
		rig_test(test_the_icr_of_a_page_goes_with_x2apic),
		rig_test(test_an_image_of_a_disabled_one),
		rig_test(test_an_active_line_asks_after_an_import),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
