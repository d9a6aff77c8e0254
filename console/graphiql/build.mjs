// Bundles source/ into ../../infra/http/pages/assets: every file under a name that has its content's hash,
// text gzipped; manifest.json says what a page begins with, licences.txt whose work is in it.
import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "..", "infra", "http", "pages", "assets");
const fresh = `${target}.new`;

const settings = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  metafile: true,
  legalComments: "none",
  target: "es2022",
  logLevel: "warning",
  outdir: fresh,
  entryNames: "[name]-[hash]",
  chunkNames: "chunk-[hash]",
  define: { "process.env.NODE_ENV": '"production"' },
};
const styled = {
  name: "GraphiQL's style has Monaco's in it",
  setup: (of) => of.onLoad({ filter: /monaco-editor.*\.css$/ }, () => ({ contents: "", loader: "css" })),
};

rmSync(fresh, { recursive: true, force: true });
const workers = await build({
  ...settings,
  format: "iife",
  entryPoints: {
    "editor-worker": "monaco-editor/esm/vs/editor/editor.worker.js",
    "graphql-worker": "monaco-graphql/esm/graphql.worker.js",
    "json-worker": "monaco-editor/esm/vs/language/json/json.worker.js",
  },
});
const page = await build({
  ...settings,
  format: "esm",
  splitting: true,
  plugins: [styled],
  entryPoints: { graphiql: "source/graphiql.tsx" },
  define: {
    ...settings.define,
    EDITOR_WORKER: JSON.stringify(named(workers, "editor-worker")),
    GRAPHQL_WORKER: JSON.stringify(named(workers, "graphql-worker")),
    JSON_WORKER: JSON.stringify(named(workers, "json-worker")),
  },
});

for (const file of readdirSync(fresh)) {
  writeFileSync(join(fresh, `${file}.gz`), gzipSync(readFileSync(join(fresh, file)), { level: 9 }));
  rmSync(join(fresh, file));
}
const begins = { script: named(page, "graphiql"), style: named(page, "graphiql", ".css") };
writeFileSync(join(fresh, "manifest.json"), `${JSON.stringify({ graphiql: begins })}\n`);
writeFileSync(join(fresh, "licences.txt"), licences());
rmSync(target, { recursive: true, force: true });
renameSync(fresh, target);

/** The output that an entry became. */
function named({ metafile }, entry, ending = ".js") {
  const outputs = Object.keys(metafile.outputs).map((path) => basename(path));
  return outputs.find((name) => name.startsWith(`${entry}-`) && name.endsWith(ending));
}

/** Of every package of which something was bundled. */
function licences() {
  const inputs = [workers, page].flatMap(({ metafile }) => Object.keys(metafile.inputs));
  const folders = new Set(inputs.map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]).filter(Boolean));
  return [...folders].sort().map(licence).join("\n");
}

function licence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(here, folder, "package.json"), "utf8"));
  const file = readdirSync(join(here, folder)).find((each) => /^licen[cs]e/i.test(each));
  const text = file ? readFileSync(join(here, folder, file), "utf8") : "";
  return `==== ${name} ${version} (${license})\n\n${text.trim()}\n`;
}
