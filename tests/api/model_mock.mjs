// The real binary asks a mock server that others wrote; the mock's own journal says what it was asked and how often.
import { spawn, execFile } from "node:child_process";
import { mkdtempSync, writeFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [baton, mockProgram] = process.argv.slice(2);
const dir = mkdtempSync(join(tmpdir(), "baton-mock-"));

// First match wins. sequenceIndex counts the matches of a fixture's words, so a second attempt finds the next line.
const fixtures = {
  fixtures: [
    { match: { userMessage: "ping" }, response: { content: "pong", usage: { prompt_tokens: 11, completion_tokens: 3 } } },
    {
      match: { userMessage: "weather", hasToolResult: false },
      response: {
        toolCalls: [
          { name: "lookup", arguments: { city: "Oslo" } },
          { name: "lookup", arguments: { city: "Rome" } },
        ],
      },
    },
    { match: { userMessage: "weather", hasToolResult: true }, response: { content: "cold and warm" } },
    { match: { userMessage: "shape" }, response: { content: '{"name":"cube","sides":6}' } },
    {
      match: { userMessage: "slow down", sequenceIndex: 0 },
      response: { error: { message: "slow", type: "requests", code: "rate_limit_exceeded" }, status: 429, retryAfter: 1 },
    },
    { match: { userMessage: "slow down" }, response: { content: "now" } },
    {
      match: { userMessage: "stumble", sequenceIndex: 0 },
      response: { error: { message: "oops", type: "server_error" }, status: 500 },
    },
    { match: { userMessage: "stumble" }, response: { content: "up again" } },
    {
      match: { userMessage: "broke" },
      response: { error: { message: "pay", type: "insufficient_quota", code: "insufficient_quota" }, status: 429 },
    },
    {
      match: { userMessage: "stranger" },
      response: { error: { message: "who", type: "invalid_request_error", code: "invalid_api_key" }, status: 401 },
    },
    { match: { userMessage: "longish" }, response: { content: "cut her", finishReason: "length" } },
  ],
};

const workflow = `baton: 1
name: mock
input: { text: string }
agents:
  talker:
    model: openai/gpt-x
    instructions: Be brief.
    prompt: "\${{ input.text }}"
    input: { text: string }
    tools: [lookup]
  shaper:
    model: openai/gpt-x
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
    AGENT
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
writeFileSync(join(dir, "talk.yaml"), workflow.replace("AGENT", "agent: talker"));
writeFileSync(join(dir, "shape.yaml"), workflow.replace("AGENT", "agent: shaper"));
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

/* Runs a file; gives its exit code, output, complaints and what the mock was asked meanwhile. */
async function run(file, text) {
  await post("/__aimock/reset/journal", {});
  const begin = Date.now();
  const result = await new Promise((resolve) => {
    execFile(
      baton,
      ["run", join(dir, file), `text=${text}`, "--data", join(dir, "data")],
      { cwd: dir, timeout: 60000, env: { ...process.env, OPENAI_BASE_URL: `${base}/v1`, OPENAI_API_KEY: "test-key" } },
      (error, out, err) => resolve({ code: error ? (error.code ?? error.signal) : 0, out: out.trim(), err }),
    );
  });
  const journal = await (await fetch(`${base}/__aimock/journal`)).json();
  const entries = Array.isArray(journal) ? journal : (journal.entries ?? []);
  return { ...result, ms: Date.now() - begin, asked: entries.map((e) => e.body ?? e.request?.body ?? e) };
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

  await test("a_text_comes_back", async (check) => {
    const r = await run("talk.yaml", "ping");
    check(r.code === 0 && r.out === "pong", "pong", r);
    check(r.asked.length === 1, "asked once", r.asked.length);
    check(r.asked[0]?.model === "gpt-x", "the provider is taken off the model", r.asked[0]);
    check(r.asked[0]?.tools?.[0]?.function?.name === "lookup", "the tool is offered", r.asked[0]);
  });

  await test("two_tool_calls_are_answered_and_the_loop_ends", async (check) => {
    const r = await run("talk.yaml", "weather");
    check(r.code === 0 && r.out === "cold and warm", "the final answer", r);
    check(r.asked.length === 2, "asked twice", r.asked.length);
    const messages = r.asked[1]?.messages ?? [];
    const calls = messages.find((m) => m.role === "assistant")?.tool_calls ?? [];
    const results = messages.filter((m) => m.role === "tool");
    check(calls.length === 2 && results.length === 2, "two calls, two results", messages);
    check(calls.every((c, i) => c.id === results[i].tool_call_id), "in order, by id", messages);
    check(typeof calls[0]?.function?.arguments === "string", "arguments as a text", calls);
  });

  await test("an_output_type_is_asked_for_as_a_schema_and_held", async (check) => {
    const r = await run("shape.yaml", "shape");
    check(r.code === 0 && JSON.parse(r.out).sides === 6, "a cube", r);
    const format = r.asked[0]?.response_format;
    check(format?.type === "json_schema" && format.json_schema.strict === true, "a strict schema", format);
  });

  await test("a_rate_limit_is_waited_out", async (check) => {
    const r = await run("talk.yaml", "slow down");
    check(r.code === 0 && r.out === "now", "the second answer", r);
    check(r.asked.length === 2, "asked twice", r.asked.length);
    check(r.ms >= 1000, "Retry-After is honoured", r.ms);
  });

  await test("a_server_error_is_tried_again", async (check) => {
    const r = await run("talk.yaml", "stumble");
    check(r.code === 0 && r.out === "up again", "the second answer", r);
    check(r.asked.length === 2, "asked twice", r.asked.length);
  });

  await test("a_used_up_quota_is_denied", async (check) => {
    const r = await run("talk.yaml", "broke");
    check(r.code === 3 && /denied/.test(r.err), "failed, denied", r);
    check(r.asked.length === 1, "asked once", r.asked.length);
  });

  await test("a_wrong_key_is_denied", async (check) => {
    const r = await run("talk.yaml", "stranger");
    check(r.code === 3 && /denied/.test(r.err), "failed, denied", r);
    check(r.asked.length === 1, "asked once", r.asked.length);
  });

  for (const [rate, kind] of [["disconnectRate", "unavailable"], ["malformedRate", "unavailable"], ["dropRate", "unavailable"], ["rateLimitRate", "rate_limited"]]) {
    await test(`chaos_${rate}_is_${kind}_after_all_attempts`, async (check) => {
      await post("/__aimock/chaos", { [rate]: 1 });
      const r = await run("talk.yaml", "ping");
      await fetch(`${base}/__aimock/chaos`, { method: "DELETE" });
      check(r.code === 3 && r.err.includes(kind), kind, r);
      check(r.asked.length === 4, "four attempts", r.asked.length);
    });
  }

  console.log(`1..${n}`);
} finally {
  mock.kill();
  rmSync(dir, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
