// SPDX-License-Identifier: BSD-2-Clause
/*
 * Building LAPICs for tests, their recording callbacks, and the verbs that tests are written in.
 * Not where a rule is judged: expectations stand in the tests.
 */
#include "tests/lapic/rig.h"

#include <stdlib.h>
#include <string.h>

static struct rig *rigs;

static uint64_t now_ns(void *opaque)
{
	return ((struct rig_cpu *)opaque)->rig->ns;
}

static uint64_t now_tsc(void *opaque)
{
	return ((struct rig_cpu *)opaque)->rig->tsc;
}

static struct lapic *lapic_of(struct rig_cpu *cpu)
{
	return cpu->rig->l[cpu - cpu->rig->cpu];
}

static void deadline_changed(void *opaque)
{
	struct rig_cpu *cpu = opaque;

	cpu->deadline_changes++;
	cpu->deadline = lapic_next_deadline(lapic_of(cpu));
}

static void kick(void *opaque)
{
	((struct rig_cpu *)opaque)->kicks++;
}

static void eoi_broadcast(void *opaque, uint8_t vector)
{
	struct rig_cpu *cpu = opaque;

	if (cpu->eois < sizeof(cpu->eoi))
		cpu->eoi[cpu->eois] = vector;
	cpu->eois++;
	if (cpu->on_eoi)
		cpu->on_eoi(lapic_of(cpu), vector);
}

static void base_changed(void *opaque, uint64_t apic_base)
{
	struct rig_cpu *cpu = opaque;

	cpu->base = apic_base;
	cpu->base_changes++;
}

static void event(void *opaque, const struct lapic_event *what)
{
	struct rig_cpu *cpu = opaque;

	if (cpu->events < sizeof(cpu->event) / sizeof(cpu->event[0]))
		cpu->event[cpu->events++] = *what;
}

static void map_lock(void *opaque)
{
	struct rig *r = opaque;

	assert_int_equal(r->lock_depth, 0);
	r->lock_depth++;
	r->locked++;
}

static void map_unlock(void *opaque)
{
	struct rig *r = opaque;

	assert_int_equal(r->lock_depth, 1);
	r->lock_depth--;
}

static void *aligned(size_t alignment, size_t bytes)
{
	size_t whole = (bytes + alignment - 1) / alignment * alignment;
	void *memory = aligned_alloc(alignment, whole);

	assert_non_null(memory);
	memset(memory, 0xA5, whole); /* the library must not count on zeros */
	return memory;
}

static void *zeroed(size_t count, size_t bytes)
{
	void *memory = calloc(count, bytes);

	assert_non_null(memory);
	return memory;
}

static void build_map(struct rig *r, const struct rig_plan *plan)
{
	struct lapic_map_config config = {
		.size = sizeof(config),
		.max_lapics = r->count,
		.max_id = plan->max_id ? plan->max_id : 1023,
		.lock = map_lock,
		.unlock = map_unlock,
		.opaque = r,
		.access_page = plan->access_page,
	};
	size_t bytes = lapic_map_size(&config);

	assert_true(bytes > 0);
	r->map = lapic_map_init(aligned(64, bytes), bytes, &config);
	assert_non_null(r->map);
}

struct rig *rig_build(const struct rig_plan *plan)
{
	static const struct lapic_ops ops = {
		.size = sizeof(ops),
		.now_ns = now_ns,
		.now_tsc = now_tsc,
		.deadline_changed = deadline_changed,
		.kick = kick,
		.eoi = eoi_broadcast,
		.base_changed = base_changed,
	};
	struct rig *r = zeroed(1, sizeof(*r));

	r->next = rigs;
	rigs = r;
	r->count = plan->count ? plan->count : 1;
	r->ns = 1000000000;
	r->tsc = 7000000;
	r->l = zeroed(r->count, sizeof(struct lapic *));
	r->cpu = zeroed(r->count, sizeof(r->cpu[0]));
	build_map(r, plan);
	for (unsigned i = 0; i < r->count; i++) {
		struct lapic_config config;

		if (plan->profile)
			plan->profile(&config);
		else
			lapic_config_intel(&config);
		config.initial_id = i;
		config.bsp = i == 0;
		if (plan->tune)
			plan->tune(&config, i);
		r->cpu[i].rig = r;
		r->cpu[i].page = aligned(LAPIC_PAGE_SIZE, LAPIC_PAGE_SIZE);
		assert_int_equal(lapic_init(aligned(lapic_align(), lapic_size()), lapic_size(),
					    r->cpu[i].page, &config, &ops, &r->cpu[i], r->map,
					    &r->l[i]),
				 LAPIC_INIT_OK);
		r->cpu[i].base_changes = 0;
	}
	return r;
}

struct rig *rig_tuned(unsigned count, void (*tune)(struct lapic_config *config, unsigned i))
{
	struct rig *r = rig_build(&(struct rig_plan){.count = count, .tune = tune});

	for (unsigned i = 0; i < count; i++)
		rig_start(r->l[i]);
	return r;
}

struct rig *rig_running(unsigned count)
{
	return rig_tuned(count, NULL);
}

struct lapic *rig_one(void)
{
	return rig_running(1)->l[0];
}

struct rig_cpu *rig_cpu_of(const struct lapic *l)
{
	for (struct rig *r = rigs; r; r = r->next)
		for (unsigned i = 0; i < r->count; i++)
			if (r->l[i] == l)
				return &r->cpu[i];
	fail_msg("a LAPIC of no rig");
	return NULL;
}

struct rig *rig_of(const struct lapic *l)
{
	return rig_cpu_of(l)->rig;
}

int rig_teardown(void **state)
{
	(void)state;
	while (rigs) {
		struct rig *r = rigs;

		rigs = r->next;
		for (unsigned i = 0; i < r->count; i++) {
			free(r->cpu[i].page);
			free(r->l[i]);
		}
		free(r->map);
		free(r->l);
		free(r->cpu);
		free(r);
	}
	return 0;
}

void rig_start(struct lapic *l)
{
	uint8_t page;

	if (lapic_waits_for_sipi(l)) {
		assert_int_equal(lapic_post(l, LAPIC_SIPI, 8, false), LAPIC_NEW);
		assert_true(lapic_take_sipi(l, &page));
	}
	put(l, APIC_SVR, 0x1FF);
}

void rig_x2apic(struct lapic *l)
{
	set_msr(l, MSR_BASE, lapic_apic_base(l) | BASE_EXTD);
}

void rig_x2apic_all(struct rig *r)
{
	for (unsigned i = 0; i < r->count; i++)
		rig_x2apic(r->l[i]);
}

void rig_disable(struct lapic *l)
{
	set_msr(l, MSR_BASE, lapic_apic_base(l) & ~(uint64_t)(BASE_EN | BASE_EXTD));
}

void rig_trace(struct lapic *l)
{
	rig_cpu_of(l)->events = 0;
	lapic_set_event_hook(l, event);
}

void rig_sleep(struct rig *r, uint64_t ns)
{
	r->ns += ns;
	for (unsigned i = 0; i < r->count; i++)
		lapic_tick(r->l[i]);
}

uint64_t msr(struct lapic *l, uint32_t number)
{
	uint64_t value = 0xDEADBEEFDEADBEEF;

	if (lapic_msr_read(l, number, &value) != LAPIC_OK)
		fail_msg("RDMSR %x faults", number);
	return value;
}

void set_msr(struct lapic *l, uint32_t number, uint64_t value)
{
	if (lapic_msr_write(l, number, value) != LAPIC_OK)
		fail_msg("WRMSR %x of %llx faults", number, (unsigned long long)value);
}

static bool by_msr(const struct lapic *l)
{
	return (lapic_apic_base(l) & BASE_EXTD) != 0;
}

uint32_t get(struct lapic *l, uint32_t offset)
{
	return (uint32_t)(by_msr(l) ? msr(l, MSR_OF(offset)) : lapic_mmio_read(l, offset, 4));
}

void put(struct lapic *l, uint32_t offset, uint32_t value)
{
	if (by_msr(l))
		set_msr(l, MSR_OF(offset), value);
	else
		lapic_mmio_write(l, offset, 4, value);
}

void send_ipi(struct lapic *l, uint32_t dest, uint32_t icr)
{
	if (by_msr(l)) {
		set_msr(l, MSR_OF(APIC_ICR), (uint64_t)dest << 32 | icr);
	} else {
		assert_true(dest <= 0xFF);
		put(l, APIC_ICR_HIGH, dest << 24);
		put(l, APIC_ICR, icr);
	}
}

uint32_t latch_esr(struct lapic *l)
{
	put(l, APIC_ESR, 0);
	return get(l, APIC_ESR);
}

bool has(struct lapic *l, uint32_t bank, uint8_t vector)
{
	return get(l, bank + vector / 32u * 16u) >> (vector % 32u) & 1u;
}

void eoi(struct lapic *l)
{
	put(l, APIC_EOI, 0);
}

unsigned drain(struct lapic *l)
{
	unsigned taken = 0;

	while (lapic_pending(l) & LAPIC_PENDING_INTR) {
		lapic_ack(l);
		eoi(l);
		if (++taken > 1000)
			fail_msg("interrupts without an end");
	}
	return taken;
}

uint32_t who_got(struct rig *r, uint8_t vector)
{
	uint32_t who = 0;

	for (unsigned i = 0; i < r->count && i < 32; i++) {
		if (lapic_peek(r->l[i]) != vector)
			continue;
		who |= 1u << i;
		assert_serves(r->l[i], vector);
	}
	return who;
}

unsigned told(const struct lapic *l, enum lapic_event_kind kind, struct lapic_event *last)
{
	const struct rig_cpu *cpu = rig_cpu_of(l);
	unsigned times = 0;

	for (unsigned i = 0; i < cpu->events; i++) {
		if (cpu->event[i].kind != kind)
			continue;
		times++;
		if (last)
			*last = cpu->event[i];
	}
	return times;
}

void rig_assert_takes(struct lapic *l, uint8_t vector, const char *file, int line)
{
	_assert_true(lapic_pending(l) & LAPIC_PENDING_INTR, "an interrupt is pending", file, line);
	_assert_int_equal((uint32_t)lapic_peek(l), vector, file, line);
	_assert_int_equal(lapic_ack(l), vector, file, line);
	_assert_true(in_isr(l, vector), "in service", file, line);
	_assert_true(!in_irr(l, vector), "no longer requested", file, line);
}

void rig_assert_nothing(struct lapic *l, const char *file, int line)
{
	_assert_int_equal(lapic_pending(l), 0, file, line);
	_assert_int_equal((uint32_t)lapic_peek(l), (uint32_t)-1, file, line);
}

static void snapshot(struct lapic *l, uint8_t *bytes, size_t room)
{
	assert_true(lapic_state_size() <= room);
	assert_int_equal(lapic_save(l, bytes, room, -1), lapic_state_size());
}

void rig_assert_gp_read(struct lapic *l, uint32_t number, const char *file, int line)
{
	uint8_t before[1024], after[1024];
	uint64_t value = 0x1122334455667788;

	snapshot(l, before, sizeof(before));
	if (lapic_msr_read(l, number, &value) != LAPIC_GP) {
		print_error("RDMSR %x does not fault\n", number);
		_fail(file, line);
	}
	snapshot(l, after, sizeof(after));
	_assert_memory_equal(before, after, lapic_state_size(), file, line);
}

void rig_assert_gp_write(struct lapic *l, uint32_t number, uint64_t value, const char *file,
			 int line)
{
	uint8_t before[1024], after[1024];

	snapshot(l, before, sizeof(before));
	if (lapic_msr_write(l, number, value) != LAPIC_GP) {
		print_error("WRMSR %x of %llx does not fault\n", number, (unsigned long long)value);
		_fail(file, line);
	}
	snapshot(l, after, sizeof(after));
	_assert_memory_equal(before, after, lapic_state_size(), file, line);
}

void rig_assert_mistake(const struct lapic *l, const char *rule, const char *file, int line)
{
	struct lapic_event last = {0};

	_assert_true(told(l, LAPIC_EVENT_MISTAKE, &last) > 0, "a mistake was reported", file, line);
	_assert_string_equal(last.rule, rule, file, line);
}
