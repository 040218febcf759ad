import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import { parseConfig } from '../../src/config/document.ts';
import { checkConfig, loadConfig } from '../../src/config/load-config.ts';
import { tempDir } from '../../../../tools/qemu.ts';

const dir = tempDir();

/** What is told of a text; nothing where it is right. */
function problemsOf(text: string): readonly string[] {
  try {
    checkConfig(parseConfig(text, 'f.yaml'));
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

async function problemsOfFile(path: string): Promise<readonly string[]> {
  try {
    await loadConfig(path);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

const DRIVE = 'drives:\n  vm: { file: /vm.raw, format: raw }\n';
const NBD = 'nbd:\n  listen: { unix: /n }\n';
const ID = 'a name of at most 31 letters, digits, - . _ that begins with a letter';

describe('a configuration with a mistake', () => {
  it.each([
    [
      'syntax',
      'drives: {\n',
      'f.yaml:2:1: flow map in block collection must be sufficiently indented and end with a }',
    ],
    ['an unknown tag', 'log: !x {}\n', 'f.yaml:1:6: unresolved tag: !x'],
    [
      'a list in place of the file',
      '- drives\n',
      'f.yaml:1:1: expected a mapping of keys, found a list',
    ],
    [
      'an unknown key',
      `${DRIVE}qpm: []\n`,
      "f.yaml:3:1: qpm: this key is not known: did you mean 'qmp'?",
    ],
    [
      'an unknown key far from all',
      'log: { colour: red }\n',
      'f.yaml:1:8: log.colour: this key is not known: use level, format',
    ],
    [
      'an unknown key of a node',
      'drives:\n  vm:\n    node: { driver: file, filenam: /a, filename: /a }\n',
      "f.yaml:3:27: drives.vm.node.filenam: this key is not known: did you mean 'filename'?",
    ],
    [
      '__proto__',
      '"__proto__": {}\n',
      'f.yaml:1:1: __proto__: this key is not known: use drives, nbd, exports, qmp, log, metrics, http, repositories, imageio, csi-metadata, checkpoints',
    ],
    [
      'a wrong type',
      'drives: [a]\n',
      'f.yaml:1:9: drives: expected a mapping of names, found a list',
    ],
    [
      'nothing in place of a mapping',
      'drives:\n',
      'f.yaml:1:8: drives: expected a mapping of names, found nothing',
    ],
    [
      'a flag as QEMU has it',
      'drives:\n  vm:\n    file: /a\n    format: raw\n    read-only: on\n',
      "f.yaml:5:16: drives.vm.read-only: expected true or false, found 'on'",
    ],
    [
      'a mode without quotes',
      'nbd: { listen: { unix: /a, mode: 0660 } }\n',
      'f.yaml:1:34: nbd.listen.mode: expected octal digits in quotes, as "0660", found 660',
    ],
    [
      'a choice that there is not',
      'drives:\n  vm: { file: /a, format: qcow }\n',
      "f.yaml:2:27: drives.vm.format: expected one of raw, qcow2, found 'qcow'",
    ],
    [
      'a repository that is no place',
      'csi-metadata: { listen: { unix: /a }, repository: repo }\n',
      "f.yaml:1:51: csi-metadata.repository: expected an absolute path, or s3://BUCKET/PREFIX, found 'repo'",
    ],
    [
      'two secrets of one repository',
      'csi-metadata: { listen: { unix: /a }, repository: /r, key-file: /k, passphrase-file: /p }\n',
      'f.yaml:1:55: csi-metadata.key-file: there is a passphrase-file: leave one of them out',
    ],
    [
      'a relative path',
      'drives:\n  vm: { file: vm.raw, format: raw }\n',
      "f.yaml:2:15: drives.vm.file: expected an absolute path, found 'vm.raw'",
    ],
    [
      'a number out of range',
      'nbd: { listen: { host: "::1", port: 65536 } }\n',
      'f.yaml:1:37: nbd.listen.port: expected a whole number from 0 to 65535, found 65536',
    ],
    [
      'a size that is none',
      'drives:\n  vm: { file: /a, format: raw, tracking-bound: many }\n',
      "f.yaml:2:48: drives.vm.tracking-bound: expected a size, as 65536, 64K or 1G, found 'many'",
    ],
    [
      'a granularity that is no power of two',
      'drives:\n  vm: { file: /a, format: raw, bitmaps: { n: { granularity: 3000 } } }\n',
      'f.yaml:2:61: drives.vm.bitmaps.n.granularity: expected a power of two from 512 to 2G, found 3000',
    ],
    [
      'a missing key',
      'drives:\n  vm: { file: /a }\n',
      'f.yaml:2:7: drives.vm.format: this key is missing',
    ],
    [
      'a missing key of a node',
      'drives:\n  vm: { node: { driver: file } }\n',
      'f.yaml:2:15: drives.vm.node.filename: this key is missing',
    ],
    [
      'a name that is none',
      'drives:\n  9: { file: /a, format: raw }\n',
      `f.yaml:2:3: drives.9: expected ${ID}, found '9'`,
    ],
    [
      'a key twice',
      `${DRIVE}  vm: { file: /b, format: raw }\n`,
      "f.yaml:3:3: the key 'vm' is given twice",
    ],
    [
      'a file of two drives',
      `${DRIVE}  other: { file: /vm.raw, format: raw }\n`,
      "f.yaml:3:18: drives.other.file: drive 'vm' is this file already",
    ],
    [
      'a name of two exports',
      `${DRIVE}${NBD}exports:\n  a: { drive: vm, name: x }\n  b: { drive: vm, name: x }\n`,
      "f.yaml:7:25: exports.b.name: export 'a' has the name 'x' already",
    ],
    [
      'an unknown drive',
      `${DRIVE}${NBD}exports:\n  a: { drive: wm }\n`,
      "f.yaml:6:15: exports.a.drive: there is no drive 'wm': did you mean 'vm'?",
    ],
    [
      'an unknown node',
      'drives:\n  q: { node: { driver: qcow2, file: nowhere } }\n',
      "f.yaml:2:37: drives.q.node.file: there is no drive 'nowhere'",
    ],
    [
      'a name in a node',
      'drives:\n  q: { node: { driver: null-co, node-name: x } }\n',
      "f.yaml:2:33: drives.q.node.node-name: the drive's own key is its name",
    ],
    [
      'exports without a server',
      `${DRIVE}exports:\n  a: { drive: vm }\n`,
      'f.yaml:4:3: exports.a: there is no NBD server: add nbd',
    ],
    [
      'a writable export of a drive that is not',
      `drives:\n  vm: { file: /a, format: raw, read-only: true }\n${NBD}exports:\n  a: { drive: vm, read-only: false }\n`,
      "f.yaml:6:30: exports.a.read-only: drive 'vm' is read-only",
    ],
    [
      'a server that everybody reaches',
      'nbd: { listen: { host: 0.0.0.0, port: 1 } }\n',
      'f.yaml:1:24: nbd.listen.host: other machines reach it: add nbd.tls, or nbd.exposed: true',
    ],
    [
      'metrics that everybody reaches',
      'metrics: { listen: { host: 0.0.0.0, port: 1 } }\n',
      'f.yaml:1:28: metrics.listen.host: other machines reach it: use 127.0.0.1, ::1 or unix',
    ],
    [
      'images that everybody reaches',
      `${DRIVE}imageio: { listen: { host: '::', port: 1 }, images: {} }\n`,
      'f.yaml:3:28: imageio.listen.host: other machines reach it: add imageio.tls',
    ],
    [
      'an image that everybody could guess',
      `${DRIVE}imageio: { listen: { host: '::', port: 1 }, tls: { dir: /d }, images: { i: { drive: vm } } }\n`,
      'f.yaml:3:73: imageio.images.i: who knows this id reads the drive: make it 32 characters or more, as of uuidgen',
    ],
    [
      'an image of no drive',
      `${DRIVE}imageio: { listen: { unix: /i }, images: { i: { drive: vn } } }\n`,
      "f.yaml:3:56: imageio.images.i.drive: there is no drive 'vn': did you mean 'vm'?",
    ],
    [
      'a socket of two',
      `${NBD}qmp: [{ unix: /n }]\n`,
      'f.yaml:3:7: qmp[0]: nbd.listen listens there already',
    ],
    [
      'names of who need not prove them',
      'nbd: { listen: { unix: /a }, tls: { type: x509, dir: /d, verify-peer: false, allow: [a] } }\n',
      'f.yaml:1:85: nbd.tls.allow: a client that need not prove its name has none',
    ],
  ])('%s', (_, text, problem) => {
    expect(problemsOf(text)).toEqual([problem]);
  });

  it('is told with all others at once, and drives that lead to each other each', () => {
    const text =
      'drives:\n  a: { node: { driver: raw, file: b } }\n  b: { node: { driver: raw, file: a } }\n';
    expect(problemsOf(text)).toEqual([
      "f.yaml:2:35: drives.a.node.file: it leads back to 'a'",
      "f.yaml:3:35: drives.b.node.file: it leads back to 'b'",
    ]);
    expect(problemsOf('log: { level: loud }\nqmp: {}\n')).toHaveLength(2);
  });

  it('does not eat memory: anchors that name anchors', () => {
    const lines = ['a: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 12; i += 1) {
      lines.push(`b${i}: &a${i} [${Array.from({ length: 9 }, () => `*a${i - 1}`).join(', ')}]`);
    }
    expect(problemsOf(lines.join('\n'))).toEqual([expect.stringContaining('alias')]);
    const deep = problemsOf(`a: ${'['.repeat(100_000)}`);
    expect(deep).toHaveLength(21);
    expect(deep.at(-1)).toMatch(/^and \d+ more$/);
  });

  it('of a file that cannot be read, is too long, or that anybody may change', async () => {
    const missing = join(dir, 'missing.yaml');
    expect(await problemsOfFile(missing)).toEqual([expect.stringContaining(`${missing}: `)]);
    expect(await problemsOfFile(dir)).toHaveLength(1);
    const long = join(dir, 'long.yaml');
    writeFileSync(long, '#'.repeat(1024 * 1024 + 1));
    expect(await problemsOfFile(long)).toEqual([expect.stringContaining('longer than')]);
    const open = join(dir, 'open.yaml');
    writeFileSync(open, DRIVE);
    expect(await problemsOfFile(open)).toEqual([]);
    chmodSync(open, 0o646);
    expect(await problemsOfFile(open)).toEqual([expect.stringContaining('anybody may change')]);
  });

  it('of a key of TLS that others may read, or that is not there', async () => {
    const tls = join(dir, 'tls');
    mkdirSync(tls);
    const path = join(dir, 'tls.yaml');
    writeFileSync(path, `nbd:\n  listen: { unix: /n }\n  tls: { type: psk, dir: ${tls} }\n`);
    const at = `${path}:3:26: nbd.tls.dir: `;
    expect(await problemsOfFile(path)).toEqual([expect.stringContaining(at)]);
    writeFileSync(join(tls, 'keys.psk'), 'a:00\n', { mode: 0o600 });
    expect(await problemsOfFile(path)).toEqual([]);
    const lines = [`imageio: { listen: { unix: /i }, tls: { dir: ${tls} }, images: {} }`, ''];
    const other = join(dir, 'imageio.yaml');
    writeFileSync(other, lines.join('\n'));
    const told = `${other}:1:46: imageio.tls.dir: '${tls}/server-key.pem' does not exist`;
    expect(await problemsOfFile(other)).toEqual([told]);
    for (const mode of [0o644, 0o620, 0o602]) {
      chmodSync(join(tls, 'keys.psk'), mode);
      const told = `is mode 0${mode.toString(8)}, and holds a secret: make it 0640 or less`;
      expect(await problemsOfFile(path)).toEqual([`${at}'${tls}/keys.psk' ${told}`]);
    }
  });
});
