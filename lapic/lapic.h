// SPDX-License-Identifier: BSD-2-Clause
/*
 * liblapic: a complete x86 Local APIC (xAPIC and x2APIC) as a model; this header documents it.
 * Not a hypervisor: it knows no clock, thread, file or /dev/kvm, allocates nothing, has no globals.
 */
/* clang-format off */
/*
 * The parts
 *   struct lapic      one Local APIC, in memory of the caller: lapic_size() bytes at lapic_align()
 *   register page     4 KiB, 4 KiB aligned, the hardware's layout (register n at n << 4); usable as
 *                     a VMX virtual-APIC page after lapic_page_sync()
 *   struct lapic_map  the LAPICs of one machine that can send to each other: who has which ID
 *   struct lapic_ops  the only way out: clocks, "my deadline changed", "kick the owner", EOI
 *
 * Threads
 *   Each LAPIC has one owner, the thread of its virtual processor.
 *   [owner]  for that thread alone; takes no lock, but see lapic_map_config.lock.
 *   [any]    for every thread at any time: posts into an atomic mailbox, never blocks.
 *   [setup]  not beside any other call on the same object. A map may be in use while a LAPIC joins.
 *   Callbacks deadline_changed, kick, eoi and base_changed are made when the model's state is whole;
 *   they may call [any] functions of any LAPIC, and lapic_next_deadline() of their own, no others.
 *   The clocks and the event hook are called in the midst of things and must call nothing here.
 *
 * One turn of an owner
 *   1. answer the exit: lapic_mmio_*, lapic_msr_*, lapic_set_cr8
 *   2. lapic_tick() where lapic_next_deadline() has passed
 *   3. lapic_pending(), and hand over what it names: lapic_ack, lapic_take_*
 *   4. a host timer for lapic_next_deadline(), whose expiry is a lapic_post_tick()
 *   5. lapic_away(), run the guest or sleep, lapic_back()
 *
 * A structure that grows has its size in its first field or beside it; the others stay as they are for
 * as long as the SONAME does. The target must have 64-bit integers that are lock-free (x86-64, AArch64).
 *
 * Source of the behaviour: Intel SDM Vol. 3A, chapter "Advanced Programmable Interrupt Controller
 * (APIC)". lapic/RULES.md lists it rule by rule; the rules' IDs appear in events and tests.
 */
/* clang-format on */
#ifndef LAPIC_LAPIC_H
#define LAPIC_LAPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
# define LAPIC_API __attribute__((visibility("default")))
#else
# define LAPIC_API
#endif

#define LAPIC_VERSION_MAJOR 0
#define LAPIC_VERSION_MINOR 1
#define LAPIC_VERSION_PATCH 0

/* Bytes of the register page, and its alignment. */
#define LAPIC_PAGE_SIZE 4096u
/* Where the page lies after reset. */
#define LAPIC_DEFAULT_BASE 0xFEE00000u

struct lapic;
struct lapic_map;

/* ---------------------------------------------------------------- configuration */

/*
 * How this Local APIC differs from others. Fill it with lapic_config_intel() or lapic_config_amd(),
 * then change fields. `size` tells the library which fields the caller knows; later versions only
 * append.
 */
struct lapic_config {
	uint32_t size;       /* sizeof(struct lapic_config), set by the profiles */
	uint32_t initial_id; /* the ID the platform gives at reset, 32 bits, unique in a map */
	uint64_t bus_hz;     /* timer input clock, 1 kHz .. 10 GHz; default 1 GHz */
	/* Periodic timer interrupts are due no closer to each other than this, in ns, up to 10^12;
	 * default 200000; 0: no floor. A shorter period is stretched: with a virtual clock you may
	 * want 0. One that the host looked at late may be followed sooner. */
	uint64_t timer_floor_ns;
	uint8_t maxphyaddr; /* bits, 36..52; bounds IA32_APIC_BASE; default 52 */
	/* IA32_APIC_BASE.BSP after power-up. False: the processor waits for a SIPI, and
	 * lapic_pending() names nothing but INIT and SIPI until lapic_take_sipi(). */
	bool bsp;
	bool x2apic;       /* CPUID.1:ECX[21]; default on */
	bool tsc_deadline; /* CPUID.1:ECX[24]; default on for Intel, off for AMD */
	bool cmci;         /* LVT CMCI (2F0h) exists, seven LVT entries; default on for Intel */
	/* SVR[12] and VERSION[24] exist; default off: advertise it only with an I/O APIC of version
	 * 20h. */
	bool eoi_suppression;
	bool xapic_id_writable; /* APIC ID register in xAPIC mode; default on */
	bool lowest_priority;   /* lowest-priority IPIs may be sent; off: ESR bit 4 instead; default
				   on */
	bool p6_errors;         /* ESR bits 0-3 exist (set by lapic_error_p6 alone); default off */
	bool lvt_write_checks; /* a fixed LVT written with a vector below 16 sets ESR bit 6; default
				  off */
	bool perf_masks;   /* delivery masks LVT performance; default on for Intel, off for AMD */
	bool init_to_self; /* shorthand self / all including self may carry INIT; default on */
	bool icr_busy_bit_faults; /* x2APIC: ICR bit 12 written 1 is #GP (AMD) instead of ignored
				     (Intel) */
	bool msi_ff_broadcasts;   /* an 8-bit message to FFh reaches this LAPIC in x2APIC mode too;
				     default on */
};

enum lapic_profile { LAPIC_INTEL, LAPIC_AMD };

/*
 * Fills every field for a processor of today; initial_id becomes 0 and bsp
 * true: change both for every further processor. `bytes`
 * is the caller's sizeof(struct lapic_config): no more is written. False: a size or profile that
 * this library does not know. [any]
 */
LAPIC_API bool lapic_config_profile(struct lapic_config *config, size_t bytes,
				    enum lapic_profile profile);

static inline void lapic_config_intel(struct lapic_config *config)
{
	lapic_config_profile(config, sizeof(*config), LAPIC_INTEL);
}

static inline void lapic_config_amd(struct lapic_config *config)
{
	lapic_config_profile(config, sizeof(*config), LAPIC_AMD);
}

/* ---------------------------------------------------------------- the way out */

/* What an event tells about; see struct lapic_event. */
enum lapic_event_kind {
	LAPIC_EVENT_ACCEPTED,  /* message accepted into IRR, or NMI/SMI/INIT/SIPI/ExtINT taken in */
	LAPIC_EVENT_MERGED,    /* the same was pending already */
	LAPIC_EVENT_REFUSED,   /* not accepted: disabled, waiting for SIPI, ... */
	LAPIC_EVENT_ACK,       /* IRR -> ISR, to the processor */
	LAPIC_EVENT_SPURIOUS,  /* acknowledge found nothing deliverable */
	LAPIC_EVENT_EOI,       /* value: 1 if broadcast to the I/O APICs */
	LAPIC_EVENT_FLUSHED,   /* pending in IRR, gone with INIT, disable or reset */
	LAPIC_EVENT_SENT,      /* an ICR or SELF IPI write; value: ICR; vector, mode as sent */
	LAPIC_EVENT_TIMER_ARM, /* value: due (ns or guest TSC), 0: disarmed */
	LAPIC_EVENT_TIMER_DUE, /* the count or deadline was reached; value: due */
	LAPIC_EVENT_MODE,      /* IA32_APIC_BASE changed; value: the new one */
	LAPIC_EVENT_INIT,      /* the LAPIC acted on INIT */
	LAPIC_EVENT_SIPI,      /* the LAPIC acted on SIPI; vector */
	LAPIC_EVENT_ERROR,     /* internal ESR bits set; value: the bits */
	LAPIC_EVENT_MISTAKE    /* the guest broke `rule`; value: what it accessed (offset or MSR) */
};

/* Delivery modes as the ICR, the LVT and messages encode them. */
enum lapic_delivery {
	LAPIC_FIXED = 0,
	LAPIC_LOWEST = 1,
	LAPIC_SMI = 2,
	LAPIC_NMI = 4,
	LAPIC_INIT = 5,
	LAPIC_SIPI = 6,
	LAPIC_EXTINT = 7
};

/* Where an interrupt came from. */
enum lapic_source {
	LAPIC_FROM_HOST,    /* lapic_post() */
	LAPIC_FROM_IPI,     /* ICR or SELF IPI; sender is the sending LAPIC's ID */
	LAPIC_FROM_MESSAGE, /* lapic_map_send(), lapic_map_msi() */
	LAPIC_FROM_TIMER,
	LAPIC_FROM_CMCI,
	LAPIC_FROM_THERMAL,
	LAPIC_FROM_PERF,
	LAPIC_FROM_LINT0,
	LAPIC_FROM_LINT1,
	LAPIC_FROM_ERROR
};

struct lapic_event {
	enum lapic_event_kind kind;
	enum lapic_source source;
	uint32_t sender; /* ID of the sender where source is LAPIC_FROM_IPI */
	uint8_t vector;
	uint8_t mode;     /* enum lapic_delivery */
	bool level;       /* level-triggered; of ExtINT: from a LINT pin, not by message */
	uint64_t value;   /* by kind */
	uint64_t when_ns; /* ops->now_ns() */
	const char *rule; /* LAPIC_EVENT_MISTAKE: the rule's ID, such as "MSR-3"; else NULL */
};

/*
 * The callbacks. `size` first, set by the caller to sizeof(struct lapic_ops). The library copies
 * the struct. now_ns and now_tsc are required, the others may be NULL. `opaque` is what
 * lapic_init() was given.
 */
struct lapic_ops {
	uint32_t size;
	/* Monotonic time in ns, of any origin; must never run backwards, nor further than 2^64 /
	 * bus_hz seconds from lapic_init() (58 years at 10 GHz). [called by owner; for events by
	 * any] */
	uint64_t (*now_ns)(void *opaque);
	/* The guest's TSC, offset and scaling included. [called by owner] */
	uint64_t (*now_tsc)(void *opaque);
	/* lapic_next_deadline() has a new answer. [called by owner] */
	void (*deadline_changed)(void *opaque);
	/* The owner is away and has something new to look at: end its guest run or its sleep. At
	 * most once for each lapic_away(); a call may come late, when the owner is back already or
	 * away once more, and is then for nothing. [called by any] */
	void (*kick)(void *opaque);
	/* EOI of a level-triggered vector, for the I/O APICs. [called by owner] */
	void (*eoi)(void *opaque, uint8_t vector);
	/* IA32_APIC_BASE changed, by a guest write or a restore: the page may have moved,
	 * CPUID.1:EDX[9] follows EN. [called by owner] */
	void (*base_changed)(void *opaque, uint64_t apic_base);
	/* Everything that happens, from the thread in which it happens. Changed by
	 * lapic_set_event_hook(). */
	void (*event)(void *opaque, const struct lapic_event *event);
};

/* ---------------------------------------------------------------- the map of a machine */

struct lapic_map_config {
	uint32_t size;       /* sizeof(struct lapic_map_config) */
	uint32_t max_lapics; /* 1 .. 65536 */
	uint32_t max_id;     /* largest initial_id, up to 1048575 */
	/* Serialises changes of IDs and modes; required when LAPICs have different owners. Held for
	 * a short scan of the members; never taken to send. */
	void (*lock)(void *opaque);
	void (*unlock)(void *opaque);
	void *opaque;
	/* Optional 4 KiB aligned page that all LAPICs share as the VMX APIC-access page; never
	 * touched here. */
	void *access_page;
};

/* Bytes that a map of this configuration takes, aligned as any object; 0: configuration out of
 * range. [any] */
LAPIC_API size_t lapic_map_size(const struct lapic_map_config *config);
/* NULL where the configuration is out of range, the access page unaligned or `bytes` too small.
 * [setup] */
LAPIC_API struct lapic_map *lapic_map_init(void *memory, size_t bytes,
					   const struct lapic_map_config *config);
/* The page given in the configuration, or NULL. [any] */
LAPIC_API void *lapic_map_access_page(const struct lapic_map *map);
/* Number of LAPICs in the map. [any] */
LAPIC_API uint32_t lapic_map_count(const struct lapic_map *map);

/* The round-robin position of lowest-priority arbitration: state of the machine, for save and
 * restore. [any] */
LAPIC_API uint32_t lapic_map_last_winner(const struct lapic_map *map);
LAPIC_API void lapic_map_set_last_winner(struct lapic_map *map, uint32_t winner);

/* What a post led to. */
enum lapic_post_result {
	LAPIC_REFUSED, /* nobody took it */
	LAPIC_MERGED,  /* it was pending already */
	LAPIC_NEW      /* one more will be acknowledged, unless INIT, reset or disable flush it */
};

/* An interrupt message on its way to LAPICs: from an I/O APIC, an MSI, or another sender. */
struct lapic_message {
	uint32_t dest;
	uint8_t vector;
	uint8_t mode;          /* enum lapic_delivery */
	bool logical;          /* destination mode */
	bool level;            /* trigger mode: of fixed and lowest priority, the rest is edge */
	bool deassert;         /* level messages: dropped */
	bool redirection_hint; /* with logical: one of the matching, as lowest priority */
	bool dest32; /* dest is 32 bits wide: FFh is an ordinary ID, FFFFFFFFh is broadcast */
};

/* Sends to all that match; the best result of any. [any] */
LAPIC_API enum lapic_post_result lapic_map_send(struct lapic_map *map,
						const struct lapic_message *message);
/* The same for the address and data of an MSI (FEExxxxxh); address bits 11:5 extend the ID when
 * `ext_dest` (bits 14:8 of the ID, as KVM and QEMU do). LAPIC_REFUSED for other addresses. [any] */
LAPIC_API enum lapic_post_result lapic_map_msi(struct lapic_map *map, uint64_t address,
					       uint32_t data, bool ext_dest);

/* ---------------------------------------------------------------- life */

/* What lapic_init() refuses. */
enum lapic_init_error {
	LAPIC_INIT_OK,
	LAPIC_INIT_MEMORY, /* memory too small or unaligned */
	LAPIC_INIT_PAGE,   /* page NULL or unaligned */
	LAPIC_INIT_CONFIG, /* a field out of range, or `size` unknown */
	LAPIC_INIT_OPS,    /* a required callback is missing, or `size` unknown */
	LAPIC_INIT_MAP     /* map missing, full, initial_id above max_id or taken */
};

/* Bytes, a multiple of lapic_align(), which is a power of 2. [any] */
LAPIC_API size_t lapic_size(void);
LAPIC_API size_t lapic_align(void);
/*
 * Makes a LAPIC in power-up state and enters it into the map. `memory` of at least lapic_size()
 * bytes and `page` stay the caller's and must outlive the map's last use. *out is the LAPIC where
 * the result is LAPIC_INIT_OK. [setup]
 */
LAPIC_API enum lapic_init_error lapic_init(void *memory, size_t bytes, void *page,
					   const struct lapic_config *config,
					   const struct lapic_ops *ops, void *opaque,
					   struct lapic_map *map, struct lapic **out);
LAPIC_API const char *lapic_init_error_name(enum lapic_init_error error);

/* Power-up reset (not INIT): pending messages are gone, LINT pins keep their level. [owner] */
LAPIC_API void lapic_reset(struct lapic *l);

/* Sets or clears (NULL) the event hook. [owner; posts already under way may still report to the old
 * hook] */
LAPIC_API void lapic_set_event_hook(struct lapic *l,
				    void (*event)(void *opaque, const struct lapic_event *event));

/* ---------------------------------------------------------------- guest accesses [owner] */

enum lapic_result {
	LAPIC_OK,
	LAPIC_GP /* #GP(0) at the instruction; nothing changed */
};

/* Whether an access to this physical address belongs to this LAPIC: xAPIC mode and within its page.
 */
LAPIC_API bool lapic_claims(const struct lapic *l, uint64_t gpa);
/* `offset` within the page (taken modulo 4096), `size` 1..8 bytes. Where the page does not answer:
 * all ones / dropped. */
LAPIC_API uint64_t lapic_mmio_read(struct lapic *l, uint32_t offset, unsigned size);
LAPIC_API void lapic_mmio_write(struct lapic *l, uint32_t offset, unsigned size, uint64_t value);

/* MSRs 800h-8FFh, 1Bh (IA32_APIC_BASE) and 6E0h (IA32_TSC_DEADLINE); LAPIC_GP for every other. */
LAPIC_API enum lapic_result lapic_msr_read(struct lapic *l, uint32_t msr, uint64_t *value);
LAPIC_API enum lapic_result lapic_msr_write(struct lapic *l, uint32_t msr, uint64_t value);

/* CR8, 0..15. LAPIC_GP above. Writing the value that is there changes nothing, TPR[3:0] included:
 * hosts mirror CR8 on every exit. A guest's own MOV to CR8 with an equal value, where the host sees
 * it, is lapic_write_cr8(). */
LAPIC_API uint8_t lapic_cr8(const struct lapic *l);
LAPIC_API enum lapic_result lapic_set_cr8(struct lapic *l, uint64_t cr8);
LAPIC_API enum lapic_result lapic_write_cr8(struct lapic *l, uint64_t cr8);

/* The current IA32_APIC_BASE, and the current ID (8 bits in xAPIC mode, 32 in x2APIC mode). */
LAPIC_API uint64_t lapic_apic_base(const struct lapic *l);
LAPIC_API uint32_t lapic_id(const struct lapic *l);

/* ---------------------------------------------------------------- posting [any] */

/* One interrupt to this LAPIC alone, as a message that has found its destination. LAPIC_LOWEST is
 * as LAPIC_FIXED. `level` counts for LAPIC_FIXED. A vector below 16 in these two is refused and
 * sets ESR bit 6. `vector` of SIPI is the start page. */
LAPIC_API enum lapic_post_result lapic_post(struct lapic *l, enum lapic_delivery mode,
					    uint8_t vector, bool level);

/* Local interrupts that the host raises. */
enum lapic_lvt {
	LAPIC_LVT_CMCI,
	LAPIC_LVT_TIMER,
	LAPIC_LVT_THERMAL,
	LAPIC_LVT_PERF,
	LAPIC_LVT_LINT0,
	LAPIC_LVT_LINT1,
	LAPIC_LVT_ERROR
};
/* The event of this LVT entry happens now: it is delivered as the entry says when the owner next
 * looks. For the LINT pins this is a pulse to the active level. Absent entries (CMCI) do nothing.
 */
LAPIC_API void lapic_raise(struct lapic *l, enum lapic_lvt entry);
/* The electrical level of pin LINT0 (0) or LINT1 (1); other pins are ignored. */
LAPIC_API void lapic_set_lint(struct lapic *l, unsigned pin, bool high);
/* "A timer of yours has run out somewhere": makes the owner look at its deadline, kicks it if it is
 * away. */
LAPIC_API void lapic_post_tick(struct lapic *l);

/* ---------------------------------------------------------------- to the processor [owner] */

/* Bits of lapic_pending(). */
#define LAPIC_PENDING_INTR 0x01u /* a fixed interrupt is deliverable: lapic_ack() */
#define LAPIC_PENDING_EXTINT                                                                       \
 0x02u /* the vector comes from the 8259 or message: lapic_take_extint() */
#define LAPIC_PENDING_NMI  0x04u /* lapic_take_nmi() */
#define LAPIC_PENDING_SMI  0x08u /* lapic_take_smi() */
#define LAPIC_PENDING_INIT 0x10u /* lapic_take_init(); comes before all else */
#define LAPIC_PENDING_SIPI 0x20u /* lapic_take_sipi() */
#define LAPIC_PENDING_MASKED                                                                       \
 0x40u /* information: IRR holds vectors, none above PPR: lowering TPR may deliver */

/* What waits for the processor; takes in what was posted. Does not read a clock: see lapic_tick().
 */
LAPIC_API uint32_t lapic_pending(struct lapic *l);
/* The vector that lapic_ack() would give, or -1. Like lapic_ack() it knows what the last
 * lapic_pending() took in: call that first. */
LAPIC_API int lapic_peek(struct lapic *l);
/* Acknowledges: highest deliverable vector from IRR to ISR. With none: the spurious vector
 * SVR[7:0], nothing changed. */
LAPIC_API uint8_t lapic_ack(struct lapic *l);
/*
 * For hosts whose guest may end a service without an access, by a word of its memory (KVM's
 * paravirtual EOI): whether a vector is in service whose EOI nobody beside this LAPIC would notice.
 * Not so for a level-triggered one, and while LINT0's remote IRR waits. A word that allows it must
 * be taken back before lapic_ack() puts another vector in service.
 */
LAPIC_API bool lapic_eoi_is_silent(const struct lapic *l);
/* What a write to the EOI register does, in whichever mode; without a vector in service nothing. */
LAPIC_API void lapic_eoi(struct lapic *l);
/* Each takes one; false where there is none (any more). */
LAPIC_API bool lapic_take_nmi(struct lapic *l);
LAPIC_API bool lapic_take_smi(struct lapic *l);
/* ExtINT by message or LINT0. A message's vector is not known here: ask the 8259. A level LINT0
 * stays pending while its line is active. */
LAPIC_API bool lapic_take_extint(struct lapic *l);
/* Tells whether the processor blocks NMIs (from delivery to IRET); while it does one more NMI is
 * kept, not two. Hosts whose processor counts them itself never call it. */
LAPIC_API void lapic_set_nmi_blocked(struct lapic *l, bool blocked);

/* What the processor does after INIT. */
enum lapic_init_action { LAPIC_INIT_NONE, LAPIC_INIT_WAIT_FOR_SIPI, LAPIC_INIT_RUN };
/* Acts on a pending INIT: resets the LAPIC as INIT does. NONE: there was none. RUN: a BSP starts at
 * the reset vector. */
LAPIC_API enum lapic_init_action lapic_take_init(struct lapic *l);
/* Acts on a pending SIPI: the processor starts at CS = vector << 8, IP = 0. False where there is
 * none. */
LAPIC_API bool lapic_take_sipi(struct lapic *l, uint8_t *vector);
LAPIC_API bool lapic_waits_for_sipi(const struct lapic *l);

/*
 * Leaving: from here on a new post calls ops->kick, once. Returns lapic_pending() as of after that:
 * if it names something the owner did not know of, call lapic_back() and handle it. No post between
 * the two is ever missed.
 */
LAPIC_API uint32_t lapic_away(struct lapic *l);
LAPIC_API void lapic_back(struct lapic *l);

/* ---------------------------------------------------------------- time [owner] */

enum lapic_clock { LAPIC_CLOCK_NONE, LAPIC_CLOCK_NS, LAPIC_CLOCK_TSC };

struct lapic_deadline {
	enum lapic_clock clock;
	uint64_t at; /* ns of ops->now_ns, or guest TSC: the first moment at which it is due */
};

/* When lapic_tick() has something to do next. */
LAPIC_API struct lapic_deadline lapic_next_deadline(const struct lapic *l);
/* Looks at the clock; fires what is due. Early, late, twice: harmless. */
LAPIC_API void lapic_tick(struct lapic *l);
/* The guest's TSC was written (MSR 10h or 3Bh) or restored. */
LAPIC_API void lapic_tsc_changed(struct lapic *l);

/* ---------------------------------------------------------------- errors of old buses */

/* ESR bits 0-3 of P6 and Pentium buses (checksum, accept), raised by the host; ignored unless
 * config.p6_errors. [owner] */
LAPIC_API void lapic_error_p6(struct lapic *l, uint32_t bits);

/* ---------------------------------------------------------------- state [owner] */

/* Why a state was refused. Nothing has changed then. */
enum lapic_state_error {
	LAPIC_STATE_OK,
	LAPIC_STATE_SIZE,     /* shorter or longer than it says */
	LAPIC_STATE_MAGIC,    /* not a LAPIC state */
	LAPIC_STATE_VERSION,  /* of a version unknown here */
	LAPIC_STATE_CHECKSUM, /* damaged */
	LAPIC_STATE_FEATURE,  /* uses what this configuration lacks: x2APIC, TSC-deadline, CMCI,
				 suppression */
	LAPIC_STATE_BASE,     /* IA32_APIC_BASE reserved bits or impossible mode */
	LAPIC_STATE_ID,       /* ID, or initial ID of another LAPIC */
	LAPIC_STATE_VERSION_REGISTER,
	LAPIC_STATE_TPR,
	LAPIC_STATE_SVR,
	LAPIC_STATE_LDR,
	LAPIC_STATE_DFR,
	LAPIC_STATE_VECTORS, /* IRR, ISR or TMR hold vectors below 16 */
	LAPIC_STATE_ESR,
	LAPIC_STATE_LVT,
	LAPIC_STATE_ICR,
	LAPIC_STATE_TIMER,  /* divide, remaining count, deadline */
	LAPIC_STATE_EVENTS, /* NMI count, SIPI without a wait, unknown flags */
	LAPIC_STATE_INFLIGHT
};
LAPIC_API const char *lapic_state_error_name(enum lapic_state_error error);

/* Bytes that lapic_save() writes. */
LAPIC_API size_t lapic_state_size(void);
/* Saves all state, little-endian, versioned. `inflight`: a vector acknowledged but not yet taken by
 * the processor, or -1. Returns the bytes written, 0 where `bytes` is too small or inflight out of
 * range. */
LAPIC_API size_t lapic_save(struct lapic *l, void *buffer, size_t bytes, int inflight);
/* Restores; *inflight (not NULL) as saved. What others post meanwhile may be gone: let none post.
 * The timer is armed again but fires no earlier than the next lapic_tick(), so that the order in
 * which the guest's TSC and this are restored does not matter.
 */
LAPIC_API enum lapic_state_error lapic_restore(struct lapic *l, const void *buffer, size_t bytes,
					       int *inflight);

/* How 32-bit IDs and the x2APIC ICR lie in a 1 KiB register image. */
enum lapic_image {
	LAPIC_IMAGE_KVM_LEGACY, /* struct kvm_lapic_state without KVM_CAP_X2APIC_API: ID << 24; ICR
				   split */
	LAPIC_IMAGE_KVM_X2APIC, /* with KVM_X2APIC_API_USE_32BIT_IDS: the ID as it is; ICR split */
	LAPIC_IMAGE_VMX         /* virtual-APIC page: 32-bit ID, x2APIC ICR as 64 bits at 300h */
};
#define LAPIC_IMAGE_SIZE 1024u
/* Writes the 1 KiB of registers, IRR, TMR and the current count included. */
LAPIC_API void lapic_export_image(struct lapic *l, enum lapic_image kind,
				  uint8_t image[LAPIC_IMAGE_SIZE]);
/*
 * Takes over registers from an image whose LAPIC has this IA32_APIC_BASE and IA32_TSC_DEADLINE,
 * which an image lacks. A running timer goes on from the image's current count. Pending NMI, SMI,
 * INIT, SIPI and the waiting for SIPI stay as they are. IRR becomes the image's: let none post
 * meanwhile. Bits that no register here has are dropped, LVT entries of a disabled LAPIC are
 * masked.
 */
LAPIC_API enum lapic_state_error lapic_import_image(struct lapic *l, enum lapic_image kind,
						    const uint8_t image[LAPIC_IMAGE_SIZE],
						    uint64_t apic_base, uint64_t tsc_deadline);

/* The register page; IRR, TMR, APR and CCR in it are as of the last lapic_page_sync(). It holds
 * nothing but registers, so that a guest may be shown it, as read-only memory at its APIC base. */
LAPIC_API const void *lapic_page(const struct lapic *l);
LAPIC_API void lapic_page_sync(struct lapic *l);

/* Prints the registers as text, piece by piece; not NUL-terminated. */
LAPIC_API void lapic_print(struct lapic *l,
			   void (*put)(void *opaque, const char *text, size_t bytes), void *opaque);

#ifdef __cplusplus
}
#endif

#endif
