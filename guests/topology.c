// SPDX-License-Identifier: BSD-2-Clause
// What CPUID tells of threads, cores and sockets, on each CPU and in both modes of its APIC.
// Not which caches there are, only who shares them.
//
// Proof: the layout comes in the arguments. From it and a CPU's number follows its APIC ID, with
// fields of whole bits for thread, core and socket, and so what each leaf has to say. The IDs are
// then used: an IPI to each reaches that CPU alone.
//
// Rules: MSR-7, ICR-1
//
// run: smp=3 timeout=120 args="sockets=1 cores=3 threads=1" lapic="user kernel"
// run: smp=8,sockets=2,cores=2 timeout=180 args="sockets=2 cores=2 threads=2" lapic="user kernel"
// run: smp=6,sockets=2 timeout=180 args="sockets=2 cores=3 threads=1" lapic="user kernel"
// run: smp=6,threads=3 timeout=180 args="sockets=1 cores=2 threads=3" lapic="user kernel"
// run: smp=4,sockets=4 timeout=120 args="sockets=4 cores=1 threads=1" options="--no-x2apic"
#include "guests/runtime/guest.h"

#define MOST    16
#define VECTOR  0x51
#define CACHES  8
#define AUTH    0x68747541 /* the first letters of AuthenticAMD */
#define HYGO    0x6f677948 /* and of HygonGenuine */
#define TOPOEXT (1u << 22) /* 80000001h:ECX */

static unsigned sockets, cores, threads, cpus;
static bool amd;

static unsigned bits_for(unsigned count)
{
	unsigned bits = 0;

	while (1u << bits < count)
		bits++;
	return bits;
}

static unsigned socket_shift(void)
{
	return bits_for(threads) + bits_for(cores);
}

static uint32_t id_of(unsigned cpu)
{
	return cpu % threads | (cpu / threads % cores) << bits_for(threads) |
	       (cpu / threads / cores) << socket_shift();
}

static void check_leaf_1(uint32_t id)
{
	struct cpuid leaf = cpuid(1, 0);
	unsigned in_socket = cores * threads;

	CHECK_EQ(leaf.ebx >> 24, id & 0xff, "leaf 1: initial APIC ID");
	/* The bit says that the count below holds; some hosts do not let it be cleared. */
	CHECK(in_socket == 1 || leaf.edx >> 28 & 1, "leaf 1, ID %x: HTT", id);
	CHECK_EQ(leaf.ebx >> 16 & 0xff, amd ? in_socket : 1u << socket_shift(),
		 "leaf 1, ID %x: logical processors of a socket", id);
}

static void check_levels(uint32_t number, uint32_t id)
{
	struct cpuid thread = cpuid(number, 0), core = cpuid(number, 1), end = cpuid(number, 2);

	CHECK_EQ(thread.eax & 0x1f, bits_for(threads), "leaf %x, ID %x: thread bits", number, id);
	CHECK_EQ(thread.ebx & 0xffff, threads, "leaf %x, ID %x: threads", number, id);
	CHECK_EQ(thread.ecx, 0x100, "leaf %x, ID %x: first level", number, id);
	CHECK_EQ(core.eax & 0x1f, socket_shift(), "leaf %x, ID %x: bits below the socket", number,
		 id);
	CHECK_EQ(core.ebx & 0xffff, cores * threads, "leaf %x, ID %x: threads of a socket", number,
		 id);
	CHECK_EQ(core.ecx, 0x201, "leaf %x, ID %x: second level", number, id);
	CHECK_EQ(end.ebx, 0, "leaf %x, ID %x: no third level", number, id);
	CHECK_EQ(end.ecx, 2, "leaf %x, ID %x: type of no level", number, id);
	CHECK_EQ(thread.edx, id, "leaf %x.0: x2APIC ID", number);
	CHECK_EQ(core.edx, id, "leaf %x.1: x2APIC ID", number);
	CHECK_EQ(end.edx, id, "leaf %x.2: x2APIC ID", number);
}

/* Leaf 4, and AMD's of the same form. */
static void check_caches(uint32_t number, uint32_t id)
{
	for (unsigned i = 0; i < CACHES; i++) {
		struct cpuid leaf = cpuid(number, i);
		unsigned level = leaf.eax >> 5 & 7;

		if (!(leaf.eax & 0x1f))
			return;
		CHECK_EQ((leaf.eax >> 14 & 0xfff) + 1,
			 1u << (level < 3 ? bits_for(threads) : socket_shift()),
			 "leaf %x.%u, ID %x: IDs that share level %u", number, i, id, level);
		if (!amd)
			CHECK_EQ((leaf.eax >> 26) + 1, 1u << bits_for(cores),
				 "leaf %x.%u, ID %x: core IDs of a socket", number, i, id);
	}
}

static void check_amd(uint32_t id, unsigned cpu)
{
	uint32_t last = cpuid(0x80000000, 0).eax;
	struct cpuid leaf;

	if (last >= 0x80000008) {
		leaf = cpuid(0x80000008, 0);
		CHECK_EQ((leaf.ecx & 0xff) + 1, cores * threads, "80000008, ID %x: threads", id);
		CHECK_EQ(leaf.ecx >> 12 & 0xf, socket_shift(), "80000008, ID %x: ID bits", id);
	}
	if (last < 0x8000001e || !(cpuid(0x80000001, 0).ecx & TOPOEXT))
		return;
	check_caches(0x8000001d, id);
	leaf = cpuid(0x8000001e, 0);
	CHECK_EQ(leaf.eax, id, "8000001E: APIC ID");
	CHECK_EQ(leaf.ebx & 0xff, cpu / threads % cores, "8000001E, ID %x: core", id);
	CHECK_EQ((leaf.ebx >> 8 & 0xff) + 1, threads, "8000001E, ID %x: threads of a core", id);
	CHECK_EQ(leaf.ecx & 0xff, cpu / threads / cores, "8000001E, ID %x: node", id);
}

static void check_cpuid(uintptr_t unused)
{
	unsigned cpu = smp_self();
	uint32_t id = id_of(cpu), last = cpuid(0, 0).eax;

	(void)unused;
	CHECK_EQ(apic_id(), id, "cpu %u: the register", cpu);
	check_leaf_1(id);
	check_levels(0xb, id);
	if (amd) {
		check_amd(id, cpu);
		return;
	}
	check_caches(4, id);
	if (last >= 0x1f)
		check_levels(0x1f, id);
}

static void enter_x2apic(uintptr_t unused)
{
	uint32_t id = id_of(smp_self());

	(void)unused;
	apic_set_mode(APIC_X2APIC);
	CHECK_EQ(apic_read(APIC_LDR), id >> 4 << 16 | 1u << (id & 0xf), "ID %x: logical ID", id);
}

static void check_all(const char *mode)
{
	check_cpuid(0);
	for (unsigned cpu = 1; cpu < cpus; cpu++)
		smp_call(cpu, check_cpuid, 0);
	for (unsigned to = 0; to < cpus; to++) {
		trap_forget();
		sti();
		apic_ipi(id_of(to), APIC_ICR_ASSERT | VECTOR);
		CHECK(TIME_WAIT(trap_count(to, VECTOR) == 1), "%s: an IPI to ID %x comes", mode,
		      id_of(to));
		cli();
		for (unsigned other = 0; other < cpus; other++)
			CHECK_EQ(trap_count_all(other), other == to, "%s: IPIs to ID %x at ID %x",
				 mode, id_of(to), id_of(other));
	}
}

void guest_main(void)
{
	uint32_t vendor = cpuid(0, 0).ebx;

	sockets = guest_arg_number("sockets", 1);
	cores = guest_arg_number("cores", smp_cpus());
	threads = guest_arg_number("threads", 1);
	cpus = sockets * cores * threads;
	amd = vendor == AUTH || vendor == HYGO;
	CHECK_EQ(smp_cpus(), cpus, "processors");
	if (cpus != smp_cpus() || cpus > MOST)
		guest_fail("this is not the machine of the arguments");
	apic_enable();
	trap_set(VECTOR, trap_eoi);
	smp_start(cpus);
	for (unsigned cpu = 0; cpu < cpus; cpu++)
		if (!CHECK_EQ(smp_id(cpu), id_of(cpu), "cpu %u in the MADT", cpu))
			guest_fail("the IDs are others");
	check_all("xAPIC");
	if (!apic_has_x2apic())
		return;
	enter_x2apic(0);
	for (unsigned cpu = 1; cpu < cpus; cpu++)
		smp_call(cpu, enter_x2apic, 0);
	check_all("x2APIC");
}
