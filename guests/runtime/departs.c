// SPDX-License-Identifier: BSD-2-Clause
// Looks rules up in the list that the guest was started with.
// No rule is known here.
#include "guests/runtime/departs.h"

#include <stddef.h>

#include "guests/runtime/boot.h"

static char list[256];

void departs_init(void)
{
	const char *given = guest_arg("departs");

	for (size_t i = 0; given && given[i] && i < sizeof(list) - 1; i++)
		list[i] = given[i];
}

const char *departs_list(void)
{
	return list;
}

/* Whether the list goes on with this rule, whole; *at is then where it ends. */
static bool is_next(const char **at, const char *rule)
{
	const char *next = *at;

	while (*rule && *next == *rule)
		next++, rule++;
	*at = next;
	return !*rule && (!*next || *next == ',');
}

bool guest_keeps(const char *rule)
{
	const char *at = list;

	while (*at) {
		if (is_next(&at, rule))
			return false;
		while (*at && *at != ',')
			at++;
		while (*at == ',')
			at++;
	}
	return true;
}
