// SPDX-License-Identifier: BSD-2-Clause
// One vCPU's time-stamp counter: what it reads now, when it will reach a value, what a guest's
// write does. Not a timer: nothing waits here.
#ifndef VMM_TSC_H
#define VMM_TSC_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/vm.h"

struct tsc {
	const struct vm *vm;
	int vcpu_fd;
	uint32_t khz;      /* rate of the guest's TSC */
	bool offset_known; /* KVM offers the attribute KVM_VCPU_TSC_OFFSET */
	bool plain;      /* guest TSC = host TSC + offset, exactly: no call is needed to read it */
	uint64_t offset; /* where plain */
	uint64_t (*host)(void); /* reads the host's TSC */
};

/* The host's TSC. [any thread] */
uint64_t tsc_host(void);

/* Finds out how the guest's TSC follows the host's. False: *why says what failed. [owner or setup]
 */
bool tsc_init(struct tsc *tsc, const struct vm *vm, int vcpu_fd, uint64_t (*host)(void),
	      struct result *why);

/* Another vCPU takes over, in a VM of the same host: its TSC reads what this one's would. 0 or
 * -errno. [owner] */
int tsc_follow(struct tsc *tsc, int vcpu_fd);

/*
 * To let guests go on elsewhere or later: with tsc_base() as of one moment, tsc_at() is what each
 * guest's TSC read at it, and tsc_go_on() makes another's read that at another such moment. 0 or
 * -errno. Where KVM does not tell offsets (before Linux 5.16) the moment is that of the call, and
 * base is not used. [owner, or setup]
 */
uint64_t tsc_base(const struct tsc *tsc);
uint64_t tsc_at(const struct tsc *tsc, uint64_t base);
int tsc_go_on(struct tsc *tsc, uint64_t value, uint64_t base);

/* The guest's TSC. [owner] */
uint64_t tsc_now(const struct tsc *tsc);

/*
 * How many ns from now, at which it reads `now`, until it reads `at`: rounded up, so that a wait is
 * never short by rounding; 0 where `at` is reached; UINT64_MAX for what does not fit (584 years).
 */
uint64_t tsc_ns_until(const struct tsc *tsc, uint64_t now, uint64_t at);

/*
 * A guest's WRMSR to IA32_TIME_STAMP_COUNTER or IA32_TSC_ADJUST: either moves the TSC and the
 * adjustment by the same amount (SDM 3B, "Time-Stamp Counter Adjustment"). 0, -EOPNOTSUPP where
 * the host's processor does not take an offset (host_traits.tsc_moves), -ENXIO where the
 * vCPU has no such MSR, or -errno. [owner]
 */
int tsc_guest_write(struct tsc *tsc, uint32_t msr, uint64_t value);

#endif
