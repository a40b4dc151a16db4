// SPDX-License-Identifier: BSD-2-Clause
// Finds RSDP, RSDT and MADT (ACPI Specification, "ACPI Software Programming Model").
// Not where other firmware might have left them: here they are in F0000h to FFFFFh.
#include "guests/runtime/madt.h"

#include <stdbool.h>
#include <stddef.h>

#include "guests/runtime/memory.h"

#define PLACE         0xf0000
#define PLACE_END     0x100000
#define RSDP_RSDT     16
#define TABLE_SIZE    4
#define TABLE_ENTRIES 36
#define MADT_ENTRIES  44
#define LOCAL_APIC    0
#define LOCAL_X2APIC  9

static uint32_t number(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static const uint8_t *table(const uint8_t *pointer)
{
	return (const uint8_t *)(uintptr_t)number(pointer);
}

static const uint8_t *find_rsdp(void)
{
	for (uintptr_t at = PLACE; at < PLACE_END; at += 16)
		if (memcmp((const void *)at, "RSD PTR ", 8) == 0)
			return (const uint8_t *)at;
	return NULL;
}

static const uint8_t *find_madt(void)
{
	const uint8_t *rsdp = find_rsdp(), *rsdt = rsdp ? table(rsdp + RSDP_RSDT) : NULL;

	if (!rsdt)
		return NULL;
	for (uint32_t at = TABLE_ENTRIES; at < number(rsdt + TABLE_SIZE); at += 4)
		if (memcmp(table(rsdt + at), "APIC", 4) == 0)
			return table(rsdt + at);
	return NULL;
}

/* True: an entry for a processor that may be started. */
static bool processor(const uint8_t *entry, uint32_t *id)
{
	if (entry[0] == LOCAL_APIC) {
		*id = entry[3];
		return entry[4] & 1;
	}
	if (entry[0] == LOCAL_X2APIC) {
		*id = number(entry + 4);
		return entry[8] & 1;
	}
	return false;
}

unsigned madt_ids(uint32_t *ids, unsigned room)
{
	const uint8_t *madt = find_madt();
	const uint8_t *end = madt ? madt + number(madt + TABLE_SIZE) : NULL;
	unsigned count = 0;
	uint32_t id;

	if (!madt)
		return 0;
	for (const uint8_t *entry = madt + MADT_ENTRIES; entry < end && entry[1]; entry += entry[1])
		if (processor(entry, &id) && count++ < room)
			ids[count - 1] = id;
	return count;
}
