// SPDX-License-Identifier: BSD-2-Clause
// The ledger: what each term knows a finding by, what a damaged or too wide ledger is told.
// Findings are made by hand: no two sides run here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/diff/ledger.h"

#define HEAD "rule ERR-1\nsdm 11.5.3 Error Handling\nverdict ours-sdm\nwhy so\n"

static char why[256];

static struct ledger *read_text(const char *text)
{
	FILE *from = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	struct ledger *ledger;

	assert_non_null(from);
	why[0] = '\0';
	ledger = ledger_read(from, "x.txt", why, sizeof(why));
	fclose(from);
	return ledger;
}

static void bad(const char *text, const char *place, const char *what)
{
	struct ledger *ledger = read_text(text);

	if (ledger) {
		ledger_free(ledger);
		fail_msg("'%s' was taken", text);
	}
	if (!strstr(why, place) || !strstr(why, what))
		fail_msg("'%s' gives '%s', without '%s' or '%s'", text, why, place, what);
	assert_int_equal(strncmp(why, "x.txt, line ", 12), 0);
	assert_null(strchr(why, '\n'));
}

/* Whether an entry with this one `when` explains the finding. */
static bool explains(const char *when, const struct finding *finding)
{
	char text[512];
	struct ledger *ledger;
	int entry;

	snprintf(text, sizeof(text), "entry a\n" HEAD "when %s\n", when);
	ledger = read_text(text);
	if (!ledger)
		fail_msg("'%s' was refused: %s", when, why);
	entry = ledger_find(ledger, finding);
	ledger_free(ledger);
	return entry == 0;
}

/* A WRMSR of 4531h to the ICR of CPU 1, sent to ID 2, after which ISR1 of CPU 2 differs by 31h. */
static const struct program_op icr = {.kind = PROGRAM_WRMSR,
				      .cpu = 1,
				      .where = 0x830,
				      .value = UINT64_C(0x200004531)};
static const struct finding sent = {
	.field = FINDING_REGISTER,
	.cpu = 2,
	.reg = 0x11,
	.ours = 0x20000,
	.kvm = 0,
	.op = &icr,
	.before = FINDING_XAPIC,
	.mode = FINDING_X2APIC,
	.enabled = true,
	.lvt_error = 0x100FE,
	.lvt_timer = 0x20031,
	.svr = 0x1FF,
	.id = 2,
	.ldr = 4,
	.dfr = 0xFFFFFFFF,
};

static void yes(const char *when, const struct finding *finding)
{
	char all[300];

	snprintf(all, sizeof(all), "field=register op=wrmsr %s", when);
	if (!explains(all, finding))
		fail_msg("'%s' does not hold", when);
}

static void no(const char *when, const struct finding *finding)
{
	char all[300];

	snprintf(all, sizeof(all), "field=register op=wrmsr %s", when);
	if (explains(all, finding))
		fail_msg("'%s' holds", when);
}

static void test_terms_of_the_operation(void **state)
{
	struct finding other = sent;

	(void)state;
	yes("", &sent);
	assert_false(explains("field=value op=wrmsr", &sent));
	assert_true(explains("field=value,register op=write,wrmsr", &sent));
	assert_false(explains("field=register op=write,rdmsr,msi", &sent));
	yes("to=ICR", &sent);
	yes("to=TPR,ICR", &sent);
	no("to=ICR-high,SELF-IPI", &sent);
	yes("where=0x830", &sent);
	yes("where=0x800..0x830", &sent);
	no("where=0x831..0x8ff", &sent);
	no("where=0x800..0x82f", &sent);
	yes("where=0x800/0xf00", &sent);
	no("where=0x1/0x1", &sent);
	yes("value=0x4500/0xff00", &sent);
	no("value=0x4501/0xff01 value=2/3", &sent);
	yes("value!=0/0x4000", &sent);
	no("value!=0/0x8000", &sent);
	yes("value=0x200004531", &sent);
	no("value=0x4531", &sent);
	yes("dest=2", &sent);
	no("dest=1", &sent);
	yes("dest=id", &sent);
	/* Destination 2 is member 1 of cluster 0, ID 1. */
	no("dest=id-bit", &sent);
	other.id = 1;
	yes("dest=id-bit", &other);
	other.id = 0x11;
	no("dest=id-bit", &other);
	bad("entry a\n" HEAD "when field=value value=id-bit\n", "line 6", "not what value takes");
	yes("other-cpu", &sent);
	no("dest!=id", &sent);
	no("same-cpu", &sent);
	other.cpu = 1;
	no("other-cpu", &other);
	other = sent;
}

static void test_registers_by_name(void **state)
{
	struct finding other = sent;

	(void)state;
	yes("at=ISR1", &sent);
	yes("at=ISR*", &sent);
	no("at=IRR*,TMR*", &sent);
	no("at=ISR0", &sent);
	no("at!=ISR1", &sent);
	other.reg = 0x33;
	yes("at=LVT-thermal", &other);
	yes("at=LVT-*", &other);
	no("at=LVT-timer", &other);
	other.reg = 0x3A;
	yes("at=reg-*", &other);
	yes("at=reg-3Ah", &other);
}

static void test_terms_of_the_values(void **state)
{
	struct finding other = sent;

	(void)state;
	yes("ours=0x20000 kvm=0", &sent);
	no("ours=0", &sent);
	yes("ours=0/0xffff", &sent);
	no("kvm!=0", &sent);
	yes("bits=0x20000", &sent);
	yes("bits=0x60000", &sent);
	no("bits=0xffff", &sent);
	yes("bits=vector", &sent);
	yes("bits=lvt-timer", &sent);
	no("bits=lvt-error", &sent);
	yes("lacks=kvm", &sent);
	no("lacks=ours", &sent);
	no("unchanged", &sent);
	other.unchanged = true;
	yes("unchanged", &other);
	other.field = FINDING_VALUE;
	assert_false(explains("field=value op=wrmsr unchanged", &other));
	other = sent;
	/* Bit 49 of the sets is in the second register of them, nowhere else. */
	other.reg = 0x12;
	no("bits=vector", &other);
	other.reg = 0x19;
	yes("bits=vector", &other);
	other.reg = 0x29;
	no("bits=vector", &other);
	other = sent;
	other.kvm = 0x20001;
	no("bits=vector", &other);
	yes("bits=1 lacks=ours", &other);
	other = sent;
	other.reg = 0x0A;
	other.ours = 0x30;
	yes("at=PPR ours=vector/0xf0", &other);
	yes("at=PPR ours=lvt-timer/0xf0", &other);
	no("at=PPR ours=vector", &other);
	no("at=PPR ours=spurious/0xf0", &other);
}

static void test_terms_of_the_cpu(void **state)
{
	struct finding other = sent;

	(void)state;
	yes("before=xapic mode=x2apic", &sent);
	yes("before=disabled,xapic", &sent);
	no("before=x2apic", &sent);
	no("mode!=x2apic", &sent);
	yes("enabled=1", &sent);
	no("enabled=0", &sent);
	yes("lvt-error=0x10000/0x10000", &sent);
	no("lvt-error=0/0x10000", &sent);
	yes("lvt-timer=0x20000/0x60000", &sent);
	yes("svr=0/0x1000", &sent);
	yes("dfr=0xf0000000/0xf0000000", &sent);
	no("ldr=0", &sent);
	no("twin", &sent);
	no("counted=1", &sent);
	yes("was-masked=0", &sent);
	yes("addressed=0", &sent);
	no("addressed=1", &sent);
	other.addressed = true;
	yes("addressed=1", &other);
	no("addressed=0", &other);
	yes("was-enabled=0", &sent);
	no("was-enabled=1", &sent);
	other.was_enabled = true;
	no("was-enabled=0", &other);
	yes("was-enabled=1", &other);
	yes("was-ldr!=0x4000/0xffff", &other);
	no("was-ldr=0x4000/0xffff", &other);
	no("sent-011", &other);
	other.was_ldr = 0x14000;
	yes("was-ldr=0x4000/0xffff", &other);
	other.twin = other.counted = other.was_masked = other.sent_011 = true;
	yes("sent-011", &other);
	yes("twin", &other);
	yes("counted=1", &other);
	no("was-masked=0", &other);
}

/* What ours has to keep by itself is never a known difference. */
static void test_ours_alone_is_never_explained(void **state)
{
	struct finding finding = sent;

	(void)state;
	finding.field = FINDING_OURS;
	no("op=wrmsr", &finding);
	no("kvm!=5", &finding);
	bad("entry a\n" HEAD "when field=ours op=wrmsr\n", "line 6", "not what field takes");
}

static void test_terms_of_the_page(void **state)
{
	struct program_op op = {.kind = PROGRAM_WRITE, .where = 0x303, .width = 1};
	struct finding finding = {
		.field = FINDING_REGISTER, .op = &op, .id = 0x05000000, .icr_high = 0x05000000};
	struct program_op wait = {.kind = PROGRAM_WAIT};

	(void)state;
	assert_true(explains("field=register to=ICR dword=1 whole=0 same-cpu", &finding));
	op.where = 0x304;
	assert_true(explains("field=register to=ICR dword=0", &finding));
	op.where = 0x300;
	op.width = 4;
	assert_true(explains("field=register to=ICR dword=1 whole=1", &finding));
	finding.mode = FINDING_XAPIC;
	assert_true(explains("field=register to=ICR dest=5", &finding));
	assert_true(explains("field=register to=ICR dest=id", &finding));
	op.where = 0x400;
	assert_false(explains("field=register to=reg-*,ICR", &finding));
	assert_true(explains("field=register where=0x400..0xfff", &finding));
	finding.op = &wait;
	assert_false(explains("field=register where=0", &finding));
	assert_false(explains("field=register op=wait same-cpu", &finding));
	assert_false(explains("field=register op=wait dword=0", &finding));
	assert_false(explains("field=register op=wait dest=0", &finding));
}

static void test_words_for_values(void **state)
{
	struct program_op op = {.kind = PROGRAM_MSI, .where = 0xFEE07004, .value = 0x4031};
	struct finding finding = {
		.field = FINDING_FAULT, .op = &op, .ours = 13, .kvm = FINDING_NO_FAULT};

	(void)state;
	assert_true(explains("field=fault ours=gp kvm=none", &finding));
	assert_false(explains("field=fault ours=none kvm=gp", &finding));
	finding.field = FINDING_ARRIVED;
	finding.ours = 2;
	finding.kvm = 0x31;
	assert_true(explains("field=arrived ours=nmi kvm=vector", &finding));
	finding.ours = FINDING_EXTINT;
	assert_true(explains("field=arrived ours=extint kvm=vector", &finding));
	assert_false(explains("field=arrived ours=at-reset kvm=vector", &finding));
	finding.ours = FINDING_AT_RESET;
	assert_true(explains("field=arrived ours=at-reset kvm=vector", &finding));
	assert_false(explains("field=arrived ours=extint kvm=vector", &finding));
	assert_true(explains("field=arrived dest=7 kvm=vector", &finding));
	finding.kvm = 0x4031;
	assert_true(explains("field=arrived kvm=value", &finding));
	finding.field = FINDING_STATE;
	finding.ours = FINDING_HALTED;
	finding.kvm = FINDING_WAITS_FOR_SIPI;
	assert_true(explains("field=state ours=halted kvm=waits-for-sipi", &finding));
	finding.ours = FINDING_RUNNING;
	finding.kvm = FINDING_LOST;
	assert_true(explains("field=state ours=running kvm=lost", &finding));
}

static void test_the_first_entry_that_fits_is_counted(void **state)
{
	struct ledger *ledger =
		read_text("# two\nentry wide\n" HEAD "when field=count op=eoi\n"
			  "when field=register op=wrmsr\n\n"
			  "entry narrow\nrule ICR-9\nsdm x\nverdict undefined\nwhy one line\n"
			  "why and one more\nwhen field=register op=wrmsr at=ISR1\n"
			  "when field=arrived ours=none\n");
	struct finding arrived = sent;

	(void)state;
	assert_non_null(ledger);
	assert_int_equal(ledger_count(ledger), 2);
	assert_string_equal(ledger_name(ledger, 1), "narrow");
	assert_string_equal(ledger_rule(ledger, 1), "ICR-9");
	assert_int_equal(ledger_verdict(ledger, 0), LEDGER_OURS_SDM);
	assert_int_equal(ledger_verdict(ledger, 1), LEDGER_UNDEFINED);
	assert_int_equal(ledger_find(ledger, &sent), 0);
	ledger_add_matches(ledger, 0, 1);
	ledger_add_matches(ledger, 0, 1);
	arrived.field = FINDING_ARRIVED;
	assert_int_equal(ledger_find(ledger, &arrived), -1);
	arrived.ours = FINDING_NOTHING;
	assert_int_equal(ledger_find(ledger, &arrived), 1);
	ledger_add_matches(ledger, 1, 1);
	ledger_add_matches(ledger, 1, 41);
	assert_true(ledger_matches(ledger, 0) == 2);
	assert_true(ledger_matches(ledger, 1) == 42);
	ledger_free(ledger);
}

static void test_what_an_entry_must_have(void **state)
{
	(void)state;
	bad("entry a\nsdm x\nverdict undefined\nwhy x\nwhen field=eoi op=eoi\n", "line 6",
	    "'a' that ends here has no 'rule'");
	bad("entry a\nrule ERR-1\nverdict undefined\nwhy x\nwhen field=eoi op=eoi\nentry b\n",
	    "line 6", "has no 'sdm'");
	bad("entry a\nrule ERR-1\nsdm x\nwhy x\nwhen field=eoi op=eoi\n", "line 6",
	    "has no 'verdict'");
	bad("entry a\nrule ERR-1\nsdm x\nverdict undefined\nwhen field=eoi op=eoi\n", "line 6",
	    "has no 'why'");
	bad("entry a\n" HEAD, "line 6", "has no 'when'");
	bad("rule ERR-1\n", "line 1", "'rule' stands before the first entry");
	bad("entry a\n" HEAD "when field=eoi op=eoi\nentry a\n", "line 7", "already");
	bad("entry a\nrule ERR-1\nrule ERR-1\n", "line 3", "a second time");
	bad("entry a\nsdm x\nsdm y\n", "line 3", "a second time");
	bad("entry a\nverdict undefined\nverdict undefined\n", "line 3", "a second time");
	bad("entry A\n", "line 1", "'A' is no name");
	bad("entry\n", "line 1", "'entry' says nothing");
	bad("entry a\nwhy \n", "line 2", "'why' says nothing");
}

static void test_unknown_words(void **state)
{
	(void)state;
	bad("entry a\nrule ERR-99\n", "line 2", "lapic/RULES.md has no rule 'ERR-99'");
	bad("entry a\nrule ERR\n", "line 2", "has no rule 'ERR'");
	bad("entry a\nrule ERR-1 ERR-2\n", "line 2", "has no rule");
	bad("entry a\nverdict ours\n", "line 2", "'ours' is no verdict");
	bad("entry a\nreason x\n", "line 2", "there is no line 'reason'");
	bad("entry a\nwhen field=eoi op=eoi where\n", "line 2", "'where' is not what where takes");
	bad("entry a\nwhen field=eoi colour=red\n", "line 2", "there is no term 'colour'");
	bad("entry a\nwhen field=eoi,smell op=eoi\n", "line 2", "not what field takes");
	bad("entry a\nwhen field=eoi op=eoi,\n", "line 2", "not what op takes");
	bad("entry a\nwhen field=eoi op=\n", "line 2", "not what op takes");
	bad("entry a\nwhen field=eoi at=ISR8\n", "line 2", "not what at takes");
	bad("entry a\nwhen field=eoi at=X*\n", "line 2", "not what at takes");
	bad("entry a\nwhen field=eoi at=*\n", "line 2", "not what at takes");
	bad("entry a\nwhen field=eoi mode=real\n", "line 2", "not what mode takes");
	bad("entry a\nwhen field=eoi ours=0/0\n", "line 2", "not what ours takes");
	bad("entry a\nwhen field=eoi ours=0x\n", "line 2", "not what ours takes");
	bad("entry a\nwhen field=eoi ours=-1\n", "line 2", "not what ours takes");
	bad("entry a\nwhen field=eoi ours=0x10000000000000000\n", "line 2", "not what ours");
	bad("entry a\nwhen field=eoi ours=012\n", "line 2", "not what ours takes");
	bad("entry a\nwhen field=eoi bits=0\n", "line 2", "not what bits takes");
	bad("entry a\nwhen field=eoi bits=0xffffffffffffffff\n", "line 2", "not what bits");
	bad("entry a\nwhen field=eoi where=2..1\n", "line 2", "not what where takes");
	bad("entry a\nwhen field=eoi where=1/0\n", "line 2", "not what where takes");
	bad("entry a\nwhen field=eoi lacks=both\n", "line 2", "not what lacks takes");
	bad("entry a\nwhen field=eoi enabled=2\n", "line 2", "not what enabled takes");
	bad("entry a\nwhen field=eoi same-cpu=1\n", "line 2", "not what same-cpu takes");
	bad("entry a\nwhen field=eoi svr=spurious\n", "line 2", "not what svr takes");
}

static void test_nothing_explains_everything(void **state)
{
	(void)state;
	bad("entry a\nwhen op=eoi\n", "line 2", "must say field=");
	bad("entry a\nwhen field!=eoi op=eoi\n", "line 2", "must say field=");
	bad("entry a\nwhen field=arrived\n", "line 2", "too wide");
	bad("entry a\nwhen field=arrived mode=xapic enabled=1 same-cpu lacks=ours\n", "line 2",
	    "too wide");
	bad("entry a\nwhen field=arrived ours!=1 op!=eoi\n", "line 2", "too wide");
	bad("entry a\nwhen field=register dword=1 lvt-timer=0/1 svr=0/1\n", "line 2", "too wide");
	bad("entry a\nwhen field=register op=read,write,rdmsr,wrmsr,deadline,read-cr8,write-cr8,rdtsc,"
	    "sti\n",
	    "line 2", "too wide");
	bad("entry a\nwhen field=register at=I*,T*,L*\n", "line 2", "too wide");
}

static void test_bytes_that_are_no_text(void **state)
{
	char longer[600];

	(void)state;
	bad("entry a\n\x01\n", "line 2", "byte 01h is not text");
	bad("entry a\nrule ERR-1", "line 2", "the file is cut off here");
	memset(longer, 'x', sizeof(longer));
	longer[599] = '\0';
	bad(longer, "line 1", "longer than 400 characters");
	bad("entry a\nwhen field=eoi op=eoi op=eoi op=eoi op=eoi op=eoi op=eoi op=eoi op=eoi op=eoi "
	    "op=eoi op=eoi op=eoi op=eoi op=eoi op=eoi op=eoi op=eoi op=eoi op=eoi op=eoi\n",
	    "line 2", "more than 20 terms");
}

/* Cut off anywhere, or with a byte that is another: a ledger or a sentence, and nothing else. */
static void test_damage_is_survived(void **state)
{
	size_t size = strlen(ledger_text);
	char *copy = malloc(size + 1);

	(void)state;
	assert_non_null(copy);
	for (size_t i = 1; i < size; i += 61) {
		struct ledger *ledger;

		memcpy(copy, ledger_text, size + 1);
		copy[i] ^= 0x11;
		copy[size - size / 7 + i / 8] = '\0';
		ledger = read_text(copy);
		assert_true(ledger != NULL || why[0] != '\0');
		ledger_free(ledger);
	}
	free(copy);
}

/* The one in the tree. */
static void test_the_ledger_built_in(void **state)
{
	struct ledger *ledger = read_text(ledger_text);
	struct program_op apr = {.kind = PROGRAM_READ, .where = 0x90, .width = 4};
	struct finding finding = {
		.field = FINDING_VALUE, .op = &apr, .mode = FINDING_XAPIC, .ours = 0x31};
	int entry;

	(void)state;
	if (!ledger)
		fail_msg("%s", why);
	assert_true(ledger_count(ledger) > 20);
	entry = ledger_find(ledger, &finding);
	assert_true(entry >= 0);
	assert_string_equal(ledger_rule(ledger, (unsigned)entry), "PRI-6");
	/* KVM has a value there where ours has none: nothing is known of that. */
	finding.ours = 0;
	finding.kvm = 0x31;
	assert_int_equal(ledger_find(ledger, &finding), -1);
	ledger_free(ledger);
}

/* A plain difference of any register, value or arrival has no entry. */
static void test_nothing_plain_is_explained(void **state)
{
	struct ledger *ledger = read_text(ledger_text);
	struct program_op op = {.kind = PROGRAM_RDTSC};
	struct finding finding = {.op = &op,
				  .before = FINDING_XAPIC,
				  .mode = FINDING_XAPIC,
				  .enabled = true,
				  .lvt_error = 0x10000,
				  .lvt_timer = 0x10000,
				  .svr = 0x1FF,
				  .ldr = 0x01000000,
				  .dfr = 0xFFFFFFFF};

	(void)state;
	assert_non_null(ledger);
	for (unsigned kind = 0; kind < PROGRAM_KINDS; kind++)
		for (unsigned field = 0; field < FINDING_FIELDS; field++)
			for (unsigned reg = 0; reg < 64; reg++) {
				op = (struct program_op){.kind = kind,
							 .width = 4,
							 .where = kind == PROGRAM_MSI ? 0xFEE05000
										      : 0x80,
							 .value = 0x41};
				finding.field = field;
				finding.reg = reg;
				/* Vector 31h here, nothing there; and the other way round. */
				finding.ours = field == FINDING_ARRIVED ? 0x31 : 0x00100000;
				finding.kvm = field == FINDING_ARRIVED ? FINDING_NOTHING : 0x80;
				if (ledger_find(ledger, &finding) >= 0)
					fail_msg("%s, field %u, register %s is explained",
						 program_word(kind), field,
						 finding_register_name(reg));
			}
	ledger_free(ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_terms_of_the_operation),
		cmocka_unit_test(test_registers_by_name),
		cmocka_unit_test(test_terms_of_the_values),
		cmocka_unit_test(test_terms_of_the_cpu),
		cmocka_unit_test(test_terms_of_the_page),
		cmocka_unit_test(test_words_for_values),
		cmocka_unit_test(test_the_first_entry_that_fits_is_counted),
		cmocka_unit_test(test_what_an_entry_must_have),
		cmocka_unit_test(test_ours_alone_is_never_explained),
		cmocka_unit_test(test_unknown_words),
		cmocka_unit_test(test_nothing_explains_everything),
		cmocka_unit_test(test_bytes_that_are_no_text),
		cmocka_unit_test(test_damage_is_survived),
		cmocka_unit_test(test_the_ledger_built_in),
		cmocka_unit_test(test_nothing_plain_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
