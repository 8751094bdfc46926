#!/usr/bin/env python3
"""embed_files.py OUT PATH=FILE:MEDIA ... : write a C file with page_files[] (src/api/page.h)."""
import hashlib, sys

out, rows, parts = sys.argv[1], [], []
for i, given in enumerate(sys.argv[2:]):
    path, rest = given.split("=", 1)
    name, media = rest.split(":", 1)
    data = open(name, "rb").read()
    etag = hashlib.sha256(data).hexdigest()[:16]
    lines = [",".join(map(str, data[j:j + 24])) for j in range(0, len(data), 24)]
    parts.append(f"static const unsigned char file_{i}[] = {{\n" + ",\n".join(lines) + "};\n")
    rows.append(f'    {{"{path}", "{media}", "\\"{etag}\\"", file_{i}, {len(data)}}},\n')
with open(out, "w") as f:
    f.write('#include "api/page.h"\n#include <assert.h>\n#include <string.h>\n\n' + "".join(parts))
    f.write("const struct page_file page_files[] = {\n" + "".join(rows) + "    {NULL, NULL, NULL, NULL, 0}};\n\n")
    f.write("const struct page_file *page_find(const char *path)\n{\n    const struct page_file *f = page_files;\n"
            "    while (f->path && strcmp(f->path, path))\n        f++;\n    assert(f->path);\n    return f;\n}\n")
