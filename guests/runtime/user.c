// SPDX-License-Identifier: BSD-2-Clause
// Keeps, for each processor, where user_run() was called and the stack that interrupts use
// meanwhile. No protection: the page tables let CPL3 see everything.
#include "guests/runtime/user.h"

#include "guests/runtime/layout.h"
#include "guests/runtime/smp.h"
#include "guests/runtime/tables.h"

#define USER_STACK 1024

void user_enter(uint64_t code, uint64_t stack, uint64_t *kept, uint64_t *interrupt_stack);
extern const char user_back[];

static uint64_t kept[MAX_CPUS];
static bool has_tss[MAX_CPUS];
static char stacks[MAX_CPUS][USER_STACK] __attribute__((aligned(16)));

void user_run(void (*code)(void))
{
	unsigned cpu = smp_self();

	if (!has_tss[cpu])
		tables_load_tss(cpu);
	has_tss[cpu] = true;
	/* As if it had been called: 8 below a multiple of 16. */
	user_enter((uintptr_t)code, (uintptr_t)stacks[cpu + 1] - 8, &kept[cpu],
		   tables_interrupt_stack(cpu));
}

void user_leave(struct trap_frame *frame)
{
	frame->rip = (uintptr_t)user_back;
	frame->cs = SEL_KERNEL_CODE;
	frame->flags = 2;
	frame->rsp = kept[smp_self()];
	frame->ss = SEL_KERNEL_DATA;
}

bool user_was_in(const struct trap_frame *frame)
{
	return (frame->cs & 3) == 3;
}
