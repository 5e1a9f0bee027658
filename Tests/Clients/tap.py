"""One test a function; prints TAP lines as lib.sh does. Environment: HOST PORT SHARE USER1 PASS1 USER2 PASS2."""
import os
import sys
import traceback

HOST, PORT, SHARE = os.environ["HOST"], int(os.environ["PORT"]), os.environ["SHARE"]
USER1, PASS1 = os.environ["USER1"], os.environ["PASS1"]
USER2, PASS2 = os.environ["USER2"], os.environ["PASS2"]

_failures = 0


def check(name, function, *arguments):
    """Runs one test; an exception is a failure, and its last lines are shown."""
    global _failures
    try:
        function(*arguments)
        print(f"ok - {name}", flush=True)
    except Exception:
        _failures += 1
        print(f"not ok - {name}")
        for line in traceback.format_exc().strip().split("\n")[-6:]:
            print(f"#   {line[:200]}", flush=True)


def expect_error(code, function, *arguments, **named):
    """The call must fail, and say `code` somewhere in its error."""
    try:
        function(*arguments, **named)
    except Exception as error:
        assert code in str(error) or code in repr(error), f"wanted {code}, got {error!r}"
        return
    raise AssertionError(f"wanted {code}, and it went well")


def done():
    sys.stdout.flush()
    os._exit(1 if _failures else 0)
