#!/usr/bin/env python3
"""The n-gram table of the package eldc (Apache-2.0), a C header of 50 MB, as the 8 MB that akin reads.

    tools/eldc_to_table.py eldc-0.4.0-....whl languages.table

The format is in src/text/language_table.h."""
import hashlib, os, re, struct, sys, zipfile

SCORE_STEP = 220  # scores are 1,097 to 55,822 there, a byte here
SLOTS = 3 << 19   # three quarters full


def numbers(text, start):
    return re.finditer(rb"\d+", text[start : text.index(b"}", start)])


def read(wheel):
    header = zipfile.ZipFile(wheel).read("eldc/large_db.h")
    at = header.index(b"ELD_langCodes[")
    codes = re.findall(rb'"(\w+)"', header[at : header.index(b"}", at)])
    blob = [int(m.group()) for m in numbers(header, header.index(b"{", header.index(b"ELD_blob[")))]
    at = header.index(b"ELD_hashtable[")
    end = header.index(b"};", at)
    entries = [(int(m[1], 16), int(m[2], 16)) for m in re.finditer(rb"\{0x(\w+)u,0x(\w+)u\}", header[at:end])]
    return codes, blob, entries


def pair(value):
    """Language and score of a number of theirs: a float without its last byte, which is the language."""
    score = struct.unpack("<f", struct.pack("<I", value & 0xFFFFFF00))[0]
    return value & 0xFF, max(1, min(255, round(score / SCORE_STEP)))


def table(codes, blob, entries):
    slots, pairs, known = [0] * SLOTS, bytearray(2), set()
    for mark, place in sorted(entries):
        if mark in known:  # one in 7,000
            continue
        known.add(mark)
        scores = [pair(v) for v in blob[place & 0xFFFFFF : (place & 0xFFFFFF) + (place >> 24)]]
        if len(scores) == 1:
            value = 1 << 20 | scores[0][0] << 8 | scores[0][1]
        else:
            value = len(pairs) // 2
            for i, (language, score) in enumerate(scores):
                pairs += bytes([language | (0x80 if i + 1 == len(scores) else 0), score])
        at = mark * SLOTS >> 32
        while slots[at]:
            at = (at + 1) % SLOTS
        slots[at] = (mark & 0x7FF) << 21 | value
    assert len(pairs) // 2 < 1 << 20 and len(codes) <= 64
    names = b"".join(c.ljust(4, b"\0") for c in codes)
    return struct.pack("<4I", 1, len(codes), SLOTS, len(pairs) // 2) + names + struct.pack(f"<{SLOTS}I", *slots) + bytes(pairs)


def main():
    wheel, out = sys.argv[1:]
    body = table(*read(wheel))
    with open(out + ".new", "wb") as f:
        f.write(b"akinlang" + hashlib.sha256(body).digest() + body)
    os.replace(out + ".new", out)


main()
