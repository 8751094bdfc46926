#include "tiny.h"
#include <signal.h>
#include <sys/wait.h>

static struct tiny tiny;
static char work[64]; /* models/ and archives */

static int setup(void **state)
{
    json_setup();
    tiny_make(&tiny);
    snprintf(work, sizeof work, "/tmp/akin-pull-XXXXXX");
    assert_non_null(mkdtemp(work));
    return 0;
}

static int teardown(void **state)
{
    tiny_release(&tiny);
    assert_int_equal(file_remove_tree(work, NULL), ERR_OK);
    return 0;
}

static const char *in_work(const char *name) /* valid until the next call */
{
    static char path[300];
    snprintf(path, sizeof path, "%s/%s", work, name);
    return path;
}

/* Nothing half may be left in models/ after a failure. */
static void expect(const char *name, const char *source, enum err code, const char *word)
{
    struct err_info e = {0};
    char **names = NULL;
    size_t before = 0, after = 0;
    char models[300];
    snprintf(models, sizeof models, "%s/models", work);
    assert_int_equal(file_mkdirs(models, 0700, NULL), ERR_OK);
    assert_int_equal(file_list(models, &names, &before, NULL), ERR_OK);
    for (size_t i = 0; i < before; i++)
        free(names[i]);
    free(names);
    enum err err = model_pull(models, name, source, NULL, &e);
    if (err != code || (code && !strstr(e.message, word)))
        fail_msg("%s: got %d \"%s\", expected %d \"%s\"", source, err, e.message, code, word);
    assert_int_equal(file_list(models, &names, &after, NULL), ERR_OK);
    for (size_t i = 0; i < after; i++) {
        assert_true(names[i][0] != '.');
        free(names[i]);
    }
    free(names);
    assert_int_equal(after, before + (code == ERR_OK));
    if (code == ERR_OK) {
        char path[400];
        snprintf(path, sizeof path, "%s/%s", models, name);
        assert_int_equal(model_verify(path, NULL, NULL), ERR_OK);
    }
}

static void test_directory(void **state)
{
    expect("from-dir", tiny.dir, ERR_OK, "");
    expect("from-dir", tiny.dir, ERR_CONFLICT, "there already");
    expect("../x", tiny.dir, ERR_INVALID, "model name");
    expect(".x", tiny.dir, ERR_INVALID, "model name");
    expect("x", "/nowhere/at/all", ERR_NOT_FOUND, "no directory");
    expect("all-MiniLM-L6-v2", tiny.dir, ERR_CORRUPT, "SHA-256");
}

static bool python(const char *program, const char *a, const char *b)
{
    pid_t pid = fork();
    if (pid == 0) {
        execlp("python3", "python3", "-c", program, a, b, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static const char *const zip_program =
    "import sys, zipfile, os\n"
    "how = zipfile.ZIP_STORED if 'stored' in sys.argv[2] else zipfile.ZIP_DEFLATED\n"
    "with zipfile.ZipFile(sys.argv[2], 'w', how) as z:\n"
    "    z.writestr('../../evil/model.txt', 'x'); z.writestr('pkg/code.py', 'pass')\n"
    "    for d, _, files in os.walk(sys.argv[1]):\n"
    "        for f in files:\n"
    "            p = os.path.join(d, f)\n"
    "            z.write(p, 'pkg/model/' + os.path.relpath(p, sys.argv[1]))\n";

static void test_archives(void **state)
{
    char deflated[300], stored[300];
    snprintf(deflated, sizeof deflated, "%s/deflated.whl", work);
    snprintf(stored, sizeof stored, "%s/stored.zip", work);
    if (!python(zip_program, tiny.dir, deflated) || !python(zip_program, tiny.dir, stored))
        skip();
    expect("from-whl", deflated, ERR_OK, "");
    expect("from-zip", stored, ERR_OK, "");

    char *bytes = NULL;
    size_t n;
    assert_int_equal(file_read_all(stored, 1u << 24, &bytes, &n, NULL), ERR_OK);
    char damaged[300];
    snprintf(damaged, sizeof damaged, "%s/damaged.zip", work);
    for (size_t cut = 0; cut < n; cut += n / 23) {
        assert_int_equal(file_write_atomic(damaged, bytes, cut, 0600, NULL), ERR_OK);
        assert_int_not_equal(model_pull(in_work("models"), "x", damaged, NULL, NULL), ERR_OK);
    }
    /* one byte of a weight: the checksum of the entry tells */
    bytes[n / 2] ^= 1;
    assert_int_equal(file_write_atomic(damaged, bytes, n, 0600, NULL), ERR_OK);
    expect("x", damaged, ERR_CORRUPT, "checksum");
    bytes[n / 2] ^= 1;
    /* any byte of the directory: never more than an error */
    struct rng r;
    rng_init(&r, 3);
    for (int i = 0; i < 200; i++) {
        size_t at = n - 1 - rng_below(&r, n / 20);
        char was = bytes[at];
        bytes[at] = (char)rng_next(&r);
        assert_int_equal(file_write_atomic(damaged, bytes, n, 0600, NULL), ERR_OK);
        if (model_pull(in_work("models"), "y", damaged, NULL, NULL) == ERR_OK)
            assert_int_equal(file_remove_tree(in_work("models/y"), NULL), ERR_OK);
        bytes[at] = was;
    }
    free(bytes);
}

/* --- a hub on loopback --- */

static const char *const hub_program =
    "import sys, os, http.server\n"
    "class H(http.server.BaseHTTPRequestHandler):\n"
    "    def do_GET(self):\n"
    "        p = self.path\n"
    "        if p.startswith('/moved/'):\n"
    "            self.send_response(302); self.send_header('Location', '/org/' + p[7:]); "
    "self.end_headers(); return\n"
    "        if p.startswith('/away/'):\n"
    "            self.send_response(302); self.send_header('Location', 'http://127.0.0.2:%d/x' % "
    "s.server_port); self.end_headers(); return\n"
    "        head = '/org/tiny/resolve/main/'\n"
    "        f = os.path.join(sys.argv[1], p[len(head):])\n"
    "        if p.startswith('/broken/'):\n"
    "            self.send_response(500); self.end_headers(); return\n"
    "        if not p.startswith(head) or not os.path.isfile(f):\n"
    "            self.send_response(404); self.end_headers(); return\n"
    "        b = open(f, 'rb').read()\n"
    "        self.send_response(200); self.send_header('Content-Length', str(len(b))); "
    "self.end_headers(); self.wfile.write(b)\n"
    "    def log_message(self, *a): pass\n"
    "s = http.server.HTTPServer(('127.0.0.1', 0), H)\n"
    "open(sys.argv[2] + '.new', 'w').write(str(s.server_port)); os.rename(sys.argv[2] + '.new', "
    "sys.argv[2])\n"
    "s.serve_forever()\n";

static void seen(void *ctx, const char *file, uint64_t done, uint64_t total)
{
    *(unsigned *)ctx += done <= total && strcmp(file, "model.safetensors") == 0;
}

static void test_hub(void **state)
{
    char port_file[300], url[200], *port = NULL;
    snprintf(port_file, sizeof port_file, "%s/port", work);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("python3", "python3", "-c", hub_program, tiny.dir, port_file, (char *)NULL);
        _exit(127);
    }
    int status;
    while (!file_exists(port_file)) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            skip();
        usleep(10000);
    }
    assert_int_equal(file_read_all(port_file, 20, &port, NULL, NULL), ERR_OK);
    snprintf(url, sizeof url, "http://127.0.0.1:%s/org/tiny/", port);
    expect("from-hub", url, ERR_OK, "");
    snprintf(url, sizeof url, "http://127.0.0.1:%s/moved/tiny", port);
    unsigned calls = 0;
    assert_int_equal(model_pull(in_work("models"), "moved", url,
                                &(struct model_pull_options){.progress = seen, .ctx = &calls},
                                NULL),
                     ERR_OK);
    assert_true(calls > 0);
    /* The hub is the operator's word, not where it sends on to. */
    snprintf(url, sizeof url, "http://127.0.0.1:%s/away/tiny", port);
    expect("x", url, ERR_INVALID, "leads on to 127.0.0.2: a loopback address");
    snprintf(url, sizeof url, "http://127.0.0.1:%s/org/other", port);
    expect("x", url, ERR_NOT_FOUND, "config.json answered 404");
    snprintf(url, sizeof url, "http://127.0.0.1:%s/broken/tiny", port);
    expect("x", url, ERR_IO, "answered 500");
    expect("x", "http://example.org/org/tiny", ERR_INVALID, "https://HOST/ORG/NAME");
    expect("x", "file:///etc", ERR_INVALID, "https://HOST/ORG/NAME");
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    snprintf(url, sizeof url, "http://127.0.0.1:%s/org/tiny", port);
    expect("x", url, ERR_IO, "127.0.0.1");
    free(port);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_archives),
        cmocka_unit_test(test_hub),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
