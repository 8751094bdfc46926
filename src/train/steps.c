#include "train/steps.h"

static void tell(struct steps *s, double within)
{
    double share = s->total > 0 ? (s->done + within) / s->total : 0;
    share = share > 1 ? 1 : share;
    if (s->told_name == s->name && share <= s->said)
        return; /* nothing new */
    s->told_name = s->name;
    s->said = share > s->said ? share : s->said;
    if (s->told->progress)
        s->told->progress(s->told->ctx, s->name, s->said);
}

static void within_step(void *ctx, const char *step, double done)
{
    tell(ctx, done > 1 ? 1 : done);
}

void steps_begin(struct steps *s, const char *name)
{
    s->name = name;
    tell(s, 0);
}

void steps_end(struct steps *s)
{
    s->done += 1;
    tell(s, 0);
}

struct fit_options steps_fit(struct steps *s)
{
    struct fit_options o = *s->told;
    o.progress = within_step;
    o.ctx = s;
    return o;
}

bool steps_stopped(const struct steps *s)
{
    return s->told->stop && atomic_load(s->told->stop);
}
