#include "api/routes.h"
#include "api/schema_table.h"
#include "api/schemas.h"
#include <string.h>

#define ANSWERS(...) ((const struct answer[]){__VA_ARGS__, {0}})
#define ITEM "404"
#define C "/v1/collections/{c}"

static const struct schema list_limit = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 1, .max = LIMIT_MAX};
/* In an address; longer ones go into a body. */
static const struct schema query_filter = {.type = SCHEMA_STRING,
                                           .count_max = 2000,
                                           .help = FILTER_HELP,
                                           .example = "\"lang = \\\"en\\\"\""};

static const struct schema path_field = {
    .type = SCHEMA_STRING, .count_min = 1, .count_max = 300, .example = "\"tags\""};
static const struct schema facet_query = {.type = SCHEMA_STRING, .count_max = 2000};
static const struct schema duplicates = {.type = SCHEMA_STRING, .choices = "show|hide"};

static const struct schema task_wait = {
    .type = SCHEMA_NUMBER, .bounded = true, .min = 0, .max = 60};
#define TASK_WAIT_HELP                                                                             \
    "seconds to wait for its end, as far as server.deadline_ms allows; not if others wait already"

static const struct field page_query[] = {
    {"limit", &list_limit, .fallback = "100"}, {"cursor", &schema_cursor}, {NULL}};

/* Any one of them will do. */
#define SEES_COLLECTIONS (SCOPE_COLLECTIONS | SCOPE_DOCUMENTS_READ | SCOPE_SEARCH)
#define SEES_TRAINING (SCOPE_TRAIN | SCOPE_MODELS)
#define SEES_MODELS (SCOPE_EMBED | SCOPE_MODELS)

const struct route routes[ROUTE_COUNT] = {
    /* ---- collections ---- */
    [ROUTE_COLLECTIONS_LIST] = {"GET", "/v1/collections", "listCollections", "collections",
                                "All collections, by name", .query = page_query,
                                .answers = ANSWERS({200, &schema_collections}),
                                .scopes = SEES_COLLECTIONS, .cost = COST_INTERACTIVE},
    [ROUTE_COLLECTIONS_CREATE] = {"POST", "/v1/collections", "createCollection", "collections",
                                  "Make a collection", .body = &schema_collection_new,
                                  .media = MEDIA_JSON,
                                  .answers =
                                      ANSWERS({201, &schema_collection, .headers = "Location"}),
                                  .problems = "409 507", .scopes = SCOPE_COLLECTIONS,
                                  .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER},
    [ROUTE_COLLECTION_GET] = {"GET", C, "getCollection", "collections",
                              "One collection, with its counts",
                              .answers = ANSWERS({200, &schema_collection}), .problems = ITEM,
                              .scopes = SEES_COLLECTIONS, .cost = COST_INTERACTIVE},
    [ROUTE_COLLECTION_UPDATE] = {"PATCH", C, "updateCollection", "collections",
                                 "Change settings of a collection",
                                 .body = &schema_collection_settings,
                                 .media = MEDIA_JSON | MEDIA_MERGE_PATCH,
                                 .answers = ANSWERS({200, &schema_collection}),
                                 .problems = "404 409 507", .scopes = SCOPE_COLLECTIONS,
                                 .cost = COST_INTERACTIVE},
    [ROUTE_COLLECTION_DELETE] = {"DELETE", C, "deleteCollection", "collections",
                                 "Delete a collection and all that is in it",
                                 .answers = ANSWERS({204}), .problems = "404 409 507",
                                 .scopes = SCOPE_COLLECTIONS, .cost = COST_INTERACTIVE},
    /* ---- aliases ---- */
    [ROUTE_ALIASES_LIST] = {"GET", "/v1/aliases", "listAliases", "collections",
                            "All aliases, by name", .query = page_query,
                            .answers = ANSWERS({200, &schema_aliases}), .scopes = SEES_COLLECTIONS,
                            .cost = COST_INTERACTIVE},
    [ROUTE_ALIASES_SWAP] =
        {"POST", "/v1/aliases:swap", "swapAliases", "collections",
         "Set, move and delete several aliases in one step: all or none, and every request sees "
         "all of it or nothing of it. Two collections trade places by trading their aliases.",
         .body = &schema_aliases_swap, .media = MEDIA_JSON,
         .answers = ANSWERS({200, &schema_aliases}), .problems = "404 409 507",
         .scopes = SCOPE_COLLECTIONS, .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER},
    [ROUTE_ALIAS_GET] = {"GET", "/v1/aliases/{alias}", "getAlias", "collections", "One alias",
                         .answers = ANSWERS({200, &schema_alias}), .problems = ITEM,
                         .scopes = SEES_COLLECTIONS, .cost = COST_INTERACTIVE},
    [ROUTE_ALIAS_PUT] =
        {"PUT", "/v1/aliases/{alias}", "putAlias", "collections",
         "Make an alias, or move it to another collection. Every route that names a collection "
         "takes the alias too; a request stays with the collection that it began with.",
         .body = &schema_alias_put, .media = MEDIA_JSON,
         .answers = ANSWERS({200, &schema_alias}, {201, &schema_alias, .headers = "Location"}),
         .problems = "404 409 507", .scopes = SCOPE_COLLECTIONS, .cost = COST_INTERACTIVE},
    [ROUTE_ALIAS_DELETE] = {"DELETE", "/v1/aliases/{alias}", "deleteAlias", "collections",
                            "Delete an alias; the collection stays", .answers = ANSWERS({204}),
                            .problems = "404 507", .scopes = SCOPE_COLLECTIONS,
                            .cost = COST_INTERACTIVE},
    /* ---- embedding versions ---- */
    [ROUTE_VERSIONS_LIST] = {"GET", C "/embedding-versions", "listEmbeddingVersions", "models",
                             "The embedding versions of a collection",
                             .answers = ANSWERS({200, &schema_versions}), .problems = ITEM,
                             .scopes = SCOPE_MODELS, .cost = COST_INTERACTIVE},
    [ROUTE_VERSIONS_CREATE] =
        {"POST", C "/embedding-versions", "createEmbeddingVersion", "models",
         "Embed the collection with another model, or the same one otherwise, in the background. "
         "Nothing changes for readers until it is promoted.",
         .body = &schema_version_new, .media = MEDIA_JSON,
         .answers = ANSWERS({201, &schema_version, .headers = "Location"}),
         .problems = "404 409 507", .scopes = SCOPE_MODELS, .cost = COST_INTERACTIVE,
         .keeps = KEEPS_ANSWER},
    [ROUTE_VERSIONS_ROLLBACK] = {"POST", C "/embedding-versions:rollback",
                                 "rollbackEmbeddingVersion", "models",
                                 "Back to the version that was retired last",
                                 .answers = ANSWERS({200, &schema_version}),
                                 .problems = "404 409 507", .scopes = SCOPE_MODELS,
                                 .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER},
    [ROUTE_VERSION_GET] = {"GET", C "/embedding-versions/{version}", "getEmbeddingVersion",
                           "models", "One version, with its progress and how it compares",
                           .answers = ANSWERS({200, &schema_version}), .problems = ITEM,
                           .scopes = SCOPE_MODELS, .cost = COST_INTERACTIVE},
    [ROUTE_VERSION_DELETE] = {"DELETE", C "/embedding-versions/{version}", "deleteEmbeddingVersion",
                              "models", "Delete a version, or end its building",
                              .answers = ANSWERS({204}), .problems = "404 409 507",
                              .scopes = SCOPE_MODELS, .cost = COST_INTERACTIVE},
    [ROUTE_VERSION_PROMOTE] = {"POST", C "/embedding-versions/{version}:promote",
                               "promoteEmbeddingVersion", "models",
                               "Make it the active one. Every request that begins after the answer "
                               "uses it; no answer mixes two versions.",
                               .answers = ANSWERS({200, &schema_version}),
                               .problems = "404 409 507", .scopes = SCOPE_MODELS,
                               .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER},
    [ROUTE_VERSION_COMPARE] =
        {"POST", C "/embedding-versions/{version}:compare", "compareEmbeddingVersion", "models",
         "Hold it against the active one: overlap and rank-biased overlap of exact search, "
         "latency, "
         "bytes, and nDCG with judgments. Without queries some are taken from the documents.",
         .body = &schema_compare, .media = MEDIA_JSON, .answers = ANSWERS({200, &schema_version}),
         .problems = "404 409 507", .scopes = SCOPE_MODELS, .cost = COST_INTERACTIVE,
         .keeps = KEEPS_ANSWER},
    /* ---- recommenders ---- */
    [ROUTE_RECOMMENDERS_LIST] = {"GET", C "/recommenders", "listRecommenders", "models",
                                 "What was trained from the collection's readers, and classifiers "
                                 "from its labels: the last "
                                 "five of each",
                                 .answers = ANSWERS({200, &schema_recommenders}), .problems = ITEM,
                                 .scopes = SEES_TRAINING, .cost = COST_INTERACTIVE},
    [ROUTE_RECOMMENDERS_TRAIN] =
        {"POST", C "/recommenders:train", "trainRecommender", "models",
         "Train on the feedback that is there, in a process of its own. What is made is judged on "
         "readers that were held out, beside popularity, neighbours, content and the active "
         "recommender, and promoted if it is not worse. Whatever befalls a training, the active "
         "one serves. 409: too few readers, or a training is under way.",
         .query = FIELDS({"wait", &task_wait, .fallback = "0", .help = TASK_WAIT_HELP}),
         .body = &schema_train, .media = MEDIA_JSON,
         .answers = ANSWERS({202, &schema_task, .headers = "Location"}), .problems = "404 409 507",
         .scopes = SCOPE_TRAIN, .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER},
    [ROUTE_RECOMMENDERS_ROLLBACK] =
        {"POST", C "/recommenders:rollback", "rollbackRecommender", "models",
         "Back to the recommender that was retired last, or to the classifier of a label",
         .query = FIELDS({"label", &schema_label, .help = "of the classifier"}),
         .answers = ANSWERS({200, &schema_recommender}), .problems = "404 409 507",
         .scopes = SCOPE_MODELS, .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER},
    [ROUTE_RECOMMENDER_GET] = {"GET", C "/recommenders/{recommender}", "getRecommender", "models",
                               "One recommender, with its parameters, data and metrics",
                               .answers = ANSWERS({200, &schema_recommender}), .problems = ITEM,
                               .scopes = SEES_TRAINING, .cost = COST_INTERACTIVE},
    [ROUTE_RECOMMENDER_DELETE] = {"DELETE", C "/recommenders/{recommender}", "deleteRecommender",
                                  "models", "Delete a recommender that is not the active one",
                                  .answers = ANSWERS({204}), .problems = "404 409 507",
                                  .scopes = SCOPE_MODELS, .cost = COST_INTERACTIVE},
    [ROUTE_RECOMMENDER_PROMOTE] =
        {"POST", C "/recommenders/{recommender}:promote", "promoteRecommender", "models",
         "Make it the active one: every request that begins after the answer is served by it. 409: "
         "its file cannot be used; the active one stays.",
         .answers = ANSWERS({200, &schema_recommender}), .problems = "404 409 507",
         .scopes = SCOPE_MODELS, .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER},
    [ROUTE_RECOMMENDER_RETIRE] = {"POST", C "/recommenders/{recommender}:retire",
                                  "retireRecommender", "models",
                                  "Serve without a trained recommender: by profiles and popularity",
                                  .answers = ANSWERS({200, &schema_recommender}),
                                  .problems = "404 409 507", .scopes = SCOPE_MODELS,
                                  .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER},
    /* ---- tasks ---- */
    [ROUTE_TASKS_LIST] = {"GET", "/v1/tasks", "listTasks", "tasks", "Tasks, newest first",
                          .query = page_query, .answers = ANSWERS({200, &schema_tasks}),
                          .scopes = SEES_TRAINING, .cost = COST_INTERACTIVE},
    [ROUTE_TASK_GET] = {"GET", "/v1/tasks/{task}", "getTask", "tasks",
                        "One task: how far it is, what came of it",
                        .query =
                            FIELDS({"wait", &task_wait, .fallback = "0", .help = TASK_WAIT_HELP}),
                        .answers = ANSWERS({200, &schema_task}), .problems = ITEM,
                        .scopes = SEES_TRAINING, .cost = COST_INTERACTIVE},
    [ROUTE_TASK_CANCEL] = {"POST", "/v1/tasks/{task}:cancel", "cancelTask", "tasks",
                           "End a training, whether it is queued or runs. 409: it has ended",
                           .answers = ANSWERS({200, &schema_task}), .problems = "404 409 507",
                           .scopes = SCOPE_TRAIN, .cost = COST_INTERACTIVE,
                           .keeps = KEEPS_ANSWER | KEEPS_UNWRITTEN},
    /* ---- documents ---- */
    [ROUTE_DOCUMENTS_LIST] = {"GET", C "/documents", "listDocuments", "documents",
                              "Documents in the order of their ids",
                              .query = FIELDS({"limit", &list_limit, .fallback = "100"},
                                              {"cursor", &schema_cursor}, {"filter", &query_filter},
                                              {"offset", &schema_offset, .fallback = "0"}),
                              .headers = "Akin-Min-Position",
                              .answers = ANSWERS({200, &schema_document_list}), .problems = ITEM,
                              .scopes = SCOPE_DOCUMENTS_READ, .cost = COST_INTERACTIVE},
    [ROUTE_DOCUMENTS_ADD] = {"POST", C "/documents", "addDocuments", "documents",
                             "Add or replace documents: one, an array, or a stream of lines "
                             "(NDJSON). Acknowledged means stored, embedded and "
                             "searchable. A batch is 200 with a result a row; a single document "
                             "that is wrong is its own status.",
                             .query =
                                 FIELDS(
                                     {"atomic", &schema_flag, .fallback = "false",
                                      .help = "all or nothing; not for NDJSON"},
                                     {"async", &schema_flag, .fallback = "false",
                                      .help = "found by words at once, by meaning a little later"}),
                             .body = &schema_documents, .media = MEDIA_JSON | MEDIA_NDJSON,
                             .answers = ANSWERS({200, &schema_rows, .headers = "Akin-Position"}),
                             .problems = "404 409 507", .scopes = SCOPE_DOCUMENTS_WRITE,
                             .cost = COST_STREAM, .keeps = KEEPS_ANSWER},
    [ROUTE_DOCUMENTS_DELETE] = {"POST", C "/documents:delete", "deleteDocuments", "documents",
                                "Delete documents by their ids, or all that match a filter",
                                .body = &schema_delete, .media = MEDIA_JSON,
                                .answers = ANSWERS({200, &schema_rows, .headers = "Akin-Position"}),
                                .problems = "404 507", .scopes = SCOPE_DOCUMENTS_WRITE,
                                .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER},
    [ROUTE_DOCUMENTS_GET] =
        {"POST", C "/documents:get", "getDocuments", "documents",
         "Documents by their ids: a row each, in the order asked, an id as often as it is asked "
         "for. "
         "An id that is not there is a row too (found: false). At most 64 MiB in all",
         .body = &schema_documents_get, .media = MEDIA_JSON, .headers = "Akin-Min-Position",
         .answers = ANSWERS({200, &schema_documents_got}), .problems = ITEM,
         .scopes = SCOPE_DOCUMENTS_READ, .cost = COST_INTERACTIVE},
    [ROUTE_DOCUMENTS_EXPORT] =
        {"GET", C "/documents:export", "exportDocuments", "documents",
         "All documents by id, a line each, as the import takes them: into a collection of the "
         "same "
         "settings they give the same documents. What stood at Akin-Position comes once, unless it "
         "was changed meanwhile, which the changes behind that position tell. An answer that is "
         "cut "
         "ends without its last chunk (HTTP/1.0: 505): go on behind the last whole line by after, "
         "and with the first answer's position. 429: two of your own run; "
         "503: as many run and wait as may",
         .query = FIELDS({"filter", &query_filter}, {"fields", &schema_field_paths},
                         {"after", &schema_path_id, .help = "an id: behind it, bytewise"}),
         .headers = "Akin-Min-Position",
         .answers = ANSWERS(
             {200, &schema_lines, .media = "application/x-ndjson", .headers = "Akin-Position"}),
         .problems = "404 505", .scopes = SCOPE_DOCUMENTS_READ, .cost = COST_STREAM},
    [ROUTE_DOCUMENT_GET] = {"GET", C "/documents/{id}", "getDocument", "documents", "One document",
                            .headers = "If-None-Match Akin-Min-Position",
                            .answers = ANSWERS(
                                {200, &schema_document_out, .headers = "ETag"},
                                {304, .help = "If-None-Match names what would be answered"}),
                            .problems = ITEM, .scopes = SCOPE_DOCUMENTS_READ,
                            .cost = COST_INTERACTIVE},
    [ROUTE_DOCUMENT_PUT] =
        {"PUT", C "/documents/{id}", "putDocument", "documents", "Add or replace one document",
         .query = FIELDS({"async", &schema_flag, .fallback = "false"}),
         .headers = "If-Match If-None-Match", .body = &schema_document, .media = MEDIA_JSON,
         .answers = ANSWERS({200, &schema_row, .headers = "Akin-Position ETag"},
                            {201, &schema_row, .headers = "Akin-Position ETag Location"}),
         .problems = "404 409 412 507", .scopes = SCOPE_DOCUMENTS_WRITE, .cost = COST_INTERACTIVE},
    [ROUTE_DOCUMENT_PATCH] = {"PATCH", C "/documents/{id}", "patchDocument", "documents",
                              "Change parts of a document (RFC 7396)",
                              .query = FIELDS({"async", &schema_flag, .fallback = "false"}),
                              .headers = "If-Match", .body = &schema_merge_patch,
                              .media = MEDIA_JSON | MEDIA_MERGE_PATCH,
                              .answers =
                                  ANSWERS({200, &schema_row, .headers = "Akin-Position ETag"}),
                              .problems = "404 409 412 507", .scopes = SCOPE_DOCUMENTS_WRITE,
                              .cost = COST_INTERACTIVE},
    [ROUTE_DOCUMENT_DELETE] = {"DELETE", C "/documents/{id}", "deleteDocument", "documents",
                               "Delete one document", .headers = "If-Match",
                               .answers = ANSWERS({204, .headers = "Akin-Position"}),
                               .problems = "404 412 507", .scopes = SCOPE_DOCUMENTS_WRITE,
                               .cost = COST_INTERACTIVE},
    /* ---- find ---- */
    [ROUTE_SEARCH_GET] = {"GET", C "/search", "search", "find",
                          "Search by words, by meaning, or both", .query = search_fields,
                          .headers = "Akin-Min-Position",
                          .answers = ANSWERS({200, &schema_search_answer}), .problems = "404 410",
                          .scopes = SCOPE_SEARCH, .cost = COST_INTERACTIVE},
    [ROUTE_SEARCH] = {"POST", C "/search", "searchPost", "find", "Search, the request in a body",
                      .body = &schema_search, .media = MEDIA_JSON, .headers = "Akin-Min-Position",
                      .answers = ANSWERS({200, &schema_search_answer}), .problems = "404 410",
                      .scopes = SCOPE_SEARCH, .cost = COST_INTERACTIVE},
    [ROUTE_MULTI_SEARCH] =
        {"POST", "/v1/multi-search", "multiSearch", "find",
         "Several searches in one request: each gets its answer or its problem, in "
         "their order",
         .body = &schema_multi_search, .media = MEDIA_JSON, .headers = "Akin-Min-Position",
         .answers = ANSWERS({200, &schema_multi_answer}), .scopes = SCOPE_SEARCH,
         .cost = COST_INTERACTIVE},
    [ROUTE_SIMILAR] = {"POST", C "/similar", "similar", "find",
                       "What is like these documents, this text or this vector",
                       .body = &schema_similar, .media = MEDIA_JSON, .headers = "Akin-Min-Position",
                       .answers = ANSWERS({200, &schema_search_answer}), .problems = "404 410",
                       .scopes = SCOPE_SEARCH, .cost = COST_INTERACTIVE},
    [ROUTE_CLASSIFY] = {"POST", C "/classify", "classify", "find",
                        "The labels of a text, a document or a vector, with probabilities, by the "
                        "active classifiers. 409: none is active",
                        .body = &schema_classify, .media = MEDIA_JSON,
                        .headers = "Akin-Min-Position",
                        .answers = ANSWERS({200, &schema_classify_answer}), .problems = "404 409",
                        .scopes = SCOPE_SEARCH, .cost = COST_INTERACTIVE},
    [ROUTE_FACET] = {"GET", C "/facets/{field}", "facet", "find",
                     "The values of a field, most frequent first",
                     .query = FIELDS(
                         {"filter", &query_filter},
                         {"q", &facet_query, .help = "count documents that hold a word of it only"},
                         {"limit", &schema_limit, .fallback = "50"},
                         {"duplicates", &duplicates, .fallback = "\"show\""},
                         {"stats", &schema_flag, .fallback = "false",
                          .help = "min, max and avg of its numbers and dates"}),
                     .headers = "Akin-Min-Position",
                     .answers = ANSWERS({200, &schema_facet_answer}), .problems = ITEM,
                     .scopes = SCOPE_SEARCH, .cost = COST_INTERACTIVE},
    [ROUTE_RECOMMEND] = {"POST", C "/recommend", "recommend", "find",
                         "What a reader should see next", .body = &schema_recommend,
                         .media = MEDIA_JSON, .headers = "Akin-Min-Position",
                         .answers = ANSWERS({200, &schema_recommend_answer}), .problems = "404 410",
                         .scopes = SCOPE_RECOMMEND, .cost = COST_INTERACTIVE},
    [ROUTE_RECOMMEND_BATCH] = {"POST", C "/recommend:batch", "recommendBatch", "find",
                               "A list for each of up to 100 users, by the same rules: each gets "
                               "its answer or its problem, in their order",
                               .body = &schema_recommend_batch, .media = MEDIA_JSON,
                               .headers = "Akin-Min-Position",
                               .answers = ANSWERS({200, &schema_recommend_batch_answer}),
                               .problems = ITEM, .scopes = SCOPE_RECOMMEND,
                               .cost = COST_INTERACTIVE},
    [ROUTE_DOCUMENT_READERS] =
        {"GET", C "/documents/{id}/readers", "documentReaders", "find",
         "Who would like this document: readers by what they did lately, best first",
         .query = document_readers_query, .headers = "Akin-Min-Position",
         .answers = ANSWERS({200, &schema_document_readers}), .problems = ITEM,
         .scopes = SCOPE_USERS_READ, .cost = COST_INTERACTIVE},
    /* ---- readers ---- */
    [ROUTE_FEEDBACK_ADD] = {"POST", C "/feedback", "addFeedback", "readers",
                            "What readers did; each row is judged alone",
                            .query = FIELDS({"atomic", &schema_flag, .fallback = "false",
                                             .help = "all rows or none"},
                                            {"create", &schema_flag, .fallback = "false",
                                             .help = "make documents that are not there, with "
                                                     "their id for a title: they are not "
                                                     "recommended until they are put"}),
                            .body = &schema_feedback_rows, .media = MEDIA_JSON,
                            .answers = ANSWERS({200, &schema_rows, .headers = "Akin-Position"}),
                            .problems = "404 507", .scopes = SCOPE_FEEDBACK_WRITE,
                            .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER | KEEPS_READERS},
    [ROUTE_FEEDBACK_LIST] = {"GET", C "/feedback", "listFeedback", "readers",
                             "What readers did, newest first",
                             .query = FIELDS({"limit", &list_limit, .fallback = "100"},
                                             {"cursor", &schema_cursor}, {"user", &schema_path_id},
                                             {"document", &schema_path_id}),
                             .answers = ANSWERS({200, &schema_feedback_list}), .problems = ITEM,
                             .scopes = SCOPE_USERS_READ, .cost = COST_INTERACTIVE},
    [ROUTE_USER_PUT] = {"PUT", C "/users/{id}", "putUser", "readers", "Describe a user",
                        .body = &schema_user, .media = MEDIA_JSON,
                        .answers = ANSWERS({200, &schema_user_out},
                                           {201, &schema_user_out, .headers = "Location"}),
                        .problems = "404 507", .scopes = SCOPE_USERS_WRITE,
                        .cost = COST_INTERACTIVE},
    [ROUTE_USER_GET] = {"GET", C "/users/{id}", "getUser", "readers", "One user",
                        .answers = ANSWERS({200, &schema_user_out}), .problems = ITEM,
                        .scopes = SCOPE_USERS_READ, .cost = COST_INTERACTIVE},
    [ROUTE_USER_DELETE] = {"DELETE", C "/users/{id}", "deleteUser", "readers",
                           "Forget a user: their feedback, the answers that they got, the scores "
                           "that were brought for them, their name in the change feed. Models "
                           "that know them are trained anew",
                           .answers = ANSWERS({204}), .problems = "404 507",
                           .scopes = SCOPE_USERS_WRITE, .cost = COST_INTERACTIVE},
    [ROUTE_USER_EXPORT] = {"GET", C "/users/{id}:export", "exportUser", "readers",
                           "All that is held of a user: who they are, the scores that were brought "
                           "for them, what they did, and then what they were shown, newest first",
                           .query = FIELDS({"limit", &list_limit, .fallback = "100"},
                                           {"cursor", &schema_cursor}),
                           .answers = ANSWERS({200, &schema_user_export}), .problems = ITEM,
                           .scopes = SCOPE_USERS_READ, .cost = COST_INTERACTIVE},
    [ROUTE_USER_RECOMMENDATIONS] = {"GET", C "/users/{id}/recommendations", "userRecommendations",
                                    "readers", "What this user should see next",
                                    .query = recommend_query, .headers = "Akin-Min-Position",
                                    .answers = ANSWERS({200, &schema_recommend_answer}),
                                    .problems = "404 410", .scopes = SCOPE_RECOMMEND,
                                    .cost = COST_INTERACTIVE},
    /* ---- experiments, and what became of recommendations ---- */
    [ROUTE_EXPERIMENTS_LIST] = {"GET", C "/experiments", "listExperiments", "experiments",
                                "All experiments of a collection",
                                .answers = ANSWERS({200, &schema_experiments}), .problems = ITEM,
                                .scopes = SEES_TRAINING, .cost = COST_INTERACTIVE},
    [ROUTE_EXPERIMENTS_CREATE] = {"POST", C "/experiments", "createExperiment", "experiments",
                                  "Describe an experiment; it does nothing until it is started",
                                  .body = &schema_experiment_new, .media = MEDIA_JSON,
                                  .answers =
                                      ANSWERS({201, &schema_experiment_out, .headers = "Location"}),
                                  .problems = "404 409 507", .scopes = SCOPE_MODELS,
                                  .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER},
    [ROUTE_EXPERIMENT_GET] =
        {"GET", C "/experiments/{experiment}", "getExperiment", "experiments",
         "One experiment, with what came out of it so far. Only feedback that names a "
         "recommendation counts, for a document that stood in it, within seven days.",
         .answers = ANSWERS({200, &schema_experiment_out}), .problems = ITEM,
         .scopes = SEES_TRAINING, .cost = COST_INTERACTIVE},
    [ROUTE_EXPERIMENT_PUT] =
        {"PUT", C "/experiments/{experiment}", "putExperiment", "experiments",
         "Make or replace a draft; of one that runs, change the weights. Then readers between the "
         "old and the new bounds of the shares move to the neighbouring variant, all others stay.",
         .body = &schema_experiment, .media = MEDIA_JSON,
         .answers = ANSWERS({200, &schema_experiment_out},
                            {201, &schema_experiment_out, .headers = "Location"}),
         .problems = "404 409 507", .scopes = SCOPE_MODELS, .cost = COST_INTERACTIVE},
    [ROUTE_EXPERIMENT_DELETE] = {"DELETE", C "/experiments/{experiment}", "deleteExperiment",
                                 "experiments", "Delete an experiment, running or not",
                                 .answers = ANSWERS({204}), .problems = "404 507",
                                 .scopes = SCOPE_MODELS, .cost = COST_INTERACTIVE},
    [ROUTE_EXPERIMENT_START] =
        {"POST", C "/experiments/{experiment}:start", "startExperiment", "experiments",
         "From now on requests of its scenario are served in its variants: a reader always in the "
         "same, those without a user as they are. At most one runs in a scenario.",
         .answers = ANSWERS({200, &schema_experiment_out}), .problems = "404 409 507",
         .scopes = SCOPE_MODELS, .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER},
    [ROUTE_EXPERIMENT_STOP] = {"POST", C "/experiments/{experiment}:stop", "stopExperiment",
                               "experiments", "Requests are served as they are; its numbers stay",
                               .answers = ANSWERS({200, &schema_experiment_out}),
                               .problems = "404 409 507", .scopes = SCOPE_MODELS,
                               .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER},
    [ROUTE_RECOMMEND_STATS] =
        {"GET", C "/recommendations/stats", "recommendationStats", "experiments",
         "What became of recommendations: click-through, conversion and coverage, by day, "
         "scenario, model and variant",
         .query = stats_query, .answers = ANSWERS({200, &schema_recommend_stats}), .problems = ITEM,
         .scopes = SEES_TRAINING, .cost = COST_INTERACTIVE},
    [ROUTE_RECOMMEND_ESTIMATE] =
        {"GET", C "/recommendations/estimate", "recommendationEstimate", "experiments",
         "What another recommender or blend would have earned, from answers that were explored "
         "(`explore` in their requests) and the feedback that names them: self-normalised inverse "
         "propensities, with an interval of 95 %",
         .query = estimate_query, .answers = ANSWERS({200, &schema_recommend_estimate}),
         .problems = ITEM, .scopes = SEES_TRAINING, .cost = COST_INTERACTIVE},
    /* ---- scores ---- */
    [ROUTE_SCORE_SOURCES] = {"GET", C "/scores", "listScoreSources", "scores",
                             "The sources of uploaded scores",
                             .answers = ANSWERS({200, &schema_score_sources}), .problems = ITEM,
                             .scopes = SCOPE_TRAIN, .cost = COST_INTERACTIVE},
    [ROUTE_SCORES_BATCH] =
        {"POST", C "/scores/{source}", "uploadScores", "scores",
         "Scores that your own algorithm made, of many readers, each in place of what was there. "
         "They are candidates, and brought.SOURCE in score expressions.",
         .body = &schema_scores_rows, .media = MEDIA_JSON,
         .answers = ANSWERS({200, &schema_scores_results}), .problems = "404 507",
         .scopes = SCOPE_TRAIN, .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER | KEEPS_READERS},
    [ROUTE_SCORES_CLEAR] = {"DELETE", C "/scores/{source}", "deleteScoreSource", "scores",
                            "Delete a source: the scores of all readers", .answers = ANSWERS({204}),
                            .problems = "404 507", .scopes = SCOPE_TRAIN, .cost = COST_INTERACTIVE},
#define SCORES_ROUTES(id, path, suffix, whose)                                                     \
    [id##_GET] = {"GET",                                                                           \
                  C "/scores/{source}" path,                                                       \
                  "get" suffix,                                                                    \
                  "scores",                                                                        \
                  "The scores " whose,                                                             \
                  .answers = ANSWERS({200, &schema_scores_out}),                                   \
                  .problems = ITEM,                                                                \
                  .scopes = SCOPE_TRAIN,                                                           \
                  .cost = COST_INTERACTIVE},                                                       \
    [id##_PUT] = {"PUT",                                                                           \
                  C "/scores/{source}" path,                                                       \
                  "put" suffix,                                                                    \
                  "scores",                                                                        \
                  "Upload the scores " whose ", in place of what was there",                       \
                  .body = &schema_scores,                                                          \
                  .media = MEDIA_JSON,                                                             \
                  .answers = ANSWERS({200, &schema_scores_kept}, {201, &schema_scores_kept}),      \
                  .problems = "404 409 507",                                                       \
                  .scopes = SCOPE_TRAIN,                                                           \
                  .cost = COST_INTERACTIVE},                                                       \
    [id##_DELETE] = {"DELETE",                                                                     \
                     C "/scores/{source}" path,                                                    \
                     "delete" suffix,                                                              \
                     "scores",                                                                     \
                     "Delete the scores " whose,                                                   \
                     .answers = ANSWERS({204}),                                                    \
                     .problems = "404 507",                                                        \
                     .scopes = SCOPE_TRAIN,                                                        \
                     .cost = COST_INTERACTIVE}
    SCORES_ROUTES(ROUTE_SCORES_ALL, "/all", "ScoresOfAll",
                  "for all readers, which count where a reader's own say nothing"),
    SCORES_ROUTES(ROUTE_SCORES, "/users/{id}", "ScoresOfUser", "of one reader"),
    /* ---- inference ---- */
    [ROUTE_EMBEDDINGS] = {"POST", "/v1/embeddings", "createEmbeddings", "inference",
                          "Vectors of texts, as OpenAI has it", .body = &schema_embeddings,
                          .media = MEDIA_JSON, .answers = ANSWERS({200, &schema_embeddings_answer}),
                          .problems = ITEM, .scopes = SCOPE_EMBED, .cost = COST_INTERACTIVE,
                          .shape = SHAPE_OPENAI},
    [ROUTE_MODELS_LIST] = {"GET", "/v1/models", "listModels", "inference",
                           "The models that are served", .answers = ANSWERS({200, &schema_models}),
                           .scopes = SEES_MODELS, .cost = COST_INTERACTIVE, .shape = SHAPE_OPENAI},
    [ROUTE_MODEL_GET] = {"GET", "/v1/models/{model}", "getModel", "inference",
                         "One model, by its name or an alias",
                         .answers = ANSWERS({200, &schema_model}), .problems = ITEM,
                         .scopes = SEES_MODELS, .cost = COST_INTERACTIVE, .shape = SHAPE_OPENAI},
    /* ---- inference, as Text Embeddings Inference has it ---- */
    [ROUTE_TEI_ROOT] = {"POST", "/", "embedAtRoot", "inference",
                        "The same as /embed: where clients of TEI ask that were given an address "
                        "and no path",
                        .body = &schema_tei_embed, .media = MEDIA_JSON,
                        .answers = ANSWERS({200, &schema_vectors}), .scopes = SCOPE_EMBED,
                        .cost = COST_INTERACTIVE, .shape = SHAPE_TEI},
    [ROUTE_TEI_EMBED] = {"POST", "/embed", "embed", "inference", "Vectors of texts, as TEI has it",
                         .body = &schema_tei_embed, .media = MEDIA_JSON,
                         .answers = ANSWERS({200, &schema_vectors}), .scopes = SCOPE_EMBED,
                         .cost = COST_INTERACTIVE, .shape = SHAPE_TEI},
    [ROUTE_TEI_EMBED_ALL] = {"POST", "/embed_all", "embedAll", "inference",
                             "A vector for each token of texts, as TEI has it",
                             .body = &schema_tei_embed_all, .media = MEDIA_JSON,
                             .answers = ANSWERS({200, &schema_token_vectors}),
                             .scopes = SCOPE_EMBED, .cost = COST_INTERACTIVE, .shape = SHAPE_TEI},
    [ROUTE_TEI_SIMILARITY] = {"POST", "/similarity", "similarity", "inference",
                              "Cosines of texts to one text, as TEI has it",
                              .body = &schema_tei_similarity, .media = MEDIA_JSON,
                              .answers = ANSWERS({200, &schema_numbers}), .scopes = SCOPE_EMBED,
                              .cost = COST_INTERACTIVE, .shape = SHAPE_TEI},
    [ROUTE_TEI_TOKENIZE] = {"POST", "/tokenize", "tokenize", "inference",
                            "What the model reads of a text", .body = &schema_tei_tokenize,
                            .media = MEDIA_JSON, .answers = ANSWERS({200, &schema_tei_tokens}),
                            .scopes = SCOPE_EMBED, .cost = COST_INTERACTIVE, .shape = SHAPE_TEI},
    [ROUTE_TEI_DECODE] = {"POST", "/decode", "decode", "inference", "Texts of token ids",
                          .body = &schema_tei_decode, .media = MEDIA_JSON,
                          .answers = ANSWERS({200, &schema_text_list}), .scopes = SCOPE_EMBED,
                          .cost = COST_INTERACTIVE, .shape = SHAPE_TEI},
    [ROUTE_TEI_INFO] = {"GET", "/info", "info", "inference", "The default model, as TEI has it",
                        .answers = ANSWERS({200, &schema_tei_info}), .scopes = SEES_MODELS,
                        .cost = COST_INTERACTIVE, .shape = SHAPE_TEI},
    [ROUTE_TEI_HEALTH] = {"GET", "/health", "health", "inference",
                          "Ready to serve, as TEI's probes ask it: /readyz under another name",
                          .answers = ANSWERS({200, &schema_state}), .problems = "503",
                          .scopes = SCOPE_OPEN, .shape = SHAPE_TEI},
    /* ---- work ---- */
    [ROUTE_MCP] = {"POST", "/mcp", "mcp", "mcp",
                   "The Model Context Protocol: tools for models, each a route of this server "
                   "under another name (search, similar, recommend, get_document, add_document, "
                   "give_feedback). A JSON-RPC request a POST, no session. What a key may not call "
                   "is not listed",
                   .body = &schema_rpc, .media = MEDIA_JSON,
                   .answers = ANSWERS({200, &schema_rpc_answer}, {202, .help = "a notification"}),
                   .problems = ITEM,
                   .scopes = SCOPE_SEARCH | SCOPE_RECOMMEND | SCOPE_DOCUMENTS_READ |
                             SCOPE_DOCUMENTS_WRITE | SCOPE_FEEDBACK_WRITE,
                   .cost = COST_INTERACTIVE, .shape = SHAPE_RPC},
    [ROUTE_CHANGES] =
        {"GET", "/v1/changes", "listChanges", "work",
         "Everything that changed, in commit order; the cursor is a position and can be kept",
         .query = FIELDS(
             {"cursor", &schema_position, .help = "a position; without one, the oldest kept"},
             {"limit", &list_limit, .fallback = "100"}),
         .answers = ANSWERS({200, &schema_changes}), .problems = "410", .scopes = SCOPE_EVENTS,
         .cost = COST_INTERACTIVE},
    /* ---- keys ---- */
    [ROUTE_KEYS_LIST] = {"GET", "/v1/keys", "listKeys", "keys",
                         "The keys that may do no more than the one that asks; never their secrets",
                         .query = page_query, .answers = ANSWERS({200, &schema_keys}),
                         .scopes = SCOPE_KEYS, .cost = COST_INTERACTIVE},
    [ROUTE_KEYS_CREATE] = {"POST", "/v1/keys", "createKey", "keys",
                           "Make a key. The answer is the only place where it is ever shown. 403 "
                           "with the field: it would be wider than the key that asks.",
                           .body = &schema_key_new, .media = MEDIA_JSON,
                           .answers = ANSWERS({201, &schema_key_secret, .headers = "Location"}),
                           .problems = "507", .scopes = SCOPE_KEYS, .cost = COST_INTERACTIVE,
                           .keeps = KEEPS_SECRET},
    [ROUTE_KEY_GET] = {"GET", "/v1/keys/{key}", "getKey", "keys",
                       "What a key allows, and when it was used",
                       .answers = ANSWERS({200, &schema_key_out}), .problems = ITEM,
                       .scopes = SCOPE_KEYS, .cost = COST_INTERACTIVE},
    [ROUTE_KEY_UPDATE] = {"PATCH", "/v1/keys/{key}", "updateKey", "keys",
                          "Change what a key allows, from the answer on; its secret stays",
                          .body = &schema_key_patch, .media = MEDIA_JSON | MEDIA_MERGE_PATCH,
                          .answers = ANSWERS({200, &schema_key_out}), .problems = "404 507",
                          .scopes = SCOPE_KEYS, .cost = COST_INTERACTIVE},
    [ROUTE_KEY_DELETE] =
        {"DELETE", "/v1/keys/{key}", "deleteKey", "keys",
         "Revoke a key: from the answer on it is not taken any more; those that it "
         "made (created_by) stay, within its limits, until they are deleted",
         .answers = ANSWERS({204}), .problems = "404 507", .scopes = SCOPE_KEYS,
         .cost = COST_INTERACTIVE},
    [ROUTE_KEY_ROTATE] = {"POST", "/v1/keys/{key}:rotate", "rotateKey", "keys",
                          "A new secret for a key, shown this once; the one before works for the "
                          "grace time too",
                          .body = &schema_key_rotate, .media = MEDIA_JSON, .body_optional = true,
                          .answers = ANSWERS({200, &schema_key_secret}), .problems = "404 507",
                          .scopes = SCOPE_KEYS, .cost = COST_INTERACTIVE, .keeps = KEEPS_SECRET},
    [ROUTE_BACKUPS_CREATE] =
        {"POST", "/v1/backups", "createBackup", "work",
         "Write a consistent copy into the data directory's backups/, while all "
         "else goes on. It is checked before it is there.",
         .answers = ANSWERS({201, &schema_backup}), .problems = "507", .scopes = SCOPE_BACKUP,
         .cost = COST_INTERACTIVE, .keeps = KEEPS_ANSWER | KEEPS_UNWRITTEN},
    [ROUTE_CHECKS_CREATE] =
        {"POST", "/v1/checks", "createCheck", "work",
         "Is the store whole, and does every index hold exactly what it holds? Reads everything, "
         "in "
         "the background, while all else goes on; what would hold up writers is left out, and "
         "said. The answer comes at the end.",
         .answers = ANSWERS({200, &schema_check}), .problems = "503", .scopes = SCOPE_BACKUP,
         .cost = COST_INTERACTIVE},
    /* ---- ops ---- */
    [ROUTE_LIVEZ] = {"GET", "/livez", "live", "ops", "The process answers",
                     .answers = ANSWERS({200, &schema_state}), .scopes = SCOPE_OPEN},
    [ROUTE_READYZ] = {"GET", "/readyz", "ready", "ops",
                      "Ready to serve; 503 while starting and stopping",
                      .answers = ANSWERS({200, &schema_state}), .problems = "503",
                      .scopes = SCOPE_OPEN},
    [ROUTE_METRICS] = {"GET", "/metrics", "metrics", "ops", "Metrics in the Prometheus text format",
                       .answers = ANSWERS(
                           {200, &schema_string, "text/plain; version=0.0.4; charset=utf-8"}),
                       .scopes = SCOPE_METRICS, .cost = COST_INTERACTIVE},
    [ROUTE_VERSION] = {"GET", "/version", "version", "ops", "What runs here",
                       .answers = ANSWERS({200, &schema_version_answer}), .scopes = SCOPES_ALL},
    [ROUTE_OPENAPI] = {"GET", "/openapi.json", "openapi", "ops", "This document",
                       .answers = ANSWERS(
                           {200, &(const struct schema){.type = SCHEMA_OBJECT, .open = true}}),
                       .scopes = SCOPE_OPEN}, /* nothing of a server is in it */
    [ROUTE_PAGE] = {"GET", "/", "page", "ops", "The search page",
                    .answers = ANSWERS({200, &schema_string, "text/html; charset=utf-8"}, {304}),
                    .headers = "If-None-Match", .scopes = SCOPE_OPEN, .any_query = true},
    [ROUTE_PAGE_STYLE] = {"GET", "/page/style.css", "pageStyle", "ops", "Its style",
                          .answers =
                              ANSWERS({200, &schema_string, "text/css; charset=utf-8"}, {304}),
                          .headers = "If-None-Match", .scopes = SCOPE_OPEN, .any_query = true},
    [ROUTE_PAGE_SCRIPT] = {"GET", "/page/page.js", "pageScript", "ops", "Its script",
                           .answers = ANSWERS(
                               {200, &schema_string, "text/javascript; charset=utf-8"}, {304}),
                           .headers = "If-None-Match", .scopes = SCOPE_OPEN, .any_query = true},
    [ROUTE_DOCS] = {"GET", "/docs", "docs", "ops",
                    "Every route, for people; works without a network",
                    .answers = ANSWERS({200, &schema_string, "text/html; charset=utf-8"}, {304}),
                    .headers = "If-None-Match", .scopes = SCOPE_OPEN, .any_query = true},
    [ROUTE_DOCS_STYLE] = {"GET", "/page/docs.css", "docsStyle", "ops", "Its style",
                          .answers =
                              ANSWERS({200, &schema_string, "text/css; charset=utf-8"}, {304}),
                          .headers = "If-None-Match", .scopes = SCOPE_OPEN, .any_query = true},
    [ROUTE_DOCS_SCRIPT] = {"GET", "/page/docs.js", "docsScript", "ops", "Its script",
                           .answers = ANSWERS(
                               {200, &schema_string, "text/javascript; charset=utf-8"}, {304}),
                           .headers = "If-None-Match", .scopes = SCOPE_OPEN, .any_query = true},
    [ROUTE_DOCS_EXAMPLES] = {"GET", "/page/examples.json", "docsExamples", "ops", "Its examples",
                             .answers = ANSWERS({200, &(const struct schema){.type = SCHEMA_ARRAY}},
                                                {304}),
                             .headers = "If-None-Match", .scopes = SCOPE_OPEN, .any_query = true},
};

static const struct field path_parameters[] = {
    {"c", &schema_path_name, .required = true, .help = "the collection, or an alias of it"},
    {"alias", &schema_path_name, .required = true, .help = "the alias"},
    {"id", &schema_path_id, .required = true, .help = "percent-encoded where it needs to be"},
    {"field", &path_field, .required = true, .help = "as in filters: tags, author.name"},
    {"version", &schema_version_id, .required = true, .help = "the number of the version"},
    {"recommender", &schema_version_id, .required = true, .help = "the number of the recommender"},
    {"task", &schema_task_id, .required = true, .help = "the number of the task"},
    {"key", &schema_key_id, .required = true, .help = "the id of the key, no secret"},
    {"model", &schema_string, .required = true, .help = "the model's name, or an alias"},
    {"experiment", &schema_experiment_name, .required = true},
    {"source", &schema_source_name, .required = true, .help = "a name of a-z, 0-9 and _"},
    {NULL},
};

const struct field *route_path_parameter(const struct route *r, struct str name)
{
    (void)r;
    for (const struct field *f = path_parameters; f->name; f++)
        if (str_eq_c(name, f->name))
            return f;
    return NULL;
}
