// SPDX-License-Identifier: BSD-2-Clause
// The program: reads its command line, asks the host, runs, says how it ended.
// Nothing else: each step is a call into the file that knows how.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/cpuid.h"
#include "vmm/diff/diff.h"
#include "vmm/doctor.h"
#include "vmm/host.h"
#include "vmm/kvm_calls.h"
#include "vmm/options.h"
#include "vmm/output_file.h"
#include "vmm/restore.h"
#include "vmm/result.h"
#include "vmm/run.h"
#include "vmm/topology.h"

#define CODE_OK 0
#define CODE_OURS                                                                                  \
 64 /* from here on the status speaks of us or the host, not of the guest's success */

__attribute__((format(printf, 3, 4))) static void end(struct result *result, enum result_kind kind,
						      const char *format, ...)
{
	va_list arguments;

	*result = (struct result){.kind = kind, .cpu = -1};
	va_start(arguments, format);
	vsnprintf(result->text, sizeof(result->text), format, arguments);
	va_end(arguments);
}

/* A descriptor that is closed at the start would be given to the next file opened. True: stdout was
 * open. */
static bool keep_standard_streams(void)
{
	bool out_open = true;

	for (int fd = 0; fd <= 2; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		if (fd == 1)
			out_open = false;
		if (open("/dev/null", O_RDWR) != fd)
			_exit(74);
	}
	return out_open;
}

/* What the options ask for against what the host can give. */
static bool host_suffices(const struct options *options, const struct host_traits *traits,
			  struct result *result)
{
	const struct topology topology = topology_of(options);
	uint32_t last = topology_last_apic_id(&topology);

	if (options->cpus > traits->max_vcpus) {
		end(result, RESULT_HOST_LACKS,
		    "-smp %" PRIu32 ": this host's KVM gives a machine at most %" PRIu32
		    " processors",
		    options->cpus, traits->max_vcpus);
		return false;
	}
	if (last >= traits->max_vcpu_id) {
		end(result, RESULT_HOST_LACKS,
		    "-smp %" PRIu32 ": APIC IDs would go up to %" PRIu32
		    ", and this host's KVM takes them below %" PRIu32,
		    options->cpus, last, traits->max_vcpu_id);
		return false;
	}
	if (last > TOPOLOGY_XAPIC_LAST && !cpuid_has_x2apic(traits, options)) {
		end(result, RESULT_HOST_LACKS,
		    "-smp %" PRIu32 ": APIC IDs would go up to %" PRIu32
		    ", and above %u they need x2APIC, whose registers this KVM does not hand to "
		    "user space",
		    options->cpus, last, TOPOLOGY_XAPIC_LAST);
		return false;
	}
	return true;
}

static void write_json(const char *path, struct result *result)
{
	struct result ended = *result;

	if (result_write_json(result, path))
		return;
	/* Not over a status that says more: of the guest's failure, a signal, a defect. */
	if (result_code(&ended) < CODE_OURS)
		end(result, RESULT_OUTPUT_FAILED,
		    "cannot write %s: %s; the run itself ended with %s code=%d", path,
		    strerror(errno), result_name(ended.kind), result_code(&ended));
	else
		fprintf(stderr, "lapicvm: cannot write %s: %s\n", path, strerror(errno));
}

static bool can_write(const char *path, struct result *result)
{
	if (!path || strcmp(path, "-") == 0 || output_file_possible(path))
		return true;
	end(result, RESULT_OUTPUT_FAILED, "cannot write %s: %s", path, strerror(errno));
	return false;
}

/* A machine that was saved is the one that runs, whatever the options' defaults are. */
static bool read_saved(const char *path, struct options *options, struct result *result)
{
	return !path || restore_open(&options->restored, path, options, result);
}

static void run_guest(struct options *options, struct result *result)
{
	const char *screen = options->dump_screen;
	struct host_traits traits;
	struct host_error error;

	if (screen && strcmp(screen, "-") == 0)
		screen = NULL;
	/* Before the work, not after it. */
	if (!can_write(options->result_json, result) || !can_write(options->dump_state, result) ||
	    !can_write(screen, result) || !can_write(options->save, result))
		return;
	run_hold_signals();
	if (!read_saved(options->restore, options, result))
		;
	else if (!host_probe(&kvm_calls_real, &traits, &error))
		host_error_result(&error, result);
	else if (host_suffices(options, &traits, result))
		run(options, &traits, result);
	restore_close(options->restored);
	if (options->result_json)
		write_json(options->result_json, result);
}

/* True: written, all of it. */
static bool say(const char *text, struct result *result)
{
	if (fputs(text, stdout) >= 0 && fflush(stdout) == 0)
		return true;
	end(result, RESULT_OUTPUT_FAILED, "cannot write to standard output: %s", strerror(errno));
	return false;
}

/* True: done, with nothing more to tell. */
static bool act(struct options *options, struct result *result)
{
	switch (options->verb) {
	case OPTIONS_HELP: return say(options_help(options->topic), result);
	case OPTIONS_VERSION: return say("lapicvm " LAPICVM_VERSION "\n", result);
	case OPTIONS_DOCTOR: return doctor(options, &kvm_calls_real, stdout, result);
	case OPTIONS_DIFF: return diff(options, &kvm_calls_real, result);
	case OPTIONS_RUN: run_guest(options, result); break;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct result result = {.cpu = -1};
	struct options options;
	char why[512];

	/* Writing to a pipe that nobody reads is an error to be told, not a death. */
	signal(SIGPIPE, SIG_IGN);
	/* Nor is a limit on the size of files. */
	signal(SIGXFSZ, SIG_IGN);
	if (!keep_standard_streams())
		end(&result, RESULT_OUTPUT_FAILED, "standard output is closed");
	else if (!options_parse(argc, argv, &options, why, sizeof(why)))
		end(&result, RESULT_USAGE, "%s", why);
	else if (act(&options, &result))
		return CODE_OK;
	result_print(&result, stderr);
	return result_code(&result);
}
