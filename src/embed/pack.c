/* The file, little endian as every machine that akin runs on:
 *
 *      0   8  "AKINPACK"
 *      8   4  version
 *     12   4  sections
 *     16  32  key
 *     48   8  bytes of the whole file
 *     56   8  checksum of bytes 0-55 and the table
 *     64  80 x sections: name (56, NULs behind it), offset (8), bytes (8), checksum of content (8)
 *         .. the sections, each at the next multiple of 64, in the order of the table */
#include "embed/pack.h"
#include "base/arena.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/rng.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct header {
    char magic[8];
    uint32_t version, sections;
    uint8_t key[PACK_KEY_BYTES];
    uint64_t bytes, checksum;
};
struct entry {
    char name[PACK_NAME_MAX + 1];
    uint64_t offset, bytes, checksum;
};
_Static_assert(sizeof(struct header) == 64 && sizeof(struct entry) == 80, "the format has no gaps");

static const char magic[8] = {'A', 'K', 'I', 'N', 'P', 'A', 'C', 'K'};

struct pack {
    const struct header *header;
    const struct entry *entries;
    const void *bytes;
    size_t n;
    bool mapped;
};

static uint64_t aligned(uint64_t n)
{
    return (n + 63) / 64 * 64;
}

static uint64_t table_checksum(const struct header *h, const struct entry *entries)
{
    uint64_t first = checksum64(h, offsetof(struct header, checksum), 0);
    return checksum64(entries, h->sections * sizeof *entries, first);
}

/* --- reading --- */

static enum err corrupt(struct err_info *e, const char *what)
{
    return err_set(e, ERR_CORRUPT, "packed", "the pack: %s", what);
}

static enum err check_header(const struct pack *p, const uint8_t *key, struct err_info *e)
{
    const struct header *h = p->header;
    if (p->n < sizeof *h || memcmp(h->magic, magic, sizeof magic) != 0)
        return corrupt(e, "no pack");
    if (h->version != PACK_VERSION)
        return err_set(e, ERR_CONFLICT, "packed", "a pack of version %u instead of %u", h->version,
                       PACK_VERSION);
    if (memcmp(h->key, key, PACK_KEY_BYTES) != 0)
        return err_set(e, ERR_CONFLICT, "packed", "a pack of another model or CPU");
    if (h->bytes != p->n)
        return corrupt(e, "the file has another size than it says");
    if (h->sections > PACK_SECTIONS_MAX || h->sections * sizeof(struct entry) > p->n - sizeof *h)
        return corrupt(e, "too many sections");
    if (h->checksum != table_checksum(h, p->entries))
        return corrupt(e, "the checksum of the table does not hold");
    return ERR_OK;
}

static enum err check_table(const struct pack *p, struct err_info *e)
{
    uint64_t at = sizeof *p->header + p->header->sections * sizeof *p->entries;
    for (uint32_t i = 0; i < p->header->sections; i++) {
        const struct entry *s = &p->entries[i];
        if (s->name[PACK_NAME_MAX] || s->offset % 64 || s->offset < at || s->offset > p->n ||
            s->bytes > p->n - s->offset)
            return corrupt(e, "a section lies outside of the file or on another");
        at = s->offset + s->bytes;
    }
    return ERR_OK;
}

enum err pack_parse(const void *bytes, size_t n, const uint8_t key[PACK_KEY_BYTES],
                    struct pack **out, struct err_info *e)
{
    struct pack *p = xcalloc(1, sizeof *p);
    *p = (struct pack){
        .header = bytes,
        .entries = (const struct entry *)((const char *)bytes + sizeof(struct header)),
        .bytes = bytes,
        .n = n,
    };
    enum err err = check_header(p, key, e);
    if (!err)
        err = check_table(p, e);
    if (err)
        free(p);
    else
        *out = p;
    return err;
}

enum err pack_open(const char *path, const uint8_t key[PACK_KEY_BYTES], struct pack **out,
                   struct err_info *e)
{
    const void *bytes = NULL;
    size_t n = 0;
    enum err err = file_map(path, &bytes, &n, e);
    if (err)
        return err;
    err = pack_parse(bytes, n, key, out, e);
    if (err)
        file_unmap(bytes, n);
    else
        (*out)->mapped = true;
    return err;
}

void pack_close(struct pack *p)
{
    if (!p)
        return;
    if (p->mapped)
        file_unmap(p->bytes, p->n);
    free(p);
}

static bool content_holds(const struct pack *p, const struct entry *s)
{
    return checksum64((const char *)p->bytes + s->offset, s->bytes, s->offset) == s->checksum;
}

static const struct entry *entry_of(const struct pack *p, const char *name)
{
    for (uint32_t i = 0; i < p->header->sections; i++)
        if (strcmp(p->entries[i].name, name) == 0)
            return &p->entries[i];
    return NULL;
}

static enum err missing(const char *name, struct err_info *e)
{
    return err_set(e, ERR_CORRUPT, "packed", "the pack: section %s is missing", name);
}

static enum err damaged(const char *name, struct err_info *e)
{
    return err_set(e, ERR_CORRUPT, "packed", "the pack: section %s is damaged", name);
}

enum err pack_take(const struct pack *p, const char *name, size_t bytes, bool verify,
                   const void **out, struct err_info *e)
{
    const struct entry *s = entry_of(p, name);
    if (!s)
        return missing(name, e);
    if (s->bytes != bytes)
        return err_set(e, ERR_CORRUPT, "packed",
                       "the pack: section %s has %llu bytes instead of %zu", name,
                       (unsigned long long)s->bytes, bytes);
    if (verify && !content_holds(p, s))
        return damaged(name, e);
    *out = (const char *)p->bytes + s->offset;
    return ERR_OK;
}

enum err pack_find(const struct pack *p, const char *name, struct str *out, struct err_info *e)
{
    const struct entry *s = entry_of(p, name);
    if (!s)
        return missing(name, e);
    if (!content_holds(p, s))
        return damaged(name, e);
    *out = (struct str){(const char *)p->bytes + s->offset, (size_t)s->bytes};
    return ERR_OK;
}

enum err pack_check(const struct pack *p, struct err_info *e)
{
    for (uint32_t i = 0; i < p->header->sections; i++)
        if (!content_holds(p, &p->entries[i]))
            return damaged(p->entries[i].name, e);
    return ERR_OK;
}

/* --- writing --- */

static struct entry *table_make(struct header *h, const struct pack_section *sections, size_t count)
{
    struct entry *entries = xcalloc(count + 1, sizeof *entries);
    uint64_t at = sizeof *h + count * sizeof *entries;
    for (size_t i = 0; i < count; i++) {
        struct entry *s = &entries[i];
        snprintf(s->name, sizeof s->name, "%s", sections[i].name);
        s->offset = aligned(at);
        s->bytes = sections[i].bytes;
        s->checksum = checksum64(sections[i].p, sections[i].bytes, s->offset);
        at = s->offset + s->bytes;
    }
    h->bytes = at;
    h->checksum = table_checksum(h, entries);
    return entries;
}

static enum err write_all(struct file *f, const struct header *h, const struct entry *entries,
                          const struct pack_section *sections, struct err_info *e)
{
    enum err err = file_write(f, h, sizeof *h, e);
    if (!err && h->sections)
        err = file_write(f, entries, h->sections * sizeof *entries, e);
    for (uint32_t i = 0; i < h->sections && !err; i++)
        if (entries[i].bytes)
            err = file_pwrite(f, entries[i].offset, sections[i].p, sections[i].bytes, e);
    return err ? err : file_sync(f, e);
}

enum err pack_write(const char *path, const uint8_t key[PACK_KEY_BYTES],
                    const struct pack_section *sections, size_t count, struct err_info *e)
{
    struct header h = {.version = PACK_VERSION, .sections = (uint32_t)count};
    char nonce[17], beside[4200];
    struct file *f = NULL;
    assert(count <= PACK_SECTIONS_MAX); /* each of at least one byte */
    memcpy(h.magic, magic, sizeof magic);
    memcpy(h.key, key, PACK_KEY_BYTES);
    rng_hex(nonce, 16);
    if (snprintf(beside, sizeof beside, "%s.%s.tmp", path, nonce) >= (int)sizeof beside)
        return err_set(e, ERR_INVALID, "packed", "the path of the model directory is too long");
    struct entry *entries = table_make(&h, sections, count);
    enum err err = file_open(beside, FILE_CREATE, &f, e);
    if (!err)
        err = write_all(f, &h, entries, sections, e);
    if (!err)
        err = file_rename(beside, path, e);
    if (f && err)
        (void)!file_remove(beside, NULL);
    file_close(f);
    free(entries);
    return err;
}
