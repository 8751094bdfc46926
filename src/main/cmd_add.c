/* akin add: documents from files into a collection, over the streaming import. */
#include "base/clock.h"
#include "main/progress.h"
#include "main/records.h"
#include "main/session.h"
#include "main/settings.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const struct command_option options[] = {
    OPTION_COLLECTION,
    {"--map", 0, "PAIRS", "akin's field = yours: text=body,id=sku"},
    {"--format", 0, "FORMAT", "jsonl, csv or tsv (default: by the file's name)"},
    {"--async", 0, NULL, "searchable by words at once, by meaning as the vectors are made"},
    {"--wait", 0, NULL,
     "wait until all documents have their vectors (alone: add nothing, only wait)"},
    {"--quiet", 'q', NULL, "no progress"},
    OPTION_JSON,
    OPTIONS_SESSION,
    {0},
};

enum { FAULTS_SHOWN = 10 };

struct import {
    struct records *records;
    struct progress progress;
    struct strbuf line;
    size_t line_at;
    uint64_t sent, created, updated, unchanged, failed;
    bool json;
    enum err rc; /* of reading the records */
    struct err_info info;
};

static size_t give(void *ctx, char *buf, size_t size)
{
    struct import *m = ctx;
    uint64_t done, total;
    size_t used = 0;
    while (used < size && m->rc == ERR_OK) {
        if (m->line_at == m->line.n) {
            m->rc = records_next(m->records, &m->line, &m->info);
            if (m->rc != ERR_OK)
                break;
            strbuf_add_char(&m->line, '\n');
            m->line_at = 0;
            m->sent++;
        }
        size_t n = m->line.n - m->line_at < size - used ? m->line.n - m->line_at : size - used;
        memcpy(buf + used, m->line.buf + m->line_at, n);
        m->line_at += n;
        used += n;
    }
    records_progress(m->records, &done, &total);
    if (total && m->sent) /* the total is an estimate from the bytes until all is read */
        m->progress.total = done < total ? m->sent * total / (done ? done : 1) : m->sent;
    progress_show(&m->progress, m->sent);
    return used;
}

static void report_fault(struct import *m, const json_t *row)
{
    const json_t *error = json_object_get(row, "error");
    const char *detail = json_string_value(json_object_get(error, "detail"));
    const char *pointer = json_string_value(json_object_get(error, "pointer"));
    const char *id = json_string_value(json_object_get(row, "id"));
    if (++m->failed > FAULTS_SHOWN || m->json)
        return;
    fprintf(stderr, "%sline %" PRIu64 "%s%s: %s%s%s%s\n", m->progress.terminal ? "\r\x1b[K" : "",
            m->created + m->updated + m->unchanged + m->failed, id ? ", id " : "", id ? id : "",
            detail ? detail : "failed", pointer ? " (" : "", pointer ? pointer : "",
            pointer ? ")" : "");
}

static bool take(void *ctx, struct str line)
{
    struct import *m = ctx;
    json_t *row = NULL;
    if (m->json)
        printf("%.*s\n", STR_ARG(line));
    if (json_parse(line, &row, NULL) != ERR_OK)
        return true;
    const char *status = json_string_value(json_object_get(row, "status"));
    if (status && strcmp(status, "created") == 0)
        m->created++;
    else if (status && strcmp(status, "updated") == 0)
        m->updated++;
    else if (status && strcmp(status, "unchanged") == 0)
        m->unchanged++;
    else if (status)
        report_fault(m, row);
    json_decref(row);
    return true;
}

/* Waits until the collection has no pending documents. */
static enum err wait_for_vectors(struct session *s, const char *collection, bool quiet,
                                 struct err_info *e)
{
    struct progress p;
    char *path = arena_printf(session_arena(s), "/v1/collections/%s", collection);
    uint64_t total = 0;
    for (;;) {
        json_t *answer = NULL;
        enum err rc = session_call(s, "GET", path, NULL, NULL, &answer, e);
        if (rc != ERR_OK)
            return rc;
        uint64_t pending = (uint64_t)json_integer_value(json_object_get(answer, "pending"));
        json_decref(answer);
        if (!total) {
            total = pending;
            progress_start(&p, "embedding", "documents", total);
            p.quiet = quiet || !total;
        }
        if (!pending) {
            progress_end(&p, total);
            return ERR_OK;
        }
        progress_show(&p, total > pending ? total - pending : 0);
        clock_sleep_ns(200000000);
    }
}

static void summary(const struct import *m, double seconds)
{
    printf("%" PRIu64 " documents: %" PRIu64 " created, %" PRIu64 " updated, %" PRIu64
           " unchanged, %" PRIu64 " failed, %.1f s\n",
           m->created + m->updated + m->unchanged + m->failed, m->created, m->updated, m->unchanged,
           m->failed, seconds);
    if (m->failed > FAULTS_SHOWN)
        fprintf(stderr, "%" PRIu64 " more failed; --json prints them all\n",
                m->failed - FAULTS_SHOWN);
}

/* The collection is made if it is not there: an import into nothing is what a first user does. */
static enum err make_collection(struct session *s, const char *name, struct err_info *e)
{
    struct strbuf b;
    struct json_writer w;
    struct err_info info = {0};
    strbuf_init(&b, 0);
    json_writer_init(&w, &b);
    json_object_begin(&w);
    json_key_c(&w, "name", name);
    json_object_end(&w);
    struct str body = strbuf_str(&b);
    enum err rc =
        session_call(s, "POST", "/v1/collections", "application/json", &body, NULL, &info);
    strbuf_release(&b);
    if (rc == ERR_OK || rc == ERR_CONFLICT)
        return ERR_OK;
    return err_set(e, rc, info.field, "%s", info.message);
}

static enum err import_all(const struct args *a, struct session *s, struct import *m,
                           struct err_info *e)
{
    const char *collection;
    int64_t started = clock_mono_ns();
    enum err rc =
        args_get(a, "--collection") ? make_collection(s, args_get(a, "--collection"), e) : ERR_OK;
    if (rc == ERR_OK)
        rc = session_collection(s, a, &collection, e);
    for (unsigned i = 0; rc == ERR_OK && i < a->word_count; i++) {
        rc = records_open(a->words[i], args_get(a, "--format"), args_get(a, "--map"), &m->records,
                          e);
        if (rc != ERR_OK)
            break;
        m->rc = ERR_OK;
        progress_start(&m->progress, "adding", "documents", 0);
        m->progress.quiet = args_has(a, "--quiet");
        rc = session_stream(s,
                            arena_printf(session_arena(s), "/v1/collections/%s/documents%s",
                                         collection, args_has(a, "--async") ? "?async=true" : ""),
                            give, take, m, e);
        progress_end(&m->progress, m->sent);
        records_close(m->records);
        if (rc == ERR_OK && m->rc != ERR_NOT_FOUND) {
            *e = m->info;
            rc = m->rc;
        }
    }
    if (rc == ERR_OK && args_has(a, "--wait"))
        rc = wait_for_vectors(s, collection, args_has(a, "--quiet"), e);
    if (!m->json)
        summary(m, (double)(clock_mono_ns() - started) / 1e9);
    return rc;
}

static int run(const struct args *a)
{
    struct err_info e = {0};
    struct session *s = NULL;
    struct import m = {.json = args_has(a, "--json")};
    if (!a->word_count && !args_has(a, "--wait"))
        return command_wrong(&command_add, "wants files, a folder, or - for standard input");
    strbuf_init(&m.line, 0);
    enum err rc = session_open(a, &s, &e);
    if (rc == ERR_OK)
        rc = import_all(a, s, &m, &e);
    strbuf_release(&m.line);
    session_close(s);
    return rc != ERR_OK ? command_fail(&e, 1) : m.failed ? 1 : 0;
}

const struct command command_add = {
    .name = "add",
    .summary = "put documents in: JSON lines, CSV, a folder of text",
    .usage = "akin add -c COLLECTION [options] FILE|FOLDER|-...",
    .text = "Reads .jsonl, .json, .csv, .tsv, folders of .txt, .md and .html files, or JSON lines "
            "from standard input.\n"
            "A document that is wrong fails alone and is reported with its line; adding the same "
            "again changes nothing.",
    .example = "  akin add -c news articles.jsonl\n"
               "  akin add -c shop --map text=description,id=sku,title=name products.csv\n"
               "  akin add -c notes ~/notes\n",
    .options = options,
    .run = run,
};
