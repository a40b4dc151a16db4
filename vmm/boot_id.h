// SPDX-License-Identifier: BSD-2-Clause
// Which start of which host this is: what the kernel drew by lot then.
// Not a secret, and not the host's name.
#ifndef VMM_BOOT_ID_H
#define VMM_BOOT_ID_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define BOOT_ID_SIZE 16u

/* Any thread. All zeros where the kernel does not tell. */
void boot_id_read(uint8_t id[BOOT_ID_SIZE]);
/* Whether it is known that another start is meant than this one. */
bool boot_id_differs(const uint8_t id[BOOT_ID_SIZE]);

#ifdef __cplusplus
}
#endif

#endif
