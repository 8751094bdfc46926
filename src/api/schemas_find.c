#include "api/schema_table.h"
#include "api/schemas.h"

/* Search, similar, classify, many searches at once: what is sent. */

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
    .alternatives = (const struct schema *const[]){&schema_number, &schema_nonempty, NULL},
};
static const struct schema facet_range = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"name", &schema_nonempty, .help = "in the answer; without one \"from..to\""},
                     {"from", &range_end, .help = "the least"},
                     {"to", &range_end, .help = "the first above"}),
    .rules = "\"anyOf\":[{\"required\":[\"from\"]},{\"required\":[\"to\"]}]",
};
static const struct schema facet_ranges = {
    .type = SCHEMA_ARRAY, .items = &facet_range, .count_min = 1, .count_max = 100};
static const struct schema facet = {
    .name = "Facet",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"field", &schema_nonempty, .required = true},
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
    .type = SCHEMA_ONE_OF,
    .alternatives = (const struct schema *const[]){&schema_nonempty, &facet, NULL}};
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
    {"fields", &schema_field_paths},                                                               \
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
    .fields =
        FIELDS({"field", &schema_nonempty, .required = true, .help = "as in filters, or _score"},
               {"lat", &latitude, .help = "with lon: by the distance of the field's points"},
               {"lon", &longitude},
               {"order", &sort_order, .fallback = "\"asc\"", .help = "of _score desc"},
               {"missing", &sort_missing, .fallback = "\"last\"",
                .help = "where documents without a value stand, in either order"}),
    .rules = "\"dependentRequired\":{\"lat\":[\"lon\"],\"lon\":[\"lat\"]}",
    .example = "{\"field\":\"year\",\"order\":\"desc\"}",
};
static const struct schema sort_item = {
    .type = SCHEMA_ONE_OF,
    .alternatives = (const struct schema *const[]){&schema_nonempty, &sort_key, NULL}};
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
    .fields = FIELDS({"field", &schema_nonempty, .required = true, .help = "as in filters"},
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
    .alternatives = (const struct schema *const[]){&schema_nonempty, &group_object, NULL},
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
    .rules = "\"anyOf\":[{\"properties\":{\"lexical\":{\"exclusiveMinimum\":0}}},"
             "{\"properties\":{\"semantic\":{\"exclusiveMinimum\":0}}}]",
    .example = "{\"lexical\":0.6,\"semantic\":0.4}",
};
static const struct schema seconds = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = 1, .max = 1e12};
static const struct schema duration_text = {.type = SCHEMA_STRING,
                                            .pattern = "^(?=.*[1-9])[0-9]+(\\.[0-9]+)? *[smhdwy]$",
                                            .count_min = 2,
                                            .count_max = 32,
                                            .example = "\"30d\""};
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
        {"field", &schema_nonempty, .required = true,
         .help = "with half_life dates (created, updated or an attribute), with pivot numbers; of "
                 "several values the greatest counts"},
        {"half_life", &half_life, .help = "boost = 2^(-age / half_life)"},
        {"origin", &schema_time, .help = "from which ages count; without one, now"},
        {"pivot", &pivot, .help = "boost = x / (x + pivot)"},
        {"weight", &schema_share, .fallback = "0.3", .help = "of all boosts together at most 1"}),
    .exactly_one = "half_life|pivot",
    .rules = "\"dependentRequired\":{\"origin\":[\"half_life\"]}",
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
        "user_weight", &schema_share, .fallback = "0.3",                                           \
                                      .help = "of that boost; with the others at most 1"           \
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
    {"min_score", &schema_share, .fallback = "0",
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
#define THERE(name) "{\"required\":[\"" name "\"],\"properties\":{\"" name "\":{}}}"
#define UNORDERED                                                                                  \
    "\"then\":{\"properties\":{\"sort\":{\"maxLength\":0,\"maxItems\":0},\"group_by\":false}}"
#define UNFUSED                                                                                    \
    "\"required\":[\"fusion\"],\"properties\":{\"fusion\":{\"enum\":[\"rrf\",\"minmax\"]}"
#define UNSCORED "\"then\":{\"properties\":{\"min_score\":{\"const\":0}}}"
const struct schema schema_search = {
    .name = "SearchRequest",
    .type = SCHEMA_OBJECT,
    .fields = search_fields,
    .rules = "\"allOf\":[{\"if\":{" UNFUSED "}}," UNSCORED "},"
             "{\"if\":{" UNFUSED ",\"mode\":{\"const\":\"hybrid\"}}}," UNORDERED "},"
             "{\"if\":{\"properties\":{\"q\":{\"pattern\":\"^\\\\s*[*]?\\\\s*$\"}}}," UNSCORED "}]",
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
        {"ids", &schema_ids_some,
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
        {"exclude", &schema_ids, .help = "documents that are not wanted; unknown ids do no harm"},
        {"min_score", &schema_share, .fallback = "0"}, PERSONAL, {"boosts", &boosts},
        {"facets", &facet_list}, {"sort", &sort_list}, {"group_by", &group_by}, DUPLICATES, EXACT,
        SHOWN, {"explain", &schema_boolean, .fallback = "false"},
        {"diversity", &schema_share, .fallback = "0",
         .help = "0: nearest first; towards 1: less alike among each other. Each 200 documents in "
                 "a row are ordered anew"}),
    .exactly_one = "id|ids|text|vector",
    .rules = "\"allOf\":[{\"if\":{\"properties\":{\"by\":{\"const\":\"readers\"}},\"required\":["
             "\"by\"]},"
             "\"then\":{\"anyOf\":[" THERE("id") "," THERE(
                 "ids") "]}},"
                        "{\"if\":{\"required\":[\"diversity\"],\"properties\":{\"diversity\":{"
                        "\"exclusiveMinimum\":0}}}," UNORDERED "}]",
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
