// SPDX-License-Identifier: BSD-2-Clause
// A whole machine on the scripted KVM, turned by the test's own hand: no vCPU thread, no real
// guest. Not a run: the loop is only there for the timers to belong to.
#ifndef TESTS_VMM_RIG_H
#define TESTS_VMM_RIG_H

#include "tests/vmm/fake_kvm.h"
#include "vmm/ending.h"
#include "vmm/host.h"
#include "vmm/machine.h"
#include "vmm/options.h"

struct event_base;

struct rig {
	struct fake_kvm kvm;
	struct fake_kvm there; /* where hops lead */
	struct host_traits traits;
	struct options options;
	struct ending ending;
	struct machine machine;
	struct event_base *base;
	struct result why;
	char image[64];
	int image_fd;
	/* The guest's console. */
	char out[4096];
	size_t out_count;
	unsigned rooms, waits;
	bool in_open, full;
	int joined; /* which vCPU this thread is, -1: none */
	/* For scripts. */
	unsigned step;
	uint64_t seen[16];
};

/* How hosts behave: everything at once, or as kvm_pvm. */
void rig_host_vmx(struct host_traits *traits);
void rig_host_pvm(struct host_traits *traits);

/* A rig with one CPU and no machine yet; settings may be changed before rig_open(). */
struct rig *rig_new(fake_script *script);
bool rig_open(struct rig *rig);
/* With everything open; the thread is then the first vCPU's. Fails the test if it does not open. */
struct rig *rig_start(fake_script *script, void (*host)(struct host_traits *));
void rig_free(struct rig *rig);

/* This thread is that vCPU's from now on: kicks reach it. */
void rig_become(struct rig *rig, unsigned cpu);

struct vcpu *rig_vcpu(struct rig *rig, unsigned cpu);
struct fake_vcpu *rig_fake(struct rig *rig, unsigned cpu);
struct rig *rig_of(struct fake_vcpu *v);
/* So many turns, or fewer if the run ends: whether it goes on. */
bool rig_turns(struct rig *rig, unsigned cpu, unsigned turns);
/* A register of the LAPIC of a vCPU as its guest would write or read it, through the page. */
void rig_write(struct rig *rig, unsigned cpu, uint32_t offset, uint32_t value);
uint32_t rig_read(struct rig *rig, unsigned cpu, uint32_t offset);
/* One access to a port of the machine's, and what it read; and a write. */
uint32_t rig_port(struct rig *rig, uint16_t number, bool write, uint32_t value, unsigned width);
void rig_out(struct rig *rig, uint16_t number, uint32_t value, unsigned width);
/* Waits for one event of the loop: a timer that runs out. */
void rig_wait(struct rig *rig);
/* The LAPIC's software enable, as guests do first. */
void rig_enable(struct rig *rig, unsigned cpu);

#endif
