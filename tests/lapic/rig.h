// SPDX-License-Identifier: BSD-2-Clause
/*
 * The bench that the tests of liblapic stand on: LAPICs in one map, clocks set by hand, and
 * callbacks that write down what they are told. Not a second model: it knows lapic.h and the SDM's
 * numbers.
 */
#ifndef TESTS_LAPIC_RIG_H
#define TESTS_LAPIC_RIG_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "lapic/lapic.h"

/* The SDM's offsets in the register page; register number = offset >> 4, MSR = 800h + number. */
#define APIC_ID          0x020u
#define APIC_VERSION     0x030u
#define APIC_TPR         0x080u
#define APIC_APR         0x090u
#define APIC_PPR         0x0A0u
#define APIC_EOI         0x0B0u
#define APIC_RRD         0x0C0u
#define APIC_LDR         0x0D0u
#define APIC_DFR         0x0E0u
#define APIC_SVR         0x0F0u
#define APIC_ISR         0x100u
#define APIC_TMR         0x180u
#define APIC_IRR         0x200u
#define APIC_ESR         0x280u
#define APIC_LVT_CMCI    0x2F0u
#define APIC_ICR         0x300u
#define APIC_ICR_HIGH    0x310u
#define APIC_LVT_TIMER   0x320u
#define APIC_LVT_THERMAL 0x330u
#define APIC_LVT_PERF    0x340u
#define APIC_LVT_LINT0   0x350u
#define APIC_LVT_LINT1   0x360u
#define APIC_LVT_ERROR   0x370u
#define APIC_TMICT       0x380u
#define APIC_TMCCT       0x390u
#define APIC_DCR         0x3E0u
#define APIC_SELF_IPI    0x3F0u

#define MSR_BASE         0x1Bu
#define MSR_DEADLINE     0x6E0u
#define MSR_OF(offset)   (0x800u + ((offset) >> 4))

#define BASE_BSP         0x100u
#define BASE_EXTD        0x400u
#define BASE_EN          0x800u

/* LVT and ICR fields. */
#define MASKED     0x10000u
#define PERIODIC   0x20000u
#define DEADLINE   0x40000u
#define LEVEL      0x8000u
#define ACTIVE_LOW 0x2000u
#define REMOTE_IRR 0x4000u
#define ASSERT     0x4000u
#define LOGICAL    0x800u
#define MODE(mode) ((uint32_t)(mode) << 8)
#define TO_SELF    (1u << 18)
#define TO_ALL     (2u << 18)
#define TO_OTHERS  (3u << 18)

/* Divide configuration values. */
#define DIVIDE_1   0xBu
#define DIVIDE_2   0x0u
#define DIVIDE_4   0x1u
#define DIVIDE_16  0x3u
#define DIVIDE_128 0xAu

/* ESR bits. */
#define ESR_REDIRECTABLE   0x10u
#define ESR_SEND_VECTOR    0x20u
#define ESR_RECEIVE_VECTOR 0x40u
#define ESR_REGISTER       0x80u

struct rig;

/* What one LAPIC has told the outside. */
struct rig_cpu {
	struct rig *rig;
	void *page;
	unsigned deadline_changes, kicks, base_changes;
	struct lapic_deadline deadline; /* as found inside the last deadline_changed() */
	uint64_t base;                  /* as last told */
	void (*on_eoi)(struct lapic *l, uint8_t vector); /* what an I/O APIC does then */
	uint8_t eoi[64];
	unsigned eois;
	struct lapic_event event[256];
	unsigned events;
};

struct rig {
	uint64_t ns, tsc; /* the clocks; they move when a test moves them */
	unsigned count;
	struct lapic_map *map;
	struct lapic **l;
	struct rig_cpu *cpu;
	unsigned locked, lock_depth; /* of the map's lock */
	struct rig *next;
};

/* What a rig is made of; zero or NULL for the usual. */
struct rig_plan {
	unsigned count;                               /* 1 */
	uint32_t max_id;                              /* 1023 */
	void (*profile)(struct lapic_config *config); /* lapic_config_intel */
	void (*tune)(struct lapic_config *config,
		     unsigned i); /* after initial_id = i, bsp = (i == 0) */
	void *access_page;
};

struct rig *rig_build(const struct rig_plan *plan);
/* `count` LAPICs of the Intel profile, all out of reset, in xAPIC mode and enabled by software. */
struct rig *rig_running(unsigned count);
/* The same with a changed configuration. */
struct rig *rig_tuned(unsigned count, void (*tune)(struct lapic_config *config, unsigned i));
/* One LAPIC, as rig_running(1). */
struct lapic *rig_one(void);
struct rig_cpu *rig_cpu_of(const struct lapic *l);
struct rig *rig_of(const struct lapic *l);
int rig_teardown(void **state);
#define rig_test(f) cmocka_unit_test_teardown(f, rig_teardown)

/* SIPI taken, SVR = 1FFh. */
void rig_start(struct lapic *l);
void rig_x2apic(struct lapic *l);
void rig_x2apic_all(struct rig *r);
void rig_disable(struct lapic *l);
void rig_trace(struct lapic *l);
/* Moves the clocks of the rig and lets every LAPIC look at them. */
void rig_sleep(struct rig *r, uint64_t ns);

/* A register by its offset, through the front door of the LAPIC's mode; faults fail the test. */
uint32_t get(struct lapic *l, uint32_t offset);
void put(struct lapic *l, uint32_t offset, uint32_t value);
uint64_t msr(struct lapic *l, uint32_t number);
void set_msr(struct lapic *l, uint32_t number, uint64_t value);
/* ICR: destination and low dword, as the mode wants it. */
void send_ipi(struct lapic *l, uint32_t dest, uint32_t icr);
/* Writes ESR, returns what that latched. */
uint32_t latch_esr(struct lapic *l);
bool has(struct lapic *l, uint32_t bank, uint8_t vector);
#define in_irr(l, vector) has(l, APIC_IRR, vector)
#define in_isr(l, vector) has(l, APIC_ISR, vector)
#define in_tmr(l, vector) has(l, APIC_TMR, vector)
void eoi(struct lapic *l);
/* The CPU takes everything deliverable: acknowledge and EOI. Returns how many. */
unsigned drain(struct lapic *l);
/* What a fixed message brought to LAPICs 0..31, as a bit mask; takes it away again. */
uint32_t who_got(struct rig *r, uint8_t vector);
/* The number of events of a kind since the trace began; *last is the last of them. */
unsigned told(const struct lapic *l, enum lapic_event_kind kind, struct lapic_event *last);

/* The LAPIC offers `vector` and gives it: IRR to ISR. */
#define assert_takes(l, vector) rig_assert_takes(l, vector, __FILE__, __LINE__)
/* The same and its EOI. */
#define assert_serves(l, vector) (assert_takes(l, vector), eoi(l))
#define assert_nothing(l)        rig_assert_nothing(l, __FILE__, __LINE__)
/* #GP, and no bit of the state is another. */
#define assert_gp_read(l, number)     rig_assert_gp_read(l, number, __FILE__, __LINE__)
#define assert_gp_write(l, number, v) rig_assert_gp_write(l, number, v, __FILE__, __LINE__)
#define assert_mistake(l, id)         rig_assert_mistake(l, id, __FILE__, __LINE__)

void rig_assert_takes(struct lapic *l, uint8_t vector, const char *file, int line);
void rig_assert_nothing(struct lapic *l, const char *file, int line);
void rig_assert_gp_read(struct lapic *l, uint32_t number, const char *file, int line);
void rig_assert_gp_write(struct lapic *l, uint32_t number, uint64_t value, const char *file,
			 int line);
void rig_assert_mistake(const struct lapic *l, const char *rule, const char *file, int line);

#endif
