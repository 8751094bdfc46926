#include "base/json.h"
#include "main/eval_recommend.h"
#include "train/report.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {"readers", "time", "items"};

int eval_best(const struct eval_recommend *v)
{
    int best = -1;
    for (unsigned i = 0; i < v->all.count; i++) {
        const struct contender *c = &v->all.contenders[i];
        bool asked = c->learned && v->o.kinds >> c->recipe.kind & 1;
        if (asked && (best < 0 || v->validated[i] > v->validated[best]))
            best = (int)i;
    }
    return best;
}

static enum measure metric_of(const struct eval_recommend *v)
{
    return evaluate_metric(v->o.split.kind);
}

/* ---- what was tried ---- */

static void note_chosen(struct eval_recommend *v, const struct contender *c, uint64_t seed)
{
    struct strbuf text;
    struct json_writer w;
    strbuf_init(&text, 0);
    json_writer_init(&w, &text);
    recipe_render(&w, &c->recipe);
    strbuf_printf(&v->chosen, "  seed %-6llu %-11s %s %.4f of %u tried: %s\n",
                  (unsigned long long)seed, c->name, measure_name(metric_of(v)),
                  c->trials.all[c->trials.best].metric, c->trials.count, text.buf);
    strbuf_release(&text);
}

void eval_note_seed(struct eval_recommend *v, const struct evaluation *one, uint64_t seed)
{
    struct json_writer w;
    if (v->tried.n)
        strbuf_add_char(&v->tried, ',');
    json_writer_init(&w, &v->tried);
    json_object_begin(&w);
    json_key(&w, "seed"), json_put_int(&w, (int64_t)seed);
    json_key(&w, "chosen");
    json_array_begin(&w);
    for (unsigned i = 0; i < one->count; i++) {
        const struct contender *c = &one->contenders[i];
        if (!c->learned)
            continue;
        json_object_begin(&w);
        json_key(&w, "name"), json_put_c(&w, c->name);
        json_key(&w, "parameters"), recipe_render(&w, &c->recipe);
        json_key(&w, "seconds"), json_put_double(&w, c->seconds);
        json_key(&w, "tried");
        json_array_begin(&w);
        report_trials(&w, &c->trials, metric_of(v));
        json_array_end(&w);
        json_object_end(&w);
        if (c->trials.count)
            note_chosen(v, c, seed);
    }
    json_array_end(&w);
    json_object_end(&w);
}

/* ---- differences from the best ---- */

struct differences {
    struct measured_difference of[CONTENDERS_MAX];
    double holm[CONTENDERS_MAX]; /* by place; that of the best is not set */
};

static void differences_make(const struct eval_recommend *v, int best, struct differences *d)
{
    double p[CONTENDERS_MAX];
    unsigned n = 0;
    for (unsigned i = 0; i < v->all.count; i++)
        if ((int)i != best) {
            d->of[i] = measured_compare(&v->all.contenders[best].all, &v->all.contenders[i].all,
                                        metric_of(v), v->o.split.seed);
            p[n++] = d->of[i].p;
        }
    resample_holm(p, n);
    n = 0;
    for (unsigned i = 0; i < v->all.count; i++)
        if ((int)i != best)
            d->holm[i] = p[n++];
}

/* ---- for people ---- */

static void print_row(const char *name, const struct measured *m, uint64_t seed)
{
    static const enum measure wide[] = {MEASURE_NDCG_100, MEASURE_RECALL_20, MEASURE_RECALL_100};
    static const enum measure narrow[] = {MEASURE_RECALL_50, MEASURE_NDCG_10, MEASURE_MRR};
    printf("%-11s", name);
    for (size_t i = 0; i < 3; i++) {
        struct measured_mean x = measured_mean(m, wide[i], seed);
        printf("  %.4f [%.4f %.4f]", x.mean, x.range.low, x.range.high);
    }
    for (size_t i = 0; i < 3; i++)
        printf("  %9.4f", resample_mean(m->values[narrow[i]], m->cases));
    printf("  %8.4f  %6.4f  %7.2f\n", m->coverage, m->gini,
           resample_mean(m->values[MEASURE_NOVELTY], m->cases));
}

static void print_table(const struct eval_recommend *v, bool new_readers)
{
    printf("\n%-11s  %-22s  %-22s  %-22s  %9s  %9s  %9s  %8s  %6s  %7s\n", "", "ndcg@100",
           "recall@20", "recall@100", "recall@50", "ndcg@10", "mrr@100", "coverage", "gini",
           "novelty");
    for (unsigned i = 0; i < v->all.count; i++) {
        const struct contender *c = &v->all.contenders[i];
        print_row(c->name, new_readers ? &c->new_readers : &c->all, v->o.split.seed);
    }
}

static void print_differences(const struct eval_recommend *v, int best)
{
    struct differences d;
    differences_make(v, best, &d);
    printf("\n%s against, in %s\n", v->all.contenders[best].name, measure_name(metric_of(v)));
    for (unsigned i = 0; i < v->all.count; i++)
        if ((int)i != best)
            printf("  %-11s  %+.4f [%+.4f %+.4f]  p %.4f, Holm %.4f\n", v->all.contenders[i].name,
                   d.of[i].mean, d.of[i].range.low, d.of[i].range.high, d.of[i].p, d.holm[i]);
}

static void print_head(const struct eval_recommend *v)
{
    const struct training_set *s = v->set.set;
    printf("%s: %u readers, %u documents, %zu acts", v->path, s->readers, s->items,
           s->start[s->readers]);
    if (s->dims)
        printf(", texts of %u dimensions", s->dims);
    printf("\nsplit by %s, seed %llu", kinds[v->o.split.kind], (unsigned long long)v->o.split.seed);
    if (v->seeds > 1)
        printf(" to %llu", (unsigned long long)v->o.split.seed + v->seeds - 1);
    printf(": %u readers to validate, %u to test", v->all.validation, v->all.test);
    if (v->o.split.kind == SPLIT_ITEMS)
        printf("; %u new documents (seed %llu), ranked among themselves", v->all.items_new,
               (unsigned long long)v->o.split.seed);
    printf(
        "\nall documents are ranked but those given; intervals of 95 %%, bootstrap over the test "
        "readers\n");
}

void eval_recommend_print(const struct eval_recommend *v)
{
    int best = eval_best(v);
    print_head(v);
    print_table(v, false);
    if (v->all.new_readers) {
        printf("\nnew readers alone: %u", v->all.new_readers);
        print_table(v, true);
    }
    if (best >= 0)
        print_differences(v, best);
    if (v->chosen.n)
        printf("\nchosen on validation\n%s", v->chosen.buf);
    if (v->left_out.code)
        printf("\nleft out: %s\n", v->left_out.message);
    if (v->run)
        printf("\nruns: %s and so on\n", v->run);
}

/* ---- JSON ---- */

static void json_head(struct json_writer *w, const struct eval_recommend *v)
{
    const struct training_set *s = v->set.set;
    json_key(w, "file"), json_put_c(w, v->path);
    json_key(w, "readers"), json_put_int(w, s->readers);
    json_key(w, "documents"), json_put_int(w, s->items);
    json_key(w, "acts"), json_put_int(w, (int64_t)s->start[s->readers]);
    json_key(w, "dims"), json_put_int(w, s->dims);
    json_key(w, "split");
    json_object_begin(w);
    json_key(w, "kind"), json_put_c(w, kinds[v->o.split.kind]);
    json_key(w, "seed"), json_put_int(w, (int64_t)v->o.split.seed);
    json_key(w, "seeds"), json_put_int(w, v->seeds);
    json_key(w, "validation"), json_put_int(w, v->all.validation);
    json_key(w, "test"), json_put_int(w, v->all.test);
    json_key(w, "new_documents"), json_put_int(w, v->all.items_new);
    json_key(w, "new_readers"), json_put_int(w, v->all.new_readers);
    json_object_end(w);
}

static void json_contender(struct json_writer *w, const struct eval_recommend *v,
                           const struct contender *c)
{
    uint64_t seed = v->o.split.seed;
    json_object_begin(w);
    json_key(w, "name"), json_put_c(w, c->name);
    json_key(w, "metrics"), report_metrics(w, &c->all, seed);
    if (v->all.new_readers)
        json_key(w, "new_readers"), report_metrics(w, &c->new_readers, seed);
    if (v->run) {
        char *path = eval_run_path(v->run, c->name);
        json_key(w, "run"), json_put_c(w, path);
        free(path);
    }
    json_object_end(w);
}

static void json_differences(struct json_writer *w, const struct eval_recommend *v, int best)
{
    struct differences d;
    differences_make(v, best, &d);
    for (unsigned i = 0; i < v->all.count; i++) {
        if ((int)i == best)
            continue;
        json_object_begin(w);
        json_key(w, "name"), json_put_c(w, v->all.contenders[i].name);
        json_key(w, "metric"), json_put_c(w, measure_name(metric_of(v)));
        json_key(w, "mean"), json_put_double(w, d.of[i].mean);
        json_key(w, "low"), json_put_double(w, d.of[i].range.low);
        json_key(w, "high"), json_put_double(w, d.of[i].range.high);
        json_key(w, "p"), json_put_double(w, d.of[i].p);
        json_key(w, "p_holm"), json_put_double(w, d.holm[i]);
        json_object_end(w);
    }
}

void eval_recommend_json(const struct eval_recommend *v)
{
    int best = eval_best(v);
    struct strbuf out;
    struct json_writer w;
    strbuf_init(&out, 0);
    json_writer_init(&w, &out);
    json_object_begin(&w);
    json_head(&w, v);
    json_key(&w, "contenders");
    json_array_begin(&w);
    for (unsigned i = 0; i < v->all.count; i++)
        json_contender(&w, v, &v->all.contenders[i]);
    json_array_end(&w);
    json_key(&w, "best"), json_put_c(&w, best < 0 ? NULL : v->all.contenders[best].name);
    json_key(&w, "differences");
    json_array_begin(&w);
    if (best >= 0)
        json_differences(&w, v, best);
    json_array_end(&w);
    json_key(&w, "seeds");
    json_array_begin(&w);
    json_put_raw(&w, strbuf_str(&v->tried));
    json_array_end(&w);
    json_key_c(&w, "left_out", v->left_out.code ? v->left_out.message : NULL);
    json_object_end(&w);
    printf("%s\n", out.buf);
    strbuf_release(&out);
}
