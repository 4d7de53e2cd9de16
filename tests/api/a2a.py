"""Agents elsewhere, by A2A 1.0: the reference SDK as the other side, and a server that misbehaves on command."""
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import main  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.path.join(os.path.abspath(sys.argv[2]), "node_modules")
FLOW = """baton: 1
name: ask
input: { say: any }
agents:
  kettle: { a2a: { url: "http://127.0.0.1:PORT", headers: { X-Key: KEY } }EFFECT }
steps:
  - { id: ask, agent: kettle, with: "${{ input.say }}" }
return: ${{ steps.ask.output }}
"""


def kettle(c, port=0):
    server = subprocess.Popen(["node", os.path.join(HERE, "a2a_server.mjs"), MODULES, os.path.join(c.dir, "ledger"), str(port)],
                              stdout=subprocess.PIPE, text=True)
    c.started.append(server)
    return server, int(server.stdout.readline())


def flow(c, port, key="right", effect=""):
    c.write("ask.yaml", FLOW.replace("PORT", str(port)).replace("KEY", key).replace("EFFECT", effect))


def ledger(c):
    return c.read("ledger").splitlines()


def one(c, say, **more):
    return c.baton("run", "ask.yaml", "say=" + say, "--id", more.pop("id", "r"), **more)


def what_it_gives_is_the_output(c):
    _, port = kettle(c)
    flow(c, port)
    assert one(c, "hello", id="a")[0] == "Hello back.\n"
    assert one(c, "slow 300", id="b")[0] == "first second\n"
    assert json.loads(one(c, '{"n":[1]}', id="d")[0]) == {"got": {"n": [1]}}
    assert len(ledger(c)) == 3, ledger(c)
    trace, _ = c.baton("trace", "b")
    assert "turn 1" in trace, trace


def what_it_does_not_do_is_told(c):
    _, port = kettle(c)
    flow(c, port)
    _, err = one(c, "fail", id="a", code=3)
    assert "crashed: the agent at http://127.0.0.1" in err and "The kettle is cold." in err, err
    _, err = one(c, "reject", id="b", code=3)
    assert "denied" in err and "Not mine." in err, err
    flow(c, port, key="wrong")
    _, err = one(c, "hello", id="d", code=3)
    assert "card cannot be read" in err and "401" in err, err
    assert len(ledger(c)) == 2, ledger(c)


def what_it_asks_for_a_person_answers(c):
    _, port = kettle(c)
    flow(c, port)
    one(c, "which", code=8)
    inbox, _ = c.baton("inbox")
    assert "Which one?" in inbox, inbox
    shown = c.baton("approve", "r", code=None)[0]
    hash = shown.split("hash ")[1].split()[0]
    c.baton("approve", "r", "--answer", '"the blue one"', "--shown", hash)
    c.baton("resume", "r", timeout=30, code=None)
    output = json.loads(c.baton("show", "r", "--json")[0])["output"]
    assert output == "It is the blue one.", output
    said = ledger(c)
    assert len(said) == 2 and said[1].endswith(" the blue one"), said


def an_engine_that_is_lost_asks_after_the_task(c):
    _, port = kettle(c)
    flow(c, port)
    first = c.start("run", "ask.yaml", "say=slow 2500", "--id", "r")
    c.until(lambda: "progress" in c.baton("show", "r", "--facts", code=None)[0])
    first.send_signal(signal.SIGKILL)
    first.wait()
    out, _ = c.baton("resume", "r", timeout=30)
    assert out == "first second\n", out
    assert len(ledger(c)) == 1, ledger(c)


def a_clean_stop_leaves_the_task_alone(c):
    _, port = kettle(c)
    flow(c, port)
    first = c.start("run", "ask.yaml", "say=slow 6000", "--id", "r")
    c.until(lambda: "progress" in c.baton("show", "r", "--facts", code=None)[0])
    for _ in range(2):  # the first waits for what is in flight
        first.send_signal(signal.SIGINT)
        time.sleep(0.5)
    first.wait(timeout=4)
    assert not any(line.startswith("cancel") for line in ledger(c)), ledger(c)
    out, _ = c.baton("resume", "r", timeout=30)
    assert out == "first second\n", out
    assert len(ledger(c)) == 1, ledger(c)


def who_cancels_the_run_stops_the_agent(c):
    _, port = kettle(c)
    flow(c, port)
    first = c.start("run", "ask.yaml", "say=slow 20000", "--id", "r")
    c.until(lambda: "progress" in c.baton("show", "r", "--facts", code=None)[0])
    c.baton("cancel", "r")
    c.until(lambda: any(line.startswith("cancel ") for line in ledger(c)))
    first.wait(timeout=30)
    shown, _ = c.baton("effects")
    assert "ask" in shown, shown  # what it had done by then only a person can know


def a_server_that_is_away_is_no_end_of_the_task(c):
    server, port = kettle(c)
    flow(c, port)
    first = c.start("run", "ask.yaml", "say=slow 60000", "--id", "r")
    c.until(lambda: "progress" in c.baton("show", "r", "--facts", code=None)[0])
    server.kill()
    server.wait()
    time.sleep(1)
    assert first.poll() is None
    kettle(c, port)  # of its tasks it knows nothing any more
    first.wait(timeout=40)
    _, err = first.communicate()
    assert first.returncode == 8 and "in doubt" in err, (first.returncode, err)
    why, _ = c.baton("effects")
    assert "does not know its task" in why, why


# ---- one that misbehaves


class Rough(http.server.BaseHTTPRequestHandler):
    answers = []

    def log_message(self, *words):
        pass

    def reply(self, status, body, kind="application/json"):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        card = self.server.card
        self.reply(200 if card else 404, card or {})

    def do_POST(self):
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((request, dict(self.headers)))
        status, body = self.server.answers[min(len(self.server.seen), len(self.server.answers)) - 1]
        if status == 0:
            self.close_connection = True
            return
        self.reply(status, body)


def rough(c, *answers, card=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Rough)
    server.answers, server.card, server.seen = answers, card, []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    flow(c, server.server_port)
    return server


DONE = {"jsonrpc": "2.0", "id": 1, "result": {"message": {"role": "ROLE_AGENT", "messageId": "1", "parts": [{"text": "ok"}]}}}


def without_a_card_the_address_is_where_it_is_spoken_to(c):
    server = rough(c, (200, DONE))
    assert one(c, "x")[0] == "ok\n"
    request, headers = server.seen[0]
    assert request["method"] == "SendMessage" and headers["A2A-Version"] == "1.0" and headers["X-Key"] == "right", headers
    key = request["params"]["message"]["messageId"]
    assert len(key) > 20, key


def what_is_unclear_is_in_doubt_and_what_is_not_fails(c):
    for n, (status, body, code, words) in enumerate([
            (500, {}, 8, "in doubt"), (0, {}, 8, "in doubt"), (200, b"no json", 8, "in doubt"),
            (200, {"jsonrpc": "2.0", "id": 1, "result": {}}, 8, "in doubt"),
            (200, {"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "message": "oh"}}, 8, "in doubt"),
            (200, {"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "no text"}}, 3, "no text (-32005)"),
            (400, {"error": "bad"}, 3, "400"), (401, {}, 3, "401"), (429, {}, 3, "429")]):
        server = rough(c, (status, body))
        _, err = one(c, "x", id=f"r{n}", code=code)
        assert words in err, (status, body, err)
        assert len(server.seen) == 1, (status, len(server.seen))


def who_may_be_asked_again_is_asked_under_the_same_id(c):
    server = rough(c, (500, {}), (500, {}), (200, DONE))
    flow(c, server.server_port, effect=", effect: keyed, retry: { times: 5, delay: 10ms }")
    assert one(c, "x")[0] == "ok\n"
    assert len({request["params"]["message"]["messageId"] for request, _ in server.seen}) == 1, server.seen


def a_card_that_leads_elsewhere_gets_no_headers(c):
    server = rough(c, (200, DONE), card={"name": "x", "supportedInterfaces": [
        {"url": "http://127.0.0.1:9/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}]})
    _, err = one(c, "x", code=3)
    assert "denied" in err and "leads to http://127.0.0.1:9/rpc" in err, err
    assert not server.seen
    server.card = {"protocolVersion": "0.3.0", "url": "http://127.0.0.1"}
    _, err = one(c, "x", id="s", code=3)
    assert "it speaks version 0.3.0 of A2A; version 1 is needed" in err, err


def what_the_file_says_wrong_is_told(c):
    c.write("a.yaml", "baton: 1\nagents: { x: { a2a: { headers: {} } } }\nsteps: [{ agent: x }]\n")
    _, err = c.baton("validate", "a.yaml", code=2)
    assert "`url` is missing in `a2a`" in err, err
    c.write("a.yaml", "baton: 1\nagents: { x: { a2a: agents.example.com } }\nsteps: [{ agent: x }]\n")
    _, err = c.baton("validate", "a.yaml", code=2)
    assert "begins with https://" in err, err
    c.write("a.yaml", "baton: 1\nagents: { x: { a2a: 'https://a.example', tools: [echo] } }\nsteps: [{ agent: x }]\n")
    _, err = c.baton("validate", "a.yaml", code=2)
    assert "has tools of its own" in err, err


main([what_it_gives_is_the_output, what_it_does_not_do_is_told, what_it_asks_for_a_person_answers,
      an_engine_that_is_lost_asks_after_the_task, a_clean_stop_leaves_the_task_alone, who_cancels_the_run_stops_the_agent,
      a_server_that_is_away_is_no_end_of_the_task, without_a_card_the_address_is_where_it_is_spoken_to,
      what_is_unclear_is_in_doubt_and_what_is_not_fails, who_may_be_asked_again_is_asked_under_the_same_id,
      a_card_that_leads_elsewhere_gets_no_headers, what_the_file_says_wrong_is_told])
