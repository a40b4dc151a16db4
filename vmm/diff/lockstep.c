// SPDX-License-Identifier: BSD-2-Clause
// The story of a program on two sides: bid both, settle, compare, explain, go on or stop.
// Not what is done at each word: bid.c, settle.c, compare.c, explain.c, resync.c.

#include "vmm/diff/lockstep.h"

#include <stdlib.h>
#include <string.h>

#include "vmm/diff/pair.h"

#define AGAIN_NS        UINT64_C(30000000) /* before a difference is believed */
#define REG_ISR         0x10u
#define REG_ESR         0x28u
#define REG_ICR_HIGH    0x31u
#define ICR_INIT_OTHERS 0xC4500u
#define ICR_SIPI_OTHERS 0xC4600u

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

static void differ(struct pair *pair, const struct finding *finding, const struct ledger *ledger,
		   struct lockstep_report *report)
{
	char text[160], op[80];
	FILE *stream;
	const char *trouble = pair->ours.trouble[0] ? pair->ours.trouble : pair->kvm.trouble;

	report->outcome = LOCKSTEP_DIFFERS;
	report->finding = *finding;
	report->late_period = finding->field == FINDING_COUNT && finding->kvm > finding->ours &&
			      pair->cpu[finding->cpu].timer.periodic;
	finding_text(finding, text);
	program_op_text(pair->op, op);
	snprintf(report->text, sizeof(report->text), "after `%s`: %s%s%s", op, text,
		 finding->field == FINDING_STATE && trouble[0] ? "; " : "",
		 finding->field == FINDING_STATE ? trouble : "");
	stream = fmemopen(report->step, sizeof(report->step) - 1, "w");
	if (!stream)
		return;
	trace_step(pair, ledger, stream);
	fclose(stream);
}

/* Whether no lateness of the host looks like that: ours is the later of the two, always. What it
 * lacks it lost, and a timer of KVM's that counts while ours has run out did not start late; but a
 * period of KVM's begins anew where the host was late by more than one. */
static bool is_certain(const struct pair *pair, const struct finding *finding)
{
	const struct clocks_timer *t = &pair->cpu[finding->cpu].timer;

	switch (finding->field) {
	case FINDING_OURS: return true;
	case FINDING_ARRIVED: return finding->ours == FINDING_NOTHING;
	case FINDING_DEADLINE: return !finding->ours && finding->kvm && !finding->past;
	case FINDING_COUNT:
		return !t->periodic && finding->kvm > finding->ours &&
		       (finding->kvm - finding->ours) << t->shift > t->late + SETTLE_LATER_NS;
	case FINDING_REGISTER:
		return finding->reg >= REG_ISR && finding->reg < REG_ESR && !finding->ours;
	default: return false;
	}
}

static bool any_is_certain(const struct pair *pair, const struct ledger *ledger)
{
	for (unsigned i = 0; i < pair->finding_count; i++)
		if (is_certain(pair, &pair->findings[i]) &&
		    (!ledger || ledger_find(ledger, &pair->findings[i]) < 0))
			return true;
	return false;
}

/* A host that was late with a timer looks like a difference: a second look decides. */
static const struct finding *look(struct pair *pair, const struct ledger *ledger, bool *rests)
{
	const struct finding *finding;

	compare_step(pair);
	finding = explain(pair, ledger);
	if (!finding || any_is_certain(pair, ledger))
		return finding;
	settle_rest(pair, AGAIN_NS);
	*rests = settle(pair);
	if (!*rests)
		return NULL;
	compare_step(pair);
	return explain(pair, ledger);
}

/* Time may not be told apart where a periodic timer runs; else a step has an end. */
static void say_restless(struct pair *pair, const struct ledger *ledger,
			 struct lockstep_report *report)
{
	if (settle_is_periodic(pair)) {
		say(report, LOCKSTEP_STALLED,
		    "a periodic timer runs out too often for the host to be followed");
		return;
	}
	pair->finding_count = 0;
	compare_found(pair, FINDING_OURS, pair->op->cpu, FINDING_NO_REST, 0, 0);
	explain(pair, ledger);
	differ(pair, &pair->findings[0], ledger, report);
}

/* True: on to the next. */
static bool step(struct pair *pair, const struct program_op *op, struct ledger *ledger, FILE *trace,
		 struct lockstep_report *report)
{
	const struct finding *finding;
	bool rests = true;

	pair->op = op;
	pair->finding_count = 0;
	pair->icr_high = side_register(pair->cpu[op->cpu].ours, REG_ICR_HIGH);
	for (unsigned n = 0; n < pair->cpus; n++)
		pair->before[n] = pair_mode(pair->ours.kind->base(&pair->ours, n));
	compare_begin(pair);
	side_begin_step(&pair->ours);
	side_begin_step(&pair->kvm);
	if (!bid_op(pair)) {
		say(report, LOCKSTEP_STALLED,
		    "the host stopped while a timer was about to run out");
		return false;
	}
	if (!settle(pair)) {
		say_restless(pair, ledger, report);
		return false;
	}
	finding = look(pair, ledger, &rests);
	if (!rests) {
		say_restless(pair, ledger, report);
		return false;
	}
	if (ledger)
		report->explained += explain_count(pair, ledger);
	if (op->kind == PROGRAM_HLT && pair->done)
		pair->cpu[op->cpu].sent_011 = false;
	if (trace)
		trace_step(pair, ledger, trace);
	if (finding) {
		differ(pair, finding, ledger, report);
		return false;
	}
	if (pair->ours.trouble[0] || pair->kvm.trouble[0]) {
		say(report, LOCKSTEP_FAILED,
		    pair->ours.trouble[0] ? pair->ours.trouble : pair->kvm.trouble);
		return false;
	}
	if (!pair->finding_count || only_values(pair))
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

	if (trace)
		fputs("# started: INIT and SIPI to all others\n", trace);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!step(pair, &ops[i], ledger, trace, report))
			return false;
	return true;
}

static void run_ops(struct pair *pair, const struct program *program, struct ledger *ledger,
		    FILE *trace, const volatile sig_atomic_t *stop, struct lockstep_report *report)
{
	compare_look(pair);
	if (program->started && !start_others(pair, ledger, trace, report))
		return;
	for (; report->done < program->count; report->done++) {
		if (*stop) {
			say(report, LOCKSTEP_STOPPED, "stopped");
			return;
		}
		if (!step(pair, &program->ops[report->done], ledger, trace, report))
			return;
	}
}

/* Not while a machine is made: the signal would end that too. */
static void run_program(struct lockstep *l, struct pair *pair, const struct program *program,
			struct ledger *ledger, FILE *trace, struct lockstep_report *report)
{
	lockstep_tick(l, true);
	run_ops(pair, program, ledger, trace, l->stop, report);
	lockstep_tick(l, false);
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
