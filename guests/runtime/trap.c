// SPDX-License-Identifier: BSD-2-Clause
// The IDT and what happens on each vector.
// Not the entries themselves (entry.S).
#include "guests/runtime/trap.h"

#include "guests/runtime/apic.h"
#include "guests/runtime/layout.h"
#include "guests/runtime/memory.h"
#include "guests/runtime/result.h"
#include "guests/runtime/smp.h"

#define ENTRY_BYTES    16
#define GATE_INTERRUPT 0x8e00

struct gate {
	uint16_t offset0, selector, kind, offset1;
	uint32_t offset2, reserved;
};

struct table_pointer {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

/* Where an instruction may fault, and where the processor then goes on. */
struct fixup {
	uint64_t at, resume;
};

extern const char trap_entries[];
extern const struct fixup trap_fixups[], trap_fixups_end[];
void trap_dispatch(struct trap_frame *frame);

static struct gate idt[256] __attribute__((aligned(16)));
static trap_handler handlers[256];
static volatile unsigned counts[MAX_CPUS][256];
static volatile bool counted[MAX_CPUS]; /* has counts that are not 0 */

void trap_set_entry(unsigned vector, const char *entry)
{
	uint64_t address = (uintptr_t)entry;

	idt[vector] = (struct gate){.offset0 = (uint16_t)address,
				    .selector = SEL_KERNEL_CODE,
				    .kind = GATE_INTERRUPT,
				    .offset1 = (uint16_t)(address >> 16),
				    .offset2 = (uint32_t)(address >> 32)};
}

void trap_init(void)
{
	for (unsigned i = 0; i < 256; i++)
		trap_set_entry(i, trap_entries + ENTRY_BYTES * i);
}

void trap_load(void)
{
	struct table_pointer pointer = {sizeof(idt) - 1, (uintptr_t)idt};

	__asm__ volatile("lidt %0" : : "m"(pointer));
}

void trap_set(unsigned vector, trap_handler handler)
{
	__atomic_store_n(&handlers[vector], handler, __ATOMIC_RELEASE);
}

void trap_set_range(unsigned first, unsigned last, trap_handler handler)
{
	for (unsigned vector = first; vector <= last; vector++)
		trap_set(vector, handler);
}

void trap_eoi(struct trap_frame *frame)
{
	(void)frame;
	apic_eoi();
}

unsigned trap_count(unsigned cpu, unsigned vector)
{
	return counts[cpu][vector];
}

unsigned trap_count_all(unsigned cpu)
{
	unsigned sum = 0;

	for (unsigned vector = 16; vector < 256; vector++)
		sum += counts[cpu][vector];
	return sum;
}

void trap_forget(void)
{
	for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (!counted[cpu])
			continue;
		counted[cpu] = false;
		for (unsigned vector = 0; vector < 256; vector++)
			counts[cpu][vector] = 0;
	}
}

static bool fix_up(struct trap_frame *frame)
{
	for (const struct fixup *f = trap_fixups; f != trap_fixups_end; f++) {
		if (f->at != frame->rip)
			continue;
		frame->rip = f->resume;
		frame->r8 = 1;
		frame->r9 = frame->vector | frame->error << 32;
		return true;
	}
	return false;
}

void trap_dispatch(struct trap_frame *frame)
{
	unsigned vector = (unsigned)frame->vector, cpu = smp_self();
	trap_handler handler = __atomic_load_n(&handlers[vector], __ATOMIC_ACQUIRE);

	if (vector < 32 && fix_up(frame))
		return;
	counted[cpu] = true;
	counts[cpu][vector]++;
	if (handler) {
		handler(frame);
		return;
	}
	guest_fail("cpu %u: unexpected vector %u, error %lx, at rip %lx, cs %lx, rsp %lx", cpu,
		   vector, frame->error, frame->rip, frame->cs, frame->rsp);
}

/* fix_up() answers in r8 and r9. */
#define FIXUP(at, resume) ".pushsection .fixups, \"a\"; .quad " at ", " resume "; .popsection\n"

static struct trap_result result(uint64_t faulted, uint64_t what)
{
	return (struct trap_result){.ok = !faulted,
				    .vector = faulted ? (uint32_t)what : 0,
				    .error = faulted ? (uint32_t)(what >> 32) : 0};
}

struct trap_result rdmsr_safe(uint32_t msr, uint64_t *value)
{
	uint32_t low = 0, high = 0;
	register uint64_t faulted __asm__("r8") = 0;
	register uint64_t what __asm__("r9") = 0;

	__asm__ volatile("1: rdmsr\n2:\n" FIXUP("1b", "2b")
			 : "+a"(low), "+d"(high), "+r"(faulted), "+r"(what)
			 : "c"(msr)
			 : "memory");
	*value = (uint64_t)high << 32 | low;
	return result(faulted, what);
}

struct trap_result wrmsr_safe(uint32_t msr, uint64_t value)
{
	register uint64_t faulted __asm__("r8") = 0;
	register uint64_t what __asm__("r9") = 0;

	__asm__ volatile("1: wrmsr\n2:\n" FIXUP("1b", "2b")
			 : "+r"(faulted), "+r"(what)
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
	return result(faulted, what);
}
