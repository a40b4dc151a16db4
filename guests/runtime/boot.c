// SPDX-License-Identifier: BSD-2-Clause
// From the assembly entry to guest_main(), and the guest's arguments.
// Not the way of an AP (smp.c).
#include "guests/runtime/boot.h"

#include <stdbool.h>
#include <stddef.h>

#include "guests/runtime/apic.h"
#include "guests/runtime/departs.h"
#include "guests/runtime/memory.h"
#include "guests/runtime/result.h"
#include "guests/runtime/time.h"
#include "guests/runtime/trap.h"

/* Multiboot Specification 0.6.96, 3.3. */
struct multiboot_info {
	uint32_t flags, mem_lower, mem_upper, boot_device, cmdline;
};

#define MULTIBOOT_HAS_CMDLINE 4

static char command_line[512];

/* The loader's copy is in low memory that trampolines may take. */
static void keep_command_line(const struct multiboot_info *info)
{
	const char *from = (const char *)(uintptr_t)info->cmdline;

	if (!(info->flags & MULTIBOOT_HAS_CMDLINE))
		return;
	for (size_t i = 0; i < sizeof(command_line) - 1 && from[i]; i++)
		command_line[i] = from[i];
}

const char *guest_arg(const char *name)
{
	static char value[256];
	const char *at = command_line;

	while (*at) {
		const char *n = name;
		size_t length = 0;

		while (*at == ' ')
			at++;
		while (*n && *at == *n)
			at++, n++;
		if (!*n && (*at == '=' || *at == ' ' || !*at)) {
			if (*at == '=')
				for (at++; *at && *at != ' ' && length < sizeof(value) - 1; at++)
					value[length++] = *at;
			value[length] = 0;
			return value;
		}
		while (*at && *at != ' ')
			at++;
	}
	return NULL;
}

unsigned guest_arg_number(const char *name, unsigned otherwise)
{
	const char *digits = guest_arg(name);
	unsigned value = 0;

	if (!digits || !*digits)
		return otherwise;
	for (; *digits >= '0' && *digits <= '9'; digits++)
		value = value * 10 + (unsigned)(*digits - '0');
	return value;
}

void guest_boot(uint32_t info)
{
	keep_command_line((const struct multiboot_info *)(uintptr_t)info);
	departs_init();
	trap_init();
	trap_load();
	time_init();
	apic_learn();
	guest_main();
	guest_pass();
}
