// SPDX-License-Identifier: BSD-2-Clause
// What a run counted: exits, interrupts by vector, kicks, halts, and how late timers were handled.
// Not a trace: nothing is kept of single events, and nothing in the program depends on the numbers.
#ifndef VMM_STATS_H
#define VMM_STATS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lapic/lapic.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Exits are counted by KVM's exit reason (KVM_EXIT_*); the last row takes all reasons from there
 * up. */
#define STATS_EXIT_KINDS 48u
#define STATS_VECTORS    256u
#define STATS_MODES      8u

/*
 * Durations in ns, 0 .. 2^64-1, in buckets of 1/16 of their power of two: a percentile is at most
 * 1/16 (6.25 %) above the truth, below 16 ns it is exact.
 */
#define STATS_HISTOGRAM_SUB     16u
#define STATS_HISTOGRAM_BUCKETS (STATS_HISTOGRAM_SUB * 61u)

struct stats_histogram {
	uint64_t count;
	uint64_t max; /* ns, exact */
	uint64_t buckets[STATS_HISTOGRAM_BUCKETS];
};

/* One vCPU's counters, all zero at the start. [owner] are written by the vCPU's thread alone. */
struct stats_vcpu {
	uint64_t exits[STATS_EXIT_KINDS];   /* [owner] stats_exit() */
	uint64_t posted[STATS_VECTORS];     /* [any] new in IRR */
	uint64_t merged[STATS_VECTORS];     /* [any] pending already */
	uint64_t refused[STATS_VECTORS];    /* [any] not accepted: disabled, ... */
	uint64_t delivered[STATS_VECTORS];  /* [owner] IRR to ISR, to the processor */
	uint64_t eoi[STATS_VECTORS];        /* [owner] */
	uint64_t posted_mode[STATS_MODES];  /* [any] by enum lapic_delivery, but FIXED and LOWEST */
	uint64_t merged_mode[STATS_MODES];  /* [any] */
	uint64_t refused_mode[STATS_MODES]; /* [any] */
	uint64_t taken_mode[STATS_MODES];   /* [owner] handed to the processor */
	uint64_t sent;                      /* [owner] ICR and SELF IPI writes that sent */
	uint64_t spurious;                  /* [owner] acknowledges that found nothing */
	uint64_t page_accesses;             /* [owner] exits for the page of its Local APIC */
	uint64_t msr_accesses;              /* [owner] exits for the MSRs of its Local APIC */
	uint64_t unseen_eois;               /* [owner] EOIs without an exit; pv_eoi.h */
	uint64_t mistakes;            /* [owner] accesses that broke a rule of the Local APIC */
	uint64_t smis_dropped;        /* [owner] SMIs on a host without KVM_CAP_X86_SMM */
	uint64_t halts;               /* [owner] times this vCPU went to sleep */
	uint64_t halted_ns;           /* [owner] time halted, asleep or polling */
	uint64_t polls;               /* [owner] times it looked out for an interrupt first */
	uint64_t polled_ns;           /* [owner] time spent on that */
	uint64_t windows;             /* [owner] entries with request_interrupt_window */
	uint64_t steps;               /* [owner] entries under single-step, for a short window */
	uint64_t kicks;               /* [any] signals to this vCPU's thread; stats_kick() */
	struct stats_histogram timer; /* [owner] due to handler */

	/* Between a timer's due moment and its acknowledge. [owner] */
	uint64_t due_ns, waiting_due_ns;
	uint8_t waiting_vector;
	bool due_known, waiting;
};

/* Exits that one device answered; also the accesses to ports or to memory where nobody is. */
struct stats_device {
	const char *name;
	uint64_t base; /* port or address, by which devices of one name are told apart */
	uint64_t exits;
};

/* KVM_RUN came back with this exit reason. [owner] */
void stats_exit(struct stats_vcpu *stats, uint32_t reason);
/* A signal was sent to the vCPU's thread to end its guest run. [any] */
void stats_kick(struct stats_vcpu *stats);
/*
 * The whole of the library's event hook. [from the thread of the event: owner, or any for posts]
 * A caller that sees LAPIC_EVENT_TIMER_DUE calls stats_timer_due() too: whether the event's value
 * is ns or TSC is known to it alone.
 */
void stats_event(struct stats_vcpu *stats, const struct lapic_event *event);
/*
 * The timer's count or deadline was reached at due_ns (ops->now_ns time; a TSC deadline converted).
 * The lateness is counted when the timer's vector is acknowledged; a due that merges keeps the
 * older. [owner]
 */
void stats_timer_due(struct stats_vcpu *stats, uint64_t due_ns);

/* A duration into a histogram. [owner] */
void stats_record(struct stats_histogram *histogram, uint64_t ns);
/* The smallest recorded bound that `permille` of the durations do not exceed; 0 for an empty
 * histogram. */
uint64_t stats_percentile(const struct stats_histogram *histogram, unsigned permille);

/* Adds `from` to `to`. Both must be still: threads joined. */
void stats_add(struct stats_vcpu *to, const struct stats_vcpu *from);
/* Prints the sum over the vCPUs as tables; they are still. `model`: the Local APICs are ours, and
 * so their counts are there. False: memory is out, and nothing was printed. */
bool stats_print(const struct stats_vcpu *const *vcpus, unsigned count, bool model, FILE *to);
/* Another table: those of the devices that have an exit to show. */
void stats_print_devices(const struct stats_device *devices, unsigned count, FILE *to);
/* "HLT" for KVM_EXIT_HLT; NULL for a reason without a name here. */
const char *stats_exit_name(uint32_t reason);

#ifdef __cplusplus
}
#endif

#endif
