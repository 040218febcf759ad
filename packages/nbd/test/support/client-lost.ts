import type { NbdDevice } from '@tidemark/nbd';
import { expect } from 'vitest';
import {
  type Offer,
  type Peer,
  ScriptedServer,
  shakeHands,
  u32s,
  u64,
} from './client-scripted-server.ts';

/** What `answering` agrees to. */
export const CONTEXTS = { 'base:allocation': 4, 'qemu:dirty-bitmap:b': 9 };

/** The read that tests make. */
export const LENGTH = 1000;
export const OFFSET = 5000;

/** Shakes hands, and lets `answer` answer one request; what comes after it is ignored. */
export function answering(
  answer: (peer: Peer, cookie: bigint) => void,
  offer: Offer = { contexts: CONTEXTS },
): Promise<ScriptedServer> {
  return ScriptedServer.start(async (peer) => {
    await shakeHands(peer, offer);
    const { cookie } = await peer.request();
    answer(peer, cookie);
    await peer.take(1_000_000);
  });
}

export const data = (offset: number, length: number, byte = 1) =>
  Buffer.concat([u64(offset), new Uint8Array(length).fill(byte)]);
export const hole = (offset: number, length: number) => Buffer.concat([u64(offset), u32s(length)]);

export async function codeAndMessage(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'nothing failed',
    (error: { code?: string; message?: string }) => `${error.code}: ${error.message}`,
  );
}

/** Starts calls and more calls after they failed: all must fail alike, and close must not. */
export async function expectLost(device: NbdDevice, first: Promise<unknown>, reason: RegExp) {
  const others = [device.flush(), device.read(new Uint8Array(9), 0), device.discard(0, 512)];
  const outcomes = await Promise.all([first, ...others].map(codeAndMessage));
  expect(outcomes[0]).toMatch(reason);
  expect(new Set(outcomes).size).toBe(1);
  const later = [device.flush(), device.read(new Uint8Array(0), 0), device.writeZeroes(0, 0)];
  expect(new Set(await Promise.all(later.map(codeAndMessage)))).toEqual(new Set(outcomes));
  await device.close();
}

/** A test case: what the server does wrong, a part of the message, and how it does it. */
export type Case = readonly [what: string, why: string, (peer: Peer, cookie: bigint) => void];
