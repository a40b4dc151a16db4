// SPDX-License-Identifier: BSD-2-Clause
// Programs in memory, and as text for people.
// Not the reader of that text: program_read.c.
#include "vmm/diff/program.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/diff/finding.h"
#include "vmm/msr_index.h"

#define ICR_OFFSET 0x300u
#define MSR_ICR    0x830u
#define MODE       0x700u
#define MODE_SIPI  0x600u

static const char *const words[PROGRAM_KINDS] = {
	[PROGRAM_READ] = "read",
	[PROGRAM_WRITE] = "write",
	[PROGRAM_RDMSR] = "rdmsr",
	[PROGRAM_WRMSR] = "wrmsr",
	[PROGRAM_DEADLINE] = "deadline",
	[PROGRAM_READ_CR8] = "read-cr8",
	[PROGRAM_WRITE_CR8] = "write-cr8",
	[PROGRAM_RDTSC] = "rdtsc",
	[PROGRAM_STI] = "sti",
	[PROGRAM_CLI] = "cli",
	[PROGRAM_HLT] = "hlt",
	[PROGRAM_EOI] = "eoi",
	[PROGRAM_KEEP] = "keep",
	[PROGRAM_WAIT] = "wait",
	[PROGRAM_MSI] = "msi",
};

const char *program_word(enum program_kind kind)
{
	return (unsigned)kind < PROGRAM_KINDS ? words[kind] : "unknown";
}

/* "  # TPR": what the offset or MSR is, or nothing. */
static void remark(const struct program_op *op, char text[24])
{
	bool page = op->kind == PROGRAM_READ || op->kind == PROGRAM_WRITE;
	unsigned reg = page ? op->where >> 4 : op->where - MSR_X2APIC_FIRST;
	const char *name = reg < 64 ? finding_register_name(reg) : "";

	text[0] = '\0';
	if (!page && op->where == MSR_IA32_APIC_BASE)
		name = "IA32_APIC_BASE";
	else if (!page && op->where == MSR_IA32_TSC_DEADLINE)
		name = "IA32_TSC_DEADLINE";
	else if (strncmp(name, "reg ", 4) == 0 || (page && reg == 0x3F))
		name = "";
	if (name[0])
		snprintf(text, 24, "  # %s", name);
}

void program_op_text(const struct program_op *op, char text[80])
{
	const char *word = program_word(op->kind);
	char name[24];

	switch (op->kind) {
	case PROGRAM_READ:
		remark(op, name);
		snprintf(text, 80, "%u %s 0x%03" PRIx32 " %u%s", op->cpu, word, op->where,
			 op->width, name);
		return;
	case PROGRAM_WRITE:
		remark(op, name);
		snprintf(text, 80, "%u %s 0x%03" PRIx32 " %u 0x%" PRIx64 "%s", op->cpu, word,
			 op->where, op->width, op->value, name);
		return;
	case PROGRAM_RDMSR:
		remark(op, name);
		snprintf(text, 80, "%u %s 0x%" PRIx32 "%s", op->cpu, word, op->where, name);
		return;
	case PROGRAM_WRMSR:
		remark(op, name);
		snprintf(text, 80, "%u %s 0x%" PRIx32 " 0x%" PRIx64 "%s", op->cpu, word, op->where,
			 op->value, name);
		return;
	case PROGRAM_DEADLINE:
		snprintf(text, 80, "%u %s %" PRId64, op->cpu, word, (int64_t)op->value);
		return;
	case PROGRAM_WRITE_CR8:
		snprintf(text, 80, "%u %s 0x%" PRIx64, op->cpu, word, op->value);
		return;
	case PROGRAM_KEEP: snprintf(text, 80, "%u %s %" PRIu64, op->cpu, word, op->value); return;
	case PROGRAM_WAIT: snprintf(text, 80, "* %s %" PRIu64, word, op->value); return;
	case PROGRAM_MSI:
		snprintf(text, 80, "* %s 0x%" PRIx32 " 0x%" PRIx64, word, op->where, op->value);
		return;
	default: snprintf(text, 80, "%u %s", op->cpu, word); return;
	}
}

bool program_op_starts_well(const struct program_op *op)
{
	bool icr = (op->kind == PROGRAM_WRITE && op->where == ICR_OFFSET && op->width == 4) ||
		   (op->kind == PROGRAM_WRMSR && op->where == MSR_ICR);
	uint64_t page = op->value & 0xFF;

	if ((!icr && op->kind != PROGRAM_MSI) || (op->value & MODE) != MODE_SIPI)
		return true;
	return page >= PROGRAM_SIPI_FIRST && page <= PROGRAM_SIPI_LAST;
}

/* Each line of it as a comment line. */
static void write_comment(const char *comment, FILE *to)
{
	while (comment && *comment) {
		int length = (int)strcspn(comment, "\n");

		fprintf(to, "#%s%.*s\n", length ? " " : "", length, comment);
		comment += length + (comment[length] == '\n');
	}
}

bool program_write(const struct program *program, const char *comment, FILE *to)
{
	char line[80];

	fprintf(to, "lapicvm-diff 1\n");
	write_comment(comment, to);
	fprintf(to, "cpus %u\n", program->cpus);
	if (program->started)
		fprintf(to, "started\n");
	if (program->seed)
		fprintf(to, "seed %" PRIu64 "\n", program->seed);
	for (size_t i = 0; i < program->count; i++) {
		program_op_text(&program->ops[i], line);
		fprintf(to, "%s\n", line);
	}
	return fflush(to) == 0 && !ferror(to);
}

/* There is room for the next power of two: to know that needs no field. */
bool program_add(struct program *program, const struct program_op *op)
{
	size_t count = program->count;
	struct program_op *more;

	if (count >= PROGRAM_OPS_MAX)
		return false;
	if ((count & (count - 1)) == 0) {
		more = realloc(program->ops, (count ? 2 * count : 1) * sizeof(*more));
		if (!more)
			return false;
		program->ops = more;
	}
	program->ops[program->count++] = *op;
	return true;
}

bool program_filter(const struct program *program, const bool *keep, struct program *out)
{
	*out = (struct program){
		.cpus = program->cpus, .started = program->started, .seed = program->seed};
	for (size_t i = 0; i < program->count; i++)
		if (keep[i] && !program_add(out, &program->ops[i])) {
			program_free(out);
			return false;
		}
	return true;
}

void program_free(struct program *program)
{
	free(program->ops);
	program->ops = NULL;
	program->count = 0;
}
