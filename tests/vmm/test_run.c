// SPDX-License-Identifier: BSD-2-Clause
// Whole runs on the scripted KVM, each in a child with stdin and stdout of its own: ends, output,
// signals, resets. Not what a guest can do: tests/guests has real ones.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/vmm/fake_kvm.h"
#include "tests/vmm/rig.h"
#include "vmm/run.h"
#include "vmm/save_end.h"

/* Long enough for any machine, short enough to fail in. */
#define PATIENCE_MS 20000

static struct options options;
static struct host_traits traits;
static struct fake_kvm kvm;
static int image, in_pipe[2], out_pipe[2], result_pipe[2];
/* What the run printed on standard error. */
static int words_fd;
static char words[65536];
static unsigned script_step;

static int setup(void **state)
{
	static char path[64];
	static const uint8_t code[] = {0xF4};

	(void)state;
	image = memfd_create("image", 0);
	words_fd = memfd_create("words", 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", image);
	options = (struct options){.image = path, .cpus = 1, .ram_bytes = 4 << 20, .x2apic = true};
	rig_host_vmx(&traits);
	fake_kvm_init(&kvm);
	script_step = 0;
	return write(image, code, 1) != 1 || pipe(in_pipe) || pipe(out_pipe) || pipe(result_pipe);
}

static int teardown(void **state)
{
	(void)state;
	close(image);
	close(words_fd);
	for (unsigned i = 0; i < 2; i++) {
		close(in_pipe[i]);
		close(out_pipe[i]);
		close(result_pipe[i]);
	}
	return 0;
}

/* The run in a child; its result comes through result_pipe. */
static pid_t start(fake_script *script)
{
	pid_t pid = fork();
	struct result result;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	dup2(in_pipe[0], 0);
	dup2(out_pipe[1], 1);
	dup2(words_fd, 2);
	close(in_pipe[0]);
	close(in_pipe[1]);
	close(out_pipe[0]);
	close(out_pipe[1]);
	kvm.script = script;
	run_with(&options, &traits, &kvm.calls, &result);
	if (write(result_pipe[1], &result, sizeof(result)) != sizeof(result))
		_exit(2);
	_exit(kvm.descriptors != 0);
}

static void read_words(void)
{
	ssize_t n = pread(words_fd, words, sizeof(words) - 1, 0);

	words[n > 0 ? n : 0] = '\0';
}

static struct result finish(pid_t pid)
{
	struct pollfd wait = {.fd = result_pipe[0], .events = POLLIN};
	struct result result = {0};
	int status;

	if (poll(&wait, 1, PATIENCE_MS) != 1) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		fail_msg("the run did not end");
	}
	assert_int_equal(read(result_pipe[0], &result, sizeof(result)), sizeof(result));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	read_words();
	if (WEXITSTATUS(status) != 0)
		fail_msg("the run's process ended with %d: %s", WEXITSTATUS(status), words);
	return result;
}

static struct result run_script(fake_script *script)
{
	return finish(start(script));
}

/* Everything that went to stdout. */
static size_t output(char *text, size_t size)
{
	size_t used = 0;
	ssize_t n;

	close(out_pipe[1]);
	while ((n = read(out_pipe[0], text + used, size - used)) > 0)
		used += (size_t)n;
	out_pipe[1] = dup(0);
	return used;
}

/* ---------------------------------------------------------------- ends */

static int says_hello(struct fake_vcpu *v, struct kvm_run *run)
{
	static const char text[] = "hello\n";

	(void)run;
	if (text[script_step])
		return fake_out(v, 0x3F8, (uint8_t)text[script_step++], 1);
	return fake_out(v, 0xF4, 42, 4);
}

static void test_a_guest_speaks_and_ends(void **state)
{
	struct result result = run_script(says_hello);
	char text[64] = "";

	(void)state;
	assert_int_equal(result.kind, RESULT_GUEST_EXIT);
	assert_int_equal(result.value, 42);
	assert_int_equal(output(text, sizeof(text)), 6);
	assert_string_equal(text, "hello\n");
}

static int floods(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	if (script_step++ < 300000)
		return fake_out(v, 0x3F8, 'x', 1);
	return fake_out(v, 0xF4, 0, 4);
}

static void test_output_waits_for_a_slow_reader_and_is_complete(void **state)
{
	static char text[400000];
	pid_t pid = start(floods);

	(void)state;
	usleep(100000);
	/* Nobody has read yet: pipe and buffer are full, and the guest waits. */
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(output(text, sizeof(text)), 300000);
	assert_int_equal(finish(pid).kind, RESULT_GUEST_EXIT);
}

static int says_much_and_ends(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	if (script_step++ < 100000)
		return fake_out(v, 0x3F8, 'x', 1);
	return fake_out(v, 0xF4, 0, 4);
}

static void test_the_rest_is_written_after_the_guest_has_ended(void **state)
{
	static char text[200000];
	pid_t pid = start(says_much_and_ends);

	(void)state;
	/* The guest is through by now: a pipe full, and the rest in the console's buffer. */
	usleep(300000);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	assert_int_equal(output(text, sizeof(text)), 100000);
	assert_int_equal(finish(pid).kind, RESULT_GUEST_EXIT);
}

static void test_a_signal_ends_a_guest_that_waits_for_its_reader(void **state)
{
	struct result result;
	pid_t pid = start(floods);

	(void)state;
	usleep(300000);
	kill(pid, SIGTERM);
	result = finish(pid);
	assert_int_equal(result.kind, RESULT_SIGTERM);
}

static void test_a_reader_that_leaves_ends_the_run(void **state)
{
	pid_t pid;

	(void)state;
	pid = start(floods);
	close(out_pipe[0]);
	close(out_pipe[1]);
	out_pipe[0] = dup(0);
	out_pipe[1] = dup(0);
	assert_int_equal(finish(pid).kind, RESULT_OUTPUT_FAILED);
}

static int speaks_then_ends(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	return script_step++ ? fake_out(v, 0xF4, 0, 4) : fake_out(v, 0x3F8, 'x', 1);
}

static void test_a_full_disk_spoils_a_good_end(void **state)
{
	int full = open("/dev/full", O_WRONLY);
	struct result result;

	(void)state;
	dup2(full, out_pipe[1]);
	close(full);
	result = run_script(speaks_then_ends);
	assert_int_equal(result.kind, RESULT_OUTPUT_FAILED);
	assert_non_null(strstr(result.text, strerror(ENOSPC)));
}

static int spins(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)v;
	for (int i = 0; i < 20000 && !((volatile struct kvm_run *)run)->immediate_exit; i++)
		usleep(1000);
	return -EINTR;
}

static int speaks_and_spins(struct fake_vcpu *v, struct kvm_run *run)
{
	return script_step++ ? spins(v, run) : fake_out(v, 0x3F8, 'x', 1);
}

static void test_a_guest_that_hangs_in_kvm_run_meets_the_time_limit(void **state)
{
	struct result result;

	(void)state;
	options.timeout_ms = 100;
	result = run_script(spins);
	assert_int_equal(result.kind, RESULT_TIMEOUT);
	assert_non_null(strstr(result.text, "0.100 s"));
	assert_non_null(strstr(result.detail, "cpu 0: running"));
}

static void test_signals_end_the_run(void **state)
{
	static const struct {
		int number;
		enum result_kind kind;
	} signals[] = {{SIGINT, RESULT_SIGINT}, {SIGTERM, RESULT_SIGTERM}};

	for (unsigned i = 0; i < 2; i++) {
		pid_t pid;

		if (i > 0)
			setup(state);
		pid = start(floods);
		/* Output shows that the guest runs, and that signals are listened to. */
		assert_int_equal(read(out_pipe[0], &(char){0}, 1), 1);
		kill(pid, signals[i].number);
		assert_int_equal(finish(pid).kind, signals[i].kind);
		if (i == 0)
			teardown(state);
	}
}

static void test_ctrl_a_x_ends_the_run(void **state)
{
	(void)state;
	assert_int_equal(write(in_pipe[1], "typed \001x", 8), 8);
	assert_int_equal(run_script(spins).kind, RESULT_USER_QUIT);
}

/* ---------------------------------------------------------------- saved */

static char saved[] = "/tmp/lapicvm-test-run.XXXXXX";

static void save_at_the_end(void)
{
	int fd;

	strcpy(saved + strlen(saved) - 6, "XXXXXX");
	fd = mkstemp(saved);
	assert_true(fd >= 0);
	close(fd);
	unlink(saved);
	options.save = saved;
}

static void test_an_end_from_outside_saves_first(void **state)
{
	char text[128];
	struct stat there;

	(void)state;
	save_at_the_end();
	options.cpus = 2;
	options.timeout_ms = 100;
	assert_int_equal(run_script(spins).kind, RESULT_TIMEOUT);
	assert_int_equal(stat(saved, &there), 0);
	snprintf(text, sizeof(text), "lapicvm: saved %s: %lld bytes\n", saved,
		 (long long)there.st_size);
	assert_string_equal(words, text);
	unlink(saved);
}

static void test_keys_and_signals_save_too(void **state)
{
	pid_t pid;

	save_at_the_end();
	assert_int_equal(write(in_pipe[1], "\001x", 2), 2);
	assert_int_equal(run_script(spins).kind, RESULT_USER_QUIT);
	assert_int_equal(unlink(saved), 0);
	teardown(state);

	setup(state);
	options.save = saved;
	pid = start(speaks_and_spins);
	assert_int_equal(read(out_pipe[0], &(char){0}, 1), 1);
	kill(pid, SIGTERM);
	assert_int_equal(finish(pid).kind, RESULT_SIGTERM);
	assert_int_equal(unlink(saved), 0);
}

static void test_a_guest_that_ends_itself_leaves_nothing_to_save(void **state)
{
	char text[128];

	(void)state;
	save_at_the_end();
	assert_int_equal(run_script(says_hello).kind, RESULT_GUEST_EXIT);
	snprintf(text, sizeof(text),
		 "lapicvm: nothing is saved in %s: the guest was not ended from outside\n", saved);
	assert_string_equal(words, text);
	assert_int_equal(unlink(saved), -1);
}

static void test_a_file_that_cannot_be_written_is_a_failure(void **state)
{
	struct result result;

	(void)state;
	options.save = "/nonexistent/file";
	options.timeout_ms = 100;
	result = run_script(spins);
	assert_int_equal(result.kind, RESULT_OUTPUT_FAILED);
	assert_string_equal(result.text,
			    "cannot save /nonexistent/file: opening it: No such file or directory; "
			    "the run itself ended with timeout code=124");
	/* It was ended from outside. */
	assert_null(strstr(words, "nothing is saved"));
}

/* A processor that no kick gets out of KVM_RUN, which it says on stdout, for so long. */
static unsigned deaf_ms;

static int is_deaf(struct fake_vcpu *v, struct kvm_run *run)
{
	uint64_t until = kick_clock_ns() + (uint64_t)deaf_ms * 1000000;

	(void)v;
	(void)run;
	if (write(1, "y", 1) != 1)
		return -EIO;
	while (kick_clock_ns() < until)
		usleep(1000);
	return -EINTR;
}

static void assert_not_saved(const struct result *result)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "cannot save %s: the guest's processors had not come to stand still; the run "
		 "itself ended with sigterm code=143",
		 saved);
	assert_int_equal(result->kind, RESULT_OUTPUT_FAILED);
	assert_string_equal(result->text, text);
	assert_null(strstr(words, "nothing is saved"));
	assert_int_equal(unlink(saved), -1);
}

static void test_a_second_end_does_not_wait_for_the_file(void **state)
{
	struct result result;
	pid_t pid;

	(void)state;
	save_at_the_end();
	deaf_ms = 5000;
	pid = start(is_deaf);
	assert_int_equal(read(out_pipe[0], &(char){0}, 1), 1);
	kill(pid, SIGTERM);
	usleep(300000);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGINT);
	result = finish(pid);
	assert_not_saved(&result);
}

/* The end had come to wait for it to stand still. */
static int resets_late(struct fake_vcpu *v, struct kvm_run *run)
{
	if (script_step++)
		return spins(v, run);
	is_deaf(v, run);
	return fake_out(v, 0x64, 0xFE, 1);
}

static void test_a_reset_does_not_forget_an_end_that_waits_to_save(void **state)
{
	pid_t pid;

	(void)state;
	save_at_the_end();
	deaf_ms = 500;
	pid = start(resets_late);
	assert_int_equal(read(out_pipe[0], &(char){0}, 1), 1);
	kill(pid, SIGTERM);
	assert_int_equal(finish(pid).kind, RESULT_SIGTERM);
	assert_int_equal(unlink(saved), -1);
}

/* Takes SAVE_END_PATIENCE_MS and more. */
static void test_nobody_waits_for_ever_to_save(void **state)
{
	struct result result;
	pid_t pid;

	(void)state;
	save_at_the_end();
	deaf_ms = SAVE_END_PATIENCE_MS + 2000;
	pid = start(is_deaf);
	assert_int_equal(read(out_pipe[0], &(char){0}, 1), 1);
	kill(pid, SIGTERM);
	result = finish(pid);
	assert_not_saved(&result);
}

/* ---------------------------------------------------------------- halts */

static int halts(struct fake_vcpu *v, struct kvm_run *run)
{
	v->if_flag = true;
	v->regs.rip = 0x100001;
	v->regs.rflags = 0x202;
	return fake_exit(run, KVM_EXIT_HLT);
}

/* stdin stays open all the time: no byte from there could wake this guest. */
static void test_a_guest_that_halts_for_ever_is_recognised(void **state)
{
	struct result result;

	(void)state;
	options.cpus = 3;
	result = run_script(halts);
	assert_int_equal(result.kind, RESULT_HALTED_FOREVER);
	assert_int_equal(result.cpu, 0);
	assert_int_equal(result.rip, 0x100001);
	assert_string_equal(result.detail,
			    "cpu 0: halted at rip=0x100001, interrupts on, TPR class 0\n"
			    "cpu 1: waits for a SIPI\ncpu 2: waits for a SIPI\n");
}

/* ---------------------------------------------------------------- what is said at the end */

#define assert_words(expected)                                                                     \
 do {                                                                                              \
  if (!strstr(words, expected))                                                                    \
   fail_msg("no \"%s\" in:\n%s", expected, words);                                                 \
 } while (0)

static int triple_faults(struct fake_vcpu *v, struct kvm_run *run)
{
	if (script_step++ == 0)
		return fake_out(v, 0x80, 0x77, 1);
	v->regs = (struct kvm_regs){.rax = 0xABC, .rip = 0x100000};
	return fake_exit(run, KVM_EXIT_SHUTDOWN);
}

static void test_a_kernel_that_dies_tells_why(void **state)
{
	struct result result;

	(void)state;
	options.cpus = 2;
	result = run_script(triple_faults);
	assert_int_equal(result.kind, RESULT_TRIPLE_FAULT);
	/* The registers of the one that died are in the result, those of the others here. */
	assert_non_null(strstr(result.detail, "rax=0000000000000abc"));
	assert_null(strstr(words, "rax=0000000000000abc"));
	assert_words("---- the machine at its end (triple-fault) ----\n"
		     "CPU #0: running pc=0x0000000000100000 ");
	assert_words(" => 0000000000100000: f4                      hlt\n");
	assert_words("  IO write port 0x80 width 1 value 0x77\n  SHUTDOWN\n");
	assert_words("dumping local APIC state for CPU 0 (");
	assert_words("CPU #1: waiting for SIPI ");
	assert_words("ioapic0: ver=0x20 ");
	assert_words("pic0: irr=");
}

static void test_a_guest_that_hangs_tells_where(void **state)
{
	(void)state;
	options.timeout_ms = 100;
	options.format = INFO_LINUX;
	assert_int_equal(run_script(spins).kind, RESULT_TIMEOUT);
	assert_words("---- the machine at its end (timeout) ----\nCPU #0: running ");
	assert_words("rax=");
	assert_words("printing local APIC contents on CPU#0/0:\n");
	assert_words("IO APIC #0......\n");
}

static void test_many_cpus_are_not_all_shown(void **state)
{
	(void)state;
	options.cpus = 6;
	assert_int_equal(run_script(halts).kind, RESULT_HALTED_FOREVER);
	assert_words("CPU #0: halted ");
	assert_words("CPU #3: waiting for SIPI");
	assert_null(strstr(words, "CPU #4"));
	assert_words("2 more CPUs are left out");
}

static void test_a_good_end_says_nothing(void **state)
{
	(void)state;
	assert_int_equal(run_script(says_hello).kind, RESULT_GUEST_EXIT);
	assert_string_equal(words, "");
	output(words, sizeof(words));
}

static void test_the_state_is_dumped_when_asked_for(void **state)
{
	static char path[] = "/tmp/test_run_state_XXXXXX", text[65536];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	options.dump_state = "-";
	options.cpus = 6;
	assert_int_equal(run_script(says_hello).kind, RESULT_GUEST_EXIT);
	assert_words("CPU #5: waiting for SIPI");
	assert_words("pic1: irr=");
	assert_null(strstr(words, "----"));
	teardown(state);

	setup(state);
	options.dump_state = path;
	options.format = INFO_JSON;
	assert_int_equal(run_script(halts).kind, RESULT_HALTED_FOREVER);
	/* Beside the report, whose words are never JSON. */
	assert_words("CPU #0: halted ");
	close(fd);
	fd = open(path, O_RDONLY);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_ptr_equal(strstr(text, "{\"cpus\": [\n{\"cpu\": 0, "), text);
	close(fd);
	unlink(path);
}

static void test_a_state_that_cannot_be_written(void **state)
{
	struct result result;

	(void)state;
	options.dump_state = "/nowhere/state";
	result = run_script(says_hello);
	assert_int_equal(result.kind, RESULT_OUTPUT_FAILED);
	assert_non_null(strstr(result.text, "cannot write /nowhere/state: "));
	assert_non_null(strstr(result.text, "ended with guest-exit code=42"));
	teardown(state);

	/* A status that says more stays. */
	setup(state);
	options.dump_state = "/nowhere/state";
	assert_int_equal(run_script(halts).kind, RESULT_HALTED_FOREVER);
	assert_words("lapicvm: cannot write /nowhere/state: ");
}

/* ---------------------------------------------------------------- the monitor */

static int polls(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	usleep(200);
	return fake_in(v, 0x3FD, 1);
}

static void test_the_monitor_in_a_run(void **state)
{
	static const char typed[] = "\001cinfo lapic\ninfo pic\nstop\ninfo cpus\ncont\nquit\n";
	static char text[65536];

	(void)state;
	options.cpus = 2;
	assert_int_equal(write(in_pipe[1], typed, sizeof(typed) - 1), sizeof(typed) - 1);
	assert_int_equal(run_script(polls).kind, RESULT_USER_QUIT);
	output(text, sizeof(text) - 1);
	if (!strstr(text, "\n(lapicvm) info lapic\ndumping local APIC state for CPU 0 (") ||
	    !strstr(text, "pic0: irr=") || !strstr(text, "CPU #1: waiting for SIPI"))
		fail_msg("%s", text);
}

static void test_a_time_limit_ends_a_guest_that_stands(void **state)
{
	(void)state;
	options.timeout_ms = 300;
	assert_int_equal(write(in_pipe[1], "\001cstop\n", 7), 7);
	assert_int_equal(run_script(polls).kind, RESULT_TIMEOUT);
	assert_words("CPU #0: running ");
}

/* ---------------------------------------------------------------- resets */

static int resets_twice(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	switch (script_step++) {
	case 0:
	case 2:
	case 4: return fake_out(v, 0x3F8, '0' + script_step, 1);
	case 1:
	case 3: return fake_out(v, 0x64, 0xFE, 1);
	default: return fake_out(v, 0xF4, v->runs, 4);
	}
}

static void test_a_reset_starts_the_image_again(void **state)
{
	struct result result = run_script(resets_twice);
	char text[16] = "";

	(void)state;
	assert_int_equal(result.kind, RESULT_GUEST_EXIT);
	/* The third machine's vCPU had two runs. */
	assert_int_equal(result.value, 2);
	output(text, sizeof(text));
	assert_string_equal(text, "135");
}

static void test_no_reboot_ends_with_the_reset(void **state)
{
	struct result result;

	(void)state;
	options.no_reboot = true;
	result = run_script(resets_twice);
	assert_int_equal(result.kind, RESULT_RESET);
}

static int resets_for_ever(struct fake_vcpu *v, struct kvm_run *run)
{
	(void)run;
	return fake_out(v, 0x64, 0xFE, 1);
}

static void test_resets_without_end_meet_the_time_limit(void **state)
{
	(void)state;
	options.timeout_ms = 200;
	assert_int_equal(run_script(resets_for_ever).kind, RESULT_TIMEOUT);
}

static unsigned screens;

/* Says on the screen which machine it is; the second spins. */
static int shows_itself(struct fake_vcpu *v, struct kvm_run *run)
{
	const struct kvm_userspace_memory_region *slot = &v->kvm->slots[0];

	(void)run;
	if (v->runs > 1)
		return spins(v, run);
	*((uint8_t *)(uintptr_t)slot->userspace_addr + 0xB8000) = (uint8_t)('A' + screens);
	return screens++ ? fake_out(v, 0x3F8, '.', 1) : fake_out(v, 0x64, 0xFE, 1);
}

static void test_the_screen_follows_the_output_and_is_the_last_machines(void **state)
{
	char text[64] = "";

	(void)state;
	screens = 0;
	options.dump_screen = "-";
	options.timeout_ms = 300;
	assert_int_equal(run_script(shows_itself).kind, RESULT_TIMEOUT);
	assert_int_equal(output(text, sizeof(text)), 1 + 2 + 24);
	assert_memory_equal(text, ".B\n\n", 4);
}

/* ---------------------------------------------------------------- refusals */

static void test_a_refused_machine_never_runs(void **state)
{
	(void)state;
	kvm.open_error = EACCES;
	assert_int_equal(run_script(spins).kind, RESULT_NO_KVM);
	kvm.open_error = 0;
	options.image = "/nowhere";
	assert_int_equal(run_script(spins).kind, RESULT_UNREADABLE);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH(test_a_guest_speaks_and_ends),
		WITH(test_output_waits_for_a_slow_reader_and_is_complete),
		WITH(test_the_rest_is_written_after_the_guest_has_ended),
		WITH(test_a_signal_ends_a_guest_that_waits_for_its_reader),
		WITH(test_a_reader_that_leaves_ends_the_run),
		WITH(test_a_full_disk_spoils_a_good_end),
		WITH(test_a_guest_that_hangs_in_kvm_run_meets_the_time_limit),
		WITH(test_signals_end_the_run),
		WITH(test_ctrl_a_x_ends_the_run),
		WITH(test_an_end_from_outside_saves_first),
		WITH(test_keys_and_signals_save_too),
		WITH(test_a_guest_that_ends_itself_leaves_nothing_to_save),
		WITH(test_a_file_that_cannot_be_written_is_a_failure),
		WITH(test_a_second_end_does_not_wait_for_the_file),
		WITH(test_a_reset_does_not_forget_an_end_that_waits_to_save),
		WITH(test_nobody_waits_for_ever_to_save),
		WITH(test_a_guest_that_halts_for_ever_is_recognised),
		WITH(test_a_kernel_that_dies_tells_why),
		WITH(test_a_guest_that_hangs_tells_where),
		WITH(test_many_cpus_are_not_all_shown),
		WITH(test_a_good_end_says_nothing),
		WITH(test_the_state_is_dumped_when_asked_for),
		WITH(test_a_state_that_cannot_be_written),
		WITH(test_the_monitor_in_a_run),
		WITH(test_a_time_limit_ends_a_guest_that_stands),
		WITH(test_a_reset_starts_the_image_again),
		WITH(test_no_reboot_ends_with_the_reset),
		WITH(test_resets_without_end_meet_the_time_limit),
		WITH(test_the_screen_follows_the_output_and_is_the_last_machines),
		WITH(test_a_refused_machine_never_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
