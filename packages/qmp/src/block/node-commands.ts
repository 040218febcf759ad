import * as v from 'valibot';
import { type Command, command } from '../command.ts';
import { members } from '../schema.ts';
import { NodeOptions } from './node-schema.ts';

/** Nodes that come and go. */
export const nodeCommands: Readonly<Record<string, Command>> = {
  'blockdev-add': command(NodeOptions, async ({ target }, options) => {
    await target.block.addNode(options);
    return {};
  }),
  'blockdev-del': command(members({ 'node-name': v.string() }), async ({ target }, args) => {
    await target.block.removeNode(args['node-name']);
    return {};
  }),
  'blockdev-reopen': command(
    members({ options: v.array(NodeOptions) }),
    async ({ target }, { options }) => {
      await target.block.reopenNodes(options);
      return {};
    },
  ),
};
