import { buildRouteMap } from '@stricli/core';
import { add } from './add.ts';
import { clear } from './clear.ts';
import { disable } from './disable.ts';
import { dump } from './dump.ts';
import { enable } from './enable.ts';
import { exportCommand } from './export.ts';
import { importCommand } from './import.ts';
import { list } from './list.ts';
import { merge } from './merge.ts';
import { prune } from './prune.ts';
import { remove } from './remove.ts';
import { show } from './show.ts';

export const bitmapRoutes = buildRouteMap({
  routes: {
    add,
    remove,
    list,
    clear,
    enable,
    disable,
    merge,
    dump,
    show,
    prune,
    export: exportCommand,
    import: importCommand,
  },
  docs: { brief: "one drive's bitmaps" },
});
