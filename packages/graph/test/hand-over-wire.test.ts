import { createConnection } from 'node:net';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDrive } from '@tidemark/drive';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../tools/qemu.ts';
import { parseMessage } from '../src/hand-over/messages.ts';
import { isTidemarkError } from '@tidemark/core';
import { MIB, newWorld, qcow2, type World } from './support/world.ts';

const dir = tempDir();
const image = join(dir, 'vm.qcow2');
const listening = join(dir, 'target.sock');

async function newImage(): Promise<void> {
  rmSync(image, { force: true });
  await (await createDrive(image, { format: 'qcow2', size: MIB })).device.close();
}

function keysIn(name: string, text: string): string {
  const folder = join(dir, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'keys.psk'), text);
  return folder;
}

/** What a target says to bytes, and whether it hangs up. */
async function sent(bytes: string | Uint8Array): Promise<string> {
  const socket = createConnection(listening);
  socket.on('error', () => {});
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
  socket.end(bytes);
  await once(socket, 'close');
  return answer;
}

async function expecting(world: World): Promise<void> {
  const address = { type: 'unix', path: listening } as const;
  await world.graph.handOvers.expect({ options: qcow2('vm', image), address });
}

const OFFER = {
  ...{ type: 'offer', version: 1, id: 'ab'.repeat(16), node: 'vm', format: 'qcow2', size: MIB },
  ...{ options: {}, exports: [] },
};

describe('the words of a hand-over', () => {
  it('that make no sense are refused, and the target goes on expecting', async () => {
    await newImage();
    await using world = newWorld();
    await expecting(world);
    const wrong = [
      'hello\n',
      '{}\n',
      '[]\n',
      '{"type":"take"}\n',
      `${JSON.stringify({ ...OFFER, version: 2 })}\n`,
      `${JSON.stringify({ ...OFFER, size: -1 })}\n`,
      `${JSON.stringify({ ...OFFER, id: 'x' })}\n`,
      `${JSON.stringify({ ...OFFER, more: 1 })}\n`,
      `${JSON.stringify({ ...OFFER, node: 'n'.repeat(1024) })}\n`,
      `${JSON.stringify({ ...OFFER, format: 'raw' })}\n`,
    ];
    for (const bytes of wrong) expect(await sent(bytes), bytes).toContain('"refused"');
    expect(await sent(`${JSON.stringify(OFFER)}\n`)).toContain('"ready"');
    expect(world.graph.handOvers.list()).toMatchObject([{ node: 'vm', role: 'target' }]);
    expect(world.graph.nodes.list()).toEqual([]);
  });

  it('are messages or refused, whatever comes', () => {
    const word = fc.oneof(fc.json(), fc.string(), fc.constant(JSON.stringify(OFFER)));
    fc.assert(
      fc.property(word, fc.nat(), fc.nat(127), (text, at, code) => {
        const index = at % Math.max(1, text.length);
        const line = text.slice(0, index) + String.fromCharCode(code) + text.slice(index + 1);
        try {
          expect(parseMessage(line).type).toBe('offer');
        } catch (error) {
          if (!isTidemarkError(error, 'PROTOCOL_ERROR')) throw error;
        }
      }),
      { numRuns: 500 },
    );
  });

  it('go over TCP with TLS alone, to who has the key', async () => {
    await newImage();
    await using source = newWorld();
    await using target = newWorld();
    await source.graph.addNode(qcow2('vm', image));
    const ours = keysIn('ours', `qemu:${'ab'.repeat(16)}\n`);
    const others = keysIn('others', `qemu:${'cd'.repeat(16)}\n`);
    const address = { type: 'inet', host: '127.0.0.1', port: 0 } as const;
    const options = qcow2('vm', image);
    await expect(target.graph.handOvers.expect({ options, address })).rejects.toThrow('needs TLS');
    const tls = { type: 'psk', dir: ours } as const;
    const to = await target.graph.handOvers.expect({ options, address, tls });
    const give = async (dirOfKeys: string | undefined) => {
      const keyFile = `${dirOfKeys}/keys.psk`;
      const credentials = { type: 'psk', keyFile, username: 'qemu' } as const;
      const how = dirOfKeys === undefined ? {} : { tls: credentials };
      await source.graph.handOvers.give({ node: 'vm', to, timeout: 5000, ...how });
    };
    await expect(give(undefined)).rejects.toThrow('needs TLS');
    await expect(give(others)).rejects.toMatchObject({ code: 'PERMISSION_DENIED' });
    expect(source.graph.nodes.get('vm')).toBeDefined();
    await give(ours);
    expect(target.graph.nodes.get('vm')).toBeDefined();
    expect(source.graph.nodes.list()).toEqual([]);
  });
});
