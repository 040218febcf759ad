import { OptionReplyType } from '../../protocol/handshake.ts';

/** What a client is told instead of what it asked for; the negotiation goes on. */
export class OptionRefused extends Error {
  override readonly name = 'OptionRefused';
  readonly replyType: number;

  constructor(replyType: number, text: string) {
    super(text);
    this.replyType = replyType;
  }
}

export function invalidOption(text: string): OptionRefused {
  return new OptionRefused(OptionReplyType.INVALID, text);
}

const OPTION_NAMES = [
  '<unknown>',
  'export name',
  'abort',
  'list',
  '<unknown>',
  'starttls',
  'info',
  'go',
  'structured reply',
  'list meta context',
  'set meta context',
  'extended headers',
] as const;

/** As QEMU names it in its texts. */
export function optionName(option: number): string {
  return OPTION_NAMES[option] ?? '<unknown>';
}
