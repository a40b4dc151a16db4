// SPDX-License-Identifier: BSD-2-Clause
// A VGA that is always in its 80x25 colour text mode: text memory, and registers that read back.
// Not a display: nothing is drawn, no register changes the mode, and there is no video BIOS.
#ifndef DEVICES_VGA_TEXT_H
#define DEVICES_VGA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "devices/bus.h"
#include "devices/state.h"

#ifdef __cplusplus
extern "C" {
#endif

#define VGA_TEXT_MEMORY      0xB8000u
#define VGA_TEXT_MEMORY_SIZE 0x8000u /* bytes */
#define VGA_TEXT_PORT        0x3C0u
#define VGA_TEXT_PORTS       0x20u /* to 3DFh; 3B0h-3BFh, the monochrome ones, are off */
#define VGA_TEXT_COLUMNS     80u
#define VGA_TEXT_ROWS        25u
#define VGA_TEXT_LINE        (VGA_TEXT_COLUMNS * 3 + 1) /* longest line rendered, in bytes */

#define VGA_TEXT_ATTRIBUTE   21u
#define VGA_TEXT_SEQUENCER   5u
#define VGA_TEXT_GRAPHICS    9u
#define VGA_TEXT_CRTC        25u
#define VGA_TEXT_DAC         768u

/* The caller's memory. Fields are for reading in tests and reports; only the functions write them.
 */
struct vga_text {
	uint8_t *caller_memory; /* NULL: own_memory is in use */
	uint8_t attribute_index, sequencer_index, graphics_index, crtc_index;
	bool attribute_data; /* the flip-flop: the next write to 3C0h is data */
	bool dac_reading;    /* 3C7h was written last, not 3C8h */
	uint8_t misc, feature, enable, dac_mask;
	uint8_t beam;    /* where the beam is: one step for each look at 3DAh */
	uint16_t dac_at; /* 0 to 767: colour * 3 + component */
	uint8_t attribute[VGA_TEXT_ATTRIBUTE];
	uint8_t sequencer[VGA_TEXT_SEQUENCER];
	uint8_t graphics[VGA_TEXT_GRAPHICS];
	uint8_t crtc[VGA_TEXT_CRTC];
	uint8_t dac[VGA_TEXT_DAC];
	uint8_t own_memory[VGA_TEXT_MEMORY_SIZE];
};

/*
 * Mode 3 as a video BIOS leaves it: a blank screen. memory: 32 KiB that the guest sees at B8000h by
 * other ways, such as guest RAM, and that outlive dev; NULL: dev's own, seen through
 * vga_text_memory_region().
 */
void vga_text_init(struct vga_text *dev, uint8_t *memory);

/* As after vga_text_init(): the text is gone too. */
void vga_text_reset(struct vga_text *dev);

/*
 * Ports 3C0h-3DFh, and memory B8000h-BFFFFh (needless where the guest has that as RAM), for
 * bus_add(). dev must outlive the regions. Threads: see devices/bus.h.
 *
 * Registers keep what is written to them; CRTC 0 to 7 are protected by 11h as on a VGA. The retrace
 * bits of 3DAh change at each read, so that waits for either level of either bit end.
 */
struct bus_region vga_text_ports_region(struct vga_text *dev);
struct bus_region vga_text_memory_region(struct vga_text *dev);

/* devices/state.h. The text is part of it where it lies in dev's own memory. */
void vga_text_state(struct vga_text *dev, struct state *s);
struct state_error vga_text_state_error(const struct vga_text *dev);

/* n bytes of text, UTF-8. */
typedef void vga_text_put_fn(void *opaque, const char *bytes, size_t n);

/*
 * The screen from the CRTC's start address on: put is called for each of the 25 lines, which has no
 * blanks at its end and one line feed, 1 to VGA_TEXT_LINE bytes. Code page 437 becomes UTF-8, its
 * low 32 the signs that a screen shows for them; attributes are not looked at. Text in the caller's
 * memory that a guest writes meanwhile may come out old or new, character by character.
 */
void vga_text_render(const struct vga_text *dev, vga_text_put_fn *put, void *opaque);

#ifdef __cplusplus
}
#endif
#endif
