// SPDX-License-Identifier: BSD-2-Clause
// What the loader's tests share: 16 MiB of RAM that is not zero, and one load with its outcome.
// No image: image_build.h makes those.
#ifndef TESTS_VMM_IMAGE_FIXTURE_H
#define TESTS_VMM_IMAGE_FIXTURE_H

#include "tests/vmm/image_build.h"
#include "vmm/image.h"

/* As a page table entry it would be present. */
enum { FIXTURE_DIRT = 0xAB };

struct fixture {
	struct ram ram;
	struct image_request request;
	struct boot_state state;
	struct image_error error;
	struct image_build build;
};

/* cmocka's setup and teardown: *state is a struct fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Loads what stands in f->build under the name "img", with the rest of f->request as it is. */
int fixture_load(struct fixture *f);

/* Fails the test unless the load is refused with this kind and a text that has each phrase. */
void fixture_refused(struct fixture *f, enum image_error_kind kind, const char *phrase,
		     const char *phrase2);

/* Fails the test unless RAM holds count bytes of value from gpa. */
void fixture_ram_is(struct fixture *f, uint64_t gpa, uint8_t value, size_t count);

/* A field of guest RAM; the test fails where there is none. */
uint32_t fixture_u32(struct fixture *f, uint64_t gpa);
uint64_t fixture_u64(struct fixture *f, uint64_t gpa);
const char *fixture_string(struct fixture *f, uint64_t gpa);

#endif
