// SPDX-License-Identifier: BSD-2-Clause
// Who an operation's interrupt is meant for: the SDM's destinations read a second time, from the
// registers before the step. Not who takes it, nor liblapic's reading, which is held against this.
#ifndef VMM_DIFF_ADDRESS_H
#define VMM_DIFF_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pair;

enum address_shorthand { ADDRESS_NO_SHORTHAND, ADDRESS_SELF, ADDRESS_ALL, ADDRESS_OTHERS };

struct address {
	enum address_shorthand shorthand;
	bool message; /* by a device; else by the ICR of the operation's CPU */
	bool logical, dest32;
	uint32_t dest;
	unsigned mode, vector; /* as the ICR's fields */
	bool level;            /* bit 15: the trigger mode that was asked for */
	bool hint;             /* redirection hint of a message */
};

/* False: the operation has sent nothing to anybody, as far as address and trigger mode say. What
 * its delivery mode does is not looked at. */
bool address_of(const struct pair *pair, struct address *address);
/* Whether CPU n is one of those that the destination or shorthand names. */
bool address_meets(const struct pair *pair, const struct address *address, unsigned n);

#ifdef __cplusplus
}
#endif

#endif
