// SPDX-License-Identifier: BSD-2-Clause
// Pins, redirection table and registers of the I/O APIC ("82093AA I/O Advanced Programmable
// Interrupt Controller (IOAPIC)"). Not a sender of its own: messages leave by ops->send.
#include "devices/ioapic.h"

/* "Memory Mapped Registers for Accessing IOAPIC Registers". EOI is not the 82093AA's: the
 * 82801 (ICH) data sheets have it, under "APIC Direct Registers". */
#define IOREGSEL 0x00u
#define IOWIN    0x10u
#define EOI      0x40u

/* "IOAPIC Registers", by index. */
#define ID       0x00u
#define VER      0x01u
#define ARB      0x02u
#define IOREDTBL 0x10u

#define ID_SHIFT 24
#define ID_MASK  0xFu
#define VERSION  (0x20u | (IOAPIC_PINS - 1) << 16)

/* "I/O Redirection Table Registers". */
#define MODE_SHIFT     8
#define LOGICAL        (UINT64_C(1) << 11)
#define SEND_PENDING   (UINT64_C(1) << 12)
#define ACTIVE_LOW     (UINT64_C(1) << 13)
#define REMOTE_IRR     (UINT64_C(1) << 14)
#define LEVEL          (UINT64_C(1) << 15)
#define MASKED         (UINT64_C(1) << 16)
#define EXT_DEST_SHIFT 49
#define EXT_DEST       (UINT64_C(0x7F) << EXT_DEST_SHIFT)
#define DEST_SHIFT     56
#define WRITABLE                                                                                   \
 (UINT64_C(0xFF) | UINT64_C(7) << MODE_SHIFT | LOGICAL | ACTIVE_LOW | LEVEL | MASKED |             \
  UINT64_C(0xFF) << DEST_SHIFT)

#define FIRST_VECTOR 16u

#define MODES                                                                                      \
 (1u << IOAPIC_FIXED | 1u << IOAPIC_LOWEST | 1u << IOAPIC_SMI | 1u << IOAPIC_NMI |                 \
  1u << IOAPIC_INIT | 1u << IOAPIC_EXTINT)

static uint8_t mode_of(uint64_t entry)
{
	return entry >> MODE_SHIFT & 7;
}

/* "DELMOD": NMI and INIT are edges even if programmed as levels, SMI and ExtINT may be nothing
 * else; none of them has an EOI. */
static bool is_level(uint64_t entry)
{
	return (entry & LEVEL) && mode_of(entry) <= IOAPIC_LOWEST;
}

static uint32_t dest_of(uint64_t entry)
{
	return (uint32_t)(entry >> DEST_SHIFT | (entry & EXT_DEST) >> EXT_DEST_SHIFT
									      << (64 - DEST_SHIFT));
}

struct ioapic_message ioapic_message_of(const struct ioapic *dev, unsigned pin)
{
	uint64_t entry = dev->entries[pin];

	return (struct ioapic_message){
		.dest = dest_of(entry),
		.vector = (uint8_t)entry,
		.mode = mode_of(entry),
		.logical = entry & LOGICAL,
		.level = is_level(entry),
		.redirection_hint = mode_of(entry) == IOAPIC_LOWEST,
	};
}

/* ---- pins ---- */

static bool is_asserted(const struct ioapic *dev, unsigned pin)
{
	bool high = dev->lines >> pin & 1;

	if ((dev->flags & IOAPIC_ELECTRICAL) && (dev->entries[pin] & ACTIVE_LOW))
		return !high;
	return high;
}

/* A level waits for nothing but its message. Once that is taken it waits for an EOI, so between
 * calls this means that it was refused. */
static bool is_due(const struct ioapic *dev, unsigned pin)
{
	uint64_t entry = dev->entries[pin];

	return is_level(entry) && !(entry & MASKED) && is_asserted(dev, pin) &&
	       !(dev->remote_irr >> pin & 1);
}

static bool send(struct ioapic *dev, unsigned pin)
{
	const struct ioapic_message message = ioapic_message_of(dev, pin);

	return (MODES >> message.mode & 1) && dev->ops->send(dev->opaque, &message);
}

static void sample_level(struct ioapic *dev, unsigned pin)
{
	if (is_due(dev, pin) && send(dev, pin))
		dev->remote_irr |= 1u << pin;
}

static void set_line(void *opaque, unsigned pin, bool high)
{
	struct ioapic *dev = opaque;
	uint64_t entry = dev->entries[pin];
	bool was_asserted = is_asserted(dev, pin);

	dev->lines &= ~(1u << pin);
	dev->lines |= (uint32_t)high << pin;
	if (!was_asserted && is_asserted(dev, pin) && !is_level(entry) && !(entry & MASKED))
		send(dev, pin);
	sample_level(dev, pin);
}

struct irq_line ioapic_input(struct ioapic *dev, unsigned pin)
{
	if (pin >= IOAPIC_PINS)
		return (struct irq_line){0};
	return (struct irq_line){.set = set_line, .opaque = dev, .n = pin};
}

void ioapic_eoi(struct ioapic *dev, uint8_t vector)
{
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		if ((uint8_t)dev->entries[pin] != vector)
			continue;
		dev->remote_irr &= ~(1u << pin);
		sample_level(dev, pin);
	}
}

/* SDM "Valid Interrupt Vectors": none takes one below 16, and each try is an error to its ESR. */
static bool may_be_taken(const struct ioapic *dev, unsigned pin)
{
	return is_due(dev, pin) && (uint8_t)dev->entries[pin] >= FIRST_VECTOR;
}

void ioapic_retry(struct ioapic *dev)
{
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		if (may_be_taken(dev, pin))
			sample_level(dev, pin);
}

bool ioapic_wants_retry(const struct ioapic *dev)
{
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		if (may_be_taken(dev, pin))
			return true;
	return false;
}

/* ---- the redirection table ---- */

static void tell_changed(struct ioapic *dev)
{
	if (dev->ops->changed)
		dev->ops->changed(dev->opaque);
}

static uint64_t read_entry(const struct ioapic *dev, unsigned pin)
{
	return dev->entries[pin] | (is_due(dev, pin) ? SEND_PENDING : 0) |
	       (dev->remote_irr >> pin & 1 ? REMOTE_IRR : 0);
}

static uint64_t writable(const struct ioapic *dev)
{
	return WRITABLE | (dev->flags & IOAPIC_EXT_DEST ? EXT_DEST : 0);
}

static void write_entry(struct ioapic *dev, unsigned pin, uint64_t value)
{
	uint64_t before = dev->entries[pin];

	dev->entries[pin] = value & writable(dev);
	if (!is_level(dev->entries[pin]))
		dev->remote_irr &= ~(1u << pin);
	if (dev->entries[pin] != before)
		tell_changed(dev);
	sample_level(dev, pin);
}

static uint32_t read_half(const struct ioapic *dev, unsigned half)
{
	return (uint32_t)(read_entry(dev, half / 2) >> (half % 2 * 32));
}

static void write_half(struct ioapic *dev, unsigned half, uint32_t value)
{
	unsigned shift = half % 2 * 32;
	uint64_t other = dev->entries[half / 2] & ~(UINT64_C(0xFFFFFFFF) << shift);

	write_entry(dev, half / 2, other | (uint64_t)value << shift);
}

struct ioapic_entry ioapic_entry_of(const struct ioapic *dev, unsigned pin)
{
	uint64_t entry = dev->entries[pin];

	return (struct ioapic_entry){
		.dest = dest_of(entry),
		.vector = (uint8_t)entry,
		.mode = mode_of(entry),
		.logical = entry & LOGICAL,
		.masked = entry & MASKED,
		.level = entry & LEVEL,
		.active_low = entry & ACTIVE_LOW,
		.remote_irr = dev->remote_irr >> pin & 1,
		.pending = is_due(dev, pin),
		.asserted = is_asserted(dev, pin),
	};
}

/* ---- the page ---- */

static uint32_t read_window(const struct ioapic *dev)
{
	unsigned half = dev->select - IOREDTBL;

	switch (dev->select) {
	case ID:
	case ARB: return (uint32_t)dev->id << ID_SHIFT;
	case VER: return VERSION;
	default: return half < 2 * IOAPIC_PINS ? read_half(dev, half) : 0;
	}
}

static void write_window(struct ioapic *dev, uint32_t value)
{
	unsigned half = dev->select - IOREDTBL;

	if (dev->select == ID)
		dev->id = value >> ID_SHIFT & ID_MASK;
	else if (half < 2 * IOAPIC_PINS)
		write_half(dev, half, value);
}

static uint64_t read_page(void *opaque, uint64_t offset, unsigned width)
{
	const struct ioapic *dev = opaque;

	if (offset == IOREGSEL)
		return dev->select;
	return offset == IOWIN && width == 4 ? read_window(dev) : 0;
}

static void write_page(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct ioapic *dev = opaque;

	if (offset == IOREGSEL)
		dev->select = (uint8_t)value;
	else if (offset == IOWIN && width == 4)
		write_window(dev, (uint32_t)value);
	else if (offset == EOI && width == 4)
		ioapic_eoi(dev, (uint8_t)value);
}

struct bus_region ioapic_region(struct ioapic *dev)
{
	return (struct bus_region){
		.base = IOAPIC_ADDRESS,
		.size = IOAPIC_SIZE,
		.name = "I/O APIC",
		.widths = 1 | 4,
		.read = read_page,
		.write = write_page,
		.opaque = dev,
	};
}

/* ---- power-on ---- */

static void power_on(struct ioapic *dev)
{
	dev->select = 0;
	dev->id = 0;
	dev->remote_irr = 0;
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		dev->entries[pin] = MASKED;
}

void ioapic_init(struct ioapic *dev, const struct ioapic_ops *ops, void *opaque, unsigned flags)
{
	*dev = (struct ioapic){.ops = ops, .opaque = opaque, .flags = flags};
	power_on(dev);
}

void ioapic_reset(struct ioapic *dev)
{
	power_on(dev);
	tell_changed(dev);
}

/* ---- state ---- */

void ioapic_state(struct ioapic *dev, struct state *s)
{
	state_u8(s, &dev->select);
	state_u8(s, &dev->id);
	state_u32(s, &dev->lines);
	state_u32(s, &dev->remote_irr);
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++)
		state_u64(s, &dev->entries[pin]);
}

struct state_error ioapic_state_error(const struct ioapic *dev)
{
	if (dev->id > ID_MASK)
		return state_wrong("the ID", "is above 15");
	if ((dev->lines | dev->remote_irr) >> IOAPIC_PINS)
		return state_wrong("the lines or remote IRR", "have a pin above 23");
	for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
		if (dev->entries[pin] & ~writable(dev))
			return state_wrong_one("redirection entry", pin, "has reserved bits set");
		if (dev->remote_irr >> pin & 1 && !is_level(dev->entries[pin]))
			return state_wrong_one("redirection entry", pin,
					       "is no level and has remote IRR");
	}
	return state_ok();
}
