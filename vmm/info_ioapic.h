// SPDX-License-Identifier: BSD-2-Clause
// The I/O APIC's redirection table in the words of QEMU's monitor, of Linux, or as JSON.
// Not the device: only its state is read.
#ifndef VMM_INFO_IOAPIC_H
#define VMM_INFO_IOAPIC_H

#include <stdio.h>

#include "devices/ioapic.h"
#include "vmm/info_format.h"

#ifdef __cplusplus
extern "C" {
#endif

/* JSON: an object, without a newline behind it. Threads: as devices/bus.h has it. */
void info_ioapic_print(const struct ioapic *ioapic, enum info_format format, FILE *to);

#ifdef __cplusplus
}
#endif
#endif
