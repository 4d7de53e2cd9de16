"""Each kind of effect, killed with -9 before, during and after its call, as a command and as a request; the ledger is the witness.

  matrix.py           runs all cells, a few at a time, and compares them with the table of docs/effects.md
  matrix.py --write   writes what they gave into that table

BUILD is the directory of the test build, BATON the binary (BUILD/baton), BATON_MUTANT chooses a planted bug. Ends with `N passed, N failed`."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

from engine import Engine, Failure, Gone

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "..", "..", "docs", "effects.md")
BEGIN, END = "<!-- matrix -->\n", "<!-- end of matrix -->\n"
POINTS = ["before", "during", "after"]
AT_ONCE = 6

# What is called (its class at the ledger is the part of the name before the blank), and what else the tool says.
PROBE = "probe: {{ run: [sh, -c, {look}] }}"
UNDO = "undo: {undo}"
ROWS = {
    "read": ("read", "", ""),
    "idempotent": ("idempotent", "", ""),
    "keyed": ("keyed", "", ""),
    "unsafe with a probe": ("unsafe", PROBE, ""),
    "unsafe with an undo": ("unsafe", UNDO, ""),
    "unsafe": ("unsafe", "", ""),
    "the undo itself": ("keyed", UNDO, "  - fail: too bad\n"),
}
# The same effect deep inside of a verb that several steps play. The lead of a plan is a command that prints it.
INSIDE = {
    "keyed, a target of a route": "route: {{ rules: [{{ if: 'true', to: s }}], to: {{ s: {{ tool: act }}, other: {{ tool: echo }} }} }}",
    "keyed, a state of a machine": "machine: {{ start: s, max: 2, states: {{ s: {{ tool: act, next: end }}, end: {{ return: ok }} }} }}",
    "keyed, a voter": "vote: {{ by: [actor, other], count: '1' }}",
    "keyed, a task of a supervisor": "supervise: {{ lead: lead, workers: [actor], max: 1 }}",
    "keyed, a task of a plan": "steps: {{ plan: [{{ id: t, agent: actor, task: Act. }}], agents: [actor], max_tasks: 1 }}",
    "keyed, a post to a board": "board: {{ topics: {{ t: any }}, rules: [{{ if: size(board.t) == 0, agent: actor, to: t }}], max: 2 }}",
    "keyed, a member of a team": "team: {{ start: actor, handoffs: {{}}, then: {{ actor: other }}, max: 1 }}",
}
ROWS.update({row: ("keyed", "", "") for row in INSIDE})


def inside(row, way, world):
    """The agents that play, and their step."""
    return (f"agents:\n  actor:\n    {call(way, world, 'keyed')}\n    effect: keyed\n"
            "  other: { run: [echo, no], effect: read }\n"
            """  lead: { run: [echo, '{"tasks":[{"id":"t","agent":"actor","task":"Act."}]}'], effect: read }\n""",
            f"  - {{ {INSIDE[row].format()} }}\n")


def call(way, world, cls):
    if way == "command":
        return f"run: [{world['ledger']}, append, {world['book']}, 0, {cls}, {world['gate']}]"
    return (f'http: {{ method: POST, url: "http://127.0.0.1:{world["port"]}/{cls}", '
            'headers: { x-run: "${{ run.id }}", x-step: s }, body: {} }')


def workflow(row, way, world):
    cls, means, rest = ROWS[row]
    look = json.dumps(f"if grep -q '\"what\":\"effect\"' {world['book']}; "
                      """then echo '{"done":true,"result":{"n":1}}'; else echo '{"done":false}'; fi""")
    undo = "{ " + call(way, world, "idempotent") + ", effect: idempotent }"
    means = means.format(look=look, undo=undo)
    agents, steps = inside(row, way, world) if row in INSIDE else ("", f"  - {{ id: s, tool: act }}\n{rest}")
    return (f"baton: 1\nname: cell\n{agents}tools:\n  act:\n    {call(way, world, cls)}\n    effect: {cls}\n    {means}\n"
            f"steps:\n{steps}")


class Cell:
    def __init__(self, row, way, point, build, binary):
        self.row, self.way, self.point = row, way, point
        self.dir = tempfile.mkdtemp(prefix="baton-matrix-")
        self.gate = os.path.join(self.dir, "gate")
        self.book = os.path.join(self.dir, "book")
        os.mkdir(self.gate)
        open(self.book, "w", encoding="utf-8").close()
        ledger = os.path.join(build, "tests", "crash", "ledger")
        self.server = subprocess.Popen([ledger, "serve", self.book, "0", self.gate], stdout=subprocess.PIPE, text=True)
        self.world = {"ledger": ledger, "book": self.book, "gate": self.gate, "port": self.server.stdout.readline().strip()}
        self.engine = Engine(binary, os.path.join(self.dir, "data"), os.environ.get("BATON_MUTANT"))
        self.held = "idempotent" if row == "the undo itself" else ROWS[row][0]

    def close(self):
        self.engine.kill()
        self.server.kill()
        self.server.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def until(self, what, holds, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = holds()
            if found:
                return found
            time.sleep(0.01)
        raise Failure(f"{self.row}, {self.way}, {self.point}: {what} did not come")

    def lines(self, what, cls=None):
        with open(self.book, encoding="utf-8") as book:
            calls = [json.loads(line) for line in book]
        return [c for c in calls if c["what"] == what and cls in (None, c["class"])]

    def look(self):
        try:
            return self.engine.ask("GET", self.engine.run_path("r"))[1]
        except Gone:
            return {}

    def at_rest(self):
        run = self.look()
        doubt = any(w["for"] == "doubt" for w in run.get("waiting", []))
        return run if doubt or run.get("status") in ("succeeded", "failed") else None

    def kill_there(self):
        """Lets the call come to the point, kills the engine, and lets the world go on."""
        at = os.path.join(self.gate, f"at-{self.held}-{self.point}")
        hold = os.path.join(self.gate, f"hold-{self.held}-{self.point}")
        open(hold, "w", encoding="utf-8").close()
        self.engine.start()
        self.engine.wait_ready()
        status, answer = self.engine.ask("POST", "/v1/runs", {
            "id": "r", "dir": self.dir, "main": "cell.yaml",
            "files": {"cell.yaml": workflow(self.row, self.way, self.world)}})
        if status >= 300:
            raise Failure(f"{self.row}, {self.way}: {answer}")
        self.until("the call", lambda: os.path.exists(at))
        self.engine.kill()
        with open(at, encoding="ascii") as f:
            pid = int(f.read())
        if self.way == "command":  # goes with its engine
            self.until("the end of the command", lambda: not os.path.exists(f"/proc/{pid}") or is_zombie(pid))
        os.remove(hold)
        if self.way == "request" and self.point == "during":  # the target goes on without us
            self.until("the effect", lambda: self.lines("effect", self.held))

    def settle(self, run):
        """As a person would who has looked at the ledger."""
        verdict = "undo" if "undo" in self.row else "done" if self.lines("effect", self.held) else "not_done"
        status, answer = self.engine.ask("POST", self.engine.run_path("r", "/effects"),
                                         {"address": run["waiting"][0]["step"], "decision": verdict, "result": {"n": 1}})
        if status >= 300:
            raise Failure(f"{self.row}, {self.way}, {self.point}: {verdict}: {answer}")
        return verdict.replace("_", " ")

    def run(self):
        self.kill_there()
        self.engine.start()
        self.engine.wait_ready()
        run = self.until("its rest", self.at_rest)
        said = "no doubt"
        if run.get("waiting"):
            verdict = self.settle(run)
            run = self.until("its end", lambda: self.look().get("status") in ("succeeded", "failed") and self.look())
            said = f"in doubt, {verdict}"
        return self.verdict(run, said)

    def verdict(self, run, said):
        cls, means, _ = ROWS[self.row]
        done, undone = len(self.lines("effect", cls)), len(self.lines("effect", "idempotent"))
        if cls == "idempotent":
            undone = 0
        text = f"{done} done"
        if means == UNDO:
            text += f", {undone} undone"
        return f"{text}, {said}, {run['status']}"


def is_zombie(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def wrong_of(row, text):
    """What no cell may say, whatever the table says."""
    done = int(text.split()[0])
    if (row in ("idempotent", "the undo itself", "unsafe with a probe") or row.startswith("keyed")) and done != 1:
        return "not exactly once"
    if row.startswith("unsafe") and done > 1:
        return "more than once"
    if (not row.startswith("unsafe") or "probe" in row) and "in doubt" in text:
        return "a person was asked"
    return None


def one(cell):
    row, way, point, build, binary = cell
    c = Cell(row, way, point, build, binary)
    try:
        return (row, way, point), c.run()
    except Failure as e:
        return (row, way, point), f"FAILED: {e}"
    finally:
        c.close()


def table_of(cells):
    lines = ["| effect | called as | killed before | during | after it was done, before the report |\n", "|---|---|---|---|---|\n"]
    for row in ROWS:
        for way in ("command", "request"):
            lines.append(f"| {row} | {way} | " + " | ".join(cells[(row, way, p)] for p in POINTS) + " |\n")
    return "".join(lines)


def main():
    build = os.path.abspath(os.environ.get("BUILD", "build-test"))
    binary = os.path.abspath(os.environ.get("BATON", os.path.join(build, "baton")))
    began = time.monotonic()
    todo = [(row, way, point, build, binary) for row in ROWS for way in ("command", "request") for point in POINTS]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        cells = dict(pool.map(one, todo))
    with open(PAGE, encoding="utf-8") as f:
        page = f.read()
    table = page[page.index(BEGIN) + len(BEGIN):page.index(END)]
    got = table_of(cells)
    if "--write" in sys.argv:
        with open(PAGE, "w", encoding="utf-8") as f:
            f.write(page[:page.index(BEGIN) + len(BEGIN)] + got + page[page.index(END):])
        table = got
    failed = 0
    for (row, way, point), text in cells.items():
        wrong = wrong_of(row, text) if not text.startswith("FAILED") else text
        if not wrong and got != table and f"| {row} | {way} |" in table:
            line = [x for x in table.splitlines() if x.startswith(f"| {row} | {way} |")][0]
            if line.split(" | ")[2 + POINTS.index(point)].rstrip(" |") != text:
                wrong = "not what docs/effects.md says"
        if wrong:
            failed += 1
            print(f"  {row}, {way}, killed {point}: {text}: {wrong}")
    print(f"{len(cells)} cells in {time.monotonic() - began:.1f} s")
    print(f"{len(cells) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
