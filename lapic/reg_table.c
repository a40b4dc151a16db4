// SPDX-License-Identifier: BSD-2-Clause
/*
 * One row per register: name, ways in, writable bits, and what reading and writing do beside the
 * plain storage. Not the front doors: access.c decides what happens to an access that a row does
 * not allow.
 */
#include "lapic/core.h"

#define READ_ONLY    (ACCESS_RX | ACCESS_RM)
#define BOTH         (ACCESS_RX | ACCESS_WX | ACCESS_RM | ACCESS_WM)

#define LVT_LOCAL    (LVT_VECTOR | LVT_MODE | LVT_MASKED)
#define LVT_LINT     (LVT_LOCAL | LVT_ACTIVE_LOW | LVT_LEVEL)
#define ICR_WRITABLE 0xCCFFFu /* all but 31:20, 17:16, 13 and the status in 12 */

/* A register of plain storage reads as it lies in the page: read is NULL. */
static enum lapic_result store(struct lapic *l, unsigned n, uint64_t value)
{
	*reg(l, n) = (uint32_t)value;
	return LAPIC_OK;
}

static uint64_t zero(struct lapic *l, unsigned n)
{
	(void)l;
	(void)n;
	return 0;
}

#define ISR_ROW(i) [REG_ISR + (i)] = {"ISR", READ_ONLY, 0, 0, 0, 0, NULL, NULL}
#define TMR_ROW(i) [REG_TMR + (i)] = {"TMR", READ_ONLY, 0, 0, 0, 0, priority_read_tmr, NULL}
#define IRR_ROW(i) [REG_IRR + (i)] = {"IRR", READ_ONLY, 0, 0, 0, 0, priority_read_irr, NULL}
#define EIGHT(row) row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)

/* clang-format off */
#define SVR_BITS (SVR_VECTOR | SVR_ENABLED | SVR_FOCUS | SVR_SUPPRESS_EOI)
#define TIMER_BITS (LVT_VECTOR | LVT_MASKED | LVT_TIMER_MODE)
#define ERROR_BITS (LVT_VECTOR | LVT_MASKED)
#define RO_LINT (LVT_STATUS | LVT_REMOTE_IRR)
const struct reg_row reg_table[REG_COUNT] = {
	/*                  name           access                    feature       cut        writable      legal by MSR             read            write */
	[REG_ID]          = {"ID",          ACCESS_PAGE | ACCESS_RM,  0,            0,         0xFF000000u,  0,                       NULL,           dest_write_id},
	[REG_VERSION]     = {"VERSION",     READ_ONLY,                0,            0,         0,            0,                       NULL,           NULL},
	[REG_TPR]         = {"TPR",         BOTH,                     0,            0,         0xFFu,        0xFFu,                   NULL,           priority_write_tpr},
	[REG_APR]         = {"APR",         ACCESS_RX,                0,            0,         0,            0,                       priority_apr,   NULL},
	[REG_PPR]         = {"PPR",         READ_ONLY,                0,            0,         0,            0,                       NULL,           NULL},
	[REG_EOI]         = {"EOI",         ACCESS_WX | ACCESS_WM,    0,            0,         0,            0,                       zero,           priority_write_eoi},
	[REG_RRD]         = {"RRD",         ACCESS_RX,                0,            0,         0,            0,                       zero,           NULL},
	[REG_LDR]         = {"LDR",         ACCESS_PAGE | ACCESS_RM,  0,            0,         0xFF000000u,  0,                       NULL,           dest_write_ldr},
	[REG_DFR]         = {"DFR",         ACCESS_PAGE,              0,            0,         0xF0000000u,  0,                       NULL,           dest_write_dfr},
	[REG_SVR]         = {"SVR",         BOTH,                     0,            CUT_SVR,   SVR_BITS,     SVR_BITS,                NULL,           lvt_write_svr},
	EIGHT(ISR_ROW),
	EIGHT(TMR_ROW),
	EIGHT(IRR_ROW),
	[REG_ESR]         = {"ESR",         BOTH,                     0,            0,         0,            0,                       NULL,           error_write_esr},
	[REG_LVT_CMCI]    = {"LVT CMCI",    BOTH,                     FEATURE_CMCI, 0,         LVT_LOCAL,    LVT_LOCAL | LVT_STATUS,  NULL,           lvt_write},
	[REG_ICR]         = {"ICR",         BOTH,                     0,            CUT_ICR,   ICR_WRITABLE, ICR_WRITABLE | ICR_BUSY, icr_read,       icr_write},
	[REG_ICR_HIGH]    = {"ICR high",    ACCESS_PAGE,              0,            0,         0xFF000000u,  0,                       NULL,           store},
	[REG_LVT_TIMER]   = {"LVT timer",   BOTH,                     0,            CUT_TIMER, TIMER_BITS,   TIMER_BITS | LVT_STATUS, NULL,           timer_write_lvt},
	[REG_LVT_THERMAL] = {"LVT thermal", BOTH,                     0,            0,         LVT_LOCAL,    LVT_LOCAL | LVT_STATUS,  NULL,           lvt_write},
	[REG_LVT_PERF]    = {"LVT perf",    BOTH,                     0,            0,         LVT_LOCAL,    LVT_LOCAL | LVT_STATUS,  NULL,           lvt_write},
	[REG_LVT_LINT0]   = {"LVT LINT0",   BOTH,                     0,            0,         LVT_LINT,     LVT_LINT | RO_LINT,      NULL,           lvt_write_lint},
	[REG_LVT_LINT1]   = {"LVT LINT1",   BOTH,                     0,            0,         LVT_LINT,     LVT_LINT | RO_LINT,      NULL,           lvt_write_lint},
	[REG_LVT_ERROR]   = {"LVT error",   BOTH,                     0,            0,         ERROR_BITS,   ERROR_BITS | LVT_STATUS, NULL,           lvt_write},
	[REG_TMICT]       = {"TMICT",       BOTH,                     0,            0,         0xFFFFFFFFu,  0xFFFFFFFFu,             NULL,           timer_write_tmict},
	[REG_TMCCT]       = {"TMCCT",       READ_ONLY,                0,            0,         0,            0,                       timer_read_ccr, NULL},
	[REG_DCR]         = {"DCR",         BOTH,                     0,            0,         0xBu,         0xBu,                    NULL,           timer_write_dcr},
	[REG_SELF_IPI]    = {"SELF IPI",    ACCESS_WM,                0,            0,         0xFFu,        0xFFu,                   NULL,           icr_write_self},
};
/* clang-format on */
