"""The inner loops of the product kernels keep their sums in registers: no zmm register goes to the stack inside one
(gcc 12 moves half the accumulators around some intrinsics, which halves the speed).
usage: spills.py libmath.a; 77 (skipped) where it cannot be judged."""
import re
import shutil
import subprocess
import sys

HOT = re.compile(r"(int8|bf16|f32|weigh)_\d+$")
PRODUCT = re.compile(r"vpdpbusd|vdpbf16ps|vfmadd\w+ps")
STACK = re.compile(r"vmov\w+\s+(%zmm\d+,\S*\(%r[sb]p|\S*\(%r[sb]p\S*,%zmm)")


def functions(text):
    name, lines = None, []
    for line in text.splitlines():
        head = re.match(r"[0-9a-f]+ <(.+)>:$", line)
        if head:
            yield name, lines
            name, lines = head[1], []
        elif match := re.match(r"\s*([0-9a-f]+):\s+(\S.*)", line):
            lines.append((int(match[1], 16), match[2]))
    yield name, lines


def loops(lines):
    """The innermost ones: what lies between a jump backwards and its target."""
    jumps = [(int(m[1], 16), at) for at, code in lines if (m := re.match(r"j\w+\s+([0-9a-f]+)\b", code))]
    back = [(to, at) for to, at in jumps if to <= at]
    for to, at in back:
        if not any(to <= t and a <= at and (t, a) != (to, at) for t, a in back):
            yield [c for a, c in lines if to <= a <= at]


if not shutil.which("objdump"):
    sys.exit(77)
run = subprocess.run(["objdump", "-d", "--no-show-raw-insn", sys.argv[1]], capture_output=True, text=True)
found, bad = 0, []
for name, lines in functions(run.stdout):
    if name and HOT.match(name):
        for body in loops(lines):
            products = sum(bool(PRODUCT.match(c)) for c in body)
            if not products or not any("%zmm" in c for c in body):
                continue
            found += 1
            bad += [f"{name}: {c}" for c in body if STACK.search(c)]
print(f"{found} loops", *bad[:20], sep="\n")
sys.exit(1 if bad else 0 if found else 77)
