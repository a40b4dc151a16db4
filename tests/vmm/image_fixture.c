// SPDX-License-Identifier: BSD-2-Clause
// The loader tests' RAM, loads and looks into RAM.
// No test of its own.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/vmm/image_fixture.h"

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char why[200];

	assert_non_null(f);
	assert_int_equal(ram_create(&f->ram, 16 * RAM_MIB, why, sizeof(why)), RAM_OK);
	/* Leftovers, so that what the loader must clear shows. */
	memset(f->ram.ranges[0].host, FIXTURE_DIRT, f->ram.size);
	f->request.image.name = "img";
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	ram_destroy(&f->ram);
	free(f);
	return 0;
}

int fixture_load(struct fixture *f)
{
	/* An exact copy, so that a read behind the file's end is one behind an allocation. */
	uint8_t *copy = malloc(f->build.size > 0 ? f->build.size : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, f->build.bytes, f->build.size);
	f->request.image.bytes = copy;
	f->request.image.size = f->build.size;
	f->error.text[0] = '\0';
	result = image_load(&f->request, &f->ram, &f->state, &f->error);
	free(copy);
	return result;
}

void fixture_refused(struct fixture *f, enum image_error_kind kind, const char *phrase,
		     const char *phrase2)
{
	assert_int_equal(fixture_load(f), -1);
	assert_int_equal(f->error.kind, kind);
	if (!strstr(f->error.text, phrase) || !strstr(f->error.text, phrase2))
		fail_msg("'%s' and '%s' expected in: %s", phrase, phrase2, f->error.text);
}

void fixture_ram_is(struct fixture *f, uint64_t gpa, uint8_t value, size_t count)
{
	const uint8_t *host = ram_at(&f->ram, gpa, count);

	assert_non_null(host);
	for (size_t i = 0; i < count; i++)
		if (host[i] != value)
			fail_msg("%02Xh at %llXh, not %02Xh", host[i],
				 (unsigned long long)(gpa + i), value);
}

uint32_t fixture_u32(struct fixture *f, uint64_t gpa)
{
	const void *host = ram_at(&f->ram, gpa, 4);
	uint32_t value;

	assert_non_null(host);
	memcpy(&value, host, sizeof(value));
	return value;
}

uint64_t fixture_u64(struct fixture *f, uint64_t gpa)
{
	return fixture_u32(f, gpa) | (uint64_t)fixture_u32(f, gpa + 4) << 32;
}

const char *fixture_string(struct fixture *f, uint64_t gpa)
{
	const char *host = ram_at(&f->ram, gpa, 1);

	assert_non_null(host);
	assert_non_null(memchr(host, '\0', f->ram.size - gpa));
	return host;
}
