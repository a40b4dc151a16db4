// SPDX-License-Identifier: BSD-2-Clause
/*
 * Tells the event hook what happened, to which vector, from whom and when.
 * Not on the fast paths: callers ask traced() or reach here by the owner word alone.
 */
#include "lapic/core.h"

void event_emit(struct lapic *l, const struct lapic_event *event)
{
	event_hook_t hook = atomic_load_explicit(&l->hook, memory_order_acquire);
	struct lapic_event stamped = *event;

	if (!traced(l) || !hook)
		return;
	stamped.when_ns = lapic_now_ns(l);
	hook(l->opaque, &stamped);
}

void event_simple(struct lapic *l, enum lapic_event_kind kind, uint8_t vector, uint64_t value)
{
	if (traced(l))
		event_emit(l,
			   &(struct lapic_event){.kind = kind, .vector = vector, .value = value});
}

void event_post(struct lapic *l, enum lapic_event_kind kind, enum lapic_delivery mode,
		uint8_t vector, bool level, origin_t origin)
{
	if (traced(l))
		event_emit(l, &(struct lapic_event){.kind = kind,
						    .source = (enum lapic_source)(origin & 0xFFu),
						    .sender = (uint32_t)(origin >> 32),
						    .vector = vector,
						    .mode = (uint8_t)mode,
						    .level = level});
}

void event_mistake(struct lapic *l, const char *rule, uint64_t where)
{
	if (traced(l))
		event_emit(l, &(struct lapic_event){
				      .kind = LAPIC_EVENT_MISTAKE, .value = where, .rule = rule});
}

void lapic_set_event_hook(struct lapic *l,
			  void (*event)(void *opaque, const struct lapic_event *event))
{
	if (event) {
		atomic_store_explicit(&l->hook, event, memory_order_release);
		atomic_fetch_or(&l->owner, OWNER_TRACED);
	} else {
		/* The pointer stays: a post under way may have seen the flag and still call it. */
		atomic_fetch_and(&l->owner, ~OWNER_TRACED);
	}
}
