import { buildRouteMap } from '@stricli/core';
import { add } from './add.ts';
import { bitmaps } from './bitmaps.ts';
import { clear, disable, enable, remove } from './change.ts';
import { drives } from './drives.ts';
import { addExport, removeExport } from './export.ts';
import { exports } from './exports.ts';
import { handover } from './handover.ts';
import { jobs } from './jobs.ts';
import { snapshot } from './snapshot.ts';

export const ctlRoutes = buildRouteMap({
  routes: {
    drives,
    bitmaps,
    exports,
    jobs,
    add,
    remove,
    clear,
    enable,
    disable,
    snapshot,
    export: addExport,
    unexport: removeExport,
    handover,
  },
  docs: { brief: 'a running daemon: its drives, bitmaps, exports and jobs' },
});
