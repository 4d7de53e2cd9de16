"""What the ledger wrote down, and what it says about the engine."""

import json


class Book:
    def __init__(self, path):
        try:
            with open(path, encoding="utf-8") as f:
                self.calls = [json.loads(line) for line in f]
        except FileNotFoundError:
            self.calls = []
        self.steps = {}
        for call in self.calls:
            self.steps.setdefault((call["run"], call["step"]), []).append(call)

    def effects(self):
        return sum(call["what"] == "effect" for call in self.calls)

    def effect_of(self, run, address):
        """The number of the effect of a step, None if it did not happen. A request names its step by the address itself."""
        for call in self.steps.get((run, address), []):
            if call["what"] == "effect":
                return call["n"]
        return None


class Findings:
    """Sentences about what is wrong, by the kind of promise that was broken."""

    def __init__(self):
        self.lost, self.duplicated, self.stuck, self.wrong = [], [], [], []

    def all(self):
        return self.lost + self.duplicated + self.stuck + self.wrong

    def add(self, other):
        self.lost += other.lost
        self.duplicated += other.duplicated
        self.stuck += other.stuck
        self.wrong += other.wrong


def _name(call):
    return f"run {call['run']} step {call['step']} ({call['class']}, ledger line {call['n']})"


def _check_steps(book, found):
    """Effects per step: one key for all calls, keyed and unsafe happen at most once."""
    for calls in book.steps.values():
        effects = [call for call in calls if call["what"] == "effect"]
        if len({call["key"] for call in calls}) > 1:
            found.duplicated.append(f"{_name(calls[-1])}: called with another key than before")
        if calls[0]["class"] != "read" and len(effects) > 1:
            found.duplicated.append(f"{_name(effects[1])}: happened {len(effects)} times")


def _check_order(book, found):
    """What a later step was told of had succeeded: no call for it may follow."""
    succeeded = {}
    for call in book.calls:
        step = (call["run"], call["step"])
        if step in succeeded:
            found.duplicated.append(f"{_name(call)}: called again although ledger line {succeeded[step]} shows that it had succeeded")
        told = call["input"] or {}
        for n in told.get("after", []):
            before = book.calls[n - 1] if 0 < n <= len(book.calls) else None
            if not before or before["run"] != call["run"] or before["what"] != "effect":
                found.wrong.append(f"{_name(call)}: was told of effect {n}, which is none of its run")
                continue
            succeeded.setdefault((before["run"], before["step"]), call["n"])
            if call["ms"] - before["ms"] < told.get("gap", 0) - 2:  # two clocks that count whole milliseconds
                found.wrong.append(f"{_name(call)}: {call['ms'] - before['ms']} ms after line {n}, its timer said {told['gap']} ms")


def check_book(book):
    found = Findings()
    _check_steps(book, found)
    _check_order(book, found)
    return found


def check_run(book, run, document):
    """A run that ended, against its workflow: every effect is in the ledger, every signal was heard once and in order."""
    found = Findings()
    workflow = run.workflow
    if document["status"] != "succeeded":
        found.wrong.append(f"run {run.id}: {document['status']}: {json.dumps(document.get('error'))}")
        return found
    happened = sum(any(call["what"] == "effect" for call in calls) for (of, _), calls in book.steps.items() if of == run.id)
    if happened < workflow.effects:
        found.lost.append(f"run {run.id}: succeeded with {happened} of {workflow.effects} effects in the ledger")
    if happened > workflow.effects:
        found.duplicated.append(f"run {run.id}: {happened} steps called the ledger, the workflow has {workflow.effects}")
    heard = [signal["n"] for signal in document["output"]["heard"]]
    if heard != list(range(1, workflow.signals + 1)):
        found.wrong.append(f"run {run.id}: heard the signals {heard}, sent were 1..{workflow.signals}")
    if run.seen is not None and run.seen != document["output"]:
        found.lost.append(f"run {run.id}: its output was read before a crash and is another one now")
    return found
