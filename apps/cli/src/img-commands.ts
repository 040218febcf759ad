/** Commands of `tidemark img`: each is a program of its own once it is built, in `dist/img`. */
export const IMG_COMMANDS = [
  'bitmap',
  'check',
  'compare',
  'convert',
  'create',
  'info',
  'map',
  'measure',
  'resize',
  'snapshot',
] as const;
