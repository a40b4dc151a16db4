// SPDX-License-Identifier: BSD-2-Clause
// Hand-over: a running machine moves from the VM in which its Local APICs are ours to one in which
// they are KVM's, and back. Memory and devices are the same in both. Not when: run.c.
#ifndef VMM_MACHINE_HOP_H
#define VMM_MACHINE_HOP_H

#include <stdbool.h>
#include <stdio.h>

struct event_base;
struct kvm_calls;
struct machine;
struct result;

/* Makes the other VM, machine->there, for the doubles of the vCPUs that vcpu_open() makes. False:
 * *why. [setup] */
bool machine_hop_open(struct machine *machine, const struct kvm_calls *kvm, struct result *why);
/* From now on it hops every options->hop_ms. 0 or -errno. [loop's thread, before the vCPUs run] */
int machine_hop_start(struct machine *machine, struct event_base *base);
/* It hops as soon as all vCPUs stand still. [main thread, also before the vCPUs run] */
void machine_hop_soon(struct machine *machine);
/* All vCPUs stand still by now: if it was a hop that wanted them to, it takes place. [main thread]
 */
void machine_hop_still(struct machine *machine);
/* How often it has hopped, and how long the guest stood still for it; nothing where it never may.
 */
void machine_hop_print(const struct machine *machine, FILE *to);
/* The machine has ended: says so where --hop-drop has found nothing to drop, as who waits for the
 * guest to notice would take its silence for a failure. */
void machine_hop_not_dropped(const struct machine *machine, FILE *to);
/* [after the vCPUs are closed] */
void machine_hop_close(struct machine *machine);

/*
 * Moves it. The guest notices nothing but that time has passed: timers keep their moment, what was
 * pending stays pending, once. Where that fails the run has ended, and says why. [main thread,
 * while all vCPUs stand still]
 */
void machine_hop(struct machine *machine);

#endif
