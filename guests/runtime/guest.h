// SPDX-License-Identifier: BSD-2-Clause
// All of the runtime that a guest includes.
// Nothing of the host side, ever: a wrong constant there must not cancel itself out here.
#ifndef GUESTS_RUNTIME_GUEST_H
#define GUESTS_RUNTIME_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guests/runtime/apic.h"
#include "guests/runtime/boot.h"
#include "guests/runtime/cpu.h"
#include "guests/runtime/departs.h"
#include "guests/runtime/memory.h"
#include "guests/runtime/print.h"
#include "guests/runtime/result.h"
#include "guests/runtime/smp.h"
#include "guests/runtime/time.h"
#include "guests/runtime/trap.h"

#endif
