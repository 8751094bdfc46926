/* After the modules of Hugging Face transformers: models/{bert,roberta,xlm_roberta,camembert,mpnet,
 * distilbert}/modeling_*.py. */
#include "embed/bert_names.h"
#include <stddef.h>
#include <string.h>

#define EMBEDDINGS                                                                                 \
    .words = "embeddings.word_embeddings", .positions = "embeddings.position_embeddings",          \
    .norm = "embeddings.LayerNorm"
#define TYPES .types = "embeddings.token_type_embeddings"
#define LAYER                                                                                      \
    .layers = "encoder.layer.", .query = "attention.self.query", .key = "attention.self.key",      \
    .value = "attention.self.value", .attention_out = "attention.output.dense",                    \
    .attention_norm = "attention.output.LayerNorm", .up = "intermediate.dense",                    \
    .down = "output.dense", .feed_norm = "output.LayerNorm"

static const struct bert_names known[] = {
    {.model_type = "bert", .architecture = "Bert", .prefix = "bert.", EMBEDDINGS, TYPES, LAYER},
    {.model_type = "roberta",
     .architecture = "Roberta",
     .prefix = "roberta.",
     .padded_positions = true,
     EMBEDDINGS,
     TYPES,
     LAYER},
    {.model_type = "xlm-roberta",
     .architecture = "XLMRoberta",
     .prefix = "roberta.",
     .padded_positions = true,
     EMBEDDINGS,
     TYPES,
     LAYER},
    {.model_type = "camembert",
     .architecture = "Camembert",
     .prefix = "roberta.",
     .padded_positions = true,
     EMBEDDINGS,
     TYPES,
     LAYER},
    {.model_type = "mpnet",
     .architecture = "MPNet",
     .prefix = "mpnet.",
     .padded_positions = true,
     EMBEDDINGS,
     .layers = "encoder.layer.",
     .query = "attention.attn.q",
     .key = "attention.attn.k",
     .value = "attention.attn.v",
     .attention_out = "attention.attn.o",
     .attention_norm = "attention.LayerNorm",
     .up = "intermediate.dense",
     .down = "output.dense",
     .feed_norm = "output.LayerNorm",
     .relative = "encoder.relative_attention_bias"},
    {.model_type = "distilbert",
     .architecture = "DistilBert",
     .prefix = "distilbert.",
     .distil = true,
     EMBEDDINGS,
     .layers = "transformer.layer.",
     .query = "attention.q_lin",
     .key = "attention.k_lin",
     .value = "attention.v_lin",
     .attention_out = "attention.out_lin",
     .attention_norm = "sa_layer_norm",
     .up = "ffn.lin1",
     .down = "ffn.lin2",
     .feed_norm = "output_layer_norm"},
};

const struct bert_names *bert_names_find(const char *model_type)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].model_type, model_type) == 0)
            return &known[i];
    return NULL;
}

const char *bert_names_known(void)
{
    return "bert, roberta, xlm-roberta, camembert, mpnet and distilbert";
}

static bool starts(const char *s, const char *with)
{
    return strncmp(s, with, strlen(with)) == 0;
}

bool bert_names_beside(const struct bert_names *n, const char *tensor)
{
    static const char *const heads[] = {
        "pooler.",         "cls.",        "lm_head.",         "classifier.",
        "pre_classifier.", "qa_outputs.", "vocab_transform.", "vocab_layer_norm.",
        "vocab_projector."};
    static const char *const buffers[] = {"embeddings.position_ids", "embeddings.token_type_ids"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        if (starts(tensor, heads[i]))
            return true;
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        if (strcmp(tensor, buffers[i]) == 0)
            return true;
    return false;
}
