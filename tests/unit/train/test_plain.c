/* The plain formats of public sets: what is read, and what is said of what cannot be. */
#include "train/plain.h"
#include "base/arena.h"
#include "math/half.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static enum err read_rows(const char *text, struct plain_options o, uint32_t rows,
                          struct plain_set *out, struct err_info *e)
{
    struct plain *p = plain_new(&o);
    enum err err = ERR_OK;
    unsigned long long number = 1;
    for (; *text && !err; number++) {
        size_t n = strcspn(text, "\n");
        err = plain_line(p, (struct str){text, n}, "f.csv", number, e);
        text += n + (text[n] == '\n');
    }
    if (!err)
        err = plain_end(p, rows, "f.csv", out, e);
    plain_free(p);
    return err;
}

static struct plain_set read_csv(const char *text)
{
    struct plain_set s;
    struct err_info e = {0};
    if (read_rows(text, (struct plain_options){PLAIN_CSV, NAN}, 0, &s, &e))
        fail_msg("%s", e.message);
    return s;
}

/* "user:item*weight@seconds ..." in the order of the users' names. */
static void assert_set(struct plain_set s, const char *expected)
{
    char got[500] = "";
    uint32_t order[20];
    for (uint32_t r = 0; r < s.set->readers; r++)
        order[r] = r;
    for (uint32_t i = 0; i < s.set->readers; i++)
        for (uint32_t j = i + 1; j < s.set->readers; j++)
            if (strcmp(s.users[order[i]], s.users[order[j]]) > 0) {
                uint32_t swap = order[i];
                order[i] = order[j], order[j] = swap;
            }
    for (uint32_t k = 0; k < s.set->readers; k++)
        for (size_t i = s.set->start[order[k]]; i < s.set->start[order[k] + 1]; i++) {
            const struct training_act *a = &s.set->acts[i];
            size_t n = strlen(got);
            snprintf(got + n, sizeof got - n, "%s:%s*%g@%g ", s.users[order[k]], s.items[a->item],
                     (double)a->weight, (double)a->time_us * 1e-6);
        }
    assert_string_equal(got, expected);
    for (uint32_t r = 1; r < s.set->readers; r++)
        assert_true(s.set->keys[r - 1] < s.set->keys[r]);
    for (uint32_t i = 1; i < s.set->items; i++)
        assert_true(s.set->numbers[i - 1] < s.set->numbers[i]);
    plain_set_free(&s);
}

static void test_csv(void **state)
{
    assert_set(read_csv("a,x\nb,y\na,z\n"), "a:x*1@0 a:z*1@0 b:y*1@0 ");
    assert_set(read_csv("a\tx\t4\t1000\r\n\na\ty\t-1\t500\na\tz\t0\t1\n"),
               "a:y*-1@500 a:x*1@1000 ");
    assert_set(read_csv("7::2::5::978300760\n7::10::3::978302109\n"),
               "7:2*1@9.78301e+08 7:10*1@9.78302e+08 ");
    assert_set(read_csv("1 12 3\n1 9 2\n"), "1:9*1@0 1:12*1@0 ");
    assert_set(read_csv("\xef\xbb\xbfuserId,movieId,genre,rating,timestamp\n1,2,x,4.5,2000\n"
                        "1,3,\"a,b\",.5,1000\n"),
               "1:3*1@1000 1:2*1@2000 ");
    assert_set(read_csv("\"User-ID\";\"ISBN\";\"Book-Rating\"\n\"2\";\"0;\"\"1\";\"5\"\n"),
               "2:0;\"1*1@0 ");
    assert_set(read_csv("date,item,user\n2020-01-02,x,u\n1970-01-01T00:01:00Z,y,u\n"),
               "u:y*1@60 u:x*1@1.57792e+09 ");
    assert_set(read_csv("u,x,1,1600000000000\nu,y,1,1500000000000000\n"),
               "u:y*1@1.5e+09 u:x*1@1.6e+09 ");
}

/* Names that only look like the same number are different items. */
static void test_names(void **state)
{
    assert_set(read_csv("a,0\na,-0\nb,00\n"), "a:-0*1@0 a:0*1@0 b:00*1@0 ");
}

/* The same again: the latest counts. */
static void test_again(void **state)
{
    assert_set(read_csv("a,x,1,30\na,x,-1,20\na,y,1,10\n"), "a:y*1@10 a:x*1@30 ");
    assert_set(read_csv("a,x,1,30\na,x,-1,40\nb,x,1,0\n"), "a:x*-1@40 b:x*1@0 ");
}

static void test_liked_from(void **state)
{
    struct plain_set s;
    assert_int_equal(
        read_rows("a,x,5\na,y,3.5\nb,x,4\n", (struct plain_options){PLAIN_CSV, 4}, 0, &s, NULL), 0);
    assert_set(s, "a:x*1@0 b:x*1@0 ");
}

static void test_lists(void **state)
{
    struct plain_set s;
    assert_int_equal(
        read_rows("2 10 7\n1 7\n0\n", (struct plain_options){PLAIN_COUNTED, NAN}, 0, &s, NULL), 0);
    assert_set(s, "1:7*1@0 1:10*1@0 2:7*1@0 ");
    assert_int_equal(
        read_rows("2,10, 7\n\n7", (struct plain_options){PLAIN_LISTS, NAN}, 0, &s, NULL), 0);
    assert_set(s, "1:2*1@0 1:7*1@0 1:10*1@0 3:7*1@0 ");
}

/* With vectors an item is a row, and rows that nobody read are items. */
static void test_rows(void **state)
{
    struct plain_set s;
    struct err_info e = {0};
    assert_int_equal(read_rows("a,2\nb,4\n", (struct plain_options){PLAIN_CSV, NAN}, 6, &s, &e), 0);
    assert_int_equal(s.set->items, 6);
    assert_int_equal(s.set->numbers[5], 5);
    assert_string_equal(s.items[5], "5");
    assert_set(s, "a:2*1@0 b:4*1@0 ");
    assert_int_equal(read_rows("a,2\nb,6\n", (struct plain_options){PLAIN_CSV, NAN}, 6, &s, &e),
                     ERR_INVALID);
    assert_non_null(strstr(e.message, "item 6 has no row"));
    err_clear(&e);
    assert_int_equal(read_rows("a,x2\n", (struct plain_options){PLAIN_CSV, NAN}, 6, &s, &e),
                     ERR_INVALID);
    assert_non_null(strstr(e.message, "item x2"));
}

/* Where things stand in the file changes nothing. */
static void test_order(void **state)
{
    struct plain_set a = read_csv("u,x\nv,y\nu,y\nw,z\n"), b = read_csv("w,z\nu,y\nv,y\nu,x\n");
    assert_memory_equal(a.set->keys, b.set->keys, 3 * sizeof *a.set->keys);
    assert_memory_equal(a.set->acts, b.set->acts, 4 * sizeof *a.set->acts);
    for (int i = 0; i < 3; i++)
        assert_string_equal(a.items[i], b.items[i]);
    plain_set_free(&a);
    plain_set_free(&b);
}

static void assert_wrong(const char *text, enum plain_format format, const char *says)
{
    struct plain_set s;
    struct err_info e = {0};
    enum err err = read_rows(text, (struct plain_options){format, NAN}, 0, &s, &e);
    if (!err || !strstr(e.message, says))
        fail_msg("\"%s\" is said to be \"%s\"", text, e.message);
    assert_string_equal(e.field, "f.csv");
}

static void test_wrong(void **state)
{
    assert_wrong("a,x,1\na,y,q\n", PLAIN_CSV, "line 2: the value \"q\" is not a number");
    assert_wrong("a,x,1,5\na,y,1,May\n", PLAIN_CSV, "line 2: the time \"May\"");
    assert_wrong("a,x,nan\n", PLAIN_CSV, "line 1: the third column");
    assert_wrong("a,x,1\na,x\n", PLAIN_CSV, "line 2: 2 columns, but the first line has 3");
    assert_wrong("who,what,much\n", PLAIN_CSV, "line 1: the third column \"much\"");
    assert_wrong("user,thing,rating\n", PLAIN_CSV,
                 "line 1: the header names no column for the item");
    assert_wrong("itemid,rating\n", PLAIN_CSV, "names no column for the user");
    assert_wrong("1 2 3 4 5 6\n", PLAIN_CSV, "line 1: 6 columns");
    assert_wrong("a\n", PLAIN_CSV, "line 1: a line is user, item");
    assert_wrong("a,\n", PLAIN_CSV, "line 1: a user or item is empty");
    assert_wrong("3 1 2\n", PLAIN_COUNTED, "line 1: 2 items, but the first number says 3");
    assert_wrong("1 2\nx\n", PLAIN_LISTS, "line 2: \"x\" is not an item's number");
    assert_wrong("x 2\n", PLAIN_COUNTED, "line 1: does not begin with the number");
    assert_wrong("1 -2\n", PLAIN_COUNTED, "line 1: \"-2\"");
    assert_wrong("", PLAIN_CSV, "nothing in it");
    assert_wrong("a,x,-1\n", PLAIN_CSV, "nothing in it");
}

/* ---- .npy ---- */

static enum err head_of(const char *dict, struct npy *out, struct err_info *e)
{
    char bytes[300] = "\x93NUMPY\x01";
    size_t n = strlen(dict);
    bytes[8] = (char)n;
    memcpy(bytes + 10, dict, n);
    return npy_head((struct str){bytes, 10 + n}, "v.npy", out, e);
}

static void test_head(void **state)
{
    struct npy h;
    struct err_info e = {0};
    assert_int_equal(
        head_of("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 5), }   \n", &h, &e), 0);
    assert_true(h.rows == 3 && h.columns == 5 && !h.half);
    assert_int_equal(
        head_of("{'descr': '<f2', 'fortran_order': False, 'shape': (16777216, 8192)}", &h, &e), 0);
    assert_true(h.half);
    static const struct {
        const char *dict, *says;
        enum err err;
    } wrong[] = {
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (3, 5), }", "<f8", ERR_UNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': True, 'shape': (3, 5), }", "fortran", ERR_UNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "matrix", ERR_UNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 5, 2)", "matrix", ERR_UNSUPPORTED},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 5)", "0 rows", ERR_TOO_LARGE},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (5, 9000)", "9000", ERR_TOO_LARGE},
        {"{}", "matrix", ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        err_clear(&e);
        assert_int_equal(head_of(wrong[i].dict, &h, &e), wrong[i].err);
        assert_non_null(strstr(e.message, wrong[i].says));
    }
    assert_int_equal(npy_head(STR("\x93NUMPY\x01"), "v.npy", &h, NULL), ERR_SYNTAX);
    assert_int_equal(npy_head(STR("\x93NUMPY\x01\0\xff\xff{}"), "v.npy", &h, NULL), ERR_SYNTAX);
}

static void write_npy(const char *path, const float *x, uint32_t rows, size_t written)
{
    char head[128];
    FILE *f = fopen(path, "wb");
    memset(head, ' ', sizeof head);
    memcpy(head, "\x93NUMPY\x01\0\x76\0", 10);
    int n = snprintf(head + 10, 100, "{'descr': '<f4', 'fortran_order': False, 'shape': (%u, 2)}",
                     rows);
    head[10 + n] = ' ';
    assert_int_equal(fwrite(head, 1, sizeof head, f), sizeof head);
    assert_int_equal(fwrite(x, sizeof *x, written, f), written);
    fclose(f);
}

static void test_npy_file(void **state)
{
    char path[] = "/tmp/akin-npy-XXXXXX";
    float x[] = {3, 4, 0, 0, 0, -2};
    uint16_t *rows = NULL;
    struct npy h;
    struct err_info e = {0};
    close(mkstemp(path));
    write_npy(path, x, 3, 6);
    assert_int_equal(npy_read(path, &h, &rows, &e), 0);
    assert_true(h.rows == 3 && h.columns == 2);
    const float expected[] = {.6f, .8f, 0, 0, 0, -1};
    for (int i = 0; i < 6; i++)
        assert_true(fabsf(half_to_float(rows[i]) - expected[i]) < 1e-3f);
    free(rows);
    write_npy(path, x, 4, 6);
    assert_int_equal(npy_read(path, &h, &rows, &e), ERR_SYNTAX);
    assert_non_null(strstr(e.message, "cut short"));
    x[5] = NAN;
    err_clear(&e);
    write_npy(path, x, 3, 6);
    assert_int_equal(npy_read(path, &h, &rows, &e), ERR_INVALID);
    assert_non_null(strstr(e.message, "row 2"));
    unlink(path);
    assert_int_equal(npy_read("/nowhere.npy", &h, &rows, NULL), ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_csv),   cmocka_unit_test(test_names),
        cmocka_unit_test(test_again), cmocka_unit_test(test_liked_from),
        cmocka_unit_test(test_lists), cmocka_unit_test(test_rows),
        cmocka_unit_test(test_order), cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_head),  cmocka_unit_test(test_npy_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
