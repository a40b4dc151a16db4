// SPDX-License-Identifier: BSD-2-Clause
// The benchmark guest: runs the group of rows that its arguments name, and prints what was
// measured. Not a test: a figure cannot fail, only an interrupt that is lost, early or one too
// many.
//
//   group=exits|timers|ipis|idle|many [x2apic] tsc_khz=N [n=N] [ms=N] [hz=N] [seconds=N]
//
// The image is one for every machine that speaks Multiboot 1, so that all run the same bytes.
#include "guests/bench/bench.h"

#define PIC_MASTER 0x21
#define PIC_SLAVE  0xa1

struct bench bench;

static const struct group {
	const char *name;
	void (*run)(void);
} groups[] = {
	{"exits", exits_run}, {"timers", timers_run}, {"ipis", ipis_run},
	{"idle", idle_run},   {"many", many_run},
};

static bool equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* Firmware may have left its timer ticking through the 8259s. */
static void silence_pics(void)
{
	outb(PIC_MASTER, 0xff);
	outb(PIC_SLAVE, 0xff);
}

static void set_handlers(void)
{
	const char *arrive = apic_mode() == APIC_X2APIC ? arrive_x2apic : arrive_xapic;

	trap_set_entry(VECTOR_TIMER, arrive);
	trap_set_entry(VECTOR_IPI, arrive);
	trap_set_entry(VECTOR_KEPT, arrive_no_eoi);
}

void guest_main(void)
{
	const char *name;

	bench.n = guest_arg_number("n", 1000);
	bench.ms = guest_arg_number("ms", 10000);
	bench.hz = guest_arg_number("hz", 100);
	bench.seconds = guest_arg_number("seconds", 2);
	bench.tsc_per_ms = guest_arg_number("tsc_khz", 0);
	if (!bench.tsc_per_ms)
		guest_fail("needs tsc_khz=N");
	silence_pics();
	apic_enable();
	if (guest_arg("x2apic") && apic_mode() != APIC_X2APIC)
		guest_skip("this machine has no x2APIC");
	set_handlers();
	name = guest_arg("group");
	for (unsigned i = 0; name && i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (!equal(groups[i].name, name))
			continue;
		groups[i].run();
		print("done\n");
		guest_exit(GUEST_PASSED);
	}
	guest_fail("no such group");
}
