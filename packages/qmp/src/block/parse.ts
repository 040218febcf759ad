import type { JsonObject } from '../json/json-value.ts';
import { parseArguments } from '../schema.ts';
import type { QmpBlockLayer } from '../target.ts';
import { ExportOptions } from './export-schema.ts';
import { NodeOptions, type QmpNodeOptions } from './node-schema.ts';

/** What blockdev-add takes. @throws QmpError, in QEMU's words */
export function parseNodeOptions(options: JsonObject): QmpNodeOptions {
  return parseArguments(NodeOptions, options);
}

/** What block-export-add takes. @throws QmpError, in QEMU's words */
export function parseExportOptions(options: JsonObject): Parameters<QmpBlockLayer['addExport']>[0] {
  const { type: _, iothread: __, ...rest } = parseArguments(ExportOptions, options);
  return rest;
}
