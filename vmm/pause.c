// SPDX-License-Identifier: BSD-2-Clause
// Counts the threads that stand.
// No vCPU is known here.

#include "vmm/pause.h"

void pause_init(struct pause *p, unsigned threads, void (*all)(void *opaque), void *opaque)
{
	*p = (struct pause){.threads = threads, .all = all, .opaque = opaque};
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->over, NULL);
	pthread_cond_init(&p->done, NULL);
}

void pause_destroy(struct pause *p)
{
	pthread_cond_destroy(&p->done);
	pthread_cond_destroy(&p->over);
	pthread_mutex_destroy(&p->lock);
}

static void want(struct pause *p, bool wanted)
{
	pthread_mutex_lock(&p->lock);
	atomic_store(&p->wanted, wanted);
	if (!wanted)
		pthread_cond_broadcast(&p->over);
	pthread_mutex_unlock(&p->lock);
}

void pause_begin(struct pause *p)
{
	want(p, true);
}

void pause_end(struct pause *p)
{
	want(p, false);
}

bool pause_all(struct pause *p)
{
	bool all;

	pthread_mutex_lock(&p->lock);
	/* One that has not woken yet from the time before stands, and stays. */
	all = atomic_load(&p->wanted) && p->standing == p->threads;
	pthread_mutex_unlock(&p->lock);
	return all;
}

bool pause_wanted(const struct pause *p)
{
	return atomic_load(&p->wanted);
}

void pause_work(struct pause *p, void (*job)(void *thread, void *opaque), void *opaque)
{
	pthread_mutex_lock(&p->lock);
	p->job = job;
	p->job_opaque = opaque;
	p->working = p->threads;
	p->jobs++;
	pthread_cond_broadcast(&p->over);
	while (p->working)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
}

/* With the lock held, but for the job itself. */
static void work(struct pause *p, void *thread)
{
	void (*job)(void *, void *) = p->job;
	void *opaque = p->job_opaque;

	pthread_mutex_unlock(&p->lock);
	job(thread, opaque);
	pthread_mutex_lock(&p->lock);
	if (--p->working == 0)
		pthread_cond_signal(&p->done);
}

void pause_stand(struct pause *p, void *thread)
{
	unsigned jobs;
	bool last;

	pthread_mutex_lock(&p->lock);
	jobs = p->jobs;
	last = ++p->standing == p->threads && atomic_load(&p->wanted);
	pthread_mutex_unlock(&p->lock);
	if (last && p->all)
		p->all(p->opaque);
	pthread_mutex_lock(&p->lock);
	while (atomic_load(&p->wanted)) {
		if (jobs == p->jobs) {
			pthread_cond_wait(&p->over, &p->lock);
			continue;
		}
		jobs = p->jobs;
		work(p, thread);
	}
	p->standing--;
	pthread_mutex_unlock(&p->lock);
}
