import { describe, expect, it } from 'vitest';
import { asked } from './asked.ts';
import { FakeTarget } from './fake-target.ts';

const NODE = {
  driver: 'qcow2',
  'node-name': 'vm',
  file: { driver: 'file', filename: '/shared/vm.qcow2' },
};

describe('hand-overs over QMP', () => {
  it('are expected at an address, and begun', async () => {
    const target = new FakeTarget('n0');
    const addr = { type: 'unix', path: '/run/vm.handover' };
    const expected = await asked(target, 'x-tidemark-handover-expect', { node: NODE, addr });
    expect(expected).toEqual({ return: { addr } });
    expect(target.expected).toEqual([{ node: NODE, address: addr }]);
    const start = { node: 'n0', to: addr, timeout: 5 };
    expect(await asked(target, 'x-tidemark-handover-start', start)).toEqual({ return: {} });
    expect(target.given).toEqual([{ node: 'n0', to: addr, timeout: 5000 }]);
    expect(await asked(target, 'x-tidemark-query-handovers', {})).toEqual({
      return: [{ node: 'n0', role: 'source', status: 'completed' }],
    });
  });

  it('take an address of the net with the ids of TLS credentials', async () => {
    const target = new FakeTarget('n0');
    const addr = { type: 'inet', host: 'b.example', port: '0' };
    const tls = { 'tls-creds': 'server', 'tls-authz': 'daemons' };
    const address = { type: 'inet', host: 'b.example', port: 0 };
    expect(await asked(target, 'x-tidemark-handover-expect', { node: NODE, addr, ...tls })).toEqual(
      { return: { addr } },
    );
    const credentials = { tlsCreds: 'server', tlsAuthz: 'daemons' };
    expect(target.expected).toEqual([{ node: NODE, address, ...credentials }]);
  });

  it.each([
    ['x-tidemark-handover-start', { node: 'n0' }, "Parameter 'to' is missing"],
    [
      'x-tidemark-handover-start',
      { node: 'n0', to: { type: 'inet', host: 'a', port: '70000' } },
      "Parameter 'port' expects a number below 65536",
    ],
    [
      'x-tidemark-handover-expect',
      { node: { ...NODE, driver: 'vmdk' }, addr: { type: 'unix', path: '/a' } },
      "Parameter 'driver' does not accept value 'vmdk'",
    ],
    ['x-tidemark-handover-resume', {}, "Parameter 'node' is missing"],
  ])('%s refuses what is wrong', async (command, args, desc) => {
    expect(await asked(new FakeTarget('n0'), command, args)).toEqual({
      error: { class: 'GenericError', desc },
    });
  });
});
