// SPDX-License-Identifier: BSD-2-Clause
// Which interrupts wait, and what holds each of them back, in sentences.
// Not a guess at what the guest meant: each says what the controllers' registers say together.
#ifndef VMM_INFO_WAITS_H
#define VMM_INFO_WAITS_H

#include <stdio.h>

#include "devices/i8259.h"
#include "devices/ioapic.h"
#include "vmm/info_cpu.h"
#include "vmm/info_format.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * One sentence a line under a heading; nothing at all where nothing waits and a CPU runs. JSON: an
 * array of sentences, without a newline behind it. cpus: all of the machine, in any order. Threads:
 * as devices/bus.h has it. The number of sentences.
 */
unsigned info_waits_print(const struct info_cpu *cpus, unsigned count, const struct ioapic *ioapic,
			  const struct i8259 *pic, enum info_format format, FILE *to);

#ifdef __cplusplus
}
#endif
#endif
