// SPDX-License-Identifier: BSD-2-Clause
/*
 * Many threads post into one LAPIC whose owner halts and wakes: nothing lost, nothing invented, no
 * wake missed. Not a unit test: it runs under ThreadSanitizer and its order is never the same
 * twice.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lapic/lapic.h"

#define MAX_THREADS 64
/* A wake that takes longer than this is lost. */
#define PATIENCE_S 60

struct poster {
	pthread_t thread;
	unsigned number;
	uint64_t posts;
	uint64_t random;
	/* What lapic_post() answered. */
	uint64_t fixed_new, fixed_merged, fixed_refused;
	uint64_t nmi_new, smi_new, extint_new, init_new, sipi_new;
	bool seen[256];
};

static struct lapic *lapic;
static atomic_bool finished, init_allowed, single, resets, resets_done, failed;
/* Passes of the owner that ended with nothing left to do. */
static _Atomic uint64_t looks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t woken = PTHREAD_COND_INITIALIZER;
static bool kicked;

/* The owner's side. */
static uint64_t acked, flushed, nmi_taken, smi_taken, extint_taken, init_taken, sipi_taken;
static uint64_t sleeps, kicks, broadcasts;
static bool acked_vector[256];
static int in_service = -1;

static void fail(const char *what)
{
	fprintf(stderr, "stress_post: %s\n", what);
	atomic_store(&failed, true);
	atomic_store(&finished, true);
}

static uint64_t now_ns(void *opaque)
{
	(void)opaque;
	return 1;
}

static void kick(void *opaque)
{
	(void)opaque;
	pthread_mutex_lock(&lock);
	kicked = true;
	kicks++;
	pthread_cond_signal(&woken);
	pthread_mutex_unlock(&lock);
}

/* Vectors of class 0 (modulo 3) are posted edge-triggered alone, of class 1 level-triggered alone,
 * of class 2 both ways. */
static void eoi(void *opaque, uint8_t vector)
{
	(void)opaque;
	broadcasts++;
	if (vector != in_service)
		fail("EOI broadcast of another vector than the one in service");
	if (vector % 3 == 0)
		fail("EOI broadcast of an edge-triggered vector");
	in_service = -1;
}

static uint64_t next_random(struct poster *p)
{
	p->random ^= p->random << 13;
	p->random ^= p->random >> 7;
	p->random ^= p->random << 17;
	return p->random;
}

static bool post_fixed(struct poster *p)
{
	uint64_t r = next_random(p);
	uint8_t vector = (uint8_t)(16 + r % 240);
	bool level = vector % 3 == 1 || (vector % 3 == 2 && (r >> 32 & 1));

	switch (lapic_post(lapic, LAPIC_FIXED, vector, level)) {
	case LAPIC_NEW:
		p->fixed_new++;
		p->seen[vector] = true;
		return true;
	case LAPIC_MERGED: p->fixed_merged++; break;
	case LAPIC_REFUSED: p->fixed_refused++; break;
	}
	return false;
}

static bool post_event(enum lapic_delivery mode, uint64_t *count)
{
	if (lapic_post(lapic, mode, 0x12, false) != LAPIC_NEW)
		return false;
	(*count)++;
	return true;
}

/* After a post that was answered with "new" the owner must finish one more pass, asleep or not. */
static void await_owner(uint64_t since)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	while (atomic_load(&looks) == since && !atomic_load(&failed)) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec - start.tv_sec > PATIENCE_S) {
			fail("a wake was lost: the owner sleeps on a new post");
			return;
		}
		nanosleep(&(struct timespec){0, 1000}, NULL);
	}
}

static void burst(struct poster *p)
{
	unsigned count = 1 + (unsigned)(next_random(p) % 128);
	bool init = p->number == 0 && atomic_load(&init_allowed) && next_random(p) % 64 == 0;
	bool news = false;
	uint64_t since = 0;

	for (unsigned i = 0; i < count; i++) {
		uint64_t r = next_random(p) % 64, seen = atomic_load(&looks);
		bool one;

		if (init && i == count / 2)
			one = post_event(LAPIC_INIT, &p->init_new);
		else if (r == 0)
			one = post_event(LAPIC_NMI, &p->nmi_new);
		else if (r == 1)
			one = post_event(LAPIC_SMI, &p->smi_new);
		else if (r == 2)
			one = post_event(LAPIC_EXTINT, &p->extint_new);
		else
			one = post_fixed(p);
		since = one ? seen : since;
		news |= one;
	}
	if (init) {
		since = atomic_load(&looks);
		news |= post_event(LAPIC_SIPI, &p->sipi_new);
	}
	p->posts += count + init;
	if (news)
		await_owner(since);
	else
		nanosleep(&(struct timespec){0, 1000}, NULL);
}

/* One post, then the wait for it: nobody else's post can make good for a wake that is lost. */
static void one_by_one(struct poster *p)
{
	uint64_t since = atomic_load(&looks);

	if (post_fixed(p))
		await_owner(since);
	p->posts++;
}

/* The first thread does nothing but INIT and SIPI, the others meanwhile nothing but ExtINT, which
 * must never be there when an INIT has been taken. */
static void init_against_extint(struct poster *p, uint64_t inits)
{
	while (p->number && !atomic_load(&resets_done) && !atomic_load(&failed)) {
		post_event(LAPIC_EXTINT, &p->extint_new);
		p->posts++;
	}
	while (!p->number && p->posts < inits && !atomic_load(&failed)) {
		uint64_t since = atomic_load(&looks);

		post_event(LAPIC_INIT, &p->init_new);
		post_event(LAPIC_SIPI, &p->sipi_new);
		/* The pass that ends first may have begun before. */
		await_owner(since);
		await_owner(since + 1);
		p->posts++;
	}
	atomic_store(&resets_done, true);
}

static void *poster_main(void *argument)
{
	struct poster *p = argument;
	uint64_t wanted = p->posts;

	p->posts = 0;
	if (atomic_load(&resets)) {
		init_against_extint(p, wanted);
		return NULL;
	}
	while (p->posts < wanted && !atomic_load(&failed)) {
		if (atomic_load(&single))
			one_by_one(p);
		else
			burst(p);
	}
	return NULL;
}

static void enable(void)
{
	lapic_mmio_write(lapic, 0x0F0, 4, 0x1FF);
}

static unsigned pending_vectors(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < 8; i++)
		count += (unsigned)__builtin_popcount(
			(unsigned)lapic_mmio_read(lapic, 0x200 + 0x10 * i, 4));
	return count;
}

static void take_one(uint32_t pending)
{
	uint8_t vector;

	if (pending & LAPIC_PENDING_INIT) {
		/* Nothing is accepted any more: what is in IRR now is what INIT throws away. */
		flushed += pending_vectors();
		if (lapic_take_init(lapic) != LAPIC_INIT_WAIT_FOR_SIPI)
			fail("INIT did not lead to a wait for SIPI");
		init_taken++;
	} else if (pending & LAPIC_PENDING_SIPI) {
		if (!lapic_take_sipi(lapic, &vector)) {
			if (!(lapic_pending(lapic) & LAPIC_PENDING_INIT))
				fail("a SIPI went away without an INIT");
			return;
		}
		if (vector != 0x12)
			fail("SIPI with a wrong vector");
		sipi_taken++;
		if (lapic_pending(lapic) & LAPIC_PENDING_EXTINT)
			fail("an ExtINT came into a LAPIC that an INIT had disabled");
		enable();
	} else if (pending & LAPIC_PENDING_NMI) {
		nmi_taken += lapic_take_nmi(lapic);
	} else if (pending & LAPIC_PENDING_SMI) {
		smi_taken += lapic_take_smi(lapic);
	} else if (pending & LAPIC_PENDING_EXTINT) {
		extint_taken += lapic_take_extint(lapic);
	} else if (pending & LAPIC_PENDING_INTR) {
		vector = lapic_ack(lapic);
		acked++;
		acked_vector[vector] = true;
		in_service = vector;
		lapic_mmio_write(lapic, 0x0B0, 4, 0);
		if (in_service >= 0 && vector % 3 == 1)
			fail("EOI of a level-triggered vector was not broadcast");
	}
}

#define TAKEN_HERE                                                                                 \
 (LAPIC_PENDING_INIT | LAPIC_PENDING_SIPI | LAPIC_PENDING_NMI | LAPIC_PENDING_SMI |                \
  LAPIC_PENDING_EXTINT | LAPIC_PENDING_INTR)

static void sleep_until_kicked(void)
{
	struct timespec until;

	pthread_mutex_lock(&lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 50000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	/* The end of the run is no post: only for that does the sleep end by itself, and then
	 * sleeps on. */
	while (!kicked && !atomic_load(&finished)) {
		if (pthread_cond_timedwait(&woken, &lock, &until) == ETIMEDOUT)
			until.tv_sec++;
	}
	kicked = false;
	pthread_mutex_unlock(&lock);
}

static void *owner_main(void *argument)
{
	(void)argument;
	for (;;) {
		uint32_t pending = lapic_pending(lapic) & TAKEN_HERE;

		if (pending) {
			take_one(pending);
			continue;
		}
		atomic_fetch_add(&looks, 1);
		if (atomic_load(&finished) && !(lapic_pending(lapic) & TAKEN_HERE))
			return NULL;
		if (!(lapic_away(lapic) & TAKEN_HERE)) {
			sleeps++;
			sleep_until_kicked();
		}
		lapic_back(lapic);
	}
}

static void run(struct poster *posters, unsigned threads, uint64_t posts, bool init)
{
	pthread_t owner;

	atomic_store(&finished, false);
	atomic_store(&init_allowed, init);
	pthread_create(&owner, NULL, owner_main, NULL);
	for (unsigned i = 0; i < threads; i++) {
		posters[i].number = i;
		posters[i].posts = posts / threads;
		pthread_create(&posters[i].thread, NULL, poster_main, &posters[i]);
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(posters[i].thread, NULL);
	atomic_store(&finished, true);
	pthread_mutex_lock(&lock);
	pthread_cond_signal(&woken);
	pthread_mutex_unlock(&lock);
	pthread_join(owner, NULL);
}

static void expect(bool condition, const char *what)
{
	if (!condition)
		fail(what);
}

/* Sums over all posters against what the owner took. Without INIT every count is exact; INIT
 * cancels pending NMI, SMI and SIPI. */
static void judge(const struct poster *posters, unsigned threads, bool init, const char *name)
{
	struct poster sum = {0};
	unsigned vectors = 0;

	for (unsigned i = 0; i < threads; i++) {
		const struct poster *p = &posters[i];

		sum.posts += p->posts;
		sum.fixed_new += p->fixed_new;
		sum.fixed_merged += p->fixed_merged;
		sum.fixed_refused += p->fixed_refused;
		sum.nmi_new += p->nmi_new;
		sum.smi_new += p->smi_new;
		sum.extint_new += p->extint_new;
		sum.init_new += p->init_new;
		sum.sipi_new += p->sipi_new;
	}
	for (unsigned v = 16; v < 256; v++)
		vectors += acked_vector[v];
	printf("%s: %ju posts; fixed: %ju new, %ju merged, %ju refused, %ju acknowledged, %ju flushed; "
	       "NMI %ju/%ju SMI %ju/%ju ExtINT %ju/%ju INIT %ju/%ju SIPI %ju/%ju; %u vectors; %ju sleeps, %ju kicks\n",
	       name, (uintmax_t)sum.posts, (uintmax_t)sum.fixed_new, (uintmax_t)sum.fixed_merged,
	       (uintmax_t)sum.fixed_refused, (uintmax_t)acked, (uintmax_t)flushed,
	       (uintmax_t)nmi_taken, (uintmax_t)sum.nmi_new, (uintmax_t)smi_taken,
	       (uintmax_t)sum.smi_new, (uintmax_t)extint_taken, (uintmax_t)sum.extint_new,
	       (uintmax_t)init_taken, (uintmax_t)sum.init_new, (uintmax_t)sipi_taken,
	       (uintmax_t)sum.sipi_new, vectors, (uintmax_t)sleeps, (uintmax_t)kicks);
	expect(sum.fixed_new == acked + flushed, "new is not what was acknowledged or flushed");
	expect(sum.init_new == init_taken, "an INIT was lost or invented");
	expect(init || (sum.nmi_new == nmi_taken && sum.smi_new == smi_taken &&
			sum.extint_new == extint_taken),
	       "an NMI, SMI or ExtINT was lost or invented");
	expect(nmi_taken <= sum.nmi_new && smi_taken <= sum.smi_new &&
		       extint_taken <= sum.extint_new && sipi_taken <= sum.sipi_new,
	       "an NMI, SMI, ExtINT or SIPI was invented");
	expect(atomic_load(&single) || extint_taken > 0, "no ExtINT came about");
	expect(!init || (init_taken > 0 && sipi_taken > 0), "no INIT and SIPI came about");
	if (atomic_load(&resets))
		return;
	expect(sum.fixed_new * 5 >= sum.posts, "less than 20 % of the posts were new");
	expect(vectors == 240, "not every vector was seen");
	expect(sleeps > 0 && kicks > 0 && broadcasts > 0,
	       "the owner never slept or never broadcast");
}

static void make_lapic(void)
{
	struct lapic_map_config map_config = {
		.size = sizeof(map_config), .max_lapics = 1, .max_id = 255};
	struct lapic_ops ops = {
		.size = sizeof(ops), .now_ns = now_ns, .now_tsc = now_ns, .kick = kick, .eoi = eoi};
	size_t bytes = lapic_map_size(&map_config);
	struct lapic_map *map = lapic_map_init(malloc(bytes), bytes, &map_config);
	struct lapic_config config;

	lapic_config_intel(&config);
	config.bsp = false;
	if (lapic_init(aligned_alloc(lapic_align(), lapic_size()), lapic_size(),
		       aligned_alloc(LAPIC_PAGE_SIZE, LAPIC_PAGE_SIZE), &config, &ops, NULL, map,
		       &lapic)) {
		fprintf(stderr, "stress_post: lapic_init failed\n");
		exit(70);
	}
	lapic_post(lapic, LAPIC_SIPI, 0x12, false);
	take_one(LAPIC_PENDING_SIPI);
	sipi_taken = 0;
}

static void forget(struct poster *posters, unsigned threads)
{
	acked = flushed = nmi_taken = smi_taken = extint_taken = init_taken = sipi_taken = 0;
	sleeps = kicks = broadcasts = 0;
	memset(acked_vector, 0, sizeof(acked_vector));
	for (unsigned i = 0; i < threads; i++)
		posters[i] = (struct poster){.random = posters[i].random};
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 10);

	if (*end || !value) {
		fprintf(stderr, "usage: stress_post [--posts N] [--threads N]\n");
		exit(64);
	}
	return value;
}

int main(int argc, char **argv)
{
	static struct poster posters[MAX_THREADS];
	uint64_t posts = 400000, threads = 4;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--posts"))
			posts = number(argv[i + 1]);
		else if (!strcmp(argv[i], "--threads"))
			threads = number(argv[i + 1]);
		else
			number("?");
	}
	if (threads > MAX_THREADS)
		number("?");
	make_lapic();
	for (unsigned i = 0; i < threads; i++)
		posters[i].random = 0x9E3779B97F4A7C15u * (i + 1);
	run(posters, (unsigned)threads, posts / 2, false);
	judge(posters, (unsigned)threads, false, "without INIT");
	forget(posters, (unsigned)threads);
	run(posters, (unsigned)threads, posts / 2, true);
	judge(posters, (unsigned)threads, true, "with INIT");
	forget(posters, (unsigned)threads);
	atomic_store(&single, true);
	run(posters, 1, posts / 20 + 5000, false);
	judge(posters, 1, false, "one by one");
	atomic_store(&single, false);
	atomic_store(&resets, true);
	/* One alone has nobody to run against. */
	if (threads > 1) {
		forget(posters, (unsigned)threads);
		run(posters, (unsigned)threads, posts / 4, true);
		judge(posters, (unsigned)threads, true, "INIT against ExtINT");
	}
	return atomic_load(&failed) ? 1 : 0;
}
