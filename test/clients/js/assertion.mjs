// Signs who the user is, with the backend's assertion key. The service takes an
// assertion once, so every request needs a new one.
import { createPrivateKey, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";

const key = createPrivateKey(readFileSync(process.env.DOORWARD_ASSERTION_KEY));
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** @param {{id: string, groups?: string[], roles?: string[]}} user */
export function assertion(user) {
  const now = Math.floor(Date.now() / 1000);
  const backend = process.env.DOORWARD_BACKEND;
  const signed = [{ alg: "EdDSA", typ: "JWT" }, {
    iss: `backend:${backend}`, azp: backend, aud: ["doorward"], jti: randomUUID(), iat: now, exp: now + 60,
    tenant: process.env.DOORWARD_TENANT, sub: user.id, groups: user.groups ?? [], roles: user.roles ?? [],
  }].map(part).join(".");
  return `${signed}.${sign(null, Buffer.from(signed), key).toString("base64url")}`;
}

/** The two headers of every request: which backend asks, and for whom. */
export const headers = (user) => ({
  Authorization: `Bearer ${process.env.DOORWARD_KEY}`,
  "Doorward-Assertion": assertion(user),
});
