// SPDX-License-Identifier: BSD-2-Clause
// What the two sides have in common: memory, vCPUs, the puppet's words.
// Not whose Local APICs they are: side_user.c, side_kernel.c.

#include "vmm/diff/side.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "vmm/boot.h"
#include "vmm/cpuid.h"
#include "vmm/ending.h"
#include "vmm/regs.h"

#define RESET_SLOT 32u
#define APIC_EN    0x800u
#define APIC_EXTD  0x400u
#define EOI_OFFSET 0xB0u

void side_log(struct side_log *log, unsigned item)
{
	if (log->count < SIDE_LOG_MAX)
		log->items[log->count++] = (uint16_t)item;
}

void side_fail(struct side *side, unsigned n, const char *format, ...)
{
	va_list arguments;

	side->cpu[n].state = FINDING_LOST;
	if (side->trouble[0])
		return;
	va_start(arguments, format);
	vsnprintf(side->trouble, sizeof(side->trouble), format, arguments);
	va_end(arguments);
}

uint32_t side_register(const uint8_t *image, unsigned reg)
{
	uint32_t value;

	memcpy(&value, image + (reg << 4), sizeof(value));
	return value;
}

void side_set_register(uint8_t *image, unsigned reg, uint32_t value)
{
	memcpy(image + (reg << 4), &value, sizeof(value));
}

/* How a handler gives its EOI is decided when it asks: the mode may have changed since it was
 * entered. */
static void answer_arrival(struct side *side, unsigned n, unsigned vector)
{
	struct side_cpu *c = &side->cpu[n];
	uint64_t base = side->kind->base(side, n);

	side_log(&c->arrived, vector);
	if (side->kind->arrived)
		side->kind->arrived(side, n, vector);
	c->block->eoi_page = (base & ~UINT64_C(0xFFF)) + EOI_OFFSET;
	if (vector == 2 || c->keep || !(base & APIC_EN))
		c->block->eoi = PUPPET_EOI_NONE;
	else
		c->block->eoi = base & APIC_EXTD ? PUPPET_EOI_BY_MSR : PUPPET_EOI_BY_PAGE;
}

bool side_puppet_out(struct side *side, unsigned n, unsigned port, uint32_t value)
{
	switch (port) {
	case PUPPET_PORT_NEXT: return true;
	case PUPPET_PORT_ARRIVED: answer_arrival(side, n, value & 0xFF); return false;
	case PUPPET_PORT_STARTED:
		memset(side->cpu[n].in_service, 0, sizeof(side->cpu[n].in_service));
		side->cpu[n].timed = false;
		side_log(&side->cpu[n].arrived, FINDING_STARTED | (value >> 8 & 0xFF));
		return false;
	default: side_fail(side, n, "the puppet wrote to port %Xh", port); return false;
	}
}

bool side_interrupts_on(const struct side *side, unsigned n)
{
	return side->cpu[n].run->if_flag != 0;
}

void side_begin_step(struct side *side)
{
	for (unsigned n = 0; n < side->cpus; n++)
		side->cpu[n].arrived.count = side->cpu[n].eois.count = side->cpu[n].overdue = 0;
}

void side_do(struct side *side, unsigned n, uint64_t what, uint64_t address, uint64_t value)
{
	struct puppet_block *block = side->cpu[n].block;

	block->what = what;
	block->address = address;
	block->value = value;
	block->result = 0;
	block->fault = FINDING_NO_FAULT;
	side->kind->run(side, n);
	block->what = PUPPET_DO_NOTHING;
}

/* ---- making one ---- */

static bool map_memory(struct side *side, struct result *why)
{
	struct kvm_userspace_memory_region region = {
		.slot = RESET_SLOT,
		.guest_phys_addr = PUPPET_RESET_PAGE,
		.memory_size = RAM_PAGE_SIZE,
	};
	char text[256];
	int error;

	if (ram_create(&side->ram, PUPPET_RAM_BYTES, text, sizeof(text)) != RAM_OK) {
		ending_fill(why, RESULT_INTERNAL, "%s", text);
		return false;
	}
	side->reset_page = mmap(NULL, RAM_PAGE_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (side->reset_page == MAP_FAILED) {
		side->reset_page = NULL;
		ending_fill(why, RESULT_INTERNAL, "a page: %s", strerror(errno));
		return false;
	}
	puppet_load(side->ram.ranges[0].host, side->reset_page);
	region.userspace_addr = (uintptr_t)side->reset_page;
	error = vm_map_ram(&side->vm, &side->ram, NULL, 0);
	if (error >= 0)
		error = kvm_ioctl(side->vm.kvm, side->vm.fd, KVM_SET_USER_MEMORY_REGION, &region);
	if (error >= 0)
		return true;
	ending_fill(why, RESULT_INTERNAL, "KVM_SET_USER_MEMORY_REGION: %s", strerror(-error));
	return false;
}

static bool open_cpu(struct side *side, unsigned n, const struct side_setup *setup,
		     struct result *why)
{
	struct side_cpu *c = &side->cpu[n];
	int error;

	c->fd = vm_create_vcpu(&side->vm, n);
	if (c->fd < 0) {
		ending_fill(why, RESULT_INTERNAL, "KVM_CREATE_VCPU: %s", strerror(-c->fd));
		return false;
	}
	c->run = setup->kvm->mmap_run(setup->kvm->opaque, c->fd, side->vm.run_bytes);
	if (!c->run) {
		ending_fill(why, RESULT_INTERNAL, "mapping struct kvm_run: %s", strerror(errno));
		return false;
	}
	error = kvm_ioctl(setup->kvm, c->fd, KVM_SET_CPUID2, setup->cpuid[n]);
	if (error < 0) {
		ending_fill(why, RESULT_HOST_LACKS, "KVM_SET_CPUID2: %s", strerror(-error));
		return false;
	}
	c->signature = cpuid_value(setup->cpuid[n], 1, 0, 0);
	c->block = puppet_block(side->ram.ranges[0].host, n);
	c->state = FINDING_WAITS_FOR_SIPI;
	return side->kind->prepare_cpu(side, n, setup, why);
}

/* CPU 0 begins at a start page, as after a SIPI. */
static bool start(struct side *side, struct result *why)
{
	struct boot_state state;
	int error;

	boot_sipi(&state, side->cpu[0].signature, 0x60000010, PROGRAM_SIPI_FIRST);
	error = regs_set(&side->vm, side->cpu[0].fd, &state);
	if (error < 0) {
		ending_fill(why, RESULT_INTERNAL, "KVM refuses the puppet's first state: %s",
			    strerror(-error));
		return false;
	}
	side->cpu[0].state = FINDING_RUNNING;
	side_do(side, 0, PUPPET_DO_NOTHING, 0, 0);
	side_begin_step(side);
	if (side->cpu[0].state == FINDING_RUNNING)
		return true;
	ending_fill(why, RESULT_INTERNAL, "the puppet does not start: %s", side->trouble);
	return false;
}

bool side_open(struct side *side, const struct side_kind *kind, const struct side_setup *setup,
	       struct result *why)
{
	*side = (struct side){.kind = kind, .vm = {.fd = -1, .kvm_fd = -1}, .cpus = setup->cpus};
	for (unsigned n = 0; n < PROGRAM_CPUS_MAX; n++)
		side->cpu[n].fd = -1;
	if (!vm_open(&side->vm, setup->kvm, setup->traits,
		     kind == &side_kernel ? VM_LAPIC_KERNEL : VM_LAPIC_USER, why) ||
	    !map_memory(side, why) || !kind->prepare(side, setup, why))
		return false;
	for (unsigned n = 0; n < side->cpus; n++)
		if (!open_cpu(side, n, setup, why))
			return false;
	return start(side, why);
}

void side_close(struct side *side)
{
	const struct kvm_calls *kvm = side->vm.kvm;

	for (unsigned n = 0; n < side->cpus; n++) {
		if (side->cpu[n].run)
			kvm->munmap_run(kvm->opaque, side->cpu[n].run, side->vm.run_bytes);
		if (side->cpu[n].fd >= 0)
			kvm->close(kvm->opaque, side->cpu[n].fd);
	}
	if (side->kind)
		side->kind->close(side);
	if (kvm)
		vm_close(&side->vm);
	if (side->reset_page)
		munmap(side->reset_page, RAM_PAGE_SIZE);
	ram_destroy(&side->ram);
}
