import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, it } from 'vitest';

const SCRIPT = fileURLToPath(new URL('./radosgw.sh', import.meta.url));
/** Where the packages of a server are, or are to be put. */
const FOLDER = process.env['RADOSGW_DIR'];

export interface S3Server {
  endpoint(): string;
}

/**
 * `describe` for tests that need an S3 server: Ceph's radosgw, started for them on a port of its own.
 * Skipped, and the reason said, where RADOSGW_DIR names no folder; with REQUIRE_S3=1 they fail instead.
 */
export function describeWithS3(name: string, port: number, body: (server: S3Server) => void): void {
  const isThere = FOLDER !== undefined && existsSync(`${FOLDER}/.unpacked`);
  const isRequired = process.env['REQUIRE_S3'] === '1';
  if (isThere || (isRequired && FOLDER !== undefined)) {
    describe(name, () => {
      beforeAll(async () => {
        await promisify(execFile)(SCRIPT, ['start', FOLDER, String(port)], { timeout: 280_000 });
        process.env['AWS_ACCESS_KEY_ID'] = 'TIDEMARK';
        process.env['AWS_SECRET_ACCESS_KEY'] = 'TIDEMARK';
      }, 300_000);
      afterAll(async () => {
        await promisify(execFile)(SCRIPT, ['stop', FOLDER]);
      });
      body({ endpoint: () => `http://127.0.0.1:${port}` });
    });
    return;
  }
  if (isRequired) {
    describe(name, () => {
      it('needs RADOSGW_DIR', () => {
        throw new Error('REQUIRE_S3=1, but RADOSGW_DIR names no folder for tools/radosgw.sh');
      });
    });
    return;
  }
  const why = 'needs radosgw: tools/radosgw.sh start FOLDER once, then RADOSGW_DIR=FOLDER';
  console.warn(`SKIPPED: ${name}: ${why}`);
  describe.skip(`${name} (skipped: ${why})`, () => body({ endpoint: () => '' }));
}
