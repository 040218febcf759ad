import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const read = (name: string) =>
  readFileSync(fileURLToPath(new URL(`../systemd/${name}`, import.meta.url)), 'utf8');

describe('systemd units', () => {
  it('let the program be heard that speaks for the daemon, and let Node make code', () => {
    const unit = read('tidemarkd.service');
    expect(unit).toMatch(/^Type=notify$/m);
    expect(unit).toMatch(/^NotifyAccess=all$/m);
    expect(unit).toMatch(/^WatchdogSec=\d+$/m);
    expect(unit).not.toMatch(/^MemoryDenyWriteExecute=/m);
  });

  it('are the same for one configuration and for many', () => {
    const [one, many] = [read('tidemarkd.service'), read('tidemarkd@.service')];
    const plain = many
      .replaceAll('/etc/tidemark/%i.yaml', '/etc/tidemark/tidemarkd.yaml')
      .replaceAll('tidemark/%i', 'tidemark')
      .replace(' (%i)', '');
    expect(plain).toBe(one);
  });
});
