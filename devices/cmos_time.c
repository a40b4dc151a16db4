// SPDX-License-Identifier: BSD-2-Clause
// Calendar and data modes of the MC146818's time registers, with the century at 32h as on PCs.
// Not the C library's calendar: any nonsense in the registers has a defined meaning here.
#include "devices/cmos_time.h"

#include <stdbool.h>

#define DAY_SECONDS       86400
#define DAYS_TO_1970      719528 /* from 1 January of the year 0, a Saturday */
#define DAYS_IN_400_YEARS 146097
#define DAYS_IN_CYCLE     3652425 /* 10000 years, 521775 whole weeks */
#define HOUR_PM           0x80u
#define ALARM_ANY         0xC0u /* "Time, Calendar, and Alarm Locations": both bits are "don't care" */
/*
 * Enough for any alarm that there is: what is left of a minute, an hour and a day, and once more
 * the minutes and seconds of the hour that fits.
 */
#define ALARM_STEPS 300u

static const int16_t days_before_month[12] = {0,   31,  59,  90,  120, 151,
					      181, 212, 243, 273, 304, 334};

static bool is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* From 1 January of the year 0 to 1 January of year, which is not negative. */
static int64_t days_before_year(int64_t year)
{
	return 365 * year + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
}

/* month is 0 to 11. */
static int64_t days_before(int64_t year, unsigned month)
{
	return days_before_year(year) + days_before_month[month] + (month > 1 && is_leap(year));
}

static uint8_t to_mode(const uint8_t *regs, int64_t number)
{
	if (regs[CMOS_STATUS_B] & CMOS_B_BINARY)
		return (uint8_t)number;
	return (uint8_t)(number / 10 << 4 | number % 10);
}

static unsigned from_mode(const uint8_t *regs, uint8_t value)
{
	if (regs[CMOS_STATUS_B] & CMOS_B_BINARY)
		return value;
	return (value >> 4) * 10u + (value & 0x0Fu);
}

static uint8_t encode_hour(const uint8_t *regs, int64_t hour)
{
	if (regs[CMOS_STATUS_B] & CMOS_B_24H)
		return to_mode(regs, hour);
	return to_mode(regs, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

static unsigned decode_hour(const uint8_t *regs)
{
	uint8_t value = regs[CMOS_HOURS];

	if (regs[CMOS_STATUS_B] & CMOS_B_24H)
		return from_mode(regs, value);
	return from_mode(regs, value & (uint8_t)~HOUR_PM) % 12 + (value & HOUR_PM ? 12 : 0);
}

static int64_t second_of_day(int64_t seconds)
{
	return (seconds % DAY_SECONDS + DAY_SECONDS) % DAY_SECONDS;
}

void cmos_time_encode(uint8_t *regs, int64_t seconds)
{
	int64_t of_day = second_of_day(seconds);
	int64_t days = (seconds - of_day) / DAY_SECONDS + DAYS_TO_1970;
	int64_t year;
	unsigned month = 11;

	days = (days % DAYS_IN_CYCLE + DAYS_IN_CYCLE) % DAYS_IN_CYCLE;
	year = days * 10000 / DAYS_IN_CYCLE;
	if (days_before_year(year) > days)
		year--;
	else if (days_before_year(year + 1) <= days)
		year++;
	while (days_before(year, month) > days)
		month--;

	regs[CMOS_SECONDS] = to_mode(regs, of_day % 60);
	regs[CMOS_MINUTES] = to_mode(regs, of_day / 60 % 60);
	regs[CMOS_HOURS] = encode_hour(regs, of_day / 3600);
	regs[CMOS_WEEKDAY] = to_mode(regs, (days + 6) % 7 + 1);
	regs[CMOS_DAY] = to_mode(regs, days - days_before(year, month) + 1);
	regs[CMOS_MONTH] = to_mode(regs, month + 1);
	regs[CMOS_YEAR] = to_mode(regs, year % 100);
	regs[CMOS_CENTURY] = to_mode(regs, year / 100);
}

int64_t cmos_time_decode(const uint8_t *regs)
{
	/* Four centuries, a whole Gregorian cycle, are lent so that a month 0 in the year 0 has a
	 * place. */
	int64_t months = 12 * (100 * (int64_t)from_mode(regs, regs[CMOS_CENTURY]) +
			       from_mode(regs, regs[CMOS_YEAR]) + 400) +
			 from_mode(regs, regs[CMOS_MONTH]) - 1;
	int64_t days = days_before(months / 12, (unsigned)(months % 12)) +
		       from_mode(regs, regs[CMOS_DAY]) - 1 - DAYS_IN_400_YEARS - DAYS_TO_1970;

	return ((days * 24 + decode_hour(regs)) * 60 + from_mode(regs, regs[CMOS_MINUTES])) * 60 +
	       from_mode(regs, regs[CMOS_SECONDS]);
}

static bool alarm_fits(uint8_t alarm, uint8_t time)
{
	return (alarm & ALARM_ANY) == ALARM_ANY || alarm == time;
}

int64_t cmos_time_alarm(const uint8_t *regs, int64_t seconds)
{
	for (unsigned step = 0; step < ALARM_STEPS; step++) {
		int64_t of_day = second_of_day(++seconds);

		/* What does not fit is passed over up to its last second. */
		if (!alarm_fits(regs[CMOS_HOURS_ALARM], encode_hour(regs, of_day / 3600)))
			seconds += 3599 - of_day % 3600;
		else if (!alarm_fits(regs[CMOS_MINUTES_ALARM], to_mode(regs, of_day / 60 % 60)))
			seconds += 59 - of_day % 60;
		else if (alarm_fits(regs[CMOS_SECONDS_ALARM], to_mode(regs, of_day % 60)))
			return seconds;
	}
	return CMOS_TIME_NEVER;
}
