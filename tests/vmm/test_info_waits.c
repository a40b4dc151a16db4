// SPDX-License-Identifier: BSD-2-Clause
// What is said of interrupts that wait: each place where one can be held back, and silence
// elsewhere. The devices are real; the processors are copies written by hand.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/vmm/printed.h"
#include "vmm/info_waits.h"

#define VECTOR 0x44u
#define MASKED 0x10000u

static struct ioapic ioapic;
static struct i8259 pic;
static struct info_cpu cpus[2];
static bool taken;

static bool send(void *opaque, const struct ioapic_message *message)
{
	(void)opaque;
	(void)message;
	return taken;
}

static const struct ioapic_ops ops = {.send = send};

static void put_entry(unsigned pin, uint32_t low, unsigned dest)
{
	struct bus_region region = ioapic_region(&ioapic);

	region.write(region.opaque, 0, 4, 0x10 + 2 * pin);
	region.write(region.opaque, 0x10, 4, low);
	region.write(region.opaque, 0, 4, 0x11 + 2 * pin);
	region.write(region.opaque, 0x10, 4, (uint64_t)dest << 24);
}

static void put_pic(struct bus_region region, unsigned offset, unsigned value)
{
	region.write(region.opaque, offset, 1, value);
}

static void start_pic(unsigned master_imr, unsigned slave_imr)
{
	const unsigned master[] = {0x11, 0x20, 4, 1}, slave[] = {0x11, 0x28, 2, 1};

	for (unsigned i = 0; i < 4; i++) {
		put_pic(i8259_master_region(&pic), i != 0, master[i]);
		put_pic(i8259_slave_region(&pic), i != 0, slave[i]);
	}
	put_pic(i8259_master_region(&pic), 1, master_imr);
	put_pic(i8259_slave_region(&pic), 1, slave_imr);
}

/* As a device's wire: to both controllers. */
static void pull_up(unsigned irq, unsigned pin)
{
	struct irq_line to_pic = i8259_input(&pic, irq), to_pin = ioapic_input(&ioapic, pin);

	irq_line_set(&to_pic, true);
	irq_line_set(&to_pin, true);
}

static void put_reg(struct info_cpu *c, unsigned offset, uint32_t value)
{
	for (unsigned i = 0; i < 4; i++)
		c->lapic.image[offset + i] = (uint8_t)(value >> 8 * i);
}

static void put_bit(struct info_cpu *c, unsigned set, unsigned vector)
{
	put_reg(c, set + vector / 32 * 16, 1u << vector % 32);
}

static int setup(void **state)
{
	(void)state;
	taken = true;
	ioapic_init(&ioapic, &ops, NULL, 0);
	i8259_init(&pic, (struct irq_line){0}, false);
	for (unsigned i = 0; i < 2; i++) {
		struct info_cpu *c = &cpus[i];

		*c = (struct info_cpu){.cpu = i, .state = VCPU_HALTED};
		c->registers.known = true;
		c->registers.rflags = 0x202;
		c->lapic.known = true;
		c->lapic.id = i;
		c->lapic.apic_base = 0xFEE00800;
		put_reg(c, 0x0E0, 0xFFFFFFFF);
		put_reg(c, 0x0F0, 0x1FF);
		put_reg(c, 0x320, MASKED);
		put_reg(c, 0x350, MASKED);
	}
	return 0;
}

static void print_as(enum info_format format, unsigned count)
{
	FILE *to = printed_begin();

	info_waits_print(cpus, count, &ioapic, &pic, format, to);
	printed_end(to);
}

static void print(void)
{
	print_as(INFO_QEMU, 2);
}

#define assert_says(sentence)                                                                      \
 do {                                                                                              \
  print();                                                                                         \
  assert_string_equal(printed_text, "what interrupts wait for:\n  " sentence "\n");                \
 } while (0)

#define assert_says_nothing()                                                                      \
 do {                                                                                              \
  print();                                                                                         \
  assert_string_equal(printed_text, "");                                                           \
 } while (0)

static void test_nothing_waits(void **state)
{
	(void)state;
	assert_says("nothing: no line is raised and no vector is pending");
	cpus[1].state = VCPU_WAITS_FOR_SIPI;
	assert_says("nothing: no line is raised and no vector is pending");
	cpus[0].state = VCPU_RUNNING;
	assert_says_nothing();
}

static void test_json(void **state)
{
	(void)state;
	cpus[0].state = VCPU_RUNNING;
	print_as(INFO_JSON, 2);
	assert_string_equal(printed_text, "[]");
	put_bit(&cpus[0], 0x200, VECTOR);
	put_reg(&cpus[0], 0x080, 0x4F);
	put_bit(&cpus[0], 0x100, 0x51);
	print_as(INFO_JSON, 2);
	assert_string_equal(printed_text,
			    "[\"CPU 0: vector 44h waits in IRR, as vector 51h is in service and "
			    "has had no EOI\", "
			    "\"CPU 0: vector 44h waits in IRR, as TPR is 4Fh and holds it back\"]");
}

static void test_halted_with_interrupts_off(void **state)
{
	(void)state;
	cpus[1].state = VCPU_RUNNING;
	cpus[1].registers.rflags = 2;
	assert_says_nothing();
	cpus[1].state = VCPU_WAITS_FOR_SIPI;
	put_reg(&cpus[1], 0x380, 1000);
	cpus[0].registers.rflags = 2;
	assert_says("CPU 0: halted with interrupts off (IF=0), so that only an NMI, SMI or INIT "
		    "wakes it");
	cpus[0].registers.known = false;
	assert_says("nothing: no line is raised and no vector is pending");
}

static void test_vector_in_irr(void **state)
{
	struct info_cpu *c = &cpus[1];

	(void)state;
	c->state = VCPU_RUNNING;
	put_bit(c, 0x200, VECTOR);
	assert_says_nothing();
	put_reg(c, 0x080, 0x3F);
	put_bit(c, 0x100, 0x3F);
	assert_says_nothing();
	c->registers.rflags = 2;
	assert_says("CPU 1: vector 44h waits in IRR, as interrupts are off (IF=0)");
	c->registers.rflags = 0x202;
	put_reg(c, 0x080, 0x40);
	assert_says("CPU 1: vector 44h waits in IRR, as TPR is 40h and holds it back");
	put_reg(c, 0x080, 0);
	put_bit(c, 0x100, 0x41); /* the same class is enough */
	assert_says("CPU 1: vector 44h waits in IRR, as vector 41h is in service and has had no "
		    "EOI");
	c->lapic.apic_base = 0xFEE00000;
	assert_says_nothing();
}

static void test_masked_timer_of_the_lapic(void **state)
{
	(void)state;
	cpus[0].state = VCPU_RUNNING;
	put_reg(&cpus[0], 0x380, 1000);
	assert_says("CPU 0: its LAPIC timer is set, but masked in LVTT");
	put_reg(&cpus[0], 0x320, 0x31);
	assert_says_nothing();
	put_reg(&cpus[0], 0x380, 0);
	put_reg(&cpus[0], 0x320, MASKED | 0x40031);
	cpus[0].lapic.tsc_deadline = 1;
	assert_says("CPU 0: its LAPIC timer is set, but masked in LVTT");
}

static void test_masked_twice(void **state)
{
	(void)state;
	pull_up(4, 4);
	assert_says("IRQ 4: its line is raised, but the 8259 has had no ICW1, and pin 4 of the "
		    "I/O APIC is masked");
	start_pic(0x10, 0xFF);
	pull_up(4, 4);
	assert_says("IRQ 4: its line is raised, but masked in the 8259 and at pin 4 of the I/O "
		    "APIC");
	cpus[0].state = VCPU_RUNNING;
	put_reg(&cpus[0], 0x350, 0x700);
	put_pic(i8259_master_region(&pic), 1, 0xEF);
	assert_says_nothing();
}

static void test_slave_behind_a_masked_cascade(void **state)
{
	(void)state;
	start_pic(0x04, 0x00);
	pull_up(11, 11);
	assert_says("IRQ 11: its line is raised, but masked in the 8259 and at pin 11 of the I/O "
		    "APIC");
}

/* Polarity, say, may keep the I/O APIC from seeing what the 8259 sees. */
static void test_what_the_8259_alone_sees(void **state)
{
	struct irq_line line = i8259_input(&pic, 11);

	(void)state;
	irq_line_set(&line, true);
	assert_says("IRQ 11: its line is raised, but the 8259 has had no ICW1, and pin 11 of the "
		    "I/O APIC is masked");
	cpus[0].state = VCPU_RUNNING;
	put_entry(11, VECTOR, 7);
	assert_says_nothing();
}

static void test_pins_without_an_irq(void **state)
{
	struct irq_line line = ioapic_input(&ioapic, 17);

	(void)state;
	start_pic(0, 0);
	irq_line_set(&line, true);
	assert_says("I/O APIC pin 17: its line is raised, and the pin is masked");
}

static void test_destination_that_is_nobody(void **state)
{
	(void)state;
	put_entry(4, VECTOR, 7);
	pull_up(4, 4);
	assert_says("I/O APIC pin 4: sends vector 44h to APIC ID 07h, and no CPU is that");
	put_entry(4, 0x800 | VECTOR, 1);
	assert_says("I/O APIC pin 4: sends vector 44h to logical destination 01h, and no CPU is "
		    "that");
	cpus[0].state = VCPU_RUNNING;
	put_bit(&cpus[0], 0x200, VECTOR);
	put_reg(&cpus[0], 0x0D0, 0x01000000);
	assert_says_nothing();
	put_entry(4, VECTOR, 0xFF);
	assert_says_nothing();
	/* Clusters are not looked into. */
	put_reg(&cpus[0], 0x0D0, 0);
	put_entry(4, 0x800 | VECTOR, 1);
	put_reg(&cpus[0], 0x0E0, 0x0FFFFFFF);
	assert_says_nothing();
	put_reg(&cpus[0], 0x0E0, 0xFFFFFFFF);
	cpus[1].lapic.apic_base = 0xFEE00C00;
	put_bit(&cpus[1], 0x100, VECTOR);
	assert_says_nothing();
	/* In x2APIC mode FFh is no broadcast. */
	cpus[0].lapic.apic_base = 0xFEE00C00;
	put_entry(4, VECTOR, 0xFF);
	assert_says("I/O APIC pin 4: sends vector 44h to APIC ID FFh, and no CPU is that");
	/* What is not known is not accused. */
	put_entry(4, VECTOR, 7);
	cpus[0].lapic.known = false;
	assert_says_nothing();
}

static void test_destination_that_is_deaf(void **state)
{
	(void)state;
	put_entry(4, VECTOR, 1);
	pull_up(4, 4);
	put_reg(&cpus[1], 0x0F0, 0xFF);
	assert_says("I/O APIC pin 4: sends vector 44h to CPU 1, whose Local APIC is disabled (SVR "
		    "bit 8 is 0)");
	put_reg(&cpus[1], 0x0F0, 0x1FF);
	cpus[1].lapic.apic_base = 0xFEE00000;
	assert_says("I/O APIC pin 4: sends vector 44h to CPU 1, whose Local APIC is disabled (SVR "
		    "bit 8 is 0)");
	cpus[1].state = VCPU_WAITS_FOR_SIPI;
	assert_says("I/O APIC pin 4: sends vector 44h to CPU 1, which waits for a SIPI");
}

static void test_edge_that_has_passed(void **state)
{
	(void)state;
	put_entry(4, VECTOR, 1);
	pull_up(4, 4);
	assert_says("I/O APIC pin 4: its line is high and stays so, and an edge-triggered pin "
		    "sends only when it rises; let the device take its request back first");
	cpus[1].state = VCPU_RUNNING;
	put_bit(&cpus[1], 0x100, VECTOR);
	assert_says_nothing();
	/* The 8254's output is high most of the time. */
	setup(NULL);
	cpus[0].state = VCPU_RUNNING;
	put_entry(2, VECTOR, 1);
	pull_up(0, 2);
	assert_says_nothing();
}

static void test_level_that_waits_for_its_eoi(void **state)
{
	(void)state;
	put_entry(9, 0x8000 | VECTOR, 1);
	pull_up(9, 9);
	assert_says("I/O APIC pin 9: waits for an EOI of vector 44h (remote IRR is set)");
	put_entry(9, 5, 1);
	assert_says("I/O APIC pin 9: has vector 05h, and no Local APIC takes one below 10h");
	cpus[0].state = VCPU_RUNNING;
	put_entry(9, 0x400, 1);
	assert_says_nothing();
	/* Sent again by itself when somebody can take it. */
	taken = false;
	put_entry(9, 0x8000 | VECTOR, 1);
	assert_says_nothing();
}

static void test_intr(void **state)
{
	(void)state;
	start_pic(0, 0xFF);
	pull_up(0, 2);
	assert_says("8259: asks CPU 0 by LINT0, which is masked there; SVR 1FFh and LVT0 700h let "
		    "it through");
	put_reg(&cpus[0], 0x350, 0x31);
	assert_says("8259: asks CPU 0 by LINT0, which is not ExtINT there; LVT0 700h makes it so");
	cpus[0].state = VCPU_RUNNING;
	put_reg(&cpus[0], 0x350, 0x700);
	assert_says_nothing();
	cpus[0].registers.rflags = 2;
	assert_says("8259: asks CPU 0, where interrupts are off (IF=0)");
	put_reg(&cpus[0], 0x350, MASKED);
	cpus[0].registers.rflags = 0x202;
	put_entry(0, 0x700, 0);
	assert_says_nothing();
	put_entry(0, MASKED, 0);
	cpus[0].lapic.apic_base = 0xFEE00000;
	assert_says_nothing();
	cpus[0].lapic.known = false;
	cpus[0].registers.rflags = 2;
	assert_says_nothing();
}

static void test_pic_without_its_eoi(void **state)
{
	(void)state;
	cpus[0].state = VCPU_RUNNING;
	start_pic(0, 0);
	pull_up(3, 3);
	assert_int_equal(i8259_intack(&pic), 0x23);
	assert_says_nothing();
	put_reg(&cpus[0], 0x350, 0x700);
	put_pic(i8259_master_region(&pic), 1, 0x20);
	put_entry(5, VECTOR, 0);
	put_bit(&cpus[0], 0x100, VECTOR);
	pull_up(5, 5);
	assert_says_nothing();
	put_pic(i8259_master_region(&pic), 1, 0);
	assert_says("8259: a request waits, as IRQ 3 is in service and has had no EOI");
	pull_up(1, 1);
	assert_says_nothing();
	assert_int_equal(i8259_intack(&pic), 0x21);
	put_pic(i8259_master_region(&pic), 0, 0x20);
	put_pic(i8259_master_region(&pic), 0, 0x20);
	assert_says_nothing();
	pull_up(10, 10);
	assert_int_equal(i8259_intack(&pic), 0x2A);
	pull_up(12, 12);
	print();
	assert_printed("8259: a request waits, as IRQ 10 is in service and has had no EOI\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_nothing_waits, setup),
		cmocka_unit_test_setup(test_json, setup),
		cmocka_unit_test_setup(test_halted_with_interrupts_off, setup),
		cmocka_unit_test_setup(test_vector_in_irr, setup),
		cmocka_unit_test_setup(test_masked_timer_of_the_lapic, setup),
		cmocka_unit_test_setup(test_masked_twice, setup),
		cmocka_unit_test_setup(test_slave_behind_a_masked_cascade, setup),
		cmocka_unit_test_setup(test_what_the_8259_alone_sees, setup),
		cmocka_unit_test_setup(test_pins_without_an_irq, setup),
		cmocka_unit_test_setup(test_destination_that_is_nobody, setup),
		cmocka_unit_test_setup(test_destination_that_is_deaf, setup),
		cmocka_unit_test_setup(test_edge_that_has_passed, setup),
		cmocka_unit_test_setup(test_level_that_waits_for_its_eoi, setup),
		cmocka_unit_test_setup(test_intr, setup),
		cmocka_unit_test_setup(test_pic_without_its_eoi, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
