import { describe, expect, it } from 'vitest';
import { curlOf, fieldsOf, resourcesOf, typeText, type Description } from './openapi';

const description: Description = {
  info: { title: 'x', version: '1' },
  paths: {
    '/api/v1/things': {
      get: { operationId: 'get-things', summary: 'All.', tags: ['things'], security: [{}], responses: { 401: {}, 200: { description: 'OK', content: { 'application/json': { schema: { $ref: '#/components/schemas/Things' } } } } } },
      post: { operationId: 'post-things', tags: ['things'], parameters: [{ name: 'Idempotency-Key', in: 'header', required: true, schema: { type: 'string' } }], requestBody: { content: { 'application/json': { schema: { $ref: '#/components/schemas/Thing' } } } }, responses: { 201: {} } },
    },
    '/health': { get: { operationId: 'get-health', tags: ['health'], responses: {} } },
  },
  components: { schemas: { Thing: { type: 'object', required: ['id'], properties: { id: { type: 'string', description: 'its name' }, size: { type: ['integer', 'null'], format: 'int64' } } } } },
};

describe('the description of the API', () => {
  it('says types in words', () => {
    expect(typeText({ type: 'array', items: { $ref: '#/components/schemas/Thing' } })).toBe('array of Thing');
    expect(typeText({ type: ['integer', 'null'], format: 'int64' })).toBe('integer (int64) or null');
    expect(typeText({ oneOf: [{ type: 'null' }, { $ref: '#/x/Thing' }] })).toBe('null or Thing');
    expect(typeText({ enum: ['a', 'b'] })).toBe('one of a, b');
  });
  it('groups operations by resource and follows references to fields', () => {
    const resources = resourcesOf(description);
    expect(resources.map((one) => one.name)).toEqual(['health', 'things']);
    const [get, post] = resources[1]?.operations ?? [];
    expect(get?.signsIn).toBe(true);
    expect(get?.responses.map((one) => one.status)).toEqual(['200', '401']);
    expect(post?.body?.fields.map((field) => [field.name, field.required])).toEqual([['id', true], ['size', false]]);
    expect(fieldsOf(undefined, {})).toEqual([]);
  });
  it('writes a call that names token, key and body where the operation takes them', () => {
    const [get, post] = resourcesOf(description)[1]?.operations ?? [];
    expect(get && curlOf(get, 'https://x')).toContain('Authorization: Bearer');
    expect(post && curlOf(post, 'https://x')).toMatch(/curl -X POST.*\n.*Idempotency-Key.*\n.*Content-Type.*\n.*body\.json/);
  });
});
