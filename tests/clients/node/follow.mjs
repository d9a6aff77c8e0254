// Prints each event of a subscription as a line of JSON. `node follow.mjs URL QUERY VARIABLES [stock]`
// stock: graphql-ws alone, with its own tries; else behind the last cursor whenever a connection ends.
import { setTimeout as pause } from "node:timers/promises";
import { createClient } from "graphql-ws";

const [url, query, written, stock] = process.argv.slice(2);
const variables = JSON.parse(written);
const tries = stock === undefined ? 0 : Infinity;
const client = createClient({ url, retryAttempts: tries, retryWait: () => pause(100) });

for (;;) {
  try {
    for await (const { data, errors } of client.iterate({ query, variables })) {
      if (errors !== undefined) fail(errors);
      const [event] = Object.values(data);
      variables.after = stock === undefined ? event.cursor : variables.after;
      console.log(JSON.stringify(event));
    }
    if (stock !== undefined) fail("it ended");
  } catch (lost) {
    if (Array.isArray(lost) || lost.code >= 4400) fail(lost);
  }
  await pause(100);
}

function fail(problem) {
  console.log(JSON.stringify({ problem }));
  process.exit(1);
}
