// SPDX-License-Identifier: BSD-2-Clause
// Who can be shown the register page of its Local APIC as memory, and the words about it.
// Not what is in the page: that is the library's lapic_page_sync().

#include "vmm/apic_page.h"

#include "vmm/ending.h"

const char apic_page_one_cpu[] =
	"all processors have their registers at the same address, and memory there would show "
	"those of one; it is for one processor";

const char apic_page_left_out[] =
	"note: --apic-page=read-only leaves out ACC-2 for reads that go on into the next register "
	"(no program has them).\nBent but not seen here: ACC-3, ERR-2 and ERR-3 for reads of "
	"reserved offsets (no exit, no error bit: as KVM's);\nPRI-1, PRI-4, PRI-6 and TMR-1 between "
	"two exits (each operation ends in one)\n";

bool apic_page_possible(const struct host_traits *traits, unsigned cpus, struct result *why)
{
	if (cpus > 1)
		ending_fill(why, RESULT_USAGE, "--apic-page=read-only with %u processors: %s", cpus,
			    apic_page_one_cpu);
	else if (!traits->readonly_memory)
		ending_fill(why, RESULT_HOST_LACKS,
			    "--apic-page=read-only: this host's KVM has no read-only memory slots "
			    "(KVM_CAP_READONLY_MEM); leave the option out");
	else
		return true;
	return false;
}
