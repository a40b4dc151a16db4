// SPDX-License-Identifier: BSD-2-Clause
// The two 8259As in the words of QEMU's monitor, of Linux, or as JSON.
// Not the device: only its state is read.
#ifndef VMM_INFO_PIC_H
#define VMM_INFO_PIC_H

#include <stdio.h>

#include "devices/i8259.h"
#include "vmm/info_format.h"

#ifdef __cplusplus
extern "C" {
#endif

/* JSON: an array of master and slave, without a newline behind it. Threads: as devices/bus.h has
 * it. */
void info_pic_print(const struct i8259 *pic, enum info_format format, FILE *to);

#ifdef __cplusplus
}
#endif
#endif
