// SPDX-License-Identifier: BSD-2-Clause
// Holds the machine, saves it as soon as it stands still, and lets the end come.
// A failure to save is a failure of the run: nobody gets that guest back.

#include "vmm/save_end.h"

#include <inttypes.h>
#include <stdio.h>

#include "vmm/ending.h"
#include "vmm/machine.h"
#include "vmm/save.h"

static void spoil(struct result *result, const char *said)
{
	struct result ended = *result;

	ending_fill(result, RESULT_OUTPUT_FAILED, "%s; the run itself ended with %s code=%d", said,
		    result_name(ended.kind), result_code(&ended));
}

bool save_end_begin(struct save_end *end, struct machine *machine, struct result *result)
{
	char said[512];

	if (!end->path || end->done || ending_reached(machine->ending))
		return false;
	if (end->waiting) {
		end->waiting = false;
		end->told = true;
		snprintf(said, sizeof(said),
			 "cannot save %s: the guest's processors had not come to stand still",
			 end->path);
		*result = end->result;
		spoil(result, said);
		return false;
	}
	end->result = *result;
	end->waiting = true;
	machine_hold(machine);
	return true;
}

bool save_end_still(struct save_end *end, struct machine *machine)
{
	char said[512];
	uint64_t bytes;

	if (!end->waiting || !machine_still(machine))
		return false;
	end->waiting = false;
	end->told = true;
	end->done = save(machine, end->path, &bytes, said, sizeof(said));
	if (end->done)
		fprintf(stderr, "lapicvm: saved %s: %" PRIu64 " bytes\n", end->path, bytes);
	else
		spoil(&end->result, said);
	return true;
}

bool save_end_overtaken(struct save_end *end)
{
	if (!end->waiting)
		return false;
	end->waiting = false;
	end->told = true;
	fprintf(stderr,
		"lapicvm: nothing is saved in %s: the guest ended by itself before it stood "
		"still\n",
		end->path);
	return true;
}

void save_end_finish(struct save_end *end)
{
	if (end->path && !end->told)
		fprintf(stderr,
			"lapicvm: nothing is saved in %s: the guest was not ended from "
			"outside\n",
			end->path);
}
