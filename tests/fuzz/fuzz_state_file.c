// SPDX-License-Identifier: BSD-2-Clause
// Files of saved machines as an enemy writes them, with a right checksum or without one.
// Not what KVM makes of such a machine.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "vmm/options.h"
#include "vmm/saved.h"
#include "vmm/state_file.h"
#include "vmm/vcpu_save.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define START     12u /* magic and version */
#define NAME      16u
#define HEAD      28u
#define PIECE_MAX 4096u

static void require(bool so)
{
	if (!so)
		abort();
}

static void read_cpuid(struct state *s)
{
	struct kvm_cpuid2 *table = vcpu_cpuid_new();

	require(table != NULL);
	vcpu_cpuid_walk(table, s);
	free(table);
}

static void read_cpu(struct state *s)
{
	static struct vcpu_saved cpu;
	const char *wrong;

	memset(&cpu, 0, sizeof(cpu));
	vcpu_saved_walk(&cpu, s, &wrong);
	require(!wrong || s->bad);
	if (s->bad)
		return;
	require(cpu.state <= VCPU_WAITS_FOR_SIPI && cpu.msrs.count <= PROCESSOR_MSRS_MAX &&
		cpu.lapic_bytes <= sizeof(cpu.lapic));
}

static void read_machine(struct state *s)
{
	struct saved_machine machine = {0};
	struct options options = {0};

	saved_machine_walk(&machine, s);
	if (s->bad || saved_machine_error(&machine))
		return;
	saved_machine_options(&machine, &options);
	require(options.cpus >= 1 && options.cpus <= OPTIONS_MAX_CPUS);
}

static void read_section(const struct state_section *section)
{
	struct state s = {
		.from = section->bytes,
		.size = (size_t)section->length,
		.version = section->version,
	};
	struct saved_clocks clocks = {0};

	if (strcmp(section->name, SAVED_MACHINE) == 0)
		read_machine(&s);
	else if (strcmp(section->name, SAVED_CPUID) == 0)
		read_cpuid(&s);
	else if (strcmp(section->name, SAVED_CPU) == 0)
		read_cpu(&s);
	else if (strcmp(section->name, SAVED_CLOCKS) == 0)
		saved_clocks_walk(&clocks, &s);
	require(s.used <= s.size);
}

static void read_file(const uint8_t *bytes, size_t size)
{
	struct state_section section = {.bytes = NULL};
	struct state_file file;
	char why[256] = "";
	const uint8_t *end = bytes + START;

	if (!state_file_open(&file, bytes, size, why, sizeof(why))) {
		require(why[0] != '\0' && !strchr(why, '\n'));
		return;
	}
	while (state_file_next(&file, &section)) {
		require(section.bytes == end + HEAD);
		require(section.length <= (size_t)(bytes + size - 4 - section.bytes));
		end = section.bytes + section.length;
		read_section(&section);
	}
	require(end == bytes + size - 4);
}

/* Sections made of the input, whose lengths are right but for one: name, length, bytes. */
static size_t build(uint8_t *to, const uint8_t *data, size_t size)
{
	static const char *const names[] = {SAVED_MACHINE, SAVED_CLOCKS, SAVED_CPUID, SAVED_CPU,
					    SAVED_RAM,     "other",      "x",         ""};
	size_t used = START;

	memcpy(to, "LAPICVM\0\1\0\0", START);
	while (size > 4) {
		uint64_t length = (data[1] | (uint64_t)data[2] << 8) % PIECE_MAX;
		uint8_t *head = to + used;

		if (length > size - 4)
			length = size - 4;
		memset(head, 0, HEAD);
		memcpy(head, names[data[0] % 8], strlen(names[data[0] % 8]));
		head[NAME] = data[0] & 0x80 ? 2 : 1;
		memcpy(head + NAME + 4, &length, 8);
		head[NAME + 4 + data[3] % 8] ^= data[3] >> 7 ? data[3] : 0;
		memcpy(head + HEAD, data + 4, length);
		used += HEAD + length;
		data += 4 + length;
		size -= 4 + length;
	}
	return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes;
	size_t length;

	if (size == 0)
		return 0;
	/* Exactly as long as the file, so that the sanitizer sees a read behind it. */
	if (data[0] & 1) {
		bytes = malloc(size);
		require(bytes != NULL);
		memcpy(bytes, data, size);
		length = size;
	} else {
		uint8_t *room = malloc(START + size * (HEAD / 4 + 1) + HEAD);

		require(room != NULL);
		length = build(room, data + 1, size - 1) + 4;
		bytes = malloc(length);
		require(bytes != NULL);
		memcpy(bytes, room, length - 4);
		free(room);
	}
	if (length >= 4 && !(data[0] & 2)) {
		uint32_t crc = (uint32_t)crc32_z(0, bytes, length - 4);

		memcpy(bytes + length - 4, &crc, 4);
	}
	read_file(bytes, length);
	free(bytes);
	return 0;
}
