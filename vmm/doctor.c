// SPDX-License-Identifier: BSD-2-Clause
// Examines the host and tells it as a table or as JSON.
// Not where anything is asked of KVM but its list of capabilities: host.c does that.
#include "vmm/doctor.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/utsname.h>

#include "vmm/host_access.h"
#include "vmm/output_file.h"

#ifndef LAPICVM_VERSION
# define LAPICVM_VERSION "unknown"
#endif

/* ---------------------------------------------------------------- examining */

static void ask_caps(const struct kvm_calls *kvm, struct doctor_facts *facts)
{
	int fd = kvm->open_kvm(kvm->opaque), number;

	if (fd < 0)
		return;
	for (unsigned i = 0; kvm_caps_name(i, &number); i++)
		facts->caps[i] = kvm_caps_ask(kvm, fd, number);
	facts->asked = true;
	kvm->close(kvm->opaque, fd);
}

void doctor_examine(const struct kvm_calls *kvm, const char *root, struct doctor_facts *facts)
{
	struct host_error ignored;
	struct utsname name;

	*facts = (struct doctor_facts){.usable = false};
	/* Not nodename: a report says nothing of whose machine it is. */
	if (uname(&name) == 0)
		snprintf(facts->kernel, sizeof(facts->kernel), "%.60s %.60s %.60s", name.sysname,
			 name.release, name.machine);
	host_access_cpu_model(root, facts->processor, sizeof(facts->processor));
	ask_caps(kvm, facts);
	facts->usable = host_probe(kvm, &facts->traits, &facts->error);
	if (facts->usable)
		facts->closed_asked = host_probe_closed(kvm, &facts->traits, &ignored);
}

/* ---------------------------------------------------------------- answers */

enum unit { YES_NO, NO_YES, KHZ, BITS, COUNT };

/* NO_YES: the question is put the other way round than the trait, so that yes is the good news. */
static const struct question {
	const char *trait;
	size_t offset;
	enum unit unit;
	const char *text;
	const char *yes, *no; /* what follows; `yes` alone for numbers */
} questions[] = {
#define TRAIT(name) #name, offsetof(struct host_traits, name)
	{TRAIT(x2apic_exits), YES_NO, "x2APIC registers (MSRs 800h-8FFh) come to lapicvm",
	 "guests are offered x2APIC", "x2APIC is hidden, and guests have at most 255 processors"},
	{TRAIT(apic_base_exits), YES_NO, "IA32_APIC_BASE (MSR 1Bh) comes to lapicvm",
	 "guests can move, switch and turn off their LAPIC", "this host cannot be used"},
	{TRAIT(tsc_deadline_exits), YES_NO, "IA32_TSC_DEADLINE (MSR 6E0h) comes to lapicvm",
	 "guests are offered the TSC-deadline timer",
	 "the TSC-deadline timer is hidden; the others remain"},
	{TRAIT(tsc_write_exits), YES_NO, "writes of the TSC (MSRs 10h, 3Bh) come to lapicvm",
	 "deadlines stay right when a guest sets its TSC",
	 "IA32_TSC_ADJUST is hidden; a guest that sets its TSC gets wrong deadlines"},
	{TRAIT(tsc_moves), YES_NO, "a guest's RDTSC follows an offset given to KVM",
	 "guests can set their TSC",
	 "writes of the TSC are refused by #GP, and IA32_TSC_ADJUST is hidden"},
	{TRAIT(apic_bit_follows), YES_NO, "CPUID's APIC bit follows IA32_APIC_BASE",
	 "a LAPIC that is turned off is gone from CPUID too",
	 "CPUID shows a LAPIC even while it is turned off"},
	{TRAIT(cr8_lowering_exits), YES_NO, "a MOV to CR8 that lowers it exits",
	 "interrupts that wait for it come at once",
	 "CR8 is read at each exit, and kicks see to it while an interrupt waits"},
	{TRAIT(window_prompt), YES_NO, "a window of one instruction is met at once",
	 "interrupts come at the first instruction that allows them",
	 "kicks, and single-step in bursts, find the window"},
	{TRAIT(single_step_cpl0), YES_NO, "single-step stops after each kernel instruction",
	 "short windows can be found by it", "a late host may miss a window of a few instructions"},
	{TRAIT(inject_closed_bad), NO_YES, "an interrupt injected with IF=0 is held back",
	 "lapicvm checks readiness all the same", "lapicvm checks readiness before it injects"},
	{TRAIT(events_inject), YES_NO, "an interrupt can be injected through kvm_run",
	 "one system call less for each interrupt", "each interrupt is a KVM_INTERRUPT"},
	{TRAIT(nmi), YES_NO, "an NMI is delivered with IF=0", "NMIs work",
	 "this host cannot be used"},
	{TRAIT(smm), YES_NO, "SMIs can be delivered (KVM_CAP_X86_SMM)", "SMIs work",
	 "SMIs are counted and reported, not delivered"},
	{TRAIT(cpl0_emulated), NO_YES, "guest kernel code runs natively", "full speed",
	 "kernel code runs at about a million instructions a second; SSE there fails"},
	{TRAIT(tsc_khz), KHZ, "TSC frequency of a guest", "deadlines are counted in it", NULL},
	{TRAIT(sync_regs), BITS, "registers shared with kvm_run (KVM_CAP_SYNC_REGS)",
	 "general, system and event registers (1h, 2h, 4h) without an ioctl each", NULL},
	{TRAIT(max_vcpus), COUNT, "processors that a machine can have",
	 "-smp takes at most this, and never more than 1024", NULL},
	{TRAIT(max_vcpu_id), COUNT, "APIC IDs that a machine can have",
	 "an APIC ID is below this, and so bounds -smp too", NULL},
#undef TRAIT
};

#define QUESTION_COUNT (sizeof(questions) / sizeof(questions[0]))

static bool flag_of(const struct doctor_facts *facts, const struct question *q)
{
	bool flag;

	memcpy(&flag, (const char *)&facts->traits + q->offset, sizeof(flag));
	return flag;
}

static uint32_t number_of(const struct doctor_facts *facts, const struct question *q)
{
	uint32_t number;

	memcpy(&number, (const char *)&facts->traits + q->offset, sizeof(number));
	return number;
}

/* Whether this question was put to the host at all. */
static bool has_answer(const struct doctor_facts *facts, const struct question *q)
{
	if (q->offset == offsetof(struct host_traits, inject_closed_bad))
		return facts->closed_asked;
	return facts->usable;
}

/* ---------------------------------------------------------------- the table */

static void print_answer(const struct doctor_facts *facts, const struct question *q, FILE *to)
{
	char answer[32];
	bool yes = true;

	switch (q->unit) {
	case YES_NO:
	case NO_YES:
		yes = flag_of(facts, q) == (q->unit == YES_NO);
		snprintf(answer, sizeof(answer), "%s", yes ? "yes" : "no");
		break;
	case KHZ: snprintf(answer, sizeof(answer), "%" PRIu32 " kHz", number_of(facts, q)); break;
	case BITS: snprintf(answer, sizeof(answer), "%" PRIX32 "h", number_of(facts, q)); break;
	case COUNT: snprintf(answer, sizeof(answer), "%" PRIu32, number_of(facts, q)); break;
	}
	if (has_answer(facts, q))
		fprintf(to, "%-60s %s\n    %s\n", q->text, answer, yes ? q->yes : q->no);
	else
		fprintf(to, "%-60s %s\n", q->text, "not asked");
}

void doctor_print_table(const struct doctor_facts *facts, FILE *to)
{
	fprintf(to, "lapicvm %s on %s, %s\n", LAPICVM_VERSION, facts->kernel, facts->processor);
	fprintf(to, "KVM: %s, %s\n", host_backend_name(facts->traits.backend),
		facts->usable ? "usable" : "not usable");
	if (!facts->usable)
		fprintf(to, "  %s\n", facts->error.text);
	if (!facts->asked)
		return;
	fputc('\n', to);
	for (size_t i = 0; i < QUESTION_COUNT; i++)
		print_answer(facts, &questions[i], to);
}

/* ---------------------------------------------------------------- JSON */

static void print_trait(const struct doctor_facts *facts, const struct question *q, FILE *to)
{
	fprintf(to, ",\n    \"%s\": ", q->trait);
	if (!has_answer(facts, q))
		fputs("null", to);
	else if (q->unit == YES_NO || q->unit == NO_YES)
		fputs(flag_of(facts, q) ? "true" : "false", to);
	else
		fprintf(to, "%" PRIu32, number_of(facts, q));
}

void doctor_print_json(const struct doctor_facts *facts, FILE *to)
{
	fprintf(to, "{\n  \"usable\": %s,\n", facts->usable ? "true" : "false");
	fprintf(to, "  \"code\": %d,\n  \"error\": ", facts->usable ? 0 : facts->error.code);
	if (facts->usable)
		fputs("null", to);
	else
		result_json_string(facts->error.text, to);
	fputs(",\n  \"lapicvm\": ", to);
	result_json_string(LAPICVM_VERSION, to);
	fputs(",\n  \"kernel\": ", to);
	result_json_string(facts->kernel, to);
	fputs(",\n  \"processor\": ", to);
	result_json_string(facts->processor, to);
	fprintf(to, ",\n  \"traits\": {\n    \"backend\": \"%s\"",
		host_backend_name(facts->traits.backend));
	for (size_t i = 0; i < QUESTION_COUNT; i++)
		print_trait(facts, &questions[i], to);
	fputs("\n  }\n}\n", to);
}

/* ---------------------------------------------------------------- the verb */

static bool output_failed(struct result *result, const char *what, const char *name)
{
	result->kind = RESULT_OUTPUT_FAILED;
	snprintf(result->text, sizeof(result->text), "%s %s: %s", what, name, strerror(errno));
	return false;
}

static bool write_report(const struct doctor_facts *facts, const char *path, struct result *result)
{
	struct output_file file;

	if (!output_file_open(&file, path))
		return output_failed(result, "cannot write the report", path);
	errno = 0;
	doctor_print_report(facts, "", file.stream);
	if (!output_file_commit(&file))
		return output_failed(result, "cannot write the report", path);
	return true;
}

bool doctor(const struct options *options, const struct kvm_calls *kvm, FILE *out,
	    struct result *result)
{
	struct doctor_facts facts;

	*result = (struct result){.cpu = -1};
	doctor_examine(kvm, "", &facts);
	if (options->json)
		doctor_print_json(&facts, out);
	else
		doctor_print_table(&facts, out);
	if (fflush(out) != 0 || ferror(out))
		return output_failed(result, "cannot write to", "standard output");
	if (options->report && !write_report(&facts, options->report, result))
		return false;
	if (facts.usable)
		return true;
	host_error_result(&facts.error, result);
	return false;
}
