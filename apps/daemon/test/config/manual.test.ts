import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/document.ts';
import { checkConfig } from '../../src/config/load-config.ts';
import { Config } from '../../src/config/schema.ts';
import { manualOf } from '../support/config-manual.ts';

const path = fileURLToPath(new URL('../../../../docs/configuration.md', import.meta.url));
const BEGIN = '<!-- keys: as the schema has them; `vitest -u` writes them anew -->\n';
const END = '\n<!-- end of keys -->';

describe('docs/configuration.md', () => {
  it('tells of each key what the schema says', async () => {
    const text = readFileSync(path, 'utf8');
    const [begin, end] = [text.indexOf(BEGIN) + BEGIN.length, text.indexOf(END)];
    expect(text).toContain(BEGIN);
    const wanted = `${text.slice(0, begin)}\n${manualOf(Config)}\n${text.slice(end)}`;
    await expect(wanted).toMatchFileSnapshot(path);
  });

  it('has examples that are right', () => {
    const examples = readFileSync(path, 'utf8').match(/```yaml\n[^`]*```/g) ?? [];
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const yaml = example.replace('```yaml\n', '').replace('```', '');
      expect(() => checkConfig(parseConfig(yaml, 'example'))).not.toThrow();
    }
  });
});
