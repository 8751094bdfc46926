/* The Prometheus text format, version 0.0.4. */
#include "base/json.h"
#include "base/metrics_impl.h"
#include <math.h>
#include <string.h>

static const char *const kind_names[] = {"counter", "gauge", "histogram"};

static void number_add(struct strbuf *out, double v)
{
    char text[JSON_NUMBER_TEXT];
    if (isnan(v))
        strbuf_add_c(out, "NaN");
    else if (isinf(v))
        strbuf_add_c(out, v > 0 ? "+Inf" : "-Inf");
    else
        strbuf_add(out, text, json_double(v, text));
}

/* `name{labels,le="x"} ` */
static void series_name(struct strbuf *out, const char *full, const char *suffix,
                        const struct series *s, const double *bound)
{
    bool labels = s->labels[0];
    strbuf_printf(out, "%s%s", full, suffix);
    if (labels || bound)
        strbuf_printf(out, "{%s", s->labels);
    if (bound) {
        strbuf_add_c(out, labels ? ",le=\"" : "le=\"");
        number_add(out, *bound);
        strbuf_add_char(out, '"');
    }
    strbuf_add_c(out, labels || bound ? "} " : " ");
}

/* The count is the sum of the buckets as they were read, so the text agrees with itself. */
static void histogram_render(struct strbuf *out, const char *full, const struct family *f,
                             const struct series *s)
{
    uint64_t count = 0;
    for (unsigned i = 0; i <= f->bound_count; i++) {
        double bound = i < f->bound_count ? f->bounds[i] : INFINITY;
        count += atomic_load_explicit(&s->buckets[i], memory_order_relaxed);
        series_name(out, full, "_bucket", s, &bound);
        strbuf_printf(out, "%llu\n", (unsigned long long)count);
    }
    series_name(out, full, "_sum", s, NULL);
    number_add(out, metrics_double(&s->bits));
    strbuf_add_char(out, '\n');
    series_name(out, full, "_count", s, NULL);
    strbuf_printf(out, "%llu\n", (unsigned long long)count);
}

static void help_add(struct strbuf *out, const char *full, const char *help)
{
    strbuf_printf(out, "# HELP %s ", full);
    for (; *help; help++) {
        if (*help == '\n')
            strbuf_add_c(out, "\\n");
        else if (*help == '\\')
            strbuf_add_c(out, "\\\\");
        else
            strbuf_add_char(out, *help);
    }
    strbuf_add_char(out, '\n');
}

static void family_render(struct strbuf *out, const struct family *f)
{
    struct strbuf full;
    strbuf_init(&full, 0);
    bool process = strncmp(f->name, "process_", 8) == 0;
    strbuf_printf(&full, "%s%s", process ? "" : metrics_prefix_get(), f->name);
    help_add(out, full.buf, f->help);
    strbuf_printf(out, "# TYPE %s %s\n", full.buf, kind_names[f->kind]);
    for (const struct series *s = f->first; s; s = s->next) {
        if (f->kind == METRIC_HISTOGRAM) {
            histogram_render(out, full.buf, f, s);
        } else {
            series_name(out, full.buf, "", s, NULL);
            number_add(out, metrics_double(&s->bits));
            strbuf_add_char(out, '\n');
        }
    }
    strbuf_release(&full);
}

void metrics_render(struct strbuf *out)
{
    metrics_collect();
    metrics_lock();
    for (const struct family *f = metrics_families(); f; f = f->next)
        family_render(out, f);
    metrics_unlock();
    metrics_process(out);
    metrics_collect_end();
}
