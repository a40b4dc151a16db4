// SPDX-License-Identifier: BSD-2-Clause
// Makes KVM's offer of CPUID true for a machine whose Local APICs live in user space.
// Not a CPU model: what has nothing to do with the LAPIC stays as KVM gives it.
#include "vmm/cpuid.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/kvm_calls.h"
#include "vmm/topology.h"

enum reg { EAX, EBX, ECX, EDX };

#define BIT(n)                 (1u << (n))

#define LEAF1_ECX_MONITOR      BIT(3)
#define LEAF1_ECX_X2APIC       BIT(21)
#define LEAF1_ECX_TSC_DEADLINE BIT(24)
#define LEAF1_ECX_HYPERVISOR   BIT(31)
#define LEAF1_EDX_APIC         BIT(9)
#define LEAF1_EDX_HTT          BIT(28)
#define LEAF6_EAX_ARAT         BIT(2)
#define LEAF7_EBX_TSC_ADJUST   BIT(1)
#define EXT1_ECX_CMP_LEGACY    BIT(1)
#define KVM_CLOCK              (BIT(3) | BIT(24)) /* CLOCKSOURCE2, and that it is stable */
#define KVM_PV_EOI             BIT(6)
#define KVM_EXT_DEST_ID        BIT(15) /* MSI_EXT_DEST_ID */

/* Room for leaf 6, three subleaves of Bh and three of 1Fh. */
#define EXTRA_ENTRIES 8u
/* KVM itself holds no more for a vCPU; a larger answer is none that could be set. */
#define MOST_ENTRIES 1024u

struct build {
	const struct host_traits *traits;
	const struct options *options;
	uint32_t apic_id;
	struct topology topology;
	bool amd;
	struct kvm_cpuid2 *table;
};

/* Every kernel with split irqchip has both in a Local APIC of its own. A guest that hops between
 * the two sees what both have. */
static bool of_kvm_alone(const struct options *options)
{
	return options->kernel_lapic && !options_both_lapics(options);
}

bool cpuid_has_x2apic(const struct host_traits *traits, const struct options *options)
{
	return (traits->x2apic_exits || of_kvm_alone(options)) && options->x2apic;
}

bool cpuid_has_tsc_deadline(const struct host_traits *traits, const struct options *options)
{
	return (traits->tsc_deadline_exits || of_kvm_alone(options)) && options->tsc_deadline;
}

bool cpuid_has_pv_eoi(const struct kvm_cpuid2 *table)
{
	return (cpuid_value(table, 0x40000001, 0, EAX) & KVM_PV_EOI) != 0;
}

/* ---------------------------------------------------------------- the offer */

/* KVM says E2BIG until there is room enough, and does not say how much is. */
static int fetch(const struct kvm_calls *kvm, int kvm_fd, struct kvm_cpuid2 **out)
{
	for (uint32_t room = 128; room <= MOST_ENTRIES; room *= 2) {
		struct kvm_cpuid2 *offer =
			calloc(1, sizeof(*offer) + room * sizeof(offer->entries[0]));
		int error;

		if (!offer)
			return -ENOMEM;
		offer->nent = room;
		error = kvm_ioctl(kvm, kvm_fd, KVM_GET_SUPPORTED_CPUID, offer);
		if (error >= 0 && offer->nent <= room) {
			*out = offer;
			return 0;
		}
		free(offer);
		if (error >= 0)
			return -EPROTO;
		if (error != -E2BIG)
			return error;
	}
	return -E2BIG;
}

static const struct kvm_cpuid_entry2 *find(const struct kvm_cpuid2 *table, uint32_t leaf,
					   uint32_t subleaf)
{
	for (uint32_t i = 0; i < table->nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &table->entries[i];
		bool indexed = entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX;

		if (entry->function == leaf && (!indexed || entry->index == subleaf))
			return entry;
	}
	return NULL;
}

uint32_t cpuid_value(const struct kvm_cpuid2 *table, uint32_t leaf, uint32_t subleaf, unsigned reg)
{
	const struct kvm_cpuid_entry2 *entry = find(table, leaf, subleaf);

	if (!entry)
		return 0;
	switch (reg) {
	case EAX: return entry->eax;
	case EBX: return entry->ebx;
	case ECX: return entry->ecx;
	case EDX: return entry->edx;
	default: return 0;
	}
}

unsigned cpuid_maxphyaddr(const struct kvm_cpuid2 *table)
{
	unsigned bits = cpuid_value(table, 0x80000008, 0, EAX) & 0xFF;

	return bits ? bits : 36;
}

bool cpuid_is_amd(const struct kvm_cpuid2 *table)
{
	const struct kvm_cpuid_entry2 *leaf0 = find(table, 0, 0);
	char vendor[12];

	if (!leaf0)
		return false;
	memcpy(vendor, &leaf0->ebx, 4);
	memcpy(vendor + 4, &leaf0->edx, 4);
	memcpy(vendor + 8, &leaf0->ecx, 4);
	return memcmp(vendor, "AuthenticAMD", 12) == 0 || memcmp(vendor, "HygonGenuine", 12) == 0;
}

/* ---------------------------------------------------------------- what cannot be true here */

/* Bits that would promise what no LAPIC in user space can keep. */
static const struct hidden {
	uint32_t leaf, subleaf;
	enum reg reg;
	uint32_t bits;
} hidden_table[] = {
	/* MONITOR/MWAIT: a guest that waits so never exits, and no interrupt of ours would wake it.
	 */
	{1, 0, ECX, LEAF1_ECX_MONITOR},
	{0x80000001, 0, ECX, BIT(29)}, /* MONITORX */
	/* VMX and SVM: a nested hypervisor's interrupts go to KVM's own LAPIC, which this VM lacks.
	 */
	{1, 0, ECX, BIT(5)},
	{0x80000001, 0, ECX, BIT(2)},
	/* Performance counters, DS and PEBS: KVM raises their interrupt in its own LAPIC only, so
	 * that LVT PERF would never see one. */
	{1, 0, ECX, BIT(2) | BIT(4) | BIT(15)},
	{1, 0, EDX, BIT(21)},
	{7, 0, EDX, BIT(19)},
	{0x80000001, 0, ECX, BIT(23) | BIT(24) | BIT(28)},
	/* AMD's extended APIC space is not modelled. */
	{0x80000001, 0, ECX, BIT(3)},
};

/* Leaves that hold nothing but such promises, and read as zeros. */
static const uint32_t empty_leaves[] = {
	0x5,        /* MONITOR/MWAIT */
	0xA,        /* architectural performance monitoring */
	0x14,       /* processor trace: its PMI */
	0x16,       /* frequencies of the host's cores, not of this machine */
	0x1C,       /* last branch records, bound to the PMI */
	0x23,       /* architectural performance monitoring, extended */
	0x8000000A, /* SVM */
	0x80000022, /* AMD performance monitoring */
	0x80000026, /* AMD extended topology: leaf Bh says it */
};

static uint32_t *register_of(struct kvm_cpuid_entry2 *entry, enum reg reg)
{
	switch (reg) {
	case EAX: return &entry->eax;
	case EBX: return &entry->ebx;
	case ECX: return &entry->ecx;
	default: return &entry->edx;
	}
}

static void hide(struct kvm_cpuid_entry2 *entry)
{
	for (size_t i = 0; i < sizeof(hidden_table) / sizeof(hidden_table[0]); i++) {
		const struct hidden *row = &hidden_table[i];

		if (row->leaf == entry->function && row->subleaf == entry->index)
			*register_of(entry, row->reg) &= ~row->bits;
	}
	for (size_t i = 0; i < sizeof(empty_leaves) / sizeof(empty_leaves[0]); i++)
		if (empty_leaves[i] == entry->function)
			entry->eax = entry->ebx = entry->ecx = entry->edx = 0;
}

/* ---------------------------------------------------------------- sockets, cores and threads */

static uint32_t at_most(uint32_t value, uint32_t limit)
{
	return value < limit ? value : limit;
}

static uint32_t with(uint32_t word, unsigned low, unsigned bits, uint32_t value)
{
	uint32_t mask = (BIT(bits) - 1) << low;

	return (word & ~mask) | ((value << low) & mask);
}

/* APIC IDs that a socket's, or a core's, logical processors may have, whether they all exist or
 * not: SDM Vol. 3A "Hierarchical Mapping of Shared Resources". */
static uint32_t ids_of_socket(const struct build *b)
{
	return BIT(topology_socket_shift(&b->topology));
}

static uint32_t ids_of_core(const struct build *b)
{
	return BIT(topology_core_shift(&b->topology));
}

/* APIC, x2APIC and TSC-deadline bits say what the LAPIC has. KVM lets the APIC bit follow
 * IA32_APIC_BASE.EN. */
static void leaf_1(const struct build *b, struct kvm_cpuid_entry2 *e)
{
	uint32_t existing = topology_socket_cpus(&b->topology);
	uint32_t logical = b->amd ? existing : ids_of_socket(b);

	/* An ID has 8 bits here; larger ones are in leaf Bh alone. */
	e->ebx = with(e->ebx, 24, 8, b->apic_id);
	e->ebx = with(e->ebx, 16, 8, at_most(logical, 255));
	e->ecx &= ~(LEAF1_ECX_X2APIC | LEAF1_ECX_TSC_DEADLINE);
	if (cpuid_has_x2apic(b->traits, b->options))
		e->ecx |= LEAF1_ECX_X2APIC;
	if (cpuid_has_tsc_deadline(b->traits, b->options))
		e->ecx |= LEAF1_ECX_TSC_DEADLINE;
	e->ecx |= LEAF1_ECX_HYPERVISOR;
	e->edx |= LEAF1_EDX_APIC;
	e->edx &= ~LEAF1_EDX_HTT;
	if (existing > 1)
		e->edx |= LEAF1_EDX_HTT;
}

/*
 * Caches of the first two levels belong to a core, further ones to the socket. Level 0 ends the
 * list. AMD counts the sharing processors, but has their APIC IDs cut off at as many bits as that
 * number needs ("CPUID Fn8000_001D_EAX Cache Properties"): so it is all IDs there too.
 */
static void leaf_caches(const struct build *b, struct kvm_cpuid_entry2 *e)
{
	bool shared = ((e->eax >> 5) & 7) >= 3;
	uint32_t sharing = shared ? ids_of_socket(b) : ids_of_core(b);

	if ((e->eax & 0x1F) == 0)
		return;
	e->eax = with(e->eax, 14, 12, at_most(sharing - 1, 0xFFF));
	if (!b->amd)
		e->eax = with(e->eax, 26, 6, at_most(ids_of_socket(b) / ids_of_core(b) - 1, 0x3F));
}

/* The crystal drives the LAPIC timer, and TSC = crystal * EBX / EAX (SDM "Time Stamp Counter and
 * Nominal Core Crystal Clock Information Leaf"): here both are known exactly. AMD has no such leaf.
 */
static void leaf_15(const struct build *b, struct kvm_cpuid_entry2 *e)
{
	bool known = !b->amd && b->traits->tsc_khz;

	e->eax = known ? CPUID_BUS_HZ / 1000 : 0;
	e->ebx = known ? b->traits->tsc_khz : 0;
	e->ecx = known ? CPUID_BUS_HZ : 0;
	e->edx = 0;
}

static void leaf_ext_1(const struct build *b, struct kvm_cpuid_entry2 *e)
{
	if (!b->amd)
		return;
	/* The APIC bit is repeated here; KVM does not let this copy follow IA32_APIC_BASE.EN. */
	e->edx |= LEAF1_EDX_APIC;
	e->ecx &= ~EXT1_ECX_CMP_LEGACY;
	if (topology_socket_cpus(&b->topology) > 1)
		e->ecx |= EXT1_ECX_CMP_LEGACY;
}

static void leaf_ext_8(const struct build *b, struct kvm_cpuid_entry2 *e)
{
	if (!b->amd)
		return;
	e->ecx = with(e->ecx, 0, 8, at_most(topology_socket_cpus(&b->topology) - 1, 0xFF));
	e->ecx = with(e->ecx, 12, 4, topology_socket_shift(&b->topology));
}

/* A core has its number in its socket; a socket is one node, numbered through the machine. */
static void leaf_ext_1e(const struct build *b, struct kvm_cpuid_entry2 *e)
{
	uint32_t core = b->apic_id % ids_of_socket(b) / ids_of_core(b);
	uint32_t node = b->apic_id / ids_of_socket(b);

	e->eax = e->ebx = e->ecx = e->edx = 0;
	if (!b->amd)
		return;
	e->eax = b->apic_id;
	e->ebx = with(with(0, 0, 8, core), 8, 8, at_most(b->topology.threads - 1, 0xFF));
	e->ecx = with(0, 0, 8, node);
}

/* A guest that was saved has been told already whether there is PV EOI. */
static uint32_t kept_of_kvm(const struct build *b)
{
	bool pv_eoi = b->options->pv_eoi || b->options->restored;

	return pv_eoi ? KVM_CLOCK | KVM_PV_EOI : KVM_CLOCK;
}

static void adjust(const struct build *b, struct kvm_cpuid_entry2 *e)
{
	hide(e);
	switch (e->function) {
	case 0:
		/* x2APIC IDs are in leaf Bh, so that it must be within reach. */
		if (e->eax < 0xB)
			e->eax = 0xB;
		break;
	case 1: leaf_1(b, e); break;
	case 4: leaf_caches(b, e); break;
	case 7:
		/* A guest that moves its TSC behind our back would get wrong deadlines; on some
		 * hosts it does not move. */
		if (e->index == 0 && !(b->traits->tsc_write_exits && b->traits->tsc_moves))
			e->ebx &= ~LEAF7_EBX_TSC_ADJUST;
		break;
	case 0x15: leaf_15(b, e); break;
	/*
	 * KVM's signature stays: it is true, and Linux uses x2APIC without interrupt remapping only
	 * where it sees a hypervisor that it knows. Of its features its clock stays, by the two
	 * MSRs of today, and PV EOI where it was asked for (pv_eoi.h); the I/O APIC's extended
	 * destination is ours. The others go: PV IPIs by hypercall would reach for a LAPIC in the
	 * kernel that is not there.
	 */
	case 0x40000000: e->eax = 0x40000001; break;
	case 0x40000001:
		e->eax = (e->eax & kept_of_kvm(b)) | KVM_EXT_DEST_ID;
		e->ebx = e->ecx = e->edx = 0;
		break;
	case 0x80000001: leaf_ext_1(b, e); break;
	case 0x80000008: leaf_ext_8(b, e); break;
	case 0x8000001D: leaf_caches(b, e); break;
	case 0x8000001E: leaf_ext_1e(b, e); break;
	default: break;
	}
}

/* ---------------------------------------------------------------- leaves of our own */

static struct kvm_cpuid_entry2 *append(struct build *b, uint32_t leaf)
{
	struct kvm_cpuid_entry2 *entry = &b->table->entries[b->table->nent++];

	*entry = (struct kvm_cpuid_entry2){.function = leaf};
	return entry;
}

/* Thermal and power registers do not exist; the LAPIC timer never stops, which is ARAT. */
static void append_leaf_6(struct build *b)
{
	append(b, 6)->eax = LEAF6_EAX_ARAT;
}

/* SDM "Extended Topology Enumeration Leaf": threads, then cores, then the end of the list. EBX has
 * the processors that there are. */
static void append_topology(struct build *b, uint32_t leaf)
{
	const struct topology *t = &b->topology;
	const struct kvm_cpuid_entry2 levels[] = {
		{.eax = topology_core_shift(t), .ebx = t->threads, .ecx = 1 << 8},
		{.eax = topology_socket_shift(t), .ebx = topology_socket_cpus(t), .ecx = 2 << 8},
		{.eax = 0, .ebx = 0, .ecx = 0},
	};

	for (uint32_t i = 0; i < 3; i++) {
		struct kvm_cpuid_entry2 *entry = append(b, leaf);

		*entry = levels[i];
		entry->function = leaf;
		entry->index = i;
		entry->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
		entry->ecx |= i;
		entry->edx = b->apic_id;
	}
}

/* What is replaced as a whole, and the ranges of other hypervisors' interfaces. */
static bool is_dropped(uint32_t leaf)
{
	return leaf == 6 || leaf == 0xB || leaf == 0x1F ||
	       (leaf >= 0x40000002 && leaf < 0x50000000);
}

static void fill(struct build *b, const struct kvm_cpuid2 *offer)
{
	for (uint32_t i = 0; i < offer->nent; i++) {
		struct kvm_cpuid_entry2 entry = offer->entries[i];

		if (is_dropped(entry.function))
			continue;
		adjust(b, &entry);
		b->table->entries[b->table->nent++] = entry;
	}
	append_leaf_6(b);
	append_topology(b, 0xB);
	/* Where Intel's second topology leaf is within reach it is asked first. */
	if (!b->amd && cpuid_value(b->table, 0, 0, EAX) >= 0x1F)
		append_topology(b, 0x1F);
}

int cpuid_build(const struct kvm_calls *kvm, int kvm_fd, const struct host_traits *traits,
		const struct options *options, uint32_t apic_id, struct kvm_cpuid2 **out)
{
	struct build b = {traits, options, apic_id, topology_of(options), false, NULL};
	struct kvm_cpuid2 *offer;
	int error = fetch(kvm, kvm_fd, &offer);

	if (error)
		return error;
	b.amd = cpuid_is_amd(offer);
	b.table = calloc(1, sizeof(*b.table) +
				    (offer->nent + EXTRA_ENTRIES) * sizeof(b.table->entries[0]));
	if (b.table)
		fill(&b, offer);
	free(offer);
	*out = b.table;
	return b.table ? 0 : -ENOMEM;
}
