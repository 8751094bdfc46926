/* The encoders that have BERT's shape, and how each names its tensors (private to embed/). */
#ifndef EMBED_BERT_NAMES_H
#define EMBED_BERT_NAMES_H

#include <stdbool.h>

struct bert_names {
    const char *model_type;   /* of config.json */
    const char *architecture; /* what config.json's class names begin with */
    const char *prefix;       /* that files with a head on top put before each name */
    const char *layers;       /* "encoder.layer." and the number and "." */
    const char *words, *positions, *types, *norm; /* types NULL: there are none */
    const char *query, *key, *value, *attention_out, *attention_norm, *up, *down, *feed_norm;
    const char *relative;  /* table of relative position biases; NULL: there is none */
    bool padded_positions; /* positions begin behind the padding token's id (RoBERTa) */
    bool distil;           /* DistilBERT's words in config.json */
};
/* NULL: not known. */
const struct bert_names *bert_names_find(const char *model_type);
/* "bert, roberta, ..." for messages. */
const char *bert_names_known(void);

/* Is a tensor that the encoder does not read (its name without the prefix) a head, a pooler or a
 * buffer, rather than a part of an encoder that config.json does not tell of? */
bool bert_names_beside(const struct bert_names *n, const char *tensor);

#endif
