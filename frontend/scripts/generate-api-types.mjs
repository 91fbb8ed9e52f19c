/** Generate src/api/types.ts from openapi.json: `make api-types`. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import { format, resolveConfig } from 'prettier';

export const DOCUMENT = fileURLToPath(new URL('../openapi.json', import.meta.url));
export const TYPES = fileURLToPath(new URL('../src/api/types.ts', import.meta.url));

const HEADER = `/**
 * Types of the HTTP API. Generated from openapi.json by \`make api-types\`: do not edit.
 */

`;

/** Exports of openapi-typescript that are empty, because the document has only schemas. */
const EMPTY_EXPORTS = new Set(['paths', 'webhooks', '$defs', 'operations']);

/**
 * Return the TypeScript types of all schemas of an OpenAPI document.
 *
 * Titles and formats are left out. They would only become comments that repeat the name and the
 * description.
 *
 * @param {string} document an OpenAPI document as JSON
 */
export async function generateApiTypes(document) {
  const { openapi, info, paths, components } = JSON.parse(document, (key, value) =>
    (key === 'title' || key === 'format') && typeof value === 'string' ? undefined : value,
  );
  const ast = await openapiTS(
    { openapi, info: { ...info, title: 'TinyPixo' }, paths, components },
    { rootTypes: true, rootTypesNoSchemaPrefix: true },
  );
  const nodes = ast.filter((node) => !EMPTY_EXPORTS.has(node.name?.text));
  return format(HEADER + astToString(nodes), {
    ...(await resolveConfig(TYPES)),
    parser: 'typescript',
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(TYPES, await generateApiTypes(await readFile(DOCUMENT, 'utf8')));
}
