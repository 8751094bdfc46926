/* Near-duplicates in a snapshot, as a section (section.h):
 *
 *     u64 "AKDUPS04"   u64 documents, about, and for each, numbers rising:
 *         u32 number   u32 number of its original, 0: none   u16 bands that it is linked into
 *         u32 digest of its words   u64 group   48 bytes of sketch
 *     u32 0
 *
 * Saving goes on beside the writer, some documents at a time, and whoever saves remembers a change
 * from before, from which all later ones are replayed. Until they are, what was loaded may be of
 * several moments: an original that is a copy by now stands for its own, and where there is none,
 * or a document was being judged, it counts as an original. */
#include "index/duplicates_impl.h"
#include "base/section.h"
#include <string.h>

#define MAGIC UINT64_C(0x3430535055444B41) /* "AKDUPS04" */
#define RECORD_BYTES (22 + SKETCH_BYTES)
#define SAVED_AT_A_TIME 1024

static uint32_t bands_mask(const struct duplicates *d, uint32_t slot)
{
    uint32_t mask = 0;
    for (unsigned band = 0; band < BANDS; band++)
        if (d->chain[(size_t)slot * BANDS + band] != NODE_LOOSE)
            mask |= 1u << band;
    return mask;
}

static uint64_t documents(const struct duplicates *d)
{
    uint64_t n = 0;
    for (uint32_t slot = 0; slot < d->slot_count; slot++)
        n += duplicates_in_use(d, slot);
    return n;
}

static uint32_t original_number(const struct duplicates *d, uint32_t slot)
{
    uint32_t original = d->rows[slot].original;
    return original == SLOT_NONE ? 0 : d->rows[original].number;
}

static void save_document(const struct duplicates *d, struct section_writer *w, uint32_t slot)
{
    uint32_t mask = bands_mask(d, slot);
    uint8_t bands[2] = {(uint8_t)mask, (uint8_t)(mask >> 8)};
    section_put_u32(w, d->rows[slot].number);
    section_put_u32(w, original_number(d, slot));
    section_put(w, bands, sizeof bands);
    section_put_u32(w, d->rows[slot].text);
    section_put_u64(w, d->rows[slot].group);
    section_put(w, d->sketches[slot], SKETCH_BYTES);
}

static void save_head(struct duplicates *d, struct section_writer *w)
{
    rwlock_read(&d->lock);
    uint64_t count = documents(d);
    rwlock_drop(&d->lock);
    section_put_u64(w, MAGIC);
    section_put_u64(w, count);
}

/* The documents of some numbers. False: there are no more. */
static bool save_some(struct duplicates *d, struct section_writer *w, size_t from)
{
    rwlock_read(&d->lock);
    section_hold(w);
    size_t end = d->leaf_count * LEAF_SLOTS;
    for (size_t number = from; number < end && number < from + SAVED_AT_A_TIME; number++) {
        if (!d->leaves[number / LEAF_SLOTS]) { /* none of these numbers is there */
            number |= LEAF_SLOTS - 1;
            continue;
        }
        uint32_t slot = duplicates_slot(d, (uint32_t)number);
        if (slot != SLOT_NONE)
            save_document(d, w, slot);
    }
    rwlock_drop(&d->lock);
    section_let_go(w);
    return from + SAVED_AT_A_TIME < end;
}

enum err duplicates_save(struct duplicates *d, struct file *f, struct err_info *e)
{
    struct section_writer *w = section_writer_new(f);
    save_head(d, w);
    for (size_t from = 1; save_some(d, w, from);)
        from += SAVED_AT_A_TIME;
    section_put_u32(w, 0);
    return section_writer_end(w, e);
}

static void load_links(struct duplicates *d, uint32_t slot, uint32_t of, uint32_t mask)
{
    if (of != SLOT_NONE && d->rows[of].original != SLOT_NONE)
        of = d->rows[of].original;
    if (of != SLOT_NONE)
        duplicates_attach(d, slot, of);
    else if (!mask)
        bands_link(d, slot);
    for (unsigned band = 0; band < BANDS; band++)
        if (mask >> band & 1)
            bands_link_one(d, slot, band);
}

/* An original stands before its copies: it is older. */
static void load_document(struct duplicates *d, struct section_reader *r, uint32_t number)
{
    uint8_t bands[2], sketch[SKETCH_BYTES];
    uint32_t original = section_get_u32(r);
    section_get(r, bands, sizeof bands);
    uint32_t text = section_get_u32(r);
    uint64_t group = section_get_u64(r);
    section_get(r, sketch, sizeof sketch);
    uint32_t mask = bands[0] | (uint32_t)bands[1] << 8;
    if (number > INT32_MAX)
        section_corrupt(r, "a document's number is out of range");
    if (original >= number || (original && mask))
        section_corrupt(r, "a copy of what is no original");
    if (section_error(r))
        return;
    uint32_t of = original ? duplicates_slot(d, original) : SLOT_NONE,
             slot = duplicates_slot_add(d, number, group, text, sketch);
    if (slot == SLOT_NONE)
        section_corrupt(r, "too many documents");
    else if (of != SLOT_NONE && d->rows[of].group != group)
        section_corrupt(r, "a copy of another group's document");
    else
        load_links(d, slot, of, mask);
}

static void load_documents(struct duplicates *d, struct section_reader *r)
{
    uint64_t next = 1;
    for (uint32_t number; (number = section_get_u32(r)) && !section_error(r);) {
        if (number < next)
            section_corrupt(r, "documents are out of order");
        else
            load_document(d, r, number);
        next = (uint64_t)number + 1;
    }
}

enum err duplicates_load(struct file *f, uint64_t *offset, struct duplicates **out,
                         struct err_info *e)
{
    struct section_reader *r = section_reader_new(f, *offset);
    struct duplicates *d = duplicates_new();
    if (section_get_u64(r) != MAGIC)
        section_corrupt(r, "not near-duplicates");
    /* Some may have been deleted while they were saved. */
    uint64_t count = section_get_u64(r), most = section_left(r) / RECORD_BYTES;
    count = count < most ? count : most;
    if (count > SLOTS_MAX)
        section_corrupt(r, "too many documents");
    bands_reserve(d, section_error(r) ? 0 : (size_t)count * BANDS);
    if (!section_error(r))
        load_documents(d, r);
    enum err err = section_reader_end(r, offset, e);
    if (err)
        duplicates_free(d);
    else
        *out = d;
    return err;
}

bool duplicates_equal(struct duplicates *x, struct duplicates *y)
{
    if (documents(x) != documents(y))
        return false;
    for (uint32_t slot = 0; slot < x->slot_count; slot++) {
        if (!duplicates_in_use(x, slot))
            continue;
        uint32_t same = duplicates_slot(y, x->rows[slot].number);
        if (same == SLOT_NONE || original_number(x, slot) != original_number(y, same) ||
            x->rows[slot].text != y->rows[same].text ||
            x->rows[slot].group != y->rows[same].group ||
            memcmp(x->sketches[slot], y->sketches[same], SKETCH_BYTES) != 0)
            return false;
    }
    return true;
}

/* ---- check ---- */

static const char *check_copy(const struct duplicates *d, uint32_t slot)
{
    const struct duplicate_row *r = &d->rows[slot];
    if (r->original >= d->slot_count || !duplicates_in_use(d, r->original) ||
        d->rows[r->original].original != SLOT_NONE)
        return "a copy of what is no original";
    if (d->rows[r->original].number >= r->number)
        return "a copy is older than its original";
    if (d->rows[r->original].group != r->group)
        return "a copy is of another group than its original";
    uint32_t before = r->prev == SLOT_NONE ? r->original : r->prev;
    if (d->rows[before].next != slot || (r->next != SLOT_NONE && d->rows[r->next].prev != slot))
        return "a list of copies is broken";
    if (bands_mask(d, slot))
        return "a copy is linked as an original";
    return NULL;
}

static const char *check_slot(const struct duplicates *d, uint32_t slot, size_t *linked)
{
    const struct duplicate_row *r = &d->rows[slot];
    if (duplicates_slot(d, r->number) != slot)
        return "a number does not lead to its slot";
    if (docset_has(&d->copies, r->number) != (r->original != SLOT_NONE))
        return "the set of copies differs";
    if (r->original != SLOT_NONE)
        return check_copy(d, slot);
    uint32_t mask = bands_mask(d, slot);
    for (unsigned band = 0; band < BANDS; band++) {
        if (!(mask >> band & 1))
            continue;
        if (!bands_holds(d, slot, band))
            return "an original is missing in a band";
        ++*linked;
    }
    return NULL;
}

enum err duplicates_check(struct duplicates *d, struct err_info *e)
{
    size_t linked = 0, copies = 0;
    const char *what = NULL;
    rwlock_read(&d->lock);
    for (uint32_t slot = 0; slot < d->slot_count && !what; slot++) {
        if (!duplicates_in_use(d, slot))
            continue;
        what = check_slot(d, slot, &linked);
        copies += d->rows[slot].original != SLOT_NONE;
    }
    if (!what && copies != d->copies.count)
        what = "the number of copies differs";
    if (!what && (linked != d->linked || linked != bands_walk(d)))
        what = "the bands hold what is no original";
    rwlock_drop(&d->lock);
    return what ? err_set(e, ERR_CORRUPT, NULL, "near-duplicates: %s", what) : ERR_OK;
}
