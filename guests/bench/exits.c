// SPDX-License-Identifier: BSD-2-Clause
// What one access costs, bracketed by RDTSC, each beside a bare port exit in the same loop.
// Not what the model does with it: most of the figure is the way out of the guest and back.
#include "guests/bench/bench.h"

#define PORT_NOBODY      0x1234 /* vmexit's own, of kvm-unit-tests */
#define KVM_CPUID        0x40000000
#define KVM_CPUID_PV_EOI (1u << 6)
#define MSR_KVM_PV_EOI   0x4b564d04
#define PREFIX           5 /* "port:" */
#define PAGE_TPR         (APIC_DEFAULT_PAGE + 0x080)
#define PAGE_EOI         (APIC_DEFAULT_PAGE + 0x0b0)

/*
 * The same instructions around every operation, so that hosts which emulate them one by one add the
 * same to each row: EAX = 0, ECX and EDX as the operation wants them. The low halves of TSC
 * suffice, a sample is below 2^32 cycles.
 */
#define OPERATION(name, instruction)                                                               \
 static uint32_t name(uint32_t ecx, uint32_t edx)                                                  \
 {                                                                                                 \
  uint32_t cycles;                                                                                 \
                                                                                                   \
  __asm__ volatile("rdtsc\n movl %%eax, %%esi\n xorl %%eax, %%eax\n"                               \
		   "movl %%edi, %%edx\n" instruction "\n rdtsc\n"                                  \
		   "subl %%esi, %%eax"                                                             \
		   : "=a"(cycles), "+c"(ecx)                                                       \
		   : "D"(edx)                                                                      \
		   : "rdx", "rsi", "memory", "cc");                                                \
  return cycles;                                                                                   \
 }

OPERATION(nothing, "")
OPERATION(port_out, "outl %%eax, %%dx")
OPERATION(port_in, "inl %%dx, %%eax")
OPERATION(page_read, "movl (%%rcx), %%eax")
OPERATION(page_write, "movl %%eax, (%%rcx)")
OPERATION(msr_read, "rdmsr")
OPERATION(msr_write, "wrmsr")
OPERATION(cr8_read, "movq %%cr8, %%rax")
OPERATION(cr8_write, "movq %%rax, %%cr8")
/* As Linux ends a service: by the word where its bit is set, else by the register. */
OPERATION(pv_eoi, "lock btrl $0, (%%rcx)\n jc 1f\n movl $0x80b, %%ecx\n wrmsr\n 1:")

static struct samples own, port;
static volatile uint32_t pv_word;
static unsigned pv_allowed;
static struct arrival arrival;

/* So that the EOI which follows has an interrupt to end. */
static void put_in_service(void)
{
	uint64_t next = arrival.count + 1;

	apic_ipi(0, APIC_ICR_SELF | APIC_ICR_ASSERT | VECTOR_KEPT);
	wait_spinning(&arrival, next);
	own.extra += arrival.count - next;
}

static void put_in_service_pv(void)
{
	put_in_service();
	pv_allowed += pv_word & 1u;
}

/* KVM's signature, and the service in its features. */
static bool pv_eoi_offered(void)
{
	struct cpuid found = cpuid(KVM_CPUID, 0);

	return found.ebx == 0x4b4d564b && cpuid(KVM_CPUID + 1, 0).eax & KVM_CPUID_PV_EOI;
}

static const struct row {
	const char *name;
	uint32_t (*run)(uint32_t ecx, uint32_t edx);
	uint32_t ecx, edx;
	enum { BOTH, XAPIC, X2APIC } where;
	void (*before)(void);
} rows[] = {
	{"rdtsc_rdtsc", nothing, 0, 0, BOTH, NULL},
	{"inl_from_qemu", port_in, 0, PORT_NOBODY, BOTH, NULL},
	{"outl_to_qemu", port_out, 0, PORT_NOBODY, BOTH, NULL},
	{"mov_from_cr8", cr8_read, 0, 0, BOTH, NULL},
	{"mov_to_cr8", cr8_write, 0, 0, BOTH, NULL},
	{"xapic_rd_tpr", page_read, PAGE_TPR, 0, XAPIC, NULL},
	{"xapic_wr_tpr", page_write, PAGE_TPR, 0, XAPIC, NULL},
	{"xapic_wr_eoi", page_write, PAGE_EOI, 0, XAPIC, put_in_service},
	{"x2apic_rd_tpr", msr_read, MSR_X2APIC + APIC_TPR, 0, X2APIC, NULL},
	{"x2apic_wr_tpr", msr_write, MSR_X2APIC + APIC_TPR, 0, X2APIC, NULL},
	{"x2apic_wr_eoi", msr_write, MSR_X2APIC + APIC_EOI, 0, X2APIC, put_in_service},
};

static void run_row(const struct row *row)
{
	char name[48] = "port:";

	samples_clear(&own);
	samples_clear(&port);
	row_begin(row->name);
	for (unsigned i = 0; row_goes_on(i); i++) {
		if (row->before)
			row->before();
		samples_add(&own, row->run(row->ecx, row->edx));
		samples_add(&port, port_out(0, PORT_NOBODY));
	}
	samples_print(&own, row->name);
	for (unsigned i = 0; i == 0 || row->name[i - 1]; i++)
		name[PREFIX + i] = row->name[i];
	samples_print(&port, name);
}

/* The interrupt that is ended is one that came after the word had been named. */
static void run_pv_eoi(void)
{
	const struct row row = {"pv_eoi", pv_eoi, (uint32_t)(uintptr_t)&pv_word,
				0,        X2APIC, put_in_service_pv};

	wrmsr(MSR_KVM_PV_EOI, (uintptr_t)&pv_word | 1);
	run_row(&row);
	wrmsr(MSR_KVM_PV_EOI, 0);
	print("word %u %lu\n", pv_allowed, own.count);
}

void exits_run(void)
{
	bool x2apic = apic_mode() == APIC_X2APIC;

	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].where == (x2apic ? X2APIC : XAPIC) ||
		    (rows[i].where == BOTH && !x2apic))
			run_row(&rows[i]);
	if (x2apic && pv_eoi_offered())
		run_pv_eoi();
}
