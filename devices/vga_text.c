// SPDX-License-Identifier: BSD-2-Clause
// The registers by IBM's PS/2 Hardware Interface Technical Reference, "Video Subsystem", and the
// text memory. Not code page 437: vga_text_render.c reads the screen.
#include "devices/vga_text.h"

#include <string.h>

/* Offsets from 3C0h. */
enum port {
	ATTRIBUTE = 0x00,      /* index and data in turn; reads as the index */
	ATTRIBUTE_DATA = 0x01, /* read only */
	MISC_WRITE = 0x02,     /* reads as input status 0 */
	ENABLE = 0x03,
	SEQUENCER_INDEX = 0x04,
	SEQUENCER_DATA = 0x05,
	DAC_MASK = 0x06,
	DAC_READ_INDEX = 0x07, /* reads as the DAC's state */
	DAC_WRITE_INDEX = 0x08,
	DAC_DATA = 0x09,
	FEATURE_READ = 0x0A,
	MISC_READ = 0x0C,
	GRAPHICS_INDEX = 0x0E,
	GRAPHICS_DATA = 0x0F,
	CRTC_INDEX = 0x14,
	CRTC_DATA = 0x15,
	STATUS_1 = 0x1A, /* writes are the feature control */
};

#define ATTRIBUTE_INDEX    0x1Fu
#define ATTRIBUTE_SOURCE   0x20u /* the palette is the screen's, not the processor's */

#define DAC_STATE_READING  0x03u
#define DAC_COMPONENT      0x3Fu

#define CRTC_OVERFLOW      0x07u
#define CRTC_PROTECT_INDEX 0x11u
#define CRTC_PROTECT       0x80u
#define CRTC_LINE_COMPARE  0x10u /* the one bit of the overflow register that is not protected */

#define NO_DISPLAY         0x01u
#define RETRACE            0x08u

/* What a video BIOS programs for mode 3, 80x25 with 9x16 characters. */
static const uint8_t mode_3_attribute[VGA_TEXT_ATTRIBUTE] = {
	0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x14, 0x07, 0x38, 0x39, 0x3A,
	0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x0C, 0x00, 0x0F, 0x08, 0x00,
};
static const uint8_t mode_3_sequencer[VGA_TEXT_SEQUENCER] = {0x03, 0x00, 0x03, 0x00, 0x02};
static const uint8_t mode_3_graphics[VGA_TEXT_GRAPHICS] = {
	0x00, 0x00, 0x00, 0x00, 0x00, 0x10, 0x0E, 0x00, 0xFF,
};
static const uint8_t mode_3_crtc[VGA_TEXT_CRTC] = {
	0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0x00, 0x4F, 0x0D, 0x0E, 0x00,
	0x00, 0x00, 0x00, 0x9C, 0x8E, 0x8F, 0x28, 0x1F, 0x96, 0xB9, 0xA3, 0xFF,
};
#define MODE_3_MISC 0x67u

/* A register that is not there reads as 0 and takes nothing. */
static uint8_t indexed_read(const uint8_t *regs, unsigned count, unsigned index)
{
	return index < count ? regs[index] : 0;
}

static void indexed_write(uint8_t *regs, unsigned count, unsigned index, uint8_t value)
{
	if (index < count)
		regs[index] = value;
}

static void attribute_write(struct vga_text *dev, uint8_t value)
{
	if (dev->attribute_data)
		indexed_write(dev->attribute, VGA_TEXT_ATTRIBUTE,
			      dev->attribute_index & ATTRIBUTE_INDEX, value);
	else
		dev->attribute_index = value & (ATTRIBUTE_INDEX | ATTRIBUTE_SOURCE);
	dev->attribute_data = !dev->attribute_data;
}

static void crtc_write(struct vga_text *dev, uint8_t value)
{
	uint8_t *overflow = &dev->crtc[CRTC_OVERFLOW];

	if (dev->crtc_index > CRTC_OVERFLOW || !(dev->crtc[CRTC_PROTECT_INDEX] & CRTC_PROTECT))
		indexed_write(dev->crtc, VGA_TEXT_CRTC, dev->crtc_index, value);
	else if (dev->crtc_index == CRTC_OVERFLOW)
		*overflow =
			(uint8_t)((*overflow & ~CRTC_LINE_COMPARE) | (value & CRTC_LINE_COMPARE));
}

static void dac_index(struct vga_text *dev, uint8_t colour, bool reading)
{
	dev->dac_at = (uint16_t)(colour * 3);
	dev->dac_reading = reading;
}

static uint8_t *dac_step(struct vga_text *dev)
{
	uint8_t *component = &dev->dac[dev->dac_at];

	dev->dac_at = (uint16_t)((dev->dac_at + 1) % VGA_TEXT_DAC);
	return component;
}

/* "Input Status Register 1": one look at the picture, one between its lines, one at its end. */
static const uint8_t beams[] = {0, NO_DISPLAY, NO_DISPLAY | RETRACE};

static uint8_t status_1(struct vga_text *dev)
{
	dev->attribute_data = false;
	dev->beam = (dev->beam + 1) % sizeof(beams);
	return beams[dev->beam];
}

static uint64_t port_read(void *opaque, uint64_t offset, unsigned width)
{
	struct vga_text *dev = opaque;

	(void)width;
	switch ((enum port)offset) {
	case ATTRIBUTE: return dev->attribute_index;
	case ATTRIBUTE_DATA:
		return indexed_read(dev->attribute, VGA_TEXT_ATTRIBUTE,
				    dev->attribute_index & ATTRIBUTE_INDEX);
	case MISC_WRITE: return 0;
	case ENABLE: return dev->enable;
	case SEQUENCER_INDEX: return dev->sequencer_index;
	case SEQUENCER_DATA:
		return indexed_read(dev->sequencer, VGA_TEXT_SEQUENCER, dev->sequencer_index);
	case DAC_MASK: return dev->dac_mask;
	case DAC_READ_INDEX: return dev->dac_reading ? DAC_STATE_READING : 0;
	case DAC_WRITE_INDEX: return dev->dac_at / 3;
	case DAC_DATA: return *dac_step(dev);
	case FEATURE_READ: return dev->feature;
	case MISC_READ: return dev->misc;
	case GRAPHICS_INDEX: return dev->graphics_index;
	case GRAPHICS_DATA:
		return indexed_read(dev->graphics, VGA_TEXT_GRAPHICS, dev->graphics_index);
	case CRTC_INDEX: return dev->crtc_index;
	case CRTC_DATA: return indexed_read(dev->crtc, VGA_TEXT_CRTC, dev->crtc_index);
	case STATUS_1: return status_1(dev);
	}
	return UINT64_MAX;
}

static void port_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	struct vga_text *dev = opaque;
	uint8_t byte = (uint8_t)value;

	(void)width;
	switch ((enum port)offset) {
	case ATTRIBUTE: attribute_write(dev, byte); break;
	case MISC_WRITE: dev->misc = byte; break;
	case ENABLE: dev->enable = byte; break;
	case SEQUENCER_INDEX: dev->sequencer_index = byte; break;
	case SEQUENCER_DATA:
		indexed_write(dev->sequencer, VGA_TEXT_SEQUENCER, dev->sequencer_index, byte);
		break;
	case DAC_MASK: dev->dac_mask = byte; break;
	case DAC_READ_INDEX: dac_index(dev, byte, true); break;
	case DAC_WRITE_INDEX: dac_index(dev, byte, false); break;
	case DAC_DATA: *dac_step(dev) = byte & DAC_COMPONENT; break;
	case GRAPHICS_INDEX: dev->graphics_index = byte; break;
	case GRAPHICS_DATA:
		indexed_write(dev->graphics, VGA_TEXT_GRAPHICS, dev->graphics_index, byte);
		break;
	case CRTC_INDEX: dev->crtc_index = byte; break;
	case CRTC_DATA: crtc_write(dev, byte); break;
	case STATUS_1: dev->feature = byte; break;
	case ATTRIBUTE_DATA:
	case FEATURE_READ:
	case MISC_READ: break;
	}
}

static uint8_t *text(struct vga_text *dev)
{
	return dev->caller_memory ? dev->caller_memory : dev->own_memory;
}

static uint64_t memory_read(void *opaque, uint64_t offset, unsigned width)
{
	const uint8_t *at = text(opaque) + offset;
	uint64_t value = 0;

	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)at[i] << (8 * i);
	return value;
}

static void memory_write(void *opaque, uint64_t offset, unsigned width, uint64_t value)
{
	uint8_t *at = text(opaque) + offset;

	for (unsigned i = 0; i < width; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

void vga_text_init(struct vga_text *dev, uint8_t *memory)
{
	dev->caller_memory = memory;
	vga_text_reset(dev);
}

void vga_text_reset(struct vga_text *dev)
{
	uint8_t *memory = dev->caller_memory;

	memset(dev, 0, sizeof(*dev));
	dev->caller_memory = memory;
	dev->attribute_index = ATTRIBUTE_SOURCE;
	dev->misc = MODE_3_MISC;
	dev->enable = 1;
	dev->dac_mask = 0xFF;
	memcpy(dev->attribute, mode_3_attribute, sizeof(dev->attribute));
	memcpy(dev->sequencer, mode_3_sequencer, sizeof(dev->sequencer));
	memcpy(dev->graphics, mode_3_graphics, sizeof(dev->graphics));
	memcpy(dev->crtc, mode_3_crtc, sizeof(dev->crtc));
	for (unsigned i = 0; i < VGA_TEXT_MEMORY_SIZE; i += 2) {
		text(dev)[i] = ' ';
		text(dev)[i + 1] = 0x07; /* light grey on black */
	}
}

void vga_text_state(struct vga_text *dev, struct state *s)
{
	state_u8(s, &dev->attribute_index);
	state_u8(s, &dev->sequencer_index);
	state_u8(s, &dev->graphics_index);
	state_u8(s, &dev->crtc_index);
	state_bool(s, &dev->attribute_data);
	state_bool(s, &dev->dac_reading);
	state_u8(s, &dev->misc);
	state_u8(s, &dev->feature);
	state_u8(s, &dev->enable);
	state_u8(s, &dev->dac_mask);
	state_u8(s, &dev->beam);
	state_u16(s, &dev->dac_at);
	state_bytes(s, dev->attribute, sizeof(dev->attribute));
	state_bytes(s, dev->sequencer, sizeof(dev->sequencer));
	state_bytes(s, dev->graphics, sizeof(dev->graphics));
	state_bytes(s, dev->crtc, sizeof(dev->crtc));
	state_bytes(s, dev->dac, sizeof(dev->dac));
	if (!dev->caller_memory)
		state_bytes(s, dev->own_memory, sizeof(dev->own_memory));
}

struct state_error vga_text_state_error(const struct vga_text *dev)
{
	if (dev->attribute_index & ~(ATTRIBUTE_INDEX | ATTRIBUTE_SOURCE))
		return state_wrong("the attribute index", "has reserved bits set");
	if (dev->beam >= sizeof(beams))
		return state_wrong("the beam", "is nowhere");
	if (dev->dac_at >= VGA_TEXT_DAC)
		return state_wrong("the DAC's index", "is past its last colour");
	for (unsigned i = 0; i < VGA_TEXT_DAC; i++)
		if (dev->dac[i] & ~DAC_COMPONENT)
			return state_wrong_one("DAC component", i, "has more than six bits");
	return state_ok();
}

struct bus_region vga_text_ports_region(struct vga_text *dev)
{
	return (struct bus_region){
		.base = VGA_TEXT_PORT,
		.size = VGA_TEXT_PORTS,
		.name = "VGA ports",
		.widths = 1,
		.read = port_read,
		.write = port_write,
		.opaque = dev,
	};
}

struct bus_region vga_text_memory_region(struct vga_text *dev)
{
	return (struct bus_region){
		.base = VGA_TEXT_MEMORY,
		.size = VGA_TEXT_MEMORY_SIZE,
		.name = "VGA text memory",
		.widths = 1 | 2 | 4 | 8,
		.read = memory_read,
		.write = memory_write,
		.opaque = dev,
	};
}
