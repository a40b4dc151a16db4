// SPDX-License-Identifier: BSD-2-Clause
// One step as people read it: what the operation gave on KVM's side, and where ours had something
// else. Not a judgement: explain.c has filled in what the ledger says.

#include <inttypes.h>

#include "vmm/diff/pair.h"

static void print_arrival(unsigned item, FILE *to)
{
	if (item == 2)
		fputs(" NMI", to);
	else if (item == FINDING_EXTINT)
		fputs(" ExtINT", to);
	else if (item & FINDING_STARTED)
		fprintf(to, " start@%02Xh", item & 0xFFu);
	else
		fprintf(to, " %02Xh", item);
}

static void print_log(const char *word, unsigned n, const struct side_log *log, FILE *to)
{
	if (!log->count)
		return;
	fprintf(to, "; CPU %u %s", n, word);
	for (unsigned i = 0; i < log->count; i++)
		print_arrival(log->items[i], to);
}

static bool reads(const struct program_op *op)
{
	return op->kind == PROGRAM_READ || op->kind == PROGRAM_RDMSR ||
	       op->kind == PROGRAM_READ_CR8 || op->kind == PROGRAM_RDTSC;
}

static bool is_host(const struct program_op *op)
{
	return op->kind == PROGRAM_WAIT || op->kind == PROGRAM_MSI || op->kind == PROGRAM_KEEP;
}

static void print_answer(const struct pair *pair, FILE *to)
{
	static const char *const idle[] = {
		[FINDING_RUNNING] = "",
		[FINDING_HALTED] = " (not done: the CPU sleeps)",
		[FINDING_WAITS_FOR_SIPI] = " (not done: the CPU waits for a SIPI)",
		[FINDING_LOST] = " (not done: the CPU is lost)",
	};

	if (!pair->done && !is_host(pair->op))
		fputs(idle[pair->idle], to);
	else if (pair->done && pair->kvm_answer.fault != FINDING_NO_FAULT)
		fprintf(to, " -> exception %" PRIu64, pair->kvm_answer.fault);
	else if (pair->done && reads(pair->op))
		fprintf(to, " -> 0x%" PRIx64, pair->kvm_answer.value);
	if (pair->op->kind == PROGRAM_HLT && pair->kvm.cpu[pair->op->cpu].state == FINDING_HALTED &&
	    pair->done)
		fputs(" -> sleeps", to);
}

static void print_finding(const struct pair *pair, unsigned i, const struct ledger *ledger,
			  FILE *to)
{
	char text[160];
	int entry = pair->explained[i];

	finding_text(&pair->findings[i], text);
	fprintf(to, "    %s  [", text);
	if (entry >= 0 && ledger)
		fprintf(to, "%s]\n", ledger_name(ledger, (unsigned)entry));
	else
		fputs(entry == PAIR_FOLLOWS ? "follows]\n" : "NOT EXPLAINED]\n", to);
}

void trace_step(const struct pair *pair, const struct ledger *ledger, FILE *to)
{
	char text[80];

	program_op_text(pair->op, text);
	fputs(text, to);
	print_answer(pair, to);
	for (unsigned n = 0; n < pair->cpus; n++) {
		print_log("took", n, &pair->kvm.cpu[n].arrived, to);
		print_log("gave EOI", n, &pair->kvm.cpu[n].eois, to);
	}
	fputc('\n', to);
	for (unsigned i = 0; i < pair->finding_count; i++)
		print_finding(pair, i, ledger, to);
}
