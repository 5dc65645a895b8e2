// OpenAI's own client, unchanged: the gateway is its base URL, the backend's key
// its API key. The assertion is added in fetch, so that a retry has a new one.
import OpenAI from "openai";
import { assertion } from "./assertion.mjs";

/** @param {{id: string, groups?: string[]}} user */
export const openaiFor = (user) => new OpenAI({
  baseURL: `${process.env.DOORWARD_URL}/v1`,
  apiKey: process.env.DOORWARD_KEY,
  fetch: (url, init) => {
    const headers = new Headers(init?.headers);
    headers.set("Doorward-Assertion", assertion(user));
    return fetch(url, { ...init, headers });
  },
});
