/* Search, similar, filters, facets: against the definition, document by document. */
#include "help.h"
#include <math.h>

#define DOCUMENTS 120

static const char *const words_of[] = {"river",  "stone",  "bridge", "night",
                                       "garden", "engine", "letter", "winter"};

static void fill(struct fixture *f)
{
    char text[300];
    create(f, "c");
    for (int i = 0; i < DOCUMENTS; i++) {
        snprintf(text, sizeof text,
                 "{'id':'d%03d','title':'%s %d','text':'%s and %s by the %s, "
                 "number%d','lang':'%s','tags':['t%d','all'],'year':%d,'price':%d.5}",
                 i, words_of[i % 8], i, words_of[i % 8], words_of[i / 8 % 8], words_of[i / 3 % 8],
                 i, i % 3 ? "en" : "de", i % 4, 2000 + i % 20, i);
        assert_int_equal(put(f, text).err, 0);
    }
}

static bool brute_force(const char *filter, int i)
{
    int year = 2000 + i % 20;
    bool de = i % 3 == 0;
    if (strcmp(filter, "lang = de") == 0)
        return de;
    if (strcmp(filter, "year >= 2010 AND NOT tags = t1") == 0)
        return year >= 2010 && i % 4 != 1;
    if (strcmp(filter, "tags IN [\"t0\",\"t3\"] OR price < 10") == 0)
        return i % 4 == 0 || i % 4 == 3 || i + .5 < 10;
    if (strcmp(filter, "expires EXISTS") == 0)
        return false;
    return true;
}

static void filters_equal_brute_force(void **state)
{
    struct fixture *f = *state;
    static const char *const filters[] = {"lang = de", "year >= 2010 AND NOT tags = t1",
                                          "tags IN [\"t0\",\"t3\"] OR price < 10", "expires EXISTS",
                                          ""};
    fill(f);
    for (size_t k = 0; k < 5; k++) {
        struct find_answer answer = search(f, "river", SEARCH_SEMANTIC, filters[k], DOCUMENTS);
        size_t expected = 0;
        for (int i = 0; i < DOCUMENTS; i++) {
            char id[16];
            snprintf(id, sizeof id, "d%03d", i);
            bool is = brute_force(filters[k], i);
            expected += is;
            if (found(&answer, id) != is)
                fail_msg("%s: %s", filters[k], id);
        }
        assert_int_equal(answer.count, expected);
        assert_int_equal(answer.total, expected);
    }
    struct find_request r = {.q = STR("river"), .filter = STR("year >"), .limit = 5};
    struct find_answer answer;
    struct err_info info = {0};
    assert_int_equal(engine_search(f->x, C, &r, f->a, &answer, &info), ERR_INVALID);
    assert_string_equal(info.field, "/filter");
}

static double score_of(const struct find_answer *answer, struct str id)
{
    for (size_t i = 0; i < answer->count; i++)
        if (str_eq(answer->hits[i].document.id, id))
            return answer->hits[i].score;
    return NAN;
}

static void scores_depend_on_query_and_document_alone(void **state)
{
    struct fixture *f = *state;
    fill(f);
    for (int mode = 0; mode < 3; mode++) {
        struct find_answer all = search(f, "stone bridge", (enum search_mode)mode, "", DOCUMENTS);
        struct find_answer few = search(f, "stone bridge", (enum search_mode)mode, "", 3);
        struct find_answer filtered =
            search(f, "stone bridge", (enum search_mode)mode, "lang = de", 20);
        assert_true(all.count > 20 && filtered.count > 3);
        for (size_t i = 1; i < all.count; i++)
            assert_true(all.hits[i].score <= all.hits[i - 1].score);
        for (size_t i = 0; i < few.count; i++)
            assert_true(fabs(few.hits[i].score - score_of(&all, few.hits[i].document.id)) < 1e-6);
        for (size_t i = 0; i < filtered.count; i++)
            assert_true(
                fabs(filtered.hits[i].score - score_of(&all, filtered.hits[i].document.id)) < 1e-6);
    }
}

static void parts_add_up(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct find_request r = {.q = STR("winter garden number7"), .limit = 50, .explain = true};
    struct find_answer answer;
    OK(engine_search(f->x, C, &r, f->a, &answer, e));
    assert_int_equal(answer.count, 50);
    for (size_t i = 0; i < answer.count; i++) {
        const struct find_hit *h = &answer.hits[i];
        double semantic = fmax(0, (h->cosine - h->mean_cosine) / (1 - h->mean_cosine));
        double lexical = h->bound > 0 ? h->bm25 / h->bound : 0;
        assert_true(fabs(h->semantic - semantic) < 1e-6);
        assert_true(fabs(h->lexical - lexical) < 1e-6);
        assert_true(fabs(h->score - (.6 * lexical + .4 * semantic)) < 1e-6);
        assert_true(h->score >= 0 && h->score <= 1);
    }
}

static void pages_follow_each_other(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct find_answer all = search(f, "engine letter", SEARCH_HYBRID, "", DOCUMENTS);
    for (size_t offset = 0; offset < 40; offset += 10) {
        struct find_request r = {.q = STR("engine letter"), .offset = offset, .limit = 10};
        struct find_answer page;
        OK(engine_search(f->x, C, &r, f->a, &page, e));
        assert_int_equal(page.count, 10);
        assert_true(page.more);
        for (size_t i = 0; i < 10; i++)
            assert_true(str_eq(page.hits[i].document.id, all.hits[offset + i].document.id));
    }
    struct find_request none = {.q = STR("engine letter"), .limit = 0};
    struct find_answer answer;
    OK(engine_search(f->x, C, &none, f->a, &answer, e));
    assert_int_equal(answer.count, 0);
    assert_true(answer.total > 0);
}

static void min_score_cuts_before_totals(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct facet_request field = {.field = STR("lang")};
    struct find_answer all = search(f, "river stone", SEARCH_HYBRID, "", DOCUMENTS);
    double cut = all.hits[10].score;
    size_t above = 0, counted = 0;
    for (size_t i = 0; i < all.count; i++)
        above += all.hits[i].score >= cut;
    struct find_request r = {.q = STR("river stone"),
                             .limit = 100,
                             .min_score = cut,
                             .facets = &field,
                             .facet_count = 1};
    struct find_answer answer;
    OK(engine_search(f->x, C, &r, f->a, &answer, e));
    assert_int_equal(answer.count, above);
    for (size_t i = 0; i < answer.facets[0].count; i++)
        counted += answer.facets[0].values[i].count;
    assert_int_equal(counted, above);
}

static void facets_count_what_matches(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct facet_request fields[] = {{.field = STR("lang")}, {.field = STR("tags")}};
    struct find_request r = {.mode = SEARCH_SEMANTIC,
                             .q = STR("river"),
                             .filter = STR("year >= 2010"),
                             .limit = 1,
                             .facets = fields,
                             .facet_count = 2};
    struct find_answer answer;
    size_t de = 0, all = 0;
    for (int i = 0; i < DOCUMENTS; i++) {
        all += i % 20 >= 10;
        de += i % 20 >= 10 && i % 3 == 0;
    }
    OK(engine_search(f->x, C, &r, f->a, &answer, e));
    assert_int_equal(answer.facet_count, 2);
    assert_int_equal(answer.facets[0].count, 2);
    assert_true(str_eq_c(answer.facets[0].values[1].value, "\"de\""));
    assert_int_equal(answer.facets[0].values[1].count, de);
    assert_true(str_eq_c(answer.facets[1].values[0].value, "\"all\""));
    assert_int_equal(answer.facets[1].values[0].count, all);

    r.mode = SEARCH_LEXICAL;
    r.q = STR("number7");
    r.filter = STR("");
    OK(engine_search(f->x, C, &r, f->a, &answer, e));
    assert_int_equal(answer.facets[1].values[0].count, 1);
}

static void excluded_are_left_out(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct str exclude[] = {STR("d007"), STR("unknown")};
    struct find_request r = {
        .q = STR("number7"), .limit = DOCUMENTS, .exclude = exclude, .exclude_count = 2};
    struct find_answer answer;
    OK(engine_search(f->x, C, &r, f->a, &answer, e));
    assert_false(found(&answer, "d007"));
    assert_int_equal(answer.count, DOCUMENTS - 1);
}

static void similar_in_its_forms(void **state)
{
    struct fixture *f = *state;
    fill(f);
    struct str ids[] = {STR("d000"), STR("d008")};
    struct find_request r = {.ids = ids, .id_count = 1, .limit = 10};
    struct find_answer answer;
    OK(engine_similar(f->x, C, &r, f->a, &answer, e));
    assert_int_equal(answer.count, 10);
    assert_false(found(&answer, "d000"));
    r.id_count = 2;
    r.diversity = .5;
    r.filter = STR("lang = en");
    OK(engine_similar(f->x, C, &r, f->a, &answer, e));
    assert_false(found(&answer, "d000") || found(&answer, "d008"));
    for (size_t i = 0; i < answer.count; i++)
        assert_non_null(memmem(answer.hits[i].document.payload.s, answer.hits[i].document.payload.n,
                               "\"lang\":\"en\"", 11));
    struct find_request by_text = {.text = STR("river and river by the river, number0"),
                                   .limit = 3};
    OK(engine_similar(f->x, C, &by_text, f->a, &answer, e));
    assert_true(found(&answer, "d000"));
    struct str unknown = STR("nobody");
    struct err_info info = {0};
    r = (struct find_request){.ids = &unknown, .id_count = 1, .id_alone = true, .limit = 3};
    assert_int_equal(engine_similar(f->x, C, &r, f->a, &answer, &info), ERR_NOT_FOUND);
    assert_string_equal(info.field, "/id");
}

static void highlights_lie_in_the_passage(void **state)
{
    struct fixture *f = *state;
    create(f, "c");
    put(f, "{'id':'a','title':'A bridge','text':'The K\xc3\xb6nig of bridges. Bridges bear him.'}");
    struct find_answer answer = search(f, "bridge", SEARCH_HYBRID, "", 5);
    assert_int_equal(answer.count, 1);
    const struct find_piece *p = &answer.hits[0].passage, *title = &answer.hits[0].title;
    assert_int_equal(p->highlight_count, 2);
    for (size_t i = 0; i < p->highlight_count; i++) {
        assert_true(p->highlights[i].end <= p->text.n);
        assert_true(strncasecmp(p->text.s + p->highlights[i].start, "bridges", 7) == 0);
    }
    assert_int_equal(title->highlight_count, 1);
    assert_int_equal(title->highlights[0].start, 2);
    assert_int_equal(title->highlights[0].end, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(filters_equal_brute_force),
        TEST(scores_depend_on_query_and_document_alone),
        TEST(parts_add_up),
        TEST(pages_follow_each_other),
        TEST(min_score_cuts_before_totals),
        TEST(facets_count_what_matches),
        TEST(excluded_are_left_out),
        TEST(similar_in_its_forms),
        TEST(highlights_lie_in_the_passage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
