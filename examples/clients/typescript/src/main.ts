// A deployment with a revision that serves, its events, and a batch on it. `./run [URL [KEY]]`
import {
  ActivateRevisionDocument,
  AddRevisionDocument,
  BatchEventsDocument,
  BatchResultsDocument,
  type BatchResultsQuery,
  CreateBatchDocument,
  CreateDeploymentDocument,
  DeploymentEventsDocument,
  EventCursorDocument,
  UploadFileDocument,
} from "../generated/graphql.js";
import { Modelyard } from "./client.js";

type Refusals = readonly { code: string; message: string; path: readonly string[] }[];

const [url = "http://127.0.0.1:8400", key] = process.argv.slice(2);
const modelyard = new Modelyard(url, key);
const name = `typescript-${Date.now().toString(36)}`;

const { eventCursor: after, apiVersion } = await modelyard.ask(EventCursorDocument, {});
console.log(`The API answers as of ${apiVersion}.`);
const deploymentId = await serve();
await followDeployment(deploymentId);
await readResults(await runBatch(["a", "b", "c"]));
process.exit();

async function serve(): Promise<string> {
  const input = { name, desiredReplicas: 1 };
  const made = done((await modelyard.ask(CreateDeploymentDocument, { input })).createModelDeployment);
  const deployment = there(made.deployment);
  const revision = there(
    done(
      (
        await modelyard.ask(AddRevisionDocument, {
          input: { deploymentId: deployment.id, runtimeVariant: "ECHO", note: "from TypeScript" },
        })
      ).addModelRevision,
    ).revision,
  );
  const wanted = { input: { revisionId: revision.id } };
  done((await modelyard.ask(ActivateRevisionDocument, wanted)).activateModelRevision);
  console.log(`Deployment ${deployment.name}: revision ${revision.number} activated.`);
  return deployment.id;
}

async function followDeployment(deploymentId: string): Promise<void> {
  const events = modelyard.follow(
    DeploymentEventsDocument,
    { deploymentId, after },
    (said) => said.deploymentEvents,
  );
  for await (const event of events) {
    console.log(`  ${event.__typename}`);
    if (event.__typename === "DeploymentStatusChanged" && event.statusAfter === "READY") return;
  }
}

async function runBatch(questions: readonly string[]): Promise<string> {
  const input = { file: null, purpose: "BATCH" } as const;
  const file = new File([questions.map(line).join("\n")], "questions.jsonl");
  const uploaded = there(
    done((await modelyard.upload(UploadFileDocument, { input }, file)).uploadFile).file,
  );
  const { batchJob } = done(
    (
      await modelyard.ask(CreateBatchDocument, {
        input: {
          inputFileId: uploaded.id,
          endpoint: "/v1/chat/completions",
          target: "DEPLOYMENT",
          deployment: name,
        },
      })
    ).createBatchJob,
  );
  const batchJobId = there(batchJob).id;
  const events = modelyard.follow(
    BatchEventsDocument,
    { batchJobId, after },
    (said) => said.batchJobEvents,
  );
  for await (const event of events) {
    if (event.__typename !== "BatchJobStatusChanged") continue;
    console.log(`  batch ${event.jobStatusAfter}`);
    if (["COMPLETED", "FAILED", "EXPIRED", "CANCELLED"].includes(event.jobStatusAfter)) break;
  }
  return batchJobId;
}

async function readResults(id: string): Promise<void> {
  let behind: string | null = null;
  do {
    const said: BatchResultsQuery = await modelyard.ask(BatchResultsDocument, { id, after: behind });
    const { counts, results } = there(said.batchJob);
    const { nodes, pageInfo } = there(results);
    for (const { customId, response } of nodes) {
      console.log(`  ${customId}: ${response?.statusCode}`);
    }
    behind = pageInfo.hasNextPage ? pageInfo.endCursor : null;
    if (behind === null) console.log(`${counts.completed} of ${counts.total} completed.`);
  } while (behind !== null);
}

function line(question: string): string {
  const body = { model: name, messages: [{ role: "user", content: question }] };
  return JSON.stringify({
    custom_id: question,
    method: "POST",
    url: "/v1/chat/completions",
    body,
  });
}

function done<P extends { userErrors: Refusals }>(payload: P | null): P {
  const answered = there(payload);
  if (answered.userErrors.length === 0) return answered;
  throw new Error(answered.userErrors.map((error) => `${error.code}: ${error.message}`).join("; "));
}

function there<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("The server left out what was asked for.");
  return value;
}
