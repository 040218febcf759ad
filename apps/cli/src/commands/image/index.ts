import { buildRouteMap } from '@stricli/core';
import { check } from './check.ts';
import { repair } from './repair.ts';

export const imageRoutes = buildRouteMap({
  routes: { check, repair },
  docs: { brief: 'qcow2 images and sidecars as files: what is wrong with them, and mending it' },
});
