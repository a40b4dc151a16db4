// SPDX-License-Identifier: BSD-2-Clause
// A vCPU's state taken from KVM, Local APIC and memory, then printed; the same where the Local APIC
// is KVM's; and the whole machine in one block.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/kvm.h>

#include "tests/vmm/printed.h"
#include "tests/vmm/rig.h"
#include "vmm/info_cpu.h"
#include "vmm/info_dump.h"
#include "vmm/symbols.h"
#include "vmm/vcpu_kernel.h"

static int script(struct fake_vcpu *v, struct kvm_run *run)
{
	switch (rig_of(v)->step++) {
	case 0: return fake_mmio_write(v, 0xFEE000F0, 0x1FF, 4);
	case 1: return fake_out(v, 0x80, 0x55, 1);
	default: v->if_flag = true; return fake_exit(run, KVM_EXIT_HLT);
	}
}

static void set_registers(struct rig *rig, unsigned cpu)
{
	struct fake_vcpu *v = rig_fake(rig, cpu);

	v->regs = (struct kvm_regs){.rax = 0xA, .r15 = 0xF15, .rip = 0x100001, .rflags = 0x202};
	v->sregs.cs = (struct kvm_segment){.selector = 8, .l = 1};
	v->sregs.cr0 = 0x80000011;
	v->sregs.cr3 = 0x7000;
	v->sregs.efer = 0x500;
	v->sregs.gs.base = UINT64_C(0xFFFF888000000000);
}

static struct rig *start(bool kernel, unsigned cpus)
{
	struct rig *rig = rig_new(script);

	rig->options.cpus = cpus;
	rig->options.kernel_lapic = kernel;
	if (!rig_open(rig))
		fail_msg("machine_open: %s", rig->why.text);
	rig_become(rig, 0);
	return rig;
}

static void print(struct rig *rig, unsigned cpu, enum info_format format, bool with_registers)
{
	FILE *to;
	static struct info_cpu copy;

	info_cpu_take(rig_vcpu(rig, cpu), &copy);
	to = printed_begin();
	info_cpu_print(&copy, format, with_registers, to);
	printed_end(to);
}

static void test_everything_of_a_halted_cpu(void **state)
{
	struct rig *rig = start(false, 2);

	(void)state;
	rig_turns(rig, 0, 3);
	set_registers(rig, 0);
	print(rig, 0, INFO_QEMU, true);
	assert_printed("CPU #0: halted pc=0x0000000000100001 interrupts on apic_id=0\n"
		       "rax=000000000000000a rbx=");
	assert_printed(" r15=0000000000000f15\n");
	assert_printed(
		"rip=0000000000100001 rflags=00000202 cs=0008 (base 0, 64 bit) ss=0010 cpl=0\n"
		"cr0=80000011 cr2=0000000000000000 cr3=0000000000007000 cr4=");
	assert_printed("gs=ffff888000000000");
	/* Zeros lie before it, of which F4h could be a part. */
	assert_printed(
		"    0000000000100000: f4                      hlt\n => 0000000000100001: eb fd ");
	assert_printed("last exits, the oldest first:\n"
		       "  MMIO write 0xfee000f0 width 4 value 0x1ff\n"
		       "  IO write port 0x80 width 1 value 0x55\n"
		       "  HLT\n");
	assert_printed("SPIV\t 0x000001ff APIC enabled");
	print(rig, 0, INFO_QEMU, false);
	assert_not_printed("rax=");
	assert_printed(" => 0000000000100001: eb fd ");
	print(rig, 0, INFO_LINUX, false);
	assert_printed("... APIC SPIV: 000001ff\n");
	print(rig, 1, INFO_QEMU, false);
	assert_printed("CPU #1: waiting for SIPI pc=");
	assert_printed(" apic_id=1\n");
	assert_printed("first:\n  none\n");
	rig_free(rig);
}

static void test_json(void **state)
{
	struct rig *rig = start(false, 1);

	(void)state;
	rig_turns(rig, 0, 3);
	set_registers(rig, 0);
	print(rig, 0, INFO_JSON, false);
	assert_printed("{\"cpu\": 0, \"state\": \"halted\", \"apic_id\": 0, \"rip\": "
		       "\"0x100001\", \"place\": null, \"registers\": {\"rax\": \"0xa\", ");
	assert_printed("\"mode\": 64, \"cpl\": 0}, \"code\": \"ebfd");
	assert_printed("\"exits\": [{\"reason\": \"MMIO\"");
	assert_printed("\"lapic\": {\"id\": 0, \"mode\": \"xapic\"");
	assert_int_equal(printed_text[strlen(printed_text) - 1], '}');
	rig_free(rig);
}

static void test_the_lines_of_info_cpus(void **state)
{
	FILE *to;
	struct rig *rig = start(false, 1);
	struct info_cpu copy;

	(void)state;
	set_registers(rig, 0);
	rig_fake(rig, 0)->regs.rflags = 2;
	info_cpu_take(rig_vcpu(rig, 0), &copy);
	snprintf(copy.place, sizeof(copy.place), "start+0x1 (a.c:3)");
	to = printed_begin();
	info_cpu_line(&copy, INFO_QEMU, to);
	printed_end(to);
	assert_string_equal(printed_text, "CPU #0: running pc=0x0000000000100001 interrupts off "
					  "apic_id=0 start+0x1 (a.c:3)\n");
	to = printed_begin();
	info_cpu_line(&copy, INFO_JSON, to);
	printed_end(to);
	assert_string_equal(printed_text, "{\"cpu\": 0, \"state\": \"running\", \"apic_id\": 0, "
					  "\"rip\": \"0x100001\"}");
	to = printed_begin();
	info_cpu_print(&copy, INFO_JSON, true, to);
	printed_end(to);
	assert_printed("\"place\": \"start+0x1 (a.c:3)\"");
	rig_free(rig);
}

static void test_code_that_is_not_there(void **state)
{
	struct rig *rig = start(false, 1);

	(void)state;
	set_registers(rig, 0);
	rig_fake(rig, 0)->regs.rip = UINT64_C(0xFFFFFFFF80000000);
	print(rig, 0, INFO_QEMU, true);
	assert_printed("    no memory at rip\n");
	/* Nothing before 0. */
	rig_fake(rig, 0)->regs.rip = 2;
	print(rig, 0, INFO_QEMU, true);
	assert_printed(" => 0000000000000002: ");
	rig_free(rig);
}

static void test_what_kvm_does_not_tell(void **state)
{
	struct rig *rig = start(true, 1);

	(void)state;
	rig->kvm.failing_error = EIO;
	rig->kvm.failing_request = KVM_GET_REGS;
	print(rig, 0, INFO_QEMU, true);
	assert_printed("CPU #0: running apic_id=0\nregisters: KVM does not tell\nlast exits");
	print(rig, 0, INFO_JSON, true);
	assert_printed("\"rip\": null");
	assert_printed("\"registers\": null, \"code\": null");
	rig->kvm.failing_request = KVM_GET_LAPIC;
	print(rig, 0, INFO_QEMU, true);
	assert_printed("the Local APIC of CPU 0: KVM does not tell its state\n");
	print(rig, 0, INFO_JSON, true);
	assert_printed("\"apic_id\": null");
	assert_printed("\"lapic\": null}");
	rig_free(rig);
}

static void put(struct fake_vcpu *v, unsigned offset, uint32_t value)
{
	memcpy(v->lapic.regs + offset, &value, sizeof(value));
}

static void test_kvms_own_lapic(void **state)
{
	struct rig *rig = start(true, 1);
	struct fake_vcpu *v = rig_fake(rig, 0);

	(void)state;
	put(v, 0x20, 5u << 24);
	put(v, 0xF0, 0x1EF);
	v->sregs.apic_base = 0xFEE00900;
	v->tsc_deadline = 4711;
	rig->step = 1;
	assert_true(vcpu_kernel_turn(rig_vcpu(rig, 0)));
	print(rig, 0, INFO_QEMU, true);
	assert_printed("CPU 0 (APIC ID 5, xAPIC)\n");
	assert_printed("SPIV\t 0x000001ef APIC enabled, focus=on, spurious vec 239\n");
	assert_printed("tsc_deadline = 4711\n");
	assert_printed("first:\n  IO write port 0x80 width 1 value 0x55\n");
	put(v, 0x20, 300);
	v->sregs.apic_base = 0xFEE00D00;
	print(rig, 0, INFO_QEMU, true);
	assert_printed("CPU 0 (APIC ID 300, x2APIC)\n");
	rig_free(rig);
}

static void dump(struct rig *rig, const struct info_dump_request *request)
{
	FILE *to = printed_begin();

	assert_true(info_dump(&rig->machine, request, to));
	printed_end(to);
}

static void test_a_block_of_the_machine(void **state)
{
	struct rig *rig = start(false, 3);

	(void)state;
	dump(rig, &(struct info_dump_request){.first = -1, .registers_elsewhere = -1});
	assert_printed("CPU #0: running");
	assert_true(strstr(printed_text, "CPU #0") < strstr(printed_text, "CPU #1"));
	assert_true(strstr(printed_text, "CPU #1") < strstr(printed_text, "CPU #2"));
	assert_true(strstr(printed_text, "CPU #2") < strstr(printed_text, "ioapic0: "));
	assert_true(strstr(printed_text, "ioapic0: ") < strstr(printed_text, "pic1: "));
	assert_not_printed("left out");
	dump(rig, &(struct info_dump_request){.cpus = 2, .first = 2, .registers_elsewhere = 2});
	assert_true(strstr(printed_text, "CPU #2") < strstr(printed_text, "CPU #0"));
	assert_true(strstr(printed_text, "CPU #0") < strstr(printed_text, "rax="));
	assert_not_printed("CPU #1");
	assert_printed("1 more CPUs are left out; --dump-state shows all\n");
	dump(rig, &(struct info_dump_request){.first = 1, .registers_elsewhere = -1});
	assert_true(strstr(printed_text, "CPU #1") < strstr(printed_text, "CPU #0"));
	assert_true(strstr(printed_text, "CPU #0") < strstr(printed_text, "CPU #2"));
	dump(rig, &(struct info_dump_request){
			  .format = INFO_JSON, .first = -1, .registers_elsewhere = -1});
	assert_printed("{\"cpus\": [\n{\"cpu\": 0, ");
	assert_printed("},\n{\"cpu\": 1, ");
	assert_printed("],\n\"ioapic\": {");
	assert_printed(",\n\"pic\": [{");
	assert_printed("],\n\"waits\": [");
	assert_printed("]}\n");
	dump(rig, &(struct info_dump_request){
			  .format = INFO_LINUX, .first = -1, .registers_elsewhere = -1});
	assert_printed("printing local APIC contents on CPU#2/2:\n");
	assert_printed("IO APIC #0......\n");
	assert_printed("printing PIC contents\n");
	rig_free(rig);
}

/* A CPU that is left out is there all the same. */
static void test_a_block_knows_who_is_left_out(void **state)
{
	struct rig *rig = start(false, 3);
	struct bus_region region = ioapic_region(&rig->machine.ioapic);
	struct irq_line line = ioapic_input(&rig->machine.ioapic, 17);

	(void)state;
	region.write(region.opaque, 0, 4, 0x10 + 2 * 17 + 1);
	region.write(region.opaque, 0x10, 4, UINT64_C(2) << 24);
	region.write(region.opaque, 0, 4, 0x10 + 2 * 17);
	region.write(region.opaque, 0x10, 4, 0x41);
	irq_line_set(&line, true);
	dump(rig, &(struct info_dump_request){.cpus = 2, .first = -1, .registers_elsewhere = -1});
	assert_not_printed("CPU #2");
	assert_printed("what interrupts wait for:\n");
	assert_printed("I/O APIC pin 17: sends vector 41h to CPU 2, ");
	rig_free(rig);
}

extern const uint8_t vmm_tour_image[], vmm_tour_image_end[];

/* Without libdw there are no names: then there is nothing to compare. */
static void test_a_block_names_places(void **state)
{
	struct rig *rig = start(false, 2);
	const struct image_file tour = {
		.name = "tour",
		.bytes = vmm_tour_image,
		.size = (uintptr_t)vmm_tour_image_end - (uintptr_t)vmm_tour_image,
	};
	const struct info_dump_request request = {
		.first = -1, .registers_elsewhere = -1, .symbols = true};
	uint64_t at = 0x100001;
	char texts[1][SYMBOLS_TEXT];

	(void)state;
	symbols_find(&tour, &at, 1, texts);
	set_registers(rig, 0);
	/* No image given is the tour. */
	rig->options.image = NULL;
	dump(rig, &request);
	assert_printed(texts[0]);
	rig->options.image = rig->image;
	dump(rig, &request);
	if (texts[0][0])
		assert_not_printed(texts[0]);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_of_a_halted_cpu),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_the_lines_of_info_cpus),
		cmocka_unit_test(test_code_that_is_not_there),
		cmocka_unit_test(test_what_kvm_does_not_tell),
		cmocka_unit_test(test_kvms_own_lapic),
		cmocka_unit_test(test_a_block_of_the_machine),
		cmocka_unit_test(test_a_block_knows_who_is_left_out),
		cmocka_unit_test(test_a_block_names_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
