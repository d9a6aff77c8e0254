import "./workers";
import "graphiql/style.css";
import "./graphiql.css";

import { GraphiQL } from "graphiql";
import type { FormattedExecutionResult } from "graphql";
import { StrictMode, useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { Bar } from "./bar";
import { fetching } from "./fetching";
import { type Caller, keep, recall, settings as given } from "./settings";

const QUERY = `# Ctrl-Space completes, Ctrl-Enter runs.

query Deployments {
  apiVersion
  modelDeployments(first: 10) {
    edges {
      node {
        id
        name
        status
      }
    }
  }
}
`;

const settings = given();

function Page() {
  const [caller, setCaller] = useState(() => recall(settings.versions));
  const [problem, setProblem] = useState("");
  const { fetcher, dispose } = useMemo(
    () => fetching(caller, (result) => setProblem(refusal(result, caller))),
    [caller],
  );
  useEffect(() => dispose, [dispose]);

  function change(changed: Caller) {
    keep(changed);
    setCaller(changed);
  }

  const link = new URLSearchParams(location.search);
  return (
    <>
      <Bar settings={settings} caller={caller} onChange={change} />
      {problem && (
        <p className="problem" role="alert">
          {problem}
        </p>
      )}
      <GraphiQL
        fetcher={fetcher}
        storage={sessionStorage}
        shouldPersistHeaders={false}
        inputValueDeprecation
        schemaDescription
        defaultQuery={QUERY}
        {...text("initialQuery", link.get("query"))}
        {...text("initialVariables", link.get("variables"))}
      >
        <GraphiQL.Logo>
          <span />
        </GraphiQL.Logo>
      </GraphiQL>
    </>
  );
}

function text<Name extends string>(name: Name, value: string | null): { [key in Name]?: string } {
  return value === null ? {} : ({ [name]: value } as { [key in Name]: string });
}

/** Why there is no schema to complete from, or "". */
function refusal(result: FormattedExecutionResult, caller: Caller): string {
  if (result.data) return "";
  const first = result.errors?.[0];
  const code = first?.extensions?.["code"];
  if (code === "UNAUTHENTICATED" && !caller.key) return "Enter an API key above: `modelyard key create` makes one.";
  if (code === "DOCUMENT_NOT_TRUSTED") {
    return "This server runs listed documents alone, and the query for its schema is not among them.";
  }
  const why = `${first?.message ?? "The server gave no reason."}${code ? ` (${String(code)})` : ""}`;
  return `No schema to complete from or to look into: ${why} Operations can be sent all the same.`;
}

const root = document.getElementById("page");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <Page />
    </StrictMode>,
  );
}
