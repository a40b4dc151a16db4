// SPDX-License-Identifier: BSD-2-Clause
// The command line: what each spelling means, and the sentence for everything that is wrong.
// No file is opened and nothing is started here.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/options.h"

#define WORDS 160

static struct options options;
static char why[256];
static char line_copy[4096];
static char *words[WORDS];

/* Splits at blanks; an underscore alone stands for an empty word. */
static bool parse(const char *line)
{
	int count = 0;

	snprintf(line_copy, sizeof(line_copy), "lapicvm %s", line);
	for (char *word = strtok(line_copy, " "); word; word = strtok(NULL, " ")) {
		assert_true(count < WORDS - 1);
		words[count++] = strcmp(word, "_") == 0 ? word + 1 : word;
	}
	words[count] = NULL;
	memset(&options, 0xA5, sizeof(options));
	why[0] = '\0';
	return options_parse(count, words, &options, why, sizeof(why));
}

static void good(const char *line)
{
	if (!parse(line))
		fail_msg("'%s' was refused: %s", line, why);
}

/* The sentence holds every part given, and is one line without a full stop. */
static void bad(const char *line, const char *first, const char *second)
{
	if (parse(line))
		fail_msg("'%s' was taken", line);
	if (!strstr(why, first) || !strstr(why, second))
		fail_msg("'%s' gives '%s', without '%s' or '%s'", line, why, first, second);
	assert_null(strchr(why, '\n'));
	assert_int_not_equal(why[strlen(why) - 1], '.');
}

static void run_without_anything_is_the_tour(void **state)
{
	(void)state;
	good("run");
	assert_int_equal(options.verb, OPTIONS_RUN);
	assert_null(options.image);
	assert_int_equal(options.cpus, 2);
	assert_int_equal(options.ram_bytes, 128 << 20);
	assert_true(options.x2apic);
	assert_true(options.tsc_deadline);
	assert_int_equal(options.timeout_ms, 0);
	assert_null(options.append);
	assert_null(options.result_json);
	assert_null(options.report);
	assert_int_equal(options.initrd_count, 0);
	assert_int_equal(options.guest_arg_count, 0);
	assert_false(options.stats || options.no_reboot || options.json);
}

static void an_image_has_one_cpu_unless_told(void **state)
{
	(void)state;
	good("run a.elf");
	assert_string_equal(options.image, "a.elf");
	assert_int_equal(options.cpus, 1);
	good("run -smp 3");
	assert_int_equal(options.cpus, 3);
	good("run -smp 1024 -kernel b.flat");
	assert_int_equal(options.cpus, 1024);
	assert_string_equal(options.image, "b.flat");
}

static void the_state_goes_somewhere_in_some_words(void **state)
{
	(void)state;
	good("run");
	assert_null(options.dump_state);
	assert_int_equal(options.format, INFO_QEMU);
	good("run --dump-state a.elf --format=json");
	assert_string_equal(options.dump_state, "-");
	assert_string_equal(options.image, "a.elf");
	assert_int_equal(options.format, INFO_JSON);
	good("run -dump-state=f.txt --format linux");
	assert_string_equal(options.dump_state, "f.txt");
	assert_int_equal(options.format, INFO_LINUX);
	good("run --format qemu");
	assert_int_equal(options.format, INFO_QEMU);
	bad("run --dump-state=", "--dump-state", "name of the file is empty");
	bad("run --format=xml", "--format=xml", "qemu, linux or json");
	bad("run --format", "--format needs", "qemu, linux or json");
	bad("diff a --dump-state", "--dump-state is an option of 'run'", "not of 'diff'");
}

static void a_saved_machine_brings_its_own_shape(void **state)
{
	static const char *const shapes[] = {
		"-m 64",
		"-smp 2",
		"-kernel k",
		"-bios b",
		"-initrd i",
		"-append a",
		"--hpet",
		"--acpi=on",
		"--mptable=off",
		"--no-x2apic",
		"--no-tsc-deadline",
		"--pv-eoi",
	};

	(void)state;
	good("run --restore f.lvm --save g.lvm --lapic=kernel --hop 20 --timeout 5 --stats");
	assert_string_equal(options.restore, "f.lvm");
	assert_string_equal(options.save, "g.lvm");
	assert_null(options.restored);
	assert_string_equal(options.diff.save, ".");
	good("run a.elf --save=g.lvm");
	assert_null(options.restore);
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		char line[80], name[32];

		snprintf(line, sizeof(line), "run %s --restore f.lvm", shapes[i]);
		snprintf(name, sizeof(name), "%.*s with --restore", (int)strcspn(shapes[i], " ="),
			 shapes[i]);
		bad(line, name, "the machine is the one in f.lvm");
	}
	bad("run a.elf --restore f.lvm", "--restore f.lvm with the image a.elf", "in the file");
	bad("run --restore f.lvm -- x", "--restore f.lvm with guest arguments", "runs already");
	bad("run --restore=", "--restore", "name of the file is empty");
	bad("run --save", "--save needs a file", "diff");
	bad("diff a.elf --restore f", "--restore is an option of 'run'", "not of 'diff'");
	bad("diff a.elf --save f", "--save", "programs of operations");
}

static void both_kinds_of_lapics_are_there_where_they_may_change(void **state)
{
	(void)state;
	good("run --lapic=kernel");
	assert_false(options_both_lapics(&options));
	good("run --save f");
	assert_false(options_both_lapics(&options));
	good("run --lapic=kernel --save f");
	assert_true(options_both_lapics(&options));
	good("run --lapic=kernel --restore f");
	assert_true(options_both_lapics(&options));
	good("run --hop=20");
	assert_true(options_both_lapics(&options));
}

static void sizes_have_units(void **state)
{
	static const struct {
		const char *line;
		uint64_t bytes;
	} rows[] = {
		{"run -m 2", UINT64_C(2) << 20},
		{"run -m 512", UINT64_C(512) << 20},
		{"run -m 256M", UINT64_C(256) << 20},
		{"run -m 1G", UINT64_C(1) << 30},
		{"run -m 2052K", UINT64_C(2052) << 10},
		{"run -m 1024G", UINT64_C(1) << 40},
		{"run -m 1t", UINT64_C(1) << 40},
		{"run --m=3g", UINT64_C(3) << 30},
		{"run -m 4M -m 8M", UINT64_C(8) << 20},
		{"run -m 0000000000000000000000002", UINT64_C(2) << 20},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		good(rows[i].line);
		assert_int_equal(options.ram_bytes, rows[i].bytes);
	}
}

static void absurd_sizes_are_refused(void **state)
{
	(void)state;
	bad("run -m 1", "too small", "at least 2M (a number alone counts MiB)");
	bad("run -m 0", "too small", "at least 2M");
	bad("run -m 1M", "too small", "at least 2M");
	bad("run -m 2047K", "too small", "at least 2M");
	bad("run -m 2049K", "page size", "4K");
	bad("run -m 1025G", "too large", "1024G");
	bad("run -m 99999999999999G", "too large", "1024G");
	bad("run -m 99999999999999999999999", "too large", "1024G");
	bad("run -m 18446744073709551615T", "too large", "1024G");
	bad("run -m 17592186044417M", "too large", "1024G"); /* 2^64 + 1 MiB in bytes */
	bad("run -m -5", "not a size", "256M");
	bad("run -m lots", "not a size", "256M");
	bad("run -m _", "not a size", "256M");
	bad("run -m 5X", "'X' is no unit", "K, M, G or T");
	bad("run -m 5MB", "'MB' is no unit", "K, M, G or T");
	bad("run -m 0x100", "'x100' is no unit", "K, M, G or T");
	bad("run -m 1.5G", "'.5G' is no unit", "K, M, G or T");
}

static void absurd_processor_counts_are_refused(void **state)
{
	(void)state;
	bad("run -smp 0", "at least one", "1 to 1024");
	bad("run -smp 1025", "too many", "1 to 1024");
	bad("run -smp 100000", "too many", "1 to 1024");
	bad("run -smp 99999999999999999999999", "too many", "1 to 1024");
	bad("run -smp -1", "not a number", "1 to 1024");
	bad("run -smp two", "not a number", "1 to 1024");
	bad("run -smp _", "not a number", "1 to 1024");
	bad("run -smp 256 --no-x2apic", "up to 255", "8 bits; at most 254");
	good("run -smp 255 --no-x2apic");
	good("run -smp 256");
}

static void topologies_are_completed(void **state)
{
	static const struct {
		const char *smp;
		uint32_t cpus, cores, threads;
	} rows[] = {
		{"6", 6, 6, 1},
		{"cpus=6", 6, 6, 1},
		{"6,sockets=2,cores=3,threads=1", 6, 3, 1},
		{"threads=2,cores=2,sockets=3,cpus=12", 12, 2, 2},
		/* What is left out: cores before sockets, threads last. */
		{"8,sockets=2", 8, 4, 1},
		{"8,threads=2", 8, 4, 2},
		{"8,sockets=2,threads=2", 8, 2, 2},
		{"8,cores=2", 8, 2, 1},
		{"8,cores=2,threads=2", 8, 2, 2},
		{"8,sockets=2,cores=2", 8, 2, 2},
		{"8,cores=8", 8, 8, 1},
		{"1,sockets=1", 1, 1, 1},
		/* The number itself. */
		{"cores=4", 4, 4, 1},
		{"sockets=3", 3, 1, 1},
		{"threads=2", 2, 1, 2},
		{"sockets=2,cores=3,threads=4", 24, 3, 4},
		{"maxcpus=4", 4, 4, 1},
		{"4,maxcpus=4", 4, 4, 1},
		{"maxcpus=8,cores=2", 8, 2, 1},
		{"1024,sockets=1024", 1024, 1, 1},
		{"0008,cores=002", 8, 2, 1},
	};
	char line[100];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(line, sizeof(line), "run -smp %s", rows[i].smp);
		good(line);
		assert_int_equal(options.cpus, rows[i].cpus);
		assert_int_equal(options.cores, rows[i].cores);
		assert_int_equal(options.threads, rows[i].threads);
	}
	good("run a");
	assert_int_equal(options.cores, 0);
	assert_int_equal(options.threads, 0);
	good("diff a -smp 4,threads=2");
	assert_int_equal(options.threads, 2);
}

static void topologies_that_cannot_be_are_refused(void **state)
{
	(void)state;
	bad("run -smp 6,sockets=2,cores=2,threads=2",
	    "2 sockets of 2 cores of 2 threads make 8 processors", "not 6");
	bad("run -smp 7,sockets=2", "2 sockets of 3 cores of 1 thread make 6", "not 7");
	bad("run -smp 2,sockets=4", "4 sockets of 1 core of 1 thread make 4", "not 2");
	bad("run -smp 2,cores=3", "1 socket of 3 cores of 1 thread make 3", "not 2");
	bad("run -smp 2,cores=1,sockets=1,threads=1", "make 1 processor,", "not 2");
	bad("run -smp 5,sockets=2,cores=2", "2 sockets of 2 cores of 1 thread make 4", "not 5");
	bad("run -smp 3,sockets=2,cores=2", "2 sockets of 2 cores of 1 thread make 4", "not 3");
	bad("run -smp 4,maxcpus=8", "maxcpus must be", "4: none is added later");
	bad("run -smp maxcpus=8,cpus=4", "maxcpus must be", "4: none is added later");
	bad("run -smp sockets=2,cores=1024", "too many processors, 2048", "1 to 1024");
	bad("run -smp sockets=1024,cores=1024,threads=1024", "too many processors, 1073741824",
	    "1 to 1024");
	bad("run -smp 4,sockets=1024,cores=1024,threads=1024", "make 1073741824 processors",
	    "not 4");
	bad("run -smp 4,sockets=1024,threads=1024", "make 1048576 processors", "not 4");
	bad("run -smp 4,sockets=1025", "too many sockets", "1 to 1024");
	bad("run -smp 4,cores=99999999999999999999", "too many cores", "1 to 1024");
	bad("run -smp 4,cores=0", "at least one of its cores", "1 to 1024");
	bad("run -smp 4,threads=two", "'two' is not a number of threads", "1 to 1024");
	bad("run -smp 4,threads=", "'' is not a number of threads", "1 to 1024");
	bad("run -smp 4,cores=2x", "'2x' is not a number of cores", "1 to 1024");
	bad("run -smp 4,cores=2,cores=2", "cores is given twice", "4,cores=2");
	bad("run -smp 4,cpus=4", "cpus is given twice", "4,cpus=4");
	bad("run -smp 4,dies=1", "'dies=1' is no part", "threads=");
	bad("run -smp 4,core=1", "'core=1' is no part", "threads=");
	bad("run -smp 4,coresx=1", "'coresx=1' is no part", "threads=");
	bad("run -smp cores=2,4", "'4' is no part", "threads=");
	bad("run -smp 4,", "'' is no part", "threads=");
	bad("run -smp 4,,cores=2", "'' is no part", "threads=");
	bad("run -smp ,cores=2", "not a number", "1 to 1024");
	bad("run -smp =4", "'=4' is no part", "threads=");
	/* The last ID counts, not the number: 5 cores of 3 threads take 32 IDs. */
	bad("run -smp 120,cores=5,threads=3 --no-x2apic --no-x2apic -smp 135,cores=5,threads=3",
	    "up to 274", "at most 254");
	good("run -smp 120,cores=5,threads=3 --no-x2apic");
}

static void times_have_fractions(void **state)
{
	static const struct {
		const char *line;
		uint32_t ms;
	} rows[] = {
		{"run --timeout 10", 10000},
		{"run --timeout=0.5", 500},
		{"run -timeout .25", 250},
		{"run --timeout 1.", 1000},
		{"run --timeout 0", 0},
		{"run --timeout 0.001", 1},
		{"run --timeout 0.0001", 1},
		{"run --timeout 0.0010", 1},
		{"run --timeout 1.2345", 1235},
		{"run --timeout 1.0000000000000000000000000000001", 1001},
		{"run --timeout 4294967.295", 4294967295u},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		good(rows[i].line);
		assert_int_equal(options.timeout_ms, rows[i].ms);
	}
	assert_int_equal(options.halt_poll_us, 200);
	good("run --halt-poll=0");
	assert_int_equal(options.halt_poll_us, 0);
	assert_int_equal(options.timer_advance_us, 50);
	good("run --halt-poll=1000");
	assert_int_equal(options.halt_poll_us, 1000);
	bad("run --halt-poll=1001", "out of range", "1 to 1000, or 0 for never");
	bad("run --halt-poll=-1", "halt-poll", "-1");
	good("run --timer-advance=0");
	assert_int_equal(options.timer_advance_us, 0);
	good("run --timer-advance=1000");
	assert_int_equal(options.timer_advance_us, 1000);
	bad("run --timer-advance=1001", "out of range", "1 to 1000, or 0 for never");
	bad("run --timer-advance=00", "out of range", "1000");
	bad("run --timeout 4294967.2951", "too long", "4294967");
	bad("run --timeout 99999999999999999999", "not a time", "0.5");
	bad("run --timeout 4294967296", "not a time", "0.5");
	bad("run --timeout -1", "not a time", "0.5");
	bad("run --timeout 1s", "not a time", "0.5");
	bad("run --timeout 1,5", "not a time", "0.5");
	bad("run --timeout .", "not a time", "0.5");
	bad("run --timeout _", "not a time", "0.5");
	bad("run --timeout --stats", "not a time", "0.5");
}

static void hops_are_milliseconds(void **state)
{
	(void)state;
	good("run a");
	assert_int_equal(options.hop_ms, 0);
	assert_int_equal(options.hop_drop, 0);
	good("run a --hop=20 --hop-drop 7");
	assert_int_equal(options.hop_ms, 20);
	assert_int_equal(options.hop_drop, 7);
	assert_false(options.kernel_lapic);
	good("run a -hop 3600000 --lapic=kernel");
	assert_int_equal(options.hop_ms, 3600000);
	assert_true(options.kernel_lapic);
	bad("run --hop=3600001", "--hop", "3600000");
	bad("run --hop=soon", "soon", "number");
	bad("run --hop", "--hop", "a number of milliseconds");
	bad("run --hop=0", "--hop", "give 1 to 3600000");
	bad("run a --hop=20 --hop-drop=0", "--hop-drop", "give 1 to");
	bad("run a --hop-drop=7", "--hop-drop without --hop", "no hop");
	bad("run --restore f.lvm --hop-drop=7", "--hop-drop without --hop", "no hop");
	good("run --restore f.lvm --hop-drop=7 --hop=20");
	bad("run --hop-drop=-1", "--hop-drop", "number");
	bad("diff a.elf --hop=20", "--hop", "run");
}

static void a_page_of_memory_is_for_one_processor(void **state)
{
	(void)state;
	good("run --apic-page=read-only");
	assert_true(options.apic_page_read_only);
	assert_int_equal(options.cpus, 1);
	good("run a --apic-page read-only --apic-page=exits");
	assert_false(options.apic_page_read_only);
	good("run --restore f --apic-page=read-only");
	bad("run a --apic-page=off", "off", "exits or read-only");
	bad("run a --apic-page=read-only -smp 2", "-smp 2", "one processor");
	bad("run a --apic-page=read-only --lapic=kernel", "--lapic=kernel", "answers reads");
	bad("run a --apic-page=read-only --hop=20", "--hop", "answers reads");
	bad("run a --apic-page=read-only --pv-eoi", "--pv-eoi", "EOI");
	bad("run --restore f --apic-page=read-only --hop=20", "--hop", "answers reads");
	good("diff --apic-page=read-only");
	assert_int_equal(options.diff.cpus, 1);
	good("diff --apic-page=read-only --cpus 1");
	good("diff --apic-page=read-only --replay f");
	bad("diff --apic-page=read-only --cpus 2", "--cpus 2", "one processor");
	bad("diff a.elf --apic-page=read-only", "--apic-page", "whole guest");
}

static void every_option_of_run(void **state)
{
	(void)state;
	good("run -kernel k -initrd a -initrd=b --initrd c -append x=1 -no-reboot --lapic=user "
	     "--no-x2apic --no-tsc-deadline --result-json r.json --stats");
	assert_string_equal(options.image, "k");
	assert_int_equal(options.initrd_count, 3);
	assert_string_equal(options.initrds[0], "a");
	assert_string_equal(options.initrds[1], "b");
	assert_string_equal(options.initrds[2], "c");
	assert_string_equal(options.append, "x=1");
	assert_true(options.no_reboot);
	assert_false(options.x2apic);
	assert_false(options.tsc_deadline);
	assert_false(options.pv_eoi);
	assert_string_equal(options.result_json, "r.json");
	assert_true(options.stats);
	good("run --pv-eoi");
	assert_true(options.pv_eoi);
	good("run --no-reboot -no-x2apic -no-tsc-deadline -stats -lapic user -append _");
	assert_true(options.no_reboot && options.stats);
	assert_false(options.x2apic || options.tsc_deadline);
	assert_string_equal(options.append, "");
	assert_false(options.kernel_lapic);
	good("run --lapic=kernel");
	assert_true(options.kernel_lapic);
	assert_null(options.dump_screen);
	good("run --dump-screen s.txt");
	assert_string_equal(options.dump_screen, "s.txt");
	good("run -dump-screen -");
	assert_string_equal(options.dump_screen, "-");
	bad("run --dump-screen _", "--dump-screen", "empty");
	bad("diff a.elf --dump-screen s", "--dump-screen", "run");
	good("run --lapic=kernel --lapic user");
	assert_false(options.kernel_lapic);
}

static void firmware_is_started_alone(void **state)
{
	static const char *const beside[] = {"-kernel k", "k", "-initrd i", "-append a", "-- a"};

	(void)state;
	good("run -bios b.bin");
	assert_string_equal(options.bios, "b.bin");
	assert_null(options.image);
	assert_int_equal(options.cpus, 1);
	good("run --bios=b.bin -smp 3 -m 64");
	assert_int_equal(options.cpus, 3);
	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		char line[64];

		snprintf(line, sizeof(line), "run -bios b.bin %s", beside[i]);
		bad(line, "-bios b.bin", "alone");
	}
	bad("run -bios _", "-bios", "empty");
	bad("run -bios", "-bios needs", "a file");
	bad("diff -bios b.bin", "-bios", "run");
	good("run");
	assert_null(options.bios);
}

static void a_value_may_look_like_an_option(void **state)
{
	(void)state;
	good("run -append --stats -initrd -x");
	assert_string_equal(options.append, "--stats");
	assert_string_equal(options.initrds[0], "-x");
	assert_false(options.stats);
	good("run -append a=b=c");
	assert_string_equal(options.append, "a=b=c");
	good("run -append=a=b");
	assert_string_equal(options.append, "a=b");
}

static void guest_arguments_follow_two_dashes(void **state)
{
	(void)state;
	good("run image -- -smp 0 --help");
	assert_int_equal(options.verb, OPTIONS_RUN);
	assert_int_equal(options.guest_arg_count, 3);
	assert_string_equal(options.guest_args[0], "-smp");
	assert_string_equal(options.guest_args[2], "--help");
	good("run --");
	assert_int_equal(options.guest_arg_count, 0);
	assert_null(options.image);
	bad("run -m --", "not a size", "--");
}

static void doctor_has_its_own_options(void **state)
{
	(void)state;
	good("doctor");
	assert_int_equal(options.verb, OPTIONS_DOCTOR);
	good("doctor -json --report f.txt");
	assert_true(options.json);
	assert_string_equal(options.report, "f.txt");
	bad("doctor -smp 2", "-smp is an option of 'run'", "not of 'doctor'");
	bad("run --json", "--json is an option of 'doctor'", "not of 'run'");
	bad("doctor image", "takes no argument", "'image'");
	bad("doctor --", "unknown option", "'--'");
	bad("doctor --report _", "--report", "empty");
	bad("doctor --report", "--report needs a file", "");
}

static void help_and_version_everywhere(void **state)
{
	static const char *const help[] = {
		"--help", "-help",      "-h",           "help",
		"run -h", "run --help", "doctor -help", "run x -m 1G -h --bad"};

	(void)state;
	for (size_t i = 0; i < sizeof(help) / sizeof(help[0]); i++) {
		good(help[i]);
		assert_int_equal(options.verb, OPTIONS_HELP);
	}
	good("diff --help");
	assert_int_equal(options.verb, OPTIONS_HELP);
	assert_int_equal(options.topic, OPTIONS_DIFF);
	good("run --help");
	assert_int_equal(options.topic, OPTIONS_RUN);
	good("--version");
	assert_int_equal(options.verb, OPTIONS_VERSION);
	good("version");
	assert_int_equal(options.verb, OPTIONS_VERSION);
	good("run --version");
	assert_int_equal(options.verb, OPTIONS_VERSION);
}

static void diff_without_anything_is_one_random_program(void **state)
{
	(void)state;
	good("diff");
	assert_int_equal(options.verb, OPTIONS_DIFF);
	assert_null(options.image);
	assert_int_equal(options.diff.seed, 1);
	assert_int_equal(options.diff.seeds, 1);
	assert_int_equal(options.diff.time_ms, 0);
	assert_int_equal(options.diff.ops, 1000);
	assert_int_equal(options.diff.cpus, 0);
	assert_int_equal(options.diff.replay_count, 0);
	assert_string_equal(options.diff.save, ".");
	assert_true(options.x2apic && options.tsc_deadline);
	assert_null(options.diff.log);
	assert_null(options.diff.ledger);
	assert_null(options.diff.tap);
	assert_null(options.diff.junit);
	assert_false(options.diff.trace);
}

static void random_programs_have_a_range(void **state)
{
	(void)state;
	good("diff --seed 9223372036854775807 --ops 1000000 --cpus=4 --log l --ledger e --save d "
	     "--tap - --junit j --trace --no-x2apic --no-tsc-deadline");
	assert_int_equal(options.diff.seed, INT64_MAX);
	assert_int_equal(options.diff.seeds, 1);
	assert_int_equal(options.diff.ops, 1000000);
	assert_int_equal(options.diff.cpus, 4);
	assert_string_equal(options.diff.log, "l");
	assert_string_equal(options.diff.ledger, "e");
	assert_string_equal(options.diff.save, "d");
	assert_string_equal(options.diff.tap, "-");
	assert_string_equal(options.diff.junit, "j");
	assert_true(options.diff.trace);
	assert_false(options.x2apic || options.tsc_deadline);
	assert_false(options.diff.all_met);
	good("diff --all-met --seeds 500");
	assert_true(options.diff.all_met);
	assert_int_equal(options.diff.seeds, 500);
	good("diff --time 10m");
	assert_int_equal(options.diff.time_ms, 600000);
	assert_int_equal(options.diff.seeds, 0);
	good("diff --time 10m --seeds 7");
	assert_int_equal(options.diff.seeds, 7);
	good("diff --seed 9223372036854775806 --seeds 2");
	bad("diff --seed 9223372036854775806 --seeds 3", "--seeds 3",
	    "at most 9223372036854775807");
	bad("diff --seed 0", "--seed 0: out of range", "1 to 9223372036854775807");
	bad("diff --seed 9223372036854775808", "out of range", "1 to 9223372036854775807");
	bad("diff --seed 99999999999999999999", "out of range", "1 to 9223372036854775807");
	bad("diff --seed -1", "not a number", "1 to");
	bad("diff --seed 5x", "not a number", "1 to");
	bad("diff --seeds _", "not a number", "1 to");
	bad("diff --seeds 0", "out of range", "1 to");
	bad("diff --ops 0", "out of range", "1 to 1000000");
	bad("diff --ops 1000001", "out of range", "1 to 1000000");
	bad("diff --ops 4294967297", "out of range", "1 to 1000000");
	bad("diff --cpus 5", "out of range", "1 to 4");
	bad("diff --cpus 0", "out of range", "1 to 4");
	bad("diff --log _", "--log", "empty");
	bad("diff --save=", "--save", "empty");
	bad("diff --tap - --junit -", "--tap and --junit", "standard output");
	good("diff --tap - --junit x");
}

static void times_of_a_campaign_have_units(void **state)
{
	static const struct {
		const char *line;
		uint64_t ms;
	} rows[] = {
		{"diff --time 30", 30000},    {"diff --time 30s", 30000},
		{"diff --time 2h", 7200000},  {"diff --time 1000h", 3600000000},
		{"diff --time 0001m", 60000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		good(rows[i].line);
		assert_int_equal(options.diff.time_ms, rows[i].ms);
	}
	bad("diff --time 0", "too short", "1s");
	bad("diff --time 0h", "too short", "1s");
	bad("diff --time 1001h", "too long", "1000h");
	bad("diff --time 3600001", "too long", "1000h");
	bad("diff --time 18446744073709551615h", "too long", "1000h");
	bad("diff --time 99999999999999999999999", "too long", "1000h");
	bad("diff --time 10ms", "not a time", "10m");
	bad("diff --time 1.5h", "not a time", "10m");
	bad("diff --time 5M", "not a time", "10m");
	bad("diff --time h", "not a time", "10m");
	bad("diff --time _", "not a time", "10m");
	bad("diff --time -1s", "not a time", "10m");
}

static void programs_from_files(void **state)
{
	char line[40 * (OPTIONS_MAX_REPLAYS + 2)] = "diff";

	(void)state;
	good("diff --replay a --replay=b --log l --ledger e --save d --trace --tap t --junit j");
	assert_int_equal(options.diff.replay_count, 2);
	assert_string_equal(options.diff.replays[0], "a");
	assert_string_equal(options.diff.replays[1], "b");
	bad("diff --replay _", "--replay", "empty");
	bad("diff --replay a --seed 5", "--seed is for random programs", "leave it or --replay");
	bad("diff --time 5 --replay a", "--time is for random programs", "leave it or --replay");
	bad("diff --replay a --no-x2apic", "--no-x2apic is for", "needs an IMAGE");
	bad("diff --replay a -smp 2", "-smp is for a whole guest", "no --replay");
	bad("diff --replay a -- b", "guest arguments", "IMAGE");
	for (int i = 0; i < OPTIONS_MAX_REPLAYS; i++)
		strcat(line, " --replay f");
	good(line);
	strcat(line, " --replay g");
	bad(line, "--replay g", "folder");
}

static void a_whole_guest_both_ways(void **state)
{
	(void)state;
	good("diff a.elf -smp 2 -m 64M -initrd i -append x -no-reboot --no-x2apic "
	     "--no-tsc-deadline --timeout 5 --counts=exact --tap t --junit j -- b c");
	assert_int_equal(options.verb, OPTIONS_DIFF);
	assert_string_equal(options.image, "a.elf");
	assert_int_equal(options.cpus, 2);
	assert_int_equal(options.ram_bytes, 64 << 20);
	assert_int_equal(options.initrd_count, 1);
	assert_int_equal(options.timeout_ms, 5000);
	assert_int_equal(options.guest_arg_count, 2);
	assert_int_equal(options.diff.counts, OPTIONS_COUNTS_EXACT);
	good("diff -kernel a");
	assert_int_equal(options.cpus, 1);
	assert_int_equal(options.diff.counts, OPTIONS_COUNTS_ABOUT);
	good("diff a --counts ignore");
	assert_int_equal(options.diff.counts, OPTIONS_COUNTS_IGNORE);
	bad("diff a --counts=some", "--counts=some", "exact, about or ignore");
	good("diff a --console numbers");
	assert_int_equal(options.diff.console, OPTIONS_CONSOLE_NUMBERS);
	good("diff a");
	assert_int_equal(options.diff.console, OPTIONS_CONSOLE_EXACT);
	bad("diff a --console=some", "--console=some", "exact, numbers or ignore");
	bad("diff a --seed 5", "--seed is for programs", "leave it or the image out");
	bad("diff a --log l", "--log is for programs", "leave it or the image out");
	bad("diff a --replay b", "--replay is for programs", "leave it or the image out");
	bad("diff -smp 2", "-smp is for a whole guest", "needs an IMAGE");
	bad("diff --counts=exact", "--counts is for a whole guest", "needs an IMAGE");
	bad("diff -- a", "guest arguments", "IMAGE");
	bad("diff a b", "two images", "'a' and 'b'");
	bad("diff a --stats", "--stats is an option of 'run'", "not of 'diff'");
	bad("diff a --lapic=user", "--lapic is an option of 'run'", "not of 'diff'");
	bad("diff a -smp 256 --no-x2apic", "8 bits", "254");
	bad("run --seed 5", "--seed is an option of 'diff'", "not of 'run'");
	bad("doctor --tap x", "--tap is an option of 'diff'", "not of 'doctor'");
}

static void unknown_words_get_the_nearest(void **state)
{
	(void)state;
	bad("run --timout 5", "'--timout'", "did you mean --timeout?");
	bad("run --no-x2apik", "'--no-x2apik'", "did you mean --no-x2apic?");
	bad("run -kernal=x", "'-kernal=x'", "did you mean -kernel?");
	bad("run --result-jason=f", "unknown option", "did you mean --result-json?");
	bad("run -smq 2", "'-smq'", "did you mean -smp?");
	bad("doctor --jsn", "'--jsn'", "did you mean --json?");
	bad("run --jsn", "'--jsn'", "lapicvm run --help lists all");
	bad("run --quux", "'--quux'", "--help lists all");
	bad("diff --quux", "'--quux'", "lapicvm diff --help lists all");
	bad("run ---stats", "unknown option", "'---stats'");
	bad("run --a-word-far-longer-than-any-option-that-there-is-or-ever-was=1", "unknown option",
	    "--help lists all");
	bad("dif", "no command 'dif'", "did you mean diff?");
	bad("diff --replai x", "'--replai'", "did you mean --replay?");
	bad("rum", "no command 'rum'", "did you mean run?");
	bad("dcotor", "no command", "did you mean doctor?");
	bad("guest.elf", "no command 'guest.elf'", "lapicvm run IMAGE");
	bad("--stats", "'--stats' stands where", "'run', 'diff' or 'doctor'");
	bad("", "say what to do", "lapicvm run");
}

static void other_mistakes(void **state)
{
	char line[40 * (OPTIONS_MAX_INITRDS + 2)] = "run";

	(void)state;
	bad("run a b", "two images", "'a' and 'b'");
	bad("run a -kernel b", "two images", "'a' and 'b'");
	bad("run -kernel a -kernel a", "two images", "'a' and 'a'");
	bad("run _", "empty", "tour");
	bad("run -kernel _", "empty", "tour");
	bad("run -", "standard input", "give a file");
	bad("run -initrd _", "-initrd", "empty");
	bad("run -m", "-m needs a size", "");
	bad("run -smp", "-smp needs a number", "");
	bad("run --result-json=", "--result-json", "empty");
	bad("run --stats=yes", "--stats takes no value", "'--stats=yes'");
	bad("run --lapic=moon", "no such place", "--lapic=user or --lapic=kernel");
	for (int i = 0; i < OPTIONS_MAX_INITRDS; i++)
		strcat(line, " -initrd f");
	good(line);
	strcat(line, " -initrd g");
	bad(line, "-initrd g", "too many modules; at most 32");
}

static void a_long_word_is_cut_in_the_sentence(void **state)
{
	char line[2000], small[8];
	char name[] = "lapicvm", verb[] = "run", word[] = "--bogus",
	     *argv[] = {name, verb, word, NULL};

	(void)state;
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	memcpy(line, "run --", 6);
	bad(line, "unknown option", "xxx");
	assert_int_equal(strlen(why), sizeof(why) - 1);
	assert_false(options_parse(3, argv, &options, small, sizeof(small)));
	assert_string_equal(small, "unknown");
}

static void fits_a_screen(const char *text)
{
	unsigned lines = 0;

	for (const char *line = text; *line; lines++) {
		const char *end = strchr(line, '\n');

		assert_non_null(end);
		assert_true(end - line <= 80);
		line = end + 1;
	}
	assert_true(lines <= 32);
}

static void help_fits_a_screen(void **state)
{
	static const struct {
		enum options_verb topic;
		const char *name;
	} all[] = {
		{OPTIONS_RUN, "-m "},           {OPTIONS_RUN, "-smp"},
		{OPTIONS_RUN, "-kernel"},       {OPTIONS_RUN, "-bios"},
		{OPTIONS_RUN, "-initrd"},       {OPTIONS_RUN, "-append"},
		{OPTIONS_RUN, "-no-reboot"},    {OPTIONS_RUN, "--lapic"},
		{OPTIONS_RUN, "--hop="},        {OPTIONS_RUN, "--hop-drop="},
		{OPTIONS_RUN, "--apic-page="},  {OPTIONS_DIFF, "--apic-page="},
		{OPTIONS_RUN, "--no-x2apic"},   {OPTIONS_RUN, "--no-tsc-deadline"},
		{OPTIONS_RUN, "--timeout"},     {OPTIONS_RUN, "--result-json"},
		{OPTIONS_RUN, "--dump-screen"}, {OPTIONS_RUN, "--stats"},
		{OPTIONS_RUN, "--save FILE"},   {OPTIONS_RUN, "--restore FILE"},
		{OPTIONS_DOCTOR, "--json"},     {OPTIONS_DOCTOR, "--report"},
		{OPTIONS_HELP, "--help"},       {OPTIONS_HELP, "--version"},
		{OPTIONS_HELP, "lapicvm diff"}, {OPTIONS_DIFF, "--seed "},
		{OPTIONS_DIFF, "--seeds"},      {OPTIONS_DIFF, "--time"},
		{OPTIONS_DIFF, "--ops"},        {OPTIONS_DIFF, "--cpus"},
		{OPTIONS_DIFF, "--no-x2apic"},  {OPTIONS_DIFF, "--no-tsc-deadline"},
		{OPTIONS_DIFF, "--replay"},     {OPTIONS_DIFF, "--log"},
		{OPTIONS_DIFF, "--ledger"},     {OPTIONS_DIFF, "--save"},
		{OPTIONS_DIFF, "--trace"},      {OPTIONS_DIFF, "--timeout"},
		{OPTIONS_DIFF, "--counts"},     {OPTIONS_DIFF, "--tap"},
		{OPTIONS_DIFF, "--console"},    {OPTIONS_DIFF, "--junit"},
		{OPTIONS_RUN, "--pv-eoi"},
	};

	(void)state;
	fits_a_screen(options_help(OPTIONS_RUN));
	fits_a_screen(options_help(OPTIONS_DIFF));
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (!strstr(options_help(all[i].topic), all[i].name))
			fail_msg("--help does not name %s", all[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run_without_anything_is_the_tour),
		cmocka_unit_test(an_image_has_one_cpu_unless_told),
		cmocka_unit_test(the_state_goes_somewhere_in_some_words),
		cmocka_unit_test(a_saved_machine_brings_its_own_shape),
		cmocka_unit_test(both_kinds_of_lapics_are_there_where_they_may_change),
		cmocka_unit_test(sizes_have_units),
		cmocka_unit_test(absurd_sizes_are_refused),
		cmocka_unit_test(absurd_processor_counts_are_refused),
		cmocka_unit_test(topologies_are_completed),
		cmocka_unit_test(topologies_that_cannot_be_are_refused),
		cmocka_unit_test(times_have_fractions),
		cmocka_unit_test(hops_are_milliseconds),
		cmocka_unit_test(a_page_of_memory_is_for_one_processor),
		cmocka_unit_test(every_option_of_run),
		cmocka_unit_test(firmware_is_started_alone),
		cmocka_unit_test(a_value_may_look_like_an_option),
		cmocka_unit_test(guest_arguments_follow_two_dashes),
		cmocka_unit_test(doctor_has_its_own_options),
		cmocka_unit_test(diff_without_anything_is_one_random_program),
		cmocka_unit_test(random_programs_have_a_range),
		cmocka_unit_test(times_of_a_campaign_have_units),
		cmocka_unit_test(programs_from_files),
		cmocka_unit_test(a_whole_guest_both_ways),
		cmocka_unit_test(help_and_version_everywhere),
		cmocka_unit_test(unknown_words_get_the_nearest),
		cmocka_unit_test(other_mistakes),
		cmocka_unit_test(a_long_word_is_cut_in_the_sentence),
		cmocka_unit_test(help_fits_a_screen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
