// SPDX-License-Identifier: BSD-2-Clause
// The texts of --help, each one screen.
// Not the manual: that is man/lapicvm.1.
#include "vmm/options.h"

static const char general[] =
	"lapicvm boots a guest on KVM with its whole Local APIC in user space.\n"
	"\n"
	"  lapicvm run [IMAGE] [options] [-- guest arguments]\n"
	"        boots IMAGE (bzImage, ELF, multiboot 1 or 2, flat), or the built-in tour\n"
	"  lapicvm diff [IMAGE] [options]\n"
	"        compares this Local APIC with KVM's own; see lapicvm diff --help\n"
	"  lapicvm doctor [--json] [--report FILE]\n"
	"        says what this host's /dev/kvm does and what follows from it\n"
	"\n"
	"Options of run:\n"
	"  -m SIZE             guest RAM: 256M, 1G, 4096K; a number alone is MiB (128M)\n"
	"  -smp N[,sockets=S,cores=C,threads=T]   processors, up to 1024 (1; tour 2)\n"
	"  -kernel FILE, -bios FILE   the image; or firmware, such as SeaBIOS, instead\n"
	"  -initrd FILE, -append TEXT   a module, may be repeated; the command line\n"
	"  --acpi=on|off, --mptable=on|off   tables for the guest (on)\n"
	"  --hpet, -no-reboot  the machine has an HPET; a reset by the guest ends the run\n"
	"  --lapic=user|kernel our Local APIC (user), or KVM's own for comparison\n"
	"  --apic-page=read-only   EXPERIMENTAL: xAPIC reads on one CPU do not exit\n"
	"  --hop=MS, --hop-drop=N   move between the two so often; lose a vector at hop N\n"
	"  --timer-advance=US, --halt-poll=US   awake early, in halts (50, 200; 0: no)\n"
	"  --no-x2apic, --no-tsc-deadline, --pv-eoi   hide these; offer KVM's PV EOI\n"
	"  --timeout SECONDS   end the run after this long (exit status 124)\n"
	"  --save FILE, --restore FILE   an end from outside saves the guest; it goes on\n"
	"  --result-json FILE, --dump-screen FILE   write how it ended, the text screen\n"
	"  --stats, --dump-state[=FILE], --format=linux|json   counts, state at the end\n"
	"\n"
	"The guest's serial port is stdin and stdout; Ctrl-a x ends, Ctrl-a c is the\n"
	"monitor, Ctrl-a Ctrl-a sends Ctrl-a. Exit status: 0-63 the guest's own; 64\n"
	"usage; 65 bad file; 66 unreadable file; 69 no usable /dev/kvm; 70 defect in\n"
	"lapicvm; 74 output failed; 77 the host lacks a feature; 96 triple fault; 97\n"
	"halted for ever; 99 the two Local APICs differ; 124 timeout; 130, 143 signals.\n"
	"`man lapicvm` (here: man/lapicvm.1) says more. Also: --help, --version.\n";

static const char diff[] =
	"lapicvm diff does the same on this Local APIC and on the one inside KVM, and\n"
	"ends with 99 where they differ in a way that the ledger does not explain.\n"
	"\n"
	"  lapicvm diff [options]                   random programs of LAPIC operations\n"
	"  lapicvm diff --replay FILE [options]     programs from files\n"
	"  lapicvm diff IMAGE [options] [-- ARGS]   a whole guest: end, console, counts\n"
	"\n"
	"Random programs:\n"
	"  --seed S            the first program's seed; the next has S + 1 (1)\n"
	"  --seeds K           so many programs (1)\n"
	"  --time 10m          as many as this time allows: s, m or h\n"
	"  --ops N             operations in each, 1 to 1000000 (1000)\n"
	"  --cpus C            processors, 1 to 4 (each seed decides)\n"
	"  --no-x2apic, --no-tsc-deadline   without these\n"
	"Programs from files:\n"
	"  --replay FILE       a program, or a folder of *.prog; may be given repeatedly\n"
	"Both:\n"
	"  --apic-page=read-only   EXPERIMENTAL: as with run; one processor\n"
	"  --log FILE          a line for each program that is done; goes on from there\n"
	"  --ledger FILE       known differences (built in)\n"
	"  --save FOLDER       where a program that differs is put, made small (.)\n"
	"  --all-met           an entry of the ledger that is never met is an error\n"
	"  --trace             each step and what it gave, on standard error\n"
	"A whole guest: the options of run for its machine and --timeout, and\n"
	"  --counts HOW        interrupt counts: about (10 % or 5), exact or ignore\n"
	"  --console HOW       consoles: exact, numbers (any will do) or ignore\n"
	"All:\n"
	"  --tap FILE, --junit FILE         results for a CI; - is standard output\n";

const char *options_help(enum options_verb topic)
{
	return topic == OPTIONS_DIFF ? diff : general;
}
