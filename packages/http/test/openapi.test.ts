import { Validator } from '@seriousme/openapi-schema-validator';
import { describeApi, ROUTES } from '@tidemark/http';
import { describe, expect, it } from 'vitest';

type Operation = {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, object>>;
};

const description = describeApi('1.2.3') as {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
};

describe('the description of the API', () => {
  it('is OpenAPI 3.1 to a validator of others', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(structuredClone(description));
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
    expect(validator.version).toBe('3.1');
  });

  it('has every route, with its parameters', () => {
    const told = Object.entries(description.paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { operationId, parameters }]) => {
        const segments = Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => name);
        const inPath = parameters.filter((each) => each.in === 'path').map(({ name }) => name);
        expect(inPath).toEqual(segments);
        return `${operationId}: ${method.toUpperCase()} ${path}`;
      }),
    );
    const routes = Object.entries(ROUTES).map(([id, { method, path }]) => {
      return `${id}: ${method} /api/v1${path}`;
    });
    expect(told.toSorted()).toEqual(routes.toSorted());
  });

  it('leads nowhere that is not there', () => {
    const references = JSON.stringify(description).matchAll(
      /"\$ref":"#\/components\/schemas\/(\w+)"/g,
    );
    const names = new Set(Array.from(references, ([, name]) => name!));
    expect([...names].toSorted()).toEqual(Object.keys(description.components.schemas).toSorted());
  });
});
