// SPDX-License-Identifier: BSD-2-Clause
/*
 * What the owner takes out of the mailbox beside vectors, and the protocol of leaving and coming
 * back. Not the vectors (priority.c), nor INIT and SIPI, which reset the LAPIC (mode.c).
 */
#include "lapic/core.h"

static bool take(struct lapic *l, uint64_t flag)
{
	return (atomic_fetch_and(&l->work, ~flag) & flag) != 0;
}

static void told(struct lapic *l, enum lapic_delivery mode)
{
	if (traced(l))
		event_emit(l,
			   &(struct lapic_event){.kind = LAPIC_EVENT_ACK, .mode = (uint8_t)mode});
}

bool lapic_take_nmi(struct lapic *l)
{
	uint64_t old = atomic_load(&l->work);

	do {
		if (!(old & WORK_NMI_COUNT))
			return false;
	} while (!atomic_compare_exchange_weak(&l->work, &old, old - WORK_NMI_ONE));
	told(l, LAPIC_NMI);
	return true;
}

bool lapic_take_smi(struct lapic *l)
{
	if (!take(l, WORK_SMI))
		return false;
	told(l, LAPIC_SMI);
	return true;
}

bool lapic_take_extint(struct lapic *l)
{
	if (!take(l, WORK_EXTINT) && !lvt_extint_line(l, atomic_load(&l->work)))
		return false;
	told(l, LAPIC_EXTINT);
	return true;
}

void lapic_set_nmi_blocked(struct lapic *l, bool blocked)
{
	mode_set_work(l, blocked ? 0 : WORK_NMI_BLOCKED, blocked ? WORK_NMI_BLOCKED : 0);
}

/*
 * The flag, then the look, both sequentially consistent; a sender posts, then looks at the flag.
 * One of the two sees the other, so a wake is never lost.
 */
uint32_t lapic_away(struct lapic *l)
{
	atomic_fetch_or(&l->owner, OWNER_AWAY);
	atomic_thread_fence(memory_order_seq_cst);
	return lapic_pending(l);
}

void lapic_back(struct lapic *l)
{
	atomic_fetch_and(&l->owner, ~(OWNER_AWAY | OWNER_KICKED));
}
