#include "api/schema_table.h"
#include "api/schemas.h"

/* Answers. Objects are closed here too: what is not listed is never sent. */

static const struct schema time_text = {.type = SCHEMA_STRING, .format = FORMAT_TIME};
static const struct schema count = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 0, .max = 9007199254740991.0};
static const struct schema cursor = {.type = SCHEMA_STRING, .nullable = true};
static const struct schema object = {.type = SCHEMA_OBJECT, .open = true};
static const struct schema maybe_text = {.type = SCHEMA_STRING, .nullable = true};
static const struct schema maybe_number = {.type = SCHEMA_NUMBER, .nullable = true};

static const struct schema share = {.type = SCHEMA_NUMBER, .bounded = true, .min = 0, .max = 1};
static const struct schema index_state = {
    .name = "IndexState",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"passages", &count, NEED, .help = "with a vector"},
        {"linked", &count, NEED, .help = "in the graph"},
        {"tail", &count, NEED, .help = "not yet in the graph: they are scanned"},
        {"unrefined", &count, NEED, .help = "in the graph, and their links will be chosen anew"},
        {"bytes", &count, NEED, .help = "of the vectors in memory"},
        {"recall", &share, NEED,
         .help = "share of the true answers that the last searches had, as measured on a sample"},
        {"recall_samples", &count, NEED, .help = "measured since the start; recall is 1 before"},
        {"recall_target", &share, NEED, .help = "index.recall_target"},
        {"width", &count, NEED, .help = "of a walk for 10"},
        {"width_filtered", &count, NEED, .help = "of a walk for 10 under a filter"}),
};
const struct schema schema_collection = {
    .name = "Collection",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"name", &schema_string, NEED}, {"settings", &object, NEED},
        {"model", &schema_string, NEED}, {"model_digest", &schema_string, NEED},
        {"dims", &count, NEED}, {"embedding_version", &count, NEED, .help = "the active one"},
        {"documents", &count, NEED},
        {"bytes", &count, NEED,
         .help = "of the documents as they are stored: their title, text, url, lang, tags and "
                 "attributes as compact JSON. What a quota counts. 0 for a key with a filter"},
        {"passages", &count, NEED}, {"pending", &count, NEED, .help = "documents not embedded yet"},
        {"index", &index_state, NEED, .help = "of the vectors of the active version"},
        {"created", &time_text, NEED}, {"updated", &time_text, NEED}, {"revision", &count, NEED}),
};
const struct schema schema_collections = {
    .name = "Collections",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&schema_collection), NEED}, {"next_cursor", &cursor, NEED}),
};
const struct schema schema_alias = {
    .name = "Alias",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"name", &schema_string, NEED},
                     {"collection", &schema_string, NEED, .help = "what it stands for"},
                     {"created", &time_text, NEED}, {"updated", &time_text, NEED},
                     {"revision", &count, NEED, .help = "the change that made or moved it"}),
};
const struct schema schema_aliases = {
    .name = "Aliases",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&schema_alias), NEED}, {"next_cursor", &cursor, NEED}),
};
static const struct schema version_state = {.type = SCHEMA_STRING,
                                            .choices = "building|ready|active|retired"};
static const struct schema progress = {
    .name = "Progress",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"done", &count, NEED}, {"total", &count, NEED},
                     {"failed", &count, NEED, .help = "cannot be embedded with this model"},
                     {"rate", &schema_number, NEED, .help = "documents a second"},
                     {"eta_seconds", &maybe_number, NEED},
                     {"error", &schema_string, .help = "why it pauses"}),
};
static const struct schema compared_side = {
    .name = "ComparedVersion",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"version", &count, NEED},
                     {"latency_ms_p50", &schema_number, .help = "embedding and exact search"},
                     {"bytes", &count, NEED, .help = "of the vectors in memory"},
                     {"model_bytes", &count, NEED}, {"ndcg_at_10", &share}),
};
static const struct schema comparison = {
    .name = "Comparison",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"against", &count, NEED, .help = "the version that was active then"},
        {"at", &time_text, NEED}, {"queries", &count, NEED},
        {"overlap_at_10", &share, NEED, .help = "mean share of the ten nearest that are the same"},
        {"rbo", &share, NEED, .help = "rank-biased overlap, extrapolated (Webber et al. 2010)"},
        {"rbo_p", &share, NEED}, {"judged_queries", &count, NEED}, {"active", &compared_side, NEED},
        {"candidate", &compared_side, NEED}),
};
const struct schema schema_version = {
    .name = "EmbeddingVersion",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"id", &count, NEED}, {"state", &version_state, NEED}, {"model", &schema_string, NEED},
        {"model_digest", &schema_string, NEED}, {"precision", &schema_string, NEED},
        {"dims", &count, NEED}, {"passages", &count, NEED},
        {"missing", &count, NEED, .help = "documents that are not embedded for it yet"},
        {"bytes", &count, NEED, .help = "of its vectors in memory"}, {"progress", &progress},
        {"comparison", &comparison}, {"created", &time_text, NEED}, {"updated", &time_text, NEED},
        {"revision", &count, NEED}),
};
static const struct schema recommender_state = {.type = SCHEMA_STRING,
                                                .choices = "candidate|active|retired"};
static const struct schema report = {.type = SCHEMA_OBJECT, .open = true, .nullable = true};
const struct schema schema_recommender = {
    .name = "Recommender",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"id", &count, NEED}, {"state", &recommender_state, NEED}, {"kind", &schema_string, NEED},
        {"label", &schema_string, .help = "of a classifier: what it tells"},
        {"serving", &schema_boolean, NEED,
         .help = "the active one, or one in place of an active one whose file cannot be used"},
        {"digest", &schema_string, NEED, .help = "SHA-256 of its file"},
        {"bytes", &count, NEED, .help = "of its file"},
        {"memory_bytes", &count, NEED, .help = "0: it is not in memory"},
        {"embedding_version", &count, NEED,
         .help = "whose vectors it learned from; while another one is active it recommends by "
                 "what was read together alone"},
        {"position", &schema_string, NEED, .help = "of the data that it learned from"},
        {"acts", &count, NEED, .help = "of feedback that it learned from"},
        {"report", &report, NEED,
         .help = "parameters, data, metrics on held-out readers with intervals, paired tests "
                 "against the baselines and the recommender that was active, and the gate's word; "
                 "of a classifier on held-out documents, with precision and recall of each label"},
        {"error", &schema_string, .help = "why its file cannot be used"},
        {"created", &time_text, NEED}, {"updated", &time_text, NEED}, {"revision", &count, NEED}),
};
const struct schema schema_recommenders = {
    .name = "Recommenders",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&schema_recommender), NEED}, {"next_cursor", &cursor, NEED}),
};
static const struct schema task_status = {.type = SCHEMA_STRING,
                                          .choices = "queued|running|done|failed|cancelled"};
static const struct schema task_progress = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"step", &schema_string, NEED}, {"done", &share, NEED, .help = "of the step"}),
};
const struct schema schema_task = {
    .name = "Task",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"id", &count, NEED}, {"type", &schema_string, NEED, .help = "train, embed"},
        {"status", &task_status, NEED}, {"collection", &maybe_text, NEED},
        {"progress", &task_progress, NEED},
        {"details", &object, NEED,
         .help = "what was asked for and what came of it; of a training: recommender, promoted, "
                 "why, seconds, error {code, detail}"},
        {"created", &time_text, NEED}, {"updated", &time_text, NEED}),
};
const struct schema schema_tasks = {
    .name = "Tasks",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&schema_task), NEED}, {"next_cursor", &cursor, NEED}),
};
const struct schema schema_versions = {
    .name = "EmbeddingVersions",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&schema_version), NEED}, {"next_cursor", &cursor, NEED}),
};
static const struct schema predicted = {
    .type = SCHEMA_OBJECT,
    .open = true,
    .example = "{\"topic\":{\"label\":\"sports\",\"probability\":0.93}}"};
const struct schema schema_document_out = {
    .name = "StoredDocument",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"id", &schema_string, NEED}, {"title", &schema_string}, {"text", &schema_string},
        {"url", &schema_string}, {"lang", &schema_string},
        {"detected_lang", &schema_string,
         .help = "ISO 639-1 code of the language that akin found the title and text to be in, when "
                 "the document was written without lang; not given where that is not clear. It "
                 "counts as lang in filters, facets and the analysis of words"},
        {"tags", &schema_text_list}, {"attributes", &object}, {"created", &time_text, NEED},
        {"updated", &time_text, NEED}, {"expires", &time_text}, {"revision", &count, NEED},
        {"pending", &schema_boolean, .help = "true: found by its words only, so far"},
        {"duplicate_of", &schema_string,
         .help = "id of the older document of which this one is a near-copy: words misspelt, "
                 "added, left out or moved, up to one in ten replaced (none in texts of "
                 "fewer than 20 words, where another word is another thing). Never a copy "
                 "itself; not given if there is none"},
        {"predicted", &predicted,
         .help = "labels that the document does not have, as the active classifiers tell them when "
                 "it is read: {\"topic\": {\"label\", \"probability\"}}, of lists an array of "
                 "them. Not written by anybody, not stored, ignored when it is sent; in the "
                 "answers of search, similar and recommend where fields ask for it"}),
};
static const struct schema label_value = {
    .type = SCHEMA_ONE_OF,
    .alternatives = (const struct schema *const[]){&schema_string, &schema_boolean, NULL},
};
static const struct schema probable_label = {
    .name = "ProbableLabel",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"label", &label_value, NEED}, {"probability", &share, NEED}),
};
static const struct schema classified = {
    .name = "Classified",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"label", &schema_string, NEED, .help = "what is told: tags, attributes.topic"},
        {"classifier", &count, NEED, .help = "its number among the recommenders"},
        {"multiple", &schema_boolean, NEED,
         .help =
             "each label holds or not by itself; else one holds, and probabilities add up to 1"},
        {"min_probability", &share, NEED, .help = "from which documents are given the label"},
        {"labels", LIST_OF(&probable_label), NEED}),
};
const struct schema schema_classify_answer = {
    .name = "ClassifyAnswer",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&classified), NEED}, {"took_ms", &schema_number, NEED}),
};
const struct schema schema_document_list = {
    .name = "Documents",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&schema_document_out), NEED}, {"next_cursor", &cursor, NEED}),
};

static const struct schema fault = {
    .name = "Fault",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"pointer", &schema_string, .help = "JSON pointer into the body"},
                     {"parameter", &schema_string, .help = "name of the parameter or header"},
                     {"detail", &schema_string, NEED}),
};
const struct schema schema_row_error = {
    .name = "RowError",
    .type = SCHEMA_OBJECT,
    .nullable = true,
    .fields = FIELDS({"status", &count, NEED}, {"code", &schema_string, NEED},
                     {"detail", &schema_string, NEED}, {"errors", LIST_OF(&fault), NEED}),
};
static const struct schema row_status = {
    .type = SCHEMA_STRING, .choices = "created|updated|unchanged|deleted|not_found|failed"};
const struct schema schema_row = {
    .name = "Row",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"id", &schema_string}, {"status", &row_status, NEED}, {"revision", &count},
                     {"pending", &schema_boolean,
                      .help = "true: stored and found by its words; vectors come later"},
                     {"error", &schema_row_error},
                     {"line", &count, .help = "of an NDJSON import, for a row that failed"},
                     {"event_id", &schema_string, .help = "of feedback"},
                     {"warning", &schema_string,
                      .help = "of feedback: it is kept, but not counted for the recommendation "
                              "that it names"},
                     {"position", &schema_position, .help = "of a single document's answer"}),
};
const struct schema schema_rows = {
    .name = "Rows",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"data", LIST_OF(&schema_row), NEED}, {"failed", &count, NEED},
               {"position", &schema_position, NEED}, {"deleted", &count}, {"remaining", &count}),
    .help = "deleted, remaining: of those that a filter matched",
    .example = "{\"data\":[{\"id\":\"a1\",\"status\":\"created\",\"revision\":17}],\"failed\":0,"
               "\"position\":\"b04fd0a41255-17\"}",
};

/* ---- find ---- */
static const struct schema range = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"start", &count, NEED}, {"end", &count, NEED}),
};
static const struct schema passage = {
    .name = "Passage",
    .type = SCHEMA_OBJECT,
    .nullable = true,
    .help = "a part of the document's text: [start, end) in bytes of UTF-8; highlights are the "
            "query's words in it, in bytes from its own beginning, never inside a character. At "
            "most 256",
    .fields = FIELDS({"text", &schema_string, NEED}, {"start", &count, NEED}, {"end", &count, NEED},
                     {"highlights", LIST_OF(&range), NEED}),
};
static const struct schema scores = {
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"semantic", &maybe_number, NEED}, {"lexical", &maybe_number, NEED},
               {"readers", &schema_number,
                .help = "similar, if it goes by readers too: from 0, nobody read this document "
                        "and an example, to 1"}),
};
static const struct schema similar_was_by = {.type = SCHEMA_STRING, .choices = "text|readers|both"};
static const struct schema boost_given = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"field", &schema_string, NEED},
                     {"value", &maybe_number, NEED,
                      .help = "dates as seconds since 1970; of _user the cosine to the profile"},
                     {"boost", &schema_number, NEED}, {"weight", &schema_number, NEED}),
};
static const struct schema explain = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"cosine", &maybe_number, NEED}, {"bm25", &maybe_number, NEED},
                     {"bound", &maybe_number, NEED}, {"mean_cosine", &maybe_number, NEED},
                     {"relevance", &maybe_number, NEED, .help = "the score before boosts"},
                     {"boosts", LIST_OF(&boost_given), NEED}),
    .help =
        "linear: relevance = weights.lexical * bm25 / bound + weights.semantic * max(0, (cosine "
        "- mean_cosine) / (1 - mean_cosine)); a part that is null counts 0",
};
static const struct schema depths = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"lexical", &count, NEED}, {"semantic", &count, NEED}),
};
static const struct schema lists = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"depth", &depths, NEED, .help = "how many documents each list has at most"},
                     {"scored", &count, NEED, .help = "documents"},
                     {"complete", &schema_boolean, NEED,
                      .help = "no other document can be better than the last hit"}),
};
static const struct schema highlighted = {
    .type = SCHEMA_OBJECT,
    .help = "HTML",
    .fields = FIELDS({"title", &schema_string, NEED}, {"snippet", &schema_string, NEED}),
};
/* A document, or the parts of it that were asked for. */
const struct schema schema_document_parts = {
    .name = "DocumentParts",
    .type = SCHEMA_OBJECT,
    .help = "as StoredDocument; with `fields` in the request its id and what that names",
    .fields = FIELDS({"id", &schema_string, NEED}, {"title", &schema_string},
                     {"text", &schema_string}, {"url", &schema_string}, {"lang", &schema_string},
                     {"tags", &schema_text_list}, {"attributes", &object}, {"created", &time_text},
                     {"updated", &time_text}, {"expires", &time_text}, {"revision", &count},
                     {"pending", &schema_boolean}, {"duplicate_of", &schema_string},
                     {"detected_lang", &schema_string}, {"predicted", &predicted}),
};
static const struct schema document_got = {
    .name = "FetchedDocument",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"id", &schema_string, NEED},
                     {"found", &schema_boolean, NEED,
                      .help = "false: there is none of this id, or none that the key may see"},
                     {"revision", &count}, {"etag", &schema_string, .help = "for If-Match"},
                     {"document", &schema_document_parts}),
};
const struct schema schema_lines = {
    .type = SCHEMA_STRING,
    .help = "StoredDocuments, one a line: all that a document was sent with, with its vector if it "
            "brought one; or what `fields` name"};
const struct schema schema_documents_got = {
    .name = "FetchedDocuments",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&document_got), NEED},
                     {"missing", &count, NEED, .help = "rows that were not found"}),
    .example = "{\"data\":[{\"id\":\"a1\",\"found\":true,\"revision\":17,\"etag\":\"\\\"17\\\"\","
               "\"document\":{\"id\":\"a1\",\"title\":\"Soup\"}},{\"id\":\"a2\",\"found\":false}],"
               "\"missing\":1}",
};
#define HIT_FIELDS                                                                                 \
    {"id", &schema_string, NEED}, {"score", &schema_number, NEED},                                 \
        {"distance_m", &schema_number,                                                             \
         .help = "from the point that sort, else the filter, asks for first"},                     \
        {"scores", &scores, NEED},                                                                 \
        {"passage", &passage, NEED, .help = "the best one; null: the document has no text"},       \
        {"title_highlights", LIST_OF(&range), NEED,                                                \
         .help = "the query's words in the document's title, in bytes"},                           \
        {"snippet", &passage, .help = "if snippet_length is given: out of the passage"},           \
        {"highlighted", &highlighted, .help = "if highlight is given"},                            \
        {"document", &schema_document_parts, NEED},                                                \
    {                                                                                              \
        "explain", &explain                                                                        \
    }
static const struct schema group_hit = {
    .name = "GroupHit", .type = SCHEMA_OBJECT, .fields = FIELDS(HIT_FIELDS)};
static const struct schema hit_group = {
    .type = SCHEMA_OBJECT,
    .help = "if group_by is given: what the hit is the best of",
    .fields = FIELDS({"value", &schema_any, NEED, .help = "null: the document has none"},
                     {"hits", LIST_OF(&group_hit), NEED, .help = "the others, best first"}),
};
static const struct schema hit = {
    .name = "Hit",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(HIT_FIELDS, {"group", &hit_group}),
};
static const struct schema relation = {.type = SCHEMA_STRING, .choices = "eq|gte"};
static const struct schema total = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"value", &count, NEED},
                     {"relation", &relation, NEED, .help = "gte: at least so many"}),
};
static const struct schema facet_count = {
    .name = "FacetCount",
    .type = SCHEMA_OBJECT,
    .help = "of a value, or of a range with its name and ends as asked for",
    .fields = FIELDS({"count", &count, NEED}, {"value", &schema_any}, {"name", &schema_string},
                     {"from", &schema_any}, {"to", &schema_any}),
};
static const struct schema facet_counts = {.type = SCHEMA_ARRAY, .items = &facet_count};
static const struct schema facet_answer = {
    .type = SCHEMA_OBJECT, .items = &facet_counts, .open = true};
static const struct schema facet_stats = {
    .name = "FacetStats",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"count", &count, NEED, .help = "numbers and dates"},
                     {"min", &schema_any, NEED, .help = "null if there are none"},
                     {"max", &schema_any, NEED}, {"avg", &maybe_number, NEED}),
};
static const struct schema facet_stats_answer = {
    .type = SCHEMA_OBJECT, .items = &facet_stats, .open = true};
const struct schema schema_facet_answer = {
    .name = "FacetAnswer",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"field", &schema_string, NEED}, {"data", &facet_counts, NEED},
               {"total", &total, NEED, .help = "documents that match"},
               {"stats", &facet_stats, .help = "if asked for"}, {"took_ms", &schema_number, NEED}),
    .example = "{\"field\":\"tags\",\"data\":[{\"value\":\"food\",\"count\":3}],\"total\":{"
               "\"value\":5,\"relation\":\"eq\"},\"took_ms\":0.2}",
};
const struct schema schema_search_answer = {
    .name = "SearchAnswer",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"data", LIST_OF(&hit), NEED}, {"total", &total, NEED},
        {"next_cursor", &cursor, NEED,
         .help = "goes on behind the last document shown, wherever that stands by then: while "
                 "nothing changes no document comes twice and none is left out, and what is "
                 "added, changed or deleted moves no other. null: there are no more; or, by "
                 "score, 2,000 were shown, since each page ranks all before it: sort, or the "
                 "list of documents, goes to the end. A cursor is too old (410) when the "
                 "embedding version changes, unless words alone decide, and after a restore"},
        {"took_ms", &schema_number, NEED},
        {"embedding_version", &count, NEED, .help = "that the answer is from"},
        {"search_id", &schema_string, NEED},
        {"facets", &facet_answer, .help = "by field, if asked for"},
        {"facet_stats", &facet_stats_answer, .help = "by field, if asked for"},
        {"explain", &lists, .help = "how the hits were found, if asked for"},
        {"by", &similar_was_by, .help = "similar: what it went by"},
        {"personalised", &schema_boolean, .help = "with user: whether anything is known of them"},
        {"degraded", &schema_string,
         .help = "why hybrid search had words alone to go by: a remote model is away"}),
};
static const struct schema search_failure = {
    .name = "SearchFailure",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"error", &schema_row_error, NEED, .help = "pointers are of the whole request"}),
};
static const struct schema search_outcome = {
    .type = SCHEMA_ONE_OF,
    .alternatives = (const struct schema *const[]){&schema_search_answer, &search_failure, NULL},
};
const struct schema schema_multi_answer = {
    .name = "MultiSearchAnswer",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"data", LIST_OF(&search_outcome), NEED, .help = "in the order of the searches"},
               {"failed", &count, NEED}, {"took_ms", &schema_number, NEED}),
};

/* ---- readers ---- */
static const struct schema feedback_out = {
    .name = "StoredFeedback",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"event_id", &schema_string, NEED}, {"user", &schema_string, NEED},
                     {"document", &schema_string, NEED}, {"type", &schema_string, NEED},
                     {"value", &maybe_number, NEED}, {"time", &time_text, NEED},
                     {"session", &schema_string}, {"recommendation_id", &schema_string},
                     {"position", &count}),
};
const struct schema schema_feedback_list = {
    .name = "FeedbackList",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&feedback_out), NEED}, {"next_cursor", &cursor, NEED}),
};
const struct schema schema_user_out = {
    .name = "StoredUser",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"id", &schema_string, NEED}, {"attributes", &object},
                     {"labels", &schema_text_list}, {"created", &time_text, NEED},
                     {"updated", &time_text, NEED}, {"revision", &count, NEED}),
};
static const struct schema export_slot = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"document", &schema_string, .help = "missing: it was deleted since"},
                     {"position", &count, NEED}, {"score", &maybe_number, NEED},
                     {"propensity", &maybe_number, NEED}),
};
static const struct schema export_answer = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"recommendation_id", &schema_string, NEED}, {"time", &time_text, NEED},
                     {"scenario", &schema_string}, {"experiment", &schema_string},
                     {"variant", &schema_string}, {"model", &count, .help = "its number"},
                     {"documents", LIST_OF(&export_slot), NEED}),
};
static const struct schema export_score = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"document", &schema_string, NEED}, {"score", &maybe_number, NEED}),
};
static const struct schema export_source = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"source", &schema_string, NEED}, {"updated", &time_text, NEED},
                     {"scores", LIST_OF(&export_score), NEED}),
};
const struct schema schema_user_export = {
    .name = "UserExport",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"user", &schema_user_out, .help = "on the first page, if there is one"},
                     {"scores", LIST_OF(&export_source), NEED},
                     {"feedback", LIST_OF(&feedback_out), NEED},
                     {"answers", LIST_OF(&export_answer), NEED}, {"next_cursor", &cursor, NEED}),
};

/* ---- inference, in OpenAI's shape ---- */
static const struct schema vector = {
    .type = SCHEMA_ONE_OF,
    .help = "numbers, or base64 of little-endian float32",
    .alternatives = (const struct schema *const[]){LIST_OF(&schema_number), &schema_string, NULL},
};
static const struct schema embedding = {
    .name = "Embedding",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"object", &schema_string, NEED}, {"index", &count, NEED},
                     {"embedding", &vector, NEED}, {"tokens", &count, NEED},
                     {"truncated", &schema_boolean, NEED},
                     {"passages", &count, .help = "that it was split into, if it was"}),
};
static const struct schema usage = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"prompt_tokens", &count, NEED}, {"total_tokens", &count, NEED},
                     {"truncated", &count, NEED, .help = "inputs that were cut"}),
};
const struct schema schema_embeddings_answer = {
    .name = "EmbeddingsAnswer",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"object", &schema_string, NEED}, {"data", LIST_OF(&embedding), NEED},
                     {"model", &schema_string, NEED}, {"usage", &usage, NEED}),
};
const struct schema schema_model = {
    .name = "Model",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"id", &schema_string, NEED}, {"object", &schema_string, NEED}, {"created", &count, NEED},
        {"owned_by", &schema_string, NEED}, {"digest", &schema_string, NEED},
        {"dims", &count, NEED}, {"tokens_max", &count, NEED}, {"precision", &schema_string, NEED},
        {"pooling", &schema_string, NEED},
        {"vocabulary", &count, .help = "tokens; not of a model that a provider serves"}),
};
const struct schema schema_models = {
    .name = "Models",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"object", &schema_string, NEED}, {"data", LIST_OF(&schema_model), NEED}),
};

/* ---- as Text Embeddings Inference has it ---- */
const struct schema schema_numbers = {.type = SCHEMA_ARRAY, .items = &schema_number};
const struct schema schema_vectors = {.type = SCHEMA_ARRAY, .items = &schema_numbers};
const struct schema schema_token_vectors = {.type = SCHEMA_ARRAY, .items = &schema_vectors};
static const struct schema offset_or_null = {.type = SCHEMA_INTEGER, .nullable = true};
static const struct schema tei_token = {
    .name = "TEIToken",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"id", &count, NEED}, {"text", &schema_string, NEED},
                     {"special", &schema_boolean, NEED}, {"start", &offset_or_null, NEED},
                     {"stop", &offset_or_null, NEED}),
};
const struct schema schema_tei_tokens = {.type = SCHEMA_ARRAY, .items = LIST_OF(&tei_token)};
static const struct schema tei_pooling = {.type = SCHEMA_OBJECT,
                                          .fields = FIELDS({"pooling", &schema_string, NEED})};
static const struct schema tei_model_type = {.type = SCHEMA_OBJECT,
                                             .fields = FIELDS({"embedding", &tei_pooling, NEED})};
const struct schema schema_tei_info = {
    .name = "TEIInfo",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"model_id", &schema_string, NEED}, {"model_sha", &schema_string, NEED},
                     {"model_dtype", &schema_string, NEED}, {"model_type", &tei_model_type, NEED},
                     {"max_input_length", &count, NEED}, {"max_client_batch_size", &count, NEED},
                     {"auto_truncate", &schema_boolean, NEED}, {"version", &schema_string, NEED}),
};
const struct schema schema_tei_error = {
    .name = "TEIError",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"error", &schema_string, NEED}, {"error_type", &schema_string, NEED},
                     {"trace_id", &schema_string, NEED}),
};

/* ---- the rest ---- */
static const struct schema change = {
    .name = "Change",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"position", &schema_string, NEED}, {"type", &schema_string, NEED},
                     {"at", &time_text, NEED}, {"data", &object, NEED}),
};
const struct schema schema_changes = {
    .name = "Changes",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&change), NEED}, {"next_cursor", &schema_string, NEED,
                                                        .help = "go on from here, now or later"}),
};
const struct schema schema_backup = {
    .name = "Backup",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"path", &schema_string, NEED, .help = "on the server's machine"},
                     {"bytes", &count, NEED},
                     {"position", &schema_string, NEED, .help = "it holds all up to here"}),
};
static const struct schema check_state = {.type = SCHEMA_STRING, .choices = "ok|wrong|left out"};
static const struct schema check_line = {
    .name = "CheckLine",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"what", &schema_string, NEED, .help = "\"store\", \"documents\", \"graph\" ..."},
               {"collection", &schema_string, NEED, .help = "empty: it belongs to none"},
               {"version", &count, NEED, .help = "embedding version; 0: it belongs to none"},
               {"count", &count, NEED, .help = "how many `unit` there are"},
               {"unit", &schema_string, NEED}, {"state", &check_state, NEED},
               {"text", &schema_string, NEED, .help = "a finding a line; or why it was left out"},
               {"next", &schema_string, NEED, .help = "what to do about it"}),
};
const struct schema schema_check = {
    .name = "Check",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"ok", &schema_flag, NEED, .help = "nothing is wrong with what was checked"},
                     {"digest", &schema_string, NEED,
                      .help = "of all documents with their revisions and vectors"},
                     {"checks", LIST_OF(&check_line), NEED}),
};
const struct schema schema_state = {
    .name = "State",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"status", &schema_string, NEED}),
};
const struct schema schema_version_answer = {
    .name = "Version",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"version", &schema_string, NEED}, {"commit", &schema_string, NEED},
                     {"api", &schema_string, NEED}),
};
const struct schema schema_problem = {
    .name = "Problem",
    .type = SCHEMA_OBJECT,
    .help = "RFC 9457",
    .fields = FIELDS({"type", &schema_string, NEED}, {"title", &schema_string, NEED},
                     {"status", &count, NEED}, {"code", &schema_string, NEED},
                     {"detail", &schema_string, NEED}, {"errors", LIST_OF(&fault), NEED},
                     {"trace_id", &schema_string, NEED}),
    .example = "{\"type\":\"/docs#invalid\",\"title\":\"Unprocessable "
               "Content\",\"status\":422,\"code\":\"invalid\","
               "\"detail\":\"limit must be an integer from 0 to "
               "1000\",\"errors\":[{\"pointer\":\"/limit\",\"detail\":"
               "\"must be an integer from 0 to "
               "1000\"}],\"trace_id\":\"0af7651916cd43dd8448eb211c80319c\"}",
};
static const struct schema openai_error = {
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"message", &schema_string, NEED}, {"type", &schema_string, NEED},
               {"param", &(const struct schema){.type = SCHEMA_STRING, .nullable = true}, NEED},
               {"code", &schema_string, NEED}, {"trace_id", &schema_string, NEED}),
};
const struct schema schema_openai_error = {
    .name = "OpenAIError",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"error", &openai_error, NEED}),
};
