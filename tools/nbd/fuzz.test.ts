import { expect, it } from 'vitest';
import { tempDir } from '../qemu.ts';
import { fuzzNbd } from './fuzz-cases.ts';
import { judgeReplies } from './judge-replies.ts';

const CASES = Number(process.env['NBD_CASES'] ?? 160);
const seed = Number(process.env['NBD_SEED'] ?? Date.now() % 2 ** 31);
const folder = tempDir();

it(`finds nothing in ${CASES} cases of both sides (NBD_SEED=${seed})`, async () => {
  expect(await fuzzNbd({ cases: CASES, seed, folder })).toEqual([]);
});

it('would find answers that the protocol does not have', () => {
  const greeting = Buffer.from('NBDMAGICIHAVEOPT\0\x03', 'latin1');
  const judge = (hex: string) => {
    const sent = Buffer.from('0102030405060708', 'hex');
    const received = Buffer.concat([greeting, Buffer.from(hex.replaceAll(' ', ''), 'hex')]);
    return judgeReplies(sent, received, { isDamaged: false });
  };
  const agreed =
    '0003e889045565a9 00000008 00000001 00000000 0003e889045565a9 00000007 00000001 00000000';
  expect(judge(agreed)).toBeUndefined();
  expect(judge(`${agreed} 668e33ef 0001 0000 0102030405060708 00000000`)).toBeUndefined();
  for (const wrong of [
    '668e33ef 0001 0000 0102030405060708 00000001 00',
    '668e33ef 0000 0000 0102030405060708 00000000',
    '668e33ef 0001 0000 0102030405060709 00000000',
    '668e33ef 0001 0006 0102030405060708 00000000',
    '668e33ef 0001 8001 0102030405060708 00000006 000000630000',
    '668e33ef 0001 0005 0102030405060708 0000000c 00000000 00000000 00000000',
    '6e8a278c 0001 0000 0102030405060708 00000000',
    '668e33ef 0001 0000 01020304',
  ]) {
    expect(judge(`${agreed} ${wrong}`)).toBeTypeOf('string');
  }
  expect(judge('0003e889045565a9 00000008 00000009 00000000')).toBeTypeOf('string');
});
