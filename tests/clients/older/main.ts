// A client whose types are those of 0.1.0: main.js URL NAME AFTER [VERSION]; prints the types that it heard of.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { createClient } from "graphql-ws";
import {
  AddDocument,
  CreateDocument,
  DeploymentDocument,
  EverythingDocument,
  StartDocument,
  StateDocument,
} from "../generated/graphql.js";

const [url = "", name = "", after = "", version] = process.argv.slice(2);
const headers = version === undefined ? {} : { "X-Api-Version": version };
const sockets = createClient({
  url: `${url.replace(/^http/, "ws")}/graphql`,
  connectionParams: version === undefined ? {} : { apiVersion: version },
});

const start = await ask(StartDocument, {});
console.log(`version ${start.apiVersion}`);
const made = await ask(CreateDocument, { input: { name, desiredReplicas: 1 } });
const deploymentId = made.createModelDeployment?.deployment?.id ?? fail(made);
const added = await ask(AddDocument, {
  input: { deploymentId, runtimeVariant: "ECHO", activate: true },
});
if (added.addModelRevision?.revision?.number !== 1) fail(added);
for await (const said of follow(DeploymentDocument, { id: deploymentId, after: start.eventCursor })) {
  const event = said.deploymentEvents;
  if (event.__typename === "DeploymentStatusChanged" && event.statusAfter === "READY") break;
}
const state = await ask(StateDocument, { id: deploymentId });
console.log(`node ${state.node?.__typename} READY`);
for await (const { events: event } of follow(EverythingDocument, { after })) {
  console.log(`heard ${event.__typename}`);
  if (event.__typename === "RolloutSucceeded" && event.deploymentId === deploymentId) break;
}
process.exit();

async function ask<R, V>(document: TypedDocumentNode<R, V>, variables: V): Promise<R> {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const said = (await response.json()) as { data?: R; errors?: unknown };
  if (version !== undefined && response.headers.get("X-Api-Version") !== version) fail(said);
  return said.data ?? fail(said.errors);
}

async function* follow<R, V extends Record<string, unknown>>(
  document: TypedDocumentNode<R, V>,
  variables: V,
): AsyncGenerator<R> {
  for await (const said of sockets.iterate<R>({ query: print(document), variables })) {
    yield said.data ?? fail(said.errors);
  }
}

function fail(said: unknown): never {
  throw new Error(JSON.stringify(said));
}
