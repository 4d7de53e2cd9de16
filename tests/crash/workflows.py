"""Random workflows whose every effect reports to the ledger, and what must be true of them afterwards.

The trick that makes the ledger an oracle: the ledger answers each effect with a number, and each step hands the numbers of the
steps before it to the ledger as `after`. So when the ledger hears of a step, it is told which earlier effects the engine has
recorded as succeeded, and a later call for one of those is a repetition - whatever the engine says."""

CLASSES = ["keyed", "keyed", "keyed", "unsafe", "unsafe", "read", "idempotent"]

TOOLS = """\
  do_{cls}:
    description: Tells the ledger, as a command.
    run: [{ledger}, append, {book}, {flaky}, {cls}]
    effect: {cls}
    retry: {{ times: 6, delay: 10ms }}
  send_{cls}:
    description: Tells the ledger, as a request.
    http:
      method: POST
      url: "http://127.0.0.1:{port}/{cls}"
      headers: {{ x-run: "${{{{ run.id }}}}", x-step: "${{{{ input.step }}}}" }}
      body: "${{{{ input }}}}"
    effect: {cls}
    retry: {{ times: 6, delay: 10ms }}
"""


class Workflow:
    """text; effects: how many steps call the ledger; signals: how many `go` it waits for."""

    def __init__(self, name, text, effects, signals):
        self.name, self.text, self.effects, self.signals = name, text, effects, signals


class _Grow:
    def __init__(self, rng):
        self.rng = rng
        self.lines = []
        self.heard = []  # steps that wait for the signal
        self.names = self.effects = 0

    def say(self, depth, text):
        self.lines.append("  " * depth + text)

    def name(self):
        self.names += 1
        return f"s{self.names}"

    # Each of these writes one step of a list and gives the expression (a list of numbers) of what it did.

    def effect(self, depth, prefix, before, times=1, in_loop=False, gap=None):
        name, cls = self.name(), self.rng.choice(CLASSES)
        by_http = not in_loop and self.rng.random() < 0.4
        given = f'after: "${{{{ {before} }}}}"' + (f", gap: {gap}" if gap else "")
        if by_http:
            given += f', step: "{prefix}{name}"'
        self.say(depth, f"- id: {name}")
        self.say(depth + 1, f"tool: {'send' if by_http else 'do'}_{cls}")
        self.say(depth + 1, f"with: {{ {given} }}")
        self.effects += times
        return f"[steps.{name}.output.n]"

    def echo(self, depth, prefix, before):
        name = self.name()
        self.say(depth, f"- id: {name}")
        self.say(depth + 1, "tool: echo")
        self.say(depth + 1, f"effect: {self.rng.choice(['pure', 'keyed'])}")
        self.say(depth + 1, f'with: {{ n: "${{{{ {before} }}}}" }}')
        return f"steps.{name}.output.n"

    def each(self, depth, prefix, before):
        name, count = self.name(), self.rng.randint(2, 5)
        self.say(depth, f"- id: {name}")
        self.say(depth + 1, f'for: {{ each: item, in: "${{{{ {list(range(count))} }}}}", parallel: {self.rng.randint(1, 4)} }}')
        self.say(depth + 1, f"tool: do_{self.rng.choice(CLASSES)}")
        self.say(depth + 1, f'with: {{ after: "${{{{ {before} }}}}", item: "${{{{ item }}}}" }}')
        self.effects += count
        return f"steps.{name}.output.map(o, o.n)"

    def rounds(self, depth, prefix, before):
        name, count = self.name(), self.rng.randint(2, 3)
        self.say(depth, f"- id: {name}")
        self.say(depth + 1, f"repeat: {{ max: {count} }}")
        self.say(depth + 1, f"tool: do_{self.rng.choice(CLASSES)}")
        self.say(depth + 1, f'with: {{ after: "${{{{ round > 1 ? [last.n] : {before} }}}}" }}')
        self.effects += count
        return f"[steps.{name}.output.n]"

    def pause(self, depth, prefix, before):
        ms = self.rng.choice([5, 40, 120])
        self.say(depth, f"- wait: {ms}ms")
        return self.effect(depth, prefix, before, gap=ms)

    def signal(self, depth, prefix, before):
        name = self.name()
        self.say(depth, f"- id: {name}")
        self.say(depth + 1, "wait: { signal: go }")
        self.heard.append(name)
        return before

    def group(self, depth, prefix, before):
        name = self.name()
        self.say(depth, f"- id: {name}")
        self.say(depth + 1, "steps:")
        inner = self.sequence(depth + 2, f"{prefix}{name}/", before, self.rng.randint(2, 3), leaf=True)
        self.say(depth + 1, f'return: {{ n: "${{{{ {inner} }}}}" }}')
        return f"steps.{name}.output.n"

    def sequence(self, depth, prefix, before, count, leaf=False):
        kinds = [self.effect] * 4 + [self.echo, self.each, self.rounds]
        if not leaf:
            kinds += [self.pause, self.group, self.signal]
        for _ in range(count):
            kind = self.rng.choice(kinds)
            if kind == self.signal and len(self.heard) == 2:
                kind = self.effect
            before = kind(depth, prefix, before)
        return before


def _whole(name, world, steps, last, heard):
    tools = "".join(TOOLS.format(cls=cls, **world) for cls in sorted(set(CLASSES)))
    outputs = ", ".join(f"steps.{step}.output" for step in heard)
    return (f"baton: 1\nname: {name}\ntools:\n{tools}steps:\n{steps}\n"
            f'return: {{ last: "${{{{ {last} }}}}", heard: "${{{{ [{outputs}] }}}}" }}\n')


def random_workflow(rng, number, world):
    grow = _Grow(rng)
    first = grow.effect(1, "", "[]")
    last = grow.sequence(1, "", first, rng.randint(2, 6))
    last = grow.effect(1, "", last)
    name = f"crash_{number}"
    text = _whole(name, world, "\n".join(grow.lines), last, grow.heard)
    return Workflow(name, text, grow.effects, len(grow.heard))


CANONICAL = """\
  - { id: order, tool: do_keyed, with: { after: [] } }
  - { id: charge, tool: do_unsafe, with: { after: "${{ [steps.order.output.n] }}" } }
  - { id: pass, tool: echo, effect: pure, with: { n: "${{ [steps.charge.output.n] }}" } }
  - { id: post, tool: send_unsafe, with: { after: "${{ steps.pass.output.n }}", step: post } }
  - id: parts
    for: { each: item, in: [1, 2], parallel: 2 }
    tool: do_keyed
    with: { after: "${{ [steps.post.output.n] }}", item: "${{ item }}" }
  - wait: 20ms
  - { id: look, tool: send_read, with: { after: "${{ steps.parts.output.map(o, o.n) }}", step: look, gap: 20 } }
  - { id: go, wait: { signal: go } }
  - id: rounds
    repeat: { max: 2 }
    tool: do_keyed
    with: { after: "${{ round > 1 ? [last.n] : [steps.look.output.n] }}" }
  - { id: done, tool: send_keyed, with: { after: "${{ [steps.rounds.output.n] }}", step: done } }"""


def canonical_workflow(world):
    """One of everything, small: for what is tried at each operation of the store."""
    text = _whole("crash_canonical", world, CANONICAL, "[steps.done.output.n]", ["go"])
    return Workflow("crash_canonical", text, 9, 1)
