/* The "model" of tokenizer.json. */
#ifndef TEXT_MODEL_READ_H
#define TEXT_MODEL_READ_H

#include "text/node.h"
#include "text/tokenizer_impl.h"

enum err model_read(struct tokenizer *t, const struct node *root, struct err_info *e) MUST_CHECK;
/* What needs normaliser and pre-tokeniser to be known. */
void model_finish(struct tokenizer *t);

enum err wordpiece_finish(struct tokenizer *t, struct str unk, struct str prefix, const char *path,
                          struct err_info *e) MUST_CHECK;
void id_seen(struct tokenizer *t, uint32_t id);

#endif
