// SPDX-License-Identifier: BSD-2-Clause
// The 82441FX as its data sheet has it ("Register Description"), registers kept as bytes.
// Not its memory controller: PAM and SMRAM are kept like the rest, and RAM stays RAM.
#include "devices/pci_host.h"

#include <stdbool.h>
#include <string.h>

/* "CONFADD - Configuration Address Register": 31 enable, 23:16 bus, 15:11 device, 10:8 function,
 * 7:2 register. */
#define ADDRESS_ENABLE   0x80000000u
#define ADDRESS_REGISTER 0x000000FCu
#define ADDRESS_KEPT     0x80FFFFFCu

#define CF9_OFFSET       1u

/* What the bridge is after a reset, where that is not zero. */
static const struct {
	uint8_t at, value;
} power_on[] = {
	{0x00, 0x86}, {0x01, 0x80}, /* vendor: Intel */
	{0x02, 0x37}, {0x03, 0x12}, /* device: 82441FX */
	{0x04, 0x06},               /* PCICMD: memory and bus master are always on */
	{0x06, 0x80}, {0x07, 0x02}, /* PCISTS: fast back-to-back, medium DEVSEL# */
	{0x08, 0x02},               /* revision */
	{0x0B, 0x06},               /* class 060000h: host bridge */
	{0x2C, 0xF4}, {0x2D, 0x1A}, /* subsystem, which the chip itself has not: see the header */
	{0x2F, 0x11},               /* and 2Eh is 0 */
	{0x72, 0x02},               /* SMRAM: its place is A0000h */
};

/*
 * Everything else is read-only. 93h is left out of the chip's own registers: it is a second reset
 * control, which CF9h makes needless.
 */
static const struct {
	uint8_t first, last, mask;
} writable[] = {
	{0x04, 0x04, 0x40}, /* PCICMD: parity error enable */
	{0x05, 0x05, 0x01}, /* PCICMD: SERR# enable */
	{0x0D, 0x0D, 0xF8}, /* MLT */
	{0x50, 0x72, 0xFF}, /* from PMCCFG over PAM (59h-5Fh) to SMRAM */
	{0x90, 0x90, 0xFF}, /* ERRCMD */
};

static uint8_t writable_bits(unsigned at)
{
	for (size_t i = 0; i < sizeof(writable) / sizeof(writable[0]); i++)
		if (at >= writable[i].first && at <= writable[i].last)
			return writable[i].mask;
	return 0;
}

static bool bridge_addressed(const struct pci_host *host)
{
	return (host->address & ~ADDRESS_REGISTER) == ADDRESS_ENABLE;
}

static uint64_t address_read(void *opaque, uint64_t offset, unsigned width)
{
	const struct pci_host *host = opaque;

	if (width == 4)
		return host->address;
	return offset == CF9_OFFSET && host->reset ? reset_port_read(host->reset) : UINT64_MAX;
}

static void address_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct pci_host *host = opaque;

	if (width == 4)
		host->address = (uint32_t)value & ADDRESS_KEPT;
	else if (offset == CF9_OFFSET && host->reset)
		reset_port_write(host->reset, (uint8_t)value);
}

static unsigned addressed(const struct pci_host *host, uint64_t offset)
{
	return (host->address & ADDRESS_REGISTER) + (unsigned)offset;
}

static uint64_t data_read(void *opaque, uint64_t offset, unsigned width)
{
	const struct pci_host *host = opaque;

	(void)width;
	return bridge_addressed(host) ? host->config[addressed(host, offset)] : UINT64_MAX;
}

static void data_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct pci_host *host = opaque;
	unsigned at = addressed(host, offset);
	unsigned mask = bridge_addressed(host) ? writable_bits(at) : 0;

	(void)width;
	host->config[at] = (uint8_t)((host->config[at] & ~mask) | (value & mask));
}

void pci_host_init(struct pci_host *host, struct reset_port *reset)
{
	host->reset = reset;
	pci_host_reset(host);
}

void pci_host_reset(struct pci_host *host)
{
	host->address = 0;
	memset(host->config, 0, sizeof(host->config));
	for (size_t i = 0; i < sizeof(power_on) / sizeof(power_on[0]); i++)
		host->config[power_on[i].at] = power_on[i].value;
}

void pci_host_state(struct pci_host *host, struct state *s)
{
	state_u32(s, &host->address);
	state_bytes(s, host->config, sizeof(host->config));
}

struct state_error pci_host_state_error(const struct pci_host *host)
{
	struct pci_host fresh;

	if (host->address & ~ADDRESS_KEPT)
		return state_wrong("the address register", "has reserved bits set");
	pci_host_init(&fresh, NULL);
	for (unsigned at = 0; at < PCI_HOST_CONFIG; at++)
		if ((host->config[at] ^ fresh.config[at]) & ~writable_bits(at))
			return state_wrong_one("configuration byte", at,
					       "differs where it is read-only");
	return state_ok();
}

/* Of words the bus makes bytes. */
struct bus_region pci_host_address_region(struct pci_host *host)
{
	return (struct bus_region){
		.base = PCI_HOST_ADDRESS,
		.size = PCI_HOST_PORTS,
		.name = "PCI configuration address",
		.widths = 1 | 4,
		.read = address_read,
		.write = address_write,
		.opaque = host,
	};
}

/* And of all that is wider here: no register does more than keep its bytes. */
struct bus_region pci_host_data_region(struct pci_host *host)
{
	return (struct bus_region){
		.base = PCI_HOST_DATA,
		.size = PCI_HOST_PORTS,
		.name = "PCI configuration data",
		.widths = 1,
		.read = data_read,
		.write = data_write,
		.opaque = host,
	};
}
