// SPDX-License-Identifier: BSD-2-Clause
// Reads a program file, line by line, and says in a sentence what is wrong with a damaged one.
// Not strtoul or sscanf: no overflow, sign or blank slips through, and no line is too long to end.
#include "vmm/diff/program.h"

#include <string.h>

#include "vmm/diff/lines.h"
#include "vmm/msr_index.h"

#define LINE_MAX_BYTES 200u
#define WORDS_MAX      6u
#define SEED_MAX       (UINT64_MAX / 2)

struct reader {
	struct lines lines;
	char text[LINE_MAX_BYTES + 1]; /* the line, without its comment, cut into words */
	char *words[WORDS_MAX];
	unsigned count; /* of words */
	struct program *program;
	bool header, seed;
};

#define refuse(reader, ...) lines_refuse(&(reader)->lines, __VA_ARGS__)

static bool split(struct reader *r)
{
	static const char blanks[] = " ";
	char *save = NULL;

	r->count = 0;
	for (char *word = strtok_r(r->text, blanks, &save); word;
	     word = strtok_r(NULL, blanks, &save)) {
		if (r->count == WORDS_MAX)
			return refuse(r, "'%.40s' is too much: at most %u words are on a line",
				      word, WORDS_MAX);
		r->words[r->count++] = word;
	}
	return true;
}

static unsigned digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A') + 10;
	return 16;
}

static bool number(struct reader *r, const char *word, const char *what, uint64_t max,
		   uint64_t *value)
{
	bool hex = word[0] == '0' && (word[1] == 'x' || word[1] == 'X');
	unsigned base = hex ? 16 : 10;
	const char *rest = hex ? word + 2 : word;
	bool fits = true;

	*value = 0;
	if (!*rest)
		return refuse(r, "%s '%.40s' is not a number", what, word);
	for (; *rest; rest++) {
		if (digit(*rest) >= base)
			return refuse(r, "%s '%.40s' is not a number", what, word);
		fits = fits && !__builtin_mul_overflow(*value, base, value) &&
		       !__builtin_add_overflow(*value, (uint64_t)digit(*rest), value);
	}
	if (!fits || *value > max)
		return refuse(r,
			      !hex ? "%s %.40s is too large: at most %llu"
				   : "%s %.40s is too large: at most 0x%llx",
			      what, word, (unsigned long long)max);
	return true;
}

static bool ticks(struct reader *r, const char *word, uint64_t *value)
{
	bool minus = word[0] == '-';
	uint64_t max = (uint64_t)INT64_MAX + minus;

	if (!number(r, word + minus, "TICKS", max, value))
		return false;
	if (minus)
		*value = UINT64_C(0) - *value;
	return true;
}

/* The page, an access to it, and the value that a write of that width can hold. */
static bool access_args(struct reader *r, struct program_op *op)
{
	uint64_t offset, width;

	if (!number(r, r->words[2], "OFFSET", 0xFFF, &offset) ||
	    !number(r, r->words[3], "WIDTH", 8, &width))
		return false;
	if (width == 0 || (width & (width - 1)) != 0)
		return refuse(r, "WIDTH %llu is not 1, 2, 4 or 8", (unsigned long long)width);
	if (offset + width > 0x1000)
		return refuse(r, "%llu bytes at 0x%llx leave the page", (unsigned long long)width,
			      (unsigned long long)offset);
	op->where = (uint32_t)offset;
	op->width = (uint8_t)width;
	return op->kind == PROGRAM_READ ||
	       number(r, r->words[4], "VALUE", UINT64_MAX >> (64 - 8 * width), &op->value);
}

static bool msr_args(struct reader *r, struct program_op *op)
{
	uint64_t index;

	if (!number(r, r->words[2], "INDEX", UINT32_MAX, &index))
		return false;
	if (index != MSR_IA32_APIC_BASE && index != MSR_IA32_TSC_DEADLINE &&
	    (index < MSR_X2APIC_FIRST || index > MSR_X2APIC_LAST))
		return refuse(r,
			      "MSR 0x%llx is none of the Local APIC's: 0x1b, 0x6e0, 0x800 to "
			      "0x8ff",
			      (unsigned long long)index);
	op->where = (uint32_t)index;
	return op->kind == PROGRAM_RDMSR || number(r, r->words[3], "VALUE", UINT64_MAX, &op->value);
}

static bool msi_args(struct reader *r, struct program_op *op)
{
	uint64_t address;

	if (!number(r, r->words[2], "ADDRESS", UINT32_MAX, &address) ||
	    !number(r, r->words[3], "DATA", UINT32_MAX, &op->value))
		return false;
	if (address >> 20 != 0xFEE)
		return refuse(r,
			      "ADDRESS 0x%llx is not an interrupt message's: 0xfee00000 to "
			      "0xfeefffff",
			      (unsigned long long)address);
	op->where = (uint32_t)address;
	return true;
}

static bool arguments(struct reader *r, struct program_op *op)
{
	switch (op->kind) {
	case PROGRAM_READ:
	case PROGRAM_WRITE: return access_args(r, op);
	case PROGRAM_RDMSR:
	case PROGRAM_WRMSR: return msr_args(r, op);
	case PROGRAM_MSI: return msi_args(r, op);
	case PROGRAM_DEADLINE: return ticks(r, r->words[2], &op->value);
	case PROGRAM_WRITE_CR8: return number(r, r->words[2], "VALUE", UINT64_MAX, &op->value);
	case PROGRAM_KEEP: return number(r, r->words[2], "the flag of keep", 1, &op->value);
	case PROGRAM_WAIT:
		return number(r, r->words[2], "MICROSECONDS", PROGRAM_WAIT_MAX, &op->value);
	default: return true;
	}
}

/* Words on a line, the processor and the operation's own among them. */
static unsigned words_of(enum program_kind kind)
{
	switch (kind) {
	case PROGRAM_WRITE: return 5;
	case PROGRAM_READ:
	case PROGRAM_WRMSR:
	case PROGRAM_MSI: return 4;
	case PROGRAM_RDMSR:
	case PROGRAM_DEADLINE:
	case PROGRAM_WRITE_CR8:
	case PROGRAM_KEEP:
	case PROGRAM_WAIT: return 3;
	default: return 2;
	}
}

static bool cpu_of(struct reader *r, struct program_op *op)
{
	bool host = op->kind == PROGRAM_WAIT || op->kind == PROGRAM_MSI;
	bool star = strcmp(r->words[0], "*") == 0;
	uint64_t cpu;

	if (host != star)
		return refuse(r,
			      host ? "'%s' is the host's: it begins with *, not with a CPU"
				   : "'%s' needs a CPU before it, not *",
			      r->words[1]);
	if (star)
		return true;
	if (!number(r, r->words[0], "CPU", UINT64_MAX, &cpu))
		return false;
	if (cpu >= r->program->cpus)
		return refuse(r, "CPU %llu does not exist: the file says cpus %u",
			      (unsigned long long)cpu, r->program->cpus);
	op->cpu = (uint8_t)cpu;
	return true;
}

static bool operation(struct reader *r)
{
	struct program_op op = {0};
	unsigned kind = 0;

	if (r->program->cpus == 0)
		return refuse(r, "'cpus N' must come before the first operation");
	if (r->count < 2)
		return refuse(r, "'%.40s' is no operation: give CPU WORD ARGUMENTS", r->words[0]);
	while (kind < PROGRAM_KINDS && strcmp(r->words[1], program_word(kind)) != 0)
		kind++;
	if (kind == PROGRAM_KINDS)
		return refuse(r, "there is no operation '%.40s'", r->words[1]);
	op.kind = kind;
	if (r->count != words_of(op.kind))
		return refuse(r, "'%s' takes %u arguments, not %u", r->words[1],
			      words_of(op.kind) - 2, r->count - 2);
	if (!cpu_of(r, &op) || !arguments(r, &op))
		return false;
	if (!program_op_starts_well(&op))
		return refuse(r,
			      "this SIPI would start a CPU at page 0x%x: code is at pages 0x%x to "
			      "0x%x alone",
			      (unsigned)(op.value & 0xFF), PROGRAM_SIPI_FIRST, PROGRAM_SIPI_LAST);
	if (r->program->count == PROGRAM_OPS_MAX)
		return refuse(r, "too many operations: at most %u", PROGRAM_OPS_MAX);
	return program_add(r->program, &op) || refuse(r, "out of memory");
}

static bool cpus_line(struct reader *r)
{
	uint64_t cpus;

	if (r->program->cpus)
		return refuse(r, "'cpus' comes a second time");
	if (r->count != 2 || !number(r, r->words[1], "cpus", PROGRAM_CPUS_MAX, &cpus))
		return r->count == 2 ? false : refuse(r, "'cpus' takes one number");
	if (cpus == 0)
		return refuse(r, "a program has 1 to %u CPUs, not 0", PROGRAM_CPUS_MAX);
	r->program->cpus = (unsigned)cpus;
	return true;
}

static bool seed_line(struct reader *r)
{
	if (r->seed)
		return refuse(r, "'seed' comes a second time");
	r->seed = true;
	if (r->count != 2)
		return refuse(r, "'seed' takes one number");
	return number(r, r->words[1], "seed", SEED_MAX, &r->program->seed);
}

static bool started_line(struct reader *r)
{
	if (r->count != 1)
		return refuse(r, "'started' stands alone on its line");
	r->program->started = true;
	return true;
}

static bool is_no_program(struct reader *r)
{
	return refuse(r, "not a program file: it must begin with 'lapicvm-diff 1'");
}

static bool header_line(struct reader *r)
{
	if (strcmp(r->words[0], "lapicvm-diff") != 0 || r->count != 2)
		return is_no_program(r);
	if (strcmp(r->words[1], "1") != 0)
		return refuse(r, "format %.40s is not known: this program reads format 1",
			      r->words[1]);
	r->header = true;
	return true;
}

static bool one_line(struct reader *r)
{
	static const struct {
		const char *word;
		bool (*read)(struct reader *r);
	} heads[] = {{"cpus", cpus_line}, {"seed", seed_line}, {"started", started_line}};

	if (!split(r))
		return r->header ? false : is_no_program(r);
	if (r->count == 0)
		return true;
	if (!r->header)
		return header_line(r);
	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
		if (strcmp(r->words[0], heads[i].word) != 0)
			continue;
		if (r->program->count)
			return refuse(r, "'%s' must come before the first operation",
				      heads[i].word);
		return heads[i].read(r);
	}
	return operation(r);
}

static bool all_lines(struct reader *r)
{
	enum lines_read line;

	while ((line = lines_next(&r->lines, r->text)) == LINES_READ)
		if (!one_line(r))
			return false;
	if (line == LINES_BAD)
		return false;
	if (!r->header)
		return refuse(r, "the file is empty: it must begin with 'lapicvm-diff 1'");
	if (r->program->count == 0)
		return refuse(r, "the file ends without an operation");
	return true;
}

bool program_read(struct program *program, FILE *from, const char *name, char *why, size_t why_size)
{
	struct reader r = {.lines = {.from = from,
				     .name = name,
				     .kind = "program file",
				     .why = why,
				     .why_size = why_size,
				     .longest = LINE_MAX_BYTES},
			   .program = program};

	*program = (struct program){0};
	if (all_lines(&r))
		return true;
	program_free(program);
	return false;
}
