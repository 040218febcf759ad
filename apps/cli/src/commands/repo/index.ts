import { buildRouteMap } from '@stricli/core';
import { check } from './check.ts';
import { create } from './create.ts';
import { exportPoints } from './export.ts';
import { forget } from './forget.ts';
import { importImages } from './import.ts';
import { list } from './list.ts';
import { prune } from './prune.ts';
import { rebuildIndex } from './rebuild-index.ts';
import { show } from './show.ts';

export const repoRoutes = buildRouteMap({
  routes: {
    create,
    list,
    show,
    check,
    forget,
    prune,
    rebuildIndex,
    export: exportPoints,
    import: importImages,
  },
  docs: { brief: 'repositories, and directories of restore points' },
});
