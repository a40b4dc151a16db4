// SPDX-License-Identifier: BSD-2-Clause
// Short sequences of operations that lead into one corner each: what random programs are made of.
// Not how often each is played: generate.c has the weights.
#ifndef VMM_DIFF_SCENE_H
#define VMM_DIFF_SCENE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/diff/model.h"
#include "vmm/diff/program.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SCENE_VECTORS 6u

struct scene {
	struct program *program;
	struct model model;
	size_t limit;    /* operations wanted: what is emitted beyond them is dropped */
	uint64_t random; /* state of splitmix64 */
	bool x2apic, tsc_deadline, page_is_memory, no_memory;
	bool sleeps;                    /* some programs are without HLT */
	uint8_t vectors[SCENE_VECTORS]; /* few, so that they meet each other */
};

/* Random numbers. */
uint64_t scene_random(struct scene *s);
uint32_t scene_below(struct scene *s, uint32_t bound); /* 0 .. bound - 1; bound > 0 */
bool scene_chance(struct scene *s, unsigned percent);
uint8_t scene_vector(struct scene *s);       /* any, mostly one of `vectors` or near one */
uint8_t scene_legal_vector(struct scene *s); /* above 15 */

/* Operations, put at the program's end and followed by the model. */
void scene_op(struct scene *s, struct program_op op);
void scene_plain(struct scene *s, unsigned cpu, enum program_kind kind);
void scene_read(struct scene *s, unsigned cpu, unsigned reg); /* page or MSR, as the mode is */
void scene_write(struct scene *s, unsigned cpu, unsigned reg, uint32_t value);
void scene_rdmsr(struct scene *s, unsigned cpu, uint32_t index);
void scene_wrmsr(struct scene *s, unsigned cpu, uint32_t index, uint64_t value);
void scene_wait(struct scene *s, unsigned us);
/* Sends by the ICR. A shorthand in `low` makes `dest` of no account. */
void scene_icr(struct scene *s, unsigned cpu, uint32_t dest, uint32_t low);
void scene_msi(struct scene *s, uint32_t dest, bool logical, bool hint, uint32_t data);
/* The physical destination that reaches this CPU now, from an ICR or an MSI. */
uint32_t scene_id(const struct scene *s, unsigned cpu);
/* A CPU that runs and is not `but`, or -1. */
int scene_other(struct scene *s, unsigned but);
/* SVR enable, LDR, IF: what a CPU needs to take part. */
void scene_set_up(struct scene *s, unsigned cpu);
/* One or a few vectors to itself, with IF off: they wait in the IRR. */
void scene_pend(struct scene *s, unsigned cpu);

/* The scenes, each for a CPU that runs. */
void scene_registers(struct scene *s, unsigned cpu); /* scene_access.c */
void scene_odd_page(struct scene *s, unsigned cpu);
void scene_odd_msr(struct scene *s, unsigned cpu);
void scene_priority(struct scene *s, unsigned cpu);
void scene_in_service(struct scene *s, unsigned cpu);
void scene_errors(struct scene *s, unsigned cpu);
void scene_lvt(struct scene *s, unsigned cpu);
void scene_disable(struct scene *s, unsigned cpu); /* scene_mode.c */
void scene_mode(struct scene *s, unsigned cpu);
void scene_relocate(struct scene *s, unsigned cpu);
void scene_base_bits(struct scene *s, unsigned cpu);
void scene_identity(struct scene *s, unsigned cpu);
void scene_self(struct scene *s, unsigned cpu); /* scene_ipi.c */
void scene_physical(struct scene *s, unsigned cpu);
void scene_logical(struct scene *s, unsigned cpu);
void scene_shorthand(struct scene *s, unsigned cpu);
void scene_odd_icr(struct scene *s, unsigned cpu);
void scene_nmi(struct scene *s, unsigned cpu);
void scene_init(struct scene *s, unsigned cpu);
void scene_message(struct scene *s, unsigned cpu);
void scene_delivery(struct scene *s, unsigned cpu);
void scene_halt(struct scene *s, unsigned cpu);
void scene_far_timer(struct scene *s, unsigned cpu); /* scene_timer.c */
void scene_short_timer(struct scene *s, unsigned cpu);
void scene_timed_sleep(struct scene *s, unsigned cpu);
void scene_periodic(struct scene *s, unsigned cpu);
void scene_rearm(struct scene *s, unsigned cpu);
void scene_deadline(struct scene *s, unsigned cpu);

/* From FEE00000h, which KVM's emulator takes for a Local APIC's whatever memory is there. */
void scene_leave_default(struct scene *s, unsigned cpu);

/* Brings a CPU back that waits for a SIPI, or sleeps. */
void scene_start(struct scene *s, unsigned cpu);
void scene_wake(struct scene *s, unsigned cpu);

#ifdef __cplusplus
}
#endif

#endif
