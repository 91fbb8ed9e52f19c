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

/**
 * Return the TypeScript types of all schemas of an OpenAPI document.
 *
 * The paths are left out, because the page's client builds its URLs itself.
 *
 * @param {string} document an OpenAPI document as JSON
 */
export async function generateApiTypes(document) {
  const { openapi, info, components } = JSON.parse(document);
  const ast = await openapiTS(
    { openapi, info, paths: {}, components },
    { rootTypes: true, rootTypesNoSchemaPrefix: true },
  );
  return format(HEADER + astToString(ast), {
    ...(await resolveConfig(TYPES)),
    parser: 'typescript',
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await writeFile(TYPES, await generateApiTypes(await readFile(DOCUMENT, 'utf8')));
}
