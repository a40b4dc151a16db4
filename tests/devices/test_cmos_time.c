// SPDX-License-Identifier: BSD-2-Clause
// Seconds to time registers and back, against the C library's calendar.
// Not the running clock: that is tests/devices/test_cmos.c.
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <string.h>
#include <time.h>

#include "devices/cmos_time.h"

enum {
	SECONDS = 0,
	MINUTES = 2,
	HOURS = 4,
	WEEKDAY = 6,
	DAY = 7,
	MONTH = 8,
	YEAR = 9,
	CENTURY = 0x32
};
enum { STATUS_B = 0x0B, HOURS_24 = 2, BINARY = 4 };

/* 0000-01-01 and 9999-12-31 23:59:59. */
#define FIRST INT64_C(-62167219200)
#define LAST  INT64_C(253402300799)

static uint8_t bcd(int n)
{
	return (uint8_t)(n / 10 * 16 + n % 10);
}

static void binary_registers_are_the_calendars(int64_t when)
{
	uint8_t regs[128] = {[STATUS_B] = BINARY | HOURS_24};
	time_t t = when;
	struct tm tm;

	assert_non_null(gmtime_r(&t, &tm));
	cmos_time_encode(regs, when);
	assert_int_equal(regs[SECONDS], tm.tm_sec);
	assert_int_equal(regs[MINUTES], tm.tm_min);
	assert_int_equal(regs[HOURS], tm.tm_hour);
	assert_int_equal(regs[WEEKDAY], tm.tm_wday + 1);
	assert_int_equal(regs[DAY], tm.tm_mday);
	assert_int_equal(regs[MONTH], tm.tm_mon + 1);
	assert_int_equal(regs[CENTURY] * 100 + regs[YEAR], tm.tm_year + 1900);
	assert_int_equal(cmos_time_decode(regs), when);
}

static void every_day_of_ten_thousand_years(void **state)
{
	(void)state;
	for (int64_t when = FIRST; when <= LAST; when += 86400)
		binary_registers_are_the_calendars(when);
	binary_registers_are_the_calendars(LAST);
	for (int64_t when = FIRST; when <= LAST; when += 7654321)
		binary_registers_are_the_calendars(when);
}

static void every_mode_shows_the_same_time(void **state)
{
	(void)state;
	/* Each second of a day in 2024 that ends a leap February. */
	for (int64_t when = 1709164800; when < 1709164800 + 86400 + 10; when++) {
		uint8_t regs[4][128];

		for (unsigned mode = 0; mode < 4; mode++) {
			memset(regs[mode], 0, sizeof(regs[mode]));
			regs[mode][STATUS_B] = (uint8_t)(mode << 1);
			cmos_time_encode(regs[mode], when);
			assert_int_equal(cmos_time_decode(regs[mode]), when);
		}
		/* mode 3: binary, 24 hours; mode 1: BCD, 24 hours; mode 0: BCD, 12 hours. */
		for (unsigned reg = 0; reg < 128; reg++)
			if (reg != STATUS_B)
				assert_int_equal(regs[1][reg], bcd(regs[3][reg]));
		assert_int_equal(regs[0][HOURS] & 0x7F, bcd((regs[3][HOURS] + 11) % 12 + 1));
		assert_int_equal(regs[0][HOURS] >> 7, regs[3][HOURS] >= 12);
		assert_int_equal(regs[2][HOURS] & 0x7F, (regs[3][HOURS] + 11) % 12 + 1);
		assert_int_equal(regs[2][HOURS] >> 7, regs[3][HOURS] >= 12);
	}
}

static void only_the_time_registers_are_written(void **state)
{
	uint8_t regs[128];

	(void)state;
	for (unsigned fill = 0; fill < 256; fill += 0x51) {
		memset(regs, (int)fill, sizeof(regs));
		regs[STATUS_B] = BINARY | HOURS_24;
		cmos_time_encode(regs, 1700000000);
		for (unsigned reg = 0; reg < 128; reg++)
			if (reg > 9 && reg != STATUS_B && reg != CENTURY)
				assert_int_equal(regs[reg], fill);
		assert_int_equal(regs[1], fill);
		assert_int_equal(regs[3], fill);
		assert_int_equal(regs[5], fill);
	}
}

static int64_t decoded(uint8_t century, uint8_t year, uint8_t month, uint8_t day, uint8_t hour,
		       uint8_t minute, uint8_t second)
{
	uint8_t regs[128] = {
		[STATUS_B] = HOURS_24, [CENTURY] = century, [YEAR] = year,      [MONTH] = month,
		[DAY] = day,           [HOURS] = hour,      [MINUTES] = minute, [SECONDS] = second};

	return cmos_time_decode(regs);
}

static void impossible_times_count_for_what_they_weigh(void **state)
{
	(void)state;
	assert_int_equal(decoded(0x19, 0x70, 1, 1, 0, 0, 0), 0);
	assert_int_equal(decoded(0x20, 0x23, 4, 0x31, 0, 0, 0),
			 decoded(0x20, 0x23, 5, 0x01, 0, 0, 0));
	assert_int_equal(decoded(0x20, 0x23, 2, 0x29, 0, 0, 0),
			 decoded(0x20, 0x23, 3, 0x01, 0, 0, 0));
	assert_int_equal(decoded(0x20, 0x23, 0, 0, 0x25, 0x60, 0x60),
			 decoded(0x20, 0x22, 0x12, 0x01, 0x02, 0x01, 0x00));
	assert_int_equal(decoded(0x20, 0x23, 0x13, 1, 0, 0, 0),
			 decoded(0x20, 0x24, 0x01, 1, 0, 0, 0));
	/* A digit beyond 9 carries: 1Ah is 20. */
	assert_int_equal(decoded(0x20, 0x1A, 1, 1, 0, 0, 0x0F),
			 decoded(0x20, 0x20, 1, 1, 0, 0, 0x15));
	/* Before the first day: December of the year before the year 0, shown as 9999. */
	assert_int_equal(decoded(0, 0, 0, 0, 0, 0, 0), FIRST - 32 * 86400);
}

static void years_are_shown_modulo_10000(void **state)
{
	static const int64_t cycle = LAST + 1 - FIRST;

	(void)state;
	for (int64_t when = FIRST; when <= LAST; when += cycle / 1000) {
		uint8_t regs[3][128] = {{0}};

		cmos_time_encode(regs[0], when);
		cmos_time_encode(regs[1], when + cycle);
		cmos_time_encode(regs[2], when - 3 * cycle);
		assert_memory_equal(regs[0], regs[1], 128);
		assert_memory_equal(regs[0], regs[2], 128);
	}
}

static void any_registers_and_any_seconds_are_survived(void **state)
{
	uint64_t x = 88172645463325252;
	uint8_t regs[128];

	(void)state;
	for (unsigned round = 0; round < 300000; round++) {
		int64_t when;

		for (unsigned reg = 0; reg < 128; reg += 8) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			memcpy(&regs[reg], &x, 8);
		}
		when = cmos_time_decode(regs);
		assert_in_range(when - FIRST + 100 * 86400, 0, INT64_C(31556952) * 40000);
		/* What it means is what it then says, within the 10000 years that can be shown. */
		cmos_time_encode(regs, when);
		if (when >= FIRST && when <= LAST)
			assert_int_equal(cmos_time_decode(regs), when);
		else
			assert_in_range(cmos_time_decode(regs) - FIRST, 0, LAST - FIRST);
		cmos_time_encode(regs, (int64_t)x >> 3);
		assert_in_range(cmos_time_decode(regs) - FIRST, 0, LAST - FIRST);
	}
}

/* The alarm by what the data sheet says of it, second after second. */
static int64_t alarm_by_trying(const uint8_t *alarm_regs, int64_t seconds)
{
	uint8_t regs[128];

	memcpy(regs, alarm_regs, sizeof(regs));
	for (int64_t when = seconds + 1; when <= seconds + 86400; when++) {
		unsigned fit = 0;

		cmos_time_encode(regs, when);
		for (unsigned reg = 0; reg <= HOURS; reg += 2)
			fit += regs[reg + 1] >= 0xC0 || regs[reg + 1] == regs[reg];
		if (fit == 3)
			return when;
	}
	return CMOS_TIME_NEVER;
}

static void the_next_alarm_is_found(void **state)
{
	static const struct {
		uint8_t mode, hours, minutes, seconds;
	} rows[] = {
		{HOURS_24, 0x23, 0x59, 0x58},
		{HOURS_24, 0x23, 0x59, 0x57}, /* the present second: tomorrow's */
		{HOURS_24, 0x00, 0x00, 0x00},
		{HOURS_24, 0x12, 0x30, 0x15},
		{HOURS_24, 0xC0, 0xFF, 0xD5},
		{HOURS_24, 0xFF, 0xFF, 0x57},
		{HOURS_24, 0xFF, 0x59, 0x56},
		{HOURS_24, 0xFF, 0x58, 0x59},
		{HOURS_24, 0x22, 0xFF, 0x59},
		{HOURS_24, 0x23, 0xFF, 0x56},
		{HOURS_24, 0x22, 0x58, 0xE0},
		{HOURS_24, 0x23, 0x58, 0x56},
		{HOURS_24, 0xFF, 0xFF, 0x60}, /* never */
		{HOURS_24, 0xFF, 0x60, 0xFF},
		{HOURS_24, 0x24, 0xFF, 0xFF},
		{HOURS_24, 0x91, 0x59, 0x58},
		{HOURS_24, 0x23, 0xBF, 0x58},
		{HOURS_24 | BINARY, 23, 59, 58},
		{HOURS_24 | BINARY, 0x23, 0x59, 0x58},
		{HOURS_24 | BINARY, 7, 0xFF, 59},
		{0, 0x91, 0x59, 0x58},
		{0, 0x11, 0x59, 0x58},
		{0, 0x12, 0x00, 0x00},
		{0, 0x92, 0x00, 0x00},
		{0, 0x23, 0x00, 0x00},
		{BINARY, 0x8B, 59, 58},
		{BINARY, 12, 0xFE, 0},
	};
	/* 1970-01-01 and 1969, 23:59:57. */
	static const int64_t times[] = {86397, 86399, 0, -3, -86400 * 400 - 1};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint8_t regs[128] = {[STATUS_B] = rows[i].mode,
				     [SECONDS + 1] = rows[i].seconds,
				     [MINUTES + 1] = rows[i].minutes,
				     [HOURS + 1] = rows[i].hours};

		for (size_t t = 0; t < sizeof(times) / sizeof(times[0]); t++)
			assert_int_equal(cmos_time_alarm(regs, times[t]),
					 alarm_by_trying(regs, times[t]));
	}
}

/* Each step of the search is needed by some alarm: the worst ones are all in here. */
static void any_alarm_is_found_from_any_second(void **state)
{
	uint64_t x = 88172645463325252;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		uint8_t regs[128] = {[STATUS_B] = HOURS_24 | BINARY};
		int64_t when;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		when = (int64_t)(x >> 32) % 86400;
		/* Just before the present second, in the present minute or hour or in any. */
		regs[HOURS + 1] = x & 1 ? (uint8_t)(when / 3600) : 0xFF;
		regs[MINUTES + 1] = x & 2 ? (uint8_t)(when / 60 % 60) : 0xFF;
		regs[SECONDS + 1] = (uint8_t)((when + 60 - (x >> 2) % 3) % 60);
		if (x & 16)
			regs[MINUTES + 1] = (uint8_t)((when / 60 + 59) % 60);
		assert_int_equal(cmos_time_alarm(regs, when), alarm_by_trying(regs, when));
	}
	/* From far ends. */
	for (unsigned i = 0; i < 2; i++) {
		uint8_t regs[128] = {[STATUS_B] = HOURS_24, [1] = 0xFF, [3] = 0xFF, [5] = 0xFF};
		int64_t end = (INT64_C(1) << 60) * (i ? 1 : -1);

		assert_int_equal(cmos_time_alarm(regs, end), end + 1);
		regs[1] = 0x60;
		assert_int_equal(cmos_time_alarm(regs, end), CMOS_TIME_NEVER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_day_of_ten_thousand_years),
		cmocka_unit_test(every_mode_shows_the_same_time),
		cmocka_unit_test(only_the_time_registers_are_written),
		cmocka_unit_test(impossible_times_count_for_what_they_weigh),
		cmocka_unit_test(years_are_shown_modulo_10000),
		cmocka_unit_test(the_next_alarm_is_found),
		cmocka_unit_test(any_alarm_is_found_from_any_second),
		cmocka_unit_test(any_registers_and_any_seconds_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
