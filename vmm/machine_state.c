// SPDX-License-Identifier: BSD-2-Clause
// One table of all devices with a state, walked for saving, loading, judging and taking over.
// What a device's bytes mean, only its model knows.

#include "vmm/machine_state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/state.h"
#include "vmm/machine.h"
#include "vmm/machine_clock.h"
#include "vmm/machine_irq.h"
#include "vmm/machine_state_wires.h"

#define NAME_SIZE 16u

/* ---- the devices ---- */

#define DEVICE(member, model)                                                                      \
 static void walk_##member(struct machine *m, struct state *s)                                     \
 {                                                                                                 \
  model##_state(&m->member, s);                                                                    \
 }                                                                                                 \
 static struct state_error error_##member(const struct machine *m)                                 \
 {                                                                                                 \
  return model##_state_error(&m->member);                                                          \
 }                                                                                                 \
 static void take_##member(struct machine *m, const struct machine *from)                          \
 {                                                                                                 \
  m->member = from->member;                                                                        \
 }

DEVICE(pic, i8259)
DEVICE(ioapic, ioapic)
DEVICE(pit, i8254)
DEVICE(cmos, cmos)
DEVICE(acpi_pm, acpi_pm)
DEVICE(hpet, hpet)
DEVICE(i8042, i8042)
DEVICE(uart, uart16550)
DEVICE(com2, uart16550)
DEVICE(reset, reset_port)
DEVICE(pci_host, pci_host)
DEVICE(vga_text, vga_text)
DEVICE(fw_cfg, fw_cfg)
DEVICE(test_lines, test_lines)
DEVICE(test_messages, test_messages)
DEVICE(test_ports, test_ports)

static void walk_wires(struct machine *m, struct state *s)
{
	for (unsigned n = 0; n < IOAPIC_PINS; n++)
		irq_wire_state(&m->wires[n], s);
	for (unsigned n = 0; n < sizeof(m->gates) / sizeof(m->gates[0]); n++) {
		state_bool(s, &m->gates[n].level);
		state_bool(s, &m->gates[n].shut);
	}
}

/* Alone they are right; beside the devices they are judged by machine_state_wires(). */
static struct state_error error_wires(const struct machine *m)
{
	(void)m;
	return state_ok();
}

static void take_wires(struct machine *m, const struct machine *from)
{
	memcpy(m->wires, from->wires, sizeof(m->wires));
	memcpy(m->gates, from->gates, sizeof(m->gates));
}

/*
 * A version grows by one with what the walk writes (devices/state.h), and the error lets pass what
 * it always did. since: the first version of all of this, SAVED_DEVICES in saved.c, that has the
 * device; in older ones it is as at power-up.
 */
#define ROW(name, version, since, member)                                                          \
 {                                                                                                 \
  name, version, since, walk_##member, error_##member, take_##member                               \
 }

static const struct section {
	char name[NAME_SIZE];
	uint16_t version, since;
	void (*walk)(struct machine *m, struct state *s);
	struct state_error (*error)(const struct machine *m);
	void (*take)(struct machine *m, const struct machine *from);
} sections[] = {
	ROW("i8259", 1, 1, pic),
	ROW("ioapic", 1, 1, ioapic),
	ROW("irq wires", 1, 1, wires),
	ROW("i8254", 1, 1, pit),
	ROW("cmos", 1, 1, cmos),
	ROW("acpi pm", 1, 1, acpi_pm),
	ROW("hpet", 1, 1, hpet),
	ROW("i8042", 1, 1, i8042),
	ROW("com1", 1, 1, uart),
	ROW("com2", 1, 1, com2),
	ROW("reset port", 1, 1, reset),
	ROW("pci host", 1, 1, pci_host),
	ROW("vga text", 1, 1, vga_text),
	ROW("fw_cfg", 1, 1, fw_cfg),
	ROW("test lines", 1, 1, test_lines),
	ROW("test messages", 1, 1, test_messages),
	ROW("test ports", 1, 1, test_ports),
};

#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

static uint32_t length_of(const struct section *section, struct machine *m, uint32_t version)
{
	struct state count = {.version = version};

	section->walk(m, &count);
	return (uint32_t)count.used;
}

/* ---- saving ---- */

struct header {
	uint8_t name[NAME_SIZE];
	uint16_t version;
	uint32_t length;
};

static void walk_header(struct header *header, struct state *s)
{
	state_bytes(s, header->name, NAME_SIZE);
	state_u16(s, &header->version);
	state_u32(s, &header->length);
}

static void walk_all(struct machine *m, struct state *s)
{
	for (unsigned i = 0; i < SECTIONS; i++) {
		struct header header = {
			.version = sections[i].version,
			.length = length_of(&sections[i], m, 0),
		};

		memcpy(header.name, sections[i].name, NAME_SIZE);
		walk_header(&header, s);
		sections[i].walk(m, s);
	}
}

size_t machine_state_size(struct machine *m)
{
	struct state count = {0};

	walk_all(m, &count);
	return count.used;
}

void machine_state_save(struct machine *m, uint8_t *bytes)
{
	struct state s = {.to = bytes, .size = SIZE_MAX};

	pthread_mutex_lock(&m->device_lock);
	walk_all(m, &s);
	pthread_mutex_unlock(&m->device_lock);
}

/* ---- loading ---- */

struct load {
	struct machine *machine;
	struct machine *copy; /* of which the devices alone are used */
	uint32_t version;
	bool seen[SECTIONS];
	char *why;
	size_t why_size;
};

static bool refuse(const struct load *load, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static bool refuse(const struct load *load, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(load->why, load->why_size, format, args);
	va_end(args);
	return false;
}

static bool refuse_state(const struct load *load, const char *name, struct state_error error)
{
	if (error.n < 0)
		return refuse(load, "%.*s: %s %s", (int)NAME_SIZE, name, error.what, error.why);
	return refuse(load, "%.*s: %s %d %s", (int)NAME_SIZE, name, error.what, error.n, error.why);
}

/* Of a name that nobody has checked. */
static void printable(const uint8_t name[NAME_SIZE], char text[NAME_SIZE + 1])
{
	unsigned n = 0;

	for (; n < NAME_SIZE && name[n]; n++)
		text[n] = name[n] >= ' ' && name[n] < 0x7F ? (char)name[n] : '?';
	text[n] = '\0';
}

static const struct section *find(const uint8_t name[NAME_SIZE])
{
	for (unsigned i = 0; i < SECTIONS; i++)
		if (memcmp(sections[i].name, name, NAME_SIZE) == 0)
			return &sections[i];
	return NULL;
}

static bool check_header(struct load *load, const struct header *header,
			 const struct section *section, size_t left)
{
	char name[NAME_SIZE + 1];
	uint32_t length;

	printable(header->name, name);
	if (!section)
		return refuse(load, "section \"%s\": this lapicvm knows none of that name", name);
	if (load->seen[section - sections])
		return refuse(load, "section %s comes twice", name);
	if (!header->version || header->version > section->version)
		return refuse(load, "section %s version %u: this lapicvm knows 1 to %u", name,
			      header->version, section->version);
	length = length_of(section, load->machine, header->version);
	if (header->length != length)
		return refuse(load, "section %s has %" PRIu32 " bytes, not %" PRIu32, name,
			      header->length, length);
	if (left < length)
		return refuse(load, "section %s ends after %zu of its %" PRIu32 " bytes", name,
			      left, length);
	return true;
}

static bool load_section(struct load *load, struct state *s)
{
	struct header header = {0};
	const struct section *section;

	walk_header(&header, s);
	if (s->bad)
		return refuse(load, "the devices' state ends within the head of a section");
	section = find(header.name);
	if (!check_header(load, &header, section, s->size - s->used))
		return false;
	load->seen[section - sections] = true;
	s->version = header.version;
	section->walk(load->copy, s);
	s->version = 0;
	return !s->bad ||
	       refuse(load, "%.*s: a yes or no is neither", (int)NAME_SIZE, section->name);
}

static bool check_all(const struct load *load)
{
	struct state_error error;

	for (unsigned i = 0; i < SECTIONS; i++) {
		if (!load->seen[i] && load->version < sections[i].since)
			continue;
		if (!load->seen[i])
			return refuse(load, "section %.*s is missing", (int)NAME_SIZE,
				      sections[i].name);
		error = sections[i].error(load->copy);
		if (error.what)
			return refuse_state(load, sections[i].name, error);
	}
	error = machine_state_wires(load->machine, load->copy);
	return !error.what || refuse_state(load, "irq wires", error);
}

static void take_all(struct machine *m, const struct machine *from)
{
	for (unsigned i = 0; i < SECTIONS; i++)
		sections[i].take(m, from);
}

static bool load_all(struct load *load, struct state *s)
{
	take_all(load->copy, load->machine);
	while (s->used < s->size)
		if (!load_section(load, s))
			return false;
	if (!check_all(load))
		return false;
	take_all(load->machine, load->copy);
	machine_irq_renew(load->machine);
	machine_clock_update(load->machine);
	return true;
}

bool machine_state_load(struct machine *m, const uint8_t *bytes, size_t size, uint32_t version,
			char *why, size_t why_size)
{
	struct load load = {.machine = m, .version = version, .why = why, .why_size = why_size};
	struct state s = {.from = bytes, .size = size};
	bool loaded;

	load.copy = calloc(1, sizeof(*load.copy));
	if (!load.copy)
		return refuse(&load, "no memory for a copy of the devices");
	pthread_mutex_lock(&m->device_lock);
	loaded = load_all(&load, &s);
	pthread_mutex_unlock(&m->device_lock);
	free(load.copy);
	return loaded;
}
