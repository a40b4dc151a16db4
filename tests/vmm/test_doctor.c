// SPDX-License-Identifier: BSD-2-Clause
// What doctor says, for people and for programs, of good hosts and of bad ones.
// What the probes find is tested in test_host.c.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/kvm.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/vmm/mini_kvm.h"
#include "vmm/doctor.h"

static char text[32768];
static struct doctor_facts facts;

static FILE *to_text(void)
{
	FILE *to = fmemopen(text, sizeof(text), "w");

	assert_non_null(to);
	return to;
}

static void has(const char *part)
{
	if (!strstr(text, part))
		fail_msg("no '%s' in:\n%s", part, text);
}

static void has_not(const char *part)
{
	if (strstr(text, part))
		fail_msg("'%s' in:\n%s", part, text);
}

static void print_table(void)
{
	FILE *to = to_text();

	doctor_print_table(&facts, to);
	fclose(to);
}

static int as_vmx(void **state)
{
	(void)state;
	mini_kvm_vmx();
	facts = (struct doctor_facts){.usable = false};
	return 0;
}

static void a_good_host_is_told(void **state)
{
	(void)state;
	doctor_examine(&mini_kvm_calls, "/nowhere", &facts);
	assert_true(facts.usable);
	assert_int_equal(mini_kvm_host.open_descriptors, 0);
	print_table();
	has("usable\n");
	has_not("not usable");
	has("x2APIC registers (MSRs 800h-8FFh) come to lapicvm            yes\n"
	    "    guests are offered x2APIC\n");
	has("a MOV to CR8 that lowers it exits                            yes\n");
	has("a window of one instruction is met at once                   yes\n");
	has("guest kernel code runs natively                              yes\n    full speed\n");
	has("an interrupt injected with IF=0 is held back                 no\n");
	has("TSC frequency of a guest                                     3000000 kHz\n");
	has("registers shared with kvm_run (KVM_CAP_SYNC_REGS)            7h\n");
	has("processors that a machine can have                           4096\n");
}

static void an_emulating_host_is_told(void **state)
{
	(void)state;
	mini_kvm_pvm();
	doctor_examine(&mini_kvm_calls, "/nowhere", &facts);
	print_table();
	has("a MOV to CR8 that lowers it exits                            no\n"
	    "    CR8 is read at each exit, and kicks see to it while an interrupt waits\n");
	has("guest kernel code runs natively                              no\n");
	has("SMIs can be delivered (KVM_CAP_X86_SMM)                      no\n");
}

static void every_line_fits_80_columns(void **state)
{
	(void)state;
	/* Both answers to everything. */
	for (unsigned turn = 0; turn < 2; turn++) {
		memset(&facts.traits, turn ? 1 : 0, sizeof(facts.traits));
		facts.traits.backend = HOST_KVM_PVM;
		facts.usable = facts.asked = facts.closed_asked = true;
		print_table();
		for (const char *line = text; *line;) {
			const char *end = strchr(line, '\n');

			assert_non_null(end);
			if (end - line > 80)
				fail_msg("%.*s", (int)(end - line), line);
			line = end + 1;
		}
	}
}

static void a_useless_host_says_why(void **state)
{
	(void)state;
	mini_kvm_host.missing_cap = KVM_CAP_X86_MSR_FILTER;
	doctor_examine(&mini_kvm_calls, "/nowhere", &facts);
	assert_false(facts.usable);
	print_table();
	has("not usable\n");
	has("KVM_CAP_X86_MSR_FILTER");
	has("an NMI is delivered with IF=0                                not asked\n");
	has_not("NMIs work");
	mini_kvm_host.open_error = EMFILE;
	doctor_examine(&mini_kvm_calls, "/nowhere", &facts);
	print_table();
	has(strerror(EMFILE));
	has_not("not asked");
}

static void facts_name_no_machine(void **state)
{
	struct utsname name;
	char wanted[256];

	(void)state;
	doctor_examine(&mini_kvm_calls, "/nowhere", &facts);
	assert_int_equal(uname(&name), 0);
	snprintf(wanted, sizeof(wanted), "%s %s %s", name.sysname, name.release, name.machine);
	assert_string_equal(facts.kernel, wanted);
	assert_string_equal(facts.processor, "unknown");
}

/* The version is the build's: out of the comparison. */
static void cut_version(void)
{
	char *line = strstr(text, "  \"lapicvm\": \""), *end;

	assert_non_null(line);
	end = strchr(line, '\n');
	assert_non_null(end);
	memmove(line, end + 1, strlen(end + 1) + 1);
}

static void json_is_exact(void **state)
{
	FILE *to;

	(void)state;
	facts.usable = facts.asked = true;
	facts.traits.backend = HOST_KVM_AMD;
	facts.traits.x2apic_exits = facts.traits.nmi = true;
	facts.traits.tsc_khz = 4294967295u;
	strcpy(facts.kernel, "Linux \"x\"");
	strcpy(facts.processor, "CPU");
	to = to_text();
	doctor_print_json(&facts, to);
	fclose(to);
	cut_version();
	assert_string_equal(text, "{\n  \"usable\": true,\n  \"code\": 0,\n  \"error\": null,\n"
				  "  \"kernel\": \"Linux \\\"x\\\"\",\n"
				  "  \"processor\": \"CPU\",\n  \"traits\": {\n"
				  "    \"backend\": \"kvm_amd\",\n"
				  "    \"x2apic_exits\": true,\n"
				  "    \"apic_base_exits\": false,\n"
				  "    \"tsc_deadline_exits\": false,\n"
				  "    \"tsc_write_exits\": false,\n"
				  "    \"tsc_moves\": false,\n"
				  "    \"apic_bit_follows\": false,\n"
				  "    \"cr8_lowering_exits\": false,\n"
				  "    \"window_prompt\": false,\n"
				  "    \"single_step_cpl0\": false,\n"
				  "    \"inject_closed_bad\": null,\n"
				  "    \"events_inject\": false,\n"
				  "    \"nmi\": true,\n"
				  "    \"smm\": false,\n"
				  "    \"cpl0_emulated\": false,\n"
				  "    \"tsc_khz\": 4294967295,\n"
				  "    \"sync_regs\": 0,\n"
				  "    \"max_vcpus\": 0,\n"
				  "    \"max_vcpu_id\": 0\n  }\n}\n");
}

static void json_of_a_useless_host(void **state)
{
	FILE *to;

	(void)state;
	mini_kvm_host.api_version = 11;
	doctor_examine(&mini_kvm_calls, "/nowhere", &facts);
	to = to_text();
	doctor_print_json(&facts, to);
	fclose(to);
	has("\"usable\": false,\n  \"code\": 69,\n  \"error\": \"/dev/kvm speaks version 11");
	has("\"nmi\": null");
	has("\"tsc_khz\": null");
}

/* ---------------------------------------------------------------- report and verb */

static char root[64];

static const char *at(const char *name)
{
	static char path[4][128];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[next]), "%s%s", root, name);
	return path[next];
}

static void put(const char *name, const char *content)
{
	FILE *file = fopen(at(name), "w");

	assert_non_null(file);
	fputs(content, file);
	assert_int_equal(fclose(file), 0);
}

static void read_back(const char *name)
{
	FILE *file = fopen(at(name), "r");
	size_t length;

	assert_non_null(file);
	length = fread(text, 1, sizeof(text) - 1, file);
	text[length] = '\0';
	fclose(file);
}

static int make_root(void **state)
{
	strcpy(root, "/tmp/lapicvm-root-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	return as_vmx(state);
}

static int remove_root(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

static void a_report_holds_what_another_needs(void **state)
{
	static const char *const folders[] = {"/proc",
					      "/sys",
					      "/sys/module",
					      "/sys/module/kvm",
					      "/sys/module/kvm/parameters",
					      "/sys/module/kvm_intel",
					      "/sys/module/kvm_intel/parameters"};
	FILE *to;

	(void)state;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		assert_int_equal(mkdir(at(folders[i]), 0755), 0);
	put("/proc/cpuinfo", "model name\t: Xeon\nflags\t\t: fpu vmx x2apic arat\n");
	put("/sys/module/kvm/parameters/halt_poll_ns", "200000\n");
	for (char name[] = "/sys/module/kvm_intel/parameters/z"; name[33] > 'p'; name[33]--)
		put(name, "Y\n");
	put("/sys/module/kvm_intel/parameters/enable_apicv", "N\n");
	doctor_examine(&mini_kvm_calls, root, &facts);
	to = to_text();
	doctor_print_report(&facts, root, to);
	fclose(to);
	has(", Xeon\n");
	has("processor flags: vmx x2apic arat\n");
	has("  KVM_CAP_X86_MSR_FILTER             189  1\n");
	has("  KVM_CAP_X86_SMM                    117  1\n");
	has("module kvm\n  halt_poll_ns=200000\n");
	has("module kvm_intel\n  enable_apicv=N\n  q=Y\n  r=Y\n  s=Y\n  t=Y\n  u=Y\n  v=Y\n"
	    "  w=Y\n  x=Y\n  y=Y\n  z=Y\n");
	has_not("module kvm_amd");
	has("an NMI is delivered with IF=0");
	has("\"x2apic_exits\": true");
}

static bool verb(struct options options, struct result *result)
{
	FILE *to = to_text();
	bool good;

	options.verb = OPTIONS_DOCTOR;
	good = doctor(&options, &mini_kvm_calls, to, result);
	fclose(to);
	return good;
}

static void the_verb_prints_and_reports(void **state)
{
	struct result result;

	(void)state;
	assert_true(verb((struct options){.report = at("/report")}, &result));
	has("guests are offered x2APIC");
	read_back("/report");
	has("capabilities (KVM_CHECK_EXTENSION)");
	assert_true(verb((struct options){.json = true}, &result));
	assert_int_equal(text[0], '{');
	has_not("guests are offered");
}

static void the_verb_tells_useless_hosts(void **state)
{
	struct result result;

	(void)state;
	mini_kvm_host.api_version = 11;
	assert_false(verb((struct options){.report = at("/report")}, &result));
	assert_int_equal(result.kind, RESULT_NO_KVM);
	assert_non_null(strstr(result.text, "version 11"));
	/* The report is written all the more. */
	read_back("/report");
	has("version 11");
	mini_kvm_vmx();
	mini_kvm_host.missing_cap = KVM_CAP_VCPU_EVENTS;
	assert_false(verb((struct options){.json = true}, &result));
	assert_int_equal(result.kind, RESULT_HOST_LACKS);
	has("\"code\": 77");
}

static void outputs_that_fail_are_told(void **state)
{
	const struct options options = {.verb = OPTIONS_DOCTOR};
	struct result result;
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_false(verb((struct options){.report = at("/none/report")}, &result));
	assert_int_equal(result.kind, RESULT_OUTPUT_FAILED);
	assert_non_null(strstr(result.text, "/none/report: No such file"));
	assert_non_null(full);
	assert_false(doctor(&options, &mini_kvm_calls, full, &result));
	assert_int_equal(result.kind, RESULT_OUTPUT_FAILED);
	assert_non_null(strstr(result.text, strerror(ENOSPC)));
	fclose(full);
	assert_false(verb((struct options){.report = "/dev/full"}, &result));
	assert_int_equal(result.kind, RESULT_OUTPUT_FAILED);
}

#define ON_VMX(name)  cmocka_unit_test_setup(name, as_vmx)
#define IN_ROOT(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_VMX(a_good_host_is_told),          ON_VMX(an_emulating_host_is_told),
		ON_VMX(every_line_fits_80_columns),   ON_VMX(a_useless_host_says_why),
		ON_VMX(facts_name_no_machine),        ON_VMX(json_is_exact),
		ON_VMX(json_of_a_useless_host),       IN_ROOT(a_report_holds_what_another_needs),
		IN_ROOT(the_verb_prints_and_reports), IN_ROOT(the_verb_tells_useless_hosts),
		IN_ROOT(outputs_that_fail_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
