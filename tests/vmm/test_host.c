// SPDX-License-Identifier: BSD-2-Clause
// What the probes find on hosts of each kind, one deviation at a time, and how a useless host is
// explained. No /dev/kvm: mini_kvm runs the probes' guests.
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
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/vmm/mini_kvm.h"
#include "vmm/host.h"
#include "vmm/host_access.h"
#include "vmm/kick.h"
#include "vmm/result.h"

static struct host_traits traits;
static struct host_error why;

static bool probe(void)
{
	bool good;

	memset(&traits, 0xFF, sizeof(traits));
	why = (struct host_error){.code = -1};
	good = host_probe(&mini_kvm_calls, &traits, &why);
	/* Whatever was found, nothing stays open. */
	assert_int_equal(mini_kvm_host.open_descriptors, 0);
	assert_false(mini_kvm_host.mapped);
	assert_false(mini_kvm_host.registers_set_too_early);
	return good;
}

static void probes_well(void)
{
	if (!probe())
		fail_msg("%s", why.text);
}

static void fails(int code, const char *part)
{
	assert_false(probe());
	assert_int_equal(why.code, code);
	if (!strstr(why.text, part))
		fail_msg("'%s' does not say '%s'", why.text, part);
}

/* The answers that VMX and SVM hosts give. */
static struct host_traits of_vmx(void)
{
	return (struct host_traits){
		.backend = traits.backend, /* of the machine that this test runs on */
		.tsc_khz = 3000000,
		.sync_regs = 7,
		.max_vcpus = 4096,
		.max_vcpu_id = 4096,
		.msr_exits = true,
		.x2apic_exits = true,
		.apic_base_exits = true,
		.tsc_deadline_exits = true,
		.tsc_write_exits = true,
		.tsc_moves = true,
		.cr8_lowering_exits = true,
		.window_prompt = true,
		.events_inject = true,
		.nmi = true,
		.single_step_cpl0 = true,
		.smm = true,
		.apic_bit_follows = true,
	};
}

static void is(const struct host_traits *wanted)
{
	assert_int_equal(traits.tsc_khz, wanted->tsc_khz);
	assert_int_equal(traits.sync_regs, wanted->sync_regs);
	assert_int_equal(traits.max_vcpus, wanted->max_vcpus);
	assert_int_equal(traits.max_vcpu_id, wanted->max_vcpu_id);
	assert_int_equal(traits.msr_exits, wanted->msr_exits);
	assert_int_equal(traits.x2apic_exits, wanted->x2apic_exits);
	assert_int_equal(traits.apic_base_exits, wanted->apic_base_exits);
	assert_int_equal(traits.tsc_deadline_exits, wanted->tsc_deadline_exits);
	assert_int_equal(traits.tsc_write_exits, wanted->tsc_write_exits);
	assert_int_equal(traits.tsc_moves, wanted->tsc_moves);
	assert_int_equal(traits.cr8_lowering_exits, wanted->cr8_lowering_exits);
	assert_int_equal(traits.window_prompt, wanted->window_prompt);
	assert_int_equal(traits.inject_closed_bad, wanted->inject_closed_bad);
	assert_int_equal(traits.events_inject, wanted->events_inject);
	assert_int_equal(traits.nmi, wanted->nmi);
	assert_int_equal(traits.single_step_cpl0, wanted->single_step_cpl0);
	assert_int_equal(traits.cpl0_emulated, wanted->cpl0_emulated);
	assert_int_equal(traits.smm, wanted->smm);
	assert_int_equal(traits.apic_bit_follows, wanted->apic_bit_follows);
}

static int as_vmx(void **state)
{
	(void)state;
	mini_kvm_vmx();
	return 0;
}

static void a_vmx_host(void **state)
{
	struct host_traits wanted;

	(void)state;
	probes_well();
	wanted = of_vmx();
	is(&wanted);
}

static void a_pvm_host(void **state)
{
	struct host_traits wanted;

	(void)state;
	mini_kvm_pvm();
	probes_well();
	wanted = of_vmx();
	wanted.tsc_khz = 2596122;
	wanted.max_vcpus = 1024;
	wanted.cr8_lowering_exits = false;
	wanted.window_prompt = false;
	wanted.cpl0_emulated = true;
	wanted.smm = false;
	wanted.tsc_moves = false;
	is(&wanted);
}

static void x2apic_registers_that_do_not_exit_whole(void **state)
{
	struct host_traits wanted;

	(void)state;
	probes_well();
	wanted = of_vmx();
	wanted.x2apic_exits = false;
	/* Each register that has a fast path, and the ends of the range. */
	for (size_t i = 0; i < 8; i++) {
		static const uint32_t kept[] = {0x800, 0x802, 0x808, 0x80B,
						0x830, 0x839, 0x83F, 0x8FF};

		mini_kvm_host.kept_msr[0] = kept[i];
		probes_well();
		is(&wanted);
	}
}

static void the_deadline_is_taken_by_the_host(void **state)
{
	struct host_traits wanted;

	(void)state;
	mini_kvm_host.kept_msr[0] = 0x6E0;
	mini_kvm_host.keeps_writes_only = true; /* Intel's fast path */
	probes_well();
	wanted = of_vmx();
	wanted.tsc_deadline_exits = false;
	is(&wanted);
	mini_kvm_host.keeps_writes_only = false;
	probes_well();
	is(&wanted);
}

static void tsc_writes_are_taken_by_the_host(void **state)
{
	struct host_traits wanted;

	(void)state;
	mini_kvm_host.kept_msr[0] = 0x3B;
	probes_well();
	wanted = of_vmx();
	wanted.tsc_write_exits = false;
	is(&wanted);
	mini_kvm_host.kept_msr[0] = 0x10;
	probes_well();
	is(&wanted);
}

static void a_host_that_keeps_1bh_is_useless(void **state)
{
	(void)state;
	mini_kvm_host.kept_msr[0] = 0x1B;
	fails(77, "IA32_APIC_BASE");
	/* The rest was asked all the same: a report wants it. */
	assert_true(traits.x2apic_exits);
	assert_true(traits.single_step_cpl0);
}

static void half_msrs_and_lost_errors(void **state)
{
	(void)state;
	mini_kvm_host.msr_writes_are_32_bits = true;
	fails(77, "IA32_APIC_BASE");
	assert_false(traits.x2apic_exits || traits.apic_base_exits || traits.tsc_deadline_exits ||
		     traits.tsc_write_exits);
	/* A guest that is left in the middle of its access spoils none after it. */
	assert_true(traits.cr8_lowering_exits && traits.window_prompt && traits.nmi &&
		    traits.single_step_cpl0 && traits.apic_bit_follows);
	mini_kvm_vmx();
	mini_kvm_host.msr_reads_are_32_bits = true;
	fails(77, "IA32_APIC_BASE");
	assert_false(traits.x2apic_exits || traits.apic_base_exits || traits.tsc_deadline_exits);
	assert_true(traits.tsc_write_exits);
	/* Lost, and as #UD. */
	for (unsigned vector = 0; vector <= 6; vector += 6) {
		mini_kvm_vmx();
		mini_kvm_host.msr_error_vector = vector;
		fails(77, "IA32_APIC_BASE");
		assert_false(traits.x2apic_exits || traits.apic_base_exits);
		assert_true(traits.tsc_deadline_exits);
	}
}

static void single_answers(void **state)
{
	struct host_traits wanted;

	(void)state;
	probes_well();
	wanted = of_vmx();

	mini_kvm_host.cr8_lowering_exits = false;
	wanted.cr8_lowering_exits = false;
	probes_well();
	is(&wanted);
	mini_kvm_host.apic_bit_stays = true;
	wanted.apic_bit_follows = false;
	probes_well();
	is(&wanted);
	mini_kvm_host.step = STEP_BY_TWO;
	wanted.single_step_cpl0 = false;
	probes_well();
	is(&wanted);
	mini_kvm_host.step = STEP_NEVER;
	probes_well();
	is(&wanted);
	mini_kvm_host.tsc_stays = true;
	wanted.tsc_moves = false;
	probes_well();
	is(&wanted);
	mini_kvm_host.tsc_stays = false;
	mini_kvm_host.tsc_khz = -ENOTTY; /* so that its deadlines are not known either */
	wanted.tsc_khz = 0;
	probes_well();
	is(&wanted);
	mini_kvm_host.max_vcpus = 0;
	mini_kvm_host.max_vcpu_id = 0;
	wanted.max_vcpus = 4;
	wanted.max_vcpu_id = 4;
	probes_well();
	is(&wanted);
}

static void events_that_do_not_arrive_are_not_used(void **state)
{
	(void)state;
	for (int events = EVENTS_INJECT; events <= EVENTS_TWICE; events++) {
		mini_kvm_vmx();
		mini_kvm_host.events = events;
		probes_well();
		assert_int_equal(traits.events_inject, events == EVENTS_INJECT);
	}
	mini_kvm_vmx();
	mini_kvm_host.sync_regs = 3;
	probes_well();
	assert_false(traits.events_inject);
}

static void windows_met_now_and_then_are_not_prompt(void **state)
{
	/* Every period that is no multiple of the loop hits the one open place at some time. */
	static const unsigned periods[] = {2, 3, 7, 64, 250, 251, 252, 1024};

	(void)state;
	for (size_t i = 0; i < sizeof(periods) / sizeof(periods[0]); i++) {
		mini_kvm_host.window_every = periods[i];
		probes_well();
		assert_false(traits.window_prompt);
	}
	mini_kvm_host.window_every = 1;
	probes_well();
	assert_true(traits.window_prompt);
}

static void an_nmi_that_waits_is_useless(void **state)
{
	(void)state;
	mini_kvm_host.nmi_waits_for_if = true;
	fails(77, "NMI");
	mini_kvm_vmx();
	mini_kvm_host.nmi_vector = 3;
	fails(77, "NMI");
}

static void injection_while_closed(void **state)
{
	struct host_error ignored;

	(void)state;
	for (int closed = CLOSED_HOLDS; closed <= CLOSED_FAILS_ENTRY; closed++) {
		mini_kvm_vmx();
		mini_kvm_host.closed = closed;
		traits = (struct host_traits){.nmi = true};
		assert_true(host_probe_closed(&mini_kvm_calls, &traits, &ignored));
		assert_int_equal(traits.inject_closed_bad,
				 closed == CLOSED_DELIVERS || closed == CLOSED_FAILS_ENTRY);
		assert_true(traits.nmi);
		assert_int_equal(mini_kvm_host.open_descriptors, 0);
	}
}

static void each_missing_capability_is_named(void **state)
{
	static const struct {
		int cap;
		const char *name, *since;
	} rows[] = {
		{KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY", "2.6.25"},
		{KVM_CAP_EXT_CPUID, "KVM_CAP_EXT_CPUID", "2.6.26"},
		{KVM_CAP_VCPU_EVENTS, "KVM_CAP_VCPU_EVENTS", "2.6.33"},
		{KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT", "4.12"},
		{KVM_CAP_X86_USER_SPACE_MSR, "KVM_CAP_X86_USER_SPACE_MSR", "5.10"},
		{KVM_CAP_X86_MSR_FILTER, "KVM_CAP_X86_MSR_FILTER", "5.10"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		mini_kvm_host.missing_cap = rows[i].cap;
		fails(77, rows[i].name);
		assert_non_null(strstr(why.text, rows[i].since));
		assert_int_equal(traits.msr_exits, i < 4);
		/* No guest was started. */
		assert_false(traits.nmi);
	}
}

static void other_interfaces_are_refused(void **state)
{
	(void)state;
	mini_kvm_host.api_version = 13;
	fails(69, "version 13");
	mini_kvm_host.api_version = -ENOTTY;
	fails(69, "not KVM's device");
	mini_kvm_host.open_error = EMFILE;
	fails(69, strerror(EMFILE));
}

static void a_call_that_fails_is_named(void **state)
{
	static const struct {
		unsigned long request;
		int error, code;
		const char *name;
	} rows[] = {
		{KVM_CREATE_VM, EBUSY, 69, "KVM_CREATE_VM"},
		{KVM_CREATE_VCPU, ENOMEM, 77, "KVM_CREATE_VCPU"},
		{KVM_SET_USER_MEMORY_REGION, EINVAL, 77, "KVM_SET_USER_MEMORY_REGION"},
		{KVM_SET_CPUID2, E2BIG, 77, "KVM_SET_CPUID2"},
		{KVM_GET_SUPPORTED_CPUID, EFAULT, 77, "KVM_SET_CPUID2"},
		{KVM_X86_SET_MSR_FILTER, EINVAL, 77, "KVM_X86_SET_MSR_FILTER"},
		{KVM_RUN, EFAULT, 77, "guest of two instructions"},
		{KVM_SET_REGS, EFAULT, 77, "guest of two instructions"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		mini_kvm_host.failing_request = rows[i].request;
		mini_kvm_host.failing_request_error = rows[i].error;
		fails(rows[i].code, rows[i].name);
	}
}

static void a_host_that_hangs_is_left(void **state)
{
	uint64_t start = kick_clock_ns();
	sigset_t none, after;
	struct sigaction action;

	(void)state;
	sigemptyset(&none);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &none, NULL), 0);
	mini_kvm_host.hangs_from_run = 1;
	fails(77, "guest of two instructions");
	assert_true(kick_clock_ns() - start < UINT64_C(20000000000));
	/* And the caller's signals are as they were. */
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	for (int signal = 1; signal < 32; signal++)
		assert_int_equal(sigismember(&after, signal), 0);
	assert_int_equal(sigaction(KICK_SIGNAL, NULL, &action), 0);
	assert_true(action.sa_handler == SIG_DFL);
}

static void failures_become_results(void **state)
{
	struct host_error error = {.text = "why", .code = 69};
	struct result result;

	(void)state;
	host_error_result(&error, &result);
	assert_int_equal(result.kind, RESULT_NO_KVM);
	assert_string_equal(result.text, "why");
	assert_int_equal(result.cpu, -1);
	error.code = 77;
	host_error_result(&error, &result);
	assert_int_equal(result.kind, RESULT_HOST_LACKS);
	error.code = 70;
	host_error_result(&error, &result);
	assert_int_equal(result.kind, RESULT_INTERNAL);
}

/* ---------------------------------------------------------------- why it cannot be opened */

static char root[64];

static void make(const char *path, const char *content)
{
	char whole[256], *slash;
	FILE *file;

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	for (slash = strchr(whole + strlen(root) + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(whole, 0755);
		*slash = '/';
	}
	if (!content) {
		mkdir(whole, 0755);
		return;
	}
	file = fopen(whole, "w");
	assert_non_null(file);
	fputs(content, file);
	assert_int_equal(fclose(file), 0);
}

static int make_root(void **state)
{
	(void)state;
	strcpy(root, "/tmp/lapicvm-root-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

static void cpu_with(const char *flags)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: %s\n"
		 "vmx flags\t: vnmi\n\nprocessor\t: 1\nmodel name\t: Other\n",
		 flags);
	make("/proc/cpuinfo", text);
}

static void explains(int error, const char *first, const char *second)
{
	why = (struct host_error){.code = -1};
	host_access_explain(root, error, &why);
	assert_int_equal(why.code, 69);
	if (!strstr(why.text, first) || !strstr(why.text, second))
		fail_msg("'%s' does not say '%s' and '%s'", why.text, first, second);
	assert_null(strchr(why.text, '\n'));
}

static void a_missing_module_is_named(void **state)
{
	(void)state;
	explains(ENOENT, "No such file", "turn virtualisation on");
	cpu_with("fpu vme nx");
	explains(ENOENT, "neither vmx nor svm", "nested virtualisation");
	cpu_with("fpu vmx nx");
	explains(ENOENT, "No such file", "sudo modprobe kvm_intel");
	explains(ENODEV, "No such device", "sudo modprobe kvm_intel");
	cpu_with("fpu nx svm");
	explains(ENOENT, "No such file", "sudo modprobe kvm_amd");
	explains(ENXIO, "No such device", "sudo modprobe kvm_amd");
	make("/sys/module/kvm_amd", NULL);
	explains(ENOENT, "module is loaded", "--device=/dev/kvm");
	explains(EMFILE, strerror(EMFILE), "/dev/kvm");
}

static void permission_is_explained_by_owner_and_group(void **state)
{
	struct host_access_device device = {"root", "kvm", 0660, false, false};

	(void)state;
	host_access_permission(&device, &why);
	assert_string_equal(why.text, "/dev/kvm: permission denied; it belongs to root:kvm with "
				      "mode 660: sudo usermod -aG kvm $USER, then log in again");
	assert_int_equal(why.code, 69);
	device.user_in_group = true;
	host_access_permission(&device, &why);
	assert_non_null(strstr(why.text, "log in again, or run newgrp kvm"));
	device.mode = 0600;
	host_access_permission(&device, &why);
	assert_non_null(strstr(why.text, "mode 600: sudo chown $USER /dev/kvm"));
	/* Nobody should join the group root. */
	device = (struct host_access_device){"root", "root", 0660, true, false};
	host_access_permission(&device, &why);
	assert_non_null(strstr(why.text, "root:root with mode 660: sudo chown"));
	/* Read alone is not enough. */
	device = (struct host_access_device){"root", "kvm", 0640, false, false};
	host_access_permission(&device, &why);
	assert_non_null(strstr(why.text, "sudo chown"));
}

static void a_sandbox_is_told_from_permissions(void **state)
{
	(void)state;
	make("/dev/kvm", "");
	explains(EPERM, "Operation not permitted", "sandbox");
	/* Whoever runs this may open the file: so it is not its mode that forbids. */
	explains(EACCES, "Permission denied", "sandbox");
}

static void backends_are_told_by_module_and_flag(void **state)
{
	(void)state;
	assert_int_equal(host_access_backend(root), HOST_UNKNOWN);
	make("/sys/module/kvm_intel", NULL);
	assert_int_equal(host_access_backend(root), HOST_KVM_INTEL);
	make("/sys/module/kvm_amd", NULL);
	assert_int_equal(host_access_backend(root), HOST_UNKNOWN);
	cpu_with("svm");
	assert_int_equal(host_access_backend(root), HOST_KVM_AMD);
	cpu_with("vmx");
	assert_int_equal(host_access_backend(root), HOST_KVM_INTEL);
	make("/sys/module/kvm_pvm", NULL);
	assert_int_equal(host_access_backend(root), HOST_KVM_INTEL);
	cpu_with("fpu");
	assert_int_equal(host_access_backend(root), HOST_KVM_PVM);
	assert_string_equal(host_backend_name(HOST_KVM_PVM), "kvm_pvm");
	assert_string_equal(host_backend_name(HOST_KVM_INTEL), "kvm_intel");
	assert_string_equal(host_backend_name(HOST_KVM_AMD), "kvm_amd");
	assert_string_equal(host_backend_name(HOST_UNKNOWN), "unknown");
}

static void the_processor_is_read_from_cpuinfo(void **state)
{
	char model[64];

	(void)state;
	host_access_cpu_model(root, model, sizeof(model));
	assert_string_equal(model, "unknown");
	cpu_with("fpu vmxx avmx");
	host_access_cpu_model(root, model, sizeof(model));
	assert_string_equal(model, "Some CPU @ 2 GHz");
	assert_false(host_access_cpu_flag(root, "vmx"));
	assert_false(host_access_cpu_flag(root, "vnmi"));
	assert_true(host_access_cpu_flag(root, "avmx"));
	assert_true(host_access_cpu_flag(root, "fpu"));
}

#define ON_VMX(name)  cmocka_unit_test_setup(name, as_vmx)
#define IN_ROOT(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_VMX(a_vmx_host),
		ON_VMX(a_pvm_host),
		ON_VMX(x2apic_registers_that_do_not_exit_whole),
		ON_VMX(the_deadline_is_taken_by_the_host),
		ON_VMX(tsc_writes_are_taken_by_the_host),
		ON_VMX(a_host_that_keeps_1bh_is_useless),
		ON_VMX(half_msrs_and_lost_errors),
		ON_VMX(single_answers),
		ON_VMX(events_that_do_not_arrive_are_not_used),
		ON_VMX(windows_met_now_and_then_are_not_prompt),
		ON_VMX(an_nmi_that_waits_is_useless),
		ON_VMX(injection_while_closed),
		ON_VMX(each_missing_capability_is_named),
		ON_VMX(other_interfaces_are_refused),
		ON_VMX(a_call_that_fails_is_named),
		ON_VMX(a_host_that_hangs_is_left),
		cmocka_unit_test(failures_become_results),
		IN_ROOT(a_missing_module_is_named),
		cmocka_unit_test(permission_is_explained_by_owner_and_group),
		IN_ROOT(a_sandbox_is_told_from_permissions),
		IN_ROOT(backends_are_told_by_module_and_flag),
		IN_ROOT(the_processor_is_read_from_cpuinfo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
