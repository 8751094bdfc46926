/* A document on its way in: a JSON object -> a draft that is checked, in NFC, with its canonical
 * payload and digests. The payload is compact JSON with sorted keys, so that equal documents have
 * equal digests:
 *
 *     {"detected_lang":"de","attributes":{..},"expires":"..","lang":"..","tags":[..],"text":"..","title":"..","url":"..","vector_digest":".."}
 *
 * with only what is there. `vector_digest` stands for a vector that the client gave; readers do not
 * see it. `detected_lang` is there if the client gave no `lang` and the detector is sure; it is no
 * part of the digest and accepted but ignored in what clients send. */
#ifndef ENGINE_DOCUMENT_H
#define ENGINE_DOCUMENT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/settings.h"
#include "store/store.h"
#include "text/language.h"
#include <stdbool.h>
#include <stdint.h>

#define ID_BYTES_MAX 255

enum draft_plan {
    PLAN_EMBED,     /* its passages are made */
    PLAN_KEEP,      /* the text is the stored one: its passages stay */
    PLAN_PENDING,   /* stored now, embedded later */
    PLAN_UNCHANGED, /* all of it is the stored one */
};

struct draft {
    struct str id, title, text, payload;
    struct str tenant; /* empty: the collection has none */
    uint8_t digest[32], text_digest[32];
    int64_t expires_us;     /* 0: never */
    const uint16_t *vector; /* the client's own, float16; NULL: the model's is wanted */

    enum draft_plan plan;
    bool fresh;           /* planned: there is no document of its id */
    struct str prefix;    /* of the title: put in front of the first passage when it is embedded */
    bool split, embedded; /* passages are cut; they hold vectors */
    struct passage_record *passages;
    uint32_t passage_count;
    struct embedding_record
        *embeddings;        /* of passages whose vectors are new to the store's cache */
    size_t embedding_count; /* at most passage_count */
    uint64_t if_revision;

    enum err err; /* not 0: it failed, the rest is void */
    struct err_info info;
    bool done;
    bool other_tenant;  /* what stands there is another's */
    bool still_pending; /* unchanged, and not embedded yet */
    const char *status; /* "created", "updated", "unchanged" */
    uint64_t revision;
};

/* What a document is read with; borrowed. */
struct document_rules {
    struct settings settings;
    unsigned dims;                             /* of a vector that the client gives */
    uint32_t version;                          /* the active one, to which such a vector belongs */
    const struct language_detector *languages; /* NULL: no language is detected */
};

/* Fills in `d`, all of it in the arena but for what is borrowed from `object`. ERR_INVALID with a
 * pointer relative to the document ("/tags/3"). A missing id is made. `vector_digest`: of a stored
 * client vector that stays; empty: none. */
enum err draft_read(const struct document_rules *rules, const json_t *object,
                    struct str vector_digest, struct arena *a, struct draft *d,
                    struct err_info *e) MUST_CHECK;

/* 1 to 255 bytes of UTF-8 without control characters, neither "." nor "..". */
enum err id_check(struct str id, const char *pointer, struct err_info *e) MUST_CHECK;

/* Is it akin's name of something beside the attributes, in a collection that maps nothing? */
bool document_name_reserved(struct str name);

/* Compact, with sorted keys. */
void json_put_canonical(struct strbuf *out, const json_t *v);

/* Renames what a document calls its text ("content", "body", a mapped name ...) to akin's own
 * names, in place. */
void document_canonical_names(const struct settings *s, json_t *object);

/* The payload (without vector_digest) under the names that a collection of these settings reads: it
 * itself where nothing is mapped, or in the arena. */
struct str payload_mapped(const struct settings *s, struct arena *a, struct str payload);

/* The digest of the client's vector, a view into the payload; empty if the vectors are the model's.
 */
struct str payload_vector_digest(struct str payload);
/* Is this vector, of that embedding version, the one of the digest? */
bool vector_digest_is(struct str digest, const uint16_t *vector, unsigned dims, uint32_t version);
/* The payload without it: `payload` itself, or a copy in the arena. */
struct str payload_for_readers(struct arena *a, struct str payload);

/* The language of a stored document, a view into it: that which was given, else the detected one,
 * else empty. */
struct str document_lang(const json_t *object);

/* The object that filters see: the payload with id, created and updated, and `lang` as
 * document_lang says. To be freed with json_decref. */
json_t *document_for_filters(const struct document_record *d);

#endif
