/* akin eval search: queries against a collection, judged. Writes a TREC run file and prints
 * nDCG@10, recall and MRR (binary or graded gains, 2-log discount: Järvelin and Kekäläinen 2002,
 * with linear gain as trec_eval has it). */
#include "main/input.h"
#include "main/judgments.h"
#include "main/progress.h"
#include "main/session.h"
#include "main/settings.h"
#include <stdlib.h>
#include <string.h>

static const struct command_option options[] = {
    OPTION_COLLECTION,
    {"--queries", 0, "FILE", "JSON lines {\"_id\" or \"id\", \"text\"}"},
    {"--qrels", 0, "FILE", "query TAB document TAB grade, with a header line"},
    {"--mode", 0, "MODE", "hybrid (default), semantic or lexical"},
    {"--run", 0, "FILE", "write the hits: qid Q0 docid rank score tag"},
    {"--depth", 0, "N", "hits a query (default 100)"},
    OPTION_JSON,
    OPTIONS_SESSION,
    {0},
};

struct totals {
    double ndcg, recall, mrr;
    unsigned queries, judged;
};

static void judge(struct totals *t, const json_t *grades, const json_t *hits)
{
    const char *ids[10];
    size_t relevant, found = 0, first = 0, count = 0, i;
    const json_t *hit;
    json_array_foreach(hits, i, hit)
    {
        const char *id = json_string_value(json_object_get(hit, "id"));
        bool good = json_integer_value(json_object_get(grades, id)) > 0;
        if (i < 10)
            ids[count++] = id;
        if (good && !first)
            first = i + 1;
        found += good && i < 100;
    }
    double ndcg = judgments_ndcg(grades, ids, count, &relevant);
    if (!relevant)
        return;
    t->judged++;
    t->ndcg += ndcg;
    t->mrr += first && first <= 10 ? 1.0 / (double)first : 0;
    t->recall += (double)found / (double)relevant;
}

static void write_run(FILE *f, const char *query, const json_t *hits, const char *mode)
{
    size_t i;
    json_t *hit;
    json_array_foreach(hits, i, hit) fprintf(
        f, "%s Q0 %s %zu %.9f akin-%s\n", query, json_string_value(json_object_get(hit, "id")),
        i + 1, json_number_value(json_object_get(hit, "score")), mode);
}

static enum err ask(struct session *s, const char *path, const json_t *query, const char *mode,
                    int64_t depth, json_t **answer, struct err_info *e)
{
    json_t *body = json_pack("{s:O,s:s,s:I}", "q", json_object_get(query, "text"), "mode", mode,
                             "limit", (json_int_t)depth);
    char *text = json_dumps(body, JSON_COMPACT);
    struct str payload = str_c(text);
    enum err rc = text ? session_call(s, "POST", path, "application/json", &payload, answer, e)
                       : err_set(e, ERR_INVALID, "--queries", "a query has no \"text\"");
    free(text);
    json_decref(body);
    return rc;
}

static enum err evaluate(const struct args *a, struct session *s, const char *mode,
                         struct totals *t, struct err_info *e)
{
    const char *collection;
    int64_t depth = 100;
    struct input in = {0};
    struct str line;
    struct progress p;
    FILE *run = NULL;
    json_t *qrels = json_object();
    enum err rc = args_int(a, "--depth", 1, 1000, 100, &depth, e);
    if (rc == ERR_OK)
        rc = session_collection(s, a, &collection, e);
    if (rc == ERR_OK && args_get(a, "--qrels"))
        rc = judgments_read(args_get(a, "--qrels"), qrels, e);
    if (rc == ERR_OK && args_get(a, "--run") && !(run = fopen(args_get(a, "--run"), "we")))
        rc = err_set(e, ERR_IO, "--run", "cannot write %s", args_get(a, "--run"));
    if (rc == ERR_OK)
        rc = input_open(&in, args_get(a, "--queries"), e);
    progress_start(&p, "searching", "queries", 0);
    while (rc == ERR_OK && (rc = input_next(&in, &line, e)) == ERR_OK) {
        json_t *query = NULL, *answer = NULL;
        rc = json_parse(line, &query, e);
        const char *id = json_string_value(json_object_get(query, "_id"));
        if (!id)
            id = json_string_value(json_object_get(query, "id"));
        if (rc == ERR_OK && !id)
            rc = err_set(e, ERR_INVALID, "--queries", "line %llu has no \"_id\"", in.number);
        if (rc == ERR_OK)
            rc = ask(s, arena_printf(session_arena(s), "/v1/collections/%s/search", collection),
                     query, mode, depth, &answer, e);
        if (rc == ERR_OK) {
            t->queries++;
            judge(t, json_object_get(qrels, id), json_object_get(answer, "data"));
            if (run)
                write_run(run, id, json_object_get(answer, "data"), mode);
            progress_show(&p, t->queries);
        }
        json_decref(query);
        json_decref(answer);
    }
    if (rc == ERR_NOT_FOUND && in.file && in.number == t->queries)
        rc = ERR_OK;
    if (run && fclose(run) != 0 && rc == ERR_OK)
        rc = err_set(e, ERR_IO, "--run", "could not write all of %s", args_get(a, "--run"));
    input_close(&in);
    json_decref(qrels);
    return rc;
}

static int run(const struct args *a)
{
    struct err_info e = {0};
    struct session *s = NULL;
    struct totals t = {0};
    const char *mode = args_get(a, "--mode") ? args_get(a, "--mode") : "hybrid";
    if (a->word_count != 1 || strcmp(a->words[0], "search") != 0 || !args_get(a, "--queries"))
        return command_wrong(&command_eval, "wants: search --queries FILE");
    enum err rc = session_open(a, &s, &e);
    if (rc == ERR_OK)
        rc = evaluate(a, s, mode, &t, &e);
    session_close(s);
    if (rc != ERR_OK)
        return command_fail(&e, 1);
    double n = t.judged ? t.judged : 1;
    if (args_has(a, "--json"))
        printf("{\"mode\":\"%s\",\"queries\":%u,\"judged\":%u,\"ndcg@10\":%.4f,\"recall@100\":%.4f,"
               "\"mrr@10\":%.4f}\n",
               mode, t.queries, t.judged, t.ndcg / n, t.recall / n, t.mrr / n);
    else if (t.judged)
        printf("%s: %u queries, %u judged: nDCG@10 %.4f  recall@100 %.4f  MRR@10 %.4f\n", mode,
               t.queries, t.judged, t.ndcg / n, t.recall / n, t.mrr / n);
    else
        printf("%s: %u queries\n", mode, t.queries);
    return 0;
}

const struct command command_eval = {
    .name = "eval",
    .summary = "how good the answers are, on judged queries",
    .usage =
        "akin eval search -c COLLECTION --queries FILE [--qrels FILE] [--mode MODE] [--run FILE]",
    .example = "  akin add -c cranfield --map id=_id corpus.jsonl\n"
               "  akin eval search -c cranfield --queries queries.jsonl --qrels qrels.tsv --mode "
               "hybrid --run hybrid.run\n",
    .options = options,
    .run = run,
};
