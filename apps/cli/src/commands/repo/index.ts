import { buildRouteMap } from '@stricli/core';
import { check } from './check.ts';
import { list } from './list.ts';

export const repoRoutes = buildRouteMap({
  routes: { list, check },
  docs: { brief: 'directories of restore points' },
});
