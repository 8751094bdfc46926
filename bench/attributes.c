/* bench_attributes [N]: the attribute index over N documents (800,000): microseconds and matches of
 * typical filters, facets, and of AND and OR of two bitmaps; the longest put. A JSON line each. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rng.h"
#include "index/filter.h"
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 9

static struct attributes *filled(uint32_t count)
{
    static const char *const langs[] = {"en", "en", "en", "en", "de", "fr", "ja", "zh"};
    struct attributes *x = attributes_new();
    struct rng r;
    int64_t longest_ns = 0;
    rng_init(&r, 1);
    for (uint32_t i = 1; i <= count; i++) {
        char id[16], tag[16], created[32];
        snprintf(id, sizeof id, "d%u", i);
        snprintf(tag, sizeof tag, "t%u", (unsigned)rng_below(&r, 1000));
        clock_format(1600000000000000 + (int64_t)i * 1000000 * 60, created);
        json_t *d = json_pack(
            "{s:s,s:s,s:s,s:[s],s:{s:i,s:f,s:b}}", "id", id, "lang", langs[rng_below(&r, 8)],
            "created", created, "tags", tag, "attributes", "year", 1990 + (int)rng_below(&r, 36),
            "price", (double)rng_below(&r, 10000000) / 100, "hidden", rng_below(&r, 100) == 0);
        int64_t begin = clock_mono_ns();
        attributes_put(x, i, d);
        int64_t took_ns = clock_mono_ns() - begin;
        longest_ns = took_ns > longest_ns ? took_ns : longest_ns;
        json_decref(d);
    }
    printf("{\"longest_put_us\":%.1f}\n", (double)longest_ns / 1e3);
    return x;
}

static double best_us(double so_far, int64_t begin)
{
    double us = (double)(clock_mono_ns() - begin) / 1e3;
    return us < so_far ? us : so_far;
}

static void select_measure(struct attributes *x, const char *text)
{
    struct arena *a = arena_new(0);
    struct docset out;
    const struct filter *f = NULL;
    double us = 1e12;
    docset_init(&out);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t begin = clock_mono_ns();
        if (filter_parse(a, str_c(text), &f, NULL) || attributes_select(x, f, &out, NULL))
            abort();
        us = best_us(us, begin);
    }
    printf("{\"filter\":\"%s\",\"us\":%.1f,\"matches\":%zu}\n", text, us, out.count);
    docset_release(&out);
    arena_free(a);
}

static void bitmaps_measure(uint32_t count)
{
    struct docset a, b;
    struct rng r;
    double and_us = 1e12, or_us = 1e12;
    rng_init(&r, 2);
    docset_init(&a);
    docset_init(&b);
    for (int i = 0; i < 100 * ROUNDS; i++) {
        if (i % 100 == 0) {
            docset_release(&a);
            docset_release(&b);
            for (uint32_t n = 0; n < count / 2; n++) {
                docset_add(&a, (uint32_t)rng_below(&r, count));
                docset_add(&b, (uint32_t)rng_below(&r, count));
            }
        }
        int64_t begin = clock_mono_ns();
        docset_or(&a, &b);
        or_us = best_us(or_us, begin);
        begin = clock_mono_ns();
        docset_and(&a, &b);
        and_us = best_us(and_us, begin);
    }
    printf("{\"bitmaps\":%u,\"and_us\":%.1f,\"or_us\":%.1f}\n", count, and_us, or_us);
    docset_release(&a);
    docset_release(&b);
}

static void facet_measure(struct attributes *x, const char *field)
{
    struct arena *a = arena_new(0);
    struct docset all;
    struct facet_value *values = NULL;
    size_t count = 0;
    double us = 1e12;
    docset_init(&all);
    attributes_all(x, &all);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t begin = clock_mono_ns();
        if (attributes_facet(x, a, str_c(field), &all, 50, &values, &count, NULL))
            abort();
        us = best_us(us, begin);
    }
    printf("{\"facet\":\"%s\",\"us\":%.1f,\"values\":%zu}\n", field, us, count);
    docset_release(&all);
    arena_free(a);
}

int main(int argc, char **argv)
{
    static const char *const filters[] = {
        "lang = en",
        "tags = t7",
        "id = d77",
        "year >= 2020",
        "price 100 TO 50000",
        "created > 2021-01-01",
        "NOT hidden = true",
        "lang = en AND (year >= 2020 OR tags IN [t1, t2]) AND NOT hidden = true"};
    uint32_t count = argc > 1 ? (uint32_t)atoi(argv[1]) : 800000;
    json_setup();
    int64_t begin = clock_mono_ns();
    struct attributes *x = filled(count);
    printf("{\"documents\":%u,\"put_us\":%.2f,\"bytes_each\":%zu}\n", count,
           (double)(clock_mono_ns() - begin) / 1e3 / count, attributes_bytes(x) / count);
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        select_measure(x, filters[i]);
    facet_measure(x, "lang");
    facet_measure(x, "year");
    bitmaps_measure(count);
    attributes_free(x);
    return 0;
}
