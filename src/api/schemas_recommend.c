#include "api/schema_table.h"
#include "api/schemas.h"

/* What recommending takes and answers. */

/* ---- in ---- */
static const struct schema share = {.type = SCHEMA_NUMBER, .bounded = true, .min = 0, .max = 1};
static const struct schema limit = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 1, .max = RECOMMEND_LIMIT};
static const struct schema nonempty = {.type = SCHEMA_STRING, .count_min = 1, .count_max = 255};
static const struct schema ids = {.type = SCHEMA_ARRAY, .items = &schema_id, .count_max = ROWS_MAX};
static const struct schema ids_some = {
    .type = SCHEMA_ARRAY, .items = &schema_id, .count_min = 1, .count_max = ROWS_MAX};
static const struct schema text = {.type = SCHEMA_STRING,
                                   .count_min = 1,
                                   .count_max = TEXT_MAX,
                                   .example = "\"soups for the winter\""};
static const struct schema blend = {.type = SCHEMA_STRING,
                                    .count_min = 1,
                                    .count_max = 1000,
                                    .example = "\"model + 0.3 * trending\""};
static const struct schema scenario = {.type = SCHEMA_STRING,
                                       .pattern = "^[a-z0-9][a-z0-9_-]*$",
                                       .count_min = 1,
                                       .count_max = 64,
                                       .example = "\"front-page\""};
static const struct schema types = {
    .type = SCHEMA_ARRAY, .items = &nonempty, .count_min = 1, .count_max = 32};
static const struct schema exclude_seen = {
    .type = SCHEMA_ONE_OF,
    .alternatives = (const struct schema *const[]){&schema_boolean, &types, &nonempty, NULL},
    .example = "[\"read\",\"dislike\"]",
};
static const struct schema position = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 0, .max = RECOMMEND_REACH - 1};
static const struct schema pin = {
    .name = "Pin",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"id", &schema_id, NEED},
                     {"position", &position, NEED, .help = "from 0, in the whole list"}),
    .example = "{\"id\":\"a1\",\"position\":0}",
};
static const struct schema pins = {.type = SCHEMA_ARRAY, .items = &pin, .count_max = 100};
static const struct schema cap_limit = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 1, .max = RECOMMEND_REACH};
static const struct schema cap = {
    .name = "Cap",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"field", &nonempty, NEED, .help = "as in filters"}, {"limit", &cap_limit, NEED}),
    .example = "{\"field\":\"author\",\"limit\":2}",
};
static const struct schema caps = {.type = SCHEMA_ARRAY, .items = &cap, .count_max = 8};
static const struct schema factor = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = .001, .max = 1000};
static const struct schema boost_filter = {.type = SCHEMA_STRING,
                                           .count_min = 1,
                                           .count_max = 65536,
                                           .help = FILTER_HELP,
                                           .example = "\"tags = \\\"soup\\\"\""};
static const struct schema boost = {
    .name = "RecommendBoost",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"filter", &boost_filter, NEED},
                     {"factor", &factor, NEED, .help = "above 1 lifts, below 1 buries"}),
    .example = "{\"filter\":\"tags = \\\"soup\\\"\",\"factor\":1.5}",
};
static const struct schema boosts = {.type = SCHEMA_ARRAY, .items = &boost, .count_max = 16};
static const struct schema half_life = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = .001, .max = 36500};
static const struct schema freshness = {
    .name = "Freshness",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"half_life_days", &half_life, NEED}),
    .example = "{\"half_life_days\":30}",
};
static const struct schema relevance = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = -1e15, .max = 1e15};
static const struct schema fields_shown = {.type = SCHEMA_ARRAY,
                                           .items = &nonempty,
                                           .count_max = 64,
                                           .example = "[\"title\",\"attributes.year\"]"};

/* Of a request that names its reader elsewhere: the parameters of a GET. */
#define RULES                                                                                      \
    {"limit", &limit, .fallback = "20"},                                                           \
        {"exclude", &ids, .help = "documents that are not wanted; unknown ids do no harm"},        \
        {"exclude_seen", &exclude_seen, .fallback = "true",                                        \
         .help = "leave out what the reader had to do with: of all types of feedback that count "  \
                 "as seen, or of the types of this list"},                                         \
        {"min_relevance", &relevance,                                                              \
         .help = "leaves out what is less relevant, before boosts; not pins"},                     \
        {"pins", &pins,                                                                            \
         .help = "documents that stand where they are put, unless they are excluded, seen or "     \
                 "filtered out. One whose position lies beyond the end comes up to the end. "      \
                 "Unknown ids, and two pins of one document or position, are 422"},                \
        {"caps", &caps,                                                                            \
         .help = "at most `limit` documents of each value of a field in the whole list, all "      \
                 "pages together. Pins count, and may alone be more; documents without a value "   \
                 "are free; of an array each value counts"},                                       \
        {"boosts", &boosts,                                                                        \
         .help = "score = (relevance + what the ranker adds) * the factor of each boost that fits" \
                 " (of a sum below 0 divided by it)"},                                             \
        {"freshness", &freshness,                                                                  \
         .help = "score * 0.5 ^ (age / half_life_days), by when a document was created"},          \
        {"fatigue", &share, .fallback = "0",                                                       \
         .help = "score * (1 - fatigue) ^ n for a document that this reader was shown n times "    \
                 "in the last answers without taking it"},                                         \
        {"diversity", &share, .fallback = "0",                                                     \
         .help = "0: best first; towards 1: less alike among each other (maximal marginal "        \
                 "relevance among the 200 best that are left). " DIVERSITY_HELP},                  \
        {"explore", &share, .fallback = "0",                                                       \
         .help = "each slot that is not pinned is with this probability drawn from the 50 best "   \
                 "that may stand there; the answer and the log have the probability that what "    \
                 "stands there does, given what stands before it"},                                \
        {"blend", &blend,                                                                          \
         .help = "how the sources' scores make the relevance, in place of the collection's way: "  \
                 "model, profile, session, popular, trending, brought.NAME, age, shown with "      \
                 "+ - * / and min, max, clip, exp, log, pow, abs, sqrt"},                          \
        {"ranker", &schema_flag, .fallback = "true",                                               \
         .help = "false: the order is the relevance's, even if the recommender has a ranker"},     \
        {"scenario", &scenario,                                                                    \
         .help = "where it is shown; click-through and the like are told by it. a-z, 0-9, _ and "  \
                 "-"},                                                                             \
        {"fields", &fields_shown,                                                                  \
         .help = "what of each document comes back beside its id: title, attributes.year; "        \
                 "without it everything, [] for nothing"},                                         \
    {                                                                                              \
        "explain", &schema_boolean, .fallback = "false"                                            \
    }
#define PAGES                                                                                      \
    {"offset", &schema_offset, .fallback = "0"},                                                   \
    {                                                                                              \
        "cursor", &schema_cursor                                                                   \
    }
#define DIVERSITY_HELP                                                                             \
    "At 0.5 ten documents are "                                                                    \
    "an eighth farther apart on average, for a fortieth of NDCG@10"
#define EXAMPLES                                                                                   \
    {"session", &ids_some, .help = "documents in the order they were read, the newest last"},      \
        {"positive", &ids, .help = "documents that were liked"},                                   \
        {"items", &ids, .help = "the same under another name"},                                    \
        {"negative", &ids, .help = "documents that were not"},                                     \
    {                                                                                              \
        "text", &text, .help = "what is wanted, in words"                                          \
    }
static const struct schema query_filter = {.type = SCHEMA_STRING,
                                           .count_max = 2000,
                                           .help = FILTER_HELP,
                                           .example = "\"lang = \\\"en\\\"\""};
const struct field recommend_query[] = {
    {"filter", &query_filter, .fallback = "\"\""}, RULES, PAGES, {NULL}};
#define LISTED(name) "{\"required\":[\"" name "\"],\"properties\":{\"" name "\":{\"minItems\":1}}}"
const struct schema schema_recommend = {
    .name = "RecommendRequest",
    .type = SCHEMA_OBJECT,
    .help = "Goes by what the user did, by what the request names, or by both; one of user, "
            "session, positive (or items), negative and text must be there. What comes first wins: "
            "exclude > filter > pins > caps > boosts > diversity",
    .fields = FIELDS(
        {"user", &schema_id, .help = "one that nothing is known of gets what is popular now"},
        EXAMPLES, {"filter", &schema_filter, .fallback = "\"\""}, RULES, PAGES),
    .rules = "\"anyOf\":[{\"required\":[\"user\"]},{\"required\":[\"session\"]},{\"required\":["
             "\"text\"]}," LISTED("positive") "," LISTED("items") "," LISTED("negative") "]",
    .example = "{\"user\":\"u1\",\"limit\":5}",
};
static const struct schema users = {.type = SCHEMA_ARRAY,
                                    .items = &schema_id,
                                    .rules = "\"uniqueItems\":true",
                                    .count_min = 1,
                                    .count_max = RECOMMEND_BATCH};
const struct schema schema_recommend_batch = {
    .name = "RecommendBatch",
    .type = SCHEMA_OBJECT,
    .help = "The first page for each of these users, by the same rules",
    .fields = FIELDS({"users", &users, NEED, .help = "each once"},
                     {"filter", &schema_filter, .fallback = "\"\""}, RULES),
    .example = "{\"users\":[\"u1\",\"u2\"],\"limit\":5}",
};
static const struct schema days = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = .001, .max = 36500};
const struct field document_readers_query[] = {
    {"limit", &limit, .fallback = "20"},
    {"include_seen", &schema_flag, .fallback = "false",
     .help = "readers too who had to do with it already"},
    {"active_days", &days, .fallback = "90", .help = "only readers who did something since"},
    {NULL}};

/* ---- out ---- */
static const struct schema count = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 0, .max = 9007199254740991.0};
static const struct schema cursor = {.type = SCHEMA_STRING, .nullable = true};
static const struct schema explanation = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"document", &schema_string, NEED, .help = "that the reader read"},
                     {"part", &schema_number, NEED,
                      .help = "what the relevance loses without the document: the same request of "
                              "the same acts but for those on it, by the same model. If a source "
                              "has nothing else to go by, others would answer, on another scale: "
                              "then nearly all that the source gives"},
                     {"share", &schema_number, NEED, .help = "part / relevance"}),
};
static const struct schema adjustments = {
    .name = "Adjustments",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"ranker", &schema_number, NEED,
                      .help = "what is added to the relevance so that the order is the trained "
                              "ranker's; 0 without one"},
                     {"boost", &schema_number, NEED, .help = "the product of all that fit"},
                     {"freshness", &schema_number, NEED}, {"fatigue", &schema_number, NEED},
                     {"alike", &schema_number, NEED,
                      .help = "the mean cosine with what stands before it, which diversity "
                              "holds against it; 0 without diversity"}),
};
static const struct schema recommended = {
    .name = "Recommendation",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(
        {"id", &schema_string, NEED}, {"score", &schema_number, NEED},
        {"source", &schema_string, NEED,
         .help = "of the greatest part of the score: model, text, profile, session, trending, "
                 "popular, newest, brought; or why it stands there: pin, explore"},
        {"position", &count, NEED, .help = "in the whole list, from 0, as feedback has it"},
        {"propensity", &schema_number,
         .help = "with explore: the probability that it stands here, given what stands before"},
        {"relevance", &schema_number, .help = "with explain: the score before the rules"},
        {"adjustments", &adjustments,
         .help = "with explain: score = (relevance + ranker) * boost * freshness * fatigue"},
        {"explanation", LIST_OF(&explanation), NEED,
         .help = "with explain: the documents that gave most of the relevance, the largest part "
                 "first; of a reader's newest 1000 acts"},
        {"others", &schema_number,
         .help = "with explain: the relevance less the parts: what other documents gave, what no "
                 "document did, and what the named ones have in common (below 0: they need each "
                 "other)"},
        {"document", &schema_document_parts, NEED}),
};
#define ANSWER                                                                                     \
    {"data", LIST_OF(&recommended), NEED},                                                         \
        {"recommendation_id", &schema_string, NEED, .help = "for feedback on these documents"},    \
        {"model", &schema_string, NEED}, {"embedding_version", &count, NEED},                      \
        {"recommender", &count, NEED, .help = "trained; 0: none"},                                 \
        {"experiment", &schema_string, .help = "that the reader is in"},                           \
        {"variant", &schema_string},                                                               \
        {"next_cursor", &cursor, NEED,                                                             \
         .help = "goes on with what was not shown yet, whatever the reader does in between; to "   \
                 "1,000 documents. 410: a restore lies in between"},                               \
    {                                                                                              \
        "emptied_by", &schema_string,                                                              \
            .help = "if there is nothing: the rule that took the last of it: filter, exclude, "    \
                    "seen, min_relevance, caps, pages (all was shown), offset, no_documents, "     \
                    "no_candidates, changes"                                                       \
    }
const struct schema schema_recommend_answer = {
    .name = "RecommendAnswer",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(ANSWER, {"took_ms", &schema_number, NEED}),
};
static const struct schema user_answer = {
    .name = "UserRecommendations",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"user", &schema_string, NEED}, ANSWER),
};
static const struct schema user_failure = {
    .name = "UserFailure",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"user", &schema_string, NEED}, {"error", &schema_row_error, NEED}),
};
static const struct schema user_outcome = {
    .type = SCHEMA_ONE_OF,
    .alternatives = (const struct schema *const[]){&user_answer, &user_failure, NULL},
};
const struct schema schema_recommend_batch_answer = {
    .name = "RecommendBatchAnswer",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&user_outcome), NEED, .help = "in the order of the users"},
                     {"failed", &count, NEED}, {"took_ms", &schema_number, NEED}),
};
static const struct schema reader = {
    .name = "Reader",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"user", &schema_string, NEED},
                     {"score", &schema_number, NEED,
                      .help = "how much of what this reader likes the document is"},
                     {"source", &schema_string, NEED,
                      .help = "model: by the active recommender; text: by it too, of a document "
                              "that nobody had read when it was trained; profile: by the texts of "
                              "what this reader did, of whom it knows nothing: where a recommender "
                              "is active that counts a thousandth"}),
};
const struct schema schema_document_readers = {
    .name = "DocumentReaders",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&reader), NEED, .help = "best first"},
                     {"considered", &count, NEED,
                      .help = "readers who were looked at: the latest active ones, at most 1,000"},
                     {"took_ms", &schema_number, NEED}),
};
