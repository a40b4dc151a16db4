// SPDX-License-Identifier: BSD-2-Clause
// What a Local APIC asks of its host: clocks, the alarm, kicks, and KVM's copy of the APIC base.
// Not interrupt delivery to the processor: that is inject.c.

#include "vmm/lapic_host.h"

#include <inttypes.h>
#include <string.h>

#include "vmm/apic_page.h"
#include "vmm/ending.h"
#include "vmm/machine.h"
#include "vmm/msr_index.h"
#include "vmm/vcpu.h"

#define APIC_BASE_EXTD 0x400u
#define APIC_BASE_EN   0x800u
#define PAGE_PPR       0xA0u
#define PAGE_LVT_TIMER 0x320u
#define PAGE_LVT_ERROR 0x370u
#define LVT_MASKED     0x10000u
#define LVT_MODE       0x60000u
#define LVT_DEADLINE   0x40000u
#define GUARD_MIN_NS   UINT64_C(200000)
#define GUARD_MAX_NS   UINT64_C(4000000)

static uint32_t page_register(const struct vcpu *v, unsigned offset)
{
	uint32_t value;

	memcpy(&value, (const uint8_t *)lapic_page(v->lapic) + offset, sizeof(value));
	return value;
}

static uint64_t now_ns(void *opaque)
{
	const struct vcpu *v = opaque;

	return v->clock_at_ns ? v->clock_at_ns : kick_clock_ns();
}

static uint64_t now_tsc(void *opaque)
{
	const struct vcpu *v = opaque;

	return tsc_now(&v->tsc);
}

static void deadline_changed(void *opaque)
{
	struct vcpu *v = opaque;

	v->deadline = lapic_next_deadline(v->lapic);
	v->deadline_changed = true;
	v->early = 0;
}

static void kick(void *opaque)
{
	vcpu_kick(opaque);
}

/*
 * KVM computes CPUID.1:EDX[9] from its own copy of the base. Of the modes it gets xAPIC or
 * disabled: without a LAPIC of its own it would only check x2APIC's transitions a second time.
 */
static void base_changed(void *opaque, uint64_t base)
{
	struct vcpu *v = opaque;
	uint64_t page = base & ~(uint64_t)(LAPIC_PAGE_SIZE - 1);
	bool claimed = (base & (APIC_BASE_EN | APIC_BASE_EXTD)) == APIC_BASE_EN;
	int error = vm_set_msr(v->vm, v->fd, MSR_IA32_APIC_BASE, base & ~(uint64_t)APIC_BASE_EXTD);

	/* Before RAM may come back to where it was, and after RAM has left where it goes. */
	if (error >= 0)
		error = vm_hide_apic_page(&v->machine->vm);
	if (error >= 0)
		error = layout_moved(v->machine, v, page, claimed);
	if (error >= 0 && claimed && v->machine->options->apic_page_read_only)
		vm_show_apic_page(&v->machine->vm, page, v->lapic_page);
	if (error < 0)
		ending_say(v->machine->ending, RESULT_INTERNAL, (int)v->id, 0,
			   "KVM does not follow IA32_APIC_BASE = 0x%" PRIx64 ": %s", base,
			   strerror(-error));
}

static void eoi(void *opaque, uint8_t vector)
{
	struct vcpu *v = opaque;

	machine_eoi(v->machine, vector);
}

static void count_due(struct vcpu *v, uint64_t due)
{
	uint64_t now = kick_clock_ns(), late;

	if ((page_register(v, PAGE_LVT_TIMER) & LVT_MODE) == LVT_DEADLINE) {
		late = tsc_ns_until(&v->tsc, due, tsc_now(&v->tsc));
		due = now > late ? now - late : 0;
	}
	stats_timer_due(&v->stats, due);
}

static void event(void *opaque, const struct lapic_event *event)
{
	struct vcpu *v = opaque;

	stats_event(&v->stats, event);
	if (event->kind == LAPIC_EVENT_TIMER_DUE)
		count_due(v, event->value);
}

struct lapic_ops lapic_host_ops(void)
{
	return (struct lapic_ops){
		.size = sizeof(struct lapic_ops),
		.now_ns = now_ns,
		.now_tsc = now_tsc,
		.deadline_changed = deadline_changed,
		.kick = kick,
		.eoi = eoi,
		.base_changed = base_changed,
		.event = event,
	};
}

/* ---- the deadline ---- */

static uint64_t deadline_clock(const struct vcpu *v)
{
	return v->deadline.clock == LAPIC_CLOCK_TSC ? tsc_now(&v->tsc) : kick_clock_ns();
}

/* It rang when it should, or the two clocks have drifted apart by some ppm: then it is set again
 * for the rest. */
static void alarm_rang(struct vcpu *v, uint64_t at_ns)
{
	uint64_t now = kick_clock_ns();

	v->deadline_changed = true;
	if (at_ns && now >= at_ns && !v->guards)
		advance_learn(&v->run_advance, now - at_ns);
	v->guards = false;
}

void lapic_host_polled(struct vcpu *v)
{
	uint64_t at_ns;

	if (kick_rang(&v->kick, &at_ns))
		alarm_rang(v, 0);
}

void lapic_host_tick(struct vcpu *v)
{
	uint64_t now, at_ns;

	if (kick_rang(&v->kick, &at_ns))
		alarm_rang(v, at_ns);
	if (v->deadline.clock == LAPIC_CLOCK_NONE)
		return;
	now = deadline_clock(v);
	if (now < v->deadline.at && v->deadline.at - now <= v->early)
		while (deadline_clock(v) < v->deadline.at)
			__builtin_ia32_pause();
	else if (now < v->deadline.at)
		return;
	lapic_tick(v->lapic);
}

uint64_t lapic_host_deadline_ns(const struct vcpu *v)
{
	uint64_t now, wait;

	switch (v->deadline.clock) {
	case LAPIC_CLOCK_NS: return v->deadline.at;
	case LAPIC_CLOCK_TSC:
		now = kick_clock_ns();
		wait = tsc_ns_until(&v->tsc, tsc_now(&v->tsc), v->deadline.at);
		return wait < UINT64_MAX - now ? now + wait : UINT64_MAX - 1;
	case LAPIC_CLOCK_NONE: break;
	}
	return UINT64_MAX;
}

/* The moment to be awake for the deadline; from then on lapic_host_tick() waits for it itself. */
static uint64_t wake_ns(struct vcpu *v, const struct advance *advance)
{
	uint64_t at = lapic_host_deadline_ns(v), early = 0;
	bool tsc = v->deadline.clock == LAPIC_CLOCK_TSC;

	/* Where each look at the TSC is a call, looking is not waiting. */
	if (advance->ns && at != UINT64_MAX && (!tsc || v->tsc.plain))
		early = advance_before(advance, kick_clock_ns(), at);
	v->early = tsc ? early * v->tsc.khz / 1000000 : early;
	return at - early;
}

void lapic_host_arm(struct vcpu *v)
{
	uint64_t at;

	if (!v->deadline_changed)
		return;
	at = wake_ns(v, &v->run_advance);
	v->deadline_changed = false;
	/* It rings before, and then is set again. */
	if (v->guards && kick_rings_by(&v->kick, at))
		return;
	v->guards = false;
	kick_at(&v->kick, at == UINT64_MAX ? 0 : at);
}

void lapic_host_guard(struct vcpu *v, bool timed)
{
	uint64_t deadline = timed ? lapic_host_deadline_ns(v) : 0;
	uint64_t last = v->slept_for_ns;

	v->deadline_changed = true;
	/* The next is as far from this one as this from the last, with something off for clocks. */
	if (deadline && last && deadline >= last + GUARD_MIN_NS) {
		v->guard_ns = (deadline - last) / 8 * 7;
		if (v->guard_ns > GUARD_MAX_NS)
			v->guard_ns = GUARD_MAX_NS;
	}
	if (deadline)
		v->slept_for_ns = deadline;
	v->guards = deadline && v->guard_ns;
	kick_at(&v->kick, v->guards ? deadline + v->guard_ns : 0);
}

void lapic_host_sleep(struct vcpu *v, bool timed)
{
	uint64_t until = timed ? wake_ns(v, &v->sleep_advance) : UINT64_MAX, now;

	kick_sleep(&v->kick, until);
	now = kick_clock_ns();
	if (now >= until && !kick_came(&v->kick))
		advance_learn(&v->sleep_advance, now - until);
}

static bool deliverable(const struct vcpu *v, uint32_t lvt)
{
	return !(lvt & LVT_MASKED) && (lvt & 0xF0u) > (page_register(v, PAGE_PPR) & 0xF0u);
}

bool lapic_host_timer_wakes(struct vcpu *v)
{
	uint32_t timer = page_register(v, PAGE_LVT_TIMER);

	if (v->deadline.clock == LAPIC_CLOCK_NONE)
		return false;
	/* An illegal vector is an error, and that may interrupt. */
	if ((timer & 0xFFu) < 16)
		return deliverable(v, page_register(v, PAGE_LVT_ERROR));
	return deliverable(v, timer);
}
