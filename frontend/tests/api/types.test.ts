import { describe, expect, it } from 'vitest';
import { generateApiTypes } from '../../scripts/generate-api-types.mjs';

describe('the generated API types', () => {
  it('have one exported type for each schema', async () => {
    const upload = {
      type: 'object',
      required: ['id'],
      properties: { id: { type: 'string' }, size: { type: 'integer' } },
    };
    const document = {
      openapi: '3.1.0',
      info: { title: 'TinyPixo', version: '1' },
      paths: {},
      components: { schemas: { Upload: upload } },
    };
    const types = await generateApiTypes(JSON.stringify(document));
    expect(types).toContain("export type Upload = components['schemas']['Upload'];");
    expect(types).toMatch(/Upload: \{\s+id: string;\s+size\?: number;\s+\};/);
  });
});
