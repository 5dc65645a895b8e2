// Filters a model's answer while it streams: give it the model's deltas, iterate
// over what may be shown. Works as it is in TypeScript and in Node 20 or later.
import { headers } from "./assertion.mjs";

export class Stopped extends Error {}

/**
 * @param {{id: string, groups?: string[]}} user
 * @param {string} contextId of the retrieval the answer was made from; "" for none
 * @param {AsyncIterable<string> | Iterable<string>} deltas
 * @returns {AsyncGenerator<string>} what may be shown; throws Stopped where the filter ends the answer
 */
export async function* filtered(user, contextId, deltas) {
  async function* lines() {
    const encoder = new TextEncoder();
    yield encoder.encode(JSON.stringify({ context_id: contextId }) + "\n");
    for await (const delta of deltas) yield encoder.encode(JSON.stringify({ delta }) + "\n");
  }
  const response = await fetch(`${process.env.DOORWARD_URL}/v1/output/stream`, {
    method: "POST",
    headers: { ...headers(user), "Content-Type": "application/x-ndjson" },
    body: ReadableStream.from(lines()),
    duplex: "half",
  });
  if (!response.ok) throw new Error(`Doorward: ${response.status} ${(await response.json()).title}`);
  let rest = "";
  for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
    const complete = (rest + text).split("\n");
    rest = complete.pop();
    for (const { delta, end } of complete.filter(Boolean).map((l) => JSON.parse(l))) {
      if (delta) yield delta;
      if (end?.error) throw new Error(`Doorward: ${end.error}`);
      if (end?.action === "hold") throw new Stopped("the filter stopped the answer");
      if (end) return;
    }
  }
  throw new Error("Doorward: the stream has no end; do not show it as an answer");
}
