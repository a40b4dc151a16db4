// SPDX-License-Identifier: BSD-2-Clause
// Hands interrupts from the LAPIC over to the processor at the moments at which it takes them.
// Not INIT and SIPI, which change the processor's state: those are vcpu.c's.
#ifndef VMM_INJECT_H
#define VMM_INJECT_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

/* What an interrupt that could not be handed over waits for. */
#define INJECT_WINDOW 1u /* RFLAGS.IF, the end of an interrupt shadow, a queued event */
#define INJECT_TPR    2u /* a lower task priority, and nothing else */

/*
 * Before an entry: gives KVM what can be given now and asks for the window if more waits. pending
 * is lapic_pending(). *left becomes the LAPIC_PENDING_* bits that this entry knows of and leaves,
 * the result INJECT_* bits, of which the host gives no prompt notice. [owner]
 */
unsigned inject(struct vcpu *v, uint32_t pending, uint32_t *left);

/* Whether anything of this could be given at the next boundary between two instructions; where
 * interrupts are off, and the rest of an instruction does not change that, none can. [owner] */
bool inject_could(const struct vcpu *v, uint32_t pending);

/* What each exit is to leave in kvm_run for this: KVM_SYNC_X86_* bits. [owner] */
uint64_t inject_wants(const struct vcpu *v);

/* Whether KVM holds an NMI that the guest could take now. It may have come in an interrupt shadow,
 * as in `sti; hlt`, where KVM reports the HLT all the same. [owner] */
bool inject_holds_nmi(struct vcpu *v);
/* Whether the guest is between the delivery of an NMI and its IRET. [owner] */
bool inject_blocks_nmi(const struct vcpu *v);

/* Takes and counts an SMI that this host cannot deliver, so that the guest sees nothing of it; the
 * rest of pending. [owner] */
uint32_t inject_without_smm(struct vcpu *v, uint32_t pending);

#endif
