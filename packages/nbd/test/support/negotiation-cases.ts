import { type Conversation, cutOff, options } from './conversations.ts';
import {
  COMMAND,
  infoPayload,
  metaPayload,
  OPTION,
  option,
  request,
  text,
  u16,
  u32,
} from './wire.ts';

const ALL_CONTEXTS = ['base:allocation', 'qemu:dirty-bitmap:first', 'qemu:dirty-bitmap:second'];

export const NEGOTIATIONS: Readonly<Record<string, Conversation>> = {
  'lists its exports': options([OPTION.LIST]),
  'refuses a payload where none belongs': options(
    [OPTION.LIST, Buffer.from('x')],
    [OPTION.STARTTLS, Buffer.from('xy')],
    [OPTION.STRUCTURED_REPLY, Buffer.from('x')],
    [OPTION.STRUCTURED_REPLY],
  ),
  'says goodbye on abort': options([OPTION.ABORT]),
  'has no TLS': options([OPTION.STARTTLS], [OPTION.LIST]),
  'knows no other options': options([4], [12], [99, Buffer.from('payload')], [OPTION.LIST]),
  'agrees on structured replies once': options(
    [OPTION.STRUCTURED_REPLY],
    [OPTION.STRUCTURED_REPLY],
  ),
  'tells of an export': options([OPTION.INFO, infoPayload('exp')]),
  'tells of its name and block sizes, and nothing of what it does not know': options([
    OPTION.INFO,
    infoPayload('exp', 3, 1, 77),
  ]),
  'tells of DF behind structured replies': options(
    [OPTION.STRUCTURED_REPLY],
    [OPTION.GO, infoPayload('exp')],
  ),
  'has no other export': options(
    [OPTION.GO, infoPayload('nope')],
    [OPTION.INFO, infoPayload('')],
    [OPTION.GO, infoPayload('n'.repeat(79))],
    [OPTION.GO, infoPayload('n'.repeat(80))],
    [OPTION.GO, infoPayload('n'.repeat(4096))],
    [OPTION.LIST_META_CONTEXT, metaPayload('nope')],
  ),
  'refuses lengths that do not fit together': options(
    [OPTION.GO, Buffer.alloc(2)],
    [OPTION.GO, Buffer.concat([u32(9), Buffer.from('exp')])],
    [OPTION.GO, text('exp')],
    [OPTION.GO, Buffer.concat([text('exp'), u16(2), u16(1)])],
    [OPTION.GO, Buffer.concat([infoPayload('exp'), Buffer.from('zz')])],
    [OPTION.GO, infoPayload('e'.repeat(5000))],
    [OPTION.LIST_META_CONTEXT, text('exp')],
    [OPTION.LIST_META_CONTEXT, Buffer.concat([text('exp'), u32(2), text('base:')])],
    [OPTION.LIST],
  ),
  'lists contexts by name and by wildcard': options(
    [OPTION.LIST_META_CONTEXT, metaPayload('exp')],
    [OPTION.LIST_META_CONTEXT, metaPayload('exp', 'base:')],
    [OPTION.LIST_META_CONTEXT, metaPayload('exp', 'qemu:')],
    [OPTION.LIST_META_CONTEXT, metaPayload('exp', 'qemu:dirty-bitmap:')],
    [OPTION.LIST_META_CONTEXT, metaPayload('exp', 'foo:bar', 'base:nope', 'qemu:dirty')],
    [OPTION.LIST_META_CONTEXT, metaPayload('exp', 'b'.repeat(5000), 'base:allocation')],
  ),
  'sets no contexts without structured replies': options([
    OPTION.SET_META_CONTEXT,
    metaPayload('exp', 'base:allocation'),
  ]),
  'sets contexts in its own order, each once, with its own numbers': options(
    [OPTION.STRUCTURED_REPLY],
    [OPTION.SET_META_CONTEXT, metaPayload('exp', ...ALL_CONTEXTS.toReversed(), 'base:allocation')],
    [OPTION.SET_META_CONTEXT, metaPayload('exp', 'qemu:dirty-bitmap:second')],
  ),
  'sets nothing by wildcard or by no query': options(
    [OPTION.STRUCTURED_REPLY],
    [OPTION.SET_META_CONTEXT, metaPayload('exp', 'base:', 'qemu:', 'qemu:dirty-bitmap:')],
    [OPTION.SET_META_CONTEXT, metaPayload('exp')],
  ),
  'hangs up on a wrong magic': cutOff(3, Buffer.from('IHAVEOPX'), u32(3), u32(0)),
  'hangs up on an option without end': cutOff(3, option(OPTION.LIST, Buffer.alloc(0), 2 ** 31)),
  'hangs up on an unknown flag': cutOff(7, option(OPTION.LIST)),
  'hangs up on an old client that asks for more than an export': cutOff(0, option(OPTION.LIST)),
  'hangs up where an export by name is not there': cutOff(
    3,
    option(OPTION.EXPORT_NAME, Buffer.from('nope')),
  ),
  'hangs up on a name that is too long': cutOff(
    3,
    option(OPTION.EXPORT_NAME, Buffer.alloc(4097, 'e')),
  ),
  'opens an export by name': cutOff(
    3,
    option(OPTION.EXPORT_NAME, Buffer.from('exp')),
    request({ type: COMMAND.DISC }),
  ),
  'opens an export by name for an old client': cutOff(
    0,
    option(OPTION.EXPORT_NAME, Buffer.from('exp')),
    request({ type: COMMAND.DISC }),
  ),
};
