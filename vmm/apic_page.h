// SPDX-License-Identifier: BSD-2-Clause
// EXPERIMENTAL: the register page of a machine's only Local APIC as a read-only memory slot, where
// the guest reads without an exit. Not where it lies: lapic_host.c and vm.c. Never the default.
#ifndef VMM_APIC_PAGE_H
#define VMM_APIC_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/vm.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The slot is there while the LAPIC is in xAPIC mode, at its base; whatever else KVM has there
 * stays before it. It shows the registers as of the last entry. All that changes them is an exit,
 * or a post that kicks, but for the time and CR8. So these rules of lapic/RULES.md bend:
 *
 *   ACC-2  a read that goes on into the next register shows that too, not zeros
 *   ACC-3  a read of a reserved offset gives 0 as ever, but sets no error bit, and so with ERR-2
 *          and ERR-3: no LVT error interrupt comes of it
 *   PRI-4  where a MOV to CR8 does not exit, TPR stands in the page as it was until the next exit;
 *          PPR (PRI-1) and APR (PRI-6) follow it
 *   TMR-1  CCR stands still from entry to exit: a guest that reads it again and again until it has
 *          changed, with nothing else that exits, waits for ever. One that reads it where an
 *          interrupt has come (as Linux calibrates it) reads what it was at that interrupt. No exit
 *          tells of reads, so that the slot cannot make way when they begin.
 *
 * Instructions can be fetched from the page, and it can hold page tables: it is the guest's memory
 * that it cannot write.
 */

/* Why there is none where there are more processors. */
extern const char apic_page_one_cpu[];
/* Whether this host can show one to a machine of so many processors. False: *why. */
bool apic_page_possible(const struct host_traits *traits, unsigned cpus, struct result *why);
/* What lapicvm diff leaves out with it, and what it cannot see. */
extern const char apic_page_left_out[];

/* Whether it is there: then it wants a lapic_page_sync() before each entry, when posts kick
 * already, so that none that comes after it is missed. A timer that it finds due changes the
 * deadline. */
static inline bool apic_page_shown(const struct vm *vm)
{
	return vm->apic.length != 0;
}

#ifdef __cplusplus
}
#endif

#endif
