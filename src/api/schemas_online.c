#include "api/schema_table.h"
#include "api/schemas.h"

/* Experiments, what became of recommendations, and scores that a team brings. */

static const struct schema time_text = {
    .type = SCHEMA_STRING, .format = FORMAT_TIME, .example = "\"2026-11-22T16:09:02Z\""};
static const struct schema count = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 0, .max = 9007199254740992.0};
static const struct schema share = {.type = SCHEMA_NUMBER, .bounded = true, .min = 0, .max = 1};
static const struct schema maybe = {.type = SCHEMA_NUMBER, .nullable = true};
static const struct schema end_cursor = {.type = SCHEMA_STRING, .nullable = true};

/* ---- experiments ---- */
static const struct schema weight = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = 0, .max = 1000000};
static const struct schema half_life = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = 0, .max = 36500};
static const struct schema recommender = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 1, .max = 4294967295.0};
static const struct schema blend = {.type = SCHEMA_STRING, .count_min = 1, .count_max = 1000};
static const struct schema variant = {
    .name = "ExperimentVariant",
    .type = SCHEMA_OBJECT,
    .help = "what it says is put in place of what a request says",
    .fields =
        FIELDS({"name", &schema_experiment_name, NEED},
               {"weight", &weight, .fallback = "1",
                .help = "its share of the readers is its weight over the sum of all"},
               {"recommender", &recommender, .help = "a trained one of the collection, by number"},
               {"blend", &blend, .help = "a score expression, such as model + 0.3 * trending"},
               {"diversity", &share}, {"explore", &share}, {"fatigue", &share},
               {"half_life_days", &half_life, .help = "of freshness; 0: age does not matter"},
               {"ranker", &schema_flag, .help = "false: the order is the relevance's"}),
    .example = "{\"name\":\"diverse\",\"weight\":1,\"diversity\":0.4}",
};
static const struct schema variants = {
    .type = SCHEMA_ARRAY,
    .items = &variant,
    .rules =
        "\"contains\":{\"properties\":{\"weight\":{\"exclusiveMinimum\":0}}},\"minContains\":2",
    .count_min = 2,
    .count_max = 10};
static const struct schema metric = {.type = SCHEMA_STRING, .choices = "click_through|conversion"};
static const struct schema scenario = {.type = SCHEMA_STRING, .count_max = 64};
const struct schema schema_experiment_name = {.type = SCHEMA_STRING,
                                              .format = FORMAT_NAME,
                                              .count_min = 1,
                                              .count_max = 64,
                                              .example = "\"diverse-front\""};
#define DEFINITION                                                                                 \
    {"scenario", &scenario,                                                                        \
     .help = "requests of this scenario; empty: those of scenarios without an experiment"},        \
        {"metric", &metric, .fallback = "\"click_through\"",                                       \
         .help = "what decides; both are counted"},                                                \
    {                                                                                              \
        "variants", &variants, NEED, .help = "the first one is the control"                        \
    }
const struct schema schema_experiment = {
    .name = "Experiment",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS(DEFINITION),
    .example = "{\"scenario\":\"front-page\",\"variants\":[{\"name\":\"control\"},"
               "{\"name\":\"diverse\",\"diversity\":0.4}]}",
};
const struct schema schema_experiment_new = {
    .name = "ExperimentNew",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"name", &schema_experiment_name, NEED}, DEFINITION),
    .example = "{\"name\":\"diverse-front\",\"scenario\":\"front-page\",\"variants\":["
               "{\"name\":\"control\"},{\"name\":\"diverse\",\"diversity\":0.4}]}",
};
static const struct schema rate = {
    .name = "Rate",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"answers", &count, NEED, .help = "in which it happened"}, {"rate", &share, NEED},
               {"low", &share, NEED,
                .help = "an interval that holds at all times, however often one looks"},
               {"high", &share, NEED}),
};
static const struct schema verdict = {
    .type = SCHEMA_STRING,
    .choices = "too few answers to tell|no difference found yet|better|worse"};
static const struct schema comparison = {
    .name = "VariantComparison",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"difference", &schema_number, NEED, .help = "of the rates of the metric"},
                     {"low", &schema_number, NEED}, {"high", &schema_number, NEED},
                     {"lift", &maybe, NEED, .help = "difference over the control's rate"},
                     {"p", &share, NEED,
                      .help = "always valid: that it is ever below alpha although nothing differs "
                              "has a probability of at most alpha"},
                     {"verdict", &verdict, NEED}),
};
static const struct schema variant_result = {
    .name = "VariantResult",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"name", &schema_string, NEED}, {"answers", &count, NEED},
                     {"readers", &count, NEED, .help = "exact up to 128, then within some 3 %"},
                     {"shown", &count, NEED, .help = "documents in the answers"},
                     {"documents", &count, NEED, .help = "different ones, as readers"},
                     {"coverage", &share, NEED, .help = "of the documents of the collection"},
                     {"click_through", &rate, NEED}, {"conversion", &rate, NEED},
                     {"versus_control", &comparison}),
};
static const struct schema results = {
    .name = "ExperimentResults",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"as_of", &time_text, NEED},
                     {"complete", &schema_boolean, NEED,
                      .help = "false: older answers are still being counted, as after a start"},
                     {"alpha", &share, NEED, .help = "shared by the comparisons"},
                     {"variants", LIST_OF(&variant_result), NEED}),
};
static const struct schema state = {.type = SCHEMA_STRING, .choices = "draft|running|stopped"};
const struct schema schema_experiment_out = {
    .name = "StoredExperiment",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"name", &schema_string, NEED}, {"scenario", &schema_string, NEED},
                     {"state", &state, NEED}, {"metric", &metric, NEED},
                     {"variants", LIST_OF(&variant), NEED}, {"created", &time_text, NEED},
                     {"updated", &time_text, NEED}, {"started", &time_text},
                     {"stopped", &time_text}, {"revision", &count, NEED},
                     {"results", &results, .help = "of one that runs or ran; not in lists"}),
};
const struct schema schema_experiments = {
    .name = "Experiments",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"data", LIST_OF(&schema_experiment_out), NEED}, {"next_cursor", &end_cursor, NEED}),
};

/* ---- what became of recommendations ---- */
static const struct schema by = {.type = SCHEMA_STRING, .choices = "day|scenario|model|variant"};
static const struct schema by_list = {
    .type = SCHEMA_ARRAY, .items = &by, .count_min = 1, .count_max = 4};
const struct field stats_query[] = {
    {"by", &by_list, .help = "one row each; without: one row of all"},
    {"from", &time_text, .help = "days are whole, in UTC"},
    {"to", &time_text},
    {NULL},
};
static const struct schema stats_row = {
    .name = "RecommendationStats",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"day", &time_text}, {"scenario", &schema_string},
                     {"recommender", &count, .help = "0: none was trained"},
                     {"experiment", &schema_string}, {"variant", &schema_string},
                     {"answers", &count, NEED, .help = "that were not empty"},
                     {"shown", &count, NEED}, {"clicked", &count, NEED, .help = "answers"},
                     {"converted", &count, NEED, .help = "answers"}, {"readers", &count, NEED},
                     {"documents", &count, NEED}, {"click_through", &share, NEED},
                     {"conversion", &share, NEED}, {"coverage", &share, NEED}),
};
const struct schema schema_recommend_stats = {
    .name = "RecommendationStatsList",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&stats_row), NEED},
                     {"as_of", &time_text, NEED, .help = "answers up to then are counted"},
                     {"complete", &schema_boolean, NEED}),
};

/* ---- what another way would have earned ---- */
static const struct schema recommender_id = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 1, .max = 4294967295.0};
static const struct schema estimate_metric = {.type = SCHEMA_STRING,
                                              .choices = "click_through|conversion"};
static const struct schema scenario_name = {.type = SCHEMA_STRING, .count_min = 1, .count_max = 64};
const struct field estimate_query[] = {
    {"recommender", &recommender_id, .help = "its id; without, the active one"},
    {"blend", &blend, .help = "a score expression; without, the collection's, or akin's own"},
    {"scenario", &scenario_name, .help = "only answers of this one"},
    {"filter", &schema_filter, .help = "what those requests had, if they had one"},
    {"metric", &estimate_metric, .fallback = "\"click_through\""},
    {"from", &time_text,
     .help = "not before the recommender was made: it must not have learned from what judges it"},
    {"to", &time_text},
    {NULL},
};
static const struct schema maybe_share = {
    .type = SCHEMA_NUMBER, .nullable = true, .bounded = true, .min = 0, .max = 1};
static const struct schema estimated = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"rate", &maybe_share, NEED}, {"low", &share, NEED}, {"high", &share, NEED}),
};
const struct schema schema_recommend_estimate = {
    .name = "RecommendationEstimate",
    .type = SCHEMA_OBJECT,
    .help = "of slots, not of answers. Of each explored slot it is asked what the other way would "
            "have put there, given what stands before it and what the reader had done by then; "
            "where chance put that one there, the slot counts by 1 / its propensity. Rules of the "
            "requests other than the filter are not known, and what is popular is of now",
    .fields = FIELDS(
        {"recommender", &count, NEED, .help = "0: none was trained"},
        {"metric", &estimate_metric, NEED},
        {"estimate", &estimated, NEED, .help = "of the other way; rate null: nothing is known"},
        {"observed", &maybe_share, NEED, .help = "of the same slots as they were"},
        {"answers", &count, NEED,
         .help = "explored, first pages, of readers who are named; at "
                 "most 2,000, the oldest first"},
        {"slots", &count, NEED}, {"matched", &count, NEED, .help = "slots as the other way"},
        {"effective", &schema_number, NEED, .help = "so many slots carry the estimate"},
        {"enough", &schema_boolean, NEED, .help = "30 at least"}, {"verdict", &schema_string, NEED},
        {"from", &time_text, .help = "answers from then on"},
        {"through", &time_text, .help = "and up to then; absent: there were none"},
        {"complete", &schema_boolean, NEED, .help = "false: there are later ones"}),
};

/* ---- scores ---- */
static const struct schema score_value = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = -1e15, .max = 1e15};
static const struct schema score = {
    .name = "Score",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"document", &schema_id, NEED}, {"score", &score_value, NEED}),
    .example = "{\"document\":\"a1\",\"score\":0.8}",
};
static const struct schema score_list = {.type = SCHEMA_ARRAY, .items = &score, .count_max = 10000};
const struct schema schema_source_name = {.type = SCHEMA_STRING,
                                          .pattern = "^[a-z_][a-z0-9_]{0,63}$",
                                          .count_min = 1,
                                          .count_max = 64,
                                          .example = "\"mine\""};
const struct schema schema_scores = {
    .name = "Scores",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"scores", &score_list, NEED}),
    .example = "{\"scores\":[{\"document\":\"a1\",\"score\":0.8}]}",
};
const struct schema schema_reader_scores = {
    .name = "ReaderScores",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"user", &schema_id, .help = "without one: of all readers"},
                     {"scores", &score_list, NEED}),
    .example = "{\"user\":\"u1\",\"scores\":[{\"document\":\"a1\",\"score\":0.8}]}",
};
const struct schema schema_scores_rows = {
    .type = SCHEMA_ARRAY,
    .items = &schema_reader_scores,
    .deferred = true,
    .count_max = ROWS_MAX,
    .help = "up to 1,000 readers and 100,000 scores; each row is judged alone",
    .example = "[{\"user\":\"u1\",\"scores\":[{\"document\":\"a1\",\"score\":0.8}]}]",
};
#define KEPT                                                                                       \
    {"count", &count, NEED, .help = "scores that are kept"},                                       \
    {                                                                                              \
        "unknown", LIST_OF(&schema_string), NEED,                                                  \
            .help = "documents that the collection does not have: passed over"                     \
    }
static const struct schema scores_status = {.type = SCHEMA_STRING,
                                            .choices = "created|updated|failed"};
static const struct schema scores_row = {
    .name = "ScoresRow",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"user", &schema_string}, {"status", &scores_status, NEED}, {"count", &count},
                     {"unknown", LIST_OF(&schema_string)}, {"error", &schema_row_error}),
};
const struct schema schema_scores_results = {
    .name = "ScoresResults",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&scores_row), NEED}, {"failed", &count, NEED}),
};
const struct schema schema_scores_kept = {
    .name = "ScoresKept", .type = SCHEMA_OBJECT, .fields = FIELDS(KEPT)};
const struct schema schema_scores_out = {
    .name = "StoredScores",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"scores", LIST_OF(&score), NEED}, {"updated", &time_text, NEED}),
};
static const struct schema source = {
    .name = "ScoreSource",
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"source", &schema_string, NEED, .help = "in score expressions: brought.SOURCE"}),
};
const struct schema schema_score_sources = {
    .name = "ScoreSources",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"data", LIST_OF(&source), NEED}, {"next_cursor", &end_cursor, NEED}),
};
