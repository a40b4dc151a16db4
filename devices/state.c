// SPDX-License-Identifier: BSD-2-Clause
// Fields to little-endian bytes and back.
// Not a judge of values: that is each model's X_state_error().
#include "devices/state.h"

#include <string.h>

#include "devices/le.h"

/* Whether that many bytes more are there to be read or written at *at. */
static bool advance(struct state *s, size_t count, size_t *at)
{
	*at = s->used;
	if (s->bad)
		return false;
	if (!s->from && !s->to) {
		s->used += count;
		return false;
	}
	if (count > s->size - s->used) {
		s->bad = true;
		return false;
	}
	s->used += count;
	return true;
}

static uint64_t number(struct state *s, unsigned width, uint64_t value)
{
	uint64_t loaded = 0;
	size_t at;

	if (!advance(s, width, &at))
		return value;
	if (!s->from) {
		le_put(s->to + at, width, value);
		return value;
	}
	for (unsigned i = 0; i < width; i++)
		loaded |= (uint64_t)s->from[at + i] << (8 * i);
	return loaded;
}

void state_u8(struct state *s, uint8_t *field)
{
	*field = (uint8_t)number(s, 1, *field);
}

void state_u16(struct state *s, uint16_t *field)
{
	*field = (uint16_t)number(s, 2, *field);
}

void state_u32(struct state *s, uint32_t *field)
{
	*field = (uint32_t)number(s, 4, *field);
}

void state_u64(struct state *s, uint64_t *field)
{
	*field = number(s, 8, *field);
}

void state_i64(struct state *s, int64_t *field)
{
	*field = (int64_t)number(s, 8, (uint64_t)*field);
}

void state_bool(struct state *s, bool *field)
{
	uint64_t value = number(s, 1, *field);

	if (value > 1)
		s->bad = true;
	else
		*field = value;
}

void state_bytes(struct state *s, uint8_t *bytes, size_t count)
{
	size_t at;

	if (!advance(s, count, &at))
		return;
	if (s->from)
		memcpy(bytes, s->from + at, count);
	else
		memcpy(s->to + at, bytes, count);
}
