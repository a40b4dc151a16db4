// SPDX-License-Identifier: BSD-2-Clause
// Program files: what is written is read back, and every damage gets its sentence.
// Nothing is run here.
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/diff/finding.h"
#include "vmm/diff/ledger.h"
#include "vmm/diff/program.h"

#define HEAD "lapicvm-diff 1\ncpus 2\n"

static struct program program;
static char why[256];

static bool read_bytes(const char *bytes, size_t size)
{
	FILE *from = fmemopen((void *)(uintptr_t)bytes, size, "r");
	bool good;

	assert_non_null(from);
	why[0] = '\0';
	good = program_read(&program, from, "x.prog", why, sizeof(why));
	fclose(from);
	return good;
}

static void good(const char *text)
{
	if (!read_bytes(text, strlen(text)))
		fail_msg("refused: %s", why);
}

static void bad(const char *text, const char *place, const char *what)
{
	if (read_bytes(text, strlen(text)))
		fail_msg("'%s' was taken", text);
	if (!strstr(why, place) || !strstr(why, what))
		fail_msg("'%s' gives '%s', without '%s' or '%s'", text, why, place, what);
	assert_int_equal(strncmp(why, "x.prog, line ", 13), 0);
	assert_null(strchr(why, '\n'));
	assert_null(program.ops);
}

/* A bad operation in line 3. */
static void bad_op(const char *line, const char *what)
{
	char text[1024];

	snprintf(text, sizeof(text), HEAD "%s\n", line);
	bad(text, "line 3", what);
}

static void op_is(const char *line, struct program_op op)
{
	char text[1024], again[80];

	snprintf(text, sizeof(text), HEAD "%s\n", line);
	good(text);
	assert_int_equal(program.count, 1);
	assert_int_equal(program.ops[0].kind, op.kind);
	assert_int_equal(program.ops[0].cpu, op.cpu);
	assert_int_equal(program.ops[0].width, op.width);
	assert_int_equal(program.ops[0].where, op.where);
	assert_true(program.ops[0].value == op.value);
	program_free(&program);
	program_op_text(&op, again);
	assert_string_equal(again, line);
}

static void test_each_operation_has_one_spelling(void **state)
{
	(void)state;
	op_is("1 read 0x020 4  # ID",
	      (struct program_op){.kind = PROGRAM_READ, .cpu = 1, .width = 4, .where = 0x20});
	op_is("0 read 0xfff 1",
	      (struct program_op){.kind = PROGRAM_READ, .width = 1, .where = 0xFFF});
	op_is("0 write 0x300 4 0x4531  # ICR",
	      (struct program_op){
		      .kind = PROGRAM_WRITE, .width = 4, .where = 0x300, .value = 0x4531});
	op_is("0 write 0xff8 8 0xffffffffffffffff",
	      (struct program_op){
		      .kind = PROGRAM_WRITE, .width = 8, .where = 0xFF8, .value = UINT64_MAX});
	op_is("0 rdmsr 0x832  # LVT timer",
	      (struct program_op){.kind = PROGRAM_RDMSR, .where = 0x832});
	op_is("0 rdmsr 0x8ff", (struct program_op){.kind = PROGRAM_RDMSR, .where = 0x8FF});
	op_is("1 wrmsr 0x83f 0x31  # SELF IPI",
	      (struct program_op){.kind = PROGRAM_WRMSR, .cpu = 1, .where = 0x83F, .value = 0x31});
	op_is("0 wrmsr 0x1b 0xfee00900  # IA32_APIC_BASE",
	      (struct program_op){.kind = PROGRAM_WRMSR, .where = 0x1B, .value = 0xFEE00900});
	op_is("0 wrmsr 0x6e0 0xffffffffffffffff  # IA32_TSC_DEADLINE",
	      (struct program_op){.kind = PROGRAM_WRMSR, .where = 0x6E0, .value = UINT64_MAX});
	op_is("0 deadline 250000", (struct program_op){.kind = PROGRAM_DEADLINE, .value = 250000});
	op_is("0 deadline -9223372036854775808",
	      (struct program_op){.kind = PROGRAM_DEADLINE, .value = UINT64_C(1) << 63});
	op_is("0 read-cr8", (struct program_op){.kind = PROGRAM_READ_CR8});
	op_is("0 write-cr8 0x10", (struct program_op){.kind = PROGRAM_WRITE_CR8, .value = 16});
	op_is("0 rdtsc", (struct program_op){.kind = PROGRAM_RDTSC});
	op_is("0 sti", (struct program_op){.kind = PROGRAM_STI});
	op_is("0 cli", (struct program_op){.kind = PROGRAM_CLI});
	op_is("1 hlt", (struct program_op){.kind = PROGRAM_HLT, .cpu = 1});
	op_is("0 eoi", (struct program_op){.kind = PROGRAM_EOI});
	op_is("0 keep 1", (struct program_op){.kind = PROGRAM_KEEP, .value = 1});
	op_is("* wait 1000000", (struct program_op){.kind = PROGRAM_WAIT, .value = 1000000});
	op_is("* msi 0xfee01004 0xc031",
	      (struct program_op){.kind = PROGRAM_MSI, .where = 0xFEE01004, .value = 0xC031});
}

static void test_the_longest_line_fits(void **state)
{
	char text[80];
	struct program_op op = {
		.kind = PROGRAM_WRMSR, .cpu = 255, .where = 0x1B, .value = UINT64_MAX};

	(void)state;
	program_op_text(&op, text);
	assert_string_equal(text, "255 wrmsr 0x1b 0xffffffffffffffff  # IA32_APIC_BASE");
	for (unsigned reg = 0; reg < 64; reg++)
		assert_true(strlen(finding_register_name(reg)) <= 11);
}

static void test_a_file_comes_back_as_it_was_written(void **state)
{
	static const struct program_op ops[] = {
		{.kind = PROGRAM_READ, .width = 4, .where = 0x20},
		{.kind = PROGRAM_DEADLINE, .cpu = 3, .value = (uint64_t)-77},
		{.kind = PROGRAM_WAIT, .value = 17},
		{.kind = PROGRAM_MSI, .where = 0xFEE00000, .value = 0x40},
		{.kind = PROGRAM_WRITE, .cpu = 1, .width = 2, .where = 0x81, .value = 0xFFFF},
	};
	struct program written = {.cpus = 4, .started = true, .seed = UINT64_MAX / 2};
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_true(program_add(&written, &ops[i]));
	assert_true(program_write(&written, "two\n\nparagraphs", to));
	fclose(to);
	assert_int_equal(strncmp(text, "lapicvm-diff 1\n# two\n#\n# paragraphs\ncpus 4\n", 42), 0);
	good(text);
	free(text);
	assert_int_equal(program.cpus, 4);
	assert_true(program.started);
	assert_true(program.seed == UINT64_MAX / 2);
	assert_int_equal(program.count, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(program.ops[i].kind, ops[i].kind);
		assert_int_equal(program.ops[i].cpu, ops[i].cpu);
		assert_int_equal(program.ops[i].width, ops[i].width);
		assert_int_equal(program.ops[i].where, ops[i].where);
		assert_true(program.ops[i].value == ops[i].value);
	}
	program_free(&program);
	program_free(&written);
}

static void test_a_write_that_fails_says_so(void **state)
{
	struct program written = {.cpus = 1};
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	if (!full)
		skip();
	assert_false(program_write(&written, NULL, full));
	fclose(full);
}

static void test_blanks_comments_and_carriage_returns_do_not_count(void **state)
{
	(void)state;
	good("\n# \xC3\xA4\n  lapicvm-diff\t1 # yes\r\n\nstarted\r\n cpus 1\n#\n0\tsti#\r\n");
	assert_int_equal(program.count, 1);
	assert_true(program.started);
	assert_int_equal(program.seed, 0);
	program_free(&program);
}

static void test_what_is_no_program_file(void **state)
{
	(void)state;
	bad("\n", "line 2", "is empty");
	bad("# nothing\n", "line 2", "is empty");
	bad("0 sti\n", "line 1", "must begin with 'lapicvm-diff 1'");
	bad("lapicvm-diff\n", "line 1", "must begin with 'lapicvm-diff 1'");
	bad("This is a text of some length that knows nothing of any programs or operations\n",
	    "line 1", "must begin with 'lapicvm-diff 1'");
	bad("lapicvm-diff 2\n", "line 1", "format 2 is not known");
	bad("\x7f"
	    "ELF\n",
	    "line 1", "byte 7Fh is not text");
	bad("lapicvm-diff 1\n0 sti\n", "line 2", "'cpus N' must come before");
	bad(HEAD, "line 3", "ends without an operation");
}

static void test_bytes_that_are_no_text(void **state)
{
	static const char nul[] = HEAD "0 sti\n0 s\0ti\n", comment[] = HEAD "# \0\n0 sti\n";
	char longer[400], text[500];

	(void)state;
	assert_false(read_bytes(nul, sizeof(nul) - 1));
	assert_non_null(strstr(why, "x.prog, line 4: byte 00h is not text"));
	assert_false(read_bytes(comment, sizeof(comment) - 1));
	assert_non_null(strstr(why, "x.prog, line 3: byte 00h is not text"));
	bad_op("0 st\xC3\xAF", "byte C3h is not text");
	memset(longer, ' ', sizeof(longer));
	longer[399] = '\0';
	bad_op(longer, "longer than 200 characters");
	longer[0] = '#';
	snprintf(text, sizeof(text), HEAD "%s\n0 sti\n", longer);
	good(text);
	program_free(&program);
}

static void test_a_file_cut_off(void **state)
{
	static const char whole[] = HEAD "seed 9\n0 write 0x300 4 0x4531\n1 sti\n";

	(void)state;
	for (size_t size = 1; size < sizeof(whole) - 1; size++) {
		if (whole[size - 1] == '\n' && strstr(whole, "0 write") + 4 < whole + size) {
			assert_true(read_bytes(whole, size));
			program_free(&program);
		} else {
			assert_false(read_bytes(whole, size));
		}
	}
	bad(HEAD "0 sti\n0 wait 10", "line 4", "the file is cut off here");
}

static void test_the_head(void **state)
{
	(void)state;
	bad("lapicvm-diff 1\ncpus 0\n", "line 2", "1 to 4 CPUs, not 0");
	bad("lapicvm-diff 1\ncpus 5\n", "line 2", "cpus 5 is too large");
	bad("lapicvm-diff 1\ncpus\n", "line 2", "'cpus' takes one number");
	bad("lapicvm-diff 1\ncpus two\n", "line 2", "'two' is not a number");
	bad(HEAD "cpus 2\n", "line 3", "'cpus' comes a second time");
	bad(HEAD "seed\n", "line 3", "'seed' takes one number");
	bad(HEAD "seed 1\nseed 1\n", "line 4", "'seed' comes a second time");
	bad(HEAD "seed -1\n", "line 3", "'-1' is not a number");
	bad(HEAD "seed 9223372036854775808\n", "line 3", "is too large");
	bad(HEAD "started 1\n", "line 3", "'started' stands alone");
	bad(HEAD "0 sti\nstarted\n", "line 4", "'started' must come before the first operation");
}

static void test_bad_operations(void **state)
{
	(void)state;
	bad_op("sti", "'sti' is no operation");
	bad_op("0 int 3", "no operation 'int'");
	bad_op("2 sti", "CPU 2 does not exist: the file says cpus 2");
	bad_op("99999999999999999999 sti", "too large");
	bad_op("-1 sti", "'-1' is not a number");
	bad_op("* sti", "'sti' needs a CPU");
	bad_op("0 wait 10", "'wait' is the host's");
	bad_op("0 sti 1", "'sti' takes 0 arguments, not 1");
	bad_op("0 read 0x20", "'read' takes 2 arguments, not 1");
	bad_op("0 write 0x20 4 1 2", "'write' takes 3 arguments, not 4");
	bad_op("0 write 1 2 3 4 5 6", "at most 6 words");
	bad_op("0 read 0x1000 4", "OFFSET 0x1000 is too large");
	bad_op("0 read 0xffd 4", "4 bytes at 0xffd leave the page");
	bad_op("0 read 0x20 3", "WIDTH 3 is not 1, 2, 4 or 8");
	bad_op("0 read 0x20 0", "WIDTH 0 is not 1, 2, 4 or 8");
	bad_op("0 read 0x20 16", "WIDTH 16 is too large");
	bad_op("0 write 0x20 1 0x100", "VALUE 0x100 is too large: at most 0xff");
	bad_op("0 write 0x20 4 0x100000000", "at most 0xffffffff");
	bad_op("0 wrmsr 0x800 0x10000000000000000", "too large");
	bad_op("0 wrmsr 0x800 18446744073709551616", "too large");
	bad_op("0 wrmsr 0x800 0x", "'0x' is not a number");
	bad_op("0 wrmsr 0x800 0x12g", "'0x12g' is not a number");
	bad_op("0 wrmsr 0x800 1a", "'1a' is not a number");
	bad_op("0 wrmsr 0xc0000080 0", "MSR 0xc0000080 is none of the Local APIC's");
	bad_op("0 rdmsr 0x900", "MSR 0x900 is none");
	bad_op("0 rdmsr 0x100000800", "too large");
	bad_op("0 deadline 9223372036854775808", "too large");
	bad_op("0 deadline -9223372036854775809", "too large");
	bad_op("0 deadline --1", "'-1' is not a number");
	bad_op("0 keep 2", "the flag of keep 2 is too large");
	bad_op("* wait 1000001", "MICROSECONDS 1000001 is too large");
	bad_op("* msi 0xfef00000 0", "ADDRESS 0xfef00000 is not an interrupt message's");
	bad_op("* msi 0xfee00000 0x100000000", "DATA 0x100000000 is too large");
}

static void test_a_million_operations_and_no_more(void **state)
{
	struct program full = {.cpus = 1};
	struct program_op op = {.kind = PROGRAM_STI};
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	(void)state;
	for (size_t i = 0; i < PROGRAM_OPS_MAX; i++)
		assert_true(program_add(&full, &op));
	assert_false(program_add(&full, &op));
	assert_true(program_write(&full, NULL, to));
	program_free(&full);
	fprintf(to, "0 sti\n");
	fclose(to);
	bad(text, "line 1000003", "too many operations: at most 1000000");
	free(text);
}

static void test_a_filter_keeps_the_rest(void **state)
{
	static const bool keep[3] = {true, false, true};
	struct program out;

	(void)state;
	good(HEAD "seed 5\nstarted\n0 sti\n0 cli\n1 hlt\n");
	assert_true(program_filter(&program, keep, &out));
	assert_int_equal(out.count, 2);
	assert_int_equal(out.ops[0].kind, PROGRAM_STI);
	assert_int_equal(out.ops[1].kind, PROGRAM_HLT);
	assert_true(out.started);
	assert_int_equal(out.cpus, 2);
	assert_true(out.seed == 5);
	program_free(&program);
	program_free(&out);
}

static void says(struct finding finding, const char *text)
{
	char got[160];

	finding_text(&finding, got);
	assert_string_equal(got, text);
}

static void test_findings_as_sentences(void **state)
{
	(void)state;
	says(
		(struct finding){
			.field = FINDING_REGISTER, .cpu = 1, .reg = 0x28, .ours = 0x80, .kvm = 0},
		"ESR of CPU 1: ours 00000080, KVM 00000000");
	says((struct finding){.field = FINDING_VALUE, .ours = 0x14, .kvm = UINT64_MAX},
	     "value read by CPU 0: ours 14h, KVM FFFFFFFFFFFFFFFFh");
	says((struct finding){.field = FINDING_FAULT, .ours = 13, .kvm = FINDING_NO_FAULT},
	     "exception on CPU 0: ours #GP, KVM none");
	says((struct finding){.field = FINDING_ARRIVED, .n = 1, .ours = 2, .kvm = 0x31},
	     "interrupt 2 of the step on CPU 0: ours NMI, KVM vector 31h");
	says((struct finding){.field = FINDING_EOI, .ours = 0x41, .kvm = FINDING_NOTHING},
	     "EOI 1 of the step from CPU 0: ours vector 41h, KVM none");
	says((struct finding){.field = FINDING_STATE, .ours = FINDING_HALTED, .kvm = 9},
	     "state of CPU 0: ours halted, KVM state 9");
	says((struct finding){.field = FINDING_COUNT, .ours = 1000, .kvm = 2000},
	     "TMCCT by the clock of CPU 0: ours 1000, KVM 2000");
}

/* Each rule that the second line names stands in lapic/RULES.md, and so does the one that the file
 * is called by. */
static void check_rules(const char *path, const char *text)
{
	static const char word[] = "# Rules: ";
	const char *rules = strstr(text, word);
	char rule[40];

	if (!rules || rules != strchr(text, '\n') + 1) {
		fail_msg("%s: the second line is not '%s...'", path, word);
		return;
	}
	rules += strlen(word);
	while (*rules != '\n') {
		size_t length = strcspn(rules, ",\n");

		snprintf(rule, sizeof(rule), "\n- %.*s ", (int)length, rules);
		if (!strstr(ledger_rules, rule))
			fail_msg("%s: there is no rule '%.*s'", path, (int)length, rules);
		rules += length;
		rules += strspn(rules, ", ");
	}
}

static void test_the_programs_in_the_tree(void **state)
{
	glob_t files;
	unsigned count = 0;

	(void)state;
	if (glob("tests/diff/*.prog", 0, NULL, &files) != 0)
		fail_msg("no tests/diff/*.prog from here");
	for (size_t i = 0; i < files.gl_pathc; i++) {
		FILE *from = fopen(files.gl_pathv[i], "r");
		char text[4096];
		size_t size;

		assert_non_null(from);
		size = fread(text, 1, sizeof(text) - 1, from);
		fclose(from);
		text[size] = '\0';
		if (!read_bytes(text, size))
			fail_msg("%s: %s", files.gl_pathv[i], why);
		check_rules(files.gl_pathv[i], text);
		assert_true(program.count >= 5 && program.count <= 45);
		assert_true(program.seed == 0);
		program_free(&program);
		count++;
	}
	globfree(&files);
	assert_true(count >= 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_operation_has_one_spelling),
		cmocka_unit_test(test_the_longest_line_fits),
		cmocka_unit_test(test_a_file_comes_back_as_it_was_written),
		cmocka_unit_test(test_a_write_that_fails_says_so),
		cmocka_unit_test(test_blanks_comments_and_carriage_returns_do_not_count),
		cmocka_unit_test(test_what_is_no_program_file),
		cmocka_unit_test(test_bytes_that_are_no_text),
		cmocka_unit_test(test_a_file_cut_off),
		cmocka_unit_test(test_the_head),
		cmocka_unit_test(test_bad_operations),
		cmocka_unit_test(test_a_million_operations_and_no_more),
		cmocka_unit_test(test_a_filter_keeps_the_rest),
		cmocka_unit_test(test_findings_as_sentences),
		cmocka_unit_test(test_the_programs_in_the_tree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
