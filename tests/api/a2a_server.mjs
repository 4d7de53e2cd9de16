// node a2a_server.mjs MODULES FILE [PORT]: an agent of the reference SDK (@a2a-js/sdk) behind express. What it is told says what it does;
// each message that it began to work on is a line of FILE. Prints its port.
import { createRequire } from "node:module";
import { appendFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";
import path from "node:path";

const [modules, ledger, wanted] = process.argv.slice(2);
const require = createRequire(path.join(modules, "x.js"));
const load = (name) => import(pathToFileURL(require.resolve(name)).href);
const { AgentCard, Role, TaskState } = await load("@a2a-js/sdk");
const { AgentEvent, DefaultRequestHandler, InMemoryTaskStore } = await load("@a2a-js/sdk/server");
const { agentCardHandler, jsonRpcHandler, UserBuilder } = await load("@a2a-js/sdk/server/express");
const express = (await load("express")).default;

const text = (value) => ({ content: { $case: "text", value }, metadata: undefined, filename: "", mediaType: "text/plain" });
const data = (value) => ({ content: { $case: "data", value }, metadata: undefined, filename: "", mediaType: "application/json" });
const said = (c, parts) => ({
  messageId: randomUUID(), contextId: c.contextId, taskId: c.taskId, role: Role.ROLE_AGENT, parts, metadata: undefined,
  extensions: [], referenceTaskIds: [],
});
const sleep = (ms) => new Promise((go) => setTimeout(go, ms));
const cancelled = new Set();

class Agent {
  async execute(c, bus) {
    const part = c.userMessage.parts[0]?.content;
    const word = part?.$case === "text" ? part.value : "data";
    appendFileSync(ledger, `${c.userMessage.messageId} ${word}\n`);
    const status = (state, parts) => bus.publish(AgentEvent.statusUpdate({
      taskId: c.taskId, contextId: c.contextId, metadata: undefined,
      status: { state, message: parts && said(c, parts), timestamp: new Date().toISOString() },
    }));
    const artifact = (id, parts, append) => bus.publish(AgentEvent.artifactUpdate({
      taskId: c.taskId, contextId: c.contextId, append, lastChunk: false, metadata: undefined,
      artifact: { artifactId: id, name: id, description: "", parts, metadata: undefined, extensions: [] },
    }));
    const open = (state) => bus.publish(AgentEvent.task(c.task ? { ...c.task, status: { state, message: undefined, timestamp: undefined } } : {
      id: c.taskId, contextId: c.contextId, artifacts: [], history: [c.userMessage], metadata: undefined,
      status: { state, message: undefined, timestamp: new Date().toISOString() },
    }));
    const [verb, n] = word.split(" ");
    if (verb === "hello") {
      bus.publish(AgentEvent.message(said(c, [text("Hello back.")])));
    } else if (c.task) { // the answer to its question
      open(TaskState.TASK_STATE_WORKING);
      artifact("answer", [text(`It is ${word}.`)], false);
      status(TaskState.TASK_STATE_COMPLETED);
    } else if (verb === "slow") {
      open(TaskState.TASK_STATE_WORKING);
      artifact("report", [text("first ")], false);
      for (let at = 0; at < Number(n) && !cancelled.has(c.taskId); at += 50) await sleep(50);
      if (cancelled.has(c.taskId)) {
        status(TaskState.TASK_STATE_CANCELED);
      } else {
        artifact("report", [text("second")], true);
        status(TaskState.TASK_STATE_COMPLETED);
      }
    } else if (verb === "which") {
      open(TaskState.TASK_STATE_WORKING);
      status(TaskState.TASK_STATE_INPUT_REQUIRED, [text("Which one?")]);
    } else if (verb === "fail") {
      open(TaskState.TASK_STATE_WORKING);
      status(TaskState.TASK_STATE_FAILED, [text("The kettle is cold.")]);
    } else if (verb === "reject") {
      open(TaskState.TASK_STATE_SUBMITTED);
      status(TaskState.TASK_STATE_REJECTED, [text("Not mine.")]);
    } else {
      open(TaskState.TASK_STATE_WORKING);
      artifact("data", [data({ got: part?.value ?? null })], false);
      status(TaskState.TASK_STATE_COMPLETED);
    }
    bus.finished();
  }
  async cancelTask(taskId) {
    appendFileSync(ledger, `cancel ${taskId}\n`);
    cancelled.add(taskId);
  }
}

const app = express();
const server = app.listen(Number(wanted ?? 0), "127.0.0.1", () => {
  const port = server.address().port;
  const card = AgentCard.fromJSON({
    name: "kettle", description: "Does as it is told.", version: "1",
    supportedInterfaces: [{ url: `http://127.0.0.1:${port}/rpc`, protocolBinding: "JSONRPC", protocolVersion: "1.0" }],
    capabilities: { streaming: true }, defaultInputModes: ["text/plain"], defaultOutputModes: ["text/plain"],
    skills: [{ id: "all", name: "all", description: "all", tags: [] }],
  });
  const handler = new DefaultRequestHandler(card, new InMemoryTaskStore(), new Agent());
  app.use((request, response, next) => {
    if (request.headers["x-key"] === "wrong") response.status(401).json({ error: "who are you?" });
    else next();
  });
  app.use("/.well-known/agent-card.json", agentCardHandler({ agentCardProvider: handler }));
  app.use("/rpc", jsonRpcHandler({ requestHandler: handler, userBuilder: UserBuilder.noAuthentication }));
  console.log(port);
});
