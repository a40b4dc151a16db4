// SPDX-License-Identifier: BSD-2-Clause
// What lockstep needs of a host before the first program: what KVM's Local APICs offer and do,
// CPUID, the signal that ends waits in the kernel. Not the running of programs: lockstep.c.

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmm/cpuid.h"
#include "vmm/diff/pair.h"
#include "vmm/ending.h"
#include "vmm/kick.h"
#include "vmm/options.h"

#define TICK_NS         150000 /* ends KVM_RUN of a CPU that waits in the kernel */
#define REG_VERSION     0x03u
#define REG_ISR         0x10u
#define VERSION_EOI     (1u << 24)
#define LVT_ENTRIES_ALL 6u /* VERSION[23:16] with CMCI */
#define SVR_OFFSET      0xF0u
#define ICR_OFFSET      0x300u
#define ICR_SELF        0x44000u
#define PROBE_VECTOR    0x83u

#ifndef sigev_notify_thread_id
# define sigev_notify_thread_id _sigev_un._tid
#endif

/* An interrupt taken, and no EOI given: is it in service? */
static bool loses_isr(struct side *side)
{
	uint8_t image[LAPIC_IMAGE_SIZE];

	side->cpu[0].keep = true;
	side_do(side, 0, PUPPET_DO_WRITE4, LAPIC_DEFAULT_BASE + SVR_OFFSET, 0x1FF);
	side_do(side, 0, PUPPET_DO_WRITE4, LAPIC_DEFAULT_BASE + ICR_OFFSET,
		ICR_SELF | PROBE_VECTOR);
	side_do(side, 0, PUPPET_DO_STI, 0, 0);
	side->kind->settle(side, 0);
	side->kind->image(side, 0, image);
	return side->cpu[0].arrived.count == 1 &&
	       !(side_register(image, REG_ISR + PROBE_VECTOR / 32) >> PROBE_VECTOR % 32 & 1);
}

/* What KVM's LAPICs say of themselves, ours are to say too. */
static bool ask_kvm(struct lockstep *l, struct result *why)
{
	uint8_t image[LAPIC_IMAGE_SIZE];
	struct side side = {.vm = {.fd = -1}};
	uint32_t version;
	bool opened;

	l->setup.cpus = 1;
	opened = side_open(&side, &side_kernel, &l->setup, why);
	if (opened) {
		side_kernel.image(&side, 0, image);
		version = side_register(image, REG_VERSION);
		l->setup.eoi_suppression = (version & VERSION_EOI) != 0;
		l->setup.isr_lost = loses_isr(&side);
		l->setup.cmci = (version >> 16 & 0xFF) >= LVT_ENTRIES_ALL;
	}
	side_close(&side);
	return opened;
}

static bool build_cpuid(struct lockstep *l, struct result *why)
{
	struct options options = {
		.cpus = PROGRAM_CPUS_MAX,
		.x2apic = true,
		.tsc_deadline = true,
	};
	int kvm_fd = l->setup.kvm->open_kvm(l->setup.kvm->opaque), error = kvm_fd;

	for (unsigned n = 0; n < PROGRAM_CPUS_MAX && error >= 0; n++)
		error = cpuid_build(l->setup.kvm, kvm_fd, l->setup.traits, &options, n,
				    &l->cpuid[n]);
	if (kvm_fd >= 0)
		l->setup.kvm->close(l->setup.kvm->opaque, kvm_fd);
	if (error < 0) {
		ending_fill(why, RESULT_HOST_LACKS, "KVM_GET_SUPPORTED_CPUID: %s",
			    strerror(-error));
		return false;
	}
	l->setup.x2apic = cpuid_has_x2apic(l->setup.traits, &options);
	l->setup.tsc_deadline = cpuid_has_tsc_deadline(l->setup.traits, &options);
	l->setup.maxphyaddr = cpuid_maxphyaddr(l->cpuid[0]);
	return true;
}

void lockstep_tick(struct lockstep *l, bool on)
{
	struct itimerspec when = {{0, on ? TICK_NS : 0}, {0, on ? TICK_NS : 0}};

	timer_settime(l->tick, 0, &when, NULL);
}

static bool make_tick(struct lockstep *l, struct result *why)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = KICK_SIGNAL};

	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	l->ticks = kick_install() && timer_create(CLOCK_MONOTONIC, &event, &l->tick) == 0;
	if (!l->ticks)
		ending_fill(why, RESULT_INTERNAL, "a timer: %s", strerror(errno));
	return l->ticks;
}

struct lockstep *lockstep_open(const struct kvm_calls *kvm, const struct host_traits *traits,
			       const volatile sig_atomic_t *stop, struct result *why)
{
	struct lockstep *l = calloc(1, sizeof(*l));

	if (!l) {
		ending_fill(why, RESULT_INTERNAL, "no memory");
		return NULL;
	}
	l->stop = stop;
	l->setup = (struct side_setup){.kvm = kvm, .traits = traits, .cpuid = l->cpuid};
	if (make_tick(l, why) && build_cpuid(l, why) && ask_kvm(l, why))
		return l;
	lockstep_close(l);
	return NULL;
}

void lockstep_close(struct lockstep *l)
{
	if (l->ticks) {
		timer_delete(l->tick);
		kick_uninstall();
	}
	for (unsigned n = 0; n < PROGRAM_CPUS_MAX; n++)
		free(l->cpuid[n]);
	free(l);
}

void lockstep_show_page(struct lockstep *l)
{
	l->setup.apic_page_read_only = true;
}

bool lockstep_x2apic(const struct lockstep *l)
{
	return l->setup.x2apic;
}

bool lockstep_tsc_deadline(const struct lockstep *l)
{
	return l->setup.tsc_deadline;
}

bool lockstep_isr_lost(const struct lockstep *l)
{
	return l->setup.isr_lost;
}
