import { execFileSync } from 'node:child_process';
import { describe } from 'vitest';
import { run } from './qemu.ts';

/** Debian's, which has python3-grpcio: another Python may be first in PATH. */
const PYTHON = '/usr/bin/python3';
const PACKAGE = new URL('../packages/csi-metadata/', import.meta.url).pathname;
const WANTED = 'python3-grpcio, protobuf-compiler, libprotobuf-dev';

/** What gRPC's own Python was told. */
export interface PythonAnswer {
  readonly code: string;
  /** Of the volume, as each message has it. */
  readonly sizes: readonly number[];
  /** Offset and length of each. */
  readonly ranges: readonly (readonly [number, number])[];
}

function isInstalled(): boolean {
  try {
    execFileSync(PYTHON, ['-c', 'import grpc, google.protobuf'], { stdio: 'ignore' });
    execFileSync('protoc', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** `describe` for tests that need gRPC's own Python; skipped aloud without, failing with REQUIRE_QEMU=1. */
export function describeWithPythonGrpc(name: string, body: () => void): void {
  if (isInstalled() || process.env['REQUIRE_QEMU'] === '1') describe(name, body);
  else {
    console.warn(`SKIPPED: ${name}: needs ${WANTED}`);
    describe.skip(`${name} (skipped: needs ${WANTED})`, body);
  }
}

/** Asks CSI's SnapshotMetadata on a socket, by the .proto that the package ships. */
export async function askCsi(
  socket: string,
  method: 'GetMetadataAllocated' | 'GetMetadataDelta',
  request: object,
): Promise<PythonAnswer> {
  const script = `${PACKAGE}test/support/python-client.py`;
  const proto = `${PACKAGE}proto/csi-snapshot-metadata.proto`;
  const printed = await run(PYTHON, script, socket, proto, method, JSON.stringify(request));
  return JSON.parse(printed) as PythonAnswer;
}
