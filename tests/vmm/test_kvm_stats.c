// SPDX-License-Identifier: BSD-2-Clause
// KVM's binary statistics as a file that a test writes: whole, odd and broken.
// Not what a host counts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <linux/kvm.h>

#include "vmm/kvm_stats.h"

#define NAME 32u
#define DATA 4096u

static struct {
	int fd, closed, error;
} fake;
static uint64_t interrupts, nmis;

static int give(void *opaque, int fd, unsigned long request, void *arg)
{
	(void)opaque;
	(void)arg;
	assert_int_equal(fd, 42);
	assert_int_equal(request, KVM_GET_STATS_FD);
	return fake.error ? fake.error : dup(fake.fd);
}

static void take_back(void *opaque, int fd)
{
	(void)opaque;
	fake.closed++;
	close(fd);
}

static const struct kvm_calls kvm = {.ioctl = give, .close = take_back};

static void put(const void *bytes, size_t size, off_t offset)
{
	assert_int_equal(pwrite(fake.fd, bytes, size, offset), size);
}

static void put_header(uint32_t rows, uint32_t name_size)
{
	const struct kvm_stats_header header = {.name_size = name_size,
						.num_desc = rows,
						.desc_offset = sizeof(header),
						.data_offset = DATA};

	put(&header, sizeof(header), 0);
}

static void put_row(unsigned n, const char *name, uint32_t offset, uint64_t value)
{
	union {
		struct kvm_stats_desc row;
		char bytes[sizeof(struct kvm_stats_desc) + NAME];
	} u = {.row = {.size = 1, .offset = offset}};

	memcpy(u.bytes + sizeof(u.row), name, strlen(name));
	put(&u, sizeof(u.bytes), (off_t)(sizeof(struct kvm_stats_header) + n * sizeof(u.bytes)));
	put(&value, sizeof(value), (off_t)(DATA + offset));
}

static int setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	fake.fd = memfd_create("stats", 0);
	put_header(4, NAME);
	put_row(0, "irq_injections_of_old", 0, 1);
	put_row(1, "nmi_injections", 8, 7);
	put_row(2, "exits", 24, 99);
	put_row(3, "irq_injections", 16, 1000);
	interrupts = nmis = 5;
	return fake.fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	close(fake.fd);
	return 0;
}

static void counts_are_added(void **state)
{
	(void)state;
	assert_true(kvm_stats_add(&kvm, 42, &interrupts, &nmis));
	assert_int_equal(interrupts, 1005);
	assert_int_equal(nmis, 12);
	assert_true(kvm_stats_add(&kvm, 42, &interrupts, &nmis));
	assert_int_equal(interrupts, 2005);
	assert_int_equal(fake.closed, 2);
}

static void refused(void)
{
	assert_false(kvm_stats_add(&kvm, 42, &interrupts, &nmis));
	assert_int_equal(interrupts, 5);
	assert_int_equal(nmis, 5);
}

static void a_host_that_does_not_count(void **state)
{
	(void)state;
	put_row(1, "nmi_injectionz", 8, 7);
	refused();
	put_row(1, "nmi_injections", 8, 7);
	put_header(3, NAME);
	refused();
	assert_int_equal(fake.closed, 2);
	fake.error = -25;
	refused();
	assert_int_equal(fake.closed, 2);
}

static void a_broken_table_is_no_table(void **state)
{
	(void)state;
	put_header(UINT32_MAX, NAME);
	refused();
	put_header(4, 0);
	refused();
	put_header(4, UINT32_MAX);
	refused();
	put_header(4, NAME);
	put_row(3, "irq_injections", 16, 1);
	assert_int_equal(ftruncate(fake.fd, DATA + 20), 0);
	refused();
	assert_int_equal(ftruncate(fake.fd, 100), 0);
	refused();
	assert_int_equal(ftruncate(fake.fd, 3), 0);
	refused();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(counts_are_added),
		TEST(a_host_that_does_not_count),
		TEST(a_broken_table_is_no_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
