// An SMTP server for tests/api/mail.py: node mail_server.mjs MODULE OPTIONS. Says its port, then each letter as a line of JSON.
// Who a letter is to says what becomes of it: full@ 450, nobody@ 550, hangs@ no answer, slow@ none after the letter.
import { readFileSync } from "node:fs";

const [module, text] = process.argv.slice(2);
const { SMTPServer } = await import(module);
const { host, key, cert, users, greets = true, ...options } = JSON.parse(text);

const refusal = (code, words) => Object.assign(new Error(words), { responseCode: code });

const server = new SMTPServer({
  authOptional: !users,
  disableReverseLookup: true,
  ...(key ? { key: readFileSync(key), cert: readFileSync(cert) } : {}),
  ...options,
  onConnect: (session, done) => greets && done(),
  onAuth: (auth, session, done) =>
    users?.[auth.username] === auth.password ? done(null, { user: auth.username }) : done(refusal(535, "who are you?")),
  onRcptTo: (address, session, done) => {
    const [who] = address.address.split("@");
    if (who === "full") done(refusal(450, "the mailbox is full today"));
    else if (who === "nobody") done(refusal(550, "nobody is called that"));
    else if (who !== "hangs") done();
  },
  onData: async (stream, session, done) => {
    let letter = "";
    stream.on("error", () => {}); // who sends it hangs up
    for await (const piece of stream) letter += piece;
    const to = session.envelope.rcptTo.map((a) => a.address);
    const said = { from: session.envelope.mailFrom.address, to, user: session.user ?? null, secure: session.secure, letter };
    console.log(JSON.stringify(said));
    if (!to[0].startsWith("slow@")) done();
  },
});
server.on("error", () => {}); // a client that hangs up, or that does not like the certificate
server.listen(0, host, () => console.log(server.server.address().port));
