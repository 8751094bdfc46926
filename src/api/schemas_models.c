#include "api/schema_table.h"
#include "api/schemas.h"

/* What the model itself does, with OpenAI's bodies and those of Text Embeddings Inference: what is
 * sent. */

static const struct schema input_text = {.type = SCHEMA_STRING, .count_min = 1};
static const struct schema token_id = {
    .type = SCHEMA_INTEGER, .bounded = true, .min = 0, .max = 4294967295.0};
static const struct schema input_ids = {
    .type = SCHEMA_ARRAY, .items = &token_id, .count_min = 1, .count_max = INPUT_IDS_MAX};
static const struct schema input_texts = {
    .type = SCHEMA_ARRAY, .items = &input_text, .count_min = 1, .count_max = INPUTS_MAX};
static const struct schema input_id_lists = {
    .type = SCHEMA_ARRAY, .items = &input_ids, .count_min = 1, .count_max = INPUTS_MAX};
static const struct schema input = {
    .type = SCHEMA_ONE_OF,
    .help = "a text, an array of up to 2048 texts, ids of the model's own vocabulary without "
            "special tokens, or an array "
            "of such",
    .alternatives = (const struct schema *const[]){&input_text, &input_texts, &input_ids,
                                                   &input_id_lists, NULL},
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
        {"model", &schema_nonempty, .help = "the served model's name, or an alias",
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
static const struct schema decode_lists = {
    .type = SCHEMA_ARRAY, .items = &decode_ids, .count_min = 1, .count_max = INPUT_IDS_MAX};
static const struct schema decode_input = {
    .type = SCHEMA_ONE_OF,
    .alternatives = (const struct schema *const[]){&input_ids, &decode_lists, NULL},
    .help = "ids of one text, or an array of such",
    .example = "[101,102]"};
const struct schema schema_tei_decode = {
    .name = "TEIDecodeRequest",
    .type = SCHEMA_OBJECT,
    .fields = FIELDS({"ids", &decode_input, .required = true},
                     {"skip_special_tokens", &schema_flag, .fallback = "true"}),
    .example = "{\"ids\":[101,102]}",
};
