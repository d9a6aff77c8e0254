// Monaco's workers: files of their own beside this one, from the server that the page came from.
declare const EDITOR_WORKER: string;
declare const GRAPHQL_WORKER: string;
declare const JSON_WORKER: string;

const FILES: Record<string, string> = { graphql: GRAPHQL_WORKER, json: JSON_WORKER };

Object.assign(globalThis, {
  MonacoEnvironment: {
    getWorker: (_id: string, label: string): Worker =>
      new Worker(new URL(FILES[label] ?? EDITOR_WORKER, import.meta.url)),
  },
});

export {};
