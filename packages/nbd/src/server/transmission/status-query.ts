import { StatusQuery } from '../../protocol/transmission.ts';
import { readU64 } from '../../protocol/u64.ts';
import type { NbdRequest } from './request.ts';

const ID_BYTES = 4;

/**
 * A block status that says by its payload how much of the disk it is about, and which of the
 * contexts (proto.md, NBD_CMD_BLOCK_STATUS, "payload form"). `contextCount`: how many were agreed
 * on; where more are named, which is room for millions, none of them is looked at.
 */
export function readStatusQuery(request: NbdRequest, contextCount: number): NbdRequest {
  const { payload } = request;
  const ids = (payload.length - StatusQuery.size) / ID_BYTES;
  if (!Number.isInteger(ids) || ids < 1 || ids > contextCount)
    return { ...request, fault: INVALID };
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const contextIds = Array.from({ length: ids }, (_, index) =>
    view.getUint32(StatusQuery.size + index * ID_BYTES),
  );
  const hasTwice = new Set(contextIds).size < ids;
  return {
    ...request,
    length: readU64(view, StatusQuery.offsetOf.length),
    contextIds,
    ...(hasTwice && { fault: INVALID }),
  };
}

const INVALID = 'CMD_BLOCK_STATUS payload not valid';
