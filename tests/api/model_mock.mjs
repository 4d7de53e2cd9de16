// The real binary asks a mock server that others wrote; the mock's own journal says what it was asked and how often.
import { spawn, execFile } from "node:child_process";
import { mkdtempSync, writeFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [baton, mockProgram] = process.argv.slice(2);
const dir = mkdtempSync(join(tmpdir(), "baton-mock-"));

// The kinds of servers, each with a model of it. A word of its own in what is asked keeps the mock's counters apart.
const providers = { openai: "gpt-x", responses: "gpt-x", anthropic: "claude-x", gemini: "gemini-x" };
const long = "It rains, and rains, and does not stop to rain. ".repeat(4);

// First match wins. sequenceIndex counts the matches of a fixture's words, so a second attempt finds the next line.
const error = (status, message, type, more = {}) => ({ error: { message, type, ...more }, status });
const fixturesOf = (p) => [
  { match: { userMessage: `${p} ping` }, response: { content: "pong", usage: { prompt_tokens: 11, completion_tokens: 3 } } },
  {
    match: { userMessage: `${p} weather`, hasToolResult: false },
    response: {
      toolCalls: [
        { name: "lookup", arguments: { city: "Oslo" } },
        { name: "lookup", arguments: { city: "Rome" } },
      ],
    },
  },
  { match: { userMessage: `${p} weather`, hasToolResult: true }, response: { content: "cold and warm" } },
  { match: { userMessage: `${p} shape` }, response: { content: '{"name":"cube","sides":6}' } },
  { match: { userMessage: `${p} thought` }, response: { content: "so", reasoning: "hm" } },
  {
    match: { userMessage: `${p} slow down`, sequenceIndex: 0 },
    response: { ...error(429, "slow", "rate_limit_error", { code: "rate_limit_exceeded" }), retryAfter: 1 },
  },
  { match: { userMessage: `${p} slow down` }, response: { content: "now" } },
  { match: { userMessage: `${p} stumble`, sequenceIndex: 0 }, response: error(500, "oops", "server_error") },
  { match: { userMessage: `${p} stumble` }, response: { content: "up again" } },
  { match: { userMessage: `${p} busy`, sequenceIndex: 0 }, response: error(529, "busy", "overloaded_error") },
  { match: { userMessage: `${p} busy` }, response: { content: "at last" } },
  { match: { userMessage: `${p} broke` }, response: error(429, "pay", "insufficient_quota", { code: "insufficient_quota" }) },
  { match: { userMessage: `${p} stranger` }, response: error(401, "who", "authentication_error", { code: "invalid_api_key" }) },
  { match: { userMessage: `${p} muddle` }, response: error(400, "what", "invalid_request_error") },
  { match: { userMessage: `${p} cut`, sequenceIndex: 0 }, response: { content: long }, truncateAfterChunks: 4, chunkSize: 8, latency: 20 },
  { match: { userMessage: `${p} cut` }, response: { content: "whole" } },
  { match: { userMessage: `${p} cut always` }, response: { content: long }, truncateAfterChunks: 4, chunkSize: 8, latency: 20 },
  { match: { userMessage: `${p} long` }, response: { content: long }, chunkSize: 8, latency: 5 },
];
// `cut always` must come before `cut`, whose words it contains.
const fixtures = {
  fixtures: Object.keys(providers).flatMap(fixturesOf).sort((x, y) => y.match.userMessage.length - x.match.userMessage.length),
};

const workflow = (agent, model) => `baton: 1
name: mock
input: { text: string }
agents:
  talker:
    model: ${model}
    instructions: Be brief.
    prompt: "\${{ input.text }}"
    input: { text: string }
    tools: [lookup]
  shaper:
    model: ${model}
    prompt: "\${{ input.text }}"
    input: { text: string }
    output: { name: string, sides: integer }
tools:
  lookup:
    description: Weather of a city
    input: { city: string }
    run: [cat]
    effect: read
steps:
  - id: say
    agent: ${agent}
    with: { text: "\${{ input.text }}" }
    retry: { times: 3, delay: 10ms }
return: \${{ steps.say.output }}
`;

function freePort() {
  return new Promise((resolve) => {
    const s = createServer().listen(0, "127.0.0.1", () => {
      const { port } = s.address();
      s.close(() => resolve(port));
    });
  });
}

const port = await freePort();
const base = `http://127.0.0.1:${port}`;
writeFileSync(join(dir, "fixtures.json"), JSON.stringify(fixtures));
for (const [p, model] of Object.entries(providers)) {
  writeFileSync(join(dir, `${p}-talk.yaml`), workflow("talker", `${p}/${model}`));
  writeFileSync(join(dir, `${p}-shape.yaml`), workflow("shaper", `${p}/${model}`));
}
const mock = spawn(process.execPath, [mockProgram, "-p", String(port), "-f", join(dir, "fixtures.json"), "--log-level", "warn"], {
  stdio: ["ignore", "ignore", "inherit"],
});

async function ready() {
  for (let i = 0; i < 200; i++) {
    try {
      if ((await fetch(`${base}/health`)).ok) return;
    } catch {}
    await new Promise((r) => setTimeout(r, 50));
  }
  throw new Error("the mock did not start");
}

const post = (path, body) => fetch(base + path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });

const env = {
  ...process.env,
  OPENAI_BASE_URL: `${base}/v1`,
  OPENAI_API_KEY: "test-key",
  ANTHROPIC_BASE_URL: `${base}/v1`,
  ANTHROPIC_API_KEY: "test-key",
  GEMINI_BASE_URL: `${base}/v1beta`,
  GEMINI_API_KEY: "test-key",
};

/* Runs a file; gives its exit code, output, complaints and what the mock was asked meanwhile. */
async function run(file, text) {
  await post("/__aimock/reset/journal", {});
  const begin = Date.now();
  const result = await new Promise((resolve) => {
    execFile(
      baton,
      ["run", join(dir, file), `text=${text}`, "--data", join(dir, "data")],
      { cwd: dir, timeout: 60000, env },
      (error, out, err) => resolve({ code: error ? (error.code ?? error.signal) : 0, out: out.trim(), err }),
    );
  });
  const journal = await (await fetch(`${base}/__aimock/journal`)).json();
  const entries = Array.isArray(journal) ? journal : (journal.entries ?? []);
  return { ...result, ms: Date.now() - begin, entries, asked: entries.map((e) => e.body ?? e.request?.body ?? e) };
}

let n = 0;
let failed = 0;
async function test(name, body) {
  let why = null;
  try {
    await body((cond, what, seen) => {
      if (!cond && !why) why = `${what}: ${JSON.stringify(seen)}`;
    });
  } catch (e) {
    why = String(e.stack ?? e);
  }
  n++;
  if (why) failed++;
  console.log(`${why ? "not ok" : "ok"} ${n} - ${name}`);
  if (why) for (const line of why.split("\n")) console.log(`# ${line}`);
}

try {
  await ready();

  for (const p of Object.keys(providers)) {
    const talk = `${p}-talk.yaml`;
    const paths = { openai: "/v1/chat/completions", responses: "/v1/responses", anthropic: "/v1/messages", gemini: "/v1beta/models/gemini-x:streamGenerateContent" };

    await test(`${p}: a_text_comes_back`, async (check) => {
      const r = await run(talk, `${p} ping`);
      check(r.code === 0 && r.out === "pong", "pong", r);
      check(r.asked.length === 1, "asked once", r.asked.length);
      check((r.entries[0]?.path ?? "").startsWith(paths[p]), "in its own dialect", r.entries[0]?.path);
      check(JSON.stringify(r.asked[0]).includes("lookup"), "the tool is offered", r.asked[0]);
    });

    await test(`${p}: two_tool_calls_are_answered_and_the_loop_ends`, async (check) => {
      const r = await run(talk, `${p} weather`);
      check(r.code === 0 && r.out === "cold and warm", "the final answer", r);
      check(r.asked.length === 2, "asked twice", r.asked.length);
      const said = JSON.stringify(r.asked[1]);
      check(said.includes("Oslo") && said.includes("Rome"), "calls and results go back", r.asked[1]);
    });

    await test(`${p}: an_output_type_is_asked_for_as_a_schema_and_held`, async (check) => {
      const r = await run(`${p}-shape.yaml`, `${p} shape`);
      check(r.code === 0 && JSON.parse(r.out).sides === 6, "a cube", r);
    });

    await test(`${p}: what_was_thought_is_no_part_of_the_answer`, async (check) => {
      const r = await run(talk, `${p} thought`);
      check(r.code === 0 && r.out === "so", "so", r);
    });

    await test(`${p}: a_long_stream_is_put_together`, async (check) => {
      const r = await run(talk, `${p} long`);
      check(r.code === 0 && r.out === long.trim(), "all of it", r);
    });

    await test(`${p}: a_rate_limit_is_waited_out`, async (check) => {
      const r = await run(talk, `${p} slow down`);
      check(r.code === 0 && r.out === "now", "the second answer", r);
      check(r.asked.length === 2, "asked twice", r.asked.length);
      check(r.ms >= 1000, "Retry-After is honoured", r.ms);
    });

    for (const [word, answer] of [["stumble", "up again"], ["busy", "at last"], ["cut", "whole"]]) {
      await test(`${p}: ${word}: it_is_tried_again`, async (check) => {
        const r = await run(talk, `${p} ${word}`);
        check(r.code === 0 && r.out === answer, "the second answer", r);
        check(r.asked.length === 2, "asked twice", r.asked.length);
      });
    }

    await test(`${p}: a_stream_that_is_cut_each_time_is_unavailable`, async (check) => {
      const r = await run(talk, `${p} cut always`);
      check(r.code === 3 && /unavailable/.test(r.err), "failed, unavailable", r);
      check(r.asked.length === 4, "four attempts", r.asked.length);
    });

    for (const [word, kind] of [["broke", /denied/], ["stranger", /denied/], ["muddle", /invalid/]]) {
      await test(`${p}: ${word}: it_is_not_tried_again`, async (check) => {
        const r = await run(talk, `${p} ${word}`);
        check(r.code === 3 && kind.test(r.err), `failed, ${kind}`, r);
        check(r.asked.length === 1, "asked once", r.asked.length);
      });
    }

    for (const [rate, kind] of [["disconnectRate", "unavailable"], ["malformedRate", "unavailable"], ["dropRate", "unavailable"], ["rateLimitRate", "rate_limited"]]) {
      await test(`${p}: chaos_${rate}_is_${kind}_after_all_attempts`, async (check) => {
        await post("/__aimock/chaos", { [rate]: 1 });
        const r = await run(talk, `${p} ping`);
        await fetch(`${base}/__aimock/chaos`, { method: "DELETE" });
        check(r.code === 3 && r.err.includes(kind), kind, r);
        check(r.asked.length === 4, "four attempts", r.asked.length);
      });
    }
  }

  console.log(`1..${n}`);
} finally {
  mock.kill();
  rmSync(dir, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
