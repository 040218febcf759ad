import { buildRouteMap } from '@stricli/core';
import { adopt } from './adopt.ts';
import { config } from './config.ts';
import { convert } from './convert.ts';
import { create } from './create.ts';
import { lend } from './lend.ts';
import { move } from './move.ts';
import { plan } from './plan.ts';
import { resize } from './resize.ts';

export const sidecarRoutes = buildRouteMap({
  routes: { create, plan, resize, move, adopt, convert, lend, config },
  docs: { brief: 'the file that keeps the bitmaps of a raw drive' },
});
