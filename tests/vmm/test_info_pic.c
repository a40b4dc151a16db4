// SPDX-License-Identifier: BSD-2-Clause
// The 8259As as they are printed, three ways, and that looking changes nothing.
// The devices are real.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "tests/vmm/printed.h"
#include "vmm/info_pic.h"

static struct i8259 pic;

static void put(struct bus_region region, unsigned offset, unsigned value)
{
	region.write(region.opaque, offset, 1, value);
}

static void start(struct bus_region chip, unsigned base, unsigned wiring, unsigned icw4)
{
	put(chip, 0, 0x11);
	put(chip, 1, base);
	put(chip, 1, wiring);
	put(chip, 1, icw4);
}

static int setup(void **state)
{
	struct irq_line line;

	(void)state;
	i8259_init(&pic, (struct irq_line){0}, false);
	start(i8259_master_region(&pic), 0x30, 4, 0x11);
	start(i8259_slave_region(&pic), 0x38, 2, 0x01);
	put(i8259_master_region(&pic), 1, 0xB8);
	put(i8259_slave_region(&pic), 1, 0x8F);
	put(i8259_elcr_region(&pic), 1, 0x0C);
	line = i8259_input(&pic, 1);
	irq_line_set(&line, true);
	assert_int_equal(i8259_intack(&pic), 0x31);
	line = i8259_input(&pic, 6);
	irq_line_set(&line, true);
	/* Rotation: IR3 comes last; and the even port reads ISR. */
	put(i8259_master_region(&pic), 0, 0xC3);
	put(i8259_master_region(&pic), 0, 0x0B);
	return 0;
}

static void print(enum info_format format)
{
	FILE *to;
	struct i8259 before = pic;

	to = printed_begin();
	info_pic_print(&pic, format, to);
	printed_end(to);
	assert_memory_equal(&before, &pic, sizeof(pic));
}

static void test_qemu(void **state)
{
	(void)state;
	print(INFO_QEMU);
	assert_string_equal(
		printed_text,
		"pic1: irr=00 imr=8f isr=00 hprio=0 irq_base=38 rr_sel=0 elcr=0c fnm=0\n"
		"pic0: irr=40 imr=b8 isr=02 hprio=4 irq_base=30 rr_sel=1 elcr=00 fnm=1\n");
}

static void test_linux(void **state)
{
	(void)state;
	print(INFO_LINUX);
	assert_string_equal(printed_text, "printing PIC contents\n"
					  "... PIC  IMR: 8fb8\n"
					  "... PIC  IRR: 0040\n"
					  "... PIC  ISR: 0002\n"
					  "... PIC ELCR: 0c00\n");
}

static void test_json(void **state)
{
	(void)state;
	print(INFO_JSON);
	assert_string_equal(
		printed_text,
		"[{\"irr\": 64, \"imr\": 184, \"isr\": 2, \"first\": 4, \"base\": 48, "
		"\"reads_isr\": true, \"elcr\": 0, \"special_fully_nested\": true}, "
		"{\"irr\": 0, \"imr\": 143, \"isr\": 0, \"first\": 0, \"base\": 56, "
		"\"reads_isr\": false, \"elcr\": 12, \"special_fully_nested\": false}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_qemu, setup),
		cmocka_unit_test_setup(test_linux, setup),
		cmocka_unit_test_setup(test_json, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
