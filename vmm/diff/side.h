// SPDX-License-Identifier: BSD-2-Clause
// One side of the comparison: a machine of puppets with our Local APICs, or with KVM's.
// Not the comparison: lockstep.c bids both sides and looks at what came of it.
#ifndef VMM_DIFF_SIDE_H
#define VMM_DIFF_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "lapic/lapic.h"
#include "vmm/diff/finding.h"
#include "vmm/diff/puppet.h"
#include "vmm/ram.h"
#include "vmm/vm.h"

struct kvm_run;
struct kvm_cpuid2;

/* What a log can hold of one step; a CPU that takes more is in a storm, which ends the step. */
#define SIDE_LOG_MAX 300u

struct side_log {
	uint16_t items[SIDE_LOG_MAX];
	unsigned count;
};

struct side_cpu {
	int fd;
	struct kvm_run *run;
	struct puppet_block *block;
	enum finding_state state;
	bool unfinished;        /* KVM finishes the last exit's instruction at the next KVM_RUN */
	bool keep;              /* handlers give no EOI */
	uint32_t in_service[8]; /* KVM's, where isr_lost: ISR as it should be */
	uint32_t hidden_tmict;  /* KVM's: see side_kernel_set() */
	bool timed;             /* KVM's: it has had a timer since it started */
	uint64_t delayed_ns;    /* KVM's: its timer was stopped for so long, by us */
	struct side_log arrived, eois; /* of this step */
	uint32_t signature;            /* CPUID.1:EAX */
	/* Ours alone. */
	bool overdue; /* a timer was due still after a tick, in this step */
	struct lapic *lapic;
	void *lapic_memory, *lapic_page;
};

struct side {
	const struct side_kind *kind;
	struct vm vm;
	struct ram ram;
	uint8_t *reset_page;
	unsigned cpus;
	struct side_cpu cpu[PROGRAM_CPUS_MAX];
	char trouble[256]; /* what the host refused; empty: nothing */
	bool isr_lost;     /* KVM's: side_setup's */
	/* Ours alone: the map, and the clocks, which stand still unless lockstep.c sets them. */
	void *map_memory;
	struct lapic_map *map;
	uint64_t now_ns, now_tsc;
};

/* What both sides have to have alike. */
struct side_setup {
	const struct kvm_calls *kvm;
	const struct host_traits *traits;
	struct kvm_cpuid2 *const *cpuid; /* one table a CPU */
	unsigned cpus;
	/* For our Local APICs: what KVM's say of themselves. */
	bool x2apic, tsc_deadline, cmci, eoi_suppression;
	unsigned maxphyaddr;
	/* Of KVM's: an interrupt that the processor takes gets its EOI at once, by nobody, as on
	 * kvm_pvm of Linux 6.18. It is then entered in ISR again when its handler asks how to give
	 * an EOI: else nothing that rests on ISR could be compared. */
	bool isr_lost;
	/* Of ours: a machine of one CPU reads its registers as memory (apic_page.h). */
	bool apic_page_read_only;
};

struct side_kind {
	/* After the VM is there, and before its vCPUs; after each vCPU. */
	bool (*prepare)(struct side *side, const struct side_setup *setup, struct result *why);
	bool (*prepare_cpu)(struct side *side, unsigned n, const struct side_setup *setup,
			    struct result *why);
	void (*close)(struct side *side);
	/* The processor has taken this vector; may be NULL. */
	void (*arrived)(struct side *side, unsigned n, unsigned vector);
	/* Runs CPU n until it asks for the next operation, or is not running any more. */
	void (*run)(struct side *side, unsigned n);
	/* CPU n takes what waits for it, until nothing does. */
	void (*settle)(struct side *side, unsigned n);
	/* The 1 KiB of registers, as KVM_GET_LAPIC has them. */
	void (*image)(struct side *side, unsigned n, uint8_t image[LAPIC_IMAGE_SIZE]);
	uint64_t (*base)(struct side *side, unsigned n);
	uint64_t (*deadline)(struct side *side, unsigned n);
	/* Whether an NMI waits for the CPU. */
	bool (*nmi)(struct side *side, unsigned n);
	/* An interrupt message from a device. */
	void (*message)(struct side *side, uint32_t address, uint32_t data);
};

extern const struct side_kind side_user, side_kernel;

/* Makes the machine; CPU 0 stands before its first operation, the others wait for a SIPI. False:
 * *why. side_close() is due either way. */
bool side_open(struct side *side, const struct side_kind *kind, const struct side_setup *setup,
	       struct result *why);
void side_close(struct side *side);

/*
 * CPU n, which is running, does PUPPET_DO_* `what`. Vectors that it takes on the way are in its
 * log.
 */
void side_do(struct side *side, unsigned n, uint64_t what, uint64_t address, uint64_t value);
/* Its RFLAGS.IF, as of the last exit. */
bool side_interrupts_on(const struct side *side, unsigned n);
/* Forgets the logs. */
void side_begin_step(struct side *side);

/* For the two kinds. */
void side_log(struct side_log *log, unsigned item);
/* The puppet's OUT: true if it was one and it asks for the next operation. */
bool side_puppet_out(struct side *side, unsigned n, unsigned port, uint32_t value);
/* Says once what was refused, and that the CPU is lost. */
__attribute__((format(printf, 3, 4))) void side_fail(struct side *side, unsigned n,
						     const char *format, ...);
/* The 32 bits of a register in an image. */
uint32_t side_register(const uint8_t *image, unsigned reg);
void side_set_register(uint8_t *image, unsigned reg, uint32_t value);

/*
 * KVM_SET_LAPIC. KVM starts a timer that has run out once more, whose interrupt would come a second
 * time; so its TMICT is set to 0, and what it was is in hidden_tmict until ours has
 * another. 0 or -errno.
 */
int side_kernel_set(struct side *side, unsigned n, const uint8_t registers[LAPIC_IMAGE_SIZE]);

#endif
