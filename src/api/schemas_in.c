#include "api/schemas.h"

/* Bodies and parameters. */

/* A row of a table names what it has; the rest is zero by intention. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define FIELDS(...) ((const struct field[]){__VA_ARGS__, {NULL}})

const struct schema schema_any = {.type = SCHEMA_ANY};
const struct schema schema_string = {.type = SCHEMA_STRING};
const struct schema schema_integer = {.type = SCHEMA_INTEGER};
const struct schema schema_number = {.type = SCHEMA_NUMBER};
const struct schema schema_boolean = {.type = SCHEMA_BOOLEAN};
const struct schema schema_flag = {.type = SCHEMA_BOOLEAN};
const struct schema schema_id = {
    .name = "Id",
    .type = SCHEMA_ID,
    .format = FORMAT_ID,
    .count_min = 1,
    .count_max = 255,
    .help = "1 to 255 bytes without control characters, not . or ..; an integer becomes a string",
    .example = "\"a1\"",
};
const struct schema schema_path_id = {
    .type = SCHEMA_STRING,
    .format = FORMAT_ID,
    .count_min = 1,
    .count_max = 255,
    .example = "\"a1\"",
};
const struct schema schema_path_name = {
    .type = SCHEMA_STRING,
    .format = FORMAT_NAME,
    .count_min = 1,
    .count_max = 64,
    .help = "a-z, 0-9, _ and -, first a letter or digit, at most 64",
    .example = "\"news\"",
};
const struct schema schema_limit = {.type = SCHEMA_INTEGER,
                                    .bounded = true,
                                    .min = 1,
                                    .max = LIMIT_MAX,
                                    .help = "how many at most"};
const struct schema schema_offset = {.type = SCHEMA_INTEGER,
                                     .bounded = true,
                                     .min = 0,
                                     .max = OFFSET_MAX,
                                     .help = "how many to pass over; a cursor goes further"};
const struct schema schema_cursor = {
    .type = SCHEMA_STRING,
    .nullable = true,
    .count_max = 8192,
    .help = "next_cursor of the answer before, unchanged, with the same request but limit. "
            "422: of another request or not ours; 410: too old"};
const struct schema schema_filter = {
    .type = SCHEMA_STRING,
    .count_max = 65536,
    .help = FILTER_HELP,
    .example = "\"lang = \\\"en\\\"\"",
};
const struct schema schema_position = {.type = SCHEMA_STRING,
                                       .count_max = 40,
                                       .help = "a place in the order of all changes",
                                       .example = "\"x7-17\""};
const struct schema schema_text_list = {.type = SCHEMA_ARRAY, .items = &schema_string};

static const struct schema nonempty = {.type = SCHEMA_STRING, .count_min = 1, .count_max = 255};
static const struct schema share = {.type = SCHEMA_NUMBER, .bounded = true, .min = 0, .max = 1};
static const struct schema id_list = {
    .type = SCHEMA_ARRAY, .items = &schema_id, .count_max = ROWS_MAX};
static const struct schema id_list_one = {
    .type = SCHEMA_ARRAY, .items = &schema_id, .count_min = 1, .count_max = ROWS_MAX};
static const struct schema free_object = {.type = SCHEMA_OBJECT, .open = true};

/* ---- collections ---- */
static const struct schema mapping = {
    .type = SCHEMA_OBJECT,
    .items = &nonempty,
    .open = true,
    .help = "which field of the documents that come in is our title, text, url ...",
    .example = "{\"text\":\"body\"}",
};
static const struct schema passage_tokens = {.type = SCHEMA_INTEGER,
                                             .bounded = true,
                                             .min = 1,
                                             .max = 8192,
                                             .help = "at most what the model reads"};
static const struct schema overlap_tokens = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 0, .max = 4096};
static const struct schema extra_fields = {.type = SCHEMA_STRING, .choices = "attributes|error"};
static const struct schema versions_kept = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 0, .max = 4};
static const struct schema rule_words = {
    .type = SCHEMA_ARRAY, .items = &nonempty, .count_min = 1, .count_max = 32};
static const struct schema synonym = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"words", &rule_words, .required = true,
                      .help = "each stands for any other; with `means`: for those"},
                     {"means", &rule_words}),
    .example = "{\"words\":[\"tv\"],\"means\":[\"television\"]}",
};
static const struct schema synonyms = {
    .type = SCHEMA_ARRAY, .items = &synonym, .count_max = 5000, .nullable = true};
static const struct schema stop_words = {
    .type = SCHEMA_ARRAY, .items = &nonempty, .count_max = 5000, .nullable = true};
static const struct schema feedback_weight = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = -10, .max = 10};
static const struct schema feedback_seen = {.type = SCHEMA_BOOLEAN};
static const struct schema feedback_type_object = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"weight", &feedback_weight, .fallback = "1",
                      .help = "over 0: liked, under 0: not wanted, 0: tells nothing"},
                     {"seen", &feedback_seen, .fallback = "true",
                      .help = "a document of it is left out by exclude_seen"}),
};
static const struct schema feedback_type_setting = {
    .type = SCHEMA_ONE_OF,
    .nullable = true,
    .alternatives = (const struct schema *const[]){&feedback_weight, &feedback_type_object, NULL},
};
static const struct schema feedback_types = {
    .type = SCHEMA_OBJECT,
    .items = &feedback_type_setting,
    .help = "view, click, like, save, read, rate, dislike, custom, and types of your own, which "
            "weigh their weight times the act's value; null forgets one, or what was set for it",
    .example = "{\"view\":0.1,\"bookmark\":{\"weight\":1,\"seen\":false}}"};
static const struct schema half_life_days = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = .01, .max = 36500, .nullable = true};
static const struct schema feedback_threshold = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = 0, .max = 10};
static const struct schema answers_days = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 0, .max = 36500};
static const struct schema feedback_settings = {
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"types", &feedback_types},
               {"half_life_days", &half_life_days, .fallback = "30",
                .help = "after so many days an act weighs half; null: it always weighs the same"},
               {"threshold", &feedback_threshold, .fallback = "0",
                .help = "a document whose acts by one reader weigh less does not count as read"},
               {"answers_days", &answers_days, .fallback = "90",
                .help = "how long the log of what was recommended is kept; 0: without end"})};
static const struct schema training_schedule = {.type = SCHEMA_STRING,
                                                .choices = "automatic|periodic|manual"};
static const struct schema training_hours = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = .01, .max = 8760};
static const struct schema training_settings = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"schedule", &training_schedule, .fallback = "\"automatic\"",
         .help = "automatic: once 20 readers have given feedback, and again when enough has "
                 "changed, a reader was erased, or the embedding version is another; periodic: "
                 "every so many hours; manual: only when asked"},
        {"every_hours", &training_hours, .fallback = "1",
         .help = "no more often; after a failure twice as late, each time"},
        {"min_changes", &share, .fallback = "0.1",
         .help = "automatic: new acts of feedback, as a share of those that the last training "
                 "knew, and at least 20"})};
static const struct schema default_blend = {
    .type = SCHEMA_STRING, .count_max = 1000, .nullable = true};
static const struct schema recommend_settings = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"blend", &default_blend, .fallback = "null",
         .help = "the score expression of requests and variants that give none, so that uploaded "
                 "scores join every answer: \"model + .5 * brought.mine\". A ranker is for "
                 "akin's own blend alone. null: that one"},
        {"gate", &schema_boolean, .fallback = "true",
         .help = "a new blend is taken only if an experiment tried it (a variant that sets this "
                 "blend and nothing else, a control as the collection serves now) and found it to "
                 "be no worse: the interval of the difference ends above -5 % of the control's "
                 "rate; else 409. Held-out readers could not judge uploaded scores fairly. false: "
                 "it is taken as it is"})};
const struct schema schema_collection_settings = {
    .name = "CollectionSettings",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"passage_tokens", &passage_tokens, .help = "tokens of a passage"},
        {"overlap_tokens", &overlap_tokens, .help = "tokens that neighbouring passages share"},
        {"extra_fields", &extra_fields, .fallback = "\"attributes\"",
         .help = "what unknown top-level fields of documents become"},
        {"mapping", &mapping},
        {"synonyms", &synonyms,
         .help = "words, or several in a row, that stand for one another in queries"},
        {"stop_words", &stop_words,
         .help = "words of queries that do not count unless there is nothing else; those of the "
                 "language need not be named"},
        {"feedback", &feedback_settings, .help = "what acts of readers weigh"},
        {"training", &training_settings, .help = "when recommenders are trained by themselves"},
        {"recommend", &recommend_settings, .help = "how it recommends unless a request says"},
        {"versions_kept", &versions_kept, .fallback = "1",
         .help = "retired embedding versions that are kept, and kept up to date, for a rollback"}),
    .example = "{\"mapping\":{\"text\":\"body\"}}",
};
static const struct schema model_name = {.type = SCHEMA_STRING, .count_min = 1, .count_max = 95};
static const struct schema precision = {.type = SCHEMA_STRING, .choices = "auto|fp32|bf16|int8"};
static const struct schema version_dimensions = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 1, .max = 4096};
#define VERSION_CHOICE                                                                             \
    {"model", &model_name, .help = "a model in DATA/models; without one, the server's"},           \
        {"precision", &precision, .fallback = "\"auto\"",                                          \
         .help = "of the products; auto: the fastest faithful one of this CPU, resolved once"},    \
    {                                                                                              \
        "dimensions", &version_dimensions, .help = "fewer than the model has: the first so many"   \
    }
const struct schema schema_collection_new = {
    .name = "CollectionNew",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"name", &schema_path_name, .required = true},
                     {"settings", &schema_collection_settings}, VERSION_CHOICE),
    .example = "{\"name\":\"news\"}",
};

/* ---- embedding versions ---- */
const struct schema schema_version_id = {
    .type = SCHEMA_STRING, .count_min = 1, .count_max = 10, .example = "\"2\""};
const struct schema schema_task_id = {
    .type = SCHEMA_STRING, .count_min = 1, .count_max = 19, .example = "\"17\""};

/* ---- trainings ---- */
static const struct schema train_kind = {.type = SCHEMA_STRING,
                                         .choices = "ease|neighbours|walks|ials|adapter|classifier",
                                         .nullable = true};
static const struct schema train_seed = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 0, .max = 9007199254740991.0};
const struct schema schema_label = {
    .type = SCHEMA_STRING, .count_min = 1, .count_max = 255, .example = "\"attributes.topic\""};
static const struct schema min_probability = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = 0, .max = 1};
static const struct schema train_held_out = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = .01, .max = .9};
const struct schema schema_train = {
    .name = "Train",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"kind", &train_kind,
         .help =
             "only this one is tried; default: those that suit the size. adapter: no recommender, "
             "but an embedding version, learned from what readers like together. classifier: no "
             "recommender, but one that tells the label of documents that have none"},
        {"label", &schema_label,
         .help = "of a classifier: what it learns to tell, tags or an attribute of text, of true "
                 "and false, or of lists of texts (then several may hold)"},
        {"min_probability", &min_probability, .fallback = "0.5",
         .help = "of a classifier: what is less probable it does not tell in documents"},
        {"seed", &train_seed, .fallback = "42", .help = "the same data and seed: the same model"},
        {"held_out", &train_held_out, .fallback = "0.2",
         .help = "share of readers (of a classifier: of documents) to judge by"},
        {"promote", &schema_boolean, .fallback = "true",
         .help = "false: it stays a candidate, whatever the gate says"}),
    .example = "{\"seed\":42}",
};

const struct schema schema_version_new = {
    .name = "EmbeddingVersionNew",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(VERSION_CHOICE),
    .example = "{\"model\":\"all-MiniLM-L6-v2\",\"precision\":\"int8\"}",
};
static const struct schema compare_query = {
    .type = SCHEMA_STRING, .count_min = 1, .count_max = 2000};
static const struct schema compare_queries = {
    .type = SCHEMA_ARRAY, .items = &compare_query, .count_max = QUERIES_MAX};
static const struct schema grade = {.type = SCHEMA_NUMBER, .bounded = true, .min = 0, .max = 100};
static const struct schema judgment = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"query", &compare_query, .required = true},
                     {"document", &schema_id, .required = true},
                     {"grade", &grade, .fallback = "1", .help = "0: not relevant"}),
};
static const struct schema judgments = {
    .type = SCHEMA_ARRAY, .items = &judgment, .count_max = 10000};
const struct schema schema_compare = {
    .name = "CompareRequest",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"queries", &compare_queries}, {"judgments", &judgments}),
    .example = "{\"queries\":[\"pumpkin soup\"]}",
};

/* ---- documents: judged by the engine, since a collection's mapping decides which field is the
 * text ---- */
static const struct schema document_id = {
    .type = SCHEMA_ID, .format = FORMAT_ID, .count_min = 1, .count_max = 255};
static const struct schema document_vector = {
    .type = SCHEMA_ARRAY, .items = &schema_number, .count_max = 8192};
static const struct schema time_text = {
    .type = SCHEMA_STRING, .format = FORMAT_TIME, .example = "\"2026-11-22T16:09:02Z\""};
const struct schema schema_document = {
    .name = "Document",
    .type = SCHEMA_OBJECT,
    .open = true,
    .deferred = true,
    .help = "Text is found under text, content or body unless the collection maps it; other "
            "unknown fields become "
            "attributes.",
    .fields = FIELDS(
        {"id", &document_id, .help = "made if missing"}, {"title", &schema_string},
        {"text", &schema_string}, {"url", &schema_string},
        {"lang", &schema_string,
         .help = "language tag (BCP 47) such as en or pt-BR; without one the language is detected "
                 "(detected_lang in answers) each time the document is written. Detection is no "
                 "part of a document: sent again it is unchanged, whatever a later akin detects"},
        {"tags", &schema_text_list}, {"attributes", &free_object, .help = "filterable"},
        {"expires", &time_text},
        {"vector", &document_vector,
         .help = "the document's one vector, instead of those made from its passages: as many "
                 "finite numbers as the collection's dims, not all 0; of any length, made "
                 "length 1. It belongs to the embedding version that is active when it is "
                 "given: other versions embed the text, and so does this one when the text "
                 "is changed without a vector. Sent again under another active version, it "
                 "is taken for that"}),
    .example = "{\"id\":\"a1\",\"title\":\"Pumpkin soup\",\"text\":\"Roast the pumpkin, then add "
               "ginger.\","
               "\"tags\":[\"food\"],\"attributes\":{\"year\":2024}}",
};
static const struct schema document_array = {
    .type = SCHEMA_ARRAY, .items = &schema_document, .deferred = true, .count_max = DOCUMENTS_MAX};
const struct schema schema_documents = {
    .type = SCHEMA_ONE_OF,
    .help = "one document, or an array of documents",
    .alternatives = (const struct schema *const[]){&schema_document, &document_array, NULL},
};
const struct schema schema_merge_patch = {
    .name = "MergePatch",
    .type = SCHEMA_OBJECT,
    .open = true,
    .deferred = true,
    .help = "RFC 7396: null removes a field",
    .example = "{\"title\":\"Pumpkin soup with ginger\"}",
};
const struct schema schema_delete = {
    .name = "Delete",
    .type = SCHEMA_OBJECT,
    .help = "ids, or a filter that is not empty: of what matches at most 10,000 are deleted in a "
            "request, and the answer says how many remain",
    .fields = FIELDS({"ids", &id_list_one}, {"filter", &schema_filter}),
    .example = "{\"ids\":[\"a1\",\"a2\"]}",
};
/* ---- find ---- */
static const struct schema query_text = {
    .type = SCHEMA_STRING, .count_max = TEXT_MAX, .example = "\"pumpkin\""};
static const struct schema text_one = {
    .type = SCHEMA_STRING, .count_min = 1, .count_max = TEXT_MAX};
static const struct schema search_match = {.type = SCHEMA_STRING, .choices = "any|all"};
static const struct schema search_mode = {.type = SCHEMA_STRING,
                                          .choices = "hybrid|semantic|lexical"};
static const struct schema duplicates = {.type = SCHEMA_STRING, .choices = "show|hide"};
#define DUPLICATES                                                                                 \
    {                                                                                              \
        "duplicates", &duplicates, .fallback = "\"show\"",                                         \
                                   .help = "hide: without those that are near-copies of an older " \
                                           "document (duplicate_of), even "                        \
                                           "if that one is not in the answer"                      \
    }
#define EXACT                                                                                      \
    {                                                                                              \
        "exact", &schema_boolean, .fallback = "false",                                             \
                                  .help = "compare all vectors: slower, and nothing is missed"     \
    }
static const struct schema facet_limit = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 1, .max = 1000};
static const struct schema range_end = {
    .type = SCHEMA_ONE_OF,
    .help = "a number, or a text: RFC 3339 is a date",
    .alternatives = (const struct schema *const[]){&schema_number, &nonempty, NULL},
};
static const struct schema facet_range = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"name", &nonempty, .help = "in the answer; without one \"from..to\""},
                     {"from", &range_end, .help = "the least"},
                     {"to", &range_end, .help = "the first above"}),
};
static const struct schema facet_ranges = {
    .type = SCHEMA_ARRAY, .items = &facet_range, .count_min = 1, .count_max = 100};
static const struct schema facet = {
    .name = "Facet",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"field", &nonempty, .required = true},
        {"limit", &facet_limit, .fallback = "50", .help = "values, most frequent first"},
        {"ranges", &facet_ranges,
         .help = "instead of values: how many documents have one with from <= value < to; a "
                 "document that has several is counted once in each range"},
        {"stats", &schema_boolean, .fallback = "false",
         .help = "min, max and avg of the numbers and dates that match (avg of dates in seconds "
                 "since 1970), under facet_stats"}),
    .example = "{\"field\":\"year\",\"ranges\":[{\"to\":2000},{\"from\":2000,\"to\":2010}]}",
};
static const struct schema facet_item = {
    .type = SCHEMA_ONE_OF, .alternatives = (const struct schema *const[]){&nonempty, &facet, NULL}};
static const struct schema facet_items = {
    .type = SCHEMA_ARRAY, .items = &facet_item, .count_max = 16};
static const struct schema facet_names = {.type = SCHEMA_STRING, .count_max = 4096};
static const struct schema facet_list = {
    .type = SCHEMA_ONE_OF,
    .help = "fields whose values are counted among all that matches: names (\"tags,year\", or an "
            "array), or objects with a limit or ranges. Counted is exactly what the total counts: "
            "filter, exclusions, by words alone the query's words, and min_score (exact where at "
            "most 100,000 documents pass the filter). A field that no document has is refused",
    .alternatives = (const struct schema *const[]){&facet_names, &facet_items, NULL},
    .example = "[\"tags\",{\"field\":\"year\",\"ranges\":[{\"from\":2000}]}]",
};
static const struct schema field_paths = {.type = SCHEMA_ARRAY,
                                          .items = &nonempty,
                                          .count_max = 64,
                                          .example = "[\"title\",\"attributes.year\"]"};
static const struct schema snippet_length = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 20, .max = 2000};
static const struct schema tag = {.type = SCHEMA_STRING, .count_max = 64};
static const struct schema highlight = {
    .name = "HighlightOptions",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"pre", &tag, .fallback = "\"<em>\""}, {"post", &tag, .fallback = "\"</em>\""}),
    .example = "{\"pre\":\"<mark>\",\"post\":\"</mark>\"}",
};
#define SHOWN                                                                                      \
    {"fields", &field_paths,                                                                       \
     .help = "what of each document comes back beside its id: title, attributes.year, revision; "  \
             "without it everything, [] for nothing. What a document does not have is left out"},  \
    {                                                                                              \
        "snippet_length", &snippet_length,                                                         \
            .help = "each hit gets a snippet of at most so many code points out of its passage, "  \
                    "where the query's words stand densest, from the beginning of a sentence or "  \
                    "word to the end of one"                                                       \
    }
static const struct schema sort_order = {.type = SCHEMA_STRING, .choices = "asc|desc"};
static const struct schema sort_missing = {.type = SCHEMA_STRING, .choices = "last|first"};
static const struct schema latitude = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = -90, .max = 90};
static const struct schema longitude = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = -180, .max = 180};
static const struct schema sort_key = {
    .name = "SortKey",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"field", &nonempty, .required = true, .help = "as in filters, or _score"},
                     {"lat", &latitude, .help = "with lon: by the distance of the field's points"},
                     {"lon", &longitude},
                     {"order", &sort_order, .fallback = "\"asc\"", .help = "of _score desc"},
                     {"missing", &sort_missing, .fallback = "\"last\"",
                      .help = "where documents without a value stand, in either order"}),
    .example = "{\"field\":\"year\",\"order\":\"desc\"}",
};
static const struct schema sort_item = {
    .type = SCHEMA_ONE_OF,
    .alternatives = (const struct schema *const[]){&nonempty, &sort_key, NULL}};
static const struct schema sort_items = {.type = SCHEMA_ARRAY, .items = &sort_item, .count_max = 8};
static const struct schema sort_text = {.type = SCHEMA_STRING, .count_max = 4096};
static const struct schema sort_list = {
    .type = SCHEMA_ONE_OF,
    .help =
        "the order of all that match, not only of the best: up to 8 fields, \"year:desc,site\" or "
        "an array of such and of objects. Numbers and dates go by size, texts by code point, "
        "booleans before numbers before texts; of an array rising order takes the least value, "
        "falling order the greatest. geo(place,52.5,13.4) is the distance from there. Ties as "
        "documents came; add _score for the best first (alone it is the order without sort). What "
        "matches: in modes lexical and hybrid what holds a word of the query; by meaning, and by "
        "_score first, everything that the filter passes (by _score the 100,000 best); with "
        "min_score what reaches it. next_cursor goes on without a limit, and without _score "
        "neither repeats "
        "nor "
        "misses a document, whatever is added or deleted meanwhile",
    .alternatives = (const struct schema *const[]){&sort_text, &sort_items, NULL},
    .example = "\"year:desc,site\"",
};
static const struct schema group_limit = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 1, .max = 100};
static const struct schema group_object = {
    .name = "GroupBy",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"field", &nonempty, .required = true, .help = "as in filters"},
                     {"limit", &group_limit, .fallback = "1",
                      .help = "hits of each group; times the number of groups at most 1,000"}),
    .example = "{\"field\":\"site\",\"limit\":3}",
};
static const struct schema group_by = {
    .type = SCHEMA_ONE_OF,
    .help = "at most so many hits of each value of a field (of an array its first). limit, offset "
            "and the cursor count groups then: data has the best hit of each, best group first, "
            "and under group its value and the other hits. Groups are filled from as deep as it "
            "takes. A document without a value is a group alone, of the value null",
    .alternatives = (const struct schema *const[]){&nonempty, &group_object, NULL},
    .example = "\"site\"",
};
static const struct schema number_list = {
    .type = SCHEMA_ARRAY, .items = &schema_number, .count_min = 1, .count_max = 4096};
#define LIMITS                                                                                     \
    {"filter", &schema_filter, .fallback = "\"\""}, {"limit", &schema_limit, .fallback = "20"},    \
        {"offset", &schema_offset, .fallback = "0"},                                               \
    {                                                                                              \
        "cursor", &schema_cursor                                                                   \
    }
static const struct schema fusion = {.type = SCHEMA_STRING, .choices = "linear|rrf|minmax"};
static const struct schema weight = {.type = SCHEMA_NUMBER, .bounded = true, .min = 0, .max = 1000};
static const struct schema weights = {
    .name = "Weights",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"lexical", &weight, .required = true}, {"semantic", &weight, .required = true}),
    .example = "{\"lexical\":0.6,\"semantic\":0.4}",
};
static const struct schema seconds = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = 1, .max = 1e12};
static const struct schema duration_text = {
    .type = SCHEMA_STRING, .count_min = 2, .count_max = 32, .example = "\"30d\""};
static const struct schema half_life = {
    .type = SCHEMA_ONE_OF,
    .help = "seconds, or a text with s, m, h, d, w or y: \"30d\"",
    .alternatives = (const struct schema *const[]){&seconds, &duration_text, NULL},
};
static const struct schema pivot = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = 1e-9, .max = 1e15};
static const struct schema boost = {
    .name = "Boost",
    .type = SCHEMA_OBJECT,
    .help = "score = relevance * (1 - sum of weight * (1 - boost)); a boost is from 0 to 1, and 0 "
            "for a document without the field",
    .fields = FIELDS(
        {"field", &nonempty, .required = true,
         .help = "with half_life dates (created, updated or an attribute), with pivot numbers; of "
                 "several values the greatest counts"},
        {"half_life", &half_life, .help = "boost = 2^(-age / half_life)"},
        {"origin", &time_text, .help = "from which ages count; without one, now"},
        {"pivot", &pivot, .help = "boost = x / (x + pivot)"},
        {"weight", &share, .fallback = "0.3", .help = "of all boosts together at most 1"}),
    .exactly_one = "half_life|pivot",
    .example = "{\"field\":\"created\",\"half_life\":\"30d\"}",
};
static const struct schema boosts = {.type = SCHEMA_ARRAY, .items = &boost, .count_max = 8};
#define PERSONAL                                                                                   \
    {"user", &schema_id,                                                                           \
     .help =                                                                                       \
         "ranks what is like this reader's profile higher: one more boost, max(0, (cos - mean) / " \
         "(1 - mean)) to the profile that recommend uses too. A user that nothing is known of "    \
         "changes nothing: personalised says so in the answer"},                                   \
    {                                                                                              \
        "user_weight", &share, .fallback = "0.3",                                                  \
                               .help = "of that boost; with the others at most 1"                  \
    }
const struct field search_fields[] = {
    {"q", &query_text, .fallback = "\"\"",
     .help = "what is looked for; \"a phrase\" must be there as it stands, -word and -\"a phrase\" "
             "must "
             "not (not in mode semantic). Empty or *: all documents that the filter passes, in the "
             "order of sort, or as they came, with the score 0"},
    {"mode", &search_mode, .fallback = "\"hybrid\"",
     .help = "by words and meaning, by meaning alone, by words alone"},
    {"match", &search_match, .fallback = "\"any\"",
     .help = "all: only documents that hold every word, stop words aside (not in mode semantic)"},
    {"prefix", &schema_boolean, .fallback = "false",
     .help = "search as you type: the last word stands for all that begin with it"},
    {"typos", &schema_boolean, .fallback = "true",
     .help = "a word that no document has stands for those that are one edit away (from 4 letters "
             "on), or two (from 8); not words with digits"},
    LIMITS,
    {"min_score", &share, .fallback = "0",
     .help = "cuts before totals and facets; not with fusion rrf or minmax"},
    {"fusion", &fusion, .fallback = "\"linear\"",
     .help = "hybrid; linear: scores depend on the query and the document alone, and compare; rrf "
             "(ranks, k = 60) and minmax (each list from 0 to 1) depend on the other hits"},
    {"weights", &weights, .help = "hybrid; linear and minmax: shares, .6 and .4; rrf: 1 and 1"},
    PERSONAL,
    {"boosts", &boosts, .help = "what is new, or has more of something, ranks higher"},
    {"facets", &facet_list},
    {"sort", &sort_list},
    {"group_by", &group_by},
    DUPLICATES,
    EXACT,
    SHOWN,
    {"highlight", &highlight,
     .help =
         "each hit gets `highlighted`: title and snippet (of 200 code points if no length is "
         "given) as HTML, & < > \" and ' of the text escaped, pre and post as they are around the "
         "query's words"},
    {"explain", &schema_boolean, .fallback = "false"},
    {NULL},
};
const struct schema schema_search = {
    .name = "SearchRequest",
    .type = SCHEMA_OBJECT,
    .fields = search_fields,
    .example = "{\"q\":\"pumpkin\",\"mode\":\"hybrid\",\"limit\":10}",
};
const struct schema schema_search_of = {
    .name = "CollectionSearch",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"collection", &schema_path_name, .required = true}),
    .extends = &schema_search,
    .example = "{\"collection\":\"news\",\"q\":\"pumpkin\",\"limit\":5}",
};
static const struct schema searches = {
    .type = SCHEMA_ARRAY,
    .items = &schema_search_of,
    .deferred = true,
    .count_min = 1,
    .count_max = SEARCHES_MAX,
};
const struct schema schema_multi_search = {
    .name = "MultiSearch",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"searches", &searches, .required = true,
                      .help = "each as a search of its own, of any collection; their limits "
                              "together at most 1,000"}),
    .example = "{\"searches\":[{\"collection\":\"news\",\"q\":\"pumpkin\"},{\"collection\":"
               "\"news\",\"q\":\"soup\",\"mode\":\"lexical\",\"limit\":3}]}",
};
static const struct schema similar_by = {.type = SCHEMA_STRING, .choices = "text|readers|both"};
const struct schema schema_similar = {
    .name = "SimilarRequest",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"id", &schema_id,
         .help = "a document stands for itself by the mean of its passages' vectors; documents in "
                 "the answer are compared by their best passage"},
        {"ids", &id_list_one,
         .help = "the mean of these documents, each with the same weight; they are not in the "
                 "answer. What is not embedded yet is passed over unless nothing is left"},
        {"text", &text_one, .help = "of any length: the mean of its passages, as of a document"},
        {"vector", &number_list,
         .help = "as many finite numbers as the collection's dims, of any length but 0"},
        {"by", &similar_by,
         .help = "what makes two documents alike: their texts, that the same readers read both (by "
                 "the recommender that is active), or both together, where the score is semantic + "
                 "(1 - semantic) * readers: a document that nobody read keeps the score of its "
                 "text. Without this field: both, if a recommender is active and knows one of the "
                 "examples; else text. readers finds only documents that have common readers with "
                 "an example; it needs id or ids and an active recommender"},
        LIMITS,
        {"exclude", &id_list, .help = "documents that are not wanted; unknown ids do no harm"},
        {"min_score", &share, .fallback = "0"}, PERSONAL, {"boosts", &boosts},
        {"facets", &facet_list}, {"sort", &sort_list}, {"group_by", &group_by}, DUPLICATES, EXACT,
        SHOWN, {"explain", &schema_boolean, .fallback = "false"},
        {"diversity", &share, .fallback = "0",
         .help = "0: nearest first; towards 1: less alike among each other. Each 200 documents in "
                 "a row are ordered anew"}),
    .exactly_one = "id|ids|text|vector",
    .example = "{\"id\":\"a1\",\"limit\":5}",
};

static const struct schema labels_limit = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 1, .max = 100};
const struct schema schema_classify = {
    .name = "ClassifyRequest",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"id", &schema_id, .help = "of a document, whatever labels it has"},
               {"text", &text_one, .help = "of any length, as a document's"},
               {"vector", &number_list,
                .help = "as many finite numbers as the collection's dims, of any length but 0"},
               {"label", &schema_label,
                .help = "by the classifier of this label; else by all that are active"},
               {"limit", &labels_limit, .fallback = "10",
                .help = "labels of each classifier, the most probable first"}),
    .exactly_one = "id|text|vector",
    .example = "{\"text\":\"The home team won after extra time\"}",
};

/* ---- readers ---- */
static const struct schema feedback_type = {
    .type = SCHEMA_STRING,
    .count_min = 1,
    .count_max = 32,
    .help = "view, click, like, save, read, rate (value 1 to 5), dislike, custom, or one of the "
            "collection's settings"};
static const struct schema feedback_position = {.type = SCHEMA_INTEGER,
                                                .bounded = true,
                                                .min = 0,
                                                .max = 1000000,
                                                .help = "the place in the list it came from"};
static const struct schema feedback_value = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = -1e9, .max = 1e9};
const struct schema schema_feedback = {
    .name = "Feedback",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"event_id", &schema_id, .help = "the same one again changes nothing"},
               {"user", &schema_id, .required = true}, {"document", &schema_id, .required = true},
               {"type", &feedback_type, .required = true}, {"value", &feedback_value},
               {"time", &time_text, .help = "now if missing"}, {"session", &schema_id},
               {"recommendation_id", &schema_id}, {"position", &feedback_position}),
    .example = "{\"event_id\":\"e1\",\"user\":\"u1\",\"document\":\"a1\",\"type\":\"like\"}",
};
static const struct schema feedback_array = {
    .type = SCHEMA_ARRAY, .items = &schema_feedback, .deferred = true, .count_max = ROWS_MAX};
const struct schema schema_feedback_rows = {
    .type = SCHEMA_ONE_OF,
    .help = "one row, or an array of up to 1,000; each row is judged alone",
    .alternatives = (const struct schema *const[]){&schema_feedback, &feedback_array, NULL},
};
const struct schema schema_user = {
    .name = "User",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"attributes", &free_object}, {"labels", &schema_text_list}),
    .example = "{\"labels\":[\"cook\"]}",
};

/* ---- inference ---- */
static const struct schema input_text = {.type = SCHEMA_STRING, .count_min = 1};
static const struct schema token_id = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 0, .max = 4294967295.0};
static const struct schema input_ids = {
    .type = SCHEMA_ARRAY, .items = &token_id, .count_min = 1, .count_max = INPUT_IDS_MAX};
static const struct schema input_item = {
    .type = SCHEMA_ONE_OF,
    .alternatives = (const struct schema *const[]){&input_text, &token_id, &input_ids, NULL},
};
static const struct schema input_array = {
    .type = SCHEMA_ARRAY, .items = &input_item, .count_min = 1, .count_max = INPUT_IDS_MAX};
static const struct schema input = {
    .type = SCHEMA_ONE_OF,
    .help = "a text, an array of up to 2048 texts, ids of the model's own vocabulary without "
            "special tokens, or an array "
            "of such",
    .alternatives = (const struct schema *const[]){&input_text, &input_array, NULL},
    .example = "\"pumpkin soup\"",
};
/* Clients in languages without absent members send null for what was not said. */
static const struct schema encoding_format = {
    .type = SCHEMA_STRING, .nullable = true, .choices = "float|base64"};
static const struct schema dimensions = {
    .type = SCHEMA_INTEGER, .nullable = true, .bounded = true, .min = 1, .max = 8192};
static const struct schema on_overflow = {
    .type = SCHEMA_STRING, .nullable = true, .choices = "error|split|truncate"};
static const struct schema input_type = {
    .type = SCHEMA_STRING, .nullable = true, .choices = "query|passage|document"};
static const struct schema end_user = {.type = SCHEMA_STRING, .nullable = true};
const struct schema schema_embeddings = {
    .name = "EmbeddingsRequest",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"model", &nonempty, .help = "the served model's name, or an alias",
         .fallback = "\"akin\""},
        {"input", &input, .required = true},
        {"encoding_format", &encoding_format, .fallback = "\"float\""},
        {"dimensions", &dimensions, .help = "fewer than the model has: cut and normalised again"},
        {"on_overflow", &on_overflow, .fallback = "\"error\"",
         .help =
             "of a text that is longer than the model reads: refused, the mean of its passages, "
             "or cut"},
        {"input_type", &input_type,
         .help = "puts the prefix before each text that the model wants"},
        {"user", &end_user, .help = "accepted, not used"}),
    .example = "{\"model\":\"akin\",\"input\":[\"pumpkin soup\",\"a bowl of soup\"]}",
};

/* ---- as Text Embeddings Inference has it ---- */
static const struct schema tei_text = {.type = SCHEMA_STRING};
static const struct schema tei_texts = {
    .type = SCHEMA_ARRAY, .items = &tei_text, .count_min = 1, .count_max = INPUTS_MAX};
static const struct schema tei_inputs = {
    .type = SCHEMA_ONE_OF,
    .help = "a text, or an array of texts",
    .alternatives = (const struct schema *const[]){&tei_text, &tei_texts, NULL},
    .example = "\"pumpkin soup\"",
};
static const struct schema truncation_direction = {
    .type = SCHEMA_STRING, .nullable = true, .choices = "Right|right"};
static const struct schema prompt_name = {
    .type = SCHEMA_STRING, .nullable = true, .choices = "query|passage|document"};
#define TEI_TRUNCATE                                                                               \
    {"truncate", &schema_flag, .fallback = "false", .help = "else a text too long is an error"},   \
        {"truncation_direction", &truncation_direction, .fallback = "\"Right\""},                  \
    {                                                                                              \
        "prompt_name", &prompt_name, .help = "the prefix of a query or a passage"                  \
    }
const struct schema schema_tei_embed = {
    .name = "TEIEmbedRequest",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"inputs", &tei_inputs, .required = true}, TEI_TRUNCATE, {"dimensions", &dimensions},
        {"normalize", &schema_flag, .fallback = "true", .help = "false: as the pooling left them"}),
    .example = "{\"inputs\":[\"pumpkin soup\",\"a bowl of soup\"]}",
};
static const struct schema tei_few_texts = {
    .type = SCHEMA_ARRAY, .items = &tei_text, .count_min = 1, .count_max = EMBED_ALL_MAX};
static const struct schema tei_few_inputs = {
    .type = SCHEMA_ONE_OF,
    .help = "a text, or an array of up to 32 texts",
    .alternatives = (const struct schema *const[]){&tei_text, &tei_few_texts, NULL},
    .example = "\"pumpkin soup\"",
};
const struct schema schema_tei_embed_all = {
    .name = "TEIEmbedAllRequest",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"inputs", &tei_few_inputs, .required = true}, TEI_TRUNCATE),
    .example = "{\"inputs\":\"pumpkin soup\"}",
};
static const struct schema similarity_inputs = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"source_sentence", &tei_text, .required = true},
                     {"sentences", &tei_texts, .required = true}),
};
static const struct schema similarity_parameters = {
    .type = SCHEMA_OBJECT, .nullable = true, .fields = FIELDS(TEI_TRUNCATE)};
const struct schema schema_tei_similarity = {
    .name = "TEISimilarityRequest",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"inputs", &similarity_inputs, .required = true},
                     {"parameters", &similarity_parameters}),
    .example = "{\"inputs\":{\"source_sentence\":\"pumpkin soup\",\"sentences\":[\"a bowl of "
               "soup\"]}}",
};
const struct schema schema_tei_tokenize = {
    .name = "TEITokenizeRequest",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"inputs", &tei_inputs, .required = true},
                     {"add_special_tokens", &schema_flag, .fallback = "true"},
                     {"prompt_name", &prompt_name}),
    .example = "{\"inputs\":\"pumpkin soup\"}",
};
static const struct schema decode_ids = {
    .type = SCHEMA_ARRAY, .items = &token_id, .count_max = INPUT_IDS_MAX};
static const struct schema decode_item = {
    .type = SCHEMA_ONE_OF,
    .alternatives = (const struct schema *const[]){&token_id, &decode_ids, NULL}};
static const struct schema decode_input = {.type = SCHEMA_ARRAY,
                                           .items = &decode_item,
                                           .count_min = 1,
                                           .count_max = INPUT_IDS_MAX,
                                           .help = "ids of one text, or an array of such",
                                           .example = "[101,102]"};
const struct schema schema_tei_decode = {
    .name = "TEIDecodeRequest",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"ids", &decode_input, .required = true},
                     {"skip_special_tokens", &schema_flag, .fallback = "true"}),
    .example = "{\"ids\":[101,102]}",
};
