// SPDX-License-Identifier: BSD-2-Clause
/*
 * Random machines of mixed modes, IDs and logical IDs, and random senders: who receives, against
 * the rules spelled out as one predicate. Not a test of single rules: test_dest.c, test_lowest.c.
 */
#include "tests/lapic/rig.h"

#define V     0x40u
#define COUNT 12u

enum { DISABLED, XAPIC, X2APIC };

/* What the rules need to know of a receiver. */
struct receiver {
	unsigned mode;
	uint32_t initial_id, xapic_id, ldr8, model;
	bool enabled, ff_broadcasts;
	uint8_t tpr;
};

struct shot {
	bool message, wide, logical, lowest;
	uint32_t dest;
};

static uint64_t seed;

static uint32_t random_below(uint32_t bound)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((seed >> 33) % bound);
}

static uint32_t one_of(const uint32_t *values, unsigned count)
{
	return values[random_below(count)];
}

/* ICR-5, ICR-12: an 8-bit FFh or a 32-bit FFFFFFFFh. */
static bool is_broadcast(const struct receiver *r, const struct shot *s)
{
	if (s->wide)
		return s->dest == 0xFFFFFFFF;
	if (s->dest != 0xFF)
		return false;
	return !s->message || r->mode == XAPIC || r->ff_broadcasts;
}

static bool matches_physical(const struct receiver *r, const struct shot *s)
{
	if (r->mode == X2APIC)
		return s->dest == r->initial_id;
	return s->dest <= 0xFF ? s->dest == r->xapic_id : s->dest == r->initial_id;
}

static bool matches_logical(const struct receiver *r, const struct shot *s)
{
	if (r->mode == X2APIC)
		return s->dest >> 16 == (r->initial_id >> 4 & 0xFFFF) &&
		       (s->dest & 0xFFFF & 1u << (r->initial_id & 15));
	if (s->dest > 0xFF)
		return false;
	if (s->dest == 0xFF) /* ICR-6: of every sender, to either model */
		return true;
	if (r->model == 0xF)
		return (r->ldr8 & s->dest) != 0;
	return r->ldr8 >> 4 == s->dest >> 4 && (r->ldr8 & s->dest & 0xF);
}

static bool matches(const struct receiver *r, const struct shot *s)
{
	if (r->mode == DISABLED)
		return false;
	if (s->logical && r->mode == XAPIC && r->model != 0 && r->model != 0xF)
		return false;
	if (is_broadcast(r, s))
		return true;
	return s->logical ? matches_logical(r, s) : matches_physical(r, s);
}

static struct receiver receivers[COUNT];

static void tune(struct lapic_config *config, unsigned i)
{
	config->initial_id = receivers[i].initial_id;
	config->msi_ff_broadcasts = receivers[i].ff_broadcasts;
}

static bool id_taken(unsigned count, uint32_t id)
{
	for (unsigned i = 0; i < count; i++)
		if (receivers[i].initial_id == id)
			return true;
	return false;
}

static void choose(void)
{
	static const uint32_t ids[] = {0,    1,    2,     7,     15,    0x10,   0x11,    0x1F,
				       0xFE, 0xFF, 0x100, 0x101, 0x3FF, 0x1001, 0x10001, 0xFFFFF};
	static const uint32_t ldrs[] = {0, 1, 2, 3, 0x10, 0x11, 0x1F, 0x80, 0xF1, 0xFF};
	static const uint32_t models[] = {0xF, 0xF, 0xF, 0, 0, 0x7};
	static const uint32_t modes[] = {XAPIC, XAPIC, X2APIC, X2APIC, DISABLED};
	unsigned uniform = random_below(4);

	for (unsigned i = 0; i < COUNT; i++) {
		struct receiver *r = &receivers[i];

		do {
			r->initial_id = one_of(ids, 16);
		} while (id_taken(i, r->initial_id));
		r->mode = uniform == 0 ? X2APIC : one_of(modes, 5);
		r->xapic_id = random_below(2) ? r->initial_id & 0xFF : one_of(ids, 10) & 0xFF;
		r->ldr8 = one_of(ldrs, 10);
		r->model = one_of(models, 6);
		r->enabled = random_below(4) != 0;
		r->ff_broadcasts = random_below(2);
		r->tpr = (uint8_t)(random_below(3) << 4);
	}
}

static struct rig *build(void)
{
	struct rig *r;

	choose();
	r = rig_build(&(struct rig_plan){.count = COUNT, .max_id = 0xFFFFF, .tune = tune});
	for (unsigned i = 0; i < COUNT; i++) {
		struct lapic *l = r->l[i];

		rig_start(l);
		put(l, APIC_ID, receivers[i].xapic_id << 24);
		put(l, APIC_LDR, receivers[i].ldr8 << 24);
		put(l, APIC_DFR, receivers[i].model << 28);
		put(l, APIC_SVR, receivers[i].enabled ? 0x1FF : 0xFF);
		put(l, APIC_TPR, receivers[i].tpr);
		if (receivers[i].mode == X2APIC)
			rig_x2apic(l);
		if (receivers[i].mode == DISABLED)
			rig_disable(l);
	}
	return r;
}

static struct shot aim(void)
{
	static const uint32_t narrow[] = {0,    1,    2,    3,    7,    0x10, 0x11,
					  0x13, 0x1F, 0x80, 0xF1, 0xFE, 0xFF};
	static const uint32_t wide[] = {0,          0x1,       0x3,     0xFF,     0x100,
					0x101,      0x3FF,     0x1001,  0x10001,  0xFFFF,
					0x1FFFF,    0x100002,  0xFFFFF, 0x3F8000, 0xFFFF8000,
					0x7FFFFFFF, 0xFFFFFFFF};
	struct shot s = {.message = random_below(2),
			 .logical = random_below(2),
			 .lowest = random_below(3) == 0};

	s.wide = random_below(2);
	s.dest = s.wide ? one_of(wide, 17) : one_of(narrow, 13);
	return s;
}

/* A sender of the wanted width, or COUNT. */
static unsigned sender_of(bool wide)
{
	unsigned first = random_below(COUNT);

	for (unsigned i = 0; i < COUNT; i++) {
		unsigned at = (first + i) % COUNT;

		if (receivers[at].mode == (wide ? X2APIC : XAPIC))
			return at;
	}
	return COUNT;
}

static bool fire(struct rig *r, const struct shot *s)
{
	unsigned from = sender_of(s->wide);
	uint32_t mode = s->lowest ? MODE(LAPIC_LOWEST) : 0;

	if (s->message) {
		struct lapic_message message = {.dest = s->dest,
						.vector = V,
						.mode = s->lowest ? LAPIC_LOWEST : LAPIC_FIXED,
						.logical = s->logical,
						.dest32 = s->wide};

		lapic_map_send(r->map, &message);
		return true;
	}
	if (from == COUNT)
		return false;
	send_ipi(r->l[from], s->dest, mode | (s->logical ? LOGICAL : 0) | V);
	return true;
}

static bool got(struct lapic *l)
{
	bool there = (lapic_apic_base(l) & BASE_EN) && in_irr(l, V);
	uint32_t tpr;

	if (!there)
		return false;
	tpr = get(l, APIC_TPR);
	put(l, APIC_TPR, 0);
	assert_serves(l, V);
	put(l, APIC_TPR, tpr);
	return true;
}

static void judge(struct rig *r, const struct shot *s)
{
	unsigned lowest = 0x100, winners = 0;

	for (unsigned i = 0; i < COUNT; i++)
		if (matches(&receivers[i], s) && receivers[i].enabled && receivers[i].tpr < lowest)
			lowest = receivers[i].tpr;
	for (unsigned i = 0; i < COUNT; i++) {
		bool may = matches(&receivers[i], s) && receivers[i].enabled;
		bool did = got(r->l[i]);

		if (s->logical && s->lowest) {
			winners += did;
			assert_true(!did || (may && receivers[i].tpr == lowest));
		} else if (did != may) {
			fail_msg("LAPIC %u (mode %u, ID %x/%x): %d for %s%s%s%x", i,
				 receivers[i].mode, receivers[i].initial_id, receivers[i].xapic_id,
				 did, s->message ? "message " : "IPI ", s->wide ? "wide " : "",
				 s->logical ? "logical " : "", s->dest);
		}
	}
	if (s->logical && s->lowest)
		assert_int_equal(winners, lowest < 0x100);
}

/* Rules: ICR-5, ICR-6, ICR-7, ICR-8, ICR-9, ICR-12, ICR-13 */
static void test_random_machines(void **state)
{
	unsigned shots = 0;

	(void)state;
	for (unsigned machine = 0; machine < 300; machine++) {
		struct rig *r;

		seed = machine;
		r = build();
		for (unsigned i = 0; i < 300; i++) {
			struct shot s = aim();

			if (!fire(r, &s))
				continue;
			judge(r, &s);
			shots++;
		}
		rig_teardown(NULL);
	}
	assert_true(shots > 50000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rig_test(test_random_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
