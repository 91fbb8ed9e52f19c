import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { DOCUMENT, generateApiTypes, TYPES } from '../../scripts/generate-api-types.mjs';

describe('the generated API types', () => {
  it('have one exported type for each schema', async () => {
    const upload = {
      title: 'UploadSchema',
      type: 'object',
      required: ['id', 'format'],
      properties: {
        id: { type: 'string' },
        format: { type: 'string', enum: ['mp3'] },
        size: { type: 'integer' },
      },
    };
    const document = {
      openapi: '3.1.0',
      info: { title: 'TinyPixo', version: '1' },
      paths: {},
      components: { schemas: { Upload: upload } },
    };
    const types = await generateApiTypes(JSON.stringify(document));
    expect(types).toContain("export type Upload = components['schemas']['Upload'];");
    expect(types).toMatch(/Upload: \{\s+id: string;/);
    expect(types).toContain("format: 'mp3';");
    expect(types).toContain('size?: number;');
  });

  it('are up to date. If not, run `make api-types`', async () => {
    const expected = await generateApiTypes(await readFile(DOCUMENT, 'utf8'));
    expect(await readFile(TYPES, 'utf8')).toBe(expected);
  });
});
