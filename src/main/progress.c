#include "main/progress.h"
#include "base/clock.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BAR = 30 };
static const int64_t SECOND = 1000000000;

void progress_start(struct progress *p, const char *what, const char *unit, uint64_t total)
{
    *p = (struct progress){
        .what = what, .unit = unit, .total = total, .terminal = isatty(STDERR_FILENO)};
    p->started_ns = p->shown_ns = clock_mono_ns();
}

static void print_time(double s)
{
    if (s < 60)
        fprintf(stderr, "%.0f s", s);
    else
        fprintf(stderr, "%ld min %02ld s", (long)s / 60, (long)s % 60);
}

static void print(const struct progress *p, uint64_t done, int64_t now)
{
    double seconds = (double)(now - p->started_ns) / 1e9;
    double rate = seconds > 0 ? (double)done / seconds : 0;
    fprintf(stderr, "%s%s ", p->terminal ? "\r\x1b[K" : "", p->what);
    if (p->terminal && p->total) {
        char bar[BAR + 1];
        size_t full = (size_t)(BAR * (done < p->total ? done : p->total) / p->total);
        memset(bar, '.', BAR);
        memset(bar, '#', full);
        bar[BAR] = 0;
        fprintf(stderr, "[%s] ", bar);
    }
    fprintf(stderr, "%" PRIu64, done);
    if (p->total)
        fprintf(stderr, " of %" PRIu64, p->total);
    fprintf(stderr, " %s, %.0f/s", p->unit, rate);
    if (p->total > done && rate > 0) {
        fprintf(stderr, ", ");
        print_time((double)(p->total - done) / rate);
        fprintf(stderr, " left");
    }
    if (!p->terminal)
        fputc('\n', stderr);
    fflush(stderr);
}

void progress_show(struct progress *p, uint64_t done)
{
    int64_t now = clock_mono_ns();
    if (p->quiet || now - p->shown_ns < (p->terminal ? SECOND / 5 : 5 * SECOND))
        return;
    p->shown_ns = now;
    print(p, done, now);
}

void progress_end(struct progress *p, uint64_t done)
{
    if (p->quiet)
        return;
    print(p, done, clock_mono_ns());
    if (p->terminal)
        fputc('\n', stderr);
}
