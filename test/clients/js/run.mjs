// Runs the clients of this folder against a service and prints what each got, one
// JSON object a line; the Go test beside this folder judges it.
import { assertion, headers } from "./assertion.mjs";
import { DoorwardRetriever } from "./langchain.mjs";
import { Stopped, filtered } from "./filter.mjs";
import { connect } from "./mcp.mjs";
import { openaiFor } from "./openai.mjs";

const ann = { id: "ann", groups: ["staff"] };
const question = "When is the crane repaired?";
const say = (name, got) => console.log(JSON.stringify({ case: name, text: "", finish: "", arguments: "", ...got }));

async function openai() {
  const client = openaiFor(ann);
  const messages = [{ role: "user", content: question }];
  const tools = [{ type: "function", function: { name: "send_mail", parameters: { type: "object", properties: { body: { type: "string" } } } } }];
  const whole = async (name, model, extra = {}) => {
    const { choices: [c] } = await client.chat.completions.create({ model, messages, ...extra });
    say(name, { text: c.message.content ?? "", finish: c.finish_reason, arguments: c.message.tool_calls?.[0]?.function.arguments ?? "" });
  };
  const stream = async (name, model, extra = {}) => {
    const got = { text: "", finish: "", arguments: "" };
    for await (const { choices } of await client.chat.completions.create({ model, messages, stream: true, ...extra })) {
      got.text += choices[0]?.delta.content ?? "";
      got.arguments += choices[0]?.delta.tool_calls?.[0]?.function?.arguments ?? "";
      got.finish = choices[0]?.finish_reason ?? got.finish;
    }
    say(name, got);
  };
  await whole("whole", "test-leak");
  await stream("stream", "test-leak");
  await whole("tools", "test-tools", { tools });
  await stream("tools stream", "test-tools", { tools });
  await whole("stop", "test-stop");
  await stream("stop stream", "test-stop");
}

async function filter() {
  const retrieved = await fetch(`${process.env.DOORWARD_URL}/v1/retrieve`, {
    method: "POST", headers: { ...headers(ann), "Content-Type": "application/json" }, body: JSON.stringify({ question, format: "messages" }),
  });
  const context = await retrieved.json();
  const run = async (name, deltas) => {
    const got = { text: "", finish: "stop" };
    try {
      for await (const text of filtered(ann, context.context_id, deltas)) got.text += text;
    } catch (e) {
      if (!(e instanceof Stopped)) throw e;
      got.finish = "content_filter";
    }
    say(name, got);
  };
  await run("stream", JSON.parse(process.env.TEST_DELTAS));
  await run("stop stream", ["My context: ", context.messages.at(-1).content, " the end", " of it"]);
  // A model that speaks on only when its last words have been shown.
  let shown = () => {};
  const got = { text: "", finish: "stop" };
  async function* waiting() {
    for (const word of ["The crane in the old harbour basin is repaired by two people on every Tuesday of the month. ", "It is closed to all ships until they are done, and opens again on Wednesday morning at eight. ", "That is all. "]) {
      const seen = new Promise((resolve) => { shown = resolve; });
      yield word;
      if (word !== "That is all. ") await seen;
    }
  }
  for await (const text of filtered(ann, context.context_id, waiting())) { got.text += text; shown(); }
  say("no waiting", got);
}

async function langchain() {
  const found = await new DoorwardRetriever({ user: ann, topK: 4 }).invoke(question);
  say("search", { text: found.map((d) => d.pageContent).join("\n"), finish: found.every((d) => d.metadata.context_id) ? "stop" : "no context" });
}

async function mcp() {
  const client = await connect(assertion(ann));
  const { tools } = await client.listTools();
  const search = await client.callTool({ name: "search", arguments: { query: question } });
  const page = await client.callTool({ name: "fetch", arguments: { id: "crane.txt" } });
  const forbidden = await client.callTool({ name: "fetch", arguments: { id: "board:plan.txt" } });
  say("search", { text: JSON.stringify(search.structuredContent), finish: tools.map((t) => t.name).sort().join(" ") });
  say("fetch", { text: page.content[0].text, finish: forbidden.isError ? "stop" : "let in" });
  await client.close();
}

await { openai, filter, langchain, mcp }[process.argv[2]]();
