// What graphql-inspector finds between two schemas, as JSON. `node diff.mjs OLD NEW`
import { readFileSync } from "node:fs";
import { diff } from "@graphql-inspector/core";
import { buildSchema } from "graphql";

const [old, young] = process.argv.slice(2).map((file) => buildSchema(readFileSync(file, "utf8")));
const changes = await diff(old, young);
const row = ({ type, path, criticality, meta }) => ({ type, path, level: criticality.level, meta });
console.log(JSON.stringify(changes.map(row)));
