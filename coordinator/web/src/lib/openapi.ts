// The description of the API as a page can show it: operations by resource, with what they take and answer. Pure.

export interface Schema {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  enum?: unknown[];
  oneOf?: Schema[];
  anyOf?: Schema[];
  allOf?: Schema[];
  additionalProperties?: Schema | boolean;
}
interface Content {
  schema?: Schema;
}
interface OperationSource {
  operationId?: string;
  summary?: string;
  description?: string;
  tags?: string[];
  security?: unknown[];
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema?: Schema }[];
  requestBody?: { description?: string; content?: Record<string, Content> };
  responses?: Record<string, { description?: string; content?: Record<string, Content> }>;
}
export interface Description {
  info: { title: string; version: string; description?: string };
  paths: Record<string, Record<string, OperationSource>>;
  components?: { schemas?: Record<string, Schema> };
}

/** A field of a body, as a row. */
export interface Field {
  name: string;
  type: string;
  required: boolean;
  description: string;
}
export interface Operation {
  id: string;
  method: string;
  path: string;
  summary: string;
  description: string;
  signsIn: boolean;
  parameters: (Field & { place: string })[];
  body: { type: string; fields: Field[]; description: string } | null;
  responses: { status: string; description: string; types: string[] }[];
}
export interface Resource {
  name: string;
  operations: Operation[];
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'];

export const nameOfRef = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1);

/** A type in a few words: `string`, `array of Release`, `one of a, b`. */
export function typeText(schema: Schema | undefined): string {
  if (!schema) return 'any';
  if (schema.$ref) return nameOfRef(schema.$ref);
  if (schema.enum) return `one of ${schema.enum.map(String).join(', ')}`;
  const parts = schema.oneOf ?? schema.anyOf ?? schema.allOf;
  if (parts) return [...new Set(parts.map(typeText))].join(schema.allOf ? ' and ' : ' or ');
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? 'any'];
  const nullable = types.includes('null');
  const own = types.filter((type) => type !== 'null');
  if (own.length === 0) return 'null';
  let text = own.join(' or ');
  if (own.includes('array')) text = `array of ${typeText(schema.items)}`;
  else if (own.includes('object') && typeof schema.additionalProperties === 'object') text = `object of ${typeText(schema.additionalProperties)}`;
  else if (schema.format) text += ` (${schema.format})`;
  return nullable ? `${text} or null` : text;
}

/** The fields of a schema, references followed once. */
export function fieldsOf(schema: Schema | undefined, schemas: Readonly<Record<string, Schema>>): Field[] {
  const resolved = schema?.$ref ? schemas[nameOfRef(schema.$ref)] : schema;
  const all = [resolved, ...(resolved?.allOf ?? []).map((part) => (part.$ref ? schemas[nameOfRef(part.$ref)] : part))];
  return all.flatMap((one) =>
    Object.entries(one?.properties ?? {}).map(([name, field]) => ({
      name,
      type: typeText(field),
      required: one?.required?.includes(name) ?? false,
      description: field.description ?? '',
    })),
  );
}

function operationOf(method: string, path: string, source: OperationSource, schemas: Readonly<Record<string, Schema>>): Operation {
  const [bodyType, bodyContent] = Object.entries(source.requestBody?.content ?? {})[0] ?? [];
  return {
    id: source.operationId ?? `${method}-${path}`,
    method,
    path,
    summary: source.summary ?? '',
    description: source.description ?? '',
    signsIn: (source.security?.length ?? 0) > 0,
    parameters: (source.parameters ?? []).map(({ name, in: place, required = false, description = '', schema }) => ({ name, place, required, description, type: typeText(schema) })),
    body: bodyType ? { type: bodyContent?.schema ? `${typeText(bodyContent.schema)}` : bodyType, fields: fieldsOf(bodyContent?.schema, schemas), description: source.requestBody?.description ?? '' } : null,
    responses: Object.entries(source.responses ?? {})
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([status, { description = '', content = {} }]) => ({ status, description, types: Object.entries(content).map(([kind, { schema }]) => (schema ? `${kind}: ${typeText(schema)}` : kind)) })),
  };
}

/** Operations grouped by the first word of their path, in the order of the description. */
export function resourcesOf(description: Description): Resource[] {
  const schemas = description.components?.schemas ?? {};
  const found = new Map<string, Operation[]>();
  for (const [path, item] of Object.entries(description.paths)) {
    for (const method of METHODS) {
      const source = item[method];
      if (!source) continue;
      const name = source.tags?.[0] ?? path;
      found.set(name, [...(found.get(name) ?? []), operationOf(method, path, source, schemas)]);
    }
  }
  return [...found].map(([name, operations]) => ({ name, operations })).toSorted((a, b) => a.name.localeCompare(b.name));
}

/** The same call at a command line. */
export function curlOf(operation: Operation, origin: string): string {
  const lines = [`curl '${origin}${operation.path}'`];
  if (operation.method !== 'get') lines[0] = `curl -X ${operation.method.toUpperCase()} '${origin}${operation.path}'`;
  if (operation.signsIn) lines.push(`-H 'Authorization: Bearer wi_…'`);
  for (const parameter of operation.parameters) if (parameter.place === 'header') lines.push(`-H '${parameter.name}: …'`);
  if (operation.body) lines.push(`-H 'Content-Type: application/json'`, `-d @body.json`);
  return lines.join(' \\\n  ');
}
