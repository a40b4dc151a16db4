// SPDX-License-Identifier: BSD-2-Clause
/*
 * The saved state: versioned, little-endian, with a checksum.
 * Not the judgement of what it says: state.c.
 */
#include "lapic/state.h"

/*
 * Layout of version 1: magic 8, version 4, size 4, checksum 4 (CRC-32 of what follows), inflight 4
 * (-1 or a vector), apic_base 8, tsc_deadline 8, remaining 8, work 8, initial_id 4, timer 1,
 * esr_internal 1, error_disarmed 1, lint0_vector 1, registers 64 x 4.
 */
#define MAGIC   "LAPICST"
#define VERSION 1u
#define HEADER  20u
#define SIZE    (HEADER + 4u + 4u * 8u + 4u + 4u + 4u * REG_COUNT)

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

static void put(uint8_t **at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*(*at)++ = (uint8_t)(value >> (8 * i));
}

static uint64_t get(const uint8_t **at, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t) * (*at)++ << (8 * i);
	return value;
}

size_t lapic_state_size(void)
{
	return SIZE;
}

size_t lapic_save(struct lapic *l, void *buffer, size_t bytes, int inflight)
{
	struct state s;
	uint8_t *start = buffer, *at = start;

	if (bytes < SIZE || inflight < -1 || inflight > 255)
		return 0;
	state_read(l, &s);
	for (unsigned i = 0; i < 8; i++)
		put(&at, (uint8_t)MAGIC[i], 1);
	put(&at, VERSION, 4);
	put(&at, SIZE, 4);
	put(&at, 0, 4);
	put(&at, (uint32_t)inflight, 4);
	put(&at, s.apic_base, 8);
	put(&at, s.tsc_deadline, 8);
	put(&at, s.remaining, 8);
	put(&at, s.work, 8);
	put(&at, s.initial_id, 4);
	put(&at, s.timer, 1);
	put(&at, s.esr_internal, 1);
	put(&at, s.error_disarmed, 1);
	put(&at, s.lint0_vector, 1);
	for (unsigned n = 0; n < REG_COUNT; n++)
		put(&at, s.regs[n], 4);
	at = start + 16;
	put(&at, crc32(start + HEADER, SIZE - HEADER), 4);
	return SIZE;
}

static enum lapic_state_error check_header(const uint8_t *bytes, size_t count)
{
	const uint8_t *at = bytes + 8;

	if (count < HEADER)
		return LAPIC_STATE_SIZE;
	for (unsigned i = 0; i < 8; i++)
		if (bytes[i] != (uint8_t)MAGIC[i])
			return LAPIC_STATE_MAGIC;
	if (get(&at, 4) != VERSION)
		return LAPIC_STATE_VERSION;
	if (get(&at, 4) != SIZE || count != SIZE)
		return LAPIC_STATE_SIZE;
	return get(&at, 4) == crc32(bytes + HEADER, SIZE - HEADER) ? LAPIC_STATE_OK
								   : LAPIC_STATE_CHECKSUM;
}

enum lapic_state_error lapic_restore(struct lapic *l, const void *buffer, size_t bytes,
				     int *inflight)
{
	const uint8_t *at = buffer;
	enum lapic_state_error error = check_header(at, bytes);
	uint32_t taken;
	struct state s;

	if (error)
		return error;
	at += HEADER;
	taken = (uint32_t)get(&at, 4);
	s.apic_base = get(&at, 8);
	s.tsc_deadline = get(&at, 8);
	s.remaining = get(&at, 8);
	s.work = get(&at, 8);
	s.initial_id = (uint32_t)get(&at, 4);
	s.timer = (uint8_t)get(&at, 1);
	s.esr_internal = (uint8_t)get(&at, 1);
	s.error_disarmed = (uint8_t)get(&at, 1);
	s.lint0_vector = (uint8_t)get(&at, 1);
	for (unsigned n = 0; n < REG_COUNT; n++)
		s.regs[n] = (uint32_t)get(&at, 4);
	if (taken != 0xFFFFFFFFu && taken > 255)
		return LAPIC_STATE_INFLIGHT;
	error = state_check(l, &s);
	if (error)
		return error;
	state_apply(l, &s, ~0ull);
	*inflight = taken == 0xFFFFFFFFu ? -1 : (int)taken;
	return LAPIC_STATE_OK;
}

const char *lapic_state_error_name(enum lapic_state_error error)
{
	static const char *const names[] = {
		[LAPIC_STATE_OK] = "no error",
		[LAPIC_STATE_SIZE] = "size",
		[LAPIC_STATE_MAGIC] = "magic: not a LAPIC state",
		[LAPIC_STATE_VERSION] = "version of the format",
		[LAPIC_STATE_CHECKSUM] = "checksum: damaged",
		[LAPIC_STATE_FEATURE] = "a feature that this LAPIC is configured without",
		[LAPIC_STATE_BASE] = "IA32_APIC_BASE",
		[LAPIC_STATE_ID] = "APIC ID",
		[LAPIC_STATE_VERSION_REGISTER] = "version register",
		[LAPIC_STATE_TPR] = "TPR",
		[LAPIC_STATE_SVR] = "SVR",
		[LAPIC_STATE_LDR] = "LDR",
		[LAPIC_STATE_DFR] = "DFR",
		[LAPIC_STATE_VECTORS] = "vectors below 16 in IRR, ISR or TMR",
		[LAPIC_STATE_ESR] = "ESR",
		[LAPIC_STATE_LVT] = "LVT",
		[LAPIC_STATE_ICR] = "ICR",
		[LAPIC_STATE_TIMER] = "timer",
		[LAPIC_STATE_EVENTS] = "pending NMI, SMI, INIT or SIPI",
		[LAPIC_STATE_INFLIGHT] = "interrupt in flight",
	};

	return (unsigned)error < sizeof(names) / sizeof(names[0]) ? names[error] : "unknown error";
}
