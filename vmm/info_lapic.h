// SPDX-License-Identifier: BSD-2-Clause
// A Local APIC's registers in the words of QEMU's monitor, of Linux, or as JSON.
// Not where they come from: ours and KVM's give the same image.
#ifndef VMM_INFO_LAPIC_H
#define VMM_INFO_LAPIC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "lapic/lapic.h"
#include "vmm/info_format.h"

#ifdef __cplusplus
extern "C" {
#endif

struct info_lapic {
	bool known;  /* false: KVM does not tell, and nothing else here counts */
	uint32_t id; /* the current one: 8 bits in xAPIC mode, 32 in x2APIC mode */
	uint64_t apic_base, tsc_deadline;
	uint8_t image[LAPIC_IMAGE_SIZE]; /* LAPIC_IMAGE_KVM_X2APIC */
};

/* JSON: an object, without a newline behind it. */
void info_lapic_print(const struct info_lapic *lapic, unsigned cpu, enum info_format format,
		      FILE *to);

#ifdef __cplusplus
}
#endif
#endif
