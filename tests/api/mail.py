"""Letters through a server that others wrote: STARTTLS, smtps, passwords, certificates, refusals, servers that hang.

The server listens on 127.0.0.2: 127.0.0.1 is the one machine that is spoken to in the clear."""
import base64
import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import main  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
MODULE = os.path.join(os.path.abspath(sys.argv[2]), "node_modules/smtp-server/dist/esm/smtp-server.js")
PASSWORD = "p:w@rd/%&"
QUOTED = "p%3Aw%40rd%2F%25%26"
TELL = """baton: 1
input: { who: string }
steps:
  - human: { person: "${{ input.who }}", ask: "The disk is full.", wait: false }
"""


# ---- the world outside


def openssl(c, *words):
    subprocess.run(["openssl", *words], cwd=c.dir, check=True, capture_output=True)


def authority(c, name, days="30"):
    openssl(c, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key",
            "-out", f"{name}.pem", "-days", days, "-subj", f"/CN={name}")


def certificate(c, by, names="IP:127.0.0.2", days="10"):
    c.write("names", f"subjectAltName={names}\n")
    openssl(c, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "mail.key", "-out",
            "mail.csr", "-subj", "/CN=mail")
    openssl(c, "x509", "-req", "-in", "mail.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial", "-days", days,
            "-extfile", "names", "-out", "mail.pem")


def post_office(c, **options):
    c.letters = []
    if os.path.exists(os.path.join(c.dir, "mail.pem")):
        options = {"key": os.path.join(c.dir, "mail.key"), "cert": os.path.join(c.dir, "mail.pem"), **options}
    server = subprocess.Popen(["node", os.path.join(HERE, "mail_server.mjs"), MODULE,
                               json.dumps({"host": "127.0.0.2", **options})], stdout=subprocess.PIPE, text=True)
    c.started.append(server)
    c.port = int(server.stdout.readline())

    def read():
        for line in server.stdout:
            c.letters.append(json.loads(line))

    threading.Thread(target=read, daemon=True).start()


def begin(c, url, *who):
    c.env.update(BATON_SMTP=url.replace("PORT", str(c.port)), BATON_SMTP_FROM="baton@example.com")
    c.write("baton.yaml", "baton: 1\n")
    c.write("tell.yaml", TELL)
    c.engine = c.start("serve")
    c.until(lambda: os.path.exists(os.path.join(c.dir, ".baton", "sock")))
    for one in who or ["ann@example.com"]:
        c.baton("run", "tell.yaml", f"who={one}")


def deliveries(c):
    return {d["name"]: d for d in json.loads(c.baton("deliveries", "--json")[0])}


def delivery(c, who="ann@example.com", tries=1):
    """Once it was tried so often, or is over."""
    c.until(lambda: deliveries(c)[who]["state"] in ("sent", "given up") or deliveries(c)[who].get("tries", 0) >= tries)
    return deliveries(c)[who]


def sent(c):
    d = delivery(c)
    assert d["state"] == "sent" and len(c.letters) == 1, (d, c.letters)
    (letter,) = c.letters
    assert letter["from"] == "baton@example.com" and letter["to"] == ["ann@example.com"], letter
    head, body = letter["letter"].split("\r\n\r\n", 1)
    assert "The disk is full." in base64.b64decode(body).decode(), body
    return letter


def not_sent(c, *words):
    d = delivery(c)
    assert d["state"] == "failing" and c.letters == [], (d, c.letters)
    for word in words:
        assert word in d["error"], d["error"]
    return d["error"]


def private(c, **options):
    """A server whose certificate an authority of one's own has signed, which the engine is told of."""
    authority(c, "ours")
    certificate(c, "ours")
    post_office(c, **options)
    c.env["BATON_CA_FILE"] = os.path.join(c.dir, "ours.pem")


# ---- cases


def a_letter_goes_by_starttls_with_a_password(c):
    private(c, users={"ann@x": PASSWORD})
    begin(c, f"smtp://ann%40x:{QUOTED}@127.0.0.2:PORT")
    letter = sent(c)
    assert letter["secure"] and letter["user"] == "ann@x", letter


def a_letter_goes_by_tls_from_the_first_byte(c):
    private(c, users={"ann@x": PASSWORD}, secure=True)
    begin(c, f"smtps://ann%40x:{QUOTED}@127.0.0.2:PORT")
    letter = sent(c)
    assert letter["secure"] and letter["user"] == "ann@x", letter


def a_certificate_of_an_unknown_authority_is_refused(c):
    private(c, users={"ann": PASSWORD})
    authority(c, "others")
    c.env["BATON_CA_FILE"] = os.path.join(c.dir, "others.pem")
    begin(c, f"smtp://ann:{QUOTED}@127.0.0.2:PORT")
    not_sent(c, "no authority known here has signed its certificate", "BATON_CA_FILE")


def a_certificate_of_an_unknown_authority_is_refused_at_once_by_smtps(c):
    private(c, users={"ann": PASSWORD}, secure=True)
    del c.env["BATON_CA_FILE"]
    begin(c, f"smtps://ann:{QUOTED}@127.0.0.2:PORT")
    not_sent(c, "no authority known here has signed its certificate", "BATON_CA_FILE")


def a_certificate_of_another_machine_is_refused(c):
    authority(c, "ours")
    certificate(c, "ours", names="DNS:mail.example.com,IP:127.0.0.3")
    post_office(c)
    c.env["BATON_CA_FILE"] = os.path.join(c.dir, "ours.pem")
    begin(c, "smtp://127.0.0.2:PORT")
    not_sent(c, "certificate", "127.0.0.2")


def a_certificate_that_is_over_is_refused(c):
    authority(c, "ours")
    certificate(c, "ours", days="-1")
    post_office(c)
    c.env["BATON_CA_FILE"] = os.path.join(c.dir, "ours.pem")
    begin(c, "smtp://127.0.0.2:PORT")
    not_sent(c, "expired")


def a_server_without_tls_is_told_no_password(c):
    post_office(c, users={"ann": PASSWORD}, hideSTARTTLS=True, allowInsecureAuth=True)
    begin(c, f"smtp://ann:{QUOTED}@127.0.0.2:PORT")
    not_sent(c, "TLS")


def a_user_who_is_called_like_this_machine_is_not_this_machine(c):
    post_office(c, users={"localhost": PASSWORD}, hideSTARTTLS=True, allowInsecureAuth=True)
    begin(c, f"smtp://localhost:{QUOTED}@127.0.0.2:PORT")
    not_sent(c, "TLS")


def this_machine_is_spoken_to_in_the_clear_also_with_a_password(c):
    post_office(c, host="127.0.0.1", users={"ann": PASSWORD}, hideSTARTTLS=True, allowInsecureAuth=True)
    begin(c, f"smtp://ann:{QUOTED}@127.0.0.1:PORT")
    letter = sent(c)
    assert not letter["secure"] and letter["user"] == "ann", letter


def a_wrong_password_is_said_and_stands_nowhere(c):
    private(c, users={"ann": "another"})
    begin(c, f"smtp://ann:{QUOTED}@127.0.0.2:PORT")
    said = not_sent(c, "535", "BATON_SMTP")
    everything = said + c.baton("deliveries")[0]
    for name in os.listdir(os.path.join(c.dir, ".baton")):
        path = os.path.join(c.dir, ".baton", name)
        if os.path.isfile(path):
            everything += open(path, "rb").read().decode(errors="replace")
    assert PASSWORD not in everything and QUOTED not in everything


def a_recipient_whom_nobody_knows_is_given_up_and_a_full_mailbox_is_not(c):
    private(c)
    begin(c, "smtp://127.0.0.2:PORT", "nobody@example.com", "full@example.com", "ann@example.com")
    gone = delivery(c, "nobody@example.com")
    assert gone["state"] == "given up" and gone["tries"] == 1 and "550" in gone["error"], gone
    full = delivery(c, "full@example.com", tries=2)
    assert full["state"] == "failing" and "450" in full["error"], full
    sent(c)


def a_server_that_hangs_delays_nobody_else(c):
    private(c)
    begin(c, "smtp://127.0.0.2:PORT", "hangs@example.com", "slow@example.com", "ann@example.com")
    c.until(lambda: deliveries(c)["ann@example.com"]["state"] == "sent", seconds=10)
    for who in "hangs", "slow":
        c.until(lambda: "time" in deliveries(c)[f"{who}@example.com"].get("error", ""), 40)
    # Whether it was taken nobody knows: it is sent again under the same id.
    c.until(lambda: sum(x["to"] == ["slow@example.com"] for x in c.letters) >= 2, 40)
    ids = {next(line for line in x["letter"].split("\r\n") if line.startswith("Message-ID:"))
           for x in c.letters if x["to"] == ["slow@example.com"]}
    assert len(ids) == 1, ids


def a_server_that_says_nothing_is_given_up_for_now(c):
    private(c, greets=False)
    begin(c, "smtp://127.0.0.2:PORT")
    c.until(lambda: "timed out" in deliveries(c)["ann@example.com"].get("error", ""), 40)


def an_engine_stops_while_a_server_hangs(c):
    private(c)
    begin(c, "smtp://127.0.0.2:PORT", "slow@example.com")
    c.until(lambda: c.letters)
    for _ in range(2):  # the first says that what is in flight may end
        c.engine.terminate()
        time.sleep(0.5)
    c.engine.wait(timeout=4)
    assert deliveries(c)["slow@example.com"]["state"] == "waiting", deliveries(c)


def a_file_of_authorities_that_is_not_there_is_said_at_the_start(c):
    c.env["BATON_CA_FILE"] = "nowhere.pem"
    c.write("tell.yaml", "baton: 1\nsteps:\n  - { tool: echo, with: 1 }\n")
    out, err = c.baton("run", "tell.yaml", code=None)
    assert "BATON_CA_FILE" in err and "nowhere.pem" in err and "Traceback" not in err, (out, err)


main([a_letter_goes_by_starttls_with_a_password, a_letter_goes_by_tls_from_the_first_byte,
      a_certificate_of_an_unknown_authority_is_refused, a_certificate_of_an_unknown_authority_is_refused_at_once_by_smtps,
      a_certificate_of_another_machine_is_refused, a_certificate_that_is_over_is_refused,
      a_server_without_tls_is_told_no_password, a_user_who_is_called_like_this_machine_is_not_this_machine,
      this_machine_is_spoken_to_in_the_clear_also_with_a_password, a_wrong_password_is_said_and_stands_nowhere,
      a_recipient_whom_nobody_knows_is_given_up_and_a_full_mailbox_is_not, a_server_that_hangs_delays_nobody_else,
      a_server_that_says_nothing_is_given_up_for_now,
      an_engine_stops_while_a_server_hangs, a_file_of_authorities_that_is_not_there_is_said_at_the_start])
