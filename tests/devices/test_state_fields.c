// SPDX-License-Identifier: BSD-2-Clause
// Every byte of every device's struct is saved and loaded, or is named here as given at its making.
// Not what states mean: a new field that X_state() forgets fails here, whatever it is for.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "devices/acpi_pm.h"
#include "devices/cmos.h"
#include "devices/fw_cfg.h"
#include "devices/hpet.h"
#include "devices/i8042.h"
#include "devices/i8254.h"
#include "devices/i8259.h"
#include "devices/ioapic.h"
#include "devices/irq_wire.h"
#include "devices/pci_host.h"
#include "devices/reset_port.h"
#include "devices/state.h"
#include "devices/test_lines.h"
#include "devices/test_messages.h"
#include "devices/test_ports.h"
#include "devices/uart16550.h"
#include "devices/vga_text.h"

/* Which bytes of a struct are not padding, only gcc can say. */
#if defined(__has_builtin)
# if __has_builtin(__builtin_clear_padding)
#  define CLEAR_PADDING(object) __builtin_clear_padding(object)
# endif
#endif

#define LONG_ARRAY 4096u

struct range {
	size_t at, size;
};

#define GIVEN(type, member)                                                                        \
 {                                                                                                 \
  offsetof(type, member), sizeof(((type *)0)->member)                                              \
 }

typedef void walk_fn(void *device, struct state *s);

static size_t save(walk_fn *walk, void *device, uint8_t **bytes)
{
	struct state count = {0}, s = {0};

	walk(device, &count);
	*bytes = malloc(count.used);
	assert_non_null(*bytes);
	s.to = *bytes;
	s.size = count.used;
	walk(device, &s);
	assert_false(s.bad);
	assert_int_equal(s.used, count.used);
	return s.used;
}

static bool is_given(const struct range *given, size_t byte)
{
	for (; given->size; given++)
		if (byte >= given->at && byte < given->at + given->size)
			return true;
	return false;
}

/* All zeros but for one bit: it is saved, and a load brings it back. */
static void check_byte(walk_fn *walk, size_t size, size_t byte, const uint8_t *zeros, size_t used)
{
	uint8_t *one = calloc(1, size), *loaded = calloc(1, size), *bytes;
	struct state s = {0};

	assert_non_null(one);
	assert_non_null(loaded);
	one[byte] = 1;
	assert_int_equal(save(walk, one, &bytes), used);
	if (memcmp(bytes, zeros, used) == 0)
		fail_msg("byte %zu of %zu is not saved", byte, size);
	s.from = bytes;
	s.size = used;
	walk(loaded, &s);
	assert_false(s.bad);
	if (memcmp(one, loaded, size) != 0)
		fail_msg("byte %zu of %zu is not loaded", byte, size);
	free(bytes);
	free(one);
	free(loaded);
}

/* filled: ones but for the padding. Of a long array some bytes will do. */
static void check_fields(walk_fn *walk, size_t size, const uint8_t *filled,
			 const struct range *given)
{
	uint8_t *zero = calloc(1, size), *zeros;
	size_t used, checked = 0;

	assert_non_null(zero);
	used = save(walk, zero, &zeros);
	for (size_t byte = 0; byte < size; byte++) {
		if (!filled[byte] || is_given(given, byte))
			continue;
		checked++;
		if (byte < LONG_ARRAY || byte % 499 == 0)
			check_byte(walk, size, byte, zeros, used);
	}
	/* And nothing else is in there. */
	assert_int_equal(checked, used);
	free(zeros);
	free(zero);
}

#ifdef CLEAR_PADDING
/* gcc 12 errs in all but the last of several arrays of structs: those are cleared by their
 * elements.
 */
# define CLEAR_ELEMENTS(array)                                                                     \
  do {                                                                                             \
   memset(array, 0xFF, sizeof(array));                                                             \
   for (unsigned i_ = 0; i_ < sizeof(array) / sizeof((array)[0]); i_++)                            \
    CLEAR_PADDING(&(array)[i_]);                                                                   \
  } while (0)

# define FIELDS(device, elements, ...)                                                             \
  static void walk_##device(void *opaque, struct state *s)                                         \
  {                                                                                                \
   device##_state(opaque, s);                                                                      \
  }                                                                                                \
  static void test_##device(void **state)                                                          \
  {                                                                                                \
   static struct device filled;                                                                    \
   const struct range given[] = {__VA_ARGS__, {0, 0}};                                             \
                                                                                                   \
   (void)state;                                                                                    \
   memset(&filled, 0xFF, sizeof(filled));                                                          \
   CLEAR_PADDING(&filled);                                                                         \
   elements;                                                                                       \
   check_fields(walk_##device, sizeof(filled), (const uint8_t *)&filled, given);                   \
  }
#else
# define FIELDS(device, elements, ...)                                                             \
  static void test_##device(void **state)                                                          \
  {                                                                                                \
   (void)state;                                                                                    \
   (void)check_fields;                                                                             \
   skip();                                                                                         \
  }
#endif
#define NONE (void)0

FIELDS(acpi_pm, NONE, GIVEN(struct acpi_pm, ops), GIVEN(struct acpi_pm, opaque),
       GIVEN(struct acpi_pm, sci), GIVEN(struct acpi_pm, wide))
FIELDS(cmos, NONE, GIVEN(struct cmos, ops), GIVEN(struct cmos, opaque), GIVEN(struct cmos, irq))
FIELDS(fw_cfg, NONE, GIVEN(struct fw_cfg, items), GIVEN(struct fw_cfg, item_count),
       GIVEN(struct fw_cfg, ram_size), GIVEN(struct fw_cfg, cpus), GIVEN(struct fw_cfg, max_cpus))
FIELDS(hpet, CLEAR_ELEMENTS(filled.timers), GIVEN(struct hpet, ops), GIVEN(struct hpet, opaque),
       GIVEN(struct hpet, lines))
FIELDS(i8042, NONE, GIVEN(struct i8042, ops), GIVEN(struct i8042, opaque),
       GIVEN(struct i8042, irq1), GIVEN(struct i8042, irq12))
FIELDS(i8254, NONE, GIVEN(struct i8254, ops), GIVEN(struct i8254, opaque), GIVEN(struct i8254, irq),
       GIVEN(struct i8254, floor))
FIELDS(i8259, NONE, GIVEN(struct i8259, intr), GIVEN(struct i8259, keep_edges),
       GIVEN(struct i8259, master.master), GIVEN(struct i8259, slave.master))
FIELDS(ioapic, NONE, GIVEN(struct ioapic, ops), GIVEN(struct ioapic, opaque),
       GIVEN(struct ioapic, flags))
FIELDS(irq_wire, NONE, GIVEN(struct irq_wire, ends))
FIELDS(pci_host, NONE, GIVEN(struct pci_host, reset))
FIELDS(reset_port, NONE, GIVEN(struct reset_port, reset), GIVEN(struct reset_port, opaque))
FIELDS(test_lines, NONE, GIVEN(struct test_lines, lines))
FIELDS(test_messages, NONE, GIVEN(struct test_messages, ops), GIVEN(struct test_messages, opaque))
FIELDS(test_ports, NONE, GIVEN(struct test_ports, ops), GIVEN(struct test_ports, opaque))
FIELDS(uart16550, NONE, GIVEN(struct uart16550, ops), GIVEN(struct uart16550, opaque),
       GIVEN(struct uart16550, irq))
FIELDS(vga_text, NONE, GIVEN(struct vga_text, caller_memory))

/* Text in the guest's RAM is saved with that. */
static void test_text_in_ram_is_not_saved_twice(void **state)
{
	static struct vga_text dev;
	static uint8_t ram[VGA_TEXT_MEMORY_SIZE];
	struct state own = {0}, ours = {0};

	(void)state;
	vga_text_init(&dev, NULL);
	vga_text_state(&dev, &own);
	vga_text_init(&dev, ram);
	vga_text_state(&dev, &ours);
	assert_int_equal(own.used - ours.used, VGA_TEXT_MEMORY_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_acpi_pm),
		cmocka_unit_test(test_cmos),
		cmocka_unit_test(test_fw_cfg),
		cmocka_unit_test(test_hpet),
		cmocka_unit_test(test_i8042),
		cmocka_unit_test(test_i8254),
		cmocka_unit_test(test_i8259),
		cmocka_unit_test(test_ioapic),
		cmocka_unit_test(test_irq_wire),
		cmocka_unit_test(test_pci_host),
		cmocka_unit_test(test_reset_port),
		cmocka_unit_test(test_test_lines),
		cmocka_unit_test(test_test_messages),
		cmocka_unit_test(test_test_ports),
		cmocka_unit_test(test_uart16550),
		cmocka_unit_test(test_vga_text),
		cmocka_unit_test(test_text_in_ram_is_not_saved_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
