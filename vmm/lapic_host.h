// SPDX-License-Identifier: BSD-2-Clause
// The Local APIC's way out: struct lapic_ops for a vCPU on KVM.
// Not the LAPIC's registers, and no routing of interrupts: liblapic does both.
#ifndef VMM_LAPIC_HOST_H
#define VMM_LAPIC_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "lapic/lapic.h"

struct vcpu;

/* The callbacks; their opaque is the struct vcpu. */
struct lapic_ops lapic_host_ops(void);

/* Fires the LAPIC timer if its deadline has come, having waited for the last of the way if this CPU
 * was woken early for it (advance.h). [owner] */
void lapic_host_tick(struct vcpu *v);
/* The next deadline on CLOCK_MONOTONIC, never before it; UINT64_MAX: none. [owner] */
uint64_t lapic_host_deadline_ns(const struct vcpu *v);
/* Makes the alarm agree with the deadline. Before an entry. [owner] */
void lapic_host_arm(struct vcpu *v);
/* After a poll: an alarm that rang in it woke nobody, so that how late it is noticed is no measure
 * of a wake. [owner] */
void lapic_host_polled(struct vcpu *v);
/*
 * Before a sleep, which ends at the deadline by itself if it is timed: instead of being switched
 * off the alarm is set for some time behind it. A guest that then sets its next deadline, as it
 * does at each tick, and halts again in time never needs it set in between. [owner]
 */
void lapic_host_guard(struct vcpu *v, bool timed);
/* kick_sleep(), and if `timed` no longer than to the deadline. [owner] */
void lapic_host_sleep(struct vcpu *v, bool timed);
/*
 * Whether the LAPIC timer, when it runs out, ends a HLT: armed, unmasked, with a vector above the
 * processor's priority. Only code that runs can change that. [owner, halted with IF = 1]
 */
bool lapic_host_timer_wakes(struct vcpu *v);

#endif
