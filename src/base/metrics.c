#include "base/metrics.h"
#include "base/arena.h"
#include "base/metrics_impl.h"
#include "base/thread.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLLECTORS_MAX = 32 };

static struct lock lock;
static struct cond rendered;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct family *families, **families_last = &families;
static char prefix[64] = "akin_";
static bool rendering;
static struct collector {
    void (*collect)(void *ctx);
    void *ctx;
} collectors[COLLECTORS_MAX];
static unsigned collector_count;

static void setup(void)
{
    lock_init(&lock, LOCK_METRICS);
    cond_init(&rendered);
}

void metrics_lock(void)
{
    pthread_once(&once, setup);
    lock_take(&lock);
}

void metrics_unlock(void)
{
    lock_drop(&lock);
}

const struct family *metrics_families(void)
{
    lock_assert_held(&lock);
    return families;
}

const char *metrics_prefix_get(void)
{
    lock_assert_held(&lock);
    return prefix;
}

void metrics_prefix(const char *p)
{
    assert(strlen(p) < sizeof prefix);
    metrics_lock();
    memcpy(prefix, p, strlen(p) + 1);
    metrics_unlock();
}

double metrics_double(const _Atomic uint64_t *bits)
{
    uint64_t b = atomic_load_explicit(bits, memory_order_relaxed);
    double v;
    memcpy(&v, &b, sizeof v);
    return v;
}

static void double_set(_Atomic uint64_t *bits, double v)
{
    uint64_t b;
    memcpy(&b, &v, sizeof b);
    atomic_store_explicit(bits, b, memory_order_relaxed);
}

static void double_add(_Atomic uint64_t *bits, double v)
{
    uint64_t was = atomic_load_explicit(bits, memory_order_relaxed), now;
    do {
        double sum;
        memcpy(&sum, &was, sizeof sum);
        sum += v;
        memcpy(&now, &sum, sizeof now);
    } while (!atomic_compare_exchange_weak_explicit(bits, &was, now, memory_order_relaxed,
                                                    memory_order_relaxed));
}

static struct series *series_make(struct family *f, const char *labels, uint64_t hash)
{
    size_t counts = f->kind == METRIC_HISTOGRAM ? f->bound_count + 1 : 0;
    struct series *s = xcalloc(1, sizeof *s + counts * sizeof s->buckets[0]);
    s->family = f;
    s->labels = xstrdup(labels);
    s->hash = hash;
    s->next_in_table = f->table[hash % TABLE_SIZE];
    f->table[hash % TABLE_SIZE] = s;
    *f->last = s;
    f->last = &s->next;
    f->series_count++;
    return s;
}

static struct series *series_find(const struct family *f, const char *labels, uint64_t hash)
{
    struct series *s = f->table[hash % TABLE_SIZE];
    while (s && (s->hash != hash || strcmp(s->labels, labels) != 0))
        s = s->next_in_table;
    return s;
}

static void label_escape(struct strbuf *out, const char *value)
{
    struct str s = str_c(value);
    while (s.n) {
        size_t n = str_utf8_size(s);
        if (n == 0)
            strbuf_add_c(out, "\xef\xbf\xbd");
        else if (*s.s == '\\' || *s.s == '"')
            strbuf_printf(out, "\\%c", *s.s);
        else if (*s.s == '\n')
            strbuf_add_c(out, "\\n");
        else
            strbuf_add(out, s.s, n);
        s.s += n ? n : 1;
        s.n -= n ? n : 1;
    }
}

/* NULL values: each is "other". */
static void labels_text(const struct family *f, const char *const *values, struct strbuf *out)
{
    strbuf_add(out, "", 0);
    for (unsigned i = 0; i < f->label_count; i++) {
        strbuf_printf(out, "%s%s=\"", i ? "," : "", f->label_names[i]);
        label_escape(out, values ? values[i] : "other");
        strbuf_add_char(out, '"');
    }
}

static struct series *series_of(struct family *f, const char *const *values)
{
    struct strbuf text;
    assert(values || f->label_count == 0);
    strbuf_init(&text, 0);
    labels_text(f, values, &text);
    uint64_t hash = str_hash(strbuf_str(&text));
    metrics_lock();
    struct series *s = series_find(f, text.buf, hash);
    if (!s && f->series_count >= SERIES_MAX) {
        strbuf_clear(&text);
        labels_text(f, NULL, &text);
        hash = str_hash(strbuf_str(&text));
        s = series_find(f, text.buf, hash);
    }
    if (!s)
        s = series_make(f, text.buf, hash);
    metrics_unlock();
    strbuf_release(&text);
    return s;
}

static void name_check(struct str s)
{
    assert(s.n);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.s[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        assert(letter || (i && c >= '0' && c <= '9'));
    }
}

static void labels_split(struct family *f)
{
    struct str rest = str_c(f->labels);
    while (rest.n) {
        const char *comma = memchr(rest.s, ',', rest.n);
        struct str name = {rest.s, comma ? (size_t)(comma - rest.s) : rest.n};
        assert(f->label_count < LABELS_MAX);
        name_check(name);
        f->label_names[f->label_count++] = (char *)str_dup(name).s;
        rest.s += name.n + !!comma;
        rest.n -= name.n + !!comma;
    }
}

static struct family *family_make(enum metric_kind kind, const char *name, const char *help,
                                  const char *labels, const double *bounds, unsigned bound_count)
{
    struct family *f = xcalloc(1, sizeof *f);
    name_check(str_c(name));
    f->kind = kind;
    f->name = xstrdup(name);
    f->help = xstrdup(help);
    f->labels = xstrdup(labels);
    f->last = &f->first;
    labels_split(f);
    for (unsigned i = 0; i < bound_count; i++) {
        assert(isfinite(bounds[i]) && (i == 0 || bounds[i] > bounds[i - 1]));
        f->bounds[i] = bounds[i];
    }
    f->bound_count = bound_count;
    *families_last = f;
    families_last = &f->next;
    return f;
}

static struct family *family_of(enum metric_kind kind, const char *name, const char *help,
                                const char *labels, const double *bounds, unsigned bound_count)
{
    labels = labels ? labels : "";
    assert(bound_count <= BUCKETS_MAX);
    metrics_lock();
    struct family *f = families;
    while (f && strcmp(f->name, name) != 0)
        f = f->next;
    if (f)
        assert(f->kind == kind && strcmp(f->labels, labels) == 0);
    else
        f = family_make(kind, name, help, labels, bounds, bound_count);
    metrics_unlock();
    if (f->label_count == 0)
        series_of(f, NULL); /* stands at 0 from the start */
    return f;
}

struct counter_family *counter_family(const char *name, const char *help, const char *labels)
{
    return (struct counter_family *)family_of(METRIC_COUNTER, name, help, labels, NULL, 0);
}

struct gauge_family *gauge_family(const char *name, const char *help, const char *labels)
{
    return (struct gauge_family *)family_of(METRIC_GAUGE, name, help, labels, NULL, 0);
}

struct histogram_family *histogram_family(const char *name, const char *help, const char *labels,
                                          const double *buckets, unsigned count)
{
    static const double seconds[] = {.0005, .001, .0025, .005, .01, .025, .05, .1,
                                     .25,   .5,   1,     2.5,  5,   10,   30,  60};
    if (!buckets) {
        buckets = seconds;
        count = sizeof seconds / sizeof *seconds;
    }
    return (struct histogram_family *)family_of(METRIC_HISTOGRAM, name, help, labels, buckets,
                                                count);
}

struct counter *counter_of(struct counter_family *f, const char *const *values)
{
    return (struct counter *)series_of((struct family *)f, values);
}

struct gauge *gauge_of(struct gauge_family *f, const char *const *values)
{
    return (struct gauge *)series_of((struct family *)f, values);
}

struct histogram *histogram_of(struct histogram_family *f, const char *const *values)
{
    return (struct histogram *)series_of((struct family *)f, values);
}

static void series_unlink(struct family *f, struct series *s)
{
    struct series **p = &f->table[s->hash % TABLE_SIZE];
    while (*p != s)
        p = &(*p)->next_in_table;
    *p = s->next_in_table;
    for (p = &f->first; *p != s; p = &(*p)->next)
        ;
    *p = s->next;
    if (f->last == &s->next)
        f->last = p;
    f->series_count--;
}

void gauge_drop(struct gauge_family *family, const char *const *values)
{
    struct family *f = (struct family *)family;
    struct strbuf text;
    strbuf_init(&text, 0);
    labels_text(f, values, &text);
    metrics_lock();
    struct series *s = series_find(f, text.buf, str_hash(strbuf_str(&text)));
    if (s)
        series_unlink(f, s);
    metrics_unlock();
    strbuf_release(&text);
    if (s) {
        free(s->labels);
        free(s);
    }
}

void counter_add(struct counter *c, double v)
{
    assert(v >= 0);
    double_add(&((struct series *)c)->bits, v);
}

double counter_value(const struct counter *c)
{
    return metrics_double(&((const struct series *)c)->bits);
}

void gauge_set(struct gauge *g, double v)
{
    double_set(&((struct series *)g)->bits, v);
}

void gauge_add(struct gauge *g, double v)
{
    double_add(&((struct series *)g)->bits, v);
}

double gauge_value(const struct gauge *g)
{
    return metrics_double(&((const struct series *)g)->bits);
}

void histogram_add(struct histogram *h, double v)
{
    struct series *s = (struct series *)h;
    const struct family *f = s->family;
    unsigned i = 0;
    while (i < f->bound_count && !(v <= f->bounds[i]))
        i++;
    atomic_fetch_add_explicit(&s->buckets[i], 1, memory_order_relaxed);
    double_add(&s->bits, v);
}

void metrics_collector(void (*collect)(void *ctx), void *ctx)
{
    metrics_lock();
    assert(collector_count < COLLECTORS_MAX);
    collectors[collector_count++] = (struct collector){collect, ctx};
    metrics_unlock();
}

/* On return the collector does not run any more, so what it looks at may be freed. */
void metrics_collector_remove(void (*collect)(void *ctx), void *ctx)
{
    metrics_lock();
    while (rendering)
        cond_wait(&rendered, &lock);
    for (unsigned i = 0; i < collector_count; i++) {
        if (collectors[i].collect == collect && collectors[i].ctx == ctx) {
            collectors[i] = collectors[--collector_count];
            break;
        }
    }
    metrics_unlock();
}

/* Collectors run without the lock (they take others), one rendering at a time. */
void metrics_collect(void)
{
    struct collector now[COLLECTORS_MAX];
    metrics_lock();
    while (rendering)
        cond_wait(&rendered, &lock);
    rendering = true;
    unsigned count = collector_count;
    memcpy(now, collectors, sizeof now);
    metrics_unlock();
    for (unsigned i = 0; i < count; i++)
        now[i].collect(now[i].ctx);
}

void metrics_collect_end(void)
{
    metrics_lock();
    rendering = false;
    cond_broadcast(&rendered);
    metrics_unlock();
}
