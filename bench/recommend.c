/* bench_recommend [--items N] [--readers N] [--acts N] [--dims N] [--seed N] [--threads N]
 *     [--memory MB] [--kind ease|neighbours|walks|ials] [--model FILE] [--save FILE] [--sessions]
 *
 * A planted world (planted.h; 15,000 documents, 100,000 readers, a million acts), trained on as the
 * worker process does: what was chosen, how long it took, the most memory it had, and NDCG@100 on
 * readers held out, beside popularity. JSON lines; the last is the summary. --model keeps the
 * model; --save writes the set and does no more; --sessions measures a request to the session model
 * instead. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rng.h"
#include "planted.h"
#include "train/sessions.h"
#include "train/train.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct asked {
    struct planted_options world;
    struct train_options train;
    const char *save;
    bool sessions;
};

static void fail(const struct err_info *e)
{
    fprintf(stderr, "bench_recommend: %s\n", e->message);
    exit(1);
}

static unsigned kind_of(const char *name)
{
    for (unsigned k = 0; k <= MODEL_IALS; k++)
        if (strcmp(name, model_kind_name((enum model_kind)k)) == 0)
            return 1u << k;
    fprintf(stderr, "bench_recommend: there is no kind \"%s\"\n", name);
    exit(2);
}

static void ask(struct asked *a, int argc, char **argv)
{
    static const struct option options[] = {
        {"items", 1, 0, 'i'}, {"readers", 1, 0, 'r'}, {"acts", 1, 0, 'a'},     {"dims", 1, 0, 'd'},
        {"seed", 1, 0, 's'},  {"threads", 1, 0, 't'}, {"memory", 1, 0, 'm'},   {"kind", 1, 0, 'k'},
        {"save", 1, 0, 'w'},  {"model", 1, 0, 'o'},   {"sessions", 0, 0, 'x'}, {0, 0, 0, 0}};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        unsigned long long n = optarg ? strtoull(optarg, NULL, 10) : 0;
        switch (c) {
        case 'i':
            a->world.items = (uint32_t)n;
            break;
        case 'r':
            a->world.readers = (uint32_t)n;
            break;
        case 'a':
            a->world.acts = n;
            break;
        case 'd':
            a->world.dims = (uint32_t)n;
            break;
        case 's':
            a->world.seed = n;
            break;
        case 't':
            a->train.fit.threads = (unsigned)n;
            break;
        case 'm':
            a->train.fit.memory_max = (size_t)n << 20;
            break;
        case 'k':
            a->train.kinds |= kind_of(optarg);
            break;
        case 'w':
            a->save = optarg;
            break;
        case 'o':
            a->train.model_path = optarg;
            break;
        case 'x':
            a->sessions = true;
            break;
        default:
            exit(2);
        }
    }
}

static double seconds_since(int64_t begin_ns)
{
    return (double)(clock_mono_ns() - begin_ns) / 1e9;
}

static void told(void *ctx, const char *step, double done)
{
    fprintf(stderr, "\r%6.1f s %5.1f %% %-40s", seconds_since(*(const int64_t *)ctx), 100 * done,
            step);
}

static double ndcg_of(const json_t *metrics)
{
    return json_number_value(json_object_get(json_object_get(metrics, "ndcg@100"), "mean"));
}

static double popularity_of(const json_t *report)
{
    size_t i;
    const json_t *one;
    json_array_foreach(
        json_object_get(report, "baselines"), i,
        one) if (strcmp(json_string_value(json_object_get(one, "name")), "popularity") ==
                 0) return ndcg_of(json_object_get(one, "metrics"));
    return 0;
}

static void summary(const json_t *report, double seconds)
{
    struct rusage u;
    double ndcg = ndcg_of(json_object_get(report, "metrics")), popular = popularity_of(report);
    getrusage(RUSAGE_SELF, &u);
    printf("{\"kind\":\"%s\",\"seconds\":%.1f,\"cpu_seconds\":%.1f,\"peak_mb\":%ld,"
           "\"ndcg@100\":%.4f,\"popularity\":%.4f,\"times_popularity\":%.1f}\n",
           json_string_value(json_object_get(report, "kind")), seconds,
           (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec), u.ru_maxrss / 1024, ndcg, popular,
           popular > 0 ? ndcg / popular : 0);
}

static void train(const struct asked *a, const struct training_set *s)
{
    struct train_options o = a->train;
    struct strbuf text;
    struct err_info e = {0};
    json_t *report = NULL;
    int64_t begin_ns = clock_mono_ns();
    strbuf_init(&text, 0);
    o.fit.progress = told;
    o.fit.ctx = &begin_ns;
    if (train_set(s, &o, &text, &e) || json_parse((struct str){text.buf, text.n}, &report, &e))
        fail(&e);
    fprintf(stderr, "\n");
    printf("%.*s\n", (int)text.n, text.buf);
    summary(report, seconds_since(begin_ns));
    json_decref(report);
    strbuf_release(&text);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sessions_measure(const struct training_set *s)
{
    enum { ROUNDS = 1000, GIVEN = 10 };
    static double us[ROUNDS];
    float *scores = xmalloc(s->items * sizeof *scores);
    int64_t begin_ns = clock_mono_ns();
    struct session_model *m = sessions_train(s, &(struct sessions_options){0});
    double made_s = seconds_since(begin_ns);
    struct rng r;
    rng_init(&r, 1);
    for (int i = 0; m && i < ROUNDS; i++) {
        uint32_t given[GIVEN];
        for (int k = 0; k < GIVEN; k++) /* as popular as they come */
            given[k] = s->acts[rng_below(&r, s->start[s->readers])].item;
        begin_ns = clock_mono_ns();
        session_model_score(m, given, GIVEN, scores);
        us[i] = (double)(clock_mono_ns() - begin_ns) / 1e3;
    }
    qsort(us, ROUNDS, sizeof *us, by_size);
    printf("{\"sessions\":%u,\"made_s\":%.1f,\"mb\":%.0f,\"p50_us\":%.0f,\"p99_us\":%.0f}\n",
           m ? session_model_count(m) : 0, made_s, m ? (double)session_model_bytes(m) / 1048576 : 0,
           us[ROUNDS / 2], us[ROUNDS * 99 / 100]);
    session_model_free(m);
    free(scores);
}

int main(int argc, char **argv)
{
    struct asked a = {
        .world = {.items = 15000, .readers = 100000, .dims = 384, .acts = 1000000, .seed = 42}};
    struct err_info e = {0};
    json_setup();
    ask(&a, argc, argv);
    int64_t begin_ns = clock_mono_ns();
    struct training_set *s = planted_make(&a.world);
    printf("{\"documents\":%u,\"readers\":%u,\"acts\":%zu,\"dims\":%u,\"made_s\":%.1f}\n", s->items,
           s->readers, s->start[s->readers], s->dims, seconds_since(begin_ns));
    if (a.save) {
        if (training_set_save(s, a.save, &e))
            fail(&e);
    } else if (a.sessions) {
        sessions_measure(s);
    } else {
        train(&a, s);
    }
    training_set_free(s);
    return 0;
}
