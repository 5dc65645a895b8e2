// A LangChain retriever over POST /v1/retrieve. Make one for each user: what it
// finds is what that user may read. Keep metadata.context_id for the filter.
import { Document } from "@langchain/core/documents";
import { BaseRetriever } from "@langchain/core/retrievers";
import { headers } from "./assertion.mjs";

export class DoorwardRetriever extends BaseRetriever {
  lc_namespace = ["doorward", "retrievers"];

  /** @param {{user: {id: string, groups?: string[]}, topK?: number}} fields */
  constructor({ user, topK = 8, ...fields }) {
    super(fields);
    this.user = user;
    this.topK = topK;
  }

  async _getRelevantDocuments(question) {
    const response = await fetch(`${process.env.DOORWARD_URL}/v1/retrieve`, {
      method: "POST",
      headers: { ...headers(this.user), "Content-Type": "application/json" },
      body: JSON.stringify({ question, top_k: this.topK }),
    });
    const found = await response.json();
    if (!response.ok) throw new Error(`Doorward: ${response.status} ${found.title}: ${found.detail ?? ""}`);
    return found.passages.map((p) => new Document({
      id: p.document,
      pageContent: p.text,
      metadata: { title: p.title, source: p.uri, citation: p.citation, context_id: found.context_id },
    }));
  }
}
