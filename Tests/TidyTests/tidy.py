#!/usr/bin/env python3
"""The rules of the house, as a test: each finding says what to write instead.

    tidy.py             checks the repository; prints findings, then a line of totals; exits 1 if there is one
    tidy.py --self      checks the checks: each rule must find its own bad example
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA_PLANE = {"Platform", "NTTypes", "SMBWire", "SMBCrypto", "FileStore", "LinuxFileStore", "SMBServer", "Transport"}
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
COLUMNS_MAX = 120
SAFETY_LINES_ABOVE_MAX = 4
# Taken for ksmbd's sake, warned of whatever they say, or of a transport that is not built.
KEYS_WITHOUT_EFFECT = {"ipc timeout", "share:fake_fscaps", "vfs objects", "kernel share modes", "smbd max io size"}
SYSTEM_MODULES = {"Swift", "Testing", "Synchronization", "Glibc", "Musl", "Foundation", "Dispatch"}

FUNCTION = re.compile(
    r"^( *)(?:@[\w(.:, )]+ +)*(?:(?:public|package|internal|fileprivate|private|static|final|override|mutating|borrowing"
    r"|consuming|nonisolated|convenience|required|isolated|async|class) +)*"
    r"(?:func\b|init\b|deinit\b|subscript\b)")
UNSAFE = re.compile(r"(?<![\w.@(])unsafe\s+(?=[\w(&.$\[!*~-])|\b(?:=|return|in|try)\s+unsafe\b")


def code_of(line):
    """The line without its comment and without what stands in string literals."""
    line = re.sub(r'"(?:\\.|[^"\\])*"', '""', line)
    return line.split("//", 1)[0]


def code_lines(text):
    """Every line as (number, raw, code); multi-line strings and block comments count as no code."""
    inside = None
    for number, raw in enumerate(text.split("\n"), 1):
        if inside:
            if inside in raw:
                inside = None
            yield number, raw, ""
            continue
        if raw.count('"""') % 2 == 1:
            inside = '"""'
            yield number, raw, raw.split('"""', 1)[0]
            continue
        if "/*" in raw and "*/" not in raw and "//" not in raw.split("/*", 1)[0]:
            inside = "*/"
            yield number, raw, raw.split("/*", 1)[0]
            continue
        yield number, raw, code_of(raw)


def module_of(path):
    parts = pathlib.PurePath(path).parts
    return parts[1] if len(parts) > 2 and parts[0] == "Sources" else None


def import_table(text):
    """The table of ARCHITECTURE.md: module -> the modules it may import; `all` is every module of ours and theirs."""
    table = {}
    for name, column in re.findall(r"^\| `(\w+)` \|[^\n]*\|([^|\n]*)\|$", text, re.M):
        table[name] = set(re.findall(r"\w+", column))
    everything = set(table).union(*table.values())
    return {name: everything if "all" in imports else imports for name, imports in table.items()}


def findings(path, text, table):
    """Yields (line, message) for one file, path relative to the repository."""
    module = module_of(path)
    lines = list(code_lines(text))
    if len(lines) - (not lines[-1][1]) > FILE_LINES_MAX:
        yield FILE_LINES_MAX + 1, f"file over {FILE_LINES_MAX} lines: it is perhaps two things; give each its own file"

    functions = []
    for number, raw, code in lines:
        if len(raw) > COLUMNS_MAX:
            yield number, f"line of {len(raw)} columns: break it at {COLUMNS_MAX}"
        if (start := FUNCTION.match(code)) and not code.rstrip().endswith("}"):
            functions.append((number, start.group(1)))
        if functions and raw.startswith(functions[-1][1] + "}"):
            first, _ = functions.pop()
            if number - first + 1 > FUNCTION_LINES_MAX:
                yield first, (f"function of {number - first + 1} lines: at most {FUNCTION_LINES_MAX}; "
                              "name its steps as functions of their own")
        while functions and code.strip() and not code.startswith(functions[-1][1]):
            functions.pop()  # a requirement of a protocol: it had no body

        if not module:
            continue
        above = "\n".join(line for _, line, _ in lines[max(0, number - 1 - SAFETY_LINES_ABOVE_MAX):number])
        if re.search(r"\btry!", code):
            yield number, "`try!`: handle the error, or make it a precondition that says why it cannot fail"
        if re.search(r"\bfatalError\b", code):
            yield number, "`fatalError`: a peer's mistake is a thrown NTStatus, our own a precondition"
        if "@unchecked Sendable" in code and "SAFETY" not in surrounding(lines, number):
            yield number, "`@unchecked Sendable` without a `// SAFETY:` proof: use Mutex, or write the proof beside it"
        if UNSAFE.search(code) and "SAFETY" not in above and "SAFETY" not in run_above(lines, number):
            yield number, "`unsafe` without `// SAFETY:` on the lines above: say why the access is sound"
        if (imported := re.match(r"^\s*(?:@\w+(?:\(\w+\))? )*(?:public |package |internal |private )?import (?:\w+ )?(\w+)", code)):
            yield from import_findings(number, module, imported.group(1), table)

    if module == "SMBServer" and path.endswith("Handler.swift") and not re.search(r"\[MS-\w+\]", text):
        yield 1, "handler without its section: name the [MS-…] chapter that it carries out"


def surrounding(lines, number):
    return "\n".join(raw for _, raw, _ in lines[max(0, number - 8):number + 4])


def run_above(lines, number):
    """The comment that covers a run of unsafe lines: walk up through lines that are unsafe too, or comments."""
    index = number - 2
    while index >= 0 and ("unsafe" in lines[index][1] or lines[index][1].strip().startswith("//")):
        if "SAFETY" in lines[index][1]:
            return "SAFETY"
        index -= 1
    return lines[index][1] if index >= 0 else ""


def import_findings(number, module, imported, table):
    if imported in {"Foundation", "FoundationEssentials", "Dispatch"} and module in DATA_PLANE:
        yield number, f"`{imported}` in the data plane: use Platform, NTTypes or CLinux instead"
    elif imported == "Synchronization" and module != "Platform":
        yield number, "`Synchronization`: import Platform, whose Mutex the thread sanitizer sees"
    elif imported not in SYSTEM_MODULES and imported not in table.get(module, set()):
        yield number, (f"{module} imports {imported}, which the table in docs/ARCHITECTURE.md does not allow: "
                       "pass a value or a closure in, or change the decision there")


def unread_keys(table, loader):
    """Keys of the configuration that are documented, checked, and then read by nobody."""
    keys = re.findall(r'Parameter\(\s*"([^"]+)"', table)
    return [key for key in keys if f'("{key}")' not in loader and key not in KEYS_WITHOUT_EFFECT]


def self_test():
    table = {"SMBServer": {"NTTypes"}, "SMBWire": set()}
    body = "\n".join(["        print(1)"] * 71)
    bad = {
        "import Foundation\n": "data plane",
        "import Transport\n": "table in docs",
        "import Synchronization\n": "import Platform",
        "let a = try! b()\n": "`try!`",
        "func f() { fatalError() }\n": "`fatalError`",
        "final class A: @unchecked Sendable {}\n": "proof",
        "let x = unsafe pointer.load()\n": "SAFETY",
        "let x = " + "1" * 120 + "\n": "columns",
        "struct S {\n    func f() {\n" + body + "\n    }\n}\n": "function of",
        "\n" * 501: "file over",
    }
    good = [
        "import NTTypes\n",
        "// SAFETY: the buffer lives as long as self.\nlet x = unsafe pointer.load()\n",
        'let s = "try! fatalError unsafe x"  // fatalError()\n',
        "@unsafe struct P {}\n",
        "// SAFETY: only touched under lock.\nfinal class A: @unchecked Sendable {}\n",
        "protocol P {\n    func f()\n    func g()\n}\n" + "let a = 1\n" * 80,
    ]
    failed = 0
    for text, word in bad.items():
        if not any(word in message for _, message in findings("Sources/SMBServer/A.swift", text, table)):
            failed += 1
            print(f"not ok - finds {word!r}")
    for text in good:
        for _, message in findings("Sources/SMBServer/A.swift", text, table):
            failed += 1
            print(f"not ok - no finding in {text[:40]!r}: {message}")
    if not any("section" in m for _, m in findings("Sources/SMBServer/Handlers/CloseHandler.swift", "enum A {}\n", table)):
        failed += 1
        print("not ok - handler without section")
    if unread_keys('Parameter("a", x), Parameter(\n "b", y)', 'values.text("a")') != ["b"]:
        failed += 1
        print("not ok - a key that nobody reads")
    total = len(bad) + len(good) + 2
    print(f"{total - failed} passed, {failed} failed")
    return failed


def main():
    if sys.argv[1:] == ["--self"]:
        return 1 if self_test() else 0
    table = import_table((ROOT / "docs/ARCHITECTURE.md").read_text())
    count = files = 0
    for folder in ("Sources", "Tests", "Benchmarks", "Fuzz"):
        for file in sorted((ROOT / folder).rglob("*.swift")):
            files += 1
            path = file.relative_to(ROOT).as_posix()
            for line, message in findings(path, file.read_text(), table):
                count += 1
                print(f"{path}:{line}: {message}")
    configuration = ROOT / "Sources/Configuration"
    for key in unread_keys((configuration / "ParameterTable.swift").read_text(),
                           (configuration / "ServerConfiguration+Load.swift").read_text()):
        count += 1
        print(f"Sources/Configuration/ParameterTable.swift: '{key}' is read by nobody: load it, or take it out")
    print(f"tidy: {files} files, {count} findings")
    return 1 if count else 0


sys.exit(main())
