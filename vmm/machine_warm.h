// SPDX-License-Identifier: BSD-2-Clause
// A reset of the processors that is to go on where software said: the CMOS shutdown code and the
// vector at 40h:67h, as IBM's BIOS for the AT has them. Not a reset of the machine, which ends it.
#ifndef VMM_MACHINE_WARM_H
#define VMM_MACHINE_WARM_H

#include <stdbool.h>
#include <stdint.h>

struct boot_state;
struct machine;
struct vcpu;

/*
 * The guest asks for a reset of the processors. True: the shutdown code says that memory is to be
 * kept and the boot processor to go on, so that all processors are given an INIT; else nothing
 * happens. [any vCPU's thread, device lock held]
 */
bool machine_warm_reset(struct machine *machine);

/*
 * The processor has had its INIT. Where it is the boot processor after such a reset, and no
 * firmware of the guest's own is there to do it, *state becomes what the BIOS leaves: real mode, at
 * the vector. [owner]
 */
void machine_warm_enter(struct vcpu *v, struct boot_state *state);

/* Whether it would; where the Local APICs are KVM's, which starts the boot processor at its own
 * reset vector, that is to be asked before an entry. [owner] */
bool machine_warm_wanted(const struct vcpu *v);

#endif
