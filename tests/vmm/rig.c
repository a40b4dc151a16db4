// SPDX-License-Identifier: BSD-2-Clause
// Builds and takes apart what most tests of lapicvm's heart stand on.
// No assertion but that it could be built.
#include "tests/vmm/rig.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void rig_host_vmx(struct host_traits *traits)
{
	*traits = (struct host_traits){
		.backend = HOST_KVM_INTEL,
		.tsc_khz = 2000000,
		.sync_regs = 7,
		.max_vcpus = FAKE_VCPUS,
		.max_vcpu_id = 1024,
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
		.readonly_memory = true,
		.apic_bit_follows = true,
	};
}

void rig_host_pvm(struct host_traits *traits)
{
	rig_host_vmx(traits);
	traits->backend = HOST_KVM_PVM;
	traits->cr8_lowering_exits = false;
	traits->window_prompt = false;
	traits->inject_closed_bad = true;
	traits->cpl0_emulated = true;
	traits->smm = false;
	traits->tsc_moves = false;
}

static void put(void *opaque, uint8_t byte)
{
	struct rig *rig = opaque;

	if (rig->out_count + 1 < sizeof(rig->out))
		rig->out[rig->out_count++] = (char)byte;
}

static bool fits(void *opaque, unsigned bytes)
{
	struct rig *rig = opaque;

	(void)bytes;
	return !rig->full;
}

static void wait(void *opaque, unsigned bytes)
{
	struct rig *rig = opaque;

	(void)bytes;
	rig->waits++;
	rig->full = false;
}

static void room(void *opaque)
{
	struct rig *rig = opaque;

	rig->rooms++;
}

static bool in_open(void *opaque)
{
	struct rig *rig = opaque;

	return rig->in_open;
}

/* A flat image of one HLT. */
static void make_image(struct rig *rig)
{
	static const uint8_t code[] = {0xF4, 0xEB, 0xFD};

	rig->image_fd = memfd_create("image", MFD_CLOEXEC);
	assert_true(rig->image_fd >= 0);
	assert_int_equal(write(rig->image_fd, code, sizeof(code)), sizeof(code));
	snprintf(rig->image, sizeof(rig->image), "/proc/self/fd/%d", rig->image_fd);
}

struct rig *rig_new(fake_script *script)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	fake_kvm_init(&rig->kvm);
	rig->kvm.script = script;
	rig->kvm.opaque = rig;
	fake_kvm_pair(&rig->kvm, &rig->there);
	rig_host_vmx(&rig->traits);
	make_image(rig);
	rig->options = (struct options){
		.image = rig->image,
		.cpus = 1,
		.ram_bytes = 4 << 20,
		.x2apic = true,
		.tsc_deadline = true,
		.stats = true,
	};
	ending_init(&rig->ending, NULL, NULL);
	rig->base = event_base_new();
	rig->joined = -1;
	rig->in_open = true;
	assert_non_null(rig->base);
	assert_true(kick_install());
	return rig;
}

bool rig_open(struct rig *rig)
{
	const struct machine_console console = {
		.put = put,
		.fits = fits,
		.wait = wait,
		.room = room,
		.open = in_open,
		.opaque = rig,
	};

	return machine_open(&rig->machine, &rig->options, &rig->traits, &rig->kvm.calls,
			    &rig->ending, &console, rig->base, &rig->why);
}

struct rig *rig_start(fake_script *script, void (*host)(struct host_traits *))
{
	struct rig *rig = rig_new(script);

	host(&rig->traits);
	if (!rig_open(rig))
		fail_msg("machine_open: %s", rig->why.text);
	rig_become(rig, 0);
	return rig;
}

void rig_become(struct rig *rig, unsigned cpu)
{
	if (rig->joined >= 0)
		kick_leave(&rig_vcpu(rig, (unsigned)rig->joined)->kick);
	rig->joined = (int)cpu;
	assert_true(kick_join(&rig_vcpu(rig, cpu)->kick, rig_vcpu(rig, cpu)->run));
}

void rig_free(struct rig *rig)
{
	if (rig->joined >= 0)
		kick_leave(&rig_vcpu(rig, (unsigned)rig->joined)->kick);
	machine_close(&rig->machine);
	ending_destroy(&rig->ending);
	event_base_free(rig->base);
	kick_uninstall();
	close(rig->image_fd);
	free(rig);
}

struct vcpu *rig_vcpu(struct rig *rig, unsigned cpu)
{
	return &rig->machine.vcpus[cpu];
}

struct fake_vcpu *rig_fake(struct rig *rig, unsigned cpu)
{
	return &rig->kvm.vcpus[cpu];
}

struct rig *rig_of(struct fake_vcpu *v)
{
	return v->kvm->opaque;
}

bool rig_turns(struct rig *rig, unsigned cpu, unsigned turns)
{
	while (turns--)
		if (!vcpu_turn(rig_vcpu(rig, cpu)))
			return false;
	return true;
}

void rig_write(struct rig *rig, unsigned cpu, uint32_t offset, uint32_t value)
{
	lapic_mmio_write(rig_vcpu(rig, cpu)->lapic, offset, 4, value);
}

uint32_t rig_read(struct rig *rig, unsigned cpu, uint32_t offset)
{
	return (uint32_t)lapic_mmio_read(rig_vcpu(rig, cpu)->lapic, offset, 4);
}

uint32_t rig_port(struct rig *rig, uint16_t number, bool write, uint32_t value, unsigned width)
{
	struct access access = {
		.address = number,
		.width = width,
		.count = 1,
		.write = write,
		.data = (uint8_t *)&value,
	};

	if (!write)
		value = 0;
	machine_port(&rig->machine, &access);
	return value;
}

void rig_out(struct rig *rig, uint16_t number, uint32_t value, unsigned width)
{
	rig_port(rig, number, true, value, width);
}

void rig_enable(struct rig *rig, unsigned cpu)
{
	rig_write(rig, cpu, 0xF0, 0x1FF);
}

void rig_wait(struct rig *rig)
{
	event_base_loop(rig->base, EVLOOP_ONCE);
}
