// SPDX-License-Identifier: BSD-2-Clause
// The story of a program on two sides: bid both, settle, compare, explain, go on or stop.
// Not what the sides are (side*.c), nor what differs (compare.c).

#include "vmm/diff/lockstep.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "vmm/cpuid.h"
#include "vmm/diff/pair.h"
#include "vmm/ending.h"
#include "vmm/kick.h"
#include "vmm/msr_index.h"
#include "vmm/options.h"

#define NS_PER_S        1000000000
#define TICK_NS         150000             /* ends KVM_RUN of a CPU that waits in the kernel */
#define NEAR_NS         UINT64_C(3000000)  /* a timer that runs out so soon is waited for */
#define LATER_NS        UINT64_C(300000)   /* after it is due: then KVM's has been seen to */
#define AGAIN_NS        UINT64_C(30000000) /* before a difference is believed */
#define FAST_NS         UINT64_C(10000000) /* periods below are not told apart */
#define LOOKS           8u
#define ROUNDS          50u
#define VERSION_REG     3u
#define VERSION_EOI     (1u << 24)
#define LVT_ENTRIES_ALL 6u /* VERSION[23:16] with CMCI */
#define REG_LVT_LINT0   0x35u
#define REG_LVT_LINT1   0x36u
#define LVT_LEVEL       0x8000u
#define LVT_MODE        0x700u
#define LVT_EXTINT      0x700u
#define LVT_ACTIVE_LOW  0x2000u
#define REG_ICR         0x30u
#define REG_LVT_TIMER   0x32u
#define REG_DCR         0x3Eu
#define REG_TPR         0x08u
#define REG_PPR         0x0Au
#define REG_ISR         0x10u
#define SVR_OFFSET      0xF0u
#define ICR_OFFSET      0x300u
#define ICR_SELF        0x44000u
#define PROBE_VECTOR    0x83u
#define EOI_OFFSET      0xB0u
#define MSR_EOI         0x80Bu
#define ICR_INIT_OTHERS 0xC4500u
#define ICR_SIPI_OTHERS 0xC4600u

#ifndef sigev_notify_thread_id
# define sigev_notify_thread_id _sigev_un._tid
#endif

struct lockstep {
	struct side_setup setup;
	struct kvm_cpuid2 *cpuid[PROGRAM_CPUS_MAX];
	timer_t tick;
	bool ticks;
};

/* ---- time ---- */

uint64_t pair_clock(struct pair *pair)
{
	pair->ours.now_ns = kick_clock_ns();
	pair->ours.now_tsc = tsc_now(&pair->tsc);
	return pair->ours.now_ns;
}

static void sleep_until(uint64_t ns)
{
	struct timespec until = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static void tick(struct lockstep *l, bool on)
{
	struct itimerspec when = {{0, on ? TICK_NS : 0}, {0, on ? TICK_NS : 0}};

	timer_settime(l->tick, 0, &when, NULL);
}

/* ---- one operation ---- */

/* By what the puppet does it. */
static uint64_t what_of(const struct program_op *op)
{
	static const uint8_t plain[PROGRAM_KINDS] = {
		[PROGRAM_RDMSR] = PUPPET_DO_RDMSR,
		[PROGRAM_WRMSR] = PUPPET_DO_WRMSR,
		[PROGRAM_DEADLINE] = PUPPET_DO_DEADLINE,
		[PROGRAM_READ_CR8] = PUPPET_DO_READ_CR8,
		[PROGRAM_WRITE_CR8] = PUPPET_DO_WRITE_CR8,
		[PROGRAM_RDTSC] = PUPPET_DO_RDTSC,
		[PROGRAM_STI] = PUPPET_DO_STI,
		[PROGRAM_CLI] = PUPPET_DO_CLI,
		[PROGRAM_HLT] = PUPPET_DO_HLT,
	};
	uint64_t by_width = op->width == 1 ? 0 : op->width == 2 ? 1 : op->width == 4 ? 2 : 3;

	if (op->kind == PROGRAM_READ)
		return PUPPET_DO_READ1 + by_width;
	if (op->kind == PROGRAM_WRITE)
		return PUPPET_DO_WRITE1 + by_width;
	return plain[op->kind];
}

/* KVM's LAPICs have no LINT pins, and those of ours are not connected, so they are low: a
 * level-triggered entry that takes low for active would deliver without end. */
static uint64_t value_of(const struct program_op *op, enum finding_mode mode)
{
	int reg = compare_register(op, mode);
	bool lint = reg == REG_LVT_LINT0 || reg == REG_LVT_LINT1;
	bool level = (op->value & LVT_LEVEL) || (op->value & LVT_MODE) == LVT_EXTINT;

	return lint && level ? op->value & ~(uint64_t)LVT_ACTIVE_LOW : op->value;
}

static struct pair_answer bid(struct side *side, const struct program_op *op, uint64_t deadline)
{
	uint64_t base = side->kind->base(side, op->cpu), page = base & ~UINT64_C(0xFFF);
	uint64_t what = what_of(op), address = op->where, value = value_of(op, pair_mode(base));
	const struct puppet_block *block = side->cpu[op->cpu].block;

	if (op->kind == PROGRAM_READ || op->kind == PROGRAM_WRITE)
		address += page;
	if (op->kind == PROGRAM_EOI) {
		static const uint64_t how[] = {PUPPET_DO_NOTHING, PUPPET_DO_WRITE4,
					       PUPPET_DO_WRMSR};
		enum finding_mode mode = pair_mode(base);

		what = how[mode];
		address = mode == FINDING_X2APIC ? MSR_EOI : page + EOI_OFFSET;
		value = 0;
	}
	/* The second side writes what the first has computed. */
	if (op->kind == PROGRAM_DEADLINE && deadline) {
		what = PUPPET_DO_WRMSR;
		address = MSR_IA32_TSC_DEADLINE;
		value = deadline;
	}
	side_do(side, op->cpu, what, address, value);
	/* A MOV to CR8 that changes nothing there is no exit, but clears TPR[3:0]. */
	if (op->kind == PROGRAM_WRITE_CR8 && block->fault == FINDING_NO_FAULT &&
	    side->cpu[op->cpu].lapic)
		lapic_write_cr8(side->cpu[op->cpu].lapic, value);
	return (struct pair_answer){block->result, block->fault};
}

/* The earliest that a timer may run out on either side. */
static uint64_t first_expiry(const struct pair *pair)
{
	uint64_t first = UINT64_MAX;

	for (unsigned n = 0; n < pair->cpus; n++) {
		const struct clocks_timer *t = &pair->cpu[n].timer;

		if (t->runs && t->expiry != UINT64_MAX && !t->again && t->expiry - t->early < first)
			first = t->expiry - t->early;
	}
	return first;
}

static void note_timer(struct pair *pair, const struct clocks_timer *before)
{
	struct pair_cpu *c = &pair->cpu[pair->op->cpu];
	int reg = compare_register(pair->op, pair->before[pair->op->cpu]);
	bool whole = pair->op->kind == PROGRAM_WRITE && pair->op->where % 16 == 0 &&
		     pair->op->width == 4;

	if (reg >= 0 && (whole || pair->op->kind == PROGRAM_WRMSR) &&
	    pair->kvm_answer.fault == FINDING_NO_FAULT)
		clocks_written(&c->timer, (unsigned)reg, pair->t0, pair->t1, before);
}

/* False: the host stopped for so long that a timer may have run out before or after it. */
static bool do_by_cpu(struct pair *pair)
{
	const struct program_op *op = pair->op;
	uint64_t first = first_expiry(pair);
	struct clocks_timer before = pair->cpu[op->cpu].timer;

	pair->done = pair->kvm.cpu[op->cpu].state == FINDING_RUNNING &&
		     pair->ours.cpu[op->cpu].state == FINDING_RUNNING;
	if (!pair->done)
		return true;
	pair->t0 = kick_clock_ns();
	pair->kvm_answer = bid(&pair->kvm, op, 0);
	pair->t1 = pair_clock(pair);
	if (pair->t1 >= first)
		return false;
	pair->ours_answer = bid(&pair->ours, op, pair->kvm_answer.value);
	if (op->kind == PROGRAM_DEADLINE)
		pair->kvm_answer.value = pair->ours_answer.value = 0;
	compare_look(pair);
	note_timer(pair, &before);
	pair->answer_timer = pair->cpu[op->cpu].timer;
	return true;
}

/* A timer that ran out while it was masked waits in KVM, and a new divisor lets one run out again,
 * both of which the ledger knows of. */
static bool may_fire_late(const struct pair *pair)
{
	const struct program_op *op = pair->op;
	bool writes = op->kind == PROGRAM_WRITE || op->kind == PROGRAM_WRMSR;
	int reg = compare_register(op, pair->before[op->cpu]);

	return writes && (reg == REG_LVT_TIMER || reg == REG_DCR);
}

static void note_sent(struct pair *pair)
{
	const struct program_op *op = pair->op;
	bool writes = op->kind == PROGRAM_WRITE || op->kind == PROGRAM_WRMSR;

	if (writes && compare_register(op, pair->before[op->cpu]) == REG_ICR)
		pair->sent |= 1u << (op->value >> 8 & 7);
}

static bool do_op(struct pair *pair)
{
	const struct program_op *op = pair->op;

	pair->done = false;
	note_sent(pair);
	pair->kvm.linger = may_fire_late(pair);
	switch (op->kind) {
	case PROGRAM_KEEP:
		pair->ours.cpu[op->cpu].keep = pair->kvm.cpu[op->cpu].keep = op->value != 0;
		return true;
	case PROGRAM_WAIT: sleep_until(kick_clock_ns() + op->value * 1000); return true;
	case PROGRAM_MSI:
		pair->kvm.kind->message(&pair->kvm, op->where, (uint32_t)op->value);
		pair_clock(pair);
		pair->ours.kind->message(&pair->ours, op->where, (uint32_t)op->value);
		return true;
	default: return do_by_cpu(pair);
	}
}

/* ---- settling ---- */

static unsigned arrivals(const struct pair *pair)
{
	unsigned count = 0;

	for (unsigned n = 0; n < pair->cpus; n++)
		count += pair->ours.cpu[n].arrived.count + pair->kvm.cpu[n].arrived.count;
	return count;
}

/* Whether it comes again and again, to a processor that does not look: then once is as often. */
static bool is_unseen(const struct pair *pair, unsigned n)
{
	const struct clocks_timer *t = &pair->cpu[n].timer;

	return t->periodic && clocks_period(t) < FAST_NS &&
	       (t->masked || !side_interrupts_on(&pair->ours, n));
}

/* Until the last timer that is about to run out has done so. */
static bool wait_for_timers(struct pair *pair)
{
	uint64_t now = kick_clock_ns(), until = 0;

	for (unsigned n = 0; n < pair->cpus; n++) {
		struct clocks_timer *t = &pair->cpu[n].timer;

		if (!t->runs || t->expiry == UINT64_MAX || t->again ||
		    t->expiry - t->early > now + NEAR_NS)
			continue;
		if (t->expiry + t->late > until)
			until = t->expiry + t->late;
		t->again = is_unseen(pair, n);
	}
	if (until)
		sleep_until(until + LATER_NS);
	return until != 0;
}

/* Whether so long a pause in looking may hide an interrupt of a periodic timer from one side. */
static bool paused(const struct pair *pair, uint64_t ns)
{
	for (unsigned n = 0; n < pair->cpus; n++) {
		const struct clocks_timer *t = &pair->cpu[n].timer;

		if (t->runs && t->periodic && !t->again && ns > clocks_period(t) / 2)
			return true;
	}
	return false;
}

/* False: it does not come to rest, as with a periodic timer that is too fast to be told apart. */
static bool settle(struct pair *pair)
{
	bool waited = false;

	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned before = arrivals(pair);
		uint64_t from = kick_clock_ns();

		for (unsigned n = 0; n < pair->cpus; n++)
			pair->kvm.kind->settle(&pair->kvm, n);
		if (paused(pair, pair_clock(pair) - from))
			return false;
		for (unsigned n = 0; n < pair->cpus; n++)
			pair->ours.kind->settle(&pair->ours, n);
		compare_look(pair);
		/* One CPU's EOI may let another's interrupt go, and a timer may have come in. */
		waited = wait_for_timers(pair);
		pair->kvm.linger = pair->kvm.linger || waited;
		if (!waited && arrivals(pair) == before)
			return true;
	}
	return false;
}

/* ---- the step ---- */

/* What has been explained in this step. */
struct explained {
	bool fault;
	bool priority[PROGRAM_CPUS_MAX]; /* something that PPR follows from */
};

/* A register that an operation wrote on one side and was refused on the other goes with that; PPR
 * goes with TPR, ISR and what was taken. */
static bool follows(const struct pair *pair, const struct finding *finding,
		    const struct explained *explained)
{
	if (finding->field != FINDING_REGISTER)
		return false;
	if (finding->reg == REG_PPR)
		return explained->priority[finding->cpu];
	return explained->fault && finding->cpu == pair->op->cpu &&
	       compare_register(pair->op, pair->before[pair->op->cpu]) == (int)finding->reg;
}

static void note(const struct pair *pair, struct explained *explained,
		 const struct finding *finding)
{
	bool isr = finding->reg >= REG_ISR && finding->reg < REG_ISR + 8;

	if (finding->field == FINDING_FAULT) {
		explained->fault = true;
		explained->priority[finding->cpu] =
			compare_register(pair->op, pair->before[finding->cpu]) == REG_TPR;
	}
	if (finding->field == FINDING_ARRIVED ||
	    (finding->field == FINDING_REGISTER && (isr || finding->reg == REG_TPR)))
		explained->priority[finding->cpu] = true;
}

/* PPR last: it follows from others. */
static const struct finding *unexplained_of(struct pair *pair, struct ledger *ledger,
					    struct explained *explained, bool ppr, size_t *count)
{
	for (unsigned i = 0; i < pair->finding_count; i++) {
		const struct finding *finding = &pair->findings[i];

		if ((finding->field == FINDING_REGISTER && finding->reg == REG_PPR) != ppr)
			continue;
		if (follows(pair, finding, explained))
			continue;
		if (!ledger || ledger_match(ledger, finding) < 0)
			return finding;
		++*count;
		note(pair, explained, finding);
	}
	return NULL;
}

/* The first finding that nothing explains, or NULL. */
static const struct finding *unexplained(struct pair *pair, struct ledger *ledger, size_t *count)
{
	struct explained explained = {0};
	const struct finding *finding = unexplained_of(pair, ledger, &explained, false, count);

	return finding ? finding : unexplained_of(pair, ledger, &explained, true, count);
}

static bool only_values(const struct pair *pair)
{
	for (unsigned i = 0; i < pair->finding_count; i++)
		if (pair->findings[i].field != FINDING_VALUE)
			return false;
	return true;
}

static void say(struct lockstep_report *report, enum lockstep_outcome outcome, const char *text)
{
	report->outcome = outcome;
	snprintf(report->text, sizeof(report->text), "%s", text);
}

static void say_restless(struct lockstep_report *report)
{
	say(report, LOCKSTEP_STALLED,
	    "a periodic timer runs out too often for the host to be followed");
}

static void differ(struct pair *pair, const struct finding *finding, struct lockstep_report *report)
{
	char text[160], op[80];
	const char *trouble = pair->ours.trouble[0] ? pair->ours.trouble : pair->kvm.trouble;

	report->outcome = LOCKSTEP_DIFFERS;
	report->finding = *finding;
	finding_text(finding, text);
	program_op_text(pair->op, op);
	snprintf(report->text, sizeof(report->text), "after `%s`: %s%s%s", op, text,
		 finding->field == FINDING_STATE && trouble[0] ? "; " : "",
		 finding->field == FINDING_STATE ? trouble : "");
}

static void print_log(const char *name, unsigned n, const struct side_log *log, FILE *to)
{
	if (!log->count)
		return;
	fprintf(to, " %s %u:", name, n);
	for (unsigned i = 0; i < log->count; i++)
		fprintf(to, " %x", log->items[i]);
}

static void print_step(const struct pair *pair, FILE *to)
{
	char text[160];

	program_op_text(pair->op, text);
	fprintf(to, "%s", text);
	if (!pair->done)
		fprintf(to, " -");
	else if (pair->kvm_answer.fault != FINDING_NO_FAULT)
		fprintf(to, " fault %u", (unsigned)pair->kvm_answer.fault);
	else
		fprintf(to, " = %llx", (unsigned long long)pair->kvm_answer.value);
	for (unsigned n = 0; n < pair->cpus; n++) {
		print_log("took", n, &pair->kvm.cpu[n].arrived, to);
		print_log("eoi", n, &pair->kvm.cpu[n].eois, to);
	}
	fprintf(to, "\n");
	for (unsigned i = 0; i < pair->finding_count; i++) {
		finding_text(&pair->findings[i], text);
		fprintf(to, "    %s\n", text);
	}
}

/* A timer of ours that ran out while KVM's still counts: no lateness of the host looks like that.
 */
static bool is_early(const struct pair *pair, struct ledger *ledger)
{
	for (unsigned i = 0; i < pair->finding_count; i++) {
		const struct finding *finding = &pair->findings[i];
		const struct clocks_timer *t = &pair->cpu[finding->cpu].timer;
		bool early = finding->field == FINDING_DEADLINE && !finding->ours && finding->kvm &&
			     !finding->past;

		if (finding->field == FINDING_COUNT && finding->kvm > finding->ours)
			early = (finding->kvm - finding->ours) << t->shift > t->late + LATER_NS;

		if (early && (!ledger || ledger_match(ledger, finding) < 0))
			return true;
	}
	return false;
}

/* A host that was late with a timer looks like a difference: further looks decide. */
static const struct finding *look(struct pair *pair, struct ledger *ledger, size_t *explained,
				  bool *rests)
{
	const struct finding *finding;

	compare_step(pair);
	if (!pair->finding_count)
		return NULL;
	finding = unexplained(pair, ledger, explained);
	if (!finding || is_early(pair, ledger))
		return finding;
	/* KVM looks for timers that have run out only now and then (FINDINGS.md). */
	for (unsigned i = 0; finding && i < LOOKS; i++) {
		sleep_until(kick_clock_ns() + AGAIN_NS);
		*rests = settle(pair);
		if (!*rests)
			return NULL;
		compare_step(pair);
		finding = unexplained(pair, ledger, explained);
	}
	return finding;
}

/* True: on to the next. */
static bool step(struct pair *pair, const struct program_op *op, struct ledger *ledger, FILE *trace,
		 struct lockstep_report *report)
{
	const struct finding *finding;
	bool rests = true;

	pair->op = op;
	pair->finding_count = 0;
	for (unsigned n = 0; n < pair->cpus; n++)
		pair->before[n] = pair_mode(pair->ours.kind->base(&pair->ours, n));
	side_begin_step(&pair->ours);
	side_begin_step(&pair->kvm);
	if (!do_op(pair)) {
		say(report, LOCKSTEP_STALLED,
		    "the host stopped while a timer was about to run out");
		return false;
	}
	if (!settle(pair)) {
		say_restless(report);
		return false;
	}
	finding = look(pair, ledger, &report->explained, &rests);
	if (!rests) {
		say_restless(report);
		return false;
	}
	if (trace)
		print_step(pair, trace);
	if (finding) {
		differ(pair, finding, report);
		return false;
	}
	if (pair->ours.trouble[0] || pair->kvm.trouble[0]) {
		say(report, LOCKSTEP_FAILED,
		    pair->ours.trouble[0] ? pair->ours.trouble : pair->kvm.trouble);
		return false;
	}
	if (only_values(pair))
		return true;
	if (resync(pair)) {
		compare_look(pair);
		return true;
	}
	say(report, LOCKSTEP_FAILED, pair->kvm.trouble);
	return false;
}

/* ---- a program ---- */

/* Every CPU gets its SIPI, by the guest's own doing. */
static bool start_others(struct pair *pair, struct ledger *ledger, FILE *trace,
			 struct lockstep_report *report)
{
	static const struct program_op ops[] = {
		{.kind = PROGRAM_WRITE, .width = 4, .where = 0x300, .value = ICR_INIT_OTHERS},
		{.kind = PROGRAM_WRITE,
		 .width = 4,
		 .where = 0x300,
		 .value = ICR_SIPI_OTHERS | PROGRAM_SIPI_FIRST},
	};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!step(pair, &ops[i], ledger, trace, report))
			return false;
	return true;
}

static void run_ops(struct pair *pair, const struct program *program, struct ledger *ledger,
		    FILE *trace, struct lockstep_report *report)
{
	compare_look(pair);
	if (program->started && !start_others(pair, ledger, trace, report))
		return;
	for (; report->done < program->count; report->done++)
		if (!step(pair, &program->ops[report->done], ledger, trace, report))
			return;
}

/* Not while a machine is made: the signal would end that too. */
static void run_program(struct lockstep *l, struct pair *pair, const struct program *program,
			struct ledger *ledger, FILE *trace, struct lockstep_report *report)
{
	tick(l, true);
	run_ops(pair, program, ledger, trace, report);
	tick(l, false);
}

void lockstep_run(struct lockstep *l, const struct program *program, struct ledger *ledger,
		  FILE *trace, struct lockstep_report *report)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	struct result why = {.text = "no memory"};

	*report = (struct lockstep_report){.outcome = LOCKSTEP_SAME};
	if (!pair) {
		say(report, LOCKSTEP_FAILED, why.text);
		return;
	}
	l->setup.cpus = pair->cpus = program->cpus;
	if (side_open(&pair->kvm, &side_kernel, &l->setup, &why) &&
	    tsc_init(&pair->tsc, &pair->kvm.vm, pair->kvm.cpu[0].fd, tsc_host, &why) &&
	    side_open(&pair->ours, &side_user, &l->setup, &why))
		run_program(l, pair, program, ledger, trace, report);
	else
		say(report, LOCKSTEP_FAILED, why.text);
	if (pair->ours.kind)
		side_close(&pair->ours);
	side_close(&pair->kvm);
	free(pair);
}

/* ---- the host ---- */

/* An interrupt taken, and no EOI given: is it in service? */
static bool loses_isr(struct side *side)
{
	uint8_t image[LAPIC_IMAGE_SIZE];

	side->cpu[0].keep = true;
	side_do(side, 0, PUPPET_DO_WRITE4, LAPIC_DEFAULT_BASE + SVR_OFFSET, 0x1FF);
	side_do(side, 0, PUPPET_DO_WRITE4, LAPIC_DEFAULT_BASE + ICR_OFFSET,
		ICR_SELF | PROBE_VECTOR);
	side_do(side, 0, PUPPET_DO_STI, 0, 0);
	side->kind->settle(side, 0);
	side->kind->image(side, 0, image);
	return side->cpu[0].arrived.count == 1 &&
	       !(side_register(image, REG_ISR + PROBE_VECTOR / 32) >> PROBE_VECTOR % 32 & 1);
}

/* What KVM's LAPICs say of themselves, ours are to say too. */
static bool ask_kvm(struct lockstep *l, struct result *why)
{
	uint8_t image[LAPIC_IMAGE_SIZE];
	struct side side = {.vm = {.fd = -1}};
	uint32_t version;
	bool opened;

	l->setup.cpus = 1;
	opened = side_open(&side, &side_kernel, &l->setup, why);
	if (opened) {
		side_kernel.image(&side, 0, image);
		version = side_register(image, VERSION_REG);
		l->setup.eoi_suppression = (version & VERSION_EOI) != 0;
		l->setup.isr_lost = loses_isr(&side);
		l->setup.cmci = (version >> 16 & 0xFF) >= LVT_ENTRIES_ALL;
	}
	side_close(&side);
	return opened;
}

static bool build_cpuid(struct lockstep *l, struct result *why)
{
	struct options options = {
		.cpus = PROGRAM_CPUS_MAX,
		.x2apic = true,
		.tsc_deadline = true,
	};
	int kvm_fd = l->setup.kvm->open_kvm(l->setup.kvm->opaque), error = kvm_fd;

	for (unsigned n = 0; n < PROGRAM_CPUS_MAX && error >= 0; n++)
		error = cpuid_build(l->setup.kvm, kvm_fd, l->setup.traits, &options, n,
				    &l->cpuid[n]);
	if (kvm_fd >= 0)
		l->setup.kvm->close(l->setup.kvm->opaque, kvm_fd);
	if (error < 0) {
		ending_fill(why, RESULT_HOST_LACKS, "KVM_GET_SUPPORTED_CPUID: %s",
			    strerror(-error));
		return false;
	}
	l->setup.x2apic = cpuid_has_x2apic(l->setup.traits, &options);
	l->setup.tsc_deadline = cpuid_has_tsc_deadline(l->setup.traits, &options);
	l->setup.maxphyaddr = cpuid_maxphyaddr(l->cpuid[0]);
	return true;
}

static bool make_tick(struct lockstep *l, struct result *why)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = KICK_SIGNAL};

	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	l->ticks = kick_install() && timer_create(CLOCK_MONOTONIC, &event, &l->tick) == 0;
	if (!l->ticks)
		ending_fill(why, RESULT_INTERNAL, "a timer: %s", strerror(errno));
	return l->ticks;
}

struct lockstep *lockstep_open(const struct kvm_calls *kvm, const struct host_traits *traits,
			       struct result *why)
{
	struct lockstep *l = calloc(1, sizeof(*l));

	if (!l) {
		ending_fill(why, RESULT_INTERNAL, "no memory");
		return NULL;
	}
	l->setup = (struct side_setup){.kvm = kvm, .traits = traits, .cpuid = l->cpuid};
	if (make_tick(l, why) && build_cpuid(l, why) && ask_kvm(l, why))
		return l;
	lockstep_close(l);
	return NULL;
}

void lockstep_close(struct lockstep *l)
{
	if (l->ticks) {
		timer_delete(l->tick);
		kick_uninstall();
	}
	for (unsigned n = 0; n < PROGRAM_CPUS_MAX; n++)
		free(l->cpuid[n]);
	free(l);
}

bool lockstep_x2apic(const struct lockstep *l)
{
	return l->setup.x2apic;
}

bool lockstep_tsc_deadline(const struct lockstep *l)
{
	return l->setup.tsc_deadline;
}
