import { join } from 'node:path';
import { connectNbd } from '@tidemark/nbd';
import { describe, expect, it } from 'vitest';
import { tempDir } from '../../../../tools/qemu.ts';
import { listenForNotices } from '../support/notify-socket.ts';
import { end, reload, ServicePlace, SIZE, startService } from '../support/service.ts';

const root = tempDir();
let places = 0;
const newPlace = () => new ServicePlace(join(root, String(places++)));
const memory = { m: { node: { driver: 'memory', size: SIZE } } };
const WATCHDOG = { WATCHDOG_USEC: '400000' };

describe('the service manager', () => {
  it.each(['a path', 'an abstract name'])('hears of each turn of a life, at %s', async (kind) => {
    const place = newPlace();
    place.write({ drives: memory });
    const name = kind === 'a path' ? place.path('notify') : `@tidemark-${process.pid}`;
    await using notices = await listenForNotices(name);
    const service = await startService(place, { NOTIFY_SOCKET: name });
    await notices.until('READY=1');
    await notices.until('STATUS=serving m; NBD on unix:');
    const from = notices.heard.length;
    await reload(service);
    await notices.until('READY=1', from);
    const reloaded = notices.heard.slice(from);
    expect(reloaded[0]).toBe('RELOADING=1');
    expect(reloaded[1]).toMatch(/^MONOTONIC_USEC=\d+$/);
    expect(await end(service)).toBe(0);
    await notices.until('STOPPING=1', from);
    expect(notices.heard.filter((line) => line === 'WATCHDOG=1')).toEqual([]);
  });

  it('hears regularly that it lives, and nothing while a drive or the program hangs', async () => {
    const [storage, place] = [newPlace(), newPlace()];
    storage.write({ drives: memory, exports: { m: { drive: 'm' } } });
    const far = await startService(storage);
    const server = { type: 'unix', path: storage.path('nbd.sock') };
    place.write({
      drives: { far: { node: { driver: 'nbd', server, export: 'm' } } },
      exports: { far: { drive: 'far' } },
    });
    const name = place.path('notify');
    await using notices = await listenForNotices(name);
    const service = await startService(place, { NOTIFY_SOCKET: name, ...WATCHDOG });
    await notices.until('WATCHDOG=1');
    const disk = await connectNbd(place.uri('far'));
    far.kill('SIGSTOP');
    const write = disk.write(new Uint8Array(512), 0);
    await service.until('have answered nothing');
    const from = notices.heard.length;
    // Health goes on being told, by which it is clear that the program itself does not hang.
    expect((await place.get('/healthz')).status).toBe(200);
    const { body } = await place.get('/metrics');
    expect(body).toContain('tidemark_node_requests_in_flight{node="far",driver="nbd"} 1');
    expect(notices.heard.slice(from)).toEqual([]);
    far.kill('SIGCONT');
    await write;
    await service.until('answer again');
    await notices.until('WATCHDOG=1', from);
    await disk.close();
    expect(await end(service)).toBe(0);
    expect(await end(far)).toBe(0);
  });

  it('may be another process, whose watchdog is none of ours, or may not be there', async () => {
    const place = newPlace();
    place.write({ drives: memory });
    const name = place.path('notify');
    await using notices = await listenForNotices(name);
    const env = { NOTIFY_SOCKET: name, ...WATCHDOG, WATCHDOG_PID: '1' };
    const service = await startService(place, env);
    await notices.until('READY=1');
    expect(await end(service)).toBe(0);
    await notices.until('STOPPING=1');
    expect(notices.heard).not.toContain('WATCHDOG=1');
    const alone = await startService(place, { NOTIFY_SOCKET: name, PATH: place.dir });
    await alone.until('the service manager is told nothing');
    expect(await end(alone)).toBe(0);
  });
});
