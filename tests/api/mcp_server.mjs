// A server of tools on the reference SDK of 2026, for tests/api/mcp: `stdio`, or `http PORT`. What it says of its tools stands in
// the file TOOLS, looked at for each list, so that a test can change it; what it does it writes into LEDGER: a line for each call.
import { readFileSync, appendFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

// The packages are in a folder of the build, not beside this file.
const require = createRequire(process.env.PEERS + "/");
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { Server, createMcpHandler } = await load("@modelcontextprotocol/server");
const { serveStdio } = await load("@modelcontextprotocol/server/stdio");

const { TOOLS, LEDGER, PAGE } = process.env;
const mode = process.argv[2];
const sleep = (ms, signal) =>
  new Promise((done, fail) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), fail(new Error("aborted"))));
  });
const write = (line) => appendFileSync(LEDGER, line + "\n");

async function call({ name, arguments: args }, ctx) {
  const key = ctx.mcpReq._meta?.["baton/idempotencyKey"] ?? "-";
  write(`${name} ${JSON.stringify(args)} key=${key} pid=${process.pid}`);
  if (name === "die") process.exit(7);
  if (name === "fail") return { isError: true, content: [{ type: "text", text: "no such thing" }] };
  if (name === "wait") {
    const token = ctx.mcpReq._meta?.progressToken;
    try {
      for (let i = 1; i <= (args.steps ?? 1); i++) {
        await sleep(args.ms, ctx.mcpReq.signal);
        await ctx.mcpReq.notify({
          method: "notifications/progress",
          params: { progressToken: token, progress: i, message: `step ${i}` },
        });
      }
    } catch {
      write("cancelled");
      return { content: [] };
    }
  }
  if (name === "parts") return { content: [{ type: "text", text: "a" }, { type: "resource_link", uri: "file:///b", name: "b" }] };
  const given = { given: args, pid: process.pid };
  return { content: [{ type: "text", text: JSON.stringify(given) }], structuredContent: given };
}

// PAGE: so many tools on each page; the cursor is the number of the next.
function list(cursor) {
  const tools = JSON.parse(readFileSync(TOOLS, "utf8"));
  const from = cursor ? Number(cursor) : 0;
  const to = PAGE ? from + Number(PAGE) : tools.length;
  return { tools: tools.slice(from, to), ...(to < tools.length ? { nextCursor: String(to) } : {}) };
}

function make() {
  const server = new Server({ name: "peer", version: "1" }, { capabilities: { tools: { listChanged: true } } });
  server.setRequestHandler("tools/list", async (request) => list(request.params?.cursor));
  server.setRequestHandler("tools/call", async (request, ctx) => call(request.params, ctx));
  return server;
}

if (mode === "stdio") {
  write(`began pid=${process.pid}`);
  serveStdio(make);
} else {
  const handler = createMcpHandler(make, mode === "http-modern" ? { legacy: "reject" } : {});
  createServer(async (req, res) => {
    const chunks = [];
    for await (const chunk of req) chunks.push(chunk);
    const gone = new AbortController();
    res.on("close", () => gone.abort());
    write(`http ${req.method} ${req.headers["mcp-method"] ?? "-"} ${req.headers["mcp-name"] ?? "-"} ${req.headers["authorization"] ?? "-"}`);
    const answer = await handler.fetch(
      new Request(`http://127.0.0.1${req.url}`, {
        method: req.method,
        headers: Object.entries(req.headers),
        body: chunks.length ? Buffer.concat(chunks) : undefined,
        signal: gone.signal,
      }),
    );
    res.writeHead(answer.status, Object.fromEntries(answer.headers));
    for await (const part of answer.body ?? []) res.write(part);
    res.end();
  }).listen(Number(process.argv[3]), "127.0.0.1", () => console.error("listening"));
}
