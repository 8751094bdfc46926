#include "api/schema_table.h"
#include "api/schemas.h"
#include "engine/engine.h"

/* Collections, their aliases and embedding versions, and trainings: what is sent. */

static const struct schema mapped_field = {
    .type = SCHEMA_STRING, .count_min = 1, .count_max = 128, .nullable = true};
static const struct schema mapping = {
    .name = "FieldMapping",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"id", &mapped_field}, {"title", &mapped_field}, {"text", &mapped_field},
                     {"url", &mapped_field}, {"lang", &mapped_field}, {"tags", &mapped_field},
                     {"expires", &mapped_field}),
    .help = "which field of the documents that come in is our title, text, url ...",
    .example = "{\"text\":\"body\"}",
};
static const struct schema passage_tokens = {.type = SCHEMA_INTEGER,
                                             .bounded = true,
                                             .min = 16,
                                             .max = 8192,
                                             .help = "at most what the model reads"};
static const struct schema overlap_tokens = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 0, .max = 4096};
static const struct schema extra_fields = {.type = SCHEMA_STRING, .choices = "attributes|error"};
static const struct schema versions_kept = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 0, .max = 4};
static const struct schema tenant_field = {
    .type = SCHEMA_STRING,
    .pattern = "^(?!(id|title|text|url|lang|tags|expires|content|body|vector|attributes|revision|"
               "created|updated|pending|detected_lang|predicted|duplicate_of)$)"
               "[A-Za-z_][A-Za-z0-9_]*$",
    .count_min = 1,
    .count_max = 128,
    .nullable = true};
static const struct schema rule_words = {
    .type = SCHEMA_ARRAY, .items = &schema_nonempty, .count_min = 1, .count_max = 32};
static const struct schema synonym = {
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"words", &rule_words, .required = true,
                      .help = "each stands for any other; with `means`: for those"},
                     {"means", &rule_words}),
    .rules = "\"anyOf\":[{\"required\":[\"means\"]},{\"properties\":{\"words\":{\"minItems\":2}}}]",
    .example = "{\"words\":[\"tv\"],\"means\":[\"television\"]}",
};
static const struct schema synonyms = {
    .type = SCHEMA_ARRAY, .items = &synonym, .count_max = 5000, .nullable = true};
static const struct schema stop_words = {
    .type = SCHEMA_ARRAY, .items = &schema_nonempty, .count_max = 5000, .nullable = true};
static const struct schema feedback_seen = {.type = SCHEMA_BOOLEAN};
/* A weight alone, or with whether it counts as seen. */
#define FEEDBACK_TYPE(name, least, most, usual)                                                    \
    static const struct schema name##_weight = {                                                   \
        .type = SCHEMA_NUMBER, .bounded = true, .min = least, .max = most};                        \
    static const struct schema name##_object = {                                                   \
        .type = SCHEMA_OBJECT,                                                                     \
        .fields = FIELDS({"weight", &name##_weight, .fallback = usual,                             \
                          .help = "over 0: liked, under 0: not wanted, 0: tells nothing"},         \
                         {"seen", &feedback_seen, .fallback = "true",                              \
                          .help = "a document of it is left out by exclude_seen"}),                \
    };                                                                                             \
    static const struct schema name = {                                                            \
        .type = SCHEMA_ONE_OF,                                                                     \
        .nullable = true,                                                                          \
        .alternatives = (const struct schema *const[]){&name##_weight, &name##_object, NULL},      \
    }
FEEDBACK_TYPE(feedback_type, -10, 10, "1");
FEEDBACK_TYPE(feedback_liking, 0, 10, NULL);
FEEDBACK_TYPE(feedback_dislike, -10, 0, NULL);
static const struct schema feedback_types = {
    .type = SCHEMA_OBJECT,
    .fields =
        FIELDS({"click", &feedback_liking}, {"dislike", &feedback_dislike},
               {"like", &feedback_liking}, {"rate", &feedback_liking}, {"read", &feedback_liking},
               {"save", &feedback_liking}, {"view", &feedback_liking}),
    .items = &feedback_type,
    .keys = "^[a-z0-9][a-z0-9_.-]{0,31}$",
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
        {"min_changes", &schema_share, .fallback = "0.1",
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
static const struct schema quota_bound = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 1, .max = 9007199254740991.0, .nullable = true};
static const struct schema quota_settings = {
    .type = SCHEMA_OBJECT,
    .nullable = true,
    .fields = FIELDS({"documents", &quota_bound, .fallback = "null", .help = "null: any number"},
                     {"bytes", &quota_bound, .fallback = "null",
                      .help = "as the collection tells them; null: any number"}),
    .example = "{\"documents\":1000000,\"bytes\":null}",
};
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
        {"quota", &quota_settings, .fallback = "null",
         .help = "how much it may hold. A document that would make it grow over that is refused "
                 "(quota_exceeded), each alone unless atomic; what shrinks is taken, what is "
                 "deleted is free at once. It may be set below what is there. Users, feedback and "
                 "vectors do not count"},
        {"training", &training_settings, .help = "when recommenders are trained by themselves"},
        {"recommend", &recommend_settings, .help = "how it recommends unless a request says"},
        {"tenant_field", &tenant_field,
         .help =
             "the attribute that says whose a document is; every document has it then, and keeps "
             "it. Who asks for one tenant (by the filter of the key, or of the request) is "
             "answered as if the others' documents were not there: SECURITY.md says what that "
             "holds for. Settled when the collection is made"},
        {"versions_kept", &versions_kept, .fallback = "1",
         .help = "retired embedding versions that are kept, and kept up to date, for a rollback"}),
    .example = "{\"mapping\":{\"text\":\"body\"}}",
};
static const struct schema model_name = {.type = SCHEMA_STRING,
                                         .pattern = "^(?!\\.)[^/\\u0000-\\u001f]+$",
                                         .count_min = 1,
                                         .count_max = 95};
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

/* ---- aliases ---- */
static const struct schema maybe_collection = {.type = SCHEMA_STRING,
                                               .format = FORMAT_NAME,
                                               .count_min = 1,
                                               .count_max = 64,
                                               .nullable = true,
                                               .example = "\"news-2\""};
const struct schema schema_alias_put = {
    .name = "AliasPut",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"collection", &schema_path_name, .required = true,
                      .help = "by its own name, not by another alias"}),
    .example = "{\"collection\":\"news-2\"}",
};
static const struct schema alias_swap = {
    .name = "AliasSwap",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"name", &schema_path_name, .required = true},
                     {"collection", &maybe_collection, .required = true,
                      .help = "what it stands for from now on; null: the alias goes"}),
};
static const struct schema alias_swap_list = {
    .type = SCHEMA_ARRAY, .items = &alias_swap, .count_min = 1, .count_max = ALIASES_SET_MAX};
const struct schema schema_aliases_swap = {
    .name = "AliasesSwap",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"aliases", &alias_swap_list, .required = true, .help = "each name once"}),
    .example = "{\"aliases\":[{\"name\":\"news\",\"collection\":\"news-2\"},"
               "{\"name\":\"news-old\",\"collection\":\"news-1\"}]}",
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
const struct schema schema_label = {.type = SCHEMA_STRING,
                                    .pattern = "^(tags|attributes\\..+)$",
                                    .count_min = 1,
                                    .count_max = 255,
                                    .example = "\"attributes.topic\""};
static const struct schema min_probability = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = 0, .max = 1};
static const struct schema train_held_out = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = .01, .max = .9};
#define OF_KIND "\"required\":[\"kind\"],\"properties\":{\"kind\":{\"const\":\"classifier\"}}"
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
    .rules =
        "\"allOf\":[{\"if\":{" OF_KIND
        "},\"then\":{\"required\":[\"label\"],\"properties\":{\"label\":{}}}},"
        "{\"if\":{\"required\":[\"label\"],\"properties\":{\"label\":{}}},\"then\":{" OF_KIND "}}]",
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
