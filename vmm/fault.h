// SPDX-License-Identifier: BSD-2-Clause
// Ends the run over a vCPU that cannot go on, and says what it ran into.
// Not recovery: nothing here is ever resumed.
#ifndef VMM_FAULT_H
#define VMM_FAULT_H

#include <stdint.h>

#include "vmm/exit.h"

struct vcpu;

/* For EXIT_SHUTDOWN, _FAILED_ENTRY, _EMULATION, _INTERNAL and _UNKNOWN. [owner] */
void fault_report(struct vcpu *v, const struct exit *exit);
/* KVM_RUN, or a call that it depends on, failed with -errno. [owner] */
void fault_report_errno(struct vcpu *v, int error);

#endif
