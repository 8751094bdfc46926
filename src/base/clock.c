#include "base/clock.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static struct clock_source source;

void clock_replace(const struct clock_source *s)
{
    source = s ? *s : (struct clock_source){0};
}

int64_t clock_wall_us(void)
{
    if (source.wall_us)
        return source.wall_us(source.ctx);
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_mono_ns(void)
{
    if (source.mono_ns)
        return source.mono_ns(source.ctx);
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t clock_thread_ns(void)
{
    if (source.mono_ns)
        return clock_mono_ns();
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void clock_sleep_ns(int64_t ns)
{
    if (source.sleep_ns) {
        source.sleep_ns(source.ctx, ns);
        return;
    }
    if (ns <= 0)
        return;
    struct timespec t = {ns / 1000000000, ns % 1000000000};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
        ;
}

struct civil {
    int64_t year;
    unsigned month, day;
};

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": years begin in March, so that
 * the leap day is the last of its year. */
static struct civil civil_from_days(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned doe = (unsigned)(days - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153;
    unsigned month = mp < 10 ? mp + 3 : mp - 9;
    return (struct civil){(int64_t)yoe + era * 400 + (month <= 2), month,
                          doy - (153 * mp + 2) / 5 + 1};
}

static int64_t days_from_civil(struct civil c)
{
    int64_t y = c.year - (c.month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    unsigned yoe = (unsigned)(y - era * 400);
    unsigned doy = (153 * (c.month > 2 ? c.month - 3 : c.month + 9) + 2) / 5 + c.day - 1;
    unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

static const int64_t SECOND_US = 1000000, DAY_US = 86400 * SECOND_US;
static const int64_t YEAR_0_US = -719528 * DAY_US, YEAR_10000_US = 2932897 * DAY_US;

void clock_format(int64_t wall_us, char out[CLOCK_TEXT])
{
    if (wall_us < YEAR_0_US)
        wall_us = YEAR_0_US;
    if (wall_us >= YEAR_10000_US)
        wall_us = YEAR_10000_US - 1;
    int64_t days = wall_us / DAY_US - (wall_us % DAY_US < 0);
    int64_t us = wall_us - days * DAY_US;
    unsigned seconds = (unsigned)(us / SECOND_US);
    struct civil c = civil_from_days(days);
    char text[80]; /* as the compiler sees it, each number may have ten digits */
    snprintf(text, sizeof text, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ", (unsigned)c.year, c.month,
             c.day, seconds / 3600, seconds / 60 % 60, seconds % 60, (unsigned)(us % SECOND_US));
    memcpy(out, text, CLOCK_TEXT);
}

/* `digits` decimal digits at *s, which moves on; -1 if there are not so many. */
static int number_take(struct str *s, unsigned digits)
{
    int v = 0;
    if (s->n < digits)
        return -1;
    for (unsigned i = 0; i < digits; i++) {
        int d = s->s[i] - '0';
        if (d < 0 || d > 9)
            return -1;
        v = v * 10 + d;
    }
    s->s += digits;
    s->n -= digits;
    return v;
}

static bool char_take(struct str *s, const char *any)
{
    if (!s->n || !s->s[0] || !strchr(any, s->s[0]))
        return false;
    s->s++;
    s->n--;
    return true;
}

static unsigned month_days(int year, int month)
{
    static const unsigned char days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (leap && month == 2);
}

/* ".123" in microseconds; digits beyond the sixth are dropped. */
static bool fraction_take(struct str *s, int64_t *us)
{
    *us = 0;
    if (!char_take(s, "."))
        return true;
    unsigned digits = 0;
    for (int64_t unit = 100000; s->n && s->s[0] >= '0' && s->s[0] <= '9'; unit /= 10) {
        *us += (s->s[0] - '0') * unit;
        s->s++;
        s->n--;
        digits++;
    }
    return digits > 0;
}

static bool offset_take(struct str *s, int64_t *seconds)
{
    *seconds = 0;
    if (char_take(s, "Zz"))
        return true;
    int sign = char_take(s, "+") ? 1 : char_take(s, "-") ? -1 : 0;
    int hours = number_take(s, 2);
    bool colon = char_take(s, ":");
    int minutes = number_take(s, 2);
    if (!sign || !colon || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    *seconds = sign * (hours * 3600 + minutes * 60);
    return true;
}

enum err clock_parse(struct str s, int64_t *wall_us)
{
    int64_t us, offset;
    int year = number_take(&s, 4);
    bool ok = char_take(&s, "-");
    int month = number_take(&s, 2);
    ok = ok && char_take(&s, "-");
    int day = number_take(&s, 2);
    ok = ok && char_take(&s, "Tt ");
    int hour = number_take(&s, 2);
    ok = ok && char_take(&s, ":");
    int minute = number_take(&s, 2);
    ok = ok && char_take(&s, ":");
    int second = number_take(&s, 2);
    ok = ok && fraction_take(&s, &us) && offset_take(&s, &offset) && s.n == 0;
    if (!ok || year < 0 || month < 1 || month > 12 || day < 1 ||
        (unsigned)day > month_days(year, month) || hour < 0 || hour > 23 || minute < 0 ||
        minute > 59 || second < 0 || second > 60)
        return ERR_INVALID;
    int64_t days = days_from_civil((struct civil){year, (unsigned)month, (unsigned)day});
    int64_t seconds = days * 86400 + hour * 3600 + minute * 60 + second - offset;
    *wall_us = seconds * SECOND_US + us;
    return ERR_OK;
}
