import { type QmpControl, QmpError } from '@tidemark/qmp';
import { describe, expect, it } from 'vitest';
import { LiveView } from '../src/repository/live/open-view.ts';

const NODE = 'drive';

/** A daemon that has these bitmaps; before a transaction somebody else removes `goes` of them. */
function daemonWith(names: readonly string[], goes: readonly string[]) {
  const there = new Set(names);
  const calls: string[] = [];
  const answers: Record<string, (args: unknown) => unknown> = {
    'x-tidemark-view-open': () => ({ id: '1', socket: '/none' }),
    'query-named-block-nodes': () => [
      { 'node-name': NODE, 'dirty-bitmaps': [...there].map((name) => ({ name })) },
    ],
    transaction: (args) => {
      for (const name of goes) there.delete(name);
      const { actions } = args as { actions: readonly { data: { name: string } }[] };
      const wanted = actions.map(({ data }) => data.name);
      const missing = wanted.find((name) => !there.has(name));
      if (missing !== undefined) {
        throw new QmpError('GenericError', `Dirty bitmap '${missing}' not found`);
      }
      for (const name of wanted) there.delete(name);
      return {};
    },
  };
  const call = async (name: string, args: unknown) => {
    calls.push(name);
    return answers[name]!(args);
  };
  return { control: { call } as unknown as QmpControl, there, calls };
}

const viewOf = (control: QmpControl) =>
  LiveView.open({ control, plans: [], differential: false, scratch: undefined });
const namesOf = (...names: readonly string[]) => names.map((name) => ({ node: NODE, name }));

describe('bitmaps that a backup of a live drive needs no more', () => {
  it('go, beside others that a killed backup takes back meanwhile', async () => {
    const { control, there } = daemonWith(['old', 'killed', 'mine'], ['killed']);
    const view = await viewOf(control);
    await view.remove(namesOf('old', 'killed', 'gone before'));
    expect([...there]).toEqual(['mine']);
  });

  it('are asked for once', async () => {
    const { control, calls } = daemonWith(['old'], []);
    const view = await viewOf(control);
    await view.remove(namesOf('old'));
    const before = calls.length;
    await view.remove(namesOf('old'));
    expect(calls.length).toBe(before);
  });
});
