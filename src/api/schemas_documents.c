#include "api/schema_table.h"
#include "api/schemas.h"

/* Documents: what is sent. Judged by the engine, since a collection's mapping decides which field
 * is the text. */

/* null stands for what is missing. */
static const struct schema document_id = {
    .type = SCHEMA_ID, .format = FORMAT_ID, .nullable = true, .count_min = 1, .count_max = 255};
static const struct schema document_text = {.type = SCHEMA_STRING, .nullable = true};
static const struct schema document_lang = {
    .type = SCHEMA_STRING,
    .nullable = true,
    .count_max = 35,
    .pattern = "^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*|[xXiI](-[A-Za-z0-9]{1,8})+)?$"};
static const struct schema document_tags = {
    .type = SCHEMA_ARRAY, .items = &schema_nonempty, .count_max = 1000, .nullable = true};
static const struct schema document_attributes = {
    .type = SCHEMA_OBJECT, .open = true, .nullable = true};
static const struct schema document_expires = {.type = SCHEMA_STRING,
                                               .format = FORMAT_TIME,
                                               .pattern = "^(19[7-9]|[2-9])", /* from 1970 on */
                                               .nullable = true,
                                               .example = "\"2026-11-22T16:09:02Z\""};
static const struct schema document_vector = {
    .type = SCHEMA_ARRAY, .items = &schema_number, .count_max = 8192, .nullable = true};
const struct schema schema_document = {
    .name = "Document",
    .type = SCHEMA_OBJECT,
    .open = true,
    .deferred = true,
    .help = "Text is found under text, content or body unless the collection maps it; other "
            "unknown fields become "
            "attributes. null stands for what is missing.",
    .fields = FIELDS(
        {"id", &document_id, .help = "made if missing"}, {"title", &document_text},
        {"text", &document_text}, {"url", &document_text},
        {"lang", &document_lang,
         .help = "language tag (BCP 47) such as en or pt-BR; without one the language is detected "
                 "(detected_lang in answers) each time the document is written. Detection is no "
                 "part of a document: sent again it is unchanged, whatever a later akin detects"},
        {"tags", &document_tags}, {"attributes", &document_attributes, .help = "filterable"},
        {"expires", &document_expires},
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
    .fields = FIELDS({"ids", &schema_ids_some}, {"filter", &schema_filter}),
    .exactly_one = "ids|filter",
    .example = "{\"ids\":[\"a1\",\"a2\"]}",
};
const struct schema schema_documents_get = {
    .name = "DocumentsGet",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"ids", &schema_ids_some, .required = true}, {"fields", &schema_field_paths}),
    .example = "{\"ids\":[\"a1\",\"a2\"],\"fields\":[\"title\"]}",
};
