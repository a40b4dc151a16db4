// SPDX-License-Identifier: BSD-2-Clause
// A signal that waits to be let in ends KVM_RUN at the end of its loop's first turn.
// Not kvm_run.immediate_exit: that ends it before.

#include "vmm/kernel_pass.h"

#include <errno.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "vmm/kick.h"

/* Of a signal set as the kernel has it. */
#define SIGSET_BYTES 8u

static int set_kvm_mask(const struct vm *vm, int vcpu_fd, const sigset_t *mask)
{
	union {
		struct kvm_signal_mask head;
		unsigned char room[sizeof(struct kvm_signal_mask) + SIGSET_BYTES];
	} arg = {{.len = SIGSET_BYTES}};

	if (mask)
		memcpy(arg.head.sigset, mask, SIGSET_BYTES);
	return kvm_ioctl(vm->kvm, vcpu_fd, KVM_SET_SIGNAL_MASK, mask ? &arg.head : NULL);
}

int kernel_pass_awake(const struct vm *vm, int vcpu_fd, struct kvm_run *run)
{
	static const struct timespec at_once;
	sigset_t kick, before, in_kvm;
	int returned, error;

	sigemptyset(&kick);
	sigaddset(&kick, KICK_SIGNAL);
	sigfillset(&in_kvm);
	sigdelset(&in_kvm, KICK_SIGNAL);
	pthread_sigmask(SIG_BLOCK, &kick, &before);
	pthread_kill(pthread_self(), KICK_SIGNAL);
	run->immediate_exit = 0;
	returned = set_kvm_mask(vm, vcpu_fd, &in_kvm);
	if (returned >= 0)
		returned = kvm_ioctl(vm->kvm, vcpu_fd, KVM_RUN, NULL);
	error = set_kvm_mask(vm, vcpu_fd, NULL);
	if (error < 0)
		returned = error;
	sigtimedwait(&kick, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return returned;
}

bool kernel_pass(const struct vm *vm, int vcpu_fd, struct kvm_run *run)
{
	int returned = kernel_pass_awake(vm, vcpu_fd, run);

	return returned == -EINTR || returned == -EAGAIN;
}
