// SPDX-License-Identifier: BSD-2-Clause
/*
 * Damaged, foreign and impossible states: each is refused by its name, and nothing changes.
 * Not what a good state brings: test_save.c.
 */
#include "tests/lapic/rig.h"

#include <string.h>

#define ROOM 1024u

/* Version 1 of the format: where its fields lie. */
#define AT_MAGIC       0u
#define AT_VERSION     8u
#define AT_SIZE        12u
#define AT_CHECKSUM    16u
#define AT_INFLIGHT    20u
#define AT_BASE        24u
#define AT_DEADLINE    32u
#define AT_REMAINING   40u
#define AT_WORK        48u
#define AT_INITIAL_ID  56u
#define AT_TIMER       60u
#define AT_DISARMED    62u
#define AT_OWED        63u /* the vector that remote IRR is owed to */
#define AT_REG(offset) (64u + (offset) / 4u)
#define SIZE           320u

#define TIMER_OFF      0
#define TIMER_COUNTING 1
#define TIMER_DEADLINE 2

static uint8_t bytes[ROOM];

static uint32_t crc32(const uint8_t *data, size_t count)
{
	uint32_t crc = 0xFFFFFFFF;

	while (count--) {
		crc ^= *data++;
		for (unsigned bit = 0; bit < 8; bit++)
			crc = (crc & 1) ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
	}
	return ~crc;
}

static void patch(unsigned at, uint64_t value, unsigned size)
{
	for (unsigned i = 0; i < size; i++)
		bytes[at + i] = (uint8_t)(value >> (8 * i));
}

static void seal(void)
{
	patch(AT_CHECKSUM, crc32(bytes + AT_INFLIGHT, SIZE - AT_INFLIGHT), 4);
}

static void save_of(struct lapic *l)
{
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(lapic_save(l, bytes, sizeof(bytes), -1), SIZE);
}

/* Refused for that reason, with no trace on the LAPIC, its host or its map. */
static void refuse(struct lapic *l, size_t size, enum lapic_state_error expected, int line)
{
	uint8_t before[ROOM], after[ROOM];
	struct rig_cpu *cpu = rig_cpu_of(l);
	unsigned deadlines = cpu->deadline_changes, bases = cpu->base_changes;
	unsigned locked = cpu->rig->locked;
	int inflight = 4711;
	enum lapic_state_error error;

	lapic_save(l, before, sizeof(before), -1);
	error = lapic_restore(l, bytes, size, &inflight);
	lapic_save(l, after, sizeof(after), -1);
	if (error != expected) {
		print_error("refused for \"%s\" instead of \"%s\"\n", lapic_state_error_name(error),
			    lapic_state_error_name(expected));
		_fail(__FILE__, line);
	}
	_assert_memory_equal(before, after, SIZE, __FILE__, line);
	_assert_int_equal(inflight, 4711, __FILE__, line);
	_assert_int_equal(cpu->deadline_changes, deadlines, __FILE__, line);
	_assert_int_equal(cpu->base_changes, bases, __FILE__, line);
	_assert_int_equal(cpu->rig->locked, locked, __FILE__, line);
}

#define assert_refused(l, size, expected) refuse(l, size, expected, __LINE__)

/* A LAPIC with something to lose. */
static struct lapic *busy(void (*tune)(struct lapic_config *, unsigned))
{
	struct lapic *l = rig_tuned(2, tune)->l[1];

	put(l, APIC_TPR, 0x23);
	put(l, APIC_LVT_TIMER, PERIODIC | 0x40);
	put(l, APIC_TMICT, 1000000);
	lapic_post(l, LAPIC_FIXED, 0x81, true);
	assert_takes(l, 0x81);
	lapic_post(l, LAPIC_FIXED, 0x91, true);
	lapic_post(l, LAPIC_NMI, 0, false);
	return l;
}

/* One field of a good state of a LAPIC like busy() gets another value. */
#define assert_field_refused(l, at, value, size, expected)                                         \
 do {                                                                                              \
  save_of(l);                                                                                      \
  patch(at, value, size);                                                                          \
  seal();                                                                                          \
  assert_refused(l, SIZE, expected);                                                               \
 } while (0)
#define assert_field_taken(l, at, value, size)                                                     \
 do {                                                                                              \
  int taken_;                                                                                      \
  save_of(l);                                                                                      \
  patch(at, value, size);                                                                          \
  seal();                                                                                          \
  assert_int_equal(lapic_restore(l, bytes, SIZE, &taken_), LAPIC_STATE_OK);                        \
 } while (0)

/* Rules: SAVE-4 */
static void test_the_format_is_the_one_that_these_tests_know(void **state)
{
	struct lapic *l = busy(NULL);
	int inflight;

	(void)state;
	assert_int_equal(lapic_state_size(), SIZE);
	save_of(l);
	assert_memory_equal(bytes, "LAPICST", 8);
	seal();
	assert_int_equal(lapic_restore(l, bytes, SIZE, &inflight), LAPIC_STATE_OK);
	assert_int_equal(bytes[AT_REG(APIC_TPR)], 0x23);
	/* APR follows from the others, and stands in the page alone. */
	lapic_page_sync(l);
	assert_int_not_equal(get(l, APIC_APR), 0);
	save_of(l);
	assert_int_equal(bytes[AT_REG(APIC_APR)], 0);
	/* Little-endian on every host. */
	assert_int_equal(bytes[AT_SIZE], SIZE & 0xFF);
	assert_int_equal(bytes[AT_SIZE + 1], SIZE >> 8);
}

/* Rules: SAVE-4 */
static void test_every_damaged_byte(void **state)
{
	struct lapic *l = busy(NULL);

	(void)state;
	for (unsigned at = 0; at < SIZE; at++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			enum lapic_state_error expected = LAPIC_STATE_CHECKSUM;

			if (at < AT_VERSION)
				expected = LAPIC_STATE_MAGIC;
			else if (at < AT_SIZE)
				expected = LAPIC_STATE_VERSION;
			else if (at < AT_CHECKSUM)
				expected = LAPIC_STATE_SIZE;
			save_of(l);
			bytes[at] ^= (uint8_t)(1u << bit);
			assert_refused(l, SIZE, expected);
		}
	}
}

/* Rules: SAVE-4 */
static void test_every_wrong_length(void **state)
{
	struct lapic *l = busy(NULL);

	(void)state;
	save_of(l);
	for (size_t size = 0; size < 700; size++)
		if (size != SIZE)
			assert_refused(l, size, LAPIC_STATE_SIZE);
	/* Honest about being of another length, it is still not version 1. */
	patch(AT_SIZE, SIZE + 4, 4);
	assert_refused(l, SIZE + 4, LAPIC_STATE_SIZE);
	patch(AT_VERSION, 2, 4);
	assert_refused(l, SIZE + 4, LAPIC_STATE_VERSION);
}

/* Rules: SAVE-4 */
static void test_foreign_bytes(void **state)
{
	struct lapic *l = busy(NULL);

	(void)state;
	memset(bytes, 0, sizeof(bytes));
	assert_refused(l, SIZE, LAPIC_STATE_MAGIC);
	memset(bytes, 0xFF, sizeof(bytes));
	assert_refused(l, SIZE, LAPIC_STATE_MAGIC);
}

static void plain(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->x2apic = config->tsc_deadline = config->cmci = false;
}

static void suppressing(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->eoi_suppression = true;
}

/* Rules: SAVE-4, BASE-1, TMR-7, LVT-1, ACP-4 */
static void test_states_of_features_that_are_not_here(void **state)
{
	struct lapic *l = busy(plain), *rich;

	(void)state;
	rich = rig_tuned(2, NULL)->l[1];
	rig_x2apic(rich);
	put(rich, APIC_LVT_CMCI, 0);
	save_of(rich);
	assert_refused(l, SIZE, LAPIC_STATE_FEATURE);

	rich = rig_tuned(2, NULL)->l[1];
	put(rich, APIC_LVT_TIMER, DEADLINE | 0x40);
	save_of(rich);
	assert_refused(l, SIZE, LAPIC_STATE_FEATURE);

	rich = rig_tuned(2, NULL)->l[1];
	save_of(rich); /* LVT CMCI exists in it */
	assert_refused(l, SIZE, LAPIC_STATE_FEATURE);
	patch(AT_REG(APIC_LVT_CMCI), 0, 4);
	seal();
	assert_refused(l, SIZE, LAPIC_STATE_VERSION_REGISTER); /* seven entries */

	rich = rig_tuned(2, suppressing)->l[1];
	put(rich, APIC_SVR, 0x11FF);
	save_of(rich);
	assert_refused(busy(NULL), SIZE, LAPIC_STATE_FEATURE);
}

/* Rules: SAVE-4, BASE-1, BASE-2 */
static void test_apic_base(void **state)
{
	struct lapic *l = busy(NULL);

	(void)state;
	assert_field_refused(l, AT_BASE, 0xFEE00001 | BASE_EN, 8, LAPIC_STATE_BASE);
	assert_field_refused(l, AT_BASE, 0xFEE00200 | BASE_EN, 8, LAPIC_STATE_BASE);
	assert_field_refused(l, AT_BASE, 1ull << 52 | BASE_EN, 8, LAPIC_STATE_BASE);
	assert_field_refused(l, AT_BASE, 0xFEE00000 | BASE_EXTD, 8, LAPIC_STATE_BASE);
	assert_field_refused(l, AT_BASE, UINT64_MAX, 8, LAPIC_STATE_BASE);
	assert_field_taken(l, AT_BASE, 0xFEE01000 | BASE_EN, 8);
}

static void id_read_only(struct lapic_config *config, unsigned i)
{
	(void)i;
	config->xapic_id_writable = false;
}

/* Rules: SAVE-4, MSR-7, ACC-6 */
static void test_ids(void **state)
{
	struct lapic *l = busy(NULL);

	(void)state;
	save_of(rig_of(l)->l[0]);
	assert_refused(l, SIZE, LAPIC_STATE_ID); /* another's */
	assert_field_refused(l, AT_INITIAL_ID, 2, 4, LAPIC_STATE_ID);
	assert_field_refused(l, AT_INITIAL_ID, 0x101, 4, LAPIC_STATE_ID);
	assert_field_refused(l, AT_REG(APIC_ID), 0x01000001, 4, LAPIC_STATE_ID);
	assert_field_refused(l, AT_REG(APIC_ID), 1, 4, LAPIC_STATE_ID);
	assert_field_taken(l, AT_REG(APIC_ID), 0x99000000, 4);
	l = busy(id_read_only);
	assert_field_refused(l, AT_REG(APIC_ID), 0x99000000, 4, LAPIC_STATE_ID);
	assert_field_taken(l, AT_REG(APIC_ID), 0x01000000, 4);
	l = busy(NULL);
	rig_x2apic(l);
	assert_field_refused(l, AT_REG(APIC_ID), 0x01000000, 4, LAPIC_STATE_ID);
	assert_field_refused(l, AT_REG(APIC_ID), 2, 4, LAPIC_STATE_ID);
}

/* Rules: SAVE-4, RST-1 */
static void test_version_register(void **state)
{
	struct lapic *l = busy(NULL);

	(void)state;
	assert_field_refused(l, AT_REG(APIC_VERSION), 0x60010, 4, LAPIC_STATE_VERSION_REGISTER);
	assert_field_refused(l, AT_REG(APIC_VERSION), 0x70014, 4, LAPIC_STATE_VERSION_REGISTER);
	assert_field_refused(l, AT_REG(APIC_VERSION), 0x80060014, 4, LAPIC_STATE_VERSION_REGISTER);
	assert_field_refused(l, AT_REG(APIC_VERSION), 0, 4, LAPIC_STATE_VERSION_REGISTER);
	assert_field_taken(l, AT_REG(APIC_VERSION), 0x50014, 4);
	assert_int_equal(get(l, APIC_VERSION), 0x60014);
}

/* Rules: SAVE-4, ACC-4, ACC-6 */
static void test_simple_registers(void **state)
{
	struct lapic *l = busy(NULL);

	(void)state;
	assert_field_refused(l, AT_REG(APIC_TPR), 0x100, 4, LAPIC_STATE_TPR);
	assert_field_refused(l, AT_REG(APIC_TPR), 0x80000000, 4, LAPIC_STATE_TPR);
	assert_field_refused(l, AT_REG(APIC_SVR), 0x5FF, 4, LAPIC_STATE_SVR);
	assert_field_refused(l, AT_REG(APIC_SVR), 0x801001FF & ~0x1000u, 4, LAPIC_STATE_SVR);
	assert_field_refused(l, AT_REG(APIC_LDR), 0x01000001, 4, LAPIC_STATE_LDR);
	assert_field_refused(l, AT_REG(APIC_DFR), 0xF0000000, 4, LAPIC_STATE_DFR);
	assert_field_refused(l, AT_REG(APIC_DFR), 0, 4, LAPIC_STATE_DFR);
	assert_field_taken(l, AT_REG(APIC_DFR), 0x5FFFFFFF, 4);
	assert_field_refused(l, AT_REG(APIC_ESR), 0x100, 4, LAPIC_STATE_ESR);
	assert_field_refused(l, AT_DISARMED, 2, 1, LAPIC_STATE_ESR);
	assert_field_refused(l, AT_REG(APIC_ICR), 0x2000, 4, LAPIC_STATE_ICR);
	assert_field_refused(l, AT_REG(APIC_ICR), 0x1000, 4, LAPIC_STATE_ICR);
	assert_field_refused(l, AT_REG(APIC_ICR), 0x100000, 4, LAPIC_STATE_ICR);
	assert_field_refused(l, AT_REG(APIC_ICR_HIGH), 0x01000001, 4, LAPIC_STATE_ICR);
	rig_x2apic(l);
	assert_field_refused(l, AT_REG(APIC_LDR), 1, 4, LAPIC_STATE_LDR);
	assert_field_taken(l, AT_REG(APIC_ICR_HIGH), 0x01000001, 4);
}

/* Rules: SAVE-4, PRI-3 */
static void test_vectors(void **state)
{
	static const uint16_t banks[] = {APIC_ISR, APIC_TMR, APIC_IRR};
	struct lapic *l = busy(NULL);

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		for (unsigned vector = 0; vector < 16; vector++)
			assert_field_refused(l, AT_REG(banks[i]), 1u << vector, 4,
					     LAPIC_STATE_VECTORS);
		assert_field_taken(l, AT_REG(banks[i]), 1u << 16, 4);
	}
}

/* Rules: SAVE-4, LVT-1, LVT-4, RST-3 */
static void test_lvts(void **state)
{
	struct lapic *l = busy(NULL);

	(void)state;
	assert_field_refused(l, AT_REG(APIC_LVT_TIMER), PERIODIC | 0x440, 4, LAPIC_STATE_LVT);
	assert_field_refused(l, AT_REG(APIC_LVT_CMCI), MASKED | 0x800, 4, LAPIC_STATE_LVT);
	assert_field_refused(l, AT_REG(APIC_LVT_THERMAL), MASKED | LEVEL, 4, LAPIC_STATE_LVT);
	assert_field_refused(l, AT_REG(APIC_LVT_PERF), MASKED | 0x1000, 4, LAPIC_STATE_LVT);
	assert_field_refused(l, AT_REG(APIC_LVT_ERROR), 0x100, 4, LAPIC_STATE_LVT);
	assert_field_refused(l, AT_REG(APIC_LVT_LINT1), LEVEL | REMOTE_IRR | 0x40, 4,
			     LAPIC_STATE_LVT);
	/* Remote IRR without a level, in another mode, or of no vector. */
	assert_field_refused(l, AT_REG(APIC_LVT_LINT0), REMOTE_IRR | 0x40, 4, LAPIC_STATE_LVT);
	assert_field_refused(l, AT_REG(APIC_LVT_LINT0), LEVEL | REMOTE_IRR | 0x0F, 4,
			     LAPIC_STATE_LVT);
	assert_field_refused(l, AT_REG(APIC_LVT_LINT0), LEVEL | REMOTE_IRR | MODE(LAPIC_NMI) | 0x40,
			     4, LAPIC_STATE_LVT);
	assert_field_taken(l, AT_REG(APIC_LVT_LINT0), LEVEL | REMOTE_IRR | 0x40, 4);
	/* 16 is the first that exists, be it the entry's or the one it had. */
	assert_field_taken(l, AT_REG(APIC_LVT_LINT0), LEVEL | REMOTE_IRR | 16, 4);
	for (unsigned owed = 15; owed <= 16; owed++) {
		int inflight;

		save_of(l);
		patch(AT_REG(APIC_LVT_LINT0), LEVEL | REMOTE_IRR | 9, 4);
		patch(AT_OWED, owed, 1);
		seal();
		assert_int_equal(lapic_restore(l, bytes, SIZE, &inflight),
				 owed < 16 ? LAPIC_STATE_LVT : LAPIC_STATE_OK);
	}
	/* Disabled by software, none is unmasked. */
	put(l, APIC_SVR, 0xFF);
	assert_field_refused(l, AT_REG(APIC_LVT_PERF), 0x40, 4, LAPIC_STATE_LVT);
	assert_field_refused(l, AT_REG(APIC_LVT_CMCI), 0x40, 4, LAPIC_STATE_LVT);
}

/* Rules: SAVE-4, TMR-6, TMR-7, TMR-9 */
static void test_timers(void **state)
{
	struct lapic *l = busy(NULL);

	(void)state;
	assert_field_refused(l, AT_TIMER, 3, 1, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_TIMER, 255, 1, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_TIMER, TIMER_OFF, 1, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_TIMER, TIMER_DEADLINE, 1, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_REMAINING, 0, 8, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_REMAINING, 2000001, 8, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_REMAINING, UINT64_MAX, 8, LAPIC_STATE_TIMER);
	assert_field_taken(l, AT_REMAINING, 2000000, 8);
	assert_field_refused(l, AT_REG(APIC_TMICT), 0, 4, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_REG(APIC_DCR), 4, 4, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_REG(APIC_DCR), 0x10, 4, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_DEADLINE, 5, 8, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_REG(APIC_LVT_TIMER), DEADLINE | 0x40, 4, LAPIC_STATE_TIMER);
	put(l, APIC_LVT_TIMER, DEADLINE | 0x40);
	set_msr(l, MSR_DEADLINE, UINT64_MAX);
	assert_field_refused(l, AT_DEADLINE, 0, 8, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_REMAINING, 1, 8, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_REG(APIC_TMICT), 1, 4, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_REG(APIC_LVT_TIMER), 0x40, 4, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_REG(APIC_LVT_TIMER), DEADLINE | PERIODIC | 0x40, 4,
			     LAPIC_STATE_TIMER);
	put(l, APIC_LVT_TIMER, 0x40);
	assert_field_refused(l, AT_REMAINING, 1, 8, LAPIC_STATE_TIMER);
	assert_field_refused(l, AT_DEADLINE, 1, 8, LAPIC_STATE_TIMER);
}

/* Rules: SAVE-4, MP-1, MP-4, BASE-3 */
static void test_events(void **state)
{
	struct lapic *l = busy(NULL), *waiting = rig_build(&(struct rig_plan){.count = 2})->l[1];
	uint64_t sipi, work;

	(void)state;
	/* A SIPI is found by saving one. */
	lapic_post(waiting, LAPIC_SIPI, 0x9A, false);
	save_of(waiting);
	memcpy(&sipi, bytes + AT_WORK, 8);
	assert_field_refused(l, AT_WORK, sipi & ~(1ull << 17), 8, LAPIC_STATE_EVENTS);
	assert_field_refused(l, AT_WORK, 0x9A00, 8, LAPIC_STATE_EVENTS); /* its vector alone */
	assert_field_refused(l, AT_WORK, 3, 8, LAPIC_STATE_EVENTS);      /* three NMIs */
	for (unsigned bit = 42; bit < 64; bit++)
		assert_field_refused(l, AT_WORK, 1ull << bit, 8, LAPIC_STATE_EVENTS);
	assert_field_refused(l, AT_WORK, 1ull << 16, 8, LAPIC_STATE_EVENTS);
	assert_field_refused(l, AT_WORK, 1ull << 18, 8, LAPIC_STATE_EVENTS);
	assert_field_refused(l, AT_WORK, 1ull << 20, 8, LAPIC_STATE_EVENTS);
	/* Disabled, no message can be pending. */
	lapic_post(l, LAPIC_SMI, 0, false);
	save_of(l);
	memcpy(&work, bytes + AT_WORK, 8);
	rig_disable(l);
	assert_field_refused(l, AT_WORK, work, 8, LAPIC_STATE_EVENTS);
}

/* A state may say that both wait: as after an INIT, the ExtINT is gone.  Rules: SAVE-1, MP-6 */
static void test_init_takes_a_saved_extint_with_it(void **state)
{
	struct lapic *l = rig_running(2)->l[1];
	uint64_t extint, init;
	int inflight;

	(void)state;
	lapic_post(l, LAPIC_EXTINT, 0, false);
	save_of(l);
	memcpy(&extint, bytes + AT_WORK, 8);
	lapic_post(l, LAPIC_INIT, 0, false);
	save_of(l);
	memcpy(&init, bytes + AT_WORK, 8);
	assert_true(extint != 0 && (extint & init) == 0);
	patch(AT_WORK, extint | init, 8);
	seal();
	assert_int_equal(lapic_restore(l, bytes, SIZE, &inflight), LAPIC_STATE_OK);
	assert_int_equal(lapic_take_init(l), LAPIC_INIT_WAIT_FOR_SIPI);
	assert_false(lapic_take_extint(l));
}

/* Rules: SAVE-4, BASE-3 */
static void test_a_disabled_state_gathers_no_errors(void **state)
{
	struct lapic *l = busy(NULL);

	(void)state;
	rig_disable(l);
	assert_field_taken(l, AT_WORK, 1ull << 32, 8); /* an illegal vector came, says the state */
	assert_nothing(l);
	set_msr(l, MSR_BASE, lapic_apic_base(l) | BASE_EN);
	assert_int_equal(latch_esr(l), 0);
}

/* Rules: SAVE-4 */
static void test_inflight(void **state)
{
	struct lapic *l = busy(NULL);

	(void)state;
	assert_field_refused(l, AT_INFLIGHT, 256, 4, LAPIC_STATE_INFLIGHT);
	assert_field_refused(l, AT_INFLIGHT, 0xFFFFFFFE, 4, LAPIC_STATE_INFLIGHT);
	assert_field_refused(l, AT_INFLIGHT, 0x80000000, 4, LAPIC_STATE_INFLIGHT);
	assert_field_taken(l, AT_INFLIGHT, 255, 4);
}

/* Rules: SAVE-4 */
static void test_each_error_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= LAPIC_STATE_INFLIGHT + 1; i++) {
		const char *name = lapic_state_error_name((enum lapic_state_error)i);

		assert_true(name && name[0]);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(name,
						lapic_state_error_name((enum lapic_state_error)k));
	}
	assert_non_null(lapic_state_error_name((enum lapic_state_error) - 1));
}

/* Rules: SAVE-4, TMR-9 */
static void test_what_is_taken_can_do_no_harm(void **state)
{
	struct lapic *l = busy(NULL);
	uint64_t seed = 7;
	unsigned taken = 0;

	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t before[ROOM], after[ROOM];
		int inflight;

		save_of(l);
		memcpy(before, bytes, SIZE);
		for (unsigned k = 0; k < 3; k++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			bytes[AT_INFLIGHT + (seed >> 33) % (SIZE - AT_INFLIGHT)] ^=
				(uint8_t)(1u << (seed >> 61));
		}
		seal();
		if (lapic_restore(l, bytes, SIZE, &inflight) != LAPIC_STATE_OK) {
			lapic_save(l, after, sizeof(after), -1);
			assert_memory_equal(before, after, SIZE);
			continue;
		}
		taken++;
		rig_sleep(rig_of(l), seed >> 44);
		for (uint32_t n = 0; n < 0x40; n++)
			lapic_mmio_read(l, n << 4, 4);
		lapic_pending(l);
		drain(l);
		eoi(l);
	}
	assert_true(taken > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_the_format_is_the_one_that_these_tests_know),
		rig_test(test_every_damaged_byte),
		rig_test(test_every_wrong_length),
		rig_test(test_foreign_bytes),
		rig_test(test_states_of_features_that_are_not_here),
		rig_test(test_apic_base),
		rig_test(test_ids),
		rig_test(test_version_register),
		rig_test(test_simple_registers),
		rig_test(test_vectors),
		rig_test(test_lvts),
		rig_test(test_timers),
		rig_test(test_events),
		rig_test(test_init_takes_a_saved_extint_with_it),
		rig_test(test_a_disabled_state_gathers_no_errors),
		rig_test(test_inflight),
		rig_test(test_each_error_has_a_name_of_its_own),
		rig_test(test_what_is_taken_can_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
