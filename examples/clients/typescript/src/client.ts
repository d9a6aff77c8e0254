// Typed documents in, typed answers out; a subscription goes on behind the last cursor when its connection is lost.
import { setTimeout as pause } from "node:timers/promises";
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print, type GraphQLFormattedError } from "graphql";
import { createClient, type Client } from "graphql-ws";

export const API_VERSION = "0.2.0"; // what the documents were written against
const AGAIN = 250; // milliseconds between two tries
const TRIES = 120;

export class Refused extends Error {
  constructor(readonly errors: readonly GraphQLFormattedError[]) {
    super(errors.map((error) => `${error.extensions?.["code"]}: ${error.message}`).join("; "));
  }
}

type Answer<R> = { data?: R | null; errors?: GraphQLFormattedError[] };
type Seen = { cursor: string };

export class Modelyard {
  private readonly headers: Record<string, string>;
  private readonly sockets: Client;

  constructor(private readonly url: string, key?: string, version = API_VERSION) {
    const authorization = key === undefined ? {} : { authorization: `Bearer ${key}` };
    this.headers = { "X-Api-Version": version, ...authorization };
    this.sockets = createClient({
      url: `${url.replace(/^http/, "ws")}/graphql`,
      connectionParams: { apiVersion: version, ...authorization },
      retryAttempts: 0, // its own tries would ask for the same `after` again; ours is behind what was seen
    });
  }

  async ask<R, V>(document: TypedDocumentNode<R, V>, variables: V): Promise<R> {
    const body = JSON.stringify({ query: print(document), variables });
    return this.post<R>(body, { "Content-Type": "application/json" });
  }

  /** `variables.input.file` is null, as the GraphQL multipart request specification has it. */
  async upload<R, V>(document: TypedDocumentNode<R, V>, variables: V, file: File): Promise<R> {
    const form = new FormData();
    form.append("operations", JSON.stringify({ query: print(document), variables }));
    form.append("map", JSON.stringify({ "0": ["variables.input.file"] }));
    form.append("0", file);
    return this.post<R>(form, { "GraphQL-Require-Preflight": "true" });
  }

  /** Every event behind `variables.after`, once and in order, until nothing more can come. */
  async *follow<R, V extends { after?: string | null | undefined }, E extends Seen>(
    document: TypedDocumentNode<R, V>,
    variables: V,
    event: (said: R) => E,
  ): AsyncGenerator<E> {
    let after = variables.after;
    for (let failed = 0; ; ) {
      try {
        const asked = { query: print(document), variables: { ...variables, after } };
        for await (const said of this.sockets.iterate<R>(asked)) {
          if (said.errors !== undefined || !said.data) throw new Refused(said.errors ?? []);
          const seen = event(said.data);
          failed = 0;
          after = seen.cursor;
          yield seen;
        }
        return;
      } catch (lost) {
        if (!isLost(lost) || ++failed > TRIES) throw inWords(lost);
        console.error("The connection was lost; going on behind the last cursor.");
      }
      await pause(AGAIN);
    }
  }

  private async post<R>(body: BodyInit, headers: Record<string, string>): Promise<R> {
    const sent = { ...this.headers, ...headers };
    const response = await fetch(`${this.url}/graphql`, { method: "POST", headers: sent, body });
    const answer = (await response.json()) as Answer<R>;
    if (answer.errors !== undefined || !answer.data) throw new Refused(answer.errors ?? []);
    return answer.data;
  }
}

/** graphql-ws rejects with a list of errors or a close event, of which Node shows neither code nor reason. */
function inWords(problem: unknown): unknown {
  if (problem instanceof Error) return problem;
  if (Array.isArray(problem)) return new Refused(problem as GraphQLFormattedError[]);
  const { code, reason } = problem as { code?: unknown; reason?: unknown };
  return new Error(`The connection was closed: ${code} ${reason}`);
}

/** A closed socket, but for the 44xx that say that the same again would end the same way; or nobody there. */
function isLost(problem: unknown): boolean {
  if (problem instanceof Refused || Array.isArray(problem)) return false;
  const code = (problem as { code?: unknown }).code;
  return typeof code !== "number" || code < 4400 || code >= 4500;
}
