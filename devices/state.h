// SPDX-License-Identifier: BSD-2-Clause
// A device's state as bytes, both ways by one list of fields: a cursor over the caller's memory.
// Not a file format: what a section is called and who checks its length is the owner's.
#ifndef DEVICES_STATE_H
#define DEVICES_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Each model X with a state has two functions:
 *
 *   void X_state(struct X *x, struct state *s);
 *   struct state_error X_state_error(const struct X *x);
 *
 * X_state() saves or loads, as s says, whatever the guest or time can change, in an order and in
 * widths that are fixed, little-endian. Saving leaves *x as it is. What X_init() was given (ops,
 * opaque, lines, options) is no part of it: it loads into a struct that was made as the saved one
 * was.
 *
 * X_state_error() says what of a struct no guest could have brought about. What it lets pass is as
 * good as any other state of the model: nothing the guest does then breaks a promise of X's header,
 * and what it lets pass once it lets pass for ever. Bytes may come from an enemy, so:
 *
 *   - load into a copy of the live struct, look at s->bad and at X_state_error(), and only then
 *     make the copy the live one. Between X_state() and X_state_error() no other function of the
 *     model may see the copy.
 *   - Times are numbers of ops->now, which goes on from what it was when the state was saved: it
 *     must do so before X_state_error(), to which nothing may lie in the future. Where the reading
 *     to go on from comes from the same bytes, the owner refuses one of 2^62 or more.
 *
 * A load drives no line and calls no ops. Each end of a wire has its level as state of its own: the
 * device's output, the wire's drivers, the controller's pin. They agree if all were saved at one
 * moment. The owner checks that, or lets a level be wrong that only the guest depends on.
 *
 * Afterwards X_next() is to be asked anew. Threads: see devices/bus.h.
 *
 * A state that grows has its new fields at the end of X_state(), behind
 *
 *   if (state_has(s, 2))
 *           state_u64(s, &x->new_field);
 *
 * and its section gets version 2 where its owner says so. Bytes of version 1 then load as they
 * always did, and the field stays what X_init() made it, its value at power-up; where that is not
 * right for a guest that ran without it, an else says what is. Nothing is ever taken out, moved or
 * made wider: a field that nobody needs any more is walked all the same.
 */
struct state {
	const uint8_t *from; /* loading; otherwise NULL */
	uint8_t *to;         /* saving; NULL too: only used is counted */
	size_t size;         /* bytes of either */
	size_t used;
	bool bad; /* too few bytes, or loaded what is no bool; stays, and nothing is loaded after */
	uint32_t version; /* of the bytes; 0: the newest, which is what is saved */
};

struct state_error {
	const char *what; /* NULL: nothing is wrong */
	const char *why;  /* what n why: "redirection entry" 5 "has reserved bits set" */
	int n;            /* which of several; -1: there is one */
};

static inline bool state_is_load(const struct state *s)
{
	return s->from != 0;
}

/* Whether the bytes have what came with that version. */
static inline bool state_has(const struct state *s, uint32_t version)
{
	return !s->version || s->version >= version;
}

void state_u8(struct state *s, uint8_t *field);
void state_u16(struct state *s, uint16_t *field);
void state_u32(struct state *s, uint32_t *field);
void state_u64(struct state *s, uint64_t *field);
/* In two's complement. */
void state_i64(struct state *s, int64_t *field);
/* A byte, 0 or 1. */
void state_bool(struct state *s, bool *field);
void state_bytes(struct state *s, uint8_t *bytes, size_t count);

static inline struct state_error state_ok(void)
{
	struct state_error ok = {0, 0, -1};

	return ok;
}

static inline struct state_error state_wrong(const char *what, const char *why)
{
	struct state_error error = {what, why, -1};

	return error;
}

static inline struct state_error state_wrong_one(const char *what, unsigned n, const char *why)
{
	struct state_error error = {what, why, (int)n};

	return error;
}

#ifdef __cplusplus
}
#endif
#endif
