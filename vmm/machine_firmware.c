// SPDX-License-Identifier: BSD-2-Clause
// Writes to ports and LAPIC registers what a PC's firmware would.
// Nothing here is done after the guest has started.

#include "vmm/machine_firmware.h"

#include "vmm/kernel_lapic.h"
#include "vmm/machine.h"

#define LAPIC_SVR      0xF0u
#define LAPIC_LINT0    0x350u
#define LAPIC_LINT1    0x360u
#define SVR_ENABLED    0x1FFu
#define LVT_EXTINT     0x700u
#define LVT_NMI        0x400u
#define ICW1_START     0x11u /* edges, a pair, ICW4 follows */
#define ICW4_8086      0x01u
#define VECTORS_MASTER 0x08u
#define VECTORS_SLAVE  0x70u

static void out(struct machine *m, uint16_t port, uint8_t value)
{
	bus_write(&m->ports, port, 1, value);
}

static void start_8259(struct machine *m, uint16_t port, uint8_t vectors, uint8_t cascade)
{
	out(m, port, ICW1_START);
	out(m, port + 1, vectors);
	out(m, port + 1, cascade);
	out(m, port + 1, ICW4_8086);
	out(m, port + 1, 0);
}

static int wire_kernel(struct machine *m)
{
	const struct vcpu *bsp = &m->vcpus[0];
	int error = kernel_lapic_write(&m->vm, bsp->fd, LAPIC_SVR, SVR_ENABLED);

	if (error >= 0)
		error = kernel_lapic_write(&m->vm, bsp->fd, LAPIC_LINT0, LVT_EXTINT);
	if (error >= 0)
		error = kernel_lapic_write(&m->vm, bsp->fd, LAPIC_LINT1, LVT_NMI);
	return error;
}

int machine_firmware(struct machine *m)
{
	struct lapic *bsp = m->vcpus[0].lapic;

	start_8259(m, I8259_MASTER_PORT, VECTORS_MASTER, 1u << I8259_CASCADE);
	start_8259(m, I8259_SLAVE_PORT, VECTORS_SLAVE, I8259_CASCADE);
	if (m->in_kernel)
		return wire_kernel(m);
	lapic_mmio_write(bsp, LAPIC_SVR, 4, SVR_ENABLED);
	lapic_mmio_write(bsp, LAPIC_LINT0, 4, LVT_EXTINT);
	lapic_mmio_write(bsp, LAPIC_LINT1, 4, LVT_NMI);
	return 0;
}
