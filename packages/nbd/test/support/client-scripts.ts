import { InfoExport, Option, OptionReplyType } from '../../src/protocol/handshake.ts';
import type { Peer } from './client-scripted-server.ts';

/** What a server does to each client. */
export type Script = (peer: Peer) => Promise<void>;

/** An export of 512 bytes. */
export const INFO: Uint8Array = InfoExport.encode({ type: 0, size: 512n, flags: 1 });

/** Answers the option with what the test wants, and all options before it as a server does. */
export function until(wanted: number, reply: (peer: Peer, option: number) => void): Script {
  return async (peer) => {
    peer.greet();
    await peer.take(4);
    for (;;) {
      const { option } = await peer.option();
      if (option === wanted) reply(peer, option);
      else if (option === Option.EXTENDED_HEADERS)
        peer.replyToOption(option, OptionReplyType.UNSUP);
      else peer.replyToOption(option, OptionReplyType.ACK);
    }
  };
}

/** Answers GO with these replies. */
export const onGo = (
  ...replies: readonly (readonly [type: number, payload?: Uint8Array])[]
): Script =>
  until(Option.GO, (peer, option) => {
    for (const [type, payload] of replies) peer.replyToOption(option, type, payload);
  });

/** Says this and nothing more. */
export const greeting =
  (bytes: Uint8Array): Script =>
  async (peer) =>
    peer.send(bytes);
