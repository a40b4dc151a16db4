// SPDX-License-Identifier: BSD-2-Clause
// All CPUs start, one by one; then up to eight send IPIs to each other, all at the same time.
// Not different kinds of destination (ipi_dest.c), which icr_stress.c mixes.
//
// Proof of the start: each leaves a mark under the initial APIC ID that CPUID tells it, in real
// mode: there is one mark under each ID of the MADT, and no other. With the argument "count" that
// is all.
//
// Proof of the IPIs: a sender has a vector of its own and sends the next IPI to a CPU only when
// that CPU has counted the last one: at the end every count is exact. IDs are those that CPUID
// says, all different.
//
// Rules: ICR-1, ICR-5, ACP-1, MP-1, MP-5
//
// run: smp=2 timeout=120 lapic="user kernel"
// run: smp=3 timeout=120 args="x2apic" lapic="user kernel"
// run: smp=4 timeout=120 lapic="user kernel"
// run: smp=8 timeout=180 lapic="user kernel"
// run: smp=8 timeout=180 args="x2apic" lapic="user kernel"
// run: smp=255 timeout=180 args="count" lapic="user kernel"
// run: smp=300 timeout=180 args="count" lapic="user kernel"
// run: smp=255,cores=5,threads=3 timeout=180 args="count" lapic="user kernel"
// run: smp=6,sockets=2 timeout=180 lapic="user kernel"
#include "guests/runtime/guest.h"

#define MOST        8
#define ROUNDS      8
#define VECTOR(cpu) (0x40 + (cpu))

/* Free low memory: a 16-bit mark for each ID, and the code that sets it. */
#define MARKS     0x10000
#define MARKS_IDS 4096
#define STUB      0x12000

extern const char many_stub[], many_stub_end[];

static unsigned cpus;
static uint32_t ids[MOST];
static volatile unsigned lost;

/* As start.S finds the ID, in real mode; then it halts for good. */
__asm__(".pushsection .rodata, \"a\"\n"
	".code16\n"
	"many_stub: cli\n"
	"movw $0x1000, %ax\n"
	"movw %ax, %ds\n"
	"xorl %eax, %eax\n"
	"cpuid\n"
	"cmpl $0xb, %eax\n"
	"jb 1f\n"
	"movl $0xb, %eax\n"
	"xorl %ecx, %ecx\n"
	"cpuid\n"
	"testl %ebx, %ebx\n"
	"jnz 2f\n"
	"1: movl $1, %eax\n"
	"cpuid\n"
	"shrl $24, %ebx\n"
	"movl %ebx, %edx\n"
	"2: cmpl $4096, %edx\n"
	"jae 3f\n"
	"lock incw (%edx, %edx)\n"
	"3: hlt\n"
	"jmp 3b\n"
	"many_stub_end:\n"
	".code64\n"
	".popsection");

static void count_all(unsigned all)
{
	volatile uint16_t *marks = (volatile uint16_t *)(uintptr_t)MARKS;
	unsigned sum = 0;

	memset((void *)(uintptr_t)MARKS, 0, MARKS_IDS * sizeof(*marks));
	memcpy((void *)(uintptr_t)STUB, many_stub, (uintptr_t)many_stub_end - (uintptr_t)many_stub);
	for (unsigned cpu = 1; cpu < all; cpu++) {
		uint32_t id = smp_id(cpu);

		apic_ipi(id, APIC_ICR_INIT | APIC_ICR_ASSERT);
		apic_ipi(id, APIC_ICR_SIPI | APIC_ICR_ASSERT | STUB >> 12);
		if (!TIME_WAIT(marks[id] != 0))
			guest_fail("cpu %u, APIC ID %u, did not start", cpu, id);
	}
	for (unsigned cpu = 0; cpu < all; cpu++)
		CHECK_EQ(marks[smp_id(cpu)], cpu > 0, "starts of cpu %u, APIC ID %u", cpu,
			 smp_id(cpu));
	for (unsigned id = 0; id < MARKS_IDS; id++)
		sum += marks[id];
	CHECK_EQ(sum, all - 1, "starts in all");
	print("%u CPUs started, the last has APIC ID %u\n", sum, smp_id(all - 1));
}

static void send_to_each(void)
{
	unsigned self = smp_self();

	for (unsigned round = 1; round <= ROUNDS; round++)
		for (unsigned to = 0; to < cpus; to++) {
			if (to == self)
				continue;
			apic_ipi(ids[to], APIC_ICR_ASSERT | VECTOR(self));
			if (!TIME_WAIT(trap_count(to, VECTOR(self)) == round))
				lost++;
		}
}

static void work(uintptr_t unused)
{
	(void)unused;
	send_to_each();
}

static void note_id(uintptr_t unused)
{
	(void)unused;
	ids[smp_self()] = apic_id();
	CHECK_EQ(apic_id(), apic_cpuid_id(), "cpu %u: APIC ID and CPUID", smp_self());
}

void guest_main(void)
{
	cpus = smp_cpus() < MOST ? smp_cpus() : MOST;
	apic_enable();
	if (cpus < 2)
		guest_skip("needs 2 CPUs");
	if (smp_cpus() > SMP_IDS)
		guest_skip("no more than %u CPUs are known to this guest", SMP_IDS);
	count_all(smp_cpus());
	if (guest_arg("count"))
		return;
	trap_set_range(VECTOR(0), VECTOR(MOST - 1), trap_eoi);
	smp_start(cpus);
	note_id(0);
	for (unsigned cpu = 1; cpu < cpus; cpu++) {
		smp_call(cpu, note_id, 0);
		for (unsigned other = 0; other < cpu; other++)
			CHECK(ids[other] != ids[cpu], "cpus %u and %u differ in ID", other, cpu);
	}
	for (unsigned cpu = 1; cpu < cpus; cpu++)
		smp_begin(cpu, work, 0);
	sti();
	send_to_each();
	for (unsigned cpu = 1; cpu < cpus; cpu++)
		smp_finish(cpu);
	cli();
	CHECK_EQ(lost, 0, "IPIs lost");
	for (unsigned to = 0; to < cpus; to++) {
		for (unsigned from = 0; from < cpus; from++)
			CHECK_EQ(trap_count(to, VECTOR(from)), from == to ? 0 : ROUNDS,
				 "IPIs from %u to %u", from, to);
		CHECK_EQ(trap_count_all(to), ROUNDS * (cpus - 1), "interrupts of cpu %u", to);
	}
	print("%u CPUs, %u IPIs\n", cpus, ROUNDS * cpus * (cpus - 1));
}
