export const socketPositional = {
  brief: "path of the daemon's QMP socket",
  placeholder: 'SOCKET',
  parse: String,
} as const;

export const nodePositional = {
  brief: 'name of the drive: the id of a -drive, or the node-name of a --blockdev',
  placeholder: 'NODE',
  parse: String,
} as const;
