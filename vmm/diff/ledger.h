// SPDX-License-Identifier: BSD-2-Clause
// The ledger: every known, legitimate difference between this Local APIC and KVM's, with its
// reason. Not where differences are found; and nothing in it is wider than what it explains.
#ifndef VMM_DIFF_LEDGER_H
#define VMM_DIFF_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "vmm/diff/finding.h"

#ifdef __cplusplus
extern "C" {
#endif

enum ledger_verdict {
	LEDGER_OURS_SDM,     /* ours follows the SDM and KVM does not */
	LEDGER_BOTH_ALLOWED, /* the SDM allows both */
	LEDGER_UNDEFINED     /* the SDM says nothing */
};

struct ledger;

/*
 * The ledger of this program, vmm/diff/ledger.txt, and lapic/RULES.md, where rule IDs must stand:
 * both NUL-terminated, both put in at build time.
 */
extern const char ledger_text[], ledger_rules[];

/*
 * The file: entries of lines, each a word and its text; # begins a comment line.
 *
 *   entry NAME       begins one; NAME of letters, digits and -
 *   rule ID          of lapic/RULES.md
 *   sdm TEXT         the section
 *   verdict          ours-sdm | both-allowed | undefined
 *   why TEXT         one line or more
 *   when TERMS       one line or more; one whose terms all hold is enough
 *
 * A term is KEY=VALUE, KEY!=VALUE for its contrary, or a flag. Lists are parted by commas.
 *   field=           value fault arrived eoi state nmi register base deadline count; always
 *                    needed
 *   op=              words of operations
 *   at=              registers: which one differs; where field=register
 *   to=              registers: which one the operation names, by page offset or MSR
 *   where=N, N..M, N/MASK   the operation's OFFSET, INDEX or ADDRESS
 *   value=N/MASK     the operation's VALUE, DATA, ...
 *   ours= kvm=       N or N/MASK, where N may be: none (no exception, nothing arrived), gp, nmi,
 *                    running halted waits-for-sipi lost, value and vector (the operation's),
 *                    started (at the operation's page), at-reset (a boot processor after
 *                    INIT), extint, and lvt-error lvt-timer spurious (vectors of that CPU's
 *                    registers)
 *   bits=            N, or vector, lvt-error, lvt-timer: their bit in this register of IRR, ISR,
 *                    TMR. The two values differ in no other bits.
 *   lacks=ours|kvm   this side's value has no bit that the other's lacks
 *   dest=N, id       where the interrupt that the operation sends goes; id: that CPU's own ID
 *        id-bit      the logical ID that x2APIC derives from it, maybe among others
 *   before= mode=    disabled xapic x2apic: that CPU's, before and after the step
 *   enabled=0|1      SVR bit 8 of that CPU
 *   addressed=0|1    the operation's interrupt is for that CPU, by the SDM's destinations
 *   lvt-error= lvt-timer= svr= dfr= ldr=   N/MASK of that CPU's register
 *   dword=0|1        the access stays within the register's low 32 bits
 *   whole=0|1        it is 4 bytes wide and aligned at 16
 *   same-cpu         the CPU is the operation's own
 *   other-cpu        it is another, or no CPU does the operation
 *   twin             another CPU had the ID of that CPU, before the step
 *   counted=0|1      TMCCT of that CPU was 0 or not, before the step
 *   was-enabled=0|1  SVR bit 8 of that CPU, before the step
 *   was-masked=0|1   its LVT timer entry was masked, before the step
 *   past             field=deadline: KVM's deadline has gone by
 *   was-ldr=N/MASK   LDR of that CPU, before the step
 *   unchanged        field=register: ours has the bits that differ as it had them before the step
 *   sent-011         mode 011b may have been sent to that CPU since it last began a HLT
 * Registers: names as of finding_register_name() with - for the blank; IRR* is all that begin so.
 *
 * Of each `when`, some term besides `field` must say what the difference or the operation is: an
 * entry that would explain anything is refused.
 *
 * Reads a ledger. NULL: `why` says in one sentence what is wrong, with the line: a word or rule ID
 * that is unknown, an entry without a reason, a name that comes twice.
 */
struct ledger *ledger_read(FILE *from, const char *name, char *why, size_t why_size);
void ledger_free(struct ledger *ledger);

/* The first entry that explains this finding, or -1. */
int ledger_find(const struct ledger *ledger, const struct finding *finding);

unsigned ledger_count(const struct ledger *ledger);
const char *ledger_name(const struct ledger *ledger, unsigned entry);
const char *ledger_rule(const struct ledger *ledger, unsigned entry);
enum ledger_verdict ledger_verdict(const struct ledger *ledger, unsigned entry);
/* How often it has matched. */
uint64_t ledger_matches(const struct ledger *ledger, unsigned entry);
/* Counts matches: found here, or by an earlier run, as the log has them. */
void ledger_add_matches(struct ledger *ledger, unsigned entry, uint64_t matches);

#ifdef __cplusplus
}
#endif

#endif
