/* akin eval search: queries against a collection, judged; several ways to answer side by side.
 * akin eval recommend: eval_recommend.c. */
#include "main/eval.h"
#include "main/judgments.h"
#include "main/progress.h"
#include "main/session.h"
#include <stdlib.h>
#include <string.h>

static const struct command_option options[] = {
    OPTION_COLLECTION,
    {"--queries", 0, "FILE", "JSON lines {\"_id\" or \"id\", \"text\"}, or id TAB text"},
    {"--qrels", 0, "FILE", "query TAB document TAB grade (BEIR), or TREC's four columns"},
    {"--mode", 0, "MODE,...", "hybrid (default), semantic, lexical, or several side by side"},
    {"--run-with", 0, "NAME=...",
     "one more way: members of a search request, as rrf=mode=hybrid,fusion=rrf or "
     "x={\"mode\":...}"},
    {"--run", 0, "FILE",
     "write the hits as TREC has them; of several ways FILE.run becomes FILE.NAME.run"},
    {"--foreign", 0, "FILE", "queries that have no answer here: do top scores tell them apart?"},
    {"--depth", 0, "N", "hits a query (default 100)"},
    {"--format", 0, "F", "recommend: csv (default), lists or counted"},
    {"--liked-from", 0, "X", "recommend: only rows with a value of at least X"},
    {"--vectors", 0, "FILE", "recommend: .npy with a row an item, float16 or float32"},
    {"--split", 0, "HOW", "recommend: readers (default), time or items"},
    {"--seed", 0, "N", "recommend: of the first split (default 42)"},
    {"--seeds", 0, "N", "recommend: so many splits, from --seed on (default 1)"},
    {"--held-out", 0, "X", "recommend: share that is held out (default .2)"},
    {"--validation", 0, "N", "recommend: readers to choose parameters by, instead of a share"},
    {"--test", 0, "N", "recommend: readers to judge by, instead of a share"},
    {"--kinds", 0, "KIND,...", "recommend: ease, neighbours, walks, ials (default: by size)"},
    {"--recipe", 0, "JSON",
     "recommend: this one, as printed of what was chosen: {\"kind\":\"ease\",\"lambda\":30}"},
    {"--tries", 0, "N", "recommend: parameters tried of each kind (default 10)"},
    {"--memory", 0, "MB", "recommend: what a training may take"},
    {"--threads", 0, "N", "recommend: default one a core"},
    {"--cases", 0, "FILE",
     "recommend: write who is held out, what is given and wanted: JSON lines"},
    {"--quiet", 'q', NULL, "no progress"},
    OPTION_JSON,
    OPTIONS_SESSION,
    {0},
};

struct evaluation {
    const struct args *a;
    struct session *s;
    const char *collection;
    struct arena *arena;
    struct eval_queries queries, foreign;
    struct eval_ways ways;
    struct eval_counts counts;
    struct eval_result result;
    json_t *qrels, *seen; /* seen: ids that some answer held */
    struct progress progress;
    uint64_t asked;
};

static enum err ask(struct evaluation *v, const struct eval_query *q, const struct eval_way *w,
                    unsigned limit, json_t **answer, struct err_info *e)
{
    const char *path = arena_printf(v->arena, "/v1/collections/%s/search", v->collection);
    json_t *body = json_copy(w->request);
    json_object_set_new(body, "q", json_string(q->text));
    json_object_set_new(body, "limit", json_integer(limit));
    char *text = json_dumps(body, JSON_COMPACT);
    struct str payload = str_c(text);
    enum err rc = text ? session_call(v->s, "POST", path, "application/json", &payload, answer, e)
                       : err_set(e, ERR_INVALID, "--queries", "a query is not UTF-8");
    free(text);
    json_decref(body);
    progress_show(&v->progress, ++v->asked);
    return rc;
}

static double top_score(const json_t *hits)
{
    return json_number_value(json_object_get(json_array_get(hits, 0), "score"));
}

static void note_seen(struct evaluation *v, const json_t *hits)
{
    size_t i;
    json_t *hit;
    json_array_foreach(hits, i, hit)
        json_object_set_new(v->seen, json_string_value(json_object_get(hit, "id")), json_true());
}

static enum err ask_own(struct evaluation *v, size_t number, struct err_info *e)
{
    const struct eval_query *q = &v->queries.items[number];
    enum err rc = ERR_OK;
    double values[EVAL_MEASURES];
    for (size_t i = 0; i < v->ways.count && rc == ERR_OK; i++) {
        struct eval_way *w = &v->ways.items[i];
        json_t *answer = NULL;
        rc = ask(v, q, w, v->counts.depth, &answer, e);
        const json_t *hits = json_object_get(answer, "data");
        if (rc == ERR_OK && w->run)
            eval_way_write(w, q->id, hits);
        if (rc == ERR_OK && q->grades) {
            eval_measure(q->grades, hits, values);
            for (int m = 0; m < EVAL_MEASURES; m++)
                w->values[m][v->result.judged] = values[m];
            note_seen(v, hits);
        }
        w->own[number] = top_score(hits);
        json_decref(answer);
    }
    v->result.judged += q->grades != NULL;
    return rc;
}

static enum err ask_foreign(struct evaluation *v, size_t number, struct err_info *e)
{
    enum err rc = ERR_OK;
    for (size_t i = 0; i < v->ways.count && rc == ERR_OK; i++) {
        struct eval_way *w = &v->ways.items[i];
        json_t *answer = NULL;
        rc = ask(v, &v->foreign.items[number], w, 1, &answer, e);
        w->foreign[number] = top_score(json_object_get(answer, "data"));
        json_decref(answer);
    }
    v->result.foreign += rc == ERR_OK;
    return rc;
}

/* Documents with a grade above 0 that are not in the collection. What no answer held is asked for.
 */
static enum err count_missing(struct evaluation *v, struct err_info *e)
{
    const char *id;
    json_t *grade;
    enum err rc = ERR_OK;
    for (size_t i = 0; i < v->queries.count; i++)
        json_object_foreach(v->queries.items[i].grades, id, grade)
        {
            if (json_integer_value(grade) <= 0 || json_object_get(v->seen, id))
                continue;
            json_object_set_new(v->seen, id, json_true());
            struct err_info inner = {0};
            const char *path = arena_printf(v->arena, "/v1/collections/%s/documents/%s",
                                            v->collection, session_encode(v->s, str_c(id)));
            rc = session_call(v->s, "GET", path, NULL, NULL, NULL, &inner);
            if (rc != ERR_OK && rc != ERR_NOT_FOUND && rc != ERR_INVALID)
                return err_set(e, rc, inner.field, "%s", inner.message);
            v->counts.documents_missing += rc != ERR_OK;
        }
    return ERR_OK;
}

/* Reads what is given; with judgments at least one query must have one. */
static enum err prepare(struct evaluation *v, struct err_info *e)
{
    int64_t depth;
    const char *qrels = args_get(v->a, "--qrels"), *foreign = args_get(v->a, "--foreign");
    enum err rc = args_int(v->a, "--depth", 1, 1000, 100, &depth, e);
    if (rc == ERR_OK)
        rc = eval_queries_read(args_get(v->a, "--queries"), v->arena, &v->queries, e);
    if (rc == ERR_OK && foreign)
        rc = eval_queries_read(foreign, v->arena, &v->foreign, e);
    if (rc == ERR_OK && qrels)
        rc = judgments_read(qrels, v->qrels, e);
    if (rc != ERR_OK)
        return rc;
    size_t judged = eval_queries_judge(&v->queries, v->qrels, &v->counts.strangers);
    if (qrels && judged == 0)
        return err_set(
            e, ERR_INVALID, "--qrels",
            "none of the %zu queries of %s has a judgment above 0 in %s: are the ids the "
            "same? The first query is \"%s\"",
            v->queries.count, v->queries.path, qrels, v->queries.items[0].id);
    v->counts.depth = (unsigned)depth;
    v->counts.queries = v->queries.count;
    v->counts.unjudged = qrels ? v->queries.count - judged : 0;
    return eval_ways_open(v->a, v->arena, &v->ways, e);
}

static void make_room(struct evaluation *v)
{
    for (size_t i = 0; i < v->ways.count; i++) {
        struct eval_way *w = &v->ways.items[i];
        for (int m = 0; m < EVAL_MEASURES; m++)
            w->values[m] = xcalloc(v->queries.count, sizeof(double));
        w->own = xcalloc(v->queries.count, sizeof(double));
        w->foreign = xcalloc(v->foreign.count + 1, sizeof(double));
    }
}

static enum err evaluate(struct evaluation *v, struct err_info *e)
{
    enum err rc = session_open(v->a, &v->s, e);
    if (rc == ERR_OK)
        rc = session_collection(v->s, v->a, &v->collection, e);
    make_room(v);
    progress_start(&v->progress, "searching", "queries",
                   (v->queries.count + v->foreign.count) * v->ways.count);
    v->progress.quiet = args_has(v->a, "--quiet");
    for (size_t i = 0; i < v->queries.count && rc == ERR_OK; i++)
        rc = ask_own(v, i, e);
    for (size_t i = 0; i < v->foreign.count && rc == ERR_OK; i++)
        rc = ask_foreign(v, i, e);
    if (rc == ERR_OK)
        rc = count_missing(v, e);
    if (rc == ERR_OK)
        eval_judge(&v->ways, v->queries.count, &v->result);
    session_close(v->s);
    return rc;
}

static int run(const struct args *a)
{
    struct err_info e = {0};
    if (a->word_count == 2 && strcmp(a->words[0], "recommend") == 0)
        return eval_recommend(a);
    if (a->word_count != 1 || strcmp(a->words[0], "search") != 0 || !args_get(a, "--queries"))
        return command_wrong(&command_eval, "wants: search --queries FILE, or recommend FILE");
    struct evaluation v = {
        .a = a, .arena = arena_new(0), .qrels = json_object(), .seen = json_object()};
    enum err rc = prepare(&v, &e);
    if (rc == ERR_OK)
        rc = evaluate(&v, &e);
    if (rc == ERR_OK)
        (args_has(a, "--json") ? eval_print_json : eval_print)(&v.ways, &v.result, &v.counts);
    enum err closed = eval_ways_close(&v.ways, &e);
    eval_queries_free(&v.queries);
    eval_queries_free(&v.foreign);
    json_decref(v.qrels);
    json_decref(v.seen);
    arena_free(v.arena);
    return rc == ERR_OK && closed == ERR_OK ? 0 : command_fail(&e, 1);
}

const struct command command_eval = {
    .name = "eval",
    .summary = "how good the answers are, on judged queries; how good recommendations are",
    .usage = "akin eval search -c COLLECTION --queries FILE [--qrels FILE] [--mode MODE,...] "
             "[--run FILE]\n"
             "       akin eval recommend FILE [--format F] [--vectors FILE.npy] [--split HOW] "
             "[--seeds N] [--run FILE]",
    .text =
        "Prints nDCG@10 (linear gains), recall@100 and MRR@10 with 95 % intervals (bootstrap "
        "over the queries), and of several\nways each difference with its p (paired "
        "randomisation test; Holm's correction for all pairs). Works on the data directory\nor, "
        "with --url, on a server.\n\n"
        "recommend: what readers did, as public sets have it: CSV of user, item, value, time (by "
        "header or in this order), or a line\nof item numbers a reader. Readers, the time from a "
        "moment on, or documents are held out; of each kind of model the parameters\nthat do best "
        "on validation are judged on test, beside popularity, neighbours and content. Every "
        "document is ranked.\n--cases writes what was held out, so that others can be trained and "
        "judged on the same.",
    .example = "  akin add -c cranfield --map id=_id corpus.jsonl\n"
               "  akin eval search -c cranfield --queries queries.jsonl --qrels qrels.tsv --mode "
               "hybrid,semantic,lexical --run all.run\n"
               "  akin eval recommend users.dat --format counted --vectors titles.npy --validation "
               "555 --test 555 --seeds 5\n",
    .options = options,
    .run = run,
};
