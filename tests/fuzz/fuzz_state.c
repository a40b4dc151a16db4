// SPDX-License-Identifier: BSD-2-Clause
/*
 * Saved states and register images of any content: refused with nothing changed, or taken and then
 * kept faithfully. Not register traffic: fuzz_registers.c.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/lapic_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER 20u

static void require(bool condition)
{
	if (!condition)
		abort();
}

static uint32_t crc32(const uint8_t *bytes, size_t count)
{
	uint32_t crc = 0xFFFFFFFFu;

	for (size_t i = 0; i < count; i++) {
		crc ^= bytes[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xEDB88320u & (0u - (crc & 1u)));
	}
	return ~crc;
}

static void put32(uint8_t *at, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static uint8_t *save(struct lapic *l)
{
	uint8_t *buffer = malloc(lapic_state_size());

	require(lapic_save(l, buffer, lapic_state_size(), -1) == lapic_state_size());
	return buffer;
}

/* A state that was accepted is whole: saving and restoring it elsewhere gives the same again. */
static void check_accepted(struct machine *m, struct lapic *l, uint32_t flavour)
{
	struct machine other;
	uint8_t *first = save(l), *second;
	uint64_t value;
	int inflight;

	machine_make(&other, flavour);
	other.ns = m->ns;
	other.tsc = m->tsc;
	require(lapic_restore(other.lapics[0], first, lapic_state_size(), &inflight) ==
		LAPIC_STATE_OK);
	second = save(other.lapics[0]);
	require(memcmp(first, second, lapic_state_size()) == 0);
	machine_free(&other);
	free(first);
	free(second);
	for (uint32_t n = 0; n < 64; n++) {
		lapic_mmio_read(l, n << 4, 4);
		lapic_msr_read(l, 0x800 + n, &value);
	}
	m->ns += 3000000000u;
	m->tsc += 3000000000u;
	lapic_tick(l);
	for (unsigned i = 0; i < 300 && lapic_pending(l); i++) {
		uint8_t vector;

		lapic_take_init(l);
		lapic_take_sipi(l, &vector);
		lapic_take_nmi(l);
		lapic_take_smi(l);
		lapic_take_extint(l);
		lapic_ack(l);
		lapic_mmio_write(l, 0x0B0, 4, 0);
		lapic_msr_write(l, 0x80B, 0);
	}
}

static enum lapic_state_error restore(struct lapic *l, const uint8_t *data, size_t size, bool mend)
{
	/* With the rest of a valid state behind what the fuzzer gives, its bytes reach the checks.
	 */
	uint8_t *buffer = mend ? save(l) : malloc(size ? size : 1);
	size_t total = mend ? lapic_state_size() : size;
	enum lapic_state_error error;
	int inflight;

	if (mend) {
		size_t room = total - HEADER;

		for (size_t i = 0; i + 1 < size; i += 2)
			buffer[HEADER + (data[i] | (i & 2) << 7) % room] ^= data[i + 1];
		put32(buffer + 16, crc32(buffer + HEADER, room));
	} else {
		memcpy(buffer, data, size);
	}
	error = lapic_restore(l, buffer, total, &inflight);
	free(buffer);
	return error;
}

static enum lapic_state_error import(struct lapic *l, const uint8_t *data, size_t size,
				     unsigned how)
{
	uint8_t image[LAPIC_IMAGE_SIZE];
	enum lapic_image kind = (enum lapic_image)(how % 3);
	uint64_t base = lapic_apic_base(l), deadline = 0;

	lapic_export_image(l, kind, image);
	for (size_t i = 0; i + 2 < size; i += 3)
		image[(data[i] | data[i + 1] << 8) % LAPIC_IMAGE_SIZE] ^= data[i + 2];
	if (size >= 12) {
		memcpy(&deadline, data, sizeof(deadline));
		base ^= (uint64_t)data[8] << 4 | (uint64_t)data[9] << 12;
	}
	return lapic_import_image(l, kind, image, base, deadline);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum lapic_state_error error;
	uint8_t *before, *after;
	uint32_t flavour;
	struct machine m;
	struct lapic *l;

	if (size < 4)
		return 0;
	flavour = (uint32_t)(data[0] | data[1] << 8 | data[2] << 16);
	machine_make(&m, flavour);
	l = m.lapics[0];
	if (data[3] & 4) {
		lapic_mmio_write(l, 0x0F0, 4, 0x1FF);
		lapic_mmio_write(l, 0x320, 4, (data[3] & 8) ? 0x20030 : 0x40030);
		lapic_mmio_write(l, 0x380, 4, 1000000);
	}
	if (data[3] & 16)
		lapic_msr_write(l, 0x1B, 0xFEE00D00);
	before = save(l);
	if (data[3] & 1)
		error = import(l, data + 4, size - 4, data[3] >> 5);
	else
		error = restore(l, data + 4, size - 4, data[3] & 2);
	require(lapic_state_error_name(error) != NULL);
	if (error) {
		after = save(l);
		require(memcmp(before, after, lapic_state_size()) == 0);
		free(after);
	} else {
		check_accepted(&m, l, flavour);
	}
	free(before);
	machine_free(&m);
	return 0;
}
