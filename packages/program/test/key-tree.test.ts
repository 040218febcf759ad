import { describe, expect, it } from 'vitest';
import { parseOptionTree } from '../src/index.ts';

const types = { 'read-only': 'flag', size: 'integer' } as const;
const parse = (text: string, implied?: string) =>
  parseOptionTree('--x', text, { types, ...(implied !== undefined && { implied }) });

describe('an option with keys and dots', () => {
  it.each([
    ['a=1,b.c=two', { a: '1', b: { c: 'two' } }],
    ['file.driver=file,file.filename=a,,b', { file: { driver: 'file', filename: 'a,b' } }],
    ['bitmaps.0=x,bitmaps.1.node=n,bitmaps.1.name=y', { bitmaps: ['x', { node: 'n', name: 'y' }] }],
    ['bitmaps.1=x', { bitmaps: { 1: 'x' } }],
    ['read-only=on,size=512', { 'read-only': true, size: 512 }],
    ['read-only=off,f.size=1', { 'read-only': false, f: { size: 1 } }],
    ['read-only=maybe,size=1k', { 'read-only': 'maybe', size: '1k' }],
    ['{"a": {"b": [1]}}', { a: { b: [1] } }],
    ['__proto__.x=1', JSON.parse('{"__proto__": {"x": "1"}}')],
    ['', {}],
  ])('%s', (text, tree) => {
    expect(parse(text)).toEqual(tree);
  });

  it('may begin with the value of its first key', () => {
    expect(parse('qcow2,node-name=a', 'driver')).toEqual({ driver: 'qcow2', 'node-name': 'a' });
    expect(parse('driver=qcow2', 'driver')).toEqual({ driver: 'qcow2' });
  });

  it.each([
    'a=1,a=2',
    'a=1,a.b=2',
    'a.b=2,a=1',
    'a',
    'a=1,b',
    '.a=1',
    'a..b=1',
    '{"a":',
    `${'a.'.repeat(80)}a=1`,
  ])('is refused as %s', (text) => {
    expect(() => parse(text)).toThrow(/^--x: /);
  });
});
