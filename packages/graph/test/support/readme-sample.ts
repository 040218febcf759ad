import { BlockGraph } from '@tidemark/graph';

await using graph = new BlockGraph({ log: console.error });
await graph.addNode({ driver: 'memory', 'node-name': 'vm', size: 2 ** 30 });
await graph.addNode({ driver: 'memory', 'node-name': 'copy', size: 2 ** 30 });
await graph.transaction([
  { op: 'add', node: 'vm', name: 'since', persistent: false, disabled: false },
  { op: 'backup', options: { 'job-id': 'full', device: 'vm', target: 'copy', sync: 'full' } },
]); // one instant: 'since' records what the copy has not got
