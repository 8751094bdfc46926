/* The schemas that the routes name: bodies, rows and answers. Constant. */
#ifndef API_SCHEMAS_H
#define API_SCHEMAS_H

#include "api/schema.h"

/* values */
/* The language of filters, for those who read the API's description. */
#define FILTER_HELP                                                                                \
    "which documents may be in the answer: lang = \"en\" AND (year >= 2020 OR tags IN "            \
    "[\"a\",\"b\"]) AND NOT hidden = true. Tests are = != < <= > >=, IN [..], EXISTS, NOT IN, "    \
    "NOT "                                                                                         \
    "EXISTS, and a range with both ends (price 10 TO 20); NOT binds closer than AND, AND closer "  \
    "than OR. Fields: id, lang, tags, created, updated, expires, duplicate_of (the id of the "     \
    "original; duplicate_of EXISTS: near-copies), and attributes by path (author.name; "           \
    "attributes.lang where the name alone is taken). Not title, text and url. In a collection "    \
    "that has documents, a field that none of them has or had is refused wherever it stands, and " \
    "the nearest known one named. Of an array one element that passes is enough. Strings stand "   \
    "in \" or ' with JSON's escapes, single words also bare; numbers, true and false bare. A "     \
    "string in RFC 3339 (date-time, or a date: its midnight, UTC) is a date: dates compare as "    \
    "instants, and with numbers as seconds since 1970. What a document does not have, and what "   \
    "does not compare, does not match; NOT and != are the complement, so NOT hidden = true "       \
    "matches documents without hidden. There is no null: NOT field EXISTS. "                       \
    "An object {lat, lon} or {lat, lng} in degrees is a point: geo(place, 52.5, 13.4) <= 10km "    \
    "(also < >= >; m, km, mi) takes those of a distance, geo(place) (52.3, 13) TO (52.7, 13.8) "   \
    "those in a box from its south-west to its north-east corner"
extern const struct schema schema_any, schema_string, schema_integer, schema_number, schema_boolean,
    schema_id, schema_path_id, schema_path_name, schema_limit, schema_offset, schema_cursor,
    schema_filter, schema_flag, schema_position, schema_text_list, schema_nonempty,
    schema_field_paths, schema_share, schema_ids, schema_ids_some, schema_open_object, schema_time;
/* bodies */
extern const struct schema schema_alias_put, schema_aliases_swap, schema_alias, schema_aliases;
extern const struct schema schema_collection_new, schema_collection_settings, schema_document,
    schema_documents, schema_documents_get, schema_merge_patch, schema_delete, schema_search,
    schema_search_of, schema_multi_search, schema_similar, schema_classify, schema_label,
    schema_recommend, schema_recommend_batch, schema_version_new, schema_compare, schema_version_id,
    schema_train, schema_task_id, schema_feedback, schema_feedback_rows, schema_user,
    schema_embeddings, schema_tei_embed, schema_tei_embed_all, schema_tei_similarity,
    schema_tei_tokenize, schema_tei_decode;
/* keys */
extern const struct schema schema_key_new, schema_key_patch, schema_key_rotate, schema_key_out,
    schema_key_secret, schema_keys, schema_key_id;
/* experiments, scores: bodies, answers and names in paths */
extern const struct schema schema_experiment, schema_experiment_new, schema_experiment_name,
    schema_experiment_out, schema_experiments, schema_recommend_stats, schema_recommend_estimate,
    schema_scores, schema_reader_scores, schema_scores_rows, schema_scores_results,
    schema_scores_kept, schema_scores_out, schema_score_sources, schema_source_name;
extern const struct field stats_query[];
extern const struct field estimate_query[];
/* What a search takes: the body of a POST, the parameters of a GET. */
extern const struct field search_fields[], recommend_query[], document_readers_query[];
/* answers */
extern const struct schema schema_recommender, schema_recommenders, schema_task, schema_tasks;
extern const struct schema schema_collection, schema_version, schema_versions, schema_collections,
    schema_document_out, schema_document_parts, schema_document_list, schema_documents_got,
    schema_lines, schema_row, schema_rows, schema_search_answer, schema_facet_answer,
    schema_multi_answer, schema_classify_answer, schema_recommend_answer,
    schema_recommend_batch_answer, schema_document_readers, schema_row_error, schema_feedback_list,
    schema_user_out, schema_user_export, schema_embeddings_answer, schema_model, schema_models,
    schema_changes, schema_backup, schema_check, schema_state, schema_version_answer,
    schema_problem, schema_openai_error, schema_vectors, schema_token_vectors, schema_numbers,
    schema_tei_tokens, schema_tei_info, schema_tei_error, schema_rpc, schema_rpc_answer,
    schema_rpc_error;

#define ROWS_MAX 1000       /* of feedback, and of ids to delete */
#define DOCUMENTS_MAX 10000 /* in one JSON array; more come as NDJSON */
#define INPUTS_MAX 2048     /* of one embeddings request */
#define EMBED_ALL_MAX 32    /* texts whose tokens' vectors one request gets */
#define INPUT_IDS_MAX 65536 /* of one of its inputs that is given as ids */
#define QUERIES_MAX 1000    /* of a comparison; as engine.h has it */
#define LIMIT_MAX 1000
#define SEARCHES_MAX 50 /* of one multi-search */
#define OFFSET_MAX 1000
#define RECOMMEND_LIMIT 200 /* as engine.h has them */
#define RECOMMEND_REACH 1000
#define RECOMMEND_BATCH 100 /* users of one request */
#define TEXT_MAX 100000     /* code points of a query text */

#endif
