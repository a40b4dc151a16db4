// SPDX-License-Identifier: BSD-2-Clause
/*
 * Saves a LAPIC and restores it elsewhere.
 * Not a test.
 */
#include "tests/lapic/moving.h"

#include <string.h>

struct saved save_of(struct lapic *l, int inflight)
{
	struct saved s;

	memset(&s, 0xCC, sizeof(s));
	s.size = lapic_save(l, s.bytes, sizeof(s.bytes), inflight);
	assert_int_equal(s.size, lapic_state_size());
	return s;
}

void restore_to(struct lapic *l, const struct saved *s)
{
	int inflight = 12345;

	assert_int_equal(lapic_restore(l, s->bytes, s->size, &inflight), LAPIC_STATE_OK);
	assert_int_equal(inflight, -1);
}

struct lapic *moved(struct lapic *l)
{
	struct saved s = save_of(l, -1), again;
	struct rig *r = rig_running(rig_of(l)->count);
	unsigned at = (unsigned)(rig_cpu_of(l) - rig_of(l)->cpu);
	struct lapic *copy = r->l[at];

	r->ns = 77777777777;
	r->tsc = rig_of(l)->tsc;
	put(copy, APIC_ID, 0x66000000);
	put(copy, APIC_TPR, 0x99);
	put(copy, APIC_LVT_TIMER, PERIODIC | 0x99);
	put(copy, APIC_TMICT, 12345);
	lapic_post(copy, LAPIC_FIXED, 0xA1, true);
	lapic_post(copy, LAPIC_NMI, 0, false);
	lapic_set_lint(copy, 1, true);
	restore_to(copy, &s);
	/* What it would save is what it was given. */
	again = save_of(copy, -1);
	assert_memory_equal(s.bytes, again.bytes, s.size);
	return copy;
}
