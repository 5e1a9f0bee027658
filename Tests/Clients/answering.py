"""Runs a command on a terminal and answers its questions. Arguments: PROMPT=ANSWER…, --, the command.
Prints what the terminal showed; its exit code is the command's."""
import os
import pty
import sys

split = sys.argv.index("--")
answers = [argument.split("=", 1) for argument in sys.argv[1:split]]
process, terminal = pty.fork()
if process == 0:
    os.execvp(sys.argv[split + 1], sys.argv[split + 1:])
shown, unanswered = b"", b""
while True:
    try:
        part = os.read(terminal, 4096)
    except OSError:
        break
    if not part:
        break
    shown, unanswered = shown + part, unanswered + part
    if answers and answers[0][0].encode() in unanswered:
        os.write(terminal, answers.pop(0)[1].encode() + b"\n")
        unanswered = b""
print(shown.decode(errors="replace"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) or (3 if answers else 0))
