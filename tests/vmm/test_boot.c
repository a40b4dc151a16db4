// SPDX-License-Identifier: BSD-2-Clause
// The processor's first states against the SDM's table and the Multiboot Specification, and the
// tables in RAM as a page walker and a segment load would read them.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>

#include "tests/vmm/image_fixture.h"
#include "vmm/boot.h"

static void assert_flat(const struct boot_segment *s, uint16_t selector, uint8_t type)
{
	assert_int_equal(s->base, 0);
	assert_int_equal(s->limit, 0xFFFFFFFF);
	assert_int_equal(s->selector, selector);
	assert_int_equal(s->type, type);
	assert_int_equal(s->dpl, 0);
	assert_true(s->s && s->present && s->g && !s->unusable);
}

/* The descriptor that a selector names, with its base and limit put together (SDM 3A 3.4.5). */
static void assert_loads_as(struct fixture *f, const struct boot_state *state,
			    const struct boot_segment *s)
{
	uint64_t d;
	uint32_t limit;

	assert_true(s->selector + 7 <= state->gdtr.limit);
	d = fixture_u64(f, state->gdtr.base + s->selector);
	limit = (uint32_t)(d & 0xFFFF) | (uint32_t)(d >> 32 & 0xF0000);
	assert_int_equal(s->g, d >> 55 & 1);
	assert_int_equal(s->limit, s->g ? limit << 12 | 0xFFF : limit);
	assert_int_equal(s->base, (d >> 16 & 0xFFFFFF) | (d >> 56) << 24);
	assert_int_equal(s->type, d >> 40 & 0xF);
	assert_int_equal(s->s, d >> 44 & 1);
	assert_int_equal(s->dpl, d >> 45 & 3);
	assert_int_equal(s->present, d >> 47 & 1);
	assert_int_equal(s->l, d >> 53 & 1);
	assert_int_equal(s->db, d >> 54 & 1);
}

static void assert_protected(const struct boot_state *s)
{
	const struct boot_segment *data[] = {&s->ds, &s->es, &s->fs, &s->gs, &s->ss};

	for (size_t i = 0; i < 5; i++) {
		assert_flat(data[i], 0x10, 3);
		assert_true(data[i]->db);
	}
	assert_true(s->ldtr.unusable);
	assert_true(s->tr.present && !s->tr.s && s->tr.type == 0xB && s->tr.limit >= 0x67);
	assert_int_equal(s->rflags, 2);
	assert_int_equal(s->dr6, 0xFFFF0FF0);
	assert_int_equal(s->dr7, 0x400);
}

static void test_long_mode(void **state)
{
	struct fixture *f = *state;
	struct boot_state s;

	memset(&s, 0xFF, sizeof(s));
	boot_long_mode(&s, 0x123456, 0x7000, 0x7100);
	assert_protected(&s);
	assert_int_equal(s.rax, 0x2BADB002);
	assert_flat(&s.cs, 0x18, 0xB);
	assert_true(s.cs.l && !s.cs.db);
	assert_int_equal(s.cr0, 0x80000011);
	assert_int_equal(s.cr3, 0x9000);
	assert_int_equal(s.cr4, 0x20);
	assert_int_equal(s.efer, 0x500);
	assert_int_equal(s.rip, 0x123456);
	assert_int_equal(s.rbx, 0x7100);
	assert_int_equal(s.rdi, 0x7100);
	assert_int_equal(s.rsi, 0);
	assert_int_equal(s.rdx, 0);
	assert_int_equal(s.idtr.limit, 0);
	assert_int_equal(s.gdtr.base, 0x7000);
	assert_true(boot_write_gdt(&f->ram, 0x7000));
	assert_int_equal(fixture_u64(f, 0x7000), 0);
	assert_loads_as(f, &s, &s.cs);
	assert_loads_as(f, &s, &s.ds);
}

static void test_multiboot_state(void **state)
{
	struct fixture *f = *state;
	struct boot_state s;

	memset(&s, 0xFF, sizeof(s));
	boot_multiboot(&s, 0xFFFFFFF0, 0x20000, 0x20100);
	assert_protected(&s);
	assert_flat(&s.cs, 0x08, 0xB);
	assert_true(!s.cs.l && s.cs.db);
	assert_int_equal(s.cr0, 0x11);
	assert_int_equal(s.cr3, 0);
	assert_int_equal(s.cr4, 0);
	assert_int_equal(s.efer, 0);
	assert_int_equal(s.rip, 0xFFFFFFF0);
	assert_int_equal(s.rbx, 0x20100);
	assert_true(boot_write_gdt(&f->ram, 0x20000));
	assert_loads_as(f, &s, &s.cs);
	assert_loads_as(f, &s, &s.ss);
}

static void test_multiboot2_and_pvh_states(void **state)
{
	struct boot_state one, other;

	(void)state;
	memset(&one, 0xFF, sizeof(one));
	boot_multiboot(&one, 0x123456, 0x20000, 0x20100);
	assert_int_equal(one.rax, 0x2BADB002);
	memset(&other, 0xFF, sizeof(other));
	boot_multiboot2(&other, 0x123456, 0x20000, 0x20100);
	assert_int_equal(other.rax, 0x36D76289);
	other.rax = one.rax;
	assert_memory_equal(&one, &other, sizeof(one));
	memset(&other, 0xFF, sizeof(other));
	boot_pvh(&other, 0x123456, 0x20000, 0x20100);
	assert_int_equal(other.rax, 0);
	other.rax = one.rax;
	assert_memory_equal(&one, &other, sizeof(one));
}

static void test_linux_states(void **state)
{
	struct fixture *f = *state;

	for (unsigned wide = 0; wide < 2; wide++) {
		struct boot_state s;

		memset(&s, 0xFF, sizeof(s));
		if (wide)
			boot_linux64(&s, 0x1000200, 0x7000, 0x7100);
		else
			boot_linux32(&s, 0x1000200, 0x7000, 0x7100);
		assert_flat(&s.cs, 0x10, 0xB);
		assert_flat(&s.ds, 0x18, 3);
		assert_flat(&s.es, 0x18, 3);
		assert_flat(&s.fs, 0x18, 3);
		assert_flat(&s.gs, 0x18, 3);
		assert_flat(&s.ss, 0x18, 3);
		assert_int_equal(s.cs.l, wide);
		assert_int_equal(s.cs.db, !wide);
		assert_int_equal(s.cr0, wide ? 0x80000011 : 0x11);
		assert_int_equal(s.cr3, wide ? 0x9000 : 0);
		assert_int_equal(s.cr4, wide ? 0x20 : 0);
		assert_int_equal(s.efer, wide ? 0x500 : 0);
		assert_int_equal(s.rip, 0x1000200);
		assert_int_equal(s.rsi, 0x7100);
		assert_int_equal(s.rax | s.rbx | s.rdx | s.rdi, 0);
		assert_int_equal(s.rflags, 2);
		assert_true(boot_write_linux_gdt(&f->ram, 0x7000, wide));
		assert_loads_as(f, &s, &s.cs);
		assert_loads_as(f, &s, &s.ds);
		assert_int_equal(fixture_u64(f, 0x7000), 0);
	}
	assert_false(boot_write_linux_gdt(&f->ram, f->ram.size - BOOT_GDT_SIZE + 1, true));
}

static void test_who_follows_firmware(void **state)
{
	struct boot_state s;

	(void)state;
	boot_linux64(&s, 0x1000200, 0x7000, 0x7100);
	assert_true(boot_follows_firmware(&s));
	boot_linux32(&s, 0x1000200, 0x7000, 0x7100);
	assert_true(boot_follows_firmware(&s));
	boot_multiboot(&s, 0x1000200, 0x7000, 0x7100);
	assert_true(boot_follows_firmware(&s));
	boot_multiboot2(&s, 0x1000200, 0x7000, 0x7100);
	assert_true(boot_follows_firmware(&s));
	boot_pvh(&s, 0x1000200, 0x7000, 0x7100);
	assert_true(boot_follows_firmware(&s));
	boot_long_mode(&s, 0x1000200, 0x7000, 0x7100);
	assert_false(boot_follows_firmware(&s));
	boot_reset(&s, 0x806EA);
	assert_false(boot_follows_firmware(&s));
	boot_sipi(&s, 0x806EA, 0, 1);
	assert_false(boot_follows_firmware(&s));
}

static void assert_real(const struct boot_segment *s, uint16_t selector, uint64_t base,
			uint8_t type)
{
	assert_int_equal(s->selector, selector);
	assert_int_equal(s->base, base);
	assert_int_equal(s->limit, 0xFFFF);
	assert_int_equal(s->type, type);
	assert_int_equal(s->dpl, 0);
	assert_true(s->s && s->present && !s->db && !s->l && !s->g && !s->unusable);
}

static void assert_reset_but_for_cs_cr0_rip(const struct boot_state *s)
{
	const struct boot_segment *data[] = {&s->ds, &s->es, &s->fs, &s->gs, &s->ss};

	for (size_t i = 0; i < 5; i++)
		assert_real(data[i], 0, 0, 3);
	assert_true(s->ldtr.present && !s->ldtr.s && s->ldtr.type == 2 && !s->ldtr.unusable);
	assert_true(s->tr.present && !s->tr.s && s->tr.type == 0xB && !s->tr.unusable);
	assert_int_equal(s->ldtr.limit, 0xFFFF);
	assert_int_equal(s->tr.limit, 0xFFFF);
	assert_int_equal(s->gdtr.base | s->idtr.base | s->ldtr.base | s->tr.base, 0);
	assert_int_equal(s->gdtr.limit, 0xFFFF);
	assert_int_equal(s->idtr.limit, 0xFFFF);
	assert_int_equal(s->rflags, 2);
	assert_int_equal(s->rdx, 0x806EA);
	assert_int_equal(s->rax | s->rbx | s->rsi | s->rdi | s->cr3 | s->cr4 | s->efer, 0);
	assert_int_equal(s->dr6, 0xFFFF0FF0);
	assert_int_equal(s->dr7, 0x400);
}

static void test_reset(void **state)
{
	struct boot_state s;

	(void)state;
	memset(&s, 0xFF, sizeof(s));
	boot_reset(&s, 0x806EA);
	assert_reset_but_for_cs_cr0_rip(&s);
	assert_real(&s.cs, 0xF000, 0xFFFF0000, 0xB);
	assert_int_equal(s.rip, 0xFFF0);
	assert_int_equal(s.cr0, 0x60000010);
}

/* Rules: MP-7 */
static void test_init_keeps_cd_and_nw(void **state)
{
	static const struct {
		uint64_t before, after;
	} rows[] = {
		{0x60000010, 0x60000010}, {0x80050033, 0x10},       {0, 0x10},
		{0xC0000001, 0x40000010}, {0x20000000, 0x20000010}, {UINT64_MAX, 0x60000010},
	};
	struct boot_state s;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&s, 0xFF, sizeof(s));
		boot_init(&s, 0x806EA, rows[i].before);
		assert_reset_but_for_cs_cr0_rip(&s);
		assert_int_equal(s.cr0, rows[i].after);
		assert_real(&s.cs, 0xF000, 0xFFFF0000, 0xB);
		assert_int_equal(s.rip, 0xFFF0);
	}
}

/* Rules: MP-1 */
static void test_sipi_starts_at_its_page(void **state)
{
	static const uint8_t vectors[] = {0, 1, 8, 0x7F, 0x9F, 0xFF};
	struct boot_state s;

	(void)state;
	for (size_t i = 0; i < sizeof(vectors); i++) {
		memset(&s, 0xFF, sizeof(s));
		boot_sipi(&s, 0x806EA, 0x80000011, vectors[i]);
		assert_reset_but_for_cs_cr0_rip(&s);
		assert_real(&s.cs, (uint16_t)(vectors[i] * 0x100), vectors[i] * UINT64_C(0x1000),
			    0xB);
		assert_int_equal(s.rip, 0);
		assert_int_equal(s.cr0, 0x10);
	}
}

/* Walks the tables as the processor does (SDM 3A, "4-Level Paging and 5-Level Paging"). */
static bool walk(struct fixture *f, uint64_t cr3, uint64_t linear, uint64_t *physical)
{
	uint64_t table = cr3, entry = 0;

	for (unsigned shift = 39; shift >= 21; shift -= 9) {
		entry = fixture_u64(f, table + (linear >> shift & 0x1FF) * 8);
		if ((entry & 3) != 3)
			return false;
		assert_int_equal(entry >> 63, 0);
		if (entry & 0x80)
			break;
		table = entry & UINT64_C(0xFFFFFFFFFF000);
	}
	assert_int_equal(entry & 0x80, 0x80);
	assert_int_equal(entry & 0x1FE000, 0); /* reserved in a 2 MiB entry */
	*physical = (entry & ~UINT64_C(0x1FFFFF)) | (linear & 0x1FFFFF);
	return true;
}

static void test_page_tables_map_4_gib_to_themselves(void **state)
{
	struct fixture *f = *state;
	uint64_t physical = 0;

	assert_true(boot_write_page_tables(&f->ram));
	for (uint64_t linear = 0; linear < UINT64_C(1) << 32; linear += 0x200000) {
		assert_true(walk(f, 0x9000, linear + 0x1234, &physical));
		assert_int_equal(physical, linear + 0x1234);
	}
	assert_true(walk(f, 0x9000, 0xFEE00020, &physical));
	assert_int_equal(physical, 0xFEE00020);
	assert_false(walk(f, 0x9000, UINT64_C(1) << 32, &physical));
	assert_false(walk(f, 0x9000, UINT64_C(1) << 39, &physical));
	assert_false(walk(f, 0x9000, UINT64_MAX - 7, &physical));
	fixture_ram_is(f, 0x8FFF, FIXTURE_DIRT, 1);
	fixture_ram_is(f, 0xF000, FIXTURE_DIRT, 1);
}

static void test_tables_outside_ram_are_refused(void **state)
{
	struct fixture *f = *state;
	const struct ram none = {.range_count = 0};

	assert_false(boot_write_gdt(&f->ram, f->ram.size - BOOT_GDT_SIZE + 1));
	fixture_ram_is(f, f->ram.size - BOOT_GDT_SIZE, FIXTURE_DIRT, BOOT_GDT_SIZE);
	assert_true(boot_write_gdt(&f->ram, f->ram.size - BOOT_GDT_SIZE));
	assert_false(boot_write_gdt(&f->ram, UINT64_MAX));
	assert_false(boot_write_page_tables(&none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_long_mode, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_multiboot_state, fixture_setup,
						fixture_teardown),
		cmocka_unit_test(test_multiboot2_and_pvh_states),
		cmocka_unit_test_setup_teardown(test_linux_states, fixture_setup, fixture_teardown),
		cmocka_unit_test(test_who_follows_firmware),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_init_keeps_cd_and_nw),
		cmocka_unit_test(test_sipi_starts_at_its_page),
		cmocka_unit_test_setup_teardown(test_page_tables_map_4_gib_to_themselves,
						fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_tables_outside_ram_are_refused, fixture_setup,
						fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
