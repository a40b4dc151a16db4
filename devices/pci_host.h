// SPDX-License-Identifier: BSD-2-Clause
// PCI configuration mechanism 1 at CF8h and CFCh, and the host bridge that it finds at 00:00.0.
// Not a PCI bus: nothing else is there, and what the bridge is told of RAM and ROM moves neither.
#ifndef DEVICES_PCI_HOST_H
#define DEVICES_PCI_HOST_H

#include <stdint.h>

#include "devices/bus.h"
#include "devices/reset_port.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PCI_HOST_ADDRESS 0xCF8u
#define PCI_HOST_DATA    0xCFCu
#define PCI_HOST_PORTS   4u   /* of each of the two */
#define PCI_HOST_CONFIG  256u /* bytes of the bridge's configuration space */

/* The caller's memory. Fields are for reading in tests and reports; only the functions write them.
 */
struct pci_host {
	struct reset_port *reset;
	uint32_t address; /* CF8h as it reads: reserved bits are 0 */
	uint8_t config[PCI_HOST_CONFIG];
};

/*
 * The bridge after power-on. reset, which must outlive host, has the byte at CF9h; NULL: nobody.
 *
 * The bridge is an 82441FX (440FX), vendor and device 8086:1237 with subsystem 1AF4:1100: PC
 * firmware for virtual machines looks for these very numbers before it believes in fw_cfg, the
 * debug port and RAM under its ROM; kernels ask for no more than the class, 060000h.
 */
void pci_host_init(struct pci_host *host, struct reset_port *reset);

/* RST#: every register as after power-on. The reset register at CF9h is not part of it. */
void pci_host_reset(struct pci_host *host);

/* devices/state.h. The reset register has its own. */
void pci_host_state(struct pci_host *host, struct state *s);
struct state_error pci_host_state_error(const struct pci_host *host);

/*
 * Ports CF8h-CFBh and CFCh-CFFh, for bus_add(). host must outlive the regions. Threads: see
 * devices/bus.h.
 *
 * CF8h is a doubleword: whatever else touches its four ports goes through to the byte ports behind,
 * of which CF9h is the only one. CFCh-CFFh are the four bytes of the register addressed, at any
 * width. Other buses, devices and functions read as ones, and so does everything while CF8h's bit
 * 31 is clear.
 */
struct bus_region pci_host_address_region(struct pci_host *host);
struct bus_region pci_host_data_region(struct pci_host *host);

#ifdef __cplusplus
}
#endif
#endif
