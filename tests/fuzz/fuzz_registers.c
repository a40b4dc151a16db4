// SPDX-License-Identifier: BSD-2-Clause
/*
 * Register traffic, messages, pins and time in any order on three LAPICs; invariants are checked
 * after each step. Not the import of states: fuzz_state.c.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/lapic_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at, *end;
};

static uint64_t take(struct input *in, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes && in->at < in->end; i++)
		value |= (uint64_t)*in->at++ << (8 * i);
	return value;
}

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* PPR from TPR and ISR, as the SDM defines it, read through a saved image. */
static void check(struct machine *m, struct lapic *l)
{
	uint8_t image[LAPIC_IMAGE_SIZE];
	struct lapic_deadline next;
	unsigned isr = 0;

	lapic_export_image(l, LAPIC_IMAGE_KVM_X2APIC, image);
	for (unsigned v = 0; v < 256; v++) {
		unsigned byte = (v / 32) * 16 + (v % 32) / 8, bit = 1u << (v % 8);

		if (image[0x100 + byte] & bit)
			isr = v;
		require(v >= 16 ||
			!((image[0x100 + byte] | image[0x180 + byte] | image[0x200 + byte]) & bit));
	}
	require(image[0x0A0] ==
		((image[0x080] & 0xF0) >= (isr & 0xF0) ? image[0x080] : (isr & 0xF0)));
	require(lapic_cr8(l) == image[0x080] >> 4);
	require(memcmp(&image[0x390], "\0\0\0\0", 4) == 0 ||
		memcmp(&image[0x380], "\0\0\0\0", 4) != 0);
	/* What was due has fired: nobody is told to look again at a moment that is past. */
	lapic_tick(l);
	next = lapic_next_deadline(l);
	require(next.clock != LAPIC_CLOCK_NS || next.at > m->ns);
	require(next.clock != LAPIC_CLOCK_TSC || next.at > m->tsc);
}

static void serve(struct lapic *l)
{
	uint32_t pending = lapic_pending(l);
	int peek = lapic_peek(l);
	uint8_t vector;

	if (pending & LAPIC_PENDING_INIT)
		require(lapic_take_init(l) != LAPIC_INIT_NONE);
	else if (pending & LAPIC_PENDING_SIPI)
		require(lapic_take_sipi(l, &vector) && !lapic_waits_for_sipi(l));
	else if (pending & LAPIC_PENDING_NMI)
		require(lapic_take_nmi(l));
	else if (pending & LAPIC_PENDING_SMI)
		require(lapic_take_smi(l));
	else if (pending & LAPIC_PENDING_EXTINT)
		require(lapic_take_extint(l));
	else if (pending & LAPIC_PENDING_INTR)
		require(lapic_ack(l) == peek && peek >= 16);
	else
		lapic_ack(l);
}

static void save_and_restore(struct lapic *l, int inflight)
{
	uint8_t *buffer = malloc(lapic_state_size());
	int taken = -2;

	require(lapic_save(l, buffer, lapic_state_size(), inflight) == lapic_state_size());
	require(lapic_restore(l, buffer, lapic_state_size(), &taken) == LAPIC_STATE_OK);
	require(taken == inflight);
	free(buffer);
}

static void step(struct machine *m, struct input *in)
{
	uint64_t op = take(in, 1), value;
	struct lapic *l = m->lapics[take(in, 1) % MACHINE_LAPICS];
	struct lapic_message message;
	uint32_t where = (uint32_t)take(in, 2);

	switch (op % 24) {
	case 0: lapic_mmio_read(l, where, (unsigned)take(in, 1) % 17); break;
	case 1:
	case 2: lapic_mmio_write(l, where, (unsigned)take(in, 1) % 17, take(in, 8)); break;
	case 3:
	case 4: lapic_mmio_write(l, (where & 0x3F) << 4, 4, take(in, 4)); break;
	case 5: lapic_mmio_read(l, (where & 0x3F) << 4, 4); break;
	case 6: lapic_msr_read(l, 0x800 + (where & 0x1FF), &value); break;
	case 7:
	case 8: lapic_msr_write(l, 0x800 + (where & 0x1FF), take(in, 8)); break;
	case 9: lapic_msr_write(l, 0x1B, 0xFEE00000u | (where & 0xFFF)); break;
	case 10: lapic_msr_write(l, 0x1B, take(in, 8)); break;
	case 11: lapic_msr_write(l, 0x6E0, m->tsc + (int16_t)where); break;
	case 12: lapic_msr_write(l, 0x6E0, take(in, 8)); break;
	case 13: lapic_set_cr8(l, where & 0x1F); break;
	case 14:
		lapic_post(l, (enum lapic_delivery)(where & 7), (uint8_t)(where >> 8), where & 8);
		break;
	case 15: lapic_raise(l, (enum lapic_lvt)(where & 7)); break;
	case 16: lapic_set_lint(l, where & 3, where & 4); break;
	case 17: m->ns += take(in, 5), m->tsc += take(in, 5); break;
	case 18: m->tsc = take(in, 8), lapic_tsc_changed(l); break;
	case 19:
		message = (struct lapic_message){.dest = (uint32_t)take(in, 4),
						 .vector = (uint8_t)where,
						 .mode = where >> 8 & 7,
						 .logical = where >> 11 & 1,
						 .level = where >> 12 & 1,
						 .deassert = where >> 13 & 1,
						 .redirection_hint = where >> 14 & 1,
						 .dest32 = where >> 15 & 1};
		lapic_map_send(m->map, &message);
		break;
	case 20: lapic_map_msi(m->map, 0xFEE00000u | take(in, 3), where, op & 0x80); break;
	case 21:
		lapic_away(l);
		lapic_back(l);
		break;
	case 22: save_and_restore(l, (int)(where % 257) - 1); break;
	default: serve(l); break;
	}
	/* Not after each: what is posted or due is to meet the next access, too. */
	if (op >= 0xC0)
		check(m, l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	struct machine m;

	machine_make(&m, (uint32_t)take(&in, 3));
	for (uint32_t i = 0; i < MACHINE_LAPICS; i++)
		lapic_mmio_write(m.lapics[i], 0x0F0, 4, 0x1FF);
	while (in.at < in.end)
		step(&m, &in);
	machine_free(&m);
	return 0;
}
