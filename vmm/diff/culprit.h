// SPDX-License-Identifier: BSD-2-Clause
// A program that differs: made small, and saved so that it can be run again.
// Not the search for it.
#ifndef VMM_DIFF_CULPRIT_H
#define VMM_DIFF_CULPRIT_H

#include <stdbool.h>

#include "vmm/diff/campaign.h"
#include "vmm/result.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Makes *program, which gave `report`, smaller as long as it differs in the same way, saves it in
 * the folder config->save as diff-NAME.prog, and says both on config->out. False: it could not be
 * saved, and *result says why.
 */
bool culprit_keep(const struct campaign_config *config, const struct campaign_calls *calls,
		  struct program *program, const char *name, const struct lockstep_report *report,
		  struct result *result);

#ifdef __cplusplus
}
#endif

#endif
