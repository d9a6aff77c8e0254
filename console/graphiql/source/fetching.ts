import type { Fetcher, FetcherOpts, FetcherParams } from "@graphiql/toolkit";
import { type FormattedExecutionResult as Result, Kind } from "graphql";
import { type Client, createClient } from "graphql-ws";
import type { Caller } from "./settings";

type Headers = Record<string, string>;

export interface Fetching {
  fetcher: Fetcher;
  /** Ends its socket, and with it every subscription. */
  dispose: () => void;
}

/**
 * Queries and mutations over HTTP, subscriptions over one WebSocket, both as `caller`; what the header
 * editor says goes first. `onSchema` gets what was answered when GraphiQL asked for the schema.
 */
export function fetching(caller: Caller, onSchema: (result: Result) => void): Fetching {
  const address = new URL("/graphql", location.href);
  let socket: { of: string; client: Client } | undefined;

  function client(headers: Headers): Client {
    const said = introduction(headers);
    const of = JSON.stringify(said);
    if (socket?.of !== of) {
      void socket?.client.dispose();
      const url = address.href.replace(/^http/, "ws");
      socket = { of, client: createClient({ url, connectionParams: said, retryAttempts: 0 }) };
    }
    return socket.client;
  }

  async function answered(params: FetcherParams, headers: Headers): Promise<Result> {
    const result = await post(address, params, headers);
    if (params.operationName === "IntrospectionQuery") onSchema(result);
    return result;
  }

  return {
    fetcher: (params: FetcherParams, options?: FetcherOpts) => {
      const headers = headersOf(caller, options?.headers ?? {});
      const answer = isSubscription(params, options)
        ? told(client(headers), params)
        : answered(params, headers);
      return answer as ReturnType<Fetcher>; // as JSON has it, which is what is shown
    },
    dispose: () => void socket?.client.dispose(),
  };
}

function isSubscription(params: FetcherParams, options?: FetcherOpts): boolean {
  const operations = (options?.documentAST?.definitions ?? []).filter(
    (each) => each.kind === Kind.OPERATION_DEFINITION,
  );
  const name = params.operationName;
  const chosen = operations.find((each) => each.name?.value === name) ?? operations[0];
  return chosen?.operation === "subscription";
}

function headersOf(caller: Caller, edited: Record<string, unknown>): Headers {
  const headers: Headers = {};
  if (caller.key) headers["authorization"] = `Bearer ${caller.key}`;
  if (caller.project) headers["x-modelyard-project"] = caller.project;
  if (caller.version) headers["x-api-version"] = caller.version;
  for (const [name, value] of Object.entries(edited)) headers[name.toLowerCase()] = String(value);
  return headers;
}

/** The same as `connection_init` has it: a browser's socket can't send headers. */
function introduction(headers: Headers): Record<string, string | undefined> {
  return {
    authorization: headers["authorization"],
    project: headers["x-modelyard-project"],
    apiVersion: headers["x-api-version"],
  };
}

async function post(address: URL, params: FetcherParams, headers: Headers): Promise<Result> {
  const response = await fetch(address, {
    method: "POST",
    headers: {
      accept: "application/graphql-response+json, application/json;q=0.9",
      "content-type": "application/json",
      ...headers,
    },
    body: JSON.stringify(params),
    credentials: "omit",
  });
  const text = await response.text();
  try {
    return JSON.parse(text) as Result;
  } catch {
    throw new Error(`The server answered ${response.status} ${response.statusText}: ${text.slice(0, 500)}`);
  }
}

async function* told(client: Client, params: FetcherParams): AsyncGenerator<Result> {
  const { query, variables, operationName } = params;
  try {
    yield* client.iterate({
      query,
      variables: variables as Record<string, unknown> | null,
      operationName: operationName ?? null,
    });
  } catch (error) {
    throw error instanceof CloseEvent ? new Error(`The socket was closed: ${closing(error)}`) : error;
  }
}

function closing({ code, reason }: CloseEvent): string {
  return `${reason || "no reason given"} (${code}).`;
}
