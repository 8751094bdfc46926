/* The process_* metrics, as Prometheus's client libraries name them, from /proc. */
#include "base/file.h"
#include "base/metrics_impl.h"
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void put(struct strbuf *out, const char *name, const char *type, const char *help, double v)
{
    strbuf_printf(out, "# HELP process_%s %s\n# TYPE process_%s %s\nprocess_%s %.15g\n", name, help,
                  name, type, name, v);
}

struct stat_fields {
    uint64_t user_ticks, system_ticks, start_ticks, virtual_bytes, resident_pages;
};

/* proc(5): fields are counted from 1; the second, the name, may hold anything but ends with the
 * last ")". */
static bool stat_parse(const char *text, struct stat_fields *out)
{
    const char *p = strrchr(text, ')');
    if (!p)
        return false;
    p += 2;
    for (int field = 3; field <= 24 && p; field++) {
        uint64_t v = strtoull(p, NULL, 10);
        if (field == 14)
            out->user_ticks = v;
        else if (field == 15)
            out->system_ticks = v;
        else if (field == 22)
            out->start_ticks = v;
        else if (field == 23)
            out->virtual_bytes = v;
        else if (field == 24)
            out->resident_pages = v;
        p = strchr(p, ' ');
        p = p ? p + 1 : NULL;
    }
    return out->resident_pages > 0;
}

static bool stat_read(struct stat_fields *out)
{
    char *text;
    *out = (struct stat_fields){0};
    if (file_read_all("/proc/self/stat", 64 << 10, &text, NULL, NULL))
        return false;
    bool ok = stat_parse(text, out);
    free(text);
    return ok;
}

static double boot_seconds(void)
{
    char *text, *line;
    double seconds = 0;
    if (file_read_all("/proc/stat", 4 << 20, &text, NULL, NULL))
        return 0;
    if ((line = strstr(text, "\nbtime ")))
        seconds = (double)strtoull(line + 7, NULL, 10);
    free(text);
    return seconds;
}

static void put_files(struct strbuf *out)
{
    char **names;
    size_t count;
    struct rlimit limit;
    if (!file_list("/proc/self/fd", &names, &count, NULL)) {
        for (size_t i = 0; i < count; i++)
            free(names[i]);
        free(names);
        put(out, "open_fds", "gauge", "Open file descriptors.", (double)count - 1); /* its own */
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        put(out, "max_fds", "gauge", "Most file descriptors that may be open.",
            (double)limit.rlim_cur);
}

void metrics_process(struct strbuf *out)
{
    struct stat_fields f;
    put_files(out);
    if (!stat_read(&f))
        return;
    double ticks = (double)sysconf(_SC_CLK_TCK);
    put(out, "cpu_seconds_total", "counter", "User and system processor time, in seconds.",
        (double)(f.user_ticks + f.system_ticks) / ticks);
    put(out, "virtual_memory_bytes", "gauge", "Virtual memory size, in bytes.",
        (double)f.virtual_bytes);
    put(out, "resident_memory_bytes", "gauge", "Resident memory size, in bytes.",
        (double)f.resident_pages * (double)sysconf(_SC_PAGESIZE));
    double boot = boot_seconds();
    if (boot > 0)
        put(out, "start_time_seconds", "gauge", "Start of the process, in seconds since 1970.",
            boot + (double)f.start_ticks / ticks);
}
