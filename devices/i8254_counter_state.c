// SPDX-License-Identifier: BSD-2-Clause
// A counter of the 8254 as bytes, and which of its fields cannot stand beside each other.
// Not what the fields do: i8254_counter.c.
#include "devices/i8254_counter.h"

#include <stddef.h>

#define CONTROL_KEPT 0x3Fu
#define CONTROL_RW   0x30u
#define RW_BOTH      0x30u
#define LARGEST      65536u

void i8254_counter_state(struct i8254_counter *c, struct state *s)
{
	state_u64(s, &c->clock);
	state_u64(s, &c->rises);
	state_u64(s, &c->rose_at);
	state_u32(s, &c->left);
	state_u16(s, &c->cr);
	state_u16(s, &c->ol);
	state_u8(s, &c->control);
	state_u8(s, &c->first);
	state_u8(s, &c->status);
	state_bool(s, &c->gate);
	state_bool(s, &c->write_second);
	state_bool(s, &c->read_second);
	state_bool(s, &c->ol_full);
	state_bool(s, &c->status_full);
	state_bool(s, &c->written);
	state_bool(s, &c->null_count);
	state_bool(s, &c->load);
	state_bool(s, &c->loaded);
	state_bool(s, &c->armed);
	state_bool(s, &c->strobe);
	state_bool(s, &c->high);
	state_bool(s, &c->odd);
}

static bool periodic(const struct i8254_counter *c)
{
	return i8254_counter_mode(c) == 2 || i8254_counter_mode(c) == 3;
}

/* No pulse has two rises, so that there are never more of them than there were pulses. */
const char *i8254_counter_state_error(const struct i8254_counter *c)
{
	if (c->control & ~CONTROL_KEPT || !(c->control & CONTROL_RW))
		return "has a control word that there is not";
	if ((c->write_second || c->read_second) && (c->control & CONTROL_RW) != RW_BOTH)
		return "waits for a second byte where there is one";
	if (c->rises > c->clock || c->rose_at > c->clock)
		return "has rises ahead of its clock";
	if (c->left > LARGEST || (c->loaded && c->left == 0))
		return "has a count that is left of none";
	if ((c->load || c->loaded) && !c->written)
		return "counts what nobody wrote";
	if (c->strobe && (!c->loaded || c->armed || i8254_counter_mode(c) < 4))
		return "has a strobe where there is none";
	if (periodic(c) && c->loaded && !c->armed)
		return "has stopped for good in a mode that never does";
	return NULL;
}
