import { QmpError } from './errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from './json/json-value.ts';

export interface QmpRequest {
  readonly command: string;
  readonly arguments: JsonObject;
}

/** The id of a request, to be echoed even where nothing else of it is right. */
export function requestId(value: JsonValue): { readonly id?: JsonValue } {
  const id = isJsonObject(value) ? value['id'] : undefined;
  return id === undefined ? {} : { id };
}

/** @throws QmpError: the request is not one */
export function parseRequest(value: JsonValue): QmpRequest {
  if (!isJsonObject(value)) throw malformed('QMP input must be a JSON object');
  let command: string | undefined;
  let given: JsonObject = {};
  for (const [member, content] of Object.entries(value)) {
    if (member === 'execute') {
      if (typeof content !== 'string') {
        throw malformed("QMP input member 'execute' must be a string");
      }
      command = content;
    } else if (member === 'arguments') {
      if (!isJsonObject(content)) throw malformed("QMP input member 'arguments' must be an object");
      given = content;
    } else if (member !== 'id') {
      throw malformed(`QMP input member '${member}' is unexpected`);
    }
  }
  if (command === undefined) throw malformed("QMP input lacks member 'execute'");
  return { command, arguments: given };
}

function malformed(desc: string): QmpError {
  return new QmpError('GenericError', desc);
}
