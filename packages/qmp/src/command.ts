import type * as v from 'valibot';
import type { JsonObject, JsonValue } from './json/json-value.ts';
import { parseArguments } from './schema.ts';
import type { QmpTarget } from './target.ts';
import type { QmpVersion } from './version.ts';

export interface CommandContext {
  readonly target: QmpTarget;
  readonly version: QmpVersion;
  /** Who asks: one connection. */
  readonly client: object;
}

/** Runs with the arguments as they came. @throws QmpError, TidemarkError: nothing was changed */
export type Command = (context: CommandContext, given: JsonObject) => Promise<JsonValue>;

/** A command whose arguments are checked before it runs. */
export function command<T extends v.GenericSchema>(
  schema: T,
  run: (context: CommandContext, args: v.InferOutput<T>) => JsonValue | Promise<JsonValue>,
): Command {
  return async (context, given) => run(context, parseArguments(schema, given));
}
