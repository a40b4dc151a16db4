// SPDX-License-Identifier: BSD-2-Clause
// The verb on hosts that cannot do it, and what is said before a host is asked.
// Not a campaign: test_diff_campaign.c and test_diff_cli.sh have those.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>

#include <cmocka.h>
#include <linux/kvm.h>

#include "tests/vmm/mini_kvm.h"
#include "vmm/diff/diff.h"

static struct options options;
static struct result result;

/* The host in miniature has room for its probes alone, and takes every KVM_ENABLE_CAP. */
static int old_kernel(void *opaque, int fd, unsigned long request, void *arg)
{
	const struct kvm_enable_cap *cap = arg;

	if (request == KVM_ENABLE_CAP && cap->cap == KVM_CAP_SPLIT_IRQCHIP)
		return -EINVAL;
	if (request == KVM_SET_USER_MEMORY_REGION) {
		mini_kvm_calls.ioctl(opaque, fd, request, arg);
		return 0;
	}
	return mini_kvm_calls.ioctl(opaque, fd, request, arg);
}

static int setup(void **state)
{
	(void)state;
	mini_kvm_vmx();
	options = (struct options){.verb = OPTIONS_DIFF,
				   .x2apic = true,
				   .tsc_deadline = true,
				   .diff = {.seed = 1, .seeds = 1, .ops = 1, .save = "/tmp"}};
	return 0;
}

static void ends_with(enum result_kind kind, const char *text)
{
	struct kvm_calls kvm = mini_kvm_calls;

	kvm.ioctl = old_kernel;
	memset(&result, 0, sizeof(result));
	assert_false(diff(&options, &kvm, &result));
	if (result.kind != kind || !strstr(result.text, text))
		fail_msg("%s '%s' without '%s'", result_name(result.kind), result.text, text);
	assert_int_equal(mini_kvm_host.open_descriptors, 0);
}

static void a_host_without_split_irqchip(void **state)
{
	(void)state;
	ends_with(RESULT_HOST_LACKS, "KVM_CAP_SPLIT_IRQCHIP");
}

static void a_host_without_kvm(void **state)
{
	(void)state;
	mini_kvm_host.open_error = ENOENT;
	ends_with(RESULT_NO_KVM, "/dev/kvm");
}

static void mistakes_are_told_before_the_host_is_asked(void **state)
{
	(void)state;
	options.diff.ledger = "/nowhere";
	ends_with(RESULT_UNREADABLE, "--ledger /nowhere: No such file");
	options.diff.ledger = "/dev/null";
	options.diff.replays[0] = "/nowhere";
	options.diff.replay_count = 1;
	ends_with(RESULT_UNREADABLE, "--replay /nowhere: No such file");
	options.diff.save = "/dev/null";
	ends_with(RESULT_OUTPUT_FAILED, "--save /dev/null: Not a directory");
	options.diff.junit = "/nowhere/x";
	ends_with(RESULT_OUTPUT_FAILED, "/nowhere/x: No such file");
	assert_int_equal(mini_kvm_host.runs, 0);
}

#define TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_host_without_split_irqchip),
		TEST(a_host_without_kvm),
		TEST(mistakes_are_told_before_the_host_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
