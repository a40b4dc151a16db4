// SPDX-License-Identifier: BSD-2-Clause
// The monitor: keys, lines, each command, and vCPU threads that stand still for it.
// The machine is a real one on the scripted KVM; the test is its console.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/kvm.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/vmm/rig.h"
#include "vmm/monitor.h"

static struct monitor *monitor;
static struct rig *rig;
static char said[65536];
static size_t said_count;
static unsigned quits;

static void say(void *opaque, const char *text, size_t bytes)
{
	assert_ptr_equal(opaque, said);
	assert_true(said_count + bytes < sizeof(said));
	memcpy(said + said_count, text, bytes);
	said_count += bytes;
	said[said_count] = '\0';
}

static void quit(void *opaque)
{
	assert_ptr_equal(opaque, said);
	quits++;
}

static const struct monitor_calls calls = {.say = say, .quit = quit};

/* What CPU 0 has done so far. */
static atomic_uint runs, nmis;

static void tell(const struct fake_vcpu *v)
{
	if (v->id != 0)
		return;
	atomic_store(&runs, v->runs);
	atomic_store(&nmis, v->nmis);
}

/* A guest that polls, and never halts. */
static int polls(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	tell(v);
	usleep(200);
	v->regs.rip = 0x100010;
	v->sregs.cs.l = 1;
	v->sregs.efer = 0x500;
	return fake_in(v, 0x3FD, 1);
}

static void forget(void)
{
	said_count = 0;
	said[0] = '\0';
}

static int setup(void **state)
{
	(void)state;
	forget();
	quits = 0;
	atomic_store(&runs, 0);
	atomic_store(&nmis, 0);
	rig = NULL;
	monitor = malloc(sizeof(*monitor));
	monitor_init(monitor, INFO_QEMU, &calls, said);
	return 0;
}

static void run(unsigned cpus, bool kernel, fake_script *script)
{
	rig = rig_new(script);
	rig->options.cpus = cpus;
	rig->options.kernel_lapic = kernel;
	if (!rig_open(rig))
		fail_msg("machine_open: %s", rig->why.text);
	assert_true(machine_start(&rig->machine, &rig->why));
	monitor_attach(monitor, &rig->machine);
}

static int teardown(void **state)
{
	(void)state;
	if (rig) {
		ending_say(&rig->ending, RESULT_TIMEOUT, -1, 0, "enough");
		monitor_detach(monitor);
		machine_stop(&rig->machine);
		rig_free(rig);
	}
	free(monitor);
	return 0;
}

static void type(const char *keys)
{
	while (*keys)
		monitor_key(monitor, (uint8_t)*keys++);
}

/* As the loop does when it is told. */
static void await(void)
{
	for (int i = 0; i < 100000 && monitor->waiting; i++) {
		monitor_still(monitor);
		usleep(100);
	}
	assert_false(monitor->waiting);
}

static void command(const char *line)
{
	forget();
	type(line);
	type("\r");
	await();
}

#define assert_said(words)                                                                         \
 do {                                                                                              \
  if (!strstr(said, words))                                                                        \
   fail_msg("no \"%s\" in:\n%s", words, said);                                                     \
 } while (0)

/* ---------------------------------------------------------------- lines */

static void test_keys_make_a_line(void **state)
{
	(void)state;
	monitor_enter(monitor, true);
	assert_string_equal(said, "\n(lapicvm) ");
	forget();
	type("hx\x7Fq\b");
	assert_string_equal(said, "hx\b \bq\b \b");
	type("\x1B[A\x1BOP\x1B[3~\x1Bzelp");
	assert_string_equal(said, "hx\b \bq\b \belp");
	type("\x15");
	forget();
	type("\b\x7F\x01\t\x80");
	assert_string_equal(said, "");
	command("nonsense");
	assert_string_equal(said,
			    "nonsense\n'nonsense' is no command; 'help' lists them.\n(lapicvm) ");
	forget();
	type("\r\n\n");
	assert_string_equal(said, "\n(lapicvm) \n(lapicvm) ");
	forget();
	monitor_enter(monitor, false);
	assert_string_equal(said, "\n");
}

static void test_a_line_has_an_end(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		monitor_key(monitor, 'a');
	assert_int_equal(said_count, MONITOR_LINE - 1);
	forget();
	type("\n");
	assert_said("' is no command;");
	assert_int_equal(quits, 0);
}

static void test_unknown_words(void **state)
{
	(void)state;
	run(2, false, polls);
	command("info");
	assert_said("info what? lapic, ioapic, pic, cpus and waits are known.\n");
	command("info nothing");
	assert_said("info what?");
	command("infos");
	assert_said("'infos' is no command; 'help' lists them.\n");
	command("info pic 0");
	assert_said("'0' is more than 'pic' takes; 'help' lists the commands.\n");
	command("info lapic 0 1");
	assert_said("'1' is more than 'lapic' takes;");
	command("quit now");
	assert_said("'now' is more than 'quit' takes;");
	command("nmi a b c d e");
	assert_said("'b' is more than 'nmi' takes;");
	assert_int_equal(quits, 0);
	command("info lapic 2");
	assert_said("There is no CPU '2'; they are 0 to 1.\n");
	command("info lapic -1");
	assert_said("There is no CPU '-1';");
	command("info lapic 0x1");
	assert_said("There is no CPU '0x1';");
	command("info lapic 99999999999999999999999");
	assert_said("There is no CPU '9999");
	command("   ");
	assert_string_equal(said, "   \n(lapicvm) ");
}

/* ---------------------------------------------------------------- commands */

static void test_help(void **state)
{
	(void)state;
	run(1, false, polls);
	command("help");
	for (unsigned i = 0; i < 10; i++) {
		static const char *const words[] = {
			"info lapic [CPU]", "info ioapic", "info pic", "info cpus", "info waits",
			"nmi [CPU]",        "stop",        "cont",     "quit",      "Ctrl-a c"};

		assert_said(words[i]);
	}
}

static void assert_runs(bool yes)
{
	unsigned before = atomic_load(&runs);

	for (int i = 0; i < (yes ? 50000 : 200) && atomic_load(&runs) == before; i++)
		usleep(100);
	assert_int_equal(atomic_load(&runs) != before, yes);
}

static void test_info(void **state)
{
	(void)state;
	run(2, false, polls);
	assert_runs(true);
	command("info lapic 1");
	assert_said("dumping local APIC state for CPU 1 (APIC ID 1, xAPIC)\n");
	assert_said("\nLVT0\t ");
	command("info lapic");
	assert_said("for CPU 0 (APIC ID 0,");
	command("info ioapic");
	assert_said("ioapic0: ver=0x20");
	command("info pic");
	assert_said("pic1: irr=");
	command("info cpus");
	assert_said("CPU #0: running pc=0x0000000000100010 ");
	assert_said("CPU #1: waiting for SIPI ");
	command("info waits");
	assert_said("Nothing waits.\n");
	/* COM1's wire, as long as its device asks. */
	pthread_mutex_lock(&rig->machine.device_lock);
	bus_write(&rig->machine.ports, 0x3FC, 1, 0x08);
	bus_write(&rig->machine.ports, 0x3F9, 1, 0x02);
	pthread_mutex_unlock(&rig->machine.device_lock);
	command("info waits");
	assert_said("what interrupts wait for:\n  IRQ 4: its line is raised, but ");
}

static void test_formats(void **state)
{
	(void)state;
	run(1, false, polls);
	monitor->format = INFO_LINUX;
	command("info lapic");
	assert_said("printing local APIC contents on CPU#0/0:\n");
	command("info ioapic");
	assert_said(".... IRQ redirection table:\n");
	monitor->format = INFO_JSON;
	command("info lapic");
	assert_said("{\"id\": 0, ");
	command("info ioapic");
	assert_said("}]}\n(lapicvm) ");
	command("info pic");
	assert_said("}]\n(lapicvm) ");
	command("info cpus");
	assert_said("{\"cpu\": 0, \"state\": \"running\"");
	command("info waits");
	assert_said("[]\n(lapicvm) ");
}

static void test_stop_and_cont(void **state)
{
	(void)state;
	run(2, false, polls);
	assert_runs(true);
	command("cont");
	assert_said("The CPUs are running.\n");
	command("stop");
	assert_string_equal(said, "stop\n(lapicvm) ");
	assert_runs(false);
	/* Between two instructions: what was read was taken. */
	assert_false(rig_fake(rig, 0)->unfinished);
	command("stop");
	assert_said("The CPUs stand still already.\n");
	command("info cpus");
	assert_said("CPU #0: running");
	assert_runs(false);
	command("cont");
	assert_string_equal(said, "cont\n(lapicvm) ");
	assert_runs(true);
	command("info cpus");
	assert_runs(true);
}

static void test_quit_and_what_was_typed_meanwhile(void **state)
{
	(void)state;
	run(1, false, polls);
	type("info cpus\ninfo pic\nquit\n");
	await();
	assert_true(strstr(said, "CPU #0") < strstr(said, "pic1: "));
	assert_int_equal(quits, 1);
}

static void test_more_keys_than_are_kept(void **state)
{
	(void)state;
	run(1, false, polls);
	type("stop\n");
	for (unsigned i = 0; i < 3 * MONITOR_KEYS; i++)
		monitor_key(monitor, 'k');
	await();
	assert_said("kkkk");
}

/* ---------------------------------------------------------------- NMIs */

static int takes_nmi(struct fake_vcpu *v, struct kvm_run *run)
{
	return v->id == 0 && !rig_of(v)->step++ ? fake_mmio_write(v, 0xFEE000F0, 0x1FF, 4)
						: polls(v, run);
}

static void await_nmi(void)
{
	for (int i = 0; i < 50000 && !atomic_load(&nmis); i++)
		usleep(100);
}

static void test_nmi(void **state)
{
	(void)state;
	run(2, false, takes_nmi);
	command("nmi");
	assert_string_equal(said, "nmi\n(lapicvm) ");
	await_nmi();
	command("stop");
	assert_int_equal(rig_fake(rig, 0)->nmis, 1);
	assert_int_equal(rig_fake(rig, 1)->nmis, 0);
}

static int kernel_polls(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	tell(v);
	usleep(200);
	return -EINTR;
}

static void test_nmi_to_kvms_own_lapic(void **state)
{
	(void)state;
	run(1, true, kernel_polls);
	assert_runs(true);
	command("stop");
	assert_runs(false);
	command("info lapic");
	assert_said("for CPU 0 (APIC ID ");
	command("nmi 0");
	command("cont");
	await_nmi();
	command("stop");
	assert_int_equal(rig_fake(rig, 0)->nmis, 1);
	rig->kvm.failing_request = KVM_NMI;
	rig->kvm.failing_error = EINVAL;
	command("nmi 0");
	assert_said("CPU 0 takes no NMI now.\n");
}

/* ---------------------------------------------------------------- comings and goings */

static void test_no_machine(void **state)
{
	(void)state;
	command("info lapic");
	assert_said("No machine is running.\n");
	command("stop");
	assert_said("No machine is running.\n");
	assert_false(monitor->stopped);
}

static atomic_bool deaf, inside;

/* No kick gets this guest out of KVM_RUN before it is allowed. */
static int ignores_kicks(struct fake_vcpu *v, struct kvm_run *run)
{
	atomic_store(&inside, true);
	while (atomic_load(&deaf))
		usleep(100);
	return polls(v, run);
}

static void run_deaf(unsigned cpus)
{
	atomic_store(&inside, false);
	atomic_store(&deaf, true);
	run(cpus, false, ignores_kicks);
	for (int i = 0; i < 50000 && !atomic_load(&inside); i++)
		usleep(100);
}

static void test_nobody_waits_for_a_cpu_that_does_not_come(void **state)
{
	(void)state;
	run_deaf(1);
	type("info lapic\ninfo pic\n");
	monitor_still(monitor);
	assert_string_equal(said, "info lapic\n");
	atomic_store(&deaf, false);
	await();
	assert_true(strstr(said, "dumping ") < strstr(said, "pic1: "));
}

/* A run ends while its CPUs stand, and while a command waits for them. */
static void test_the_end_of_a_machine_that_stands(void **state)
{
	(void)state;
	run(2, false, polls);
	command("stop");
	assert_true(monitor->stopped);
	teardown(state);
	setup(state);
	run_deaf(2);
	type("info cpus\nstop\n");
	assert_true(monitor->waiting);
	atomic_store(&deaf, false);
	ending_say(&rig->ending, RESULT_TIMEOUT, -1, 0, "enough");
	monitor_detach(monitor);
	assert_false(monitor->waiting);
	monitor_still(monitor);
	machine_stop(&rig->machine);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_keys_make_a_line),
		WITH(test_a_line_has_an_end),
		WITH(test_unknown_words),
		WITH(test_help),
		WITH(test_info),
		WITH(test_formats),
		WITH(test_stop_and_cont),
		WITH(test_quit_and_what_was_typed_meanwhile),
		WITH(test_more_keys_than_are_kept),
		WITH(test_nmi),
		WITH(test_nmi_to_kvms_own_lapic),
		WITH(test_no_machine),
		WITH(test_nobody_waits_for_a_cpu_that_does_not_come),
		WITH(test_the_end_of_a_machine_that_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
